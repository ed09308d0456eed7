// Mermaid: for each finding a sequence diagram of its schedule, and a graph of who waits for whom.
#include <algorithm>
#include <string>
#include <vector>

#include "core/report/display.h"
#include "core/report/render.h"
#include "core/report/shown.h"

namespace asyncrt {
namespace {

// Inside a message or a quoted label: what ends one, or starts markup, is written as an entity of Mermaid's own.
std::string Escaped(const std::string& text) {
  std::string out;
  for (char c : Printable(text)) {
    switch (c) {
      case '#': out += "#35;"; break;
      case ';': out += "#59;"; break;
      case '"': out += "#quot;"; break;
      case '<': out += "#lt;"; break;
      case '>': out += "#gt;"; break;
      case '%': out += "#37;"; break;
      case '`': out += "'"; break;
      default: out += c;
    }
  }
  return out;
}

std::size_t Number(std::vector<std::string>* names, const std::string& name) {
  auto it = std::find(names->begin(), names->end(), name);
  if (it == names->end()) it = names->insert(names->end(), name);
  return static_cast<std::size_t>(it - names->begin());
}

std::string Diagram(const Finding& finding) {
  std::vector<std::string> threads;
  std::string steps;
  for (const ScheduleStep& step : ShownSteps(finding.schedule)) {
    const std::size_t thread = Number(&threads, step.thread);
    steps += "  Note over T" + std::to_string(thread) + ": " + std::to_string(step.step) + " " + Escaped((step.task ? *step.task + " " : "") + step.op + (step.on ? " " + *step.on : "") + ", " + step.effect) + "\n";
  }
  std::string out = "sequenceDiagram\n";
  for (std::size_t i = 0; i < threads.size(); ++i) out += "  participant T" + std::to_string(i) + " as " + Escaped(threads[i]) + "\n";
  return out + steps;
}

std::string Graph(const Finding& finding) {
  std::vector<std::string> parties;
  std::string edges;
  for (const Wait& wait : ShownWaits(finding.waits)) {
    const std::size_t from = Number(&parties, wait.who), to = Number(&parties, wait.waits_for);
    edges += "  N" + std::to_string(from) + " -->|\"" + Escaped(wait.op + (wait.on ? " " + *wait.on : "")) + "\"| N" + std::to_string(to) + "\n";
  }
  std::string out = "graph LR\n";
  for (std::size_t i = 0; i < parties.size(); ++i) out += "  N" + std::to_string(i) + "[\"" + Escaped(parties[i]) + "\"]\n";
  if (const std::string more = MoreWaits(finding.waits); !more.empty()) edges += "  %% " + more + "\n";
  return out + edges;
}

}  // namespace

std::string RenderMermaid(const RunReport& report) {
  std::string out;
  for (const ScenarioReport& scenario : report.scenarios)
    for (const Finding& finding : scenario.findings) {
      out += "%% " + Printable(scenario.file) + ": " + finding.rule + "\n" + Diagram(finding) + "\n";
      if (!finding.waits.empty()) out += "%% who waits for whom\n" + Graph(finding) + "\n";
    }
  return out;
}

}  // namespace asyncrt
