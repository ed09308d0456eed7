// What everything is at the end of a schedule, in words.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "core/asyncrt.h"

namespace asyncrt {
namespace {

std::map<std::string, std::string> AtEnd(const std::string& text, const std::string& rule) {
  const ScenarioReport report = CheckText(text, "test.json", {});
  for (const Diagnostic& problem : report.diagnostics) ADD_FAILURE() << problem.message;
  std::map<std::string, std::string> all;
  for (const Finding& finding : report.findings) {
    if (finding.rule != rule) continue;
    for (const Standing& standing : finding.at_end) EXPECT_TRUE(all.emplace(standing.who, standing.what).second) << standing.who;
    return all;
  }
  ADD_FAILURE() << rule << " was not found";
  return all;
}

TEST(Standings, SayWhereEachPartyIsAndWhatItHolds) {
  auto at = AtEnd(R"({ "name": "t", "timing": "ideal", "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 1 } },
"objects": { "m": { "kind": "mutex" }, "s": { "kind": "semaphore", "permits": 3 }, "ch": { "kind": "std_channel" } },
"main": [ { "op": "block_on", "on": "rt", "body": [
{ "op": "acquire", "on": "s", "permits": 2 }, { "op": "lock", "on": "m" },
{ "op": "spawn", "as": "t", "body": [
{ "op": "spawn", "as": "u", "body": [ { "op": "send", "on": "ch" } ] },
{ "op": "recv", "on": "ch" } ] },
{ "op": "future", "as": "f", "body": [] },
{ "op": "await", "on": "t" } ] } ] })", "deadlock/blocked-workers");
  EXPECT_EQ(at["thread main"], "is suspended in `await t` (line 9); holds 2 permits of `s` and `m`");
  EXPECT_EQ(at["task t"], "is blocked in `recv ch` (line 7), on rt/worker-0");
  EXPECT_EQ(at["task u"], "is ready, and was never polled");
  EXPECT_EQ(at["future f"], "was never polled");
  EXPECT_EQ(at["runtime rt"], "runs");
  EXPECT_EQ(at["thread rt/worker-0"], "is blocked in task t, task u in its LIFO slot");
  EXPECT_EQ(at["mutex m"], "held by thread main");
  EXPECT_EQ(at["semaphore s"], "1 permit left");
  EXPECT_EQ(at["std_channel ch"], "0 messages, 1 sender");
  EXPECT_EQ(at.size(), 9u);
}

TEST(Standings, SayWhatIsLeftInObjects) {
  auto at = AtEnd(R"({ "name": "t", "timing": "ideal", "runtimes": { "rt": { "flavor": "current_thread" } },
"objects": { "a": { "kind": "atomic", "value": 4 }, "sc": { "kind": "std_channel" }, "ch": { "kind": "mpsc", "capacity": 2 },
"w": { "kind": "watch", "value": 7 }, "n": { "kind": "notify" }, "tok": { "kind": "cancellation_token" }, "o": { "kind": "std_once" },
"rw": { "kind": "std_rwlock" }, "trw": { "kind": "rwlock" }, "p": { "kind": "io" }, "v": { "kind": "value" },
"bar": { "kind": "std_barrier", "parties": 3 }, "oc": { "kind": "once_cell" }, "one": { "kind": "oneshot" }, "js": { "kind": "join_set" },
"sm": { "kind": "std_mutex" } },
"main": [ { "op": "add", "on": "a", "value": 1 }, { "op": "send", "on": "sc" }, { "op": "send", "on": "w", "value": 9 },
{ "op": "notify_one", "on": "n" }, { "op": "cancel", "on": "tok" }, { "op": "get_or_init", "on": "o", "body": [] },
{ "op": "read", "on": "rw" }, { "op": "drop", "on": "v" }, { "op": "drop", "on": "one.rx" },
{ "op": "spawn_thread", "as": "w1", "body": [ { "op": "wait", "on": "bar" } ] },
{ "op": "catch_panic", "or": [], "body": [ { "op": "lock", "on": "sm" }, { "op": "panic" } ] },
{ "op": "block_on", "on": "rt", "body": [
{ "op": "write", "on": "trw" }, { "op": "send", "on": "ch" }, { "op": "drop", "on": "ch.tx" }, { "op": "io_write", "on": "p", "bytes": 5 },
{ "op": "spawn", "into": "js", "body": [ { "op": "pending" } ] }, { "op": "yield_now" } ] },
{ "op": "join_thread", "on": "w1" } ] })", "deadlock/barrier");
  EXPECT_EQ(at["atomic a"], "5");
  EXPECT_EQ(at["std_channel sc"], "1 message, 1 sender");
  EXPECT_EQ(at["mpsc ch"], "1 message of at most 2, no sender");
  EXPECT_EQ(at["watch w"], "value 9, 1 receiver");
  EXPECT_EQ(at["notify n"], "keeps a permit");
  EXPECT_EQ(at["cancellation_token tok"], "cancelled");
  EXPECT_EQ(at["std_once o"], "initialised");
  EXPECT_EQ(at["once_cell oc"], "empty");
  EXPECT_EQ(at["std_rwlock rw"], "read by 1");
  EXPECT_EQ(at["rwlock trw"], "free");
  EXPECT_EQ(at["io p"], "5 bytes");
  EXPECT_EQ(at["value v"], "dropped");
  EXPECT_EQ(at["oneshot one"], "0 messages, 1 sender, its receiver is gone");
  EXPECT_EQ(at["std_barrier bar"], "1 of 3 arrived");
  EXPECT_EQ(at["std_mutex sm"], "free, poisoned");
  EXPECT_EQ(at["join_set js"], "1 member");
  EXPECT_EQ(at["thread w1"], "is blocked in `wait bar` (line 10)");
}

TEST(Standings, SayWhoHoldsARwlock) {
  auto at = AtEnd(R"({ "name": "t", "timing": "ideal", "runtimes": { "rt": { "flavor": "current_thread" } }, "objects": { "l": { "kind": "rwlock" } },
"main": [ { "op": "block_on", "on": "rt", "body": [ { "op": "read", "on": "l" },
{ "op": "spawn", "as": "w", "body": [ { "op": "write", "on": "l" } ] }, { "op": "yield_now" },
{ "op": "read", "on": "l" } ] } ] })", "deadlock/read-reentry");
  EXPECT_EQ(at["rwlock l"], "held by thread main to read");
  EXPECT_EQ(at["thread main"], "is suspended in `read l` (line 4); holds `l` to read");
  EXPECT_EQ(at["task w"], "is suspended in `write l` (line 3)");
}

// Why nobody else can run what a blocked worker has: the finding says in which of its places it lies.
TEST(Waits, SayWhereInABlockedWorkerATaskLies) {
  auto why = [](const std::string& ops, const std::string& who) -> std::string {
    const ScenarioReport report = CheckText(R"({ "name": "t", "timing": "ideal", "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 2 } },
"objects": { "ch": { "kind": "std_channel" } }, "main": [ { "op": "block_on", "on": "rt", "body": [ { "op": "spawn", "as": "a", "body": [ )" + ops +
                                                R"( ] }, { "op": "await", "on": "a" } ] } ] })", "test.json", {});
    for (const Finding& finding : report.findings)
      for (const Wait& wait : finding.waits)
        if (finding.rule == "deadlock/blocked-workers" && wait.who == who) return wait.why;
    return "";
  };
  const std::string slot = why(R"({ "op": "spawn", "as": "b", "body": [ { "op": "send", "on": "ch" } ] }, { "op": "recv", "on": "ch" })", "task b");
  EXPECT_EQ(slot.find("it lies in that worker's LIFO slot, which nobody can steal from, and rt/worker-"), 0u) << slot;
  const std::string deferred = why(R"({ "op": "spawn", "as": "b", "body": [ { "op": "recv", "on": "ch" } ] }, { "op": "yield_now" }, { "op": "send", "on": "ch" })", "task a");
  EXPECT_EQ(deferred.find("its wake-up lies in that worker's deferred list, and rt/worker-"), 0u) << deferred;
}

TEST(Standings, SayThatTheProcessHasEnded) {
  auto at = AtEnd(R"({ "name": "t", "objects": { "m": { "kind": "std_mutex" } },
"main": [ { "op": "spawn_thread", "as": "t", "body": [ { "op": "pending" } ] }, { "op": "use", "on": "t" } ] })", "hazard/leaked-thread");
  EXPECT_EQ(at["thread main"], "has ended, and with it the process");
}

}  // namespace
}  // namespace asyncrt
