#include "core/report/display.h"
#include "core/report/render.h"

namespace asyncrt {
namespace {

std::string LineOf(const std::string& file, const Place& place) {
  std::string out = Printable(file);
  if (place.line != 0) out += ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
  return out + ": ";
}

}  // namespace

std::string RenderShort(const RunReport& report) {
  std::string out;
  for (const ScenarioReport& scenario : report.scenarios) {
    for (const Diagnostic& diagnostic : scenario.diagnostics) {
      out += LineOf(scenario.file, diagnostic.place) + "error: " + Printable(diagnostic.message);
      if (!diagnostic.hint.empty()) out += "; " + Printable(diagnostic.hint);
      out += " [invalid]\n";
    }
    for (const Finding& finding : scenario.findings) {
      const bool has_place = !finding.locations.empty();
      out += has_place ? LineOf(finding.locations[0].file, finding.locations[0].place) : LineOf(scenario.file, {});
      out += std::string(finding.in_baseline ? "known" : finding.allowed.empty() ? SeverityName(finding.severity) : "allowed") + ": " +
             Printable(finding.message) + " [" + finding.rule + "]\n";
    }
    if (scenario.verdict == Verdict::kIncomplete) {
      out += LineOf(scenario.file, {}) + "incomplete: " + StopText(scenario.explored) + " after " +
             Counted(scenario.explored.states, "state") + " [incomplete]\n";
    }
  }
  return out;
}

}  // namespace asyncrt
