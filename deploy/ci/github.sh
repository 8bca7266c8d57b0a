#!/usr/bin/env bash
# The step of action.yml that lints: annotations in the log, a summary of the job, a file for code scanning.
#
# Inputs are INPUT_PATHS (one a line), INPUT_ARGUMENTS (split at spaces), INPUT_SARIF and INPUT_SUMMARY; the rest is what
# GitHub sets. Ends with the exit code of lint, after everything has been handed over.
set -eu

paths=()
while IFS= read -r path; do
    path=${path%$'\r'}
    [ -z "$path" ] || paths+=("$path")
done <<<"${INPUT_PATHS:-.}"
read -r -d '' -a arguments <<<"${INPUT_ARGUMENTS:-}" || true

formats=(--format github)
summary=""
if [ "${INPUT_SUMMARY:-true}" = true ]; then
    summary=$RUNNER_TEMP/plimsoll-summary.md
    rm -f "$summary"
    formats+=(--format "markdown=$summary")
fi
if [ -n "${INPUT_SARIF:-}" ]; then
    mkdir -p "$(dirname "$INPUT_SARIF")"
    formats+=(--format "sarif=$INPUT_SARIF")
fi

code=0
# an empty array is an unset variable to the bash of macOS
plimsoll lint "${formats[@]}" ${arguments[@]+"${arguments[@]}"} -- "${paths[@]}" || code=$?

if [ -n "$summary" ] && [ -f "$summary" ]; then
    cat "$summary" >>"$GITHUB_STEP_SUMMARY"
fi
{
    echo "exit-code=$code"
    # nothing to upload where lint came to no report
    if [ -n "${INPUT_SARIF:-}" ] && [ -f "$INPUT_SARIF" ]; then echo "sarif=$INPUT_SARIF"; fi
} >>"$GITHUB_OUTPUT"
exit "$code"
