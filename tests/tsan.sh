#!/usr/bin/env bash
# Every parallel path, with a tool that was built with -fsanitize=thread: a race ends it with status 66.
# usage: tests/tsan.sh PATH-TO-asyncrt-check
set -u
tool=${1:?usage: tests/tsan.sh PATH-TO-asyncrt-check}
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TSAN_OPTIONS="halt_on_error=1 exitcode=66 ${TSAN_OPTIONS:-}"
failed=0

# holds NAME STATUS COMMAND...: another status, or a word from the sanitizer, is a failure.
holds() {
  local name=$1 expected=$2 status
  shift 2
  "$@" > "$work/out" 2> "$work/err"
  status=$?
  if [ "$status" != "$expected" ] || grep -q 'ThreadSanitizer' "$work/err" "$work/out"; then
    failed=1
    echo "FAIL $name: exit status $status, not $expected"
    grep -h -A 25 'ThreadSanitizer' "$work/err" "$work/out" | head -60
  fi
}

cat > "$work/wide.json" <<'END_OF_SCENARIO'
{ "name": "wide", "objects": { "n": { "kind": "atomic" } },
  "main": [ { "op": "thread_scope", "body": [ { "op": "spawn_thread", "count": 8, "borrow": [], "body": [
    { "op": "loop", "times": 50, "body": [ { "op": "add", "on": "n", "value": "$index + 1" } ] } ] } ] } ] }
END_OF_SCENARIO
holds 'a run with four jobs' 0 "$tool" run scenarios/ --jobs 4 --fail-on never --allow-incomplete --max-states 20000
holds 'a run with progress' 0 "$tool" run scenarios/rules scenarios/tour --jobs 4 --fail-on never --allow-incomplete --max-states 20000 --progress always
holds 'a test with four jobs' 0 "$tool" test scenarios/tour scenarios/patterns --jobs 4
for one in scenarios/calibration/*.json; do holds 'both timings of a scenario at once' 0 "$tool" run "$one" --jobs 4 --fail-on never; done
holds 'a limit of time' 3 "$tool" run "$work/wide.json" scenarios/patterns --jobs 4 --time-limit 300ms
holds 'Ctrl-C during the progress' 130 python3 "$here/terminal.py" --interrupt "$work/report.json" "$tool" run "$work/wide.json" \
  scenarios/reports --jobs 4 --progress auto
test "$failed" = 0 && echo 'no race was seen'
exit "$failed"
