#!/usr/bin/env python3
"""Writes scenarios/README.md from the scenarios and what is found in them.

usage: tests/scenarios_readme.py PATH-TO-asyncrt-check [--check]
"""
import json, os, subprocess, sys

FOLDERS = [
    ("tour", "Pairs, from the simplest: what goes wrong, and the same program put right."),
    ("patterns", "What people are told to do. Nothing may be found in these, not even a warning."),
    ("reports", "Published bug reports, each as its mechanism and as the way out; the table below."),
    ("rules", "For each rule what triggers it and near misses, and the corners of the language."),
    ("versions", "Programs that differ between releases of Tokio, with what each release does."),
    ("fidelity", "What a comparison with real Tokio has taught the model, one line each on what was wrong."),
    ("calibration", "Programs whose possible results were seen on real Tokio."),
]

NOT_MODELLED = [
    ("tokio-8406", "the operating system refuses a thread, which no scenario can say"),
    ("tokio-2711", "a budget bug of releases before 1.24, the oldest that is modelled"),
    ("tokio-2460", "a budget bug of releases before 1.24"),
    ("tokio-5020", "an enter guard of a LocalSet; its cause in Tokio is not published"),
    ("futures-2047", "a set that polls its members without end within one poll, in releases of futures before 0.3.5"),
    ("tokio-6242", "the paused clock of tokio::test, whose time is not the scenario's"),
]


def cell(text):
    return text.replace("|", "\\|").replace("\n", " ")


def main():
    tool, check = os.path.realpath(sys.argv[1]), "--check" in sys.argv[2:]
    root = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..")
    os.chdir(root)
    run = subprocess.run([tool, "run", "scenarios/reports", "--fail-on", "never"], capture_output=True, text=True)
    report = json.loads(run.stdout)
    with open("tests/fidelity/confirmed.json", encoding="utf-8") as file:
        confirmed = json.load(file)
    rows, twins, alarms = [], 0, []
    for scenario in report["scenarios"]:
        with open(scenario["file"], encoding="utf-8") as file:
            about = json.load(file)
        if scenario["file"].endswith(".fixed.json"):
            twins += 1
            if scenario["findings"]:
                alarms.append(scenario["file"])
            continue
        first = scenario["findings"][0] if scenario["findings"] else None
        rules = sorted({f["rule"] for f in scenario["findings"] if f["severity"] == "error"} or {f["rule"] for f in scenario["findings"]})
        name = os.path.basename(scenario["file"]).removesuffix(".bad.json")
        shown = confirmed["scenarios"].get(os.path.relpath(scenario["file"], "scenarios"), {})
        rows.append(f"| [{name}](reports/{name}.bad.json) | {cell(about.get('about', ''))} | {cell(about.get('source', ''))} | {', '.join(rules) or 'nothing'} | "
                    f"{scenario['explored']['states']} | {len(first['schedule']) if first else ''} | {', '.join(sorted(set(shown.values())))} |")
    lines = ["# Scenarios", "", "Written by `tests/scenarios_readme.py`; `make readme` brings it up to date.", ""]
    for folder, text in FOLDERS:
        count = sum(name.endswith(".json") for name in os.listdir(f"scenarios/{folder}"))
        lines.append(f"- `{folder}/` ({count}): {text}")
    lines += ["", "## Reports", "", f"{len(rows)} reports; {twins} fixed twins, of which {len(alarms)} raise an alarm. States are of all timings together, steps those of the first finding. "
              f"The last column is how a run of the exported program on real Tokio {confirmed['tokio']} ended that showed the finding (`make confirm`).", "",
              "| report | mechanism | source | found | states | steps | confirmed on real Tokio |", "|---|---|---|---|---:|---:|---|"] + rows
    lines += ["", "Not modelled:", ""] + [f"- `{name}`: {why}." for name, why in NOT_MODELLED]
    text = "\n".join(lines) + "\n"
    path = "scenarios/README.md"
    if check:
        with open(path, encoding="utf-8") as file:
            if file.read() != text:
                sys.exit("scenarios/README.md is out of date; run make readme")
    else:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


main()
