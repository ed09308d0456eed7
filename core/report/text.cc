// The report for people: who, where, holding what, waiting for whom, how it came there, how to fix it, how to see it
// again.
#include <algorithm>
#include <cstdio>
#include <set>

#include "core/report/cycle_text.h"
#include "core/report/display.h"
#include "core/report/excerpt.h"
#include "core/report/paint.h"
#include "core/report/render.h"
#include "core/report/schedule_rows.h"
#include "core/report/shown.h"

namespace asyncrt {
namespace {

constexpr std::size_t kFileWidthMax = 60;
constexpr std::size_t kLanesWidthMax = 80;  // as wide as they are read at a glance

// "   = help:     text"; more lines, and more paragraphs, stand below the text.
std::string Section(std::size_t gutter, std::string_view name, const std::vector<std::string>& paragraphs,
                    const TextStyle& style, bool is_wrapped = true) {
  const std::string label = std::string(name) + ":";
  const std::string fill(label.size() < 10 ? 10 - label.size() : 1, ' ');
  const std::size_t indent = gutter + 3 + label.size() + fill.size();
  const std::size_t room = style.width > indent + 30 ? style.width - indent : 30;
  std::string out = std::string(gutter + 1, ' ') + Painted("=", Paint::kGutter, style) + " " +
                    Painted(label, Paint::kBold, style) + fill;
  bool is_first = true;
  for (const std::string& paragraph : paragraphs) {
    const std::vector<std::string> lines = is_wrapped ? Wrap(paragraph, room) : std::vector<std::string>{paragraph};
    for (const std::string& line : lines) {
      out += (is_first ? "" : std::string(indent, ' ')) + line + "\n";
      is_first = false;
    }
  }
  return out;
}

std::string WaitText(const Wait& wait) {
  std::string out = Printable(wait.who);
  if (wait.thread && wait.who != "thread " + *wait.thread) out += " (on " + Printable(*wait.thread) + ")";
  out += ": " + WaitedFor(wait) + ", for " + Printable(wait.waits_for);
  if (!wait.why.empty()) out += ": " + Printable(wait.why);
  return out;
}

std::string Headline(std::string_view word, std::string_view tag, std::string_view message, Paint paint,
                     const TextStyle& style) {
  std::string head = std::string(word);
  if (!tag.empty()) head += "[" + std::string(tag) + "]";
  std::string out = Painted(head, paint, style);
  // The first line is shorter by the head; what follows is indented.
  const std::vector<std::string> lines = Wrap(head + ": " + Printable(message), style.width);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    out += Painted(i == 0 ? lines[i].substr(std::min(lines[i].size(), head.size())) : "  " + lines[i], Paint::kBold,
                   style) +
           "\n";
  }
  return out;
}

// The waits are listed anyway, so a long message can do without what follows its colon.
std::string HeadlineMessage(const Finding& finding, const TextStyle& style) {
  const std::size_t colon = finding.message.find(": ");
  const bool is_long = finding.rule.size() + finding.message.size() + 9 > style.width;
  return is_long && !finding.waits.empty() && colon != std::string::npos ? finding.message.substr(0, colon)
                                                                         : finding.message;
}

std::string Arrow(std::size_t gutter, const std::string& file, const Place& place, const std::string& at,
                  const TextStyle& style) {
  std::string out = std::string(gutter, ' ') + Painted("-->", Paint::kGutter, style) + " " + Printable(file);
  if (place.line != 0) out += ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
  if (!at.empty()) out += " (" + Printable(at) + ")";
  return out + "\n";
}

std::string WaitsText(const Finding& finding, std::size_t gutter, const TextStyle& style) {
  std::string out;
  const std::size_t indent = gutter + 13;
  const std::vector<std::string> cycle = CycleLines(ShownWaits(finding.waits), style.width > indent ? style.width - indent : 30, style);
  if (!cycle.empty()) out += Section(gutter, "cycle", cycle, style, false);
  std::vector<std::string> waits;
  for (const Wait& wait : ShownWaits(finding.waits)) waits.push_back(WaitText(wait));
  if (const std::string more = MoreWaits(finding.waits); !more.empty()) waits.push_back(more);
  return waits.empty() ? out : out + Section(gutter, "waits", waits, style);
}

std::string ScheduleText(const Finding& finding, std::size_t gutter, const TextStyle& style) {
  if (finding.schedule.empty()) return "";
  std::set<std::string> threads;
  for (const ScheduleStep& step : finding.schedule) {
    if (!IsClock(step)) threads.insert(step.thread);
  }
  std::string head = Counted(finding.schedule.size(), "step") + " on " + Counted(threads.size(), "thread");
  std::string out = Section(gutter, "schedule", {head}, style);
  const std::string indent(gutter + 3, ' ');  // below the word
  TextStyle inner = style;
  inner.width = std::min(style.width, kLanesWidthMax) - indent.size();
  std::string table = RenderLanes(finding, inner);
  inner.width = style.width > indent.size() + 40 ? style.width - indent.size() : 40;
  if (table.empty()) table = RenderSchedule(finding.schedule, inner);
  for (std::size_t begin = 0; begin < table.size();) {
    const std::size_t end = table.find('\n', begin);
    out += indent + table.substr(begin, end + 1 - begin);
    begin = end + 1;
  }
  return out;
}

std::string StandingText(const Standing& standing) { return Printable(standing.who) + ": " + Printable(standing.what); }

// What is as it was among thousands is not read by anybody.
constexpr std::size_t kStandingsMax = 200;

std::vector<std::string> StandingLines(const std::vector<Standing>& standings) {
  std::vector<std::string> lines;
  for (const Standing& standing : standings) {
    if (lines.size() == kStandingsMax) {
      lines.push_back("and " + Grouped(standings.size() - kStandingsMax) + " more");
      break;
    }
    lines.push_back(StandingText(standing));
  }
  return lines;
}

std::string FindingText(const Finding& finding, const ScenarioReport& scenario, const SourceLines& source,
                        const TextStyle& style) {
  const Paint paint = Counts(finding) ? PaintOf(finding.severity) : Paint::kDim;
  std::string word(SeverityName(finding.severity));
  if (!finding.allowed.empty()) word = "allowed " + word;
  else if (finding.in_baseline) word = "known " + word;
  std::vector<Mark> marks;
  for (std::size_t i = 0; i < finding.locations.size(); ++i) {
    const Location& location = finding.locations[i];
    if (location.file == scenario.file) marks.push_back({location.place, location.label, i == 0});
  }
  const Excerpt excerpt = RenderExcerpt(source, std::move(marks), paint, style);
  const std::size_t gutter = excerpt.gutter_width;
  std::string out = Headline(word, finding.rule, HeadlineMessage(finding, style), paint, style);
  if (finding.locations.empty()) {
    out += Arrow(gutter, scenario.file, {}, "", style);
  } else {
    const Location& first = finding.locations[0];
    out += Arrow(gutter, first.file, first.place, first.at, style);
  }
  out += excerpt.text;
  out += WaitsText(finding, gutter, style);
  out += ScheduleText(finding, gutter, style);
  if (style.is_verbose && !finding.at_end.empty()) out += Section(gutter, "at end", StandingLines(finding.at_end), style);
  if (!finding.allowed.empty()) out += Section(gutter, "allowed", {Printable(finding.allowed)}, style);
  if (finding.others_progress) out += Section(gutter, "note", {"the rest of the program goes on"}, style);
  if (finding.end_states > 1) {
    out += Section(gutter, "note", {Counted(finding.end_states, "state") + " end like this; the shortest way is shown"},
                   style);
  }
  if (finding.confirmed) {
    const bool is_seen = finding.confirmed->why_not.empty();
    out += Section(gutter, is_seen ? "confirmed" : "real Tokio", {Printable(ConfirmationText(*finding.confirmed))}, style);
  }
  std::vector<std::string> help;
  for (const std::string& one : finding.help) help.push_back(Printable(one));
  if (!help.empty()) out += Section(gutter, "help", help, style);
  if (!finding.replay.empty()) {
    out += Section(gutter, "replay",
                   {"asyncrt-check replay " + ShellWord(Printable(scenario.file)) + " --schedule " +
                    ShellWord(Printable(finding.replay))},
                   style, false);
  }
  out += Section(gutter, "explain", {"asyncrt-check explain " + finding.rule}, style);
  return out + "\n";
}

std::string FindingCounts(const ScenarioReport& scenario) {
  std::uint64_t counts[3] = {0, 0, 0}, allowed = 0, known = 0;
  for (const Finding& finding : scenario.findings) {
    if (!finding.allowed.empty()) {
      ++allowed;
    } else if (finding.in_baseline) {
      ++known;
    } else {
      ++counts[static_cast<int>(finding.severity)];
    }
  }
  std::string out;
  const auto add = [&](const std::string& part) { out += (out.empty() ? "" : ", ") + part; };
  if (counts[2] > 0) add(Counted(counts[2], "error"));
  if (counts[1] > 0) add(Counted(counts[1], "warning"));
  if (counts[0] > 0) add(Counted(counts[0], "note"));
  if (allowed > 0) add(Grouped(allowed) + " allowed");
  if (known > 0) add(Grouped(known) + " known");
  return out;
}

struct Status {
  std::string_view word;
  Paint paint;
};

Status StatusOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kClean: return {"ok", Paint::kGood};
    case Verdict::kWarnings: return {"warn", Paint::kWarning};
    case Verdict::kErrors: return {"FAIL", Paint::kError};
    case Verdict::kIncomplete: return {"????", Paint::kWarning};
    case Verdict::kInvalid: return {"invalid", Paint::kError};
  }
  return {"invalid", Paint::kError};
}

std::string_view LimitHelp(const std::string& limit) {
  if (limit == "states") return " (--max-states)";
  if (limit == "depth") return " (--max-depth)";
  if (limit == "time") return " (--time-limit)";
  if (limit == "memory") return " (--memory-limit)";
  return "";
}

std::string StatusLine(const ScenarioReport& scenario, std::size_t file_width, const TextStyle& style) {
  const Status status = StatusOf(scenario.verdict);
  const std::string file = Printable(scenario.file);
  std::string out = file + std::string(file_width - std::min(file_width, DisplayWidth(file)), ' ') + "  " +
                    Painted(status.word, status.paint, style) + "  ";
  if (scenario.verdict == Verdict::kInvalid) {
    return out + Counted(scenario.diagnostics.size(), "problem") + ", nothing was explored\n";
  }
  const std::string counts = FindingCounts(scenario);
  const Explored& explored = scenario.explored;
  if (!counts.empty()) out += counts + " " + MiddleDot(style) + " ";
  out += Counted(explored.states, "state");
  if (explored.complete) return out + ", all explored\n";
  return out + ", " + StopText(explored) + std::string(LimitHelp(explored.limit)) + "\n";
}

std::string SummaryLine(const RunReport& report) {
  std::uint64_t counts[5] = {0, 0, 0, 0, 0};
  for (const ScenarioReport& scenario : report.scenarios) ++counts[static_cast<int>(scenario.verdict)];
  std::string out = Counted(report.summary.scenarios, "scenario") + ":";
  std::string separator = " ";
  const auto add = [&](Verdict verdict, std::string_view word) {
    const std::uint64_t count = counts[static_cast<int>(verdict)];
    if (count == 0) return;
    out += separator + Grouped(count) + " " + std::string(word);
    separator = ", ";
  };
  add(Verdict::kErrors, "failed");
  add(Verdict::kInvalid, "invalid");
  add(Verdict::kIncomplete, "incomplete");
  add(Verdict::kWarnings, "with warnings");
  add(Verdict::kClean, "clean");
  return out + "\n";
}

}  // namespace

std::string RenderDiagnostics(const ScenarioReport& scenario, const std::string& source, const TextStyle& style) {
  const SourceLines lines(source);
  std::string out;
  for (const Diagnostic& diagnostic : scenario.diagnostics) {
    const Excerpt excerpt = RenderExcerpt(lines, {{diagnostic.place, diagnostic.hint, true}}, Paint::kError, style);
    out += Headline("error", "", diagnostic.message, Paint::kError, style);
    out += Arrow(excerpt.gutter_width, scenario.file, diagnostic.place, "", style);
    out += excerpt.text;
    if (excerpt.text.empty() && !diagnostic.hint.empty()) {
      out += Section(excerpt.gutter_width, "help", {Printable(diagnostic.hint)}, style);
    }
    out += "\n";
  }
  return out;
}

std::string RenderStandings(const std::vector<Standing>& standings, const TextStyle& style) {
  std::string out;
  for (const std::string& text : StandingLines(standings)) {
    bool is_first = true;
    for (const std::string& line : Wrap(text, style.width > 40 ? style.width - 4 : 36)) {
      out += (is_first ? "  " : "    ") + line + "\n";
      is_first = false;
    }
  }
  return out;
}

std::string RenderSummary(const RunReport& report, const TextStyle& style) {
  std::size_t file_width = 0;
  for (const ScenarioReport& scenario : report.scenarios) {
    file_width = std::max(file_width, DisplayWidth(Printable(scenario.file)));
  }
  std::string out;
  for (const ScenarioReport& scenario : report.scenarios) {
    out += StatusLine(scenario, std::min(file_width, kFileWidthMax), style);
  }
  out += SummaryLine(report);
  if (report.timing) {
    char line[80];
    std::snprintf(line, sizeof line, "%.3f s, %s states per second\n", report.timing->seconds,
                  Grouped(report.timing->states_per_second).c_str());
    out += line;
  }
  return out;
}

std::string RenderText(const RunReport& report, const std::vector<std::string>& sources, const TextStyle& style) {
  static const std::string kNoSource;
  std::string out;
  for (std::size_t i = 0; i < report.scenarios.size(); ++i) {
    const ScenarioReport& scenario = report.scenarios[i];
    const std::string& source = i < sources.size() ? sources[i] : kNoSource;
    out += RenderDiagnostics(scenario, source, style);
    const SourceLines lines(source);
    for (const Finding& finding : scenario.findings) out += FindingText(finding, scenario, lines, style);
  }
  return out + RenderSummary(report, style);
}

}  // namespace asyncrt
