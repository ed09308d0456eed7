// A search with threads that play ahead against one without: both must tell the same in every detail.
#include "core/explore/ahead.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/asyncrt.h"
#include "tests/oracle/generator.h"
#include "tests/whole_report.h"

namespace asyncrt {
namespace {

// Of both timings, a thread that is left over is taken for the other one, and plays ahead when that is over.
CheckOptions Plain(TimingModel timing) {
  CheckOptions options;
  options.timing = timing;
  options.max_states = 6'000;
  options.play_ahead_from = 1;
  return options;
}

// How many states the search had. All threads are given back.
std::uint64_t ExpectSame(const std::string& text, const std::string& name, CheckOptions options) {
  options.spare_threads = nullptr;
  const ScenarioReport alone = CheckText(text, "t.json", options);
  for (std::size_t threads : {1u, 3u}) {
    SpareThreads spare(threads);
    options.spare_threads = &spare;
    EXPECT_EQ(Told(CheckText(text, "t.json", options)), Told(alone)) << name << ", with " << threads << " more threads";
    for (std::size_t i = 0; i < threads; ++i) EXPECT_TRUE(spare.Take()) << name;
    EXPECT_FALSE(spare.Take()) << name;
  }
  return alone.explored.states;
}

TEST(Ahead, TellsTheSameOfAllScenarios) {
  std::size_t large = 0;
  for (const auto& [name, text] : SomeScenarios(5)) {
    for (TimingModel timing : {TimingModel::kIdeal, TimingModel::kAdversarial, TimingModel::kAsScenarioSays}) large += ExpectSame(text, name, Plain(timing)) > 100;
    if (HasFailure()) return;
  }
  EXPECT_GT(large, 50u);   // else there was little to play
}

TEST(Ahead, TellsTheSameOfRandomScenarios) {
  for (std::uint64_t seed = 1; seed <= 150 && !HasFailure(); ++seed)
    for (bool copies : {false, true}) ExpectSame(RandomScenario(seed, copies), "seed " + std::to_string(seed), Plain(TimingModel::kAdversarial));
}

TEST(Ahead, TellsTheSameWithoutSomeReductions) {
  for (std::uint64_t seed = 200; seed <= 260 && !HasFailure(); ++seed) {
    const std::string text = RandomScenario(seed, true), name = "seed " + std::to_string(seed);
    CheckOptions options = Plain(TimingModel::kAdversarial);
    options.exact_states = true;
    ExpectSame(text, name + ", exact", options);
    options.exact_states = false;
    options.reductions.chains = false;
    ExpectSame(text, name + ", without chains", options);
    options.reductions.chains = true;
    options.reductions.stubborn = false;
    ExpectSame(text, name + ", without stubborn sets", options);
  }
}

// The lock is taken in a step that turns out to be one of several.
TEST(Ahead, TellsOfAStepThatIsTakenBack) {
  const std::string text = R"({"name": "t", "objects": {"a": {"kind": "std_rwlock"}, "b": {"kind": "std_mutex"}, "c": {"kind": "std_condvar"},
    "v": {"kind": "value", "drop": [{"op": "write", "on": "a"}]}}, "main": [
      {"op": "lock", "on": "b", "body": [{"op": "drop", "on": "v"}]},
      {"op": "write", "on": "a", "body": [{"op": "loop", "times": 2, "body": [
        {"op": "choose", "branches": [[{"op": "notify_one", "on": "c"}], [{"op": "lock", "on": "b"}]]}]}]}]})";
  EXPECT_EQ(CheckText(text, "t.json", Plain(TimingModel::kIdeal)).findings.size(), 1u);
  ExpectSame(text, "a choice behind a lock", Plain(TimingModel::kIdeal));
}

// More states on chains than can be remembered: what a thread has passed by, the search may have forgotten.
TEST(Ahead, TellsTheSameWhereChainsAreForgotten) {
  const std::string text = R"({"name": "t", "objects": {"m": {"kind": "std_mutex", "count": 3}, "n": {"kind": "atomic"}}, "main": [
    {"op": "thread_scope", "body": [{"op": "spawn_thread", "count": 3, "body": [{"op": "loop", "times": 5, "body": [
      {"op": "lock", "on": "m[$index]", "body": [{"op": "choose", "branches": [[{"op": "add", "on": "n", "value": "$index + 1"}], []]}, {"op": "lock", "on": "m[($index + 1) % 3]", "body": []}]}]}]}]}]})";
  CheckOptions options = Plain(TimingModel::kIdeal);
  options.max_states = 200'000;
  EXPECT_GT(ExpectSame(text, "locks", options), 2'000u);
}

TEST(Ahead, StopsAtTheSameState) {
  for (std::uint64_t seed : {7u, 11u, 19u, 23u})
    for (std::uint64_t states : {3u, 50u, 333u}) {
      CheckOptions options = Plain(TimingModel::kAdversarial);
      options.max_states = states;
      ExpectSame(RandomScenario(seed, true), "seed " + std::to_string(seed), options);
    }
}

// What is told once need not be told again, unless the way is a shorter one.
TEST(KnownLengths, HaveNewsOfWhatIsUnknownOrShorter) {
  KnownLengths known;
  const Event event{"hazard/lost-message", 7, 0, 0, "", {}}, other{"hazard/lost-message", 8, 0, 0, "", {}};
  EXPECT_TRUE(known.IsNews(event, 100));
  known.Set(event, 10);
  EXPECT_TRUE(known.IsNews(event, 9));
  EXPECT_FALSE(known.IsNews(event, 10));
  EXPECT_FALSE(known.IsNews(event, 11));
  EXPECT_TRUE(known.IsNews(other, 11));
}

TEST(SpareThreads, AreTakenAsLongAsThereAreSome) {
  SpareThreads spare(2);
  EXPECT_TRUE(spare.Take());
  EXPECT_TRUE(spare.Take());
  EXPECT_FALSE(spare.Take());
  spare.Give(1);
  EXPECT_TRUE(spare.Take());
  EXPECT_FALSE(spare.Take());
}

}  // namespace
}  // namespace asyncrt
