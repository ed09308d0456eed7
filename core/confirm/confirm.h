// Tries findings on real Tokio: exports their scenarios, builds them, and runs each along the finding's schedule.
//
// A party that has to wait for its turn does so with its whole thread, which an operating system could do to any program. So what a
// steered run shows is real. That none shows a finding proves nothing: a choice of the runtime itself cannot be steered.
#ifndef ASYNCRT_CORE_CONFIRM_CONFIRM_H_
#define ASYNCRT_CORE_CONFIRM_CONFIRM_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/report/report.h"
#include "core/scenario/scenario.h"

namespace asyncrt {

struct ConfirmOptions {
  std::string tokio_path;        // the source of a Tokio; empty: Debian's
  std::string build_folder;      // keeps what cargo has built for the next time
  std::uint64_t runs = 10;       // of a finding, at most
  std::uint64_t hang_ms = 1000;  // without an end after the schedule's own time: a hang
  unsigned jobs = 1;             // programs at a time
  const std::atomic<bool>* interrupted = nullptr;
  // Called when the build begins, and after each finding, from any thread; may be empty.
  std::function<void(std::size_t done, std::size_t count)> progress;
};

// A scenario of a report.
struct ConfirmItem {
  ScenarioReport* report = nullptr;     // its findings get their confirmation
  const Scenario* scenario = nullptr;   // null: none, `why_not` says why
  std::string why_not;
};

// Empty, or why nothing could be tried.
std::string Confirm(const std::vector<ConfirmItem>& items, const ConfirmOptions& options);

// Whether both releases have the same rules in the model: "1.24" is the last patch of 1.24.
bool HaveSameRules(const std::string& release, const std::string& other);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_CONFIRM_CONFIRM_H_
