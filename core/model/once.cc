// What happens once: std_once, once_cell (8.10), Tokio's barrier (8.9), a cancellation token (8.11).
#include "core/model/machine.h"

namespace asyncrt {

void Machine::ExecOnce(int thread, int strand, int element) {
  StrandCell& s = S(strand);
  const Instr& in = p_.code[s.pc];
  std::int32_t* w = W(element);
  bool sync = p_.elements[static_cast<std::size_t>(element)].kind == Kind::kStdOnce;
  auto initialised = [&] {
    Done(strand);
    s.pc = static_cast<std::uint16_t>(in.target);
  };
  switch (in.op) {
    case VmOp::kOnceEnter: {
      if (sync) {
        if (w[0] < 0) { initialised(); return; }
        w[0] = FrameOf(strand) + 1;
      } else {
        if (w[kInitialised] && s.phase == 0) { initialised(); return; }
        if ((s.phase == 0 ? w[kHead] == 0 && w[kPermits] > 0 && !w[kClosed] : (s.bits & kGranted) != 0) && !Budget(thread, strand)) return;
        bool failed = false;
        bool got = SemPoll(thread, strand, w, 1, &failed);
        if (failed) { initialised(); return; }   // closed: somebody has done it
        if (!got) { AwaitObject(thread, strand, element); return; }
      }
      std::int32_t& dropped = w[sync ? 1 : kInitDropped];
      if (dropped != 0) Emit("hazard/repeated-init", s.pc, thread, FrameOf(strand));
      dropped = 0;
      Hold(strand, element);
      Done(strand);
      return;
    }
    case VmOp::kOnceSet:
      R(FrameOf(strand))[in.reg] = 0;
      if (sync) {
        w[0] = -1;
      } else {
        w[kInitialised] = 1;
        SemClose(thread, w);
      }
      Done(strand);
      return;
    default: FailObject(thread, strand, "the initialiser failed"); return;
  }
}

// The right to initialise is given back unused: the next one begins anew.
void Machine::ReleaseOnce(int thread, int strand, int element) {
  std::int32_t* w = W(element);
  bool cancelled = S(strand).mode == Mode::kCancelling;
  if (p_.elements[static_cast<std::size_t>(element)].kind == Kind::kStdOnce) {
    w[0] = 0;
    w[1] = cancelled;
  } else {
    w[kInitDropped] = cancelled;
    SemRelease(thread, w, 1);
  }
}

void Machine::ExecBarrier(int thread, int strand, int element) {
  StrandCell& s = S(strand);
  std::int32_t* w = W(element);
  if (s.phase == 0) {   // the arrival counts at the first poll, and for good
    if (++w[0] < p_.elements[static_cast<std::size_t>(element)].capacity) {
      Enqueue(w, strand);
      AwaitObject(thread, strand, element);
      return;
    }
    w[0] = 0;
    WakeQueue(thread, w, kGranted, v_.wake_fifo);
    Done(strand);
    return;
  }
  if ((s.bits & kGranted) == 0) { AwaitObject(thread, strand, element); return; }
  if (v_.broadcast_budget && !Budget(thread, strand)) return;   // it waits with a `watch` inside
  Done(strand);
}

void Machine::ExecCancel(int thread, int strand, int element) {
  for (std::size_t e = 0; e < p_.elements.size(); ++e) {   // the token and its descendants
    int at = static_cast<int>(e);
    while (at >= 0 && at != element) at = p_.elements[static_cast<std::size_t>(at)].parent;
    if (at != element || W(static_cast<int>(e))[0] != 0) continue;
    W(static_cast<int>(e))[0] = 1;
    WakeQueue(thread, W(static_cast<int>(e)), 0, v_.wake_fifo);
  }
  Done(strand);
}

void Machine::ExecCancelled(int thread, int strand, int element) {
  std::int32_t* w = W(element);
  if (w[0] != 0) { Done(strand); return; }
  if ((S(strand).bits & kQueued) == 0) Enqueue(w, strand);
  AwaitObject(thread, strand, element);
}

}  // namespace asyncrt
