#include "core/report/formats.h"

namespace asyncrt {
namespace {

using Sources = std::vector<std::string>;

template <std::string (*Render)(const RunReport&)>
std::string Plain(const RunReport& report, const Sources&, const TextStyle&) {
  return Render(report);
}

std::string JsonLines(const RunReport& report, const Sources&, const TextStyle&) {
  std::string out;
  for (const ScenarioReport& scenario : report.scenarios) out += RenderJsonLine(scenario);
  return out + RenderLastJsonLine(report);
}

std::string Html(const RunReport& report, const Sources& sources, const TextStyle&) { return RenderHtml(report, sources); }

}  // namespace

const std::vector<FormatDef>& AllFormats() {
  static const std::vector<FormatDef> formats = {
      {"json", "everything, for programs; `asyncrt-check schema report` describes it", false, Plain<RenderJson>},
      {"text", "a report for people", true, RenderText},
      {"short", "one line a finding, as compilers print them", true, Plain<RenderShort>},
      {"jsonl", "one JSON object a line: each scenario when it is done, then the summary", false, JsonLines, RenderJsonLine, RenderLastJsonLine},
      {"sarif", "SARIF 2.1.0, for code hosts", false, Plain<RenderSarif>},
      {"junit", "JUnit XML: a test case for each scenario", false, Plain<RenderJunit>},
      {"github", "workflow commands of GitHub Actions: annotations at the line", true, Plain<RenderGithub>},
      {"markdown", "a table and a section for each finding, for a pull request", true, Plain<RenderMarkdown>},
      {"html", "one page for a browser: timeline, graph, steps and source of each finding", true, Html},
      {"mermaid", "sequence diagrams of the schedules", false, Plain<RenderMermaid>},
      {"chrome-trace", "trace events for Perfetto: a track for each thread", false, Plain<RenderChromeTrace>},
  };
  return formats;
}

std::vector<std::string> FormatNames() {
  std::vector<std::string> names;
  for (const FormatDef& format : AllFormats()) names.emplace_back(format.name);
  return names;
}

}  // namespace asyncrt
