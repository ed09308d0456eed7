#include <string>
#include <utility>
#include <vector>

#include "core/base/json_library.h"
#include "core/report/schema.h"

namespace asyncrt {
namespace {

using Value = nlohmann::ordered_json;

Value Text() { return {{"type", "string"}}; }
Value TextOrNull() { return {{"type", {"string", "null"}}}; }
Value Count() { return {{"type", "integer"}, {"minimum", 0}}; }
Value Boolean() { return {{"type", "boolean"}}; }
Value PlaceOrNull() { return {{"type", {"integer", "null"}}, {"minimum", 1}}; }
Value Words(std::vector<std::string> words) { return {{"enum", std::move(words)}}; }
Value ListOf(Value item) { return {{"type", "array"}, {"items", std::move(item)}}; }

Value Described(Value value, const char* doc) {
  value["description"] = doc;
  return value;
}

struct Property {
  const char* name;
  Value type;
  bool is_optional = false;
};

// Later versions may add properties, so others are not forbidden.
Value ObjectOf(std::vector<Property> list) {
  Value properties, required = Value::array();
  for (Property& property : list) {
    properties[property.name] = std::move(property.type);
    if (!property.is_optional) required.push_back(property.name);
  }
  Value out;
  out["type"] = "object";
  out["properties"] = std::move(properties);
  out["required"] = std::move(required);
  return out;
}

Value LocationSchema() {
  return ObjectOf({{"file", Text()},
                   {"line", Count()},
                   {"column", Described(Count(), "in code points, from 1")},
                   {"pointer", Described(Text(), "a JSON Pointer into the scenario")},
                   {"at", Described(TextOrNull(), "the place in the user's own code")}});
}

Value WaitSchema() {
  return ObjectOf({{"who", Text()},
                   {"thread", Described(TextOrNull(), "the OS thread that it occupies")},
                   {"op", Text()},
                   {"on", TextOrNull()},
                   {"for", Text()},
                   {"why", Text()}});
}

Value StepSchema() {
  return ObjectOf({{"step", Count()},
                   {"time", Described(Text(), "modelled time: 0s, 10ms, 1.5s")},
                   {"thread", Text()},
                   {"task", TextOrNull()},
                   {"op", Text()},
                   {"on", TextOrNull()},
                   {"pointer", Described(TextOrNull(), "null: a step of the runtime itself")},
                   {"line", PlaceOrNull()},
                   {"effect", Text()},
                   {"in_loop", Described(Boolean(), "part of the repeated part of an endless run"), true}});
}

Value ConfirmationSchema() {
  return ObjectOf({{"tokio", Described(TextOrNull(), "the release that it was tried on; null: none could be")},
                   {"outcome", Described(TextOrNull(), "hang, panic or refused by rustc; otherwise what was seen instead, null: nothing was run")},
                   {"how", Described(Words({"steered", "steered with delays", "steered with longer sleeps", "by chance", "compiler"}), "absent: it was not seen"), true},
                   {"attempts", Described(Count(), "runs until then")},
                   {"why_not", Described(Text(), "absent: the finding is confirmed"), true}});
}

Value FindingSchema() {
  return ObjectOf({{"rule", {{"type", "string"}, {"pattern", "^[a-z]+/[a-z-]+$"}}},
                   {"severity", Words({"note", "warning", "error"})},
                   {"message", Text()},
                   {"fingerprint", Described(Text(), "stable across runs and unrelated edits")},
                   {"allowed", Described(Text(), "the reason of the `allow` that matched"), true},
                   {"baseline", Described(Boolean(), "known to the `--baseline`: it does not count"), true},
                   {"others_progress", Described(Boolean(), "the rest of the program goes on"), true},
                   {"locations", ListOf(LocationSchema())},
                   {"waits", ListOf(WaitSchema())},
                   {"schedule", ListOf(StepSchema())},
                   {"help", ListOf(Text())},
                   {"replay", Described(Text(), "for `asyncrt-check replay`")},
                   {"end_states", Count()},
                   {"confirmed", Described(ConfirmationSchema(), "what `confirm` saw on real Tokio"), true}});
}

Value ExploredSchema() {
  Value out = ObjectOf({{"complete", Boolean()},
                        {"states", Count()},
                        {"transitions", Count()},
                        {"depth", Count()},
                        {"tokio", Text()},
                        {"scheduler", Described(Words({"exact"}), "absent: the atomic one"), true},
                        {"timing", ListOf(Words({"ideal", "adversarial"}))},
                        {"limit", TextOrNull()},
                        {"collision_probability", Described({{"type", "number"}}, "at most: that some state was taken for another one and left out")},
                        {"strategy", Described(Words({"bitstate", "random", "pct"}), "absent: exhaustive"), true},
                        {"seed", Described(Count(), "of random runs"), true},
                        {"schedules", Described(Count(), "random runs that were played"), true},
                        {"bug_depth", Described(Count(), "of pct: ordering constraints that a bug may need"), true},
                        {"guarantee", Described({{"type", "number"}}, "of pct: the least chance of one run to meet a bug of that depth"), true}});
  out["type"] = {"object", "null"};
  return Described(std::move(out), "null for an invalid scenario");
}

Value UnreachedSchema() {
  Value out = LocationSchema();
  out["properties"]["op"] = Text();
  out["required"].push_back("op");
  return out;
}

Value DiagnosticSchema() {
  return ObjectOf({{"line", PlaceOrNull()},
                   {"column", PlaceOrNull()},
                   {"pointer", Text()},
                   {"message", Text()},
                   {"hint", TextOrNull()}});
}

Value VerdictSchema() { return Words({"clean", "warnings", "errors", "incomplete", "invalid"}); }

}  // namespace

std::string ReportSchema() {
  Value scenario = ObjectOf({{"name", TextOrNull()},
                             {"file", Text()},
                             {"verdict", VerdictSchema()},
                             {"explored", ExploredSchema()},
                             {"findings", ListOf(FindingSchema())},
                             {"unreached", ListOf(UnreachedSchema())},
                             {"diagnostics", Described(ListOf(DiagnosticSchema()), "why it is invalid"), true}});
  Value timing = ObjectOf({{"seconds", {{"type", "number"}}}, {"states_per_second", Count()}});
  Value body = ObjectOf({{"schema", {{"const", "asyncrt-check/report/1"}}},
                         {"tool", ObjectOf({{"name", Text()}, {"version", Text()}})},
                         {"verdict", VerdictSchema()},
                         {"summary", ObjectOf({{"scenarios", Count()},
                                               {"errors", Count()},
                                               {"warnings", Count()},
                                               {"notes", Count()},
                                               {"incomplete", Count()},
                                               {"invalid", Count()}})},
                         {"scenarios", ListOf(std::move(scenario))},
                         {"timing", Described(std::move(timing), "with --timing only"), true}});
  Value out;
  out["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  out["title"] = "asyncrt-check report, version 1";
  out.update(body);
  return out.dump(2) + "\n";
}

}  // namespace asyncrt
