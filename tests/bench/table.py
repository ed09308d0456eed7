"""The results as a table for people."""
from families import text

COLUMNS = ["problem", "side", "verdict", "first s", "all s", "SPIN/ours first", "SPIN/ours all", "states", "transitions",
           "kstates/s", "MiB", "B/state", "build s", "runs"]


def seconds(run, limit):
    if run is None:
        return "–"
    if run.get("exceeded") or "wall" not in run:
        return f"> {limit}" if run.get("limit") != "memory" else "> 8 GiB"
    return f"{run['wall']:.3f}" if run["wall"] < 10 else f"{run['wall']:.1f}"


def count(value):
    return "–" if value is None else f"{value:,}".replace(",", " ")


def factor(ratio):
    if ratio is None:
        return "–"
    sign = {"at most": "≤ ", "at least": "≥ ", None: ""}[ratio["bound"]]
    times = ratio["times"]
    return sign + (f"{times:.0f}" if times >= 10 else f"{times:.1f}" if times >= 1 else f"{times:.2f}" if times >= 0.01 else f"{times:.4f}")


def measures(run):
    """The columns from states on, but for the build."""
    rate, each = run.get("states_per_second"), run.get("bytes_per_state")
    return [count(run.get("states")), count(run.get("transitions")), "–" if rate is None else f"{rate / 1000:.0f}",
            "–" if "peak_kib" not in run else f"{run['peak_kib'] / 1024:.1f}", "–" if each is None else f"{each:.0f}"]


def pair(row, limit):
    """The two lines of a problem."""
    name = f"{row['family']} {text(row['size'])}"
    if "skipped" in row:
        return [[name, "", f"skipped: {row['skipped']}"] + [""] * 11]
    ours, theirs, first = row["ours"], row["spin"], row.get("spin_first")
    broken = "deadlock" in (ours["verdict"], (first or theirs)["verdict"])
    build = row.get("spin_build")
    agree = {True: "", False: "  DISAGREE", None: "  ?"}[row["agree"]]
    return [
        [name, "ours", (ours["verdict"] or "–") + agree, seconds(ours, limit) if broken else "–", seconds(ours, limit),
         factor(row["ratio"]["first"]), factor(row["ratio"]["all"]), *measures(ours), "", str(ours.get("runs", 0))],
        ["", "spin", (first or theirs)["verdict"] or "–", seconds(first, limit), seconds(theirs, limit), "", "", *measures(theirs),
         f"{sum(build['seconds'].values()):.2f}" if build else "–", str(theirs.get("runs", 0))]]


def aligned(rows, left):
    """Columns as wide as their widest cell; the first `left` of them to the left."""
    widths = [max(len(row[i]) for row in rows if not row[2].startswith("skipped") or i < 2) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) if i < left else cell.rjust(width)
                      for i, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows]


def progress(row):
    ours, theirs = row.get("ours", {}), row.get("spin")
    name = f"{row['family']} {text(row['size'])}"
    return f"{name}: ours {ours.get('wall', float('nan')):.3f} s" + (f", SPIN {theirs.get('wall', float('nan')):.3f} s" if theirs else "")


def tokio(families):
    rows = [["problem", "verdict", "s", "states", "transitions", "kstates/s", "MiB", "B/state", "without: s", "states", "kstates/s"]]
    for family in families:
        for row in family["rows"]:
            name = f"{row['family']} {text(row['size'])}"
            if "skipped" in row:
                rows.append([name, "skipped"] + [""] * 9)
                continue
            run, without = row["ours"], row.get("without")
            plain = [f"{without['wall']:.3f}", count(without["states"]), f"{without['states_per_second'] / 1000:.0f}"] if without else ["–"] * 3
            rows.append([name, run["verdict"], f"{'> ' if run['exceeded'] else ''}{run['wall']:.3f}", *measures(run), *plain])
    out = aligned(rows, 2) + ["", "growth of the states, least squares over the sizes that ended, with reductions and without:"]
    for family in families:
        out.append(f"  {family['family']:16} {grows(family['growth'])}")
        out.append(f"  {'':16} {grows(family['growth_without'])}")
    return out


def grows(fit):
    if fit is None:
        return "too few sizes"
    each = f"×{fit['factor']:.2f} for each {fit['unit']} (r² {fit['factor_r2']:.3f})"
    power = f"{fit['unit']}^{fit['exponent']:.2f} (r² {fit['exponent_r2']:.3f})"
    return (f"{each}, {power}; the {'first' if fit['fits'] == 'factor' else 'second'} fits better, "
            f"{fit['unit']} = {fit['sizes'][0]}…{fit['sizes'][-1]}")


def small(result):
    out = [f"{result['measured']} of {result['of']} scenarios, one process each: median {result['wall_median'] * 1000:.1f} ms, "
           f"90 % below {result['wall_90_percent'] * 1000:.1f} ms; the slowest:"]
    return out + [f"  {row['wall'] * 1000:8.1f} ms  {count(row['states']):>9} states  {row['file']}" for row in result["slowest"]]


def render(results):
    limit = results["limit_seconds"]
    rows = [COLUMNS] + [line for row in results["against_spin"] for line in pair(row, limit)]
    judged = [row for row in results["against_spin"] if "skipped" not in row]
    agreed = sum(row["agree"] is True for row in judged)
    differ = sum(row["agree"] is False for row in judged)
    lines = [
        f"{results['tool']}, {results['spin']}, {results['gcc']}; {results['machine']['cpu']}, {results['machine']['cores']} cores; "
        f"{results['mode']}, {results['seconds']:.0f} s in all",
        "",
        "Against SPIN. Medians of interleaved runs; wall time of our whole process, and of SPIN's verifier alone: its build is apart.",
        "first: to the first finding (ours explores all of a broken scenario, too); all: to the end; MiB and B/state: peak of the process.",
        "",
        *aligned(rows, 3), "",
        f"{agreed} of {len(judged)} verdicts agree, {differ} differ, {len(judged) - agreed - differ} are open because a limit was reached.",
        "", "Tokio, ours alone (10 s a run; 3 s in the quick mode).", "", *tokio(results["tokio"]),
        "", *small(results["small"])]
    return "\n".join(lines)
