#include "core/report/shown.h"

#include <algorithm>
#include <utility>

#include "core/report/display.h"

namespace asyncrt {

std::vector<ScheduleStep> ShownSteps(const std::vector<ScheduleStep>& steps) {
  if (steps.size() <= kStepsShownMax) return steps;
  constexpr std::size_t kFirst = kStepsShownMax / 2, kLast = kStepsShownMax - kFirst - 1;
  const auto begin_left_out = steps.begin() + static_cast<std::ptrdiff_t>(kFirst), end_left_out = steps.end() - static_cast<std::ptrdiff_t>(kLast);
  std::vector<ScheduleStep> shown(steps.begin(), begin_left_out);
  ScheduleStep left_out;
  left_out.step = begin_left_out->step;
  left_out.time_us = begin_left_out->time_us;
  left_out.thread = begin_left_out->thread;   // a thread that is there in any case
  left_out.op = "…";
  left_out.effect = Counted(steps.size() - kFirst - kLast, "step") + " left out; `replay` and the JSON report tell them all";
  left_out.in_loop = begin_left_out->in_loop;
  shown.push_back(std::move(left_out));
  shown.insert(shown.end(), end_left_out, steps.end());
  return shown;
}

std::span<const Wait> ShownWaits(const std::vector<Wait>& waits) { return std::span(waits).first(std::min(waits.size(), kWaitsShownMax)); }

std::string MoreWaits(const std::vector<Wait>& waits) {
  return waits.size() <= kWaitsShownMax ? "" : "and " + Grouped(waits.size() - kWaitsShownMax) + " more";
}

}  // namespace asyncrt
