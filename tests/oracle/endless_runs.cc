#include "tests/oracle/endless_runs.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace asyncrt {
namespace {

// By state, the edges that leave it, as indexes.
std::vector<std::vector<std::size_t>> ByOrigin(std::size_t states, const std::vector<GraphEdge>& edges) {
  std::vector<std::vector<std::size_t>> out(states);
  for (std::size_t k = 0; k < edges.size(); ++k) out[edges[k].from].push_back(k);
  return out;
}

// All that can be reached from `from`, along edges or against them, among states of the same `part`.
void Flood(std::uint32_t from, const std::vector<std::vector<std::uint32_t>>& next, const std::vector<int>& part, std::vector<char>* seen, std::vector<std::uint32_t>* order) {
  std::vector<std::pair<std::uint32_t, std::size_t>> stack = {{from, 0}};
  (*seen)[from] = 1;
  while (!stack.empty()) {
    auto& [v, k] = stack.back();
    if (k == next[v].size()) {
      order->push_back(v);
      stack.pop_back();
      continue;
    }
    const std::uint32_t to = next[v][k++];
    if ((*seen)[to] || part[to] != part[from]) continue;
    (*seen)[to] = 1;
    stack.push_back({to, 0});
  }
}

// What a part's threads can do (all edges that leave its states) and do (those that stay), and whether that is fair.
class Part {
 public:
  Part(const std::vector<std::uint32_t>& states, const std::vector<GraphEdge>& all, const std::vector<std::vector<std::size_t>>& out, int clock, bool clock_counts)
      : states_(states), inside_(states.begin(), states.end()), all_(all), out_(out), clock_(clock), clock_counts_(clock_counts) {}

  // `kept`: edges that a run may still take.
  bool HasFairRun(std::vector<char> kept) const {
    // A choice that is made again and again leaves the part, if an outcome of it does: then it must not be made.
    bool fewer = false;
    for (std::uint32_t v : states_) {
      std::set<int> leaving;
      for (std::size_t k : out_[v])
        if (!all_[k].unfair && (!kept[k] || !inside_.count(all_[k].to))) leaving.insert(all_[k].actor);
      for (std::size_t k : out_[v]) {
        const bool dropped = !inside_.count(all_[k].to) || (leaving.count(all_[k].actor) && all_[k].actor != clock_);
        if (dropped && kept[k]) {
          fewer = fewer || inside_.count(all_[k].to);
          kept[k] = 0;
        }
      }
    }
    std::vector<GraphEdge> rest;
    for (std::uint32_t v : states_)
      for (std::size_t k : out_[v])
        if (kept[k] && (clock_counts_ || all_[k].actor != clock_)) rest.push_back(all_[k]);
    if (fewer) {
      for (const std::vector<std::uint32_t>& loop : LoopsOf(out_.size(), rest))
        if (Part(loop, all_, out_, clock_, clock_counts_).HasFairRun(kept)) return true;
      return false;
    }
    if (rest.empty()) return false;
    std::map<int, std::size_t> can;   // by thread, in how many states
    std::set<int> does;
    for (std::uint32_t v : states_) {
      std::set<int> here;
      for (std::size_t k : out_[v]) here.insert(all_[k].actor);
      for (int actor : here) ++can[actor];
    }
    for (std::uint32_t v : states_)
      for (std::size_t k : out_[v])
        if (kept[k]) does.insert(all_[k].actor);
    return std::all_of(can.begin(), can.end(), [&](const auto& c) { return c.second < states_.size() || does.count(c.first); });
  }

 private:
  const std::vector<std::uint32_t>& states_;
  std::set<std::uint32_t> inside_;
  const std::vector<GraphEdge>& all_;
  const std::vector<std::vector<std::size_t>>& out_;
  int clock_;
  bool clock_counts_;
};

}  // namespace

// Kosaraju: in the order in which a flood ends, flood backwards.
std::vector<std::vector<std::uint32_t>> LoopsOf(std::size_t states, const std::vector<GraphEdge>& edges) {
  std::vector<std::vector<std::uint32_t>> next(states), before(states), parts;
  std::set<std::uint32_t> named;
  for (const GraphEdge& e : edges) {
    next[e.from].push_back(e.to);
    before[e.to].push_back(e.from);
    named.insert({e.from, e.to});
  }
  std::vector<int> one_part(states, 0);
  std::vector<char> seen(states, 0);
  std::vector<std::uint32_t> order;
  for (std::uint32_t v : named)
    if (!seen[v]) Flood(v, next, one_part, &seen, &order);
  std::fill(seen.begin(), seen.end(), 0);
  for (std::size_t i = order.size(); i-- > 0;) {
    if (seen[order[i]]) continue;
    std::vector<std::uint32_t> part;
    Flood(order[i], before, one_part, &seen, &part);
    const std::set<std::uint32_t> inside(part.begin(), part.end());
    const bool loops = std::any_of(part.begin(), part.end(), [&](std::uint32_t v) {
      return std::any_of(next[v].begin(), next[v].end(), [&](std::uint32_t to) { return inside.count(to) != 0; });
    });
    if (loops) parts.push_back(std::move(part));
  }
  return parts;
}

bool HasFairRun(std::size_t states, const std::vector<GraphEdge>& edges, int clock, bool clock_counts) {
  std::vector<GraphEdge> lasting;
  for (const GraphEdge& e : edges)
    if (clock_counts || e.actor != clock) lasting.push_back(e);
  const std::vector<std::vector<std::size_t>> out = ByOrigin(states, edges);
  for (const std::vector<std::uint32_t>& loop : LoopsOf(states, lasting))
    if (Part(loop, edges, out, clock, clock_counts).HasFairRun(std::vector<char>(edges.size(), 1))) return true;
  return false;
}

}  // namespace asyncrt
