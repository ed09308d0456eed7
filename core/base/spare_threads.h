// How many more threads a run may begin: as many as it was allowed and does not use.
#ifndef ASYNCRT_CORE_BASE_SPARE_THREADS_H_
#define ASYNCRT_CORE_BASE_SPARE_THREADS_H_

#include <atomic>
#include <cstddef>

namespace asyncrt {

class SpareThreads {
 public:
  explicit SpareThreads(std::size_t count) : count_(count) {}
  // False: there is none.
  bool Take() {
    std::size_t count = count_.load(std::memory_order_relaxed);
    while (count > 0)
      if (count_.compare_exchange_weak(count, count - 1, std::memory_order_relaxed)) return true;
    return false;
  }
  void Give(std::size_t count) { count_.fetch_add(count, std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> count_;
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_BASE_SPARE_THREADS_H_
