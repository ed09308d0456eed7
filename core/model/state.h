// A state is a run of bytes: a header, then threads, runtimes, cores, objects and frames, each a cell of fixed size
// at a place that the layout knows. No cell has padding, so two states with the same bytes have the same future:
// equality is a memory compare, and what is freed is written back to zero.
//
// References are 16-bit numbers plus one, 0 meaning none. Queues are intrusive lists through `next`, as Tokio's are.
#ifndef ASYNCRT_CORE_MODEL_STATE_H_
#define ASYNCRT_CORE_MODEL_STATE_H_

#include <cstdint>
#include <type_traits>
#include <vector>

#include "core/program/program.h"

namespace asyncrt {

template <class T>
concept CellType = std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T>;

using Link = std::uint16_t;  // a number plus one; 0: none

struct HeaderCell {
  std::uint8_t ended;      // 0 runs; 1 main ended; 2 aborted (a panic while unwinding)
  std::uint8_t panicked;   // some panic has happened: a later one may be its consequence
  std::uint16_t timers;    // registered timers that have not fired
  std::int32_t now_ms;     // only for scenarios that read $now
};

enum class ThreadLife : std::uint8_t { kFree, kRunning, kIdle, kEnded };

struct ThreadCell {
  Link top;                // the strand that it executes
  Link core;               // the worker core that it holds
  Link stash_head, stash_tail;  // wake-ups deferred on a thread that gave its core away (before 1.50)
  Link frame;              // of a spawned thread: its frame. of a pool thread: the closure that it runs
  ThreadLife life;
  std::uint8_t pool;       // the runtime whose pool it belongs to, plus one
  std::uint8_t entered;    // 0 no; 1 blocking is refused, block_in_place allowed; 2 both refused (semantics 0)
  std::uint8_t current;    // the current runtime plus one
  std::uint8_t depth;      // enter guards alive
  std::uint8_t token;      // std's park token
  std::uint8_t signalled;  // of an idle pool thread: a closure was handed to it
  std::uint8_t budget;     // cooperative budget left, counted only in endless scenarios
  std::uint8_t unconstrained;
  std::uint8_t handed;     // it is inside a block_in_place that gave a core away
  std::uint8_t foreign;    // 0, or 1 in an executor that is not Tokio's; 2 where Tokio's own is inside of such a one
  std::uint8_t local;      // the local_set that is being polled, by its ordinal
  std::uint8_t spare[2];   // zero
};

enum class CoreState : std::uint8_t { kAbsent, kActive, kParked, kDriver, kInSlot, kDropping, kStopped };

// Where a worker stands in its search and park (1.2c to 1.8) under the exact scheduler. From `kFirstRegistered` on it is
// in the list of sleepers.
enum SearchPhase : std::uint16_t {
  kPick,              // looks at its own slot and queue, then whether the injection queue is empty
  kSearchTest,        // reads how many others search
  kSearchBegin,       // counts itself among them
  kSearchInject,      // looks at the injection queue once more
  kRegister,          // has found nothing
  kFound,             // has taken the task `held` - 1, and still counts as searching; 0: it was dropped meanwhile
  kFoundLast,         // was the last one that searched, and has not told anybody yet
  kTakeBatch = 16,    // plus how many tasks it takes from the injection queue
  kSteal = 256,       // goes round the others, one look at each; `held` has a bit for those that it has looked at
  kFirstRegistered,
  kDecide = kFirstRegistered,  // looks at its token, then at the driver's lock
  kReturned,           // has returned from its sleep
  kUnregister,        // takes itself off the list
  kCheckQueue,        // the last searcher: goes round the others a last time, as in kSteal
  kCheckInject,       // then looks at the injection queue
  kCheckNotify,       // it has found something
};
constexpr int kExactWorkersMax = 31;   // bits in `held`

struct CoreCell {
  Link lifo, head, tail;               // the slot and the local queue
  Link defer_head, defer_tail;         // strands that yielded
  Link thread;
  CoreState state;
  std::uint8_t token, searching, chain, tick, runs;
  std::uint16_t phase;                 // a SearchPhase; 0 where search and park are one step
  std::int32_t held;                   // ghost: how long it is held since the last yield, ideal timing only
};

enum class Life : std::uint8_t { kNotBuilt, kRunning, kShutdown, kDead };

struct RuntimeCell {
  Link inject_head, inject_tail;
  Link head, tail;                     // current_thread: the local queue
  Link defer_head, defer_tail;         // current_thread
  Link holder;                         // current_thread: the thread that holds the core
  Link driver;                         // multi_thread: the core that waits in the driver
  std::uint16_t references;            // clones of the value
  std::uint16_t queued;                // items in the pool's queue
  Life life;
  std::uint8_t driver_dead, pool_shutdown, batch, tick, begun;   // begun: its first tick has passed, where that matters
  std::uint16_t leaked;                // the value was forgotten
  std::int32_t held;
};

enum TaskBits : std::uint8_t { kNotified = 1, kRunning = 2, kCancel = 4, kComplete = 8, kJoinable = 16, kLooked = 32, kPolled = 64 };

enum class Outcome : std::uint8_t { kNone, kReady, kPending, kFailed, kDisabled, kPanicked, kCancelled };

// Whether a set owns it: a join_set or futures_unordered; from kNotBegun on the latter.
enum MemberOf : std::uint8_t {
  kNoMember, kBegun, kNotBegun,
  kLeftBehind,   // what owned the set has dropped it, and lost it as another member's destructor panicked
};

struct FrameCell {
  std::uint8_t live;
  std::uint8_t bits;
  Outcome result;
  std::uint8_t runtime;      // plus one
  Link next;
  Link joiner;               // strand that waits for its end
  std::uint16_t references;  // handles of any kind
  std::uint16_t site;        // the instruction that made it, plus one
  Link scope_frame;          // thread_scope: whose counter
  std::uint16_t scope_reg;
  std::uint16_t panic_pc;    // where the panic started plus one; 0xffff: reported already
  std::uint8_t local;        // the local_set that it belongs to, by its ordinal
  std::uint8_t member;       // a MemberOf
  std::int32_t waited;       // ghost: how long it has been ready, ideal timing only
};

enum class StrandStatus : std::uint8_t { kIdle, kSuspended, kActive, kDone };
enum class Mode : std::uint8_t { kNormal, kPanicking, kCancelling };
enum StrandBits : std::uint8_t {
  kWoken = 1, kQueued = 2, kGranted = 4, kGrantedAll = 8, kFired = 16, kIoReady = 32, kDeferred = 64, kWaitsIo = 128 };

struct StrandCell {
  std::uint16_t pc;
  StrandStatus status;
  Mode mode;
  Link parent, next, defer_next;
  std::uint8_t phase;
  Outcome out;               // what a child just did
  std::uint16_t mask;        // select: disabled branches; join: finished ones
  std::uint8_t start, polled, winner, bits;
  std::uint8_t saved_entered, saved_current;
  std::uint8_t timer_runtime;  // plus one; 0xff: a thread's own timer
  std::uint8_t saved_budget;
  std::uint16_t panic_pc, need, element;  // element: of a queued wait, plus one
  std::int32_t timer;        // microseconds left plus one; 0: none
  std::int32_t overdue;      // ghost
};

static_assert(CellType<HeaderCell> && CellType<ThreadCell> && CellType<CoreCell> && CellType<RuntimeCell> &&
              CellType<FrameCell> && CellType<StrandCell>);
// No word of a fingerprint lies in two of these.
static_assert(sizeof(HeaderCell) % 8 == 0 && sizeof(ThreadCell) % 8 == 0 && sizeof(CoreCell) % 8 == 0 && sizeof(RuntimeCell) % 8 == 0 && sizeof(FrameCell) % 8 == 0);

// Where everything is. Made from a program; a search that needs more frames or room raises the program's numbers and
// makes a new one.
struct Layout {
  explicit Layout(Program& program);

  int bytes = 0;
  int threads = 0, cores = 0, frames = 0, strands = 0;
  int thread_at = 0, runtime_at = 0, core_at = 0, element_at = 0, pool_at = 0;
  std::vector<int> frame_at;        // bytes, by frame
  std::vector<int> frame_unit;      // by frame
  std::vector<int> unit_frame;      // first frame of a unit
  std::vector<int> frame_strand;    // first strand of a frame
  std::vector<int> regs_at;         // by frame
  std::vector<int> strand_at;       // by strand
  std::vector<int> strand_frame;    // by strand
  std::vector<int> pool_queue_at;   // by runtime: bytes of its queue
  std::vector<int> frame_thread;    // by frame: the thread of a thread unit, or -1
  std::vector<int> timed_strands;   // those that can wait for a time to come or for what a driver brings, rising
  // The state in parts, each a thread, runtime, core, queue, object, frame, or the strands and registers of a frame:
  // where each begins, and where the last one ends. Multiples of eight; no cell lies in two parts.
  std::vector<int> part_at;
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_MODEL_STATE_H_
