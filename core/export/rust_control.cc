// Blocks and statements.
#include "core/export/rust_writer.h"

#include <algorithm>
#include <utility>

#include "core/scenario/names.h"

namespace asyncrt {

using Fails = RustAct::Fails;

// ---- blocks ------------------------------------------------------------------------------------------------------

void RustWriter::Ops(const Body& body) {
  for (const Op& op : body.ops) Statement(op);
}

void RustWriter::Block(const Body& body) {
  unit_->scopes.emplace_back();
  Ops(body);
  unit_->scopes.pop_back();
}

std::string RustWriter::BlockText(const Body& body) {
  std::vector<std::string> saved;
  saved.swap(lines_);
  Block(body);
  std::string text = JoinedLines(lines_);
  lines_.swap(saved);
  return text;
}

RustWriter::Taken RustWriter::TakenHere() const {
  Taken taken;
  for (const auto& scope : unit_->scopes)
    for (const RustValue& value : scope)
      if (value.taken) taken.emplace(value.id, value.partly);
  return taken;
}

void RustWriter::SetTaken(const Taken& taken) {
  for (auto& scope : unit_->scopes)
    for (RustValue& value : scope) {
      auto it = taken.find(value.id);
      value.taken = it != taken.end();
      value.partly = value.taken && it->second;
    }
}

void RustWriter::WhereMeet(const std::vector<Taken>& ways) {
  Taken met;
  for (const Taken& way : ways)
    for (const auto& [id, partly] : way) {
      bool& is_partly = met[id];
      is_partly = is_partly || partly;
    }
  for (auto& [id, partly] : met)
    for (const Taken& way : ways) partly = partly || way.count(id) == 0;
  SetTaken(met);
}

void RustWriter::Alternatives(const std::vector<const Body*>& bodies, const std::function<void(std::size_t, const std::function<void()>&)>& around) {
  const Taken before = TakenHere();
  std::vector<Taken> ways;
  for (std::size_t k = 0; k < bodies.size(); ++k) {
    SetTaken(before);
    around(k, [&] { if (bodies[k] != nullptr) Block(*bodies[k]); });
    if (bodies[k] == nullptr || !Diverges(*bodies[k])) ways.push_back(TakenHere());
  }
  WhereMeet(ways);
}

// The inside of an async block or a closure that is part of this body. Rust moves into it from the start what it moves
// somewhere, unless that is only taken out of its slot.
std::string RustWriter::InPlace(bool async, const std::function<void()>& write) {
  std::vector<std::string> saved;
  saved.swap(lines_);
  const int block = std::exchange(block_, ++blocks_);
  const bool around = std::exchange(unit_->async, async);
  Exits* const exits = std::exchange(exits_, async ? nullptr : exits_);
  Place& place = places_[block_];
  place.around = block;
  unit_->scopes.emplace_back();
  write();
  unit_->scopes.pop_back();
  std::string owned;
  bool is_moved = true;
  for (const auto& [id, ident] : place.mentions) {
    if (place.takes.count(id) == 0) continue;
    owned += (owned.empty() ? "" : ", ") + ident;
    is_moved = is_moved && slots_.count(id) == 0;
  }
  if (!is_moved) lines_.insert(lines_.begin(), "if false {\ndrop((" + owned + ",));\nunreachable!()\n}");
  unit_->async = around;
  exits_ = exits;
  block_ = block;
  std::string text = JoinedLines(lines_);
  lines_.swap(saved);
  return text;
}

std::string RustWriter::ClosureText(const Body& body) {
  return InPlace(false, [&] { Ops(body); });
}

// A body that Rust has in a closure and that is none of its own: what leaves it goes on outside.
void RustWriter::InClosure(const std::string& head, const std::string& tail, const Body& body) {
  Exits exits;
  Exits* const around = std::exchange(exits_, &exits);
  std::string text = ClosureText(body);
  exits_ = around;
  if (!exits.returns && !exits.breaks && !exits.continues) { Line(head + " {\n" + text + "\n}" + tail + ";"); return; }
  if (!Diverges(body)) text += "\nExit::On";
  Line("match " + head + " -> Exit {\n" + text + "\n}" + tail + " {");
  Line("Exit::On => {}");
  auto leave = [&](bool is, bool Exits::*outer, const char* pattern, const std::string& here) {
    if (!is) return;
    if (exits_ != nullptr && (outer == &Exits::returns || exits_->loops == 0)) {
      exits_->*outer = true;
      Line(std::string("exit @ ") + pattern + " => return exit,");
    } else {
      Line(pattern + (" => " + here) + ",");
    }
  };
  leave(exits.returns, &Exits::returns, exits_ != nullptr ? "Exit::Return(_)" : "Exit::Return(out)", "return out");
  leave(exits.breaks, &Exits::breaks, "Exit::Break", "break");
  leave(exits.continues, &Exits::continues, "Exit::Continue", "continue");
  if (!(exits.returns && exits.breaks && exits.continues)) Line("_ => unreachable!(),");
  Line("}");
}

std::string RustWriter::AsyncBlock(const Body& body, bool* gives_out) {
  *gives_out = HasExits(body);
  std::string text = InPlace(true, [&] { Ops(body); });
  if (*gives_out && !Diverges(body)) text += "\nout(0)";
  return "async {\n" + text + "\n}";
}

void RustWriter::Marker(const Op& op) {
  std::string text(op.def->verb);
  if (op.target == Op::Target::kRef) {
    text += " " + KeyOf(op.on);
  } else if (!op.as.empty()) {
    text += " " + op.as;
  }
  Line("op(" + RustString(op.node->pointer) + ", " + RustString(text) + ");");
}

// ---- statements ----------------------------------------------------------------------------------------------------

void RustWriter::Failure(const Op& op) {
  if (!op.on_failure) return;
  const Taken before = TakenHere();
  Block(*op.on_failure);
  if (Diverges(*op.on_failure)) SetTaken(before);
  else WhereMeet({before, TakenHere()});
}

// `option` is what a fallible op with an `or` gave.
void RustWriter::BindOrElse(const Op& op, const Op& binder, const RustAct& act, const std::string& option) {
  const bool names = act.binds || (act.gives_message && !binder.with.empty());
  const bool body = act.binds && binder.body != nullptr && &binder == &op;
  const bool sets = act.gives_value && !binder.var.empty();
  // Apart from the match: what the expression borrows is not to be held while the branches wait.
  if (body) {
    // A guard that is not Send is not to live, not even as a type, where the failure waits.
    const bool apart = unit_->async && (binder.on.kind == Kind::kStdMutex || binder.on.kind == Kind::kStdRwlock);
    Line(apart ? "let missed = {" : "{");
    Line("let tried = " + option + ";");
    Line("if let Some(got) = tried {");
    unit_->scopes.emplace_back();
    Bind(binder, act, "got");
    Ops(*binder.body);
    if (apart) Line("false");
    unit_->scopes.pop_back();
    Line("} else {");
    if (apart) {
      Line("true");
      Line("}");
      Line("};");
      Line("if missed {");
      Failure(op);
      Line("}");
      return;
    }
    Failure(op);
    Line("}");
    Line("}");
    return;
  }
  if (names && op.on_failure && Diverges(*op.on_failure)) {
    Line("let got = {");
    Line("let tried = " + option + ";");
    Line("match tried {");
    Line("Some(got) => got,");
    Line("None => {");
    Failure(op);
    Line("}");
    Line("}");
    Line("};");
    Bind(binder, act, "got");
    return;
  }
  if (act.binds) {
    const std::string ident = act.key.empty() ? Fresh(act.hint) : Ident(act.key);
    // Rust has a guard that was looked at, if only to see whether it is there, live until its block ends.
    const bool is_asked = op.on_failure && !op.on_failure->ops.empty();
    const std::string got = option + (act.wrap.empty() ? "" : ".map(|got| " + act.wrap + "got))");
    const std::string flat = act.may_lack ? ".flatten()" : "";
    Line(is_asked ? "let (mut " + ident + ", missed) = attempt(" + got + ");" : "let mut " + ident + " = " + got + flat + ";");
    if (is_asked && act.may_lack) Line("let mut " + ident + " = " + ident + flat + ";");
    RustValue& bound = Declare(act.key.empty() ? "guard " + ident : act.key, ident, act.type);
    bound.object = act.object;
    bound.optional = bound.may_lack = true;
    if (is_asked) {
      Line("if missed {");
      Failure(op);
      Line("}");
    }
    return;
  }
  if (names) {
    std::string pattern;
    const std::string sets_them = DeclareOwned(binder, &pattern);
    Line("{");
    Line("let tried = " + option + ";");
    Line("match tried {");
    Line((act.may_lack ? "Some(Some(" + pattern + "))" : "Some(" + pattern + ")") + " => {");
    if (!binder.var.empty()) Line(LocalVar(binder.var) + ".set(got);");
    Line(sets_them + "}");
    if (act.may_lack) Line("Some(None) => {}");
    Line("None => {");
    Failure(op);
    Line("}");
    Line("}");
    Line("}");
    return;
  }
  if (sets) {
    Line("let tried = " + option + ";");
    Line("match tried {");
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
  if (IsToldOfByRust(op.def->code) && op.def->code != Code::kWhile) Marker(op);
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
      const std::string entered = RuntimeText(op) + ".enter()";
      if (op.body) {
        Line("let " + ident + " = " + entered + ";");
        Block(*op.body);
        Line("drop(" + ident + ");");
        Line("}");
      } else if (Declare(op.as.empty() ? "enter " + ident : op.as, ident, "enter").optional) {
        Line("let mut " + ident + " = Some(" + entered + ");");
      } else {
        Line("let " + ident + " = " + entered + ";");
      }
      return;
    }
    case Code::kSpawn: case Code::kSpawnBlocking: case Code::kSpawnLocal: case Code::kSpawnThread: Spawn(op); return;
    case Code::kFuture: case Code::kArm: case Code::kPush: case Code::kMakeValue: MakeFuture(op); return;
    case Code::kBlockInPlace: {
      InClosure("tokio::task::block_in_place(||", ")", *op.body);
      return;
    }
    case Code::kThreadScope: {
      ++unit_->thread_scopes;
      InClosure("std::thread::scope(|scope|", ")", *op.body);
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
        if (op.has_or) BindOrElse(op, op, act, act.expr + ".ok()");
        else Bind(op, act, act.expr + ".unwrap()");
        Line("}");
        return;
      }
      break;
    }
    case Code::kSelect: Select(op); return;
    case Code::kLoop:
      if (exits_ != nullptr) ++exits_->loops;
      braces(op.times ? "for _ in 0.." + Int(*op.times) : "loop", op.body.get());
      if (exits_ != nullptr) --exits_->loops;
      return;
    case Code::kWhile:   // each look at the condition is told of
      if (exits_ != nullptr) ++exits_->loops;
      Line("while {");
      Marker(op);
      braces(Bool(*op.condition) + "\n}", op.body.get());
      if (exits_ != nullptr) --exits_->loops;
      return;
    case Code::kIf:
      Line("if " + Bool(*op.condition) + " {");
      Alternatives({op.then.get(), op.otherwise.get()}, [&](std::size_t k, const std::function<void()>& write) {
        if (k == 1 && op.otherwise) Line("} else {");
        write();
      });
      Line("}");
      return;
    case Code::kChoose: {
      Line("match choose(" + RustString(op.node->pointer) + ", " + std::to_string(op.branches.size()) + ") {");
      std::vector<const Body*> bodies;
      for (const Branch& branch : op.branches) bodies.push_back(branch.await.get());
      Alternatives(bodies, [&](std::size_t k, const std::function<void()>& write) {
        Line((k + 1 < op.branches.size() ? std::to_string(k) : std::string("_")) + " => {");
        write();
        Line("}");
      });
      Line("}");
      return;
    }
    case Code::kBreak: case Code::kContinue: {
      const bool breaks = op.def->code == Code::kBreak;
      if (exits_ == nullptr || exits_->loops > 0) { Line(breaks ? "break;" : "continue;"); return; }
      (breaks ? exits_->breaks : exits_->continues) = true;
      Line(breaks ? "return Exit::Break;" : "return Exit::Continue;");
      return;
    }
    case Code::kReturn: case Code::kFail: {
      const std::string end = op.def->code == Code::kFail ? "failed()" : "out(" + (op.value ? Int(*op.value) : "0") + ")";
      if (exits_ != nullptr) exits_->returns = true;
      Line(exits_ == nullptr ? "return " + end + ";" : "return Exit::Return(" + end + ");");
      return;
    }
    case Code::kCall: braces("", op.body.get()); return;
    case Code::kSet: Line(LocalVar(op.var) + ".set(" + Int(*op.to) + ");"); return;
    case Code::kAssert: Line("assert!(" + Bool(*op.condition) + ");"); return;
    case Code::kPanic: Line("panic!(\"{}\", " + RustString(op.message.empty() ? "explicit panic" : op.message) + ");"); return;
    case Code::kCatchPanic: CatchPanic(op); return;
    default: break;
  }
  const RustAct act = Act(op);
  const Op& binder = BinderOf(op);
  if (act.fails != Fails::kNever && op.has_or) {
    BindOrElse(op, binder, act, act.fails == Fails::kResult ? AsOperand(act.expr) + ".ok()" : act.expr);
    return;
  }
  const std::string value = act.fails == Fails::kNever ? act.expr : AsOperand(act.expr) + ".unwrap()";
  if (act.binds && op.body != nullptr && &binder == &op) {
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

// Of the guards of an object the latest that is there.
void RustWriter::ReleaseLatest(const Op& op, const std::string& verb) {
  std::vector<RustValue*> candidates;
  RustValue* gone = nullptr;
  bool certain = false, had = false;
  for (auto scope = unit_->scopes.rbegin(); scope != unit_->scopes.rend() && !certain; ++scope)
    for (auto value = scope->rbegin(); value != scope->rend() && !certain; ++value) {
      if (value->object != op.on.name) continue;
      if (HasGone(*value)) {
        had = true;
        continue;
      }
      if (value->taken && gone == nullptr) gone = &*value;
      if (value->taken && !value->partly) continue;
      candidates.push_back(&*value);
      certain = !value->may_lack && !value->taken;
    }
  if (candidates.empty() && gone != nullptr) candidates.push_back(gone);
  if (candidates.empty() && had) return;   // there is nothing any more
  if (candidates.empty()) { Unsupported(&op, "`" + op.on.name + "` is released where it is not seen to be held"); return; }
  const bool choose = candidates.size() > 1;
  for (std::size_t k = 0; k < candidates.size(); ++k) {
    RustValue& value = *candidates[k];
    if (value.taken || k > 0) slots_.insert(value.id);
    const std::string text = Given(value);
    value.partly = choose;
    const bool last = k + 1 == candidates.size();
    if (choose) Line((k == 0 ? "if " : last ? "} else {" : "} else if ") + (last ? "" : value.ident + ".is_some() {"));
    Line(verb + text + ");");
  }
  if (choose) Line("}");
}

bool RustWriter::HasGone(const RustValue& value) const {
  std::set<int> open;
  for (int block = block_; places_.count(block) != 0; block = places_.at(block).around) open.insert(block);
  return std::any_of(places_.begin(), places_.end(), [&](const auto& place) { return place.second.takes.count(value.id) != 0 && open.count(place.first) == 0; });
}

// A value that is given up. What may be nothing is given up as it is.
std::string RustWriter::Given(RustValue& value) {
  std::string text = UseValue(value, Mode::kTake, "");
  if (!value.optional) return text;
  return slots_.count(value.id) != 0 || !value.may_lack ? value.ident + ".take()" : value.ident;
}

void RustWriter::Release(const Op& op) {
  const std::string verb = op.def->code == Code::kForget ? "std::mem::forget(" : op.def->code == Code::kUse ? "used(&" : "drop(";
  const bool is_use = op.def->code == Code::kUse;
  const Object* object = Declared(op.on.name);
  const bool by_object = object != nullptr && op.on.part != Ref::Part::kTx && (!IsOwned(object->kind) || (op.def->code == Code::kUnlock && op.on.kind == Kind::kWatch));
  if (by_object) {
    if (is_use) { Line("used(&" + Shared(op.on) + ");"); return; }
    ReleaseLatest(op, verb);
    return;
  }
  if (op.on.kind == Kind::kRuntime && op.on.part == Ref::Part::kHandle) { Line("used(&" + Use(op.on, Mode::kRef, &op) + ");"); return; }
  RustValue* value = Lookup(op.on);
  if (value == nullptr) { Unsupported(&op, "`" + op.on.name + "` is not at hand here"); return; }
  const std::string index = value->array ? Index(op.on) : "";
  if (is_use && value->may_lack) { Line("used(&" + value->ident + ");"); return; }
  std::string text = is_use || value->array ? UseValue(*value, is_use ? Mode::kRef : Mode::kTake, index) : Given(*value);
  if (!is_use && value->array && !index.empty()) text = value->ident + index + ".take()";
  // What a receiver that nobody has any more has not seen is not told.
  if (const Object* channel = ChannelOf(op.on); op.def->code == Code::kForget && channel != nullptr && channel->kind == Kind::kBroadcast && IsTold(*channel) && op.on.part != Ref::Part::kTx)
    text += value->optional ? ".map(Rx::into_inner)" : ".into_inner()";
  Line(verb + text + ");");
}

}  // namespace asyncrt
