#!/usr/bin/env python3
"""Measures the checker: against SPIN on problems that both can say, alone on Tokio's, and on the small scenarios.

usage: tests/bench/bench.py TOOL MEASURE FOLDER [--quick] [--agree] [--json FILE]

  TOOL     asyncrt-check                MEASURE  what measure.cc was built to
  FOLDER   where scenarios and verifiers are written
  --quick  the small sizes only
  --agree  no times: do both give the same verdict on the smallest sizes? (exit status 1 if not)
"""
import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time

import families
import spin
import table
from checker import Checker
from measure import Stopwatch, median

PAIRS = 5                # at least; short runs are repeated until they fill SHORT seconds
PAIRS_MAX = 25
SHORT = 1.0
SAMPLE = 400             # scenarios that are timed one by one
LARGE = 100_000          # states from which memory divided by states says something


def say(line):
    print(line, file=sys.stderr, flush=True)


def summary(runs):
    """The medians of the runs of one command; what was found is the same in all."""
    last = runs[-1]
    out = {key: last.get(key) for key in ("verdict", "complete", "limit", "exceeded", "rules", "states", "transitions",
                                          "depth", "vector") if key in last}
    out.update({key: median(runs, key) for key in ("wall", "cpu", "peak_kib")})
    out.update({"wall_least": min(run["wall"] for run in runs), "runs": len(runs)})
    states = out.get("states")
    if states:
        out["states_per_second"] = states / out["wall"]
        if states >= LARGE:
            out["bytes_per_state"] = out["peak_kib"] * 1024 / states
    return out


def over(run, limit):
    return run["exceeded"] or run.get("limit") in ("time", "memory", "crash") or run["wall"] > limit


def interleave(sides, limit):
    """Runs the sides in turn, at least PAIRS times. A side that exceeds the limit is not run again."""
    runs = {name: [] for name in sides}
    start = time.perf_counter()
    done = set()
    for pair in range(PAIRS_MAX):
        if pair >= PAIRS and time.perf_counter() - start > SHORT:
            break
        for name, run in sides.items():
            if name in done:
                continue
            runs[name].append(run())
            if over(runs[name][-1], limit):
                done.add(name)
        if len(done) == len(sides):
            break
    return {name: summary(one) for name, one in runs.items()}


class AgainstSpin:
    def __init__(self, checker, stopwatch, folder, limit, quick):
        self.checker, self.stopwatch, self.folder = checker, stopwatch, folder
        self.limit, self.quick = limit, quick

    def family(self, family, deadline):
        rows = []
        given_up = set()
        tuner = spin.Tuner(family, self.stopwatch, os.path.join(self.folder, "spin", family.name))
        for size in family.sizes[:family.quick] if self.quick else family.sizes:
            if given_up == {"ours", "spin"}:
                break
            if time.perf_counter() > deadline:
                rows.append({"family": family.name, "size": size, "skipped": "the time for the whole benchmark was up"})
                continue
            rows.append(self.row(family, size, tuner, given_up))
            say(table.progress(rows[-1]))
        return rows

    def row(self, family, size, tuner, given_up):
        path = families.write(family, size, self.folder)
        row = {"family": family.name, "size": size, "scenario": path, "commands": {"ours": self.checker.command(path, self.limit)}}
        sides = {}
        if "ours" not in given_up:
            sides["ours"] = lambda: self.checker.run(path, self.limit)
        if "spin" not in given_up:
            verifier = tuner.verifier(size, self.limit, tune=not self.quick)
            row["spin_build"] = {"options": tuner.build, "seconds": verifier.seconds}
            row["commands"].update({"generate": verifier.generate, "compile": verifier.compile,
                                    "spin": verifier.command(tuner.table, True), "spin_first": verifier.command(tuner.table, False)})
            sides["spin"] = lambda: verifier.run(self.stopwatch, tuner.table, self.limit, every_error=True)
            if verifier.run(self.stopwatch, tuner.table, self.limit)["verdict"] == "deadlock":
                sides["spin_first"] = lambda: verifier.run(self.stopwatch, tuner.table, self.limit)
        row.update(interleave(sides, self.limit))
        for name in ("ours", "spin"):
            if name not in row:
                row[name] = {"exceeded": True, "verdict": None, "note": "not run: a smaller size exceeded the limit"}
            elif over(row[name], self.limit):
                row[name]["exceeded"] = True
                given_up.add(name)
        row["agree"] = agreement(row)
        row["ratio"] = {"all": ratio(row, "spin"), "first": ratio(row, "spin_first")}
        return row


def agreement(row):
    """None where a limit kept one of them from an answer."""
    ours, theirs = row["ours"]["verdict"], row.get("spin_first", row["spin"])["verdict"]
    return ours == theirs if ours in ("deadlock", "clean") and theirs in ("deadlock", "clean") else None


def ratio(row, name):
    """SPIN's time by ours; a bound where one of them exceeded the limit."""
    ours, theirs = row["ours"], row.get(name)
    if theirs is None or "wall" not in ours or "wall" not in theirs or (ours["exceeded"] and theirs["exceeded"]):
        return None
    bound = "at most" if ours["exceeded"] else "at least" if theirs["exceeded"] else None
    return {"times": theirs["wall"] / ours["wall"], "bound": bound}


# ---- Tokio ------------------------------------------------------------------------------------------------------------

def tokio(checker, folder, limit, quick, deadline):
    out = []
    for family in families.TOKIO:
        rows, whole = [], True   # whole: the graph without reductions is small enough to be measured, too
        for size in family.sizes[:family.quick] if quick else family.sizes:
            if time.perf_counter() > deadline:
                rows.append({"family": family.name, "size": size, "skipped": "the time for the whole benchmark was up"})
                break
            path = families.write(family, size, folder)
            first = checker.run(path, limit)
            repeated = [] if over(first, limit) or first["wall"] > SHORT else [checker.run(path, limit) for _ in range(PAIRS - 1)]
            ours = summary([first, *repeated])
            ours["exceeded"] = over(first, limit)
            rows.append({"family": family.name, "size": size, "scenario": path,
                         "commands": {"ours": checker.command(path, limit), "without": checker.command(path, limit, False)}, "ours": ours})
            if whole:
                without = checker.run(path, limit, False)
                whole = not over(without, limit)
                if whole:
                    rows[-1]["without"] = summary([without])
            say(table.progress(rows[-1]))
            if ours["exceeded"]:
                break
        out.append({"family": family.name, "about": family.about, "unit": family.unit, "rows": rows,
                    "growth": growth(family.unit, [row for row in rows if "ours" in row and not row["ours"]["exceeded"]], "ours"),
                    "growth_without": growth(family.unit, [row for row in rows if "without" in row], "without")})
    return out


def line(xs, ys):
    """Least squares: slope and the part of the variance that it explains."""
    mean_x, mean_y = statistics.fmean(xs), statistics.fmean(ys)
    sxx = sum((x - mean_x) ** 2 for x in xs)
    syy = sum((y - mean_y) ** 2 for y in ys)
    sxy = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys))
    return {"slope": sxy / sxx, "r2": sxy * sxy / (sxx * syy) if syy else 1.0}


def growth(unit, rows, side):
    """Of the states: by what factor for one more of the unit (log states over size), and as which power of it."""
    points = [(row["size"][unit], row[side]["states"]) for row in rows if row[side].get("states")]
    if len({size for size, _ in points}) < 3:
        return None
    logs = [math.log(states) for _, states in points]
    each = line([size for size, _ in points], logs)
    power = line([math.log(size) for size, _ in points], logs)
    return {"unit": unit, "sizes": [size for size, _ in points], "factor": math.exp(each["slope"]), "factor_r2": each["r2"],
            "exponent": power["slope"], "exponent_r2": power["r2"], "fits": "factor" if each["r2"] >= power["r2"] else "exponent"}


# ---- the scenarios of the project -------------------------------------------------------------------------------------

def small(checker, limit, quick, deadline):
    paths = sorted(os.path.join(folder, name) for folder, _, names in os.walk("scenarios") for name in names if name.endswith(".json"))
    wanted = SAMPLE // 4 if quick else SAMPLE
    sample = [paths[i * len(paths) // wanted] for i in range(wanted)] if len(paths) > wanted else paths
    rows = []
    for path in sample:
        if time.perf_counter() > deadline:
            break
        run = checker.run(os.path.abspath(path), limit)
        rows.append({"file": path, **{key: run.get(key) for key in ("wall", "cpu", "peak_kib", "states", "transitions", "verdict")}})
    rows.sort(key=lambda row: -row["wall"])
    walls = sorted(row["wall"] for row in rows)
    return {"of": len(paths), "measured": len(rows), "wall_median": statistics.median(walls),
            "wall_90_percent": walls[len(walls) * 9 // 10], "slowest": rows[:10], "all": rows,
            "command": checker.command("FILE", limit)}


# ---- agreement --------------------------------------------------------------------------------------------------------

def agree(checker, stopwatch, folder):
    """The number of problems on which the two sides do not give the same verdict."""
    wrong = 0
    for family in families.AGAINST_SPIN:
        size = family.sizes[0]
        ours = checker.run(families.write(family, size, folder), 20)
        verifier = spin.Verifier(family.model, size, ["-O0"], os.path.join(folder, "spin", "agree"))
        theirs = verifier.run(stopwatch, spin.TABLES[0], 20)
        if ours["verdict"] not in ("deadlock", "clean") or ours["verdict"] != theirs["verdict"]:
            wrong += 1
            print(f"{family.name} {families.text(size)}: ours says {ours['verdict']}, SPIN {theirs['verdict']}")
    print(f"{len(families.AGAINST_SPIN) - wrong} of {len(families.AGAINST_SPIN)} problems: the same verdict as SPIN")
    return wrong


def first_line(command):
    return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[0].strip()


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        cpu = next((row.split(":", 1)[1].strip() for row in file if row.startswith("model name")), platform.machine())
    return {"cpu": cpu, "cores": os.cpu_count(), "load_before": os.getloadavg()[0], "kernel": platform.release()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tool")
    parser.add_argument("measure")
    parser.add_argument("folder")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--agree", action="store_true")
    parser.add_argument("--json")
    args = parser.parse_args()
    tool, folder = os.path.abspath(args.tool), os.path.abspath(args.folder)
    missing = spin.missing()
    if missing and args.agree:
        print(f"skipped: the comparison with SPIN needs the Debian packages: {' '.join(missing)}")
        return 0
    if missing:
        print(f"bench: needs the Debian packages: {' '.join(missing)}   (apt-get install {' '.join(missing)})", file=sys.stderr)
        return 2
    stopwatch = Stopwatch(args.measure, folder)
    checker = Checker(tool, stopwatch)
    if args.agree:
        return 1 if agree(checker, stopwatch, folder) else 0

    # One run's limit, and how much of the whole time may have passed when each part starts no more rows.
    limit, parts = (5, (70, 95, 105)) if args.quick else (30, (640, 760, 840))
    start = time.perf_counter()
    results = {"schema": "asyncrt-check/bench/1", "mode": "quick" if args.quick else "full", "limit_seconds": limit,
               "memory_limit": "8 GiB", "pairs_at_least": PAIRS, "tool": first_line([tool, "--version"]), "spin": spin.version(),
               "gcc": first_line(["gcc", "--version"]), "machine": machine(), "spin_always": spin.ALWAYS, "spin_builds": spin.BUILDS}
    against = AgainstSpin(checker, stopwatch, folder, limit, args.quick)
    results["against_spin"] = [row for family in families.AGAINST_SPIN for row in against.family(family, start + parts[0])]
    results["tokio"] = tokio(checker, folder, 3 if args.quick else 10, args.quick, start + parts[1])
    results["small"] = small(checker, limit, args.quick, start + parts[2])
    results["seconds"] = time.perf_counter() - start
    print(table.render(results))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
            file.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
