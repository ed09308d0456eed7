// Workflow commands of GitHub Actions: an annotation at the line of each finding.
#include <string>

#include "core/report/display.h"
#include "core/report/render.h"

namespace asyncrt {
namespace {

std::string Escaped(const std::string& text, bool property) {
  std::string out;
  for (char c : Printable(text)) {
    if (c == '%') out += "%25";
    else if (property && c == ':') out += "%3A";
    else if (property && c == ',') out += "%2C";
    else out += c;
  }
  return out;
}

std::string Command(const char* level, const std::string& file, const Place& place, const std::string& title, const std::string& text) {
  std::string out = std::string("::") + level + " file=" + Escaped(file, true);
  if (place.line != 0) out += ",line=" + std::to_string(place.line) + ",col=" + std::to_string(place.column);
  return out + ",title=" + Escaped(title, true) + "::" + Escaped(text, false) + "\n";
}

}  // namespace

std::string RenderGithub(const RunReport& report) {
  std::string out;
  for (const ScenarioReport& scenario : report.scenarios) {
    for (const Diagnostic& d : scenario.diagnostics)
      out += Command("error", scenario.file, d.place, "invalid scenario", d.message + (d.hint.empty() ? "" : "; " + d.hint));
    for (const Finding& finding : scenario.findings) {
      const char* level = !Counts(finding) || finding.severity == Severity::kNote ? "notice" : finding.severity == Severity::kError ? "error" : "warning";
      std::string text = finding.message;
      for (const std::string& help : finding.help) text += ". Help: " + help;
      if (!finding.allowed.empty()) text += ". Allowed: " + finding.allowed;
      const bool placed = !finding.locations.empty();
      out += Command(level, placed ? finding.locations[0].file : scenario.file, placed ? finding.locations[0].place : Place{}, finding.rule, text);
    }
    if (scenario.verdict == Verdict::kIncomplete) out += Command("warning", scenario.file, {}, "incomplete", StopText(scenario.explored));
  }
  return out;
}

}  // namespace asyncrt
