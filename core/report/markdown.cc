// Markdown for a comment on a pull request: a line for each scenario that is not clean, a folded section for each finding.
#include <string>

#include "core/report/display.h"
#include "core/report/render.h"
#include "core/report/shown.h"

namespace asyncrt {
namespace {

// Text that stays text: no markup, no table bars, no HTML, no mention of somebody.
std::string Escaped(const std::string& text) {
  std::string out;
  for (char c : Printable(text)) {
    if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '&') out += "&amp;";
    else if (c == '@') out += "&#64;";
    else if (c == '\\' || c == '|' || c == '`' || c == '*' || c == '_' || c == '[' || c == ']' || c == '#' || c == '~') out += std::string("\\") + c;
    else out += c;
  }
  return out;
}

std::string Table(const Finding& finding) {
  std::string out = "| step | thread | op | effect |\n|---:|---|---|---|\n";
  for (const ScheduleStep& step : ShownSteps(finding.schedule))
    out += "| " + std::to_string(step.step) + " | " + Escaped(step.thread) + " | " + Escaped(step.op + (step.on ? " " + *step.on : "")) + " | " + Escaped(step.effect) + " |\n";
  return out;
}

}  // namespace

std::string RenderMarkdown(const RunReport& report) {
  std::string out = "## asyncrt-check: " + std::string(VerdictName(report.verdict)) + "\n\n";
  out += Counted(report.summary.scenarios, "scenario") + ", " + Counted(report.summary.errors, "error") + ", " + Counted(report.summary.warnings, "warning");
  if (report.summary.incomplete != 0) out += ", " + std::to_string(report.summary.incomplete) + " incomplete";
  if (report.summary.invalid != 0) out += ", " + std::to_string(report.summary.invalid) + " invalid";
  out += ".\n\n";
  std::string rows, sections;
  for (const ScenarioReport& scenario : report.scenarios) {
    if (scenario.verdict == Verdict::kClean && scenario.findings.empty()) continue;
    rows += "| " + Escaped(scenario.file) + " | " + std::string(VerdictName(scenario.verdict)) + " | " + Grouped(scenario.explored.states) + " |\n";
    for (const Diagnostic& d : scenario.diagnostics)
      sections += "### " + Escaped(scenario.file) + ":" + std::to_string(d.place.line) + "\n\n" + Escaped(d.message) + (d.hint.empty() ? "" : "; " + Escaped(d.hint)) + "\n\n";
    for (const Finding& finding : scenario.findings) {
      sections += "### " + std::string(finding.in_baseline ? "known" : finding.allowed.empty() ? SeverityName(finding.severity) : "allowed") + ": " + Escaped(finding.rule) + "\n\n";
      if (!finding.locations.empty()) sections += "*" + Escaped(finding.locations[0].file) + ":" + std::to_string(finding.locations[0].place.line) + "* ";
      sections += Escaped(finding.message) + "\n\n";
      for (const Wait& wait : ShownWaits(finding.waits)) sections += "- " + Escaped(wait.who) + " waits for " + Escaped(wait.waits_for) + ": " + Escaped(wait.why) + "\n";
      if (const std::string more = MoreWaits(finding.waits); !more.empty()) sections += "- " + more + "\n";
      for (const std::string& help : finding.help) sections += "- help: " + Escaped(help) + "\n";
      if (!finding.waits.empty() || !finding.help.empty()) sections += "\n";
      if (!finding.schedule.empty())
        sections += "<details><summary>schedule, " + Counted(finding.schedule.size(), "step") + "</summary>\n\n" + Table(finding) + "\n</details>\n\n";
    }
  }
  if (!rows.empty()) out += "| scenario | verdict | states |\n|---|---|---:|\n" + rows + "\n";
  return out + sections;
}

}  // namespace asyncrt
