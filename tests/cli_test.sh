#!/usr/bin/env bash
# The command line as a caller sees it: exit status, what goes to stdout and what to stderr.
# usage: tests/cli_test.sh PATH-TO-asyncrt-check
set -u
tool=$(realpath "${1:?usage: tests/cli_test.sh PATH-TO-asyncrt-check}")
work=$(mktemp -d)
trap 'chmod -R u+rwx "$work"; rm -rf "$work"' EXIT
cd "$work" || exit 1
passed=0
failed=0

# check NAME STATUS COMMAND...: runs a shell command, compares its exit status; its output is in ./out and ./err.
check() {
  local name=$1 expected=$2 status
  shift 2
  bash -c "$*" > out 2> err
  status=$?
  if [ "$status" = "$expected" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAIL %s: exit status %s, not %s\n  %s\n' "$name" "$status" "$expected" "$*"
    sed 's/^/  err: /' err | head -5
  fi
}

# expect NAME COMMAND...: looks at what the last check left.
expect() {
  local name=$1
  shift
  if bash -c "$*" > /dev/null 2>&1; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAIL %s\n  %s\n' "$name" "$*"
    sed 's/^/  out: /' out | head -5
    sed 's/^/  err: /' err | head -5
  fi
}

export tool
cat > clean.json <<'END'
{ "name": "clean", "objects": { "m": { "kind": "std_mutex" } }, "main": [ { "op": "lock", "on": "m", "body": [] } ],
  "expect": { "errors": [], "warnings": [] } }
END
cat > bad.json <<'END'
{ "name": "bad", "objects": { "m": { "kind": "std_mutex" } },
  "main": [ { "op": "lock", "on": "m", "body": [ { "op": "lock", "on": "m", "body": [] } ] } ],
  "expect": { "errors": ["deadlock/relock"], "warnings": [] } }
END
cat > warning.json <<'END'
{ "name": "warning", "main": [ { "op": "spawn_thread", "as": "t", "body": [ { "op": "pending" } ] } ] }
END
cat > race.json <<'END'
{ "name": "race", "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 2 } }, "timing": "ideal",
  "objects": { "b": { "kind": "std_barrier", "parties": 2 } },
  "main": [ { "op": "block_on", "on": "rt", "body": [
    { "op": "spawn", "as": "x", "body": [ { "op": "wait", "on": "b" } ] },
    { "op": "spawn", "as": "y", "body": [ { "op": "wait", "on": "b" } ] },
    { "op": "await", "on": "x" }, { "op": "await", "on": "y" } ] } ],
  "expect": { "errors": [] } }
END
sed 's/"bad"/"unexpected"/; s/"deadlock\/relock"//' bad.json > unexpected.json
echo '{ "name": "broken", "main": [ { "op": "lokc" } ] }' > broken.json
cat > wide.json <<'END'
{ "name": "wide", "objects": { "n": { "kind": "atomic", "count": 8 } },
  "main": [ { "op": "thread_scope", "body": [ { "op": "spawn_thread", "count": 8, "borrow": [], "body": [
    { "op": "loop", "times": 50, "body": [ { "op": "add", "on": "n[0]", "value": "$index" } ] } ] } ] } ] }
END
mkdir -p folder/deep empty loop
cp clean.json folder/z.json
sed 's/"bad"/"bad-too"/' bad.json > folder/deep/a.json
ln -s ../loop loop/again

# Exit status
check 'a clean scenario' 0 '$tool run clean.json'
check 'an error' 1 '$tool run bad.json'
check 'a warning' 0 '$tool run warning.json'
check 'a warning that fails' 1 '$tool run warning.json --fail-on-warning'
check 'nothing fails' 0 '$tool run bad.json --fail-on never'
check 'a rule that is off' 0 '$tool run bad.json --rule deadlock/relock=off'
check 'a family as a warning' 0 '$tool run bad.json --rule "deadlock/*=warning"'
check 'a broken scenario beside a bad one' 2 '$tool run bad.json broken.json'
expect 'the bad one is reported' 'jq -e ".summary.errors == 1 and .summary.invalid == 1" out'
expect 'the broken one is explained on stderr' 'grep -q "did you mean .lock" err'
check 'a limit' 3 '$tool run wide.json --max-states 50'
check 'a limit that is allowed' 0 '$tool run wide.json --max-states 50 --allow-incomplete'
expect 'the limit is named' 'jq -e ".scenarios[0].explored.limit == \"states\" and .verdict == \"incomplete\"" out'
check 'a path alone is a run' 1 '$tool bad.json'

# The command line
check 'no command' 2 '$tool'
check 'an unknown command' 2 '$tool rnu'
expect 'a near command' 'grep -q "did you mean .run" err'
check 'an unknown flag' 2 '$tool run clean.json --jbos 2'
expect 'a near flag' 'grep -q "did you mean .--jobs" err'
expect 'a mistake prints nothing on stdout' 'test ! -s out'
check 'a flag without its value' 2 '$tool run clean.json --output'
check 'a switch with a value' 2 '$tool run clean.json --timing=1'
check 'a bad count' 2 '$tool run clean.json --max-states many'
check 'a bad duration' 2 '$tool run clean.json --time-limit 10'
check 'a bad size' 2 '$tool run clean.json --memory-limit 4KB'
check 'a bad format' 2 '$tool run clean.json --format txt'
expect 'a near format' 'grep -q "did you mean .text" err'
check 'two formats on stdout' 2 '$tool run clean.json --format text --format short'
check 'an unknown rule' 2 '$tool run clean.json --rule deadlock/relok=off'
expect 'a near rule' 'grep -q "deadlock/relock" err'
check 'no path' 2 '$tool run'
check 'too many operands' 2 '$tool explain a b'
check 'help' 0 '$tool --help'
expect 'help is on stdout' 'test -s out -a ! -s err'
for command in run test replay explain rules ops schema; do
  check "help of $command" 0 "\$tool $command -h"
  expect "help of $command has examples" 'grep -q "^Examples:" out'
done
check 'the version' 0 '$tool --version'
expect 'one line' 'test "$(wc -l < out)" = 1'

# Inputs
check 'a missing path' 2 '$tool run nowhere.json clean.json'
expect 'it is named' 'grep -q nowhere.json err'
expect 'the other one is checked' 'jq -e ".scenarios | length == 2 and .[1].verdict == \"clean\"" out'
check 'an empty folder' 2 '$tool run empty'
check 'a folder that contains itself' 2 '$tool run loop'
check 'a folder, sorted' 1 '$tool run folder'
expect 'by path' 'test "$(jq -r .scenarios[].file out | tr "\n" " ")" = "folder/deep/a.json folder/z.json "'
check 'stdin' 1 '$tool run - < bad.json'
check 'stdin twice' 2 '$tool run - - < clean.json'
check 'a folder as a scenario of replay' 2 '$tool replay folder'
check 'one file twice counts once' 0 '$tool run clean.json ./clean.json'
expect 'once' 'jq -e ".summary.scenarios == 1" out'
check 'two scenarios with one name' 2 'cp clean.json again.json; $tool run clean.json again.json'
expect 'it says so' 'grep -q "used twice" err'
check 'an empty file' 2 '$tool run /dev/null'
check 'a file that is too large' 2 'truncate -s 65M large.json; $tool run large.json; status=$?; rm large.json; exit $status'
expect 'the size is named' 'grep -q "64 MiB" err'
check 'binary' 2 'head -c 4096 /dev/urandom > noise.json; $tool run noise.json --format short'

# Outputs
check 'the report is JSON' 1 '$tool run bad.json clean.json'
expect 'valid' 'jq -e ".schema == \"asyncrt-check/report/1\"" out'
check 'an invalid one is, too' 2 '$tool run broken.json'
expect 'valid' 'jq -e ".scenarios[0].diagnostics[0].line == 1" out'
check 'the same bytes for any number of jobs' 0 \
  '$tool run folder bad.json clean.json --jobs 1 > one; $tool run folder bad.json clean.json --jobs 5 > five; cmp one five'
check 'a full disk' 2 '$tool run clean.json > /dev/full'
expect 'it says so' 'grep -q "could not be written" err'
check 'a full disk for a file' 2 '$tool run clean.json --format json=/dev/full'
check 'a closed pipe' 0 'yes clean.json | head -1 | xargs $tool run | head -c 1; test "${PIPESTATUS[3]}" = 0'
expect 'quietly' 'test ! -s err'
check 'files' 1 '$tool run bad.json --format json=r.json --format text=r.txt'
expect 'are written' 'jq -e .verdict r.json && grep -q "error\[deadlock/relock\]" r.txt'
expect 'stdout has the summary' 'grep -q "1 failed" out'
expect 'no temporary is left' 'test -z "$(ls | grep tmp)"'
check 'JSON lines' 1 '$tool run bad.json clean.json --format jsonl'
expect 'a scenario a line, then the summary' 'test "$(wc -l < out)" = 3 && jq -es ".[0].findings[0].rule == \"deadlock/relock\" and .[2].summary.errors == 1" out'
check 'SARIF' 1 '$tool run bad.json --format sarif'
expect 'has what the standard requires' 'jq -e ".version == \"2.1.0\" and (.runs[0] | .tool.driver.name and (.results[0] | .message.text and .level == \"error\" and .locations[0].physicalLocation.region.startLine > 0 and (.codeFlows[0].threadFlows[0].locations | length > 0)) and (.results[0].ruleId as \$r | any(.tool.driver.rules[]; .id == \$r)))" out'
check 'JUnit' 1 '$tool run bad.json clean.json --format junit'
expect 'is XML' 'python3 -c "import xml.etree.ElementTree as e; r = e.parse(\"out\").getroot(); assert r.get(\"tests\") == \"2\" and r.get(\"failures\") == \"1\" and len(r.findall(\".//failure\")) == 1"'
check 'annotations' 1 '$tool run bad.json --format github'
expect 'stand at the line' 'grep -Eq "^::error file=bad.json,line=[0-9]+,col=[0-9]+,title=deadlock/relock::" out'
check 'Markdown' 1 '$tool run bad.json --format markdown'
expect 'has a row and a section' 'grep -q "^| bad.json | errors |" out && grep -q "^### error: deadlock/relock" out'
check 'Mermaid' 1 '$tool run bad.json --format mermaid'
expect 'has a diagram' 'grep -q "^sequenceDiagram" out'
check 'a trace' 1 '$tool run bad.json --format chrome-trace'
expect 'has slices with names' 'jq -e "[.traceEvents[] | select(.ph == \"X\")] | length > 0 and all(.[]; .name != null and .dur > 0)" out'
python3 - <<'PY'
import json
hostile = "x\u001b[31m</script>|`%:,;\u202e\n\"'&"
json.dump({"name": hostile, "about": hostile, "objects": {"m": {"kind": "std_mutex"}}, "main": [
    {"op": "lock", "on": "m", "note": hostile, "at": hostile}, {"op": "lock", "on": "m", "at": hostile}]}, open("hostile.json", "w"))
json.dump({"name": "notes", "objects": {"m": {"kind": "std_mutex"}}, "main": [
    {"op": "lock", "on": "m", "note": hostile, "at": hostile}, {"op": "lock", "on": "m", "at": hostile},
    {"op": "panic", "message": hostile}]}, open("notes.json", "w"))
PY
for format in text short sarif junit github markdown mermaid; do
  check "hostile names in $format" 2 "\$tool run hostile.json --format $format"
  expect 'print no control characters' '! grep -qP "\x1b|\xe2\x80\xae" out'
  check "hostile notes in $format" 1 "\$tool run notes.json --format $format"
  expect 'print no control characters' '! grep -qP "\x1b|\xe2\x80\xae" out'
done
check 'a baseline' 1 '$tool run bad.json --write-baseline base.json'
check 'lets pass what it knows' 0 '$tool run bad.json --baseline base.json'
expect 'and says so' 'jq -e ".scenarios[0].findings[0].baseline == true and .summary.errors == 0" out'
check 'and tells what is gone' 0 '$tool run clean.json --baseline base.json'
expect 'on stderr' 'grep -q "gone: deadlock/relock" err'
check 'no baseline' 2 '$tool run bad.json --baseline bad.json'
check 'shards' 0 'for i in 1 2 3; do $tool run bad.json clean.json folder --shard $i/3 --fail-on never --output shard-$i.json; done'
check 'become one' 1 '$tool merge shard-1.json shard-2.json shard-3.json'
expect 'with all in it' 'jq -r ".scenarios[].file" out | sort > merged; $tool run bad.json clean.json folder | jq -r ".scenarios[].file" | sort | cmp - merged'
check 'a scenario twice' 2 '$tool merge shard-1.json shard-1.json shard-2.json shard-2.json shard-3.json shard-3.json'
check 'a bad shard' 2 '$tool run bad.json --shard 4/3'
check 'a file in a missing folder' 2 '$tool run clean.json --output nowhere/r.json'
check 'output' 0 '$tool run clean.json --output o.json'
expect 'is written' 'jq -e .verdict o.json'
check 'timing' 0 '$tool run clean.json --timing'
expect 'adds an object' 'jq -e .timing.seconds out'
check 'no color in a pipe' 1 '$tool run bad.json --format text'
expect 'no escapes' '! grep -q "$(printf "\033")" out'
check 'color' 1 '$tool run bad.json --format text --color always'
expect 'escapes' 'grep -q "$(printf "\033")" out'
check 'forced color' 1 'CLICOLOR_FORCE=1 $tool run bad.json --format text'
expect 'escapes' 'grep -q "$(printf "\033")" out'
check 'NO_COLOR wins' 1 'NO_COLOR=1 CLICOLOR_FORCE=1 $tool run bad.json --format text'
expect 'no escapes' '! grep -q "$(printf "\033")" out'

# Commands
check 'test, as expected' 0 '$tool test bad.json clean.json'
check 'test, different' 1 '$tool test unexpected.json'
expect 'the difference is named' 'grep -q "unexpected error .deadlock/relock" out'
check 'test, broken' 2 '$tool test broken.json'
check 'test, incomplete' 3 '$tool test wide.json --max-states 50'
check 'replay of a report' 0 '$tool run bad.json > r.json; $tool replay r.json'
check 'replay from stdin' 0 '$tool run bad.json | $tool replay -'
check 'replay of a schedule' 0 '$tool replay bad.json --schedule "$(jq -r ".scenarios[0].findings[0].replay" r.json)"'
check 'the exact scheduler' 1 '$tool run race.json --scheduler exact > race-report.json'
expect 'a race is called one' 'jq -e ".scenarios[0].findings[0].help[0] | startswith(\"needs a scheduler race\")" race-report.json > /dev/null'
expect 'the report says which scheduler' 'test "$(jq -r ".scenarios[0].explored.scheduler" race-report.json)" = exact'
check 'single runs' 1 '$tool run bad.json --strategy pct --schedules 50 --seed 7'
expect 'the guarantee is told' 'jq -e ".scenarios[0].explored | .guarantee > 0 and .seed == 7 and .schedules >= 50" out'
check 'single runs prove nothing' 3 '$tool run clean.json --strategy random --schedules 5'
check 'a lossy search proves nothing' 3 '$tool run clean.json --strategy bitstate'
expect 'it says why' 'test "$(jq -r ".scenarios[0].explored.limit" out)" = lossy'
check 'whole states' 0 '$tool run clean.json --exact'
expect 'none is taken for another' 'jq -e ".scenarios[0].explored.collision_probability == 0" out > /dev/null'
check 'a strategy that is none' 2 '$tool run bad.json --strategy randm'
check 'the atomic scheduler' 0 '$tool run race.json --scheduler atomic'
check 'replay of a race' 0 '$tool replay race-report.json'
check 'replay of a race with the other scheduler' 2 '$tool replay race-report.json --scheduler atomic'
check 'a scheduler that is none' 2 '$tool run race.json --scheduler exakt'
check 'test with the exact scheduler' 1 '$tool test race.json --scheduler exact'
check 'replay of nonsense' 2 '$tool replay bad.json --schedule nonsense'
check 'replay of a scenario without a schedule' 2 '$tool replay bad.json'
check 'explain' 0 '$tool explain deadlock/relock'
check 'explain by its name alone' 0 '$tool explain relock'
check 'explain what is not there' 2 '$tool explain deadlock/relok'
check 'explain as JSON' 0 '$tool explain relock --format json'
expect 'its example is the finding' 'jq -r .bad out > example.json; $tool run example.json | jq -e ".scenarios[0].findings[0].rule == \"deadlock/relock\""'
check 'rules as JSON' 0 '$tool rules --format json'
expect 'all of them' 'jq -e ".rules | length > 50" out'
check 'ops as JSON' 0 '$tool ops --format json'
expect 'all of them' 'jq -e ".ops | length > 100" out'
check 'one op' 0 '$tool ops recv'
check 'an op that is not there' 2 '$tool ops recvv'
check 'schema of scenarios' 0 '$tool schema scenario'
expect 'is JSON' 'jq -e ".[\"\$defs\"].op.oneOf | length > 80" out'
check 'schema of reports' 0 '$tool schema report'
expect 'is JSON' 'jq -e .title out'
check 'schema of nothing' 2 '$tool schema nothing'

printf '%s passed, %s failed\n' "$passed" "$failed"
test "$failed" = 0
