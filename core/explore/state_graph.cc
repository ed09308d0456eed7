#include "core/explore/state_graph.h"

#include <algorithm>
#include <map>
#include <utility>

namespace asyncrt {

void StateGraph::Save(ByteWriter* out) const {
  out->Flag(in_order_);
  out->Number(edges_.size());
  for (std::size_t i = 0; i < edges_.size(); ++i) {
    const Edge& e = edges_[i];
    out->Number(e.from);
    out->Number(e.to);
    out->Number(std::uint64_t{2} * e.actor + e.unfair);
  }
}

bool StateGraph::Load(ByteReader* in, std::size_t states, int last_actor) {
  in_order_ = in->Flag();
  edges_.resize(in->Count(3));
  for (std::size_t i = 0; i < edges_.size(); ++i) {
    Edge& e = edges_[i];
    e.from = static_cast<std::uint32_t>(in->NumberBelow(states));
    e.to = static_cast<std::uint32_t>(in->NumberBelow(states));
    const std::uint64_t actor = in->NumberBelow(2 * static_cast<std::uint64_t>(last_actor) + 2);
    e.actor = static_cast<std::uint16_t>(actor / 2);
    e.unfair = actor % 2 != 0;
    if (in_order_ && i > 0 && e.from < edges_[i - 1].from) return false;
  }
  return true;
}

std::vector<std::uint32_t> StateGraph::Sort(std::size_t states) {
  std::vector<std::uint32_t> first(states + 1, 0);
  for (std::size_t i = 0; i < edges_.size(); ++i) ++first[edges_[i].from + 1];
  for (std::size_t i = 0; i < states; ++i) first[i + 1] += first[i];
  if (in_order_) return first;
  Blocks<Edge> sorted;
  sorted.resize(edges_.size());
  std::vector<std::uint32_t> at(first.begin(), first.end() - 1);
  for (std::size_t i = 0; i < edges_.size(); ++i) sorted[at[edges_[i].from]++] = edges_[i];
  edges_ = std::move(sorted);
  in_order_ = true;
  return first;
}

// States that nothing leads to are taken away until there are none; what is left then lies on cycles or behind them.
// (Kahn, "Topological sorting of large networks", 1962.)
bool StateGraph::HasCycle(std::size_t states, Deadline deadline) {
  constexpr std::uint32_t kTaken = 0xffffffff;
  std::vector<std::uint32_t> coming(states, 0);   // edges to each one, from those that are left
  bool leads_back = false;
  for (std::size_t i = 0; i < edges_.size(); ++i) {
    deadline.Step();
    ++coming[edges_[i].to];
    leads_back = leads_back || edges_[i].to <= edges_[i].from;
  }
  if (!leads_back) return false;
  const std::vector<std::uint32_t> first = Sort(states);
  Blocks<std::uint32_t> work;
  std::size_t left = states;
  for (std::uint32_t begin = 0; begin < states; ++begin) {
    if (coming[begin] != 0) continue;
    work.push_back(begin);
    while (work.size() != 0) {
      deadline.Step();
      const std::uint32_t state = work.back();
      work.pop_back();
      coming[state] = kTaken;
      --left;
      for (std::uint32_t k = first[state]; k < first[state + 1]; ++k)
        if (--coming[edges_[k].to] == 0) work.push_back(edges_[k].to);
    }
  }
  return left != 0;
}

Components::Components(StateGraph* graph, std::size_t states, const Deadline& deadline, int left_out)
    : graph_(*graph), deadline_(deadline), first_(graph->Sort(states)) {
  deadline_.Look();
  Find(states, left_out);
  members_end_.assign(count_ + 1, 0);
  members_.resize(states);
  for (std::uint32_t v = 0; v < states; ++v) ++members_end_[of_[v]];
  for (std::uint32_t c = 0, sum = 0; c <= count_; ++c) sum += std::exchange(members_end_[c], sum);
  for (std::uint32_t v = 0; v < states; ++v) members_[members_end_[of_[v]]++] = v;   // what was a beginning is an end then
}

// Tarjan's algorithm, "Depth-first search and linear graph algorithms", 1972, without recursion.
void Components::Find(std::size_t states, int left_out) {
  const std::uint32_t none = 0xffffffff;
  std::vector<std::uint32_t> index(states, none), low(states, 0);
  of_.assign(states, none);
  struct Visit { std::uint32_t state, edge; };
  Blocks<std::uint32_t> stack;   // these grow without being copied
  Blocks<Visit> work;
  std::uint32_t counter = 0;
  for (std::uint32_t root = 0; root < states; ++root) {
    deadline_.Step();
    if (index[root] != none) continue;
    work.push_back({root, first_[root]});
    index[root] = low[root] = counter++;
    stack.push_back(root);
    while (work.size() != 0) {
      deadline_.Step();
      auto& [v, k] = work.back();
      if (k < first_[v + 1]) {
        const StateGraph::Edge& e = edge(k++);
        if (e.actor == left_out) continue;
        if (index[e.to] == none) {
          index[e.to] = low[e.to] = counter++;
          stack.push_back(e.to);
          work.push_back({e.to, first_[e.to]});
        } else if (of_[e.to] == none) {
          low[v] = std::min(low[v], index[e.to]);
        }
        continue;
      }
      const std::uint32_t done = v;
      work.pop_back();
      if (work.size() != 0) low[work.back().state] = std::min(low[work.back().state], low[done]);
      if (low[done] != index[done]) continue;
      std::uint32_t x;
      do {
        x = stack.back();
        stack.pop_back();
        of_[x] = count_;
      } while (x != done);
      ++count_;
    }
  }
}

void Components::StatesOf(std::uint32_t component, std::vector<std::uint32_t>* states) const {
  const std::uint32_t begin = component == 0 ? 0 : members_end_[component - 1];
  states->assign(members_.begin() + begin, members_.begin() + members_end_[component]);
}

std::vector<int> Components::LoopThrough(std::uint32_t from) {
  std::map<std::uint32_t, std::pair<std::uint32_t, int>> back;
  std::vector<std::uint32_t> queue = {from};
  for (std::size_t i = 0; i < queue.size(); ++i)
    for (std::uint32_t k = first(queue[i]); k < first(queue[i] + 1); ++k) {
      deadline_.Step();
      const StateGraph::Edge& e = edge(k);
      if (!IsInside(k)) continue;
      if (e.to == from) {
        std::vector<int> loop = {e.actor};
        for (std::uint32_t v = queue[i]; v != from; v = back[v].first) loop.push_back(back[v].second);
        std::reverse(loop.begin(), loop.end());
        return loop;
      }
      if (back.emplace(e.to, std::make_pair(queue[i], static_cast<int>(e.actor))).second) queue.push_back(e.to);
    }
  return {};
}

}  // namespace asyncrt
