// Who leads to whom: the steps between visited states by number, kept where some run may have no end, and the graph's
// strongly connected components, in which endless runs stay.
#ifndef ASYNCRT_CORE_EXPLORE_STATE_GRAPH_H_
#define ASYNCRT_CORE_EXPLORE_STATE_GRAPH_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/byte_stream.h"
#include "core/base/deadline.h"
#include "core/explore/search_tree.h"

namespace asyncrt {

class StateGraph {
 public:
  struct Edge {
    std::uint32_t from, to;
    std::uint16_t actor;
    bool unfair;   // it took a choice that need not be fair
  };
  // States are expanded in the order of their numbers, save where time is let pass later.
  void Add(const Edge& edge) {
    in_order_ = in_order_ && (edges_.size() == 0 || edges_.back().from <= edge.from);
    edges_.push_back(edge);
  }
  // Whether some state leads back to itself. Throws TimeIsUp.
  bool HasCycle(std::size_t states, Deadline deadline);
  std::size_t bytes() const { return edges_.bytes(); }
  // What a look at the components of so many states takes.
  std::uint64_t LookBytes(std::size_t states) const { return states * 32 + (in_order_ ? 0 : edges_.bytes() + states * 4); }
  void Save(ByteWriter* out) const;
  // False: these are no edges between `states` states of actors up to `last_actor`.
  bool Load(ByteReader* in, std::size_t states, int last_actor);

 private:
  friend class Components;
  // Brings the edges of one state side by side; returns where each one's begin.
  std::vector<std::uint32_t> Sort(std::size_t states);

  Blocks<Edge> edges_;
  bool in_order_ = true;   // of the states that they come from
};

// Of a graph that does not change meanwhile.
class Components {
 public:
  static constexpr int kAllActors = -1;
  // `left_out`: an actor whose steps do not count. This and what walks through a component throw TimeIsUp.
  Components(StateGraph* graph, std::size_t states, const Deadline& deadline, int left_out = kAllActors);

  std::uint32_t count() const { return count_; }
  std::uint32_t of(std::uint32_t state) const { return of_[state]; }
  void StatesOf(std::uint32_t component, std::vector<std::uint32_t>* states) const;
  // The edges from a state: from `first(state)` up to `first(state + 1)`.
  std::uint32_t first(std::uint32_t state) const { return first_[state]; }
  const StateGraph::Edge& edge(std::uint32_t k) const { return graph_.edges_[k]; }
  // It stays in the component that it comes from.
  bool IsInside(std::uint32_t k) const { return of_[edge(k).from] == of_[edge(k).to]; }
  // A shortest way from a state back to it, by who moves; empty: there is none inside its component.
  std::vector<int> LoopThrough(std::uint32_t from);

 private:
  void Find(std::size_t states, int left_out);

  const StateGraph& graph_;
  Deadline deadline_;
  std::vector<std::uint32_t> first_, of_;
  std::uint32_t count_ = 0;
  std::vector<std::uint32_t> members_, members_end_;   // states by component, in the order of their numbers
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPLORE_STATE_GRAPH_H_
