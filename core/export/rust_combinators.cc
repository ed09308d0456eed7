// Futures that poll futures, and those that block on one.
#include "core/export/rust_writer.h"

#include <utility>

#include "core/scenario/names.h"

namespace asyncrt {

using Fails = RustAct::Fails;

namespace {
// Of one in a slot it is a borrow already.
std::string Lent(const std::string& value) { return value.ends_with(".as_mut().unwrap()") ? value : "&mut " + value; }
}  // namespace

// The async block of a branch or timeout that is just an op which takes something, where that op has an `or` or is a
// timeout itself: what it got belongs to the block around, or to `then`. Nothing, where the `or` has run.
std::string RustWriter::GivingBlock(const Op& op, RustAct* act) {
  const std::string text = InPlace(true, [&] {
    Marker(op);
    *act = Act(op);
    const Op& giving = BinderOf(op);
    const std::string held = act->wrap.empty() ? "" : ".map(|got| " + act->wrap + "got))", flat = act->may_lack ? ".flatten()" : "";
    if (!op.has_or) {
      const std::string value = act->fails == Fails::kNever ? act->expr : AsOperand(act->expr) + ".unwrap()";
      Line("let got = " + (act->may_lack ? value : "Some(" + value + ")" + held) + ";");
    } else {
      const std::string option = act->fails == Fails::kOption ? act->expr : AsOperand(act->expr) + ".ok()";
      Line("let (got, missed) = attempt(" + option + ");");
      Line("let got = got" + flat + held + ";");
      Line("if missed {");
      if (op.on_failure && HasExits(*op.on_failure)) {   // they end the block, which ends otherwise than with a number
        const Taken before = TakenHere();
        bool gives = false;
        Line("let missed: Out = " + AsyncBlock(*op.on_failure, &gives) + ".await;");
        WhereMeet({before, TakenHere()});
        Line("if missed.is_err() {\nreturn Err(Fail);\n}");
      } else {
        Failure(op);
      }
      Line("}");
    }
    if (act->binds && act->gives_value && !giving.var.empty()) Line("if got.is_some() {\n" + LocalVar(giving.var) + ".set(*" + Use(giving.on, Mode::kRef, &giving) + ".borrow());\n}");
    Line("Ok::<_, Fail>(got)");
  });
  act->gives_value = false;
  act->may_lack = true;
  act->wrap.clear();
  act->fails = Fails::kResult;
  return "async {\n" + text + "\n}";
}

void RustWriter::Select(const Op& op) {
  std::vector<std::string> heads;
  std::vector<std::string> bodies;
  for (const Branch& branch : op.branches) {
    std::string pattern = "_", future;
    const Op* single = branch.await ? SingleOp(*branch.await) : nullptr;
    const Op* gives_on = single != nullptr ? &BinderOf(*single) : nullptr;
    RustAct act;
    if (branch.name) {
      RustValue* value = Lookup(*branch.name);
      future = Lent(Use(*branch.name, Mode::kMut, &op));
      pattern = value != nullptr && value->is_arm ? "_" : branch.name->kind == Kind::kTask ? "Ok(Ok(_))" : "Ok(_)";
    } else if (single != nullptr) {
      future = InPlace(true, [&] {
        Marker(*single);
        act = Act(*single);
        Line(act.fails == Fails::kResult ? AsOperand(act.expr) + ".ok()" : act.expr);
      });
      future = "async {\n" + future + "\n}";
      const bool gives = act.binds || act.gives_message || act.gives_value;
      pattern = act.fails == Fails::kNever ? gives ? "got" : "_" : gives ? "Some(got)" : "Some(_)";
    } else if (const Op* taken = branch.await->ops.size() == 1 ? &branch.await->ops[0] : nullptr;
               taken != nullptr && taken->body != nullptr && !taken->has_or && IsAcquire(taken->def->code) && !HasExits(*taken->body)) {
      // It fails as a whole where there is nothing to hold for its body.
      future = InPlace(true, [&] {
        Marker(*taken);
        const RustAct got = Act(*taken);
        Line("let tried = " + (got.fails == Fails::kResult ? AsOperand(got.expr) + ".ok()" : "Some(" + got.expr + ")") + ";");
        Line("if let Some(got) = tried {");
        Bind(*taken, got, "got");
        Ops(*taken->body);
        Line("Some(())");
        Line("} else {\nNone\n}");
      });
      future = "async {\n" + future + "\n}";
      pattern = "Some(_)";
    } else if (const Op* giving = GivingOp(*branch.await)) {
      future = GivingBlock(branch.await->ops[0], &act);
      gives_on = giving;
      pattern = "Ok(got)";
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
    if (gives_on != nullptr && (act.binds || (act.gives_message && !gives_on->with.empty()) || (act.gives_value && !gives_on->var.empty()))) {
      act.fails = Fails::kNever;
      Bind(*gives_on, act, "got");
    }
    if (branch.then) Ops(*branch.then);
    unit_->scopes.pop_back();
    bodies.push_back(JoinedLines(lines_));
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
  // Tokio's own starts with another branch each time; the one of `futures` polls them in order, as `biased;` does from 1.46 on.
  const std::string crate = op.biased ? "futures" : "tokio";
  for (const Branch& branch : op.branches) {
    std::string text;
    if (branch.name) {
      text = Lent(Use(*branch.name, Mode::kMut, &op));
      if (branch.name->kind == Kind::kTask && op.try_join) text = "async { joined((" + text + ").await).map_err(|_| Fail) }";
      if (branch.name->kind == Kind::kNotified && op.try_join) text = "async {\n(" + text + ").await;\nout(0)\n}";
    } else {
      bool gives = false;
      text = AsyncBlock(*branch.await, &gives);
      if (op.try_join && !gives) text = "async {\n" + text + ".await;\nout(0)\n}";
    }
    branches += (branches.empty() ? "" : ",\n") + text;
  }
  act.expr = op.try_join ? crate + "::try_join!(\n" + branches + "\n)" : "{ let _ = " + crate + "::join!(\n" + branches + "\n); }";
  act.fails = op.try_join ? Fails::kResult : Fails::kNever;
  return act;
}

RustAct RustWriter::Timeout(const Op& op) {
  RustAct act;
  const std::string start = "tokio::time::timeout(" + Time(op) + ", ";
  if (op.await_name) {
    RustValue* value = Lookup(*op.await_name);
    const bool plain = value != nullptr && value->is_arm, task = op.await_name->kind == Kind::kTask;
    act.expr = start + Lent(Use(*op.await_name, Mode::kMut, &op)) + ").await";
    if (task) act.expr += ".map_err(|late| late.to_string()).and_then(joined)";
    else if (!plain) act.expr += ".map_err(|_| Fail).and_then(|end| end)";
    act.fails = Fails::kResult;
    return act;
  }
  if (const Op* single = SingleOp(*op.body); single != nullptr && single->def->code != Code::kTimeout) {
    const std::string inner = InPlace(true, [&] {
      Marker(*single);
      act = Act(*single);
      Line(act.fails == Fails::kNever ? act.expr : AsOperand(act.expr) + ".unwrap()");
    });
    act.expr = start + "async {\n" + inner + "\n}).await";
    act.fails = Fails::kResult;
    return act;
  }
  if (GivingOp(*op.body) != nullptr) {
    const std::string giving = GivingBlock(op.body->ops[0], &act);
    act.expr = start + giving + ").await.map_err(|_| Fail).and_then(|end| end)";
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
  const std::string start = futures ? "futures::executor::block_on(" : RuntimeText(op) + ".block_on(";
  std::string block;
  if (!op.local.empty()) {
    Ref set;
    set.name = op.local;
    set.kind = Kind::kLocalSet;
    const std::string text = Use(set, Mode::kRef, &op);
    block = AsyncBlock(*op.body, &gives);
    block = text + ".run_until(" + block + ")";
  } else {
    block = AsyncBlock(*op.body, &gives);
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
    Exits* const exits = std::exchange(exits_, nullptr);
    std::string text = ClosureText(*op.body);
    exits_ = exits;
    if (gives && !Diverges(*op.body)) text += "\nout(0)";
    Line(std::string("if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| ") + (gives ? "-> Out " : "") + "{\n" + text + "\n})).is_err() {");
  }
  Failure(op);
  Line("}");
}

}  // namespace asyncrt
