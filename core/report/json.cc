// The JSON report. The order of the keys here is the order in the output; it is part of the format.
#include <string>

#include "core/base/version.h"
#include "core/report/display.h"
#include "core/report/json_writer.h"
#include "core/report/render.h"

namespace asyncrt {
namespace {

// Rather more than a scenario will take.
std::size_t BytesOf(const ScenarioReport& scenario) {
  constexpr std::size_t kKeys = 400;   // of a step, with what stands before them
  std::size_t bytes = 4096;
  for (const Finding& finding : scenario.findings) {
    bytes += finding.replay.size();
    for (const ScheduleStep& step : finding.schedule) bytes += kKeys + step.pointer.size() + step.effect.size() + step.thread.size() + (step.on ? step.on->size() : 0) + (step.task ? step.task->size() : 0);
  }
  return bytes;
}

// The keys of a place, of an object that has begun.
void PutLocation(JsonWriter& out, const Location& location) {
  out.Text("file", location.file);
  out.Number("line", location.place.line);
  out.Number("column", location.place.column);
  out.Text("pointer", location.pointer);
  out.TextOrNull("at", location.at);
}

void PutWait(JsonWriter& out, const Wait& wait) {
  out.Begin('{');
  out.Text("who", wait.who);
  out.OptionalText("thread", wait.thread);
  out.Text("op", wait.op);
  out.OptionalText("on", wait.on);
  out.Text("for", wait.waits_for);
  out.Text("why", wait.why);
  out.End('}');
}

void PutStep(JsonWriter& out, const ScheduleStep& step) {
  out.Begin('{');
  out.Number("step", step.step);
  out.Text("time", TimeText(step.time_us));
  out.Text("thread", step.thread);
  out.OptionalText("task", step.task);
  out.Text("op", step.op);
  out.OptionalText("on", step.on);
  if (step.line == 0) {   // a step of the runtime itself stands nowhere in the file
    out.Null("pointer");
    out.Null("line");
  } else {
    out.Text("pointer", step.pointer);
    out.Number("line", step.line);
  }
  out.Text("effect", step.effect);
  if (step.in_loop) out.Bool("in_loop", true);
  out.End('}');
}

void PutConfirmation(JsonWriter& out, const Confirmation& confirmation) {
  out.Begin("confirmed", '{');
  out.TextOrNull("tokio", confirmation.tokio);
  out.TextOrNull("outcome", confirmation.outcome);
  if (!confirmation.how.empty()) out.Text("how", confirmation.how);
  out.Number("attempts", confirmation.attempts);
  if (!confirmation.why_not.empty()) out.Text("why_not", confirmation.why_not);
  out.End('}');
}

void PutFinding(JsonWriter& out, const Finding& finding) {
  out.Begin('{');
  out.Text("rule", finding.rule);
  out.Text("severity", SeverityName(finding.severity));
  out.Text("message", finding.message);
  out.Text("fingerprint", finding.fingerprint);
  if (!finding.allowed.empty()) out.Text("allowed", finding.allowed);
  if (finding.in_baseline) out.Bool("baseline", true);
  if (finding.others_progress) out.Bool("others_progress", true);
  out.List("locations", finding.locations, [&](const Location& location) {
    out.Begin('{');
    PutLocation(out, location);
    out.End('}');
  });
  out.List("waits", finding.waits, [&](const Wait& wait) { PutWait(out, wait); });
  out.List("schedule", finding.schedule, [&](const ScheduleStep& step) { PutStep(out, step); });
  out.List("help", finding.help, [&](const std::string& help) { out.Text(help); });
  out.Text("replay", finding.replay);
  out.Number("end_states", finding.end_states);
  if (finding.confirmed) PutConfirmation(out, *finding.confirmed);
  out.End('}');
}

void PutExplored(JsonWriter& out, const Explored& explored) {
  out.Begin('{');
  out.Bool("complete", explored.complete);
  out.Number("states", explored.states);
  out.Number("transitions", explored.transitions);
  out.Number("depth", explored.depth);
  out.Text("tokio", explored.tokio);
  if (explored.exact) out.Text("scheduler", "exact");
  out.List("timing", explored.timing, [&](const std::string& timing) { out.Text(timing); });
  out.TextOrNull("limit", explored.limit);
  out.Real("collision_probability", explored.collision_probability);
  if (!explored.strategy.empty()) out.Text("strategy", explored.strategy);
  if (!explored.strategy.empty() && explored.schedules != 0) {
    out.Number("seed", explored.seed);
    out.Number("schedules", explored.schedules);
    if (explored.bug_depth != 0) {
      out.Signed("bug_depth", explored.bug_depth);
      out.Real("guarantee", explored.guarantee);
    }
  }
  out.End('}');
}

void PutDiagnostic(JsonWriter& out, const Diagnostic& diagnostic) {
  out.Begin('{');
  if (diagnostic.place.line == 0) {
    out.Null("line");
    out.Null("column");
  } else {
    out.Number("line", diagnostic.place.line);
    out.Number("column", diagnostic.place.column);
  }
  out.Text("pointer", diagnostic.pointer);
  out.Text("message", diagnostic.message);
  out.TextOrNull("hint", diagnostic.hint);
  out.End('}');
}

void PutScenario(JsonWriter& out, const ScenarioReport& scenario) {
  const bool is_invalid = scenario.verdict == Verdict::kInvalid;
  out.Begin('{');
  out.TextOrNull("name", scenario.name);
  out.Text("file", scenario.file);
  out.Text("verdict", VerdictName(scenario.verdict));
  out.Key("explored");
  if (is_invalid) out.Null();
  else PutExplored(out, scenario.explored);
  out.List("findings", scenario.findings, [&](const Finding& finding) { PutFinding(out, finding); });
  out.List("unreached", scenario.unreached, [&](const Unreached& unreached) {
    out.Begin('{');
    out.Text("op", unreached.op);
    PutLocation(out, unreached.location);
    out.End('}');
  });
  if (is_invalid) out.List("diagnostics", scenario.diagnostics, [&](const Diagnostic& diagnostic) { PutDiagnostic(out, diagnostic); });
  out.End('}');
}

// What a report begins with, of an object that has begun.
void PutHead(JsonWriter& out, const RunReport& report) {
  out.Text("schema", "asyncrt-check/report/1");
  out.Begin("tool", '{');
  out.Text("name", kToolName);
  out.Text("version", kToolVersion);
  out.End('}');
  out.Text("verdict", VerdictName(report.verdict));
  out.Begin("summary", '{');
  out.Number("scenarios", report.summary.scenarios);
  out.Number("errors", report.summary.errors);
  out.Number("warnings", report.summary.warnings);
  out.Number("notes", report.summary.notes);
  out.Number("incomplete", report.summary.incomplete);
  out.Number("invalid", report.summary.invalid);
  out.End('}');
}

}  // namespace

std::string RenderJsonLine(const ScenarioReport& scenario) {
  JsonWriter out(JsonWriter::kOneLine, BytesOf(scenario));
  PutScenario(out, scenario);
  return out.Take() + "\n";
}

std::string RenderLastJsonLine(const RunReport& report) {
  JsonWriter out(JsonWriter::kOneLine);
  out.Begin('{');
  PutHead(out, report);
  out.End('}');
  return out.Take() + "\n";
}

std::string RenderJson(const RunReport& report) {
  std::size_t expected = 0;
  for (const ScenarioReport& scenario : report.scenarios) expected += BytesOf(scenario);
  JsonWriter out(2, expected);
  out.Begin('{');
  PutHead(out, report);
  out.List("scenarios", report.scenarios, [&](const ScenarioReport& scenario) { PutScenario(out, scenario); });
  if (report.timing) {
    out.Begin("timing", '{');
    out.Real("seconds", report.timing->seconds);
    out.Number("states_per_second", report.timing->states_per_second);
    out.End('}');
  }
  out.End('}');
  return out.Take() + "\n";
}

}  // namespace asyncrt
