// What the reader accepts, and what it says about the rest.
#include "core/scenario/scenario.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/reader_texts.h"

namespace asyncrt {
namespace {

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
