// Values: frames and their handles, captures, and what a drop does.
#include <algorithm>
#include <utility>

#include "core/model/machine.h"

namespace asyncrt {

int Machine::NewFrame(int unit, int site_strand) {
  int first = l_.unit_frame[static_cast<std::size_t>(unit)];
  for (int k = 0; k < p_.units[static_cast<std::size_t>(unit)].frames; ++k) {
    FrameCell& f = F(first + k);
    if (f.live != 0) continue;
    f.live = 1;
    f.site = static_cast<std::uint16_t>(S(site_strand).pc + 1);
    S(Root(first + k)).pc = static_cast<std::uint16_t>(p_.units[static_cast<std::size_t>(unit)].entry);
    return first + k;
  }
  overflow_ = "frames";
  overflow_unit_ = unit;
  return -1;
}

void Machine::FreeFrame(int frame) {
  const Unit& unit = UnitOf(frame);
  F(frame) = {};
  std::memset(static_cast<void*>(&S(Root(frame))), 0, unit.strand_entry.size() * sizeof(StrandCell) + unit.regs.size() * 4);
}

void Machine::MaybeFree(int frame) {
  FrameCell& f = F(frame);
  if ((f.bits & kComplete) == 0) return;
  // Only what a handle can still ask for is kept.
  std::int32_t result = R(frame)[0];
  const Unit& unit = UnitOf(frame);
  std::memset(static_cast<void*>(&S(Root(frame))), 0, unit.strand_entry.size() * sizeof(StrandCell));
  std::int32_t copy = R(frame)[1];
  std::memset(static_cast<void*>(R(frame)), 0, unit.regs.size() * 4);
  R(frame)[0] = result;
  R(frame)[1] = copy;
  f.next = f.joiner = 0;
  f.waited = 0;
  f.bits = static_cast<std::uint8_t>(f.bits & ~(kNotified | kRunning | kPolled | kCancel));
  if (f.references == 0) FreeFrame(frame);
}

void Machine::Complete(int thread, int frame, Outcome outcome) {
  FrameCell& f = F(frame);
  f.bits = static_cast<std::uint8_t>((f.bits | kComplete) & ~kRunning);
  f.result = outcome == Outcome::kPending ? Outcome::kReady : outcome;
  if (outcome == Outcome::kPanicked) {
    f.panic_pc = S(Root(frame)).panic_pc;
    if (f.panic_pc != 0xffff && (f.bits & kJoinable) == 0) Emit("panic/task", f.panic_pc - 1, thread, frame);
  }
  int joiner = f.joiner - 1;
  f.joiner = 0;
  if (joiner >= 0 && f.member) TakeJoiner(frame);
  if (UnitOf(frame).kind == UnitKind::kTask) ForgetWaker(Root(frame));
  MaybeFree(frame);
  if (joiner >= 0) WakeStrand(thread, joiner);
}

void Machine::DropHandle(int thread, int frame, bool joinable) {
  FrameCell& f = F(frame);
  if (joinable) {
    f.bits = static_cast<std::uint8_t>(f.bits & ~kJoinable);
    f.joiner = 0;
    if ((f.bits & (kComplete | kLooked)) == kComplete && f.result == Outcome::kPanicked && f.panic_pc != 0xffff)
      Emit("panic/task", f.panic_pc - 1, thread, frame);
  }
  --f.references;
  MaybeFree(frame);
}

void Machine::CloneValue(RegKind kind, int base, std::int32_t value) {
  switch (kind) {
    case RegKind::kTx:
      if (p_.elements[static_cast<std::size_t>(base)].kind == Kind::kIo) ++W(base + value - 1)[1];
      else ++W(base + value - 1)[kTxCount];
      break;
    case RegKind::kRx: ++W(base + (value & 0xffff) - 1)[kRxState]; break;   // of a watch
    case RegKind::kRuntime: ++RT(base).references; break;
    case RegKind::kValue: ++W(base + value - 1)[0]; break;
    case RegKind::kShare: ++Shares(base); break;
    case RegKind::kTask: case RegKind::kThread: case RegKind::kAbortHandle: case RegKind::kMadeValue: ++F(value - 1).references; break;
    default: break;
  }
}

void Machine::TakeCaptures(const Instr& in, int from_frame, int to_frame, int copy) {
  if (in.list < 0) return;
  for (const Capture& c : p_.captures[static_cast<std::size_t>(in.list)]) {
    if (c.count_base == -2) continue;   // borrowed: it stays with its owner
    int from = c.from + (c.count_base == 1 ? copy : 0);
    const Reg& source = UnitOf(from_frame).regs[static_cast<std::size_t>(from)];
    const Reg& target = UnitOf(to_frame).regs[static_cast<std::size_t>(c.to)];
    std::int32_t value = R(from_frame)[from];
    if (source.kind == RegKind::kScratch) { R(to_frame)[c.to] = value; continue; }
    if (value == 0) continue;
    R(to_frame)[c.to] = value;
    if (target.kind == RegKind::kAbortHandle) { ++F(value - 1).references; continue; }
    if (c.clone) { CloneValue(source.kind, source.base, value); continue; }
    R(from_frame)[from] = 0;
    if (source.kind == RegKind::kPermit) { R(to_frame)[c.to + 1] = R(from_frame)[from + 1]; R(from_frame)[from + 1] = 0; }
    if (source.kind == RegKind::kGuard || source.kind == RegKind::kWriteGuard) {
      int element = source.base + value - 1;
      Kind kind = p_.elements[static_cast<std::size_t>(element)].kind;
      if (kind != Kind::kRwlock) W(element)[kind == Kind::kStdMutex ? 0 : kind == Kind::kStdRwlock ? kWriter : kHolder] = to_frame + 1;
    }
  }
}

void Machine::ExecSpawn(int thread, int strand) {
  StrandCell& s = S(strand);
  const Instr& in = p_.code[s.pc];
  ThreadCell& t = T(thread);
  int from = FrameOf(strand);
  auto next = [&] {
    s.phase = 0;
    ++s.mask;
    if (s.mask >= in.imm) { s.mask = 0; Next(strand); }
  };
  if (s.phase == 1) { next(); return; }   // what was refused has been dropped
  int runtime = -1;
  int set = in.set < 0 ? -1 : in.set + (in.set_index >= 0 ? static_cast<int>(std::clamp<std::int64_t>(Eval(in.set_index, from), 0, in.sets - 1)) : 0);
  bool into_local = set >= 0 && p_.elements[static_cast<std::size_t>(set)].kind == Kind::kLocalSet;
  int local_set = into_local ? p_.elements[static_cast<std::size_t>(set)].ordinal : in.local ? t.local : 0;
  if (in.local) {
    if (local_set == 0) { Panic(thread, strand, "ownership/local-context", "`spawn_local` called from outside of a `task::LocalSet` or `runtime::LocalRuntime`"); return; }
  } else if (in.op != VmOp::kSpawnThread) {
    runtime = in.runtime >= 0 ? in.runtime : t.current - 1;
    if (runtime < 0) { Panic(thread, strand, "ownership/no-context", "there is no reactor running, must be called from the context of a Tokio 1.x runtime"); return; }
  }
  int frame = NewFrame(in.unit, strand);
  if (frame < 0) return;
  FrameCell& f = F(frame);
  if (set >= 0 && !into_local) {   // a join_set, which keeps the handle
    if (!AddMember(set, frame)) return;
    f.references = 1;
    f.bits = kJoinable;
  }
  int copy = s.mask;
  R(frame)[1] = in.elements == 1 ? copy : R(from)[1];
  TakeCaptures(in, from, frame, copy);
  if (in.reg >= 0) {
    R(from)[in.reg + copy] = frame + 1;
    ++f.references;
    f.bits = kJoinable;
  }
  if (in.weak >= 0) {
    R(from)[in.weak + copy] = frame + 1;
    ++f.references;
  }
  int root = Root(frame);
  auto refuse = [&] {
    s.phase = 1;
    f.bits |= kRunning;
    CancelStrand(thread, root, static_cast<Link>(strand + 1));
  };
  if (in.op == VmOp::kSpawnThread) {
    next();
    int number = l_.frame_thread[static_cast<std::size_t>(frame)];
    ThreadCell& child = T(number);
    child.life = ThreadLife::kRunning;
    child.frame = static_cast<Link>(frame + 1);
    child.top = static_cast<Link>(root + 1);
    child.budget = 128;
    S(root).status = StrandStatus::kActive;
    if (in.reg2 >= 0) {
      f.scope_frame = static_cast<Link>(from + 1);
      f.scope_reg = static_cast<std::uint16_t>(in.reg2);
      ++R(from)[in.reg2];
    }
    return;
  }
  f.runtime = static_cast<std::uint8_t>(runtime + 1);
  f.bits |= kNotified;
  if (local_set != 0) {
    next();
    f.local = static_cast<std::uint8_t>(local_set);
    ScheduleLocal(thread, frame);
    return;
  }
  RuntimeCell& rt = RT(runtime);
  if (in.op == VmOp::kSpawnBlocking) {
    if (rt.pool_shutdown) { refuse(); return; }   // 4.5: not run, cancelled at once
    next();
    PoolSubmit(runtime, frame + 1);
    return;
  }
  bool local = t.core != 0 && t.entered != 0 && CoreRuntime(t.core - 1) == runtime;
  if (Shutting(runtime) && !local) {
    if (!TasksAreClosed(runtime)) {   // it is bound, queued nowhere, and dropped by a worker that sees the shutdown
      next();
      f.bits = static_cast<std::uint8_t>(f.bits & ~kNotified);
      return;
    }
    refuse();
    return;
  }
  next();
  Schedule(thread, frame, false, false);
}

void Machine::ExecMakeFuture(int thread, int strand) {
  StrandCell& s = S(strand);
  const Instr& in = p_.code[s.pc];
  int from = FrameOf(strand);
  int frame = NewFrame(in.unit, strand);
  if (frame < 0) return;
  F(frame).references = 1;
  R(frame)[1] = R(from)[1];
  if (in.op == VmOp::kMakeFuture && in.object >= 0 && !in.flag2) {   // `push`: its set owns it
    const int element = ElementOf(in, from);
    if (!AddMember(element, frame)) return;
    if (p_.elements[static_cast<std::size_t>(element)].capacity < 0) BeginMember(element, frame);
    else F(frame).member = kNotBegun;
  } else {
    R(from)[in.reg] = frame + 1;
  }
  TakeCaptures(in, from, frame, 0);
  if (in.op == VmOp::kMakeFuture && in.flag2) {   // `arm`: a Notified, created now and enabled unless said otherwise (8.4)
    int element = ElementOf(in, from);
    R(frame)[2] = element - in.object;
    int root = Root(frame);
    std::int32_t* w = W(element);
    StrandCell& n = S(root);
    n.status = StrandStatus::kSuspended;
    n.element = static_cast<std::uint16_t>(element + 1);
    if (in.flag) {
      if (w[0] != 0) { w[0] = 0; n.bits = kGrantedAll; }   // done: its drop gives nothing back
      else Enqueue(w, root);
      n.phase = 1;
    } else {
      n.phase = 2;
    }
  }
  Next(strand);
  (void)thread;
}

void Machine::DropTx(int thread, int element) {
  std::int32_t* w = W(element);
  if (p_.elements[static_cast<std::size_t>(element)].kind == Kind::kIo) {
    if (--w[1] == 0 && w[3] != 0) { S(w[3] - 1).bits |= kIoReady; }
    return;
  }
  if (--w[kTxCount] != 0) return;
  Kind kind = p_.elements[static_cast<std::size_t>(element)].kind;
  if (kind == Kind::kBroadcast || kind == Kind::kWatch) { WakeQueue(thread, w, 0, kind == Kind::kBroadcast ? v_.broadcast_wake_fifo : v_.wake_fifo); return; }
  w[kTxWait] = 0;
  if (w[kRxWait] != 0) { int waiter = w[kRxWait] - 1; w[kRxWait] = 0; WakeStrand(thread, waiter); }
}

void Machine::DropMessage(int thread, int element, std::int32_t* slot) {
  const Element& e = p_.elements[static_cast<std::size_t>(element)];
  for (int k = 0; k < e.slot_words; ++k) {
    std::int32_t value = slot[1 + k];
    slot[1 + k] = 0;
    if (value == 0) continue;
    int base = e.with[static_cast<std::size_t>(2 * k + 1)];
    switch (static_cast<RegKind>(e.with[static_cast<std::size_t>(2 * k)])) {
      case RegKind::kTx: DropTx(thread, base + value - 1); break;
      case RegKind::kRx: DropRx(thread, base + (value & 0xffff) - 1, true); break;
      case RegKind::kValue: --W(base + value - 1)[0]; break;
      case RegKind::kTask: case RegKind::kThread: DropHandle(thread, value - 1, true); break;
      case RegKind::kPermit: SemRelease(thread, W((value & 0xffff) - 1), value >> 16); break;
      case RegKind::kReserve: DropReserve(thread, (value & 0xffff) - 1); break;
      case RegKind::kGuard: case RegKind::kReadGuard: case RegKind::kWriteGuard:
        ReleaseGuard(thread, static_cast<RegKind>(e.with[static_cast<std::size_t>(2 * k)]), (value & 0xffff) - 1, false);
        break;
      default: break;
    }
  }
}

void Machine::DropRx(int thread, int element, bool on_purpose) {
  std::int32_t* w = W(element);
  const Element& e = p_.elements[static_cast<std::size_t>(element)];
  if (e.kind == Kind::kIo) {
    w[2] = 0;
    if (w[4] != 0) S(w[4] - 1).bits |= kIoReady;
    return;
  }
  if (e.kind == Kind::kBroadcast || e.kind == Kind::kWatch) {   // one of several
    --w[kRxState];
    if (e.kind == Kind::kBroadcast) TrimBroadcast(element);
    return;
  }
  bool rendezvous = e.kind == Kind::kStdChannel && e.capacity == 0;   // its sender still waits, and gets it back
  if (w[kCount] > 0 && !on_purpose && w[kClosed] == 0 && !rendezvous) Emit("hazard/lost-message", -1 - element, thread, -1);
  w[kRxState] = 0;
  if (e.kind == Kind::kOneshot) w[kRxWait] = 0;   // of an mpsc, the last sender wakes whom a recv has left behind (8.14)
  for (int k = 0; k < w[kCount]; ++k) DropMessage(thread, element, w + kSlots + static_cast<std::ptrdiff_t>(k) * (1 + e.slot_words));
  std::memset(w + kSlots, 0, static_cast<std::size_t>(e.words - kSlots) * 4);
  w[kCount] = 0;
  w[kClosed] = 1;
  if (e.kind == Kind::kMpsc) SemClose(thread, w);
  if (w[kTxWait] != 0) { int waiter = w[kTxWait] - 1; w[kTxWait] = 0; WakeStrand(thread, waiter); }
}

void Machine::Destroy(int thread, int strand, int element) {
  int unit = p_.elements[static_cast<std::size_t>(element)].destructor;
  if (unit < 0) return;
  int frame = NewFrame(unit, strand);
  if (frame < 0) return;
  F(frame).references = 1;
  const std::vector<Reg>& regs = UnitOf(frame).regs;
  for (std::size_t r = 0; r < regs.size(); ++r)
    if (regs[r].kind == RegKind::kShare) R(frame)[r] = 1;   // those that the value has had
  PollChild(thread, strand, Root(frame));
}

// A reserved place is given back, with its sender; that may let a receiver end.
void Machine::DropReserve(int thread, int element) {
  std::int32_t* w = W(element);
  --w[kReserved];
  SemRelease(thread, w, 1);
  WakeClosedReceiver(thread, element);
  DropTx(thread, element);
}

// Drops the next member of a set that goes. True: none is left.
bool Machine::DropSet(int thread, int strand, int element) {
  std::int32_t* w = W(element);
  switch (p_.elements[static_cast<std::size_t>(element)].kind) {
    case Kind::kJoinSet:
      for (int k = 0; k < w[kMembers]; ++k) AbortTask(thread, w[kMember0 + k] - 1);
      while (w[kMembers] != 0) {
        int frame = w[kMember0] - 1;
        RemoveMember(element, 0);
        DropHandle(thread, frame, true);
      }
      w[kSetWaiter] = 0;
      return true;
    case Kind::kFuturesUnordered: {
      auto is = [&](int at, MemberOf state) { return F(w[kMember0 + at] - 1).member == state; };
      int at = w[kMembers] - 1;   // those that were begun, the latest one first; then the others, the first one first
      while (at >= 0 && !is(at, kBegun)) --at;
      if (at < 0) at = 0;
      while (at < w[kMembers] && is(at, kLeftBehind)) ++at;
      if (at == w[kMembers]) return true;
      const int frame = w[kMember0 + at] - 1;
      S(strand).polled = IsQueued(element, frame);
      RemoveMember(element, at);
      --F(frame).references;
      F(frame).member = kBegun;   // until it has gone its wakers wake nobody else
      CancelStrand(thread, Root(frame), static_cast<Link>(strand + 1));
      return false;
    }
    default: {
      int frame = TakeLocalTask(p_.elements[static_cast<std::size_t>(element)].ordinal);
      if (frame < 0) {
        w[kPoller] = 0;
        return true;
      }
      CancelStrand(thread, Root(frame), static_cast<Link>(strand + 1));
      return false;
    }
  }
}

// The futures_unordered that the instruction is dropping; -1: none.
int Machine::SetDroppedBy(int strand) {
  const Instr& in = p_.code[S(strand).pc];
  int frame = FrameOf(strand), reg = in.reg;
  if (reg < 0 || S(strand).winner == 0) return -1;
  if (in.index >= 0) reg += static_cast<int>(std::clamp<std::int64_t>(Eval(in.index, frame), 0, 1000));
  if (const Reg& share = UnitOf(frame).regs[static_cast<std::size_t>(reg)]; share.kind == RegKind::kShare) {
    const std::vector<int>& held = p_.elements[static_cast<std::size_t>(share.base)].held;
    auto full = std::find_if(held.begin(), held.end(), [&](int one) { return R(0)[one] != 0; });
    if (full == held.end()) return -1;
    frame = 0;
    reg = *full;
  }
  const Reg& def = UnitOf(frame).regs[static_cast<std::size_t>(reg)];
  if (def.kind != RegKind::kSet || R(frame)[reg] == 0) return -1;
  const int element = def.base + R(frame)[reg] - 1;
  return p_.elements[static_cast<std::size_t>(element)].kind == Kind::kFuturesUnordered ? element : -1;
}

// The destructor of a member that a futures_unordered drops has panicked: those begun that it still has are never dropped.
// Without `set_leaks_members` it frees them with its queue of those that were woken, where one that is found there and
// not dropped aborts the process, and one that panicked there is freed twice, which can do so. True: the process was aborted.
bool Machine::LeaveMembers(int thread, int strand, int element) {
  StrandCell& s = S(strand);
  std::int32_t* w = W(element);
  bool is_unsafe = s.polled != 0;
  s.polled = 0;
  for (int k = 0; k < w[kMembers]; ++k) {
    const int frame = w[kMember0 + k] - 1;
    if (F(frame).member != kBegun) continue;
    F(frame).member = kLeftBehind;
    is_unsafe = is_unsafe || IsQueued(element, frame);
  }
  if (v_.set_leaks_members) return false;
  w[kSetWaiter] = 0;   // the wakers of those that are left no longer find the queue
  if (!is_unsafe || choose_->Choose(2) == 0) return false;
  Abort(thread, strand);
  return true;
}

// Drops one value. False: something runs first (a destructor, a future's cleanup) and this strand goes on after it.
bool Machine::DropValue(int thread, int strand, RegKind kind, int base, std::int32_t value, std::int32_t extra, bool on_purpose) {
  ThreadCell& t = T(thread);
  bool unwinding = IsPanicking(strand, kOfWhatFalls);
  switch (kind) {
    case RegKind::kTx: DropTx(thread, base + value - 1); return true;
    case RegKind::kRx: DropRx(thread, base + (value & 0xffff) - 1, on_purpose || unwinding); return true;
    case RegKind::kThread:
      if (on_purpose) F(value - 1).bits |= kLooked;   // meant to go on alone
      DropHandle(thread, value - 1, true);
      return true;
    case RegKind::kTask: DropHandle(thread, value - 1, true); return true;
    case RegKind::kAbortHandle: DropHandle(thread, value - 1, false); return true;
    case RegKind::kGuard: case RegKind::kReadGuard: case RegKind::kWriteGuard: ReleaseGuard(thread, kind, base + value - 1, unwinding); return true;
    case RegKind::kOnceGuard: ReleaseOnce(thread, strand, base + value - 1); return true;
    case RegKind::kPermit: SemRelease(thread, W(base + value - 1), extra); return true;
    case RegKind::kReserve: DropReserve(thread, base + value - 1); return true;
    case RegKind::kEnter: {
      int depth = value / 256, saved = value % 256 - 1;
      if (depth != t.depth && v_.enter_order) {
        Panic(thread, strand, "ownership/enter-order", "`EnterGuard` values dropped out of order. Guards returned by `tokio::runtime::Handle::enter()` must be dropped in the reverse order as they were acquired.");
        return false;
      }
      t.depth = static_cast<std::uint8_t>(std::max(0, t.depth - 1));
      t.current = static_cast<std::uint8_t>(saved);
      return true;
    }
    case RegKind::kValue: {
      std::int32_t* w = W(base + value - 1);
      if (--w[0] != 0 || p_.elements[static_cast<std::size_t>(base + value - 1)].destructor < 0) return true;
      Destroy(thread, strand, base + value - 1);
      return false;
    }
    case RegKind::kMadeValue:
      if (--F(value - 1).references != 0) return true;
      PollChild(thread, strand, Root(value - 1));   // its destructor
      return false;
    case RegKind::kFuture: {
      int frame = value - 1;
      --F(frame).references;
      if (F(frame).bits & kComplete) { MaybeFree(frame); return true; }
      CancelStrand(thread, Root(frame), static_cast<Link>(strand + 1));
      return false;
    }
    default: return true;
  }
}

// Drop and shutdown of a runtime (4.3 to 4.8). Phases of the strand: 1 drops a current_thread's tasks, 2 waits for
// the pool. Returns true when the instruction is finished.
constexpr char kNoDropHere[] = "Cannot drop a runtime in a context where blocking is not allowed. This happens when a runtime is dropped from within an asynchronous context.";

bool Machine::DropRuntime(int thread, int strand, int runtime, bool wait, std::int64_t timeout) {
  StrandCell& s = S(strand);
  RuntimeCell& rt = RT(runtime);
  ThreadCell& t = T(thread);
  const RuntimeDef& def = p_.runtimes[static_cast<std::size_t>(runtime)];
  bool ct = !def.declared->multi_thread;
  constexpr std::uint8_t kRefused = 4;   // of `winner`: it panics once the tasks are dropped
  bool pool_first = ct && timeout >= 0 && wait;   // 4.6: shutdown_timeout waits for the pool before it drops tasks
  auto refuse = [&] {   // it may not wait here; a thread that unwinds goes on without
    s.winner = 0;
    if (IsPanicking(strand, kOfThread)) return true;
    Panic(thread, strand, "ownership/drop-in-async", kNoDropHere);
    return false;
  };
  if (s.phase == 0) {
    if (--rt.references != 0) return true;
    rt.life = Life::kShutdown;
    s.need = static_cast<std::uint16_t>(runtime);
    s.winner = 1;   // the shutdown has begun
    if (!ct) {
      for (int c = 0; c < def.workers; ++c) C(def.first_core + c).token = 1;
      s.phase = 3;
      if (offers_closures_) return false;   // meanwhile the pool still takes what a task's end brings it
    } else if (!pool_first) {
      s.phase = 1;
      s.saved_current = t.current;
      t.current = static_cast<std::uint8_t>(runtime + 1);
    } else {
      rt.pool_shutdown = 1;
    }
  }
  if (s.phase == 3) {
    rt.pool_shutdown = 1;
    s.phase = 0;
  }
  if (s.phase == 1) {
    rt.head = rt.tail = rt.inject_head = rt.inject_tail = 0;
    for (int f = 0, last = -1; f < l_.frames; ++f)
      if (F(f).live != 0 && F(f).runtime == runtime + 1 && UnitOf(f).kind == UnitKind::kTask && (F(f).bits & (kComplete | kRunning)) == 0) {
        TakeInOrder(f, &last);
        F(f).next = 0;   // nor is it in a queue any more
      }
    for (int f = 0; f < l_.frames; ++f) {
      FrameCell& frame = F(f);
      if (frame.live == 0 || frame.runtime != runtime + 1 || UnitOf(f).kind != UnitKind::kTask || (frame.bits & (kComplete | kRunning))) continue;
      if ((frame.bits & (kPolled | kCancel)) == kPolled && !UnitOf(f).detached) Emit("hazard/lost-task", S(Root(f)).pc, thread, f);
      frame.bits |= kRunning;
      CancelStrand(thread, Root(f), static_cast<Link>(strand + 1));
      return false;
    }
    ShutDriver(thread, runtime);
    rt.pool_shutdown = 1;
    t.current = s.saved_current;
    s.saved_current = 0;
    s.phase = 0;
    if (pool_first) {
      rt.life = Life::kDead;
      if (s.winner == kRefused) return refuse();
      s.winner = 0;
      return true;
    }
  }
  if (s.winner == 1 && s.phase == 0) {
    s.winner = 2;
    if (!wait) { s.winner = 0; return true; }
    if (t.entered != 0 && pool_first) {   // what it drops then are the tasks
      s.winner = kRefused;
      s.phase = 1;
      s.saved_current = t.current;
      t.current = static_cast<std::uint8_t>(runtime + 1);
      return false;
    }
    if (t.entered != 0) return refuse();
    s.phase = 2;
    if (timeout > 0) {
      s.timer = static_cast<std::int32_t>(std::min<std::int64_t>(timeout, 2'000'000'000)) + 1;
      s.timer_runtime = 0xff;
      CountTimer();
    }
    if (timeout == 0) { s.phase = 0; s.winner = 0; return true; }
    return false;
  }
  if (s.phase == 2) {
    CancelTimer(strand);
    s.overdue = 0;
    s.phase = 0;
    if (pool_first) {
      s.phase = 1;
      s.saved_current = t.current;
      t.current = static_cast<std::uint8_t>(runtime + 1);
      return false;
    }
    rt.life = Life::kDead;
    s.winner = 0;
    return true;
  }
  return false;
}

constexpr std::uint8_t kUnwindsSet = 4;   // of `winner`: what a set still drops falls in a panic of its own

void Machine::ExecDropReg(int thread, int strand) {
  StrandCell& s = S(strand);
  const Instr& in = p_.code[s.pc];
  int frame = FrameOf(strand);
  std::int32_t* regs = R(frame);
  const bool shares = in.reg >= 0 && UnitOf(frame).regs[static_cast<std::size_t>(in.reg)].kind == RegKind::kShare;
  auto next = [&] { if (!shares) Next(strand); };   // the last share drops one value after the other
  if (s.out != Outcome::kNone) {
    Outcome out = s.out;
    s.out = Outcome::kNone;
    if (out == Outcome::kPanicked) {
      const std::uint16_t from = s.panic_pc;
      const int set = SetDroppedBy(strand);
      if (set < 0) { PanicFrom(thread, strand, from); return; }
      if (LeaveMembers(thread, strand, set)) return;
      s.winner = kUnwindsSet;
      s.mode = Mode::kPanicking;   // so fall the members that were not begun, before all else
    }
    if (s.phase == 0 && s.winner == 0 && !shares) { Next(strand); return; }
  }
  int reg = in.reg;
  if (in.flag && in.list >= 0 && in.op != VmOp::kShutdownBackground) {   // the latest guard of an object
    reg = -1;
    for (const Capture& c : p_.captures[static_cast<std::size_t>(in.list)])
      if (regs[c.from] != 0) { reg = c.from; break; }
    if (reg < 0) { Next(strand); return; }
  }
  if (reg < 0) { Next(strand); return; }
  if (in.index >= 0) reg += static_cast<int>(std::clamp<std::int64_t>(Eval(in.index, frame), 0, 1000));
  if (shares && regs[reg] != 0) {
    const int lock = UnitOf(frame).regs[static_cast<std::size_t>(reg)].base;
    const bool last = regs[reg] > 1 || --Shares(lock) == 0;
    const std::vector<int>& held = p_.elements[static_cast<std::size_t>(lock)].held;
    auto full = std::find_if(held.begin(), held.end(), [&](int one) { return R(0)[one] != 0; });
    regs[reg] = last && full != held.end() ? 2 : 0;
    if (regs[reg] == 0) { Next(strand); return; }
    frame = 0;
    regs = R(0);
    reg = *full;
  }
  const Reg& def = UnitOf(frame).regs[static_cast<std::size_t>(reg)];
  std::int32_t value = regs[reg];
  if (value == 0) { Next(strand); return; }
  if (in.op == VmOp::kForgetReg) {
    regs[reg] = 0;
    switch (def.kind) {
      case RegKind::kReserve: W(def.base + value - 1)[kForgotten] = 1; break;
      case RegKind::kTx: if (p_.elements[static_cast<std::size_t>(def.base)].kind != Kind::kIo) W(def.base + value - 1)[kForgotten] = 1; break;
      case RegKind::kRuntime: RT(def.base).leaked = 1; break;
      case RegKind::kTask: case RegKind::kThread: --F(value - 1).references; break;
      default: break;   // a guard, a permit: never given back
    }
    Next(strand);
    return;
  }
  if (def.kind == RegKind::kRuntime) {
    bool background = in.op == VmOp::kShutdownBackground;
    std::int64_t timeout = in.op == VmOp::kShutdownTimeout ? in.imm : -1;
    if (timeout == 0) background = true;
    if (RT(def.base).life == Life::kNotBuilt) { regs[reg] = 0; next(); return; }
    int pc = s.pc;
    if (DropRuntime(thread, strand, def.base, !background, timeout)) { regs[reg] = 0; s.need = 0; next(); }
    else if (s.pc != pc) { regs[reg] = 0; s.need = 0; }   // it panicked
    return;
  }
  if (def.kind == RegKind::kRx && p_.elements[static_cast<std::size_t>(def.base + (value & 0xffff) - 1)].slot_words > 0) {
    // Messages that nobody received may own what does something as it falls: it goes first, one after the other.
    int element = def.base + (value & 0xffff) - 1;
    const Element& e = p_.elements[static_cast<std::size_t>(element)];
    std::int32_t* w = W(element);
    for (int m = 0; m < w[kCount]; ++m)
      for (int k = 0; k < e.slot_words; ++k) {
        std::int32_t& owned = w[kSlots + m * (1 + e.slot_words) + 1 + k];
        const auto kind = static_cast<RegKind>(e.with[static_cast<std::size_t>(2 * k)]);
        if (owned == 0 || (kind != RegKind::kValue && kind != RegKind::kMadeValue && kind != RegKind::kFuture)) continue;
        s.winner = 3;   // and come back
        if (!DropValue(thread, strand, kind, e.with[static_cast<std::size_t>(2 * k + 1)], std::exchange(owned, 0), 0, false)) return;
      }
    s.winner = 0;
  }
  if (def.kind == RegKind::kSet) {
    const bool unwinds = s.winner == kUnwindsSet;
    if (!unwinds) s.winner = 3;   // and come back
    if (!DropSet(thread, strand, def.base + value - 1)) return;
    s.winner = s.polled = 0;
    regs[reg] = 0;
    if (unwinds) s.pc = static_cast<std::uint16_t>(p_.scopes[static_cast<std::size_t>(in.scope)].cleanup_pc);
    else next();
    return;
  }
  regs[reg] = 0;
  std::int32_t extra = 0;
  if (def.kind == RegKind::kPermit) { extra = regs[reg + 1]; regs[reg + 1] = 0; }
  if (DropValue(thread, strand, def.kind, def.base, value, extra, in.flag2)) next();
}

}  // namespace asyncrt
