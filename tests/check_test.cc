// Whole checks on small scenarios: hand-counted state spaces, limits, determinism, replay, fingerprints.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "core/asyncrt.h"

namespace asyncrt {
namespace {

std::string Scenario(const std::string& name, const std::string& rest) { return "{\"name\": \"" + name + "\", " + rest + "}"; }

ScenarioReport Check(const std::string& text, const CheckOptions& options = {}) { return CheckText(text, "test.json", options); }

std::set<std::string> Rules(const ScenarioReport& report) {
  std::set<std::string> rules;
  for (const Finding& f : report.findings)
    if (f.severity != Severity::kNote) rules.insert(f.rule);
  return rules;
}

using Set = std::set<std::string>;

const char kTwoLocks[] = R"("objects": {"a": {"kind": "std_mutex"}, "b": {"kind": "std_mutex"}}, "main": [
  {"op": "spawn_thread", "as": "t", "body": [{"op": "lock", "on": "a"}, {"op": "lock", "on": "b"}]},
  {"op": "lock", "on": "b", "body": [{"op": "lock", "on": "a", "body": []}]},
  {"op": "join_thread", "on": "t"}])";

const char kFourPhilosophers[] = R"("objects": {"f": {"kind": "std_mutex", "count": 4}}, "main": [
  {"op": "spawn_thread", "as": "p", "count": 4, "body": [
    {"op": "lock", "on": "f[$index]", "body": [{"op": "lock", "on": "f[($index + 1) % 4]", "body": []}]}]},
  {"op": "join_thread", "on": "p"}])";

TEST(Search, CountsTheStatesOfTwoIndependentThreads) {
  // Two threads with one visible op and one end each, and main that joins them: every interleaving of
  // spawn, spawn, join, join, end with (add, end) twice. Counted by hand with one thread: main spawns (1 state before,
  // 1 after); then main waits; the thread adds, ends; main joins and ends.
  CheckOptions options;
  options.reductions.chains = false;
  ScenarioReport r = Check(Scenario("one", R"("timing": "adversarial", "objects": {"n": {"kind": "atomic"}}, "main": [
    {"op": "spawn_thread", "as": "t", "body": [{"op": "add", "on": "n", "value": 1}]}, {"op": "join_thread", "on": "t"}])"), options);
  EXPECT_EQ(r.verdict, Verdict::kClean);
  EXPECT_TRUE(r.explored.complete);
  EXPECT_EQ(r.explored.states, 6u);       // start, spawned, added, ended, joined, main ended
  EXPECT_EQ(r.explored.transitions, 5u);
  EXPECT_EQ(r.explored.depth, 5u);
}

TEST(Search, IsTheSameUnderBothTimingsWithoutTime) {
  ScenarioReport both = Check(Scenario("both", kTwoLocks));
  CheckOptions ideal;
  ideal.timing = TimingModel::kIdeal;
  ScenarioReport one = Check(Scenario("both", kTwoLocks), ideal);
  EXPECT_EQ(both.explored.states, one.explored.states);   // it is searched once
  EXPECT_EQ(Rules(both), Rules(one));
}

// The same program, whose consumer keeps the value or does not.
std::string Sends(const std::string& kept) {
  return Scenario("sends", R"("objects": {"q": {"kind": "std_channel"}}, "main": [
    {"op": "spawn_thread", "as": "p", "count": 3, "clone": ["q.tx"], "body": [{"op": "send", "on": "q", "value": "$index"}]},
    {"op": "loop", "times": 3, "body": [{"op": "recv", "on": "q")" + kept + R"(]},
    {"op": "join_thread", "on": "p"}])");
}

TEST(Search, TellsNoStatesApartByValuesThatNothingReads) {
  CheckOptions all;
  all.reductions.values = false;
  const std::string unread = Sends(R"(, "var": "x"}, {"op": "set", "var": "x", "to": 0})");
  EXPECT_LT(Check(unread).explored.states, Check(unread, all).explored.states);
  EXPECT_EQ(Rules(Check(unread)), Rules(Check(unread, all)));
  const std::string read = Sends(R"(, "var": "x"}, {"op": "assert", "cond": "x < 2"})");
  EXPECT_EQ(Check(read).explored.states, Check(read, all).explored.states);
  EXPECT_EQ(Rules(Check(read)).count("panic/assert"), 1u);
  const std::string divides = Sends(R"(, "var": "x"}, {"op": "set", "var": "y", "to": "6 / x"})");   // by the first one's number
  EXPECT_EQ(Rules(Check(divides)), Rules(Check(divides, all)));
  EXPECT_FALSE(Rules(Check(divides)).empty());
}

// Each of these fails its assertion if the local or the message counts as unread.
TEST(UnreadValues, AreNoneThatSomethingReads) {
  const char* const kThatAreRead[] = {
      R"("main": [{"op": "set", "var": "a", "to": 1}, {"op": "set", "var": "x", "to": 2},
        {"op": "spawn_thread", "as": "t", "body": [{"op": "assert", "cond": "x == 2"}]}, {"op": "join_thread", "on": "t"}, {"op": "assert", "cond": "a == 1"}])",
      R"("objects": {"n": {"kind": "atomic", "count": 2}}, "main": [
        {"op": "set", "var": "i", "to": 1}, {"op": "add", "on": "n[i]", "value": 1}, {"op": "assert", "cond": "n[1] == 1"}])",
      R"("objects": {"n": {"kind": "atomic", "value": 3}}, "main": [
        {"op": "set", "var": "x", "to": 3}, {"op": "compare_exchange", "on": "n", "expected": "x", "value": 4, "or": []}, {"op": "assert", "cond": "n == 4"}])",
      R"("objects": {"q": {"kind": "std_channel", "count": 2}}, "main": [
        {"op": "spawn_thread", "as": "t", "body": [{"op": "send", "on": "q[1]", "value": 5}]}, {"op": "join_thread", "on": "t"},
        {"op": "set", "var": "i", "to": 1}, {"op": "recv", "on": "q[i]", "var": "x"}, {"op": "assert", "cond": "x == 5"}])"};
  for (const char* text : kThatAreRead) {
    const ScenarioReport report = Check(Scenario("read", text));
    EXPECT_EQ(report.verdict, Verdict::kClean) << text;
  }
}

TEST(Messages, DropTheGuardsAndPlacesThatNobodyReceives) {
  const ScenarioReport r = Check(Scenario("unread", R"("runtimes": {"rt": {"flavor": "current_thread"}},
    "objects": {"b": {"kind": "mpsc"}, "c": {"kind": "mpsc"}, "m": {"kind": "mutex"}, "places": {"kind": "mpsc", "capacity": 1}},
    "main": [{"op": "block_on", "on": "rt", "body": [
      {"op": "lock", "on": "m", "as": "guard"}, {"op": "send", "on": "b", "with": ["guard"]}, {"op": "drop", "on": "b.rx"},
      {"op": "reserve", "on": "places", "as": "place"}, {"op": "send", "on": "c", "with": ["place"]}, {"op": "drop", "on": "c.rx"},
      {"op": "lock", "on": "m", "body": []}, {"op": "send", "on": "places"}, {"op": "recv", "on": "places"}]}])"));
  EXPECT_EQ(r.verdict, Verdict::kClean);
}

TEST(Search, EndsAtTheLimitOfStatesAndSaysSo) {
  CheckOptions options;
  options.max_states = 20;
  ScenarioReport r = Check(Scenario("big", kFourPhilosophers), options);
  EXPECT_EQ(r.verdict, Verdict::kIncomplete);
  EXPECT_FALSE(r.explored.complete);
  EXPECT_EQ(r.explored.limit, "states");
}

TEST(Search, EndsAtTheLimitOfDepth) {
  CheckOptions options;
  options.max_depth = 3;
  ScenarioReport r = Check(Scenario("deep", kFourPhilosophers), options);
  EXPECT_EQ(r.verdict, Verdict::kIncomplete);
  EXPECT_EQ(r.explored.limit, "depth");
}

TEST(Search, AFindingBeforeTheLimitIsAnError) {
  CheckOptions options;
  options.max_states = 21;
  ScenarioReport r = Check(Scenario("both-ends", kFourPhilosophers), options);
  EXPECT_FALSE(r.explored.complete);
  EXPECT_EQ(r.verdict, Rules(r).empty() ? Verdict::kIncomplete : Verdict::kErrors);
}

TEST(Search, StopsWhenItIsInterrupted) {
  std::atomic<bool> interrupted{true};
  CheckOptions options;
  options.interrupted = &interrupted;
  ScenarioReport r = Check(Scenario("stop", R"("objects": {"f": {"kind": "std_mutex", "count": 7}}, "main": [
    {"op": "spawn_thread", "as": "p", "count": 7, "body": [
      {"op": "lock", "on": "f[$index]", "body": [{"op": "lock", "on": "f[($index + 1) % 7]", "body": []}]}]},
    {"op": "join_thread", "on": "p"}])"), options);
  EXPECT_EQ(r.explored.limit, "interrupt");
}

// Copies that differ in nothing are one party to the search, and several to the reader.
const char kThreeAlike[] = R"("objects": {"m": {"kind": "std_mutex"}, "b": {"kind": "std_barrier", "parties": 5}}, "main": [
  {"op": "spawn_thread", "as": "p", "count": 3, "body": [
    {"op": "choose", "branches": [[{"op": "lock", "on": "m", "body": []}], [{"op": "wait", "on": "b"}], []]}]},
  {"op": "lock", "on": "m", "body": [{"op": "join_thread", "on": "p"}]}])";

TEST(Symmetry, LeavesOutStatesAndNoFinding) {
  CheckOptions without;
  without.reductions.symmetry = false;
  const ScenarioReport one = Check(Scenario("alike", kThreeAlike)), all = Check(Scenario("alike", kThreeAlike), without);
  EXPECT_EQ(Rules(all), (Set{"deadlock/lock-cycle", "deadlock/barrier"}));   // which of the two depends on whom main joins first
  EXPECT_EQ(Rules(one), Rules(all));
  EXPECT_LT(one.explored.states * 2, all.explored.states);
}

TEST(Symmetry, TellsOfTrueParties) {
  const std::string text = Scenario("alike", kThreeAlike);
  CheckOptions only;   // the others would find a short schedule anew
  only.reductions.stubborn = only.reductions.chains = false;
  for (const Finding& f : Check(text, only).findings) {
    const ReplayResult replay = ReplayText(text, "test.json", f.replay, {});
    ASSERT_TRUE(replay.ok) << replay.error;
    EXPECT_NE(replay.outcome.find(f.rule), std::string::npos) << replay.outcome;
    ASSERT_FALSE(f.waits.empty());
    std::set<std::string> who;
    for (const Wait& wait : f.waits) who.insert(wait.who);
    EXPECT_EQ(who.size(), f.waits.size()) << "nobody waits twice";
  }
}

TEST(Symmetry, IsNoneWhereNumbersTell) {
  CheckOptions without;
  without.reductions.symmetry = false;
  EXPECT_EQ(Check(Scenario("numbered", kFourPhilosophers)).explored.states, Check(Scenario("numbered", kFourPhilosophers), without).explored.states);
}

TEST(Symmetry, LetsTasksThatMainAwaitsInARowChangePlaces) {
  const std::string text = Scenario("row", R"("runtimes": {"rt": {"flavor": "multi_thread", "worker_threads": 2}}, "objects": {"m": {"kind": "mutex"}},
    "main": [{"op": "block_on", "on": "rt", "body": [
      {"op": "spawn", "as": "t", "count": 3, "body": [{"op": "lock", "on": "m", "body": [{"op": "yield_now"}]}]}, {"op": "await", "on": "t"}]}])");
  CheckOptions without;
  without.reductions.symmetry = false;
  const ScenarioReport one = Check(text), all = Check(text, without);
  EXPECT_EQ(one.verdict, Verdict::kClean);
  EXPECT_EQ(all.verdict, Verdict::kClean);
  EXPECT_LT(one.explored.states * 3, all.explored.states);
}

// Each task is another body, so that only the workers that run them can change places.
TEST(Symmetry, LetsBusyWorkersChangePlaces) {
  const std::string text = Scenario("busy", R"("runtimes": {"rt": {"flavor": "multi_thread", "worker_threads": 4}},
    "objects": {"m": {"kind": "std_mutex"}}, "main": [{"op": "lock", "on": "m", "body": [
      {"op": "spawn", "as": "a", "on": "rt", "body": [{"op": "lock", "on": "m", "body": []}]},
      {"op": "spawn", "as": "b", "on": "rt", "body": [{"op": "lock", "on": "m", "body": [{"op": "block_in_place", "body": []}]}]},
      {"op": "drop", "on": "rt"}]}])");
  CheckOptions without;
  without.reductions.symmetry = false;
  const ScenarioReport one = Check(text), all = Check(text, without);
  EXPECT_EQ(Rules(one), Rules(all));
  EXPECT_FALSE(Rules(one).empty());
  EXPECT_LT(one.explored.states * 3, all.explored.states);
}

// A core is handed to the pool with a task that its owner waits for, while the other worker, which is about to block, fills its queue.
TEST(Symmetry, KeepsCoresThatWereHandedOver) {
  const std::string text = Scenario("handed-over", R"("runtimes": {"rt": {"flavor": "multi_thread", "worker_threads": 2, "max_blocking_threads": 1}},
    "objects": {"done": {"kind": "std_channel"}, "go": {"kind": "std_channel"}}, "main": [
      {"op": "block_on", "on": "rt", "body": [
        {"op": "spawn", "as": "a", "body": [
          {"op": "spawn", "as": "a2", "clone": ["done.tx"], "body": [{"op": "send", "on": "done"}]},
          {"op": "block_in_place", "body": [{"op": "recv", "on": "done"}]}]},
        {"op": "spawn", "as": "b", "body": [
          {"op": "spawn", "as": "b2", "body": []}, {"op": "spawn", "as": "b3", "body": []}, {"op": "recv", "on": "go"}]},
        {"op": "await", "on": "a"}, {"op": "send", "on": "go"}, {"op": "await", "on": "b"}]}])");
  CheckOptions without;
  without.reductions.symmetry = false;
  const ScenarioReport one = Check(text), all = Check(text, without);
  EXPECT_EQ(one.verdict, Verdict::kClean);
  EXPECT_EQ(all.verdict, Verdict::kClean);
  EXPECT_LT(one.explored.states * 2, all.explored.states);   // a finding that does not stand makes the search begin anew without
}

// Closures that differ drive a runtime each, so that a thread of the pool is known by what it holds.
TEST(Symmetry, KeepsRuntimesThatThreadsOfAPoolDrive) {
  const std::string text = Scenario("driven", R"("runtimes": {"rt": {"flavor": "current_thread"}, "one": {"flavor": "current_thread"}, "two": {"flavor": "current_thread"}},
    "objects": {"m": {"kind": "mutex"}}, "main": [
      {"op": "spawn_blocking", "as": "a", "on": "rt", "body": [{"op": "block_on", "on": "one", "body": [
        {"op": "lock", "on": "m", "body": [{"op": "yield_now"}]}]}]},
      {"op": "spawn_blocking", "as": "b", "on": "rt", "body": [{"op": "block_on", "on": "two", "body": [
        {"op": "yield_now"}, {"op": "lock", "on": "m", "body": [{"op": "yield_now"}]}]}]},
      {"op": "drop", "on": "rt"}])");
  CheckOptions without;
  without.reductions.symmetry = false;
  const ScenarioReport one = Check(text), all = Check(text, without);
  EXPECT_EQ(one.verdict, Verdict::kClean);
  EXPECT_EQ(all.verdict, Verdict::kClean);
  EXPECT_LT(one.explored.states * 3, all.explored.states * 2);
}

TEST(Strategy, OfEveryKindFindsTheDeadlock) {
  const std::string text = Scenario("four", kFourPhilosophers);
  for (Strategy strategy : {Strategy::kExhaustive, Strategy::kBitstate, Strategy::kRandom, Strategy::kPct}) {
    CheckOptions options;
    options.strategy = strategy;
    options.schedules = 500;
    const ScenarioReport r = Check(text, options);
    EXPECT_EQ(Rules(r), Set{"deadlock/lock-cycle"}) << StrategyName(strategy);
    EXPECT_EQ(r.explored.complete, strategy == Strategy::kExhaustive);
    ASSERT_EQ(r.findings.size(), 1u);
    const ReplayResult replay = ReplayText(text, "test.json", r.findings.front().replay, {});
    EXPECT_NE(replay.outcome.find("deadlock/lock-cycle"), std::string::npos) << replay.outcome;
  }
}

TEST(Strategy, OfSingleRunsIsTheSameForTheSameSeed) {
  CheckOptions options;
  options.strategy = Strategy::kPct;
  options.schedules = 20;
  const std::string text = Scenario("four", kFourPhilosophers);
  const ScenarioReport one = Check(text, options), again = Check(text, options);
  options.seed = 2;
  const ScenarioReport other = Check(text, options);
  EXPECT_EQ(one.explored.states, again.explored.states);
  EXPECT_EQ(one.explored.transitions, again.explored.transitions);
  EXPECT_NE(one.explored.states, other.explored.states);
}

TEST(Strategy, ThatFindsNothingIsIncomplete) {
  for (Strategy strategy : {Strategy::kBitstate, Strategy::kRandom, Strategy::kPct}) {
    CheckOptions options;
    options.strategy = strategy;
    options.schedules = 3;
    const ScenarioReport r = Check(Scenario("clean", R"("main": [{"op": "spawn_thread", "as": "t", "body": []}, {"op": "join_thread", "on": "t"}])"), options);
    EXPECT_EQ(r.verdict, Verdict::kIncomplete) << StrategyName(strategy);
  }
}

TEST(Search, CountsTheSameWithWholeStates) {
  CheckOptions options;
  options.reductions = {false, false, false, false, false, false};
  const ScenarioReport hashed = Check(Scenario("four", kFourPhilosophers), options);
  options.exact_states = true;
  const ScenarioReport exact = Check(Scenario("four", kFourPhilosophers), options);
  EXPECT_EQ(hashed.explored.states, exact.explored.states);
  EXPECT_GT(hashed.explored.collision_probability, 0);
  EXPECT_EQ(exact.explored.collision_probability, 0);
}

TEST(Schedule, OfTwoLocksIsTheShortest) {
  ScenarioReport r = Check(Scenario("locks", kTwoLocks));
  ASSERT_EQ(Rules(r), Set{"deadlock/lock-cycle"});
  const Finding& f = r.findings.front();
  // spawn, lock a, lock b, and the two calls that never return.
  ASSERT_EQ(f.schedule.size(), 5u);
  EXPECT_EQ(f.schedule[0].op, "spawn_thread");
  EXPECT_EQ(f.schedule[3].effect, "the thread blocks for ever");
  EXPECT_EQ(f.schedule[4].effect, "the thread blocks for ever");
  ASSERT_EQ(f.waits.size(), 2u);
  EXPECT_NE(f.waits[0].who, f.waits[1].who);
  EXPECT_EQ(f.waits[0].waits_for, f.waits[1].who);
}

TEST(Schedule, CanBePlayedAgain) {
  std::string text = Scenario("again", kTwoLocks);
  ScenarioReport r = Check(text);
  ReplayResult replay = ReplayText(text, "test.json", r.findings.front().replay, {});
  ASSERT_TRUE(replay.ok) << replay.error;
  EXPECT_NE(replay.outcome.find("deadlock/lock-cycle"), std::string::npos) << replay.outcome;
}

TEST(Schedule, OfAnotherScenarioIsRefused) {
  ScenarioReport r = Check(Scenario("again", kTwoLocks));
  ReplayResult replay = ReplayText(Scenario("other", kTwoLocks), "test.json", r.findings.front().replay, {});
  EXPECT_FALSE(replay.ok);
  EXPECT_NE(replay.error.find("another version"), std::string::npos);
}

TEST(Schedule, ThatIsDamagedIsRefusedWithAReason) {
  for (const char* bad : {"", "v1", "v2.00000000.i.0", "v1.00000000.x.0", "v1.zzzzzzzz.i.0", "v1.00000000.i.0-", "v1.00000000.i.a", "v1.00000000.i.0~9=3"}) {
    ReplayResult replay = ReplayText(Scenario("again", kTwoLocks), "test.json", bad, {});
    EXPECT_FALSE(replay.ok) << bad;
    EXPECT_FALSE(replay.error.empty()) << bad;
  }
}

TEST(Schedule, NeverLeavesTheTables) {
  std::string text = Scenario("again", kTwoLocks);
  std::string replay = Check(text).findings.front().replay;
  std::string head = replay.substr(0, 14);
  for (const char* moves : {"99999", "0:77", "1", "0-0-0-0-0-0-0-0-0", "4", "0-2:9"}) ReplayText(text, "test.json", head + moves, {});
}

TEST(Report, IsTheSameEveryTime) {
  std::string text = Scenario("same", kFourPhilosophers);
  ScenarioReport a = Check(text), b = Check(text);
  ASSERT_EQ(a.findings.size(), b.findings.size());
  for (std::size_t i = 0; i < a.findings.size(); ++i) {
    EXPECT_EQ(a.findings[i].message, b.findings[i].message);
    EXPECT_EQ(a.findings[i].replay, b.findings[i].replay);
    EXPECT_EQ(a.findings[i].fingerprint, b.findings[i].fingerprint);
  }
}

TEST(Fingerprint, SurvivesAnEditElsewhere) {
  std::string edited = std::string(kTwoLocks);
  edited.insert(edited.find("\"main\""), "\"about\": \"moved\",\n\n\n");
  ScenarioReport a = Check(Scenario("edit", kTwoLocks)), b = Check(Scenario("edit", edited));
  EXPECT_EQ(a.findings.front().fingerprint, b.findings.front().fingerprint);
  EXPECT_NE(a.findings.front().locations.front().place.line, b.findings.front().locations.front().place.line);
}

TEST(Allow, AcceptsAFindingWithAReason) {
  ScenarioReport r = Check(Scenario("allowed", std::string(kTwoLocks) + R"(, "allow": [{"rule": "deadlock/lock-cycle", "on": "a", "reason": "known"}])"));
  EXPECT_EQ(r.findings.front().allowed, "known");
  EXPECT_EQ(r.verdict, Verdict::kClean);
}

TEST(Allow, ThatMatchesNothingIsReported) {
  ScenarioReport r = Check(Scenario("unused", R"("main": [], "allow": [{"rule": "deadlock/lock-cycle", "reason": "gone"}])"));
  EXPECT_EQ(Rules(r), Set{"hazard/unused-allow"});
}

// The three programs that decide whether the tool is about runtimes at all.
TEST(MovedRuntime, IntoAThreadThatIsJoinedIsClean) {
  ScenarioReport r = Check(Scenario("moved", R"("runtimes": {"rt": {"flavor": "multi_thread", "worker_threads": 1}}, "main": [
    {"op": "block_on", "on": "rt", "body": []},
    {"op": "spawn_thread", "as": "t", "body": [{"op": "block_on", "on": "rt", "body": [{"op": "yield_now"}]}]},
    {"op": "join_thread", "on": "t"}])"));
  EXPECT_EQ(r.verdict, Verdict::kClean);
  EXPECT_TRUE(r.explored.complete);
  EXPECT_TRUE(r.findings.empty());
}

TEST(MovedRuntime, UsedAfterTheMoveIsRefused) {
  ScenarioReport r = Check(Scenario("used", R"("runtimes": {"rt": {"flavor": "multi_thread", "worker_threads": 1}}, "main": [
    {"op": "spawn_thread", "as": "t", "body": [{"op": "block_on", "on": "rt", "body": []}]},
    {"op": "block_on", "on": "rt", "body": []},
    {"op": "join_thread", "on": "t"}])"));
  EXPECT_EQ(Rules(r), Set{"ownership/use-after-move"});
  EXPECT_EQ(r.findings.front().schedule.size(), 2u);
}

TEST(MovedRuntime, BorrowedByAThreadThatOutlivesTheBorrowIsRefused) {
  ScenarioReport r = Check(Scenario("borrowed", R"("runtimes": {"rt": {"flavor": "multi_thread", "worker_threads": 1}}, "main": [
    {"op": "spawn_thread", "as": "t", "borrow": ["rt"], "body": [{"op": "block_on", "on": "rt", "body": []}]},
    {"op": "join_thread", "on": "t"}])"));
  EXPECT_EQ(Rules(r), Set{"ownership/borrow-escapes"});
}

TEST(LifoSlot, KeepsATaskFromIdleWorkers) {
  auto with = [](const std::string& extra) {
    return Scenario("lifo", R"("runtimes": {"rt": {"flavor": "multi_thread", "worker_threads": 2}}, "objects": {"c": {"kind": "std_channel"}}, "main": [
      {"op": "block_on", "on": "rt", "body": [
        {"op": "spawn", "as": "a", "body": [
          {"op": "spawn", "body": [{"op": "send", "on": "c"}]},)" + extra + R"(
          {"op": "recv", "on": "c"}]},
        {"op": "await", "on": "a"}]}])");
  };
  EXPECT_EQ(Rules(Check(with(""))), Set{"deadlock/blocked-workers"});
  // A second spawn displaces the first one into the queue, and a sleeper is told.
  EXPECT_EQ(Rules(Check(with(R"({"op": "spawn", "body": []},)"))), Set{});
}

TEST(Timer, OfASleepingTaskIsNoDeadlock) {
  ScenarioReport r = Check(Scenario("sleeps", R"("runtimes": {"rt": {"flavor": "current_thread"}}, "main": [
    {"op": "block_on", "on": "rt", "body": [{"op": "sleep", "for": "2m"}]}])"));
  EXPECT_EQ(r.verdict, Verdict::kClean);
}

TEST(Thresholds, AWorkerHeldTooLongIsAWarningUnderIdealTimingOnly) {
  std::string text = Scenario("held", R"("runtimes": {"rt": {"flavor": "multi_thread", "worker_threads": 1}}, "main": [
    {"op": "block_on", "on": "rt", "body": [{"op": "spawn", "as": "t", "body": [{"op": "compute", "for": "50ms"}]}, {"op": "await", "on": "t"}]}])");
  EXPECT_EQ(Rules(Check(text)), Set{"starvation/blocked-worker"});
  CheckOptions adversarial;
  adversarial.timing = TimingModel::kAdversarial;
  EXPECT_EQ(Rules(Check(text, adversarial)), Set{});
}

TEST(BadInput, IsInvalidWithAPlace) {
  ScenarioReport r = Check("{\"name\": \"x\", \"main\": [ { \"op\": \"lok\" } ]}");
  EXPECT_EQ(r.verdict, Verdict::kInvalid);
  ASSERT_FALSE(r.diagnostics.empty());
  EXPECT_EQ(r.diagnostics.front().place.line, 1u);
}

// A thread that the schedule has blocked already is not told to block again at its end.
std::vector<std::string> Unreached(const std::string& text) {
  std::vector<std::string> pointers;
  for (const auto& unreached : Check(text).unreached) pointers.push_back(unreached.location.pointer);
  return pointers;
}

TEST(Unreached, IsToldOnceForARunOfOps) {
  EXPECT_EQ(Unreached(Scenario("never", R"("objects": {"n": {"kind": "atomic"}}, "main": [
    {"op": "if", "cond": "n == 1", "then": [
      {"op": "store", "on": "n", "value": 2},
      {"op": "if", "cond": "n == 3", "then": [{"op": "store", "on": "n", "value": 4}]},
      {"op": "store", "on": "n", "value": 5}], "else": [{"op": "add", "on": "n", "value": 1}]},
    {"op": "if", "cond": "n == 7", "then": [{"op": "store", "on": "n", "value": 0}]}])")),
            (std::vector<std::string>{"/main/0/then/0", "/main/1/then/0"}));
}

TEST(Unreached, IsNoOpThatAnotherCallReaches) {
  const std::string twice = R"("objects": {"n": {"kind": "atomic"}}, "bodies": {"count": [{"op": "add", "on": "n", "value": 1}]}, "main": [
    {"op": "call", "run": "count"},
    {"op": "if", "cond": "n == 7", "then": [{"op": "call", "run": "count"}]}])";
  const std::string never = R"("objects": {"n": {"kind": "atomic"}}, "bodies": {"count": [{"op": "add", "on": "n", "value": 1}]}, "main": [
    {"op": "if", "cond": "n == 7", "then": [{"op": "call", "run": "count"}]}])";
  const auto has = [](const std::string& text) {
    const std::vector<std::string> all = Unreached(Scenario("calls", text));
    return std::find(all.begin(), all.end(), "/bodies/count/0") != all.end();
  };
  EXPECT_FALSE(has(twice));
  EXPECT_TRUE(has(never));
}

TEST(Schedule, TellsOnceThatAThreadBlocks) {
  const ScenarioReport report = Check(Scenario("once", R"("runtimes": {"rt": {"flavor": "multi_thread", "worker_threads": 1}}, "main": [
    {"op": "block_on", "on": "rt", "body": [
      {"op": "spawn", "as": "t", "body": [{"op": "block_in_place", "body": [{"op": "pending"}]}]},
      {"op": "await", "on": "t"}]}])"));
  ASSERT_EQ(report.findings.size(), 1u);
  std::vector<std::string> effects;
  for (const ScheduleStep& step : report.findings[0].schedule)
    if (step.op == "pending") effects.push_back(step.effect);
  EXPECT_EQ(effects, std::vector<std::string>{"the thread blocks"});
}

// A loop that sleeps lets time pass of its own: in the middle of its polls none does.
TEST(Check, IdealTimePassesOnlyBehindWhatGoesRoundAtOneInstant) {
  const std::string text = R"({"name": "t", "timing": "ideal", "runtimes": {"rt": {"flavor": "current_thread"}}, "main": [
    {"op": "block_on", "on": "rt", "body": [{"op": "while", "cond": "1", "body": [{"op": "select", "branches": [{"await": {"op": "sleep", "for": "200ms"}}]}]}]}]})";
  for (bool fusing : {true, false}) {
    CheckOptions options;
    options.reductions.fusing = fusing;
    const ScenarioReport report = CheckText(text, "t.json", options);
    ASSERT_EQ(report.findings.size(), 1u) << fusing;
    EXPECT_EQ(report.findings[0].rule, "starvation/livelock");
  }
}

}  // namespace
}  // namespace asyncrt
