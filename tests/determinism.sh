#!/usr/bin/env bash
# The same scenarios give the same bytes, for any number of jobs, however often, and from whichever compiler; and the same
# rules with the same severities when what has no order is written in another one.
# usage: tests/determinism.sh PATH-TO-asyncrt-check [SEED...]
# OTHER_CXX: the other compiler, clang++ unless said otherwise; its build goes to the folder other/ beside the tool.
set -u
tool=${1:?usage: tests/determinism.sh PATH-TO-asyncrt-check [SEED...]}
shift
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
other=${OTHER_CXX:-clang++}
if command -v "$other" > /dev/null; then
  build=$(dirname "$tool")/other
  make --no-print-directory -s BUILD="$build" CXX="$other" "$build/asyncrt-check" > "$work/make.log" 2>&1 || { tail "$work/make.log"; fail "$other does not build it"; }
  for jobs in 1 3; do
    for format in json text sarif html; do
      "$tool" run scenarios/ --fail-on never --jobs 2 --format "$format=$work/here" > /dev/null
      "$build/asyncrt-check" run scenarios/ --fail-on never --jobs "$jobs" --format "$format=$work/there" > /dev/null
      cmp "$work/here" "$work/there" || fail "other bytes of $format from $other"
    done
  done
  compilers=", the same bytes from $other"
else
  compilers=", and $other is not here, so that its build was not compared"
fi
rules "$work/first.json" scenarios/ > "$work/rules"
test -s "$work/rules" || fail 'there are no scenarios'
for seed in "$@"; do
  python3 tests/permute.py "$seed" scenarios "$work/permuted" || fail "no permutation $seed"
  run "$work/permuted/" 4 "$work/permuted.json"
  rules "$work/permuted.json" "$work/permuted/" > "$work/permuted-rules"
  diff "$work/rules" "$work/permuted-rules" || fail "other findings in the order of seed $seed"
  rm -r "$work/permuted"
done
test "$failed" = 0 && echo "$(wc -l < "$work/rules") scenarios: the same bytes in 5 runs, the same findings in $# other orders$compilers"
exit "$failed"
