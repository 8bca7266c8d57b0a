#!/usr/bin/env python3
"""What lint says of the public repositories beside the project: a table, and what changed since the last one.

    table.py BIN [--write] [--sample POLICY REPOSITORY [COUNT]]

BIN runs over each folder of `../shared/repositories` (PLIMSOLL_SHARED says where else) with the pack `default`. The
table has a row for each policy and repository with findings and errors; it is compared with `last.tsv` beside this file,
the largest changes first, and `--write` replaces that file. `--sample` prints findings to read by eye: every k-th of
the policy's in that repository (`*` for all), with the line each points at.
"""
import collections
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
LAST = os.path.join(HERE, "last.tsv")
SHARED = os.environ.get("PLIMSOLL_SHARED", os.path.join(HERE, "..", "..", "..", "shared"))


def lint(binary, folder):
    done = subprocess.run([binary, "lint", "--format", "json", "."], cwd=folder, capture_output=True)
    if done.returncode not in (0, 1, 2) or not done.stdout:
        sys.exit(f"{folder}: exit {done.returncode}: {done.stderr.decode(errors='replace')[:500]}")
    return json.loads(done.stdout)["findings"]


def all_findings(binary):
    root = os.path.join(SHARED, "repositories")
    if not os.path.isdir(root):
        sys.exit(f"no repositories at {root}")
    names = sorted(name for name in os.listdir(root) if os.path.isdir(os.path.join(root, name)))
    return {name: lint(binary, os.path.join(root, name)) for name in names}


def table(findings):
    rows = collections.Counter()
    for repository, found in findings.items():
        for finding in found:
            policy = finding["code"].split("/")[0] if (finding.get("policy")) else finding["code"]
            rows[policy, repository, "findings"] += 1
            rows[policy, repository, "errors"] += finding["severity"] == "error"
    return rows


def read_last():
    rows = collections.Counter()
    if os.path.exists(LAST):
        with open(LAST, encoding="utf-8") as file:
            for line in list(file)[1:]:
                policy, repository, found, errors = line.rstrip("\n").split("\t")
                rows[policy, repository, "findings"] = int(found)
                rows[policy, repository, "errors"] = int(errors)
    return rows


def write(rows):
    with open(LAST, "w", encoding="utf-8") as file:
        file.write("policy\trepository\tfindings\terrors\n")
        for policy, repository in sorted({key[:2] for key, count in rows.items() if count}):
            found, errors = rows[policy, repository, "findings"], rows[policy, repository, "errors"]
            file.write(f"{policy}\t{repository}\t{found}\t{errors}\n")


def by_policy(rows):
    sums = collections.defaultdict(lambda: [0, 0])
    for (policy, _, what), count in rows.items():
        sums[policy][what == "errors"] += count
    return sums


def show(rows, last):
    now, before = by_policy(rows), by_policy(last)
    print(f"{'policy':32} {'findings':>9} {'before':>7}   {'errors':>7} {'before':>7}")
    for policy in sorted(set(now) | set(before), key=lambda p: (-now[p][0], p)):
        (found, errors), (found_before, errors_before) = now[policy], before[policy]
        print(f"{policy:32} {found:9} {found_before:7}   {errors:7} {errors_before:7}")
    total = [sum(x[i] for x in now.values()) for i in (0, 1)]
    total_before = [sum(x[i] for x in before.values()) for i in (0, 1)]
    print(f"{'in all':32} {total[0]:9} {total_before[0]:7}   {total[1]:7} {total_before[1]:7}")
    changes = {key: rows[key] - last[key] for key in set(rows) | set(last) if rows[key] != last[key]}
    print("\nthe largest changes since the last table:" if changes else "\nno change since the last table")
    for (policy, repository, what), change in sorted(changes.items(), key=lambda x: (-abs(x[1]), x[0]))[:20]:
        print(f"{change:+6} {what:8} {policy} in {repository}")


def sample(findings, policy, repository, count):
    for name, found in findings.items():
        if repository not in ("*", name):
            continue
        found = [f for f in found if f["code"].split("/")[0] == policy or f["code"] == policy]
        step = max(1, len(found) // count)
        for finding in found[::step][:count]:
            path = os.path.join(SHARED, "repositories", name, finding["file"])
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = file.read().split("\n")
            line = lines[finding["line"] - 1] if finding.get("line") else ""
            mark = " (unknown)" if finding["unknown"] else ""
            print(f"{name}/{finding['file']}:{finding['line']}: {finding['severity']}{mark} {finding['message']}\n    {line.strip()[:120]}")


def main():
    arguments = sys.argv[1:]
    if not arguments:
        sys.exit(__doc__)
    findings = all_findings(os.path.abspath(arguments[0]))
    if "--sample" in arguments:
        policy, repository, *count = arguments[arguments.index("--sample") + 1:]
        sample(findings, policy, repository, int(count[0]) if count else 10)
        return
    rows, last = table(findings), read_last()
    show(rows, last)
    if "--write" in arguments:
        write(rows)


main()
