// How finely the workers of a runtime are interleaved.
#ifndef ASYNCRT_CORE_BASE_SCHEDULER_H_
#define ASYNCRT_CORE_BASE_SCHEDULER_H_

#include <cstdint>

namespace asyncrt {

// A worker's search and park is one step, or every part of it that another thread can come between is one.
enum class Scheduler : std::uint8_t { kAtomic, kExact };

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_BASE_SCHEDULER_H_
