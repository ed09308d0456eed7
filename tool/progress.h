// How far a long check is: a line on stderr, rewritten while it lasts and gone at its end.
#ifndef ASYNCRT_TOOL_PROGRESS_H_
#define ASYNCRT_TOOL_PROGRESS_H_

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/asyncrt.h"

namespace asyncrt {

// Automatic: on a terminal, so that pipes and logs stay clean.
enum class ProgressChoice : std::uint8_t { kAuto, kAlways, kNever };

struct ProgressNumbers {
  std::size_t index = 1, count = 1;   // of scenarios, from 1
  std::uint64_t states = 0, states_per_second = 0, frontier = 0, bytes = 0;
  std::string limit;                  // the one that is nearest, in the words of a report: "states", "memory", "time"
  std::uint64_t percent = 0;          // of it that is used up
};

// No longer than `width` columns: where there is no room for all, numbers become short, then the name goes, then the
// memory, the frontier and the limit.
std::string ProgressText(const ProgressNumbers& numbers, const std::string& file, std::size_t width);

class ProgressLine {
 public:
  ProgressLine(ProgressChoice choice, std::vector<std::string> files, const CheckOptions& limits);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // Scenarios may be checked side by side; the line is about the first one that is not done, and counts what all of them
  // have seen in a second. The gauge lives as long as the line.
  SearchGauge* Begin(std::size_t index);
  void End(std::size_t index);

 private:
  void Write();
  std::string Text();

  struct Watched {
    SearchGauge gauge;
    std::chrono::steady_clock::time_point begin;
  };

  const std::vector<std::string> files_;
  const std::uint64_t max_states_, memory_limit_, time_limit_ms_;   // the last one 0: none
  std::vector<Watched> watched_;   // by scenario
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::size_t> running_;
  bool is_over_ = false;
  std::uint64_t last_seen_ = 0;
  std::chrono::steady_clock::time_point last_time_;
  std::thread writer_;
};

}  // namespace asyncrt

#endif  // ASYNCRT_TOOL_PROGRESS_H_
