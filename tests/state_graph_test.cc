// Whether a graph has a cycle, against its strongly connected components.
#include <gtest/gtest.h>

#include <cstdint>
#include <random>

#include "core/explore/state_graph.h"

namespace asyncrt {
namespace {

bool HasInside(StateGraph* graph, std::uint32_t states) {
  const Components components(graph, states, {});
  for (std::uint32_t k = 0; k < components.first(states); ++k)
    if (components.IsInside(k)) return true;
  return false;
}

TEST(StateGraph, KnowsWhetherAStateLeadsBackToItself) {
  std::mt19937 random(7);
  auto below = [&](std::uint32_t end) { return static_cast<std::uint32_t>(random() % end); };
  int with = 0, without = 0;
  for (int round = 0; round < 4000; ++round) {
    const std::uint32_t states = 1 + below(9);
    StateGraph graph, same;
    for (std::uint32_t k = below(states + 3); k > 0; --k) {
      const StateGraph::Edge edge{below(states), below(states), 0, false};   // not in order
      graph.Add(edge);
      same.Add(edge);
    }
    const bool has = graph.HasCycle(states, {});
    ASSERT_EQ(has, HasInside(&same, states)) << "round " << round;
    (has ? with : without)++;
  }
  EXPECT_GT(with, 500);
  EXPECT_GT(without, 500);
}

TEST(StateGraph, HasNoCycleWhereOneWayLeadsBack) {
  StateGraph graph;   // 0 -> 2 -> 1 -> 3
  graph.Add({0, 2, 0, false});
  graph.Add({1, 3, 0, false});
  graph.Add({2, 1, 0, false});
  EXPECT_FALSE(graph.HasCycle(4, {}));
  graph.Add({3, 2, 0, false});
  EXPECT_TRUE(graph.HasCycle(4, {}));
}

TEST(StateGraph, CountsAStateThatLeadsToItself) {
  StateGraph graph;
  graph.Add({0, 1, 0, false});
  graph.Add({1, 1, 0, false});
  EXPECT_TRUE(graph.HasCycle(2, {}));
}

}  // namespace
}  // namespace asyncrt
