#!/usr/bin/env python3
"""Misspells every key and every word of scenarios, one at a time: each mistake has to be told with its file, line and
column, what was expected, and the right word where one is near.
  tests/typos.py build/asyncrt-check SCENARIO..."""
import json
import os
import re
import subprocess
import sys
import tempfile

TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.S)
FREE = {"about", "source", "note", "at", "message", "reason", "name", "$schema"}  # any text will do
NAMES = {"runtimes", "objects", "bodies"}  # their keys are names that the scenario gives


def tokens(text):
    """Every string of the text: where it is, whether it is a key, and the keys that lead to it."""
    path, expects_key = [], []
    key = None
    found = []
    matches = [m for m in TOKEN.finditer(text) if not m[0].startswith(("//", "/*"))]
    for i, m in enumerate(matches):
        token = m[0]
        if token in "{[":
            path.append(key)
            expects_key.append(token == "{")
            key = None if token == "{" else key
        elif token in "}]":
            path.pop()
            expects_key.pop()
        elif token[0] == '"':
            is_key = bool(expects_key) and expects_key[-1] and i + 1 < len(matches) and matches[i + 1][0] == ":"
            if is_key:
                key = token[1:-1]
            found.append((m.start(), token[1:-1], is_key, key, [p for p in path if p]))
    return found


def misspell(word):
    """Two letters swapped, or one more: what fingers do. Digits stay: another number is no mistake."""
    for i in range(len(word) // 2, len(word) - 1):
        if word[i].isalpha() and word[i + 1].isalpha() and word[i] != word[i + 1]:
            return word[:i] + word[i + 1] + word[i] + word[i + 2:]
    return word + "x"


def mutations(text):
    for start, word, is_key, key, path in tokens(text):
        if not word or (not is_key and (key in FREE or not re.search("[A-Za-z]", word))):
            continue
        if is_key and (word.startswith("x-") or word == "$schema"):
            continue
        gives_name = (is_key and path and path[-1] in NAMES and len(path) == 1) or (not is_key and key in ("as", "var"))
        before = text[:start]
        line, column = before.count("\n") + 1, start - before.rfind("\n")
        for wrong in (misspell(word), "zebra"):
            changed = text[:start + 1] + wrong + text[start + 1 + len(word):]
            yield changed, word, wrong, line, column, gives_name, is_key, key


def main():
    tool = os.path.realpath(sys.argv[1])
    failed = count = near = 0
    with tempfile.TemporaryDirectory() as folder:
        cases = {}
        for scenario in sys.argv[2:]:
            text = open(scenario, encoding="utf-8").read()
            for mutation in mutations(text):
                file = f"{len(cases):06}.json"
                # A name of its own for each: two of one name are another mistake.
                cases[file] = (scenario, mutation)
                changed = re.sub(r'("name"\s*:\s*")[a-z0-9-]*"', rf'\g<1>case-{len(cases)}"', mutation[0], count=1)
                open(os.path.join(folder, file), "w", encoding="utf-8").write(changed)
        run = subprocess.run([tool, "run", ".", "--max-states", "1"], cwd=folder, capture_output=True, text=True, check=False)
        report = json.loads(run.stdout)
        for scenario in report["scenarios"]:
            file = scenario["file"].removeprefix("./")
            source, (_, word, wrong, line, column, gives_name, is_key, key) = cases[file]
            what = f"{source}:{line}:{column}: `{word}` as `{wrong}` ({'key' if is_key else key})"
            diagnostics = scenario.get("diagnostics", [])
            count += 1
            if gives_name and not diagnostics:
                continue  # nobody uses the name
            if not diagnostics:
                print(f"FAIL {what}: no error")
                failed += 1
                continue
            if gives_name:
                if not any(f"`{word}" in d["message"] or f"`{wrong}" in d["message"] + (d.get("hint") or "") for d in diagnostics):
                    print(f"FAIL {what}: {diagnostics[0]}")
                    failed += 1
                continue
            here = [d for d in diagnostics if d["line"] == line and column <= d["column"] <= column + len(wrong) + 1]
            if is_key and wrong == "zebra":  # may be told as the one that is missing
                here += [d for d in diagnostics if f"needs `{word}`" in d["message"]]
            if not here:
                print(f"FAIL {what}: told elsewhere: {diagnostics[0]}")
                failed += 1
            elif not any(d.get("hint") or re.search("expected|needs", d["message"]) for d in here):
                print(f"FAIL {what}: no word of what was expected: {here[0]}")
                failed += 1
            elif any(re.search("did you mean|declared at", d.get("hint") or "") for d in here):
                near += 1
    print(f"{count} mistakes, {near} with the nearest word, {failed} not told well")
    return failed != 0 or count == 0


if __name__ == "__main__":
    sys.exit(main())
