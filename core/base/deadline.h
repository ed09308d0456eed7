// When a check has to end: its limit on time is over, or somebody has interrupted it. Whatever may take long asks it now
// and then, by `Step` where single steps are short. Each user has a copy of its own.
#ifndef ASYNCRT_CORE_BASE_DEADLINE_H_
#define ASYNCRT_CORE_BASE_DEADLINE_H_

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

namespace asyncrt {

// Thrown by a look at the clock, out of any depth, to the function that knows what is left then.
struct TimeIsUp {
  const char* limit;   // "time" or "interrupt"
};

class Deadline {
 public:
  using Instant = std::chrono::steady_clock::time_point;
  using Clock = std::function<Instant()>;   // empty: the system's

  Deadline() = default;   // never
  // So long after now; 0: never. `interrupted`: becomes true with an interruption; may be null.
  Deadline(std::uint64_t limit_ms, const std::atomic<bool>* interrupted, Clock clock = {}) : interrupted_(interrupted), clock_(std::move(clock)) {
    constexpr std::uint64_t kLongest = std::uint64_t{1} << 40;   // 35 years, so that nothing overflows
    if (limit_ms != 0) end_ = Now() + std::chrono::milliseconds(std::min(limit_ms, kLongest));
  }

  // The name of the limit that has ended the check, or null.
  const char* Passed() {
    const bool is_interrupted = interrupted_ != nullptr && interrupted_->load(std::memory_order_relaxed);
    if (!is_interrupted && !end_) return nullptr;
    const Instant now = Now();
    if (is_interrupted) {
      if (!interrupted_end_) interrupted_end_ = now + grace_;
      if (now >= *interrupted_end_) return "interrupt";
    }
    return end_ && now >= *end_ ? "time" : nullptr;
  }
  void Look() {
    if (const char* limit = Passed()) throw TimeIsUp{limit};
  }
  // For what takes a microsecond or so.
  void Step() {
    if ((++steps_ & 255) == 0) Look();
  }
  // For what is to be done after this deadline, and at worst takes so much longer: counted from it, or from now where it
  // has passed. Of the time until then it has one part of `parts`; the others are for what follows.
  Deadline Later(std::chrono::milliseconds grace, int parts = 1) {
    Deadline later = *this;
    later.grace_ = grace / parts;
    later.interrupted_end_.reset();
    if (!later.end_) return later;
    const Instant now = Now();
    later.end_ = now + (std::max(*later.end_, now) + grace - now) / parts;
    return later;
  }

 private:
  Instant Now() const { return clock_ ? clock_() : std::chrono::steady_clock::now(); }

  std::optional<Instant> end_, interrupted_end_;
  std::chrono::milliseconds grace_{0};
  const std::atomic<bool>* interrupted_ = nullptr;
  Clock clock_;
  std::uint32_t steps_ = 0;
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_BASE_DEADLINE_H_
