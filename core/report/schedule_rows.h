// What of a schedule is shown: what repeats itself once, what others do folded, and the middle of what still is long.
#ifndef ASYNCRT_CORE_REPORT_SCHEDULE_ROWS_H_
#define ASYNCRT_CORE_REPORT_SCHEDULE_ROWS_H_

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "core/report/render.h"

namespace asyncrt {

// A step, or a text that stands for several.
struct ScheduleRow {
  const ScheduleStep* step = nullptr;  // null: the text
  std::string text;
};

// `matters`: whether a step is shown at all.
std::vector<ScheduleRow> ScheduleRows(const std::vector<ScheduleStep>& steps, const TextStyle& style,
                                      const std::function<bool(const ScheduleStep&)>& matters);

// "recv ch", "2ms pass".
std::string OpText(const ScheduleStep& step);

// Whether time passes in this step: no thread does that.
bool IsClock(const ScheduleStep& step);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_REPORT_SCHEDULE_ROWS_H_
