// Sets of tasks and futures: join_set (6.9), futures_unordered, local_set (9). A join_set and a futures_unordered list
// their members in the object; the tasks of a local_set say themselves that they belong to it. A futures_unordered has its members in
// the order in which they were last pushed or polled, and apart from that those that were woken, in the order of that.
#include <algorithm>
#include <utility>

#include "core/model/machine.h"

namespace asyncrt {

bool Machine::AddMember(int element, int frame) {
  std::int32_t* w = W(element);
  if (w[kMembers] >= p_.elements[static_cast<std::size_t>(element)].room) {
    overflow_ = "room";
    overflow_element_ = element;
    return false;
  }
  w[kMember0 + w[kMembers]++] = frame + 1;
  F(frame).member = kBegun;
  if (p_.elements[static_cast<std::size_t>(element)].kind == Kind::kJoinSet) F(frame).joiner = static_cast<Link>(w[kSetWaiter]);
  return true;
}

void Machine::RemoveMember(int element, int at) {
  std::int32_t* w = W(element);
  const int frame = w[kMember0 + at] - 1;
  F(frame).member = kNoMember;
  if (p_.elements[static_cast<std::size_t>(element)].kind == Kind::kFuturesUnordered) {
    std::int32_t* woken = WokenMembers(element);
    std::int32_t* end = woken + p_.elements[static_cast<std::size_t>(element)].room;
    std::fill(std::remove(woken, end, frame + 1), end, 0);
  }
  --w[kMembers];
  std::memmove(w + kMember0 + at, w + kMember0 + at + 1, static_cast<std::size_t>(w[kMembers] - at) * 4);
  w[kMember0 + w[kMembers]] = 0;
}

int Machine::PlaceOf(int element, int frame) {
  const std::int32_t* members = W(element) + kMember0;
  return static_cast<int>(std::find(members, members + W(element)[kMembers], frame + 1) - members);
}

void Machine::MoveToEnd(int element, int at) {
  std::int32_t* members = W(element) + kMember0;
  std::rotate(members + at, members + at + 1, members + W(element)[kMembers]);
}

// How many members of a futures_unordered are polled; beyond its `limit` they wait.
int Machine::Begun(int element) {
  const std::int32_t* w = W(element);
  return static_cast<int>(std::count_if(w + kMember0, w + kMember0 + w[kMembers], [&](std::int32_t one) { return F(one - 1).member == kBegun; }));
}

void Machine::BeginMember(int element, int frame) {
  F(frame).member = kBegun;
  MoveToEnd(element, PlaceOf(element, frame));
  QueueMember(element, frame);
}

bool Machine::IsQueued(int element, int frame) {
  const std::int32_t* woken = WokenMembers(element);
  const std::int32_t* end = woken + p_.elements[static_cast<std::size_t>(element)].room;
  return std::find(woken, end, frame + 1) != end;
}

void Machine::QueueMember(int element, int frame) {
  *std::find(WokenMembers(element), WokenMembers(element) + p_.elements[static_cast<std::size_t>(element)].room, 0) = frame + 1;
}

// The one that was woken first, which now is no more. -1: none was.
int Machine::TakeWokenMember(int element) {
  std::int32_t* woken = WokenMembers(element);
  const int frame = woken[0] - 1, room = p_.elements[static_cast<std::size_t>(element)].room;
  if (frame < 0) return -1;
  std::copy(woken + 1, woken + room, woken);
  woken[room - 1] = 0;
  return frame;
}

// The futures_unordered that has a member. -1: it is being dropped.
int Machine::SetOf(int frame) {
  for (std::size_t e = 0; e < p_.elements.size(); ++e) {
    const int element = static_cast<int>(e);
    if (p_.elements[e].kind == Kind::kFuturesUnordered && PlaceOf(element, frame) < W(element)[kMembers]) return element;
  }
  return -1;
}

// Whom the end of a member wakes from now on; 0: nobody.
void Machine::SetJoiner(int element, Link joiner) {
  std::int32_t* w = W(element);
  w[kSetWaiter] = joiner;
  for (int k = 0; k < w[kMembers]; ++k)
    if (FrameCell& member = F(w[kMember0 + k] - 1); (member.bits & kComplete) == 0) member.joiner = joiner;
}

// 8.14: a join_set has one waker, which the first member that ends takes with it.
void Machine::TakeJoiner(int frame) {
  for (std::size_t e = 0; e < p_.elements.size(); ++e) {
    if (p_.elements[e].kind != Kind::kJoinSet) continue;
    const std::int32_t* w = W(static_cast<int>(e));
    if (std::find(w + kMember0, w + kMember0 + w[kMembers], frame + 1) == w + kMember0 + w[kMembers]) continue;
    SetJoiner(static_cast<int>(e), 0);
    return;
  }
}

void Machine::AbortTask(int thread, int frame) {
  FrameCell& f = F(frame);
  UnitKind kind = UnitOf(frame).kind;
  if (f.bits & (kComplete | kCancel)) return;
  if (kind == UnitKind::kBlocking && (f.bits & kRunning)) return;   // no effect on a running closure (4.2)
  f.bits |= kCancel;
  if (kind == UnitKind::kTask) WakeTask(thread, frame, false);
}

void Machine::ExecSet(int thread, int strand) {
  StrandCell& s = S(strand);
  const Instr& in = p_.code[s.pc];
  int element = ElementOf(in, FrameOf(strand));
  std::int32_t* w = W(element);
  if (s.phase == 0 && s.out == Outcome::kNone) NoteGuard(thread, strand);
  auto finished = [&](int at) { return (F(w[kMember0 + at] - 1).bits & kComplete) != 0; };
  auto join_later = [&] {
    SetJoiner(element, static_cast<Link>(strand + 1));
    AwaitObject(thread, strand, element);
  };
  switch (in.op) {
    case VmOp::kAbortAll:
      for (int k = 0; k < w[kMembers]; ++k) AbortTask(thread, w[kMember0 + k] - 1);
      Done(strand);
      return;
    case VmOp::kSetShutdown:
      if (s.phase == 0)
        for (int k = 0; k < w[kMembers]; ++k) AbortTask(thread, w[kMember0 + k] - 1);
      for (int k = w[kMembers]; k-- > 0;) {
        if (!finished(k)) continue;
        int frame = w[kMember0 + k] - 1;
        RemoveMember(element, k);
        F(frame).bits |= kLooked;
        DropHandle(thread, frame, true);
      }
      if (w[kMembers] != 0) { join_later(); return; }
      w[kSetWaiter] = 0;
      Done(strand);
      return;
    case VmOp::kJoinNext: {
      if (w[kMembers] == 0) { FailObject(thread, strand, "the set is empty"); return; }
      int ready = 0;
      for (int k = 0; k < w[kMembers]; ++k) ready += finished(k);
      if (ready == 0) { join_later(); return; }
      if (!Budget(thread, strand)) return;
      int chosen = choose_->Choose(ready);   // which of them is not specified
      int at = 0;
      while (!finished(at) || chosen-- > 0) ++at;
      int frame = w[kMember0 + at] - 1;
      Outcome result = F(frame).result;
      std::uint16_t origin = F(frame).panic_pc;
      if (in.var >= 0) R(FrameOf(strand))[in.var] = R(frame)[0];
      RemoveMember(element, at);
      SetJoiner(element, WakerLeftBy(strand));   // 8.14: for the next one that ends
      F(frame).bits |= kLooked;
      DropHandle(thread, frame, true);
      if (result == Outcome::kReady) Done(strand);
      else if (result == Outcome::kPanicked && in.or_pc < 0) { s.element = 0; PanicFrom(thread, strand, origin); }
      else FailObject(thread, strand, result == Outcome::kPanicked ? "a task of the set panicked" : "a task of the set was cancelled or failed");
      return;
    }
    case VmOp::kNext: ExecNext(thread, strand, element); return;
    case VmOp::kRunUntil: case VmOp::kAwaitSet: ExecLocalSet(thread, strand, element); return;
    default: Done(strand);
  }
}

// Polls the members that were woken, the first of them first, as FuturesUnordered does. It lets others go on once it has polled as
// many as there are, or two that woke themselves. Whoever polled it last is woken by the next member that is (8.14).
void Machine::ExecNext(int thread, int strand, int element) {
  StrandCell& s = S(strand);
  const Instr& in = p_.code[s.pc];
  std::int32_t* w = W(element);
  const int limit = p_.elements[static_cast<std::size_t>(element)].capacity;
  auto leave = [&] {
    if (w[kSetWaiter] == strand + 1) w[kSetWaiter] = WakerLeftBy(strand);
    s.mask = s.polled = 0;
  };
  if (s.out == Outcome::kNone) {
    for (int k = 0; s.phase == 0 && k < w[kMembers];) {
      const int frame = w[kMember0 + k] - 1;
      if (F(frame).member == kNotBegun && Begun(element) < limit) BeginMember(element, frame);
      else ++k;
    }
    if (limit != 0) w[kSetWaiter] = strand + 1;
    s.mask = s.polled = 0;
  } else {
    const Outcome out = s.out;
    s.out = Outcome::kNone;
    const int frame = s.winner + 256 * s.start - 1, at = PlaceOf(element, frame);
    s.winner = s.start = 0;
    if (out != Outcome::kPending) {
      const std::uint16_t origin = out == Outcome::kPanicked ? s.panic_pc : std::uint16_t{0};
      if (in.var >= 0) R(FrameOf(strand))[in.var] = R(frame)[0];
      RemoveMember(element, at);
      --F(frame).references;
      MaybeFree(frame);
      leave();
      if (out == Outcome::kPanicked) { s.phase = 0; s.element = 0; PanicFrom(thread, strand, origin); }
      else if (out == Outcome::kFailed) FailObject(thread, strand, "a future of the set failed");
      else Done(strand);
      return;
    }
    MoveToEnd(element, at);
    ++s.mask;
    s.polled = static_cast<std::uint8_t>(s.polled + IsQueued(element, frame));
    if (s.polled == 2 || s.mask == Begun(element)) {
      s.mask = s.polled = 0;
      WakeStrand(thread, strand);
      AwaitObject(thread, strand, element);
      return;
    }
  }
  if (w[kMembers] == 0 && limit != 0) { leave(); FailObject(thread, strand, "the set is empty"); return; }
  const int frame = TakeWokenMember(element);
  if (frame < 0) {
    s.mask = s.polled = 0;
    AwaitObject(thread, strand, element);
    return;
  }
  s.phase = 1;
  s.element = static_cast<std::uint16_t>(element + 1);
  s.winner = static_cast<std::uint8_t>((frame + 1) & 0xff);
  s.start = static_cast<std::uint8_t>((frame + 1) >> 8);
  PollChild(thread, strand, Root(frame));
}

// ---- local_set ------------------------------------------------------------------------------------------------------

int Machine::LocalElement(int ordinal) const { return p_.local_sets[static_cast<std::size_t>(ordinal - 1)]; }

bool Machine::LocalTasksLeft(int ordinal) {
  for (int f = 0; f < l_.frames; ++f)
    if (F(f).live != 0 && F(f).local == ordinal && (F(f).bits & kComplete) == 0) return true;
  return false;
}

void Machine::ScheduleLocal(int thread, int frame) {
  int ordinal = F(frame).local;
  std::int32_t* w = W(LocalElement(ordinal));
  PushTask(&w[kHead], &w[kTail], frame);
  // Inside the set's own poll its queue is looked at anyway; else the one that polled it last is woken (9.4), once (8.14).
  if (T(thread).local == ordinal) return;
  if (const int poller = std::exchange(w[kPoller], 0) - 1; poller >= 0) WakeStrand(thread, poller);
}

// `run_until`, and the set awaited itself (9.2): the body is polled on each wake, then up to 61 tasks of the set, all of
// it where blocking is refused.
void Machine::ExecLocalSet(int thread, int strand, int element) {
  StrandCell& s = S(strand);
  const Instr& in = p_.code[s.pc];
  ThreadCell& t = T(thread);
  std::int32_t* w = W(element);
  int ordinal = p_.elements[static_cast<std::size_t>(element)].ordinal;
  int child = in.op == VmOp::kRunUntil ? Root(FrameOf(strand)) + in.strand : -1;
  enum : std::uint8_t { kOutside, kBody, kTasks };
  constexpr std::uint8_t kTasksMax = 61;
  auto leave = [&] {
    t.entered = s.saved_entered;
    t.local = s.saved_budget;
    s.saved_entered = s.saved_budget = 0;
    s.winner = kOutside;
    s.start = 0;
  };
  auto end = [&] {
    if (w[kPoller] == strand + 1) w[kPoller] = WakerLeftBy(strand);   // 8.14
    if (child >= 0) std::memset(static_cast<void*>(&S(child)), 0, sizeof(StrandCell));
  };
  if (s.winner == kOutside) {
    if (s.phase == 0 && child >= 0)
      StartChild(child, UnitOf(FrameOf(strand)).strand_entry[static_cast<std::size_t>(in.strand)]);
    s.phase = 1;
    s.element = static_cast<std::uint16_t>(element + 1);
    s.saved_entered = t.entered;
    s.saved_budget = t.local;
    // 3.2: before 1.46 only `run_until` refused block_in_place.
    if (child >= 0 || v_.local_set_forbids_bip) t.entered = 2;
    t.local = static_cast<std::uint8_t>(ordinal);
    w[kPoller] = strand + 1;
    s.winner = child >= 0 ? kBody : kTasks;
    if (child >= 0) { PollChild(thread, strand, child); return; }
  }
  if (s.winner == kBody) {
    Outcome out = s.out;
    s.out = Outcome::kNone;
    if (out != Outcome::kPending) {
      std::uint16_t origin = s.panic_pc;
      leave();
      end();
      if (out == Outcome::kPanicked) { s.phase = 0; s.element = 0; PanicFrom(thread, strand, origin); }
      else if (out == Outcome::kFailed) FailObject(thread, strand, "the body of `run_until` failed");
      else Done(strand);
      return;
    }
    s.winner = kTasks;
  }
  s.out = Outcome::kNone;
  if (w[kHead] != 0 && s.start < kTasksMax) {
    if (p_.endless) ++s.start;
    int frame = PopTask(&w[kHead], &w[kTail]);
    t.budget = 128;
    PollTask(thread, frame, static_cast<Link>(strand + 1));
    return;
  }
  leave();
  if (child < 0 && !LocalTasksLeft(ordinal)) { end(); Done(strand); return; }
  if (w[kHead] != 0) WakeStrand(thread, strand);
  AwaitObject(thread, strand, element);
}

// The next task that a dropped local_set still has, taken out of its queue; -1: none.
int Machine::TakeLocalTask(int ordinal) {
  std::int32_t* w = W(LocalElement(ordinal));
  for (int f = 0, last = -1; f < l_.frames; ++f)
    if (F(f).live != 0 && F(f).local == ordinal && (F(f).bits & (kComplete | kRunning)) == 0) {
      TakeInOrder(f, &last);
      F(f).next = 0;   // all of them leave the queue
    }
  for (int f = 0; f < l_.frames; ++f) {
    FrameCell& frame = F(f);
    if (frame.live == 0 || frame.local != ordinal || (frame.bits & (kComplete | kRunning))) continue;
    w[kHead] = w[kTail] = 0;
    frame.bits |= kRunning;
    return f;
  }
  return -1;
}

}  // namespace asyncrt
