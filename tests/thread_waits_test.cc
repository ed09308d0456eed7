// Awaits that nobody sees, and ends that are played alone: what each of their conditions is for. In every program here
// something is found only in an order that would be lost if the condition were not asked for.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "core/asyncrt.h"

namespace asyncrt {
namespace {

// What is found, and where, but for notes.
std::set<std::string> Found(const std::string& text, bool reduced) {
  CheckOptions options;
  Reductions& r = options.reductions;
  if (!reduced) r.fusing = r.workers = r.stubborn = r.chains = r.symmetry = r.values = false;
  const ScenarioReport report = CheckText(text, "test.json", options);
  EXPECT_TRUE(report.explored.complete);
  std::set<std::string> found;
  for (const Finding& f : report.findings)
    if (f.severity != Severity::kNote) found.insert(f.rule + " at " + (f.locations.empty() ? "" : f.locations.front().pointer));
  return found;
}

// `rest`: runtimes, objects and main.
void ExpectFound(const std::string& rest, const std::string& what) {
  const std::string text = "{\"name\": \"order\", " + rest + "}";
  const std::set<std::string> all = Found(text, false);
  EXPECT_EQ(Found(text, true), all);
  std::string told;
  for (const std::string& one : all) told += "\n" + one;
  EXPECT_EQ(all.count(what), 1u) << "without reductions there is no " << what << ", but" << told;
}

const std::string kOneWorker = R"("runtimes": {"rt": {"flavor": "multi_thread", "worker_threads": 1}}, )";
const std::string kCurrentThread = R"("runtimes": {"rt": {"flavor": "current_thread"}}, )";

// Whether the closure has ended before its await decides whether the driver's future goes on before its task.
TEST(ThreadWaits, ADriverWithTasksDoesMoreThanWait) {
  ExpectFound(kCurrentThread + R"("objects": {"x": {"kind": "atomic"}}, "main": [{"op": "block_on", "on": "rt", "body": [
      {"op": "spawn", "as": "t", "body": [{"op": "if", "cond": "x == 1", "then": [{"op": "panic"}]}]},
      {"op": "spawn_blocking", "as": "f", "body": []}, {"op": "await", "on": "f"}, {"op": "store", "on": "x", "value": 1}, {"op": "await", "on": "t"}]}])",
              "panic/thread at /main/0/body/0/body/0/then/0");
}

// `finished` looks at a closure that has done all but end.
TEST(ThreadWaits, AClosureThatIsLookedAtDoesNotEndUnseen) {
  ExpectFound(kOneWorker + R"("objects": {"x": {"kind": "atomic"}}, "main": [{"op": "block_on", "on": "rt", "body": [
      {"op": "spawn_blocking", "as": "f", "body": [{"op": "store", "on": "x", "value": 1}]},
      {"op": "if", "cond": "x == 1", "then": [{"op": "if", "cond": "finished(f) == 0", "then": [{"op": "panic"}]}]},
      {"op": "await", "on": "f"}]}])",
              "panic/thread at /main/0/body/1/then/0/then/0");
}

// So does an index.
TEST(ThreadWaits, AClosureThatAnIndexLooksAtDoesNotEndUnseen) {
  ExpectFound(kOneWorker + R"("objects": {"n": {"kind": "atomic", "count": 2}, "x": {"kind": "atomic"}}, "main": [{"op": "block_on", "on": "rt", "body": [
      {"op": "spawn_blocking", "as": "f", "body": [{"op": "store", "on": "x", "value": 1}]},
      {"op": "if", "cond": "x == 1", "then": [
        {"op": "add", "on": "n[finished(f)]", "value": 1}, {"op": "if", "cond": "n[0] == 1", "then": [{"op": "panic"}]}]},
      {"op": "await", "on": "f"}]}])",
              "panic/thread at /main/0/body/1/then/1/then/0");
}

// A select takes its second branch only while the closure has not ended.
TEST(ThreadWaits, AClosureInASelectDoesNotEndUnseen) {
  ExpectFound(kOneWorker + R"("objects": {"x": {"kind": "atomic"}}, "main": [{"op": "block_on", "on": "rt", "body": [
      {"op": "spawn_blocking", "as": "f", "body": [{"op": "store", "on": "x", "value": 1}]},
      {"op": "if", "cond": "x == 1", "then": [
        {"op": "select", "biased": true, "branches": [{"await": "f"}, {"await": [], "then": [{"op": "panic"}]}]}]}]}])",
              "panic/thread at /main/0/body/1/then/0/branches/1/then/0");
}

// The same in a task that was given the handle.
TEST(ThreadWaits, AClosureThatATaskTakesDoesNotEndUnseen) {
  ExpectFound(kOneWorker + R"("objects": {"x": {"kind": "atomic"}}, "main": [{"op": "block_on", "on": "rt", "body": [
      {"op": "spawn_blocking", "as": "f", "body": [{"op": "store", "on": "x", "value": 1}]},
      {"op": "spawn", "as": "t", "body": [{"op": "if", "cond": "x == 1", "then": [
        {"op": "select", "biased": true, "branches": [{"await": "f"}, {"await": [], "then": [{"op": "panic"}]}]}]}]},
      {"op": "await", "on": "t"}]}])",
              "panic/thread at /main/0/body/1/body/0/then/0/branches/1/then/0");
}

// Both tasks wait when `c` lets the closure of `b` go on. That of `a` has done all but end by then, and yet `b` is woken first.
TEST(ThreadWaits, AClosureThatATaskAwaitsDoesNotEndUnseen) {
  ExpectFound(kOneWorker + R"("objects": {"x": {"kind": "atomic"}, "seen": {"kind": "atomic"}, "done": {"kind": "atomic"}, "go": {"kind": "std_channel"}},
    "main": [{"op": "block_on", "on": "rt", "body": [
      {"op": "spawn", "as": "a", "body": [
        {"op": "spawn_blocking", "as": "f", "body": [{"op": "store", "on": "x", "value": 1}]}, {"op": "await", "on": "f"},
        {"op": "if", "cond": "seen == 1 && done == 1", "then": [{"op": "panic"}]}]},
      {"op": "spawn", "as": "b", "body": [
        {"op": "spawn_blocking", "as": "g", "body": [
          {"op": "recv", "on": "go"}, {"op": "if", "cond": "x == 1", "then": [{"op": "store", "on": "seen", "value": 1}]}]},
        {"op": "await", "on": "g"}, {"op": "store", "on": "done", "value": 1}]},
      {"op": "spawn", "as": "c", "body": [{"op": "send", "on": "go"}]},
      {"op": "await", "on": "a"}, {"op": "await", "on": "b"}]}])",
              "panic/thread at /main/0/body/0/body/2/then/0");
}

// The thread's failure is its own only as long as nobody has panicked, and main panics for certain once `x` is 1.
TEST(ThreadWaits, AnAwaitThatPanicsIsSeen) {
  ExpectFound(kOneWorker + R"("objects": {"x": {"kind": "atomic"}, "c": {"kind": "std_channel"}}, "main": [
      {"op": "drop", "on": "c.rx"},
      {"op": "spawn_thread", "as": "w", "body": [{"op": "if", "cond": "x == 1", "then": [{"op": "send", "on": "c"}]}]},
      {"op": "block_on", "on": "rt", "body": [
        {"op": "spawn_blocking", "as": "f", "body": [{"op": "fail"}]},
        {"op": "if", "cond": "finished(f) == 1", "then": [{"op": "store", "on": "x", "value": 1}]}, {"op": "await", "on": "f"}]},
      {"op": "join_thread", "on": "w", "or": []}])",
              "panic/thread at /main/1/body/0/then/0");
}

// Another thread takes the core between the store and the block_on that would have it.
TEST(ThreadWaits, ABlockOnThatWantsTheCoreIsSeen) {
  ExpectFound(R"("runtimes": {"rt": {"flavor": "current_thread", "shared": true}}, "objects": {"x": {"kind": "atomic"}, "c": {"kind": "std_channel"}}, "main": [
      {"op": "spawn_thread", "as": "w", "clone": ["rt"], "body": [
        {"op": "if", "cond": "x == 1", "then": [{"op": "block_on", "on": "rt", "body": [{"op": "recv", "on": "c"}]}]}]},
      {"op": "store", "on": "x", "value": 1},
      {"op": "block_on", "on": "rt", "body": [{"op": "spawn", "as": "t", "body": []}, {"op": "await", "on": "t"}]},
      {"op": "send", "on": "c", "or": []}, {"op": "join_thread", "on": "w", "or": []}])",
              "deadlock/blocked-workers at /main/2/body/1");
}

}  // namespace
}  // namespace asyncrt
