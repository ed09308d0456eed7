#!/usr/bin/env bash
# What goes wrong around the tool: a full disk, a reader that goes away, files that vanish, signals, too little memory.
# Each must end in the right exit status and one clear line on stderr, with every output whole or as it was before.
# usage: tests/faults.sh PATH-TO-asyncrt-check
set -u
tool=$(realpath "${1:?usage: tests/faults.sh PATH-TO-asyncrt-check}")
checks=$(realpath "$(dirname "$0")/check.sh")
here=$(realpath "$(dirname "$0")")
work=$(mktemp -d)
trap 'chmod -R u+rwx "$work"; rm -rf "$work"' EXIT
cd "$work" || exit 1
. "$checks"

# says NAME PATTERN: the last check said this on stderr, in one line.
says() { expect "$1" "test \"\$(wc -l < err)\" = 1 && grep -q '^asyncrt-check: .*$2' err"; }
no_litter() { expect 'no temporary is left' 'test -z "$(find . -name "*.tmp*")"'; }

export tool
cat > clean.json <<'END_OF_SCENARIO'
{ "name": "clean", "objects": { "m": { "kind": "std_mutex" } }, "main": [ { "op": "lock", "on": "m", "body": [] } ],
  "expect": { "errors": [], "warnings": [] } }
END_OF_SCENARIO
cat > bad.json <<'END_OF_SCENARIO'
{ "name": "bad", "objects": { "m": { "kind": "std_mutex" } },
  "main": [ { "op": "lock", "on": "m", "body": [ { "op": "lock", "on": "m", "body": [] } ] } ],
  "expect": { "errors": ["deadlock/relock"], "warnings": [] } }
END_OF_SCENARIO
cat > wide.json <<'END_OF_SCENARIO'
{ "name": "wide", "objects": { "n": { "kind": "atomic" } },
  "main": [ { "op": "thread_scope", "body": [ { "op": "spawn_thread", "count": 8, "borrow": [], "body": [
    { "op": "loop", "times": 50, "body": [ { "op": "add", "on": "n", "value": "$index + 1" } ] } ] } ] } ] }
END_OF_SCENARIO
$tool run bad.json > report.json

# A full disk
for command in 'run clean.json' 'run bad.json --format sarif' 'test clean.json' 'replay report.json' 'merge report.json' \
    'explain deadlock/relock' 'rules' 'ops' 'schema scenario' '--help' '--version'; do
  check "a full disk under $command" 2 "\$tool $command > /dev/full"
  says 'it says so' 'could not be written: No space left on device'
done
for format in json jsonl text short sarif junit github markdown html mermaid chrome-trace; do
  check "a full disk for a file of $format" 2 "\$tool run bad.json --format $format=/dev/full"
  says 'it says so' '/dev/full could not be written: No space left'
done
check 'a full disk for --output' 2 '$tool run bad.json --output /dev/full'
check 'a full disk for a baseline' 2 '$tool run bad.json --write-baseline /dev/full'
says 'it says so' '/dev/full could not be written: No space left'
check 'one full disk of two' 2 '$tool run bad.json --format sarif=/dev/full --format json=good.json'
expect 'the other one is whole' 'jq -e .verdict good.json'
check 'a disk that becomes full' 2 'echo old > before.json; ulimit -f 1; $tool run bad.json --format sarif=before.json > /dev/null'
says 'it says so' 'before.json could not be written: File too large'
expect 'the file is as it was' 'test "$(cat before.json)" = old'
no_litter
check 'a full disk for stderr' 2 '$tool run nowhere.json 2> /dev/full'
expect 'the report is whole' 'jq -e ".verdict == \"invalid\"" out'

# A reader that goes away, streams that are closed
check 'a closed pipe' 0 '$tool rules --format json | head -c 1; test "${PIPESTATUS[0]}" = 0'
expect 'quietly' 'test ! -s err'
check 'a pipe closed before anything is written' 1 '{ sleep 0.1; $tool run bad.json; echo $? > status; } | true; exit "$(cat status)"'
expect 'quietly' 'test ! -s err'
check 'a closed stdout' 2 '$tool run bad.json >&-'
says 'it says so' 'stdout could not be written: Bad file descriptor'
check 'a closed stderr' 2 '$tool run nowhere.json 2>&-'
check 'nothing open at all' 2 '$tool run bad.json --output none.json <&- >&- 2>&-'
expect 'the report is whole' 'jq -e ".verdict == \"errors\"" none.json'
check 'a closed stdin' 2 '$tool run - <&-'
says 'it says so' '<stdin>: it could not be read: Bad file descriptor'

# Outputs that cannot be written
mkdir -p folder locked
check 'a folder as the output' 2 '$tool run clean.json --output folder'
says 'it says so' 'folder could not be written: it is a folder'
check 'a missing folder' 2 '$tool run clean.json --output nowhere/r.json'
says 'it says so' 'nowhere/r.json could not be written: No such file'
check 'a file as a folder' 2 '$tool run clean.json --output clean.json/r.json'
says 'it says so' 'could not be written: Not a directory'
check 'a name that is too long' 2 '$tool run clean.json --output "$(printf "%0300d" 0)"'
says 'it says so' 'could not be written: File name too long'
ln -s turn turn
check 'a link to itself' 2 '$tool run clean.json --output turn'
chmod 555 locked
if ! touch locked/probe 2> /dev/null; then  # root may write anywhere
  check 'a folder that is locked' 2 '$tool run clean.json --output locked/r.json'
  says 'it says so' 'locked/r.json could not be written: Permission denied'
fi
check 'a project in a file' 2 '$tool export --to rust clean.json --output bad.json'
says 'it says so' 'it is no folder'
check 'a project in a folder of others' 2 'mkdir -p others; touch others/own; $tool export --to rust clean.json --output others'
expect 'nothing is added' 'test "$(ls others)" = own'

# An output that is an input
ln -s clean.json link.json
ln clean.json hard.json
cp clean.json untouched
for output in clean.json ./clean.json folder/../clean.json link.json hard.json "$PWD/clean.json"; do
  for flag in --output --write-baseline '--format json' '--format text=other.txt --format sarif'; do
    case $flag in *format*) value="=$output" ;; *) value=" $output" ;; esac
    check "$flag$value, an input" 2 "\$tool run clean.json bad.json $flag$value"
    says 'it says so' 'is not written: it is the input clean.json'
    expect 'the input is intact' 'cmp clean.json untouched && test ! -e other.txt'
  done
done
check 'stdin as the output' 2 '$tool run - --output clean.json < clean.json'
expect 'the input is intact' 'cmp clean.json untouched'
check 'an input of a folder' 2 'mkdir -p some; cp clean.json some/a.json; $tool run some --output some/a.json'
expect 'the input is intact' 'cmp some/a.json untouched'
check 'an input of another shard' 2 \
  'for i in 1 2 3; do $tool run clean.json bad.json --shard $i/3 --output clean.json; test $? = 2 || exit 1; done; exit 2'
expect 'the input is intact' 'cmp clean.json untouched'
check 'a report over the baseline' 2 '$tool run bad.json --write-baseline base.json > /dev/null; cp base.json base; $tool run bad.json --baseline base.json --output base.json'
expect 'the baseline is intact' 'cmp base.json base'
check 'a baseline over itself' 0 '$tool run bad.json --baseline base.json --write-baseline base.json'
check 'two outputs to one file' 2 '$tool run clean.json --format text=two --format json=./two'
expect 'neither is written' 'test ! -e two'
check 'two outputs to nowhere' 0 '$tool run clean.json --format text=/dev/null --format json=/dev/null'
check 'a link as the output' 0 'echo old > real; ln -s real alias; $tool run clean.json --output alias'
expect 'stays a link' 'test -L alias && jq -e .verdict real'
check 'a link to what is not there yet' 0 'mkdir -p far; ln -s far/new far-link; $tool run clean.json --output far-link'
expect 'stays a link' 'test -L far-link && jq -e .verdict far/new'
check 'a mode' 0 'echo old > secret; chmod 600 secret; $tool run clean.json --output secret'
expect 'stays' 'test "$(stat -c %a secret)" = 600 && jq -e .verdict secret'

# Files that vanish or change while others are read: the first one is a pipe, so that the tool waits there.
mkdir gone
for change in 'rm gone/b.json' 'chmod 0 gone/b.json; rm gone/b.json; mkdir gone/b.json' 'rm gone/b.json; ln -s b.json gone/b.json'; do
  rm -rf gone/*
  mkfifo gone/a.json
  sed 's/"clean"/"b"/' clean.json > gone/b.json
  sed 's/"clean"/"c"/' clean.json > gone/c.json
  check "while a folder is read: $change" 2 \
    "{ exec 3> gone/a.json; $change; cat bad.json >&3; } & \$tool run gone; status=\$?; wait; exit \$status"
  says 'it is named' 'gone/b.json: it could not be read: '
  expect 'the others are checked' 'jq -e "[.scenarios[].verdict] == [\"errors\", \"invalid\", \"clean\"]" out'
done
for input in idle -; do   # nothing ever comes from there
  check "a signal while it waits for $input" 143 \
    "test -p idle || mkfifo idle; timeout -k 30 --preserve-status 0.5 \$tool run $input 0<> idle"
  expect 'it says so' 'grep -q "it could not be read: interrupted" err'
done
check 'a file that is cut' 2 'head -c 40 clean.json > cut.json; $tool run cut.json'
expect 'it is explained' 'jq -e ".scenarios[0].diagnostics[0].line >= 1" out'
check 'the scenario of a report is gone' 2 'cp bad.json was.json; $tool run was.json > was-report.json; rm was.json; $tool replay was-report.json'
says 'it says so' 'was.json: it could not be read: No such file'
check 'the scenario of a report has changed' 2 'cp clean.json was.json; $tool replay was-report.json'
says 'it says so' 'the schedule cannot be played'
check 'a report that is cut' 2 'head -c 300 report.json > half.json; $tool replay half.json'
says 'it says so' 'no JSON report'
check 'a shard that is cut' 2 '$tool merge report.json half.json'
expect 'nothing is printed' 'test ! -s out'
check 'a baseline that is cut' 2 'head -c 60 base.json > half.json; $tool run bad.json --baseline half.json'
expect 'nothing is printed' 'test ! -s out'

# Signals at any moment: before the tool listens they end it, then it reports what it has.
cat > signals.py <<'END_OF_PROGRAM'
import json, os, random, signal, subprocess, sys, time
tool = os.environ["tool"]
seed = int(os.environ.get("FAULTS_SEED", "1"))
random.seed(seed)
wrong = []
def wrongly(*words): wrong.append(" ".join(str(word) for word in words))
for number in range(int(os.environ.get("FAULTS_SIGNALS", "40"))):
    which = random.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE])
    delay = random.choice([0, 0.002, 0.005, 0.01, 0.05, 0.15]) * random.random()
    with open("kept.json", "w") as file: file.write("old")
    paths = random.choice([["wide.json"], ["bad.json", "wide.json", "clean.json"]])
    process = subprocess.Popen([tool, "run", *paths, "--jobs", str(random.choice([1, 3])), "--output", "kept.json"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(delay)
    process.send_signal(which)
    if which == signal.SIGPIPE:  # it listens for that only to ignore it
        time.sleep(0.01)
        if process.poll() is None:
            which = signal.SIGTERM
            process.send_signal(which)
    begin = time.monotonic()
    try:
        _, err = process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        wrongly(number, which, delay, "goes on")
        continue
    kept = open("kept.json").read()
    name = f"run {number}, {which.name} after {delay * 1000:.1f} ms: status {process.returncode},"
    if process.returncode == -which:  # before it listened
        if kept != "old" or err: wrongly(name, "yet it has written", kept[:60], err)
        continue
    if process.returncode != 128 + which: wrongly(name, "not", 128 + which, err)
    if err != "asyncrt-check: interrupted: the result has only what was found until then\n": wrongly(name, "said", repr(err))
    try:
        report = json.loads(kept)
    except ValueError:
        wrongly(name, "half a report")
        continue
    wide = [scenario for scenario in report["scenarios"] if scenario["name"] == "wide"]
    if [scenario["explored"]["limit"] for scenario in wide] != ["interrupt"]: wrongly(name, "not marked", wide)
    if len(report["scenarios"]) != len(paths): wrongly(name, "lost scenarios")
    if report["verdict"] not in ("incomplete", "errors"): wrongly(name, report["verdict"])
# The second one ends it at once, whatever it does.
process = subprocess.Popen([tool, "run", "wide.json", "--output", "kept.json"], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
time.sleep(0.05)
for _ in range(2): process.send_signal(signal.SIGTERM)
try:
    process.wait(timeout=10)
except subprocess.TimeoutExpired:
    process.kill()
    wrongly("the second signal is ignored")
left = [name for name in os.listdir(".") if ".tmp" in name]
if left: wrongly("left behind", left)
print("\n".join(wrong) if wrong else "ok")
sys.exit(1 if wrong else 0)
END_OF_PROGRAM
check 'signals at random moments' 0 'python3 signals.py'
expect 'nothing is wrong' 'grep -qx ok out'

# Too little memory: a verdict, `incomplete` or one line, and never a half report.
cat > memory.py <<'END_OF_PROGRAM'
import json, os, resource, subprocess, sys
tool = os.environ["tool"]
wrong = []
statuses = set()
for mebibytes in [8, 10, 11, 12, 13, 14, 16, 20, 24, 40]:
    limit = mebibytes << 20
    def confine(): resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    if subprocess.run([tool, "--version"], preexec_fn=confine, capture_output=True).returncode != 0:
        continue  # not even the loader finds room
    for words in (["run", "bad.json", "clean.json", "wide.json", "--jobs", "4", "--max-states", "4000"],
                  ["run", "wide.json", "--jobs", "1", "--max-states", "4000"], ["run", "bad.json", "--format", "sarif"]):
        done = subprocess.run([tool, *words], preexec_fn=confine, capture_output=True, text=True, timeout=10)
        name = f"{mebibytes} MiB, {' '.join(words)}: status {done.returncode},"
        statuses.add(done.returncode)
        if done.returncode not in (1, 2, 3):
            wrong.append(f"{name} {done.stderr!r}")
            continue
        if done.returncode == 2:
            if done.stderr.count("\n") != 1 or "memory" not in done.stderr: wrong.append(f"{name} said {done.stderr!r}")
            if done.stdout: wrong.append(f"{name} half a report")
            continue
        try:
            report = json.loads(done.stdout)
        except ValueError:
            wrong.append(f"{name} half a report")
            continue
        if "sarif" in words: continue
        if report["summary"]["invalid"] or report["verdict"] == "clean": wrong.append(f"{name} {report['summary']}")
if not {1, 3} <= statuses: wrong.append(f"only {statuses}")
print("\n".join(wrong) if wrong else "ok")
sys.exit(1 if wrong else 0)
END_OF_PROGRAM
check 'too little memory' 0 'python3 memory.py'
expect 'nothing is wrong' 'grep -qx ok out'

# A search of 13,000 states, which other threads help with.
cat > large.json <<'END_OF_SCENARIO'
{ "name": "large", "objects": { "m": { "kind": "std_mutex", "count": 3 }, "n": { "kind": "atomic" } },
  "main": [ { "op": "thread_scope", "body": [ { "op": "spawn_thread", "count": 3, "body": [ { "op": "loop", "times": 8, "body": [
    { "op": "lock", "on": "m[$index]", "body": [ { "op": "add", "on": "n", "value": "$index + 1" }, { "op": "lock", "on": "m[($index + 1) % 3]", "body": [] } ] } ] } ] } ] } ] }
END_OF_SCENARIO

# One allocation that fails, or all from one on: one line and an exit status of 2, or a result that is whole.
cat > allocations.py <<'END_OF_PROGRAM'
import json, os, random, subprocess, sys
tool = os.environ["tool"]
random.seed(int(os.environ.get("FAULTS_SEED", "1")))
wrong, statuses = [], {}
commands = (["run", "bad.json", "clean.json", "--jobs", "1"], ["run", "bad.json", "--jobs", "3", "--output", "kept.json"],
            ["run", "bad.json", "--format", "html"], ["run", "bad.json", "--format", "sarif=kept.json"],
            ["run", "large.json", "--jobs", "3"], ["test", "bad.json"], ["replay", "report.json"], ["export", "--to", "rust", "clean.json", "--output", "made"])
for words in commands:
    for more in ("", "+"):
        for number in [*range(1, 12), *(int(12 * 1.3 ** k) for k in range(26)), *(random.randrange(20, 12000) for _ in range(12))]:
            with open("kept.json", "w") as file: file.write("old")
            environment = dict(os.environ, LD_PRELOAD="./fail_malloc.so", FAIL_MALLOC=f"{number}{more}")
            try:
                done = subprocess.run([tool, *words], env=environment, capture_output=True, text=True, timeout=20)
            except subprocess.TimeoutExpired:
                wrong.append(f"{' '.join(words)}, allocation {number}{more}: it hangs")
                continue
            name = f"{' '.join(words)}, allocation {number}{more}: status {done.returncode},"
            statuses[done.returncode] = statuses.get(done.returncode, 0) + 1
            kept = open("kept.json").read()
            if kept != "old":
                try:
                    json.loads(kept)
                except ValueError:
                    wrong.append(f"{name} half a file")
            # Without any memory left the JSON library's own assertion may end it; what it was writing is as it was.
            if done.returncode == 4 and more and "is a bug" in done.stderr and kept == "old" and not done.stdout: continue
            if done.returncode not in (0, 1, 2, 3): wrong.append(f"{name} {done.stderr[:200]!r}")
            if done.returncode == 2:
                if done.stderr.count("\n") != 1 or not done.stderr.startswith("asyncrt-check: "): wrong.append(f"{name} said {done.stderr[:200]!r}")
                if done.stdout or kept != "old": wrong.append(f"{name} half a result")
            elif words[0] == "run" and done.stdout and words[-1] != "html" and "kept.json" not in words[-1]:
                try:
                    report = json.loads(done.stdout)
                    if report["verdict"] == "clean": wrong.append(f"{name} clean")
                except ValueError:
                    wrong.append(f"{name} half a report")
if not {1, 2} <= statuses.keys(): wrong.append(f"only {statuses}")
left = [name for name in os.listdir(".") if ".tmp" in name]
if left: wrong.append(f"left behind {left}")
print("\n".join(wrong[:20]) if wrong else "ok")
sys.exit(1 if wrong else 0)
END_OF_PROGRAM
if cc -shared -fPIC -o fail_malloc.so "$here/fail_malloc.c" -ldl 2> /dev/null && FAIL_MALLOC=1 LD_PRELOAD=./fail_malloc.so $tool --version > /dev/null 2>&1; test $? = 2; then
  check 'allocations that fail' 0 'timeout 300 python3 allocations.py'
  expect 'nothing is wrong' 'grep -qx ok out'
fi

no_litter
printf '%s passed, %s failed\n' "$passed" "$failed"
test "$failed" = 0
