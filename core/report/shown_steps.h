// What of a schedule stands in a report for people: of a very long one its begin and its end. Programs get all of it.
#ifndef ASYNCRT_CORE_REPORT_SHOWN_STEPS_H_
#define ASYNCRT_CORE_REPORT_SHOWN_STEPS_H_

#include <cstddef>
#include <vector>

#include "core/report/report.h"

namespace asyncrt {

// As many as GitHub shows of a code flow. A browser is slow with more, and nobody reads them.
inline constexpr std::size_t kStepsShownMax = 1000;

// The steps, kStepsShownMax at most: one of them then stands for all that are left out, and says how many.
std::vector<ScheduleStep> ShownSteps(const std::vector<ScheduleStep>& steps);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_REPORT_SHOWN_STEPS_H_
