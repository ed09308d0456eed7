#!/usr/bin/env bash
# The same rules with the same severities when what has no order is written in another one.
# usage: tests/orders.sh PATH-TO-asyncrt-check SEED...
set -u
usage='usage: tests/orders.sh PATH-TO-asyncrt-check SEED...'
tool=${1:?$usage}
: "${2:?$usage}"
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

fail() {
  failed=1
  echo "FAIL $*" >&2
}

# rules FOLDER: a line for each scenario, with its verdict and the set of what is found.
rules() {
  "$tool" run "$1" --fail-on never --format "json=$work/report.json" > /dev/null || fail "a run of $1 ends with status $?"
  jq -r --arg folder "$1" '.scenarios[]
    | [(.file | ltrimstr($folder)), .verdict, ([.findings[] | .rule + "=" + .severity] | unique | join(" "))] | @tsv' "$work/report.json"
}

rules scenarios/ > "$work/written"
test -s "$work/written" || fail 'there are no scenarios'
for seed in "$@"; do
  python3 tests/permute.py "$seed" scenarios "$work/permuted" || fail "no permutation $seed"
  rules "$work/permuted/" > "$work/permuted-rules"
  diff "$work/written" "$work/permuted-rules" || fail "other findings in the order of seed $seed"
  rm -r "$work/permuted"
done
test "$failed" = 0 && echo "$(wc -l < "$work/written") scenarios: the same findings in $# other orders"
exit "$failed"
