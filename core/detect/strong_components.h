// The strongly connected components of a small graph: who can reach each other.
#ifndef ASYNCRT_CORE_DETECT_STRONG_COMPONENTS_H_
#define ASYNCRT_CORE_DETECT_STRONG_COMPONENTS_H_

#include <vector>

namespace asyncrt {

struct StrongComponents {
  // By node: the number of its component, from 0; -1: it takes no part. A component has a smaller number than those that
  // lead to it.
  std::vector<int> of;
  int count = 0;
};

// `out`: by node, where its edges lead, which are nodes that take part. `takes_part`: by node.
StrongComponents FindStrongComponents(const std::vector<std::vector<int>>& out, const std::vector<bool>& takes_part);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_DETECT_STRONG_COMPONENTS_H_
