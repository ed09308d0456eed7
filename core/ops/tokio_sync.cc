// Locks, semaphores, notifications and cancellation of Tokio.
#include "core/ops/families.h"

namespace asyncrt {
namespace {

std::vector<FieldUse> GuardFields() {
  return {Takes(Field::kAs, "the name of the owned guard"), Takes(Field::kBody, "held for just this body")};
}

std::vector<FieldUse> PermitFields() {
  return {Takes(Field::kPermits), Takes(Field::kAs, "the name of the permit"),
          Takes(Field::kBody, "held for just this body")};
}

}  // namespace

std::vector<OpDef> TokioSyncOps() {
  return {
      Row("lock", Kind::kMutex, Code::kLock, kWaitsAsync, GuardFields(),
          "waits for the lock, in the order of arrival, and takes it", "tokio::sync::Mutex::lock", "blocking_lock"),
      Row("try_lock", Kind::kMutex, Code::kTryLock, kFails, GuardFields(), "takes the lock if it is free; fails if not",
          "tokio::sync::Mutex::try_lock"),
      Row("blocking_lock", Kind::kMutex, Code::kBlockingLock, kBlocks, GuardFields(),
          "blocks until it has the lock; panics in an async context", "tokio::sync::Mutex::blocking_lock"),
      Row("unlock", Kind::kMutex, Code::kUnlock, kPlain, {}, "releases the latest guard that this body took",
          "tokio::sync::MutexGuard"),
      Row("read", Kind::kRwlock, Code::kRead, kWaitsAsync, GuardFields(),
          "waits, in the order of arrival, to share the lock", "tokio::sync::RwLock::read", "blocking_read"),
      Row("write", Kind::kRwlock, Code::kWrite, kWaitsAsync, GuardFields(),
          "waits, in the order of arrival, to have the lock alone", "tokio::sync::RwLock::write", "blocking_write"),
      Row("try_read", Kind::kRwlock, Code::kTryRead, kFails, GuardFields(),
          "shares the lock if that is possible now; fails if not", "tokio::sync::RwLock::try_read"),
      Row("try_write", Kind::kRwlock, Code::kTryWrite, kFails, GuardFields(),
          "takes the lock alone if that is possible now; fails if not", "tokio::sync::RwLock::try_write"),
      Row("blocking_read", Kind::kRwlock, Code::kBlockingRead, kBlocks, GuardFields(),
          "blocks until it can share the lock; panics in an async context", "tokio::sync::RwLock::blocking_read"),
      Row("blocking_write", Kind::kRwlock, Code::kBlockingWrite, kBlocks, GuardFields(),
          "blocks until it has the lock alone; panics in an async context", "tokio::sync::RwLock::blocking_write"),
      Row("unlock", Kind::kRwlock, Code::kUnlock, kPlain, {}, "releases the latest guard that this body took",
          "tokio::sync::RwLockReadGuard"),

      Row("acquire", Kind::kSemaphore, Code::kAcquire, kWaitsAsync | kFails, PermitFields(),
          "waits for permits, in the order of arrival; fails when the semaphore is closed",
          "tokio::sync::Semaphore::acquire_many_owned", "try_acquire"),
      Row("try_acquire", Kind::kSemaphore, Code::kTryAcquire, kFails, PermitFields(),
          "takes permits if they are there; fails if not", "tokio::sync::Semaphore::try_acquire_many_owned"),
      Row("release", Kind::kSemaphore, Code::kRelease, kPlain, {}, "gives the latest permit of this body back",
          "tokio::sync::SemaphorePermit"),
      Row("release", Kind::kPermit, Code::kRelease, kPlain, {}, "gives the permit or the reserved place back",
          "core::mem::drop"),
      Row("add_permits", Kind::kSemaphore, Code::kAddPermits, kPlain, {Takes(Field::kPermits)}, "adds permits",
          "tokio::sync::Semaphore::add_permits"),
      Row("forget_permits", Kind::kSemaphore, Code::kForgetPermits, kPlain, {Takes(Field::kPermits)},
          "takes permits that are free away for good", "tokio::sync::Semaphore::forget_permits"),
      Row("close", Kind::kSemaphore, Code::kClose, kPlain, {}, "fails every `acquire` from now on",
          "tokio::sync::Semaphore::close"),

      Row("notified", Kind::kNotify, Code::kNotified, kWaitsAsync, {Takes(Field::kFuture)}, "waits for a notification",
          "tokio::sync::Notify::notified", "block_on"),
      Row("arm", Kind::kNotify, Code::kArm, kPlain,
          {Needs(Field::kAs, "the name of the `Notified`"), Takes(Field::kEnable)},
          "creates a `Notified` that already listens, to be awaited later", "tokio::sync::futures::Notified::enable"),
      Row("notify_one", Kind::kNotify, Code::kNotifyOne, kPlain, {},
          "wakes the one that has waited longest, or keeps one notification", "tokio::sync::Notify::notify_one"),
      Row("notify_waiters", Kind::kNotify, Code::kNotifyWaiters, kPlain, {}, "wakes all that wait, and keeps nothing",
          "tokio::sync::Notify::notify_waiters"),

      Row("wait", Kind::kBarrier, Code::kWait, kWaitsAsync, {}, "waits until all parties have arrived",
          "tokio::sync::Barrier::wait", "block_on"),
      Row("get_or_init", Kind::kOnceCell, Code::kGetOrInit, kWaitsAsync | kFails,
          {Needs(Field::kBody, "an async body; `fail` in it makes the op fail")},
          "runs the body if the cell is empty, and waits while somebody does", "tokio::sync::OnceCell::get_or_try_init",
          "block_on"),

      Row("cancel", Kind::kCancellationToken, Code::kCancel, kPlain, {}, "cancels the token and its children",
          "tokio_util::sync::CancellationToken::cancel"),
      Row("cancelled", Kind::kCancellationToken, Code::kCancelled, kWaitsAsync, {},
          "waits until the token is cancelled", "tokio_util::sync::CancellationToken::cancelled", "block_on"),
  };
}

}  // namespace asyncrt
