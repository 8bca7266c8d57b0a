#!/usr/bin/env bash
# What people install: an archive, on Linux a .deb, a list of all that is in the binary (SBOM), and their checksums.
#
#   packaging/package.sh [--target TRIPLE] [--out DIR] [--sbom required]
#
# Without a target: the musl one of this machine where it is installed with a linker (musl-gcc), else the GNU one linked
# statically; either way one file that runs on any Linux. PLIMSOLL_BINARY=FILE packs that file and builds nothing.
# The same commit gives the same archive, byte for byte, where tar is GNU's.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    echo "error: $*" >&2
    exit 2
}

target="" out=target/package sbom=optional
while [ $# -gt 0 ]; do
    [ $# -gt 1 ] || fail "$1: expected a value behind it"
    case $1 in
        --target) target=$2 ;;
        --out) out=$2 ;;
        --sbom) sbom=$2 ;;
        *) fail "unknown flag $1: expected --target, --out or --sbom" ;;
    esac
    shift 2
done

host=$(rustc -vV | sed -n 's/^host: //p')
if [ -z "$target" ]; then
    target=$host
    musl=${host/-gnu/-musl}
    if [ "$musl" != "$host" ] && command -v musl-gcc >/dev/null &&
        [ -d "$(rustc --print sysroot)/lib/rustlib/$musl" ]; then
        target=$musl
    fi
fi
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n1)
exe=""
case $target in *windows*) exe=.exe ;; esac

binary=${PLIMSOLL_BINARY:-}
if [ -z "$binary" ]; then
    # no library of the system: musl's default, and on GNU and Windows what this asks for; macOS has no such thing
    case $target in *-gnu | *-msvc) export RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static" ;; esac
    cargo build --locked --profile dist --bin plimsoll --target "$target"
    binary=target/$target/dist/plimsoll$exe
fi
[ -f "$binary" ] || fail "$binary: no such file"

mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
name=plimsoll-$version-$target
root=$work/$name
mkdir -p "$root/completions" "$root/man/man1"
cp "$binary" "$root/plimsoll$exe"
chmod 755 "$root/plimsoll$exe"
cp LICENSE README.md CHANGELOG.md "$root/"
run=$root/plimsoll$exe
"$run" completions bash >"$root/completions/plimsoll.bash"
"$run" completions zsh >"$root/completions/_plimsoll"
"$run" completions fish >"$root/completions/plimsoll.fish"
"$run" completions powershell >"$root/completions/_plimsoll.ps1"
"$run" completions elvish >"$root/completions/plimsoll.elv"
"$run" man "$root/man/man1"

# of the commit, so that a file does not tell when it was packed
level=${PLIMSOLL_COMPRESSION:-9}
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
if tar --version 2>/dev/null | grep -q GNU; then
    tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$epoch" -C "$work" -cf - "$name" | gzip "-${level}n" >"$out/$name.tar.gz"
else
    tar -C "$work" -czf "$out/$name.tar.gz" "$name"
fi

deb() {
    local arch root_of_deb=$work/deb share
    case $target in
        x86_64-*) arch=amd64 ;;
        aarch64-*) arch=arm64 ;;
        *) fail "no name in Debian for $target" ;;
    esac
    share=$root_of_deb/usr/share
    mkdir -p "$root_of_deb/DEBIAN" "$root_of_deb/usr/bin" "$share/man/man1" "$share/doc/plimsoll"
    mkdir -p "$share/bash-completion/completions" "$share/zsh/vendor-completions" "$share/fish/vendor_completions.d"
    cp "$root/plimsoll" "$root_of_deb/usr/bin/"
    cp "$root/completions/plimsoll.bash" "$share/bash-completion/completions/plimsoll"
    cp "$root/completions/_plimsoll" "$share/zsh/vendor-completions/"
    cp "$root/completions/plimsoll.fish" "$share/fish/vendor_completions.d/"
    for page in "$root"/man/man1/*.1; do gzip -9nc "$page" >"$share/man/man1/${page##*/}.gz"; done
    cp LICENSE "$share/doc/plimsoll/copyright"
    gzip -9nc CHANGELOG.md >"$share/doc/plimsoll/changelog.gz"
    find "$root_of_deb" -type d -exec chmod 755 {} +
    find "$share" -type f -exec chmod 644 {} +
    cat >"$root_of_deb/DEBIAN/control" <<CONTROL
Package: plimsoll
Version: $version
Architecture: $arch
Maintainer: The Plimsoll maintainers
Installed-Size: $(du -sk "$root_of_deb/usr" | cut -f1)
Section: admin
Priority: optional
Description: checks Kubernetes manifests against policies
 An offline linter, a gate for CI and an admission webhook on one engine.
CONTROL
    SOURCE_DATE_EPOCH=$epoch dpkg-deb --root-owner-group -Zxz "-z$level" --build "$root_of_deb" "$out/plimsoll_${version}_$arch.deb" >/dev/null
}
case $target in
    *linux*) if command -v dpkg-deb >/dev/null; then deb; else echo "note: no dpkg-deb, so no .deb" >&2; fi ;;
esac

if cargo cyclonedx --version >/dev/null 2>&1; then
    SOURCE_DATE_EPOCH=$epoch cargo cyclonedx --quiet --format json --spec-version 1.5 --target "$target" --override-filename "$name.cdx"
    # the folder of this machine is nobody's business
    sed "s#file://$PWD#file:///plimsoll#g" "$name.cdx.json" >"$out/$name.cdx.json"
    # one for each crate of the workspace; the program's names them all
    rm "$name.cdx.json" crates/*/"$name.cdx.json"
elif [ "$sbom" = required ]; then
    fail "no SBOM: \`cargo install --locked cargo-cyclonedx\` first"
else
    echo "note: no SBOM: cargo-cyclonedx is not installed" >&2
fi

packaging/checksums.sh "$out"
ls -l "$out"
