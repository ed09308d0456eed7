// A reduced search may know a way to a deadlock that is longer than need be; a short search without reductions then has a better one.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "core/asyncrt.h"

namespace asyncrt {
namespace {

// So many nodes in a ring of channels, and as many threads that fill it.
std::string Ring(int nodes) {
  const std::string times = R"("times": 4)";
  std::string threads;
  for (int i = 0; i < nodes; ++i) {
    const std::string from = std::to_string(i), to = std::to_string((i + 1) % nodes);
    threads += R"({"op": "spawn_thread", "as": "node)" + from + R"(", "clone": ["c[)" + to + R"(].tx"], "body": [{"op": "loop", )" + times + R"(, "body": [
      {"op": "recv", "on": "c[)" + from + R"(]", "var": "t"}, {"op": "if", "cond": "t > 0", "then": [{"op": "send", "on": "c[)" + to + R"(]", "value": "t - 1"}]},
      {"op": "set", "var": "t", "to": 0}]}]},)";
  }
  for (int i = 0; i < nodes; ++i) {
    const std::string at = std::to_string(i);
    threads += R"({"op": "spawn_thread", "as": "filler)" + at + R"(", "clone": ["c[)" + at + R"(].tx"], "body": [{"op": "loop", "times": 2, "body": [
      {"op": "send", "on": "c[)" + at + R"(]", "value": 1}]}]},)";
  }
  for (int i = 0; i < nodes; ++i)
    threads += R"({"op": "join_thread", "on": "node)" + std::to_string(i) + R"("}, {"op": "join_thread", "on": "filler)" + std::to_string(i) + R"("},)";
  threads.pop_back();
  return R"({"name": "ring", "timing": "adversarial", "objects": {"c": {"kind": "std_channel", "capacity": 1, "count": )" + std::to_string(nodes) + R"(}}, "main": [)" + threads + "]}";
}

std::size_t Moves(const std::string& text) {
  const ScenarioReport report = CheckText(text, "ring.json", {});
  std::size_t least = 0;
  for (const Finding& f : report.findings)
    if (f.rule.starts_with("deadlock/")) {
      const std::size_t moves = 1 + static_cast<std::size_t>(std::count(f.replay.begin(), f.replay.end(), '-'));
      least = least == 0 ? moves : std::min(least, moves);
    }
  return least;
}

TEST(ShortestWay, IsFoundAmongThousandsOfStates) { EXPECT_EQ(Moves(Ring(3)), 21u); }

}  // namespace
}  // namespace asyncrt
