// For whom each party waits in a state, and why.
#ifndef ASYNCRT_CORE_DETECT_WAIT_EDGES_H_
#define ASYNCRT_CORE_DETECT_WAIT_EDGES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/detect/parties.h"

namespace asyncrt {

enum class WaitKind : std::uint8_t {
  kLock, kSemaphore, kJoin, kChannel, kNotify, kWorker, kDriver, kUndriven, kPool, kShutdown, kBarrier, kPending, kSleep, kOther };

struct Dependence {
  int from = -1;        // party (frame)
  int to = -1;          // party; -1: nobody
  WaitKind kind = WaitKind::kOther;
  int strand = -1;      // the waiting strand; -1: a ready task that needs a worker
  std::string why;
  bool unpolled = false, suspended_holder = false, self = false, forgotten = false, notified_before = false, missing = false;
  bool behind_writer = false;   // a read that stands behind a writer in the queue
};

// `active`: frames that go on for ever, and wait for nobody. Throws TimeIsUp.
std::vector<Dependence> WaitEdges(Machine& machine, Parties& parties, const std::vector<bool>& active, Deadline* deadline);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_DETECT_WAIT_EDGES_H_
