#!/usr/bin/env bash
# Runs what README.md, the GitHub action and the pre-commit hook tell people to run: every shell line, beside scenarios
# that are clean and beside such that are not.
# usage: tests/readme_recipes.sh PATH-TO-asyncrt-check
set -u
tool=$(realpath "${1:?usage: tests/readme_recipes.sh PATH-TO-asyncrt-check}")
root=$(realpath "$(dirname "$0")/..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

mkdir -p "$work"/{bin,good/scenarios,bad/scenarios}
ln -s "$tool" "$work/bin/asyncrt-check"
# Whether there are such targets is asked; nothing is built once more.
printf '#!/bin/sh\nshift 2\nexec %s -n -C %s "$@" > /dev/null\n' "$(command -v make)" "$root" > "$work/bin/make"
chmod +x "$work/bin/make"
for folder in good bad; do
  mkdir -p "$work/$folder/asyncrt-check/build"
  ln -s "$tool" "$work/$folder/asyncrt-check/build/asyncrt-check"
  echo '{ "name": "clean", "main": [], "expect": { "errors": [], "warnings": [] } }' > "$work/$folder/scenarios/clean.json"
done
cat > "$work/bad/scenarios/relock.json" <<'END'
{ "name": "relock", "objects": { "m": { "kind": "std_mutex" } },
  "main": [ { "op": "lock", "on": "m" }, { "op": "lock", "on": "m" } ], "expect": { "errors": [] } }
END
cat > "$work/wide.json" <<'END'
{ "name": "wide", "objects": { "n": { "kind": "atomic" } },
  "main": [ { "op": "thread_scope", "body": [ { "op": "spawn_thread", "count": 3, "borrow": [], "body": [
    { "op": "loop", "times": 9, "body": [ { "op": "add", "on": "n", "value": 1 } ] } ] } ] } ] }
END
export PATH=$work/bin:$PATH CI_NODE_INDEX=1 CI_NODE_TOTAL=1
export GITHUB_ACTION_PATH=$root/.github/actions/check GITHUB_PATH=$work/path GITHUB_OUTPUT=$work/output RUNNER_TEMP=$work

# recipe FOLDER STATUS COMMAND: its output is in $work/out.
recipe() {
  local status
  (cd "$work/$1" && bash -euo pipefail -c "$3") > "$work/out" 2> "$work/err"
  status=$?
  if [ "$status" = "$2" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAIL %s: exit status %s, not %s\n  %s\n' "$1" "$status" "$2" "$3"
    sed 's/^/  /' "$work/err" | head -5
  fi
}

# block LANGUAGE: the lines of README.md's code in it.
block() { awk -v open="\`\`\`$1" '$0 == open {inside = 1; next} /^```$/ {inside = 0} inside' "$root/README.md"; }

for folder in good bad; do
  asyncrt-check run "$work/$folder/scenarios" "$work/wide.json" --max-states 20 --fail-on never --allow-incomplete \
    > "$work/$folder/report.json"
done
asyncrt-check run "$work/good/scenarios" > "$work/good/report.json"

lines=0
while IFS= read -r line; do
  lines=$((lines + 1))
  found=0
  case $line in *'asyncrt-check run '*) found=1 ;; esac
  recipe good 0 "$line"
  recipe bad "$found" "$line"
done < <(block yaml | sed -n 's/^ *\(- \)\{0,1\}\(run\|script\): \(.*\)/\3/p')

while IFS= read -r line; do
  [ -n "$line" ] || continue
  lines=$((lines + 1))
  case $line in
    'jq -e '*) recipe good 0 "$line"; recipe bad 1 "$line" ;;
    'jq '*)
      recipe good 0 "$line"
      recipe bad 0 "$line"
      [ -s "$work/out" ] || { failed=$((failed + 1)); printf 'FAIL it prints nothing: %s\n' "$line"; }
      ;;
    *first.json\ *) recipe good 1 "$line" ;;
    *first.json) recipe good 0 "$line" ;;
    *) recipe bad 0 "$line" ;;
  esac
done < <(block sh)
[ "$lines" -ge 12 ] || { failed=$((failed + 1)); printf 'FAIL only %s lines were found in README.md\n' "$lines"; }

# action NAME: the shell text of a step of the action.
action() {
  awk -v name="    - name: $1" '$0 == name {step = 1; next} /^    - / {step = 0} step && /^      run: \|$/ {inside = 1; next}
    inside && /^        / {print substr($0, 9); next} {inside = 0}' "$root/.github/actions/check/action.yml"
}
build=$(action build) check=$(action check)
[ -n "$build" ] && [ -n "$check" ] || { failed=$((failed + 1)); printf 'FAIL the action has no steps\n'; }
recipe good 0 "$build"
export CHECK_PATHS=scenarios/ CHECK_FLAGS=--fail-on-warning CHECK_SARIF=action.sarif
recipe good 0 "$check"
recipe bad 1 "$check"
grep -q '^::error file=scenarios/relock.json' "$work/out" || { failed=$((failed + 1)); printf 'FAIL the action annotates nothing\n'; }
recipe bad 0 'jq -e ".runs[0].results | length == 1" action.sarif'
recipe bad 0 'jq -e ".summary.errors == 1" "$(sed -n "s/^report=//p" "$GITHUB_OUTPUT" | tail -1)"'

hook=$(sed -n 's/^ *entry: //p' "$root/.pre-commit-hooks.yaml")
recipe good 0 "$hook scenarios/clean.json"
recipe bad 1 "$hook scenarios/clean.json scenarios/relock.json"

printf '%s recipes passed, %s failed\n' "$passed" "$failed"
test "$failed" = 0
