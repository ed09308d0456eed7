// All that a report says of one scenario, as a text to compare; and the scenarios to compare with.
#ifndef ASYNCRT_TESTS_WHOLE_REPORT_H_
#define ASYNCRT_TESTS_WHOLE_REPORT_H_

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "core/report/report.h"

namespace asyncrt {

inline std::string Told(const ScenarioReport& report) {
  std::ostringstream out;
  out << static_cast<int>(report.verdict) << " " << report.explored.states << " states, " << report.explored.transitions << " transitions, depth "
      << report.explored.depth << ", " << report.explored.limit << "\n";
  for (const Finding& finding : report.findings) {
    out << finding.rule << " " << finding.fingerprint << " " << finding.message << " " << finding.replay << " " << finding.end_states << "\n";
    for (const ScheduleStep& step : finding.schedule) out << "  " << step.thread << ": " << step.op << " " << step.pointer << " " << step.effect << "\n";
  }
  return out.str();
}

// Names and texts of the scenarios of the project, every so many.
inline std::vector<std::pair<std::string, std::string>> SomeScenarios(std::size_t every) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("scenarios"))
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<std::pair<std::string, std::string>> some;
  for (std::size_t i = 0; i < files.size(); i += every) {
    std::ifstream in(files[i]);
    std::stringstream text;
    text << in.rdbuf();
    some.emplace_back(files[i].string(), text.str());
  }
  return some;
}

}  // namespace asyncrt

#endif  // ASYNCRT_TESTS_WHOLE_REPORT_H_
