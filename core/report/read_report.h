// A JSON report of `run` as values again. What only other formats show (the labels of places) is not in it.
#ifndef ASYNCRT_CORE_REPORT_READ_REPORT_H_
#define ASYNCRT_CORE_REPORT_READ_REPORT_H_

#include <optional>
#include <string>

#include "core/report/render.h"

namespace asyncrt {

// Nothing: this is no report. One that was written by hand may lack anything; what has another type is passed over.
std::optional<RunReport> ReadJsonReport(const std::string& text);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_REPORT_READ_REPORT_H_
