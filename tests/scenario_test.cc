// What the reader accepts, and what it says about the rest.
#include "core/scenario/scenario.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/spelling.h"
#include "core/ops/op.h"
#include "core/scenario/expr.h"
#include "core/scenario/json_reader.h"

namespace asyncrt {
namespace {

using Lines = std::vector<std::string>;

// "line:column pointer: message; hint"
Lines Text(const Diagnostics& diagnostics) {
  Lines lines;
  for (const Diagnostic& diagnostic : diagnostics.list()) {
    lines.push_back(std::to_string(diagnostic.place.line) + ":" + std::to_string(diagnostic.place.column) + " " +
                    diagnostic.pointer + ": " + diagnostic.message + (diagnostic.hint.empty() ? "" : "; ") +
                    diagnostic.hint);
  }
  return lines;
}

Lines Errors(const std::string& text) {
  Diagnostics diagnostics;
  const auto scenario = ReadScenario(text, "test.json", diagnostics);
  EXPECT_EQ(scenario == nullptr, !diagnostics.empty());
  return Text(diagnostics);
}

std::unique_ptr<Scenario> Good(const std::string& text) {
  Diagnostics diagnostics;
  auto scenario = ReadScenario(text, "test.json", diagnostics);
  EXPECT_EQ(Text(diagnostics), Lines{});
  return scenario;
}

const std::string kObjects =
    R"("runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 2 } }, "objects": { )"
    R"("m": { "kind": "mutex" }, "sm": { "kind": "std_mutex" }, "ch": { "kind": "mpsc" }, )"
    R"("full": { "kind": "mpsc", "capacity": 1 }, "forks": { "kind": "std_mutex", "count": 3 }, )"
    R"("os": { "kind": "oneshot" }, "w": { "kind": "watch" }, "flag": { "kind": "atomic" }, )"
    R"("n": { "kind": "notify" }, "sem": { "kind": "semaphore", "permits": 1 } })";

// Main's ops start in line 2, column 1.
std::string WithMain(const std::string& ops) {
  return R"({ "name": "t", )" + kObjects + ", \"main\": [\n" + ops + "\n] }";
}
// The ops are async and start in line 3, column 1.
std::string WithAsync(const std::string& ops) {
  return WithMain("{ \"op\": \"block_on\", \"on\": \"rt\", \"body\": [\n" + ops + "\n] }");
}

// ---- JSON

const std::string kNothing =
    "nothing is declared here: things stand in `objects` and `runtimes`, tasks and threads have an `as`";

TEST(JsonReader, CountsCodePointsAndNotBytes) {
  Diagnostics diagnostics;
  const auto json = ReadJson("{ \"ä€😀\": [1,\n -20] }", diagnostics);
  ASSERT_NE(json, nullptr);
  const Json& list = json->members[0].value;
  EXPECT_EQ(list.pointer, "/ä€😀");
  EXPECT_EQ(list.place.column, 10u);
  EXPECT_EQ(list.place.end_line, 2u);
  EXPECT_EQ(list.place.end_column, 6u);
  EXPECT_EQ(list.items[1].integer, -20);
  EXPECT_EQ(list.items[1].place.column, 2u);
  EXPECT_EQ(list.items[1].place.end_column, 5u);
  EXPECT_EQ(list.items[1].pointer, "/ä€😀/1");
}

TEST(JsonReader, EscapesPointersAndDecodesStrings) {
  Diagnostics diagnostics;
  const auto json = ReadJson(R"({ "a/b~c": "\u00e4\ud83d\ude00\n" })", diagnostics);
  ASSERT_NE(json, nullptr);
  EXPECT_EQ(json->members[0].value.pointer, "/a~1b~0c");
  EXPECT_EQ(json->members[0].value.text, "ä😀\n");
}

TEST(JsonReader, AcceptsCommentsAndAByteOrderMark) {
  Good("\xEF\xBB\xBF// first\n{ \"name\": \"t\", /* no ops */ \"main\": [] } // last");
}

TEST(JsonReader, KeepsIntegersThatAreTooBigAsReals) {
  Diagnostics diagnostics;
  const auto json = ReadJson("[9223372036854775807, 9223372036854775808, 1e400]", diagnostics);
  ASSERT_NE(json, nullptr);
  EXPECT_EQ(json->items[0].kind, Json::Kind::kInteger);
  EXPECT_EQ(json->items[1].kind, Json::Kind::kReal);
  EXPECT_EQ(json->items[2].kind, Json::Kind::kReal);
}

TEST(JsonReader, SaysWhereAnOpenBracketIs) {
  EXPECT_EQ(Errors("{ \"name\": \"t\",\n  \"main\": [ 1"),
            Lines{"2:14 : expected `,` or `]`, found the end of the file; `[` was opened at 2:11"});
  EXPECT_EQ(Errors("{ \"main\": [ 1 }"), Lines{"1:15 : expected `,` or `]`, found `}`; `[` was opened at 1:11"});
}

TEST(JsonReader, HasItsOwnWordsForTrailingCommas) {
  EXPECT_EQ(Errors("{ \"name\": \"t\", \"main\": [], }"), Lines{"1:26 : trailing comma before `}`; remove it"});
}

TEST(JsonReader, ReportsDuplicateKeys) {
  EXPECT_EQ(Errors("{ \"name\": \"t\", \"main\": [], \"name\": \"u\" }"),
            Lines{"1:28 /name: duplicate key `name`; it is already there at 1:3"});
}

TEST(JsonReader, ReportsWhatIsNoJson) {
  EXPECT_EQ(Errors(""), Lines{"1:1 : the file is empty; a scenario is a JSON object"});
  EXPECT_EQ(Errors("hello"), Lines{"1:1 : expected a value, found `hello`; strings stand in double quotes"});
  EXPECT_EQ(Errors("{ 'a': 1 }"), Lines{"1:3 : expected a key in double quotes, found `'`"});
  EXPECT_EQ(Errors("[ True ]"), Lines{"1:3 : expected a value, found `True`; did you mean `true`?"});
  EXPECT_EQ(Errors("[ 012 ]"), Lines{"1:3 : `012` is no number as JSON writes it"});
  EXPECT_EQ(Errors("[] []"), Lines{"1:4 : expected the end of the file, found `[`; a file holds one scenario"});
  EXPECT_EQ(Errors("[ \"abc\n\" ]"),
            Lines{"1:3 : the string that begins here is never closed; close it with `\"`, in the same line"});
  EXPECT_EQ(Errors("[ /* "), Lines{"1:3 : the comment that begins here is never closed; close it with `*/`"});
  EXPECT_EQ(Errors(R"([ "\ud800" ])").size(), 1u);
}

TEST(JsonReader, ReportsInvalidUtf8WithItsPlace) {
  for (const std::string bad : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xe2\x82"}) {
    EXPECT_EQ(Errors("{\n \"ä" + bad + "\": 1 }"), Lines{"2:4 : the text is not valid UTF-8; save the file as UTF-8"});
  }
}

TEST(JsonReader, StopsAtDeepNesting) {
  EXPECT_EQ(Errors(std::string(100'000, '[')),
            Lines{"1:1001 : nested more than 1000 levels deep; no scenario needs that"});
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_EQ(Errors(objects).size(), 1u);
}

TEST(JsonReader, RefusesHugeFilesBeforeReadingThem) {
  EXPECT_EQ(Errors(std::string(kJsonBytesMax + 1, ' ')),
            Lines{"0:0 : the file has 67108865 bytes, which is too much; at most 64 MiB are read"});
}

TEST(JsonReader, BoundsTheTree) {
  std::string text = "[0";
  for (std::size_t i = 0; i < kJsonValuesMax; ++i) text += ",0";
  EXPECT_EQ(Errors(text).size(), 1u);
  // Each value carries its pointer, so a long key times many values would be too much.
  std::string long_key = "{\"" + std::string(1'000'000, 'k') + "\":[0";
  for (int i = 0; i < 10'000; ++i) long_key += ",0";
  EXPECT_EQ(Errors(long_key).size(), 1u);
}

// ---- spelling

TEST(Spelling, FindsWhatIsAtMostTwoEditsAway) {
  EXPECT_EQ(NearestName("reicv", {"send", "recv"}), "recv");
  EXPECT_EQ(NearestName("worker_thread", {"flavor", "worker_threads"}), "worker_threads");
  EXPECT_EQ(NearestName("max_blokcing_thraeds", {"max_blocking_threads"}), "max_blocking_threads");
  EXPECT_EQ(NearestName("a", {"b"}), "");
  EXPECT_EQ(NearestName("unlock", {"acquire"}), "");
}

// ---- the op table

TEST(OpTable, HasARowForEveryVerbAndKindOnce) {
  std::vector<std::string> seen;
  for (const OpDef& row : AllOps()) {
    std::string key = std::string(row.verb) + "/" + std::string(KindName(row.kind));
    EXPECT_EQ(std::count(seen.begin(), seen.end(), key), 0) << key;
    seen.push_back(std::move(key));
    EXPECT_FALSE(row.summary.empty()) << row.verb;
    EXPECT_FALSE(row.models.empty()) << row.verb;
    for (const FieldUse& use : row.fields) EXPECT_FALSE(use.doc.empty()) << row.verb << " " << FieldKey(use.field);
    if (!row.sync_instead.empty()) {
      EXPECT_FALSE(OpsWithVerb(row.sync_instead).empty()) << row.verb;
    }
    if (row.awaits && row.verb != "pending") {
      EXPECT_EQ(row.where, Where::kAsync) << row.verb;
    }
  }
  EXPECT_EQ(OpsWithVerb("lock").size(), 2u);
}

// ---- expressions and durations

TEST(Duration, ReadsAllUnits) {
  std::string error;
  EXPECT_EQ(ParseDuration("250us", error), 250);
  EXPECT_EQ(ParseDuration("10ms", error), 10'000);
  EXPECT_EQ(ParseDuration("1.5s", error), 1'500'000);
  EXPECT_EQ(ParseDuration("2m", error), 120'000'000);
  EXPECT_EQ(ParseDuration("0.000001s", error), 1);
  EXPECT_EQ(ParseDuration("1.50000000000s", error), 1'500'000);
}

TEST(Duration, RefusesWhatIsNone) {
  std::string error;
  for (const char* text : {"", "10", "ms", "-1ms", "1 ms", "1.ms", ".5s", "1h", "1e3s", "10ms "}) {
    EXPECT_EQ(ParseDuration(text, error), std::nullopt) << text;
  }
  EXPECT_EQ(ParseDuration("1.5us", error), std::nullopt);
  EXPECT_EQ(error, "durations are whole microseconds");
  for (const char* text : {"99999999999999999999999999m", "9223372036854775807s", "17000000000001m"}) {
    EXPECT_EQ(ParseDuration(text, error), std::nullopt) << text;
    EXPECT_EQ(error, "the duration is longer than a billion seconds");
  }
}

std::string Show(const Expr& expr) {
  switch (expr.kind) {
    case Expr::Kind::kNumber:
      return std::to_string(expr.number);
    case Expr::Kind::kLocal:
      return expr.name;
    default:
      break;
  }
  std::string text = "(" + std::to_string(static_cast<int>(expr.kind) - static_cast<int>(Expr::Kind::kAdd));
  for (const Expr& kid : expr.kids) text += " " + Show(kid);
  return text + ")";
}

TEST(Expression, BindsAsRustDoes) {
  ExprRules rules;
  rules.resolve = [](const NameUse&, std::string&, std::string&) { return Expr::Kind::kLocal; };
  std::vector<ExprError> errors;
  const auto show = [&](std::string_view text) {
    const auto expr = ParseExpr(text, rules, errors);
    return expr ? Show(*expr) : "error at " + std::to_string(errors.back().begin);
  };
  EXPECT_EQ(show("1+2*3"), show("1+(2*3)"));
  EXPECT_EQ(show("a-b-c"), show("(a-b)-c"));
  EXPECT_EQ(show("a||b&&c==d+1"), show("a||(b&&(c==(d+1)))"));
  EXPECT_EQ(show("!a&&-b<2"), show("(!a)&&((-b)<2)"));
  EXPECT_EQ(show("1 +"), "error at 3");
  EXPECT_EQ(show("(1"), "error at 2");
  EXPECT_EQ(show("a = 1"), "error at 2");
  EXPECT_EQ(show("9223372036854775808"), "error at 0");
}

TEST(Expression, IsBoundedInDepthAndLength) {
  ExprRules rules;
  std::vector<ExprError> errors;
  EXPECT_FALSE(ParseExpr(std::string(1'000'000, '('), rules, errors));
  EXPECT_FALSE(ParseExpr(std::string(1'000'000, '!'), rules, errors));
  std::string sum = "1";
  for (int i = 0; i < 100'000; ++i) sum += "+1";
  EXPECT_FALSE(ParseExpr(sum, rules, errors));
}

TEST(Expression, ErrorsStandInsideTheString) {
  EXPECT_EQ(Errors(WithMain(R"({ "op": "set", "var": "x", "to": "flag + yy" })")),
            Lines{"2:42 /main/0/to: nothing sets `yy`; a local is set by `set` or by the `var` of an op"});
  EXPECT_EQ(Errors(WithMain(R"({ "op": "assert", "cond": "m == 1" })")),
            Lines{"2:28 /main/0/cond: `m` is a mutex, which has no value in an expression; expressions know locals and "
                  "atomics"});
}

TEST(Expression, DollarWordsHaveTheirPlaces) {
  EXPECT_EQ(
      Errors(WithMain(R"({ "op": "assert", "cond": "$index + $value + $now + $x" })")),
      (Lines{"2:28 /main/0/cond: `$index` is known only in a body that is made in copies; put a `count` on the op "
             "that makes the body",
             "2:37 /main/0/cond: `$value` is known only in the `cond` of `wait_for`",
             "2:46 /main/0/cond: `$now` needs ideal timing; write `\"timing\": \"ideal\"` at the top",
             "2:53 /main/0/cond: unknown `$x`; there are `$index`, `$now` and `$value`"}));
  Good(WithAsync(R"J({ "op": "spawn", "as": "t", "count": 3, "body": [ { "op": "lock", "on": "forks[$index]" } ] },
                   { "op": "wait_for", "on": "w", "cond": "$value > 1" },
                   { "op": "while", "cond": "!finished(t[2])", "body": [ { "op": "yield_now" } ] })J"));
}

// ---- the document

TEST(Document, KeepsWhatIsWritten) {
  const auto scenario =
      Good(R"({ "$schema": "s", "x-mine": { "op": 1 }, "name": "a-b2", "about": "about", "source": "link",
    "objects": { "ch": { "kind": "std_channel", "capacity": 0 } },
    "runtimes": { "rt": { "flavor": "current_thread", "shared": true, "max_blocking_threads": 3 } },
    "timing": "ideal", "tokio": "1.44.1", "thresholds": { "blocking": "2ms", "starvation": "1s" },
    "main": [ { "op": "send", "on": "ch", "at": "src/main.rs:3", "note": "here", "x-y": 0 } ],
    "expect": { "errors": [["deadlock/*", "panic/assert"]], "tokio": { "1.43": { "warnings": [] } } },
    "allow": [ { "rule": "deadlock/channel", "on": "ch", "reason": "known" } ] })");
  ASSERT_NE(scenario, nullptr);
  EXPECT_EQ(scenario->name, "a-b2");
  EXPECT_EQ(scenario->declaration_order, (std::vector<std::int64_t>{-1, 0}));
  EXPECT_EQ(scenario->objects[0].capacity, 0);
  EXPECT_FALSE(scenario->runtimes[0].multi_thread);
  EXPECT_TRUE(scenario->runtimes[0].shared);
  EXPECT_TRUE(scenario->ideal);
  EXPECT_FALSE(scenario->adversarial);
  EXPECT_EQ(scenario->blocking_threshold, 2'000);
  EXPECT_EQ(scenario->starvation_threshold, 1'000'000);
  EXPECT_EQ(scenario->tokio, "1.44.1");
  ASSERT_EQ(scenario->main.ops.size(), 1u);
  EXPECT_EQ(scenario->main.ops[0].at, "src/main.rs:3");
  EXPECT_EQ(scenario->main.ops[0].on.part, Ref::Part::kTx);
  EXPECT_EQ(scenario->main.ops[0].node->pointer, "/main/0");
  EXPECT_EQ((*scenario->expect->errors)[0].any_of.size(), 2u);
  EXPECT_FALSE(scenario->expect->warnings.has_value());
  EXPECT_EQ(scenario->expect_for[0].first, "1.43");
  EXPECT_EQ(scenario->allow[0].reason, "known");
}

TEST(Document, ReportsAllErrorsInTheOrderOfTheFile) {
  EXPECT_EQ(
      Errors("{\n\"name\": \"Bad Name\",\n\"abuot\": 1,\n\"timing\": \"idael\",\n\"main\": {}\n}"),
      (Lines{"2:9 /name: `Bad Name` is not kebab-case; a scenario's name is small letters and digits, with single "
             "`-` between words",
             "3:1 /abuot: unknown key `abuot` in a scenario; did you mean `about`?",
             "4:11 /timing: unknown timing `idael`; did you mean `ideal`?",
             "5:9 /main: expected a list of ops, found an object; put it into `[ ]`"}));
}

TEST(Document, NeedsANameAndAMain) {
  EXPECT_EQ(Errors("{}"), (Lines{"1:1 : a scenario needs `main`", "1:1 : a scenario needs `name`"}));
  EXPECT_EQ(Errors("[]"), Lines{"1:1 : expected an object (a scenario), found a list"});
}

TEST(Document, ListsTheKnownTokioVersions) {
  for (const char* version : {"1.23", "1.54", "2.0", "1.44.x", "1", "1.044"}) {
    const Lines errors = Errors(std::string(R"({ "name": "t", "main": [], "tokio": ")") + version + "\" }");
    ASSERT_EQ(errors.size(), 1u) << version;
    EXPECT_NE(errors[0].find("known are `1.24`, `1.25`"), std::string::npos);
    EXPECT_NE(errors[0].find("and `1.53`"), std::string::npos);
  }
}

TEST(Document, ChecksRuntimes) {
  EXPECT_EQ(
      Errors(R"({ "name": "t", "main": [],
"runtimes": { "a": { "flavor": "multi_thread", "workers": 2 },
"b": { "flavor": "current" }, "2c": { "flavor": "current_thread" }, "d": {} } })"),
      (Lines{"2:20 /runtimes/a: a `multi_thread` runtime needs `worker_threads`; Tokio's own default is the number "
             "of cores: say how many are checked",
             "2:48 /runtimes/a/workers: unknown key `workers` in a runtime; a runtime has `flavor`, "
             "`worker_threads`, `max_blocking_threads`, `enable_time`, `enable_io`, `shared`, `event_interval`, "
             "`global_queue_interval` and `disable_lifo_slot`",
             "3:18 /runtimes/b/flavor: unknown flavor `current`; did you mean `current_thread`?",
             "3:31 /runtimes/2c: `2c` is no name; a name is letters, digits and `_`, and does not begin with a "
             "digit",
             "3:74 /runtimes/d: a runtime needs `flavor`"}));
}

TEST(Document, ChecksObjects) {
  EXPECT_EQ(Errors(R"({ "name": "t", "main": [], "objects": {
"a": { "kind": "std_mutxe" },
"b": { "kind": "barrier" },
"c": { "kind": "notify", "capacity": 1 },
"d": { "kind": "mpsc", "capacity": -1, "count": 0 },
"e": { "kind": "mutex", "holds": ["d"] },
"f": { "kind": "cancellation_token", "parent": "g" }, "g": { "kind": "cancellation_token", "parent": "f" } } })"),
            (Lines{"2:16 /objects/a/kind: unknown kind `std_mutxe`; did you mean `std_mutex`?",
                   "3:6 /objects/b: a barrier needs `parties`",
                   "4:26 /objects/c/capacity: unknown key `capacity` in a notify; a notify has `kind` and `count`",
                   "5:36 /objects/d/capacity: expected an integer of at least 0, found -1",
                   "5:49 /objects/d/count: expected an integer from 1 to 10000, found 0",
                   "6:35 /objects/e/holds/0: `holds` needs one end of `d`; write `d.tx` or `d.rx`",
                   "7:48 /objects/f/parent: `f` is its own ancestor"}));
}

TEST(Document, ExpectAndAllowNameKnownRules) {
  EXPECT_EQ(Errors(R"({ "name": "t", "main": [], "expect": { "errors": ["deadlock/relok", ["panic/*", "relock"]] } })"),
            (Lines{"1:51 /expect/errors/0: unknown rule `deadlock/relok`; did you mean `deadlock/relock`?",
                   "1:81 /expect/errors/1/1: unknown rule `relock`; did you mean `deadlock/relock`?"}));
}

TEST(Document, ANameThatIsFarFromAllIsToldWhatThereIs) {
  EXPECT_EQ(Errors(R"({ "name": "t", "objects": { "a": { "kind": "notify" } }, "main": [ { "op": "notify_one", "on": "zebra" } ] })"),
            (Lines{"1:97 /main/0/on: `zebra` is not declared; known here: `a`"}));
}

TEST(Document, AMissingKeyThatIsMisspelledIsOneError) {
  EXPECT_EQ(Errors(R"({ "name": "t", "mian": [] })"), (Lines{"1:16 /mian: unknown key `mian` in a scenario; did you mean `main`?"}));
  EXPECT_EQ(Errors(R"({ "name": "t", "main": [ { "opp": "panic" } ] })"),
            (Lines{"1:28 /main/0/opp: unknown key `opp` in an op; did you mean `op`?"}));
}

TEST(Document, AllowNeedsARuleAndAReason) {
  EXPECT_EQ(Errors(R"({ "name": "t", "main": [], "allow": [ { "rule": "panic/task" },
{ "reason": "y", "on": "nobody" } ] })"),
            (Lines{"1:39 /allow/0: an entry of `allow` needs `reason`",
                   "2:1 /allow/1: an entry of `allow` needs `rule`", "2:24 /allow/1/on: `nobody` is not declared; " + kNothing}));
}

// ---- ops

TEST(Op, UnknownOnesGetTheNearestName) {
  EXPECT_EQ(Errors(WithMain(R"({ "op": "spawn_tread", "as": "t", "body": [] }, { "op": "join_thread", "on": "t" })")),
            Lines{"2:9 /main/0/op: unknown op `spawn_tread`; did you mean `spawn_thread`?"});
  EXPECT_EQ(Errors(WithMain(R"({ "on": "m" }, [], { "op": 1 })")),
            (Lines{"2:1 /main/0: an op needs `op`", "2:16 /main/1: expected an op, as { \"op\": \"…\" }, found a list",
                   "2:28 /main/2/op: expected the name of an op, found an integer"}));
}

TEST(Op, UnknownNamesGetTheNearestOneAndItsPlace) {
  EXPECT_EQ(Errors(WithMain(R"({ "op": "drop", "on": "ful.tx" })")),
            Lines{"2:24 /main/0/on: `ful` is not declared; did you mean `full`, declared at 1:185?"});
}

TEST(Op, TheKindOfItsObjectMustFit) {
  EXPECT_EQ(Errors(WithMain(R"({ "op": "recv", "on": "sm" })")),
            Lines{"2:23 /main/0/on: `recv` does not work on `sm`, which is a std_mutex; a std_mutex has `drop`, "
                  "`forget`, `lock`, `try_lock` and `unlock`"});
  EXPECT_EQ(Errors(WithMain(R"({ "op": "lock" })")),
            Lines{"2:1 /main/0: `lock` needs `on`; the name of a `std_mutex` or `mutex`"});
  EXPECT_EQ(Errors(WithMain(R"({ "op": "drop", "on": "n" })")),
            Lines{"2:23 /main/0/on: `drop` does not work on `n`, which is a notify; a notify has `notified`, `arm`, "
                  "`notify_one` and `notify_waiters`"});
  // The mutex of a condvar is named, not its guard.
  const Lines guard = Errors(R"({ "name": "t", "objects": { "m": { "kind": "std_mutex" }, "cv": { "kind": "std_condvar" } }, "main": [
{ "op": "lock", "on": "m", "as": "g" }, { "op": "wait", "on": "cv", "mutex": "g" }] })");
  EXPECT_EQ(guard, Lines{"2:78 /main/1/mutex: expected a std_mutex, and `g` is a guard"});
}

TEST(Op, AsyncOnesInASyncBodyNameTheSyncOp) {
  EXPECT_EQ(Errors(WithMain(R"({ "op": "lock", "on": "m" })")),
            Lines{"2:9 /main/0/op: `lock` on `m`, a mutex, is async, and this body is sync; use `blocking_lock`"});
  EXPECT_EQ(Errors(WithMain(R"({ "op": "sleep", "for": "1ms" })")),
            Lines{"2:9 /main/0/op: `sleep` is async, and this body is sync; use `thread_sleep`"});
  EXPECT_EQ(Errors(WithAsync(R"({ "op": "block_in_place", "body": [ { "op": "join", "branches": [ [] ] } ] })")),
            Lines{"3:45 /main/0/body/0/body/0/op: `join` is async, and this body is sync; put it into the body of a "
                  "`block_on`, or make this body async"});
}

TEST(Op, SendOnAnMpscIsAsyncOnlyWhenItCanWait) {
  Good(WithMain(R"({ "op": "send", "on": "ch" }, { "op": "send", "on": "w" }, { "op": "send", "on": "os" })"));
  EXPECT_EQ(Errors(WithMain(R"({ "op": "send", "on": "full" })")),
            Lines{"2:9 /main/0/op: `send` on `full`, an mpsc, is async, and this body is sync; use `blocking_send`"});
  Good(WithAsync(R"({ "op": "reserve", "on": "full", "as": "place" },
                    { "op": "block_in_place", "body": [ { "op": "send", "on": "full", "permit": "place" } ] })"));
}

TEST(Op, UnknownKeysAreComparedWithItsFields) {
  EXPECT_EQ(Errors(WithMain(R"({ "op": "compute", "for": "1ms", "oR": [] }, { "op": "park", "as": "p" })")),
            (Lines{"2:34 /main/0/oR: unknown key `oR` in `compute`; `compute` has `for`",
                   "2:62 /main/1/as: unknown key `as` in `park`; `park` has no fields"}));
}

TEST(Op, OrNeedsAnOpThatCanFail) {
  EXPECT_EQ(Errors(WithMain(R"({ "op": "notify_one", "on": "n", "or": [] })")),
            Lines{"2:34 /main/0/or: `notify_one` cannot fail and has no `or`"});
  EXPECT_EQ(Errors(WithAsync(R"({ "op": "join", "branches": [ [] ], "or": [] })")),
            Lines{"3:43 /main/0/body/0/or: a `join` without `try` cannot fail and has no `or`; add `\"try\": true`"});
  Good(WithMain(R"({ "op": "lock", "on": "sm", "or": [] }, { "op": "catch_panic", "body": [], "or": [] })"));
}

TEST(Op, MissesItsRequiredFields) {
  EXPECT_EQ(Errors(WithMain(R"({ "op": "compute" }, { "op": "spawn" }, { "op": "loop" })")),
            (Lines{"2:1 /main/0: `compute` needs `for`", "2:22 /main/1: `spawn` needs `body` or `run`",
                   "2:41 /main/2: `loop` needs `body`"}));
}

TEST(Op, ChecksTheTypesOfFields) {
  EXPECT_EQ(Errors(WithMain(R"({ "op": "compute", "for": 10 }, { "op": "compute", "for": "10" },
{ "op": "spawn_thread", "count": 0, "detached": "yes", "body": [] })")),
            (Lines{"2:27 /main/0/for: expected a duration such as \"10ms\", found an integer",
                   "2:59 /main/1/for: `10` is no duration; a duration is written as \"250us\", \"10ms\", \"1.5s\" or "
                   "\"2m\"",
                   "3:34 /main/2/count: expected an integer from 1 to 10000, found 0",
                   "3:49 /main/2/detached: expected true or false, found a string"}));
}

TEST(Op, BreakDoesNotLeaveAnAsyncBlock) {
  EXPECT_EQ(Errors(WithAsync(R"({ "op": "break" }, { "op": "loop", "body": [
{ "op": "timeout", "after": "1ms", "await": [ { "op": "break" } ], "or": [ { "op": "break" } ] },
{ "op": "spawn", "body": [ { "op": "continue" } ] },
{ "op": "if", "cond": 1, "then": [ { "op": "continue" } ] } ] })")),
            (Lines{"3:9 /main/0/body/0/op: `break` stands in no loop",
                   "4:55 /main/0/body/1/body/0/await/0/op: `break` cannot leave `timeout`, and the loop is outside of "
                   "it; `return` ends just that block",
                   "5:36 /main/0/body/1/body/1/body/0/op: `continue` cannot leave `spawn`, and the loop is outside of "
                   "it; `return` ends just that block"}));
}

TEST(Op, FailNeedsSomethingToEnd) {
  EXPECT_EQ(
      Errors(WithMain(R"({ "op": "fail" })")),
      Lines{"2:9 /main/0/op: `fail` has nothing to end here; it ends the nearest async block, task, thread, future "
            "or `get_or_init` body"});
  Good(WithAsync(R"({ "op": "fail" })"));
}

// ---- names

TEST(Names, ChannelsGiveTheEndThatTheOpNeeds) {
  const auto scenario = Good(WithMain(
      R"({ "op": "send", "on": "ch" }, { "op": "try_recv", "on": "ch" }, { "op": "close", "on": "ch" },
         { "op": "borrow", "on": "w" }, { "op": "subscribe", "on": "w", "as": "sub" }, { "op": "borrow", "on": "sub" },
         { "op": "use", "on": "ch" })"));
  ASSERT_NE(scenario, nullptr);
  std::vector<Ref::Part> parts;
  for (const Op& op : scenario->main.ops) parts.push_back(op.on.part);
  using Part = Ref::Part;
  EXPECT_EQ(parts, (std::vector<Part>{Part::kTx, Part::kRx, Part::kRx, Part::kRx, Part::kTx, Part::kRx, Part::kWhole}));
  EXPECT_EQ(Errors(WithMain(
                R"({ "op": "send", "on": "ch.rx" }, { "op": "drop", "on": "ch" }, { "op": "use", "on": "m.tx" })")),
            (Lines{"2:23 /main/0/on: `send` works on the sending end, and `ch.rx` is the receiving one",
                   "2:56 /main/1/on: `drop` needs one end of `ch`; write `ch.tx` or `ch.rx`",
                   "2:87 /main/2/on: `m` has no `.tx`; `m` is a mutex, which has no parts"}));
}

TEST(Names, ArraysNeedAnIndexWhereOneElementIsNeeded) {
  EXPECT_EQ(
      Errors(WithMain(R"({ "op": "lock", "on": "forks" }, { "op": "lock", "on": "forks[3]" },
{ "op": "lock", "on": "sm[0]" }, { "op": "lock", "on": "forks[0" }, { "op": "lock", "on": "forks[1]x" })")),
      (Lines{"2:23 /main/0/on: `forks` is an array of 3, and one of it is needed; write `forks[0]` or "
             "`forks[$index]`",
             "2:56 /main/1/on: `forks` has no element 3; its elements are 0 to 2",
             "3:23 /main/2/on: `sm` is no array; arrays are made with `count`", "3:62 /main/3/on: `[` is never closed",
             "3:100 /main/4/on: `x` cannot follow `forks[1]`; written as `name`, `name.tx`, `name[0]` or "
             "`name[0].tx`"}));
  Good(WithAsync(R"({ "op": "spawn", "as": "t", "count": 2, "body": [] }, { "op": "await", "on": "t" })"));
}

TEST(Names, AreVisibleToTheEndOfTheirBlock) {
  EXPECT_EQ(Errors(WithAsync(R"({ "op": "await", "on": "t" },
{ "op": "if", "cond": 1, "then": [ { "op": "spawn", "as": "t", "body": [] } ] }, { "op": "await", "on": "t" })")),
            (Lines{"3:25 /main/0/body/0/on: `t` is not visible here; it is named at 4:59; a name is visible after its "
                   "op, to the end of its block",
                   "4:106 /main/0/body/2/on: `t` is not visible here; it is named at 4:59; a name is visible after its "
                   "op, to the end of its block"}));
  // The name may be used again once its block has ended.
  Good(WithAsync(R"({ "op": "if", "cond": 1, "then": [ { "op": "spawn", "as": "t", "body": [] } ] },
                    { "op": "spawn", "as": "t", "body": [] }, { "op": "await", "on": "t" })"));
}

TEST(Names, MeanOneThing) {
  EXPECT_EQ(Errors(WithAsync(R"({ "op": "spawn", "as": "m", "body": [] }, { "op": "set", "var": "ch", "to": 1 },
{ "op": "spawn", "as": "t", "body": [] }, { "op": "spawn", "as": "t", "body": [] })")),
            (Lines{"3:24 /main/0/body/0/as: `m` already names a mutex; declared at 1:102",
                   "3:65 /main/0/body/1/var: `ch` already names an mpsc; declared at 1:159",
                   "4:66 /main/0/body/3/as: `t` already names a task; declared at 4:24"}));
}

TEST(Names, OfATimeoutsAwaitBelongToTheBlockAroundIt) {
  Good(WithAsync(
      R"({ "op": "timeout", "after": "1ms", "await": { "op": "lock", "on": "m", "as": "g" }, "or": [ { "op": "return" } ] },
                    { "op": "drop", "on": "g" })"));
  EXPECT_EQ(Errors(WithAsync(R"({ "op": "timeout", "after": "1ms", "await": { "op": "lock", "on": "m", "as": "g" },
"or": [ { "op": "drop", "on": "g" } ] })"))
                .size(),
            1u);
}

TEST(Names, OfASelectBranchBelongToItsThen) {
  Good(WithAsync(R"({ "op": "future", "as": "f", "body": [] }, { "op": "select", "branches": [
      { "await": { "op": "lock", "on": "m", "as": "g" }, "then": [ { "op": "unlock", "on": "g" } ] },
      { "await": "f", "if": "flag == 0" }, { "await": [ { "op": "recv", "on": "ch", "var": "x" } ] } ], "else": [] })"));
  EXPECT_EQ(Errors(WithAsync(R"({ "op": "select", "branches": [
{ "await": { "op": "lock", "on": "m", "as": "g" } }, { "then": [ { "op": "unlock", "on": "g" } ] }, { "await": "m" } ] })")),
            (Lines{"4:54 /main/0/body/0/branches/1: a branch of `select` needs `await`",
                   "4:91 /main/0/body/0/branches/1/then/0/on: `g` is not visible here; it is named at 4:45; a name is "
                   "visible after its op, to the end of its block",
                   "4:112 /main/0/body/0/branches/2/await: expected a future or a notified or a task, and `m` is a "
                   "mutex"}));
}

TEST(Names, OfAGuardWithABodyIsVisibleInIt) {
  EXPECT_EQ(Errors(WithAsync(R"({ "op": "lock", "on": "m", "as": "g", "body": [ { "op": "unlock", "on": "g" } ] },
{ "op": "unlock", "on": "g" })"))
                .size(),
            1u);
}

TEST(Names, CloneNeedsWhatCanBeCloned) {
  EXPECT_EQ(
      Errors(WithMain(
          R"({ "op": "spawn_thread", "clone": ["ch.tx", "ch.rx", "w.rx", "os.tx", "rt", "rt.handle"], "body": [] })")),
      (Lines{"2:44 /main/0/clone/1: `ch.rx` cannot be cloned; only its sending end can be: `ch.tx`",
             "2:61 /main/0/clone/3: `os.tx` cannot be cloned",
             "2:70 /main/0/clone/4: `rt` cannot be cloned; give it `\"shared\": true`: it is in an `Arc` then"}));
}

TEST(Names, OfHeldValuesNeedTheGuard) {
  const std::string head = R"({ "name": "t", "objects": { "l": { "kind": "std_mutex", "holds": ["jobs.rx"] }, )"
                           R"("jobs": { "kind": "std_channel" } }, "main": [)";
  EXPECT_EQ(
      Errors(head + R"({ "op": "send", "on": "jobs" }, { "op": "lock", "on": "l", "body": [
{ "op": "recv", "on": "jobs" }, { "op": "spawn_thread", "body": [ { "op": "recv", "on": "jobs" } ] } ] },
{ "op": "lock", "on": "l" }, { "op": "recv", "on": "jobs" }, { "op": "unlock", "on": "l" },
{ "op": "recv", "on": "jobs" } ] })"),
      (Lines{"2:89 /main/1/body/1/body/0/on: `jobs.rx` is inside `l` and is used without its guard; use it in the "
             "`body` of a `lock` on `l`, or after one",
             "4:23 /main/5/on: `jobs.rx` is inside `l` and is used without its guard; use it in the `body` of a "
             "`lock` on `l`, or after one"}));
}

TEST(Names, OfOwnedThingsAreNotForDestructorsOfDeclaredValues) {
  EXPECT_EQ(Errors(R"({ "name": "t", "main": [], "objects": { "ch": { "kind": "mpsc" }, "n": { "kind": "notify" },
"v": { "kind": "value", "drop": [ { "op": "notify_one", "on": "n" }, { "op": "send", "on": "ch" } ] } } })"),
            Lines{"2:92 /objects/v/drop/1/on: the destructor of a declared value can mention shared things only, and "
                  "`ch` is owned; make the value with the op `value`: its `drop` body owns what it mentions"});
}

TEST(Messages, CarryOneListPerChannel) {
  EXPECT_EQ(
      Errors(WithMain(R"({ "op": "send", "on": "ch", "with": ["os.tx"] }, { "op": "send", "on": "ch" },
{ "op": "try_recv", "on": "ch", "with": ["os.rx"] }, { "op": "try_recv", "on": "ch" })")),
      (Lines{"2:50 /main/1: messages on `ch` own `os.tx`, and this one has nothing; all sends on one channel carry "
             "the same list; the first is at 2:1",
             "3:41 /main/2/with: messages on `ch` own `os.tx`, and this one has `os.rx`; all sends on one channel "
             "carry the same list; the first is at 2:1"}));
}

TEST(Messages, BringTheirNamesToTheReceiver) {
  Good(WithAsync(R"({ "op": "spawn", "as": "worker", "body": [
      { "op": "recv", "on": "ch", "with": ["permit"] }, { "op": "release", "on": "permit" } ] },
    { "op": "acquire", "on": "sem", "as": "permit" }, { "op": "send", "on": "ch", "with": ["permit"] })"));
}

// ---- named bodies

TEST(NamedBody, IsReadAnewForEachUse) {
  const auto scenario = Good(R"({ "name": "t", "bodies": { "b": [ { "op": "assert", "cond": "$index < 2" } ] },
    "main": [ { "op": "spawn_thread", "count": 2, "run": "b" }, { "op": "spawn_thread", "count": 1, "run": "b" } ] })");
  ASSERT_NE(scenario, nullptr);
  EXPECT_EQ(scenario->main.ops[0].body->named, "b");
  EXPECT_NE(scenario->main.ops[0].body, scenario->main.ops[1].body);
}

TEST(NamedBody, MaySpawnItself) {
  const auto scenario = Good(R"({ "name": "t", "bodies": { "b": [ { "op": "spawn_thread", "run": "b" } ] },
    "main": [ { "op": "call", "run": "b" } ] })");
  ASSERT_NE(scenario, nullptr);
  const Body* outer = scenario->main.ops[0].body.get();
  EXPECT_EQ(outer->ops[0].body.get(), outer);
}

TEST(NamedBody, MayNotCallItself) {
  EXPECT_EQ(Errors(R"({ "name": "t", "bodies": {
"a": [ { "op": "call", "run": "b" } ],
"b": [ { "op": "if", "cond": 1, "then": [ { "op": "call", "run": "a" } ] } ] },
"main": [ { "op": "call", "run": "a" }, { "op": "call", "run": "aa" } ] })"),
            (Lines{"3:66 /bodies/b/0/then/0/run: `call` runs `a` inside itself, without end; a → b → a",
                   "4:64 /main/1/run: there is no named body `aa`; did you mean `a`?"}));
}

TEST(NamedBody, IsCheckedThoughNobodyRunsIt) {
  EXPECT_EQ(Errors(R"({ "name": "t", "bodies": { "b": [ { "op": "await", "on": "t" }, { "op": "await", "on": "nobody" },
{ "op": "break" }, { "op": "slep" } ] }, "main": [ { "op": "spawn_thread", "as": "t", "body": [] } ] })"),
            (Lines{"1:89 /bodies/b/1/on: `nobody` is not declared; " + kNothing,
                   "2:28 /bodies/b/3/op: unknown op `slep`; did you mean `sleep`?"}));
}

TEST(NamedBody, CannotMakeMuchOutOfLittle) {
  std::string bodies;
  for (int i = 0; i < 60; ++i) {
    const std::string next = "b" + std::to_string(i + 1);
    bodies += "\"b" + std::to_string(i) + R"(": [ { "op": "call", "run": ")" + next +
              R"(" }, { "op": "call", "run": ")" + next + "\" } ],\n";
  }
  const Lines errors =
      Errors(R"({ "name": "t", "bodies": { )" + bodies + R"("b60": [] }, "main": [ { "op": "call", "run": "b0" } ] })");
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_NE(errors[0].find("the scenario has more than 100000 ops"), std::string::npos);
}

TEST(Nesting, OfBodiesIsBounded) {
  std::string text = "[]";
  for (int i = 0; i < 300; ++i) text = R"([{"op":"loop","body":)" + text + "}]";
  const Lines errors = Errors(R"({ "name": "t", "main": )" + text + "}");
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_NE(errors[0].find("bodies are nested more than 120 deep"), std::string::npos);
}

TEST(Nesting, OfSingleOpsIsBoundedToo) {
  std::string text = R"({"op":"yield_now"})";
  for (int i = 0; i < 900; ++i) text = R"({"op":"timeout","after":"1s","await":)" + text + "}";
  const Lines errors = Errors(WithAsync(text));
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_NE(errors[0].find("bodies are nested more than 120 deep"), std::string::npos);
}

// ---- the scenarios of the repository

std::filesystem::path Scenarios() { return std::filesystem::path(__FILE__).parent_path().parent_path() / "scenarios"; }

std::vector<std::pair<std::string, std::string>> AllScenarios() {
  std::vector<std::pair<std::string, std::string>> texts;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(Scenarios())) {
    if (entry.path().extension() != ".json") continue;
    std::ifstream stream(entry.path());
    std::stringstream text;
    text << stream.rdbuf();
    texts.emplace_back(entry.path().string(), text.str());
  }
  return texts;
}

TEST(Repository, EveryScenarioIsReadWithoutErrors) {
  const auto texts = AllScenarios();
  EXPECT_FALSE(texts.empty());
  for (const auto& [path, text] : texts) {
    Diagnostics diagnostics;
    EXPECT_NE(ReadScenario(text, path, diagnostics), nullptr) << path;
    EXPECT_EQ(Text(diagnostics), Lines{}) << path;
  }
}

// Every prefix of a good scenario is a broken one, and must be told so.
TEST(Repository, CutScenariosAreErrorsAndNoMore) {
  const auto texts = AllScenarios();
  ASSERT_FALSE(texts.empty());
  const std::string text = texts.front().second.substr(0, texts.front().second.find_last_of('}'));
  for (std::size_t length = 0; length < text.size(); ++length) {
    Diagnostics diagnostics;
    EXPECT_EQ(ReadScenario(text.substr(0, length), "cut.json", diagnostics), nullptr);
  }
}

}  // namespace
}  // namespace asyncrt
