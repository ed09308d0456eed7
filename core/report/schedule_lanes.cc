// A schedule as a lane per thread, side by side: who runs when, and where it changes.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "core/report/display.h"
#include "core/report/paint.h"
#include "core/report/render.h"
#include "core/report/schedule_rows.h"

namespace asyncrt {
namespace {

constexpr std::size_t kLaneMin = 18;  // narrower ones read like columns of words
constexpr std::size_t kGap = 3;       // between two lanes

// The threads that the waits are about: they sleep, they are waited for, or they ran a task that is part of it; and that
// of the last step. All of them where nothing waits: then any may have a part in it.
std::set<std::string> ThreadsThatMatter(const Finding& finding) {
  std::set<std::string> parties, threads;
  for (const Wait& wait : finding.waits) {
    parties.insert({wait.who, wait.waits_for});
    if (wait.thread) threads.insert(*wait.thread);
  }
  for (const ScheduleStep& step : finding.schedule) {
    const bool is_part = parties.empty() || parties.count("thread " + step.thread) > 0 ||
                         (step.task && parties.count(*step.task) > 0);
    if (is_part || &step == &finding.schedule.back()) threads.insert(step.thread);
  }
  return threads;
}

// What a step says in its lane; the task only where it is another one than before.
std::string CellText(const ScheduleStep& step, const std::optional<std::string>& task_before) {
  std::string text = OpText(step);
  if (!step.effect.empty()) text += ": " + Printable(step.effect);
  // A poll names its task anyway.
  const bool is_new = step.task && step.task != task_before && step.effect.find(*step.task) == std::string::npos;
  return is_new ? "[" + Printable(*step.task) + "] " + text : text;
}

std::size_t WidestWord(const std::string& text) {
  std::size_t widest = 0;
  for (const std::string& word : Wrap(text, 1)) widest = std::max(widest, DisplayWidth(word));
  return widest;
}

// Lanes as wide as their longest text, if there is room; what is left is shared by those that need more. Empty: the
// lanes would be too narrow, or narrower than what cannot be broken.
std::vector<std::size_t> LaneWidths(const std::vector<std::size_t>& wanted, const std::vector<std::size_t>& least,
                                    std::size_t room) {
  std::vector<std::size_t> widths(wanted.size(), 0);
  std::size_t left = room - std::min(room, kGap * (wanted.size() - 1)), open = wanted.size();
  for (bool has_changed = true; has_changed && open > 0;) {
    has_changed = false;
    const std::size_t share = left / open;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (widths[i] != 0 || wanted[i] > share) continue;
      widths[i] = wanted[i];
      left -= wanted[i];
      --open;
      has_changed = true;
    }
  }
  for (std::size_t i = 0; i < widths.size(); ++i) {
    if (widths[i] != 0) continue;
    widths[i] = left / open;
    if (widths[i] < std::max(kLaneMin, least[i])) return {};
  }
  return widths;
}

std::string Filled(const std::string& text, std::size_t width) {
  const std::size_t used = DisplayWidth(text);
  return text + std::string(used < width ? width - used : 0, ' ');
}

// The beginning of a line: the number of a step, or room for one.
std::string Numbered(const ScheduleStep* step, std::size_t width) {
  const std::string number = step == nullptr ? "" : std::to_string(step->step);
  return std::string(width - number.size(), ' ') + number + "  ";
}

struct Cell {
  std::size_t lane = 0;
  std::string text;
};

}  // namespace

std::string RenderLanes(const Finding& finding, const TextStyle& style) {
  const std::set<std::string> threads = ThreadsThatMatter(finding);
  const std::vector<ScheduleRow> rows = ScheduleRows(finding.schedule, style, [&](const ScheduleStep& step) {
    return IsClock(step) || threads.count(step.thread) > 0;
  });
  // In the order in which they come in.
  std::vector<std::string> lanes;
  std::map<std::string, std::optional<std::string>> tasks;
  std::vector<Cell> cells;
  std::vector<std::size_t> wanted, least;
  std::size_t number_width = 1;
  for (const ScheduleRow& row : rows) {
    cells.emplace_back();
    cells.back().text = row.text;
    if (row.step == nullptr) continue;
    const ScheduleStep& step = *row.step;
    number_width = std::max(number_width, std::to_string(step.step).size());
    if (IsClock(step)) {
      cells.back().text = Printable(step.effect) + ": now it is " + TimeText(step.time_us);
      continue;
    }
    auto lane = std::find(lanes.begin(), lanes.end(), step.thread);
    if (lane == lanes.end()) {
      lane = lanes.insert(lanes.end(), step.thread);
      least.push_back(DisplayWidth(Printable(step.thread)));
      wanted.push_back(least.back());
    }
    Cell& cell = cells.back();
    cell.lane = static_cast<std::size_t>(lane - lanes.begin());
    cell.text = CellText(step, tasks[step.thread]);
    tasks[step.thread] = step.task;
    wanted[cell.lane] = std::max(wanted[cell.lane], DisplayWidth(cell.text));
    least[cell.lane] = std::max(least[cell.lane], WidestWord(cell.text));
  }
  if (lanes.size() < 2 || style.width < number_width + 2 + kLaneMin) return "";
  const std::vector<std::size_t> widths = LaneWidths(wanted, least, style.width - number_width - 2);
  if (widths.empty()) return "";

  const std::string bar = std::string(" ") + Painted(style.unicode ? "│" : "|", Paint::kGutter, style) + " ";
  std::string out;
  const auto line = [&](const ScheduleStep* step, std::size_t lane, const std::string& text) {
    std::string whole = Numbered(step, number_width);
    for (std::size_t i = 0; i < widths.size(); ++i) {
      whole += (i > 0 ? bar : "") + Filled(i == lane ? text : "", widths[i]);
    }
    whole.erase(whole.find_last_not_of(' ') + 1);
    out += whole + "\n";
  };
  std::string head = Numbered(nullptr, number_width);
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    head += (i == 0 ? "" : bar) + Painted(Filled(Printable(lanes[i]), widths[i]), Paint::kBold, style);
  }
  head.erase(head.find_last_not_of(' ') + 1);
  out += head + "\n";
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const ScheduleStep* step = rows[r].step;
    if (step == nullptr || IsClock(*step)) {
      out += Numbered(step, number_width) + Painted(cells[r].text, Paint::kDim, style) + "\n";
      continue;
    }
    const std::vector<std::string> parts = Wrap(cells[r].text, widths[cells[r].lane]);
    for (std::size_t p = 0; p < parts.size(); ++p) {
      line(p == 0 ? step : nullptr, cells[r].lane, parts[p]);
    }
  }
  return out;
}

}  // namespace asyncrt
