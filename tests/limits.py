"""Limits hold: memory, measured as the system counts it, and time, for scenarios of any size. Times are printed, not judged.

usage: limits.py PATH-TO-asyncrt-check [--big]
"""
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "bench"))
import families  # noqa: E402
from families import op  # noqa: E402

tool = os.path.abspath(sys.argv[1])
big = "--big" in sys.argv
sys.setrecursionlimit(100_000)   # for scenarios that are nested deep
failures = []


def multi(body, workers=2, **rest):
    return {"runtimes": {"rt": {"flavor": "multi_thread", "worker_threads": workers}}, "main": [op("block_on", "rt", body=body)], **rest}


def bounded_mpsc():
    senders = [op("spawn", as_=f"p{i}", clone=["ch.tx"], body=[op("loop", times=4, body=[op("send", "ch", value=i, or_=[])])]) for i in range(4)]
    return multi(senders + [op("loop", times=16, body=[op("recv", "ch", or_=[])])], 3, objects={"ch": {"kind": "mpsc", "capacity": 2}})


def select_loop():
    senders = [op("spawn", as_=f"to_{c}", clone=[f"{c}.tx"], body=[op("loop", body=[op("send", c, or_=[]), op("yield_now")])]) for c in "ab"]
    receive = op("loop", body=[op("select", branches=[{"await": [op("recv", c, or_=[])]} for c in "ab"])])
    return multi(senders + [receive], objects={c: {"kind": "mpsc"} for c in "ab"})


GRAPHS = {"dining": families.dining(8, 6, 0), "bounded-mpsc": bounded_mpsc(), "select-loop": select_loop(), "prodcons": families.prodcons(5, 3, 4)}


def far_timers(count):
    """Every run meets a finding for each task, at the end of a way of thousands of moves."""
    far = [op("spawn", as_=f"t{i}", body=[op("loop", body=[op("sleep", for_=f"{i + 1}s")])]) for i in range(count)]
    return {"runtimes": {"rt": {"flavor": "current_thread"}}, "objects": {"m": {"kind": "std_mutex"}}, "main": [op("block_on", "rt", body=[
        *far, op("sleep", for_="100000s"), op("lock", "m", as_="g"), op("lock", "m", as_="h")])]}


def counters():
    return {"objects": {"n": {"kind": "atomic"}, "k": {"kind": "atomic"}}, "main": [
        op("spawn_thread", as_="t", body=[op("loop", body=[op("add", "n", value=1)])]), op("loop", body=[op("add", "k", value=1)])]}


# Searches along ways that grow without end, for a few seconds each.
WALKS = {"far-timers": (far_timers(100), ["--strategy", "random"]), "counters": (counters(), ["--strategy", "bitstate"])}


def nested(depth):
    body = [op("lock", "m", body=[])]
    for _ in range(depth):
        body = [op("if", cond="n == 0", then=body)]
    return {"objects": {"m": {"kind": "std_mutex"}, "n": {"kind": "atomic"}}, "main": body}


def scopes(depth):
    body = []
    for _ in range(depth):
        body = [op("thread_scope", body=[op("spawn_thread", body=body)])]
    return {"main": body}


def tasks(count, apart):
    if not apart:
        body = [op("spawn", as_="t", count=count, body=[op("lock", "m", body=[op("yield_now")])])]
    else:
        body = [op("spawn", as_=f"t{i}", body=[op("lock", "m", body=[op("yield_now")])]) for i in range(count)]
        body += [op("await", f"t{i}") for i in range(count)]
    return multi(body, objects={"m": {"kind": "mutex"}})


HUGE = {
    "ops-in-one-body": {"objects": {"n": {"kind": "atomic"}}, "main": [op("add", "n", value=1) for _ in range(10_000)]},
    "ops-in-two-threads": {"objects": {"n": {"kind": "atomic"}},
                           "main": [op("spawn_thread", as_="t", body=[op("add", "n", value=1) for _ in range(5_000)])] +
                                   [op("add", "n", value=1) for _ in range(5_000)] + [op("join_thread", "t")]},
    "named-locks": {"objects": {f"m{i}": {"kind": "std_mutex"} for i in range(1_000)}, "main": [op("lock", f"m{i}", as_=f"g{i}") for i in range(1_000)]},
    "tasks": tasks(1_000, True),
    "copies": tasks(1_000, False),
    "threads": {"main": [op("spawn_thread", as_=f"t{i}", body=[op("thread_yield")]) for i in range(1_000)]},
    "nested": nested(1_000),
    "nested-less-deep": nested(100),
    "nested-scopes": scopes(1_000),
    "scopes-less-deep": scopes(50),
    "arrays": {"objects": {"locks": {"kind": "std_mutex", "count": 500}, "ch": {"kind": "mpsc", "count": 500}},
               "main": [op("spawn_thread", as_="t", count=20, body=[op("loop", times=500, body=[op("lock", "locks[i]", body=[]), op("set", var="i", to="i + 1")])])]},
    "branches": multi([op("select", branches=[{"await": [op("sleep", for_=f"{i + 1}ms")]} for i in range(16)])]),
    "endless": multi([op("spawn", as_=f"s{i}", body=[op("loop", body=[op("lock", "m", body=[op("yield_now")])])]) for i in range(6)] +
                     [op("pending")], 3, objects={"m": {"kind": "mutex"}}),
}


def run(args, seconds):
    """The report, how long it took, and what else is to be said."""
    before = time.time()
    process = subprocess.Popen([tool, "run", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None, time.time() - before, f"it did not end within {seconds} s"
    report = json.loads(out) if process.returncode in (0, 1, 2, 3) and out else None
    return report, time.time() - before, f"status {process.returncode}, {err.strip()[:200]}"


def memory(path, name, flags, mib, work):
    peak = os.path.join(work, "peak")
    child = f"import resource, sys, subprocess\ns = subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL).returncode\nopen(sys.argv[1], 'w').write(f'{{s}} {{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}}')"
    subprocess.run([sys.executable, "-c", child, peak, tool, "run", path, *flags, "--memory-limit", f"{mib}MiB", "--jobs", "1"], timeout=3000)
    with open(peak) as file:
        status, kib = map(int, file.read().split())
    used = kib / 1024
    print(f"{name} {' '.join(flags)}: {used:.0f} MiB of {mib} MiB, status {status}", flush=True)
    if used > 1.05 * mib or status not in (0, 1, 3):
        failures.append(f"{name} {flags}: {used:.0f} MiB under a limit of {mib} MiB, status {status}")
    return used


with tempfile.TemporaryDirectory() as work:
    def write(name, scenario):
        path = os.path.join(work, name + ".json")
        with open(path, "w") as file:
            file.write(json.dumps({"name": name, **scenario}))
        return path

    for mib in (64, 256, 1024) if big else (64,):
        reached = 0
        for name, scenario in GRAPHS.items():
            path = write(name, scenario)
            for flags in (["--no-reduction", "all"], [], ["--no-reduction", "all", "--exact"]) if big else (["--no-reduction", "all"],):
                reached += memory(path, name, flags, mib, work) > 0.75 * mib
        if reached == 0:
            failures.append(f"no scenario came near {mib} MiB")
        for name, (scenario, flags) in WALKS.items():
            memory(write(name, scenario), name, [*flags, "--time-limit", "4s"], mib, work)
    limit = "2s" if big else "500ms"
    for name, scenario in HUGE.items():
        path = write(name, scenario)
        for flags in ([], ["--no-reduction", "all"]):
            report, spent, said = run([path, *flags, "--time-limit", limit, "--memory-limit", "1GiB", "--jobs", "1"], 600)
            found = report["scenarios"][0] if report else None
            told = said
            if found:
                told = found["verdict"] + (f", {found['explored']['limit']}" if found.get("explored") and found["explored"]["limit"] else "")
                told += "".join(f", {d['message']}" for d in found.get("diagnostics", [])[:1])
            print(f"{name} {' '.join(flags)}: {told}, {spent:.1f} s for a limit of {limit}", flush=True)
            if found is None:
                failures.append(f"{name} {flags}: {said}")
            elif found["verdict"] == "invalid" and not found["diagnostics"]:
                failures.append(f"{name} {flags}: invalid, and nothing says why")
    for failure in failures:
        print("FAIL", failure)
    print(f"{len(GRAPHS)} graphs and {len(HUGE)} huge scenarios under limits, {len(failures)} failures")
sys.exit(1 if failures else 0)
