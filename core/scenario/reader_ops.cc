// Ops. An op's row in the op table says what it may carry; only what depends on more than one field, or on
// the place of the op, is written down here.
#include <algorithm>
#include <utility>

#include "core/base/spelling.h"
#include "core/scenario/expr.h"
#include "core/scenario/json_reader.h"
#include "core/scenario/reader.h"

namespace asyncrt {
namespace {

constexpr std::int64_t kCopiesMax = 10'000;

// A handle of a runtime will do; it need not be the runtime itself.
bool TakesHandle(Code code) {
  switch (code) {
    case Code::kBlockOn:
    case Code::kEnter:
    case Code::kSpawn:
    case Code::kSpawnBlocking:
    case Code::kUse:
      return true;
    default:
      return false;
  }
}

// An array without an index stands for all its elements.
bool TakesMany(Code code) {
  switch (code) {
    case Code::kAwait:
    case Code::kJoinThread:
    case Code::kAbort:
    case Code::kDrop:
    case Code::kForget:
    case Code::kUse:
      return true;
    default:
      return false;
  }
}

bool IsBodyField(Field field) {
  switch (field) {
    case Field::kBody:
    case Field::kRun:
    case Field::kOr:
    case Field::kThen:
    case Field::kElse:
    case Field::kDropBody:
    case Field::kBranches:
    case Field::kAwait:
      return true;
    default:
      return false;
  }
}

bool IsReceive(Code code) {
  return code == Code::kRecv || code == Code::kTryRecv || code == Code::kRecvTimeout || code == Code::kBlockingRecv;
}

}  // namespace

// ---- one op

std::optional<Op> Reader::ReadOp(const Json& node, const Context& context) {
  if (node.kind != Json::Kind::kObject) {
    FailType(node, "an op, as { \"op\": \"…\" }");
    return std::nullopt;
  }
  const Json* verb = node.Find("op");
  if (verb == nullptr) {
    FailMissing(node, "op", "an op");
    DeclareBroken(node);
    return std::nullopt;
  }
  if (verb->kind != Json::Kind::kString) {
    FailType(*verb, "the name of an op");
    DeclareBroken(node);
    return std::nullopt;
  }
  const OpDef* def = ChooseRow(node, verb->text);
  if (def == nullptr) {
    DeclareBroken(node);
    return std::nullopt;
  }
  Op op;
  op.def = def;
  op.node = &node;
  CheckKeysOfOp(node, *def);
  if (const Json* at = node.Find("at")) ReadString(*at, op.at);
  if (const Json* note = node.Find("note")) ReadString(*note, op.note);
  ReadTarget(op, context);
  for (const FieldUse& use : def->fields) {
    const Json* value = node.Find(std::string(FieldKey(use.field)));
    if (value != nullptr && use.field != Field::kOn && !IsBodyField(use.field)) {
      ReadPlainField(op, use.field, *value, context);
    }
  }
  CheckPlacement(op, context);
  CheckControl(op, context);
  CheckRequired(op);
  Leaked leaked;
  ReadBodyFields(op, context, leaked);
  UpdateHeld(op);
  if (!op.as.empty() && !(op.body != nullptr && KindOfResult(def->code) != Kind::kNone && !MovesBody(def->code))) {
    DeclareResult(op);
  }
  DeclareLeaked(leaked);
  NoteMessage(op, context);
  return op;
}

// The name of an op that was not understood: what uses it is not to blame.
void Reader::DeclareBroken(const Json& node) {
  const Json* as = node.Find("as");
  if (as == nullptr || as->kind != Json::Kind::kString || names_.Find(as->text) != nullptr) return;
  Name unknown;
  unknown.place = as->place;
  names_.Declare(as->text, std::move(unknown));
}

const OpDef* Reader::FailUnknownVerb(const Json& verb) {
  std::vector<std::string> verbs;
  for (const OpDef& row : AllOps()) verbs.emplace_back(row.verb);
  const std::string nearest = NearestName(verb.text, verbs);
  diagnostics_.Add(verb, "unknown op `" + verb.text + "`",
                   nearest.empty() ? "`asyncrt-check ops` lists them" : "did you mean `" + nearest + "`?");
  return nullptr;
}

const OpDef* Reader::FailWrongKind(const Json& on, const std::string& verb, Kind kind) {
  std::vector<std::string> verbs;
  for (const OpDef& row : AllOps()) {
    const bool fits =
        row.kind == kind || std::find(row.on_kinds.begin(), row.on_kinds.end(), kind) != row.on_kinds.end();
    if (fits && row.code != Code::kUse) verbs.emplace_back(row.verb);
  }
  const std::string nearest = NearestName(verb, verbs);
  std::string hint;
  if (!nearest.empty()) {
    hint = "did you mean `" + nearest + "`?";
  } else if (!verbs.empty()) {
    hint = KindWithArticle(kind) + " has " + ListNames(verbs, "and");
  } else {
    hint = KindWithArticle(kind) + " is shared, and nobody owns it";
  }
  diagnostics_.Add(on, "`" + verb + "` does not work on `" + on.text + "`, which is " + KindWithArticle(kind), hint);
  return nullptr;
}

// One verb can have a row for each kind of object; `on` then says which.
const OpDef* Reader::ChooseRow(const Json& node, const std::string& verb) {
  const std::vector<const OpDef*> rows = OpsWithVerb(verb);
  if (rows.empty()) return FailUnknownVerb(*node.Find("op"));
  const Json* on = node.Find("on");
  if (on == nullptr) {
    if (rows.size() == 1) return rows[0];
    if (FailMisspelled(node, "on", "`" + verb + "`")) return nullptr;
    std::vector<std::string> kinds;
    for (const OpDef* row : rows) kinds.emplace_back(KindName(row->kind));
    diagnostics_.AddAt(Opening(node), node.pointer, "`" + verb + "` needs `on`",
                       "the name of a " + ListNames(kinds, "or"));
    return nullptr;
  }
  if (rows.size() == 1 && FindField(*rows[0], Field::kOn) == nullptr) return rows[0];
  if (on->kind != Json::Kind::kString) {
    FailType(*on, "a name");
    return nullptr;
  }
  if (rows[0]->code == Code::kBlockOn && (on->text == "current" || on->text == "futures")) return rows[0];
  const Name* name = names_.Find(on->text.substr(0, on->text.find_first_of(".[")));
  if (name == nullptr || name->kind == Kind::kNone) return rows[0];  // ReadTarget says what is wrong
  for (const OpDef* row : rows) {
    if (row->kind == name->kind) return row;
    if (std::find(row->on_kinds.begin(), row->on_kinds.end(), name->kind) != row->on_kinds.end()) return row;
  }
  return FailWrongKind(*on, verb, name->kind);
}

void Reader::CheckKeysOfOp(const Json& node, const OpDef& def) {
  std::vector<std::string> known;
  for (const FieldUse& use : def.fields) known.emplace_back(FieldKey(use.field));
  const std::string what = "`" + std::string(def.verb) + "`";
  for (const Json::Member& member : node.members) {
    if (!GoesOn(node)) break;
    const std::string& key = member.key;
    if (key == "op" || key == "at" || key == "note" || IsIgnoredKey(key)) continue;
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    // An unknown name of several rows' verb: the row is a guess, and its fields are no measure.
    if (def.kind != Kind::kNone && OpsWithVerb(def.verb).size() > 1) {
      const Json* on = node.Find("on");
      if (on != nullptr && names_.Find(on->text.substr(0, on->text.find_first_of(".["))) == nullptr) continue;
    }
    if (key == "or") {
      diagnostics_.AddAt(member.key_place, member.value.pointer, what + " cannot fail and has no `or`");
    } else {
      FailUnknownKey(node, member, known, what);
    }
  }
}

void Reader::ReadTarget(Op& op, const Context& context) {
  const Json* on = op.node->Find("on");
  if (on == nullptr || FindField(*op.def, Field::kOn) == nullptr) return;
  const Code code = op.def->code;
  if (on->kind != Json::Kind::kString) return FailType(*on, "a name");
  if (code == Code::kBlockOn && (on->text == "current" || on->text == "futures")) {
    op.target = on->text == "current" ? Op::Target::kCurrent : Op::Target::kFutures;
    return;
  }
  if (const std::string nearest = NearestName(on->text, {"current", "futures"});
      code == Code::kBlockOn && !nearest.empty() && names_.Find(on->text) == nullptr) {
    diagnostics_.Add(*on, "`" + on->text + "` is not declared", "did you mean `" + nearest + "`?");
    return;
  }
  std::optional<Ref> ref = ReadRef(*on, TakesMany(code) ? Use::kMany : Use::kElement, context);
  if (!ref) return;
  if (ref->part == Ref::Part::kHandle && !TakesHandle(code)) {
    const bool drops = code == Code::kDrop || code == Code::kForget;
    diagnostics_.Add(*on,
                     "`" + std::string(op.def->verb) + "` needs the runtime, and `" + on->text + "` is only a handle",
                     drops ? "a handle need not be dropped: it does not keep the runtime running" : "");
    return;
  }
  const bool is_value_op = code == Code::kDrop || code == Code::kForget || code == Code::kUse;
  if (is_value_op) {
    if (code != Code::kUse && !CheckEndSaid(*ref, *on, op.def->verb)) return;
  } else if (!NeedEnd(*ref, *on, code, op.def->verb)) {
    return;
  }
  CheckHeld(*ref, *on, context);
  if (code == Code::kBuild) scenario_.runtimes[runtime_index_[ref->name]].has_build = true;
  op.on = std::move(*ref);
  op.target = Op::Target::kRef;
}

void Reader::ReadPlainField(Op& op, Field field, const Json& node, const Context& context) {
  const auto read_list = [&](std::vector<Ref>& list, std::string_view of, Use use) {
    if (!IsList(node, of)) return;
    for (const Json& item : node.items) {
      std::optional<Ref> ref = ReadRef(item, use, context);
      if (!ref) continue;
      CheckHeld(*ref, item, context);
      list.push_back(std::move(*ref));
    }
  };
  const auto read_ref = [&](std::optional<Ref>& ref, std::initializer_list<Kind> kinds) {
    ref = ReadRef(node, Use::kElement, context);
    if (ref && !CheckKind(*ref, node, kinds)) ref.reset();
  };
  switch (field) {
    case Field::kAs:
      ReadString(node, op.as);
      break;
    case Field::kClone: {
      // `$index` says which copy gets the clone.
      Context in_copies = context;
      in_copies.in_copies = context.in_copies || op.node->Find("count") != nullptr;
      if (!IsList(node, "names")) break;
      for (const Json& item : node.items) {
        std::optional<Ref> ref = ReadRef(item, Use::kMany, in_copies);
        if (!ref) continue;
        if (ref->kind != Kind::kWatch && !CheckEndSaid(*ref, item, "clone")) continue;
        CheckClone(*ref, item);
        CheckHeld(*ref, item, context);
        op.clone.push_back(std::move(*ref));
      }
      break;
    }
    case Field::kBorrow:
      // Outside of a `thread_scope` a borrow is a finding (`ownership/borrow-escapes`), not an error of the text.
      read_list(op.borrow, "names", Use::kMany);
      break;
    case Field::kWith:
      ReadWith(op, node, context);
      break;
    case Field::kCount:
      op.count = ReadInteger(node, 1, kCopiesMax);
      break;
    case Field::kDetached:
      ReadBool(node, op.detached);
      break;
    case Field::kBiased:
      ReadBool(node, op.biased);
      break;
    case Field::kTry:
      ReadBool(node, op.try_join);
      break;
    case Field::kFair:
      ReadBool(node, op.fair);
      break;
    case Field::kShared:
      ReadBool(node, op.shared);
      break;
    case Field::kSend:
      ReadBool(node, op.send);
      break;
    case Field::kEnable:
      ReadBool(node, op.enable);
      break;
    case Field::kInto:
      op.into = ReadNameOf(node, Kind::kJoinSet).value_or("");
      break;
    case Field::kLocal:
      op.local = ReadNameOf(node, Kind::kLocalSet).value_or("");
      break;
    case Field::kFor:
    case Field::kAfter:
      op.duration = ReadDuration(node);
      break;
    case Field::kVar:
      if (!ReadString(node, op.var)) break;
      if (const Name* name = names_.Find(op.var)) {
        diagnostics_.Add(
            node,
            "`" + op.var + "` already names " + (name->kind == Kind::kNone ? "something" : KindWithArticle(name->kind)),
            "declared at " + LineAndColumn(name->place));
      } else if (!IsName(op.var)) {
        diagnostics_.Add(node, "`" + op.var + "` is no name",
                         "a name is letters, digits and `_`, and does not begin with a digit");
      }
      break;
    case Field::kValue:
      op.value = ReadExpr(node, context);
      break;
    case Field::kExpected:
      op.expected = ReadExpr(node, context);
      break;
    case Field::kTo:
      op.to = ReadExpr(node, context);
      break;
    case Field::kTimes:
      op.times = ReadExpr(node, context);
      break;
    case Field::kCond:
      op.condition = ReadExpr(node, context, op.def->code == Code::kWaitFor);
      break;
    case Field::kPermits:
      op.permits = ReadInteger(node, 0).value_or(1);
      break;
    case Field::kBytes:
      op.bytes = ReadInteger(node, 1).value_or(1);
      break;
    case Field::kPermit:
      read_ref(op.permit, {Kind::kPermit});
      break;
    case Field::kFuture:
      read_ref(op.future, {Kind::kNotified});
      break;
    case Field::kMutex:
      read_ref(op.mutex, {Kind::kStdMutex});
      break;
    case Field::kMessage:
      ReadString(node, op.message);
      break;
    default:
      break;
  }
}

// The values of a message. A receiver names what it gets: a name that is not visible here, but that some op of the
// scenario gives, arrives with the message and is the receiver's from now on.
void Reader::ReadWith(Op& op, const Json& node, const Context& context) {
  if (!IsList(node, "names")) return;
  const bool receives = IsReceive(op.def->code);
  for (const Json& item : node.items) {
    if (receives && item.kind == Json::Kind::kString && names_.Find(item.text) == nullptr) {
      const auto by = named_by_.find(item.text);
      if (by != named_by_.end()) {
        Name name;
        name.kind = by->second.kind;
        name.of = by->second.of;
        name.place = item.place;
        names_.Declare(item.text, name);
        if (name.kind == Kind::kGuard) held_.push_back({name.of, item.text});
        if (name.kind == Kind::kNone) continue;
      }
    }
    std::optional<Ref> ref = ReadRef(item, Use::kElement, context);
    if (!ref || !CheckEndSaid(*ref, item, "with")) continue;
    if (!receives) CheckHeld(*ref, item, context);
    op.with.push_back(std::move(*ref));
  }
}

void Reader::NoteMessage(const Op& op, const Context& context) {
  const Code code = op.def->code;
  const bool sends = code == Code::kSend || code == Code::kTrySend || code == Code::kBlockingSend;
  if (context.is_unused || op.target != Op::Target::kRef || !(sends || IsReceive(code))) return;
  if (FindField(*op.def, Field::kWith) == nullptr || (op.with.empty() && !sends)) return;
  messages_[op.on.name].push_back({op.node, op.with, sends});
}

// ---- checks

void Reader::CheckPlacement(const Op& op, const Context& context) {
  const OpDef& def = *op.def;
  if (def.where != Where::kAsync || context.is_async) return;
  std::string subject = "`" + std::string(def.verb) + "`";
  if (def.kind != Kind::kNone) {
    if (op.target != Op::Target::kRef) return;  // which row it is was a guess
    subject += " on `" + op.on.name + "`, " + KindWithArticle(def.kind) + ",";
  }
  if (def.code == Code::kSend && def.kind == Kind::kMpsc) {
    // Only a send that has to wait for room is async.
    if (op.node->Find("permit") != nullptr) return;
    const auto channel = object_index_.find(op.on.name);
    if (channel == object_index_.end() || !scenario_.objects[channel->second].capacity) return;
  }
  std::string hint;
  if (def.sync_instead == "block_on") {
    hint = "put it into the body of a `block_on`, or make this body async";
  } else if (!def.sync_instead.empty()) {
    hint = "use `" + std::string(def.sync_instead) + "`";
  }
  diagnostics_.Add(*op.node->Find("op"), subject + " is async, and this body is sync", hint);
}

void Reader::CheckControl(const Op& op, const Context& context) {
  const OpDef& def = *op.def;
  const Json& verb = *op.node->Find("op");
  if (context.is_unused) return;
  if ((def.code == Code::kBreak || def.code == Code::kContinue) && !context.in_loop) {
    const std::string name = "`" + std::string(def.verb) + "`";
    if (context.loop_cut.empty()) {
      diagnostics_.Add(verb, name + " stands in no loop");
    } else {
      diagnostics_.Add(verb,
                       name + " cannot leave `" + std::string(context.loop_cut) + "`, and the loop is outside of it",
                       "`return` ends just that block");
    }
  }
  if (def.code == Code::kFail && !context.can_fail) {
    diagnostics_.Add(verb, "`fail` has nothing to end here",
                     "it ends the nearest async block, task, thread, future or `get_or_init` body");
  }
}

void Reader::CheckRequired(const Op& op) {
  const OpDef& def = *op.def;
  const Json& node = *op.node;
  const std::string what = "`" + std::string(def.verb) + "`";
  for (const FieldUse& use : def.fields) {
    const std::string key(FieldKey(use.field));
    if (use.required && node.Find(key) == nullptr) FailMissing(node, key, what);
  }
  const auto one_of = [&](const std::string& first, const std::string& second) {
    const Json* a = node.Find(first);
    const Json* b = node.Find(second);
    if (a == nullptr && b == nullptr) {
      diagnostics_.AddAt(Opening(node), node.pointer, what + " needs `" + first + "` or `" + second + "`");
    } else if (a != nullptr && b != nullptr) {
      diagnostics_.Add(node.place.line == b->place.line ? *b : *a,
                       what + " has both `" + first + "` and `" + second + "`", "keep one of them");
    }
  };
  if (FindField(def, Field::kRun) != nullptr && FindField(def, Field::kBody) != nullptr) one_of("body", "run");
  if (def.code == Code::kTimeout) one_of("await", "body");
  if (def.code == Code::kJoin && node.Find("or") != nullptr && !op.try_join) {
    diagnostics_.Add(*node.Find("or"), "a `join` without `try` cannot fail and has no `or`", "add `\"try\": true`");
  }
}

void Reader::UpdateHeld(const Op& op) {
  const Code code = op.def->code;
  if (op.target != Op::Target::kRef) return;
  if (holder_.empty()) return;  // no lock holds anything, so it does not matter who has which
  if (TakesLock(code) && op.body == nullptr) held_.push_back({op.on.name, op.as});
  if (code != Code::kUnlock && code != Code::kDrop && code != Code::kForget) return;
  for (std::size_t i = held_.size(); i-- > 0;) {
    const bool matches = op.on.kind == Kind::kGuard ? held_[i].guard == op.on.name : held_[i].lock == op.on.name;
    if (!matches) continue;
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(i));
    return;
  }
}

Name Reader::NameOfResult(const Op& op) const {
  Name name;
  const Code code = op.def->code;
  name.kind = KindOfResult(code);
  if (code == Code::kSubscribe) {
    name.kind = op.def->kind;
    name.part = Ref::Part::kRx;
  }
  if (op.count) {
    name.is_array = true;
    name.count = *op.count;
  }
  name.is_shared = op.shared;
  name.of = op.on.name;
  return name;
}

void Reader::DeclareResult(const Op& op) { DeclareName(op.as, *op.node->Find("as"), NameOfResult(op)); }

}  // namespace asyncrt
