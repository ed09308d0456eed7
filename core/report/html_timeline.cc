// The bands of a finding. The axis counts steps, not time: a task's bar has the same range as the one of the thread that
// carries it, and a blocked thread shows on both.
#include <algorithm>
#include <functional>

#include "core/report/display.h"
#include "core/report/html_parts.h"

namespace asyncrt {
namespace {

constexpr int kLaneHeight = 34, kBarHeight = 24, kBandHeight = 30, kTop = 24;
constexpr double kGlyphWidth = 7.6;

// A row of a band: the steps in which it does something, and how it stands at the end.
struct Lane {
  std::string name;
  std::vector<std::size_t> steps;  // indices
  const Wait* wait = nullptr;
};

class Timeline {
 public:
  Timeline(const HtmlFinding& finding, std::string id) : finding_(finding), id_(std::move(id)) {
    const std::size_t count = finding.schedule.size();
    step_width_ = count <= 6 ? 136 : count <= 9 ? 92 : count <= 16 ? 64 : count <= 40 ? 40 : 24;
    CollectLanes();
    std::size_t longest = 8;
    for (const auto* lanes : {&threads_, &tasks_, &objects_})
      for (const Lane& lane : *lanes) longest = std::max(longest, DisplayWidth(Printable(lane.name)));
    left_ = static_cast<int>(static_cast<double>(std::min<std::size_t>(longest, 28)) * kGlyphWidth) + 16;
    end_ = left_ + static_cast<int>(count) * step_width_;
    right_ = end_ + (finding.waits.empty() ? 10 : 190);
  }

  std::string Render() {
    int y = kTop;
    std::string lanes;
    Band("THREADS", threads_, &y, &lanes);
    Band("TASKS", tasks_, &y, &lanes);
    Band("OBJECTS", objects_, &y, &lanes);
    const std::string height = std::to_string(y + 8);
    const int cursor = left_ + std::max<int>(0, static_cast<int>(finding_.schedule.size()) - 1) * step_width_;
    std::string out = "<svg width=\"" + std::to_string(right_) + "\" height=\"" + height + "\" role=\"img\" aria-label=\"Timeline of " +
                      Counted(finding_.schedule.size(), "step") + ": " + MarkupEscaped(finding_.whole.message) + "\">";
    // Patterns are found by name in the whole page.
    out += "<defs><pattern id=\"" + id_ + "-hatch\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\" "
           "patternTransform=\"rotate(45)\"><rect width=\"7\" height=\"7\" class=\"stop\"/>"
           "<rect width=\"2\" height=\"7\" fill=\"#fff\" opacity=\".22\"/></pattern></defs>";
    out += "<rect class=\"cursor\" x=\"" + std::to_string(cursor) + "\" y=\"0\" width=\"" + std::to_string(step_width_) +
           "\" height=\"" + height + "\" data-x=\"" + std::to_string(left_) + "\" data-w=\"" + std::to_string(step_width_) + "\"/>";
    out += Axis(y);
    return out + lanes + "</svg>";
  }

 private:
  static Lane& Named(std::vector<Lane>& lanes, const std::string& name) {
    auto it = std::find_if(lanes.begin(), lanes.end(), [&](const Lane& lane) { return lane.name == name; });
    if (it == lanes.end()) it = lanes.insert(lanes.end(), {name, {}, nullptr});
    return *it;
  }

  void CollectLanes() {
    for (std::size_t i = 0; i < finding_.schedule.size(); ++i) {
      const ScheduleStep& step = finding_.schedule[i];
      Named(threads_, step.thread).steps.push_back(i);
      if (step.task) Named(tasks_, PartyName(*step.task)).steps.push_back(i);
    }
    for (const Wait& wait : finding_.waits) {
      if (wait.thread) Named(threads_, *wait.thread).wait = &wait;
      if (wait.who.starts_with("task ")) Named(tasks_, PartyName(wait.who)).wait = &wait;
    }
    auto is_party = [&](const std::string& name) {
      const auto named = [&](const Lane& lane) { return lane.name == name; };
      return std::any_of(threads_.begin(), threads_.end(), named) || std::any_of(tasks_.begin(), tasks_.end(), named);
    };
    for (std::size_t i = 0; i < finding_.schedule.size(); ++i) {
      const auto& on = finding_.schedule[i].on;
      if (on && !is_party(*on)) Named(objects_, *on).steps.push_back(i);
    }
    for (const Wait& wait : finding_.waits)
      if (wait.on && wait.op != "run" && !is_party(*wait.on)) Named(objects_, *wait.on).wait = &wait;
  }

  // Who does nothing is there from the step on that names it first, as its spawn does.
  std::size_t BeginOf(const std::string& name) const {
    const auto& steps = finding_.schedule;
    const auto it = std::find_if(steps.begin(), steps.end(), [&](const ScheduleStep& step) { return step.on == name; });
    return it == steps.end() ? 0 : static_cast<std::size_t>(it - steps.begin()) + 1;
  }

  int At(std::size_t step) const { return left_ + static_cast<int>(step) * step_width_; }

  // A label where it fits, cut where it does not; what is cut is in the tooltip.
  static std::string Label(int x, int y, int width, const std::string& text, const std::string& css) {
    const auto room = static_cast<std::size_t>(std::max(0.0, (width - 12) / kGlyphWidth));
    std::string shown = Printable(text);
    if (DisplayWidth(shown) > room) {
      if (room < 4) return "";
      std::string cut;
      std::size_t used = 1;
      for (const Glyph& glyph : GlyphsOf(shown)) {
        if (used + glyph.width > room) break;
        used += glyph.width;
        cut += glyph.text;
      }
      shown = cut + "…";
    }
    return "<text" + css + " x=\"" + std::to_string(x) + "\" y=\"" + std::to_string(y) + "\">" + MarkupEscaped(shown) + "</text>";
  }

  static std::string Rect(int x, int y, int width, const std::string& attributes) {
    return "<rect " + attributes + " x=\"" + std::to_string(x) + "\" y=\"" + std::to_string(y) + "\" width=\"" +
           std::to_string(std::max(2, width)) + "\" height=\"" + std::to_string(kBarHeight) + "\" rx=\"5\"/>";
  }

  std::string Axis(int bottom) const {
    std::string out;
    const std::size_t every = step_width_ >= 24 ? 1 : 5;
    for (std::size_t i = 0; i < finding_.schedule.size(); i += every) {
      const std::string number = std::to_string(finding_.schedule[i].step);
      out += "<a href=\"#" + id_ + ".s" + std::to_string(i + 1) + "\"><text class=\"dim\" x=\"" + std::to_string(At(i) + 4) + "\" y=\"14\">" + number + "</text></a>";
      out += "<path class=\"lane\" stroke-dasharray=\"1 5\" d=\"M" + std::to_string(At(i)) + " 20V" + std::to_string(bottom) + "\"/>";
    }
    if (!finding_.waits.empty())
      out += "<text class=\"dim\" x=\"" + std::to_string(end_ + 8) + "\" y=\"14\">from then on</text>";
    const auto& steps = finding_.schedule;
    const auto loop = std::find_if(steps.begin(), steps.end(), [](const ScheduleStep& step) { return step.in_loop; });
    if (loop != steps.end()) {
      const int x = At(static_cast<std::size_t>(loop - steps.begin()));
      out += "<path class=\"loop\" d=\"M" + std::to_string(x) + " 24V19H" + std::to_string(end_) + "V24\"/>";
      out += "<text class=\"dim\" x=\"" + std::to_string(x + 4) + "\" y=\"" + std::to_string(bottom + 4) + "\">repeats for ever</text>";
    }
    return out;
  }

  void Band(const std::string& title, const std::vector<Lane>& lanes, int* y, std::string* out) {
    if (lanes.empty()) return;
    *out += "<text class=\"band\" x=\"0\" y=\"" + std::to_string(*y + 20) + "\">" + title + "</text>";
    *y += kBandHeight;
    for (const Lane& lane : lanes) {
      *out += LaneMarkup(lane, title, *y);
      *y += kLaneHeight;
    }
  }

  // What a bar says: on a thread whose code it runs, elsewhere what is done.
  std::string Word(const ScheduleStep& step, const std::string& band) const {
    if (band == "THREADS" && step.task) return PartyName(*step.task);
    if (band == "OBJECTS") return step.op;
    return step.on ? step.op + " " + *step.on : step.op;
  }

  std::string LaneMarkup(const Lane& lane, const std::string& band, int y) const {
    const int middle = y + kBarHeight / 2, text_y = y + 16;
    std::string out = "<path class=\"lane\" d=\"M" + std::to_string(left_) + " " + std::to_string(middle) + "H" + std::to_string(right_) + "\"/>";
    out += Label(0, text_y, left_, lane.name, "");
    for (std::size_t i : lane.steps) {
      const ScheduleStep& step = finding_.schedule[i];
      out += "<a href=\"#" + id_ + ".s" + std::to_string(i + 1) + "\"" + HtmlSteps({i + 1}) + "><title>" + std::to_string(step.step) + ": " +
             MarkupEscaped((step.task ? *step.task + " " : "") + step.op + (step.on ? " " + *step.on : "") + ", " + step.effect) + "</title>";
      out += Rect(At(i) + 1, y, step_width_ - 2, band == "OBJECTS" ? "class=\"touch\"" : "class=\"run\"");
      out += Label(At(i) + 7, text_y, step_width_ - 2, Word(step, band), " class=\"on\"") + "</a>";
    }
    if (lane.wait != nullptr) out += WaitMarkup(lane, band, y);
    return out;
  }

  // How a lane stands at the end: from its last step on.
  std::string WaitMarkup(const Lane& lane, const std::string& band, int y) const {
    const Wait& wait = *lane.wait;
    const int begin = At(lane.steps.empty() ? BeginOf(lane.name) : lane.steps.back() + 1);
    const int width = right_ - begin - 1;
    const std::string what = wait.op + (wait.on ? " " + *wait.on : "");
    std::string out = "<g><title>" + MarkupEscaped(wait.who + " waits for " + wait.waits_for + ": " + wait.why) + "</title>";
    if (band == "OBJECTS") {
      const int line = y + kBarHeight / 2;
      out += "<path class=\"await\" d=\"M" + std::to_string(begin + 2) + " " + std::to_string(line) + "H" + std::to_string(right_) + "\"/>";
      return out + Label(end_ + 4, y + 7, right_ - end_, wait.who + " waits", " class=\"dim\"") + "</g>";
    }
    if (wait.op == "run") {
      out += Rect(begin + 1, y, width, "class=\"wait\" stroke-linecap=\"round\"");
      return out + Label(begin + 8, y + 16, width, "ready, never polled", " class=\"dim\"") + "</g>";
    }
    if (wait.thread) {
      out += Rect(begin + 1, y, width, "fill=\"url(#" + id_ + "-hatch)\"");
      return out + Label(begin + 8, y + 16, width, (band == "TASKS" ? "blocks its thread in " : "blocked in ") + what, " class=\"on\"") + "</g>";
    }
    out += Rect(begin + 1, y, width, "class=\"wait\"");
    return out + Label(begin + 8, y + 16, width, "suspended in " + what, " class=\"dim\"") + "</g>";
  }

  const HtmlFinding& finding_;
  std::string id_;
  std::vector<Lane> threads_, tasks_, objects_;
  int step_width_ = 0, left_ = 0, end_ = 0, right_ = 0;
};

}  // namespace

std::string HtmlTimeline(const HtmlFinding& finding, const std::string& id) { return Timeline(finding, id).Render(); }

}  // namespace asyncrt
