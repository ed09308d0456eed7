// Who waits for whom in a state where nobody can go on, and which rule says it best.
#ifndef ASYNCRT_CORE_DETECT_WAIT_GRAPH_H_
#define ASYNCRT_CORE_DETECT_WAIT_GRAPH_H_

#include <string>
#include <vector>

#include "core/base/deadline.h"
#include "core/model/machine.h"
#include "core/report/report.h"

namespace asyncrt {

// A root of the wait-for graph: parties that wait for nothing outside themselves.
struct StuckRoot {
  std::string rule;
  std::vector<Wait> waits;       // inside the root first, then those who wait for it
  std::vector<int> sources;      // Program::sources of the waits, same order; -1: none
  std::vector<int> frames;       // who takes part
  std::size_t inside = 0;        // how many of `waits` are the root's own
};

// `active`: frames that go on for ever (empty in a state where nobody can go on). Throws TimeIsUp.
std::vector<StuckRoot> FindStuckRoots(Machine& machine, const std::vector<bool>& active, Deadline deadline = {});

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_DETECT_WAIT_GRAPH_H_
