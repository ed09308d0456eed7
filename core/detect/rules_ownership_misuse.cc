// Ownership: values that are used in a state or in an order that their type does not allow.
#include "core/detect/rules.h"

namespace asyncrt {

std::vector<RuleDef> OwnershipMisuseRules() {
  return {
      {"ownership/enter-order", Severity::kError, "enter guards dropped out of order",
       PageText({
           "\"`EnterGuard` values dropped out of order.\"",
           "`enter` remembers the runtime that was current before. If an outer guard is dropped first, the thread "
           "would end "
           "with a wrong current runtime; since 1.29 Tokio panics, before that it silently had the wrong one.",
           "A guard is dropped while a later one of the same thread is alive.",
           "Guards that end with their blocks are always in order.",
       }),
       R"({
  "name": "enter-order",
  "runtimes": { "a": { "flavor": "current_thread" }, "b": { "flavor": "current_thread" } },
  "main": [
    { "op": "enter", "on": "a", "as": "first" },
    { "op": "enter", "on": "b", "as": "second" },
    { "op": "drop", "on": "first" },
    { "op": "drop", "on": "second" }
  ]
})",
       R"({
  "name": "enter-order-fixed",
  "runtimes": { "a": { "flavor": "current_thread" }, "b": { "flavor": "current_thread" } },
  "main": [
    { "op": "enter", "on": "a", "as": "first" },
    { "op": "enter", "on": "b", "as": "second" },
    { "op": "drop", "on": "second" },
    { "op": "drop", "on": "first" }
  ]
})",
       R"(
let first = a.enter();
let second = b.enter();
drop(first);                              // panics
)",
       R"(
let first = a.enter();
{
    let second = b.enter();
}
drop(first);
)"},
      {"ownership/disabled-driver", Severity::kError, "a timer or I/O op on a runtime built without that driver",
       PageText({
           "\"A Tokio 1.x context was found, but timers are disabled.\"",
           "A runtime made with `Builder` has neither timers nor I/O unless `enable_time`, `enable_io` or `enable_all` "
           "was "
           "called. `Runtime::new` and `#[tokio::main]` enable both.",
           "A timer or I/O op is created where the current runtime lacks the driver for it.",
           "The op belongs to another runtime, which has it.",
       }),
       R"({
  "name": "disabled-driver",
  "runtimes": { "rt": { "flavor": "current_thread", "enable_time": false } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "sleep", "for": "1ms" } ] }
  ]
})",
       R"({
  "name": "disabled-driver-fixed",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "sleep", "for": "1ms" } ] }
  ]
})",
       R"(
let rt = Builder::new_current_thread().build()?;
rt.block_on(async { tokio::time::sleep(d).await });
)",
       R"(
let rt = Builder::new_current_thread().enable_all().build()?;
rt.block_on(async { tokio::time::sleep(d).await });
)"},
      {"ownership/poisoned-lock", Severity::kError, "a lock poisoned by a panic is then unwrapped",
       PageText({
           "A `std` lock was held while its thread panicked, and somebody unwraps the error that says so.",
           "A guard that is dropped by unwinding poisons its lock: what it protects may be half changed. In Tokio a "
           "panic in a "
           "task is caught and lands in the `JoinError`, so the process goes on and meets the poisoned lock later. "
           "Tokio's own "
           "locks are never poisoned, and cancelling a task poisons nothing.",
           "A `lock`, `read` or `write` on a poisoned lock has no `or`.",
           "The failure is handled with `or`.",
       }),
       R"({
  "name": "poisoned-lock",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "m": { "kind": "std_mutex" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "job", "body": [
        { "op": "lock", "on": "m", "body": [
          { "op": "panic", "message": "bad input" } ] } ] },
      { "op": "await", "on": "job", "or": [] } ] },
    { "op": "lock", "on": "m", "body": [] }
  ]
})",
       R"({
  "name": "poisoned-lock-fixed",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "m": { "kind": "std_mutex" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "job", "body": [
        { "op": "lock", "on": "m", "body": [
          { "op": "panic", "message": "bad input" } ] } ] },
      { "op": "await", "on": "job", "or": [] } ] },
    { "op": "lock", "on": "m", "body": [], "or": [] }
  ]
})",
       R"(
let _ = tokio::spawn(async move { let g = m2.lock().unwrap(); parse(&g).unwrap(); }).await;
m.lock().unwrap();                        // PoisonError
)",
       R"(
let _ = tokio::spawn(async move { let g = m2.lock().unwrap(); parse(&g).unwrap(); }).await;
let guard = m.lock().unwrap_or_else(|poisoned| poisoned.into_inner());  // after a look at the data
)"},
      {"ownership/completed-handle", Severity::kError, "a task or future polled after it completed",
       PageText({
           "\"JoinHandle polled after completion\", \"`async fn` resumed after completion\".",
           "A future may be polled until it is ready, and then never again. In a `select!` in a loop, a future given "
           "by "
           "reference stays after its branch has won, and is polled again in the next round.",
           "A task's handle or a future is polled although it has given its result.",
           "The branch is switched off with `if`, or the loop is left.",
       }),
       R"({
  "name": "completed-handle",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "job", "body": [] },
      { "op": "loop", "times": 2, "body": [
        { "op": "select", "branches": [
          { "await": "job", "then": [] } ] } ] } ] }
  ]
})",
       R"({
  "name": "completed-handle-fixed",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "job", "body": [] },
      { "op": "loop", "times": 2, "body": [
        { "op": "select", "branches": [
          { "await": "job", "if": "done == 0", "then": [
            { "op": "set", "var": "done", "to": 1 } ] } ], "else": [] } ] } ] }
  ]
})",
       R"(
loop {
    tokio::select! {
        _ = &mut job => cleanup(),        // ready once; polled again in the next round
        Some(m) = rx.recv() => handle(m),
    }
}
)",
       R"(
let mut done = false;
loop {
    tokio::select! {
        _ = &mut job, if !done => { done = true; cleanup(); }
        Some(m) = rx.recv() => handle(m),
    }
}
)"},
      {"ownership/data-race", Severity::kError, "two accesses to a `cell` that can happen at once, one of them a write",
       PageText({
           "Memory without synchronisation is accessed by two threads at once, and one of them writes: undefined "
           "behaviour.",
           "In safe Rust the compiler excludes it; `unsafe impl Sync`, raw pointers and C libraries bring it back.",
           "Two accesses of which one writes are both enabled in a reachable state, or are ordered by nothing.",
           "A lock, a channel, a join or a barrier stands between the two on every schedule.",
       }),
       R"({
  "name": "data-race",
  "objects": { "shared": { "kind": "cell" } },
  "main": [
    { "op": "spawn_thread", "as": "writer", "body": [
      { "op": "write_cell", "on": "shared", "value": 1 } ] },
    { "op": "read_cell", "on": "shared" },
    { "op": "join_thread", "on": "writer" }
  ]
})",
       R"({
  "name": "data-race-fixed",
  "objects": { "shared": { "kind": "cell" } },
  "main": [
    { "op": "spawn_thread", "as": "writer", "body": [
      { "op": "write_cell", "on": "shared", "value": 1 } ] },
    { "op": "join_thread", "on": "writer" },
    { "op": "read_cell", "on": "shared" }
  ]
})",
       R"(
struct Shared(UnsafeCell<i64>);
unsafe impl Sync for Shared {}
thread::spawn(move || unsafe { *s2.0.get() = 1 });
unsafe { *s.0.get() }
)",
       R"(
let shared = Arc::new(AtomicI64::new(0));  // or a Mutex
)"},
      {"ownership/bad-config", Severity::kError,
       "a runtime or channel that Tokio refuses to build (0 workers, capacity 0, ...)",
       PageText({
           "Tokio panics when this is built: \"Worker threads cannot be set to 0\", \"mpsc bounded channel requires "
           "buffer > "
           "0\", and the like.",
           "A number comes from a configuration or from a division, and is 0 on a small machine.",
           "A runtime with 0 workers or 0 blocking threads, an mpsc or broadcast channel with capacity 0, and what the "
           "version of Tokio that applies refuses otherwise.",
           "A `std_channel` with capacity 0 is a rendezvous, and allowed.",
       }),
       R"({
  "name": "bad-config",
  "runtimes": { "rt": { "flavor": "current_thread", "max_blocking_threads": 0 } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [] }
  ]
})",
       R"({
  "name": "bad-config-fixed",
  "runtimes": { "rt": { "flavor": "current_thread", "max_blocking_threads": 1 } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [] }
  ]
})",
       R"(
Builder::new_multi_thread().worker_threads(cores / 2).build()
)",
       R"(
Builder::new_multi_thread().worker_threads((cores / 2).max(1)).build()
)"},
  };
}

}  // namespace asyncrt
