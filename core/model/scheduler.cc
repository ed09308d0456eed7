// Tokio's schedulers: workers with their LIFO slot, queue and defer list, the current_thread core, the driver, and
// the blocking pool with its shutdown.
#include <algorithm>
#include <utility>

#include "core/model/machine.h"

namespace asyncrt {

int Machine::CoreRuntime(int core) const {
  for (std::size_t r = 0; r < p_.runtimes.size(); ++r)
    if (core < p_.runtimes[r].first_core + p_.runtimes[r].workers) return static_cast<int>(r);
  return -1;
}

int Machine::Searching(int runtime) {
  const RuntimeDef& def = p_.runtimes[static_cast<std::size_t>(runtime)];
  int n = 0;
  for (int c = 0; c < def.workers; ++c) n += C(def.first_core + c).searching;
  return n;
}

// A blocked worker counts as unparked (1.7); one that was told to wake up, too.
int Machine::Unparked(int runtime) {
  const RuntimeDef& def = p_.runtimes[static_cast<std::size_t>(runtime)];
  int n = 0;
  for (int c = def.first_core; c < def.first_core + def.workers; ++c) n += !IsSleeper(c);
  return n;
}

// It stands in the list of sleepers: nobody has told it to wake up, and it has not taken itself off.
bool Machine::IsSleeper(int number) {
  const CoreCell& core = C(number);
  bool parked = core.state == CoreState::kParked || core.state == CoreState::kDriver;
  if (mode_.scheduler == Scheduler::kAtomic) return parked && core.token == 0;
  return core.searching == 0 && (parked || (core.state == CoreState::kActive && core.phase >= kFirstRegistered));
}

int Machine::LocalTasks(int number) { return (C(number).lifo != 0) + Length(C(number).head); }

int Machine::Length(Link head) {
  int n = 0;
  for (; head != 0; head = F(head - 1).next) ++n;
  return n;
}

// Only their numbers tell two sleepers apart.
bool Machine::SleepAlike(int a, int b) {
  CoreCell x = C(a), y = C(b);
  if (x.thread == 0 || y.thread == 0) return false;
  ThreadCell s = T(x.thread - 1), t = T(y.thread - 1);
  x.thread = y.thread = s.core = t.core = 0;
  return std::memcmp(&x, &y, sizeof x) == 0 && std::memcmp(&s, &t, sizeof s) == 0;
}

void Machine::NotifyOne(int runtime) {
  const RuntimeDef& def = p_.runtimes[static_cast<std::size_t>(runtime)];
  if (Searching(runtime) != 0 || Unparked(runtime) >= def.workers) return;
  if (mode_.scheduler == Scheduler::kExact) { TellSleeper(runtime); return; }
  int parked = -1, driver = -1;
  for (int c = 0; c < def.workers; ++c) {
    CoreCell& core = C(def.first_core + c);
    if (core.token != 0) continue;
    if (core.state == CoreState::kParked && parked < 0) parked = def.first_core + c;
    else if (core.state == CoreState::kParked) noticed_.ordered = noticed_.ordered || !SleepAlike(parked, def.first_core + c);
    if (core.state == CoreState::kDriver) driver = def.first_core + c;
  }
  int chosen = parked >= 0 && driver >= 0 ? (choose_->Choose(2) == 0 ? parked : driver) : parked >= 0 ? parked : driver;
  if (chosen < 0) return;
  C(chosen).token = 1;
  C(chosen).searching = 1;
}

void Machine::Schedule(int thread, int frame, bool self_wake, bool from_driver) {
  if (F(frame).local != 0) { ScheduleLocal(thread, frame); return; }
  int runtime = F(frame).runtime - 1;
  RuntimeCell& rt = RT(runtime);
  const RuntimeDef& def = p_.runtimes[static_cast<std::size_t>(runtime)];
  ThreadCell& t = T(thread);
  if (!def.declared->multi_thread) {
    if (rt.holder == thread + 1) PushTask(&rt.head, &rt.tail, frame);
    else if (rt.life == Life::kRunning) PushTask(&rt.inject_head, &rt.inject_tail, frame);
    else F(frame).bits = static_cast<std::uint8_t>(F(frame).bits & ~kNotified);
    return;
  }
  bool local = t.core != 0 && t.entered != 0 && CoreRuntime(t.core - 1) == runtime;
  if (!local) {
    if (rt.life != Life::kRunning) {   // 4.7: remote wakes are discarded once inject is closed
      F(frame).bits = static_cast<std::uint8_t>(F(frame).bits & ~kNotified);
      return;
    }
    PushTask(&rt.inject_head, &rt.inject_tail, frame);
    NotifyOne(runtime);
    return;
  }
  CoreCell& core = C(t.core - 1);
  bool lifo_on = (core.chain != 3 || !v_.lifo_cap) && !def.declared->disable_lifo_slot;
  if (self_wake || !lifo_on) {
    PushTask(&core.head, &core.tail, frame);
    if (!from_driver) NotifyOne(runtime);
    return;
  }
  int displaced = core.lifo - 1;
  core.lifo = static_cast<Link>(frame + 1);
  if (displaced < 0) {   // 1.5: a lone push tells nobody, save where the slot could be stolen from
    if (v_.lifo_stealable && !from_driver) NotifyOne(runtime);
    return;
  }
  PushTask(&core.head, &core.tail, displaced);
  if (!from_driver) NotifyOne(runtime);
}

void Machine::WakeTask(int thread, int frame, bool from_driver) {
  FrameCell& f = F(frame);
  if (f.live == 0 || (f.bits & (kComplete | kNotified))) return;
  f.bits |= kNotified;
  if ((f.bits & kRunning) == 0) Schedule(thread, frame, false, from_driver);
}

// Whom a waker wakes that a poll in this strand was given: a task, what a block_on polls, or a member of a
// futures_unordered, each by its first strand. -1: a thread, which looks for itself.
int Machine::OwnerOfWaker(int strand) {
  for (;;) {
    const StrandCell& s = S(strand);
    const int frame = FrameOf(strand);
    if (IsRoot(strand)) {
      const UnitKind kind = UnitOf(frame).kind;
      if (kind == UnitKind::kTask || F(frame).member) return strand;
      if (kind != UnitKind::kFuture || s.parent == 0) return -1;
    } else if (s.parent == 0) {   // a waker that outlived the branch that it was made in: it wakes the task all the same
      strand = Root(frame);
      continue;
    } else {
      const Instr& in = InstrAt(s.parent - 1);
      if (in.op == VmOp::kBlockOn && Root(frame) + in.strand == strand) return strand;
    }
    strand = s.parent - 1;
  }
}

void Machine::WakeStrand(int thread, int strand, bool from_driver) {
  while ((strand = OwnerOfWaker(strand)) >= 0) {
    const int frame = FrameOf(strand);
    if (IsRoot(strand) && UnitOf(frame).kind == UnitKind::kTask) { WakeTask(thread, frame, from_driver); return; }
    if (!IsRoot(strand)) { S(strand).bits |= kWoken; return; }
    const int set = SetOf(frame);
    if (set < 0 || IsQueued(set, frame)) return;
    QueueMember(set, frame);
    strand = std::exchange(W(set)[kSetWaiter], 0) - 1;   // 8.14: whoever polled it last, once
    if (strand < 0) return;
  }
}

// Channels that are waited for in a future that may be dropped while its task lives, or that their receiver closes; sets.
void Machine::FindKeepersOfWakers() {
  std::vector<bool> keeps(p_.elements.size());
  const bool futures = std::any_of(p_.units.begin(), p_.units.end(), [](const Unit& unit) { return unit.kind == UnitKind::kFuture; });
  for (const Instr& in : p_.code) {
    if (in.object < 0) continue;
    const bool waits = in.op == VmOp::kMpscRecv || in.op == VmOp::kOneshotRecv || in.op == VmOp::kOneshotClosed;
    const bool may_be_dropped = waits && (futures || p_.scopes[static_cast<std::size_t>(in.scope)].strand != 0);
    const bool of_set = in.op == VmOp::kJoinNext || in.op == VmOp::kNext || in.op == VmOp::kRunUntil || in.op == VmOp::kAwaitSet;
    if (!may_be_dropped && in.op != VmOp::kMpscClose && !of_set) continue;
    for (std::size_t e = static_cast<std::size_t>(in.object); e < std::min(keeps.size(), static_cast<std::size_t>(in.object + in.elements)); ++e) keeps[e] = true;
  }
  for (std::size_t e = 0; e < keeps.size(); ++e)
    if (keeps[e]) keeps_wakers_.push_back(static_cast<int>(e));
}

// The waker that a dropped wait in this strand leaves behind where Tokio keeps it, as a link. 0: none that anybody could notice.
Link Machine::WakerLeftBy(int strand) {
  const int owner = OwnerOfWaker(strand);
  return owner < 0 || S(owner).mode == Mode::kCancelling ? Link{0} : static_cast<Link>(owner + 1);
}

// What this strand stands for has ended: to wake it does nothing any more.
void Machine::ForgetWaker(int strand) {
  if (yields_)
    if (const DeferList list = DeferredIn(strand); list.head != nullptr) ReplaceDeferred(list, strand, -1);
  for (int element : keeps_wakers_) {
    std::int32_t* w = W(element);
    auto forget = [&](int word) {
      if (w[word] == strand + 1) w[word] = 0;
    };
    switch (p_.elements[static_cast<std::size_t>(element)].kind) {
      case Kind::kJoinSet: if (w[kSetWaiter] == strand + 1) SetJoiner(element, 0); break;
      case Kind::kFuturesUnordered: forget(kSetWaiter); break;
      case Kind::kLocalSet: forget(kPoller); break;
      default: forget(kRxWait); forget(kTxWait);
    }
  }
}

// A block_on of Tokio's, not of a foreign executor, is being run by the thread of this strand.
bool Machine::IsUnderBlockOn(int strand) {
  for (Link parent = S(strand).parent; parent != 0; parent = S(parent - 1).parent) {
    const Instr& in = InstrAt(parent - 1);
    if (in.op == VmOp::kBlockOn && in.handle != 2) return true;
  }
  return false;
}

void Machine::Defer(int thread, int strand) {
  ThreadCell& t = T(thread);
  Link* head = nullptr;
  Link* tail = nullptr;
  // Versions that put the wake-up into the list of a worker that this thread no longer is: it is lost (5.6, 3.13).
  bool in_block_on = t.entered == 1 && t.core == 0;
  if (v_.bip_nested_yield_hang && t.handed && in_block_on) return;
  if (v_.foreign_yield_hang && t.foreign == 1 && t.core == 0 && (t.handed || in_block_on)) return;
  if (v_.thread_defer && t.foreign == 1 && t.core == 0 && IsUnderBlockOn(strand)) return;
  if (t.core != 0 && t.entered != 0) {
    head = &C(t.core - 1).defer_head;
    tail = &C(t.core - 1).defer_tail;
  } else if (t.current != 0 && RT(t.current - 1).holder == thread + 1) {
    head = &RT(t.current - 1).defer_head;
    tail = &RT(t.current - 1).defer_tail;
  } else if (v_.thread_defer && in_block_on && !t.handed && t.foreign == 0) {   // until its poll ends
    head = &t.stash_head;
    tail = &t.stash_tail;
  } else {
    WakeStrand(thread, strand);
    return;
  }
  S(strand).bits |= kDeferred;
  if (const DeferList list = DeferredIn(strand); list.head == head) return;   // left there by an earlier yield
  else if (list.head != nullptr) ReplaceDeferred(list, strand, -1);
  if (*tail != 0) S(*tail - 1).defer_next = static_cast<Link>(strand + 1);
  else *head = static_cast<Link>(strand + 1);
  *tail = S(strand).defer_next = static_cast<Link>(strand + 1);
}

// Of the lists of wake-ups that were deferred, the one that has this strand's. Null: none.
Machine::DeferList Machine::DeferredIn(int strand) {
  if (S(strand).defer_next == 0) return {};
  auto has = [&](Link at) {
    while (at != 0 && at != strand + 1) at = AfterDeferred(at);
    return at != 0;
  };
  for (int c = 0; c < l_.cores; ++c)
    if (has(C(c).defer_head)) return {&C(c).defer_head, &C(c).defer_tail};
  for (int i = 0; i < l_.threads; ++i)
    if (has(T(i).stash_head)) return {&T(i).stash_head, &T(i).stash_tail};
  for (std::size_t r = 0; r < p_.runtimes.size(); ++r)
    if (has(RT(static_cast<int>(r)).defer_head)) return {&RT(static_cast<int>(r)).defer_head, &RT(static_cast<int>(r)).defer_tail};
  return {};
}

// Another strand's stands in the place of this one's; -1: none does.
void Machine::ReplaceDeferred(DeferList list, int strand, int other) {
  const Link next = AfterDeferred(static_cast<Link>(strand + 1)), place = other >= 0 ? static_cast<Link>(other + 1) : next;
  S(strand).defer_next = 0;
  Link before = 0;
  for (Link at = *list.head; at != strand + 1; at = AfterDeferred(at)) before = at;
  if (before != 0) S(before - 1).defer_next = place != 0 ? place : before; else *list.head = place;
  if (other >= 0) S(other).defer_next = next != 0 ? next : place;
  if (*list.tail == strand + 1) *list.tail = other >= 0 ? place : before;
}

// Who yielded is polled before its wake-up came, or is dropped: that stays in its list, and wakes the task for nothing (8.14).
// Tokio keeps one in the list of each worker where that happens, here a task has one in all. What is lost wakes for nothing,
// too: one that is waited for is taken into the list of the worker that it is for (`Defer`), and whoever it stands for is not
// running, so does not come here. A task that is polled once less for nothing finds nothing that it would have found, since
// whatever became ready has woken it; it can miss no more than a place in a queue, which it had before its real wake-up came.
void Machine::LeaveDeferred(int strand) {
  S(strand).bits = static_cast<std::uint8_t>(S(strand).bits & ~kDeferred);
  const Link owner = WakerLeftBy(strand);
  if (owner == strand + 1) return;
  const DeferList list = DeferredIn(strand);
  if (list.head == nullptr) return;
  const bool stays = owner != 0 && DeferredIn(owner - 1).head == nullptr;   // two at a time wake it but once
  ReplaceDeferred(list, strand, stays ? owner - 1 : -1);
}

void Machine::WakeDeferred(int thread, Link* head, Link* tail) {
  while (*head != 0) {
    int strand = *head - 1;
    *head = AfterDeferred(*head);
    S(strand).defer_next = 0;
    S(strand).bits = static_cast<std::uint8_t>(S(strand).bits & ~kDeferred);
    WakeStrand(thread, strand, true);
  }
  *tail = 0;
}

bool Machine::DriverDue(int runtime) {
  if (RT(runtime).driver_dead) return false;
  for (int s : l_.timed_strands) {
    const StrandCell& x = S(s);
    if (x.timer_runtime != runtime + 1) continue;
    if (x.timer == 1 || (x.bits & (kWaitsIo | kIoReady)) == (kWaitsIo | kIoReady)) return true;
  }
  return false;
}

void Machine::ProcessDriver(int thread, int runtime) {
  if (RT(runtime).driver_dead) return;
  int last = -1;
  for (int s : l_.timed_strands) {
    StrandCell& x = S(s);
    if (x.timer == 1 && x.timer_runtime == 0 && x.saved_current == runtime + 1) {   // 7.1: it will be ready at its first poll
      CancelTimer(s);
      x.bits |= kFired;
    }
    if (x.timer_runtime != runtime + 1) continue;
    const bool due = x.timer == 1 || (x.bits & (kWaitsIo | kIoReady)) == (kWaitsIo | kIoReady);
    if (due) TakeInOrder(FrameOf(s), &last);
    if (x.timer == 1) {
      x.timer = 0;
      x.overdue = 0;
      --H().timers;
      x.bits |= kFired;
      WakeStrand(thread, s, true);
    } else if ((x.bits & (kWaitsIo | kIoReady)) == (kWaitsIo | kIoReady)) {
      x.bits = static_cast<std::uint8_t>(x.bits & ~(kWaitsIo | kIoReady));
      WakeStrand(thread, s, true);
    }
  }
}

void Machine::PollTask(int thread, int frame, Link parent) {
  FrameCell& f = F(frame);
  int root = Root(frame);
  f.waited = 0;
  f.next = 0;
  if (f.bits & kCancel) {   // 6.5: dropped by whoever takes it from the queue
    f.bits = static_cast<std::uint8_t>((f.bits | kRunning) & ~kNotified);
    CancelStrand(thread, root, parent);
    return;
  }
  f.bits = static_cast<std::uint8_t>((f.bits | kRunning | kPolled) & ~kNotified);
  StrandCell& s = S(root);
  s.parent = parent;
  s.status = StrandStatus::kActive;
  T(thread).top = static_cast<Link>(root + 1);
}

void Machine::EndPoll(int thread, int frame, Outcome outcome) {
  FrameCell& f = F(frame);
  int root = Root(frame);
  ThreadCell& t = T(thread);
  t.top = S(root).parent;
  if (outcome != Outcome::kPending) { Complete(thread, frame, outcome); return; }
  if (f.bits & kCancel) {
    f.bits |= kRunning;
    CancelStrand(thread, root, S(root).parent);
    return;
  }
  f.bits = static_cast<std::uint8_t>(f.bits & ~kRunning);
  S(root).parent = 0;
  if (f.bits & kNotified) Schedule(thread, frame, true, false);
}

bool Machine::SchedulerEnabled(int thread) {
  ThreadCell& t = T(thread);
  if (t.pool == 0) return false;
  if (t.core != 0) {
    CoreCell& core = C(t.core - 1);
    switch (core.state) {
      case CoreState::kActive: case CoreState::kDropping: return true;
      case CoreState::kParked: return core.token != 0;
      case CoreState::kDriver: return core.token != 0 || DriverDue(t.pool - 1);
      default: return false;
    }
  }
  if (t.life == ThreadLife::kRunning) return true;
  return t.signalled != 0 || RT(t.pool - 1).pool_shutdown != 0;
}

void Machine::SchedulerStep(int thread) {
  ThreadCell& t = T(thread);
  if (t.core != 0) WorkerStep(thread, t.core - 1);
  else PoolStep(thread);
}

// 1.3: a task that was found is polled. Who leaves the search as the last one notifies another.
void Machine::RunTask(int thread, int number, int frame, bool in_chain) {
  CoreCell& core = C(number);
  if (mode_.scheduler == Scheduler::kExact && core.searching) {
    core.phase = kFound;
    core.held = frame + 1;
    return;
  }
  core.chain = static_cast<std::uint8_t>(in_chain ? std::min(core.chain + 1, 3) : 0);
  core.runs = 1;
  core.phase = kPick;
  if (core.searching) {
    core.searching = 0;
    int runtime = CoreRuntime(number);
    if (Searching(runtime) == 0) NotifyOne(runtime);
  }
  if (!in_chain) T(thread).budget = 128;
  T(thread).unconstrained = 0;
  PollTask(thread, frame, 0);
}

// 1.9: the driver is polled if nobody else does, and what was deferred is woken.
void Machine::ParkForNoTime(int thread, int number) {
  CoreCell& core = C(number);
  int runtime = CoreRuntime(number);
  if (RT(runtime).driver == 0) ProcessDriver(thread, runtime);
  WakeDeferred(thread, &core.defer_head, &core.defer_tail);
  if (!core.searching && LocalTasks(number) > 1) NotifyOne(runtime);
}

// A worker that sees the shutdown leaves its loop.
bool Machine::SeesShutdown(int number) {
  CoreCell& core = C(number);
  if (!Shutting(CoreRuntime(number))) return false;
  core.state = CoreState::kDropping;
  core.searching = 0;
  core.phase = kPick;
  return true;
}

// 4.7: the first worker that sees the shutdown closes the list of tasks; until then a new one still gets in.
bool Machine::TasksAreClosed(int runtime) {
  const RuntimeDef& def = p_.runtimes[static_cast<std::size_t>(runtime)];
  bool closed = !def.declared->multi_thread;
  for (int c = def.first_core; c < def.first_core + def.workers; ++c) closed = closed || C(c).state == CoreState::kDropping || C(c).state == CoreState::kStopped;
  return closed;
}

// 4.7: one task of the runtime is dropped; where none is left, the worker stops.
void Machine::DropTasks(int thread, int number) {
  CoreCell& core = C(number);
  ThreadCell& t = T(thread);
  int runtime = CoreRuntime(number);
  RuntimeCell& rt = RT(runtime);
  const RuntimeDef& def = p_.runtimes[static_cast<std::size_t>(runtime)];
  for (int f = 0, last = -1; f < l_.frames; ++f)
    if (F(f).live != 0 && F(f).runtime == runtime + 1 && UnitOf(f).kind == UnitKind::kTask && (F(f).bits & (kComplete | kRunning)) == 0) TakeInOrder(f, &last);
  for (int f = 0; f < l_.frames; ++f) {
    FrameCell& frame = F(f);
    if (frame.live == 0 || frame.runtime != runtime + 1 || UnitOf(f).kind != UnitKind::kTask || (frame.bits & kComplete)) continue;
    if (frame.bits & kRunning) { frame.bits |= kCancel; continue; }
    if ((frame.bits & (kPolled | kCancel)) == kPolled && !UnitOf(f).detached) Emit("hazard/lost-task", S(Root(f)).pc, thread, f);
    auto unlink = [&](Link* head, Link* tail) {
      Link before = 0;
      for (Link at = *head; at != 0; before = at, at = F(at - 1).next) {
        if (at != f + 1) continue;
        if (before != 0) F(before - 1).next = frame.next; else *head = frame.next;
        if (*tail == at) *tail = before;
        break;
      }
    };
    for (int c = 0; c < def.workers; ++c) {
      CoreCell& other = C(def.first_core + c);
      if (other.lifo == f + 1) other.lifo = 0;
      if ((other.phase == kFound || other.phase == kFoundLast) && other.held == f + 1) other.held = 0;
      unlink(&other.head, &other.tail);
    }
    unlink(&rt.inject_head, &rt.inject_tail);
    frame.next = 0;
    frame.bits = static_cast<std::uint8_t>((frame.bits | kRunning) & ~kNotified);
    CancelStrand(thread, Root(f), 0);
    return;
  }
  core.state = CoreState::kStopped;
  core.thread = 0;
  core.chain = core.tick = core.runs = core.token = 0;
  t.core = 0;
  t.entered = 0;
  for (int c = 0; c < def.workers; ++c)
    if (C(def.first_core + c).state != CoreState::kStopped) return;
  rt.inject_head = rt.inject_tail = rt.driver = 0;   // the last one shuts the driver
  ShutDriver(thread, runtime);
}

void Machine::ShutDriver(int thread, int runtime) {
  RT(runtime).driver_dead = 1;
  int last = -1;
  for (int x : l_.timed_strands) {
    if ((S(x).timer <= 0 && !(S(x).bits & kWaitsIo)) || S(x).timer_runtime != runtime + 1) continue;
    TakeInOrder(FrameOf(x), &last);
    WakeStrand(thread, x);
  }
}

// 1.2b, 2.2: what was injected goes before the runtime's own tasks in every so many ticks. Where these are few, any of them may be
// such a tick: those in which there was nothing to do count as well.
bool Machine::InjectedGoFirst(int runtime, int tick) {
  const Runtime& declared = *p_.runtimes[static_cast<std::size_t>(runtime)].declared;
  const std::int64_t usual = declared.multi_thread ? 61 : 31, interval = declared.global_queue_interval.value_or(usual);
  if (interval <= 1 || interval >= usual) return interval == 1;
  return p_.endless ? tick % interval == 0 : choose_->Choose(2) == 1;   // a run without an end has some of them in the end
}

// 1.2b and the worker's own part of 1.2c. False: its slot and queue are empty.
bool Machine::RunOwnWork(int thread, int number) {
  CoreCell& core = C(number);
  RuntimeCell& rt = RT(CoreRuntime(number));
  bool maintenance = false;
  bool chained = core.lifo != 0 && core.runs != 0 && (core.chain < 3 || !v_.lifo_cap);
  if (chained && p_.endless && T(thread).budget == 0) {   // 1.3: out of budget, it goes to the queue and nobody is told
    PushTask(&core.head, &core.tail, core.lifo - 1);
    core.lifo = 0;
    chained = false;
  }
  const int interval = TasksPerRound(CoreRuntime(number));
  if (!chained && interval != 0 && ++core.tick >= interval) {
    core.tick = 0;
    maintenance = p_.endless;   // the turn of the injection queue is another count, which only such programs come to
    ParkForNoTime(thread, number);
    if (SeesShutdown(number)) return true;
  }
  if (maintenance && rt.inject_head != 0) {
    RunTask(thread, number, PopTask(&rt.inject_head, &rt.inject_tail), false);
    return true;
  }
  const int injected = chained ? 0 : Length(rt.inject_head);
  const bool matters = injected > 0 && (core.lifo != 0 || core.head != 0 || BatchOf(CoreRuntime(number), injected) > 1);
  if (matters && InjectedGoFirst(CoreRuntime(number), core.tick)) {
    RunTask(thread, number, PopTask(&rt.inject_head, &rt.inject_tail), false);
    return true;
  }
  if (core.lifo != 0) {
    int frame = core.lifo - 1;
    core.lifo = 0;
    RunTask(thread, number, frame, chained);
    return true;
  }
  if (core.head == 0) return false;
  RunTask(thread, number, PopTask(&core.head, &core.tail), false);
  return true;
}

// How many tasks a worker wants from an injection queue of this length.
int Machine::BatchOf(int runtime, int waiting) {
  return v_.inject_batch ? std::max(1, std::min(waiting / p_.runtimes[static_cast<std::size_t>(runtime)].workers + 1, 128)) : 1;
}

// False: others have emptied the injection queue.
bool Machine::RunInjected(int thread, int number, int batch) {
  CoreCell& core = C(number);
  RuntimeCell& rt = RT(CoreRuntime(number));
  int frame = PopTask(&rt.inject_head, &rt.inject_tail);
  if (frame < 0) return false;
  for (int k = 1; k < batch && rt.inject_head != 0; ++k) PushTask(&core.head, &core.tail, PopTask(&rt.inject_head, &rt.inject_tail));
  RunTask(thread, number, frame, false);
  return true;
}

bool Machine::CanRob(int victim) {
  return C(victim).head != 0 || (v_.lifo_stealable && C(victim).lifo != 0);
}

void Machine::Rob(int thread, int number, int from) {
  CoreCell& core = C(number);
  CoreCell& victim = C(from);
  if (victim.head == 0) {
    int frame = victim.lifo - 1;
    victim.lifo = 0;
    RunTask(thread, number, frame, false);
    return;
  }
  int take = (Length(victim.head) + 1) / 2;
  for (int k = 1; k < take; ++k) PushTask(&core.head, &core.tail, PopTask(&victim.head, &victim.tail));
  RunTask(thread, number, PopTask(&victim.head, &victim.tail), false);
}

void Machine::WorkerStep(int thread, int number) {
  CoreCell& core = C(number);
  int runtime = CoreRuntime(number);
  RuntimeCell& rt = RT(runtime);
  const RuntimeDef& def = p_.runtimes[static_cast<std::size_t>(runtime)];
  const std::int32_t held = core.held;
  core.held = 0;
  if (core.state == CoreState::kDropping) { DropTasks(thread, number); return; }
  if (mode_.scheduler == Scheduler::kExact) { ExactStep(thread, number, held); return; }
  if (core.state == CoreState::kParked || core.state == CoreState::kDriver) {   // 1.8d to g
    bool told = core.token != 0, driver = core.state == CoreState::kDriver;
    core.token = 0;
    core.state = CoreState::kActive;
    if (driver) {
      ProcessDriver(thread, runtime);
      rt.driver = 0;
    }
    if (SeesShutdown(number)) return;
    if (!core.searching && LocalTasks(number) > 1) NotifyOne(runtime);
    if (!told && LocalTasks(number) == 0) {   // only somebody else's block_on was woken
      core.state = driver ? CoreState::kDriver : CoreState::kParked;
      if (driver) rt.driver = static_cast<Link>(number + 1);
    }
    return;
  }
  if (RunOwnWork(thread, number)) return;
  if (int waiting = Length(rt.inject_head); waiting > 0) {
    RunInjected(thread, number, BatchOf(runtime, waiting));
    return;
  }
  if (core.searching || 2 * Searching(runtime) < def.workers) {   // 1.2d
    std::vector<int> victims;
    for (int c = def.first_core; c < def.first_core + def.workers; ++c)
      if (c != number && CanRob(c)) victims.push_back(c);
    if (!victims.empty()) {
      int victim = victims[static_cast<std::size_t>(choose_->Choose(static_cast<int>(victims.size())))];
      core.searching = 1;
      Rob(thread, number, victim);
      return;
    }
  }
  core.runs = core.chain = 0;
  if (core.defer_head != 0) { ParkForNoTime(thread, number); return; }
  core.searching = 0;
  if (p_.endless) core.tick = 0;   // fewer states; it is not seen where the driver looks far more often than that
  if (SeesShutdown(number)) return;
  if (core.token != 0) { core.token = 0; return; }
  T(thread).budget = 128;   // as its next poll will have it
  T(thread).unconstrained = 0;
  core.state = rt.driver == 0 ? CoreState::kDriver : CoreState::kParked;
  if (rt.driver == 0) rt.driver = static_cast<Link>(number + 1);
}

bool Machine::PoolSubmit(int runtime, std::int32_t item) {
  RuntimeCell& rt = RT(runtime);
  const RuntimeDef& def = p_.runtimes[static_cast<std::size_t>(runtime)];
  if (rt.queued >= def.queue_room) { overflow_ = "pool"; return false; }
  PoolQueue(runtime)[rt.queued++] = item;
  int alive = 0, free_slot = -1;
  bool woken = false;   // some thread was, and has not seen it yet
  ThreadCell* idle = nullptr;
  for (int i = 0; i < def.thread_slots; ++i) {
    ThreadCell& t = T(def.first_thread + i);
    if (t.life == ThreadLife::kIdle && t.signalled == 0) {
      if (idle == nullptr) idle = &t;
      else noticed_.ordered = noticed_.ordered || std::memcmp(idle, &t, sizeof t) != 0;
    }
    woken = woken || t.life == ThreadLife::kIdle;
    if (t.life == ThreadLife::kFree) { if (free_slot < 0) free_slot = i; }
    else ++alive;
  }
  if (idle != nullptr) {
    idle->signalled = 1;
    return true;
  }
  if (woken && v_.pool_idle_till_awake) return true;
  if (alive >= def.pool_cap || free_slot < 0) return true;   // waits for a thread
  ThreadCell& t = T(def.first_thread + free_slot);
  t.life = ThreadLife::kRunning;
  t.pool = static_cast<std::uint8_t>(runtime + 1);
  t.current = static_cast<std::uint8_t>(runtime + 1);
  t.budget = 128;
  return true;
}

void Machine::PoolStep(int thread) {
  ThreadCell& t = T(thread);
  int runtime = t.pool - 1;
  RuntimeCell& rt = RT(runtime);
  auto pop = [&] {
    std::int32_t* queue = PoolQueue(runtime);
    std::int32_t item = queue[0];
    --rt.queued;
    std::memmove(queue, queue + 1, static_cast<std::size_t>(rt.queued) * 4);
    queue[rt.queued] = 0;
    return item;
  };
  bool discard = false;
  if (t.life == ThreadLife::kIdle) {   // 4.3: only a thread that sees the shutdown from idle discards
    discard = rt.pool_shutdown != 0;
    t.signalled = 0;
    if (!discard) { t.life = ThreadLife::kRunning; }
    if (rt.queued == 0) {
      if (discard) std::memset(static_cast<void*>(&t), 0, sizeof t);
      else t.life = ThreadLife::kIdle;
      return;
    }
  } else if (rt.queued == 0) {
    if (rt.pool_shutdown) std::memset(static_cast<void*>(&t), 0, sizeof t);
    else t.life = ThreadLife::kIdle;
    return;
  }
  std::int32_t item = pop();
  if (item < 0 && discard) return;   // the core stays in its slot
  if (item < 0) {   // a worker's core (5.1)
    CoreCell& core = C(-item - 1);
    if (core.state != CoreState::kInSlot) return;
    core.state = CoreState::kActive;
    core.thread = static_cast<Link>(thread + 1);
    t.core = static_cast<Link>(-item);
    t.entered = 1;
    t.life = ThreadLife::kRunning;
    return;
  }
  int frame = item - 1;
  FrameCell& f = F(frame);
  t.frame = static_cast<Link>(frame + 1);
  t.entered = 0;
  t.budget = 128;
  bool cancel = discard || (f.bits & kCancel) != 0;
  f.bits = static_cast<std::uint8_t>((f.bits | kRunning) & ~kNotified);
  f.waited = 0;
  if (cancel) { CancelStrand(thread, Root(frame), 0); return; }
  StrandCell& s = S(Root(frame));
  s.parent = 0;
  s.status = StrandStatus::kActive;
  t.top = static_cast<Link>(Root(frame) + 1);
}

void Machine::Handoff(int thread) {
  ThreadCell& t = T(thread);
  int number = t.core - 1;
  CoreCell& core = C(number);
  if (v_.bip_flush_defer) {
    WakeDeferred(thread, &core.defer_head, &core.defer_tail);
  } else {   // 5.6: they stay with the thread, until it gets its core back or ends its poll
    std::swap(t.stash_head, core.defer_head);
    std::swap(t.stash_tail, core.defer_tail);
  }
  if (v_.bip_move_lifo && core.lifo != 0) {
    int frame = core.lifo - 1;
    core.lifo = 0;
    PushTask(&core.head, &core.tail, frame);
  }
  core.state = CoreState::kInSlot;
  core.thread = 0;
  core.held = 0;
  t.core = 0;
  // A pool that was shut down takes nothing: nobody runs the core until the closure ends.
  if (RT(t.current - 1).pool_shutdown == 0) PoolSubmit(t.current - 1, -(number + 1));
}

bool Machine::CtEnabled(int thread, int strand, int runtime) {
  RuntimeCell& rt = RT(runtime);
  if (rt.life != Life::kRunning) return false;
  if (rt.holder == 0) return true;   // 2.4: whoever waits takes the core over
  if (rt.holder != thread + 1) return false;
  (void)strand;
  return rt.head != 0 || rt.inject_head != 0 || rt.defer_head != 0 || DriverDue(runtime);
}

// How many tasks run between two looks at the driver; 0: fewer are ever ready, so that they need not be counted.
int Machine::TasksPerRound(int runtime) const {
  constexpr std::int64_t kUsual = 61, kTickMax = 250;
  const std::int64_t interval = p_.runtimes[static_cast<std::size_t>(runtime)].declared->event_interval;
  return p_.endless || interval < kUsual ? static_cast<int>(std::min(interval, kTickMax)) : 0;
}

// One round of the core holder's loop (2.2). False: this thread does not hold the core.
bool Machine::CtStep(int thread, int strand, int runtime, int child) {
  RuntimeCell& rt = RT(runtime);
  ThreadCell& t = T(thread);
  if (rt.holder == 0) {
    if (S(child).bits & kWoken) return false;
    rt.holder = static_cast<Link>(thread + 1);
    rt.batch = 0;
    return true;
  }
  if (rt.holder != thread + 1) return false;
  rt.held = 0;
  t.budget = 128;
  t.unconstrained = 0;
  if (rt.batch == 0) {
    rt.batch = 1;
    if (S(child).bits & kWoken) return false;
  }
  const int interval = TasksPerRound(runtime);
  const bool pause = interval != 0 && rt.tick >= interval;
  int frame = -1;
  if (!pause) {
    if (interval != 0) ++rt.tick;
    const bool turn = (p_.endless && rt.tick % 31 == 0) || (v_.first_turn_is_inject && rt.begun == 0) ||
                      (rt.head != 0 && rt.inject_head != 0 && InjectedGoFirst(runtime, rt.tick));
    frame = turn ? PopTask(&rt.inject_head, &rt.inject_tail) : -1;
    if (v_.first_turn_is_inject) rt.begun = 1;
    if (frame < 0) frame = PopTask(&rt.head, &rt.tail);
    if (frame < 0) frame = PopTask(&rt.inject_head, &rt.inject_tail);
  }
  if (frame >= 0) {
    PollTask(thread, frame, static_cast<Link>(strand + 1));
    return true;
  }
  rt.tick = 0;
  ProcessDriver(thread, runtime);
  WakeDeferred(thread, &rt.defer_head, &rt.defer_tail);
  rt.batch = 0;
  return true;
}

void Machine::BuildRuntime(int thread, int strand) {
  StrandCell& s = S(strand);
  const Instr& in = p_.code[s.pc];
  RuntimeCell& rt = RT(in.runtime);
  const RuntimeDef& def = p_.runtimes[static_cast<std::size_t>(in.runtime)];
  std::memset(static_cast<void*>(&rt), 0, sizeof rt);
  rt.life = Life::kRunning;
  rt.references = 1;
  R(FrameOf(strand))[in.reg] = 1;
  for (int w = 0; w < def.workers; ++w) {
    ThreadCell& t = T(def.first_thread + w);
    std::memset(static_cast<void*>(&t), 0, sizeof t);
    t.life = ThreadLife::kRunning;
    t.pool = static_cast<std::uint8_t>(in.runtime + 1);
    t.entered = 1;
    t.current = static_cast<std::uint8_t>(in.runtime + 1);
    t.budget = 128;
    t.core = static_cast<Link>(def.first_core + w + 1);
    CoreCell& core = C(def.first_core + w);
    std::memset(static_cast<void*>(&core), 0, sizeof core);
    core.state = CoreState::kActive;
    core.thread = static_cast<Link>(def.first_thread + w + 1);
  }
  Next(strand);
  (void)thread;
}

// A worker that holds nothing: no task, no queue, no deferred wake-up. Zero for any other.
std::uint64_t Machine::IdleKey(int core) {
  const CoreCell& c = C(core);
  if (c.thread == 0 || c.lifo != 0 || c.head != 0 || c.defer_head != 0 || T(c.thread - 1).top != 0) return 0;
  if (c.state != CoreState::kActive && c.state != CoreState::kParked && c.state != CoreState::kDriver) return 0;
  const std::uint32_t key = (static_cast<std::uint32_t>(c.state) << 24) | (static_cast<std::uint32_t>(c.token) << 16) | (static_cast<std::uint32_t>(c.searching) << 15) |
                            (static_cast<std::uint32_t>(c.chain) << 12) | (static_cast<std::uint32_t>(c.runs) << 11) | c.tick;
  return mode_.scheduler == Scheduler::kExact ? ExactIdleKey(core, key) : key;
}

std::uint64_t Machine::IdleWorker(int thread) {
  const ThreadCell& t = T(thread);
  if (t.core == 0 || (mode_.scheduler == Scheduler::kExact && SomebodyGoesRound(t.pool - 1))) return 0;
  std::uint64_t key = IdleKey(t.core - 1);
  return key == 0 ? 0 : (static_cast<std::uint64_t>(t.pool) << 56) | key;
}

// Workers that hold nothing are interchangeable: they are kept in one order, so that states that differ only in their
// numbers are one state.
void Machine::SortCores() {
  for (std::size_t r = 0; r < p_.runtimes.size(); ++r) {
    const RuntimeDef& def = p_.runtimes[r];
    if (def.workers < 2) continue;
    bool sorted = true;
    std::uint64_t last = 0;
    for (int c = def.first_core; c < def.first_core + def.workers && sorted; ++c) {
      std::uint64_t key = IdleKey(c);
      if (key == 0) continue;
      sorted = key >= last;
      last = key;
    }
    if (sorted) continue;
    std::vector<int> places;
    std::vector<CoreCell> cells;
    for (int c = def.first_core; c < def.first_core + def.workers; ++c)
      if (IdleKey(c) != 0) { places.push_back(c); cells.push_back(C(c)); }
    std::vector<std::pair<std::uint64_t, std::size_t>> order;
    for (std::size_t i = 0; i < places.size(); ++i) order.push_back({IdleKey(places[i]), i});
    std::sort(order.begin(), order.end());
    for (std::size_t i = 0; i < places.size(); ++i) {
      Link thread = cells[i].thread;   // a core stays with its thread; what it is in changes places
      C(places[i]) = cells[order[i].second];
      C(places[i]).thread = thread;
    }
    if (mode_.scheduler == Scheduler::kExact) {
      std::vector<int> was;
      for (const auto& [key, i] : order) was.push_back(places[i]);
      RenumberRounds(static_cast<int>(r), places, was);
    }
    RT(static_cast<int>(r)).driver = 0;
    for (int c = def.first_core; c < def.first_core + def.workers; ++c)
      if (C(c).state == CoreState::kDriver) RT(static_cast<int>(r)).driver = static_cast<Link>(c + 1);
  }
}

}  // namespace asyncrt
