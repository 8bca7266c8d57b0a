#!/usr/bin/env bash
# What krew and Homebrew install from, made of the checksums of a release:
#
#   packaging/manifests.sh DIR OWNER/plimsoll
#
# DIR holds SHA256SUMS of all archives; plimsoll.yaml (krew) and plimsoll.rb (Homebrew) are written into it.
set -euo pipefail

fail() {
    echo "error: $*" >&2
    exit 2
}

[ $# = 2 ] || fail "expected a folder and OWNER/plimsoll"
folder=$1 repository=$2
sums=$folder/SHA256SUMS
[ -f "$sums" ] || fail "$sums: no such file"
version=$(sed -n 's/.*[ *]plimsoll-\([0-9][^ ]*\)-x86_64-unknown-linux-musl\.tar\.gz$/\1/p' "$sums")
[ -n "$version" ] || fail "$sums has no archive for x86_64-unknown-linux-musl"
place=https://github.com/$repository/releases/download/v$version

sum_of() { # TARGET
    local line
    line=$(grep -e "[ *]plimsoll-$version-$1\.tar\.gz\$" "$sums") || fail "$sums has no archive for $1"
    echo "${line%% *}"
}
url_of() { echo "$place/plimsoll-$version-$1.tar.gz"; }

platform() { # OS ARCH TARGET [EXE]
    # in a $( ) of a here-document a failure would go unseen
    local sum
    sum=$(sum_of "$3")
    cat <<PLATFORM
    - selector:
        matchLabels: {os: $1, arch: $2}
      uri: $(url_of "$3")
      sha256: $sum
      bin: plimsoll${4:-}
      files:
        - {from: "*/plimsoll${4:-}", to: .}
        - {from: "*/LICENSE", to: .}
PLATFORM
}

krew() {
    cat <<HEAD
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: plimsoll
spec:
  version: v$version
  homepage: https://github.com/$repository
  shortDescription: Check manifests against policies
  description: |
    Checks Kubernetes manifests against policies, offline and in CI, with the engine
    that also runs as an admission webhook: \`kubectl plimsoll lint deploy/\`.
  platforms:
HEAD
    platform linux amd64 x86_64-unknown-linux-musl
    platform linux arm64 aarch64-unknown-linux-musl
    platform darwin amd64 x86_64-apple-darwin
    platform darwin arm64 aarch64-apple-darwin
    platform windows amd64 x86_64-pc-windows-msvc .exe
}

formula_of() { # OS CPU TARGET
    local sum
    sum=$(sum_of "$3")
    cat <<PLACE
  on_$1 do
    on_$2 do
      url "$(url_of "$3")"
      sha256 "$sum"
    end
  end
PLACE
}

homebrew() {
    cat <<HEAD
class Plimsoll < Formula
  desc "Check Kubernetes manifests against policies"
  homepage "https://github.com/$repository"
  version "$version"
  license "Apache-2.0"

HEAD
    formula_of macos arm aarch64-apple-darwin
    formula_of macos intel x86_64-apple-darwin
    formula_of linux arm aarch64-unknown-linux-musl
    formula_of linux intel x86_64-unknown-linux-musl
    cat <<'REST'

  def install
    bin.install "plimsoll"
    man1.install Dir["man/man1/*.1"]
    bash_completion.install "completions/plimsoll.bash" => "plimsoll"
    zsh_completion.install "completions/_plimsoll"
    fish_completion.install "completions/plimsoll.fish"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/plimsoll version")
  end
end
REST
}

# written whole or not at all; behind `&&` or `||` the shell would go on after a failure
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
krew >"$work/plimsoll.yaml"
homebrew >"$work/plimsoll.rb"
mv "$work/plimsoll.yaml" "$work/plimsoll.rb" "$folder/"
