// Bodies, spawns, combinators and control flow.
#include "core/export/rust_writer.h"

#include "core/scenario/names.h"

namespace asyncrt {

using Fails = RustAct::Fails;

namespace {

bool IsAsyncBlockOp(Code code) {
  switch (code) {
    case Code::kTimeout: case Code::kJoin: case Code::kFuture: case Code::kUnconstrained: case Code::kBlockOn: case Code::kCatchPanic:
    case Code::kGetOrInit: case Code::kRunUntil: return true;
    default: return MovesBody(code);
  }
}

template <typename Found>
bool AnyOp(const Body& body, const Found& found) {
  for (const Op& op : body.ops) {
    if (found(op)) return true;
    const bool own = IsAsyncBlockOp(op.def->code);
    for (const Body* inner : {own ? nullptr : op.body.get(), op.then.get(), op.otherwise.get(), op.on_failure.get()})
      if (inner != nullptr && AnyOp(*inner, found)) return true;
    for (const Branch& branch : op.branches) {
      if (branch.then && AnyOp(*branch.then, found)) return true;
      if (op.def->code == Code::kChoose && branch.await && AnyOp(*branch.await, found)) return true;
    }
  }
  return false;
}

std::string Joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += (out.empty() ? "" : "\n") + line;
  return out;
}

std::string Grouped(const std::string& expr) { return expr.starts_with("{") || expr.starts_with("*") ? "(" + expr + ")" : expr; }

bool HasBreak(const Body& body) {
  for (const Op& op : body.ops) {
    const Code code = op.def->code;
    if (code == Code::kBreak) return true;
    const bool inner_loop = code == Code::kLoop || code == Code::kWhile || IsAsyncBlockOp(code);
    for (const Body* inner : {inner_loop ? nullptr : op.body.get(), op.then.get(), op.otherwise.get(), op.on_failure.get()})
      if (inner != nullptr && HasBreak(*inner)) return true;
    for (const Branch& branch : op.branches) {
      if (branch.then && HasBreak(*branch.then)) return true;
      if (code == Code::kChoose && branch.await && HasBreak(*branch.await)) return true;
    }
  }
  return false;
}

}  // namespace

bool HasExits(const Body& body) {
  return AnyOp(body, [](const Op& op) { return op.def->code == Code::kReturn || op.def->code == Code::kFail; });
}
bool HasFail(const Body& body) {
  return AnyOp(body, [](const Op& op) { return op.def->code == Code::kFail; });
}

bool Diverges(const Body& body) {
  if (body.ops.empty()) return false;
  const Op& last = body.ops.back();
  switch (last.def->code) {
    case Code::kReturn: case Code::kFail: case Code::kBreak: case Code::kContinue: case Code::kPanic: return true;
    case Code::kIf: return last.then && last.otherwise && Diverges(*last.then) && Diverges(*last.otherwise);
    case Code::kLoop: return !last.times && !HasBreak(*last.body);
    case Code::kCall: return Diverges(*last.body);
    case Code::kChoose:
      for (const Branch& branch : last.branches) if (!branch.await || !Diverges(*branch.await)) return false;
      return true;
    default: return false;
  }
}

const Op* SingleOp(const Body& body) {
  if (body.ops.size() != 1 || body.ops[0].has_or) return nullptr;
  const Op& op = body.ops[0];
  switch (op.def->code) {
    case Code::kLock: case Code::kRead: case Code::kWrite: case Code::kTryLock: case Code::kTryRead: case Code::kTryWrite:
    case Code::kAcquire: case Code::kTryAcquire: case Code::kReserve:
      return op.body == nullptr ? &op : nullptr;
    case Code::kRecv: case Code::kTryRecv: case Code::kSend: case Code::kTrySend: case Code::kChanged: case Code::kWaitFor: case Code::kNotified:
    case Code::kAwait: case Code::kSleep: case Code::kYieldNow: case Code::kCancelled: case Code::kClosed: case Code::kWait: case Code::kJoinNext:
    case Code::kNext: case Code::kPending: case Code::kBlockingRecv: case Code::kRecvTimeout: case Code::kSubscribe: case Code::kTimeout:
      return &op;
    default: return nullptr;
  }
}

// ---- blocks ------------------------------------------------------------------------------------------------------

void RustWriter::Ops(const Body& body) {
  for (const Op& op : body.ops) Statement(op);
}

void RustWriter::Block(const Body& body) {
  unit_->scopes.emplace_back();
  ++nesting_;
  Ops(body);
  --nesting_;
  unit_->scopes.pop_back();
}

std::string RustWriter::BlockText(const Body& body) {
  std::vector<std::string> saved;
  saved.swap(lines_);
  Block(body);
  std::string text = Joined(lines_);
  lines_.swap(saved);
  return text;
}

// The inside of an `async` block that is part of this body.
std::string RustWriter::AsyncText(const std::function<void()>& write, bool straight) {
  std::vector<std::string> saved;
  saved.swap(lines_);
  const int block = block_, nesting = nesting_;
  const bool async = unit_->async;
  block_ = ++blocks_;
  if (straight) straight_[block_] = {block, nesting};
  nesting_ = 0;
  unit_->async = true;
  unit_->scopes.emplace_back();
  write();
  unit_->scopes.pop_back();
  unit_->async = async;
  block_ = block;
  nesting_ = nesting;
  std::string text = Joined(lines_);
  lines_.swap(saved);
  return text;
}

std::string RustWriter::AsyncBlock(const Body& body, bool* gives_out, bool straight) {
  *gives_out = HasExits(body);
  std::string text = AsyncText([&] { Ops(body); }, straight);
  if (*gives_out && !Diverges(body)) text += "\nout(0)";
  return "async {\n" + text + "\n}";
}

void RustWriter::Marker(const Op& op) {
  std::string text(op.def->verb);
  if (op.target == Op::Target::kRef) {
    text += " " + op.on.name;
    text += op.on.part == Ref::Part::kTx ? ".tx" : op.on.part == Ref::Part::kRx ? ".rx" : op.on.part == Ref::Part::kHandle ? ".handle" : "";
  } else if (!op.as.empty()) {
    text += " " + op.as;
  }
  Line("op(" + RustString(op.node->pointer) + ", " + RustString(text) + ");");
}

// ---- bodies that move ----------------------------------------------------------------------------------------------

// The inside of a moved body; `child` gets what it captures.
std::string RustWriter::OwnBody(const Op& op, const Body& body, bool async, RustUnit& child) {
  for (const Body* open : open_)
    if (open == &body) { Unsupported(&op, "a body that spawns itself"); return ""; }
  open_.push_back(&body);
  std::vector<std::string> saved;
  saved.swap(lines_);
  const int block = block_, nesting = nesting_;
  child.parent = unit_;
  child.made_by = &op;
  child.async = async;
  child.block = block_ = ++blocks_;
  nesting_ = 0;
  child.scopes.emplace_back();
  child.scopes.emplace_back();
  unit_ = &child;
  Ops(body);
  if (!Diverges(body)) Line("out(0)");
  std::string text = Joined(lines_);
  std::string first;
  for (const std::string& name : child.locals)
    if (child.copied.count(name) == 0) first += "let " + Ident("%" + name) + " = Local::new(0);\n";
  // Captured values fall in reverse order of arrival, as those that the body makes.
  if (child.captures.size() > 1)
    for (const RustCapture& capture : child.captures)
      if (const RustValue* value = FindIn(child, capture.key)) first += "let mut " + value->ident + " = " + value->ident + ";\n";
  unit_ = child.parent;
  block_ = block;
  nesting_ = nesting;
  lines_.swap(saved);
  open_.pop_back();
  return first + text;
}

// What has to be said around a moved body so that it gets what it takes.
std::vector<std::string> RustWriter::Prelude(const Op& op, RustUnit& child) {
  std::vector<std::string> out;
  auto named = [](const std::vector<Ref>& refs, const std::string& key) {
    for (const Ref& ref : refs) {
      const std::string text = ref.name + (ref.part == Ref::Part::kTx ? ".tx" : ref.part == Ref::Part::kRx ? ".rx" : "");
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
    if (outer == nullptr) {
      RustValue* around = FindAround(unit_->parent, capture.base);
      if (around == nullptr) continue;
      outer = Capture({capture.base, capture.base, -1, false}, *around);
    }
    const RustValue* inner = FindIn(child, capture.key);
    if (inner == nullptr) continue;
    const bool clone = named(op.clone, capture.key) || named(op.clone, capture.base), borrow = named(op.borrow, capture.key);
    std::string index = capture.copy ? "[index as usize]" : capture.element >= 0 ? "[" + std::to_string(capture.element) + "]" : "";
    std::string from;
    if (borrow) {
      out.push_back("let " + inner->ident + " = &" + UseValue(*outer, Mode::kRef, index) + ";");
      continue;
    }
    from = UseValue(*outer, clone ? Mode::kRef : Mode::kTake, index);
    if (outer->type == "permit") remotes_.insert("permit " + capture.base);
    if (clone && outer->array && index.empty()) {
      out.push_back("let mut " + inner->ident + ": Vec<_> = " + from + ".iter().cloned().collect();");
    } else if (clone) {
      const Object* channel = Declared(base.substr(0, base.find('.')));
      if (channel != nullptr && channel->kind == Kind::kWatch && base.ends_with(".tx")) Unsupported(&op, "a clone of a watch sender, which Debian's Tokio does not have");
      out.push_back("let mut " + inner->ident + " = " + from + ".clone();");
    } else if (from != inner->ident) {
      out.push_back("let mut " + inner->ident + " = " + from + ";");
    }
    if (inner->optional) out.push_back("let mut " + inner->ident + " = Some(" + inner->ident + ");");
  }
  return out;
}

std::string RustWriter::Runtime_(const Op& op) {
  if (op.target == Op::Target::kCurrent) return "tokio::runtime::Handle::current()";
  return Use(op.on, Mode::kRef, &op);
}

void RustWriter::Spawn(const Op& op) {
  const Code code = op.def->code;
  const bool thread = code == Code::kSpawnThread, blocking = code == Code::kSpawnBlocking, local = code == Code::kSpawnLocal;
  RustUnit child;
  const std::string inside = OwnBody(op, *op.body, !thread && !blocking, child);
  const std::vector<std::string> prelude = Prelude(op, child);
  std::string name = !op.as.empty() ? op.as : !op.body->named.empty() ? op.body->named : std::string(op.def->verb) + "@" + std::to_string(op.node->place.line);
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
  else call = Runtime_(op) + (blocking ? ".spawn_blocking(" : ".spawn(");
  std::string spawned = (thread || blocking ? "in_party(" + name + ", move || {\n" : "tracked(" + name + ", async move {\n") + inside + "\n})";
  if (!prelude.empty()) spawned = "{\n" + Joined(prelude) + "\n" + spawned + "\n}";
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
  if (value) {
    made = std::string(op.send ? "OnDrop" : "LocalOnDrop") + "::new(move || {\nlet _: Out = (move || {\n" + inside + "\n})();\n})";
    if (op.shared) made = "Arc::new(" + made + ")";
  } else {
    made = "Box::pin(async move {\n" + inside + "\n})";
  }
  if (!prelude.empty()) made = "{\n" + Joined(prelude) + "\n" + made + "\n}";
  if (op.def->code == Code::kPush) { Line(Use(op.on, Mode::kMut, &op) + ".push(" + made + ");"); return; }
  RustValue& bound = Declare(op.as, Ident(op.as), value ? "value" : "future");
  bound.is_future = !value;
  Line("let mut " + bound.ident + " = " + (bound.optional ? "Some(" + made + ")" : made) + ";");
}

// ---- combinators ---------------------------------------------------------------------------------------------------

void RustWriter::Select(const Op& op) {
  std::vector<std::string> heads;
  std::vector<std::string> bodies;
  for (const Branch& branch : op.branches) {
    std::string pattern = "_", future;
    const Op* single = branch.await ? SingleOp(*branch.await) : nullptr;
    RustAct act;
    if (branch.name) {
      RustValue* value = Lookup(*branch.name);
      future = "&mut " + Use(*branch.name, Mode::kMut, &op);
      pattern = value != nullptr && value->is_arm ? "_" : branch.name->kind == Kind::kTask ? "Ok(Ok(_))" : "Ok(_)";
    } else if (single != nullptr) {
      future = AsyncText([&] {
        Marker(*single);
        act = Act(*single);
        Line(act.fails == Fails::kResult ? Grouped(act.expr) + ".ok()" : act.expr);
      }, false);
      future = "async {\n" + future + "\n}";
      const bool gives = act.binds || act.gives_message || act.gives_value;
      pattern = act.fails == Fails::kNever ? gives ? "got" : "_" : gives ? "Some(got)" : "Some(_)";
    } else {
      bool gives = false;
      future = AsyncBlock(*branch.await, &gives);
      if (gives) pattern = "Ok(_)";
    }
    std::string head = pattern + " = " + future;
    if (branch.condition) head += ", if " + Bool(*branch.condition);
    std::vector<std::string> saved;
    saved.swap(lines_);
    unit_->scopes.emplace_back();
    ++nesting_;
    if (single != nullptr && (act.binds || (act.gives_message && !single->with.empty()) || (act.gives_value && !single->var.empty()))) {
      act.fails = Fails::kNever;
      Bind(single->def->code == Code::kTimeout ? *SingleOp(*single->body) : *single, act, "got");
    }
    if (branch.then) Ops(*branch.then);
    --nesting_;
    unit_->scopes.pop_back();
    bodies.push_back(Joined(lines_));
    lines_.swap(saved);
    heads.push_back(head);
  }
  Line("tokio::select! {");
  if (op.biased) Line("biased;");
  for (std::size_t k = 0; k < heads.size(); ++k) Line(heads[k] + " => {\n" + bodies[k] + "\n}");
  if (op.otherwise) Line("else => {\n" + BlockText(*op.otherwise) + "\n}");
  Line("}");
}

RustAct RustWriter::Join(const Op& op) {
  RustAct act;
  std::string branches;
  if (op.biased) Unsupported(&op, "a biased `join`");
  for (const Branch& branch : op.branches) {
    std::string text;
    if (branch.name) {
      text = "&mut " + Use(*branch.name, Mode::kMut, &op);
      if (branch.name->kind == Kind::kTask && op.try_join) text = "async { " + Grouped(text) + ".await.unwrap() }";
    } else {
      bool gives = false;
      text = AsyncBlock(*branch.await, &gives);
      if (op.try_join && !gives) text = "async {\n" + text + ".await;\nout(0)\n}";
    }
    branches += (branches.empty() ? "" : ",\n") + text;
  }
  act.expr = op.try_join ? "tokio::try_join!(\n" + branches + "\n)" : "{ let _ = tokio::join!(\n" + branches + "\n); }";
  act.fails = op.try_join ? Fails::kResult : Fails::kNever;
  return act;
}

RustAct RustWriter::Timeout(const Op& op) {
  RustAct act;
  const std::string start = "tokio::time::timeout(" + Time(op) + ", ";
  if (op.await_name) {
    RustValue* value = Lookup(*op.await_name);
    const bool plain = value != nullptr && value->is_arm, task = op.await_name->kind == Kind::kTask;
    act.expr = start + "&mut " + Use(*op.await_name, Mode::kMut, &op) + ").await";
    if (task) act.expr += ".map_err(|late| late.to_string()).and_then(joined)";
    else if (!plain) act.expr += ".map_err(|_| Fail).and_then(|end| end)";
    act.fails = Fails::kResult;
    return act;
  }
  if (const Op* single = SingleOp(*op.body); single != nullptr && single->def->code != Code::kTimeout) {
    const std::string inner = AsyncText([&] {
      Marker(*single);
      act = Act(*single);
      Line(act.fails == Fails::kNever ? act.expr : Grouped(act.expr) + ".unwrap()");
    }, false);
    act.expr = start + "async {\n" + inner + "\n}).await";
    act.fails = Fails::kResult;
    return act;
  }
  bool gives = false;
  const std::string block = AsyncBlock(*op.body, &gives);
  act.expr = start + block + ").await";
  if (gives) act.expr += ".map_err(|_| Fail).and_then(|end| end)";
  act.fails = Fails::kResult;
  return act;
}

RustAct RustWriter::BlockOn(const Op& op) {
  RustAct act;
  bool gives = false;
  const bool futures = op.target == Op::Target::kFutures;
  const std::string start = futures ? "futures::executor::block_on(" : Runtime_(op) + ".block_on(";
  std::string block;
  if (!op.local.empty()) {
    Ref set;
    set.name = op.local;
    set.kind = Kind::kLocalSet;
    const std::string text = Use(set, Mode::kRef, &op);
    block = AsyncBlock(*op.body, &gives, true);
    block = text + ".run_until(" + block + ")";
  } else {
    block = AsyncBlock(*op.body, &gives, true);
  }
  act.expr = start + block + ")";
  act.fails = gives ? Fails::kResult : Fails::kNever;
  return act;
}

void RustWriter::CatchPanic(const Op& op) {
  if (unit_->async) {
    bool gives = false;
    Line("if catch_panic(" + AsyncBlock(*op.body, &gives) + ").await.is_err() {");
  } else {
    const bool gives = HasExits(*op.body);
    std::string text = BlockText(*op.body);
    if (gives && !Diverges(*op.body)) text += "\nout(0)";
    Line(std::string("if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| ") + (gives ? "-> Out " : "") + "{\n" + text + "\n})).is_err() {");
  }
  Failure(op);
  Line("}");
}

// ---- statements ----------------------------------------------------------------------------------------------------

void RustWriter::Failure(const Op& op) {
  if (op.on_failure) Block(*op.on_failure);
}

// `option` is what a fallible op with an `or` gave.
void RustWriter::BindOrElse(const Op& op, const Op& binder, const RustAct& act, const std::string& option) {
  const bool names = act.binds || (act.gives_message && !binder.with.empty());
  const bool body = act.binds && binder.body != nullptr && &binder == &op;
  const bool sets = act.gives_value && !binder.var.empty();
  if (body) {
    Line("if let Some(got) = " + option + " {");
    unit_->scopes.emplace_back();
    ++nesting_;
    Bind(binder, act, "got");
    Ops(*binder.body);
    --nesting_;
    unit_->scopes.pop_back();
    Line("} else {");
    Failure(op);
    Line("}");
    return;
  }
  if (names && op.on_failure && Diverges(*op.on_failure)) {
    Line("let got = match " + option + " {");
    Line("Some(got) => got,");
    Line("None => {");
    Failure(op);
    Line("}");
    Line("};");
    Bind(binder, act, "got");
    return;
  }
  if (act.binds) {
    const std::string ident = act.key.empty() ? Fresh(act.hint) : Ident(act.key);
    Line("let mut " + ident + " = " + option + (act.wrap.empty() ? "" : ".map(|got| " + act.wrap + "got))") + ";");
    RustValue& bound = Declare(act.key.empty() ? "guard " + ident : act.key, ident, act.type);
    bound.object = act.object;
    bound.optional = true;
    Line("if " + ident + ".is_none() {");
    Failure(op);
    Line("}");
    return;
  }
  if (names) {
    std::string pattern = "Some((got", sets_them;
    for (const Ref& ref : binder.with) {
      std::string key = ref.name + (ref.part == Ref::Part::kTx ? ".tx" : ref.part == Ref::Part::kRx ? ".rx" : "");
      if (ref.index && ref.index->kind == Expr::Kind::kNumber) key += "[" + std::to_string(ref.index->number) + "]";
      RustValue* known = FindIn(*unit_, key);
      if (known == nullptr) {
        known = &Declare(key, Ident(key), "message");
        known->optional = true;
        known->is_arm = ref.kind == Kind::kNotified;
        Line("let mut " + known->ident + " = None;");
      }
      const std::string fresh = Fresh("got_" + known->ident);
      pattern += ", " + fresh;
      sets_them += known->ident + " = " + (known->optional ? "Some(" + fresh + ")" : fresh) + ";\n";
    }
    Line("match " + option + " {");
    Line(pattern + ")) => {");
    if (!binder.var.empty()) Line(LocalVar(binder.var) + ".set(got);");
    Line(sets_them + "}");
    Line("None => {");
    Failure(op);
    Line("}");
    Line("}");
    return;
  }
  if (sets) {
    Line("match " + option + " {");
    Line("Some(got) => " + LocalVar(binder.var) + ".set(got),");
    Line("None => {");
    Failure(op);
    Line("}");
    Line("}");
    return;
  }
  if (!op.on_failure || op.on_failure->ops.empty()) { Line("let _ = " + option + ";"); return; }
  Line("if " + option + ".is_none() {");
  Failure(op);
  Line("}");
}

void RustWriter::Statement(const Op& op) {
  if (!op.at.empty() || !op.note.empty())
    Line("// " + RustComment(op.at) + (op.at.empty() || op.note.empty() ? "" : ": ") + RustComment(op.note));
  switch (op.def->code) {
    case Code::kLoop: case Code::kWhile: case Code::kIf: case Code::kChoose: case Code::kBreak: case Code::kContinue: case Code::kReturn:
    case Code::kFail: case Code::kCall: case Code::kSet: break;
    default: Marker(op);
  }
  auto braces = [&](const std::string& head, const Body* body) {
    Line(head + " {");
    if (body != nullptr) Block(*body);
    Line("}");
  };
  switch (op.def->code) {
    case Code::kBuild: {
      const Runtime* runtime = DeclaredRuntime(op.on.name);
      const std::string ident = Ident(op.on.name);
      RustValue& bound = Declare(op.on.name, ident, "runtime");
      Line("let mut " + ident + " = " + BuilderText(*runtime) + ";");
      Line(Ident(op.on.name + ".handle") + ".set(" + ident + ".handle().clone());");
      if (bound.optional) Line("let mut " + ident + " = Some(" + ident + ");");
      return;
    }
    case Code::kEnter: {
      if (op.body) Line("{");
      const std::string ident = op.as.empty() ? Fresh("entered") : Ident(op.as);
      Line("let " + ident + " = " + Runtime_(op) + ".enter();");
      if (op.body) { Block(*op.body); Line("drop(" + ident + ");"); Line("}"); }
      else Declare(op.as.empty() ? "enter " + ident : op.as, ident, "enter");
      return;
    }
    case Code::kSpawn: case Code::kSpawnBlocking: case Code::kSpawnLocal: case Code::kSpawnThread: Spawn(op); return;
    case Code::kFuture: case Code::kArm: case Code::kPush: case Code::kMakeValue: MakeFuture(op); return;
    case Code::kBlockInPlace: {
      if (HasExits(*op.body)) Unsupported(&op, "`return` out of `block_in_place`");
      const bool async = unit_->async;
      unit_->async = false;
      Line("tokio::task::block_in_place(|| {\n" + BlockText(*op.body) + "\n});");
      unit_->async = async;
      return;
    }
    case Code::kThreadScope: {
      ++unit_->thread_scopes;
      Line("std::thread::scope(|scope| {\n" + BlockText(*op.body) + "\n});");
      --unit_->thread_scopes;
      return;
    }
    case Code::kAbort: case Code::kUnpark: {
      const std::string verb = op.def->code == Code::kAbort ? ".abort();" : ".unpark();";
      if (op.on.name == "main") { Line("main_thread.unpark();"); return; }
      std::optional<std::string> index;
      if (op.on.index) index = Index(op.on);
      const std::string remote = Remote(op.on.name, index);
      const RustValue* whole = FindAround(unit_, op.on.name);
      if (!op.on.index && whole != nullptr && whole->array) Line("for one in " + remote + ".iter() { one" + verb + " }");
      else Line(remote + verb);
      return;
    }
    case Code::kDrop: case Code::kForget: case Code::kUse: case Code::kUnlock: case Code::kRelease: Release(op); return;
    case Code::kShutdownBackground: case Code::kShutdownTimeout: {
      const std::string call = op.def->code == Code::kShutdownBackground ? "shutdown_background()" : "shutdown_timeout(" + Time(op) + ")";
      const std::string runtime = Use(op.on, Mode::kTake, &op);
      if (DeclaredRuntime(op.on.name)->shared) Line("if let Ok(last) = Arc::try_unwrap(" + runtime + ") { last." + call + " }");
      else Line(runtime + "." + call + ";");
      return;
    }
    case Code::kAwait: case Code::kJoinThread: {
      RustValue* value = op.on.index ? nullptr : Lookup(op.on);
      if (value != nullptr && value->array) {   // each in order
        Line("for one in " + value->ident + ".drain(..).flatten() {");
        RustAct act;
        act.expr = op.def->code == Code::kAwait ? "joined(one.await)" : "joined_thread(one.join())";
        act.gives_value = true;
        act.fails = Fails::kResult;
        ++nesting_;
        if (op.has_or) BindOrElse(op, op, act, act.expr + ".ok()");
        else Bind(op, act, act.expr + ".unwrap()");
        --nesting_;
        Line("}");
        return;
      }
      break;
    }
    case Code::kSelect: Select(op); return;
    case Code::kLoop:
      braces(op.times ? "for _ in 0.." + Int(*op.times) : "loop", op.body.get());
      return;
    case Code::kWhile: braces("while " + Bool(*op.condition), op.body.get()); return;
    case Code::kIf:
      Line("if " + Bool(*op.condition) + " {");
      if (op.then) Block(*op.then);
      if (op.otherwise) { Line("} else {"); Block(*op.otherwise); }
      Line("}");
      return;
    case Code::kChoose: {
      Line("match choose(" + std::to_string(op.branches.size()) + ") {");
      for (std::size_t k = 0; k < op.branches.size(); ++k)
        braces((k + 1 < op.branches.size() ? std::to_string(k) : std::string("_")) + " =>", op.branches[k].await.get());
      Line("}");
      return;
    }
    case Code::kBreak: Line("break;"); return;
    case Code::kContinue: Line("continue;"); return;
    case Code::kReturn: Line("return out(" + (op.value ? Int(*op.value) : "0") + ");"); return;
    case Code::kFail: Line("return failed();"); return;
    case Code::kCall: braces("", op.body.get()); return;
    case Code::kSet: Line(LocalVar(op.var) + ".set(" + Int(*op.to) + ");"); return;
    case Code::kAssert: Line("assert!(" + Bool(*op.condition) + ");"); return;
    case Code::kPanic: Line("panic!(\"{}\", " + RustString(op.message.empty() ? "explicit panic" : op.message) + ");"); return;
    case Code::kCatchPanic: CatchPanic(op); return;
    case Code::kIoRead: case Code::kIoWrite: Unsupported(&op, "pipes of kind `io`"); return;
    default: break;
  }
  const RustAct act = Act(op);
  const Op* single = op.def->code == Code::kTimeout && op.body ? SingleOp(*op.body) : nullptr;
  const Op& binder = single != nullptr ? *single : op;
  if (act.fails != Fails::kNever && op.has_or) {
    BindOrElse(op, binder, act, act.fails == Fails::kResult ? Grouped(act.expr) + ".ok()" : act.expr);
    return;
  }
  const std::string value = act.fails == Fails::kNever ? act.expr : Grouped(act.expr) + ".unwrap()";
  if (act.binds && op.body != nullptr && single == nullptr) {
    Line("{");
    unit_->scopes.emplace_back();
    Bind(op, act, value);
    Ops(*op.body);
    unit_->scopes.pop_back();
    Line("}");
    return;
  }
  Bind(binder, act, value);
}

void RustWriter::Release(const Op& op) {
  const std::string verb = op.def->code == Code::kForget ? "std::mem::forget(" : op.def->code == Code::kUse ? "used(&" : "drop(";
  const bool is_use = op.def->code == Code::kUse;
  const Object* object = Declared(op.on.name);
  const bool by_object = object != nullptr && op.on.part != Ref::Part::kTx && (!IsOwned(object->kind) || (op.def->code == Code::kUnlock && op.on.kind == Kind::kWatch));
  if (by_object) {
    if (is_use) { Line("used(&" + Shared(op.on) + ");"); return; }
    RustValue* latest = nullptr;
    for (auto scope = unit_->scopes.rbegin(); scope != unit_->scopes.rend() && (latest == nullptr || latest->taken); ++scope)
      for (auto value = scope->rbegin(); value != scope->rend(); ++value)
        if (value->object == op.on.name && (latest == nullptr || (latest->taken && !value->taken))) latest = &*value;
    if (latest == nullptr) { Unsupported(&op, "`" + op.on.name + "` is released where it is not seen to be held"); return; }
    if (latest->taken) slots_.insert(latest->id);
    const std::string text = UseValue(*latest, Mode::kTake, "");
    Line(verb + (latest->optional ? latest->ident + ".take()" : text) + ");");
    return;
  }
  if (op.on.kind == Kind::kRuntime && op.on.part == Ref::Part::kHandle) { Line("used(&" + Use(op.on, Mode::kRef, &op) + ");"); return; }
  RustValue* value = Lookup(op.on);
  if (value == nullptr) { Unsupported(&op, "`" + op.on.name + "` is not at hand here"); return; }
  const std::string index = value->array ? Index(op.on) : "";
  std::string text = UseValue(*value, is_use ? Mode::kRef : Mode::kTake, index);
  if (!is_use && value->optional && !value->array) text = value->ident + ".take()";
  if (!is_use && value->array && !index.empty()) text = value->ident + index + ".take()";
  Line(verb + text + ");");
}

}  // namespace asyncrt
