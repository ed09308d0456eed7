// From findings to a verdict, and from verdicts to an exit status.
#ifndef ASYNCRT_CORE_REPORT_VERDICT_H_
#define ASYNCRT_CORE_REPORT_VERDICT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/report/report.h"

namespace asyncrt {

std::string_view VerdictName(Verdict verdict);
std::string_view SeverityName(Severity severity);
// "stopped by the limit on states", "interrupted".
std::string StopText(const Explored& explored);
// Whether what ended an exploration is that its strategy has done all that it does.
bool IsOwnEnd(std::string_view limit);
// "hang on Tokio 1.24.2, steered, in run 1"; "not seen on Tokio 1.24.2: …".
std::string ConfirmationText(const Confirmation& confirmation);

// Does `pattern`, a rule's id or "family/*", mean this rule?
bool RuleMatches(std::string_view pattern, std::string_view rule);

// `--rule RULE=LEVEL`: no severity means that the rule is off.
struct RuleOverride {
  std::string pattern;
  std::optional<Severity> severity;
};

// Applies the overrides, the later one winning, and computes the verdict anew.
void ApplyOverrides(const std::vector<RuleOverride>& overrides, ScenarioReport& report);

// What the findings and the exploration of a scenario amount to. An accepted finding does not count. An exploration
// that a limit ended is never better than incomplete, whatever warnings it found.
Verdict VerdictOf(const ScenarioReport& report);

struct Summary {
  std::uint64_t scenarios = 0;
  std::uint64_t errors = 0, warnings = 0, notes = 0;  // findings
  std::uint64_t incomplete = 0, invalid = 0;          // scenarios
};
Summary SummaryOf(const std::vector<ScenarioReport>& reports);

// The verdict of a run: invalid over errors over incomplete over warnings over clean.
Verdict WorstVerdict(const std::vector<ScenarioReport>& reports);

enum class FailOn : std::uint8_t { kNote, kWarning, kError, kNever };

struct ExitRules {
  FailOn fail_on = FailOn::kError;
  bool allow_incomplete = false;
};
// 0, 1, 2 or 3: the worst of all scenarios, 2 over 1 over 3 over 0.
int ExitStatusOf(const std::vector<ScenarioReport>& reports, const ExitRules& rules);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_REPORT_VERDICT_H_
