// Findings that are known and accepted for now, by fingerprint: `--baseline` and `--write-baseline`.
#ifndef ASYNCRT_TOOL_BASELINE_H_
#define ASYNCRT_TOOL_BASELINE_H_

#include <string>
#include <vector>

#include "core/report/report.h"

namespace asyncrt {

struct BaselineEntry {
  std::string fingerprint, rule, file;   // the last two are for readers
};

struct Baseline {
  std::vector<BaselineEntry> entries;
  std::string error;   // why this is no baseline; empty: it is one
};

Baseline ReadBaseline(const std::string& text);
// What a baseline of these reports is as text; findings that are allowed are not part of it.
std::string BaselineText(const std::vector<ScenarioReport>& reports);
// Marks the findings that the baseline knows, and judges the scenario anew.
void ApplyBaseline(const Baseline& baseline, ScenarioReport& report);
// The entries that nothing in the marked reports matches.
std::vector<BaselineEntry> GoneFrom(const Baseline& baseline, const std::vector<ScenarioReport>& reports);

}  // namespace asyncrt

#endif  // ASYNCRT_TOOL_BASELINE_H_
