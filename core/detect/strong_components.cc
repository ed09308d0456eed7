#include "core/detect/strong_components.h"

#include <algorithm>
#include <cstddef>

namespace asyncrt {

// Tarjan's, with a stack of its own: a chain may be as long as there are tasks.
StrongComponents FindStrongComponents(const std::vector<std::vector<int>>& out, const std::vector<bool>& takes_part) {
  StrongComponents found;
  found.of.assign(out.size(), -1);
  struct Visit {
    std::size_t node, next;   // the next edge of it
  };
  std::vector<int> index(out.size(), -1), low(out.size(), 0);
  std::vector<std::size_t> open;
  std::vector<Visit> visits;
  int counter = 0;
  auto enter = [&](std::size_t node) {
    index[node] = low[node] = counter++;
    open.push_back(node);
    visits.push_back({node, 0});
  };
  for (std::size_t start = 0; start < out.size(); ++start) {
    if (!takes_part[start] || index[start] >= 0) continue;
    enter(start);
    while (!visits.empty()) {
      const std::size_t node = visits.back().node;
      if (visits.back().next < out[node].size()) {
        const auto to = static_cast<std::size_t>(out[node][visits.back().next++]);
        if (index[to] < 0) enter(to);
        else if (found.of[to] < 0) low[node] = std::min(low[node], index[to]);
        continue;
      }
      visits.pop_back();
      if (!visits.empty()) low[visits.back().node] = std::min(low[visits.back().node], low[node]);
      if (low[node] != index[node]) continue;
      for (bool is_last = false; !is_last; open.pop_back()) {
        is_last = open.back() == node;
        found.of[open.back()] = found.count;
      }
      ++found.count;
    }
  }
  return found;
}

}  // namespace asyncrt
