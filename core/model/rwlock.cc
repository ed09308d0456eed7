// Locks that can be shared: std's rwlock, and the one inside a `watch` (8.8, 10.2). Tokio's own rwlock is a semaphore.
#include "core/model/machine.h"

namespace asyncrt {

// A thread that waits to write, and has said so: a read that defers to writers stands behind it.
bool Machine::WriterWaits(int element) {
  for (int i = 0; i < l_.threads; ++i) {
    int top = T(i).top - 1;
    if (top < 0 || S(top).phase != 1 || S(top).element != element + 1) continue;
    VmOp op = InstrAt(top).op;
    if (op == VmOp::kRwWrite || op == VmOp::kWatchSend) return true;
  }
  return false;
}

// std promises nothing about the order (10.2): under the policy `any` each acquisition that meets a writer either
// defers to writers that wait or passes them. It is decided once, when it first finds the lock taken or wanted.
bool Machine::CanRunRwlock(int strand, int element) {
  const StrandCell& s = S(strand);
  const std::int32_t* w = W(element);
  Object::Policy policy = p_.elements[static_cast<std::size_t>(element)].policy;
  switch (p_.code[s.pc].op) {
    case VmOp::kRwRead:
      if (policy == Object::Policy::kAny && s.phase == 0) return true;
      if (w[kWriter] != 0) return false;
      if (policy == Object::Policy::kReadersFirst || (policy == Object::Policy::kAny && s.need == 0)) return true;
      return !WriterWaits(element);
    case VmOp::kRwWrite:
      return (w[kReaders] == 0 && w[kWriter] == 0) || (s.phase == 0 && policy != Object::Policy::kReadersFirst);
    default: return true;
  }
}

void Machine::ExecRwlock(int thread, int strand, int element) {
  StrandCell& s = S(strand);
  const Instr& in = p_.code[s.pc];
  std::int32_t* w = W(element);
  Object::Policy policy = p_.elements[static_cast<std::size_t>(element)].policy;
  bool reads = in.op == VmOp::kRwRead || in.op == VmOp::kRwTryRead;
  bool tries = in.op == VmOp::kRwTryRead || in.op == VmOp::kRwTryWrite;
  auto wait = [&](bool defers) {
    s.phase = 1;
    s.element = static_cast<std::uint16_t>(element + 1);
    s.need = defers;
  };
  if (reads && s.phase == 0 && policy == Object::Policy::kAny && (w[kWriter] != 0 || WriterWaits(element))) {
    bool defers = choose_->Choose(2) == 0;
    if (defers || w[kWriter] != 0) {
      if (tries) FailObject(thread, strand, "the lock is held");
      else wait(defers);
      return;
    }
  }
  if (tries) {
    bool held = w[kWriter] != 0 || (reads ? policy == Object::Policy::kWritersFirst && WriterWaits(element) : w[kReaders] != 0);
    if (held) { FailObject(thread, strand, "the lock is held"); return; }
  }
  if (in.op == VmOp::kRwWrite && (w[kReaders] != 0 || w[kWriter] != 0)) { wait(true); return; }
  if (w[kPoisoned] != 0) { FailObject(thread, strand, "the lock is poisoned", "ownership/poisoned-lock"); return; }
  if (reads) ++w[kReaders];
  else w[kWriter] = FrameOf(strand) + 1;
  Hold(strand, element);
  Done(strand);
}

// Gives a lock back, whoever's it is.
void Machine::ReleaseGuard(int thread, RegKind kind, int element, bool unwinding) {
  std::int32_t* w = W(element);
  switch (p_.elements[static_cast<std::size_t>(element)].kind) {
    case Kind::kStdMutex:
      w[0] = 0;
      if (unwinding) w[kPoisoned] = 1;   // 10.3
      break;
    case Kind::kStdRwlock:
      if (kind == RegKind::kReadGuard) { --w[kReaders]; break; }
      w[kWriter] = 0;
      if (unwinding) w[kPoisoned] = 1;
      break;
    case Kind::kWatch: --w[kReserved]; break;
    case Kind::kRwlock: SemRelease(thread, w, kind == RegKind::kReadGuard ? 1 : kRwlockPermits); break;
    default:
      w[kHolder] = 0;
      SemRelease(thread, w, 1);
  }
}

}  // namespace asyncrt
