#!/usr/bin/env python3
"""Holds the model against real Tokio: exports scenarios, builds them, runs each many times, compares.

    exported.py TOOL PATH... [--runs N] [--batch N] [--build DIR] [--watchdog MS] [--seed N]

Unsound, and an exit status of 1: a hang or a panic of main that the tool does not predict for Tokio 1.24, a program
that rustc refuses though the tool accepts it, or that rustc accepts though the tool says that it must be refused.
A predicted hang or panic that no run showed is listed, too: it may need an interleaving that chance did not hit.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys

# What the Rust compiler must refuse.
REFUSED = {"ownership/use-after-move", "ownership/not-send", "ownership/borrow-escapes", "ownership/two-borrows"}


def verdicts(tool, paths, tokio):
    run = subprocess.run([tool, "run", *paths, "--tokio", tokio, "--format", "json", "--fail-on", "never", "--max-states", "200000"],
                         stdout=subprocess.PIPE, text=True)
    out = {}
    for scenario in json.loads(run.stdout)["scenarios"]:
        errors = {f["rule"] for f in scenario["findings"] if f["severity"] == "error"}
        out[scenario["file"]] = {"errors": errors, "all": {f["rule"] for f in scenario["findings"]},
                                 "complete": (scenario["explored"] or {}).get("complete", False), "verdict": scenario["verdict"]}
    return out


def module_of(main_rs):
    """The modules of a project, in the order of the scenarios."""
    return [m for m in re.findall(r"^mod (\w+);$", main_rs, re.M) if m != "support"]


def drop_modules(folder, names):
    path = os.path.join(folder, "src/main.rs")
    text = open(path).read()
    for name in names:
        text = text.replace(f"mod {name};\n", "").replace(f'        Some("{name}") => support::run({name}::scenario),\n', "")
    open(path, "w").write(text)


def build(folder, target):
    """Builds; modules with errors are taken out until the rest compiles. Returns their errors by module."""
    refused = {}
    env = dict(os.environ, CARGO_TARGET_DIR=target)
    while True:
        run = subprocess.run(["cargo", "build", "--offline", "--message-format", "json", "-q"], cwd=folder, env=env,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if run.returncode == 0:
            return refused
        bad = {}
        for line in run.stdout.splitlines():
            message = json.loads(line).get("message")
            if not message or message.get("level") != "error":
                continue
            for span in message["spans"]:
                if span["is_primary"] and span["file_name"].startswith("src/"):
                    name = os.path.basename(span["file_name"])[:-3]
                    bad.setdefault(name, []).append(f'{span["line_start"]}: {message["message"]}')
        if not bad or "support" in bad or "main" in bad:
            sys.exit(f"cargo failed in {folder}:\n{run.stderr[-3000:]}\n{bad}")
        refused.update(bad)
        drop_modules(folder, bad)


def run_once(binary, name, seed, watchdog):
    env = dict(os.environ, ASYNCRT_JITTER=str(seed), ASYNCRT_WATCHDOG_MS=str(watchdog))
    try:
        run = subprocess.run([binary, name], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                             timeout=watchdog / 1000 + 20)
    except subprocess.TimeoutExpired:
        return "no end", [], ""
    panics, end, last = [], "aborted", ""
    for line in run.stdout.splitlines():
        event = json.loads(line)
        if event["event"] == "panic":
            panics.append(event["message"])
        elif event["event"] == "hang":
            end, last = "hang", line
        else:
            end, last = event["outcome"], line
    return end, panics, last


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=200)
    parser.add_argument("--build", default="build/fidelity")
    parser.add_argument("--watchdog", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tokio", default="1.24")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    if shutil.which("cargo") is None or not os.path.isdir("/usr/share/cargo/registry"):
        print("skipped: cargo or Debian's Rust packages (librust-tokio-dev, librust-futures-dev, librust-tokio-util-dev) are not there")
        return 0
    tool = os.path.abspath(options.tool)
    predicted = verdicts(tool, options.paths, options.tokio)
    # What asserts exact times cannot be held against a clock that others delay.
    files = [f for f in predicted if predicted[f]["verdict"] != "invalid" and "$now" not in open(f).read()]
    target = os.path.abspath(os.path.join(options.build, "target"))
    unsound, not_shown, not_exported, shown, clean, refused_right, runs_made = [], [], 0, 0, 0, 0, 0
    for begin in range(0, len(files), options.batch):
        batch = files[begin:begin + options.batch]
        folder = os.path.join(options.build, f"batch-{begin}")
        shutil.rmtree(folder, ignore_errors=True)
        export = subprocess.run([tool, "export", *batch, "--output", folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        left_out = {line.split("asyncrt-check: ", 1)[1].split(": ")[0] for line in export.stderr.splitlines() if line.endswith("not exported")}
        not_exported += len(left_out)
        batch = [f for f in batch if f not in left_out]
        if not batch:
            continue
        names = module_of(open(os.path.join(folder, "src/main.rs")).read())
        if len(names) != len(batch):
            sys.exit(f"{len(names)} modules of {len(batch)} scenarios: {export.stderr[-1000:]}")
        file_of = dict(zip(names, batch))
        refused = build(folder, target)
        binary = os.path.join(target, "debug", "scenarios" if len(names) > 1 else names[0])
        jobs = []
        for name, file in file_of.items():
            must = predicted[file]["errors"] & REFUSED
            if name in refused:
                if must:
                    refused_right += 1
                else:
                    unsound.append((file, "rustc refuses it: " + refused[name][0]))
            elif must:
                unsound.append((file, f"rustc accepts it, though {', '.join(sorted(must))}"))
            else:
                jobs += [(name, file, seed) for seed in [0] + list(range(options.seed, options.seed + options.runs - 1))]
        outcomes = {}
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            for (name, file, seed), result in zip(jobs, pool.map(lambda job: run_once(binary, job[0], job[2], options.watchdog), jobs)):
                outcomes.setdefault(file, []).append((seed, *result))
                runs_made += 1
        for file, results in outcomes.items():
            errors = predicted[file]["errors"]
            # A configuration that old releases build gives a runtime that never runs a task.
            hangs = {r for r in errors if r.startswith(("deadlock/", "starvation/")) or r == "ownership/bad-config"}
            panics = {r for r in errors if r == "ownership/bad-config"} | (errors - hangs)
            seen_hang = [r for r in results if r[1] in ("hang", "no end")]
            seen_panic = [r for r in results if r[1] in ("panicked", "aborted") or r[2]]
            main_panic = [r for r in results if r[1] in ("panicked", "aborted")]
            if seen_hang and not hangs and predicted[file]["complete"]:
                unsound.append((file, f"hangs with seed {seen_hang[0][0]}, {len(seen_hang)} of {len(results)}: {seen_hang[0][3]}"))
            if main_panic and not panics and not hangs and predicted[file]["complete"]:
                unsound.append((file, f"panics with seed {main_panic[0][0]}, {len(main_panic)} of {len(results)}: {main_panic[0][2]}"))
            if not errors:
                clean += 1
            elif (hangs and seen_hang) or (panics and seen_panic):
                shown += 1
            else:
                not_shown.append((file, ", ".join(sorted(errors))))
    for file, what in not_shown if options.verbose else []:
        print(f"not shown  {file}: {what}")
    for file, what in unsound:
        print(f"UNSOUND    {file}: {what}")
    print(f"{len(files)} scenarios, {not_exported} not exported, {runs_made} runs: {clean} without an error, {shown} with one that was seen, "
          f"{len(not_shown)} with one that no run showed, {refused_right} refused by rustc as they must be, {len(unsound)} unsound")
    return 1 if unsound else 0


if __name__ == "__main__":
    sys.exit(main())
