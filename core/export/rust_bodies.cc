// What a body does, seen from outside: how it can end.
#include "core/export/rust_writer.h"

#include "core/scenario/names.h"

namespace asyncrt {

namespace {

bool IsAsyncBlockOp(Code code) {
  switch (code) {
    case Code::kTimeout: case Code::kJoin: case Code::kFuture: case Code::kUnconstrained: case Code::kBlockOn: case Code::kCatchPanic:
    case Code::kGetOrInit: case Code::kRunUntil: return true;
    default: return MovesBody(code);
  }
}

template <typename Found>
bool AnyOp(const Body& body, const Found& found) {
  for (const Op& op : body.ops) {
    if (found(op)) return true;
    const bool own = IsAsyncBlockOp(op.def->code);
    for (const Body* inner : {own ? nullptr : op.body.get(), op.then.get(), op.otherwise.get(), op.on_failure.get()})
      if (inner != nullptr && AnyOp(*inner, found)) return true;
    for (const Branch& branch : op.branches) {
      if (branch.then && AnyOp(*branch.then, found)) return true;
      if (op.def->code == Code::kChoose && branch.await && AnyOp(*branch.await, found)) return true;
    }
  }
  return false;
}

bool HasBreak(const Body& body) {
  for (const Op& op : body.ops) {
    const Code code = op.def->code;
    if (code == Code::kBreak) return true;
    const bool inner_loop = code == Code::kLoop || code == Code::kWhile || IsAsyncBlockOp(code);
    for (const Body* inner : {inner_loop ? nullptr : op.body.get(), op.then.get(), op.otherwise.get(), op.on_failure.get()})
      if (inner != nullptr && HasBreak(*inner)) return true;
    for (const Branch& branch : op.branches) {
      if (branch.then && HasBreak(*branch.then)) return true;
      if (code == Code::kChoose && branch.await && HasBreak(*branch.await)) return true;
    }
  }
  return false;
}

}  // namespace

bool HasExits(const Body& body) {
  return AnyOp(body, [](const Op& op) { return op.def->code == Code::kReturn || op.def->code == Code::kFail; });
}
bool HasFail(const Body& body) {
  return AnyOp(body, [](const Op& op) { return op.def->code == Code::kFail; });
}

bool Diverges(const Body& body) {
  if (body.ops.empty()) return false;
  const Op& last = body.ops.back();
  switch (last.def->code) {
    case Code::kReturn: case Code::kFail: case Code::kBreak: case Code::kContinue: case Code::kPanic: return true;
    case Code::kIf: return last.then && last.otherwise && Diverges(*last.then) && Diverges(*last.otherwise);
    case Code::kLoop: return !last.times && !HasBreak(*last.body);
    case Code::kCall: return Diverges(*last.body);
    case Code::kChoose:
      for (const Branch& branch : last.branches) if (!branch.await || !Diverges(*branch.await)) return false;
      return true;
    default: return false;
  }
}

bool IsToldOfByRust(Code code) {
  switch (code) {
    case Code::kLoop: case Code::kChoose: case Code::kBreak: case Code::kContinue: case Code::kReturn: case Code::kFail: case Code::kCall: return false;
    default: return true;
  }
}

bool IsParty(Code code) {
  return code == Code::kSpawn || code == Code::kSpawnBlocking || code == Code::kSpawnLocal || code == Code::kSpawnThread;
}

bool IsAcquire(Code code) {
  switch (code) {
    case Code::kLock: case Code::kTryLock: case Code::kBlockingLock: case Code::kRead: case Code::kTryRead: case Code::kBlockingRead:
    case Code::kWrite: case Code::kTryWrite: case Code::kBlockingWrite: case Code::kAcquire: case Code::kTryAcquire: return true;
    default: return false;
  }
}

const Op* SingleOp(const Body& body) {
  if (body.ops.size() != 1 || body.ops[0].has_or) return nullptr;
  const Op& op = body.ops[0];
  if (IsAcquire(op.def->code)) return op.body == nullptr ? &op : nullptr;
  switch (op.def->code) {
    case Code::kReserve: case Code::kBorrow: return op.body == nullptr ? &op : nullptr;
    case Code::kRecv: case Code::kTryRecv: case Code::kSend: case Code::kTrySend: case Code::kChanged: case Code::kWaitFor: case Code::kNotified:
    case Code::kAwait: case Code::kSleep: case Code::kYieldNow: case Code::kCancelled: case Code::kClosed: case Code::kWait: case Code::kJoinNext:
    case Code::kNext: case Code::kPending: case Code::kBlockingRecv: case Code::kRecvTimeout: case Code::kSubscribe: case Code::kTimeout:
    case Code::kIoRead: case Code::kIoWrite: case Code::kCompareExchange: case Code::kBlockingSend: case Code::kPoll:
    case Code::kJoin: case Code::kGetOrInit: case Code::kRunUntil:
      return &op;
    default: return nullptr;
  }
}

const Op* GivingOp(const Body& body) {
  if (body.ops.size() != 1) return nullptr;
  const Op& op = body.ops[0];
  if (IsAcquire(op.def->code)) return op.body == nullptr ? &op : nullptr;
  switch (op.def->code) {
    case Code::kReserve: case Code::kBorrow: case Code::kSubscribe: return op.body == nullptr ? &op : nullptr;
    case Code::kRecv: case Code::kTryRecv: case Code::kRecvTimeout: case Code::kBlockingRecv: return op.with.empty() ? nullptr : &op;
    case Code::kTimeout: return op.body != nullptr ? GivingOp(*op.body) : nullptr;
    default: return nullptr;
  }
}

const Op& BinderOf(const Op& op) {
  if (op.def->code != Code::kTimeout || op.body == nullptr) return op;
  if (const Op* single = SingleOp(*op.body); single != nullptr && single->def->code != Code::kTimeout) return *single;
  const Op* giving = GivingOp(*op.body);
  return giving != nullptr ? *giving : op;
}

}  // namespace asyncrt
