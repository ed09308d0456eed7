// A cycle of waits in words and arrows.
#ifndef ASYNCRT_CORE_REPORT_CYCLE_TEXT_H_
#define ASYNCRT_CORE_REPORT_CYCLE_TEXT_H_

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "core/report/render.h"

namespace asyncrt {

// "recv ch": what is done to what.
std::string WaitedFor(const Wait& wait);

// The cycle that the first wait is part of, on one line, in short names if need be; if that is too long as well, as
// lines that break before an arrow. Empty: there is none.
std::vector<std::string> CycleLines(std::span<const Wait> waits, std::size_t width, const TextStyle& style);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_REPORT_CYCLE_TEXT_H_
