// Whether a graph of states has a run that never ends and is fair: the definition, played out, and not fast.
#ifndef ASYNCRT_TESTS_ORACLE_ENDLESS_RUNS_H_
#define ASYNCRT_TESTS_ORACLE_ENDLESS_RUNS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace asyncrt {

struct GraphEdge {
  std::uint32_t from, to;   // states
  int actor;                // the thread that moves, or the clock
  bool unfair;              // it is one outcome of a choice that need not ever come
};

// Strongly connected parts that hold at least one edge, each as its states.
std::vector<std::vector<std::uint32_t>> LoopsOf(std::size_t states, const std::vector<GraphEdge>& edges);

// Fair: whoever can always move moves again and again (the clock too), and of a choice that is made again and again every
// outcome comes that is not unfair. A run lives on steps of the clock alone if `clock_counts`.
bool HasFairRun(std::size_t states, const std::vector<GraphEdge>& edges, int clock, bool clock_counts);

}  // namespace asyncrt

#endif  // ASYNCRT_TESTS_ORACLE_ENDLESS_RUNS_H_
