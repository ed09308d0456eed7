// One page for a whole run, with nothing from outside: an index, and for each finding its timeline, graph, steps and source.
#include <algorithm>
#include <set>

#include "core/base/version.h"
#include "core/report/display.h"
#include "core/report/html_assets.h"
#include "core/report/html_parts.h"
#include "core/report/render.h"
#include "core/report/shown.h"

namespace asyncrt {

std::string HtmlSteps(const std::vector<std::uint64_t>& steps) {
  if (steps.empty()) return "";
  std::string out;
  for (std::uint64_t step : steps) out += (out.empty() ? " data-s=\"" : " ") + std::to_string(step);
  return out + "\"";
}

std::vector<std::uint64_t> StepsOfParty(const HtmlFinding& finding, std::string_view party) {
  std::vector<std::uint64_t> steps;
  for (std::size_t i = 0; i < finding.schedule.size(); ++i) {
    const ScheduleStep& step = finding.schedule[i];
    if (party == "thread " + step.thread || (step.task && party.starts_with("task ") && party.substr(5) == PartyName(*step.task))) steps.push_back(i + 1);
  }
  return steps;
}

namespace {

constexpr std::uint32_t kContextLines = 1;

std::string VerdictChip(Verdict verdict) {
  const char* css = verdict == Verdict::kClean ? "good" : verdict == Verdict::kWarnings || verdict == Verdict::kIncomplete ? "warn" : "bad";
  return std::string("<span class=\"chip ") + css + "\">" + std::string(VerdictName(verdict)) + "</span>";
}

std::string SeverityChip(const Finding& finding) {
  const std::string word = std::string(!finding.allowed.empty() ? "allowed " : finding.in_baseline ? "known " : "") + std::string(SeverityName(finding.severity));
  const char* css = !Counts(finding) || finding.severity == Severity::kNote ? "good" : finding.severity == Severity::kWarning ? "warn" : "bad";
  return std::string("<span class=\"chip ") + css + "\">" + word + "</span>";
}

std::string CodeOf(const std::string& text) {
  // What a message has between backquotes is code.
  std::string out;
  bool open = false;
  for (char c : MarkupEscaped(text)) {
    if (c != '`') out += c;
    else out += (open = !open) ? "<code>" : "</code>";
  }
  return open ? out + "</code>" : out;
}

}  // namespace

std::vector<HtmlWait> HtmlWaits(const HtmlFinding& finding) {
  std::vector<HtmlWait> waits;
  auto bold = [](const std::string& name) { return "<b>" + MarkupEscaped(name) + "</b>"; };
  for (const Wait& wait : finding.waits)
    waits.push_back({wait.who, wait.waits_for,
                     bold(wait.who) + " waits in <code>" + MarkupEscaped(wait.op + (wait.on ? " " + *wait.on : "")) + "</code> for " + bold(wait.waits_for) + ": " + CodeOf(wait.why)});
  // A thread that somebody waits for, and that a task blocks, waits with the task: this closes the cycle.
  for (const Wait& wait : finding.waits) {
    if (!wait.thread) continue;
    const std::string thread = "thread " + *wait.thread;
    const bool is_waited_for = std::any_of(finding.waits.begin(), finding.waits.end(), [&](const Wait& other) { return other.waits_for == thread; });
    if (is_waited_for && wait.who != thread) waits.push_back({thread, wait.who, bold(thread) + " is blocked by " + bold(wait.who) + ", which it polls"});
  }
  return waits;
}

namespace {

std::string StepsTable(const HtmlFinding& finding, const std::string& id) {
  const bool has_time = std::any_of(finding.schedule.begin(), finding.schedule.end(), [](const ScheduleStep& step) { return step.time_us != 0; });
  std::string out = std::string("<table><thead><tr><th>#</th>") + (has_time ? "<th>time</th>" : "") + "<th>thread</th><th>task</th><th>op</th><th>what happens</th><th>line</th></tr></thead><tbody>";
  for (std::size_t i = 0; i < finding.schedule.size(); ++i) {
    const ScheduleStep& step = finding.schedule[i];
    const std::string anchor = id + ".s" + std::to_string(i + 1);
    out += "<tr id=\"" + anchor + "\"" + HtmlSteps({i + 1}) + "><td><a href=\"#" + anchor + "\">" + std::to_string(step.step) + "</a></td>";
    if (has_time) out += "<td class=\"mono\">" + TimeText(step.time_us) + "</td>";
    out += "<td class=\"mono\">" + MarkupEscaped(step.thread) + "</td><td class=\"mono\">" + MarkupEscaped(PartyName(step.task.value_or(""))) + "</td><td class=\"mono\">" +
           MarkupEscaped(step.op + (step.on ? " " + *step.on : "")) + "</td><td>" + CodeOf(step.effect) + (step.in_loop ? " <span class=\"dim\">(repeats)</span>" : "") +
           "</td><td class=\"mono\">" + (step.line == 0 ? "" : std::to_string(step.line)) + "</td></tr>\n";
  }
  return out + "</tbody></table>";
}

std::vector<std::string_view> LinesOf(std::string_view source) {
  std::vector<std::string_view> lines;
  for (std::size_t begin = 0; begin < source.size();) {
    const std::size_t end = std::min(source.find('\n', begin), source.size());
    lines.push_back(source.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

// The lines that the finding and its steps are about; the script lights those of the current step.
std::string SourceLines(const HtmlFinding& finding, const ScenarioReport& scenario, const std::string& source) {
  const std::vector<std::string_view> lines = LinesOf(source);
  std::set<std::uint32_t> located, shown;
  for (const Location& location : finding.whole.locations)
    if (location.file == scenario.file) located.insert(location.place.line);
  std::set<std::uint32_t> wanted = located;
  for (const ScheduleStep& step : finding.schedule) wanted.insert(step.line);
  wanted.erase(0);
  for (std::uint32_t line : wanted)
    for (std::uint32_t near = line > kContextLines ? line - kContextLines : 1; near <= line + kContextLines && near <= lines.size(); ++near) shown.insert(near);
  if (shown.empty()) return "";
  std::string out = "<pre>";
  std::uint32_t last = 0;
  for (std::uint32_t line : shown) {
    if (last != 0 && line > last + 1) out += "<span class=\"dim\">⋮</span>";
    last = line;
    std::vector<std::uint64_t> steps;
    for (std::size_t i = 0; i < finding.schedule.size(); ++i)
      if (finding.schedule[i].line == line) steps.push_back(i + 1);
    std::string text;
    for (const Glyph& glyph : GlyphsOf(lines[line - 1].substr(0, lines[line - 1].find_last_not_of('\r') + 1))) text += glyph.text;
    out += std::string("<span") + (located.contains(line) ? " class=\"at\"" : "") + HtmlSteps(steps) + "><i>" + std::to_string(line) + "</i>" + MarkupEscaped(text) + "</span>";
  }
  return out + "</pre>";
}

std::string WaitList(const HtmlFinding& finding) {
  std::string out = "<ol>";
  for (const HtmlWait& wait : HtmlWaits(finding)) {
    std::vector<std::uint64_t> steps = StepsOfParty(finding, wait.from);
    if (steps.size() > 1) steps = {steps.back()};
    out += "<li" + HtmlSteps(steps) + ">" + wait.sentence + "</li>";
  }
  return out + "</ol>";
}

std::string More(const Finding& whole) {
  const std::string more = MoreWaits(whole.waits);
  return more.empty() ? "" : "<p class=\"dim\">" + more + "</p>";
}

std::string Legend(const std::string& id) {
  auto swatch = [](const std::string& attributes, const std::string& word) {
    return "<span><svg width=\"22\" height=\"12\"><rect " + attributes + " x=\"1\" y=\"1\" width=\"20\" height=\"10\" rx=\"3\"/></svg>" + word + "</span>";
  };
  return "<div class=\"legend\">" + swatch("class=\"run\"", "runs") + swatch("fill=\"url(#" + id + "-hatch)\"", "thread blocked") +
         swatch("class=\"wait\"", "ready or suspended") + swatch("class=\"touch\"", "object used") + "<span><kbd>←</kbd> <kbd>→</kbd> step</span></div>";
}

std::string FindingSection(const Finding& finding, const ScenarioReport& scenario, const std::string& source, const std::string& id) {
  const HtmlFinding shown{finding, ShownSteps(finding.schedule), ShownWaits(finding.waits)};
  std::string out = "<section class=\"finding\" id=\"" + id + "\" data-steps=\"" + std::to_string(shown.schedule.size()) + "\">\n" + SeverityChip(finding);
  out += "<span class=\"mono dim\">" + MarkupEscaped(finding.rule) + " · " + MarkupEscaped(finding.locations.empty() ? scenario.file : finding.locations[0].file);
  if (!finding.locations.empty()) {
    const Location& first = finding.locations[0];
    out += ":" + std::to_string(first.place.line) + ":" + std::to_string(first.place.column);
    if (!first.at.empty()) out += " (" + MarkupEscaped(first.at) + ")";
  }
  out += "</span>\n<h2>" + CodeOf(finding.message) + "</h2>\n<div class=\"facts\">" + Counted(finding.schedule.size(), "step");
  if (finding.end_states > 1) out += " · " + Counted(finding.end_states, "state") + " end like this";
  if (finding.others_progress) out += " · the rest of the program goes on";
  if (!finding.allowed.empty()) out += " · allowed: " + MarkupEscaped(finding.allowed);
  if (finding.confirmed)
    out += std::string(" · ") + (finding.confirmed->why_not.empty() ? "confirmed: " : "") + MarkupEscaped(ConfirmationText(*finding.confirmed));
  out += "</div>\n<div class=\"grid\">\n";
  if (!finding.schedule.empty())
    out += "<div class=\"card wide\"><h3>Timeline</h3>" + HtmlTimeline(shown, id) + Legend(id) + "</div>\n";
  if (!finding.schedule.empty()) out += "<div class=\"card\"><h3>Steps</h3>" + StepsTable(shown, id) + "</div>\n";
  out += "<div class=\"column\">";
  if (!finding.waits.empty()) out += "<div class=\"card\"><h3>Who waits for whom</h3>" + HtmlGraph(shown) + WaitList(shown) + More(finding) + "</div>\n";
  const std::string lines = SourceLines(shown, scenario, source);
  if (!lines.empty()) out += "<div class=\"card\"><h3>Scenario</h3>" + lines + "</div>\n";
  out += "</div>\n";
  out += "<div class=\"card wide\"><h3>Fix and reproduce</h3>";
  if (!finding.help.empty()) {
    out += "<ul>";
    for (const std::string& help : finding.help) out += "<li>" + CodeOf(help) + "</li>";
    out += "</ul>";
  }
  if (!finding.replay.empty())
    out += "<code class=\"command\">" + MarkupEscaped("asyncrt-check replay " + ShellWord(Printable(scenario.file)) + " --schedule " + ShellWord(Printable(finding.replay))) + "</code>";
  return out + "<code class=\"command\">" + MarkupEscaped("asyncrt-check explain " + finding.rule) + "</code></div>\n</div>\n</section>\n";
}

std::string ExploredText(const ScenarioReport& scenario) {
  if (scenario.verdict == Verdict::kInvalid) return "not explored";
  return Counted(scenario.explored.states, "state") + (scenario.explored.complete ? ", all explored" : ", " + StopText(scenario.explored));
}

std::string IndexRow(const ScenarioReport& scenario, std::size_t first_finding) {
  std::string out = "<tr><td>" + VerdictChip(scenario.verdict) + "</td><td class=\"mono\">" + MarkupEscaped(scenario.file) + "</td><td>";
  for (std::size_t i = 0; i < scenario.findings.size(); ++i)
    out += "<div><a class=\"mono\" href=\"#f" + std::to_string(first_finding + i) + "\">" + MarkupEscaped(scenario.findings[i].rule) + "</a></div>";
  for (const Diagnostic& diagnostic : scenario.diagnostics)
    out += "<div>" + (diagnostic.place.line == 0 ? "" : std::to_string(diagnostic.place.line) + ":" + std::to_string(diagnostic.place.column) + " ") +
           CodeOf(diagnostic.message + (diagnostic.hint.empty() ? "" : "; " + diagnostic.hint)) + "</div>";
  return out + "</td><td class=\"dim\">" + MarkupEscaped(ExploredText(scenario)) + "</td></tr>\n";
}

}  // namespace

std::string RenderHtml(const RunReport& report, const std::vector<std::string>& sources) {
  static const std::string kNoSource;
  std::string rows, sections;
  std::size_t count = 0;
  for (std::size_t i = 0; i < report.scenarios.size(); ++i) {
    const ScenarioReport& scenario = report.scenarios[i];
    rows += IndexRow(scenario, count + 1);
    for (const Finding& finding : scenario.findings)
      sections += FindingSection(finding, scenario, i < sources.size() ? sources[i] : kNoSource, "f" + std::to_string(++count));
  }
  const Summary& summary = report.summary;
  std::string out = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n";
  out += "<title>asyncrt-check: " + std::string(VerdictName(report.verdict)) + "</title>\n<style>" + kHtmlStyle + "</style>\n<main>\n<h1>" +
         VerdictChip(report.verdict) + "asyncrt-check</h1>\n<div class=\"facts\">" + Counted(summary.scenarios, "scenario") + " · " + Counted(summary.errors, "error") +
         " · " + Counted(summary.warnings, "warning") + " · " + Counted(summary.notes, "note");
  if (summary.incomplete != 0) out += " · " + Grouped(summary.incomplete) + " incomplete";
  if (summary.invalid != 0) out += " · " + Grouped(summary.invalid) + " invalid";
  out += " · version " + std::string(kToolVersion) + "</div>\n<div class=\"card\"><table><thead><tr><th>verdict</th><th>scenario</th><th>findings</th><th>explored</th></tr></thead><tbody>\n" +
         rows + "</tbody></table></div>\n" + sections + "</main>\n<script>" + kHtmlScript + "</script>\n</html>\n";
  return out;
}

}  // namespace asyncrt
