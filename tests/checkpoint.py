"""Searches that end before their time and go on from a checkpoint must end in the report of one that was never stopped.

usage: checkpoint.py PATH-TO-asyncrt-check [--big]
"""
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "bench"))
import families  # noqa: E402

tool = os.path.abspath(sys.argv[1])
big = "--big" in sys.argv
random.seed(20)
failures = []
resumed = 0


def op(name, on=None, **fields):
    return families.op(name, on, **fields)


SCENARIOS = {
    "dining-ordered": families.dining(3, 2, 1),
    "dining": families.dining(5, 1, 0),
    "ring": families.ring(2, 1, 2),
    "inversion": families.inversion(3, 1, 1),
    "inversion-right": families.inversion(3, 1, 0),
    "timers": {"runtimes": {"rt": {"flavor": "multi_thread", "worker_threads": 2}}, "objects": {"m": {"kind": "mutex"}, "ch": {"kind": "mpsc", "capacity": 1}},
               "main": [op("block_on", "rt", body=[
                   op("spawn", as_=f"t{i}", clone=["ch.tx"], body=[op("sleep", for_=f"{3 + i}ms"), op("lock", "m", body=[op("sleep", for_="5ms")]), op("send", "ch", or_=[])])
                   for i in range(1)] + [op("recv", "ch", or_=[]), op("timeout", after="4ms", body=[op("recv", "ch", or_=[])], or_=[])])]},
    "endless": {"objects": {"go": {"kind": "atomic"}, "m": {"kind": "std_mutex"}},
                "main": [op("spawn_thread", as_=f"s{i}", body=[op("loop", body=[op("lock", "m", body=[op("add", "go", value=0)])])]) for i in range(2)] +
                        [op("loop", body=[op("if", cond="go == 1", then=[op("break")]), op("thread_yield")])]},
    "endless-under-ideal-time": {"runtimes": {"rt": {"flavor": "current_thread"}}, "objects": {"go": {"kind": "atomic"}},
               "main": [op("block_on", "rt", body=[
                   op("spawn", as_="spinner", body=[op("loop", body=[op("if", cond="go == 2", then=[op("break")]), op("yield_now")])]),
                   op("sleep", for_="5ms"), op("add", "go", value=1), op("sleep", for_="5ms"), op("add", "go", value=1), op("await", "spinner")])]},
    "relock": {"objects": {"m": {"kind": "std_mutex", "count": 3}},
               "main": [op("spawn_thread", as_=f"t{i}", body=[op("lock", f"m[{i}]", body=[op("lock", f"m[{(i + 1) % 3}]", body=[])]) for _ in range(2)]) for i in range(3)] +
                       [op("lock", "m[0]", body=[op("lock", "m[0]", body=[])])]},
}
LIMIT = ["--max-states", "100000"]
FLAGS = {
    "reduced": [],
    "plain": ["--no-reduction", "all"],
    "unchained": ["--no-reduction", "chains"],
    "exact states": ["--no-reduction", "all", "--exact"],
}


# Strategies that end by themselves, though never with everything explored.
WALKS = {
    "bitstate": ["--strategy", "bitstate", "--no-reduction", "all", "--memory-limit", "64MiB"],   # all of it is written each time
    "random": ["--strategy", "random", "--schedules", "4000", "--max-depth", "300", "--seed", "5"],
    "pct": ["--strategy", "pct", "--schedules", "4000", "--max-depth", "300", "--seed", "5"],
}


def run(args, **kwargs):
    return subprocess.run([tool, "run", *args], capture_output=True, text=True, timeout=600, **kwargs)


def differ(name, wanted, got):
    if got.stdout == wanted.stdout and got.returncode == wanted.returncode:
        return
    failures.append(f"{name}: another report: status {got.returncode}, not {wanted.returncode}; {got.stderr.strip()[:300]}")


def by_steps(name, path, flags, wanted, work):
    """Stopped by limits on states, each larger than the last."""
    global resumed
    kept = os.path.join(work, "steps")
    explored = json.loads(wanted.stdout)["scenarios"][0]["explored"]
    limit, rounds = 2 + random.randrange(max(2, explored["states"] // 4)), 0
    while limit < explored["states"]:
        done = run([path, *flags, "--checkpoint", kept, *(["--resume"] if rounds else []), "--max-states", str(limit)])
        if json.loads(done.stdout)["scenarios"][0]["explored"]["complete"]:   # the states are those of two searches
            break
        if not os.path.exists(kept):
            failures.append(f"{name}: a limit left no checkpoint")
            return
        rounds += 1
        limit += 1 + random.randrange(max(2, explored["states"] // (8 if big else 2)))
    else:
        done = run([path, *flags, "--checkpoint", kept, *(["--resume"] if rounds else []), *LIMIT])
    resumed += rounds > 0
    if done.args[-1] != LIMIT[-1]:   # its findings are told within its limit
        wanted = run([path, *flags, *done.args[-2:]])
    differ(f"{name}, in {rounds} steps", wanted, done)
    if os.path.exists(kept):
        failures.append(f"{name}: the checkpoint of a complete search is left")
        os.remove(kept)


def by_kills(name, paths, flags, wanted, work, most, longest=0.25):
    """Ended by kill -9 at any moment, again and again. How often it went on from a checkpoint."""
    global resumed
    times = 0
    kept = os.path.join(work, "kills")
    for kills in range(most + 1):
        had = os.path.exists(kept)
        times += had
        process = subprocess.Popen([tool, "run", *paths, *flags, "--checkpoint", kept, "--resume", "--checkpoint-every", "1ms"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            out, err = process.communicate(timeout=random.uniform(0.005, longest) if kills < most else 600)
        except subprocess.TimeoutExpired:
            process.send_signal(random.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGINT]))
            process.communicate()
            continue
        if process.returncode in (0, 1, 3):
            resumed += had
            break
    differ(f"{name}, killed {kills} times", wanted, subprocess.CompletedProcess([], process.returncode, out, err))
    for file in (kept, kept + ".tmp"):
        if os.path.exists(file):
            failures.append(f"{name}: {os.path.basename(file)} is left")
            os.remove(file)
    return times


def by_states(name, path, flags, wanted, work):
    """A depth-first search that limits on states stop, each larger than the last. How often it went on."""
    kept = os.path.join(work, "states")
    most, limit, times = json.loads(wanted.stdout)["scenarios"][0]["explored"]["states"], 2, 0
    while limit < most // 2:   # the states are those of two searches
        done = run([path, *flags, "--checkpoint", kept, "--resume", "--max-states", str(limit)])
        if not os.path.exists(kept):
            failures.append(f"{name}: a limit left no checkpoint, status {done.returncode}: {done.stderr.strip()[:300]}")
            return times
        times += 1
        limit += 1 + random.randrange(max(2, most // 4))
    done = run([path, *flags, "--checkpoint", kept, "--resume"])
    differ(f"{name}, in {times} steps", wanted, done)
    if os.path.exists(kept):
        failures.append(f"{name}: the checkpoint is left")
        os.remove(kept)
    return times


def walks(paths, work):
    for name, flags in WALKS.items():
        times = 0
        for scenario, path in paths.items():
            wanted = run([path, *flags])
            if json.loads(wanted.stdout)["scenarios"][0]["explored"].get("limit") not in ("lossy", "schedules"):
                failures.append(f"{scenario}, {name}: something else ended it")
                continue
            if name == "bitstate":
                times += by_states(f"{scenario}, {name}", path, flags, wanted, work)
            times += by_kills(f"{scenario}, {name}", [path], flags, wanted, work, 40 if big else 4, 0.1)
        if times < len(paths):
            failures.append(f"{name}: only {times} went on from a checkpoint")
        print(f"{name}: went on {times} times")
    path, kept = paths["dining"], os.path.join(work, "walk")
    one = ["--strategy", "pct", "--schedules", "1000000"]
    process = subprocess.Popen([tool, "run", path, *one, "--checkpoint", kept, "--checkpoint-every", "1ms"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while process.poll() is None and not os.path.exists(kept):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.communicate()
    for what, other, said in (("another seed", [*one, "--seed", "2"], "other options"), ("another depth of bugs", [*one, "--depth", "2"], "other options"),
                              ("another strategy", ["--strategy", "random", "--schedules", "1000000"], "other options"),
                              ("other lengths of runs", [*one, "--max-depth", "50"], "other options"),
                              ("fewer runs", ["--strategy", "pct", "--schedules", "10"], "larger --schedules")):
        done = run([path, *other, "--checkpoint", kept, "--resume"])
        if done.returncode != 2 or said not in done.stderr or done.stdout:
            failures.append(f"{what}: status {done.returncode}, said {done.stderr!r}")


def refusals(path, work):
    kept = os.path.join(work, "refused")
    run([path, "--no-reduction", "all", "--max-states", "40", "--checkpoint", kept])
    with open(kept, "rb") as file:
        whole = file.read()
    again = [path, "--no-reduction", "all", "--checkpoint", kept, "--resume"]

    def refused(what, args, said):
        with open(kept, "rb") as file:
            before = file.read()
        done = run(args)
        if done.returncode != 2 or said not in done.stderr or done.stdout or "\n" in done.stderr.strip():
            failures.append(f"{what}: status {done.returncode}, said {done.stderr!r}")
        with open(kept, "rb") as file:
            if file.read() != before:
                failures.append(f"{what}: the file was changed")

    refused("a second run without --resume", again[:-1], "there is a checkpoint already")
    refused("other options", [path, "--checkpoint", kept, "--resume"], "other options")
    refused("a smaller limit", [*again, "--max-states", "30"], "larger --max-states")
    other = os.path.join(work, "other.json")
    with open(path) as source, open(other, "w") as file:
        file.write(source.read())
    refused("another file", [other, *again[1:]], "it is of ")
    with open(path, "a") as file:
        file.write("\n")
    refused("a changed scenario", again, "has changed since")
    with open(path, "r+") as file:
        file.truncate(os.path.getsize(path) - 1)
    for _ in range(200 if big else 25):
        with open(kept, "wb") as file:
            file.write(whole[:random.randrange(len(whole))])
        refused("a cut file", again, "cannot be gone on from: it is ")
        spoiled = bytearray(whole)
        spoiled[random.randrange(len(spoiled))] ^= 1 << random.randrange(8)
        with open(kept, "wb") as file:
            file.write(spoiled)
        refused("a flipped bit", again, "cannot be gone on from: it ")
    with open(kept, "wb") as file:
        file.write(whole)
    done = run(again)
    if done.returncode not in (0, 1):
        failures.append(f"the file as it was: status {done.returncode}, said {done.stderr!r}")


def full_disk(path, work):
    wanted = run([path, "--no-reduction", "all"])
    kept = os.path.join(work, "full")
    done = subprocess.run(["bash", "-c", 'ulimit -f 8; exec "$@"', "-", tool, "run", path, "--no-reduction", "all", "--checkpoint", kept, "--checkpoint-every", "1ms"],
                          capture_output=True, text=True, timeout=600)
    differ("a full disk", wanted, done)
    if done.stderr.count("could not be written: File too large") != 1 or done.stderr.count("\n") != 1:
        failures.append(f"a full disk: it said {done.stderr!r}")
    if os.listdir(work).count("full.tmp"):
        failures.append("a full disk: a temporary is left")


with tempfile.TemporaryDirectory() as work:
    begin = time.time()
    paths = {}
    for name, scenario in SCENARIOS.items():
        paths[name] = os.path.join(work, name + ".json")
        with open(paths[name], "w") as file:
            json.dump({"name": name, **scenario}, file)
    for name, path in paths.items():
        for flags_name, flags in FLAGS.items():
            wanted = run([path, *flags, *LIMIT])
            explored = json.loads(wanted.stdout)["scenarios"][0]["explored"]
            if not explored["complete"]:
                failures.append(f"{name}: {explored['limit']} ended it")
                continue
            by_steps(f"{name}, {flags_name}", path, flags, wanted, work)
            if big:
                by_kills(f"{name}, {flags_name}", [path], flags, wanted, work, 40)
    many = list(paths.values())
    for jobs in ("1", "3"):
        flags = ["--no-reduction", "all", "--jobs", jobs]
        by_kills(f"all of them, {jobs} at once", many, flags, run([*many, *flags]), work, 60 if big else 12, 1.5)
    walks(paths, work)
    refusals(paths["inversion"], work)
    full_disk(paths["dining-ordered"], work)
    if resumed < len(paths):
        failures.append(f"only {resumed} searches went on from a checkpoint")
    for failure in failures:
        print("FAIL", failure)
    print(f"{len(paths)} scenarios went on from checkpoints {resumed} times, {len(failures)} failures, {time.time() - begin:.0f} s")
sys.exit(1 if failures else 0)
