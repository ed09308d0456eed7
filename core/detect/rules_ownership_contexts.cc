// Ownership of a thread: what Tokio refuses to do on a thread in the state that it is in. All of these are panics.
#include "core/detect/rules.h"

namespace asyncrt {

std::vector<RuleDef> OwnershipContextRules() {
  return {
      {"ownership/runtime-in-runtime", Severity::kError,
       "Tokio's `block_on` on a thread that is already driving async code (a foreign executor is not noticed)",
       PageText({
           "\"Cannot start a runtime from within a runtime.\" `block_on` was called on a thread that is polling a "
           "future.",
           "It would block a thread that others need, so Tokio panics: for `Runtime::block_on`, `Handle::block_on` and "
           "`LocalSet::block_on`, of the same runtime or of another. Sync wrappers around async libraries are where it "
           "comes "
           "from: they work until they are called from a task.",
           "The thread is inside a task, or inside the future of a `block_on`, without a `block_in_place` in between.",
           "On a plain thread, in a `spawn_blocking` closure and inside `block_in_place`. A foreign executor, such as "
           "`futures::executor::block_on`, is not noticed by Tokio; it blocks the worker, see "
           "`deadlock/blocked-workers`.",
       }),
       R"({
  "name": "runtime-in-runtime",
  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 1 } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "outer", "body": [
        { "op": "block_on", "on": "rt.handle", "body": [
          { "op": "yield_now" } ] } ] },
      { "op": "await", "on": "outer" } ] }
  ]
})",
       R"({
  "name": "runtime-in-runtime-fixed",
  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 1 } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "outer", "body": [
        { "op": "yield_now" } ] },
      { "op": "await", "on": "outer" } ] }
  ]
})",
       R"(
fn load() -> Config { Handle::current().block_on(fetch()) }
tokio::spawn(async { load() });           // panics
)",
       R"(
async fn load() -> Config { fetch().await }
tokio::spawn(async { load().await });
// From sync code inside a task of a multi_thread runtime:
// tokio::task::block_in_place(|| Handle::current().block_on(fetch()))
)"},
      {"ownership/drop-in-async", Severity::kError,
       "a runtime is dropped (its last clone, too) where blocking is not allowed",
       PageText({
           "\"Cannot drop a runtime in a context where blocking is not allowed.\" A runtime was dropped by async code.",
           "The drop waits for the blocking pool, so it may not happen on a thread that polls futures. A runtime that "
           "is a "
           "local of an async function, or a field of something dropped there, does; and so does the last clone of an "
           "`Arc<Runtime>` that a task holds: which clone is the last depends on the schedule. The shutdown has begun "
           "before "
           "the panic, so the runtime is gone all the same.",
           "A runtime's drop, or a `shutdown_timeout` that would wait, on a thread inside a task or `block_on`.",
           "`shutdown_background` may be called anywhere. In `spawn_blocking` and `block_in_place` a drop is allowed, "
           "but of "
           "another runtime only: see `deadlock/shutdown`.",
       }),
       R"({
  "name": "drop-in-async",
  "runtimes": {
    "rt": { "flavor": "multi_thread", "worker_threads": 1 },
    "inner": { "flavor": "current_thread" }
  },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "drop", "on": "inner" } ] }
  ]
})",
       R"({
  "name": "drop-in-async-fixed",
  "runtimes": {
    "rt": { "flavor": "multi_thread", "worker_threads": 1 },
    "inner": { "flavor": "current_thread" }
  },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn_blocking", "as": "closer", "body": [
        { "op": "drop", "on": "inner" } ] },
      { "op": "await", "on": "closer" } ] }
  ]
})",
       R"(
#[tokio::main]
async fn main() {
    let inner = Builder::new_current_thread().build().unwrap();
    inner.spawn(work());
}                                         // drops `inner` inside block_on: panics
)",
       R"(
#[tokio::main]
async fn main() {
    let inner = Builder::new_current_thread().build().unwrap();
    inner.spawn(work());
    inner.shutdown_background();          // or: spawn_blocking(move || drop(inner)).await
}
)"},
      {"ownership/blocking-in-async", Severity::kError, "a `blocking_` op in an async context",
       PageText({
           "\"Cannot block the current thread from within a runtime.\" A `blocking_` method of a Tokio type was called "
           "by "
           "async code.",
           "`blocking_lock`, `blocking_recv` and `blocking_send` are for threads that drive nothing. They panic in an "
           "async "
           "context even when they would not have to wait.",
           "The thread is inside a task or `block_on`, without a `block_in_place` in between.",
           "On a plain thread, in a `spawn_blocking` closure and inside `block_in_place`.",
       }),
       R"({
  "name": "blocking-in-async",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "m": { "kind": "mutex" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "job", "body": [
        { "op": "blocking_lock", "on": "m", "body": [] } ] },
      { "op": "await", "on": "job" } ] }
  ]
})",
       R"({
  "name": "blocking-in-async-fixed",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "m": { "kind": "mutex" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "job", "body": [
        { "op": "lock", "on": "m", "body": [] } ] },
      { "op": "await", "on": "job" } ] }
  ]
})",
       R"(
tokio::spawn(async move { m.blocking_lock().push(1); });
)",
       R"(
tokio::spawn(async move { m.lock().await.push(1); });
)"},
      {"ownership/no-context", Severity::kError, "an op that needs a current runtime, without one",
       PageText({
           "\"There is no reactor running, must be called from the context of a Tokio 1.x runtime.\"",
           "`tokio::spawn`, `spawn_blocking`, `Handle::current` and the creation of a `sleep` or `timeout` look for "
           "the "
           "thread's current runtime. A thread made with `std::thread::spawn` has none, even when a task made it. In "
           "`rt.block_on(sleep(d))` the argument is evaluated before the context exists.",
           "The op runs on a thread without a current runtime.",
           "Inside tasks, `block_on`, `spawn_blocking`, or while an `enter` guard lives; and with a handle: "
           "`handle.spawn`.",
       }),
       R"({
  "name": "no-context",
  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 1 } },
  "objects": { "done": { "kind": "oneshot" } },
  "main": [
    { "op": "spawn_thread", "as": "helper", "body": [
      { "op": "spawn", "body": [
        { "op": "send", "on": "done" } ] } ] },
    { "op": "join_thread", "on": "helper", "or": [] },
    { "op": "block_on", "on": "rt", "body": [
      { "op": "recv", "on": "done", "or": [] } ] }
  ]
})",
       R"({
  "name": "no-context-fixed",
  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 1 } },
  "objects": { "done": { "kind": "oneshot" } },
  "main": [
    { "op": "spawn_thread", "as": "helper", "body": [
      { "op": "spawn", "on": "rt.handle", "body": [
        { "op": "send", "on": "done" } ] } ] },
    { "op": "join_thread", "on": "helper" },
    { "op": "block_on", "on": "rt", "body": [
      { "op": "recv", "on": "done" } ] }
  ]
})",
       R"(
std::thread::spawn(|| { tokio::spawn(work()); });
)",
       R"(
let handle = rt.handle().clone();
std::thread::spawn(move || { handle.spawn(work()); });
)"},
      {"ownership/use-after-shutdown", Severity::kError,
       "a timer or I/O polled on a runtime that was shut down; a spawn on it whose `JoinError` is unwrapped",
       PageText({
           "\"A Tokio 1.x context was found, but it is being shutdown.\" A handle outlived its runtime.",
           "A `Handle` does not keep a runtime running. After the runtime was dropped, `handle.block_on` still polls "
           "its "
           "future, but a timer in it panics, and what is spawned is cancelled before it starts.",
           "A timer or I/O op is polled, or a spawned task's error unwrapped, after the shutdown of its runtime.",
           "Ops that need no driver go on working, channels and locks for instance.",
       }),
       R"({
  "name": "use-after-shutdown",
  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 1 } },
  "main": [
    { "op": "drop", "on": "rt" },
    { "op": "block_on", "on": "rt.handle", "body": [
      { "op": "sleep", "for": "1ms" } ] }
  ]
})",
       R"({
  "name": "use-after-shutdown-fixed",
  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 1 } },
  "main": [
    { "op": "block_on", "on": "rt.handle", "body": [
      { "op": "sleep", "for": "1ms" } ] },
    { "op": "drop", "on": "rt" }
  ]
})",
       R"(
let handle = Runtime::new()?.handle().clone();   // the runtime is a temporary: dropped here
handle.block_on(async { tokio::time::sleep(d).await });
)",
       R"(
let rt = Runtime::new()?;
let handle = rt.handle().clone();
handle.block_on(async { tokio::time::sleep(d).await });
drop(rt);
)"},
      {"ownership/block-in-place", Severity::kError, "`block_in_place` where Tokio refuses it",
       PageText({
           "\"Can call blocking only when running on the multi-threaded runtime.\"",
           "`block_in_place` hands the worker's other tasks to another thread. A current_thread runtime has no other "
           "one, and "
           "the tasks of a `LocalSet` may not move.",
           "The op runs in the async context of a current_thread runtime or of a `local_set`.",
           "On a plain thread or in a `spawn_blocking` closure it just runs its body.",
       }),
       R"({
  "name": "block-in-place",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "job", "body": [
        { "op": "block_in_place", "body": [] } ] },
      { "op": "await", "on": "job" } ] }
  ]
})",
       R"({
  "name": "block-in-place-fixed",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "job", "body": [
        { "op": "spawn_blocking", "as": "part", "body": [] },
        { "op": "await", "on": "part" } ] },
      { "op": "await", "on": "job" } ] }
  ]
})",
       R"(
#[tokio::main(flavor = "current_thread")]
async fn main() {
    tokio::task::block_in_place(|| parse_big_file());
}
)",
       R"(
#[tokio::main(flavor = "current_thread")]
async fn main() {
    tokio::task::spawn_blocking(|| parse_big_file()).await.unwrap();
}
)"},
      {"ownership/local-context", Severity::kError, "`spawn_local` outside its `local_set`",
       PageText({
           "\"`spawn_local` called from outside of a `task::LocalSet`.\"",
           "A local task stays on the thread that polls its `LocalSet`. `spawn_local` finds that set only while it is "
           "being "
           "polled (`run_until`, `LocalSet::block_on`, awaiting the set); a task of `tokio::spawn` is outside again, "
           "even when "
           "it was spawned from inside.",
           "`spawn_local` without `on` runs where no `local_set` is current.",
           "With `on`, the set is named: that works from its own thread at any time.",
       }),
       R"({
  "name": "local-context",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn_local", "as": "job", "body": [] },
      { "op": "await", "on": "job" } ] }
  ]
})",
       R"({
  "name": "local-context-fixed",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "set": { "kind": "local_set" } },
  "main": [
    { "op": "block_on", "on": "rt", "local": "set", "body": [
      { "op": "spawn_local", "as": "job", "body": [] },
      { "op": "await", "on": "job" } ] }
  ]
})",
       R"(
rt.block_on(async {
    tokio::task::spawn_local(async { work() }).await.unwrap();
});
)",
       R"(
let set = LocalSet::new();
set.block_on(&rt, async {
    tokio::task::spawn_local(async { work() }).await.unwrap();
});
)"},
  };
}

}  // namespace asyncrt
