// Where a search keeps how far it is.
#ifndef ASYNCRT_CORE_BASE_CHECKPOINT_PLACE_H_
#define ASYNCRT_CORE_BASE_CHECKPOINT_PLACE_H_

#include <cstdint>

namespace asyncrt {

class Checkpoint;

struct CheckpointPlace {
  Checkpoint* checkpoint = nullptr;    // null: nowhere
  std::uint32_t scenario = 0, search = 0;   // a scenario is searched several times, once for each timing
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_BASE_CHECKPOINT_PLACE_H_
