#include <algorithm>
#include <string>
#include <vector>

#include "core/base/json_library.h"
#include "core/ops/op.h"
#include "core/report/schema.h"

namespace asyncrt {
namespace {

using Value = nlohmann::ordered_json;

Value Use(const char* definition) { return {{"$ref", std::string("#/$defs/") + definition}}; }
Value ListOf(Value item) { return {{"type", "array"}, {"items", std::move(item)}}; }
Value Text(const char* doc) { return {{"type", "string"}, {"description", doc}}; }
Value Boolean(const char* doc) { return {{"type", "boolean"}, {"description", doc}}; }
Value Integer(std::int64_t least) { return {{"type", "integer"}, {"minimum", least}}; }
Value Words(std::vector<std::string> words) { return {{"enum", std::move(words)}}; }

Value Described(Value value, const std::string& doc) {
  value["description"] = doc;
  return value;
}

// An object that has these properties, those that begin with `x-`, and no others.
Value ObjectOf(Value properties, const std::vector<std::string>& required) {
  Value out;
  out["type"] = "object";
  out["properties"] = std::move(properties);
  if (!required.empty()) out["required"] = required;
  out["patternProperties"]["^x-"] = true;
  out["additionalProperties"] = false;
  return out;
}

Value BranchesOf(std::string_view verb) {
  if (verb == "select") return ListOf(Use("select_branch"));
  if (verb == "join") return ListOf({{"anyOf", {Use("body"), Use("ref")}}});
  return ListOf(Use("body"));
}

Value TypeOf(Field field, std::string_view verb) {
  switch (field) {
    case Field::kOn:
    case Field::kPermit:
    case Field::kFuture:
    case Field::kMutex: return Use("ref");
    case Field::kAs:
    case Field::kRun:
    case Field::kInto:
    case Field::kLocal:
    case Field::kVar: return Use("name");
    case Field::kBody:
    case Field::kOr:
    case Field::kElse:
    case Field::kThen:
    case Field::kDropBody: return Use("body");
    case Field::kClone:
    case Field::kBorrow:
    case Field::kWith: return ListOf(Use("ref"));
    case Field::kCount:
    case Field::kBytes: return Integer(1);
    case Field::kPermits: return Integer(0);
    case Field::kFor:
    case Field::kAfter: return Use("duration");
    case Field::kValue:
    case Field::kExpected:
    case Field::kCond:
    case Field::kTo:
    case Field::kTimes: return Use("expression");
    case Field::kBranches: return BranchesOf(verb);
    case Field::kAwait: return Use("awaited");
    case Field::kMessage: return {{"type", "string"}};
    case Field::kDetached:
    case Field::kBiased:
    case Field::kTry:
    case Field::kFair:
    case Field::kShared:
    case Field::kSend:
    case Field::kEnable: return {{"type", "boolean"}};
  }
  return true;
}

bool HasField(const OpDef& row, Field field, bool is_required) {
  return std::any_of(row.fields.begin(), row.fields.end(),
                     [&](const FieldUse& use) { return use.field == field && (use.required || !is_required); });
}

// One verb can stand on several kinds, which the schema cannot tell apart: it takes the fields of all of them.
Value OpSchema(std::string_view verb) {
  const std::vector<const OpDef*> rows = OpsWithVerb(verb);
  Value properties;
  properties["op"]["const"] = verb;
  std::vector<std::string> required = {"op"};
  std::string description;
  bool has_body_and_run = false, has_body_and_await = false;
  for (const OpDef* row : rows) {
    const std::string on = row->kind == Kind::kNone ? "" : std::string(KindName(row->kind)) + ": ";
    description +=
        (description.empty() ? "" : "\n") + on + std::string(row->summary) + " (" + std::string(row->models) + ")";
    const bool has_body = HasField(*row, Field::kBody, false);
    has_body_and_run |= has_body && HasField(*row, Field::kRun, false);
    has_body_and_await |= has_body && HasField(*row, Field::kAwait, false);
    for (const FieldUse& use : row->fields) {
      const std::string key(FieldKey(use.field));
      if (properties.contains(key)) continue;
      properties[key] = Described(TypeOf(use.field, verb), std::string(use.doc));
      const bool is_required_by_all =
          std::all_of(rows.begin(), rows.end(), [&](const OpDef* other) { return HasField(*other, use.field, true); });
      if (is_required_by_all) required.push_back(key);
    }
  }
  properties["at"] = Text("where the user's own code does this, \"src/file.rs:12\"");
  properties["note"] = Text("shown in reports");
  Value out = ObjectOf(std::move(properties), required);
  const auto either = [&](const char* a, const char* b) { out["oneOf"] = {{{"required", {a}}}, {{"required", {b}}}}; };
  if (has_body_and_run) either("body", "run");
  if (has_body_and_await) either("body", "await");
  return Described(std::move(out), description);
}

struct KindFields {
  Kind kind;
  std::vector<std::string> fields;
};

const std::vector<KindFields>& ObjectKinds() {
  static const std::vector<KindFields> table = {
      {Kind::kStdMutex, {"holds"}},
      {Kind::kStdRwlock, {"holds", "policy"}},
      {Kind::kStdCondvar, {}},
      {Kind::kStdChannel, {"capacity"}},
      {Kind::kStdBarrier, {"parties"}},
      {Kind::kStdOnce, {}},
      {Kind::kValue, {"drop", "shared", "send"}},
      {Kind::kAtomic, {"value"}},
      {Kind::kCell, {"value"}},
      {Kind::kMutex, {"holds"}},
      {Kind::kRwlock, {"holds"}},
      {Kind::kSemaphore, {"permits"}},
      {Kind::kNotify, {}},
      {Kind::kOneshot, {}},
      {Kind::kMpsc, {"capacity"}},
      {Kind::kBroadcast, {"capacity"}},
      {Kind::kWatch, {"value"}},
      {Kind::kBarrier, {"parties"}},
      {Kind::kOnceCell, {}},
      {Kind::kCancellationToken, {"parent"}},
      {Kind::kJoinSet, {}},
      {Kind::kFuturesUnordered, {"limit"}},
      {Kind::kLocalSet, {}},
      {Kind::kIo, {"buffer"}},
  };
  return table;
}

Value ObjectField(const std::string& field) {
  if (field == "holds") return Described(ListOf(Use("ref")), "values that can be used only under the guard");
  if (field == "policy") {
    return Described(Words({"any", "writers_first", "readers_first"}), "who goes first; std promises nothing");
  }
  if (field == "capacity") return Described(Integer(0), "absent: unbounded; std_channel: 0 is a rendezvous");
  if (field == "drop") return Described(Use("body"), "a sync body: the destructor");
  if (field == "shared") return Boolean("the value is in an `Arc` and can be cloned");
  if (field == "send") return Boolean("the value is `Send` (default true)");
  if (field == "value") return {{"type", "integer"}, {"description", "the value at the start"}};
  if (field == "parent") return Described(Use("name"), "the token whose cancellation cancels this one");
  if (field == "parties") return Described(Integer(0), "how many have to arrive");
  if (field == "permits") return Described(Integer(0), "how many permits there are at the start");
  if (field == "limit") return Described(Integer(0), "how many are polled at a time");
  return Described(Integer(0), "in bytes; absent: unbounded");
}

Value ObjectSchema() {
  Value kinds = Value::array();
  for (const KindFields& row : ObjectKinds()) {
    Value properties;
    properties["kind"]["const"] = KindName(row.kind);
    properties["count"] = Described(Integer(1), "makes an array of so many");
    for (const std::string& field : row.fields) properties[field] = ObjectField(field);
    kinds.push_back(ObjectOf(std::move(properties), {"kind"}));
  }
  return {{"oneOf", std::move(kinds)}};
}

Value RuntimeSchema() {
  Value properties;
  properties["flavor"] = Words({"multi_thread", "current_thread"});
  properties["worker_threads"] = Described(Integer(0), "required for multi_thread");
  properties["max_blocking_threads"] = Described(Integer(0), "the cap of the blocking pool (default 512)");
  properties["enable_time"] = Boolean("the timer driver (default true)");
  properties["enable_io"] = Boolean("the I/O driver (default true)");
  properties["shared"] = Boolean("the value is an `Arc<Runtime>` (default false)");
  properties["event_interval"] = Integer(0);
  properties["global_queue_interval"] = Integer(0);
  properties["disable_lifo_slot"] = Boolean("as in Tokio's `Builder`");
  Value out = ObjectOf(std::move(properties), {"flavor"});
  out["if"] = {{"properties", {{"flavor", {{"const", "multi_thread"}}}}}};
  out["then"] = {{"required", {"worker_threads"}}};
  return out;
}

Value ExpectSchema() {
  const Value rules = Described(ListOf({{"anyOf", {Use("rule"), ListOf(Use("rule"))}}}),
                                "the exact set of rules; a list in it means any one of its rules");
  Value version = ObjectOf({{"errors", rules}, {"warnings", rules}}, {});
  Value properties = {{"errors", rules}, {"warnings", rules}};
  properties["tokio"] = {{"type", "object"},
                         {"description", "overrides for a Tokio version"},
                         {"additionalProperties", std::move(version)}};
  return ObjectOf(std::move(properties), {});
}

Value AllowSchema() {
  Value properties;
  properties["rule"] = Use("rule");
  properties["on"] = Text("the object, task, thread or runtime");
  properties["reason"] = Text("why it is accepted");
  return ListOf(ObjectOf(std::move(properties), {"rule", "reason"}));
}

Value Definitions() {
  Value defs;
  defs["name"] = {{"type", "string"}, {"pattern", "^[A-Za-z_][A-Za-z0-9_]*$"}};
  defs["ref"] = Text("a name, one end of it (`ch.tx`), one of an array (`forks[$index]`)");
  defs["ref"]["minLength"] = 1;
  defs["duration"] = {{"type", "string"}, {"pattern", "^[0-9]+(\\.[0-9]+)?(us|ms|s|m)$"}};
  defs["expression"] = {{"type", {"string", "integer"}}};
  defs["rule"] = {{"type", "string"}, {"pattern", "^[a-z]+/([a-z-]+|\\*)$"}};
  defs["body"] = ListOf(Use("op"));
  defs["awaited"] = {{"anyOf", {Use("op"), Use("body"), Use("ref")}}};
  Value branch;
  branch["await"] = Use("awaited");
  branch["then"] = Use("body");
  branch["if"] = Use("expression");
  defs["select_branch"] = ObjectOf(std::move(branch), {"await"});
  defs["runtime"] = RuntimeSchema();
  defs["object"] = ObjectSchema();
  Value names = Value::array();
  for (const OpDef& row : AllOps()) {
    const std::string name = "op_" + std::string(row.verb);
    if (defs.contains(name)) continue;
    defs[name] = OpSchema(row.verb);
    names.push_back(Use(name.c_str()));
  }
  defs["op"]["oneOf"] = std::move(names);
  return defs;
}

Value MapOf(const char* definition, const char* doc) {
  Value out;
  out["type"] = "object";
  out["description"] = doc;
  out["propertyNames"] = Use("name");
  out["additionalProperties"] = Use(definition);
  return out;
}

}  // namespace

std::string ScenarioSchema() {
  Value properties;
  properties["$schema"] = {{"type", "string"}};
  properties["name"] = {
      {"type", "string"}, {"pattern", "^[a-z0-9]+(-[a-z0-9]+)*$"}, {"description", "kebab-case, unique in one run"}};
  properties["about"] = Text("what is being checked");
  properties["source"] = Text("where the pattern comes from");
  properties["runtimes"] = MapOf("runtime", "the Tokio runtimes");
  properties["objects"] = MapOf("object", "locks, channels and other things");
  properties["bodies"] = MapOf("body", "named op lists, used by `run`");
  properties["main"] = Described(Use("body"), "what the main thread does (a sync body)");
  properties["timing"] = Described(Words({"both", "ideal", "adversarial"}), "under which timing it is judged");
  properties["thresholds"] = ObjectOf({{"blocking", Use("duration")}, {"starvation", Use("duration")}}, {});
  properties["tokio"] = Text("the Tokio version whose rules apply");
  properties["expect"] = Described(ExpectSchema(), "what a check must find");
  properties["allow"] = Described(AllowSchema(), "findings that are accepted");
  Value body = ObjectOf(std::move(properties), {"name", "main"});
  Value out;
  out["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  out["title"] = "asyncrt-check scenario, version 1";
  out.update(body);
  out["$defs"] = Definitions();
  return out.dump(2) + "\n";
}

}  // namespace asyncrt
