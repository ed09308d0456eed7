#include "core/detect/advice.h"

#include <algorithm>

namespace asyncrt {
namespace {

struct Row {
  const char* rule;
  const char* headline;
  const char* help;
  const char* more;
};

constexpr Row kRows[] = {
    {"deadlock/relock", "a lock is waited for by its own holder", "release the guard before the lock is taken again, or pass the guard on instead of locking anew", ""},
    {"deadlock/guard-across-await", "a thread waits for a std lock whose holder is suspended and can no longer be resumed", "drop the std guard before the await", "or use `tokio::sync::Mutex`, whose `lock` suspends the task and leaves the thread free"},
    {"deadlock/read-reentry", "a second read waits behind a writer that waits for the first", "copy what is needed out of the first guard and drop it before reading again", ""},
    {"deadlock/unpolled-future", "what is waited for belongs to a future that is alive but no longer polled", "drop or finish the future before waiting for what it may hold", "poll it in the same `select` or `join`, or give it a task of its own with `spawn`"},
    {"deadlock/shutdown", "the shutdown of a runtime waits for ever", "tell the closures and tasks to stop and wait for them before the runtime is dropped", "`shutdown_timeout` or `shutdown_background` do not wait for blocking closures for ever"},
    {"deadlock/blocking-pool", "a blocking closure is waited for that can never start, since every pool thread is stuck", "do not wait inside `spawn_blocking` for work that needs the same pool", "do it in an async task, or raise `max_blocking_threads` above the deepest nesting"},
    {"deadlock/undriven-runtime", "a `current_thread` runtime is waited for that no thread drives", "keep a thread in `Runtime::block_on` of it: `Handle::block_on` runs no tasks and no timers", "or use a `multi_thread` runtime, whose workers drive it"},
    {"deadlock/driver", "a timer or I/O is due, and no thread that could poll the driver ever will", "do not block a worker thread: await instead, or move the blocking wait into `spawn_blocking` or `block_in_place`", ""},
    {"deadlock/blocked-workers", "work is ready that only blocked threads could run", "wait with an async operation, which suspends the task and frees its worker", "or move the wait into `spawn_blocking` or `block_in_place`"},
    {"deadlock/permits", "a semaphore can never give as many permits as are wanted", "ask for at most as many permits as the semaphore has, and give every permit back", ""},
    {"deadlock/barrier", "too few parties can still arrive at a barrier", "make the number of parties match, also on error paths", ""},
    {"deadlock/lock-cycle", "locks or permits are waited for in a circle", "take them in one fixed order everywhere", "or take all that is needed at once (`acquire_many`), or release the first before waiting for the second"},
    {"deadlock/join-cycle", "tasks or threads wait for each other's end in a circle", "let the outermost owner join them, never one of themselves", ""},
    {"deadlock/channel", "a channel is waited for whose other end is stuck as well", "drop senders that are not needed, so that the channel can close", "answer on a channel of its own, or use `try_send` where the receiver also sends"},
    {"deadlock/lost-wakeup", "a notification was sent when the waiter did not listen for it", "register first (`notified()` with `enable`), then check the condition, then await", "`notify_one` keeps one permit; `notify_waiters` keeps nothing"},
    {"deadlock/no-waker", "an event is waited for that nothing can produce any more", "make sure that every path, errors and panics too, sends or drops its end", ""},
    {"deadlock/partial", "a party is stuck for ever while others go on", "look at what it waits for and who should have provided it", ""},
    {"starvation/never-polled", "a ready task is never polled, though others run for ever", "yield in the loop that keeps the worker (`yield_now`), or give the branch its turn (no `biased`)", ""},
    {"starvation/livelock", "the program runs for ever without getting on", "wait for the event (`Notify`, a channel) instead of asking again and again", "bound the number of retries"},
    {"starvation/delayed-task", "a ready task waits longer than the threshold", "break long computations up, or move them to `spawn_blocking`", ""},
    {"starvation/blocked-worker", "a worker is held longer than the threshold between two yields", "use `spawn_blocking` for work that takes long, or `tokio::time::sleep` instead of `thread::sleep`", ""},
    {"starvation/late-timer", "a due timer waits longer than the threshold for the driver", "do not hold the worker that polls the driver: use `spawn_blocking` for long work", ""},
    {"starvation/blocking-pool", "a blocking closure waits longer than the threshold for a pool thread", "raise `max_blocking_threads`, or keep long-lived closures on threads of their own", ""},
    {"starvation/lock", "a waiter on a std lock, which promises no order, can be overtaken for ever", "leave the lock free for longer than it is held, or use `tokio::sync::Mutex`, which hands over in order", ""},
    {"starvation/slow-shutdown", "the shutdown of a runtime takes longer than the threshold", "tell the blocking closures to stop before the runtime is dropped, or use `shutdown_timeout`", ""},
    {"ownership/use-after-move", "a value is used after it was moved away", "clone what can be cloned (`rt.handle()`, a sender, an `Arc`) before the move", ""},
    {"ownership/borrow-escapes", "a spawned body borrows what it must own", "move the value in (`move`), share it in an `Arc`, or use `thread::scope`", ""},
    {"ownership/two-borrows", "a value is needed mutably while something else has it", "do it in one branch or under a lock, or split the value", ""},
    {"ownership/not-send", "a value that is not Send crosses threads", "drop it before the await or the move, or keep the work on one thread (`LocalSet`, `block_on`)", ""},
    {"ownership/runtime-in-runtime", "`block_on` on a thread that is already driving async code", "await the future instead of blocking on it", "from sync code inside a task: `block_in_place(|| handle.block_on(…))` on a multi_thread runtime, or a `spawn_blocking` closure"},
    {"ownership/drop-in-async", "a runtime is dropped where blocking is not allowed", "use `shutdown_background`, or move the runtime out and drop it on a plain thread", ""},
    {"ownership/blocking-in-async", "a blocking operation in an async context", "use the async form and await it, or call it inside `spawn_blocking`", ""},
    {"ownership/no-context", "an operation needs a current runtime and there is none", "call it inside `block_on` or a task, or hold an `enter()` guard; with a handle, use `handle.spawn`", ""},
    {"ownership/use-after-shutdown", "a runtime is used after it was shut down", "keep the runtime alive until everything that uses it is done: a `Handle` does not", ""},
    {"ownership/local-context", "`spawn_local` outside of a `LocalSet`", "call it inside `LocalSet::run_until`, or spawn on the set itself (`set.spawn_local`)", ""},
    {"ownership/block-in-place", "`block_in_place` where Tokio refuses it", "use `spawn_blocking` on a `current_thread` runtime or in a `LocalSet`", ""},
    {"ownership/enter-order", "enter guards are dropped out of order", "drop the guards in the reverse order, or use blocks", ""},
    {"ownership/disabled-driver", "a timer or I/O on a runtime that was built without that driver", "call `enable_all()` on the builder", ""},
    {"ownership/poisoned-lock", "a lock that a panic poisoned is unwrapped", "handle the poison (`unwrap_or_else(|e| e.into_inner())`), or do not panic with the guard alive", ""},
    {"ownership/completed-handle", "a task or future is polled after it completed", "await it once; in a `select!` loop use a guard (`if !done`) or `fuse`", ""},
    {"ownership/data-race", "two accesses to the same memory can happen at once", "protect it with a lock or use an atomic", ""},
    {"ownership/bad-config", "Tokio refuses to build this", "use at least one worker, one blocking thread, and a capacity of at least one", ""},
    {"panic/thread", "a thread panics", "handle the error instead of unwrapping it", ""},
    {"panic/assert", "an assertion fails", "look in the schedule for the last step that changed what it reads", ""},
    {"panic/task", "a task panics and nobody looks at its JoinError", "await the JoinHandle, or catch the error in the task", ""},
    {"hazard/guard-across-await", "a std guard is held across an await", "drop the guard before the await, or use `tokio::sync::Mutex`", ""},
    {"hazard/lock-order", "locks are taken in opposite orders, and something else keeps these apart", "take them in one fixed order everywhere", "or release the first before taking the second"},
    {"hazard/repeated-init", "an initialisation was cancelled half-way and ran again", "make what the body does before its last await safe to repeat", "or initialise in a task of its own and await its result"},
    {"hazard/lost-task", "a task that had started is dropped unfinished at shutdown", "await it before the runtime goes, or mark it `detached` if that is meant", ""},
    {"hazard/lost-message", "a message that was sent is never received", "receive until the channel is closed, or close it on purpose", ""},
    {"hazard/leaked-thread", "a thread is still running when main ends", "join it, or mark it `detached` if that is meant", ""},
    {"hazard/unused-allow", "an `allow` matched nothing", "remove it", ""},
    {"hazard/unreached", "no explored schedule reaches this op", "check the condition before it: the scenario may not test what it seems to", ""},
};

const Row* Find(const std::string& rule) {
  auto it = std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& row) { return rule == row.rule; });
  return it == std::end(kRows) ? nullptr : it;
}

}  // namespace

std::vector<std::string> AdviceFor(const std::string& rule) {
  std::vector<std::string> out;
  const Row* row = Find(rule);
  if (row == nullptr) return out;
  if (row->help[0] != 0) out.push_back(row->help);
  if (row->more[0] != 0) out.push_back(row->more);
  return out;
}

std::string AdviceForRaces() {
  return "needs a scheduler race: a worker goes to sleep without a last look at the queues while work is put there, and nobody wakes it; "
         "possible, but rare, and any later spawn or wake-up from another thread cures it";
}

std::string HeadlineOf(const std::string& rule) {
  const Row* row = Find(rule);
  return row == nullptr ? rule : row->headline;
}

}  // namespace asyncrt
