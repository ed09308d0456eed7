// Bodies that move: threads, tasks, closures, futures, destructors, and what they take with them.
#include "core/export/rust_writer.h"

#include <algorithm>
#include <utility>

#include "core/scenario/names.h"

namespace asyncrt {

// The inside of a moved body; `child` gets what it captures.
std::string RustWriter::OwnBody(const Op& op, const Body& body, bool async, RustUnit& child) {
  for (const Body* open : open_)
    if (open == &body) { Unsupported(&op, "a body that spawns itself"); return ""; }
  open_.push_back(&body);
  std::vector<std::string> saved;
  saved.swap(lines_);
  const int block = block_;
  Exits* const exits = std::exchange(exits_, nullptr);
  child.parent = unit_;
  child.made_by = &op;
  child.async = async;
  child.block = block_ = ++blocks_;
  child.scopes.emplace_back();
  child.scopes.emplace_back();
  unit_ = &child;
  Ops(body);
  if (!Diverges(body)) {
    if (op.def != nullptr && IsParty(op.def->code)) Line("op(" + RustString(op.node->pointer) + ", \"end\");");
    Line("out(0)");
  }
  std::string text = JoinedLines(lines_);
  std::string first;
  for (const std::string& name : child.locals)
    if (child.copied.count(name) == 0) first += "let " + Ident("%" + name) + " = Local::new(0);\n";
  unit_ = child.parent;
  exits_ = exits;
  block_ = block;
  lines_.swap(saved);
  open_.pop_back();
  return first + text;
}

// What has to be said around a moved body so that it gets what it takes.
std::vector<std::string> RustWriter::Prelude(const Op& op, RustUnit& child) {
  std::vector<std::string> out;
  auto named = [](const std::vector<Ref>& refs, const std::string& key) {
    for (const Ref& ref : refs) {
      const std::string text = KeyOf(ref);
      if (text == key || key.starts_with(text + "[")) return true;
    }
    return false;
  };
  for (const std::string& name : child.copied) out.push_back("let " + Ident("%" + name) + " = " + LocalVar(name) + ".copied();");
  for (const RustCapture& capture : child.captures) {
    Ref ref;   // how the body around says it
    std::string base = capture.base;
    if (base.ends_with("[$index]")) base.resize(base.size() - 8);
    RustValue* outer = FindIn(*unit_, capture.base);
    if (outer == nullptr && capture.element >= 0) outer = FindIn(*unit_, capture.key);
    if (outer == nullptr) {
      RustValue* around = FindAround(unit_->parent, capture.base);
      if (around == nullptr) continue;
      // Of an array, the bodies between take that element alone.
      outer = capture.element >= 0 ? Capture({capture.key, capture.base, capture.element, false}, *around) : Capture({capture.base, capture.base, -1, false}, *around);
    }
    const RustValue* inner = FindIn(child, capture.key);
    if (inner == nullptr) continue;
    const bool clone = named(op.clone, capture.key) || named(op.clone, capture.base) || inner->type == "share", borrow = named(op.borrow, capture.key);
    std::string index = capture.copy ? "[index as usize]" : capture.element >= 0 && outer->array ? "[" + std::to_string(capture.element) + "]" : "";
    std::string from;
    if (borrow) {
      const std::string lent = UseValue(*outer, Mode::kRef, index);   // of one in a slot this is a borrow already
      out.push_back("let " + inner->ident + " = " + (lent.ends_with(".as_ref().unwrap()") ? "" : "&") + lent + ";");
      continue;
    }
    if (outer->may_lack) {
      from = Given(*outer);
      if (from != inner->ident) out.push_back("let mut " + inner->ident + " = " + from + ";");
      continue;
    }
    from = UseValue(*outer, clone ? Mode::kRef : Mode::kTake, index);
    if (outer->type == "permit") remotes_.insert("permit " + capture.base);
    if (clone && outer->array && index.empty()) {
      out.push_back("let mut " + inner->ident + ": Vec<_> = " + from + ".iter().cloned().collect();");
    } else if (clone) {
      const Object* channel = Declared(base.substr(0, base.find('.')));
      if (channel != nullptr && channel->kind == Kind::kWatch && base.ends_with(".tx")) remotes_.insert("cloned " + channel->name);
      out.push_back("let mut " + inner->ident + " = " + from + ".clone();");
    } else if (from != inner->ident) {
      out.push_back("let mut " + inner->ident + " = " + from + ";");
    }
    if (inner->optional) out.push_back("let mut " + inner->ident + " = Some(" + inner->ident + ");");
  }
  return out;
}

std::string RustWriter::RuntimeText(const Op& op) {
  if (op.target == Op::Target::kCurrent) return "tokio::runtime::Handle::current()";
  return Use(op.on, Mode::kRef, &op);
}

void RustWriter::Spawn(const Op& op) {
  const Code code = op.def->code;
  const bool thread = code == Code::kSpawnThread, blocking = code == Code::kSpawnBlocking, local = code == Code::kSpawnLocal;
  RustUnit child;
  const std::string inside = OwnBody(op, *op.body, !thread && !blocking, child);
  const std::vector<std::string> prelude = Prelude(op, child);
  std::string name = UnitNameOf(op, *op.body);
  name = op.count && *op.count > 1 ? "format!(\"" + name + "[{index}]\")" : RustString(name) + ".to_string()";
  std::string call;
  if (thread) call = unit_->thread_scopes > 0 ? "scope.spawn(" : "std::thread::spawn(";
  else if (!op.into.empty()) {
    Ref set;
    set.name = op.into;
    set.kind = Kind::kJoinSet;
    const std::string into = Use(set, Mode::kMut, &op);
    if (blocking) Unsupported(&op, "`spawn_blocking` into a join_set");
    call = into + (local ? ".spawn_local(" : op.target == Op::Target::kRef ? ".spawn_on(" : ".spawn(");
  } else if (local) call = op.target == Op::Target::kRef ? Use(op.on, Mode::kRef, &op) + ".spawn_local(" : "tokio::task::spawn_local(";
  else if (op.target == Op::Target::kNone) call = blocking ? "tokio::task::spawn_blocking(" : "tokio::spawn(";
  else {
    // A task that takes the runtime with it is spawned through a handle: the call borrows what it is made on.
    Ref on = op.on;
    for (const RustCapture& capture : child.captures)
      if (capture.base == on.name && on.part != Ref::Part::kHandle && op.target == Op::Target::kRef) on.part = Ref::Part::kHandle;
    call = (op.target == Op::Target::kRef ? Use(on, Mode::kRef, &op) : RuntimeText(op)) + (blocking ? ".spawn_blocking(" : ".spawn(");
  }
  std::string spawned = (thread || blocking ? "in_party(" + name + ", move || {\n" : std::string(op.target == Op::Target::kNone && !local ? "tracked_here(" : "tracked(") + name + ", async move {\n") + inside + "\n})";
  if (!prelude.empty()) spawned = "{\n" + JoinedLines(prelude) + "\n" + spawned + "\n}";
  spawned = call + spawned;
  if (!op.into.empty() && op.target == Op::Target::kRef && !local) {
    Ref handle = op.on;
    if (handle.part == Ref::Part::kHandle) spawned += ", &" + Use(handle, Mode::kRef, &op);
    else spawned += ", " + Use(handle, Mode::kRef, &op) + ".handle()";
  }
  spawned += ")";
  const bool remote = !op.as.empty() && remotes_.count(op.as) != 0;
  const std::string ident = op.as.empty() ? "" : Ident(op.as);
  const std::string remote_of = thread ? ".thread().clone()" : ".remote()";
  if (op.count && (*op.count != 1 || !op.as.empty())) {
    if (!op.as.empty()) Line("let mut " + ident + " = Vec::new();");
    Line("for index in 0.." + std::to_string(*op.count) + "i64 {");
    if (op.as.empty()) Line("drop(" + spawned + ");");
    else if (!op.into.empty()) Line(ident + ".push(" + spawned + ");");
    else Line(ident + ".push(Some(" + (remote && !thread ? "task(" + spawned + ")" : spawned) + "));");
    Line("}");
    if (!op.as.empty() && op.into.empty()) {
      if (remote) Line("let " + Ident("&" + op.as) + " = shared(" + ident + ".iter().map(|one| one.as_ref().unwrap()" + remote_of + ").collect::<Vec<_>>());");
      Declare(op.as, ident, "task").array = true;
    } else if (!op.as.empty() && remote) {
      Line("let " + Ident("&" + op.as) + " = shared(" + ident + ");");
    }
    return;
  }
  if (!op.into.empty() && !op.as.empty()) {   // the name is for `abort` alone
    Line("let " + ident + " = " + spawned + ";");
    if (remote) Line("let " + Ident("&" + op.as) + " = shared(" + ident + ");");
    return;
  }
  const std::string made = remote && !thread ? "task(" + spawned + ")" : spawned;
  if (op.as.empty()) { Line("drop(" + made + ");"); return; }
  RustValue& bound = Declare(op.as, ident, "task");
  const bool optional = bound.optional;
  Line("let mut " + ident + " = " + (optional ? "Some(" + made + ")" : made) + ";");
  if (remote) Line("let " + Ident("&" + op.as) + " = shared(" + ident + (optional ? ".as_ref().unwrap()" : "") + remote_of + ");");
}

bool RustWriter::IsSent(const std::string& object) const {
  auto lock = lock_of_.find(object);
  return remotes_.count("sent " + object) != 0 || (lock != lock_of_.end() && remotes_.count("sent " + ShareOf(lock->second)) != 0);
}

bool RustWriter::IsNotSend(const RustValue& value) const {
  if (value.not_send || value.type == "enter") return true;
  const Object* object = Declared(value.type == "guard" ? value.object : value.key.substr(0, value.key.find('[')));
  if (object == nullptr) return false;
  switch (object->kind) {
    case Kind::kStdMutex: case Kind::kStdRwlock: case Kind::kWatch: return value.type == "guard";
    case Kind::kLocalSet: return true;
    case Kind::kValue: return !object->send;
    case Kind::kFuturesUnordered: return !IsSent(object->name);   // nor need its members be
    default: return false;
  }
}

// A lock that several may read, with a receiver of std in it, is not to be shared between threads.
bool RustWriter::SharesReceiver(const std::string& body) {
  return std::any_of(scenario_.objects.begin(), scenario_.objects.end(), [&](const Object& object) {
    if (object.kind != Kind::kRwlock && object.kind != Kind::kStdRwlock) return false;
    const bool holds = std::any_of(object.holds.begin(), object.holds.end(), [](const Ref& ref) { return ref.kind == Kind::kStdChannel && ref.part == Ref::Part::kRx; });
    return holds && body.find(Ident(object.name) + ".") != std::string::npos;
  });
}

bool RustWriter::TakesNotSend(const RustUnit& child) {
  return std::any_of(child.scopes.front().begin(), child.scopes.front().end(), [&](const RustValue& value) { return IsNotSend(value); });
}

void RustWriter::MakeFuture(const Op& op) {
  if (op.def->code == Code::kArm) {
    const std::string ident = Ident(op.as);
    RustValue& bound = Declare(op.as, ident, "notified");
    bound.is_arm = true;
    const bool optional = bound.optional;
    Line("let mut " + ident + " = Box::pin(" + Shared(op.on) + ".notified());");
    if (op.enable) Line(ident + ".as_mut().enable();");
    if (optional) Line("let mut " + ident + " = Some(" + ident + ");");
    return;
  }
  RustUnit child;
  const bool value = op.def->code == Code::kMakeValue;
  static const Body kNothing;
  const Body& body = value ? op.drop ? *op.drop : kNothing : *op.body;
  const std::string inside = OwnBody(op, body, !value, child);
  const std::vector<std::string> prelude = Prelude(op, child);
  std::string made;
  bool stays = TakesNotSend(child);
  if (value) {
    stays = !op.send || TakesNotSend(child) || SharesReceiver(inside);
    made = std::string(stays ? "LocalOnDrop" : "OnDrop") + "::new(move || {\nlet _: Out = (move || {\n" + inside + "\n})();\n})";
    if (op.shared) made = "Arc::new(" + made + ")";
  } else {
    made = "future(async move {\n" + inside + "\n})";
  }
  if (!prelude.empty()) made = "{\n" + JoinedLines(prelude) + "\n" + made + "\n}";
  if (op.def->code == Code::kPush) {   // a shared borrow would not be Send in a future, and the set changes
    const std::string set = Use(op.on, Mode::kMut, &op);
    Line((set == Ident(op.on.name) ? "(&mut " + set + ")" : set) + ".push(" + made + ");");
    return;
  }
  RustValue& bound = Declare(op.as, Ident(op.as), value ? "value" : "future");
  bound.not_send = stays;
  Line("let mut " + bound.ident + " = " + (bound.optional ? "Some(" + made + ")" : made) + ";");
}

}  // namespace asyncrt
