#include "core/report/schedule_rows.h"

#include <algorithm>
#include <set>

#include "core/report/display.h"
#include "core/report/paint.h"

namespace asyncrt {
namespace {

constexpr std::size_t kRowsMax = 40;
constexpr std::size_t kRowsFirst = 12;
constexpr std::size_t kPeriodMax = 12;

bool LookSame(const ScheduleStep& a, const ScheduleStep& b) {
  return a.thread == b.thread && a.task == b.task && a.op == b.op && a.on == b.on && a.pointer == b.pointer &&
         a.effect == b.effect;
}

struct Repetition {
  std::size_t period = 1;
  std::size_t times = 1;
};

// The shortest pattern that stands at `begin` at least three times in a row.
Repetition RepetitionAt(const std::vector<const ScheduleStep*>& steps, std::size_t begin) {
  for (std::size_t period = 1; period <= kPeriodMax && begin + 3 * period <= steps.size(); ++period) {
    std::size_t length = period;
    while (begin + length < steps.size() && LookSame(*steps[begin + length], *steps[begin + length % period])) ++length;
    if (length / period >= 3) return {period, length / period};
  }
  return {};
}

// Steps that are not shown, as a text: how many, and whose they are.
std::string OthersText(const std::vector<const ScheduleStep*>& steps, const TextStyle& style) {
  std::set<std::string> threads;
  for (const ScheduleStep* step : steps) threads.insert(step->thread);
  const std::string whose = threads.size() == 1 ? Printable(*threads.begin()) : Counted(threads.size(), "other thread");
  return Dots(style) + " " + Counted(steps.size(), "step") + " of " + whose;
}

// The rows of a part of the schedule, which is the way there or the loop.
void AddRows(const std::vector<const ScheduleStep*>& steps, const TextStyle& style,
             const std::function<bool(const ScheduleStep&)>& matters, std::vector<ScheduleRow>& rows) {
  std::vector<ScheduleRow> all;
  for (std::size_t i = 0; i < steps.size();) {
    std::vector<const ScheduleStep*> others;
    while (i < steps.size() && !matters(*steps[i])) others.push_back(steps[i++]);
    if (!others.empty()) {
      all.push_back({nullptr, OthersText(others, style)});
      continue;
    }
    const Repetition repetition = RepetitionAt(steps, i);
    for (std::size_t k = 0; k < repetition.period; ++k) {
      if (matters(*steps[i + k])) all.push_back({steps[i + k], ""});
      else others.push_back(steps[i + k]);
    }
    if (!others.empty()) all.push_back({nullptr, OthersText(others, style)});
    if (repetition.times > 1) {
      const std::string what =
          repetition.period == 1 ? "this step" : "these " + std::to_string(repetition.period) + " steps";
      all.push_back({nullptr, Dots(style) + " " + what + " " + Grouped(repetition.times - 1) + " more times"});
    }
    i += repetition.period * repetition.times;
  }
  const std::size_t hidden = all.size() > kRowsMax ? all.size() - kRowsMax + 1 : 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (hidden > 0 && i == kRowsFirst) {
      rows.push_back({nullptr, Dots(style) + " " + Counted(hidden, "more step") + " " + Dots(style)});
      i += hidden;
    }
    rows.push_back(std::move(all[i]));
  }
}

}  // namespace

std::vector<ScheduleRow> ScheduleRows(const std::vector<ScheduleStep>& steps, const TextStyle& style,
                                      const std::function<bool(const ScheduleStep&)>& matters) {
  std::vector<const ScheduleStep*> way, loop;
  for (const ScheduleStep& step : steps) (step.in_loop ? loop : way).push_back(&step);
  std::vector<ScheduleRow> rows;
  AddRows(way, style, matters, rows);
  if (!loop.empty()) {
    rows.push_back({nullptr, "and then again and again:"});
    AddRows(loop, style, matters, rows);
  }
  return rows;
}

std::string OpText(const ScheduleStep& step) { return Printable(step.on ? step.op + " " + *step.on : step.op); }

bool IsClock(const ScheduleStep& step) { return step.thread == "clock" && step.op == "time" && step.pointer.empty(); }

}  // namespace asyncrt
