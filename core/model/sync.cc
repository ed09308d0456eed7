// Locks, channels, semaphores, notifications, pipes: what each op does to its object, and whom it wakes.
#include <algorithm>
#include <array>

#include "core/model/machine.h"

namespace asyncrt {

// ---- queues of waiters --------------------------------------------------------------------------------------------

void Machine::Enqueue(std::int32_t* w, int strand) {
  StrandCell& s = S(strand);
  s.next = 0;
  s.bits |= kQueued;
  if (w[kTail] != 0) S(w[kTail] - 1).next = static_cast<Link>(strand + 1);
  else w[kHead] = strand + 1;
  w[kTail] = strand + 1;
}

int Machine::PopWaiter(std::int32_t* w) {
  int strand = w[kHead] - 1;
  if (strand < 0) return -1;
  StrandCell& s = S(strand);
  w[kHead] = s.next;
  if (w[kHead] == 0) w[kTail] = 0;
  s.next = 0;
  s.bits = static_cast<std::uint8_t>(s.bits & ~kQueued);
  return strand;
}

void Machine::Unqueue(std::int32_t* w, int strand) {
  int before = -1;
  for (int at = w[kHead] - 1; at >= 0; before = at, at = S(at).next - 1) {
    if (at != strand) continue;
    Link next = S(at).next;
    if (before >= 0) S(before).next = next; else w[kHead] = next;
    if (w[kTail] == at + 1) w[kTail] = before + 1;
    break;
  }
  S(strand).next = 0;
  S(strand).bits = static_cast<std::uint8_t>(S(strand).bits & ~kQueued);
}

// ---- the batch semaphore under mutex, semaphore and bounded mpsc (8.1) --------------------------------------------

bool Machine::SemTryTake(std::int32_t* w, int n) {
  if (w[kHead] != 0 || w[kPermits] < n) return false;
  w[kPermits] -= n;
  return true;
}

// One poll of an acquisition. True: it has its permits. `failed`: the semaphore is closed.
bool Machine::SemPoll(int thread, int strand, std::int32_t* w, int n, bool* failed) {
  StrandCell& s = S(strand);
  (void)thread;
  *failed = false;
  if (s.phase == 0) {
    if (w[kClosed]) { *failed = true; return false; }
    if (SemTryTake(w, n)) return true;
    s.need = static_cast<std::uint16_t>(n - (w[kHead] == 0 ? w[kPermits] : 0));   // takes what there is and holds it
    if (w[kHead] == 0) w[kPermits] = 0;
    s.phase = 1;
    Enqueue(w, strand);
    return false;
  }
  if (w[kClosed]) {   // a filled waiter fails too, and gives back what it had
    int had = (s.bits & kGranted) ? n : n - s.need;
    if (s.bits & kQueued) Unqueue(w, strand);
    w[kPermits] += had;
    s.bits = static_cast<std::uint8_t>(s.bits & ~kGranted);
    *failed = true;
    return false;
  }
  return (s.bits & kGranted) != 0;
}

void Machine::SemRelease(int thread, std::int32_t* w, int n) {
  std::vector<int> batch;
  while (n > 0 && w[kHead] != 0) {
    StrandCell& s = S(w[kHead] - 1);
    int give = std::min<int>(n, s.need);
    s.need = static_cast<std::uint16_t>(s.need - give);
    n -= give;
    if (s.need != 0) break;
    int strand = PopWaiter(w);
    S(strand).bits |= kGranted;
    if (v_.wake_fifo) WakeStrand(thread, strand);
    else batch.push_back(strand);
  }
  std::for_each(batch.rbegin(), batch.rend(), [&](int strand) { WakeStrand(thread, strand); });
  w[kPermits] += n;
}

void Machine::SemClose(int thread, std::int32_t* w) {
  w[kClosed] = 1;
  for (int at = w[kHead] - 1; at >= 0;) {
    int next = S(at).next - 1;
    WakeStrand(thread, at);
    at = next;
  }
}

void Machine::NotifyOneWaiter(int thread, std::int32_t* w) {
  int strand = PopWaiter(w);
  if (strand < 0) { w[0] = 1; return; }
  S(strand).bits |= kGranted;
  WakeStrand(thread, strand);
}

// 8.2: what a closed bounded mpsc waits for before its receiver is told that there is no more: every place is back, also
// those of senders that were given one and have not been polled since.
bool Machine::AllPlacesBack(int element) {
  const std::int32_t* w = W(element);
  int capacity = p_.elements[static_cast<std::size_t>(element)].capacity;
  return capacity >= 0 ? w[kPermits] == capacity : w[kReserved] == 0;
}

void Machine::WakeClosedReceiver(int thread, int element) {
  std::int32_t* w = W(element);
  if (!w[kClosed] || w[kRxWait] == 0 || !AllPlacesBack(element)) return;
  int receiver = w[kRxWait] - 1;
  w[kRxWait] = 0;
  WakeStrand(thread, receiver);
}

// ---- timers, context, budget --------------------------------------------------------------------------------------

bool Machine::NeedContext(int thread, int strand, const char* what) {
  ThreadCell& t = T(thread);
  if (t.current == 0) {
    Panic(thread, strand, "ownership/no-context", "there is no reactor running, must be called from the context of a Tokio 1.x runtime");
    return false;
  }
  const Runtime& rt = *p_.runtimes[static_cast<std::size_t>(t.current - 1)].declared;
  if (what[0] == 't' ? rt.enable_time : rt.enable_io) return true;
  Panic(thread, strand, "ownership/disabled-driver", what[0] == 't' ? "A Tokio 1.x context was found, but timers are disabled. Call `enable_time` on the runtime builder to enable timers."
                                                                     : "A Tokio 1.x context was found, but IO is disabled. Call `enable_io` on the runtime builder to enable IO.");
  return false;
}

// Of Tokio: its deadline is a whole millisecond (7.1).
void Machine::StartTimer(int strand, std::int64_t micros) {
  const std::int64_t ticks = (std::min<std::int64_t>(micros, 2'000'000'000) + 999) / 1000 * 1000;
  S(strand).timer = static_cast<std::int32_t>(std::min<std::int64_t>(ticks, 2'000'000'000)) + 1;
  CountTimer();
}

// Tells the driver of it, which is to wake the strand.
bool Machine::RegisterTimer(int thread, int strand, int runtime_plus_one) {
  StrandCell& s = S(strand);
  if (RT(runtime_plus_one - 1).driver_dead) {
    CancelTimer(strand);
    s.saved_current = 0;
    Panic(thread, strand, "ownership/use-after-shutdown", "A Tokio 1.x context was found, but it is being shutdown.");
    return false;
  }
  s.timer_runtime = static_cast<std::uint8_t>(runtime_plus_one);
  return true;
}

void Machine::CancelTimer(int strand) {
  StrandCell& s = S(strand);
  if (s.timer != 0) --H().timers;
  s.timer = 0;
  s.overdue = 0;
  if (s.timer_runtime == 0xff) s.timer_runtime = 0;
}

// 6.8: out of budget, the op is Pending though it could go on.
bool Machine::Budget(int thread, int strand) {
  ThreadCell& t = T(thread);
  if (!p_.endless || t.unconstrained) return true;
  if (t.budget != 0) { --t.budget; return true; }
  if (v_.coop_defer) Defer(thread, strand);
  else WakeStrand(thread, strand);
  Suspend(thread, strand);
  return false;
}

// ---- messages -----------------------------------------------------------------------------------------------------

bool Machine::Push(int thread, int element, const Instr& in, int frame) {
  std::int32_t* w = W(element);
  const Element& e = p_.elements[static_cast<std::size_t>(element)];
  if (w[kCount] >= e.room) { overflow_ = "room"; overflow_element_ = element; return false; }
  std::int32_t* slot = w + kSlots + static_cast<std::ptrdiff_t>(w[kCount]) * (1 + e.slot_words);
  slot[0] = in.expr >= 0 ? static_cast<std::int32_t>(Eval(in.expr, frame)) : 0;
  if (in.list >= 0) {
    const auto& list = p_.captures[static_cast<std::size_t>(in.list)];
    for (std::size_t k = 0; k < list.size(); ++k) {
      if (list[k].from < 0) continue;
      int from = list[k].from + (list[k].count_base >= 0 ? static_cast<int>(Eval(list[k].count_base, frame)) : 0);
      slot[1 + k] = R(frame)[from];
      R(frame)[from] = 0;
      const Reg& reg = UnitOf(frame).regs[static_cast<std::size_t>(from)];
      if (slot[1 + k] == 0 || !SaysObject(reg.kind)) continue;
      slot[1 + k] += reg.base;   // in a message: which object it is of, and how many permits
      if (reg.kind == RegKind::kPermit) { slot[1 + k] |= R(frame)[from + 1] << 16; R(frame)[from + 1] = 0; }
    }
  }
  ++w[kCount];
  if (w[kRxWait] != 0) { int waiter = w[kRxWait] - 1; w[kRxWait] = 0; WakeStrand(thread, waiter); }
  return true;
}

void Machine::Pop(int element, const Instr& in, int frame) {
  std::int32_t* w = W(element);
  const Element& e = p_.elements[static_cast<std::size_t>(element)];
  std::int32_t* slot = w + kSlots;
  int words = 1 + e.slot_words;
  if (in.var >= 0) R(frame)[in.var] = slot[0];
  if (in.list >= 0) {
    const auto& list = p_.captures[static_cast<std::size_t>(in.list)];
    for (std::size_t k = 0; k < list.size(); ++k) {
      int to = list[k].to;
      const Reg& reg = UnitOf(frame).regs[static_cast<std::size_t>(to)];
      R(frame)[to] = slot[1 + k];
      if (slot[1 + k] == 0 || !SaysObject(reg.kind)) continue;
      int object = (slot[1 + k] & 0xffff) - 1;
      R(frame)[to] = object - reg.base + 1;
      if (reg.kind == RegKind::kPermit) R(frame)[to + 1] = slot[1 + k] >> 16;
      else if (reg.kind == RegKind::kGuard) W(object)[kHolder] = frame + 1;
    }
  } else {
    DropMessage(0, element, slot);
  }
  if (e.kind == Kind::kStdChannel && e.capacity == 0)   // the sender that waits until this is taken
    for (int i = 0; i < l_.threads; ++i) {
      int top = T(i).top - 1;
      if (top >= 0 && S(top).phase == 1 && S(top).element == element + 1 && InstrAt(top).op == VmOp::kStdSend) S(top).bits |= kGranted;
    }
  --w[kCount];
  std::memmove(slot, slot + words, static_cast<std::size_t>(w[kCount] * words) * 4);
  std::memset(slot + static_cast<std::ptrdiff_t>(w[kCount]) * words, 0, static_cast<std::size_t>(words) * 4);
}

// A receiver that `try_send` does not find yet: between coming to its recv and waiting in it there is a moment.
bool Machine::ComesToRendezvous(int strand, int element) {
  const Element& e = p_.elements[static_cast<std::size_t>(element)];
  return e.capacity == 0 && e.tried && S(strand).phase == 0;
}

// ---- who can go on ------------------------------------------------------------------------------------------------

bool Machine::CanRunObject(int thread, int strand) {
  StrandCell& s = S(strand);
  const Instr& in = p_.code[s.pc];
  (void)thread;
  int element = s.phase != 0 && s.element != 0 ? s.element - 1 : ElementOf(in, FrameOf(strand));
  std::int32_t* w = W(element);
  int capacity = p_.elements[static_cast<std::size_t>(element)].capacity;
  switch (in.op) {
    case VmOp::kStdLock: return w[0] == 0;
    case VmOp::kStdSend:
      if (capacity == 0 && s.phase == 1) return w[kRxState] == 0 || (s.bits & kGranted) != 0;
      if (w[kRxState] == 0) return true;
      if (capacity == 0) return w[kCount] == 0;
      return capacity < 0 || w[kCount] < capacity;
    case VmOp::kStdRecv: return w[kCount] > 0 || w[kTxCount] == 0 || ComesToRendezvous(strand, element);
    case VmOp::kStdRecvTimeout: return s.phase == 0 || w[kCount] > 0 || w[kTxCount] == 0 || s.timer == 1;
    case VmOp::kCondWait: case VmOp::kCondWaitTimeout: {
      if (s.phase == 0) return true;
      if ((s.bits & kGranted) == 0 && s.timer != 1) return false;
      int mutex = in.target + (in.expr2 >= 0 ? static_cast<int>(Eval(in.expr2, FrameOf(strand))) : 0);
      return W(mutex)[0] == 0;
    }
    case VmOp::kStdBarrierWait: return s.phase == 0 || (s.bits & kGranted);
    case VmOp::kBlockingLock: case VmOp::kMpscBlockingSend: return s.phase == 0 || (s.bits & kGranted) || w[kClosed] != 0;
    case VmOp::kMpscBlockingRecv: case VmOp::kOneshotBlockingRecv:
      return s.phase == 0 || w[kCount] > 0 || w[kTxCount] == 0 || (w[kClosed] != 0 && AllPlacesBack(element));
    case VmOp::kRwRead: case VmOp::kRwWrite: return CanRunRwlock(strand, element);
    case VmOp::kWatchSend: case VmOp::kWatchBorrow: case VmOp::kWatchWaitFor: case VmOp::kBroadcastBlockingRecv: return CanRunWatch(strand, element);
    case VmOp::kOnceEnter: return p_.elements[static_cast<std::size_t>(element)].kind != Kind::kStdOnce || w[0] <= 0;
    default: return true;
  }
}

void Machine::Done(int strand) {
  StrandCell& s = S(strand);
  s.phase = 0;
  s.element = 0;
  s.need = 0;
  s.bits = static_cast<std::uint8_t>(s.bits & kWoken);
  Next(strand);
}

void Machine::FailObject(int thread, int strand, const char* why, const char* rule) {
  S(strand).element = 0;
  S(strand).need = 0;
  Fail(thread, strand, why, rule);
}

void Machine::AwaitObject(int thread, int strand, int element) {
  S(strand).element = static_cast<std::uint16_t>(element + 1);
  S(strand).phase = 1;
  Suspend(thread, strand);
}

// A guard, a permit or a receiver was got.
bool WaitsForLock(VmOp op) {
  return op == VmOp::kStdLock || op == VmOp::kSemAcquire || op == VmOp::kBlockingLock || op == VmOp::kRwRead || op == VmOp::kRwWrite;
}

// Tells, once for each pair and what else is held, that a lock was taken under another: guards of the scopes around, in
// this body and in those that wait for it on the same thread.
void Machine::NoteOrder(int strand, LockUse wanted) {
  int taker = FrameOf(strand), pc = S(strand).pc;
  std::array<LockUse, 16> all;   // of more, the innermost
  std::size_t count = 0;
  for (int at = strand; at >= 0; at = S(at).parent - 1) {
    int frame = FrameOf(at);
    for (int scope = InstrAt(at).scope; scope >= 0; scope = p_.scopes[static_cast<std::size_t>(scope)].parent)
      for (int r : p_.scopes[static_cast<std::size_t>(scope)].regs) {
        const Reg& reg = UnitOf(frame).regs[static_cast<std::size_t>(r)];
        if (!IsGuard(reg.kind) || R(frame)[r] == 0) continue;
        LockUse held{reg.base + R(frame)[r] - 1, reg.kind != RegKind::kReadGuard};
        if (held.element == wanted.element || !IsLock(p_.elements[static_cast<std::size_t>(held.element)].kind)) continue;
        // A future has it, and so has the body around that made it.
        if (std::any_of(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), [&](const LockUse& one) { return one.element == held.element; })) continue;
        if (count < all.size()) all[count++] = held;
      }
    if (IsRoot(at) && UnitOf(frame).kind == UnitKind::kTask) break;   // whoever polls a task does not wait for it
  }
  for (std::size_t i = 0; i < count; ++i) {
    LockOrder order{all[i], wanted, {}};
    for (std::size_t k = 0; k < count; ++k)
      if (k != i && all[k].exclusive) order.gates.push_back(all[k].element);
    if (!IsFirst(order)) continue;
    std::sort(order.gates.begin(), order.gates.end());
    Emit("hazard/lock-order", pc, -1, taker);
    events_.back().order = std::move(order);
  }
}

bool Machine::IsFirst(const LockOrder& order) {
  auto numbered = [](const LockUse& use) { return static_cast<std::uint64_t>(2 * use.element + use.exclusive); };
  std::uint64_t key = numbered(order.held) << 32 | numbered(order.wanted);
  for (int gate : order.gates) key += (static_cast<std::uint64_t>(gate) + 1) * 0x9e3779b97f4a7c15u;
  return orders_.insert(key).second;
}

void Machine::Hold(int strand, int element) {
  const Instr& in = p_.code[S(strand).pc];
  if (in.reg < 0) return;
  int frame = FrameOf(strand);
  const Reg& reg = UnitOf(frame).regs[static_cast<std::size_t>(in.reg)];
  if (locks_ > 1 && IsLock(p_.elements[static_cast<std::size_t>(element)].kind) && WaitsForLock(in.op))
    NoteOrder(strand, {element, reg.kind != RegKind::kReadGuard});
  R(frame)[in.reg] = element - reg.base + 1;
  if (reg.kind == RegKind::kPermit) R(frame)[in.reg + 1] = static_cast<std::int32_t>(in.imm);
  if (p_.elements[static_cast<std::size_t>(element)].kind == Kind::kMutex) W(element)[kHolder] = frame + 1;
}

bool Machine::BlocksInAsync(int thread, int strand) {
  if (T(thread).entered == 0) return false;
  Panic(thread, strand, "ownership/blocking-in-async", "Cannot block the current thread from within a runtime. This happens because a function attempted to block the current thread while the thread is being used to drive asynchronous tasks.");
  return true;
}

// ---- the ops ------------------------------------------------------------------------------------------------------

void Machine::ExecObject(int thread, int strand) {
  StrandCell& s = S(strand);
  const Instr& in = p_.code[s.pc];
  int frame = FrameOf(strand);
  std::int32_t* regs = R(frame);
  ThreadCell& t = T(thread);
  int element = s.phase != 0 && s.element != 0 ? s.element - 1 : ElementOf(in, frame);
  std::int32_t* w = W(element);
  const Element& e = p_.elements[static_cast<std::size_t>(element)];
  auto done = [&] { Done(strand); };
  auto fail = [&](const char* why, const char* rule = nullptr) { FailObject(thread, strand, why, rule); };
  auto wait = [&] { AwaitObject(thread, strand, element); };
  auto hold = [&] { Hold(strand, element); };
  auto blocked_in_async = [&] { return BlocksInAsync(thread, strand); };
  bool failed = false;
  if (s.phase == 0) NoteGuard(thread, strand);
  switch (in.op) {
    case VmOp::kStdLock:
      if (w[1] != 0) { fail("the lock is poisoned", "ownership/poisoned-lock"); break; }
      w[0] = frame + 1;
      hold();
      done();
      break;
    case VmOp::kStdTryLock:
      if (w[0] != 0) { fail("the lock is held"); break; }
      if (w[1] != 0) { fail("the lock is poisoned", "ownership/poisoned-lock"); break; }
      w[0] = frame + 1;
      hold();
      done();
      break;
    case VmOp::kCondWait: case VmOp::kCondWaitTimeout: {
      int mutex = in.target + (in.expr2 >= 0 ? static_cast<int>(Eval(in.expr2, frame)) : 0);
      std::int32_t* m = W(mutex);
      if (s.phase == 0) {
        if (in.reg >= 0) regs[in.reg] = 0;
        m[0] = 0;
        s.phase = 1;
        s.element = static_cast<std::uint16_t>(element + 1);
        if (in.op == VmOp::kCondWaitTimeout) {
          s.timer = static_cast<std::int32_t>(std::min<std::int64_t>(in.imm, 2'000'000'000)) + 1;
          s.timer_runtime = 0xff;
          CountTimer();
        }
        break;
      }
      m[0] = frame + 1;
      if (in.reg >= 0) regs[in.reg] = mutex - UnitOf(frame).regs[static_cast<std::size_t>(in.reg)].base + 1;
      {
        bool notified = (s.bits & kGranted) != 0;
        CancelTimer(strand);
        if (m[1] != 0) { fail("the lock is poisoned", "ownership/poisoned-lock"); break; }
        if (!notified && in.or_pc >= 0) fail("the wait timed out");
        else done();   // wait_timeout returns Ok, with a flag that nobody has to look at
      }
      break;
    }
    case VmOp::kCondNotifyOne: case VmOp::kCondNotifyAll: {
      w[0] = 1;
      std::vector<int> waiters;
      for (int i = 0; i < l_.threads; ++i) {
        int top = T(i).top - 1;
        if (top < 0 || S(top).phase != 1 || S(top).element != element + 1 || (S(top).bits & kGranted)) continue;
        VmOp op = InstrAt(top).op;
        if (op == VmOp::kCondWait || op == VmOp::kCondWaitTimeout) waiters.push_back(top);
      }
      if (in.op == VmOp::kCondNotifyOne && !waiters.empty())
        waiters = {waiters[static_cast<std::size_t>(choose_->Choose(static_cast<int>(waiters.size())))]};
      for (int x : waiters) S(x).bits |= kGranted;
      done();
      break;
    }
    case VmOp::kStdBarrierWait:
      if (s.phase == 1) { done(); break; }
      if (++w[0] < e.capacity) {
        s.phase = 1;
        s.element = static_cast<std::uint16_t>(element + 1);
        break;
      }
      w[0] = 0;
      for (int i = 0; i < l_.threads; ++i) {
        int top = T(i).top - 1;
        if (top >= 0 && top != strand && S(top).phase == 1 && S(top).element == element + 1 && InstrAt(top).op == VmOp::kStdBarrierWait)
          S(top).bits |= kGranted;
      }
      done();
      break;
    case VmOp::kStdSend:
      if (s.phase == 1 && (s.bits & kGranted)) { done(); break; }   // a rendezvous: it was taken
      if (w[kRxState] == 0) { fail("the receiver is gone"); break; }
      if (e.capacity == 0) {   // rendezvous: waits until it is taken
        if (s.phase == 0) {
          if (!Push(thread, element, in, frame)) break;
          s.phase = 1;
          s.element = static_cast<std::uint16_t>(element + 1);
        }
        break;
      }
      if (Push(thread, element, in, frame)) done();
      break;
    case VmOp::kStdTrySend:
      if (w[kRxState] == 0) { fail("the receiver is gone"); break; }
      if (e.capacity == 0) {
        bool receiver = false;
        for (int i = 0; i < l_.threads; ++i) {
          int top = T(i).top - 1;
          receiver = receiver || (top >= 0 && (InstrAt(top).op == VmOp::kStdRecv || InstrAt(top).op == VmOp::kStdRecvTimeout) && S(top).phase == 1 &&
                                  ElementOf(InstrAt(top), FrameOf(top)) == element);
        }
        if (!receiver || w[kCount] != 0) { fail("the channel is full"); break; }
      } else if (e.capacity > 0 && w[kCount] >= e.capacity) {
        fail("the channel is full");
        break;
      }
      if (Push(thread, element, in, frame)) done();
      break;
    case VmOp::kStdRecv: case VmOp::kStdTryRecv:
      if (in.op == VmOp::kStdRecv && w[kCount] == 0 && w[kTxCount] != 0) { s.phase = 1; break; }   // now a try_send finds it
      if (w[kCount] > 0) { Pop(element, in, frame); done(); }
      else fail(w[kTxCount] == 0 ? "all senders are gone" : "the channel is empty");
      break;
    case VmOp::kStdRecvTimeout:
      if (w[kCount] > 0) { CancelTimer(strand); Pop(element, in, frame); done(); break; }
      if (w[kTxCount] == 0) { CancelTimer(strand); fail("all senders are gone"); break; }
      if (s.phase == 0) {
        s.timer = static_cast<std::int32_t>(std::min<std::int64_t>(in.imm, 2'000'000'000)) + 1;
        s.timer_runtime = 0xff;
        s.element = static_cast<std::uint16_t>(element + 1);
        CountTimer();
        s.phase = 1;
        break;
      }
      CancelTimer(strand);
      fail("nothing came in time");
      break;
    case VmOp::kStore: w[0] = static_cast<std::int32_t>(in.expr >= 0 ? Eval(in.expr, frame) : 0); done(); break;
    case VmOp::kAdd: w[0] = static_cast<std::int32_t>(static_cast<std::uint32_t>(w[0]) + static_cast<std::uint32_t>(in.expr >= 0 ? Eval(in.expr, frame) : 1)); done(); break;
    case VmOp::kCas: {
      std::int64_t expected = in.expr2 >= 0 ? Eval(in.expr2, frame) : 0;
      if (w[0] != expected) { fail("the atomic has another value"); break; }
      w[0] = static_cast<std::int32_t>(in.expr >= 0 ? Eval(in.expr, frame) : 0);
      done();
      break;
    }
    case VmOp::kReadCell: case VmOp::kWriteCell: {
      if (CellConflict(thread) >= 0) Emit("ownership/data-race", s.pc, thread, frame);
      if (in.op == VmOp::kReadCell) { if (in.var >= 0) regs[in.var] = w[0]; }
      else w[0] = static_cast<std::int32_t>(in.expr >= 0 ? Eval(in.expr, frame) : 0);
      done();
      break;
    }
    case VmOp::kSemAcquire: {
      int n = e.kind == Kind::kMutex ? 1 : static_cast<int>(in.imm);
      if ((s.phase == 0 ? w[kHead] == 0 && w[kPermits] >= n && !w[kClosed] : (s.bits & kGranted) != 0) && !Budget(thread, strand)) break;
      bool got = SemPoll(thread, strand, w, n, &failed);
      if (failed) { fail("the semaphore is closed"); break; }
      if (!got) { wait(); break; }
      hold();
      done();
      break;
    }
    case VmOp::kSemTryAcquire:
      if (w[kClosed]) { fail("the semaphore is closed"); break; }
      if (!SemTryTake(w, e.kind == Kind::kMutex ? 1 : static_cast<int>(in.imm))) { fail("no permits are free"); break; }
      hold();
      done();
      break;
    case VmOp::kBlockingLock: {
      if (s.phase == 0 && blocked_in_async()) break;
      bool got = SemPoll(thread, strand, w, static_cast<int>(in.imm), &failed);
      s.element = static_cast<std::uint16_t>(element + 1);
      if (!got) break;
      hold();
      done();
      break;
    }
    case VmOp::kSemAddPermits: SemRelease(thread, w, static_cast<int>(in.imm)); done(); break;
    case VmOp::kSemForgetPermits: w[kPermits] -= std::min<std::int32_t>(w[kPermits], static_cast<std::int32_t>(in.imm)); done(); break;
    case VmOp::kSemClose: SemClose(thread, w); done(); break;
    case VmOp::kNotified:
      if (s.phase == 0) {
        if (w[0] != 0) { w[0] = 0; done(); break; }
        Enqueue(w, strand);
        wait();
      } else if (s.bits & (kGranted | kGrantedAll)) {
        if ((s.bits & kGrantedAll) && s.phase == 2 && !v_.notify_priority) w[0] = 0;   // 8.4: earlier versions used the permit up
        done();
      } else if (s.phase == 2) {
        if (w[0] != 0) { w[0] = 0; done(); break; }
        Enqueue(w, strand);
        wait();
      } else {
        wait();
      }
      break;
    case VmOp::kNotifyOne: w[3] = 1; NotifyOneWaiter(thread, w); done(); break;
    case VmOp::kNotifyWaiters:
      w[3] = 1;
      for (int x = 0; x < l_.strands; ++x)   // created counts, polled or not (8.4)
        if (S(x).phase == 2 && S(x).element == element + 1 && S(x).status == StrandStatus::kSuspended && InstrAt(x).op == VmOp::kNotified)
          S(x).bits |= kGrantedAll;
      WakeQueue(thread, w, kGrantedAll, v_.wake_fifo);
      done();
      break;
    case VmOp::kOneshotSend:
      if (in.reg2 >= 0) regs[in.reg2] = 0;
      w[kTxWait] = 0;
      if (w[kRxState] == 0 || w[kClosed]) { DropTx(thread, element); fail("the receiver is gone"); break; }
      if (!Push(thread, element, in, frame)) break;
      --w[kTxCount];
      done();
      break;
    case VmOp::kMpscSend: case VmOp::kMpscBlockingSend: {
      bool blocking = in.op == VmOp::kMpscBlockingSend;
      if (blocking && s.phase == 0 && blocked_in_async()) break;
      if (in.flag) {   // through a permit
        if (in.reg >= 0) regs[in.reg] = 0;
        --w[kReserved];
        if (w[kRxState] != 0) { if (!Push(thread, element, in, frame)) break; }
        else SemRelease(thread, w, 1);
        DropTx(thread, element);   // that of the permit
        done();
        break;
      }
      if (w[kRxState] == 0 || (s.phase == 0 && w[kClosed])) {
        if (s.bits & kQueued) Unqueue(w, strand);
        fail("the channel is closed");
        break;
      }
      if (e.capacity >= 0) {
        if (!blocking && (s.phase == 0 ? w[kHead] == 0 && w[kPermits] >= 1 : (s.bits & kGranted) != 0) && !Budget(thread, strand)) break;
        bool got = SemPoll(thread, strand, w, 1, &failed);
        if (failed) {
          if (v_.reserve_wakes_receiver) WakeClosedReceiver(thread, element);
          fail("the channel is closed");
          break;
        }
        if (!got) {
          if (!blocking) wait();
          else s.element = static_cast<std::uint16_t>(element + 1);
          break;
        }
      }
      if (Push(thread, element, in, frame)) done();
      break;
    }
    case VmOp::kMpscTrySend:
      if (w[kRxState] == 0 || w[kClosed]) { fail("the channel is closed"); break; }
      if (e.capacity >= 0 && !SemTryTake(w, 1)) { fail("the channel is full"); break; }
      if (Push(thread, element, in, frame)) done();
      break;
    case VmOp::kMpscReserve: {
      if (w[kRxState] == 0 || (s.phase == 0 && w[kClosed])) { if (s.bits & kQueued) Unqueue(w, strand); fail("the channel is closed"); break; }
      if (e.capacity >= 0) {
        if ((s.phase == 0 ? w[kHead] == 0 && w[kPermits] >= 1 : (s.bits & kGranted) != 0) && !Budget(thread, strand)) break;
        bool got = SemPoll(thread, strand, w, 1, &failed);
        if (failed) {
          if (v_.reserve_wakes_receiver) WakeClosedReceiver(thread, element);
          fail("the channel is closed");
          break;
        }
        if (!got) { wait(); break; }
      }
      ++w[kReserved];
      ++w[kTxCount];   // 8.6: the place owns a sender, and keeps the channel open
      hold();
      done();
      break;
    }
    case VmOp::kMpscRecv: case VmOp::kOneshotRecv: case VmOp::kMpscTryRecv: case VmOp::kOneshotTryRecv:
    case VmOp::kMpscBlockingRecv: case VmOp::kOneshotBlockingRecv: {
      bool blocking = in.op == VmOp::kMpscBlockingRecv || in.op == VmOp::kOneshotBlockingRecv;
      bool trying = in.op == VmOp::kMpscTryRecv || in.op == VmOp::kOneshotTryRecv;
      if (blocking && s.phase == 0 && blocked_in_async()) break;
      bool oneshot = e.kind == Kind::kOneshot && !trying;
      if (oneshot && w[kTaken]) { Panic(thread, strand, "ownership/completed-handle", "called after complete"); break; }
      if (w[kCount] > 0) {
        if (!blocking && !trying && !Budget(thread, strand)) break;
        w[kRxWait] = 0;
        Pop(element, in, frame);
        if (e.kind == Kind::kOneshot) w[kTaken] = 1;
        if (e.kind == Kind::kMpsc && e.capacity >= 0) SemRelease(thread, w, 1);
        done();
        break;
      }
      if (w[kTxCount] == 0 || (w[kClosed] && (e.kind == Kind::kOneshot || AllPlacesBack(element)))) {
        // 8.14: that its own `close` ends it, it sees after it has left its waker for senders.
        if (in.op == VmOp::kMpscRecv) w[kRxWait] = w[kTxCount] == 0 ? 0 : WakerLeftBy(strand);
        if (e.kind == Kind::kOneshot && (trying || v_.oneshot_failed_is_done)) w[kTaken] = 1;
        fail(e.kind == Kind::kOneshot ? "the sender is gone" : "all senders are gone");
        break;
      }
      if (trying) { fail("the channel is empty"); break; }
      s.element = static_cast<std::uint16_t>(element + 1);
      s.phase = 1;
      w[kRxWait] = blocking ? 0 : strand + 1;   // in place of a waker that an earlier recv has left
      if (blocking) break;
      Suspend(thread, strand);
      break;
    }
    case VmOp::kMpscClose: case VmOp::kOneshotClose:
      SemClose(thread, w);
      if (e.kind == Kind::kOneshot) w[kRxWait] = 0;   // its sender tells nobody any more
      if (w[kTxWait] != 0) { int waiter = w[kTxWait] - 1; w[kTxWait] = 0; WakeStrand(thread, waiter); }
      done();
      break;
    case VmOp::kOneshotClosed:
      if (w[kRxState] == 0 || w[kClosed]) { w[kTxWait] = 0; done(); break; }
      w[kTxWait] = strand + 1;
      wait();
      break;
    case VmOp::kIoWrite: case VmOp::kIoRead: {
      bool reads = in.op == VmOp::kIoRead;
      if (s.phase == 0 && !NeedContext(thread, strand, "io")) break;
      if (s.phase == 0) s.need = static_cast<std::uint16_t>(std::min<std::int64_t>(in.imm, 60000));   // bytes still to go
      int room = reads ? w[0] : w[2] == 0 ? 0 : e.capacity < 0 ? s.need : e.capacity - w[0];
      int n = std::min<int>(s.need, room);   // as write_all and read_exact: a part of it goes at once
      std::int32_t& waiting = w[reads ? 3 : 4];
      std::int32_t& other = w[reads ? 4 : 3];
      if (n > 0) {
        if (!Budget(thread, strand)) break;
        w[0] += reads ? -n : n;
        s.need = static_cast<std::uint16_t>(s.need - n);
        if (other != 0) S(other - 1).bits |= kIoReady;
      }
      if (s.need == 0) {
        waiting = 0;
        s.timer_runtime = 0;
        done();
        break;
      }
      if (reads ? w[1] == 0 : w[2] == 0) { waiting = 0; s.timer_runtime = 0; fail(reads ? "the pipe is at its end" : "the pipe is broken"); break; }
      // Unlike a timer's, it is an error of the read or write and no panic of its own.
      if (RT((s.timer_runtime != 0 ? s.timer_runtime : t.current) - 1).driver_dead) {
        waiting = 0;
        s.timer_runtime = 0;
        fail("A Tokio 1.x context was found, but it is being shutdown.", "ownership/use-after-shutdown");
        break;
      }
      waiting = strand + 1;
      s.timer_runtime = t.current;
      s.bits |= kWaitsIo;
      wait();
      break;
    }
    case VmOp::kRwRead: case VmOp::kRwTryRead: case VmOp::kRwWrite: case VmOp::kRwTryWrite: ExecRwlock(thread, strand, element); break;
    case VmOp::kBroadcastSend: case VmOp::kBroadcastRecv: case VmOp::kBroadcastTryRecv: case VmOp::kBroadcastBlockingRecv:
      ExecBroadcast(thread, strand, element);
      break;
    case VmOp::kSubscribe: ExecSubscribe(strand, element); break;
    case VmOp::kWatchSend: case VmOp::kWatchChanged: case VmOp::kWatchWaitFor: case VmOp::kWatchBorrow: ExecWatch(thread, strand, element); break;
    case VmOp::kBarrierWait: ExecBarrier(thread, strand, element); break;
    case VmOp::kOnceEnter: case VmOp::kOnceSet: case VmOp::kOnceFail: ExecOnce(thread, strand, element); break;
    case VmOp::kCancel: ExecCancel(thread, strand, element); break;
    case VmOp::kCancelled: ExecCancelled(thread, strand, element); break;
    default: done(); break;
  }
}

// The future that waits in this strand is dropped: its place in a queue, what was granted to it, its timer.
void Machine::Abandon(int thread, int strand) {
  StrandCell& s = S(strand);
  if (s.status != StrandStatus::kSuspended) return;
  const Instr& in = p_.code[s.pc];
  CancelTimer(strand);
  if (s.bits & kDeferred) LeaveDeferred(strand);
  if (in.op == VmOp::kAwaitTask && s.phase == 1) {
    std::int32_t value = R(FrameOf(strand))[in.reg + (in.index >= 0 ? static_cast<int>(Eval(in.index, FrameOf(strand))) : 0)];
    if (value != 0 && F(value - 1).joiner == strand + 1) F(value - 1).joiner = WakerLeftBy(strand);   // 8.14
  }
  if (s.element != 0) {
    std::int32_t* w = W(s.element - 1);
    int n = in.op == VmOp::kSemAcquire ? static_cast<int>(in.imm) : 1;
    switch (in.op) {
      case VmOp::kSemAcquire: case VmOp::kMpscSend: case VmOp::kMpscReserve: {
        if (p_.elements[static_cast<std::size_t>(s.element - 1)].kind == Kind::kMutex) n = 1;
        if (p_.elements[static_cast<std::size_t>(s.element - 1)].kind == Kind::kMpsc && in.flag) break;
        int had = 0;
        if (s.bits & kQueued) { had = n - s.need; Unqueue(w, strand); }
        else if (s.bits & kGranted) { had = n; }
        s.bits = 0;
        if (had > 0) SemRelease(thread, w, had);
        if (in.op != VmOp::kSemAcquire && v_.reserve_wakes_receiver) WakeClosedReceiver(thread, s.element - 1);
        break;
      }
      case VmOp::kOnceEnter: {   // its permit goes to the next one
        bool had = (s.bits & kQueued) == 0 && (s.bits & kGranted) != 0;
        if (s.bits & kQueued) Unqueue(w, strand);
        s.bits = 0;
        if (had) SemRelease(thread, w, 1);
        break;
      }
      case VmOp::kBroadcastRecv: case VmOp::kWatchChanged: case VmOp::kWatchWaitFor: case VmOp::kBarrierWait: case VmOp::kCancelled:
        if (s.bits & kQueued) Unqueue(w, strand);
        break;
      case VmOp::kJoinNext: case VmOp::kSetShutdown:
        if (w[kSetWaiter] == strand + 1) SetJoiner(s.element - 1, WakerLeftBy(strand));   // 8.14
        break;
      case VmOp::kNext:
        if (w[kSetWaiter] == strand + 1) w[kSetWaiter] = WakerLeftBy(strand);   // 8.14
        break;
      case VmOp::kRunUntil: case VmOp::kAwaitSet: if (w[kPoller] == strand + 1) w[kPoller] = WakerLeftBy(strand); break;   // 8.14
      case VmOp::kNotified:
        if (s.bits & kQueued) Unqueue(w, strand);
        else if (s.bits & kGranted) { s.bits = 0; NotifyOneWaiter(thread, w); }   // forwarded (8.4)
        break;
      case VmOp::kMpscRecv: case VmOp::kOneshotRecv: if (w[kRxWait] == strand + 1) w[kRxWait] = WakerLeftBy(strand); break;   // 8.14
      case VmOp::kOneshotClosed: if (w[kTxWait] == strand + 1) w[kTxWait] = WakerLeftBy(strand); break;
      case VmOp::kIoRead: if (w[3] == strand + 1) w[3] = 0; break;
      case VmOp::kIoWrite: if (w[4] == strand + 1) w[4] = 0; break;
      default: break;
    }
  }
  s.element = 0;
  s.need = 0;
  s.timer_runtime = 0;
}

// Another thread that stands before an access to the same cell, one of the two a write.
int Machine::CellConflict(int thread) {
  int mine = T(thread).top - 1;
  const Instr& in = InstrAt(mine);
  int element = ElementOf(in, FrameOf(mine));
  for (int i = 0; i < l_.threads; ++i) {
    int top = T(i).top - 1;
    if (i == thread || top < 0 || S(top).out != Outcome::kNone) continue;
    const Instr& other = InstrAt(top);
    if (other.op != VmOp::kReadCell && other.op != VmOp::kWriteCell) continue;
    if (ElementOf(other, FrameOf(top)) != element) continue;
    if (in.op == VmOp::kWriteCell || other.op == VmOp::kWriteCell) return i;
  }
  return -1;
}

}  // namespace asyncrt
