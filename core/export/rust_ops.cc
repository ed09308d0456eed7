// Ops that wait, take or give something, and how what they give is bound.
#include "core/export/rust_writer.h"

#include <algorithm>
#include <utility>

#include "core/scenario/names.h"

namespace asyncrt {

using Fails = RustAct::Fails;

std::string RustWriter::Time(const Op& op) const {
  const Micros time = op.duration.value_or(0);
  if (time % 1000 == 0) return "scaled(Duration::from_millis(" + std::to_string(time / 1000) + "))";
  return "scaled(Duration::from_micros(" + std::to_string(time) + "))";
}

// A guard or a permit.
RustAct RustWriter::Acquired(const Op& op, const std::string& expr, Fails fails, const std::string& wrap, const std::string& type) {
  RustAct act;
  act.expr = expr;
  act.fails = fails;
  act.binds = true;
  act.key = op.as;
  act.hint = op.on.name + (type == "permit" ? "_permit" : "_guard");
  act.object = op.on.name;
  act.wrap = wrap;
  act.type = type;
  return act;
}

// What is sent: a number, or a tuple with what it owns.
std::string RustWriter::Message(const Op& op) {
  std::string value = op.value ? Int(*op.value) : "0";
  if (op.with.empty()) return value;
  std::string text = "(" + value;
  for (const Ref& ref : op.with) {
    text += ", " + Use(ref, Mode::kTake, &op);
    remotes_.insert("sent " + ref.name);
  }
  return text + ")";
}

RustAct RustWriter::Sent(const Op& op) {
  RustAct act;
  act.fails = Fails::kResult;
  const Code code = op.def->code;
  const std::string message = Message(op);
  if (op.permit) {
    act.expr = Use(*op.permit, Mode::kTake, &op) + ".send(" + message + ")";
    act.fails = Fails::kNever;
    return act;
  }
  const Object* channel = ChannelOf(op.on);
  const bool bounded = channel != nullptr && channel->capacity.has_value();
  const std::string tx = Use(op.on, op.on.kind == Kind::kOneshot ? Mode::kTake : Mode::kRef, &op);
  std::string verb = code == Code::kTrySend && bounded ? ".try_send(" : code == Code::kBlockingSend && bounded ? ".blocking_send(" : ".send(";
  act.expr = code == Code::kBlockingSend && !bounded ? "blocking_send(&" + tx + ", " + message + ")" : tx + verb + message + ")";
  if (op.on.kind == Kind::kMpsc && bounded && code == Code::kSend) act.expr += ".await";
  if (!op.with.empty()) act.expr += ".map_err(|_| \"not sent\")";   // what comes back may have no Debug
  return act;
}

RustAct RustWriter::Received(const Op& op) {
  RustAct act;
  act.gives_value = act.gives_message = true;
  act.fails = Fails::kResult;
  const Code code = op.def->code;
  if (op.on.kind == Kind::kOneshot && code == Code::kBlockingRecv) {
    const Object* channel = ChannelOf(op.on);
    act.expr = Use(op.on, Mode::kTake, &op) + (channel != nullptr && IsTold(*channel) ? ".into_inner()" : "") + ".blocking_recv()";
    return act;
  }
  // A future that borrows std's receiver shared, in a closure or not, is not Send.
  const Code maker = unit_->made_by == nullptr ? Code::kUse : unit_->made_by->def->code;
  const bool of_std = op.on.kind == Kind::kStdChannel;
  const bool in_future = maker == Code::kSpawn || maker == Code::kSpawnLocal || maker == Code::kFuture || maker == Code::kPush;
  std::string rx = Use(op.on, of_std && !in_future ? Mode::kRef : Mode::kMut, &op);
  if (of_std && in_future && rx.find_first_of(".*") == std::string::npos) rx = "(&mut " + rx + ")";
  switch (code) {
    case Code::kRecv:
      if (op.on.kind == Kind::kStdChannel) { act.expr = rx + ".recv()"; break; }
      if (op.on.kind == Kind::kOneshot) { act.expr = "(&mut " + rx + ").await"; break; }
      act.expr = rx + ".recv().await";
      if (op.on.kind == Kind::kMpsc) act.fails = Fails::kOption;
      break;
    case Code::kTryRecv: act.expr = rx + ".try_recv()"; break;
    case Code::kRecvTimeout: act.expr = rx + ".recv_timeout(" + Time(op) + ")"; break;
    default:
      if (op.on.kind == Kind::kBroadcast) { act.expr = "blocking_recv(&mut " + rx + ")"; break; }
      act.expr = rx + ".blocking_recv()";
      if (op.on.kind == Kind::kMpsc) act.fails = Fails::kOption;
  }
  return act;
}

// The expression of an op that waits, takes or gives something; statements are written by `Statement`.
RustAct RustWriter::Act(const Op& op) {
  RustAct act;
  const Kind kind = op.on.kind;
  const std::string held = "held(" + RustString(op.on.name) + ", ";
  const bool std_lock = kind == Kind::kStdMutex || kind == Kind::kStdRwlock;
  auto simple = [&](const std::string& expr, Fails fails = Fails::kNever, bool gives = false) {
    act.expr = expr;
    act.fails = fails;
    act.gives_value = gives;
    return act;
  };
  auto lock = [&](const char* method, bool tries, bool blocking) {
    std::string expr = Shared(op.on) + "." + method + "()";
    if (!std_lock && !tries && !blocking) expr += ".await";
    return Acquired(op, expr, std_lock || tries ? Fails::kResult : Fails::kNever, held, "guard");
  };
  switch (op.def->code) {
    case Code::kLock: return lock("lock", false, false);
    case Code::kTryLock: return lock("try_lock", true, false);
    case Code::kBlockingLock: return lock("blocking_lock", false, true);
    case Code::kRead: return lock("read", false, false);
    case Code::kWrite: return lock("write", false, false);
    case Code::kTryRead: return lock("try_read", true, false);
    case Code::kTryWrite: return lock("try_write", true, false);
    case Code::kBlockingRead: return lock("blocking_read", false, true);
    case Code::kBlockingWrite: return lock("blocking_write", false, true);
    case Code::kBorrow: {
      const std::string rx = Use(op.on, Mode::kRef, &op);
      if (op.body && op.body->ops.empty()) return simple("*" + rx + ".borrow()", Fails::kNever, true);
      const bool outlives = remotes_.count("borrow " + op.on.name) != 0;
      act = Acquired(op, outlives ? "borrowed(" + rx + ".borrow())" : rx + ".borrow()", Fails::kNever, held, "guard");
      act.gives_value = true;
      return act;
    }
    case Code::kAcquire:
      return Acquired(op, Shared(op.on) + ".acquire_many(" + std::to_string(op.permits) + ").await", Fails::kResult, held, "permit");
    case Code::kTryAcquire:
      return Acquired(op, Shared(op.on) + ".try_acquire_many(" + std::to_string(op.permits) + ")", Fails::kResult, held, "permit");
    case Code::kReserve: {
      const std::string tx = Use(op.on, Mode::kRef, &op);
      if (const Object* channel = ChannelOf(op.on); channel != nullptr && !channel->capacity.has_value())
        Unsupported(&op, "`reserve`, which the sender of an unbounded channel does not have");
      const bool leaves = remotes_.count("permit " + op.as) != 0;
      return Acquired(op, leaves ? tx + ".clone().reserve_owned().await" : tx + ".reserve().await", Fails::kResult, "", "permit");
    }
    case Code::kSubscribe: {
      std::string made = Use(op.on, Mode::kRef, &op) + (kind == Kind::kWatch && op.on.part == Ref::Part::kRx ? ".clone()" : ".subscribe()");
      if (const Object* channel = ChannelOf(op.on); channel != nullptr && channel->kind == Kind::kBroadcast && IsTold(*channel))
        made = "told_receiver(" + RustString(channel->name) + ", " + std::to_string(*channel->capacity) + ", " + made + ")";
      act = Acquired(op, made, Fails::kNever, "", "receiver");
      act.key = op.as + ".rx";
      act.object.clear();
      auto of = receiver_of_.find(op.on.name);
      receiver_of_[op.as] = of == receiver_of_.end() ? op.on.name : of->second;
      return act;
    }
    case Code::kSend: case Code::kTrySend: case Code::kBlockingSend: return Sent(op);
    case Code::kRecv: case Code::kTryRecv: case Code::kRecvTimeout: case Code::kBlockingRecv: return Received(op);
    case Code::kClose:
      return simple((kind == Kind::kSemaphore ? Shared(op.on) : Use(op.on, Mode::kMut, &op)) + ".close()");
    case Code::kClosed: return simple(Use(op.on, Mode::kMut, &op) + ".closed().await");
    case Code::kChanged: return simple(Use(op.on, Mode::kMut, &op) + ".changed().await", Fails::kResult);
    case Code::kWaitFor: {
      const std::string rx = Use(op.on, Mode::kMut, &op);
      return simple("wait_for(&mut " + rx + ", |value| " + Bool(*op.condition) + ").await", Fails::kResult, true);
    }
    case Code::kWait:
      if (kind == Kind::kStdBarrier) return simple("{ " + Shared(op.on) + ".wait(); }");
      if (kind == Kind::kBarrier) return simple("{ " + Shared(op.on) + ".wait().await; }");
      [[fallthrough]];
    case Code::kWaitTimeout: {
      if (RustValue* value = op.mutex ? GuardOf(op.mutex->name) : nullptr) {
        const std::string guard = UseValue(*value, Mode::kMut, "");
        std::string waits = op.def->code == Code::kWait ? ".wait_on(&" + Shared(op.on) + ")" : ".wait_timeout_on(&" + Shared(op.on) + ", " + Time(op) + ")";
        // Where it can be a new variable it goes by value, as in std's own: one that was borrowed, or given a new value, is
        // taken to be there until its block ends.
        bool is_near = unit_->async && !value->optional && value->block == block_;
        is_near = is_near && std::any_of(unit_->scopes.back().begin(), unit_->scopes.back().end(), [&](const RustValue& one) { return one.id == value->id; });
        if (is_near) {
          Line("let (mut " + guard + ", waited) = {");
          Line("let mut guard = " + guard + ";");
          Line("let waited = guard" + waits + ";");
          Line("(guard, waited)");
          Line("};");
        }
        waits = is_near ? "waited" : guard + waits;
        // With no `or` it does not matter which of the two it was, as in std.
        if (op.def->code == Code::kWaitTimeout && !op.has_or) waits += ".or_else(late)";
        return simple(waits, Fails::kResult);
      }
      Unsupported(&op, "the guard that this wait gives up is not at hand");
      return simple("()");
    }
    case Code::kNotifyOne: return simple(Shared(op.on) + ".notify_one()");
    case Code::kNotifyAll: return simple(Shared(op.on) + ".notify_all()");
    case Code::kNotifyWaiters: return simple(Shared(op.on) + ".notify_waiters()");
    case Code::kNotified:
      return simple(op.future ? Use(*op.future, Mode::kTake, &op) + ".await" : Shared(op.on) + ".notified().await");
    case Code::kGetOrInit: {
      if (kind == Kind::kStdOnce) {
        Exits* const exits = std::exchange(exits_, nullptr);
        std::string body = ClosureText(*op.body);
        exits_ = exits;
        if (HasFail(*op.body))
          return simple("try_once(&" + Shared(op.on) + ", || {\n" + body + (Diverges(*op.body) ? "" : "\nout(0)") + "\n})", Fails::kResult);
        if (HasExits(*op.body)) body = "let _: Out = (|| {\n" + body + (Diverges(*op.body) ? "" : "\nout(0)") + "\n})();";
        return simple("{ " + Shared(op.on) + ".get_or_init(|| {\n" + body + "\n}); }");
      }
      bool gives = false;
      const std::string block = AsyncBlock(*op.body, &gives);
      if (gives) return simple("{ let got = " + Shared(op.on) + ".get_or_try_init(|| " + block + ").await; got.map(|_| ()) }", Fails::kResult);
      return simple("{ " + Shared(op.on) + ".get_or_init(|| async { " + block + ".await; 0 }).await; }");
    }
    case Code::kStore: return simple(Shared(op.on) + ".store(" + Int(*op.value) + ", SeqCst)");
    case Code::kAdd: return simple("{ " + Shared(op.on) + ".fetch_add(" + (op.value ? Int(*op.value) : "1") + ", SeqCst); }");
    case Code::kCompareExchange:
      return simple(Shared(op.on) + ".compare_exchange(" + Int(*op.expected) + ", " + Int(*op.value) + ", SeqCst, SeqCst)", Fails::kResult);
    case Code::kReadCell: return simple(Shared(op.on) + ".read()", Fails::kNever, true);
    case Code::kWriteCell: return simple(Shared(op.on) + ".write(" + (op.value ? Int(*op.value) : "0") + ")");
    case Code::kAddPermits: return simple(Shared(op.on) + ".add_permits(" + std::to_string(op.permits) + ")");
    case Code::kForgetPermits: return simple("forget_permits(&" + Shared(op.on) + ", " + std::to_string(op.permits) + ")");
    case Code::kCancel: return simple(Shared(op.on) + ".cancel()");
    case Code::kCancelled: return simple(Shared(op.on) + ".cancelled().await");
    case Code::kJoinNext: return simple("{ let next = " + Use(op.on, Mode::kMut, &op) + ".join_next().await; next.ok_or_else(|| \"empty\".to_string()).and_then(joined) }", Fails::kResult, true);
    case Code::kAbortAll: return simple(Use(op.on, Mode::kMut, &op) + ".abort_all()");
    case Code::kShutdown: return simple(Use(op.on, Mode::kMut, &op) + ".shutdown().await");
    case Code::kNext:
      return simple("{ use futures::StreamExt; let next = " + Use(op.on, Mode::kMut, &op) + ".next().await; next.ok_or(Fail).and_then(|end| end) }", Fails::kResult, true);
    case Code::kIoRead: case Code::kIoWrite:
      return simple(Use(op.on, Mode::kMut, &op) + (op.def->code == Code::kIoRead ? ".read(" : ".write(") + std::to_string(op.bytes) + ").await", Fails::kResult);
    case Code::kYieldNow: return simple("tokio::task::yield_now().await");
    case Code::kSleep: return simple("tokio::time::sleep(" + Time(op) + ").await");
    case Code::kThreadSleep: return simple("std::thread::sleep(" + Time(op) + ")");
    case Code::kThreadYield: return simple("std::thread::yield_now()");
    case Code::kCompute: return simple("compute(" + Time(op) + ")");
    case Code::kPending: return simple(unit_->async ? "std::future::pending::<()>().await" : "block_for_ever()");
    case Code::kPark: return simple("std::thread::park()");
    case Code::kJoinThread: return simple("joined_thread(" + Use(op.on, Mode::kTake, &op) + ".join())", Fails::kResult, true);
    case Code::kAwait: {
      if (kind == Kind::kLocalSet) return simple(Use(op.on, Mode::kTake, &op) + ".await");
      RustValue* value = Lookup(op.on);
      if (value != nullptr && value->array && !op.on.index) Unsupported(&op, "an await of all of `" + op.on.name + "` as one future");
      if (value != nullptr && value->is_arm) return simple("(&mut " + Use(op.on, Mode::kMut, &op) + ").await");
      if (kind == Kind::kFuture || kind == Kind::kNotified) return simple(Use(op.on, Mode::kTake, &op) + ".await", Fails::kResult, true);
      return simple("joined(" + Use(op.on, Mode::kTake, &op) + ".await)", Fails::kResult, true);
    }
    case Code::kPoll: return simple("poll_once(&mut " + Use(op.on, Mode::kMut, &op) + ").await", Fails::kOption);
    case Code::kRunUntil: {
      bool gives = false;
      const std::string set = Use(op.on, Mode::kRef, &op);
      const std::string block = AsyncBlock(*op.body, &gives);
      return simple(set + ".run_until(" + block + ").await", gives ? Fails::kResult : Fails::kNever);
    }
    case Code::kBlockOn: return BlockOn(op);
    case Code::kJoin: return Join(op);
    case Code::kTimeout: return Timeout(op);
    case Code::kUnconstrained: {
      bool gives = false;
      const std::string block = AsyncBlock(*op.body, &gives);
      return simple(gives ? "let _: Out = tokio::task::unconstrained(" + block + ").await" : "tokio::task::unconstrained(" + block + ").await");
    }
    default: break;
  }
  Unsupported(&op, "`" + std::string(op.def->verb) + "`");
  return simple("()");
}

std::string RustWriter::DeclareOwned(const Op& op, std::string* pattern) {
  std::string sets_them;
  *pattern = "(got";
  for (const Ref& ref : op.with) {
    const std::string key = ElementKeyOf(ref);
    RustValue* known = FindIn(*unit_, key);
    if (known == nullptr) {
      known = &Declare(key, Ident(key), "message");
      known->optional = true;
      known->is_arm = ref.kind == Kind::kNotified;
      Line("let mut " + known->ident + " = None;");
    }
    const std::string fresh = Fresh("got_" + known->ident);
    *pattern += ", " + fresh;
    sets_them += known->ident + " = " + (known->optional ? "Some(" + fresh + ")" : fresh) + ";\n";
  }
  *pattern += ")";
  return sets_them;
}

// `value` is what the op gave; binds it to a name, an integer local, or the values that a message owns.
void RustWriter::Bind(const Op& op, const RustAct& act, const std::string& value) {
  if (act.binds) {
    const std::string ident = act.key.empty() ? Fresh(act.hint) : Ident(act.key);
    const std::string text = act.wrap.empty() ? value : act.wrap + value + ")";
    if (act.gives_value && !op.var.empty()) Line(LocalVar(op.var) + ".set(*" + Use(op.on, Mode::kRef, &op) + ".borrow());");
    RustValue& bound = Declare(act.key.empty() ? "guard " + ident : act.key, ident, act.type);
    bound.object = act.object;
    if (act.may_lack) bound.optional = bound.may_lack = true;
    Line("let mut " + ident + " = " + (bound.optional && !act.may_lack ? "Some(" + text + ")" : text) + ";");
    return;
  }
  if (act.gives_message && act.may_lack && !op.with.empty()) {
    std::string pattern;
    const std::string sets_them = DeclareOwned(op, &pattern);
    Line("if let Some(" + pattern + ") = " + value + " {");
    if (!op.var.empty()) Line(LocalVar(op.var) + ".set(got);");
    Line(sets_them + "}");
    return;
  }
  if (act.gives_message && !op.with.empty()) {
    std::string pattern = "let (got";
    std::vector<std::string> after;
    for (const Ref& ref : op.with) {
      const std::string key = ElementKeyOf(ref);
      RustValue* known = FindIn(*unit_, key);
      const std::vector<RustValue>& here = unit_->scopes.back();
      // The variable of a block around gets it back.
      if (known != nullptr && !known->array && std::none_of(here.begin(), here.end(), [&](const RustValue& one) { return one.id == known->id; })) slots_.insert(known->id);
      if (known != nullptr && known->optional) {
        const std::string fresh = Fresh("got_" + known->ident);
        pattern += ", " + fresh;
        after.push_back(known->ident + " = Some(" + fresh + ");");
        continue;
      }
      RustValue& bound = Declare(key, Ident(key), "message");
      bound.is_arm = ref.kind == Kind::kNotified;
      pattern += ", mut " + bound.ident;
      if (bound.optional) after.push_back("let mut " + bound.ident + " = Some(" + bound.ident + ");");
      if (ref.kind == Kind::kGuard || ref.kind == Kind::kPermit) bound.object = guard_of_.count(ref.name) != 0 ? guard_of_[ref.name] : "";
    }
    Line(pattern + ") = " + value + ";");
    for (const std::string& line : after) Line(line);
    if (!op.var.empty()) Line(LocalVar(op.var) + ".set(got);");
    return;
  }
  if (act.gives_value && !op.var.empty()) { Line(LocalVar(op.var) + ".set(" + value + ");"); return; }
  Line(value + ";");
}

}  // namespace asyncrt
