// The JSON report. The order of the keys here is the order in the output; it is part of the format.
#include <string>

#include "core/base/json_library.h"
#include "core/base/version.h"
#include "core/report/display.h"
#include "core/report/render.h"

namespace asyncrt {
namespace {

using Value = nlohmann::ordered_json;

Value OrNull(const std::string& text) { return text.empty() ? Value(nullptr) : Value(text); }
Value OrNull(const std::optional<std::string>& text) { return text ? Value(*text) : Value(nullptr); }

Value LocationOf(const Location& location) {
  Value out;
  out["file"] = location.file;
  out["line"] = location.place.line;
  out["column"] = location.place.column;
  out["pointer"] = location.pointer;
  out["at"] = OrNull(location.at);
  return out;
}

Value WaitOf(const Wait& wait) {
  Value out;
  out["who"] = wait.who;
  out["thread"] = OrNull(wait.thread);
  out["op"] = wait.op;
  out["on"] = OrNull(wait.on);
  out["for"] = wait.waits_for;
  out["why"] = wait.why;
  return out;
}

Value StepOf(const ScheduleStep& step) {
  Value out;
  out["step"] = step.step;
  out["time"] = TimeText(step.time_us);
  out["thread"] = step.thread;
  out["task"] = OrNull(step.task);
  out["op"] = step.op;
  out["on"] = OrNull(step.on);
  // A step of the runtime itself stands nowhere in the file.
  out["pointer"] = step.line == 0 ? Value(nullptr) : Value(step.pointer);
  out["line"] = step.line == 0 ? Value(nullptr) : Value(step.line);
  out["effect"] = step.effect;
  if (step.in_loop) out["in_loop"] = true;
  return out;
}

template <class Item, class Function>
Value ListOf(const std::vector<Item>& items, Function function) {
  Value out = Value::array();
  for (const Item& item : items) out.push_back(function(item));
  return out;
}

Value ConfirmationOf(const Confirmation& confirmation) {
  Value out;
  out["tokio"] = OrNull(confirmation.tokio);
  out["outcome"] = OrNull(confirmation.outcome);
  if (!confirmation.how.empty()) out["how"] = confirmation.how;
  out["attempts"] = confirmation.attempts;
  if (!confirmation.why_not.empty()) out["why_not"] = confirmation.why_not;
  return out;
}

Value FindingOf(const Finding& finding) {
  Value out;
  out["rule"] = finding.rule;
  out["severity"] = SeverityName(finding.severity);
  out["message"] = finding.message;
  out["fingerprint"] = finding.fingerprint;
  if (!finding.allowed.empty()) out["allowed"] = finding.allowed;
  if (finding.in_baseline) out["baseline"] = true;
  if (finding.others_progress) out["others_progress"] = true;
  out["locations"] = ListOf(finding.locations, LocationOf);
  out["waits"] = ListOf(finding.waits, WaitOf);
  out["schedule"] = ListOf(finding.schedule, StepOf);
  out["help"] = finding.help.empty() ? Value::array() : Value(finding.help);
  out["replay"] = finding.replay;
  out["end_states"] = finding.end_states;
  if (finding.confirmed) out["confirmed"] = ConfirmationOf(*finding.confirmed);
  return out;
}

Value ExploredOf(const Explored& explored) {
  Value out;
  out["complete"] = explored.complete;
  out["states"] = explored.states;
  out["transitions"] = explored.transitions;
  out["depth"] = explored.depth;
  out["tokio"] = explored.tokio;
  if (explored.exact) out["scheduler"] = "exact";
  out["timing"] = explored.timing.empty() ? Value::array() : Value(explored.timing);
  out["limit"] = OrNull(explored.limit);
  out["collision_probability"] = explored.collision_probability;
  if (explored.strategy.empty()) return out;
  out["strategy"] = explored.strategy;
  if (explored.schedules == 0) return out;
  out["seed"] = explored.seed;
  out["schedules"] = explored.schedules;
  if (explored.bug_depth == 0) return out;
  out["bug_depth"] = explored.bug_depth;
  out["guarantee"] = explored.guarantee;
  return out;
}

Value UnreachedOf(const Unreached& unreached) {
  Value out;
  out["op"] = unreached.op;
  out.update(LocationOf(unreached.location));
  return out;
}

Value DiagnosticOf(const Diagnostic& diagnostic) {
  Value out;
  out["line"] = diagnostic.place.line == 0 ? Value(nullptr) : Value(diagnostic.place.line);
  out["column"] = diagnostic.place.line == 0 ? Value(nullptr) : Value(diagnostic.place.column);
  out["pointer"] = diagnostic.pointer;
  out["message"] = diagnostic.message;
  out["hint"] = OrNull(diagnostic.hint);
  return out;
}

Value ScenarioOf(const ScenarioReport& scenario) {
  const bool is_invalid = scenario.verdict == Verdict::kInvalid;
  Value out;
  out["name"] = OrNull(scenario.name);
  out["file"] = scenario.file;
  out["verdict"] = VerdictName(scenario.verdict);
  out["explored"] = is_invalid ? Value(nullptr) : ExploredOf(scenario.explored);
  out["findings"] = ListOf(scenario.findings, FindingOf);
  out["unreached"] = ListOf(scenario.unreached, UnreachedOf);
  if (is_invalid) out["diagnostics"] = ListOf(scenario.diagnostics, DiagnosticOf);
  return out;
}

Value SummaryOf(const RunReport& report) {
  Value summary;
  summary["scenarios"] = report.summary.scenarios;
  summary["errors"] = report.summary.errors;
  summary["warnings"] = report.summary.warnings;
  summary["notes"] = report.summary.notes;
  summary["incomplete"] = report.summary.incomplete;
  summary["invalid"] = report.summary.invalid;
  return summary;
}

std::string Line(const Value& value) { return JsonEscaped(value.dump(-1, ' ', false, Value::error_handler_t::replace)) + "\n"; }

}  // namespace

std::string RenderJsonLine(const ScenarioReport& scenario) { return Line(ScenarioOf(scenario)); }

std::string RenderLastJsonLine(const RunReport& report) {
  Value last;
  last["schema"] = "asyncrt-check/report/1";
  last["tool"]["name"] = kToolName;
  last["tool"]["version"] = kToolVersion;
  last["verdict"] = VerdictName(report.verdict);
  last["summary"] = SummaryOf(report);
  return Line(last);
}

std::string RenderJson(const RunReport& report) {
  Value out;
  out["schema"] = "asyncrt-check/report/1";
  out["tool"]["name"] = kToolName;
  out["tool"]["version"] = kToolVersion;
  out["verdict"] = VerdictName(report.verdict);
  out["summary"] = SummaryOf(report);
  out["scenarios"] = ListOf(report.scenarios, ScenarioOf);
  if (report.timing) {
    out["timing"]["seconds"] = report.timing->seconds;
    out["timing"]["states_per_second"] = report.timing->states_per_second;
  }
  // File names and texts of a broken scenario need not be UTF-8; the report must be.
  return JsonEscaped(out.dump(2, ' ', false, Value::error_handler_t::replace)) + "\n";
}

}  // namespace asyncrt
