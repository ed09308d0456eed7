#!/usr/bin/env bash
# The same scenarios give the same bytes, for any number of jobs, however often, and from whichever compiler.
# usage: tests/determinism.sh PATH-TO-asyncrt-check PATH-TO-THE-ONE-OF-ANOTHER-COMPILER
set -u
usage='usage: tests/determinism.sh PATH-TO-asyncrt-check PATH-TO-THE-ONE-OF-ANOTHER-COMPILER'
tool=${1:?$usage} other=${2:?$usage}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

fail() {
  failed=1
  echo "FAIL $*"
}

run() { "$tool" run "$1" --fail-on never --jobs "$2" --format "json=$3" > /dev/null; }

run scenarios/ 1 "$work/first.json" || fail 'a run ends with status' "$?"
for jobs in 1 2 4 7; do
  run scenarios/ "$jobs" "$work/again.json"
  cmp "$work/first.json" "$work/again.json" || fail "other bytes with --jobs $jobs"
done
formats=(json text sarif html)
outputs() { for format in "${formats[@]}"; do printf -- '--format=%s\n' "$format=$work/$1.$format"; done; }
readarray -t here < <(outputs here)
readarray -t there < <(outputs there)
"$tool" run scenarios/ --fail-on never --jobs 2 "${here[@]}" > /dev/null || fail 'a run ends with status' "$?"
"$other" run scenarios/ --fail-on never --jobs 3 "${there[@]}" > /dev/null || fail 'a run of the other build ends with status' "$?"
for format in "${formats[@]}"; do
  cmp "$work/here.$format" "$work/there.$format" || fail "other bytes of $format from the other compiler"
done
scenarios=$(jq '.scenarios | length' "$work/first.json")
test "$scenarios" -gt 0 || fail 'there are no scenarios'
test "$failed" = 0 && echo "$scenarios scenarios: the same bytes in 5 runs, the same bytes from both compilers"
exit "$failed"
