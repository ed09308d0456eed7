// The JSON reports that `replay` and `confirm` are given, and the scenarios that they speak of.
#ifndef ASYNCRT_TOOL_REPORT_READER_H_
#define ASYNCRT_TOOL_REPORT_READER_H_

#include <string>

#include "core/report/render.h"

namespace asyncrt {

struct RecordedReport {
  RunReport report;
  std::string error;         // why this is no report; empty: it is one
  bool is_scenario = false;  // that is why
};

RecordedReport ReadReport(const std::string& text);

// The file of a scenario: by the name in the report, from here or from where the report lies.
std::string ScenarioFileOf(const std::string& file, const std::string& report);

}  // namespace asyncrt

#endif  // ASYNCRT_TOOL_REPORT_READER_H_
