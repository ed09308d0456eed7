// What `replay` needs of a JSON report.
#ifndef ASYNCRT_TOOL_REPORT_READER_H_
#define ASYNCRT_TOOL_REPORT_READER_H_

#include <string>
#include <vector>

namespace asyncrt {

struct Recorded {
  std::string file, rule, message, schedule;
};

struct RecordedReport {
  std::vector<Recorded> findings;
  std::string error;  // why this is no report; empty: it is one
};

RecordedReport ReadReport(const std::string& text);

}  // namespace asyncrt

#endif  // ASYNCRT_TOOL_REPORT_READER_H_
