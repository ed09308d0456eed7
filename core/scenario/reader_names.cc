// Names, expressions and plain values of a scenario.
#include <algorithm>
#include <unordered_set>
#include <utility>

#include "core/base/spelling.h"
#include "core/scenario/expr.h"
#include "core/scenario/json_reader.h"
#include "core/scenario/reader.h"

namespace asyncrt {
namespace {

constexpr std::size_t kNamesShown = 8;

bool IsKeyOfSomeOp(std::string_view key) {
  static const std::unordered_set<std::string_view> keys = [] {
    std::unordered_set<std::string_view> all = {"op", "at", "note"};
    for (const OpDef& row : AllOps()) {
      for (const FieldUse& use : row.fields) all.insert(FieldKey(use.field));
    }
    return all;
  }();
  return keys.contains(key);
}

// The end that an op needs of a channel or pipe. kWhole: either will do.
Ref::Part EndOf(Code code, Kind kind) {
  switch (code) {
    case Code::kSend:
    case Code::kTrySend:
    case Code::kBlockingSend:
    case Code::kReserve:
    case Code::kClosed:
    case Code::kIoWrite:
      return Ref::Part::kTx;
    case Code::kSubscribe:
      return kind == Kind::kWatch ? Ref::Part::kWhole : Ref::Part::kTx;
    case Code::kBorrow:
      return Ref::Part::kWhole;
    default:
      return Ref::Part::kRx;
  }
}

std::string_view PartName(Ref::Part part) {
  switch (part) {
    case Ref::Part::kTx:
      return "tx";
    case Ref::Part::kRx:
      return "rx";
    case Ref::Part::kHandle:
      return "handle";
    case Ref::Part::kWhole:
      break;
  }
  return "";
}

std::string HolderKey(const std::string& name, Ref::Part part) {
  return part == Ref::Part::kWhole ? name : name + "." + std::string(PartName(part));
}

}  // namespace

// ---- plain values

bool Reader::IsIgnoredKey(const std::string& key) { return key == "$schema" || key.compare(0, 2, "x-") == 0; }

// Before each of many things of which any can be wrong. False: there are enough errors, and reading ends.
bool Reader::GoesOn(const Json& node) {
  deadline_.Step();
  if (!is_full_ && diagnostics_.list().size() > kErrorsMax) {
    diagnostics_.AddAt(Opening(node), node.pointer, std::string(kTooManyErrors));
    is_full_ = true;
  }
  return !is_full_;
}

// A mark on the bracket: an error about a whole object should not underline all of it.
Place Reader::Opening(const Json& node) {
  Place place = node.place;
  if (node.kind == Json::Kind::kObject || node.kind == Json::Kind::kArray) {
    place.end_line = place.line;
    place.end_column = place.column + 1;
  }
  return place;
}

void Reader::FailType(const Json& node, std::string_view expected) {
  diagnostics_.AddAt(Opening(node), node.pointer,
                     "expected " + std::string(expected) + ", found " + std::string(JsonKindName(node)));
}

bool Reader::ReadString(const Json& node, std::string& out) {
  if (node.kind != Json::Kind::kString) {
    FailType(node, "a string");
    return false;
  }
  out = node.text;
  return true;
}

bool Reader::ReadBool(const Json& node, bool& out) {
  if (node.kind != Json::Kind::kBool) {
    FailType(node, "true or false");
    return false;
  }
  out = node.boolean;
  return true;
}

std::optional<std::int64_t> Reader::ReadInteger(const Json& node, std::int64_t least, std::int64_t most) {
  if (node.kind != Json::Kind::kInteger) {
    FailType(node, "an integer");
    return std::nullopt;
  }
  if (node.integer < least || node.integer > most) {
    const bool bounded = most != std::numeric_limits<std::int64_t>::max();
    diagnostics_.Add(node, "expected " +
                               (bounded ? "an integer from " + std::to_string(least) + " to " + std::to_string(most)
                                        : "an integer of at least " + std::to_string(least)) +
                               ", found " + node.text);
    return std::nullopt;
  }
  return node.integer;
}

std::optional<Micros> Reader::ReadDuration(const Json& node) {
  if (node.kind != Json::Kind::kString) {
    FailType(node, "a duration such as \"10ms\"");
    return std::nullopt;
  }
  std::string error;
  const std::optional<Micros> duration = ParseDuration(node.text, error);
  if (!duration) diagnostics_.Add(node, "`" + node.text + "` is no duration", error);
  return duration;
}

bool Reader::IsList(const Json& node, std::string_view of) {
  if (node.kind == Json::Kind::kArray) return true;
  diagnostics_.AddAt(Opening(node), node.pointer,
                     "expected a list of " + std::string(of) + ", found " + std::string(JsonKindName(node)),
                     node.kind == Json::Kind::kObject ? "put it into `[ ]`" : "");
  return false;
}

bool Reader::IsObject(const Json& node, std::string_view what) {
  if (node.kind == Json::Kind::kObject) return true;
  FailType(node, "an object (" + std::string(what) + ")");
  return false;
}

// A key that is missing because it is misspelled: `onn`, but not `op` where `on` is missing.
bool Reader::FailMisspelled(const Json& node, std::string_view key, std::string_view what) {
  std::vector<std::string> strangers;
  for (const Json::Member& member : node.members) {
    deadline_.Step();
    if (!IsKeyOfSomeOp(member.key) && !IsIgnoredKey(member.key)) strangers.push_back(member.key);
  }
  const std::string nearest = NearestName(key, strangers);
  for (const Json::Member& member : node.members) {
    if (nearest.empty() || member.key != nearest) continue;
    const auto is_told = [&](const Diagnostic& one) {
      return one.place.line == member.key_place.line && one.place.column == member.key_place.column;
    };
    if (std::none_of(diagnostics_.list().begin(), diagnostics_.list().end(), is_told)) {
      FailUnknownKey(node, member, {std::string(key)}, what);
    }
    return true;
  }
  return false;
}

void Reader::FailMissing(const Json& node, std::string_view key, std::string_view what) {
  if (FailMisspelled(node, key, what)) return;
  diagnostics_.AddAt(Opening(node), node.pointer, std::string(what) + " needs `" + std::string(key) + "`");
}

void Reader::FailUnknownKey(const Json& node, const Json::Member& member, const std::vector<std::string>& known,
                            std::string_view what) {
  const std::string nearest = NearestName(member.key, known);
  std::string hint;
  if (!nearest.empty()) {
    hint = "did you mean `" + nearest + "`?";
  } else if (known.empty()) {
    hint = std::string(what) + " has no fields";
  } else {
    hint = std::string(what) + " has " + ListNames(known, "and");
  }
  diagnostics_.AddAt(member.key_place, node.pointer + "/" + PointerToken(member.key),
                     "unknown key `" + member.key + "` in " + std::string(what), hint);
}

void Reader::CheckKeys(const Json& node, const std::vector<std::string>& known, std::string_view what) {
  for (const Json::Member& member : node.members) {
    if (!GoesOn(node)) break;
    if (IsIgnoredKey(member.key) || std::find(known.begin(), known.end(), member.key) != known.end()) continue;
    FailUnknownKey(node, member, known, what);
  }
}

// ---- names

// Finds the `as` and `var` names of all ops before any is read: a receiver may name what a later op sends, and a
// local that nothing sets is a slip of the pen.
void Reader::CollectNames(const Json& node) {
  deadline_.Step();
  for (const Json& item : node.items) CollectNames(item);
  const Json* verb = node.Find("op");
  const Json* as = node.Find("as");
  if (verb != nullptr && verb->kind == Json::Kind::kString) {
    const std::vector<const OpDef*> rows = OpsWithVerb(verb->text);
    if (as != nullptr && as->kind == Json::Kind::kString) {
      NamedBy by;
      by.place = as->place;
      if (!rows.empty()) by.kind = KindOfResult(rows[0]->code);
      const Json* on = node.Find("on");
      if (on != nullptr) by.of = on->text.substr(0, on->text.find_first_of(".["));
      named_by_.emplace(as->text, std::move(by));
    }
    const Json* local = node.Find("var");
    if (local != nullptr && local->kind == Json::Kind::kString) locals_.emplace(local->text, local->place);
  }
  for (const Json::Member& member : node.members) {
    if (!IsIgnoredKey(member.key)) CollectNames(member.value);
  }
}

bool Reader::DeclareName(const std::string& name, const Json& node, Name meaning) {
  if (!IsName(name)) {
    diagnostics_.Add(node, "`" + name + "` is no name",
                     "a name is letters, digits and `_`, and does not begin with a digit");
    return false;
  }
  if (const Name* earlier = names_.Find(name)) {
    const std::string what = earlier->kind == Kind::kNone ? "something" : KindWithArticle(earlier->kind);
    diagnostics_.Add(node, "`" + name + "` already names " + what, "declared at " + LineAndColumn(earlier->place));
    return false;
  }
  if (const auto local = locals_.find(name); local != locals_.end()) {
    diagnostics_.Add(node, "`" + name + "` is already a local", "set at " + LineAndColumn(local->second));
    return false;
  }
  meaning.place = node.place;
  names_.Declare(name, std::move(meaning));
  return true;
}

void Reader::FailNotVisible(const Json& node, const Place& place, const std::string& name) {
  if (const auto elsewhere = named_by_.find(name); elsewhere != named_by_.end()) {
    diagnostics_.AddAt(place, node.pointer, "`" + name + "` is not visible here",
                       "it is named at " + LineAndColumn(elsewhere->second.place) +
                           "; a name is visible after its op, to the end of its block");
    return;
  }
  deadline_.Look();
  std::vector<std::string> visible = names_.Visible();
  const std::string nearest = NearestName(name, visible);
  std::string hint;
  if (!nearest.empty()) {
    hint = "did you mean `" + nearest + "`, declared at " + LineAndColumn(names_.Find(nearest)->place) + "?";
  } else if (visible.empty()) {
    hint = "nothing is declared here: things stand in `objects` and `runtimes`, tasks and threads have an `as`";
  } else if (visible.size() <= kNamesShown) {
    hint = "known here: " + ListNames(visible, "and");
  } else {
    const std::size_t rest = visible.size() - kNamesShown;
    visible.resize(kNamesShown);
    hint = "known here: " + ListNames(visible, "and") + ", and " + std::to_string(rest) + " more";
  }
  diagnostics_.AddAt(place, node.pointer, "`" + name + "` is not declared", hint);
}

// `name`, `name.part`, `name[index]`, `name[index].part`.
std::optional<Ref> Reader::ReadRef(const Json& node, Use use, const Context& context) {
  if (node.kind != Json::Kind::kString) {
    FailType(node, "a name");
    return std::nullopt;
  }
  const std::string& text = node.text;
  Ref ref;
  ref.node = &node;
  std::size_t end = text.find_first_of(".[");
  ref.name = text.substr(0, end);
  if (!IsName(ref.name)) {
    diagnostics_.Add(node, "`" + text + "` is no name", "written as `name`, `name.tx`, `name[0]` or `name[0].tx`");
    return std::nullopt;
  }
  if (end != std::string::npos && text[end] == '[') {
    // The bracket that closes it is the last one: an index may itself hold `x[…]`.
    const std::size_t close = text.rfind(']');
    if (close == std::string::npos || close < end) {
      diagnostics_.AddAt(PlaceInString(node, end, end + 1), node.pointer, "`[` is never closed");
      return std::nullopt;
    }
    ref.index = ReadExprText(node, end + 1, close, context, false);
    if (!ref.index) return std::nullopt;
    end = close + 1 == text.size() ? std::string::npos : close + 1;
  }
  std::string_view part;
  if (end != std::string::npos) {
    part = std::string_view(text).substr(end);
    if (part[0] != '.' || !IsName(part.substr(1))) {
      std::string hint = "written as `name`, `name.tx`, `name[0]` or `name[0].tx`";
      diagnostics_.AddAt(PlaceInString(node, end, text.size()), node.pointer,
                         "`" + std::string(part) + "` cannot follow `" + text.substr(0, end) + "`", hint);
      return std::nullopt;
    }
    part.remove_prefix(1);
  }
  if (!ResolveRef(ref, node, part, use, context)) return std::nullopt;
  return ref;
}

bool Reader::ResolveRef(Ref& ref, const Json& node, std::string_view part, Use use, const Context& context) {
  const Name* name = names_.Find(ref.name);
  if (name == nullptr) {
    // Where an unused body would stand is not known, nor which names it would see there.
    if (!context.is_unused || named_by_.count(ref.name) == 0) {
      FailNotVisible(node, PlaceInString(node, 0, ref.name.size()), ref.name);
    }
    return false;
  }
  if (name->kind == Kind::kNone) return false;
  ref.kind = name->kind;
  if (!CheckPart(ref, node, *name, part) || !CheckIndex(node, ref.name, *name, ref.index, use)) return false;
  if (context.shared_only && name->is_declared && IsOwned(ref.kind) && ref.part != Ref::Part::kHandle) {
    diagnostics_.Add(
        node, "the destructor of a declared value can mention shared things only, and `" + node.text + "` is owned",
        "make the value with the op `value`: its `drop` body owns what it mentions");
    return false;
  }
  return true;
}

bool Reader::CheckPart(Ref& ref, const Json& node, const Name& name, std::string_view part) {
  ref.part = name.part;
  if (part.empty()) return true;
  const std::size_t begin = node.text.size() - part.size() - 1;
  std::vector<std::string> parts;
  if (HasEnds(name.kind) && name.part == Ref::Part::kWhole) parts = {"tx", "rx"};
  if (name.kind == Kind::kRuntime) parts = {"handle"};
  for (const std::string& known : parts) {
    if (part != known) continue;
    ref.part = known == "tx" ? Ref::Part::kTx : known == "rx" ? Ref::Part::kRx : Ref::Part::kHandle;
    return true;
  }
  const std::string what = name.part == Ref::Part::kRx ? "a receiver" : KindWithArticle(name.kind);
  std::string hint;
  if (!parts.empty()) {
    hint = what + " has " + ListNames({parts.begin(), parts.end()}, "and");
  } else {
    hint = "`" + ref.name + "` is " + what + ", which has no parts";
  }
  diagnostics_.AddAt(PlaceInString(node, begin, node.text.size()), node.pointer,
                     "`" + ref.name + "` has no `." + std::string(part) + "`", hint);
  return false;
}

bool Reader::CheckIndex(const Json& node, const std::string& text, const Name& name, const std::optional<Expr>& index,
                        Use use) {
  if (!index) {
    if (!name.is_array || use == Use::kMany) return true;
    diagnostics_.Add(node, "`" + text + "` is an array of " + std::to_string(name.count) + ", and one of it is needed",
                     "write `" + text + "[0]` or `" + text + "[$index]`");
    return false;
  }
  if (!name.is_array) {
    diagnostics_.Add(node, "`" + text + "` is no array", "arrays are made with `count`");
    return false;
  }
  std::optional<std::int64_t> constant;
  if (index->kind == Expr::Kind::kNumber) constant = index->number;
  if (index->kind == Expr::Kind::kNegate && index->kids[0].kind == Expr::Kind::kNumber)
    constant = -index->kids[0].number;
  if (!constant || (*constant >= 0 && *constant < name.count)) return true;
  diagnostics_.Add(node, "`" + text + "` has no element " + std::to_string(*constant),
                   "its elements are 0 to " + std::to_string(name.count - 1));
  return false;
}

// Lexical, and lenient where only a run can tell: a guard that one of several paths released still counts.
void Reader::CheckHeld(const Ref& ref, const Json& node, const Context& context) {
  if (holder_.empty() || context.is_unused) return;
  std::string key = HolderKey(ref.name, ref.part);
  auto found = holder_.find(key);
  if (found == holder_.end() && ref.part == Ref::Part::kWhole && HasEnds(ref.kind)) {
    for (Ref::Part part : {Ref::Part::kTx, Ref::Part::kRx}) {
      if (found == holder_.end()) found = holder_.find(HolderKey(ref.name, part));
    }
  }
  if (found == holder_.end()) return;
  const std::string& lock = found->second;
  const auto is_held = [&lock](const Held& held) { return held.lock == lock; };
  if (std::any_of(held_.begin(), held_.end(), is_held)) return;
  diagnostics_.Add(node, "`" + found->first + "` is inside `" + lock + "` and is used without its guard",
                   "use it in the `body` of a `lock` on `" + lock + "`, or after one");
}

bool Reader::CheckKind(const Ref& ref, const Json& node, std::initializer_list<Kind> kinds) {
  if (std::find(kinds.begin(), kinds.end(), ref.kind) != kinds.end()) return true;
  std::string expected;
  for (Kind kind : kinds) expected += (expected.empty() ? "" : " or ") + KindWithArticle(kind);
  diagnostics_.Add(node, "expected " + expected + ", and `" + ref.name + "` is " + KindWithArticle(ref.kind));
  return false;
}

// Gives an `on: "ch"` the end that the op needs.
bool Reader::NeedEnd(Ref& ref, const Json& node, Code code, std::string_view verb) {
  if (!HasEnds(ref.kind) || code == Code::kUnlock) return true;
  const Ref::Part end = EndOf(code, ref.kind);
  if (end == Ref::Part::kWhole) {
    if (ref.part == Ref::Part::kWhole) ref.part = code == Code::kSubscribe ? Ref::Part::kTx : Ref::Part::kRx;
    return true;
  }
  if (ref.part == Ref::Part::kWhole) ref.part = end;
  if (ref.part == end) return true;
  const bool needs_tx = end == Ref::Part::kTx;
  diagnostics_.Add(node, "`" + std::string(verb) + "` works on the " + (needs_tx ? "sending" : "receiving") +
                             " end, and `" + node.text + "` is the " + (needs_tx ? "receiving" : "sending") + " one");
  return false;
}

bool Reader::CheckEndSaid(const Ref& ref, const Json& node, std::string_view verb) {
  if (!HasEnds(ref.kind) || ref.part != Ref::Part::kWhole) return true;
  diagnostics_.Add(node, "`" + std::string(verb) + "` needs one end of `" + ref.name + "`",
                   "write `" + node.text + ".tx` or `" + node.text + ".rx`");
  return false;
}

void Reader::CheckClone(const Ref& ref, const Json& node) {
  std::string hint;
  bool can_clone = true;
  const Name* name = names_.Find(ref.name);
  switch (ref.kind) {
    case Kind::kMpsc:
    case Kind::kStdChannel:
    case Kind::kBroadcast:
      can_clone = ref.part == Ref::Part::kTx;
      hint =
          name != nullptr && name->part == Ref::Part::kRx ? "" : "only its sending end can be: `" + ref.name + ".tx`";
      break;
    case Kind::kWatch:
      break;
    case Kind::kRuntime:
    case Kind::kValue:
      can_clone = ref.part == Ref::Part::kHandle || (name != nullptr && name->is_shared);
      hint = "give it `\"shared\": true`: it is in an `Arc` then";
      break;
    case Kind::kOneshot:
    case Kind::kIo:
    case Kind::kTask:
    case Kind::kThread:
    case Kind::kFuture:
    case Kind::kNotified:
    case Kind::kPermit:
    case Kind::kGuard:
    case Kind::kEnterGuard:
    case Kind::kJoinSet:
    case Kind::kFuturesUnordered:
    case Kind::kLocalSet:
      can_clone = false;
      break;
    default:
      break;
  }
  if (!can_clone) diagnostics_.Add(node, "`" + node.text + "` cannot be cloned", hint);
}

// A plain name of one kind, for `into`, `local` and `parent`.
std::optional<std::string> Reader::ReadNameOf(const Json& node, Kind kind) {
  const std::optional<Ref> ref = ReadRef(node, Use::kElement, Context{});
  if (!ref || !CheckKind(*ref, node, {kind})) return std::nullopt;
  if (ref->index) {
    diagnostics_.Add(node, "expected a name without an index");
    return std::nullopt;
  }
  return ref->name;
}

// ---- expressions

std::optional<Expr> Reader::ReadExpr(const Json& node, const Context& context, bool sees_value) {
  if (node.kind == Json::Kind::kInteger) {
    Expr number;
    number.number = node.integer;
    return number;
  }
  if (node.kind != Json::Kind::kString) {
    FailType(node, "an expression (a string) or an integer");
    return std::nullopt;
  }
  return ReadExprText(node, 0, node.text.size(), context, sees_value);
}

std::optional<Expr> Reader::ReadExprText(const Json& node, std::size_t begin, std::size_t end, const Context& context,
                                         bool sees_value) {
  ExprRules rules;
  rules.in_copies = context.in_copies || context.is_unused;
  rules.sees_value = sees_value;
  rules.has_clock = scenario_.ideal && !scenario_.adversarial;
  rules.resolve = [this, &context](const NameUse& use, std::string& message, std::string& hint) {
    return ResolveInExpr(use, message, hint, context);
  };
  std::vector<ExprError> errors;
  const std::string_view text = std::string_view(node.text).substr(begin, end - begin);
  std::optional<Expr> expr = ParseExpr(text, rules, errors);
  for (ExprError& error : errors) {
    diagnostics_.AddAt(PlaceInString(node, begin + error.begin, begin + error.end), node.pointer,
                       std::move(error.message), std::move(error.hint));
  }
  if (!errors.empty()) return std::nullopt;
  return expr;
}

Expr::Kind Reader::ResolveInExpr(const NameUse& use, std::string& message, std::string& hint, const Context& context) {
  const Name* name = names_.Find(use.name);
  const auto check_index = [&] {
    if (use.index == nullptr) {
      if (!name->is_array) return;
      message = "`" + use.name + "` is an array of " + std::to_string(name->count) + ", and one of it is needed";
      hint = "write `" + use.name + "[0]` or `" + use.name + "[$index]`";
    } else if (!name->is_array) {
      message = "`" + use.name + "` is no array";
      hint = "arrays are made with `count`";
    } else if (use.index->kind == Expr::Kind::kNumber && (use.index->number < 0 || use.index->number >= name->count)) {
      message = "`" + use.name + "` has no element " + std::to_string(use.index->number);
      hint = "its elements are 0 to " + std::to_string(name->count - 1);
    }
  };
  if (use.is_finished) {
    if (name == nullptr) {
      if (context.is_unused && named_by_.count(use.name) != 0) return Expr::Kind::kFinished;
      message = "`" + use.name + "` is not " + (named_by_.count(use.name) != 0 ? "visible here" : "declared");
      deadline_.Look();
      const std::string nearest = NearestName(use.name, names_.Visible());
      if (!nearest.empty()) hint = "did you mean `" + nearest + "`?";
    } else if (name->kind == Kind::kTask) {
      check_index();
    } else if (name->kind != Kind::kNone) {
      message = "`finished` needs a task, and `" + use.name + "` is " + KindWithArticle(name->kind);
    }
    return Expr::Kind::kFinished;
  }
  if (name != nullptr) {
    if (name->kind == Kind::kAtomic) {
      check_index();
      return Expr::Kind::kAtomic;
    }
    if (name->kind == Kind::kNone) return Expr::Kind::kLocal;
    message = "`" + use.name + "` is " + KindWithArticle(name->kind) + ", which has no value in an expression";
    hint = name->kind == Kind::kTask   ? "did you mean `finished(" + use.name + ")`?"
           : name->kind == Kind::kCell ? "read it into a local with `read_cell`"
                                       : "expressions know locals and atomics";
    return Expr::Kind::kLocal;
  }
  if (locals_.count(use.name) == 0) {
    message = "nothing sets `" + use.name + "`";
    std::vector<std::string> known;
    for (const std::string& visible : names_.Visible()) {
      if (names_.Find(visible)->kind == Kind::kAtomic) known.push_back(visible);
    }
    // Sorted, since a hash map's order is nobody's.
    std::vector<std::string> locals;
    for (const auto& local : locals_) locals.push_back(local.first);
    std::sort(locals.begin(), locals.end());
    known.insert(known.end(), locals.begin(), locals.end());
    const std::string nearest = NearestName(use.name, known);
    hint = use.name == "true" || use.name == "false" ? "truth is 1 and falsehood 0"
           : nearest.empty()                         ? "a local is set by `set` or by the `var` of an op"
                                                     : "did you mean `" + nearest + "`?";
  } else if (use.index != nullptr) {
    message = "`" + use.name + "` is a local, which is no array";
  }
  return Expr::Kind::kLocal;
}

}  // namespace asyncrt
