#include "core/report/read_report.h"

#include <algorithm>
#include <charconv>

#include "core/base/json_library.h"
#include "core/report/json_fields.h"

namespace asyncrt {
namespace {

using Value = nlohmann::json;

std::optional<std::string> MaybeTextOf(const Value& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? std::optional(it->get<std::string>()) : std::nullopt;
}

// "0s", "10ms", "1.5s", "250us", as reports write it.
std::int64_t MicrosecondsOf(const std::string& text) {
  std::int64_t whole = 0;
  const char* end = text.data() + text.size();
  const char* at = std::from_chars(text.data(), end, whole).ptr;
  std::int64_t digits = 0, scale = 1;
  if (at < end && *at == '.') {
    for (++at; at < end && *at >= '0' && *at <= '9' && scale < 1'000'000; ++at) {
      digits = digits * 10 + (*at - '0');
      scale *= 10;
    }
  }
  const std::string unit(at, end);
  const std::int64_t micros = unit == "s" ? 1'000'000 : unit == "ms" ? 1'000 : 1;
  if (whole < 0 || whole > INT64_MAX / 2'000'000) return 0;
  return whole * micros + digits * micros / scale;
}

Place PlaceOf(const Value& value) {
  Place place;
  place.line = static_cast<std::uint32_t>(CountOf(value, "line"));
  place.column = static_cast<std::uint32_t>(CountOf(value, "column"));
  return place;
}

Location LocationOf(const Value& value) {
  return {TextOf(value, "file"), PlaceOf(value), TextOf(value, "pointer"), TextOf(value, "at"), ""};
}

ScheduleStep StepOf(const Value& value) {
  ScheduleStep step;
  step.step = CountOf(value, "step");
  step.time_us = MicrosecondsOf(TextOf(value, "time"));
  step.thread = TextOf(value, "thread");
  step.task = MaybeTextOf(value, "task");
  step.op = TextOf(value, "op");
  step.on = MaybeTextOf(value, "on");
  step.pointer = TextOf(value, "pointer");
  step.line = static_cast<std::uint32_t>(CountOf(value, "line"));
  step.effect = TextOf(value, "effect");
  step.in_loop = IsTrue(value, "in_loop");
  return step;
}

Severity SeverityOf(const std::string& name) {
  return name == "note" ? Severity::kNote : name == "warning" ? Severity::kWarning : Severity::kError;
}

Verdict VerdictOf(const std::string& name) {
  for (Verdict verdict : {Verdict::kClean, Verdict::kWarnings, Verdict::kErrors, Verdict::kIncomplete})
    if (name == VerdictName(verdict)) return verdict;
  return Verdict::kInvalid;
}

Finding FindingOf(const Value& value) {
  Finding finding;
  finding.rule = TextOf(value, "rule");
  finding.severity = SeverityOf(TextOf(value, "severity"));
  finding.message = TextOf(value, "message");
  finding.fingerprint = TextOf(value, "fingerprint");
  finding.allowed = TextOf(value, "allowed");
  finding.in_baseline = IsTrue(value, "baseline");
  finding.others_progress = IsTrue(value, "others_progress");
  for (const Value* one : ListOf(value, "locations")) finding.locations.push_back(LocationOf(*one));
  for (const Value* one : ListOf(value, "waits"))
    finding.waits.push_back({TextOf(*one, "who"), MaybeTextOf(*one, "thread"), TextOf(*one, "op"), MaybeTextOf(*one, "on"),
                             TextOf(*one, "for"), TextOf(*one, "why")});
  for (const Value* one : ListOf(value, "schedule")) finding.schedule.push_back(StepOf(*one));
  finding.help = TextsOf(value, "help");
  finding.replay = TextOf(value, "replay");
  finding.end_states = CountOf(value, "end_states", 1);
  if (const auto it = value.find("confirmed"); it != value.end() && it->is_object())
    finding.confirmed = {TextOf(*it, "tokio"), TextOf(*it, "outcome"), TextOf(*it, "how"), CountOf(*it, "attempts"), TextOf(*it, "why_not")};
  return finding;
}

ScenarioReport ScenarioOf(const Value& value) {
  ScenarioReport scenario;
  scenario.name = TextOf(value, "name");
  scenario.file = TextOf(value, "file");
  scenario.verdict = VerdictOf(TextOf(value, "verdict"));
  if (const auto it = value.find("explored"); it != value.end() && it->is_object()) {
    Explored& explored = scenario.explored;
    explored.complete = IsTrue(*it, "complete");
    explored.states = CountOf(*it, "states");
    explored.transitions = CountOf(*it, "transitions");
    explored.depth = CountOf(*it, "depth");
    explored.tokio = TextOf(*it, "tokio");
    explored.exact = TextOf(*it, "scheduler") == "exact";
    explored.timing = TextsOf(*it, "timing");
    explored.limit = TextOf(*it, "limit");
    explored.collision_probability = NumberOf(*it, "collision_probability");
    explored.strategy = TextOf(*it, "strategy");
    explored.seed = CountOf(*it, "seed");
    explored.schedules = CountOf(*it, "schedules");
    explored.bug_depth = static_cast<int>(std::min<std::uint64_t>(CountOf(*it, "bug_depth"), 64));
    explored.guarantee = NumberOf(*it, "guarantee");
  }
  for (const Value* one : ListOf(value, "findings")) scenario.findings.push_back(FindingOf(*one));
  for (const Value* one : ListOf(value, "unreached")) scenario.unreached.push_back({LocationOf(*one), TextOf(*one, "op")});
  for (const Value* one : ListOf(value, "diagnostics")) {
    Diagnostic diagnostic;
    diagnostic.place = PlaceOf(*one);
    diagnostic.pointer = TextOf(*one, "pointer");
    diagnostic.message = TextOf(*one, "message");
    diagnostic.hint = TextOf(*one, "hint");
    scenario.diagnostics.push_back(std::move(diagnostic));
  }
  return scenario;
}

}  // namespace

std::optional<RunReport> ReadJsonReport(const std::string& text) {
  const Value root = Value::parse(text, nullptr, false, true);
  if (!root.is_object() || TextOf(root, "schema") != "asyncrt-check/report/1") return std::nullopt;
  RunReport report;
  report.verdict = VerdictOf(TextOf(root, "verdict"));
  if (const auto it = root.find("summary"); it != root.end() && it->is_object())
    report.summary = {CountOf(*it, "scenarios"), CountOf(*it, "errors"), CountOf(*it, "warnings"),
                      CountOf(*it, "notes"),     CountOf(*it, "incomplete"), CountOf(*it, "invalid")};
  for (const Value* one : ListOf(root, "scenarios")) report.scenarios.push_back(ScenarioOf(*one));
  if (const auto it = root.find("timing"); it != root.end() && it->is_object()) {
    report.timing = Speed{NumberOf(*it, "seconds"), CountOf(*it, "states_per_second")};
  }
  return report;
}

}  // namespace asyncrt
