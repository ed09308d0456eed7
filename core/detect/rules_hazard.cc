// Hazards: legal, and not yet wrong in this scenario; and what the scenario itself does not test.
#include "core/detect/rules.h"

namespace asyncrt {

std::vector<RuleDef> HazardRules() {
  return {
      {"hazard/guard-across-await", Severity::kWarning, "a std guard is held across an await (where Rust allows it)",
       PageText({
           "A `std` guard is alive at an await. While the task is suspended the lock stays locked, and whoever wants "
           "it "
           "blocks its thread.",
           "A guard lives to the end of its block, or of its statement. In `tokio::spawn` the compiler refuses this, "
           "since the "
           "guard is not Send; in `block_on`, in a `LocalSet` and in a current_thread main future it does not.",
           "A task or future is suspended with a guard of a `std` lock, or a `watch` borrow, that it took itself.",
           "Guards of Tokio's locks are made for this.",
       }),
       R"({
  "name": "std-guard-across-await",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "m": { "kind": "std_mutex" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "lock", "on": "m", "body": [
        { "op": "yield_now" } ] } ] }
  ]
})",
       R"({
  "name": "std-guard-across-await-fixed",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "m": { "kind": "mutex" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "lock", "on": "m", "body": [
        { "op": "yield_now" } ] } ] }
  ]
})",
       R"(
let mut log = log.lock().unwrap();        // std::sync::Mutex
log.push(fetch().await);
)",
       R"(
let line = fetch().await;
log.lock().unwrap().push(line);           // or tokio::sync::Mutex
)"},
      {"hazard/lock-order", Severity::kWarning,
       "locks taken in opposite orders, with no deadlock reachable in this scenario",
       PageText({
           "Two locks are taken in one order here and in the other order there. Something else keeps the two apart, "
           "for now.",
           "The next caller, or the next refactoring, removes what keeps them apart.",
           "Some run takes b while holding a, some run takes a while holding b (or more locks in a circle), and no schedule "
           "deadlocks. Holding is by scope: guards of the body and of bodies that wait for it on the same thread.",
           "A deadlock is reachable: then that is the error. Both orders are always taken under one same third lock, "
           "or the guards only read: they cannot meet. A `try_lock` does not wait, so it makes no order.",
       }),
       R"({
  "name": "lock-order",
  "objects": { "a": { "kind": "std_mutex" }, "b": { "kind": "std_mutex" } },
  "main": [
    { "op": "spawn_thread", "as": "left", "body": [
      { "op": "lock", "on": "a" },
      { "op": "lock", "on": "b" } ] },
    { "op": "join_thread", "on": "left" },
    { "op": "spawn_thread", "as": "right", "body": [
      { "op": "lock", "on": "b" },
      { "op": "lock", "on": "a" } ] },
    { "op": "join_thread", "on": "right" }
  ]
})",
       R"({
  "name": "lock-order-fixed",
  "objects": { "a": { "kind": "std_mutex" }, "b": { "kind": "std_mutex" } },
  "main": [
    { "op": "spawn_thread", "as": "left", "body": [
      { "op": "lock", "on": "a" },
      { "op": "lock", "on": "b" } ] },
    { "op": "join_thread", "on": "left" },
    { "op": "spawn_thread", "as": "right", "body": [
      { "op": "lock", "on": "a" },
      { "op": "lock", "on": "b" } ] },
    { "op": "join_thread", "on": "right" }
  ]
})",
       R"(
fn save() { let a = A.lock().unwrap(); let b = B.lock().unwrap(); }
fn load() { let b = B.lock().unwrap(); let a = A.lock().unwrap(); }   // only called at start, so far
)",
       R"(
fn save() { let a = A.lock().unwrap(); let b = B.lock().unwrap(); }
fn load() { let a = A.lock().unwrap(); let b = B.lock().unwrap(); }
)"},
      {"hazard/repeated-init", Severity::kWarning, "a `get_or_init` body was dropped unfinished, and ran again",
       PageText({
           "The body that should run once has begun twice: its first run was cancelled in the middle.",
           "`OnceCell::get_or_init` runs its future in the caller's task. If that is cancelled, by a `timeout` or a "
           "losing "
           "`select!` branch, the right to initialise passes to the next caller, who starts from the beginning. What "
           "the first "
           "run had done, it had done.",
           "A `get_or_init` body is dropped unfinished and another run of it begins.",
           "The body failed or panicked by itself, or runs in a task of its own.",
       }),
       R"({
  "name": "repeated-init",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "cell": { "kind": "once_cell" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "timeout", "after": "1ms", "or": [], "body": [
        { "op": "get_or_init", "on": "cell", "body": [
          { "op": "sleep", "for": "5ms" } ] } ] },
      { "op": "get_or_init", "on": "cell", "body": [
        { "op": "sleep", "for": "5ms" } ] } ] }
  ]
})",
       R"({
  "name": "repeated-init-fixed",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "cell": { "kind": "once_cell" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "get_or_init", "on": "cell", "body": [
        { "op": "sleep", "for": "5ms" } ] },
      { "op": "get_or_init", "on": "cell", "body": [
        { "op": "sleep", "for": "5ms" } ] } ] }
  ]
})",
       R"(
let pool = timeout(limit, POOL.get_or_init(|| connect())).await;
)",
       R"(
let pool = timeout(limit, async {
    tokio::spawn(async { POOL.get_or_init(|| connect()).await }).await   // goes on when the caller gives up
}).await;
)"},
      {"hazard/lost-task", Severity::kWarning,
       "a task that had started, and is not `detached`, is dropped unfinished at shutdown",
       PageText({
           "A task had begun its work and was cut off in the middle, because the runtime went away.",
           "`block_on` returns when its own future is ready, whatever other tasks are doing; dropping the runtime "
           "cancels "
           "them at their next await.",
           "At a shutdown, a task that was polled at least once is dropped unfinished.",
           "The task is marked `detached`, was aborted, or has never been polled.",
       }),
       R"({
  "name": "lost-task",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "started": { "kind": "oneshot" }, "saved": { "kind": "atomic" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "body": [
        { "op": "send", "on": "started" },
        { "op": "sleep", "for": "1ms" },
        { "op": "store", "on": "saved", "value": 1 } ] },
      { "op": "recv", "on": "started" } ] }
  ]
})",
       R"({
  "name": "lost-task-fixed",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "started": { "kind": "oneshot" }, "saved": { "kind": "atomic" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "saver", "body": [
        { "op": "send", "on": "started" },
        { "op": "sleep", "for": "1ms" },
        { "op": "store", "on": "saved", "value": 1 } ] },
      { "op": "recv", "on": "started" },
      { "op": "await", "on": "saver" } ] }
  ]
})",
       R"(
#[tokio::main]
async fn main() {
    tokio::spawn(save());
}                                         // `save` may be half done
)",
       R"(
#[tokio::main]
async fn main() {
    tokio::spawn(save()).await.unwrap();
}
)"},
      {"hazard/lost-message", Severity::kWarning,
       "a message sent on an mpsc, oneshot or std_channel is never received, and the receiving end was not dropped or "
       "closed on purpose",
       PageText({
           "A message was sent successfully, and nobody ever took it out.",
           "`send` is `Ok` as soon as the message is in the channel. A receive loop that ends too early, or a receiver "
           "that "
           "goes down with its task, leaves it there.",
           "A message is still in the channel when the channel or the program ends, and no op dropped or closed the "
           "receiving "
           "end.",
           "A `drop` or `close` of the receiving end says that it is meant; `watch` and `broadcast` lose messages by "
           "design.",
       }),
       R"({
  "name": "lost-message",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "q": { "kind": "mpsc" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "producer", "body": [
        { "op": "send", "on": "q" },
        { "op": "send", "on": "q" } ] },
      { "op": "recv", "on": "q" },
      { "op": "await", "on": "producer" } ] }
  ]
})",
       R"({
  "name": "lost-message-fixed",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "q": { "kind": "mpsc" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "producer", "body": [
        { "op": "send", "on": "q" },
        { "op": "send", "on": "q" } ] },
      { "op": "loop", "body": [
        { "op": "recv", "on": "q", "or": [
          { "op": "break" } ] } ] },
      { "op": "await", "on": "producer" } ] }
  ]
})",
       R"(
let first = rx.recv().await;              // and the second message?
)",
       R"(
while let Some(message) = rx.recv().await { handle(message); }
)"},
      {"hazard/leaked-thread", Severity::kWarning, "a thread is still running or blocked when main ends",
       PageText({
           "Main has ended, and a thread has not: the process kills it wherever it is.",
           "Nobody joins the thread. Its destructors do not run, and what it was about to write is not written.",
           "At the end of main a thread has not ended, and its handle was not dropped on purpose.",
           "The thread is `detached`, its handle was dropped with `drop`, or it belongs to a runtime.",
       }),
       R"({
  "name": "leaked-thread",
  "main": [
    { "op": "spawn_thread", "as": "logger", "body": [
      { "op": "pending" } ] }
  ]
})",
       R"({
  "name": "leaked-thread-fixed",
  "main": [
    { "op": "spawn_thread", "as": "logger", "body": [] },
    { "op": "join_thread", "on": "logger" }
  ]
})",
       R"(
let _logger = thread::spawn(|| run_logger());
)",
       R"(
let logger = thread::spawn(|| run_logger());
...
drop(log_sender);                         // tells it to end
logger.join().unwrap();
)"},
      {"hazard/unused-allow", Severity::kWarning, "an `allow` entry that matched nothing",
       PageText({
           "The scenario accepts a finding that is not there.",
           "The defect was fixed, or the entry's `rule` or `on` names something else.",
           "A complete check found nothing that the entry matches.",
           "The check was not complete.",
       }),
       R"({
  "name": "unused-allow",
  "main": [],
  "allow": [ { "rule": "hazard/leaked-thread", "reason": "the logger ends with the process" } ]
})",
       R"({
  "name": "unused-allow-fixed",
  "main": []
})",
       "", ""},
      {"hazard/unreached", Severity::kNote,
       "an op that no explored schedule reaches: the scenario does not test what it seems to",
       PageText({
           "No schedule gets to this op.",
           "A condition that never holds, an `or` of something that never fails, code behind an endless loop or behind "
           "a "
           "deadlock.",
           "The exploration was complete and the op was never executed.",
           "The exploration ended early.",
       }),
       R"({
  "name": "unreached",
  "objects": { "flag": { "kind": "atomic" } },
  "main": [
    { "op": "if", "cond": "flag == 1", "then": [
      { "op": "panic", "message": "never" } ] }
  ]
})",
       R"({
  "name": "unreached-fixed",
  "objects": { "flag": { "kind": "atomic", "value": 1 } },
  "main": [
    { "op": "if", "cond": "flag == 1", "then": [
      { "op": "store", "on": "flag", "value": 0 } ] }
  ]
})",
       "", ""},
  };
}

}  // namespace asyncrt
