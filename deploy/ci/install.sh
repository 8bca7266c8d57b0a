#!/bin/sh
# Installs a released plimsoll: the archive for this system, after its checksum has been compared.
#
#   install.sh --repository OWNER/plimsoll [--version v0.1.0] [--to DIR]
#
# The newest release is taken where no version is named. Needs curl or wget, tar, and sha256sum or shasum: what GitHub's and
# GitLab's machines, Alpine and Debian have. `--from URL` takes another place than github.com, with the same folders below.
set -eu

fail() {
    echo "error: $*" >&2
    exit 2
}

repository="" version=latest to=/usr/local/bin from=""
while [ $# -gt 0 ]; do
    [ $# -gt 1 ] || fail "$1: expected a value behind it"
    case $1 in
        --repository) repository=$2 ;;
        --version) version=${2:-latest} ;;
        --to) to=$2 ;;
        --from) from=$2 ;;
        *) fail "unknown flag $1: expected --repository, --version, --to or --from" ;;
    esac
    shift 2
done
[ -n "$from" ] || { [ -n "$repository" ] && from=https://github.com/$repository/releases; } ||
    fail "expected --repository OWNER/plimsoll"

# GitHub says what the machine is; elsewhere the system does
case "${RUNNER_OS:-$(uname -s)}-${RUNNER_ARCH:-$(uname -m)}" in
    Linux-X64 | Linux-x86_64) target=x86_64-unknown-linux-musl ;;
    Linux-ARM64 | Linux-aarch64) target=aarch64-unknown-linux-musl ;;
    macOS-X64 | Darwin-x86_64) target=x86_64-apple-darwin ;;
    macOS-ARM64 | Darwin-arm64) target=aarch64-apple-darwin ;;
    Windows-X64 | MINGW*-x86_64 | MSYS*-x86_64) target=x86_64-pc-windows-msvc ;;
    *) fail "no release for ${RUNNER_OS:-$(uname -s)} on ${RUNNER_ARCH:-$(uname -m)}: build it with \`cargo install --path .\`" ;;
esac

case $version in
    latest) place=$from/latest/download ;;
    v*) place=$from/download/$version ;;
    *) place=$from/download/v$version ;;
esac

fetch() { # URL FILE
    if command -v curl >/dev/null; then
        curl --fail --silent --show-error --location --retry 3 --output "$2" "$1"
    else
        wget -q -O "$2" "$1"
    fi || fail "$1 cannot be fetched"
}

sum() {
    if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d' ' -f1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fetch "$place/SHA256SUMS" "$work/SHA256SUMS"
# "SUM  NAME", or "SUM *NAME" where Windows made it
line=$(grep -e "[ *]plimsoll-[^ ]*-$target\.tar\.gz\$" "$work/SHA256SUMS") || fail "$place has no archive for $target"
expected=${line%% *}
archive=${line##*[ *]}
fetch "$place/$archive" "$work/$archive"
found=$(sum "$work/$archive")
[ "$found" = "$expected" ] || fail "$archive: expected the checksum $expected, found $found"
tar -xzf "$work/$archive" -C "$work"
mkdir -p "$to"
for binary in "$work/${archive%.tar.gz}"/plimsoll*; do
    case $binary in */plimsoll | */plimsoll.exe) cp "$binary" "$to/" ;; esac
done
"$to/plimsoll" version
