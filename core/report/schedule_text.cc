// The table of steps. What is long is folded: the beginning says where it comes from, the end how it ends.
#include <algorithm>
#include <vector>

#include "core/report/display.h"
#include "core/report/paint.h"
#include "core/report/render.h"

namespace asyncrt {
namespace {

constexpr std::size_t kRowsMax = 40;
constexpr std::size_t kRowsFirst = 12;
constexpr std::size_t kPeriodMax = 12;
constexpr std::size_t kColumnMax = 28;

struct Row {
  std::vector<std::string> cells;  // step, time, thread, task, op; empty: the text spans the row
  std::string text;
};

Row RowOf(const ScheduleStep& step, bool has_time) {
  Row row;
  row.cells.push_back(std::to_string(step.step));
  if (has_time) row.cells.push_back(TimeText(step.time_us));
  row.cells.push_back(Printable(step.thread));
  row.cells.push_back(Printable(step.task.value_or("")));
  row.cells.push_back(Printable(step.on ? step.op + " " + *step.on : step.op));
  row.text = Printable(step.effect);
  return row;
}

bool LookSame(const ScheduleStep& a, const ScheduleStep& b) {
  return a.thread == b.thread && a.task == b.task && a.op == b.op && a.on == b.on && a.pointer == b.pointer &&
         a.effect == b.effect;
}

struct Repetition {
  std::size_t period = 1;
  std::size_t times = 1;
};

// The shortest pattern that stands at `begin` at least three times in a row.
Repetition RepetitionAt(const std::vector<ScheduleStep>& steps, std::size_t begin, std::size_t end) {
  for (std::size_t period = 1; period <= kPeriodMax && begin + 3 * period <= end; ++period) {
    std::size_t length = period;
    while (begin + length < end && LookSame(steps[begin + length], steps[begin + length % period])) ++length;
    if (length / period >= 3) return {period, length / period};
  }
  return {};
}

// The steps from `begin` to `end`: what repeats itself once, and folded in the middle when there still are too many.
void AddRows(const std::vector<ScheduleStep>& steps, std::size_t begin, std::size_t end, bool has_time,
             const TextStyle& style, std::vector<Row>& rows) {
  std::vector<Row> all;
  for (std::size_t i = begin; i < end;) {
    const Repetition repetition = RepetitionAt(steps, i, end);
    for (std::size_t k = 0; k < repetition.period; ++k) all.push_back(RowOf(steps[i + k], has_time));
    if (repetition.times > 1) {
      const std::string what =
          repetition.period == 1 ? "this step" : "these " + std::to_string(repetition.period) + " steps";
      all.push_back({{}, Dots(style) + " " + what + " " + Grouped(repetition.times - 1) + " more times"});
    }
    i += repetition.period * repetition.times;
  }
  const std::size_t hidden = all.size() > kRowsMax ? all.size() - kRowsMax + 1 : 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (hidden > 0 && i == kRowsFirst) {
      rows.push_back({{}, Dots(style) + " " + Counted(hidden, "more step") + " " + Dots(style)});
      i += hidden;
    }
    rows.push_back(std::move(all[i]));
  }
}

}  // namespace

std::string RenderSchedule(const std::vector<ScheduleStep>& steps, const TextStyle& style) {
  const bool has_time =
      std::any_of(steps.begin(), steps.end(), [](const ScheduleStep& step) { return step.time_us != 0; });
  const auto loop = std::find_if(steps.begin(), steps.end(), [](const ScheduleStep& step) { return step.in_loop; });
  const auto loop_begin = static_cast<std::size_t>(loop - steps.begin());
  std::vector<Row> rows;
  AddRows(steps, 0, loop_begin, has_time, style, rows);
  if (loop != steps.end()) {
    rows.push_back({{}, "and then again and again:"});
    AddRows(steps, loop_begin, steps.size(), has_time, style, rows);
  }

  std::vector<std::size_t> widths(has_time ? 5 : 4, 0);
  for (const Row& row : rows) {
    for (std::size_t c = 0; c < row.cells.size(); ++c) {
      widths[c] = std::min(kColumnMax, std::max(widths[c], DisplayWidth(row.cells[c])));
    }
  }
  std::size_t indent = 0;
  for (std::size_t width : widths) indent += width == 0 ? 0 : width + 2;
  const std::size_t room = style.width > indent + 24 ? style.width - indent : 24;

  std::string out;
  for (const Row& row : rows) {
    if (row.cells.empty()) {
      out += std::string(widths[0] + 2, ' ') + Painted(row.text, Paint::kDim, style) + "\n";
      continue;
    }
    std::string line;
    for (std::size_t c = 0; c < row.cells.size(); ++c) {
      if (widths[c] == 0) continue;
      const std::size_t width = DisplayWidth(row.cells[c]);
      const std::string fill(width < widths[c] ? widths[c] - width : 0, ' ');
      line += c == 0 ? fill + row.cells[c] : row.cells[c] + fill;
      line += "  ";
    }
    const std::vector<std::string> parts = Wrap(row.text, room);
    for (std::size_t p = 0; p < parts.size(); ++p) {
      std::string whole = (p == 0 ? line : std::string(indent, ' ')) + parts[p];
      whole.erase(whole.find_last_not_of(' ') + 1);
      out += whole + "\n";
    }
  }
  return out;
}

}  // namespace asyncrt
