#!/usr/bin/env bash
# The command line as a caller sees it: exit status, what goes to stdout and what to stderr.
# usage: tests/cli_test.sh PATH-TO-asyncrt-check
set -u
tool=$(realpath "${1:?usage: tests/cli_test.sh PATH-TO-asyncrt-check}")
terminal=$(realpath "$(dirname "$0")/terminal.py")
checks=$(realpath "$(dirname "$0")/check.sh")
work=$(mktemp -d)
trap 'chmod -R u+rwx "$work"; rm -rf "$work"' EXIT
cd "$work" || exit 1
. "$checks"

export tool terminal
export TERM=xterm
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
check 'a mistyped file' 2 '$tool t.jsn'
expect 'is told as both' 'grep -q "unknown command .t.jsn., and no such file" err'
check 'a value that was begun' 2 '$tool run bad.json --fail-on warn'
expect 'gets its end' 'grep -q "did you mean .warning." err'
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
for command in $($tool --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]\{1,\}\).*/\1/p'); do
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
expect 'are the same in a file' '$tool run bad.json clean.json --format jsonl=lines --fail-on never > /dev/null && cmp lines out'
check 'JSON lines come while others are checked' 9 'timeout -s KILL 3 $tool run clean.json wide.json --format jsonl --jobs 1 || exit 9'
expect 'in order' 'test "$(jq -r .name out)" = clean'
check 'SARIF' 1 '$tool run bad.json --format sarif'
expect 'has what the standard requires' 'jq -e ".version == \"2.1.0\" and (.runs[0] | .tool.driver.name and (.results[0] | .message.text and .level == \"error\" and .locations[0].physicalLocation.region.startLine > 0 and (.codeFlows[0].threadFlows[0].locations | length > 0)) and (.results[0].ruleId as \$r | any(.tool.driver.rules[]; .id == \$r)))" out'
check 'JUnit' 1 '$tool run bad.json clean.json --format junit'
expect 'is XML' 'python3 -c "import xml.etree.ElementTree as e; r = e.parse(\"out\").getroot(); assert r.get(\"tests\") == \"2\" and r.get(\"failures\") == \"1\" and len(r.findall(\".//failure\")) == 1"'
check 'annotations' 1 '$tool run bad.json --format github'
expect 'stand at the line' 'grep -Eq "^::error file=bad.json,line=[0-9]+,col=[0-9]+,title=deadlock/relock::" out'
check 'Markdown' 1 '$tool run bad.json --format markdown'
expect 'has a row and a section' 'grep -q "^| bad.json | errors |" out && grep -q "^### error: deadlock/relock" out'
check 'a page' 1 '$tool run bad.json --format html'
expect 'loads nothing and has an anchor for each step' 'grep -q "default-src .none." out && grep -q "id=\"f1.s1\"" out && ! grep -Eq "https?://|src=" out'
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

# The state at the end
check 'no state at the end' 1 '$tool run bad.json --format text'
expect 'unless it is asked for' '! grep -q "at end" out'
check 'the state at the end' 1 '$tool run bad.json --format text -v'
expect 'names the party and the lock' 'grep -q "= at end: *thread main: is blocked in .lock m. (line [0-9]*); holds .m." out && grep -q "std_mutex m: held by thread main" out'
check 'the same in a file' 1 '$tool run bad.json --format text=v.txt --verbose'
expect 'it is there' 'grep -q "std_mutex m: held by thread main" v.txt'
check 'in no report for programs' 1 '$tool run bad.json -v > v.json; $tool run bad.json > plain.json; cmp v.json plain.json && exit 1'
check 'a replay with the state at its end' 0 '$tool replay plain.json -v'
expect 'names the lock' 'grep -q "^  std_mutex m: held by thread main$" out'
check 'a letter that is none' 2 '$tool run bad.json -w'

# Progress, and Ctrl-C
check 'no progress in a pipe' 3 '$tool run wide.json --time-limit 900ms'
expect 'quietly' 'test ! -s err'
check 'progress that is asked for' 3 '$tool run wide.json --time-limit 900ms --progress always'
expect 'as whole lines' 'grep -Eq "^scenario 1 of 1  wide.json  [1-9][0-9,]* states, [1-9][0-9,]* per second, frontier [0-9,]+, [0-9,]+ MiB, [1-9][0-9]?% of --time-limit$" err'
check 'progress of any other kind' 2 '$tool run wide.json --progress allways'
check 'progress on a terminal' 3 'python3 $terminal r.json $tool run clean.json wide.json --time-limit 1500ms'
expect 'is rewritten' 'test "$(grep -Pao "\r\x1b\[Kscenario 2/2  [1-9][0-9,.k]* states, [1-9][0-9,.k]*/s, frontier [1-9][0-9,.k]*, [0-9]+ MiB, [1-9][0-9]?% of time" out | wc -l)" -gt 1'
expect 'is cleared' 'grep -Paq "\r\x1b\[K$" out'
expect 'leaves the report alone' 'jq -e ".scenarios[1].explored.limit == \"time\"" r.json'
check 'a test has it as well' 3 'python3 $terminal out.txt $tool test wide.json --time-limit 900ms'
expect 'on the terminal' 'grep -aq "scenario 1/1" out && ! grep -q "scenario 1/1" out.txt'
check 'a short check has none' 0 'python3 $terminal r.json $tool run clean.json'
expect 'quietly' 'test ! -s out'
check 'no progress' 3 'python3 $terminal r.json $tool run wide.json --time-limit 900ms --progress never'
expect 'quietly' 'test ! -s out'
check 'a dumb terminal' 3 'TERM=dumb python3 $terminal r.json $tool run wide.json --time-limit 900ms'
expect 'has none' 'test ! -s out'
check 'Ctrl-C' 130 'python3 $terminal --interrupt r.json $tool run bad.json wide.json clean.json --jobs 1'
expect 'reports what was found' 'jq -e ".scenarios[0].findings[0].rule == \"deadlock/relock\" and .summary.errors == 1" r.json'
expect 'and what was not explored' 'jq -e "[.scenarios[1, 2].explored.limit] == [\"interrupt\", \"interrupt\"] and .scenarios[1].explored.states > 0" r.json'

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

check 'a first scenario' 0 '$tool init'
expect 'is JSON and says what to do next' 'jq -e .about first.json && grep -q "asyncrt-check run first.json" out'
check 'has a finding' 1 '$tool run first.json'
check 'is as it expects' 0 '$tool test first.json'
check 'repaired as its note says' 0 'sed "s/std_channel/mpsc/" first.json > repaired.json; $tool run repaired.json'
cp first.json kept.json
check 'a second time' 2 '$tool init'
expect 'changes nothing' 'grep -q "exists already" err && cmp first.json kept.json'
check 'a scenario in Rust' 0 '$tool export clean.json --output in-rust'
expect 'a cargo project' 'test -f in-rust/Cargo.toml && test -f in-rust/src/clean.rs && test -f in-rust/src/support.rs'
check 'over its own project' 0 '$tool export bad.json --output in-rust'
check 'into a folder with other files' 2 'mkdir -p mine; touch mine/file; $tool export clean.json --output mine'
expect 'it is left as it was' 'test "$(ls -A mine)" = file'
check 'without a folder' 2 '$tool export clean.json'
expect 'the flag is named' 'grep -q -e "--output DIR" err'
check 'in another language' 2 '$tool export clean.json --to go --output in-go'
check 'a broken scenario in Rust' 2 '$tool export broken.json --output broken-in-rust'
expect 'nothing is written' 'test ! -e broken-in-rust'
check 'a folder that cannot be made' 2 'touch plain; $tool export clean.json --output plain/in-rust'
# A cargo that fails, and no cargo. The folder of Tokio is all that is looked at before.
mkdir -p fake-tokio fake-bin no-bin && printf '[package]\nname = "tokio"\nversion = "1.24.2"\n' > fake-tokio/Cargo.toml
printf '#!/bin/sh\necho "error: the disk is on fire" >&2\nexit 101\n' > fake-bin/cargo && chmod +x fake-bin/cargo
$tool run bad.json clean.json --tokio 1.24 --fail-on never > confirm.json 2> /dev/null
check 'confirm with a cargo that fails' 2 'PATH=$PWD/fake-bin:$PATH $tool confirm confirm.json --tokio-path fake-tokio --build cargo-build'
expect 'it says what cargo says' 'grep -q "the disk is on fire" err && test ! -s out'
expect 'no project is left' 'test -z "$(ls cargo-build | grep project)"'
check 'confirm without cargo' 2 'PATH=$PWD/no-bin $tool confirm confirm.json --tokio-path fake-tokio --build cargo-build'
expect 'the packages are named' 'grep -q "librust-tokio-dev" err'
check 'confirm without a Tokio' 2 '$tool confirm confirm.json --tokio-path empty'
expect 'it says what is missing' 'grep -q "Cargo.toml" err'
check 'confirm of a scenario' 2 '$tool confirm bad.json --tokio-path fake-tokio'
expect 'it is called one' 'grep -q "this is a scenario" err'
check 'confirm of nonsense' 2 'echo "[" | $tool confirm - --tokio-path fake-tokio'
check 'confirm of nothing' 2 '$tool confirm nowhere.json --tokio-path fake-tokio'
check 'confirm of a clean report' 0 '$tool run clean.json | $tool confirm - --tokio-path fake-tokio'
expect 'the report is as it was' '$tool run clean.json | cmp - out'
check 'confirm of the rules of another release' 0 '$tool run bad.json --tokio 1.50 --fail-on never | $tool confirm - --tokio-path fake-tokio'
expect 'it cannot be compared' 'jq -e ".scenarios[0].findings[0].confirmed | .outcome == null and (.why_not | startswith(\"not comparable\"))" out'
check 'confirm of what no run can show' 0 '$tool run warning.json --tokio 1.24 | $tool confirm - --tokio-path fake-tokio --format text'
expect 'the text says so' 'grep -q "real Tokio: *not tried on Tokio 1.24.2" out'
sed 's/"body": \[\]/"body": [ { "op": "thread_yield" } ]/' bad.json > changed.json && sed 's/bad\.json/changed.json/' confirm.json > changed-report.json
check 'confirm of a scenario that has changed' 2 '$tool confirm changed-report.json --tokio-path fake-tokio'
expect 'it says so' 'grep -q "changed.json: the scenario has changed" err && jq -e ".scenarios[0].findings[0].confirmed.why_not | contains(\"changed\")" out'
check 'confirm of a scenario that is gone' 2 'sed "s/bad.json/gone.json/" confirm.json > gone-report.json; $tool confirm gone-report.json --tokio-path fake-tokio'
check 'confirm over its report' 2 '$tool confirm confirm.json --tokio-path fake-tokio --output confirm.json'
expect 'the flag for that is named' 'grep -q -e "--in-place" err'
check 'confirm of stdin in place' 2 '$tool confirm - --in-place --tokio-path fake-tokio < confirm.json'
check 'confirm in place' 0 '$tool run warning.json --tokio 1.24 > place.json; $tool confirm place.json --tokio-path fake-tokio --in-place'
expect 'the report has it' 'jq -e ".scenarios[0].findings[0].confirmed.tokio == \"1.24.2\"" place.json && grep -q "1 not tried" out'
check 'confirm with a bad timeout' 2 '$tool confirm confirm.json --timeout soon'
check 'the scenario is called as its file is' 0 '$tool init "Odd  Näme_2.json"'
expect 'in kebab-case' 'test "$(jq -r .name Odd*.json)" = odd-n-me-2 && $tool test Odd*.json'
check 'a first scenario on stdout' 1 '$tool init - | $tool run -'
check 'a first scenario in a missing folder' 2 '$tool init nowhere/first.json'

# Completion, in a bash of its own; the words are split at `=`, as readline does.
cat > complete.sh <<'END'
source <("$1" completion bash)
shift
complete -p asyncrt-check > /dev/null || exit 1
COMP_WORDS=(asyncrt-check "$@")
COMP_CWORD=$#
COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
_asyncrt_check
echo "${COMPREPLY[*]}"
END
# completes EXPECTED WORD...: the last word is the one at the cursor.
completes() {
  local expected=$1 found
  shift
  found=$(bash complete.sh "$tool" "$@")
  check "completion of '$*': '$found', not '$expected'" 0 "test '$found' = '$expected'"
}
completes 'run replay rules' r
completes "$(ls -d clean*)" clean
completes '--fail-on --fail-on-warning' run --fail
completes '--help --version' --
completes 'json jsonl junit' run --format j
completes 'json jsonl junit' run --format = j
completes 'clean.json' run --format json = clean.j
completes 'deadlock/relock= deadlock/read-reentry=' run --rule deadlock/re
completes 'off note warning error' run --rule deadlock/relock =
completes 'error' run --rule = deadlock/relock = e
completes 'exact' run bad.json --scheduler e
completes '1.44' run --tokio 1.44
completes '' run --jobs ''
completes 'clean.json' run --timing clean.j
completes 'deadlock/relock deadlock/read-reentry' explain deadlock/re
completes 'try_send' ops try_s
completes 'explain' help expl
completes 'bash zsh fish' completion ''
completes '' rules ''
check 'completion of a shell that is none' 2 '$tool completion bsh'
expect 'name the nearest' 'grep -q "did you mean .bash" err'
for shell in zsh fish; do
  check "completions of $shell" 0 "\$tool completion $shell > completions.$shell"
  if command -v "$shell" > /dev/null; then
    check "are $shell" 0 "$shell -n completions.$shell"
  else
    printf 'skipped: %s is not installed\n' "$shell"
  fi
done
if command -v fish > /dev/null; then
  check 'fish offers what there is' 0 'HOME=$PWD fish -c "source completions.fish; complete -C \"asyncrt-check explain deadlock/re\""'
  expect 'of rules' 'test "$(sort out | tr "\n" " ")" = "deadlock/read-reentry deadlock/relock "'
fi

# The manual
for page in 1 5; do
  check "manual page $page" 0 "\$tool man $page > page.$page"
  if command -v groff > /dev/null; then
    check "has no warnings of groff" 0 "groff -man -ww -z -Tutf8 page.$page"
    expect 'none' 'test ! -s err'
  else
    printf 'skipped: groff is not installed\n'
  fi
  if command -v mandoc > /dev/null; then
    check "has no warnings of mandoc" 0 "! mandoc -T lint -W warning page.$page | grep -v 'missing date'"
  else
    printf 'skipped: mandoc is not installed\n'
  fi
done
check 'the help of all commands' 0 \
  'for command in $($tool --help | sed -n "/^Commands:/,/^$/s/^  \([a-z]\{1,\}\).*/\1/p"); do $tool $command --help; done'
expect 'has the flags that the manual has' \
  'sed -n "s/^  --\([a-z-]*\).*/\1/p" out | sort > flags; test -s flags  &&
    sed "s/[\\]-/-/g" page.1 | sed -n "s/^[\\]fB--\([a-z-]*\).*/\1/p" | sort | cmp - flags'
check 'the manual has every op and key' 0 \
  'sed "s/[\\]-/-/g" page.5 > plain; $tool ops --format json | jq -r ".ops[].op" | while read -r op; do grep -q "^.SS \"$op" plain || exit 1; done
    $tool schema scenario | jq -r ".properties | keys[]" | while read -r key; do grep -qF "fB$key" plain || exit 1; done'
check 'a manual page that is none' 2 '$tool man 7'

printf '%s passed, %s failed\n' "$passed" "$failed"
test "$failed" = 0
