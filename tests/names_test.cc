// What names mean and where; bodies that have one.
#include <gtest/gtest.h>

#include <string>

#include "tests/reader_texts.h"

namespace asyncrt {
namespace {

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

}  // namespace
}  // namespace asyncrt
