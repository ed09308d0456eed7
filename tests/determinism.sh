#!/usr/bin/env bash
# The same scenarios give the same bytes, for any number of jobs, however often, and from whichever compiler; and the same
# rules with the same severities when what has no order is written in another one.
# usage: tests/determinism.sh PATH-TO-asyncrt-check PATH-TO-THE-ONE-OF-ANOTHER-COMPILER [SEED...]
set -u
usage='usage: tests/determinism.sh PATH-TO-asyncrt-check PATH-TO-THE-ONE-OF-ANOTHER-COMPILER [SEED...]'
tool=${1:?$usage} other=${2:?$usage}
shift 2
test $# -gt 0 || set -- 1 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

fail() {
  failed=1
  echo "FAIL $*"
}

run() { "$tool" run "$1" --fail-on never --jobs "$2" --format "json=$3" > /dev/null; }

# rules REPORT FOLDER: a line for each scenario, with its verdict and the set of what is found.
rules() {
  jq -r --arg folder "$2" '.scenarios[]
    | [(.file | ltrimstr($folder)), .verdict, ([.findings[] | .rule + "=" + .severity] | unique | join(" "))] | @tsv' "$1"
}

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
rules "$work/first.json" scenarios/ > "$work/rules"
test -s "$work/rules" || fail 'there are no scenarios'
for seed in "$@"; do
  python3 tests/permute.py "$seed" scenarios "$work/permuted" || fail "no permutation $seed"
  run "$work/permuted/" 4 "$work/permuted.json"
  rules "$work/permuted.json" "$work/permuted/" > "$work/permuted-rules"
  diff "$work/rules" "$work/permuted-rules" || fail "other findings in the order of seed $seed"
  rm -r "$work/permuted"
done
test "$failed" = 0 && echo "$(wc -l < "$work/rules") scenarios: the same bytes in 5 runs, the same findings in $# other orders, the same bytes from both compilers"
exit "$failed"
