#!/usr/bin/env bash
# SHA256SUMS of all files in a folder, in the order of their names: `sha256sum --check SHA256SUMS` compares them.
set -euo pipefail
cd "$1"
rm -f SHA256SUMS
# where the shell has no such program, macOS has the other
if command -v sha256sum >/dev/null; then sum=(sha256sum); else sum=(shasum -a 256); fi
files=()
for file in *; do [ ! -f "$file" ] || files+=("$file"); done
LC_ALL=C
export LC_ALL
printf '%s\n' "${files[@]}" | sort | while IFS= read -r file; do "${sum[@]}" "$file"; done >SHA256SUMS.new
mv SHA256SUMS.new SHA256SUMS
