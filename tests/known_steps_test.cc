// A search that remembers what steps do against one that plays each: both must tell the same in every detail.
#include "core/explore/known_steps.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "core/asyncrt.h"
#include "tests/oracle/generator.h"
#include "tests/whole_report.h"

namespace asyncrt {
namespace {

constexpr std::uint64_t kNever = static_cast<std::uint64_t>(-1);

CheckOptions Without(bool stubborn_too, std::uint64_t from) {
  CheckOptions options;
  options.reductions.chains = options.reductions.symmetry = false;
  options.reductions.stubborn = !stubborn_too;
  if (stubborn_too) options.reductions = {false, false, false, false, false, false};
  options.max_states = 6'000;
  options.remember_steps_from = from;
  return options;
}

// How many states the search had.
std::uint64_t ExpectSame(const std::string& text, const std::string& name) {
  std::uint64_t states = 0;
  for (bool all : {false, true}) {
    const ScenarioReport played = CheckText(text, "t.json", Without(all, kNever));
    EXPECT_EQ(Told(CheckText(text, "t.json", Without(all, 2))), Told(played)) << name << (all ? ", without reductions" : "");
    states = std::max(states, played.explored.states);
  }
  return states;
}

TEST(KnownSteps, TellTheSameOfAllScenarios) {
  const auto scenarios = SomeScenarios(5);
  ASSERT_GT(scenarios.size(), 200u);
  std::size_t large = 0;
  for (const auto& [name, text] : scenarios) {
    large += ExpectSame(text, name) > 100;
    if (HasFailure()) return;
  }
  EXPECT_GT(large, 50u);   // else little was remembered
}

TEST(KnownSteps, TellTheSameOfRandomScenarios) {
  for (std::uint64_t seed = 1; seed <= 150 && !HasFailure(); ++seed)
    for (bool copies : {false, true}) ExpectSame(RandomScenario(seed, copies), "seed " + std::to_string(seed));
}

// Two tasks and a timer, at all depths of the trees: what was played once is known, and is given back as it was.
TEST(KnownSteps, GiveBackWhatWasPlayed) {
  const std::string text = R"({"name": "t", "objects": {"m": {"kind": "std_mutex"}}, "main": [
    {"op": "spawn_thread", "as": "a", "count": 3, "body": [{"op": "loop", "times": 3, "body": [{"op": "lock", "on": "m", "body": []}]}]},
    {"op": "join_thread", "on": "a"}]})";
  CheckOptions options = Without(true, 2);
  options.max_states = 1'000'000;
  const ScenarioReport known = CheckText(text, "t.json", options);
  options.remember_steps_from = kNever;
  const ScenarioReport played = CheckText(text, "t.json", options);
  EXPECT_EQ(known.verdict, Verdict::kClean);
  EXPECT_GT(known.explored.states, 500u);
  EXPECT_EQ(Told(known), Told(played));
}

// It can begin to, or stop, in the middle of a level.
TEST(KnownSteps, TellTheSameWhereverItBeginsAndStops) {
  for (std::uint64_t seed : {7u, 11u, 19u}) {
    const std::string text = RandomScenario(seed, true);
    const std::string played = Told(CheckText(text, "t.json", Without(true, kNever)));
    for (std::uint64_t from : {2u, 37u, 400u}) {
      CheckOptions options = Without(true, from);
      EXPECT_EQ(Told(CheckText(text, "t.json", options)), played) << "seed " << seed << " from " << from;
      options.remembered_bytes = 0;
      EXPECT_EQ(Told(CheckText(text, "t.json", options)), played) << "seed " << seed << " from " << from << ", not for long";
    }
  }
}

}  // namespace
}  // namespace asyncrt
