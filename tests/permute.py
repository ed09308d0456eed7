#!/usr/bin/env python3
"""Writes scenarios again in another order that means the same, into a folder that mirrors theirs.

usage: tests/permute.py SEED FROM-FOLDER TO-FOLDER

Shuffled are the keys of the scenario, of `runtimes` and `objects`, of each declaration and of each op. Main drops what is
declared in the reverse order of the document, so a scenario that is about that order has `"x-order": true` and keeps it.
"""
import json, os, random, sys


def without_comments(text):
    out, i, in_string = [], 0, False
    while i < len(text):
        if in_string:
            if text[i] == "\\":
                out.append(text[i])
                i += 1
            elif text[i] == '"':
                in_string = False
        elif text.startswith("//", i):
            i = text.find("\n", i)
            if i < 0: break
        elif text.startswith("/*", i):
            i = text.index("*/", i) + 2
            continue
        elif text[i] == '"':
            in_string = True
        out.append(text[i])
        i += 1
    return "".join(out)


def permuted(value, randomness, keeps_order):
    if isinstance(value, list):
        return [permuted(element, randomness, keeps_order) for element in value]
    if not isinstance(value, dict):
        return value
    keys = list(value)
    if not keeps_order: randomness.shuffle(keys)
    return {key: permuted(value[key], randomness, keeps_order) for key in keys}


def main():
    seed, source, target = sys.argv[1:]
    changed = 0
    for folder, _, names in os.walk(source):
        for name in sorted(names):
            if not name.endswith(".json"): continue
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8") as file: scenario = json.loads(without_comments(file.read()))
            result = permuted(scenario, random.Random(f"{seed} {path}"), scenario.get("x-order", False))
            changed += json.dumps(result) != json.dumps(scenario)
            to = os.path.join(target, os.path.relpath(path, source))
            os.makedirs(os.path.dirname(to), exist_ok=True)
            with open(to, "w", encoding="utf-8") as file: json.dump(result, file, indent=1)
    print(f"{changed} scenarios in another order")


main()
