// How far a long check is: a line on stderr, rewritten while it lasts and gone at its end.
#ifndef ASYNCRT_TOOL_PROGRESS_H_
#define ASYNCRT_TOOL_PROGRESS_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace asyncrt {

// Automatic: on a terminal, so that pipes and logs stay clean.
enum class ProgressChoice : std::uint8_t { kAuto, kAlways, kNever };

// `index` and `count` of scenarios, from 1; no longer than `width` columns.
std::string ProgressText(std::size_t index, std::size_t count, const std::string& file, std::uint64_t states,
                         std::uint64_t states_per_second, std::size_t width);

class ProgressLine {
 public:
  ProgressLine(ProgressChoice choice, std::vector<std::string> files);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // Scenarios may be checked side by side; the line names the first one that is not done.
  void Begin(std::size_t index);
  void End(std::size_t index);
  std::atomic<std::uint64_t>& states_seen() { return states_seen_; }

 private:
  void Write();
  std::string Text();

  const std::vector<std::string> files_;
  std::atomic<std::uint64_t> states_seen_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::size_t> running_;
  bool is_over_ = false;
  std::uint64_t last_states_ = 0;
  std::chrono::steady_clock::time_point last_time_;
  std::thread writer_;
};

}  // namespace asyncrt

#endif  // ASYNCRT_TOOL_PROGRESS_H_
