// Deadlocks through what a runtime does or does not do: workers, drivers, the blocking pool, shutdown.
#include "core/detect/rules.h"

namespace asyncrt {

std::vector<RuleDef> DeadlockRuntimeRules() {
  return {
      {"deadlock/shutdown", Severity::kError,
       "dropping or shutting down a runtime waits for ever: its drop is part of the stuck set",
       PageText({
           "A runtime is being dropped, and its drop waits for a thread of its own that will never end.",
           "Dropping a `Runtime` cancels its tasks at their next await, but it waits, without limit, for every closure "
           "of "
           "its blocking pool, and for workers that are blocked inside a poll. A closure that waits for a message from "
           "a "
           "task that was cancelled, that loops until a flag is set, or that itself drops the runtime, never ends. "
           "Dropped "
           "inside its own `spawn_blocking` or `block_in_place`, a runtime waits for the very thread that drops it.",
           "In a stuck state, the drop or `shutdown_timeout` of a runtime is one of the waits of a root.",
           "`shutdown_background` and `shutdown_timeout` with a limit return in any case. A drop in an async context "
           "does "
           "not wait: it panics, `ownership/drop-in-async`. One that takes long but ends is "
           "`starvation/slow-shutdown`.",
       }),
       R"({
  "name": "shutdown",
  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 1 } },
  "main": [
    { "op": "block_on", "on": "rt.handle", "body": [
      { "op": "spawn_blocking", "as": "closer", "body": [
        { "op": "drop", "on": "rt" } ] },
      { "op": "await", "on": "closer" } ] }
  ]
})",
       R"({
  "name": "shutdown-fixed",
  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 1 } },
  "main": [
    { "op": "block_on", "on": "rt.handle", "body": [
      { "op": "spawn_blocking", "as": "closer", "body": [] },
      { "op": "await", "on": "closer" } ] },
    { "op": "drop", "on": "rt" }
  ]
})",
       R"(
let handle = rt.handle().clone();
handle.block_on(async {
    tokio::task::spawn_blocking(move || drop(rt))  // waits for this very thread
        .await
        .unwrap();
});
)",
       R"(
rt.block_on(async {
    tokio::task::spawn_blocking(|| work()).await.unwrap();
});
drop(rt);  // on a thread that is not the runtime's own
)"},
      {"deadlock/blocking-pool", Severity::kError,
       "a queued blocking closure that is waited for can never start, since every pool thread is stuck",
       PageText({
           "Somebody waits for a `spawn_blocking` closure that is still in the queue, and every thread of the pool is "
           "stuck: in the end, all of them wait for what is queued behind them.",
           "The pool has `max_blocking_threads` threads (512 unless configured), and a closure keeps its thread until "
           "it "
           "returns. A closure that waits for another closure needs two threads, n nested ones need n. Each concurrent "
           "`block_in_place` takes a pool thread as well, to carry on the worker's other tasks: with a full pool the "
           "worker's queue is stranded. Tokio 1.52.0 alone could leave a closure behind a busy thread of a pool with room "
           "for more (https://github.com/tokio-rs/tokio/issues/8056).",
           "In a stuck state, a root waits for a closure that is queued while all pool threads belong to the same "
           "stuck "
           "component.",
           "A pool thread can still become free. If a closure just waits longer than it should, that is "
           "`starvation/blocking-pool`.",
       }),
       R"({
  "name": "blocking-pool",
  "runtimes": { "rt": { "flavor": "current_thread", "max_blocking_threads": 1 } },
  "objects": { "ch": { "kind": "std_channel" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn_blocking", "as": "outer", "body": [
        { "op": "spawn_blocking", "as": "inner", "body": [
          { "op": "send", "on": "ch" } ] },
        { "op": "recv", "on": "ch" } ] },
      { "op": "await", "on": "outer" } ] }
  ]
})",
       R"({
  "name": "blocking-pool-fixed",
  "runtimes": { "rt": { "flavor": "current_thread", "max_blocking_threads": 2 } },
  "objects": { "ch": { "kind": "std_channel" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn_blocking", "as": "outer", "body": [
        { "op": "spawn_blocking", "as": "inner", "body": [
          { "op": "send", "on": "ch" } ] },
        { "op": "recv", "on": "ch" } ] },
      { "op": "await", "on": "outer" } ] }
  ]
})",
       R"(
// max_blocking_threads(1)
tokio::task::spawn_blocking(move || {
    let handle = tokio::runtime::Handle::current();
    handle.spawn_blocking(move || tx.send(load()).unwrap());  // queued behind this closure
    rx.recv().unwrap()
}).await
)",
       R"(
// The first closure returns, and so gives its thread back, before the second one is waited for.
let part = tokio::task::spawn_blocking(load).await?;
tokio::task::spawn_blocking(move || combine(part)).await
// Or: max_blocking_threads of at least the deepest nesting.
)"},
      {"deadlock/undriven-runtime", Severity::kError,
       "a task, timer or I/O of a `current_thread` runtime (or `local_set`) is waited for, while no thread is, or ever "
       "will be, in its `block_on`",
       PageText({
           "Work of a current_thread runtime is waited for, and no thread runs that runtime.",
           "A current_thread runtime has no thread of its own. Its tasks, timers and I/O make progress only while some "
           "thread is inside `Runtime::block_on`. `Handle::block_on` is not that: it polls its own future on the "
           "calling "
           "thread and drives nothing, so a `spawn` and an await of the task, or a `sleep`, inside it never end. Local "
           "tasks, in the same way, run only while their `LocalSet` is polled.",
           "In a stuck state, a root waits for a task, timer or I/O of a runtime that no thread drives and that nobody "
           "who "
           "can still run will drive.",
           "A thread is inside `block_on` of the runtime but blocked in a poll: then it is `deadlock/blocked-workers`. "
           "A "
           "second `Runtime::block_on` takes over when the first one returns, so it is no finding by itself.",
       }),
       R"({
  "name": "undriven-runtime",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "main": [
    { "op": "spawn_thread", "as": "helper", "body": [
      { "op": "block_on", "on": "rt.handle", "body": [
        { "op": "spawn", "as": "work", "body": [] },
        { "op": "await", "on": "work" } ] } ] },
    { "op": "join_thread", "on": "helper" }
  ]
})",
       R"({
  "name": "undriven-runtime-fixed",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "done": { "kind": "oneshot" } },
  "main": [
    { "op": "spawn_thread", "as": "helper", "body": [
      { "op": "block_on", "on": "rt.handle", "body": [
        { "op": "spawn", "as": "work", "body": [] },
        { "op": "await", "on": "work" } ] },
      { "op": "send", "on": "done" } ] },
    { "op": "block_on", "on": "rt", "body": [
      { "op": "recv", "on": "done" } ] },
    { "op": "join_thread", "on": "helper" }
  ]
})",
       R"(
let rt = Builder::new_current_thread().enable_all().build()?;
let handle = rt.handle().clone();
thread::spawn(move || {
    handle.block_on(async { tokio::spawn(work()).await.unwrap() })  // nobody runs `work`
}).join().unwrap();
)",
       R"(
let rt = Builder::new_current_thread().enable_all().build()?;
let handle = rt.handle().clone();
let helper = thread::spawn(move || {
    handle.block_on(async { tokio::spawn(work()).await.unwrap() });
    done.send(()).unwrap();
});
rt.block_on(async { finished.await.unwrap() });  // this thread drives the runtime meanwhile
helper.join().unwrap();
)"},
      {"deadlock/driver", Severity::kError,
       "a timer is due or I/O is ready, a waiter depends on it, and no thread that could poll the driver ever will",
       PageText({
           "A timer has expired, or I/O is ready, but it takes a thread to notice that, and the one that should is "
           "blocked.",
           "A multi_thread runtime has one driver. A worker polls it while it parks; the other idle workers sleep on "
           "condition variables, without a timeout. When the driver wakes its worker with exactly one task, that "
           "worker "
           "runs the task and wakes nobody to take over the driver. If that task now blocks the thread, no timer of "
           "the "
           "whole runtime fires any more, although other workers are idle. A `block_on(sleep)` on another thread waits "
           "just the same. On a current_thread runtime the driver belongs to the thread in `block_on`.",
           "In a stuck state, a timer is due or I/O is ready, a party of a root depends on it, and no thread that may "
           "poll "
           "the driver can run.",
           "Some worker still parks or ticks (busy workers look at the driver every 61 tasks), two tasks were woken at "
           "once "
           "(the worker then wakes another one), or the blocking is inside `block_in_place`. If the blocking ends, the "
           "delay is `starvation/late-timer`.",
       }),
       R"({
  "name": "driver",
  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 2 } },
  "objects": { "ch": { "kind": "std_channel" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "bad", "body": [
        { "op": "sleep", "for": "1ms" },
        { "op": "recv", "on": "ch" } ] },
      { "op": "sleep", "for": "5ms" },
      { "op": "send", "on": "ch" },
      { "op": "await", "on": "bad" } ] }
  ]
})",
       R"({
  "name": "driver-fixed",
  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 2 } },
  "objects": { "ch": { "kind": "mpsc" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "good", "body": [
        { "op": "sleep", "for": "1ms" },
        { "op": "recv", "on": "ch" } ] },
      { "op": "sleep", "for": "5ms" },
      { "op": "send", "on": "ch" },
      { "op": "await", "on": "good" } ] }
  ]
})",
       R"(
let task = tokio::spawn(async move {
    sleep(Duration::from_millis(1)).await;
    rx.recv().unwrap()                     // std::sync::mpsc: blocks the worker that had the driver
});
sleep(Duration::from_millis(5)).await;     // never fires
tx.send(()).unwrap();
)",
       R"(
let (tx, mut rx) = tokio::sync::mpsc::unbounded_channel();
let task = tokio::spawn(async move {
    sleep(Duration::from_millis(1)).await;
    rx.recv().await                        // suspends the task; the worker parks and polls the driver
});
sleep(Duration::from_millis(5)).await;
tx.send(()).unwrap();
)"},
      {"deadlock/blocked-workers", Severity::kError,
       "a ready task or root future can run only on workers or driving threads that are all blocked, for ever, in ops "
       "that "
       "do not yield",
       PageText({
           "Something is ready to run, and everyone who could run it is blocked in an operation that does not give the "
           "thread back; and what they wait for depends on that very thing.",
           "A task is polled by a worker thread. A suspending wait (`rx.recv().await`) gives the thread back; a "
           "blocking one "
           "(`std` channels and locks, `thread::join`, a foreign `block_on`) keeps it, and Tokio does not notice. With "
           "W "
           "workers, W such waits stop the runtime. One is enough when the work is private to the blocked worker: a "
           "task "
           "that was spawned or woken last stands in its LIFO slot, and a task that called `yield_now` (or, since "
           "1.44, "
           "ran out of budget) in its deferred list. No other worker can steal from either, however idle it is. Under "
           "`--scheduler exact` there is a rarer way: a worker is refused the search for work while another one searches, "
           "and goes to sleep without a last look, so that nobody takes what came meanwhile (\"needs a scheduler race\").",
           "In a stuck state, a party of a root depends on a ready task, and every thread that could poll it, given "
           "where it "
           "is queued, is blocked for ever.",
           "Another worker can take the task; the sender is an OS thread; a timer ends the wait; the wait is inside "
           "`block_in_place`, which hands the worker's queue to another thread first.",
       }),
       R"({
  "name": "blocked-workers",
  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 1 } },
  "objects": { "ch": { "kind": "std_channel" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "consumer", "body": [
        { "op": "spawn", "as": "producer", "body": [
          { "op": "send", "on": "ch" } ] },
        { "op": "recv", "on": "ch" },
        { "op": "await", "on": "producer" } ] },
      { "op": "await", "on": "consumer" } ] }
  ]
})",
       R"({
  "name": "blocked-workers-fixed",
  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 1 } },
  "objects": { "ch": { "kind": "mpsc" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "consumer", "body": [
        { "op": "spawn", "as": "producer", "body": [
          { "op": "send", "on": "ch" } ] },
        { "op": "recv", "on": "ch" },
        { "op": "await", "on": "producer" } ] },
      { "op": "await", "on": "consumer" } ] }
  ]
})",
       R"(
let (tx, rx) = std::sync::mpsc::channel();
tokio::spawn(async move {
    tokio::spawn(async move { tx.send(1).unwrap() });  // stands in this worker's LIFO slot
    rx.recv().unwrap()                                 // blocks this worker
})
)",
       R"(
let (tx, mut rx) = tokio::sync::mpsc::unbounded_channel();
tokio::spawn(async move {
    tokio::spawn(async move { tx.send(1).unwrap() });
    rx.recv().await                                    // suspends the task, frees the worker
})
// If the channel must stay: tokio::task::block_in_place(|| rx.recv()), or spawn_blocking.
)"},
  };
}

}  // namespace asyncrt
