// JSON Schemas (draft 2020-12) of what goes in and of what comes out.
#ifndef ASYNCRT_CORE_REPORT_SCHEMA_H_
#define ASYNCRT_CORE_REPORT_SCHEMA_H_

#include <string>

namespace asyncrt {

// For editors: operations, their fields and documentation come from the op table. What names mean is checked by `run`.
std::string ScenarioSchema();
std::string ReportSchema();

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_REPORT_SCHEMA_H_
