// A scenario made flat: numbered instructions, registers and objects, so that a state is a run of bytes and a step
// needs no names. Everything that people see (names, places) is kept beside it, by number.
//
// A *unit* is a body with a life of its own: main, a thread, a task, a blocking closure, a future, a destructor.
// A running unit is a *frame*: registers (locals, and one register for each value that the body can own) and one
// or more *strands*. A strand is a point of control: strand 0 runs the unit's body; each body that is polled on its
// own (of block_on, select, join, timeout) is a further strand of the same frame. Bodies of control flow, guards,
// block_in_place and call are inlined.
#ifndef ASYNCRT_CORE_PROGRAM_PROGRAM_H_
#define ASYNCRT_CORE_PROGRAM_PROGRAM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/scenario/scenario.h"

namespace asyncrt {

enum class VmOp : std::uint8_t {
  // control: nobody else can see these
  kJump, kJumpIfZero, kSet, kChoose, kLoopTest, kCatchBegin, kCatchEnd, kNop,
  // ends of strands
  kEnd, kFailEnd, kDisabledEnd, kUnwound,
  // values
  kDropReg, kForgetReg, kMakeValue, kUse, kDropBranches,
  // threads, tasks, runtimes
  kBuild, kBlockOn, kEnterGuard, kSpawn, kSpawnBlocking, kSpawnThread, kBipEnter, kBipExit, kScopeJoin,
  kJoinThread, kAwaitTask, kAwaitFuture, kAbort, kShutdownBackground, kShutdownTimeout, kPark, kUnpark,
  kPending, kPendingSync, kYieldNow, kSleep, kThreadSleep, kThreadYield, kCompute,
  kSelect, kJoin, kTimeout, kMakeFuture, kPollOnce, kAssert, kPanic,
  kUnconstrainedBegin, kUnconstrainedEnd,
  // objects
  kStdLock, kStdTryLock, kCondWait, kCondWaitTimeout, kCondNotifyOne, kCondNotifyAll, kStdBarrierWait,
  kStdSend, kStdTrySend, kStdRecv, kStdTryRecv, kStdRecvTimeout,
  kStore, kAdd, kCas, kReadCell, kWriteCell,
  kSemAcquire, kSemTryAcquire, kSemAddPermits, kSemForgetPermits, kSemClose, kBlockingLock,
  kNotified, kNotifyOne, kNotifyWaiters,
  kOneshotSend, kOneshotRecv, kOneshotTryRecv, kOneshotBlockingRecv, kOneshotClose, kOneshotClosed,
  kMpscSend, kMpscTrySend, kMpscBlockingSend, kMpscReserve, kMpscRecv, kMpscTryRecv, kMpscBlockingRecv, kMpscClose,
  kIoWrite, kIoRead,
  kRwRead, kRwTryRead, kRwWrite, kRwTryWrite,          // of std; Tokio's are semaphore ops
  kBroadcastSend, kBroadcastRecv, kBroadcastTryRecv, kBroadcastBlockingRecv, kSubscribe,
  kWatchSend, kWatchChanged, kWatchWaitFor, kWatchBorrow,
  kBarrierWait, kOnceEnter, kOnceSet, kOnceFail, kCancel, kCancelled,
  kAbortAll, kJoinNext, kSetShutdown, kNext, kRunUntil, kAwaitSet,
};

// Permits that a Tokio rwlock has in the model: a read takes one, a write all of them (semantics 8.3).
constexpr int kRwlockPermits = 30000;

enum class RegKind : std::uint8_t {
  kScratch,   // locals, counters, saved context: nothing to drop
  kTx, kRx,   // an end of a channel or pipe; value: element + 1, and above the low 16 bits what a receiver has not seen
  kRuntime,   // value: 1
  kValue,     // value: element + 1 (declared) or frame + 1 (made by the op `value`)
  kMadeValue,
  kTask, kThread, kFuture,  // value: frame + 1
  kAbortHandle,             // a task's name mentioned for abort/finished/unpark only: frame + 1
  kGuard,     // a std_mutex or mutex guard; value: element + 1
  kReadGuard, kWriteGuard,  // of a std_rwlock or rwlock, and a watch's borrow; value: element + 1
  kOnceGuard, // the right to initialise a std_once or once_cell; value: element + 1
  kSet,       // a join_set, futures_unordered or local_set; value: element + 1
  kPermit,    // semaphore permits; value: element + 1, next register: how many
  kReserve,   // a reserved place of an mpsc; value: element + 1
  kShare,     // of a lock that holds values, as a clone of an `Arc` of it; value: element + 1, or more: what it holds falls
  kEnter,     // an enter guard; value: 1 + saved current runtime + 1
};

inline bool IsGuard(RegKind kind) { return kind == RegKind::kGuard || kind == RegKind::kReadGuard || kind == RegKind::kWriteGuard; }
// What one party has at a time, or many that only read.
inline bool IsLock(Kind kind) { return kind == Kind::kStdMutex || kind == Kind::kStdRwlock || kind == Kind::kMutex || kind == Kind::kRwlock; }
// Values that say in a message which object they are of.
inline bool SaysObject(RegKind kind) { return IsGuard(kind) || kind == RegKind::kPermit || kind == RegKind::kReserve; }

struct Reg {
  RegKind kind = RegKind::kScratch;
  int base = -1;        // first element of the object, or the runtime
  std::string name;     // as in the scenario
};

// A register of the parent that a spawned body takes.
struct Capture {
  int from = -1, to = -1;
  bool clone = false;
  int count_base = -1;  // >= 0: the copy number is added to `from` (x[$index])
};

struct BranchCode {
  int strand = -1;        // local strand number; -1: a future by name in `reg`
  int entry = -1;
  int reg = -1;           // by name
  int then_pc = -1;
  int condition = -1;     // expression
};

struct Instr {
  VmOp op = VmOp::kNop;
  bool flag = false;          // biased, try, has permit, detached, or: in `kDropReg`, not the latest
  bool flag2 = false;         // on purpose, try, armed, copied out
  int scope = 0;              // innermost scope, for unwinding
  int object = -1;            // first element
  int elements = 1;
  int index = -1;             // expression that picks the element
  int reg = -1, reg2 = -1;    // where a result goes, or what is used
  int weak = -1;              // of a spawn: where a name goes that does not own the task, and stays when its handle has gone
  int expr = -1, expr2 = -1;
  int var = -1;               // local that gets a value
  int or_pc = -1;             // where a failure goes; -1: panic
  int target = -1;
  int strand = -1;            // child strand (block_on, timeout)
  int unit = -1;
  int runtime = -1;           // -1: the current one
  int handle = 0;             // 1: through a handle (`rt.handle`, current)
  int list = -1;              // captures or branches
  int source = -1;            // the op it came from
  int guard = -1;             // a std guard that may be held across this await
  int set = -1, sets = 1;     // first element and number of the join_set or local_set that a task is spawned into
  int set_index = -1;         // expression that picks one of them
  bool blocks = false;        // kAwaitTask: where it has to wait, its thread does nothing else (thread_waits.h)
  bool local = false;         // spawned into a local_set: without `set`, the one that is being polled
  std::int64_t imm = 0;       // duration, count, permits, …
};

struct ScopeDef {
  enum class Kind : std::uint8_t { kBlock, kCatch, kBip, kSelect, kThreadScope, kRoot, kUnconstrained } kind = Kind::kBlock;
  int parent = -1;
  std::vector<int> regs;      // they fall from the last to the first
  int cleanup_pc = -1;
  int pc = -1;                // kCatch: where the handler is. kSelect/kBip: the register that it needs
  int list = -1;
  int strand = 0;
  bool sync = false;          // it runs on its thread, also where an async body is around it
};

enum class UnitKind : std::uint8_t { kMain, kThread, kTask, kBlocking, kFuture, kDestructor };

struct Unit {
  UnitKind kind = UnitKind::kMain;
  std::string name;
  int entry = 0;
  std::vector<Reg> regs;            // register 0: the returned value; 1: the copy's number
  std::vector<int> strand_entry;    // entry of each strand
  int frames = 1;                   // how many can be alive at once (raised when a search needs more)
  int source = -1;                  // the op that makes it
  bool detached = false;
  bool joined = false;              // of a blocking closure: only an await that `blocks` can tell whether it has ended
};

struct Element {
  Kind kind = Kind::kNone;
  std::string name;         // "forks[2]"
  int declared = -1;        // index in Scenario::objects
  int words = 0, offset = 0;
  int capacity = -1;        // channels; -1 unbounded. semaphores: initial permits
  int room = 0;             // queue slots in the state (raised when a search needs more)
  int slot_words = 0;       // words of a queued message
  std::vector<int> with;    // first register-kind of what a message owns: pairs (RegKind, base)
  std::int64_t initial = 0;
  int destructor = -1;      // unit
  std::vector<int> held;    // of a lock: main's registers with what it holds. Then the last of its words counts the shares
  int parent = -1;          // cancellation_token: its parent's element
  int ordinal = 0;          // local_set: its number among them, from 1
  Object::Policy policy = Object::Policy::kAny;   // std_rwlock
  bool peeked = false;      // of a std_channel: some op looks for a message without waiting for it, or not for ever
  bool tried = false;       // some op looks whether it is held, or whether a receiver waits, without waiting for it
};

struct ExprNode {
  Expr::Kind kind = Expr::Kind::kNumber;
  std::int64_t number = 0;
  int reg = -1;          // local, or task register
  int object = -1, elements = 1;
  int left = -1, right = -1;
};

struct SourceOp {
  const Op* op = nullptr;
  const Json* node = nullptr;
};

struct StaticFinding {     // what the Rust compiler would refuse
  std::string rule, message, value;
  const Json* made = nullptr;   // where it was moved or borrowed
  const Json* used = nullptr;
  std::string made_op, used_op;
  std::string body;
};

struct RuntimeDef {
  const Runtime* declared = nullptr;
  int first_core = 0, workers = 0;
  std::int64_t pool_cap = 0;
  int first_thread = 0, thread_slots = 0;  // workers first, then room for the pool
  int queue_room = 0;
};

struct Program {
  const Scenario* scenario = nullptr;
  std::vector<Instr> code;
  std::vector<ScopeDef> scopes;
  std::vector<Unit> units;
  std::vector<Element> elements;
  std::vector<RuntimeDef> runtimes;
  std::vector<ExprNode> exprs;
  std::vector<std::vector<Capture>> captures;
  std::vector<std::vector<BranchCode>> branches;
  std::vector<std::vector<int>> jumps;      // of kChoose
  std::vector<SourceOp> sources;
  std::vector<StaticFinding> refused;
  std::size_t declared_regs = 0;            // of main: what it owns at the start; others are full once an op has given something
  bool endless = false;                     // some loop has no bound: ticks and budgets matter
  bool uses_now = false;
  bool spurious = false;                    // some wait can return spuriously
  bool eats_tokens = false;                 // some thread parks, and some wait of std's uses up a park token that it finds
  std::vector<int> local_sets;              // their elements, by ordinal - 1
  int minor = 53, patch = 999;              // Tokio 1.<minor>.<patch>; 999: the last one
};

// Null if `diagnostics` got something (an op that is not modelled). Throws TimeIsUp.
std::unique_ptr<Program> Compile(const Scenario& scenario, int tokio_minor, int tokio_patch, Diagnostics& diagnostics,
                                 const Deadline& deadline = {});

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_PROGRAM_PROGRAM_H_
