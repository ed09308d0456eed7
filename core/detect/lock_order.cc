#include "core/detect/lock_order.h"

#include <algorithm>
#include <map>
#include <set>

namespace asyncrt {
namespace {

// Whoever is in `waiting` can be kept waiting by whoever is in `other`.
bool WaitsFor(const LockOrder& waiting, const LockOrder& other) {
  return waiting.wanted.element == other.held.element && (waiting.wanted.exclusive || other.held.exclusive);
}

using ByLock = std::map<int, std::vector<std::size_t>>;   // orders by one of their locks

// Takes out the orders behind whose wanted lock nothing is taken any more, again and again: no cycle goes through them.
void DropDeadEnds(const std::vector<LockOrder>& orders, ByLock* by_held) {
  ByLock by_wanted;
  std::vector<int> dead_ends;
  for (const auto& [lock, held] : *by_held)
    for (std::size_t at : held) by_wanted[orders[at].wanted.element].push_back(at);
  for (const auto& [lock, wanted] : by_wanted)
    if (by_held->count(lock) == 0) dead_ends.push_back(lock);
  while (!dead_ends.empty()) {
    const int lock = dead_ends.back();
    dead_ends.pop_back();
    for (std::size_t at : by_wanted[lock]) {
      const auto held = by_held->find(orders[at].held.element);
      if (held == by_held->end() || std::erase(held->second, at) == 0 || !held->second.empty()) continue;
      dead_ends.push_back(held->first);
      by_held->erase(held);
    }
  }
}

const std::vector<std::size_t>& Behind(const LockOrder& order, const ByLock& by_held) {
  static const std::vector<std::size_t> none;
  const auto at = by_held.find(order.wanted.element);
  return at == by_held.end() ? none : at->second;
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
std::vector<std::size_t> CycleThrough(const std::vector<LockOrder>& orders, const ByLock& by_held, std::size_t first, Deadline& deadline) {
  std::vector<std::size_t> queue = {first}, from(orders.size(), orders.size());
  for (std::size_t i = 0; i < queue.size(); ++i)
    for (std::size_t next : Behind(orders[queue[i]], by_held)) {
      deadline.Step();
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

std::vector<std::vector<std::size_t>> OppositeOrders(const std::vector<LockOrder>& orders, Deadline deadline) {
  std::vector<std::vector<std::size_t>> cycles;
  std::set<std::set<int>> told;
  auto tell = [&](std::vector<std::size_t> cycle) {
    std::set<int> locks;
    for (std::size_t at : cycle) locks.insert(orders[at].held.element);
    if (!ShareAGate(orders, cycle) && told.insert(locks).second) cycles.push_back(std::move(cycle));
  };
  ByLock by_held;
  for (std::size_t i = 0; i < orders.size(); ++i) by_held[orders[i].held.element].push_back(i);
  DropDeadEnds(orders, &by_held);
  for (std::size_t i = 0; i < orders.size(); ++i)
    for (std::size_t k : Behind(orders[i], by_held)) {
      deadline.Step();
      if (k > i && WaitsFor(orders[i], orders[k]) && WaitsFor(orders[k], orders[i])) tell({i, k});
    }
  for (std::size_t i = 0; i < orders.size(); ++i) {
    if (Behind(orders[i], by_held).empty()) continue;
    if (std::vector<std::size_t> cycle = CycleThrough(orders, by_held, i, deadline); cycle.size() > 2) tell(std::move(cycle));
  }
  return cycles;
}

}  // namespace asyncrt
