// Locks, condition variables, barriers, cells and atomics of `std`.
#include "core/ops/families.h"

namespace asyncrt {
namespace {

std::vector<FieldUse> GuardFields() {
  return {Takes(Field::kAs, "the name of the guard"), Takes(Field::kBody, "held for just this body")};
}

}  // namespace

std::vector<OpDef> StdSyncOps() {
  return {
      Row("lock", Kind::kStdMutex, Code::kLock, kFails | kBlocks, GuardFields(),
          "blocks until the lock is free and takes it; fails if it is poisoned", "std::sync::Mutex::lock"),
      Row("try_lock", Kind::kStdMutex, Code::kTryLock, kFails, GuardFields(),
          "takes the lock if it is free; fails if not, or if it is poisoned", "std::sync::Mutex::try_lock"),
      Row("unlock", Kind::kStdMutex, Code::kUnlock, kPlain, {}, "releases the latest guard that this body took",
          "std::sync::MutexGuard"),
      Row("read", Kind::kStdRwlock, Code::kRead, kFails | kBlocks, GuardFields(),
          "blocks until it can share the lock; fails if it is poisoned", "std::sync::RwLock::read"),
      Row("write", Kind::kStdRwlock, Code::kWrite, kFails | kBlocks, GuardFields(),
          "blocks until it has the lock alone; fails if it is poisoned", "std::sync::RwLock::write"),
      Row("try_read", Kind::kStdRwlock, Code::kTryRead, kFails, GuardFields(),
          "shares the lock if that is possible now; fails if not", "std::sync::RwLock::try_read"),
      Row("try_write", Kind::kStdRwlock, Code::kTryWrite, kFails, GuardFields(),
          "takes the lock alone if that is possible now; fails if not", "std::sync::RwLock::try_write"),
      Row("unlock", Kind::kStdRwlock, Code::kUnlock, kPlain, {}, "releases the latest guard that this body took",
          "std::sync::RwLockReadGuard"),
      Row("unlock", Kind::kGuard, Code::kUnlock, kPlain, {}, "releases the guard with this name", "core::mem::drop"),
      Row("wait", Kind::kStdCondvar, Code::kWait, kFails | kBlocks, {Needs(Field::kMutex)},
          "gives the mutex up, blocks until notified, takes the mutex again; can wake spuriously",
          "std::sync::Condvar::wait"),
      Row("wait_timeout", Kind::kStdCondvar, Code::kWaitTimeout, kFails | kBlocks,
          {Needs(Field::kMutex), Needs(Field::kFor, "the time limit")},
          "as `wait`, but not longer than `for`; fails when that has elapsed", "std::sync::Condvar::wait_timeout"),
      Row("notify_one", Kind::kStdCondvar, Code::kNotifyOne, kPlain, {}, "wakes one thread that waits, if any does",
          "std::sync::Condvar::notify_one"),
      Row("notify_all", Kind::kStdCondvar, Code::kNotifyAll, kPlain, {}, "wakes every thread that waits",
          "std::sync::Condvar::notify_all"),
      Row("wait", Kind::kStdBarrier, Code::kWait, kBlocks, {}, "blocks until all parties have arrived",
          "std::sync::Barrier::wait"),
      Row("get_or_init", Kind::kStdOnce, Code::kGetOrInit, kFails | kBlocks,
          {Needs(Field::kBody, "a sync body, run once; others block meanwhile")},
          "runs the body if nobody has yet, and blocks while somebody does", "std::sync::OnceLock::get_or_init"),
      Row("store", Kind::kAtomic, Code::kStore, kPlain, {Takes(Field::kValue)}, "writes the atomic",
          "std::sync::atomic::AtomicI64::store"),
      Row("add", Kind::kAtomic, Code::kAdd, kPlain, {Takes(Field::kValue, "what is added, an expression (default 0)")},
          "adds to the atomic", "std::sync::atomic::AtomicI64::fetch_add"),
      Row("compare_exchange", Kind::kAtomic, Code::kCompareExchange, kFails,
          {Takes(Field::kExpected), Takes(Field::kValue)},
          "writes the atomic if it has the expected value; fails if it has another",
          "std::sync::atomic::AtomicI64::compare_exchange"),
      Row("read_cell", Kind::kCell, Code::kReadCell, kPlain, {Takes(Field::kVar)}, "reads unsynchronised memory",
          "core::cell::UnsafeCell::get"),
      Row("write_cell", Kind::kCell, Code::kWriteCell, kPlain, {Takes(Field::kValue)}, "writes unsynchronised memory",
          "core::cell::UnsafeCell::get"),
  };
}

}  // namespace asyncrt
