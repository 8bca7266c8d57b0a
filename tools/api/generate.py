#!/usr/bin/env python3
"""Writes the table of kinds, src/api/table.rs, and what policy api-version knows of them. `just api` runs it.

Read are, in this order; what comes later adds to what was there, or puts it right:

1. kubernetes-validate 1.37.0 of PyPI (Apache-2.0): its wheel has the definitions of Kubernetes 1.25 to 1.37, and with
   x-kubernetes-group-version-kind which release serves which kind in which version.
2. vectors/admission/schemas/fields-1.36.json of the folder beside the project: what a live kube-apiserver 1.36.3 says in
   discovery of resources, scopes, verbs and subresources, and which kind is sent to each of these.
3. known.txt beside this file: what neither tells, each row below its source.

    generate.py                      writes both files
    generate.py --check              says what would change, and ends with 1 then
    generate.py --verify FOLDER      compares the table with api/openapi-spec/swagger.json of k8s.io/kubernetes, saved as
                                     FOLDER/1.24.json … FOLDER/1.37.json: kinds, resources, scopes, versions, subresources
    --wheel FILE --shared FOLDER     where the sources are, if not in target/api and ../shared (or PLIMSOLL_SHARED)

Ends with 3 where a source is missing.
"""

import argparse
import json
import os
import re
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TABLE = ROOT / "src/api/table.rs"
POLICY = ROOT / "policies/metadata/api-version.yaml"
WHEEL = "kubernetes_validate-1.37.0-py3-none-any.whl"
# the releases of kubernetes-validate
FIRST, NEWEST = 25, 37
# the oldest release whose kinds are built in; what only older ones served is gone
BUILT_IN = 33
ALWAYS, OPEN = 0, 255
# kinds that every group has, or none is asked for
EVERYWHERE = {"DeleteOptions", "WatchEvent", "Status"}


class Missing(Exception):
    pass


class Kind:
    def __init__(self, group, kind):
        self.group, self.kind = group, kind
        self.resource, self.scope, self.read_only = "", None, False
        self.versions = {}  # name -> [first, last]
        self.subresources = {}  # name -> [body or None, first, last, read_only]
        self.templates = []
        self.custom = self.body = self.counted = False
        self.successor = None

    @property
    def role(self):
        if self.custom:
            return "Custom"
        if self.body:
            return "Body"
        if self.resource and any(last >= BUILT_IN for _, last in self.versions.values()):
            return "BuiltIn"
        return "Other"


def split(api_version):
    group, _, version = api_version.rpartition("/")
    return group, version


def stability(version):
    """Kubernetes' own order of versions, the most stable first (apimachinery/pkg/version CompareKubeAwareVersionStrings)."""
    major, stage, minor = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version).groups()
    return ({None: 0, "beta": 1, "alpha": 2}[stage], -int(major), -int(minor or 0))


def read_wheel(path, kinds):
    if not path.is_file():
        raise Missing(f"{path} is missing: pip download --no-deps --dest {path.parent} kubernetes-validate==1.37.0")
    wheel = zipfile.ZipFile(path)
    for minor in range(FIRST, NEWEST + 1):
        name = f"kubernetes_validate/kubernetes-json-schema/v1.{minor}.0-local/_definitions.json"
        for definition in json.loads(wheel.read(name))["$defs"].values():
            for gvk in definition.get("x-kubernetes-group-version-kind", []):
                group, version, kind = gvk["group"], gvk["version"], gvk["kind"]
                if kind.endswith("List") or (group and kind in EVERYWHERE):
                    continue
                versions = kinds.setdefault((group, kind), Kind(group, kind)).versions
                span = versions.setdefault(version, [minor, minor])
                if minor > span[1] + 1:
                    raise SystemExit(f"{group}/{version} {kind} was gone before 1.{minor} and came back")
                span[1] = minor
    for kind in kinds.values():
        for span in kind.versions.values():
            if span[0] == FIRST:
                span[0] = ALWAYS
            if span[1] == NEWEST:
                span[1] = OPEN


def read_discovery(path, kinds):
    if not path.is_file():
        raise Missing(f"{path} is missing")
    written = {"create", "update", "patch", "delete"}
    for name, about in json.loads(path.read_text())["kinds"].items():
        api_version, _, kind = name.rpartition("/")
        group, version = split(api_version)
        if "resource" not in about:
            continue
        row = kinds[group, kind]
        scope = "Namespaced" if about["namespaced"] else "Cluster"
        if row.resource not in ("", about["resource"]) or row.scope not in (None, scope):
            raise SystemExit(f"{name} is another resource in another version")
        row.resource, row.scope = about["resource"], scope
        row.read_only = not written & set(about["verbs"])
        for subresource, sent in about.get("subresources", {}).items():
            sent_version, _, sent_kind = sent["kind"].rpartition("/")
            body = None if sent["kind"] == name else (*split(sent_version), sent_kind)
            row.subresources[subresource] = [body, ALWAYS, OPEN, not written & set(sent["verbs"])]


def read_known(path, kinds):
    """Rows of words, `core` for the core group; each row must stand below a line `from SOURCE`."""
    source = None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        try:
            if words[0] == "from":
                source = words[1:]
                continue
            if not source:
                raise ValueError("no source")
            what, group, name, *rest = words
            group = "" if group == "core" else group
            row = kinds.setdefault((group, name), Kind(group, name))
            known(row, what, rest)
        except (ValueError, KeyError) as problem:
            raise SystemExit(f"{path}:{number}: {line.strip()}: {problem}")


def known(row, what, rest):
    def span(text):
        first, _, last = text.partition("-")
        return [int(first or ALWAYS), int(last or OPEN)]

    if what in ("resource", "custom"):
        row.resource, scope, *row.templates = rest
        row.templates = ["" if pointer == "." else pointer for pointer in row.templates]
        row.scope = {"namespaced": "Namespaced", "cluster": "Cluster"}[scope]
        row.custom = what == "custom"
    elif what == "version":
        (name, text) = rest
        first, last = span(text)
        found = row.versions.setdefault(name, [first, last])
        # what 1.25 has may be older, and what 1.37 has may have an end announced; else the definitions know
        if found[0] not in (ALWAYS, first) or (found[1] not in (OPEN, last) and last != OPEN):
            raise ValueError(f"the definitions say {found}")
        found[0] = found[0] or first
        found[1] = min(found[1], last)
    elif what == "subresource":
        name, sent, text = rest
        body = None
        if sent != "itself":
            version, _, kind = sent.rpartition("/")
            body = (*split(version), kind)
        before = row.subresources.get(name)
        row.subresources[name] = [body, *span(text), before[3] if before else False]
    elif what == "template":
        row.templates = ["" if pointer == "." else pointer for pointer in rest]
    elif what == "replicas":
        row.counted = True
    elif what == "successor":
        (group, kind) = rest
        row.successor = (group, kind)
    elif what != "name":
        raise ValueError(f"{what} is no kind of row")


def read(arguments):
    kinds = {}
    read_wheel(arguments.wheel, kinds)
    read_discovery(arguments.shared / "vectors/admission/schemas/fields-1.36.json", kinds)
    read_known(Path(__file__).with_name("known.txt"), kinds)
    for row in list(kinds.values()):
        for body, *_ in row.subresources.values():
            if body:
                sent = kinds.setdefault((body[0], body[2]), Kind(body[0], body[2]))
                sent.versions.setdefault(body[1], [ALWAYS, OPEN])
                sent.body = not sent.resource
    return [kinds[key] for key in sorted(kinds, key=lambda key: (key[1], key[0]))]


def text(value):
    return json.dumps(value)


def render(kinds):
    lines = [
        "// Written by tools/api/generate.py (`just api`) from kubernetes-validate 1.37.0, a kube-apiserver 1.36.3 and",
        "// tools/api/known.txt: change these, not this file.",
        "",
        "use super::Role::{Body, BuiltIn, Custom, Other};",
        "use super::Scope::{Cluster, Namespaced};",
        "use super::{ALWAYS, Kind, OPEN, Subresource, Version};",
        "",
        f"pub(super) const NEWEST: u8 = {NEWEST};",
        f"pub(super) const OLDEST: u8 = {BUILT_IN};",
        "",
        "const fn v(name: &'static str, first: u8, last: u8) -> Version { Version { name, first, last } }",
        "const fn s(name: &'static str, body: Option<[&'static str; 3]>, first: u8, last: u8, read_only: bool) -> Subresource "
        "{ Subresource { name, body, first, last, read_only } }",
        "",
        "/// By kind, then group.",
        f"pub(super) static KINDS: [Kind; {len(kinds)}] = [",
    ]
    release = {ALWAYS: "ALWAYS", OPEN: "OPEN"}
    span = lambda first, last: f"{release.get(first, first)}, {release.get(last, last)}"
    for row in kinds:
        versions = ", ".join(
            f"v({text(name)}, {span(*row.versions[name])})" for name in sorted(row.versions, key=stability)
        )
        subresources = ", ".join(
            f"s({text(name)}, {'Some([' + ', '.join(map(text, body)) + '])' if body else 'None'}, "
            f"{span(first, last)}, {str(read_only).lower()})"
            for name, (body, first, last, read_only) in sorted(row.subresources.items())
        )
        scope = f"Some({row.scope})" if row.scope else "None"
        templates = ", ".join(map(text, row.templates))
        flags = ", ".join(
            f"{name}: {str(value).lower()}" for name, value in [("read_only", row.read_only), ("counted", row.counted)]
        )
        lines.append(
            f"    Kind {{ kind: {text(row.kind)}, group: {text(row.group)}, resource: {text(row.resource)}, "
            f"role: {row.role}, scope: {scope}, versions: &[{versions}], subresources: &[{subresources}], "
            f"templates: &[{templates}], {flags} }},"
        )
    lines += ["];", ""]
    named = sorted((row.group, row.resource, index) for index, row in enumerate(kinds) if row.resource)
    for before, after in zip(named, named[1:]):
        if before[:2] == after[:2]:
            raise SystemExit(f"two kinds have the resource {before[:2]}")
    lines.append("/// Rows of [`KINDS`] by group, then resource.")
    lines.append(f"pub(super) static BY_RESOURCE: [u16; {len(named)}] = {[index for *_, index in named]};")
    groups = sorted({row.group for row in kinds if row.resource and not row.custom})
    lines += ["", "/// The groups that API servers serve or served themselves."]
    lines.append(f"pub(super) static GROUPS: [&str; {len(groups)}] = [{', '.join(map(text, groups))}];")
    connected = sorted(
        {
            name
            for row in kinds
            for name, (body, *_) in row.subresources.items()
            if body and body[2].endswith("Options")
        }
    )
    lines += ["", "/// Subresources to which connections are made: what is sent are options."]
    lines.append(f"pub(super) static CONNECTED: [&str; {len(connected)}] = [{', '.join(map(text, connected))}];")
    return "\n".join(lines) + "\n"


def stable_of(kinds, row, version):
    """The stable version that took the place of this one, and since when."""
    home = next((k for k in kinds if (k.group, k.kind) == row.successor), row)
    stable = [name for name in home.versions if stability(name)[0] == 0]
    if not stable or (home is row and version in stable):
        return None
    major = stability(version)[1]
    later = sorted((name for name in stable if stability(name)[1] <= major), key=lambda name: -stability(name)[1])
    name = later[0] if later else min(stable, key=stability)
    api_version = f"{home.group}/{name}" if home.group else name
    return home.versions[name][0], api_version


def policy_blocks(kinds):
    """The kinds that policy api-version matches, and its parameter `apis`."""
    apis = {}
    for row in kinds:
        if row.custom or not (row.resource or row.kind in ("Eviction", "TokenRequest")):
            continue
        for version, (first, last) in row.versions.items():
            about = {}
            if first > 23:
                about["since"] = first
            if last != OPEN:
                about["removed"] = last + 1
            stable = stable_of(kinds, row, version)
            if stable:
                about["stable"], about["use"] = stable
            api_version = f"{row.group}/{version}" if row.group else version
            apis.setdefault(api_version, {})[row.kind] = about
    names = sorted({kind for served in apis.values() for kind in served})
    matched, line = [], " " * 7
    for index, name in enumerate(names):
        word = f' "*/*/{name}",'
        if len(line + word) > 112:
            matched.append(line)
            line = " " * 7
        line += word
    matched.append(line)
    block = []
    for api_version in sorted(apis):
        block.append(f"      {api_version}:")
        for kind in sorted(apis[api_version]):
            about = ", ".join(f"{key}: {value}" for key, value in apis[api_version][kind].items())
            block.append(f"        {kind}: {{{about}}}")
    return matched, block


def with_policy(policy, kinds):
    matched, block = policy_blocks(kinds)
    lines = policy.splitlines()

    def put(before, after, new):
        start = lines.index(before) + 1
        end = next(at for at in range(start, len(lines)) if lines[at].startswith(after))
        lines[start:end] = new

    put("      [", "      ]", matched)
    put("    apis:", "  variables:", block)
    return "\n".join(lines) + "\n"


def verify(kinds, folder):
    """What the API server of each release says, beside what the table says."""
    said, differences = {}, []
    found = {}
    for row in kinds:
        if row.custom:
            continue
        for minor in range(24, NEWEST + 1):
            for version, (first, last) in row.versions.items():
                if row.resource and first <= minor <= last:
                    found[minor, row.group, version, row.resource] = (row.kind, row.scope)
                    for name, (body, *times, _) in row.subresources.items():
                        if times[0] <= minor <= times[1]:
                            sent = body or (row.group, version, row.kind)
                            found[minor, row.group, version, f"{row.resource}/{name}"] = sent
    path_of = re.compile(r"/(?:api|apis/([^/]+))/(v[^/]+)/(?!watch/)(namespaces/{namespace}/)?([^/{]+)(?:/{name}(/.+)?)?")
    for minor in range(24, NEWEST + 1):
        swagger = json.loads((folder / f"1.{minor}.json").read_text())
        for path, operations in swagger["paths"].items():
            parts = path_of.fullmatch(path)
            if not parts:
                continue
            group, version, namespaced, resource, subresource = parts.groups()
            group, subresource = group or "", (subresource or "").replace("/{path}", "")
            for operation in operations.values():
                sent = isinstance(operation, dict) and operation.get("x-kubernetes-group-version-kind")
                if not sent:
                    continue
                key = minor, group, version, resource + subresource
                if subresource:
                    said[key] = (sent["group"], sent["version"], sent["kind"])
                elif namespaced or key not in said:
                    said[key] = (sent["kind"], "Namespaced" if namespaced else "Cluster")
    for key in sorted(said.keys() | found.keys()):
        if said.get(key) != found.get(key):
            differences.append(f"1.{key[0]} {'/'.join(key[1:])}: server {said.get(key)}, table {found.get(key)}")
    print("\n".join(differences + [f"{len(said)} resources and subresources of {NEWEST - 23} releases, "
                                   f"{len(differences)} differences"]))
    return 1 if differences else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--verify", type=Path)
    parser.add_argument("--wheel", type=Path, default=ROOT / "target/api" / WHEEL)
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("PLIMSOLL_SHARED", ROOT.parent / "shared")))
    arguments = parser.parse_args()
    try:
        kinds = read(arguments)
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 3
    if arguments.verify:
        return verify(kinds, arguments.verify)
    behind = False
    for path, wanted in [(TABLE, render(kinds)), (POLICY, with_policy(POLICY.read_text(), kinds))]:
        if path.exists() and path.read_text() == wanted:
            continue
        behind = True
        if arguments.check:
            print(f"{path.relative_to(ROOT)} is behind its sources: run `just api`")
        else:
            path.write_text(wanted)
            print(f"{path.relative_to(ROOT)} is written anew")
    return 1 if arguments.check and behind else 0


if __name__ == "__main__":
    sys.exit(main())
