"""SPIN's side: a verifier of a model, built with the options that suit it best, and its runs."""
import os
import re
import shutil
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))

# All exact and exhaustive for safety; what SPIN's manual recommends for speed. COLLAPSE saves memory and costs time,
# hash compaction and bitstate lose states, two cores are slower than one: none of them is a fair best.
ALWAYS = ["-DSAFETY", "-DNOFAIR", "-DNOBOUNDCHECK", "-DMEMLIM=8192"]
BUILDS = {"O2": ["-O2"], "O3": ["-O3"], "O2 no POR": ["-O2", "-DNOREDUCE"], "O3 no POR": ["-O3", "-DNOREDUCE"]}
VECTORS = [256, 1024]        # bytes of a state; the first one that the model fits in
TABLES = [18, 24]            # log2 of the hash table's first size; it grows by itself
DEPTHS = [10_000, 1_000_000]  # of the search stack; the first one that is deep enough


def missing():
    return [name for name in ("spin", "gcc") if shutil.which(name) is None]


def version():
    return subprocess.run(["spin", "-V"], capture_output=True, text=True).stdout.strip()


class Verifier:
    def __init__(self, model, size, flags, folder):
        """Builds it; `seconds` are those of spin -a and of gcc."""
        self.flags, self.folder = flags, folder
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        shutil.copy(os.path.join(HERE, "spin", model + ".pml"), folder)
        defines = [f"-D{key}={value}" for key, value in size.items()]
        self.generate = ["spin", *defines, "-a", model + ".pml"]
        self.vector, self.depth = VECTORS[0], DEPTHS[0]
        start = time.perf_counter()
        self._call(self.generate)
        self.seconds = {"spin": time.perf_counter() - start, "gcc": 0.0}
        self._compile()

    def _call(self, command):
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")

    def _compile(self):
        self.compile = ["gcc", "-w", *ALWAYS, f"-DVECTORSZ={self.vector}", *self.flags, "-o", "pan", "pan.c"]
        start = time.perf_counter()
        self._call(self.compile)
        self.seconds["gcc"] = time.perf_counter() - start

    def command(self, table, every_error):
        return [os.path.join(self.folder, "pan"), f"-m{self.depth}", f"-w{table}", *(["-c0"] if every_error else [])]

    def run(self, stopwatch, table, limit, every_error=False):
        """Stops at the first error unless `every_error`."""
        while True:
            run = stopwatch.run(self.command(table, every_error), limit)
            output = run.pop("output")
            if "VECTORSZ" in output and self.vector != VECTORS[-1]:
                self.vector = VECTORS[-1]
                self._compile()
            elif "max search depth too small" in output and self.depth != DEPTHS[-1]:
                self.depth = DEPTHS[-1]
            else:
                return {**run, **parse(output)}


def number(pattern, output, kind=int):
    match = re.search(pattern, output)
    return kind(float(match.group(1))) if match else None


def parse(output):
    errors = number(r"errors: (\d+)", output)
    # An interrupted or full search must not pass for a proof.
    whole = not re.search(r"Search not completed|search depth too small|reached -DMEMLIM bound", output)
    out = {"states": number(r"([\d.e+]+) states, stored", output), "transitions": number(r"([\d.e+]+) transitions", output),
           "vector": number(r"State-vector (\d+) byte", output), "depth": number(r"depth reached (\d+)", output)}
    out["complete"] = whole
    if errors:
        return {**out, "verdict": "deadlock" if "invalid end state" in output else "other error"}
    return {**out, "verdict": "clean" if errors == 0 and whole else "incomplete"}


class Tuner:
    """The best options of a family: the build at the first size that takes long enough to tell, the table at each."""
    TELLING = 0.05           # seconds below which all options are alike
    LONG = 5.0               # seconds above which another run costs more than it can gain

    def __init__(self, family, stopwatch, folder):
        self.family, self.stopwatch, self.folder = family, stopwatch, folder
        self.build, self.table, self.tuned = "O2", TABLES[0], False

    def verifier(self, size, limit, tune=True):
        """The verifier for a size, and which table suits it."""
        best = Verifier(self.family.model, size, BUILDS[self.build], os.path.join(self.folder, self.build.replace(" ", "-")))
        run = best.run(self.stopwatch, self.table, limit, every_error=True)
        if not tune or run["exceeded"] or run["wall"] < self.TELLING:
            return best
        seconds = run["wall"]
        if not self.tuned and seconds < self.LONG:
            self.tuned = True
            for name, flags in BUILDS.items():
                if name == self.build:
                    continue
                other = Verifier(self.family.model, size, flags, os.path.join(self.folder, name.replace(" ", "-")))
                run = other.run(self.stopwatch, self.table, seconds, every_error=True)
                if run["verdict"] != "incomplete" and run["wall"] < seconds:
                    best, self.build, seconds = other, name, run["wall"]
        if seconds < self.LONG:
            for table in TABLES:
                if table == self.table:
                    continue
                run = best.run(self.stopwatch, table, seconds, every_error=True)
                if run["verdict"] != "incomplete" and run["wall"] < seconds:
                    self.table, seconds = table, run["wall"]
        return best
