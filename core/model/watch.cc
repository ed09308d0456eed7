// Channels whose receivers each have a place of their own: `broadcast` (8.7) and `watch` (8.8). A receiver's place is
// kept above the low 16 bits of the register that owns it: how many messages it has not seen, or that there is a new
// value. Only the difference to the newest is kept, so that runs that send for ever come back to states they were in.
#include <algorithm>

#include "core/model/machine.h"

namespace asyncrt {
namespace {

constexpr std::int32_t kUnseen = 1 << 16;          // of a watch receiver
constexpr int kUnreadShift = 16, kUnreadMax = (1 << 14) - 1;
constexpr std::int32_t kLagged = 1 << 30;          // of a broadcast receiver: it missed some

int Unread(std::int32_t receiver) { return (receiver >> kUnreadShift) & kUnreadMax; }

}  // namespace

// All receivers of an element, in bodies and in messages.
template <class Visit>
void Machine::ForReceivers(int element, Visit visit) {
  for (int f = 0; f < l_.frames; ++f) {
    if (F(f).live == 0) continue;
    const auto& regs = UnitOf(f).regs;
    for (std::size_t r = 2; r < regs.size(); ++r) {
      std::int32_t& value = R(f)[r];
      if (regs[r].kind == RegKind::kRx && value != 0 && regs[r].base >= 0 && regs[r].base + (value & 0xffff) - 1 == element) visit(value);
    }
  }
  for (std::size_t e = 0; e < p_.elements.size(); ++e) {
    const Element& channel = p_.elements[e];
    for (int k = 0; k < channel.slot_words; ++k) {
      if (static_cast<RegKind>(channel.with[static_cast<std::size_t>(2 * k)]) != RegKind::kRx) continue;
      std::int32_t* w = W(static_cast<int>(e));
      for (int m = 0; m < w[kCount]; ++m) {
        std::int32_t& value = w[kSlots + m * (1 + channel.slot_words) + 1 + k];
        if (value != 0 && channel.with[static_cast<std::size_t>(2 * k + 1)] + (value & 0xffff) - 1 == element) visit(value);
      }
    }
  }
}

// The receiver that an op works with: the register that the body owns, or the only one there is (inside a lock, or
// one of an array that a run-time index picks).
std::int32_t* Machine::Receiver(int strand, int element) {
  const Instr& in = p_.code[S(strand).pc];
  if (in.reg2 >= 0) return &R(FrameOf(strand))[in.reg2];
  std::int32_t* found = nullptr;
  ForReceivers(element, [&](std::int32_t& value) { if (found == nullptr) found = &value; else noticed_.ordered = true; });
  return found;
}

void Machine::WakeQueue(int thread, std::int32_t* w, std::uint8_t grant, bool fifo) {
  std::vector<int> batch;
  while (w[kHead] != 0) {
    int waiter = PopWaiter(w);
    S(waiter).bits |= grant;
    if (fifo) WakeStrand(thread, waiter);
    else batch.push_back(waiter);
  }
  std::for_each(batch.rbegin(), batch.rend(), [&](int waiter) { WakeStrand(thread, waiter); });
}

std::vector<int> Machine::UnseenBy(int element) {
  std::vector<int> unseen;
  ForReceivers(element, [&](std::int32_t& value) { unseen.push_back(value & kLagged ? -1 : Unread(value)); });
  return unseen;
}

// Messages that every receiver has seen are gone.
void Machine::TrimBroadcast(int element) {
  std::int32_t* w = W(element);
  int wanted = 0;
  ForReceivers(element, [&](std::int32_t& value) { wanted = std::max(wanted, Unread(value)); });
  int gone = w[kCount] - wanted;
  if (gone <= 0) return;
  std::int32_t* slots = w + kSlots;
  std::memmove(slots, slots + gone, static_cast<std::size_t>(wanted) * 4);
  std::memset(slots + wanted, 0, static_cast<std::size_t>(gone) * 4);
  w[kCount] = wanted;
}

void Machine::ExecSubscribe(int strand, int element) {
  const Instr& in = p_.code[S(strand).pc];
  Hold(strand, element);   // it sees what comes from now on
  (void)in;
  ++W(element)[kRxState];
  Done(strand);
}

void Machine::ExecBroadcast(int thread, int strand, int element) {
  StrandCell& s = S(strand);
  const Instr& in = p_.code[s.pc];
  std::int32_t* w = W(element);
  const Element& e = p_.elements[static_cast<std::size_t>(element)];
  if (in.op == VmOp::kBroadcastSend) {
    if (w[kRxState] == 0) { FailObject(thread, strand, "there is no receiver"); return; }
    int capacity = 1;
    while (capacity < e.capacity && capacity < kUnreadMax) capacity *= 2;
    if (w[kCount] < std::min(capacity, kUnreadMax) && w[kCount] >= e.room) { overflow_ = "room"; overflow_element_ = element; return; }
    int frame = FrameOf(strand);
    std::int32_t value = in.expr >= 0 ? static_cast<std::int32_t>(Eval(in.expr, frame)) : 0;
    if (w[kCount] == capacity) {   // the oldest is overwritten
      std::memmove(w + kSlots, w + kSlots + 1, static_cast<std::size_t>(capacity - 1) * 4);
      --w[kCount];
    }
    w[kSlots + w[kCount]++] = value;
    ForReceivers(element, [&](std::int32_t& receiver) {
      if (Unread(receiver) >= capacity) receiver |= kLagged;
      else receiver += 1 << kUnreadShift;
    });
    TrimBroadcast(element);
    WakeQueue(thread, w, 0, v_.broadcast_wake_fifo);
    Done(strand);
    return;
  }
  bool blocking = in.op == VmOp::kBroadcastBlockingRecv, trying = in.op == VmOp::kBroadcastTryRecv;
  if (blocking && s.phase == 0 && BlocksInAsync(thread, strand)) return;
  std::int32_t* receiver = Receiver(strand, element);
  if (receiver == nullptr || *receiver == 0) { FailObject(thread, strand, "the receiver is gone"); return; }
  bool ready = (*receiver & kLagged) != 0 || Unread(*receiver) > 0 || w[kTxCount] == 0;
  if (ready) {
    if (!blocking && !trying && v_.broadcast_budget && !Budget(thread, strand)) return;
    if (s.bits & kQueued) Unqueue(w, strand);
    if (*receiver & kLagged) {
      *receiver &= ~kLagged;
      FailObject(thread, strand, "the receiver lagged behind");
      return;
    }
    if (Unread(*receiver) == 0) { FailObject(thread, strand, "all senders are gone"); return; }
    if (in.var >= 0) R(FrameOf(strand))[in.var] = w[kSlots + w[kCount] - Unread(*receiver)];
    *receiver -= 1 << kUnreadShift;
    TrimBroadcast(element);
    Done(strand);
    return;
  }
  if (trying) { FailObject(thread, strand, "the channel is empty"); return; }
  if (blocking) {
    s.phase = 1;
    s.element = static_cast<std::uint16_t>(element + 1);
    return;
  }
  if ((s.bits & kQueued) == 0) Enqueue(w, strand);
  AwaitObject(thread, strand, element);
}

bool Machine::CanRunWatch(int strand, int element) {
  const StrandCell& s = S(strand);
  const std::int32_t* w = W(element);
  switch (p_.code[s.pc].op) {
    case VmOp::kWatchSend: return s.phase == 0 || w[kReserved] == 0;
    case VmOp::kWatchBorrow: return s.phase == 0 || !WriterWaits(element);
    case VmOp::kWatchWaitFor: return s.phase != 2 || !WriterWaits(element);
    case VmOp::kBroadcastBlockingRecv: {
      if (s.phase == 0) return true;
      std::int32_t* receiver = Receiver(strand, element);
      return receiver == nullptr || *receiver > 0xffff || w[kTxCount] == 0;
    }
    default: return true;
  }
}

void Machine::ExecWatch(int thread, int strand, int element) {
  StrandCell& s = S(strand);
  const Instr& in = p_.code[s.pc];
  std::int32_t* w = W(element);
  int frame = FrameOf(strand);
  auto block = [&](std::uint8_t phase) {
    s.phase = phase;
    s.element = static_cast<std::uint16_t>(element + 1);
  };
  // A read of the inner lock, whose policy is `any`: it may stand behind a `send` that waits, or pass it.
  auto defers = [&] { return WriterWaits(element) && choose_->Choose(2) == 0; };
  switch (in.op) {
    case VmOp::kWatchSend: {
      if (s.phase == 0 && w[kRxState] == 0) { FailObject(thread, strand, "there is no receiver"); return; }
      if (w[kReserved] != 0) { block(1); return; }
      w[kCount] = in.expr >= 0 ? static_cast<std::int32_t>(Eval(in.expr, frame)) : 0;
      ForReceivers(element, [](std::int32_t& receiver) { receiver |= kUnseen; });
      WakeQueue(thread, w, 0, v_.wake_fifo);
      Done(strand);
      return;
    }
    case VmOp::kWatchBorrow:
      if (s.phase == 0 && defers()) { block(1); return; }
      if (in.var >= 0) R(frame)[in.var] = w[kCount];
      if (!in.flag2) {   // else it is copied out
        ++w[kReserved];
        Hold(strand, element);
      }
      Done(strand);
      return;
    case VmOp::kWatchChanged: case VmOp::kWatchWaitFor: {
      std::int32_t* receiver = Receiver(strand, element);
      if (receiver == nullptr || *receiver == 0) { FailObject(thread, strand, "the receiver is gone"); return; }
      bool condition = in.op == VmOp::kWatchWaitFor;
      if (condition && s.phase != 2 && defers()) {
        if (s.bits & kQueued) Unqueue(w, strand);
        block(2);
        return;
      }
      watch_value_ = w[kCount];
      bool ready = condition ? Eval(in.expr, frame) != 0 : (*receiver & kUnseen) != 0;
      if ((ready || w[kTxCount] == 0) && v_.broadcast_budget && !Budget(thread, strand)) return;
      if (ready || condition) *receiver &= ~kUnseen;
      if (ready || w[kTxCount] == 0) {
        if (s.bits & kQueued) Unqueue(w, strand);
        if (!ready) { FailObject(thread, strand, "all senders are gone"); return; }
        if (in.var >= 0) R(frame)[in.var] = w[kCount];
        Done(strand);
        return;
      }
      if ((s.bits & kQueued) == 0) Enqueue(w, strand);
      AwaitObject(thread, strand, element);
      return;
    }
    default: Done(strand);
  }
}

}  // namespace asyncrt
