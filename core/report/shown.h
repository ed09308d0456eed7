// What of a very long finding stands in a report for people: the begin and the end of its schedule, and the first of those
// who wait. Programs get all of it.
#ifndef ASYNCRT_CORE_REPORT_SHOWN_H_
#define ASYNCRT_CORE_REPORT_SHOWN_H_

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "core/report/report.h"

namespace asyncrt {

// As many as GitHub shows of a code flow. A browser is slow with more, and nobody reads them.
inline constexpr std::size_t kStepsShownMax = 1000;
inline constexpr std::size_t kWaitsShownMax = 200;

// The steps, kStepsShownMax at most: one of them then stands for all that are left out, and says how many.
std::vector<ScheduleStep> ShownSteps(const std::vector<ScheduleStep>& steps);

// The waits, kWaitsShownMax at most, and what is to stand below them: "and 42 more"; empty: nothing.
std::span<const Wait> ShownWaits(const std::vector<Wait>& waits);
std::string MoreWaits(const std::vector<Wait>& waits);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_REPORT_SHOWN_H_
