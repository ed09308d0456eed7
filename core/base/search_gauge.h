// How far a search is, for whoever watches it from another thread.
#ifndef ASYNCRT_CORE_BASE_SEARCH_GAUGE_H_
#define ASYNCRT_CORE_BASE_SEARCH_GAUGE_H_

#include <atomic>
#include <cstdint>

namespace asyncrt {

struct SearchGauge {
  std::atomic<std::uint64_t> states{0};    // of the search that lasts: what --max-states limits
  std::atomic<std::uint64_t> frontier{0};  // of those, the ones whose successors are still to be seen
  std::atomic<std::uint64_t> bytes{0};     // what --memory-limit limits
  std::atomic<std::uint64_t> seen{0};      // of all searches of a scenario: it only grows

  // From the thread that searches alone.
  void Tell(std::uint64_t new_states, std::uint64_t new_frontier, std::uint64_t new_bytes) {
    const std::uint64_t last = states.load(std::memory_order_relaxed);
    seen.fetch_add(new_states >= last ? new_states - last : new_states, std::memory_order_relaxed);
    states.store(new_states, std::memory_order_relaxed);
    frontier.store(new_frontier, std::memory_order_relaxed);
    bytes.store(new_bytes, std::memory_order_relaxed);
  }
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_BASE_SEARCH_GAUGE_H_
