#!/usr/bin/env bash
# Writes the report in README.md anew from the scenario that stands above it, so that it cannot lie. With --check it
# only compares, and fails if they differ.
#   tests/readme.sh build/asyncrt-check [--check]
set -euo pipefail
tool=$(realpath "$1")
mode=${2:-}
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
awk '/^```json$/ && !done {inside = 1; next} /^```$/ && inside {inside = 0; done = 1} inside' README.md > "$folder/blocked-worker.json"
status=0
(cd "$folder" && "$tool" run blocked-worker.json --format text --color never > report.txt) || status=$?
[ "$status" = 1 ] || { echo "readme.sh: the scenario of README.md gives exit status $status, not 1" >&2; exit 1; }
awk -v report="$folder/report.txt" '
  /^<!-- report -->$/ {print; print "```text"; while ((getline line < report) > 0) print line; print "```"; skip = 1; next}
  /^<!-- end of report -->$/ {skip = 0}
  !skip' README.md > "$folder/README.md"
if [ "$mode" = --check ]; then
  diff -u README.md "$folder/README.md" || { echo "readme.sh: README.md is out of date; run make readme" >&2; exit 1; }
else
  cat "$folder/README.md" > README.md
fi
