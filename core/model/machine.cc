// Control: strands, polling, panics and cancellation. Nothing here knows what an object does.
#include "core/model/machine.h"

#include <algorithm>

#include "core/program/flow.h"

namespace asyncrt {
namespace {

// A step ends after this many choices, or its outcomes would multiply.
constexpr std::size_t kChoicesMax = 3;
// A loop without a visible step is itself made visible after this many instructions, so that a step always ends.
constexpr int kInvisibleMax = 2000;

bool IsSetOp(VmOp op) { return op >= VmOp::kAbortAll; }
bool IsObjectOp(VmOp op) { return op >= VmOp::kStdLock && !IsSetOp(op); }

}  // namespace

std::int64_t Machine::Eval(int expr, int frame) {
  const ExprNode& e = p_.exprs[static_cast<std::size_t>(expr)];
  auto left = [&] { return Eval(e.left, frame); };
  auto right = [&] { return Eval(e.right, frame); };
  using K = Expr::Kind;
  switch (e.kind) {
    case K::kNumber: return e.number;
    case K::kLocal: case K::kIndex: return R(frame)[e.reg];
    case K::kNow: return H().now_ms;
    case K::kAtomic: {
      std::int64_t index = e.left >= 0 ? std::clamp<std::int64_t>(left(), 0, e.elements - 1) : 0;
      return W(e.object + static_cast<int>(index))[0];
    }
    case K::kFinished: {
      if (e.reg < 0) return 0;
      std::int32_t value = R(frame)[e.reg + (e.left >= 0 ? static_cast<int>(left()) : 0)];
      return value == 0 || (F(value - 1).bits & kComplete) != 0;
    }
    case K::kNot: return left() == 0;
    case K::kNegate: return -left();
    case K::kAdd: return static_cast<std::int64_t>(static_cast<std::uint64_t>(left()) + static_cast<std::uint64_t>(right()));
    case K::kSubtract: return static_cast<std::int64_t>(static_cast<std::uint64_t>(left()) - static_cast<std::uint64_t>(right()));
    case K::kMultiply: return static_cast<std::int64_t>(static_cast<std::uint64_t>(left()) * static_cast<std::uint64_t>(right()));
    case K::kDivide: case K::kRemainder: {
      std::int64_t d = right();
      if (d == 0) { divided_by_zero_ = true; return 0; }
      if (d == -1) return e.kind == K::kDivide ? static_cast<std::int64_t>(0u - static_cast<std::uint64_t>(left())) : 0;
      return e.kind == K::kDivide ? left() / d : left() % d;
    }
    case K::kWatchValue: return watch_value_;
    case K::kLess: return left() < right();
    case K::kLessEqual: return left() <= right();
    case K::kGreater: return left() > right();
    case K::kGreaterEqual: return left() >= right();
    case K::kEqual: return left() == right();
    case K::kNotEqual: return left() != right();
    case K::kAnd: return left() != 0 && right() != 0;
    case K::kOr: return left() != 0 || right() != 0;
  }
  return 0;
}

int Machine::ElementOf(const Instr& in, int frame) {
  if (in.reg2 >= 0 && in.op >= VmOp::kStdLock) {   // through an end that this body owns: it says which element
    std::int32_t owned = R(frame)[in.reg2];
    const Reg& end = UnitOf(frame).regs[static_cast<std::size_t>(in.reg2)];
    if (owned != 0 && end.base >= 0 && (end.kind == RegKind::kTx || end.kind == RegKind::kRx)) return end.base + (owned & 0xffff) - 1;
  }
  if (in.index < 0) return in.object;
  std::int64_t index = Eval(in.index, frame);
  return in.object + static_cast<int>(std::clamp<std::int64_t>(index, 0, in.elements - 1));
}

void Machine::Learn(const Noticed& noticed) {
  noticed_.timed = noticed_.timed || noticed.timed;
  noticed_.ordered = noticed_.ordered || noticed.ordered;
  for (std::size_t pc = 0; pc < noticed.reached.size(); ++pc)
    if (noticed.reached[pc]) noticed_.reached[pc] = true;
}

void Machine::SaveMemory(ByteWriter* out) const {
  out->Flag(noticed_.timed);
  out->Flag(noticed_.ordered);
  SaveNumbers(noticed_.reached, out);
  SaveNumbers(std::vector<std::uint64_t>(orders_.begin(), orders_.end()), out);
}

void Machine::LoadMemory(ByteReader* in) {
  noticed_.timed = in->Flag();
  noticed_.ordered = in->Flag();
  LoadNumbers(in, &noticed_.reached);
  if (noticed_.reached.size() != p_.code.size()) in->Fail();
  noticed_.reached.resize(p_.code.size());
  std::vector<std::uint64_t> orders;
  LoadNumbers(in, &orders);
  orders_.insert(orders.begin(), orders.end());
}

void Machine::Initial() {
  std::memset(s_, 0, static_cast<std::size_t>(l_.bytes));
  ThreadCell& main = T(0);
  main.life = ThreadLife::kRunning;
  main.frame = 1;
  main.budget = 128;
  FrameCell& frame = F(0);
  frame.live = 1;
  frame.references = 1;
  S(0).pc = static_cast<std::uint16_t>(p_.units[0].entry);
  S(0).status = StrandStatus::kActive;
  main.top = 1;
  for (std::size_t e = 0; e < p_.elements.size(); ++e) {
    std::int32_t* w = W(static_cast<int>(e));
    const Element& element = p_.elements[e];
    switch (element.kind) {
      case Kind::kAtomic: case Kind::kCell: w[0] = static_cast<std::int32_t>(element.initial); break;
      case Kind::kMutex: w[kPermits] = 1; break;
      case Kind::kSemaphore: w[kPermits] = element.capacity; break;
      case Kind::kOnceCell: w[kPermits] = 1; break;
      case Kind::kRwlock: w[kPermits] = kRwlockPermits; break;
      case Kind::kBroadcast: w[kTxCount] = 1; w[kRxState] = 1; break;
      case Kind::kWatch: w[kCount] = static_cast<std::int32_t>(element.initial); w[kTxCount] = 1; w[kRxState] = 1; break;
      case Kind::kStdChannel: case Kind::kMpsc: case Kind::kOneshot:
        w[kPermits] = element.capacity; w[kTxCount] = 1; w[kRxState] = 1; break;
      case Kind::kIo: w[1] = 1; w[2] = 1; break;
      case Kind::kValue:
        w[0] = 1;
        if (element.destructor >= 0)
          for (const Reg& reg : p_.units[static_cast<std::size_t>(element.destructor)].regs)
            if (reg.kind == RegKind::kShare) ++Shares(reg.base);
        break;
      default: break;
    }
    if (!element.held.empty()) ++Shares(static_cast<int>(e));
  }
  const Unit& unit = p_.units[0];
  std::int32_t* regs = R(0);
  for (std::size_t r = 2; r < p_.declared_regs; ++r) {
    const Reg& reg = unit.regs[r];
    bool array = reg.name.find('[') != std::string::npos;
    int element = array ? std::stoi(reg.name.substr(reg.name.find('[') + 1)) : 0;
    switch (reg.kind) {
      case RegKind::kTx: case RegKind::kRx: case RegKind::kValue: case RegKind::kSet: regs[r] = element + 1; break;
      case RegKind::kShare: regs[r] = 1; break;
      default: break;
    }
  }
  for (std::size_t i = 0; i < p_.runtimes.size(); ++i) {
    if (p_.runtimes[i].declared->has_build) continue;
    for (std::size_t r = 2; r < unit.regs.size(); ++r)
      if (unit.regs[r].kind == RegKind::kRuntime && unit.regs[r].base == static_cast<int>(i)) regs[r] = 1;
    RuntimeCell& rt = RT(static_cast<int>(i));
    rt.life = Life::kRunning;
    rt.references = 1;
    for (int w = 0; w < p_.runtimes[i].workers; ++w) {
      ThreadCell& thread = T(p_.runtimes[i].first_thread + w);
      thread.life = ThreadLife::kRunning;
      thread.pool = static_cast<std::uint8_t>(i + 1);
      thread.entered = 1;
      thread.current = static_cast<std::uint8_t>(i + 1);
      thread.budget = 128;
      thread.core = static_cast<Link>(p_.runtimes[i].first_core + w + 1);
      CoreCell& core = C(p_.runtimes[i].first_core + w);
      core.state = CoreState::kActive;
      core.thread = static_cast<Link>(p_.runtimes[i].first_thread + w + 1);
    }
  }
}

bool Machine::ThreadEnabled(int thread) {
  if (H().ended != 0) return false;
  ThreadCell& t = T(thread);
  if (t.life == ThreadLife::kFree || t.life == ThreadLife::kEnded) return false;
  if (t.top == 0) return SchedulerEnabled(thread);
  return CanRun(thread, t.top - 1);
}

bool Machine::OnlySpawns(int thread) {
  const int top = T(thread).top - 1;
  return top >= 0 && S(top).out == Outcome::kNone && InstrAt(top).op == VmOp::kSpawnThread && !in_loop_[S(top).pc];
}

// 10.5: a thread that waits in std's channels or scopes is parked; an unpark ends that park, and it parks anew.
bool Machine::EatsToken(int thread) {
  const int top = T(thread).top - 1;
  return p_.eats_tokens && top >= 0 && T(thread).token != 0 && S(top).out == Outcome::kNone && WaitsByParking(InstrAt(top).op) && !CanRun(thread, top);
}

bool Machine::SpuriousEnabled(int thread) {
  if (!p_.spurious || H().ended != 0 || T(thread).top == 0) return false;   // who parks could also return spuriously
  if (EatsToken(thread)) return true;
  if (mode_.timing != Timing::kAdversarial) return false;
  const StrandCell& s = S(T(thread).top - 1);
  if (s.out != Outcome::kNone) return false;
  switch (p_.code[s.pc].op) {
    case VmOp::kPark: return T(thread).token == 0;
    case VmOp::kCondWait: {
      if (s.phase != 1 || (s.bits & kGranted)) return false;
      const Instr& in = p_.code[s.pc];
      int mutex = in.target + (in.expr2 >= 0 ? static_cast<int>(Eval(in.expr2, FrameOf(T(thread).top - 1))) : 0);
      return W(mutex)[0] == 0;
    }
    default: return false;
  }
}

bool Machine::ClockEnabled(bool any_thread_enabled) {
  if (H().ended != 0 || H().timers == 0) return false;
  if (mode_.timing == Timing::kIdeal && any_thread_enabled) return false;
  for (int s : l_.timed_strands)
    if (S(s).timer > 1 && S(s).timer_runtime != 0) return true;
  return false;
}

// Its time is up in the same instant as that of a timeout around it, which had set its own a little earlier.
bool Machine::EndsWithItsTimeout(int strand) {
  if (S(strand).timer_runtime == 0 || S(strand).timer_runtime == 0xff) return false;
  for (int x = strand; S(x).parent != 0 && !(IsRoot(x) && UnitOf(FrameOf(x)).kind == UnitKind::kTask);) {
    x = S(x).parent - 1;
    if (InstrAt(x).op == VmOp::kTimeout && S(x).timer == S(strand).timer && S(x).timer_runtime != 0) return true;
  }
  return false;
}

void Machine::Step(int actor, Chooser& chooser) {
  choose_ = &chooser;
  chooser.Begin();
  events_.clear();
  told_strand_ = told_pc_ = -1;
  advanced_ = 0;
  unfair_ = false;
  if (actor > clock()) {
    actor -= clock() + 1;
    if (EatsToken(actor)) {
      T(actor).token = 0;
      return;
    }
    StrandCell& waiting = S(T(actor).top - 1);
    if (p_.code[waiting.pc].op == VmOp::kPark) T(actor).token = 1;
    else waiting.bits |= kGranted;
  }
  if (actor != clock()) {
    RunThread(actor);
    if (mode_.sorting) SortCores();
    return;
  }
  std::int32_t least = 0;
  for (int s : l_.timed_strands)
    if (S(s).timer > 1 && S(s).timer_runtime != 0 && (least == 0 || S(s).timer - 1 < least)) least = S(s).timer - 1;
  if (mode_.timing == Timing::kAdversarial) {   // the later one of two may fall into the next millisecond
    std::vector<int> inner;
    for (int s : l_.timed_strands)
      if (S(s).timer == least + 1 && EndsWithItsTimeout(s)) inner.push_back(s);
    if (!inner.empty() && choose_->Choose(2) == 1)
      for (int s : inner) S(s).timer += 1000;
  }
  std::vector<int> late;   // due before this time passes
  for (int s : l_.timed_strands) {
    if (S(s).timer == 1 && S(s).timer_runtime != 0 && S(s).timer_runtime != 0xff && S(s).status != StrandStatus::kIdle && (S(s).bits & kFired) == 0) late.push_back(s);
    else if ((S(s).bits & (kWaitsIo | kIoReady)) == (kWaitsIo | kIoReady)) late.push_back(s);
    if (S(s).timer > 1) S(s).timer = std::max(S(s).timer - least, 1);
  }
  advanced_ = least;
  if (p_.uses_now) H().now_ms += (least + 999) / 1000;
  if (mode_.timing != Timing::kIdeal) return;
  // Ghosts of ideal timing: who has been kept waiting, saturated so that the graph stays finite.
  auto grow = [&](std::int32_t& ghost, std::int64_t threshold) {
    if (ghost > threshold) return false;
    ghost = static_cast<std::int32_t>(std::min<std::int64_t>(threshold + 1, std::int64_t{ghost} + least));
    return ghost > threshold;
  };
  const Scenario& sc = *p_.scenario;
  for (int s = 0; s < l_.strands; ++s) {   // a task whose wake-up lies in a deferred list is ready, too
    FrameCell& frame = F(FrameOf(s));
    if ((S(s).bits & kDeferred) == 0 || frame.live == 0 || UnitOf(FrameOf(s)).kind != UnitKind::kTask) continue;
    if (grow(frame.waited, sc.starvation_threshold)) Emit("starvation/delayed-task", frame.site - 1, -1, FrameOf(s));
  }
  for (int f = 0; f < l_.frames; ++f) {
    FrameCell& frame = F(f);
    if (frame.live == 0 || (frame.bits & (kNotified | kRunning | kComplete)) != kNotified) continue;
    bool blocking = UnitOf(f).kind == UnitKind::kBlocking;
    if (grow(frame.waited, sc.starvation_threshold))
      Emit(blocking ? "starvation/blocking-pool" : "starvation/delayed-task", frame.site - 1, -1, f);
  }
  for (int c = 0; c < l_.cores; ++c) {
    CoreCell& core = C(c);
    if (core.state != CoreState::kActive || core.thread == 0 || T(core.thread - 1).top == 0) continue;
    if (grow(core.held, sc.blocking_threshold))
      Emit("starvation/blocked-worker", S(T(core.thread - 1).top - 1).pc, core.thread - 1, FrameOf(T(core.thread - 1).top - 1));
  }
  for (std::size_t r = 0; r < p_.runtimes.size(); ++r) {
    RuntimeCell& rt = RT(static_cast<int>(r));
    if (rt.holder == 0) continue;
    int top = T(rt.holder - 1).top - 1;
    if (top < 0 || (InstrAt(top).op == VmOp::kBlockOn && S(top).phase == 1)) continue;
    if (grow(rt.held, sc.blocking_threshold)) Emit("starvation/blocked-worker", S(top).pc, rt.holder - 1, FrameOf(top));
  }
  for (int s : late)
    if (grow(S(s).overdue, sc.starvation_threshold)) Emit("starvation/late-timer", S(s).pc, -1, FrameOf(s));
  for (int s = 0; s < l_.strands; ++s) {
    StrandCell& strand = S(s);
    if (strand.status == StrandStatus::kIdle) continue;
    const Instr& in = p_.code[strand.pc];
    if ((in.op == VmOp::kDropReg || in.op == VmOp::kShutdownTimeout) && strand.phase == 2) {
      if (grow(strand.overdue, sc.starvation_threshold)) Emit("starvation/slow-shutdown", strand.pc, -1, FrameOf(s));
    }
  }
}

// Reads nothing that others can change.
bool Machine::IsPrivate(int expr) const {
  if (expr < 0) return true;
  Expr::Kind kind = p_.exprs[static_cast<std::size_t>(expr)].kind;
  return kind == Expr::Kind::kNumber || kind == Expr::Kind::kLocal || kind == Expr::Kind::kIndex;
}

// Drops a branch that stands in a queue, or is the one that a task or channel wakes: the next step takes it out.
bool Machine::DropsWaiter(int strand) {
  const StrandCell& s = S(strand);
  const Instr& in = p_.code[s.pc];
  const auto& branches = p_.branches[static_cast<std::size_t>(in.list)];
  bool drops = in.op == VmOp::kDropBranches || (s.out != Outcome::kNone && s.out != Outcome::kPending);
  for (const BranchCode& b : branches)   // one by name is ready at once
    if (b.strand < 0 && R(FrameOf(strand))[b.reg] != 0 && IsEndedNotified(R(FrameOf(strand))[b.reg] - 1)) drops = true;
  return drops && std::any_of(branches.begin(), branches.end(), [&](const BranchCode& b) {
    if (b.strand < 0) return false;
    const StrandCell& child = S(BranchStrand(strand, b));
    return child.status == StrandStatus::kSuspended && (child.element != 0 || p_.code[child.pc].op == VmOp::kAwaitTask);
  });
}

// A private op that panics at once.
bool Machine::BeginsToPanic(int strand) {
  const StrandCell& s = S(strand);
  const Instr& in = p_.code[s.pc];
  int thread = -1;
  if (in.op == VmOp::kAssert) return IsPrivate(in.expr) && Eval(in.expr, FrameOf(strand)) == 0;
  const bool enters = in.op == VmOp::kBlockOn;
  if (s.phase != 0 || (!enters && in.op != VmOp::kTimeout && (in.op != VmOp::kEnterGuard || in.runtime >= 0))) return false;
  for (int t = 0; t < l_.threads && thread < 0; ++t)
    if (T(t).top == strand + 1) thread = t;
  if (thread < 0) return false;
  if (enters && in.handle == 2) return T(thread).foreign != 0;
  const int current = enters && in.runtime >= 0 ? in.runtime : T(thread).current - 1;
  if (enters) return current < 0 || T(thread).entered != 0;
  return current < 0 || (in.op == VmOp::kTimeout && !p_.runtimes[static_cast<std::size_t>(current)].declared->enable_time);
}

// It begins to wait in a place where only its thread waits, or it has nothing to wait for and gets a plain result.
bool Machine::JoinsQuietly(int strand) {
  const Instr& in = InstrAt(strand);
  const int frame = FrameOf(strand);
  if (!IsPrivate(in.index)) return false;
  const std::int32_t value = R(frame)[in.reg + (in.index >= 0 ? static_cast<int>(Eval(in.index, frame)) : 0)];
  if (value == 0) return false;
  const FrameCell& task = F(value - 1);
  return (task.bits & kComplete) == 0 || (task.result == Outcome::kReady && (task.bits & kLooked) == 0);
}

// Its next step ends a closure whose end only lets a thread go on that joins it.
bool Machine::OnlyEnds(int thread) {
  const int top = T(thread).top - 1;
  if (top < 0 || S(top).out != Outcome::kNone || InstrAt(top).op != VmOp::kEnd || !IsRoot(top)) return false;
  const int frame = FrameOf(top);
  return UnitOf(frame).joined && S(top).mode == Mode::kNormal && F(frame).member == kNoMember && (F(frame).bits & kCancel) == 0;
}

// Steps that no other thread can observe are played together with the one before them.
bool Machine::Invisible(int strand) {
  const StrandCell& s = S(strand);
  const Instr& in = p_.code[s.pc];
  if (in.op == VmOp::kSelect || in.op == VmOp::kJoin || in.op == VmOp::kTimeout) {
    const Unit& unit = UnitOf(FrameOf(strand));
    for (const BranchCode& b : p_.branches[static_cast<std::size_t>(in.list)]) {
      if (b.strand < 0 && unit.regs[static_cast<std::size_t>(b.reg)].kind == RegKind::kTask) return false;   // a poll of a JoinHandle looks at the task
      if (s.phase == 0 && !IsPrivate(b.condition)) return false;
    }
  }
  bool may_drop = in.op == VmOp::kSelect || in.op == VmOp::kDropBranches || (in.op == VmOp::kJoin && in.flag2);
  if (may_drop && DropsWaiter(strand)) return false;
  // It sets its deadline; it registers its timer, which a driver that has ended refuses, or looks whether time is up.
  if (in.op == VmOp::kTimeout && (s.out == Outcome::kPending || (s.phase == 0 && mode_.timing == Timing::kAdversarial))) return false;
  if (s.out != Outcome::kNone) return true;
  if (H().panicked == 0 && BeginsToPanic(strand)) return false;   // a first panic is seen by whoever panics after it
  switch (in.op) {
    case VmOp::kJump: case VmOp::kLoopTest: case VmOp::kCatchBegin: case VmOp::kCatchEnd: case VmOp::kNop: case VmOp::kUse:
    case VmOp::kSelect: case VmOp::kJoin: case VmOp::kUnconstrainedBegin: case VmOp::kUnconstrainedEnd:
    case VmOp::kDisabledEnd: case VmOp::kEnterGuard: case VmOp::kAwaitFuture: case VmOp::kPollOnce: case VmOp::kMakeFuture:
    case VmOp::kBuild: case VmOp::kDropBranches: case VmOp::kMakeValue: case VmOp::kTimeout: case VmOp::kChoose:
      return in.op != VmOp::kMakeFuture || !in.flag2;
    case VmOp::kSet: case VmOp::kJumpIfZero: case VmOp::kAssert:
      return IsPrivate(in.expr);
    case VmOp::kDropReg: case VmOp::kForgetReg: {
      int frame = FrameOf(strand);
      int reg = in.reg;
      if (in.flag) {
        reg = -1;
        for (const Capture& c : p_.captures[static_cast<std::size_t>(in.list)])
          if (R(frame)[c.from] != 0) { reg = c.from; break; }
        if (reg < 0) return true;
      }
      if (in.index >= 0) return false;
      if (R(frame)[reg] == 0) return true;
      // Giving a std mutex back only lets others go on, unless somebody looks without waiting.
      const Reg& held = UnitOf(frame).regs[static_cast<std::size_t>(reg)];
      // So does dropping a std sender: a receiver that could go on before still can.
      if (held.kind == RegKind::kTx && in.op == VmOp::kDropReg) {
        const Element& e = p_.elements[static_cast<std::size_t>(held.base + R(frame)[reg] - 1)];
        return e.kind == Kind::kStdChannel && !e.peeked && !p_.endless;
      }
      if (held.kind != RegKind::kGuard || in.op != VmOp::kDropReg) return false;
      const Element& e = p_.elements[static_cast<std::size_t>(held.base + R(frame)[reg] - 1)];
      return e.kind == Kind::kStdMutex && !e.tried && !p_.endless;
    }
    // A future is begun: only a current_thread runtime's own block_on asks for something that others have, its core.
    case VmOp::kBlockOn:
      return s.phase == 0 && !p_.endless && (in.handle != 0 || (in.runtime >= 0 && p_.runtimes[static_cast<std::size_t>(in.runtime)].declared->multi_thread));
    case VmOp::kSpawn: case VmOp::kSpawnBlocking: return s.phase == 1;
    case VmOp::kAwaitTask: return in.blocks && JoinsQuietly(strand);
    case VmOp::kEnd: case VmOp::kFailEnd: case VmOp::kUnwound: return !IsRoot(strand) || UnitOf(FrameOf(strand)).kind == UnitKind::kFuture;
    case VmOp::kBipExit: return R(FrameOf(strand))[in.reg] < 2;
    case VmOp::kScopeJoin: return ScopeIsOver(FrameOf(strand), in.reg);
    default: return false;
  }
}

// A drop that goes with the step before it is seen by whom it lets go on. So it is a step of its own where a thread begins with it.
bool Machine::LetsOthersGoOn(int strand) {
  const Instr& in = InstrAt(strand);
  if (in.op != VmOp::kDropReg || in.flag || in.reg < 0) return false;
  return UnitOf(FrameOf(strand)).regs[static_cast<std::size_t>(in.reg)].kind == RegKind::kTx && R(FrameOf(strand))[in.reg] != 0;
}

// A race is seen by where the other thread stands. So a new thread that begins with private ops comes to its first visible
// one in a step of its own; everywhere else a step ends in front of one.
bool Machine::StartsPrivately(int thread) {
  if (!mode_.fusing || !has_cells_ || T(thread).top == 0) return false;
  int strand = T(thread).top - 1;
  const Unit& unit = UnitOf(FrameOf(strand));
  return unit.kind == UnitKind::kThread && S(strand).pc == unit.entry && Invisible(strand);
}

void Machine::RunThread(int thread) {
  bool did = StartsPrivately(thread);
  ThreadCell& t = T(thread);
  for (int guard = 0; guard < kInvisibleMax; ++guard) {
    if (!overflow_.empty() || H().ended != 0 || t.life == ThreadLife::kEnded || t.life == ThreadLife::kFree) return;
    if (guard > 0 && choose_->asked() >= kChoicesMax) return;
    if (t.top == 0) {
      if (did) return;
      did = true;
      SchedulerStep(thread);
      continue;
    }
    int strand = t.top - 1;
    bool invisible = Invisible(strand);
    if (did && (!mode_.fusing || !invisible)) return;
    if (!CanRun(thread, strand)) return;
    if (!invisible || LetsOthersGoOn(strand)) {
      did = true;
      told_strand_ = strand;
      told_pc_ = S(strand).pc;
    }
    if (!noticed_.reached[S(strand).pc]) noticed_.reached[S(strand).pc] = true;   // not written again: other threads' may lie beside it
    if (!mode_.fusing || p_.code[S(strand).pc].op == VmOp::kBuild) did = true;   // its workers may go to sleep before anything else happens
    std::uint16_t at = S(strand).pc;
    divided_by_zero_ = false;
    Exec(thread, strand);
    if (divided_by_zero_ && H().ended == 0) {
      S(strand).pc = at;
      Panic(thread, strand, nullptr, "attempt to divide by zero");
    }
  }
}

bool Machine::CanRun(int thread, int strand) {
  StrandCell& s = S(strand);
  if (s.out != Outcome::kNone) return true;
  const Instr& in = p_.code[s.pc];
  if (IsObjectOp(in.op)) return CanRunObject(thread, strand);
  switch (in.op) {
    case VmOp::kPendingSync: return s.phase == 0;
    case VmOp::kJoinThread: {
      int reg = in.reg + (in.index >= 0 ? static_cast<int>(Eval(in.index, FrameOf(strand))) : 0);
      std::int32_t value = R(FrameOf(strand))[reg];
      return value == 0 || value - 1 == FrameOf(strand) || (F(value - 1).bits & kComplete) != 0;
    }
    case VmOp::kScopeJoin: return ScopeIsOver(FrameOf(strand), in.reg);
    case VmOp::kPark: return T(thread).token != 0;
    case VmOp::kThreadSleep: case VmOp::kCompute: return s.phase == 0 || s.timer == 1;
    case VmOp::kBlockOn: {
      if (s.phase == 0) return true;
      int child = l_.frame_strand[static_cast<std::size_t>(FrameOf(strand))] + in.strand;
      if (S(child).bits & kWoken) return true;
      int runtime = s.saved_budget - 1;   // the current_thread runtime whose core this thread may hold
      return runtime >= 0 && CtEnabled(thread, strand, runtime);
    }
    case VmOp::kDropReg: case VmOp::kShutdownTimeout: case VmOp::kShutdownBackground: {
      if (s.phase != 2) return true;   // 2: waits for a pool to end
      int runtime = s.need;
      const RuntimeDef& def = p_.runtimes[static_cast<std::size_t>(runtime)];
      if (s.timer == 1) return true;
      for (int i = 0; i < def.thread_slots; ++i) {
        ThreadCell& t = T(def.first_thread + i);
        if (t.life == ThreadLife::kRunning || t.life == ThreadLife::kIdle) return false;
      }
      return true;
    }
    default: return true;
  }
}

void Machine::NoteGuard(int thread, int strand) {
  const Instr& in = p_.code[S(strand).pc];
  if (in.guard >= 0 && S(strand).phase == 0 && R(FrameOf(strand))[in.guard] != 0)
    Emit("hazard/guard-across-await", S(strand).pc, thread, FrameOf(strand));
}

void Machine::StartChild(int child, int entry) {
  StrandCell& c = S(child);
  std::memset(static_cast<void*>(&c), 0, sizeof c);
  c.pc = static_cast<std::uint16_t>(entry);
}

void Machine::PollChild(int thread, int parent, int child) {
  StrandCell& c = S(child);
  c.parent = static_cast<Link>(parent + 1);
  c.status = StrandStatus::kActive;
  T(thread).top = static_cast<Link>(child + 1);
}

// The strand returns Pending: whoever polls it goes on.
void Machine::Suspend(int thread, int strand) {
  StrandCell& s = S(strand);
  s.status = StrandStatus::kSuspended;
  int frame = FrameOf(strand);
  if (IsRoot(strand) && UnitOf(frame).kind == UnitKind::kTask) {
    EndPoll(thread, frame, Outcome::kPending);
    return;
  }
  int parent = s.parent - 1;
  S(parent).out = Outcome::kPending;
  T(thread).top = s.parent;
}

void Machine::Finish(int thread, int strand, Outcome outcome) {
  StrandCell& s = S(strand);
  int frame = FrameOf(strand);
  s.status = StrandStatus::kDone;
  auto tell_parent = [&] {
    StrandCell& parent = S(s.parent - 1);
    parent.out = outcome;
    if (outcome == Outcome::kPanicked) {
      parent.panic_pc = s.panic_pc;
      if (parent.mode == Mode::kPanicking) Abort(thread, s.parent - 1);   // in a destructor
    }
    T(thread).top = s.parent;
  };
  if (IsRoot(strand)) {
    FrameCell& f = F(frame);
    f.panic_pc = s.panic_pc;
    switch (UnitOf(frame).kind) {
      case UnitKind::kMain:
        if (outcome == Outcome::kPanicked && s.panic_pc != 0xffff)
          Emit("panic/thread", s.panic_pc - 1, thread, frame);
        H().ended = 1;
        return;
      case UnitKind::kThread: {
        if (outcome == Outcome::kPanicked && s.panic_pc != 0xffff) Emit("panic/thread", s.panic_pc - 1, thread, frame);
        if (outcome == Outcome::kPanicked) f.panic_pc = 0xffff;
        int owner = f.scope_frame - 1, reg = f.scope_reg;
        ThreadCell& t = T(thread);
        std::memset(static_cast<void*>(&t), 0, sizeof t);
        f.bits |= kComplete;
        f.result = outcome;
        if (owner >= 0) R(owner)[reg] += outcome == Outcome::kPanicked ? kScopePanic - 1 : -1;
        MaybeFree(frame);
        return;
      }
      case UnitKind::kTask:
        EndPoll(thread, frame, outcome);
        return;
      case UnitKind::kBlocking: {
        ThreadCell& t = T(thread);
        t.top = s.parent;
        if (t.pool != 0 && t.frame == frame + 1) {   // else: refused by a pool that was shut down, dropped by the spawner
          t.frame = 0;
          t.entered = 0;
          t.current = t.pool;
        }
        Complete(thread, frame, outcome);
        return;
      }
      case UnitKind::kFuture: {
        f.bits |= kComplete;
        f.result = outcome;
        if (f.member) ForgetWaker(strand);
        tell_parent();
        MaybeFree(frame);
        return;
      }
      case UnitKind::kDestructor: {
        tell_parent();
        f.references = 0;
        f.bits |= kComplete;
        FreeFrame(frame);
        return;
      }
    }
  }
  tell_parent();
}

void Machine::Fail(int thread, int strand, const char* why, const char* rule, bool derived) {
  StrandCell& s = S(strand);
  const Instr& in = p_.code[s.pc];
  s.phase = 0;
  s.bits = static_cast<std::uint8_t>(s.bits & kWoken);
  if (in.or_pc >= 0) {
    s.pc = static_cast<std::uint16_t>(in.or_pc);
    return;
  }
  Panic(thread, strand, rule, why, derived || (rule == nullptr && H().panicked != 0));
}

// A panic while unwinding aborts the process: nobody will catch the first one.
void Machine::Abort(int thread, int strand) {
  H().ended = 2;
  const std::uint16_t first = S(strand).panic_pc;
  if (first != 0 && first != 0xffff) Emit("panic/thread", first - 1, thread, FrameOf(strand));
}

void Machine::Panic(int thread, int strand, const char* rule, const char* detail, bool derived) {
  StrandCell& s = S(strand);
  if (at_panic) at_panic(*this, strand, detail);
  if (s.mode == Mode::kPanicking) {
    Abort(thread, strand);
    if (rule != nullptr) Emit(rule, s.pc, thread, FrameOf(strand), detail);
    return;
  }
  H().panicked = 1;
  s.panic_pc = static_cast<std::uint16_t>(s.pc + 1);
  if (rule != nullptr) Emit(rule, s.pc, thread, FrameOf(strand), detail);
  if (rule != nullptr || derived) s.panic_pc = 0xffff;
  s.mode = Mode::kPanicking;
  s.phase = 0;
  s.out = Outcome::kNone;
  s.pc = static_cast<std::uint16_t>(p_.scopes[static_cast<std::size_t>(p_.code[s.pc].scope)].cleanup_pc);
}

// A destructor that runs while its thread unwinds has begun in a panic; what falls in a future that is dropped there has not.
bool Machine::IsPanicking(int strand, PanicOf what) {
  for (int x = strand;; x = S(x).parent - 1) {
    const StrandCell& s = S(x);
    if (s.mode == Mode::kPanicking) return true;
    if (s.parent == 0 || (what == kOfWhatFalls && s.mode != Mode::kCancelling)) return false;
  }
}

void Machine::PanicFrom(int thread, int strand, std::uint16_t origin) {
  Panic(thread, strand, nullptr, "");
  S(strand).panic_pc = origin;
}

// Drops the future: abandons what it waits for and runs its cleanup on this thread; `parent` goes on afterwards.
void Machine::CancelStrand(int thread, int strand, Link parent) {
  StrandCell& s = S(strand);
  s.mode = Mode::kCancelling;
  Abandon(thread, strand);
  s.phase = 0;
  s.out = Outcome::kNone;
  s.bits = 0;
  s.parent = parent;
  s.status = StrandStatus::kActive;
  s.pc = static_cast<std::uint16_t>(p_.scopes[static_cast<std::size_t>(p_.code[s.pc].scope)].cleanup_pc);
  T(thread).top = static_cast<Link>(strand + 1);
}

int Machine::BranchStrand(int strand, const BranchCode& branch) {
  int frame = FrameOf(strand);
  if (branch.strand >= 0) return Root(frame) + branch.strand;
  std::int32_t value = R(frame)[branch.reg];
  return value == 0 ? -1 : Root(value - 1);
}

// Other than an async block, a `Notified` that has ended is ready whenever it is polled again (seen on 1.24.2).
bool Machine::IsEndedNotified(int frame) {
  const FrameCell& f = F(frame);
  if ((f.bits & kComplete) == 0 || f.site == 0) return false;
  const Instr& made = p_.code[f.site - 1u];
  return made.op == VmOp::kMakeFuture && made.flag2;
}

// Polls a branch. True: control went elsewhere (into the branch, or it panicked). False: `out` says how it is already.
bool Machine::PollBranch(int thread, int strand, const BranchCode& branch, Outcome* out) {
  int child = BranchStrand(strand, branch);
  if (child < 0) { Panic(thread, strand, "ownership/completed-handle", "a future is polled after it was dropped"); return true; }
  if (branch.strand < 0) {
    FrameCell& f = F(FrameOf(child));
    if (UnitOf(FrameOf(child)).kind != UnitKind::kFuture) {   // a JoinHandle by reference
      if ((f.bits & kComplete) == 0) { f.joiner = static_cast<Link>(strand + 1); *out = Outcome::kPending; return false; }
      if (f.bits & kLooked) { Panic(thread, strand, "ownership/completed-handle", "JoinHandle polled after completion"); return true; }
      f.bits |= kLooked;
      *out = f.result == Outcome::kReady ? Outcome::kReady : Outcome::kFailed;
      return false;
    }
    if (IsEndedNotified(FrameOf(child))) { *out = Outcome::kReady; return false; }
    if (f.bits & kComplete) { Panic(thread, strand, "ownership/completed-handle", "`async fn` resumed after completion"); return true; }
  }
  PollChild(thread, strand, child);
  return true;
}

bool Machine::DropBranches(int thread, int strand, int list, int except) {
  const auto& branches = p_.branches[static_cast<std::size_t>(list)];
  for (std::size_t k = 0; k < branches.size(); ++k) {
    if (static_cast<int>(k) == except || branches[k].strand < 0) continue;
    int child = BranchStrand(strand, branches[k]);
    if (S(child).status != StrandStatus::kSuspended) continue;
    CancelStrand(thread, child, static_cast<Link>(strand + 1));
    return true;
  }
  for (const BranchCode& branch : branches)
    if (branch.strand >= 0) {
      StrandCell& c = S(BranchStrand(strand, branch));
      std::memset(static_cast<void*>(&c), 0, sizeof c);
    }
  return false;
}

void Machine::ExecSelect(int thread, int strand) {
  StrandCell& s = S(strand);
  const Instr& in = p_.code[s.pc];
  const auto& branches = p_.branches[static_cast<std::size_t>(in.list)];
  int n = static_cast<int>(branches.size());
  int frame = FrameOf(strand);
  enum : std::uint8_t { kEntry, kPolling, kWaiting, kDropping };
  if (s.phase == kEntry) {
    NoteGuard(thread, strand);
    s.mask = 0;
    for (int k = 0; k < n; ++k) {
      const BranchCode& b = branches[static_cast<std::size_t>(k)];
      if (b.condition >= 0 && Eval(b.condition, frame) == 0) s.mask = static_cast<std::uint16_t>(s.mask | (1 << k));
      if (b.strand >= 0) StartChild(BranchStrand(strand, b), b.entry);
    }
    s.phase = kWaiting;
  }
  if (s.phase == kWaiting && p_.endless && v_.select_budget && T(thread).budget == 0 && !T(thread).unconstrained) {
    s.out = Outcome::kNone;   // 8.12: without budget the whole select is Pending
    Defer(thread, strand);
    Suspend(thread, strand);
    return;
  }
  if (s.phase == kWaiting) {
    s.start = static_cast<std::uint8_t>(in.flag ? 0 : choose_->Choose(n));
    s.polled = 0;
    s.phase = kPolling;
    s.out = Outcome::kNone;
  }
  auto win = [&](int k) { s.winner = static_cast<std::uint8_t>(k + 1); s.phase = kDropping; s.out = Outcome::kNone; };
  if (s.phase == kPolling && s.out != Outcome::kNone) {
    int k = (s.start + s.polled - 1) % n;
    Outcome out = s.out;
    s.out = Outcome::kNone;
    if (out == Outcome::kReady) win(k);
    else if (out == Outcome::kPanicked) { std::uint16_t from = s.panic_pc; PanicFrom(thread, strand, from); return; }
    else if (out != Outcome::kPending) s.mask = static_cast<std::uint16_t>(s.mask | (1 << k));
  }
  while (s.phase == kPolling && s.polled < n) {
    int k = (s.start + s.polled++) % n;
    if ((s.mask >> k) & 1) continue;
    Outcome out;
    if (PollBranch(thread, strand, branches[static_cast<std::size_t>(k)], &out)) return;
    if (out == Outcome::kReady) win(k);
    else if (out != Outcome::kPending) s.mask = static_cast<std::uint16_t>(s.mask | (1 << k));
  }
  if (s.phase == kDropping) {
    if (s.out == Outcome::kPanicked) { std::uint16_t from = s.panic_pc; PanicFrom(thread, strand, from); return; }   // a destructor did
    s.out = Outcome::kNone;
    int k = s.winner - 1;
    if (DropBranches(thread, strand, in.list, k)) return;
    s.phase = 0;
    s.mask = 0;
    s.start = s.polled = s.winner = 0;
    s.pc = static_cast<std::uint16_t>(branches[static_cast<std::size_t>(k)].then_pc);
    return;
  }
  if (s.mask == (1 << n) - 1) {
    if (DropBranches(thread, strand, in.list, -1)) return;
    s.phase = 0;
    s.mask = 0;
    s.start = s.polled = 0;
    if (in.target >= 0) s.pc = static_cast<std::uint16_t>(in.target);
    else Panic(thread, strand, nullptr, "all branches are disabled and there is no else branch");
    return;
  }
  s.phase = kWaiting;
  s.start = s.polled = 0;
  Suspend(thread, strand);
}

void Machine::ExecJoin(int thread, int strand) {
  StrandCell& s = S(strand);
  const Instr& in = p_.code[s.pc];
  const auto& branches = p_.branches[static_cast<std::size_t>(in.list)];
  int n = static_cast<int>(branches.size());
  enum : std::uint8_t { kEntry, kPolling, kWaiting, kDropping };
  if (s.phase == kEntry) {
    NoteGuard(thread, strand);
    s.mask = 0;
    s.start = 0;
    for (const BranchCode& b : branches)
      if (b.strand >= 0) StartChild(BranchStrand(strand, b), b.entry);
    s.phase = kWaiting;
    if (n == 0) { s.phase = 0; Next(strand); return; }
  }
  if (s.phase == kWaiting) {
    s.polled = 0;
    s.phase = kPolling;
    s.out = Outcome::kNone;
  }
  if (s.phase == kPolling && s.out != Outcome::kNone) {
    int k = (s.start + s.polled - 1) % n;
    Outcome out = s.out;
    s.out = Outcome::kNone;
    if (out == Outcome::kPanicked) { std::uint16_t from = s.panic_pc; PanicFrom(thread, strand, from); return; }
    if (out == Outcome::kFailed && in.flag2) s.phase = kDropping;
    else if (out != Outcome::kPending) s.mask = static_cast<std::uint16_t>(s.mask | (1 << k));
  }
  while (s.phase == kPolling && s.polled < n) {
    int k = (s.start + s.polled++) % n;
    if ((s.mask >> k) & 1) continue;
    Outcome out;
    if (PollBranch(thread, strand, branches[static_cast<std::size_t>(k)], &out)) return;
    if (out == Outcome::kFailed && in.flag2) s.phase = kDropping;
    else if (out != Outcome::kPending) s.mask = static_cast<std::uint16_t>(s.mask | (1 << k));
  }
  if (s.phase == kDropping) {
    if (s.out == Outcome::kPanicked) { std::uint16_t from = s.panic_pc; PanicFrom(thread, strand, from); return; }   // a destructor did
    s.out = Outcome::kNone;
    if (DropBranches(thread, strand, in.list, -1)) return;
    s.mask = 0;
    s.start = s.polled = 0;
    Fail(thread, strand, "a branch of the join failed");
    return;
  }
  if (s.mask == (1 << n) - 1) {
    DropBranches(thread, strand, in.list, -1);
    s.phase = 0;
    s.mask = 0;
    s.start = s.polled = 0;
    Next(strand);
    return;
  }
  s.start = static_cast<std::uint8_t>(in.flag ? 0 : (s.start + 1) % n);
  s.phase = kWaiting;
  s.polled = 0;
  Suspend(thread, strand);
}

void Machine::ExecTimeout(int thread, int strand) {
  StrandCell& s = S(strand);
  const Instr& in = p_.code[s.pc];
  const BranchCode& branch = p_.branches[static_cast<std::size_t>(in.list)][0];
  enum : std::uint8_t { kEntry, kWaiting, kDropping };
  if (s.phase == kEntry) {
    NoteGuard(thread, strand);
    if (!NeedContext(thread, strand, "time")) return;
    // A Sleep counts from its creation and belongs to the runtime of it (3.8); that is told of it at the first poll (7.1).
    s.saved_current = T(thread).current;
    StartTimer(strand, in.imm);
    if (branch.strand >= 0) StartChild(BranchStrand(strand, branch), branch.entry);
    s.phase = kWaiting;
    s.out = Outcome::kNone;
  }
  if (s.phase == kDropping) {
    if (s.out == Outcome::kPanicked) { std::uint16_t from = s.panic_pc; PanicFrom(thread, strand, from); return; }   // a destructor did
    s.out = Outcome::kNone;
    if (DropBranches(thread, strand, in.list, -1)) return;
    CancelTimer(strand);
    s.timer_runtime = s.saved_current = 0;
    Fail(thread, strand, "the timeout elapsed");
    return;
  }
  Outcome out = s.out;
  s.out = Outcome::kNone;
  if (out == Outcome::kNone && PollBranch(thread, strand, branch, &out)) return;
  if (out == Outcome::kPending) {
    if (s.bits & kFired) { s.phase = kDropping; s.out = Outcome::kPending; return; }
    if (s.timer_runtime == 0 && !RegisterTimer(thread, strand, s.saved_current)) return;
    s.saved_current = 0;
    Suspend(thread, strand);
    return;
  }
  CancelTimer(strand);
  DropBranches(thread, strand, in.list, -1);
  s.bits = 0;
  s.phase = 0;
  s.timer_runtime = s.saved_current = 0;
  if (out == Outcome::kPanicked) { std::uint16_t from = s.panic_pc; PanicFrom(thread, strand, from); return; }
  if (out == Outcome::kFailed) { Fail(thread, strand, "the future inside the timeout failed"); return; }
  Next(strand);
}

void Machine::ExecBlockOn(int thread, int strand) {
  StrandCell& s = S(strand);
  const Instr& in = p_.code[s.pc];
  ThreadCell& t = T(thread);
  int frame = FrameOf(strand);
  int child = Root(frame) + in.strand;
  auto leave = [&] {
    int runtime = s.saved_budget - 1;
    if (runtime >= 0 && RT(runtime).holder == thread + 1) { RT(runtime).holder = 0; RT(runtime).batch = 0; RT(runtime).held = 0; }
    if (in.handle != 2) { t.entered = s.saved_entered; t.current = s.saved_current; }
    t.foreign = static_cast<std::uint8_t>(s.mask);
    s.mask = 0;
    if (!t.handed) WakeDeferred(thread, &t.stash_head, &t.stash_tail);
    s.saved_budget = s.saved_entered = s.saved_current = 0;
    s.phase = 0;
    ForgetWaker(child);
    StrandCell& c = S(child);
    std::memset(static_cast<void*>(&c), 0, sizeof c);
  };
  if (s.phase == 0) {
    int runtime = in.runtime >= 0 ? in.runtime : t.current - 1;
    if (in.handle == 2) {
      if (t.foreign != 0) { Panic(thread, strand, nullptr, "cannot execute `LocalPool` executor from within another executor"); return; }
    } else {
      if (runtime < 0) {   // `Handle::current()` panics, and the future has not been made
        Panic(thread, strand, "ownership/no-context", "there is no reactor running, must be called from the context of a Tokio 1.x runtime");
        const ScopeDef& made = p_.scopes[static_cast<std::size_t>(in.scope)];
        if (H().ended == 0) s.pc = static_cast<std::uint16_t>(p_.scopes[static_cast<std::size_t>(made.parent)].cleanup_pc);
        return;
      }
      if (t.entered != 0) { Panic(thread, strand, "ownership/runtime-in-runtime", "Cannot start a runtime from within a runtime."); return; }
    }
    s.saved_entered = t.entered;
    s.saved_current = t.current;
    s.saved_budget = 0;
    s.mask = t.foreign;
    t.foreign = in.handle == 2 ? 1 : t.foreign != 0 ? 2 : 0;
    bool own_runtime = in.handle == 0;
    bool ct = in.handle != 2 && !p_.runtimes[static_cast<std::size_t>(runtime)].declared->multi_thread;
    if (in.handle != 2) {
      t.entered = ct && own_runtime ? 2 : 1;
      t.current = static_cast<std::uint8_t>(runtime + 1);
    }
    t.budget = 128;
    StartChild(child, p_.units[static_cast<std::size_t>(l_.frame_unit[static_cast<std::size_t>(frame)])].strand_entry[static_cast<std::size_t>(in.strand)]);
    s.phase = 1;
    if (ct && own_runtime) {
      s.saved_budget = static_cast<std::uint8_t>(runtime + 1);
      if (RT(runtime).holder == 0) { RT(runtime).holder = static_cast<Link>(thread + 1); RT(runtime).batch = 1; }
    }
    PollChild(thread, strand, child);
    return;
  }
  Outcome out = s.out;
  s.out = Outcome::kNone;
  if (out == Outcome::kPending) {
    if (!t.handed) WakeDeferred(thread, &t.stash_head, &t.stash_tail);
    int held = s.saved_budget - 1;   // a tick that finds nothing passes as well
    if (held >= 0 && v_.first_turn_is_inject && RT(held).holder == thread + 1 && RT(held).head == 0 && RT(held).inject_head == 0) RT(held).begun = 1;
    return;
  }
  if (out != Outcome::kNone) {
    leave();
    if (out == Outcome::kPanicked) { std::uint16_t from = s.panic_pc; PanicFrom(thread, strand, from); }
    else if (out == Outcome::kFailed) Fail(thread, strand, "the future of block_on failed");
    else Next(strand);
    return;
  }
  int runtime = s.saved_budget - 1;
  if (runtime >= 0 && CtStep(thread, strand, runtime, child)) return;
  if (S(child).bits & kWoken) {
    S(child).bits = static_cast<std::uint8_t>(S(child).bits & ~kWoken);
    t.budget = 128;
    PollChild(thread, strand, child);
  }
}

void Machine::Exec(int thread, int strand) {
  StrandCell& s = S(strand);
  const Instr& in = p_.code[s.pc];
  int frame = FrameOf(strand);
  std::int32_t* regs = R(frame);
  ThreadCell& t = T(thread);
  if (s.bits & kDeferred) LeaveDeferred(strand);
  if (IsObjectOp(in.op)) { ExecObject(thread, strand); return; }
  if (IsSetOp(in.op)) { ExecSet(thread, strand); return; }
  switch (in.op) {
    case VmOp::kJump: s.pc = static_cast<std::uint16_t>(in.target); break;
    case VmOp::kJumpIfZero: s.pc = static_cast<std::uint16_t>(Eval(in.expr, frame) == 0 ? in.target : s.pc + 1); break;
    case VmOp::kSet: regs[in.var] = static_cast<std::int32_t>(in.expr >= 0 ? Eval(in.expr, frame) : in.imm); Next(strand); break;
    case VmOp::kChoose: {
      if (!in.flag) unfair_ = true;
      const auto& entries = p_.jumps[static_cast<std::size_t>(in.list)];
      s.pc = static_cast<std::uint16_t>(entries[static_cast<std::size_t>(choose_->Choose(static_cast<int>(entries.size())))]);
      break;
    }
    case VmOp::kLoopTest:
      if (regs[in.reg] >= regs[in.reg2]) { regs[in.reg] = 0; regs[in.reg2] = 0; s.pc = static_cast<std::uint16_t>(in.target); }
      else { ++regs[in.reg]; Next(strand); }
      break;
    case VmOp::kCatchEnd:
      if (in.flag && s.mode == Mode::kPanicking) {
        s.mode = Mode::kNormal;
        s.panic_pc = 0;
        s.pc = static_cast<std::uint16_t>(in.target);
      } else {
        Next(strand);
      }
      break;
    case VmOp::kCatchBegin: case VmOp::kNop: case VmOp::kUse: Next(strand); break;
    case VmOp::kEnd: Finish(thread, strand, Outcome::kReady); break;
    case VmOp::kFailEnd: Finish(thread, strand, Outcome::kFailed); break;
    case VmOp::kDisabledEnd: Finish(thread, strand, Outcome::kDisabled); break;
    case VmOp::kUnwound: Finish(thread, strand, s.mode == Mode::kPanicking ? Outcome::kPanicked : Outcome::kCancelled); break;
    case VmOp::kDropReg: case VmOp::kForgetReg: case VmOp::kShutdownBackground: case VmOp::kShutdownTimeout: ExecDropReg(thread, strand); break;
    case VmOp::kDropBranches:
      if (s.out == Outcome::kPanicked && s.mode != Mode::kPanicking) { std::uint16_t from = s.panic_pc; PanicFrom(thread, strand, from); break; }
      s.out = Outcome::kNone;
      if (!DropBranches(thread, strand, in.list, -1)) Next(strand);
      break;
    case VmOp::kBuild: BuildRuntime(thread, strand); break;
    case VmOp::kBlockOn: ExecBlockOn(thread, strand); break;
    case VmOp::kEnterGuard: {
      int runtime = in.runtime >= 0 ? in.runtime : t.current - 1;
      if (runtime < 0) { Panic(thread, strand, "ownership/no-context", "there is no reactor running"); break; }
      regs[in.reg] = 1 + t.current + 256 * ++t.depth;
      t.current = static_cast<std::uint8_t>(runtime + 1);
      Next(strand);
      break;
    }
    case VmOp::kSpawn: case VmOp::kSpawnBlocking: case VmOp::kSpawnThread: ExecSpawn(thread, strand); break;
    case VmOp::kMakeFuture: case VmOp::kMakeValue: ExecMakeFuture(thread, strand); break;
    case VmOp::kBipEnter: {
      if (t.entered == 2) { Panic(thread, strand, "ownership/block-in-place", "can call blocking only when running on the multi-threaded runtime"); break; }
      if (t.entered == 1) {
        regs[in.reg] = 1;
        if (t.handed && !v_.nested_bip) {   // 3.1
          bool in_slot = false;
          for (int c = 0; c < l_.cores; ++c) in_slot = in_slot || C(c).state == CoreState::kInSlot;
          if (in_slot) { regs[in.reg] = 0; Panic(thread, strand, "ownership/block-in-place", "assertion failed: cx_core.is_none()"); break; }
        }
        if (t.core != 0) { regs[in.reg] = t.core + 1; t.handed = 1; Handoff(thread); }
        t.entered = 0;
      }
      Next(strand);
      break;
    }
    case VmOp::kBipExit: {
      int saved = regs[in.reg];
      regs[in.reg] = 0;
      if (saved >= 1) t.entered = 1;
      if (saved >= 2) t.handed = 0;
      if (saved >= 2 && C(saved - 2).state == CoreState::kInSlot) {
        C(saved - 2).state = CoreState::kActive;
        C(saved - 2).thread = static_cast<Link>(thread + 1);
        t.core = static_cast<Link>(saved - 1);
        std::swap(t.stash_head, C(saved - 2).defer_head);
        std::swap(t.stash_tail, C(saved - 2).defer_tail);
      } else if (saved >= 2) {
        WakeDeferred(thread, &t.stash_head, &t.stash_tail);
      }
      Next(strand);
      break;
    }
    case VmOp::kScopeJoin: {
      const bool panicked = regs[in.reg] >= kScopePanic;
      regs[in.reg] = 0;
      if (panicked && s.mode == Mode::kNormal) Panic(thread, strand, nullptr, "a scoped thread panicked", true);
      else Next(strand);
      break;
    }
    case VmOp::kJoinThread: {
      int reg = in.reg + (in.index >= 0 ? static_cast<int>(Eval(in.index, frame)) : 0);
      std::int32_t value = regs[reg];
      if (value == 0) { Panic(thread, strand, "ownership/completed-handle", "a thread is joined a second time"); break; }
      if (value - 1 == frame) { Panic(thread, strand, nullptr, "failed to join thread"); break; }   // its own end (10.5)
      FrameCell& f = F(value - 1);
      bool panicked = f.result == Outcome::kPanicked, failed = f.result == Outcome::kFailed;
      if (in.var >= 0) regs[in.var] = R(value - 1)[0];
      regs[reg] = 0;
      f.bits |= kLooked;
      if (panicked && f.scope_frame != 0) R(f.scope_frame - 1)[f.scope_reg] -= kScopePanic;   // it is the joiner's now
      DropHandle(thread, value - 1, true);
      if (panicked) Fail(thread, strand, "the joined thread panicked", nullptr, true);
      else if (failed) Fail(thread, strand, "the joined thread failed");
      else Next(strand);
      break;
    }
    case VmOp::kAwaitTask: {
      int reg = in.reg + (in.index >= 0 ? static_cast<int>(Eval(in.index, frame)) : 0);
      std::int32_t value = regs[reg];
      NoteGuard(thread, strand);
      if (value == 0) { Panic(thread, strand, "ownership/completed-handle", "JoinHandle polled after completion"); break; }
      FrameCell& f = F(value - 1);
      if ((f.bits & kComplete) == 0) { f.joiner = static_cast<Link>(strand + 1); s.phase = 1; Suspend(thread, strand); break; }
      if (f.bits & kLooked) { Panic(thread, strand, "ownership/completed-handle", "JoinHandle polled after completion"); break; }
      if (!Budget(thread, strand)) break;
      Outcome result = f.result;
      std::uint16_t origin = f.panic_pc;
      if (in.var >= 0) regs[in.var] = R(value - 1)[0];
      bool shut = f.runtime != 0 && Shutting(f.runtime - 1);
      regs[reg] = 0;
      f.bits |= kLooked;
      DropHandle(thread, value - 1, true);
      s.phase = 0;
      if (result == Outcome::kReady) { Next(strand); break; }
      if (in.or_pc >= 0 || result != Outcome::kPanicked) {
        if (result == Outcome::kCancelled && shut) Fail(thread, strand, "the JoinError of a task that its runtime cancelled is unwrapped", "ownership/use-after-shutdown");
        else Fail(thread, strand, result == Outcome::kPanicked ? "the awaited task panicked" : "the awaited task was cancelled or failed");
      } else {
        PanicFrom(thread, strand, origin);
      }
      break;
    }
    case VmOp::kAwaitFuture: case VmOp::kPollOnce: {
      std::int32_t value = regs[in.reg];
      const bool again = s.out == Outcome::kNone && value != 0 && IsEndedNotified(value - 1);
      if (s.out == Outcome::kNone && !again) {
        NoteGuard(thread, strand);
        if (value == 0 || (F(value - 1).bits & kComplete)) {
          Panic(thread, strand, "ownership/completed-handle", "`async fn` resumed after completion");
          break;
        }
        PollChild(thread, strand, Root(value - 1));
        break;
      }
      Outcome out = again ? Outcome::kReady : s.out;
      s.out = Outcome::kNone;
      if (out == Outcome::kPending) {
        if (in.op == VmOp::kPollOnce) { Fail(thread, strand, "the polled future is still pending"); break; }
        s.phase = 1;
        Suspend(thread, strand);
        break;
      }
      std::uint16_t origin = F(value - 1).panic_pc;
      if (in.op == VmOp::kAwaitFuture) { regs[in.reg] = 0; --F(value - 1).references; MaybeFree(value - 1); }
      s.phase = 0;
      if (out == Outcome::kPanicked) PanicFrom(thread, strand, origin);
      else if (out == Outcome::kFailed) Fail(thread, strand, "the awaited future failed");
      else Next(strand);
      break;
    }
    case VmOp::kAbort: {
      int reg = in.reg + (in.index >= 0 ? static_cast<int>(Eval(in.index, frame)) : 0);
      std::int32_t value = in.reg < 0 ? 0 : regs[reg];
      Next(strand);
      if (value == 0) break;
      AbortTask(thread, value - 1);
      break;
    }
    case VmOp::kPark: t.token = 0; Next(strand); break;
    case VmOp::kUnpark: {
      std::int32_t value = in.reg < 0 ? 1 : regs[in.reg + (in.index >= 0 ? static_cast<int>(Eval(in.index, frame)) : 0)];
      if (value != 0 && (F(value - 1).bits & kComplete) == 0) T(l_.frame_thread[static_cast<std::size_t>(value - 1)]).token = 1;
      Next(strand);
      break;
    }
    case VmOp::kPending: NoteGuard(thread, strand); s.phase = 1; Suspend(thread, strand); break;
    case VmOp::kPendingSync: s.phase = 1; break;
    case VmOp::kYieldNow:
      if (s.phase == 0) {
        NoteGuard(thread, strand);
        s.phase = 1;
        Defer(thread, strand);
        Suspend(thread, strand);
      } else {
        s.phase = 0;
        Next(strand);
      }
      break;
    case VmOp::kSleep:
      if (s.phase == 0) {
        NoteGuard(thread, strand);
        if (!NeedContext(thread, strand, "time")) break;
        if (!RegisterTimer(thread, strand, t.current)) break;
        StartTimer(strand, in.imm);
        s.phase = 1;
        Suspend(thread, strand);
      } else if (s.bits & kFired) {
        if (!Budget(thread, strand)) break;
        s.phase = 0;
        s.bits = 0;
        s.timer_runtime = 0;
        s.overdue = 0;
        Next(strand);
      } else if (s.timer_runtime != 0 && RT(s.timer_runtime - 1).driver_dead) {
        Panic(thread, strand, "ownership/use-after-shutdown", "A Tokio 1.x context was found, but it is being shutdown.");
      } else {
        Suspend(thread, strand);
      }
      break;
    case VmOp::kThreadSleep: case VmOp::kCompute:
      if (s.phase == 0) {
        if (in.imm == 0) { Next(strand); break; }
        s.timer = static_cast<std::int32_t>(std::min<std::int64_t>(in.imm, 2'000'000'000)) + 1;
        s.timer_runtime = 0xff;
        CountTimer();
        s.phase = 1;
      } else {
        CancelTimer(strand);
        s.phase = 0;
        Next(strand);
      }
      break;
    case VmOp::kThreadYield: Next(strand); break;
    case VmOp::kSelect: ExecSelect(thread, strand); break;
    case VmOp::kJoin: ExecJoin(thread, strand); break;
    case VmOp::kTimeout: ExecTimeout(thread, strand); break;
    case VmOp::kAssert:
      if (Eval(in.expr, frame) == 0) Panic(thread, strand, "panic/assert", "the assertion is false");
      else Next(strand);
      break;
    case VmOp::kPanic:
      Panic(thread, strand, nullptr, "panic");
      break;
    case VmOp::kUnconstrainedBegin: regs[in.reg] = t.unconstrained; t.unconstrained = 1; Next(strand); break;
    case VmOp::kUnconstrainedEnd: t.unconstrained = static_cast<std::uint8_t>(regs[in.reg]); regs[in.reg] = 0; Next(strand); break;
    default: Next(strand); break;
  }
}

}  // namespace asyncrt
