// How a program is played: what two machines must agree on to read the same schedule.
#ifndef ASYNCRT_CORE_BASE_PLAY_MODE_H_
#define ASYNCRT_CORE_BASE_PLAY_MODE_H_

#include <cstdint>

#include "core/base/scheduler.h"

namespace asyncrt {

enum class Timing : std::uint8_t { kIdeal, kAdversarial };

struct PlayMode {
  Timing timing = Timing::kIdeal;
  Scheduler scheduler = Scheduler::kAtomic;
  bool fusing = true;    // a step plays the private ops behind it, too
  bool sorting = true;   // idle workers that would do the same are put into one order
};

// What the search may leave out without losing a finding; core/explore/README.md says why each is sound.
struct Reductions {
  bool fusing = true, workers = true, stubborn = true, chains = true, symmetry = true;
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_BASE_PLAY_MODE_H_
