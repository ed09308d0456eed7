// JUnit XML, as CI servers read it: a suite, a test case for each scenario, a failure for each error, the rest as output.
#include <string>

#include "core/base/version.h"
#include "core/report/display.h"
#include "core/report/render.h"
#include "core/report/shown.h"

namespace asyncrt {
namespace {

std::string Place(const Finding& finding) {
  if (finding.locations.empty()) return "";
  return finding.locations[0].file + ":" + std::to_string(finding.locations[0].place.line) + ": ";
}

bool Fails(const Finding& finding) { return Counts(finding) && finding.severity == Severity::kError; }

std::string CaseOf(const ScenarioReport& scenario) {
  std::string out = "    <testcase classname=\"asyncrt-check\" name=\"" + MarkupEscaped(scenario.name.empty() ? scenario.file : scenario.name) +
                    "\" file=\"" + MarkupEscaped(scenario.file) + "\" time=\"0\">\n";
  for (const Diagnostic& d : scenario.diagnostics)
    out += "      <error type=\"invalid\" message=\"" + MarkupEscaped(d.message) + "\">" + MarkupEscaped(scenario.file + ":" + std::to_string(d.place.line) + ": " + d.hint) + "</error>\n";
  for (const Finding& finding : scenario.findings) {
    if (!Fails(finding)) continue;
    out += "      <failure type=\"" + MarkupEscaped(finding.rule) + "\" message=\"" + MarkupEscaped(finding.message) + "\">" + MarkupEscaped(Place(finding)) + "\n";
    for (const ScheduleStep& step : ShownSteps(finding.schedule))
      out += MarkupEscaped(std::to_string(step.step) + "  " + step.thread + "  " + step.op + (step.on ? " " + *step.on : "") + "  " + step.effect) + "\n";
    out += MarkupEscaped("replay: " + finding.replay) + "</failure>\n";
  }
  if (scenario.verdict == Verdict::kIncomplete)
    out += "      <error type=\"incomplete\" message=\"" + MarkupEscaped(StopText(scenario.explored)) + "\"/>\n";
  std::string rest;
  for (const Finding& finding : scenario.findings)
    if (!Fails(finding)) rest += Place(finding) + (finding.in_baseline ? "known" : finding.allowed.empty() ? std::string(SeverityName(finding.severity)) : "allowed") + ": " + finding.message + " [" + finding.rule + "]\n";
  if (!rest.empty()) {
    out += "      <system-out>";
    std::size_t from = 0;
    for (std::size_t at; (at = rest.find('\n', from)) != std::string::npos; from = at + 1) out += MarkupEscaped(rest.substr(from, at - from)) + "\n";
    out += "</system-out>\n";
  }
  return out + "    </testcase>\n";
}

}  // namespace

std::string RenderJunit(const RunReport& report) {
  std::size_t failed = 0, broken = 0;
  for (const ScenarioReport& scenario : report.scenarios) {
    bool fails = false;
    for (const Finding& finding : scenario.findings) fails = fails || Fails(finding);
    failed += fails;
    broken += !fails && (scenario.verdict == Verdict::kInvalid || scenario.verdict == Verdict::kIncomplete);
  }
  const std::string counts = " tests=\"" + std::to_string(report.scenarios.size()) + "\" failures=\"" + std::to_string(failed) + "\" errors=\"" + std::to_string(broken) + "\"";
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites" + counts + ">\n  <testsuite name=\"asyncrt-check\"" + counts + ">\n";
  for (const ScenarioReport& scenario : report.scenarios) out += CaseOf(scenario);
  return out + "  </testsuite>\n</testsuites>\n";
}

}  // namespace asyncrt
