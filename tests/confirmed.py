#!/usr/bin/env python3
"""Keeps tests/fidelity/confirmed.json: which findings of the scenarios real Tokio has shown, and how its runs ended.

usage: tests/confirmed.py --write REPORT         from a report that `confirm` has written
       tests/confirmed.py --check PATH-TO-TOOL   every entry's scenario and rule are still there
"""
import json, os, subprocess, sys

PATH = "tests/fidelity/confirmed.json"


def write(report):
    with open(report, encoding="utf-8") as file:
        report = json.load(file)
    releases, scenarios = set(), {}
    for scenario in report["scenarios"]:
        for finding in scenario["findings"]:
            confirmed = finding.get("confirmed")
            if not confirmed or "why_not" in confirmed:
                continue
            releases.add(confirmed["tokio"])
            name = os.path.relpath(scenario["file"], "scenarios")
            scenarios.setdefault(name, {})[finding["rule"]] = confirmed["outcome"]
    if len(releases) != 1:
        sys.exit(f"one release of Tokio is needed, not {sorted(releases)}")
    with open(PATH, "w", encoding="utf-8") as file:
        json.dump({"tokio": releases.pop(), "scenarios": scenarios}, file, indent=1, sort_keys=True)
        file.write("\n")


def check(tool):
    rules = {rule["rule"] for rule in json.loads(subprocess.run([tool, "rules", "--format", "json"], stdout=subprocess.PIPE, check=True).stdout)["rules"]}
    with open(PATH, encoding="utf-8") as file:
        confirmed = json.load(file)
    gone = [name for name in confirmed["scenarios"] if not os.path.isfile(os.path.join("scenarios", name))]
    gone += [f"{name}: {rule}" for name, found in confirmed["scenarios"].items() for rule in found if rule not in rules]
    if gone or not confirmed["scenarios"]:
        sys.exit(f"{PATH} is out of date; run make confirm: " + ", ".join(gone or ["it is empty"]))


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("--write", "--check"):
        sys.exit(__doc__)
    argument = os.path.realpath(sys.argv[2])
    os.chdir(os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))
    (write if sys.argv[1] == "--write" else check)(argument)


main()
