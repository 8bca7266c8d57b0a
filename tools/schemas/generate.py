#!/usr/bin/env python3
"""Writes the schemas of the built-in kinds, crates/objects/src/schema/definitions.txt (`just schemas`), from

- PyPI's kubernetes-validate 1.37.0: OpenAPI definitions of each release (which fields there are, since when);
- ./structs: how Go sees the types of 1.36 (what a message calls them, embedded structs, omitempty);
- fields-1.36.json of a live server (../shared): enums, defaults, what is deprecated; and as a cross-check;
- tools/api/generate.py: resource and scope of each kind.

--check writes nothing and fails where the file is behind; 3 where a source is missing.
"""

import argparse
import importlib.util
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OUT = ROOT / "crates/objects/src/schema/definitions.txt"
WHEEL = "kubernetes_validate-1.37.0-py3-none-any.whl"
FIRST, GO, LAST = 30, 36, 37
EVERYWHERE = {"DeleteOptions", "WatchEvent", "Status", "APIGroup", "APIGroupList", "APIResourceList", "APIVersions"}
SPECIAL = {
    "meta/v1.Time": "time",
    "meta/v1.MicroTime": "microtime",
    "meta/v1.Duration": "duration",
    "meta/v1.FieldsV1": "raw",
    "meta/v1.Patch": "raw",
    "pkg/runtime.RawExtension": "raw",
    "api/resource.Quantity": "quantity",
    "util/intstr.IntOrString": "intstr",
    "apiextensions/v1.JSON": "raw",
    "apiextensions/v1.JSONSchemaPropsOrBool": "schemaorbool",
    "apiextensions/v1.JSONSchemaPropsOrArray": "schemaorlist",
    "apiextensions/v1.JSONSchemaPropsOrStringArray": "schemaorstrings",
}


class Missing(Exception):
    """A source that is not there."""


def short(name):
    *_, group, version, kind = name.split(".")
    return f"{group}/{version}.{kind}"


def short_go(name):
    package, _, kind = name.rpartition(".")
    *_, group, version = package.split("/")
    return f"{group}/{version}.{kind}"


def read_structs(text):
    """Definition → (Go's name, {field: (embedded, flags, type)})."""
    structs, fields = {}, None
    reference = re.compile(r"k8s\.io/[\w./-]+\.\w+")
    for line in text.splitlines():
        if line.startswith("= "):
            _, name, go = line.split(" ")
            fields = {}
            structs[short_go(name)] = (go, fields)
        else:
            name, embedded, flags, kind = line.split(" ")
            kind = reference.sub(lambda found: short_go(found[0]), kind)
            # of two members of one name the shallower counts
            if name not in fields or len(embedded.split(".")) < len(fields[name][0].split(".")):
                fields[name] = (embedded.strip("-"), flags.strip("-"), kind)
    return structs


def described(schema):
    """The type that OpenAPI gives, in the words of `structs`."""
    if "$ref" in schema:
        name = short(schema["$ref"].rpartition("/")[2])
        return SPECIAL.get(name, name)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next(word for word in kind if word != "null")
    if kind == "array":
        return "[]" + described(schema["items"])
    if kind == "object":
        return "{}" + described(schema["additionalProperties"]) if "additionalProperties" in schema else "raw"
    if kind == "integer":
        return schema.get("format", "int64")
    return {"string": "bytes" if schema.get("format") == "byte" else "string", "boolean": "bool", "number": "float64"}[kind]


def plain(kind):
    """A Go type without names and pointers, to compare with OpenAPI's."""
    return re.sub(r"\w+\.\w+=|\*|\{\w+\.\w+\}", lambda found: "{}" if found[0][0] == "{" else "", kind)


def lists(schema):
    words = []
    kind = schema.get("x-kubernetes-list-type")
    if kind in ("atomic", "set"):
        words.append(kind[0])
    elif kind == "map":
        words.append("m:" + ",".join(schema["x-kubernetes-list-map-keys"]))
    if schema.get("x-kubernetes-map-type") == "atomic":
        words.append("A")
    elif "$ref" in schema and schema.get("x-kubernetes-map-type") == "granular":
        words.append("G")
    return words


def span(minors):
    first, last = min(minors), max(minors)
    if set(minors) != set(range(first, last + 1)):
        raise SystemExit(f"gone in between: {sorted(minors)}")
    if (first, last) == (FIRST, LAST):
        return []
    return [("" if first == FIRST else str(first)) + "-" + ("" if last == LAST else str(last))]


class Definition:
    """What the releases say of one definition."""

    def __init__(self):
        self.minors, self.fields, self.newest = [], {}, None

    def add(self, minor, schema):
        self.minors.append(minor)
        self.newest = schema
        required = schema.get("required", [])
        for name, field in schema.get("properties", {}).items():
            variants = self.fields.setdefault(name, {})
            variant = variants.setdefault(described(field), [[], None, False])
            variant[0].append(minor)
            variant[1], variant[2] = field, name in required


def read_releases(path):
    if not path.is_file():
        raise Missing(f"{path} is missing: pip download --no-deps --dest {path.parent} kubernetes-validate==1.37.0")
    wheel, definitions, kinds = zipfile.ZipFile(path), {}, {}
    for minor in range(FIRST, LAST + 1):
        name = f"kubernetes_validate/kubernetes-json-schema/v1.{minor}.0-local/_definitions.json"
        release = {short(name): schema for name, schema in json.loads(wheel.read(name))["$defs"].items()}
        reached, queue = set(), []
        for name, schema in release.items():
            for gvk in schema.get("x-kubernetes-group-version-kind", []):
                if gvk["kind"] in EVERYWHERE or gvk["kind"].endswith("List"):
                    continue
                kinds.setdefault((gvk["group"], gvk["version"], gvk["kind"], name), []).append(minor)
                queue.append(name)
        while queue:
            name = queue.pop()
            if name in reached or name in SPECIAL:
                continue
            reached.add(name)
            text = json.dumps(release[name])
            queue += [short(found) for found in re.findall(r'"#/\$defs/([^"]+)"', text)]
        for name in reached:
            definitions.setdefault(name, Definition()).add(minor, release[name])
    return definitions, kinds


def type_of(definition, name, openapi, structs):
    """(embedded, flags, type) of a field: Go's words where they are about the same type."""
    go = structs.get(definition, ("", {}))[1].get(name)
    if go and plain(go[2]) == openapi:
        return go
    return None


def guessed(openapi, required):
    """For a field that 1.36 has not: optional scalars are pointers in what is new, and a zero stays."""
    scalar = openapi in ("string", "bool", "int32", "int64", "float64")
    return "", "" if required else "e", openapi if required or openapi == "string" or not scalar else "*" + openapi


def row(name, variant, openapi, definition, structs, live):
    minors, schema, required = variant
    embedded, flags, kind = type_of(definition, name, openapi, structs) or guessed(openapi, required)
    package = definition.rpartition(".")[0] + "."
    words = [name, re.sub(r"(?<![\w/])" + re.escape(package), ".", kind)]
    words += [flags] if flags else []
    words += ["r"] if required else []
    words += lists(schema)
    if live.get("deprecated") or "Deprecated:" in schema.get("description", "") or "DEPRECATED" in schema.get("description", ""):
        words.append("d")
    if embedded:
        words.append("." + embedded)
    words += span(minors)
    if live.get("enum"):
        words.append("|" + "|".join(live["enum"]))
    if live.get("default") not in (None, "", 0, False, {}):
        words.append(f"={live['default']}")
    if any(" " in word for word in words):
        raise SystemExit(f"a blank in {words}")
    return " ".join(words)


def go_name(definition):
    return ".".join(definition.rpartition("/")[2].split("."))


def render(definitions, kinds, structs, live, rows):
    lines = ["# Written by tools/schemas/generate.py (`just schemas`): change that, not this file. How to read it: ../schema.rs."]
    about = {(kind.group, kind.kind): kind for kind in rows}
    for (group, version, kind, definition), minors in sorted(kinds.items()):
        known = about.get((group, kind))
        resource = known.resource if known and known.resource else "-"
        scope = {"Namespaced": "n", "Cluster": "c", None: "-"}[known.scope if known else None]
        words = ["@", kind, group or "core", version, resource, scope, definition, *span(minors)]
        lines.append(" ".join(words))
    for name, definition in sorted(definitions.items()):
        go = structs.get(name, (go_name(name), {}))[0]
        atomic = ["A"] if definition.newest.get("x-kubernetes-map-type") == "atomic" else []
        lines.append(" ".join(["=", name, go, *atomic, *span(definition.minors)]))
        fields = live.get(name, {}).get("properties", {})
        for field, variants in sorted(definition.fields.items()):
            for openapi, variant in sorted(variants.items()):
                lines.append(row(field, variant, openapi, name, structs, fields.get(field, {})))
    return "\n".join(lines) + "\n"


def cross_check(definitions, live):
    """What a live 1.36 serves and the definitions of 1.36 do not have, or have otherwise."""
    for name, schema in sorted(live.items()):
        if name not in definitions:
            continue
        for field, said in schema.get("properties", {}).items():
            variants = [kind for kind, found in definitions[name].fields.get(field, {}).items() if GO in found[0]]
            wanted = described(said) if "$ref" in said or "type" in said else None
            if wanted and variants != [wanted] and not (wanted == "raw" or variants == ["raw"]):
                yield f"{name}.{field}: the server says {wanted}, the definitions {variants}"


def api_rows(arguments):
    spec = importlib.util.spec_from_file_location("api", ROOT / "tools/api/generate.py")
    api = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(api)
    try:
        return api.read(arguments)
    except api.Missing as missing:
        raise Missing(str(missing)) from missing


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--wheel", type=Path, default=ROOT / "target/api" / WHEEL)
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("PLIMSOLL_SHARED", ROOT.parent / "shared")))
    arguments = parser.parse_args()
    try:
        definitions, kinds = read_releases(arguments.wheel)
        rows = api_rows(arguments)
        live = json.loads((arguments.shared / "vectors/admission/schemas/fields-1.36.json").read_text())["definitions"]
        go = subprocess.run(["go", "run", "."], cwd=HERE / "structs", capture_output=True, text=True)
        if go.returncode:
            raise Missing(go.stderr)
    except (Missing, FileNotFoundError) as missing:
        print(missing, file=sys.stderr)
        return 3
    live = {short(name): schema for name, schema in live.items()}
    problems = list(cross_check(definitions, live))
    if problems:
        print("\n".join(problems), file=sys.stderr)
        return 1
    wanted = render(definitions, kinds, read_structs(go.stdout), live, rows)
    if OUT.exists() and OUT.read_text() == wanted:
        return 0
    if arguments.check:
        print(f"{OUT.relative_to(ROOT)} is behind its sources: run `just schemas`")
        return 1
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(wanted)
    print(f"{OUT.relative_to(ROOT)} is written anew")
    return 0


if __name__ == "__main__":
    sys.exit(main())
