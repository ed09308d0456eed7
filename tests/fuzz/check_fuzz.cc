// Any text as a scenario, the whole way to its report, under small limits.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/asyncrt.h"
#include "tests/fuzz/targets.h"

int fuzz_check(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  asyncrt::CheckOptions options;
  options.max_states = 2000;
  options.memory_limit_mib = 512;
  options.time_limit_ms = 3000;   // a loop may have two thousand million rounds
  const asyncrt::ScenarioReport report = asyncrt::CheckText(text, "fuzz.json", options);
  if (report.verdict == asyncrt::Verdict::kInvalid && report.diagnostics.empty()) std::abort();
  // A finding's own schedule is one of this scenario.
  for (const asyncrt::Finding& finding : report.findings) {
    if (finding.replay.empty()) continue;
    const asyncrt::ReplayResult result = asyncrt::ReplayText(text, "fuzz.json", finding.replay, options);
    if (!result.ok) std::abort();
  }
  return 0;
}
