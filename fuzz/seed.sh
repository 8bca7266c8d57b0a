#!/bin/sh
# A corpus to begin with: the examples and policies of the project, and the vectors and cases beside it where they are.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
for target in cel image policy review yaml; do mkdir -p "$here/corpus/$target"; done
python3 - "${PLIMSOLL_SHARED:-$here/../../shared}" "$here" <<'EOF2'
import hashlib, json, pathlib, re, sys

shared, here = map(pathlib.Path, sys.argv[1:])


def seed(target, text, most):
    if text and len(text) < most:
        (here / "corpus" / target / hashlib.sha1(text).hexdigest()).write_bytes(text)


def files(folder, *globs):
    return (file for glob in globs for file in sorted(folder.rglob(glob)) if file.is_file())


for file in files(shared / "vectors/cel/dev", "*.jsonl"):
    for line in file.open():
        seed("cel", json.loads(line).get("expr", "").encode(), 2_000)
for folder in (here.parent / "examples", shared / "field/lint"):
    for file in files(folder, "*.yaml", "*.yml", "*.json"):
        text = file.read_bytes()
        seed("yaml", text, 4_000)
        for image in re.findall(rb"image: *([^\s\"',}]+)", text):
            seed("image", image, 400)
for folder in (here.parent / "policies", shared / "field/review"):
    for file in files(folder, "*.yaml"):
        for document in re.split(rb"^---\n", file.read_bytes(), flags=re.M):
            if b"ManifestPolicy" in document:
                seed("policy", document, 4_000)
for folder in (shared / "field/review", shared / "vectors/admission/requests"):
    for file in files(folder, "*.json"):
        text = file.read_bytes()
        if b"AdmissionReview" in text:
            seed("review", text, 4_000)
pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
request = {"uid": "u", "kind": {"group": "", "version": "v1", "kind": "Pod"}, "operation": "CREATE", "object": pod,
           "resource": {"group": "", "version": "v1", "resource": "pods"}, "name": "a", "namespace": "b"}
for change in ({}, {"operation": "UPDATE", "oldObject": pod}, {"operation": "DELETE", "object": None, "oldObject": pod}):
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request | change}
    seed("review", json.dumps(review).encode(), 4_000)
EOF2
