#include "core/detect/lock_order.h"

#include <algorithm>
#include <set>

namespace asyncrt {
namespace {

// Whoever is in `waiting` can be kept waiting by whoever is in `other`.
bool WaitsFor(const LockOrder& waiting, const LockOrder& other) {
  return waiting.wanted.element == other.held.element && (waiting.wanted.exclusive || other.held.exclusive);
}

bool ShareAGate(const std::vector<LockOrder>& orders, const std::vector<std::size_t>& cycle) {
  const std::vector<int>& first = orders[cycle[0]].gates;
  return std::any_of(first.begin(), first.end(), [&](int gate) {
    return std::all_of(cycle.begin(), cycle.end(), [&](std::size_t at) {
      return std::binary_search(orders[at].gates.begin(), orders[at].gates.end(), gate);
    });
  });
}

// A shortest way from `first` back to it, or nothing.
std::vector<std::size_t> CycleThrough(const std::vector<LockOrder>& orders, std::size_t first) {
  std::vector<std::size_t> queue = {first}, from(orders.size(), orders.size());
  for (std::size_t i = 0; i < queue.size(); ++i)
    for (std::size_t next = 0; next < orders.size(); ++next) {
      if (!WaitsFor(orders[queue[i]], orders[next])) continue;
      if (next == first) {
        std::vector<std::size_t> cycle;
        for (std::size_t at = queue[i]; at != first; at = from[at]) cycle.push_back(at);
        cycle.push_back(first);
        std::reverse(cycle.begin(), cycle.end());
        return cycle;
      }
      if (from[next] != orders.size()) continue;
      from[next] = queue[i];
      queue.push_back(next);
    }
  return {};
}

}  // namespace

std::vector<std::vector<std::size_t>> OppositeOrders(const std::vector<LockOrder>& orders) {
  std::vector<std::vector<std::size_t>> cycles;
  std::set<std::set<int>> told;
  auto tell = [&](std::vector<std::size_t> cycle) {
    std::set<int> locks;
    for (std::size_t at : cycle) locks.insert(orders[at].held.element);
    if (!ShareAGate(orders, cycle) && told.insert(locks).second) cycles.push_back(std::move(cycle));
  };
  for (std::size_t i = 0; i < orders.size(); ++i)
    for (std::size_t k = i + 1; k < orders.size(); ++k)
      if (WaitsFor(orders[i], orders[k]) && WaitsFor(orders[k], orders[i])) tell({i, k});
  for (std::size_t i = 0; i < orders.size(); ++i)
    if (std::vector<std::size_t> cycle = CycleThrough(orders, i); cycle.size() > 2) tell(std::move(cycle));
  return cycles;
}

}  // namespace asyncrt
