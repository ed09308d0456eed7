// The report of a whole run and the formats that it can be printed in. Every format is a function from values to a
// string; nothing here opens a file.
#ifndef ASYNCRT_CORE_REPORT_RENDER_H_
#define ASYNCRT_CORE_REPORT_RENDER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/report/report.h"
#include "core/report/verdict.h"

namespace asyncrt {

// Only in a report that asked for it: everything else is the same on every machine.
struct Speed {
  double seconds = 0;
  std::uint64_t states_per_second = 0;
};

struct RunReport {
  Verdict verdict = Verdict::kClean;
  Summary summary;
  std::vector<ScenarioReport> scenarios;
  std::optional<Speed> timing;
};

RunReport MakeRunReport(std::vector<ScenarioReport> scenarios);

struct TextStyle {
  bool color = false;
  bool unicode = true;
  std::size_t width = 100;
  bool is_verbose = false;   // with the state at the end of each schedule
};

std::string RenderJson(const RunReport& report);
// A line of JSON for one scenario, and the one that ends them.
std::string RenderJsonLine(const ScenarioReport& scenario);
std::string RenderLastJsonLine(const RunReport& report);
std::string RenderSarif(const RunReport& report);
std::string RenderJunit(const RunReport& report);
std::string RenderGithub(const RunReport& report);
std::string RenderMarkdown(const RunReport& report);
std::string RenderMermaid(const RunReport& report);
std::string RenderChromeTrace(const RunReport& report);
// `sources[i]` is the text of `report.scenarios[i]`, for the excerpts; it may be empty.
std::string RenderHtml(const RunReport& report, const std::vector<std::string>& sources);
std::string RenderText(const RunReport& report, const std::vector<std::string>& sources, const TextStyle& style);
// The end of it: a line per scenario and one for all.
std::string RenderSummary(const RunReport& report, const TextStyle& style);
// What compilers print: one line per finding, for editors and grep.
std::string RenderShort(const RunReport& report);

// Only the problems of scenarios that could not be read, as text.
std::string RenderDiagnostics(const ScenarioReport& scenario, const std::string& source, const TextStyle& style);
// The table of steps alone, as `replay` prints it.
std::string RenderSchedule(const std::vector<ScheduleStep>& steps, const TextStyle& style);
// A line for each of them, as `replay -v` prints them.
std::string RenderStandings(const std::vector<Standing>& standings, const TextStyle& style);
// The steps of a finding in a lane per thread, those of threads that have no part in it folded. Empty: it is all on one
// thread, or there are too many for the width.
std::string RenderLanes(const Finding& finding, const TextStyle& style);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_REPORT_RENDER_H_
