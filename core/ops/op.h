// What an operation of the scenario language is: one row says its name, the kind of object that it stands on, its
// fields, where it is allowed, its documentation and the Rust that it stands for. Parser, validation, JSON Schema,
// the `ops` reference and the compiler all read the row; nothing about an op is written down a second time.
#ifndef ASYNCRT_CORE_OPS_OP_H_
#define ASYNCRT_CORE_OPS_OP_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace asyncrt {

// What a name can stand for. The first group are the object kinds of the scenario language, section 4.
enum class Kind : std::uint8_t {
  kNone,
  kStdMutex, kStdRwlock, kStdCondvar, kStdChannel, kStdBarrier, kStdOnce, kValue, kAtomic, kCell,
  kMutex, kRwlock, kSemaphore, kNotify, kOneshot, kMpsc, kBroadcast, kWatch, kBarrier, kOnceCell,
  kCancellationToken, kJoinSet, kFuturesUnordered, kLocalSet, kIo,
  // Names that are no declared objects.
  kRuntime, kTask, kThread, kFuture, kNotified, kPermit, kGuard, kEnterGuard,
};

// The word of the language for a kind: "std_mutex", "runtime", "task", …
std::string_view KindName(Kind kind);

enum class Code : std::uint8_t {
  // threads, runtimes and tasks
  kBuild, kBlockOn, kEnter, kSpawn, kSpawnBlocking, kSpawnLocal, kBlockInPlace, kSpawnThread, kThreadScope,
  kJoinThread, kAwait, kAbort, kDrop, kForget, kUse, kMakeValue, kShutdownBackground, kShutdownTimeout,
  kYieldNow, kSleep, kThreadSleep, kThreadYield, kCompute, kPending, kPark, kUnpark, kUnconstrained,
  // combinators
  kSelect, kJoin, kTimeout, kFuture, kPoll,
  // control flow
  kLoop, kWhile, kIf, kChoose, kBreak, kContinue, kReturn, kFail, kCall, kSet, kAssert, kPanic, kCatchPanic,
  // locks (std and Tokio)
  kLock, kTryLock, kBlockingLock, kRead, kWrite, kTryRead, kTryWrite, kBlockingRead, kBlockingWrite, kUnlock,
  // condvar, barrier, once
  kWait, kWaitTimeout, kNotifyOne, kNotifyAll, kGetOrInit,
  // channels
  kSend, kTrySend, kBlockingSend, kReserve, kRecv, kTryRecv, kRecvTimeout, kBlockingRecv, kClose, kClosed,
  kSubscribe, kChanged, kWaitFor, kBorrow,
  // atomics and cells
  kStore, kAdd, kCompareExchange, kReadCell, kWriteCell,
  // semaphore
  kAcquire, kTryAcquire, kRelease, kAddPermits, kForgetPermits,
  // notify
  kNotified, kArm, kNotifyWaiters,
  // cancellation token, sets
  kCancel, kCancelled, kJoinNext, kAbortAll, kShutdown, kPush, kNext, kRunUntil,
  // io
  kIoWrite, kIoRead,
};

enum class Where : std::uint8_t { kAny, kAsync, kSync };

// A field of an op, by its key in the JSON.
enum class Field : std::uint8_t {
  kOn, kAs, kBody, kRun, kClone, kBorrow, kCount, kDetached, kInto, kLocal, kFor, kAfter, kVar, kValue, kWith, kOr,
  kPermits, kBytes, kPermit, kFuture, kMutex, kCond, kBranches, kElse, kThen, kBiased, kTry, kTimes, kFair, kTo,
  kMessage, kExpected, kShared, kSend, kDropBody, kEnable, kAwait,
};

struct FieldUse {
  Field field;
  bool required;
  std::string_view doc;  // one sentence for the schema and the reference
};

struct OpDef {
  std::string_view verb;   // the value of "op"
  Kind kind;               // the kind that `on` must have; kNone: `on` is checked by `on_kinds` (or absent)
  Code code;
  Where where;             // in which bodies it may stand
  bool can_fail;           // takes `or`
  bool blocks;             // can block the thread
  bool awaits;             // can suspend the task
  std::vector<FieldUse> fields;
  std::vector<Kind> on_kinds;   // kinds that `on` may have when `kind` is kNone
  std::string_view sync_instead;  // for an async op in a sync body: the sync op to use, or empty
  std::string_view summary;  // one sentence
  std::string_view models;   // the Rust path, e.g. "tokio::sync::Mutex::lock"
};

// All rows, in the order of the reference.
const std::vector<OpDef>& AllOps();
// The rows with this verb.
std::vector<const OpDef*> OpsWithVerb(std::string_view verb);
// The JSON key of a field.
std::string_view FieldKey(Field field);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_OPS_OP_H_
