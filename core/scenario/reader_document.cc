// The document: its keys, runtimes, objects, `expect` and `allow`.
#include <algorithm>
#include <set>
#include <utility>

#include "core/base/spelling.h"
#include "core/detect/rule_names.h"
#include "core/scenario/expr.h"
#include "core/scenario/json_reader.h"
#include "core/scenario/reader.h"
#include "core/scenario/tokio_versions.h"

namespace asyncrt {
namespace {

constexpr std::int64_t kElementsMax = 10'000;
// Of all objects: a state with more than that is too large to be searched.
constexpr std::int64_t kElementsTotalMax = 131'072;

const std::vector<std::string> kDocumentKeys = {"name", "about",  "source",     "runtimes", "objects", "bodies",
                                                "main", "timing", "thresholds", "tokio",    "expect",  "allow"};
const std::vector<std::string> kRuntimeKeys = {
    "flavor", "worker_threads", "max_blocking_threads",  "enable_time",      "enable_io",
    "shared", "event_interval", "global_queue_interval", "disable_lifo_slot"};

struct KindFields {
  Kind kind;
  std::vector<std::string> fields;
  std::string required;
};

// Section 4 of the language: the declarable kinds and their fields, besides `kind` and `count`.
const std::vector<KindFields>& ObjectKinds() {
  static const std::vector<KindFields> kinds = {
      {Kind::kStdMutex, {"holds"}, ""},
      {Kind::kStdRwlock, {"holds", "policy"}, ""},
      {Kind::kStdCondvar, {}, ""},
      {Kind::kStdChannel, {"capacity"}, ""},
      {Kind::kStdBarrier, {"parties"}, "parties"},
      {Kind::kStdOnce, {}, ""},
      {Kind::kValue, {"drop", "shared", "send"}, ""},
      {Kind::kAtomic, {"value"}, ""},
      {Kind::kCell, {"value"}, ""},
      {Kind::kMutex, {"holds"}, ""},
      {Kind::kRwlock, {"holds"}, ""},
      {Kind::kSemaphore, {"permits"}, "permits"},
      {Kind::kNotify, {}, ""},
      {Kind::kOneshot, {}, ""},
      {Kind::kMpsc, {"capacity"}, ""},
      {Kind::kBroadcast, {"capacity"}, "capacity"},
      {Kind::kWatch, {"value"}, ""},
      {Kind::kBarrier, {"parties"}, "parties"},
      {Kind::kOnceCell, {}, ""},
      {Kind::kCancellationToken, {"parent"}, ""},
      {Kind::kJoinSet, {}, ""},
      {Kind::kFuturesUnordered, {"limit"}, ""},
      {Kind::kLocalSet, {}, ""},
      {Kind::kIo, {"buffer"}, ""},
  };
  return kinds;
}

bool IsKebabCase(const std::string& text) {
  bool after_dash = true;
  for (char byte : text) {
    const bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
    if (!is_plain && (byte != '-' || after_dash)) return false;
    after_dash = byte == '-';
  }
  return !text.empty() && !after_dash;
}

}  // namespace

void Reader::ReadDocument() {
  const Json& document = *scenario_.document;
  if (!IsObject(document, "a scenario")) return;
  CheckKeys(document, kDocumentKeys, "a scenario");
  ReadHeader(document);
  CollectNames(document);
  if (const Json* bodies = document.Find("bodies")) DeclareBodies(*bodies);
  // In the order of the text: it is the order in which main owns what it declares.
  for (const Json::Member& member : document.members) {
    if (member.key == "runtimes") DeclareRuntimes(member.value);
    if (member.key == "objects") DeclareObjects(member.value);
  }
  if (is_stopped_) return;
  // Contents come second, since an object may name one that is declared after it.
  if (const Json* objects = document.Find("objects"); objects != nullptr && objects->kind == Json::Kind::kObject) {
    for (Object& object : scenario_.objects) {
      if (!GoesOn(*object.node)) break;
      ReadObject(*object.node, object);
    }
    for (Object& object : scenario_.objects) {
      deadline_.Step();
      const Json* holds = object.node->Find("holds");
      const bool is_lock = object.kind == Kind::kStdMutex || object.kind == Kind::kStdRwlock ||
                           object.kind == Kind::kMutex || object.kind == Kind::kRwlock;
      if (holds != nullptr && is_lock) ReadHolds(*holds, object);
    }
    CheckParents();
    for (Object& object : scenario_.objects) {
      const Json* drop = object.node->Find("drop");
      if (drop == nullptr || object.kind != Kind::kValue) continue;
      Context context;
      context.shared_only = true;
      context.in_copies = object.is_array;
      context.moved_depth = 1;
      object.drop = ReadBody(*drop, context);
    }
  }
  if (const Json* main = document.Find("main")) {
    scenario_.main = std::move(*ReadBody(*main, Context{}));
  } else {
    FailMissing(document, "main", "a scenario");
  }
  ReadUnusedBodies();
  CheckMessages();
  if (const Json* expect = document.Find("expect")) ReadExpect(*expect);
  if (const Json* allow = document.Find("allow")) ReadAllow(*allow);
}

void Reader::ReadHeader(const Json& document) {
  if (const Json* name = document.Find("name")) {
    if (ReadString(*name, scenario_.name) && !IsKebabCase(scenario_.name)) {
      diagnostics_.Add(*name, "`" + scenario_.name + "` is not kebab-case",
                       "a scenario's name is small letters and digits, with single `-` between words");
    }
  } else {
    FailMissing(document, "name", "a scenario");
  }
  if (const Json* about = document.Find("about")) ReadString(*about, scenario_.about);
  if (const Json* source = document.Find("source")) ReadString(*source, scenario_.source);
  if (const Json* timing = document.Find("timing")) {
    std::string word;
    if (ReadString(*timing, word)) {
      const std::vector<std::string> words = {"both", "ideal", "adversarial"};
      if (std::find(words.begin(), words.end(), word) == words.end()) {
        const std::string nearest = NearestName(word, words);
        diagnostics_.Add(*timing, "unknown timing `" + word + "`",
                         nearest.empty() ? "it is " + ListNames(words, "or") : "did you mean `" + nearest + "`?");
      }
      scenario_.ideal = word != "adversarial";
      scenario_.adversarial = word != "ideal";
    }
  }
  if (const Json* thresholds = document.Find("thresholds")) ReadThresholds(*thresholds);
  if (const Json* tokio = document.Find("tokio")) scenario_.tokio = ReadVersion(*tokio);
}

void Reader::ReadThresholds(const Json& node) {
  if (!IsObject(node, "thresholds")) return;
  CheckKeys(node, {"blocking", "starvation"}, "`thresholds`");
  if (const Json* blocking = node.Find("blocking")) {
    scenario_.blocking_threshold = ReadDuration(*blocking).value_or(scenario_.blocking_threshold);
  }
  if (const Json* starvation = node.Find("starvation")) {
    scenario_.starvation_threshold = ReadDuration(*starvation).value_or(scenario_.starvation_threshold);
  }
}

std::string Reader::ReadVersion(const Json& node) {
  if (node.kind != Json::Kind::kString) {
    FailType(node, "a Tokio version such as \"1.44\"");
    return "";
  }
  return CheckVersion(node.text, node, node.place);
}

std::string Reader::CheckVersion(const std::string& version, const Json& where, const Place& place) {
  if (IsTokioVersion(version)) return version;
  diagnostics_.AddAt(place, where.pointer, "unknown Tokio version `" + version + "`",
                     "known are " + ListNames(TokioVersions(), "and"));
  return "";
}

// ---- runtimes

// A key that becomes a name: of a runtime, an object or a body.
bool Reader::CheckNewName(const Json::Member& member, std::string_view what) {
  const std::string& name = member.key;
  std::string message;
  std::string hint;
  if (!IsName(name)) {
    message = "`" + name + "` is no name";
    hint = "a name is letters, digits and `_`, and does not begin with a digit";
  } else if (const Name* earlier = names_.Find(name)) {
    message = "`" + name + "` already names " + KindWithArticle(earlier->kind);
    hint = "declared at " + LineAndColumn(earlier->place);
  } else if (what == "a runtime" && (name == "current" || name == "futures")) {
    message = "no runtime can be called `" + name + "`";
    hint = "`block_on` gives that word a meaning of its own";
  }
  if (message.empty()) return true;
  diagnostics_.AddAt(member.key_place, member.value.pointer, message, hint);
  return false;
}

void Reader::DeclareRuntimes(const Json& node) {
  if (!IsObject(node, "a runtime for each name")) return;
  for (const Json::Member& member : node.members) {
    if (!GoesOn(member.value)) break;
    if (!IsIgnoredKey(member.key) && CheckNewName(member, "a runtime")) ReadRuntime(member);
  }
}

void Reader::ReadRuntime(const Json::Member& member) {
  const Json& node = member.value;
  Runtime runtime;
  runtime.name = member.key;
  runtime.node = &node;
  Name name;
  name.kind = Kind::kRuntime;
  name.is_declared = true;
  name.place = member.key_place;
  if (IsObject(node, "a runtime")) {
    CheckKeys(node, kRuntimeKeys, "a runtime");
    const Json* flavor = node.Find("flavor");
    std::string word;
    if (flavor == nullptr) {
      FailMissing(node, "flavor", "a runtime");
    } else if (ReadString(*flavor, word)) {
      const std::vector<std::string> words = {"multi_thread", "current_thread"};
      if (std::find(words.begin(), words.end(), word) == words.end()) {
        const std::string nearest = NearestName(word, words);
        diagnostics_.Add(*flavor, "unknown flavor `" + word + "`",
                         nearest.empty() ? "it is " + ListNames(words, "or") : "did you mean `" + nearest + "`?");
      }
      runtime.multi_thread = word == "multi_thread";
    }
    const auto read_count = [&](const char* key, std::int64_t& out) {
      if (const Json* value = node.Find(key)) out = ReadInteger(*value, 0, 1'000'000).value_or(out);
    };
    const auto read_flag = [&](const char* key, bool& out) {
      if (const Json* value = node.Find(key)) ReadBool(*value, out);
    };
    if (runtime.multi_thread && node.Find("worker_threads") == nullptr) {
      diagnostics_.AddAt(Opening(node), node.pointer, "a `multi_thread` runtime needs `worker_threads`",
                         "Tokio's own default is the number of cores: say how many are checked");
    }
    read_count("worker_threads", runtime.worker_threads);
    read_count("max_blocking_threads", runtime.max_blocking_threads);
    read_count("event_interval", runtime.event_interval);
    read_flag("enable_time", runtime.enable_time);
    read_flag("enable_io", runtime.enable_io);
    read_flag("shared", runtime.shared);
    read_flag("disable_lifo_slot", runtime.disable_lifo_slot);
    if (const Json* interval = node.Find("global_queue_interval")) {
      runtime.global_queue_interval = ReadInteger(*interval, 0, 1'000'000);
    }
    name.is_shared = runtime.shared;
  }
  names_.Declare(member.key, std::move(name));
  scenario_.declaration_order.push_back(static_cast<std::int64_t>(scenario_.runtimes.size()));
  runtime_index_[member.key] = scenario_.runtimes.size();
  scenario_.runtimes.push_back(std::move(runtime));
}

// ---- objects

void Reader::DeclareObjects(const Json& node) {
  if (!IsObject(node, "an object for each name")) return;
  for (const Json::Member& member : node.members) {
    if (!GoesOn(member.value)) return;
    if (IsIgnoredKey(member.key) || !CheckNewName(member, "an object")) continue;
    Object object;
    object.name = member.key;
    object.node = &member.value;
    Name name;
    name.is_declared = true;
    name.place = member.key_place;
    std::string word;
    const Json* kind = nullptr;
    if (IsObject(member.value, "with a `kind`")) {
      kind = member.value.Find("kind");
      if (kind == nullptr) FailMissing(member.value, "kind", "an object");
    }
    if (kind != nullptr && ReadString(*kind, word)) {
      std::vector<std::string> words;
      for (const KindFields& known : ObjectKinds()) {
        words.emplace_back(KindName(known.kind));
        if (words.back() == word) object.kind = known.kind;
      }
      if (object.kind == Kind::kNone) {
        const std::string nearest = NearestName(word, words);
        diagnostics_.Add(*kind, "unknown kind `" + word + "`",
                         nearest.empty() ? "there are " + ListNames(words, "and") : "did you mean `" + nearest + "`?");
      }
    }
    if (const Json* count = member.value.Find("count")) {
      object.is_array = true;
      object.count = ReadInteger(*count, 1, kElementsMax).value_or(1);
    }
    element_count_ += object.count;
    if (element_count_ > kElementsTotalMax) {
      diagnostics_.AddAt(member.key_place, member.value.pointer,
                         "the scenario has more than " + std::to_string(kElementsTotalMax) + " objects",
                         "each element of an array counts");
      is_stopped_ = true;
      return;
    }
    if (const Json* shared = member.value.Find("shared")) name.is_shared = shared->boolean;
    name.kind = object.kind;
    name.is_array = object.is_array;
    name.count = object.count;
    names_.Declare(member.key, std::move(name));
    scenario_.declaration_order.push_back(-1 - static_cast<std::int64_t>(scenario_.objects.size()));
    object_index_[member.key] = scenario_.objects.size();
    scenario_.objects.push_back(std::move(object));
  }
}

void Reader::ReadObject(const Json& node, Object& object) {
  const auto row = std::find_if(ObjectKinds().begin(), ObjectKinds().end(),
                                [&object](const KindFields& known) { return known.kind == object.kind; });
  if (row == ObjectKinds().end()) return;
  std::vector<std::string> keys = row->fields;
  keys.insert(keys.begin(), "kind");
  keys.emplace_back("count");
  const std::string what = KindWithArticle(object.kind);
  CheckKeys(node, keys, what);
  if (!row->required.empty() && node.Find(row->required) == nullptr) FailMissing(node, row->required, what);
  for (const std::string& field : row->fields) {
    const Json* value = node.Find(field);
    if (value == nullptr) continue;
    if (field == "capacity") {
      object.capacity = ReadInteger(*value, 0);
    } else if (field == "limit") {
      object.limit = ReadInteger(*value, 0);
    } else if (field == "buffer") {
      object.buffer = ReadInteger(*value, 0);
    } else if (field == "permits") {
      object.permits = ReadInteger(*value, 0).value_or(0);
    } else if (field == "parties") {
      object.parties = ReadInteger(*value, 0).value_or(0);
    } else if (field == "value") {
      object.value = ReadInteger(*value, std::numeric_limits<std::int64_t>::min()).value_or(0);
    } else if (field == "shared") {
      ReadBool(*value, object.shared);
    } else if (field == "send") {
      ReadBool(*value, object.send);
    } else if (field == "parent") {
      object.parent = ReadNameOf(*value, Kind::kCancellationToken).value_or("");
    } else if (field == "policy") {
      const std::vector<std::string> words = {"any", "writers_first", "readers_first"};
      std::string word;
      if (!ReadString(*value, word)) continue;
      if (std::find(words.begin(), words.end(), word) == words.end()) {
        const std::string nearest = NearestName(word, words);
        diagnostics_.Add(*value, "unknown policy `" + word + "`",
                         nearest.empty() ? "it is " + ListNames(words, "or") : "did you mean `" + nearest + "`?");
      }
      object.policy = word == "writers_first"   ? Object::Policy::kWritersFirst
                      : word == "readers_first" ? Object::Policy::kReadersFirst
                                                : Object::Policy::kAny;
    }
  }
}

void Reader::ReadHolds(const Json& node, Object& lock) {
  if (!IsList(node, "names")) return;
  Context context;
  context.in_copies = lock.is_array;
  std::vector<Ref> holds;
  for (const Json& item : node.items) {
    if (!GoesOn(item)) break;
    std::optional<Ref> ref = ReadRef(item, Use::kMany, context);
    if (!ref || !CheckEndSaid(*ref, item, "holds")) continue;
    if (ref->name == lock.name) {
      diagnostics_.Add(item, "`" + lock.name + "` cannot hold itself");
      continue;
    }
    if (ref->part == Ref::Part::kHandle) {
      diagnostics_.Add(item, "a handle is owned by nobody and cannot be held");
      continue;
    }
    const std::string key = KeyOf(*ref);
    const auto [holder, is_new] = holder_.emplace(key, lock.name);
    if (!is_new && (holder->second != lock.name || !ref->index)) {
      diagnostics_.Add(item, "`" + key + "` is already inside `" + holder->second + "`");
    }
    holds.push_back(std::move(*ref));
  }
  lock.holds = std::move(holds);
}

// A token that is its own ancestor would never be cancelled from above; Tokio cannot build it.
void Reader::CheckParents() {
  std::set<std::string> judged;
  for (const Object& object : scenario_.objects) {
    std::set<std::string> line;
    const Object* token = &object;
    while (!token->parent.empty() && judged.count(token->name) == 0) {
      deadline_.Step();
      if (!line.insert(token->name).second) {
        diagnostics_.Add(*token->node->Find("parent"), "`" + token->name + "` is its own ancestor");
        break;
      }
      token = &scenario_.objects[object_index_[token->parent]];
    }
    judged.merge(line);
  }
}

// ---- named bodies

void Reader::DeclareBodies(const Json& node) {
  if (!IsObject(node, "a list of ops for each name")) return;
  for (const Json::Member& member : node.members) {
    if (!GoesOn(member.value)) break;
    if (IsIgnoredKey(member.key)) continue;
    if (!IsName(member.key)) {
      CheckNewName(member, "a named body");
      continue;
    }
    IsList(member.value, "ops");
    bodies_.emplace(member.key, &member.value);
    body_names_.push_back(member.key);
  }
}

// A body that nobody runs is still read for its errors, as if it were async and stood in a place that lacks nothing.
void Reader::ReadUnusedBodies() {
  for (const std::string& name : body_names_) {
    if (!GoesOn(*bodies_[name])) break;
    if (const Name* earlier = names_.Find(name)) {
      diagnostics_.AddAt(Opening(*bodies_[name]), bodies_[name]->pointer,
                         "`" + name + "` is a named body and " + KindWithArticle(earlier->kind),
                         "declared at " + LineAndColumn(earlier->place));
    }
    if (used_bodies_.count(name) != 0 || bodies_[name]->kind != Json::Kind::kArray) continue;
    Context context;
    context.is_async = true;
    context.in_loop = true;
    context.can_fail = true;
    context.is_unused = true;
    ReadBody(*bodies_[name], context);
  }
}

// All sends on one channel carry the same list, and a receiver that names what it gets names that.
void Reader::CheckMessages() {
  const auto same = [](const std::vector<Ref>& left, const std::vector<Ref>& right) {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      [](const Ref& a, const Ref& b) { return a.name == b.name && a.part == b.part; });
  };
  const auto text = [](const std::vector<Ref>& values) {
    std::vector<std::string> names;
    for (const Ref& ref : values) names.push_back(ref.node->text);
    return names.empty() ? std::string("nothing") : ListNames(names, "and");
  };
  for (const Object& object : scenario_.objects) {
    const auto found = messages_.find(object.name);
    if (found == messages_.end()) continue;
    const std::vector<Message>& messages = found->second;
    const auto first =
        std::find_if(messages.begin(), messages.end(), [](const Message& message) { return message.is_send; });
    if (first == messages.end()) continue;
    for (const Message& message : messages) {
      if (same(message.values, first->values)) continue;
      const Json* with = message.node->Find("with");
      diagnostics_.AddAt(
          with != nullptr ? Opening(*with) : Opening(*message.node),
          with != nullptr ? with->pointer : message.node->pointer,
          "messages on `" + object.name + "` own " + text(first->values) + ", and this one has " + text(message.values),
          "all sends on one channel carry the same list; the first is at " + LineAndColumn(first->node->place));
    }
  }
}

// ---- expect and allow

void Reader::ReadExpect(const Json& node) {
  if (!IsObject(node, "what a check must find")) return;
  scenario_.expect = ReadExpectLists(node, true);
  const Json* versions = node.Find("tokio");
  if (versions == nullptr || !IsObject(*versions, "an expectation for each Tokio version")) return;
  for (const Json::Member& member : versions->members) {
    if (IsIgnoredKey(member.key)) continue;
    CheckVersion(member.key, member.value, member.key_place);
    if (!IsObject(member.value, "what a check must find")) continue;
    scenario_.expect_for.emplace_back(member.key, ReadExpectLists(member.value, false));
  }
}

Expect Reader::ReadExpectLists(const Json& node, bool with_versions) {
  std::vector<std::string> keys = {"errors", "warnings"};
  if (with_versions) keys.emplace_back("tokio");
  CheckKeys(node, keys, "`expect`");
  Expect expect;
  if (const Json* errors = node.Find("errors")) expect.errors = ReadRules(*errors);
  if (const Json* warnings = node.Find("warnings")) expect.warnings = ReadRules(*warnings);
  return expect;
}

void Reader::CheckRule(const Json& node) {
  if (!IsRulePattern(node.text)) diagnostics_.Add(node, "unknown rule `" + node.text + "`", RuleHint(node.text));
}

std::vector<Expected> Reader::ReadRules(const Json& node) {
  std::vector<Expected> rules;
  if (!IsList(node, "rules")) return rules;
  for (const Json& item : node.items) {
    if (!GoesOn(item)) break;
    Expected expected;
    if (item.kind == Json::Kind::kString) {
      CheckRule(item);
      expected.any_of.push_back(item.text);
    } else if (item.kind == Json::Kind::kArray) {
      if (item.items.empty()) diagnostics_.Add(item, "expected at least one rule in this list");
      for (const Json& rule : item.items) {
        if (!GoesOn(rule)) break;
        std::string text;
        if (!ReadString(rule, text)) continue;
        CheckRule(rule);
        expected.any_of.push_back(std::move(text));
      }
    } else {
      FailType(item, "a rule, or a list of rules of which any one will do");
      continue;
    }
    rules.push_back(std::move(expected));
  }
  return rules;
}

void Reader::ReadAllow(const Json& node) {
  if (!IsList(node, "accepted findings")) return;
  for (const Json& item : node.items) {
    if (!GoesOn(item)) break;
    if (!IsObject(item, "an accepted finding")) continue;
    CheckKeys(item, {"rule", "on", "reason"}, "an entry of `allow`");
    Allow allow;
    allow.node = &item;
    if (const Json* rule = item.Find("rule")) {
      if (ReadString(*rule, allow.rule)) CheckRule(*rule);
    } else {
      FailMissing(item, "rule", "an entry of `allow`");
    }
    if (const Json* reason = item.Find("reason")) {
      if (ReadString(*reason, allow.reason) && allow.reason.empty()) diagnostics_.Add(*reason, "the reason is empty");
    } else {
      FailMissing(item, "reason", "an entry of `allow`");
    }
    if (const Json* on = item.Find("on"); on != nullptr && ReadString(*on, allow.on)) {
      // Tasks and threads count wherever they are named; main is a thread that no op makes.
      const std::string name = allow.on.substr(0, allow.on.find_first_of(".[/"));
      if (name != "main" && names_.Find(name) == nullptr && named_by_.count(name) == 0) {
        FailNotVisible(*on, on->place, name);
      }
    }
    scenario_.allow.push_back(std::move(allow));
  }
}

}  // namespace asyncrt
