#!/bin/sh
# The expressions of the CEL vectors as a corpus to begin with. Without the vectors the fuzzer begins with nothing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
vectors=${PLIMSOLL_SHARED:-$here/../../shared}/vectors/cel/dev
[ -d "$vectors" ] || { echo "SKIPPED: no vectors at $vectors" >&2; exit 0; }
python3 - "$vectors" "$here/corpus/cel" <<'EOF'
import hashlib, json, pathlib, sys
for file in pathlib.Path(sys.argv[1]).glob("*.jsonl"):
    for line in file.open():
        text = json.loads(line).get("expr", "").encode()
        if text and len(text) < 2000:
            (pathlib.Path(sys.argv[2]) / hashlib.sha1(text).hexdigest()).write_bytes(text)
EOF
