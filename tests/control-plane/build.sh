#!/usr/bin/env bash
# Builds the control plane and prints the path of the binary; nothing is built
# when the same sources have been built before.
#
#   build.sh            build when needed (minutes from cold: it is Kubernetes)
#   build.sh --cached   print the path only when it is there already; else exit 1
#
# The binary goes to $PLIMSOLL_CONTROL_PLANE_CACHE, or target/control-plane of
# the project. GOFLAGS, GOPROXY, GOCACHE and the like mean what Go says.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${PLIMSOLL_CONTROL_PLANE_CACHE:-$here/../../target/control-plane}
kubernetes=$(awk '$1 == "k8s.io/kubernetes" { print $2 }' "$here/go.mod")

key=$(cd "$here" && cat go.mod go.sum ./*.go build.sh | sha256sum | cut -c1-16)
binary=$cache/control-plane-$kubernetes-$key

case ${1:-} in
--cached)
    [ -x "$binary" ] || exit 1
    realpath "$binary"
    exit
    ;;
"") ;;
*)
    sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9 # two test runs at once build once
if [ ! -x "$binary" ]; then
    command -v go >/dev/null || {
        echo "build.sh: the control plane is built with Go $(awk '$1 == "go" { print $2 }' "$here/go.mod") or newer, and there is no 'go' on the PATH" >&2
        exit 1
    }
    major=${kubernetes#v} minor=${kubernetes#v*.}
    echo "building the control plane ($kubernetes), minutes when Go's cache is cold" >&2
    (cd "$here" && CGO_ENABLED=0 go build -trimpath -o "$binary.part" \
        -ldflags "-s -w \
            -X k8s.io/component-base/version.gitVersion=$kubernetes \
            -X k8s.io/component-base/version.gitMajor=${major%%.*} \
            -X k8s.io/component-base/version.gitMinor=${minor%%.*} \
            -X k8s.io/client-go/pkg/version.gitVersion=$kubernetes" . >&2)
    mv "$binary.part" "$binary"
    # what other sources gave is of no use any more, and large
    find "$cache" -maxdepth 1 -name 'control-plane-v*' ! -name "$(basename "$binary")" -delete
fi
realpath "$binary"
