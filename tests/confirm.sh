#!/usr/bin/env bash
# Findings of the tour on real Tokio: each one that a run can show is shown, and a finding that is wrong is not.
# usage: tests/confirm.sh PATH-TO-asyncrt-check
set -u
tool=$(realpath "${1:?usage: tests/confirm.sh PATH-TO-asyncrt-check}")
cd "$(dirname "$0")/.." || exit 1
if ! command -v cargo > /dev/null || ! ls -d /usr/share/cargo/registry/tokio-[0-9]* > /dev/null 2>&1; then
  echo 'confirm.sh: skipped: cargo or librust-tokio-dev is not there (make deps-rust)'
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
fail() { echo "FAIL: $1"; failures=$((failures + 1)); }

"$tool" run scenarios/tour --tokio 1.24 --fail-on never > "$work/report.json"
"$tool" confirm "$work/report.json" --build "$work/build" --output "$work/confirmed.json" > "$work/out" 2> "$work/err"
test $? = 0 || fail "the tour is not confirmed: $(cat "$work/err" "$work/out")"
jq -e '[.scenarios[].findings[].confirmed | select(.why_not | not)] | length >= 30' "$work/confirmed.json" > /dev/null || fail 'too few are'
jq -e '[.scenarios[].findings[].confirmed | select(.how == "steered")] | length >= 20' "$work/confirmed.json" > /dev/null || fail 'too few are by steering'
test -z "$(ls "$work/build" | grep project)" || fail 'a project is left behind'

# A finding that claims another op for one of its parties is not confirmed.
jq '.scenarios |= map(select(.file | endswith("28-lock-cycle-threads.json"))) | .scenarios[0].findings[0].waits[0].who = "thread middle"' \
  "$work/report.json" > "$work/wrong.json"
"$tool" confirm "$work/wrong.json" --build "$work/build" --runs 2 > "$work/out" 2> /dev/null
test $? = 1 || fail 'a wrong finding is confirmed'
jq -e '.scenarios[0].findings[0].confirmed | .outcome == "hang" and (.why_not | contains("middle"))' "$work/out" > /dev/null || fail 'it does not say why'

# An interrupt ends the build and leaves nothing.
"$tool" confirm "$work/report.json" --build "$work/other" > "$work/out" 2> /dev/null &
sleep 2
kill -INT $!
wait $!
status=$?
test $status = 130 || fail "the status of an interrupted run is $status"
jq -e .verdict "$work/out" > /dev/null || fail 'an interrupted run prints no report'
test -z "$(ls "$work/other" | grep project)" || fail 'an interrupted run leaves a project behind'

test $failures = 0 && echo 'confirm.sh: all passed'
test $failures = 0
