#!/usr/bin/env python3
"""Holds the model against real Tokio: exports scenarios, builds them, runs each many times, compares.

    exported.py TOOL OUTCOMES PATH... [--runs N] [--batch N] [--build DIR] [--watchdog MS] [--seed N] [--tokio VERSION]
                [--registry DIR] [--tokio-path DIR] [--shrink] [--count-ops] [--verbose]

Unsound, and an exit status of 1: a run that ends as the tool does not predict for that Tokio (how main ended with which
values, who hangs where, who panics where with which message), a program that rustc refuses though the tool accepts it,
or that rustc accepts though the tool says that it must be refused. With --shrink each of those is made as small as it
gets, and printed as a scenario. A predicted finding that no run showed is counted: it may need an interleaving that
chance did not hit.
"""
import argparse
import collections
import concurrent.futures
import copy
import json
import os
import re
import shutil
import subprocess
import sys

# What the Rust compiler must refuse.
REFUSED = {"ownership/use-after-move", "ownership/not-send", "ownership/borrow-escapes", "ownership/two-borrows"}
DEBIAN = "/usr/share/cargo/registry"
OWN = {"support", "pipes", "limited", "readers_first", "main"}   # files of the project itself


# ---- what the tool says ------------------------------------------------------------------------------------------

def files_below(paths):
    for path in paths:
        if os.path.isdir(path):
            for folder, _, names in sorted(os.walk(path)):
                yield from (os.path.join(folder, name) for name in sorted(names) if name.endswith(".json"))
        else:
            yield path


def read_scenario(file):
    return json.loads(re.sub(r"^\s*//.*$", "", open(file).read(), flags=re.M))


def ops_of(node):
    """Every op of a scenario, or of a part of one."""
    if isinstance(node, list):
        for one in node:
            yield from ops_of(one)
    elif isinstance(node, dict):
        if "op" in node:
            yield node
        for one in node.values():
            yield from ops_of(one)


def predictions(options, files):
    """What can happen, by file. The tool is asked for several files at a time, and for two at once."""
    out = {}

    def ask(some):
        run = subprocess.run([options.outcomes, options.tokio, *some], stdout=subprocess.PIPE, text=True, check=True)
        return [json.loads(line) for line in run.stdout.splitlines()]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for some in pool.map(ask, [files[i:i + 25] for i in range(0, len(files), 25)]):
            for one in some:
                one["errors"] = {r["rule"] for r in one["rules"] if r["error"]}
                ops = list(ops_of(read_scenario(one["file"]))) if one["valid"] else []
                one["endless"] = any(op["op"] == "while" or (op["op"] == "loop" and "times" not in op) for op in ops)
                one["refused"] = [r["message"] for r in one["rules"] if r["rule"] in REFUSED]
                out[one["file"]] = one
    return out


# ---- programs ----------------------------------------------------------------------------------------------------

def module_of(main_rs):
    """The modules of a project, in the order of the scenarios."""
    return [m for m in re.findall(r"^mod (\w+);$", main_rs, re.M) if m not in OWN]


def is_in_a_slot(file, messages):
    """An element of an array, or the latest guard of a lock, that is moved twice: the exported program keeps these in slots,
    where rustc does not look."""
    if any("`guard of " in message or re.search("after `(release|unlock)` took it", message) for message in messages):
        return True
    objects = read_scenario(file).get("objects", {})
    moved = {name for message in messages for name in re.findall(r"`(\w+)\.[rt]x(?:\[[^]`]*\])?`", message)}
    return any("count" in objects.get(name, {}) for name in moved)


def drop_modules(folder, names):
    path = os.path.join(folder, "src/main.rs")
    text = open(path).read()
    for name in names:
        text = text.replace(f"mod {name};\n", "").replace(f'        Some("{name}") => support::run({name}::scenario),\n', "")
    open(path, "w").write(text)


def needs_unstable(file):
    """Whether it is built with an unstable Tokio; the others are to be seen on the one that everybody has."""
    return any(one.get("disable_lifo_slot") for one in read_scenario(file).get("runtimes", {}).values())


def target_of(options, files):
    return options.target + ("-unstable" if needs_unstable(files[0]) else "")


def spans_of(message):
    """Where an error of rustc is, the likeliest place first: also what a macro was expanded from, and what a note points at."""
    spans = sorted(message["spans"], key=lambda span: not span["is_primary"])
    while spans:
        yield from spans
        spans = [span["expansion"]["span"] for span in spans if span.get("expansion")]
    for child in message["children"]:
        yield from spans_of(child)


def build(options, folder, target):
    """Builds; modules with errors are taken out until the rest compiles. Returns their errors by module."""
    refused = {}
    env = dict(os.environ, CARGO_TARGET_DIR=target)
    if "RUSTFLAGS" in env and target != options.target:   # which hide those of the project
        env["RUSTFLAGS"] += " --cfg tokio_unstable"
    cargo = ["cargo", "build", "--offline", "--message-format", "json", "-q"]
    if options.registry != DEBIAN:
        cargo += ["--config", f"source.debian.directory={json.dumps(options.registry)}"]
    main = os.path.join(folder, "src/main.rs")

    def errors():
        """None if it builds; else the errors by module, and what is said of none."""
        run = subprocess.run(cargo, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if run.returncode == 0:
            return None, ""
        bad, other = {}, run.stderr[-3000:]
        for line in run.stdout.splitlines():
            message = json.loads(line).get("message")
            if not message or message.get("level") != "error":
                continue
            for span in spans_of(message):
                name = os.path.basename(span["file_name"])[:-3]
                if span["file_name"].startswith("src/") and name not in OWN:
                    bad.setdefault(name, []).append(f'{span["line_start"]}: {message["message"]}')
                    break
            else:
                other += message.get("rendered") or message["message"]
        return bad, other

    def search(text, names):
        """Of what fails without a place, the modules that fail by themselves; the project then has the rest."""
        found = {}
        halves = [names] if len(names) == 1 else [names[:len(names) // 2], names[len(names) // 2:]]
        for some in halves:
            open(main, "w").write(text)
            drop_modules(folder, [name for name in module_of(text) if name not in some])
            bad, other = errors()
            if bad:
                found.update(bad)
            elif bad is not None and len(some) == 1:
                found[some[0]] = ["0: " + (other.strip().splitlines() or ["cargo fails"])[0]]
            elif bad is not None:
                found.update(search(text, some))
        return found
    while True:
        bad, other = errors()
        if bad is None:
            return refused
        if not bad:
            text = open(main).read()
            bad = search(text, module_of(text))
            open(main, "w").write(text)
            if not bad:
                sys.exit(f"cargo failed in {folder}:\n{other}")
            if set(bad) == set(module_of(text)) and len(bad) > 1:
                sys.exit(f"cargo fails for every scenario in {folder}:\n{other}")
        refused.update(bad)
        drop_modules(folder, bad)
        if not module_of(open(main).read()):
            return refused


def export(options, files, folder):
    """The modules that were written, each with its file, and the binary that runs them; and what each file cannot say."""
    shutil.rmtree(folder, ignore_errors=True)
    command = [options.tool, "export", *files, "--output", folder]
    if options.tokio_path:
        command += ["--tokio-path", options.tokio_path]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    left_out = {}
    for line in run.stderr.splitlines():
        if line.endswith(": not exported"):
            file, what = line.split("asyncrt-check: ", 1)[1].split(": ", 1)
            left_out.setdefault(file, what[:-len(": not exported")])
    written = [f for f in files if f not in left_out]
    if not written:
        return {}, "", left_out
    if not os.path.exists(os.path.join(folder, "src/main.rs")):
        sys.exit(f"nothing was exported: {run.stderr[-1000:]}")
    names = module_of(open(os.path.join(folder, "src/main.rs")).read())
    if len(names) != len(written):
        sys.exit(f"{len(names)} modules of {len(written)} scenarios: {run.stderr[-1000:]}")
    binary = os.path.join(target_of(options, files), "debug", "scenarios" if len(names) > 1 else names[0])
    return dict(zip(names, written)), binary, left_out


class Run:
    """How one run went."""

    def __init__(self, seed, lines):
        self.seed, self.panics, self.end, self.last = seed, [], "aborted", {}
        for line in lines:
            event = json.loads(line)
            if event["event"] == "panic":   # what newer compilers, and a set of futures, say of an abort is no panic of its own
                if not event["message"].startswith(("panic in a ", "future still here when dropping", "panicking twice to abort")):
                    self.panics.append(event)
            else:
                self.end, self.last = ("hang" if event["event"] == "hang" else event["outcome"]), event

    def text(self):
        out = [self.end]
        out += [f'{p["party"]} panics at {p["op"]}: {p["message"]}' for p in self.panics]
        if self.last.get("values"):
            out.append(json.dumps(self.last["values"]))
        out += [f'{p["party"]} {p["state"]} at {p["op"]} {p["doing"]}' for p in self.last.get("parties", [])]
        return "; ".join(out)


def run_once(binary, name, seed, watchdog):
    env = dict(os.environ, ASYNCRT_JITTER=str(seed), ASYNCRT_WATCHDOG_MS=str(watchdog))
    try:
        run = subprocess.run([binary, name], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             errors="replace", timeout=watchdog / 100 + 20)
        return Run(seed, run.stdout.splitlines())
    except subprocess.TimeoutExpired:
        return Run(seed, ['{"event":"hang","values":{},"parties":[]}'])


# ---- comparison --------------------------------------------------------------------------------------------------

def same_message(why, message):
    """Tokio's words differ a little between releases; who unwraps says what the op failed with."""
    if why == "":   # another's panic goes on: through an executor without a word, through the unwrap of a JoinError with these
        return message.startswith("called `Result::unwrap()`")
    if why == "panic":
        return not message.startswith(("called `", "assertion failed"))
    if why == "the assertion is false":
        return message.startswith("assertion failed")
    return message[:18] == why[:18] or message.startswith(("called `Result::unwrap()`", "called `Option::unwrap()`")) or \
        bool(re.search("|".join(map(re.escape, re.findall(r"[a-z_]{9,}", why))) or "$^", message))


def same_place(place, op):
    """The marker of an op is passed before its parts: a part's may be the last one. `*`: a drop, which has none."""
    return place == "*" or op == place or op.startswith(place + "/") or op == ""


def stands(stuck, parties, endless):
    """Whether the parties of a hang are those of a stuck state, each at its op; beside them, others may go round a loop without an end."""
    names = sorted(p["party"] for p in stuck["parties"])
    if endless:
        parties = [p for p in parties if p["party"] in names]
    if sorted(p["party"] for p in parties) != names:
        return False
    left = list(stuck["parties"])
    for party in parties:
        for one in left:
            if one["party"] == party["party"] and (any(same_place(place, party["op"]) for place in one["places"] + stuck["inside"])):
                left.remove(one)
                break
        else:
            return False
    return True


def same_values(said, seen):
    """What a run cannot tell (a receiver in a call that used it up) is not compared."""
    return all(said.get(name) == value for name, value in seen.items())


def mismatch(said, run):
    """What the tool did not predict of a run; empty if it did."""
    if not said["complete"] or "ownership/bad-config" in said["errors"]:
        return ""   # what some releases build from a bad configuration, and others refuse with a panic, is not explored
    for panic in run.panics:
        if not any(p["party"] in ("*", panic["party"]) and same_message(p["why"], panic["message"]) for p in said["panics"]):
            return f'{panic["party"]} panics at {panic["op"]}: {panic["message"]}'
    if run.end == "hang":
        # A run without an end has no state in which it must be found.
        if any(r.startswith("starvation/") for r in said["errors"]) or any(r["others_progress"] for r in said["rules"]):
            return ""
        values = run.last["values"]
        if any(stands(stuck, run.last["parties"], said["endless"]) and (same_values(stuck["values"], values) or said["endless"]) for stuck in said["stuck"]):
            return ""
        return "hangs" + (" otherwise" if said["stuck"] else "")
    if run.end == "aborted":
        return "" if any(e["outcome"] == "aborted" for e in said["ends"]) else "aborts"
    fits = [e for e in said["ends"] if e["outcome"] == run.end]
    if not fits:
        return run.end
    if any(same_values(e["values"], run.last["values"]) for e in fits):
        return ""
    return f"{run.end} with other values"


class Tally:
    def __init__(self):
        self.unsound, self.not_exported, self.not_shown = [], collections.Counter(), []
        self.scenarios = self.runs = self.clean = self.shown = self.refused = self.unfinished = 0


def hold(options, files, said, folder, tally, runs):
    """Exports, builds and runs; what is unsound goes to the tally as (file, what, detail)."""
    unstable = [f for f in files if needs_unstable(f)]
    if unstable and len(unstable) < len(files):
        for some in [f for f in files if f not in unstable], unstable:
            hold(options, some, said, folder, tally, runs)
        return
    names, binary, left_out = export(options, files, folder)
    tally.not_exported.update(re.sub(r"^line \d+: ", "", what) for what in left_out.values())
    if not names:
        return
    tally.scenarios += len(names)
    refused = build(options, folder, target_of(options, files))
    jobs = []
    for name, file in names.items():
        must = said[file]["errors"] & REFUSED
        if name in refused:
            if must:
                tally.refused += 1
            else:
                tally.unsound.append((file, "rustc refuses it", refused[name][0]))
        elif must and is_in_a_slot(file, said[file]["refused"]):
            tally.not_exported["a second move of what it keeps in a slot"] += 1
        elif must:
            tally.unsound.append((file, "rustc accepts it", ", ".join(sorted(must))))
        else:
            jobs += [(name, file, seed) for seed in [0] + list(range(options.seed, options.seed + runs - 1))]
    results = collections.defaultdict(list)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for (name, file, seed), run in zip(jobs, pool.map(lambda job: run_once(binary, job[0], job[2], options.watchdog), jobs)):
            results[name, file].append(run)
            tally.runs += 1
    for (name, file), done in results.items():
        for run in done:
            what = mismatch(said[file], run)
            # A slow machine is not to be taken for a hang.
            if what and run.end == "hang":
                with concurrent.futures.ThreadPoolExecutor(4) as pool:
                    again = list(pool.map(lambda _: run_once(binary, name, run.seed, options.watchdog * 3), range(4)))
                wrong = [r for r in again if mismatch(said[file], r)]
                if not wrong:
                    continue
                run = wrong[0]
                what = mismatch(said[file], run)
            if what:
                count = sum(1 for r in done if mismatch(said[file], r))
                tally.unsound.append((file, what, f"seed {run.seed}, {count} of {len(done)}: {run.text()}"))
                break
        errors = said[file]["errors"]
        tally.unfinished += not said[file]["complete"]
        if not errors:
            tally.clean += 1
        elif any(run.end != "completed" or run.panics for run in done):
            tally.shown += 1
        else:
            tally.not_shown.append((file, ", ".join(sorted(errors))))


# ---- making a case small -----------------------------------------------------------------------------------------

def places(node, at=()):
    """Every element of a list and every entry that a document can be without, the large ones first."""
    if isinstance(node, list):
        for i in reversed(range(len(node))):
            yield at + (i,)
        for i, one in enumerate(node):
            yield from places(one, at + (i,))
    elif isinstance(node, dict):
        for key in node:
            if key not in ("op", "on", "name", "main", "kind", "flavor"):
                yield at + (key,)
        for key, one in node.items():
            yield from places(one, at + (key,))


def smaller(document, place):
    """The document without a place, and with the op there replaced by its body."""
    def parent_of(whole):
        for step in place[:-1]:
            whole = whole[step]
        return whole
    without = copy.deepcopy(document)
    del parent_of(without)[place[-1]]
    yield without
    whole = copy.deepcopy(document)
    inside = parent_of(whole)
    op = inside[place[-1]]
    if isinstance(inside, list) and isinstance(op, dict) and "op" in op:
        for key in ("body", "await", "then", "or"):
            body = op.get(key)
            if body:
                one = copy.deepcopy(whole)
                parent_of(one)[place[-1]:place[-1] + 1] = copy.deepcopy(body) if isinstance(body, list) else [copy.deepcopy(body)]
                yield one


def shrink(options, file, what):
    """Drops ops, parties and objects while the same mismatch stays; the tool and real Tokio are asked again each time."""
    document = read_scenario(file)
    folder = os.path.join(options.build, "shrink")
    for _ in range(30):
        seen, candidates = set(), []
        for place in places(document):
            for one in smaller(document, place):
                text = json.dumps(one)
                if text not in seen:
                    seen.add(text)
                    candidates.append(one)
        candidates.sort(key=lambda one: len(json.dumps(one)))
        found = None
        for begin in range(0, min(len(candidates), 240), 80):
            some = candidates[begin:begin + 80]
            shutil.rmtree(folder + "-in", ignore_errors=True)
            os.makedirs(folder + "-in")
            files = []
            for k, one in enumerate(some):
                one = dict(one, name=f"candidate-{k}")
                files.append(os.path.join(folder + "-in", f"candidate_{k}.json"))
                json.dump(one, open(files[-1], "w"))
            said = predictions(options, files)
            files = [f for f in files if said[f]["valid"] and (what == "rustc accepts it" or not said[f]["errors"] & REFUSED)]
            tally = Tally()
            if files:
                hold(options, files, said, folder, tally, 12)
            same = [f for f, other, _ in tally.unsound if other == what or (other.split()[0] == what.split()[0] and "rustc" not in what)]
            if same:
                found = some[min(int(re.search(r"(\d+)\.json$", f)[1]) for f in same)]
                break
        if found is None:
            break
        document = found
    return json.dumps(document, indent=1)


# ---- all of it ---------------------------------------------------------------------------------------------------

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("outcomes")
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=150)
    parser.add_argument("--jobs", type=int, default=32)
    parser.add_argument("--build", default="build/fidelity")
    parser.add_argument("--watchdog", type=int, default=700)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tokio", default="1.24")
    parser.add_argument("--registry", default=DEBIAN)
    parser.add_argument("--tokio-path", default="")
    parser.add_argument("--shrink", action="store_true")
    parser.add_argument("--count-ops", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    options.tool, options.outcomes = os.path.abspath(options.tool), os.path.abspath(options.outcomes)
    options.target = os.path.abspath(os.path.join(options.build, "target"))
    files = list(files_below(options.paths))
    if not files:
        sys.exit("no scenarios in " + ", ".join(options.paths))
    if options.count_ops:
        counts = collections.Counter(op["op"] for file in files for op in ops_of(read_scenario(file)))
        known = json.loads(subprocess.run([options.tool, "ops", "--format", "json"], stdout=subprocess.PIPE, text=True, check=True).stdout)
        for op in sorted({one["op"] for one in known["ops"]} | set(counts), key=lambda op: (counts[op], op)):
            print(f"{counts[op]:7} {op}")
        return 0
    has = os.listdir(options.registry) if os.path.isdir(options.registry) else []
    if shutil.which("cargo") is None or not all(any(one.startswith(f"{crate}-") for one in has) for crate in ("tokio", "futures", "tokio-util")):
        print("skipped: cargo or Debian's Rust packages (librust-tokio-dev, librust-futures-dev, librust-tokio-util-dev) are not there")
        return 0
    if not options.tokio_path and not any(re.fullmatch(rf"tokio-{re.escape(options.tokio)}(\.\d+)?", one) for one in has):
        there = ", ".join(one[6:] for one in has if re.fullmatch(r"tokio-1\.\d+\.\d+", one))
        print(f"Tokio {options.tokio} is not in {options.registry}, which has {there}; --tokio-path DIR takes another one's source")
        return 2
    tally = Tally()
    for begin in range(0, len(files), options.batch):
        batch = files[begin:begin + options.batch]
        said = predictions(options, batch)
        # What asserts exact times cannot be held against a clock that others delay.
        batch = [f for f in batch if said[f]["valid"] and "$now" not in open(f).read()]
        if options.tokio_path:   # the crates under Tokio's I/O go with another release
            batch = [f for f in batch if not re.search(r'"kind"\s*:\s*"io"|"enable_time"\s*:\s*false', open(f).read())]
        before = len(tally.unsound)
        hold(options, batch, said, os.path.join(options.build, "batch"), tally, options.runs)
        for file, what, detail in tally.unsound[before:]:
            print(f"UNSOUND    {file}: {what}: {detail}", flush=True)
            if options.shrink:
                print(shrink(options, file, what), flush=True)
    for file, what in tally.not_shown if options.verbose else []:
        print(f"not shown  {file}: {what}")
    for what, count in tally.not_exported.most_common():
        print(f"{count} not exported: {what}")
    print(f"Tokio {options.tokio}: {tally.scenarios} scenarios, {sum(tally.not_exported.values())} not exported, {tally.runs} runs: "
          f"{tally.clean} without an error, {tally.shown} with one that was seen, {len(tally.not_shown)} with one that no run showed, "
          f"{tally.refused} refused by rustc as they must be, {tally.unfinished} too large to be sure of, {len(tally.unsound)} unsound")
    return 1 if tally.unsound else 0


if __name__ == "__main__":
    sys.exit(main())
