"""Our side: one scenario, one process, one job."""
import json

VERDICTS = {"errors": "deadlock", "clean": "clean", "warnings": "clean", "incomplete": "incomplete", "invalid": "invalid"}


class Checker:
    """A broken scenario is explored to the end as well, so its first finding costs as much as all of them."""

    def __init__(self, tool, stopwatch):
        self.tool, self.stopwatch = tool, stopwatch

    def command(self, path, limit, reduced=True):
        return [self.tool, "run", path, "--format", "json", "--jobs", "1", "--fail-on", "never",
                "--time-limit", f"{limit}s", "--memory-limit", "8GiB", *([] if reduced else ["--no-reduction", "all"])]

    def run(self, path, limit, reduced=True):
        # A little more than its own limit, so that it can still say how far it came.
        run = self.stopwatch.run(self.command(path, limit, reduced), limit + 5)
        output = run.pop("output")
        if run["exit"] is None:
            return {**run, "verdict": "incomplete", "complete": False, "limit": "time" if run["exceeded"] else "crash"}
        scenario = json.loads(output[:output.rindex("}") + 1][output.index("{"):])["scenarios"][0]
        explored = scenario["explored"] or {}
        return {**run, "verdict": VERDICTS[scenario["verdict"]], "rules": sorted({f["rule"] for f in scenario["findings"]}),
                **{key: explored.get(key) for key in ("complete", "limit", "states", "transitions", "depth")}}
