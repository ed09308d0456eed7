#!/usr/bin/env python3
"""Breaks one rule of the runtime or of a finding at a time, and asks whether the tests notice.

Each entry of mutants.txt replaces a piece of one source file. The changed file is compiled outside of the tree and
linked with the objects of the usual build; the scenarios and the unit tests run until the first of them fails. A mutant
that hangs or eats memory is noticed as well.
"""
import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import random
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIST = ROOT / "tests/mutants/mutants.txt"
CPU_SECONDS_MAX = 120       # of one test program, which takes thirty on a slow machine: what takes longer hangs
SECONDS_MAX = 600           # of waiting, on a machine with much else to do
MEMORY_MAX = 3 << 30
TOO_SLOW = "too slow"
# The oracle shares the model, and is broken with it; the others know nothing of the rules.
SEARCH, ORACLE = "/obj/core/explore/", "Oracle.AgreesWhere*:Oracle.AgreesOnRandom*"   # the search is not shared
LEFT_OUT = ["Oracle.*", "JsonReader.*", "NamedBody.*", "Nesting.*", "Export.*", "Fuzz/*"]
FAST_LINKER = ["-fuse-ld=gold"] if shutil.which("ld.gold") else []
SCENARIOS = ["scenarios/rules", "scenarios/calibration", "scenarios/versions", "scenarios/fidelity", "scenarios/patterns",
             "scenarios/tour", "scenarios/reports"]


@dataclasses.dataclass
class Mutant:
    name: str
    file: str
    line: int
    breaks: str = ""
    old: str = ""
    new: str = ""
    equivalent: str = ""


def read_list():
    mutants = []
    old, new = [], []

    def close():
        if mutants:
            mutants[-1].old, mutants[-1].new = "\n".join(old), "\n".join(new)
        old.clear()
        new.clear()

    for number, line in enumerate(LIST.read_text().split("\n"), 1):
        head = re.fullmatch(r"\[([a-z0-9-]+)\] (\S+)", line)
        if head:
            close()
            mutants.append(Mutant(head[1], head[2], number))
        elif line == "-" or line.startswith("- "):
            old.append(line[2:])
        elif line == "+" or line.startswith("+ "):
            new.append(line[2:])
        elif line.startswith("equivalent: "):
            mutants[-1].equivalent = line[len("equivalent: "):]
        elif line and not line.startswith("#"):
            if not mutants or mutants[-1].breaks:
                sys.exit(f"{LIST}:{number}: what is this line?")
            mutants[-1].breaks = line
    close()
    return mutants


def complaints(mutants):
    """What is wrong with the list: a name twice, an old text that is not there once, nothing changed, a header."""
    found, names, texts = [], set(), {}
    for m in mutants:
        where = f"{LIST.relative_to(ROOT)}:{m.line}: {m.name}: "
        if m.name in names:
            found.append(where + "the name is used twice")
        names.add(m.name)
        if not m.breaks:
            found.append(where + "it does not say what it breaks")
        path = ROOT / m.file
        if m.file not in texts:
            texts[m.file] = path.read_text() if path.is_file() else None
        if texts[m.file] is None:
            found.append(where + f"there is no {m.file}")
            continue
        if not m.file.endswith(".cc"):
            found.append(where + f"{m.file} is not compiled by itself, so that nothing would change")
        count = texts[m.file].count(m.old) if m.old else 0
        if count != 1:
            found.append(where + f"its old text occurs {count} times in {m.file}, and must occur once")
        if m.old == m.new:
            found.append(where + "it changes nothing")
    return found


def bounded():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS_MAX, CPU_SECONDS_MAX))


def run(command):
    """The exit status and the output; status TOO_SLOW where it took too long."""
    try:
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS_MAX,
                              stdin=subprocess.DEVNULL, text=True, errors="replace", preexec_fn=bounded,
                              start_new_session=True)
    except subprocess.TimeoutExpired:
        return TOO_SLOW, ""
    slow = done.returncode in (-signal.SIGKILL, -signal.SIGXCPU)
    return TOO_SLOW if slow else done.returncode, done.stdout


class Bench:
    """Builds and tries one mutant after the other."""

    def __init__(self, build):
        self.build = build
        self.scratch = build / "mutants"
        self.compiler = shlex.split(os.environ.get("CXX", "g++"))
        objects = (build / "objects.txt").read_text().split()
        self.library = [o for o in objects if not o.startswith(f"{build}/obj/tests/") and o != f"{build}/obj/tool/main.o"]
        self.programs = {"asyncrt-check": [f"{build}/obj/tool/main.o"],
                         "tests": [o for o in objects if o.startswith(f"{build}/obj/tests/")]}

    def link(self, program, where, replaced, by):
        libraries = ["-lgtest", "-lgtest_main"] if program == "tests" else []
        parts = [by if o == replaced else o for o in self.library + self.programs[program]]
        status, text = run([*self.compiler, "-pthread", *FAST_LINKER, "-o", str(where / program), *parts, *libraries])
        return None if status == 0 else text

    def noticed_by(self, where, replaced=None, by=None, last_time=None):
        """The first test that fails, or None. The one that failed last time goes first."""
        error = self.link("asyncrt-check", where, replaced, by)
        if error:
            return "it does not link: " + error[-300:]
        folders = [last_time, *SCENARIOS] if last_time and last_time.endswith(".json") and (ROOT / last_time).is_file() else SCENARIOS
        for folder in folders:
            status, text = run([str(where / "asyncrt-check"), "test", folder, "--jobs", "1", "--progress", "never"])
            if status == TOO_SLOW:
                return f"{folder}: too slow"
            if status != 0:
                failed = re.search(r"^(?:FAIL|\?\?\?\?|invalid)\s+(\S+)", text, re.M)
                return failed[1] if failed else f"{folder}: exit status {status}"
        error = self.link("tests", where, replaced, by)
        if error:
            return "it does not link: " + error[-300:]
        if last_time and re.fullmatch(r"\w+\.\w+", last_time):
            status, text = run([str(where / "tests"), "--gtest_brief=1", "--gtest_filter=" + last_time])
            if status != 0:
                return last_time
        status, text = run([str(where / "tests"), "--gtest_brief=1", "--gtest_fail_fast", "--gtest_filter=-" + ":".join(LEFT_OUT)])
        if status == TOO_SLOW:
            return "unit tests: too slow"
        if status != 0:
            failed = re.search(r"FAILED  \] (\S+)", text)
            return failed[1].rstrip(",") if failed else f"unit tests: exit status {status}"
        if replaced and SEARCH in replaced and run([str(where / "tests"), "--gtest_brief=1", "--gtest_filter=" + ORACLE])[0] != 0:
            return "the oracle"
        return None

    def try_one(self, m, last_time):
        began = time.monotonic()
        where = self.scratch / m.name
        (where / m.file).parent.mkdir(parents=True, exist_ok=True)
        text = (ROOT / m.file).read_text().replace(m.old, m.new)
        (where / m.file).write_text(text)
        replaced = f"{self.build}/obj/" + m.file.removesuffix(".cc") + ".o"
        by = str(where / "changed.o")
        status, text = run([*self.compiler, "-std=c++20", "-pthread", "-w", "-O1", "-I.", "-c", "-o", by, str(where / m.file)])
        notice = self.noticed_by(where, replaced, by, last_time) if status == 0 else None
        result = dataclasses.asdict(m)
        result["broken"] = text if status != 0 else ""
        result["noticed_by"] = notice
        result["seconds"] = round(time.monotonic() - began, 1)
        for program in ("asyncrt-check", "tests", "changed.o"):
            (where / program).unlink(missing_ok=True)
        return result


def same(m, result):
    return result is not None and all(result[key] == getattr(m, key) for key in ("file", "old", "new"))


def write(log, known, everything):
    """The results of this run, and of earlier ones for what it did not try."""
    results = [known[m.name] for m in everything if same(m, known.get(m.name))]
    counts = {"mutants": len(everything), "tried": len(results), "noticed": sum(1 for r in results if r["noticed_by"]),
              "equivalent": sum(1 for r in results if r["equivalent"] and not r["noticed_by"])}
    new = log.with_suffix(".new")
    new.write_text(json.dumps({**counts, "results": results}, indent=1) + "\n")
    new.replace(log)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=pathlib.Path, help="the build directory")
    parser.add_argument("--check", action="store_true", help="only look whether the list fits the sources")
    parser.add_argument("--only", help="mutants whose name or file matches this regular expression")
    parser.add_argument("--again", action="store_true", help="only those that the last run did not notice, and new ones")
    parser.add_argument("--sample", type=int, help="so many of them, chosen at random")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()

    everything = mutants = read_list()
    wrong = complaints(mutants)
    if wrong:
        sys.exit("\n".join(wrong))
    if options.check:
        print(f"{len(mutants)} mutants fit the sources")
        return
    if options.only:
        mutants = [m for m in mutants if re.search(options.only, m.name) or re.search(options.only, m.file)]
    if options.sample:
        mutants = sorted(random.Random(options.seed).sample(mutants, min(options.sample, len(mutants))), key=lambda m: m.line)

    log = options.build / "mutants.json"
    known = {r["name"]: r for r in json.loads(log.read_text())["results"]} if log.is_file() else {}
    if options.again:
        mutants = [m for m in mutants if not same(m, known.get(m.name)) or not known[m.name]["noticed_by"]]

    bench = Bench(options.build)
    unchanged = bench.scratch / "unchanged"
    unchanged.mkdir(parents=True, exist_ok=True)
    failed = bench.noticed_by(unchanged)
    if failed:
        sys.exit(f"without any change already: {failed}")

    began = time.monotonic()
    results = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for done in concurrent.futures.as_completed([pool.submit(bench.try_one, m, known.get(m.name, {}).get("noticed_by")) for m in mutants]):
            r = done.result()
            results.append(r)
            known[r["name"]] = r
            write(log, known, everything)
            word = "BROKEN  " if r["broken"] else "noticed " if r["noticed_by"] else "equal   " if r["equivalent"] else "SURVIVED"
            print(f"{word} {r['name']:44} {r['noticed_by'] or r['equivalent'] or r['breaks']}", flush=True)
            if r["broken"]:
                print(r["broken"][-800:], flush=True)
    results.sort(key=lambda r: r["line"])
    broken = [r for r in results if r["broken"]]
    equal = [r for r in results if r["equivalent"] and not r["noticed_by"] and not r["broken"]]
    survived = [r for r in results if not r["noticed_by"] and not r["equivalent"] and not r["broken"]]
    wrongly = [r for r in results if r["noticed_by"] and r["equivalent"]]
    noticed = len(results) - len(broken) - len(equal) - len(survived)
    counted = len(results) - len(equal) - len(broken)
    print(f"\n{noticed} of {counted} noticed ({100 * noticed / max(1, counted):.1f} %), {len(equal)} equivalent, "
          f"{time.monotonic() - began:.0f} s; see {log}")
    for r in survived:
        print(f"survived: {LIST.relative_to(ROOT)}:{r['line']}: {r['name']}: {r['breaks']}")
    for r in broken:
        print(f"does not compile: {LIST.relative_to(ROOT)}:{r['line']}: {r['name']}")
    for r in wrongly:
        print(f"said to be equivalent, and noticed: {LIST.relative_to(ROOT)}:{r['line']}: {r['name']}")
    sys.exit(1 if survived or broken or wrongly else 0)


if __name__ == "__main__":
    main()
