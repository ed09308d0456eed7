#!/usr/bin/env python3
"""Names and texts that try to be more than text: control characters, terminal escapes, markup, marks that turn the
direction of writing, workflow commands, paths. No format of a report may be broken or steered by them, and `export`
writes nothing outside of its folder.
usage: tests/hostile.py PATH-TO-asyncrt-check
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
from html.parser import HTMLParser

TOOL = os.path.abspath(sys.argv[1])
FORMATS = ["json", "jsonl", "text", "short", "sarif", "junit", "github", "markdown", "html", "mermaid", "chrome-trace"]
PAYLOADS = {
    "escape": "\x1b[31mred\x1b]0;title\x07\x1b[2J",
    "control": "a\x01\x02\x08\x0c\x7f\u0085b",
    "lines": "one\r\ntwo\n\n## three\n::error file=x::four\n%% five\n| six |",
    "bidi": "a\u202eb\u2066c\u2069d\u200fe\u200bf\u2028g\ufeffh",
    "html": "</script></style><script>alert(1)</script><img src=x onerror=alert(1)>&amp;<!--",
    "xml": "]]></failure><failure/>\"' /><!DOCTYPE x>",
    "github": "::set-output name=x::y%0A::stop-commands::z",
    "markdown": "| a | `b` | **c** ![d](javascript:e) [f]: g\n```\n@somebody #1 <details>",
    "mermaid": "end\"];click N0 \"javascript:alert(1)\"\nnote;%%{init: {}}%%",
    "path": "../../../etc/passwd",
    "template": "${{ github.token }} {{x}} $(touch pwned) `touch pwned` ; touch pwned",
    "unicode": "日本 \U0001f600 e\u0301 \ud7ff",
}
# What a terminal would obey, or what moves the text around it. A tab and an end of line are for the format to make.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
passed = 0
wrong = []


def hold(claim, what, shown=""):
    global passed
    if claim:
        passed += 1
    else:
        wrong.append(f"FAIL {what}" + (f": {shown[:300]!r}" if shown else ""))


def scenario(payload):
    """Findings of several kinds, and the payload in every text that is free."""
    return {
        "name": "hostile", "about": payload, "source": payload,
        "runtimes": {"rt": {"flavor": "current_thread"}},
        "objects": {"m": {"kind": "std_mutex"}, "q": {"kind": "mpsc"}, "flag": {"kind": "atomic"}},
        "main": [
            {"op": "block_on", "on": "rt", "at": payload, "note": payload, "body": [
                {"op": "spawn", "as": "end", "at": payload, "note": payload, "body": [
                    {"op": "panic", "message": payload, "at": payload, "note": payload}]},
                {"op": "await", "on": "end", "at": payload, "note": payload, "or": []},
                {"op": "send", "on": "q", "at": payload, "note": payload},
                {"op": "if", "cond": "flag == 1", "then": [{"op": "assert", "cond": "flag == 2", "note": payload, "at": payload}]},
                {"op": "lock", "on": "m", "at": payload, "note": payload, "body": [
                    {"op": "yield_now", "at": payload, "note": payload},
                    {"op": "lock", "on": "m", "at": payload, "note": payload, "body": []}]}]}],
        "allow": [{"rule": "hazard/guard-across-await", "reason": payload or "none"},
                  {"rule": "hazard/leaked-thread", "reason": payload or "none"}],
        "expect": {"errors": ["deadlock/relock"]},
    }


def run(words, cwd, status=None):
    done = subprocess.run([TOOL, *words], cwd=cwd, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
    if status is not None:
        hold(done.returncode in status, f"{words}: status {done.returncode}", done.stderr.decode("utf-8", "replace"))
    return done


def texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


class Page(HTMLParser):
    VOID = {"meta", "link", "br", "hr", "img", "input", "path", "circle", "line", "rect", "polygon", "use", "stop"}

    def __init__(self):
        super().__init__()
        self.tags, self.open, self.handlers, self.links, self.faults = {}, [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags[tag] = self.tags.get(tag, 0) + 1
        if tag not in self.VOID:
            self.open.append(tag)
        self.attributes(attributes)

    def handle_startendtag(self, tag, attributes):
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.attributes(attributes)

    def attributes(self, attributes):
        for name, value in attributes:
            if name.startswith("on"):
                self.handlers.append(name)
            if name in ("href", "src", "action"):
                self.links.append(value or "")

    def handle_endtag(self, tag):
        if tag in self.VOID:
            return
        if not self.open or self.open[-1] != tag:
            self.faults.append(f"</{tag}> closes {self.open[-1:]}")
        elif self.open:
            self.open.pop()


def page_of(text):
    page = Page()
    page.feed(text)
    page.close()
    return page


def check_format(form, text, name, plain):
    """`plain`: the same report with a harmless text, whose shape this one must have."""
    what = f"{form} with {name}"
    hold(not CONTROL.search(text), f"{what}: raw control or direction characters", text[max(0, (CONTROL.search(text) or re.match("", text)).start() - 60):][:120])
    hold("\t" not in text or form in ("text", "short"), f"{what}: a raw tab")
    if form in ("json", "sarif", "chrome-trace"):
        try:
            here, there = json.loads(text), json.loads(plain)
        except ValueError as error:
            return hold(False, f"{what}: {error}")
        hold(sorted(set(map(type, texts(here)))) == sorted(set(map(type, texts(there)))), what)
        hold(len(list(texts(here))) == len(list(texts(there))), f"{what}: another shape")
    elif form == "jsonl":
        for line in text.splitlines():
            try:
                json.loads(line)
            except ValueError as error:
                return hold(False, f"{what}: {error}", line)
        hold(len(text.split("\n")) == len(plain.split("\n")), f"{what}: other lines")
    elif form == "junit":
        try:
            here, there = (xml.etree.ElementTree.fromstring(t) for t in (text, plain))
        except xml.etree.ElementTree.ParseError as error:
            return hold(False, f"{what}: {error}")
        hold([e.tag for e in here.iter()] == [e.tag for e in there.iter()], f"{what}: other elements")
    elif form == "github":
        lines, harmless = text.split("\n"), plain.split("\n")
        hold(len(lines) == len(harmless), f"{what}: other lines", text)
        for line in filter(None, lines):
            hold(re.match(r"::(error|warning|notice) file=[^:,]*(,line=\d+,col=\d+)?,title=[^:,]*::", line), f"{what}: no annotation", line)
            hold(not re.search(r"%(?!25|0A|0D|3A|2C)", line), f"{what}: a bare %", line)
    elif form == "markdown":
        lines, harmless = text.split("\n"), plain.split("\n")
        hold(len(lines) == len(harmless), f"{what}: other lines", text)
        for line, other in zip(lines, harmless):
            bars = [len(re.findall(r"(?<!\\)\|", l)) for l in (line, other)]
            hold(bars[0] == bars[1], f"{what}: another table", line)
            ticks = [len(re.findall(r"(?<!\\)`", l)) for l in (line, other)]
            hold(ticks[0] == ticks[1], f"{what}: other code", line)
            tags = [re.findall(r"</?(\w+)", l) for l in (line, other)]
            hold(tags[0] == tags[1], f"{what}: other tags", line)
            hold(not re.search(r"(?<!\\)\]\(|(?<![\w;&\\])@\w", line), f"{what}: a link or a mention", line)
    elif form == "html":
        here, there = page_of(text), page_of(plain)
        hold(here.tags == there.tags, f"{what}: other elements", str({k: (here.tags.get(k), there.tags.get(k)) for k in here.tags | there.tags if here.tags.get(k) != there.tags.get(k)}))
        hold(not here.faults and not here.open, f"{what}: not well formed", str(here.faults[:3] + here.open))
        hold(not here.handlers and not [l for l in here.links if not l.startswith("#")], f"{what}: handlers or links out", str(here.links))
    elif form == "mermaid":
        lines, harmless = text.split("\n"), plain.split("\n")
        hold(len(lines) == len(harmless), f"{what}: other lines", text)
        for line in lines:
            if line.startswith("%%"):
                hold(not line.startswith("%%{"), f"{what}: a directive", line)
                continue
            hold(re.fullmatch(r"|sequenceDiagram|graph LR|  participant T\d+ as [^;\"%`<>]*|  Note over T\d+: ([^;\"%`<>#]|#\w+;)*|"
                              r"  N\d+\[\"([^\"%`<>]|#\w+;)*\"\]|  N\d+ -->\|\"([^\"%`<>]|#\w+;)*\"\| N\d+", line), f"{what}: another line", line)
    elif form in ("text", "short"):
        if form == "short":
            hold(len(text.split("\n")) == len(plain.split("\n")), f"{what}: other lines", text)


def without_paths(root):
    return sorted(str(p.relative_to(root)) for p in root.rglob("*"))


with tempfile.TemporaryDirectory() as name:
    work = pathlib.Path(name)
    (work / "plain").mkdir()
    (work / "plain/scenario.json").write_text(json.dumps(scenario("harmless")))
    plain = {f: run(["run", "scenario.json", "--format", f], work / "plain", {1}).stdout.decode() for f in FORMATS}

    # What stands in a scenario.
    for name, payload in PAYLOADS.items():
        folder = work / f"text-{name}"
        folder.mkdir()
        (folder / "scenario.json").write_text(json.dumps(scenario(payload)), encoding="utf-8")
        for form in FORMATS:
            done = run(["run", "scenario.json", "--format", form], folder, {1})
            check_format(form, done.stdout.decode("utf-8"), name, plain[form])
            hold(not CONTROL.search(done.stderr.decode("utf-8")), f"stderr of {form} with {name}")
        for words in (["test", "scenario.json"], ["run", "scenario.json", "--format", "text", "--color", "never"]):
            done = run(words, folder)
            hold(not CONTROL.search((done.stdout + done.stderr).decode("utf-8")), f"{words} with {name}: control characters")
        report = run(["run", "scenario.json", "--output", "report.json"], folder, {1})
        done = run(["replay", "report.json"], folder)
        hold(not CONTROL.search((done.stdout + done.stderr).decode("utf-8")), f"replay with {name}: control characters", done.stdout.decode())

    # The name of a file, of a folder, and a file that is no scenario. No name holds a slash or a NUL.
    (work / "plain/wrong.json").write_text('{"name": "wrong", "main": [ {"op": "lokc"} ]}')
    harmless = {f: run(["run", "scenario.json", "wrong.json", "--format", f], work / "plain", {2}).stdout.decode() for f in FORMATS}
    for name, payload in PAYLOADS.items():
        part = payload.replace("/", "-").encode("utf-8", "replace").decode()[:80]
        folder = work / f"file-{name}"
        (folder / part).mkdir(parents=True)
        paths = [f"{part}/{part}.json", f"{part}/w-{part}.json"]
        (folder / paths[0]).write_text(json.dumps(scenario("harmless")))
        (folder / paths[1]).write_text('{"name": "wrong", "main": [ {"op": "lokc"} ]}')
        for form in FORMATS:
            done = run(["run", "--format", form, "--", *paths], folder, {2})
            check_format(form, done.stdout.decode("utf-8"), f"files of {name}", harmless[form])
            hold(not CONTROL.search(done.stderr.decode("utf-8")), f"stderr of {form} with files of {name}")
        done = run(["test", "--", *paths], folder, {1, 2})
        hold(not CONTROL.search((done.stdout + done.stderr).decode("utf-8")), f"test with files of {name}")
        done = run(["run", "--", f"{part}/nowhere-{part}"], folder, {2})
        hold(not CONTROL.search((done.stdout + done.stderr).decode("utf-8")), f"a missing file of {name}")
        # The project has the names that it gives, and nothing else is touched.
        before = without_paths(work)
        done = run(["export", "--to", "rust", "--output", "project", "--", paths[0]], folder)
        made = set(without_paths(work)) - set(before)
        inside = str(folder.relative_to(work)) + "/project"
        hold(all(m == inside or m.startswith(inside + "/") for m in made), f"export of files of {name} writes outside", str(made))
        for m in made:
            hold(re.fullmatch(r"[\w./-]+", m[len(inside):] or "project"), f"export of files of {name}: the name {m!r}")
        for path in (folder / "project").rglob("*"):
            if path.is_file():
                text = path.read_text(encoding="utf-8")
                hold(not CONTROL.search(text.replace("\t", "")), f"export of files of {name}: control characters in {path.name}")

    # What is exported says the texts in comments and strings, which they do not leave.
    for name, payload in PAYLOADS.items():
        folder = work / f"export-{name}"
        folder.mkdir()
        body = scenario(payload)
        del body["expect"], body["allow"]
        (folder / "scenario.json").write_text(json.dumps(body), encoding="utf-8")
        before = without_paths(work)
        run(["export", "--to", "rust", "--output", "project", "scenario.json"], folder, {0})
        made = set(without_paths(work)) - set(before)
        hold(made and all(m.startswith(f"export-{name}/project") for m in made), f"export with {name} writes outside", str(made))
        for path in (folder / "project").rglob("*.rs"):
            text = path.read_text(encoding="utf-8")
            hold(not CONTROL.search(text), f"export with {name}: control characters in {path.name}",
                 text[max(0, (CONTROL.search(text) or re.match("", text)).start() - 60):][:120])
    hold(not list(work.rglob("pwned")), "a text was run by a shell")

    # A folder of the project that is a link leads nowhere else.
    folder = work / "link"
    (folder / "project/src").parent.mkdir(parents=True)
    (folder / "elsewhere").mkdir()
    (folder / "project/.asyncrt-check-export").write_text("Written by `asyncrt-check export`, which may write this folder again.\n")
    (folder / "project/src").symlink_to("../elsewhere")
    (folder / "scenario.json").write_text(json.dumps({"name": "x", "main": []}))
    run(["export", "--to", "rust", "--output", "project", "scenario.json"], folder)
    hold(not list((folder / "elsewhere").iterdir()), "export follows a link out of its folder")

print("\n".join(wrong[:40] + ([f"and {len(wrong) - 40} more"] if len(wrong) > 40 else [])))
print(f"{passed} passed, {len(wrong)} failed")
sys.exit(1 if wrong else 0)
