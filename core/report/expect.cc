#include "core/report/expect.h"

#include <algorithm>
#include <set>

#include "core/report/verdict.h"

namespace asyncrt {
namespace {

bool Matches(const Expected& expected, const std::string& rule) {
  return std::any_of(expected.any_of.begin(), expected.any_of.end(),
                     [&](const std::string& pattern) { return RuleMatches(pattern, rule); });
}

std::string Describe(const Expected& expected) {
  std::string text;
  for (const std::string& pattern : expected.any_of) text += (text.empty() ? "`" : " or `") + pattern + "`";
  return text;
}

void CompareSeverity(const std::vector<Expected>& expected, Severity severity, const ScenarioReport& report,
                     std::vector<std::string>& differences) {
  std::set<std::string> found;
  for (const Finding& finding : report.findings) {
    if (finding.severity == severity && finding.allowed.empty()) found.insert(finding.rule);
  }
  const std::string name(SeverityName(severity));
  for (const Expected& entry : expected) {
    const bool is_found =
        std::any_of(found.begin(), found.end(), [&](const std::string& rule) { return Matches(entry, rule); });
    if (!is_found) differences.push_back("expected " + name + " " + Describe(entry) + " was not found");
  }
  for (const std::string& rule : found) {
    const bool is_expected =
        std::any_of(expected.begin(), expected.end(), [&](const Expected& entry) { return Matches(entry, rule); });
    if (!is_expected) differences.push_back("unexpected " + name + " `" + rule + "`");
  }
}

}  // namespace

std::vector<std::string> CompareExpectation(const Expect& expect, const ScenarioReport& report) {
  std::vector<std::string> differences;
  if (expect.errors) CompareSeverity(*expect.errors, Severity::kError, report, differences);
  if (expect.warnings) CompareSeverity(*expect.warnings, Severity::kWarning, report, differences);
  return differences;
}

}  // namespace asyncrt
