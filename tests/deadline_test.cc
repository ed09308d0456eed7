// The limit on time, under a clock that each look at it moves on: it holds in whatever a check does, wherever it falls.
#include "core/base/deadline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>

#include "core/asyncrt.h"
#include "core/detect/lock_order.h"
#include "core/explore/state_graph.h"
#include "core/scenario/json_reader.h"

namespace asyncrt {
namespace {

using std::chrono::milliseconds;

// A millisecond passes with each look.
Deadline::Clock Looks(const std::shared_ptr<std::uint64_t>& looks) {
  return [looks] { return Deadline::Instant(milliseconds(++*looks)); };
}

struct Limited {
  ScenarioReport report;
  std::uint64_t looks = 0;
};

Limited CheckFor(std::uint64_t limit_ms, const std::string& text, CheckOptions options = {}) {
  const auto looks = std::make_shared<std::uint64_t>(0);
  options.time_limit_ms = limit_ms;
  options.clock = Looks(looks);
  Limited limited;
  limited.report = CheckText(text, "t.json", options);
  limited.looks = *looks;
  return limited;
}

std::string Repeated(int count, const std::string& text) {
  std::string all;
  for (int i = 0; i < count; ++i) all += (i == 0 ? "" : ",") + text;
  return all;
}

constexpr std::uint64_t kNever = 1'000'000'000, kGraces = 2'000;

// Ends each check at every look that it makes, or at some of them where these are many. Whatever is reported is in order,
// and what takes no notice of the clock for long would be seen as looks that are missing.
void EndsEverywhere(const std::string& text, const CheckOptions& options, std::uint64_t looks_min) {
  const Limited whole = CheckFor(kNever, text, options);
  EXPECT_TRUE(whole.report.explored.limit != "time");
  EXPECT_GE(whole.looks, looks_min);
  const std::uint64_t stride = whole.looks / 60 + 1;
  for (std::uint64_t limit = 1; limit + 2 < whole.looks; limit += stride) {
    const Limited cut = CheckFor(limit, text, options);
    EXPECT_LE(cut.looks, limit + kGraces) << limit;
    if (cut.report.explored.limit != "time") {   // what was left was told within the grace
      EXPECT_EQ(cut.report.verdict, whole.report.verdict) << limit;
      EXPECT_EQ(cut.report.findings.size(), whole.report.findings.size()) << limit;
      continue;
    }
    EXPECT_FALSE(cut.report.explored.complete) << limit;
    EXPECT_TRUE(cut.report.verdict == Verdict::kIncomplete || cut.report.verdict == Verdict::kErrors) << limit;
    EXPECT_LE(cut.report.explored.states, whole.report.explored.states + 1) << limit;
    for (const Finding& finding : cut.report.findings) EXPECT_FALSE(finding.replay.empty()) << limit;
  }
}

TEST(TimeLimit, HoldsWhileATextIsRead) {
  const std::string text = R"({"name": "long", "main": [)" + Repeated(3000, R"({"op": "thread_yield"})") + "]}";
  const Limited cut = CheckFor(2, text);
  EXPECT_EQ(cut.report.verdict, Verdict::kIncomplete);
  EXPECT_EQ(cut.report.explored.limit, "time");
  EXPECT_EQ(cut.report.explored.states, 0u);
  EndsEverywhere(text, {}, 20);
}

// All findings have one grace, whichever of them is told when it comes.
TEST(Interruption, EndsTheTellingOfManyFindings) {
  std::string asserts;
  for (int i = 0; i < 30; ++i) asserts += R"(, {"op": "catch_panic", "body": [{"op": "assert", "cond": "n == 0"}], "or": []})";
  const std::string text = R"({"name": "many", "timing": "adversarial", "objects": {"n": {"kind": "atomic"}}, "main": [
    {"op": "loop", "times": 20000, "body": [{"op": "add", "on": "n", "value": 1}]})" + asserts + "]}";
  const Limited whole = CheckFor(kNever, text);
  ASSERT_EQ(whole.report.findings.size(), 30u);
  const std::uint64_t told = 20, comes = whole.looks - whole.looks / 30 * told;   // looks of the telling are nearly all of them
  const auto looks = std::make_shared<std::uint64_t>(0);
  std::atomic<bool> interrupted{false};
  CheckOptions options;
  options.interrupted = &interrupted;
  options.time_limit_ms = kNever;
  options.clock = [&, looks] {
    interrupted = ++*looks >= comes;
    return Deadline::Instant(milliseconds(*looks));
  };
  const ScenarioReport report = CheckText(text, "t.json", options);
  EXPECT_EQ(report.findings.size(), 30u);
  EXPECT_EQ(report.explored.limit, "interrupt");
  EXPECT_LE(*looks, comes + 700);
}

TEST(TimeLimit, LeavesTheNameThatWasRead) {
  const std::string text = R"({"name": "named", "objects": {"m": {"kind": "std_mutex", "count": 9000}}, "main": [{"op": "lock", "on": "m[1]"}]})";
  const Limited cut = CheckFor(3, text);
  EXPECT_EQ(cut.report.explored.limit, "time");
  EXPECT_EQ(cut.report.name, "named");
}

TEST(TimeLimit, HoldsInTheLookForEndlessRuns) {
  const std::string text = R"({"name": "endless", "objects": {"go": {"kind": "atomic"}, "m": {"kind": "std_mutex"}}, "main": [
    {"op": "spawn_thread", "as": "s", "body": [{"op": "loop", "body": [
      {"op": "lock", "on": "m", "body": [{"op": "add", "on": "go", "value": 0}, {"op": "add", "on": "go", "value": 0}]},
      {"op": "lock", "on": "m", "body": [{"op": "add", "on": "go", "value": 0}]}]}]},
    {"op": "loop", "body": [{"op": "if", "cond": "go == 1", "then": [{"op": "break"}]}, {"op": "thread_yield"}]}]})";
  CheckOptions options;
  options.reductions.chains = options.reductions.fusing = false;
  EndsEverywhere(text, options, 10);
  EXPECT_EQ(CheckFor(kNever, text, options).report.verdict, Verdict::kErrors);
}

TEST(TimeLimit, HoldsWhileFindingsAreTold) {
  const std::string text = R"({"name": "alike", "objects": {"m": {"kind": "std_mutex"}, "n": {"kind": "std_mutex"}}, "main": [
    {"op": "spawn_thread", "as": "p", "count": 3, "body": [
      {"op": "lock", "on": "m", "body": [{"op": "lock", "on": "n", "body": []}]},
      {"op": "lock", "on": "n", "body": [{"op": "lock", "on": "m", "body": []}]}]},
    {"op": "join_thread", "on": "p"}]})";
  EndsEverywhere(text, {}, 5);
}

// Each of many could wake each other one: these are as many edges as there are pairs.
TEST(TimeLimit, HoldsWhileItIsFoundOutWhoWaitsForWhom) {
  auto waiting = [](int count) {
    return R"({"name": "many", "runtimes": {"rt": {"flavor": "current_thread"}}, "objects": {"n": {"kind": "notify"}}, "main": [
      {"op": "block_on", "on": "rt", "body": [
        {"op": "spawn", "as": "t", "count": )" + std::to_string(count) + R"(, "body": [{"op": "notified", "on": "n"}, {"op": "notify_one", "on": "n"}]},
        {"op": "await", "on": "t"}]}]})";
  };
  EXPECT_EQ(CheckFor(kNever, waiting(100), {}).report.findings.size(), 1u);
  EndsEverywhere(waiting(100), {}, 850);   // a third of them while the edges are made
}

TEST(TimeLimit, HoldsForEveryStrategy) {
  const std::string text = R"({"name": "runs", "objects": {"m": {"kind": "std_mutex"}}, "main": [
    {"op": "spawn_thread", "as": "p", "count": 3, "body": [{"op": "lock", "on": "m", "body": [{"op": "lock", "on": "m", "body": []}]}]},
    {"op": "join_thread", "on": "p"}]})";
  for (const Strategy strategy : {Strategy::kBitstate, Strategy::kRandom, Strategy::kPct}) {
    CheckOptions options;
    options.strategy = strategy;
    options.schedules = 40;
    EndsEverywhere(text, options, 5);
  }
}

// The steps of a run that is as long as this are not told within the grace: what was found is still reported.
TEST(TimeLimit, LeavesAFindingWithoutItsSteps) {
  const std::string text = R"({"name": "far", "objects": {"a": {"kind": "atomic"}, "m": {"kind": "std_mutex"}}, "main": [
    {"op": "loop", "times": 60000, "body": [{"op": "add", "on": "a", "value": 1}]},
    {"op": "lock", "on": "m", "body": [{"op": "lock", "on": "m", "body": []}]}]})";
  CheckOptions options;
  options.reductions.fusing = false;
  const Limited whole = CheckFor(kNever, text, options);
  ASSERT_EQ(whole.report.findings.size(), 1u);
  bool bare = false;
  for (std::uint64_t limit = whole.looks; limit > 0 && !bare; limit -= std::min<std::uint64_t>(limit, 97)) {
    const ScenarioReport cut = CheckFor(limit, text, options).report;
    bare = cut.findings.size() == 1 && cut.findings[0].schedule.empty();
    if (!bare) continue;
    EXPECT_EQ(cut.findings[0].replay, whole.report.findings[0].replay);
    EXPECT_EQ(cut.verdict, Verdict::kErrors);
    EXPECT_EQ(cut.explored.limit, "time");
  }
  EXPECT_TRUE(bare);
}

// Parts of a check that need large programs to take long, alone.
TEST(TimeLimit, HoldsInAGraphAndAmongLocks) {
  constexpr std::uint32_t kStates = 20'000;
  StateGraph graph;
  for (std::uint32_t v = 0; v < kStates; ++v) graph.Add({v, (v + 1) % kStates, 0, false});
  auto limit = [](std::uint64_t ms) { return Deadline(ms, nullptr, Looks(std::make_shared<std::uint64_t>(0))); };
  EXPECT_THROW(Components(&graph, kStates, limit(20)), TimeIsUp);
  const auto looks = std::make_shared<std::uint64_t>(0);
  const Components whole(&graph, kStates, Deadline(kNever, nullptr, Looks(looks)));
  EXPECT_GT(*looks, 2 * kStates / 256);   // once for each step through the graph
  Components one(&graph, kStates, limit(*looks + 20));
  EXPECT_THROW(graph.HasCycle(kStates, limit(20)), TimeIsUp);
  EXPECT_THROW(one.LoopThrough(0), TimeIsUp);
  EXPECT_EQ(Components(&graph, kStates, {}).LoopThrough(0).size(), kStates);
  std::vector<LockOrder> orders(2000);
  for (std::size_t i = 0; i < orders.size(); ++i) {
    orders[i].held.element = static_cast<int>(i);
    orders[i].wanted.element = static_cast<int>((i + 1) % orders.size());
  }
  EXPECT_THROW(OppositeOrders(orders, limit(20)), TimeIsUp);
  EXPECT_EQ(OppositeOrders(orders).size(), 1u);
}

TEST(Deadline, ThatIsInterruptedLeavesAGraceForWhatComesLater) {
  std::atomic<bool> interrupted{false};
  const auto looks = std::make_shared<std::uint64_t>(0);
  Deadline deadline(0, &interrupted, Looks(looks));
  EXPECT_EQ(deadline.Passed(), nullptr);
  Deadline later = deadline.Later(milliseconds(3));
  interrupted = true;
  EXPECT_STREQ(deadline.Passed(), "interrupt");
  EXPECT_EQ(later.Passed(), nullptr);
  EXPECT_EQ(later.Passed(), nullptr);
  EXPECT_EQ(later.Passed(), nullptr);
  EXPECT_STREQ(later.Passed(), "interrupt");
}

TEST(Deadline, OfAPartLeavesTheRestOfTheTimeToOthers) {
  const auto looks = std::make_shared<std::uint64_t>(0);
  Deadline deadline(100, nullptr, Looks(looks));   // the first look: it ends at 101
  *looks = 10;
  Deadline part = deadline.Later(milliseconds(20), 2);   // at 11, with 110 to go
  *looks = 64;
  EXPECT_EQ(part.Passed(), nullptr);
  EXPECT_STREQ(part.Passed(), "time");
  *looks = 200;
  Deadline late = deadline.Later(milliseconds(20), 2);   // at 201, when it has passed
  *looks = 209;
  EXPECT_EQ(late.Passed(), nullptr);
  EXPECT_STREQ(late.Passed(), "time");
}

TEST(Errors, EndTheReadingWhereTheyAreTooMany) {
  const std::string objects = Repeated(3000, R"("m": {"kind": "mutexx"})");
  Diagnostics diagnostics;
  EXPECT_EQ(ReadJson("{" + objects + "}", diagnostics), nullptr);
  EXPECT_EQ(diagnostics.list().size(), kErrorsMax + 2);
  EXPECT_EQ(diagnostics.list().back().message, kTooManyErrors);
  std::string many;
  for (int i = 0; i < 3000; ++i) many += (i == 0 ? "" : ",") + ("\"m" + std::to_string(i)) + R"(": {"kind": "mutexx"})";
  const ScenarioReport report = CheckText(R"({"name": "many", "objects": {)" + many + R"(}, "main": []})", "t.json", {});
  EXPECT_EQ(report.verdict, Verdict::kInvalid);
  EXPECT_LE(report.diagnostics.size(), kErrorsMax + 2);
  EXPECT_NE(std::find_if(report.diagnostics.begin(), report.diagnostics.end(), [](const Diagnostic& d) { return d.message == kTooManyErrors; }), report.diagnostics.end());
}

TEST(Errors, EndTheReadingOfOneOpToo) {
  const auto keys = [](std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += ",\"unknown" + std::to_string(i) + "\": 1";
    return R"({"name": "many", "main": [{"op": "thread_yield")" + text + "}]}";
  };
  const auto says_too_many = [](const ScenarioReport& report) {
    return std::any_of(report.diagnostics.begin(), report.diagnostics.end(), [](const Diagnostic& d) { return d.message == kTooManyErrors; });
  };
  const ScenarioReport all = CheckText(keys(kErrorsMax), "t.json", {});
  EXPECT_EQ(all.diagnostics.size(), kErrorsMax);
  EXPECT_FALSE(says_too_many(all));
  const ScenarioReport cut = CheckText(keys(3000), "t.json", {});
  EXPECT_EQ(cut.diagnostics.size(), kErrorsMax + 2);
  EXPECT_TRUE(says_too_many(cut));
}

TEST(Objects, OfWhichThereAreTooManyForAStateAreRefused) {
  std::string many;
  for (int i = 0; i < 14; ++i) many += (i == 0 ? "" : ",") + ("\"m" + std::to_string(i)) + R"(": {"kind": "std_mutex", "count": 10000})";
  const ScenarioReport report = CheckText(R"({"name": "many", "objects": {)" + many + R"(}, "main": [{"op": "lock", "on": "m0[1]"}]})", "t.json", {});
  EXPECT_EQ(report.verdict, Verdict::kInvalid);
  ASSERT_EQ(report.diagnostics.size(), 1u);
  EXPECT_EQ(report.diagnostics[0].message, "the scenario has more than 131072 objects");
}

}  // namespace
}  // namespace asyncrt
