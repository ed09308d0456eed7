"""One measured run of a command, through build/measure."""
import json
import os
import statistics
import subprocess


class Stopwatch:
    """Runs commands in a folder of its own; their output is in a file there."""

    def __init__(self, measure, folder):
        self.measure = os.path.abspath(measure)
        self.folder = os.path.abspath(folder)
        os.makedirs(self.folder, exist_ok=True)

    def run(self, command, limit):
        """What measure.cc prints, and the command's `output`; `exceeded` when the limit ended it."""
        path = os.path.join(self.folder, "output.txt")
        done = subprocess.run([self.measure, str(limit), path, *command], cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        run = json.loads(done.stdout)
        run["exceeded"] = run["exit"] is None and run["wall"] >= limit
        with open(path, encoding="utf-8", errors="replace") as file:
            run["output"] = file.read()
        return run


def median(runs, key):
    return statistics.median(run[key] for run in runs)
