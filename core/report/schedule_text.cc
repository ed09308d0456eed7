// The table of steps.
#include <algorithm>
#include <vector>

#include "core/report/display.h"
#include "core/report/paint.h"
#include "core/report/render.h"
#include "core/report/schedule_rows.h"

namespace asyncrt {
namespace {

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
  row.cells.push_back(OpText(step));
  row.text = Printable(step.effect);
  return row;
}

}  // namespace

std::string RenderSchedule(const std::vector<ScheduleStep>& steps, const TextStyle& style) {
  const bool has_time =
      std::any_of(steps.begin(), steps.end(), [](const ScheduleStep& step) { return step.time_us != 0; });
  std::vector<Row> rows;
  for (const ScheduleRow& row : ScheduleRows(steps, style, [](const ScheduleStep&) { return true; })) {
    rows.push_back(row.step == nullptr ? Row{{}, row.text} : RowOf(*row.step, has_time));
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
