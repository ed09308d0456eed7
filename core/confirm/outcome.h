// How a run of an exported program ended, and whether that is what a finding says.
#ifndef ASYNCRT_CORE_CONFIRM_OUTCOME_H_
#define ASYNCRT_CORE_CONFIRM_OUTCOME_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/report/report.h"

namespace asyncrt {

// What real Tokio, or the compiler, can show of a finding.
enum class Shown : std::uint8_t {
  kHang,
  kPanic,
  kHangOrPanic,
  kRefusal,   // by rustc
  kNothing,   // the program ends as if all were well
};
Shown ShownBy(std::string_view rule);

struct PanicSeen {
  std::string party, pointer, message;
};
// Where a party stands that has not ended.
struct PartySeen {
  std::string name, pointer, doing, state;
  std::vector<std::string> came_to;   // the ops before
};
struct RunOutcome {
  enum class End : std::uint8_t { kCompleted, kPanicked, kHang, kAborted, kKilled };
  End end = End::kAborted;
  std::vector<PanicSeen> panics;
  std::vector<PartySeen> parties;   // of a hang
  std::uint64_t turns_missed = 0;
};

// From what the program prints, a JSON object a line. No last line: it was aborted, or killed because it did not end.
RunOutcome ReadRun(const std::string& output, bool was_killed);

// Empty: the run shows the finding; otherwise what is different. A hang does with the same parties in the same ops, up to which copy of a body
// stands in which; a panic does at the same op.
std::string Difference(const Finding& finding, const RunOutcome& run);

// "hang", "panic", "completed", "aborted", "did not end".
std::string OutcomeText(const RunOutcome& run);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_CONFIRM_OUTCOME_H_
