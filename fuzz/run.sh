#!/bin/sh
# fuzz/run.sh SECONDS TARGET…: each target for so long, one after the other; ends at the first that finds something.
# cargo-fuzz wants a nightly's flags, which a stable compiler takes with RUSTC_BOOTSTRAP. Without a sanitizer: unsafe code is
# forbidden in the crate, and panics, time and memory are seen without one, four times as fast.
set -eu
cd "$(dirname "$0")/.."
seconds=$1
shift
fuzz/seed.sh
for target; do
    options="-timeout=60 -rss_limit_mb=2048 -max_len=4096"
    case $target in
    cel) options="-timeout=180 -rss_limit_mb=3000 -max_len=600 -dict=fuzz/cel.dict" ;;
    image) options="-timeout=10 -rss_limit_mb=512 -max_len=400" ;;
    esac
    echo "=== $target for $seconds s"
    # shellcheck disable=SC2086 # words are meant
    RUSTC_BOOTSTRAP=1 cargo fuzz run -s none "$target" -- "-max_total_time=$seconds" $options
done
