#!/usr/bin/env python3
"""Writes what kubeconform needs to judge built-in kinds without the network, for `cargo bench --bench lint -- beside`.

    tools/schemas/kubeconform.py [--release 36] FOLDER
    kubeconform -schema-location 'FOLDER/{{.ResourceKind}}{{.KindSuffix}}.json' …

One JSON schema for each kind, whole in itself as those that kubeconform fetches: made of the definitions in PyPI's
kubernetes-validate 1.37.0, each reference in its place, and nothing where one goes round in a circle.
"""

import argparse
import json
import sys
import zipfile
from pathlib import Path

from generate import ROOT, WHEEL


def whole(schema, definitions, inside=()):
    """A schema without references."""
    if isinstance(schema, list):
        return [whole(item, definitions, inside) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(schema.get("$ref"), str):
        name = schema["$ref"].rpartition("/")[2]
        return {} if name in inside else whole(definitions[name], definitions, (*inside, name))
    return {key: whole(value, definitions, inside) for key, value in schema.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--release", type=int, default=36)
    parser.add_argument("--wheel", type=Path, default=ROOT / "target/api" / WHEEL)
    arguments = parser.parse_args()
    if not arguments.wheel.exists():
        sys.exit(f"{arguments.wheel} is missing: `just schemas` fetches it")
    name = f"kubernetes_validate/kubernetes-json-schema/v1.{arguments.release}.0-local/_definitions.json"
    definitions = json.loads(zipfile.ZipFile(arguments.wheel).read(name))["$defs"]
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for schema in definitions.values():
        for kind in schema.get("x-kubernetes-group-version-kind", []):
            # kubeconform names a group by what stands before its first dot
            group = f"{kind['group'].partition('.')[0]}-" if kind["group"] else ""
            path = arguments.folder / f"{kind['kind']}-{group}{kind['version']}.json".lower()
            path.write_text(json.dumps(whole(schema, definitions)))


if __name__ == "__main__":
    main()
