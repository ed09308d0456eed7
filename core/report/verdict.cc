#include "core/report/verdict.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/report/render.h"

namespace asyncrt {
namespace {

bool ReachesLevel(Severity severity, FailOn fail_on) {
  switch (fail_on) {
    case FailOn::kNote: return true;
    case FailOn::kWarning: return severity != Severity::kNote;
    case FailOn::kError: return severity == Severity::kError;
    case FailOn::kNever: return false;
  }
  return false;
}

bool Has(const ScenarioReport& report, Severity severity) {
  return std::any_of(report.findings.begin(), report.findings.end(),
                     [&](const Finding& finding) { return Counts(finding) && finding.severity == severity; });
}

// How bad a verdict is when there are several.
int Rank(Verdict verdict) {
  switch (verdict) {
    case Verdict::kClean: return 0;
    case Verdict::kWarnings: return 1;
    case Verdict::kIncomplete: return 2;
    case Verdict::kErrors: return 3;
    case Verdict::kInvalid: return 4;
  }
  return 4;
}

}  // namespace

std::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kClean: return "clean";
    case Verdict::kWarnings: return "warnings";
    case Verdict::kErrors: return "errors";
    case Verdict::kIncomplete: return "incomplete";
    case Verdict::kInvalid: return "invalid";
  }
  return "invalid";
}

std::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kNote: return "note";
    case Severity::kWarning: return "warning";
    case Severity::kError: return "error";
  }
  return "error";
}

bool IsOwnEnd(std::string_view limit) { return limit == "lossy" || limit == "schedules"; }

std::string StopText(const Explored& explored) {
  if (explored.limit == "lossy") return "a bitstate search may have left states out";
  if (explored.limit == "schedules") {
    std::string text = std::to_string(explored.schedules) + " schedules were played";
    if (explored.bug_depth == 0 || explored.guarantee <= 0) return text;
    return text + ", each with a chance of at least 1 in " + std::to_string(static_cast<std::uint64_t>(std::ceil(std::min(1.0 / explored.guarantee, 1e18)))) +
           " to meet a bug of depth " + std::to_string(explored.bug_depth);
  }
  return explored.limit == "interrupt" ? "interrupted" : "stopped by the limit on " + explored.limit;
}

std::string ConfirmationText(const Confirmation& confirmation) {
  const std::string where = confirmation.tokio.empty() ? "" : " on Tokio " + confirmation.tokio;
  if (!confirmation.why_not.empty()) return (confirmation.outcome.empty() ? "not tried" : "not seen") + where + ": " + confirmation.why_not;
  if (confirmation.attempts == 0) return confirmation.outcome + where;
  return confirmation.outcome + where + ", " + confirmation.how + ", in run " + std::to_string(confirmation.attempts);
}

bool RuleMatches(std::string_view pattern, std::string_view rule) {
  if (pattern.size() < 2 || !pattern.ends_with("/*")) return pattern == rule;
  return rule.starts_with(pattern.substr(0, pattern.size() - 1));
}

void ApplyOverrides(const std::vector<RuleOverride>& overrides, ScenarioReport& report) {
  if (overrides.empty() || report.verdict == Verdict::kInvalid) return;
  std::vector<Finding> kept;
  for (Finding& finding : report.findings) {
    std::optional<Severity> severity = finding.severity;
    for (const RuleOverride& one : overrides) {
      if (RuleMatches(one.pattern, finding.rule)) severity = one.severity;
    }
    if (!severity) continue;
    finding.severity = *severity;
    kept.push_back(std::move(finding));
  }
  std::stable_sort(kept.begin(), kept.end(),
                   [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
  report.findings = std::move(kept);
  report.verdict = VerdictOf(report);
}

Verdict VerdictOf(const ScenarioReport& report) {
  if (report.verdict == Verdict::kInvalid || !report.diagnostics.empty()) return Verdict::kInvalid;
  if (Has(report, Severity::kError)) return Verdict::kErrors;
  if (!report.explored.complete) return Verdict::kIncomplete;
  return Has(report, Severity::kWarning) ? Verdict::kWarnings : Verdict::kClean;
}

Summary SummaryOf(const std::vector<ScenarioReport>& reports) {
  Summary summary;
  summary.scenarios = reports.size();
  for (const ScenarioReport& report : reports) {
    if (report.verdict == Verdict::kInvalid) ++summary.invalid;
    if (report.verdict == Verdict::kIncomplete) ++summary.incomplete;
    for (const Finding& finding : report.findings) {
      if (!Counts(finding)) continue;
      switch (finding.severity) {
        case Severity::kError: ++summary.errors; break;
        case Severity::kWarning: ++summary.warnings; break;
        case Severity::kNote: ++summary.notes; break;
      }
    }
  }
  return summary;
}

Verdict WorstVerdict(const std::vector<ScenarioReport>& reports) {
  Verdict worst = Verdict::kClean;
  for (const ScenarioReport& report : reports) {
    if (Rank(report.verdict) > Rank(worst)) worst = report.verdict;
  }
  return worst;
}

int ExitStatusOf(const std::vector<ScenarioReport>& reports, const ExitRules& rules) {
  bool has_invalid = false, has_failed = false, has_incomplete = false;
  for (const ScenarioReport& report : reports) {
    has_invalid |= report.verdict == Verdict::kInvalid;
    has_incomplete |= report.verdict == Verdict::kIncomplete;
    for (const Finding& finding : report.findings) {
      has_failed |= Counts(finding) && ReachesLevel(finding.severity, rules.fail_on);
    }
  }
  if (has_invalid) return 2;
  if (has_failed) return 1;
  return has_incomplete && !rules.allow_incomplete ? 3 : 0;
}

RunReport MakeRunReport(std::vector<ScenarioReport> scenarios) {
  RunReport report;
  report.scenarios = std::move(scenarios);
  report.summary = SummaryOf(report.scenarios);
  report.verdict = WorstVerdict(report.scenarios);
  return report;
}

}  // namespace asyncrt
