// Starvation: somebody is ready and does not get its turn, or gets it too late.
#include "core/detect/rules.h"

namespace asyncrt {

std::vector<RuleDef> StarvationRules() {
  return {
      {"starvation/never-polled", Severity::kError,
       "an endless fair run in which a ready task, or a ready branch of one, is never polled",
       PageText({
           "Somebody is ready to run, for ever, and is never polled, although every thread does its share.",
           "`select!` with `biased` polls its branches in order and stops at the first that is ready: one that always "
           "is "
           "hides all below it. A task that never yields keeps its worker; what stands in that worker's LIFO slot or "
           "deferred list cannot be taken by others. A `current_thread` runtime polls nothing else while one poll "
           "lasts.",
           "A cycle of states is found in which every thread that can run does run (weak fairness), an unbiased "
           "`select` "
           "and a fair `choose` do not avoid a ready branch, and yet one ready party is polled nowhere in the cycle.",
           "The cycle needs a timer to fire again and again under adversarial timing, or an unfair choice: then it is "
           "not "
           "what a machine would do for ever.",
       }),
       R"({
  "name": "never-polled",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "jobs": { "kind": "mpsc" }, "stop": { "kind": "oneshot" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "send", "on": "jobs" },
      { "op": "send", "on": "stop" },
      { "op": "loop", "body": [
        { "op": "select", "biased": true, "branches": [
          { "await": { "op": "recv", "on": "jobs" }, "then": [
            { "op": "send", "on": "jobs", "note": "try it again later" } ] },
          { "await": { "op": "recv", "on": "stop" }, "then": [
            { "op": "break" } ] } ] } ] },
      { "op": "recv", "on": "jobs" } ] }
  ]
})",
       R"({
  "name": "never-polled-fixed",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "jobs": { "kind": "mpsc" }, "stop": { "kind": "oneshot" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "send", "on": "jobs" },
      { "op": "send", "on": "stop" },
      { "op": "loop", "body": [
        { "op": "select", "branches": [
          { "await": { "op": "recv", "on": "jobs" }, "then": [
            { "op": "send", "on": "jobs", "note": "try it again later" } ] },
          { "await": { "op": "recv", "on": "stop" }, "then": [
            { "op": "break" } ] } ] } ] },
      { "op": "recv", "on": "jobs" } ] }
  ]
})",
       R"(
loop {
    tokio::select! {
        biased;
        job = jobs.recv() => retry_later(job),    // puts it back: always ready
        _ = &mut stop => break,                   // never reached
    }
}
)",
       R"(
loop {
    tokio::select! {
        biased;
        _ = &mut stop => break,                   // what must not be missed comes first
        job = jobs.recv() => retry_later(job),
    }
}
)"},
      {"starvation/livelock", Severity::kError, "an endless fair run in which main never ends though nobody is stuck",
       PageText({
           "Everybody runs, and nothing gets on: the program repeats itself for ever.",
           "Spinning on a flag that is set only after the spinner has gone on, endless retry of an operation that "
           "cannot "
           "succeed, two parties that step back for each other in lock step. `yield_now` in the loop makes it polite, "
           "not "
           "finite.",
           "A cycle of states is found that is fair to all threads and branches and in which main does not end. "
           "Whoever waits "
           "for a spinner belongs to the same finding.",
           "Somebody is stuck (a deadlock rule), or is ready and never polled (`starvation/never-polled`).",
       }),
       R"({
  "name": "livelock",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "ready": { "kind": "atomic" }, "go": { "kind": "oneshot" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "setter", "body": [
        { "op": "recv", "on": "go" },
        { "op": "store", "on": "ready", "value": 1 } ] },
      { "op": "while", "cond": "ready == 0", "body": [
        { "op": "yield_now" } ] },
      { "op": "send", "on": "go" },
      { "op": "await", "on": "setter" } ] }
  ]
})",
       R"({
  "name": "livelock-fixed",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "ready": { "kind": "atomic" }, "go": { "kind": "oneshot" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "setter", "body": [
        { "op": "recv", "on": "go" },
        { "op": "store", "on": "ready", "value": 1 } ] },
      { "op": "send", "on": "go" },
      { "op": "while", "cond": "ready == 0", "body": [
        { "op": "yield_now" } ] },
      { "op": "await", "on": "setter" } ] }
  ]
})",
       R"(
let setter = tokio::spawn(async move { go.await.unwrap(); ready2.store(1, SeqCst); });
while ready.load(SeqCst) == 0 {
    tokio::task::yield_now().await;               // the setter waits for `start`, below
}
start.send(()).unwrap();
)",
       R"(
let setter = tokio::spawn(async move { go.await.unwrap(); ready2.store(1, SeqCst); });
start.send(()).unwrap();
while ready.load(SeqCst) == 0 {
    tokio::task::yield_now().await;               // better: setter.await, or a Notify
}
)"},
      {"starvation/delayed-task", Severity::kWarning,
       "under ideal timing a ready task waits longer than `thresholds.starvation`",
       PageText({
           "A task was ready and was polled only much later.",
           "Cooperative scheduling: whoever does not reach an await keeps the thread. On a multi_thread runtime other "
           "workers steal, but not from the LIFO slot and not from the deferred list of a busy worker, and not while they "
           "sleep and nobody tells them (which `--scheduler exact` finds where it takes a race).",
           "Under ideal timing, the time between the moment at which a task becomes ready and its poll is longer than "
           "`thresholds.starvation` (100ms unless set).",
           "Adversarial timing, where any delay is possible, is not asked; and if it never comes to its turn it is an "
           "error.",
       }),
       R"({
  "name": "delayed-task",
  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 2 } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "cruncher", "body": [
        { "op": "spawn", "as": "quick", "body": [] },
        { "op": "compute", "for": "200ms" },
        { "op": "await", "on": "quick" } ] },
      { "op": "await", "on": "cruncher" } ] }
  ]
})",
       R"({
  "name": "delayed-task-fixed",
  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 2 } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "cruncher", "body": [
        { "op": "spawn", "as": "quick", "body": [] },
        { "op": "spawn_blocking", "as": "crunch", "body": [
          { "op": "compute", "for": "200ms" } ] },
        { "op": "await", "on": "crunch" },
        { "op": "await", "on": "quick" } ] },
      { "op": "await", "on": "cruncher" } ] }
  ]
})",
       R"(
tokio::spawn(async {
    let quick = tokio::spawn(async { reply().await });  // in this worker's LIFO slot
    crunch();                                           // 200 ms
    quick.await
});
)",
       R"(
tokio::spawn(async {
    let quick = tokio::spawn(async { reply().await });
    tokio::task::spawn_blocking(crunch).await.unwrap();
    quick.await
});
)"},
      {"starvation/blocked-worker", Severity::kWarning,
       "under ideal timing a worker (or a `current_thread` driver) is held longer than `thresholds.blocking` between "
       "two "
       "yields",
       PageText({
           "One poll took too long: it computed, slept or blocked on the worker's own thread.",
           "`thread::sleep`, file access, heavy computation, a `std` lock that is held for long. A rule of thumb says "
           "that no "
           "more than 10 to 100 microseconds should pass between two awaits; the default threshold is far above.",
           "Under ideal timing, a worker is between two yields for longer than `thresholds.blocking` (10ms unless "
           "set).",
           "Inside `spawn_blocking` and `block_in_place`, and on threads that drive nothing.",
       }),
       R"({
  "name": "blocked-worker",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "job", "body": [
        { "op": "thread_sleep", "for": "50ms" } ] },
      { "op": "await", "on": "job" } ] }
  ]
})",
       R"({
  "name": "blocked-worker-fixed",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "job", "body": [
        { "op": "sleep", "for": "50ms" } ] },
      { "op": "await", "on": "job" } ] }
  ]
})",
       R"(
tokio::spawn(async {
    std::thread::sleep(Duration::from_millis(50));
});
)",
       R"(
tokio::spawn(async {
    tokio::time::sleep(Duration::from_millis(50)).await;
});
)"},
      {"starvation/late-timer", Severity::kWarning,
       "under ideal timing a due timer or ready I/O waits longer than `thresholds.starvation` for the driver",
       PageText({
           "A timer was due, or I/O was ready, and the driver was looked at only much later.",
           "Somebody has to poll the driver: a worker that parks, or every 61 tasks. A worker that the driver woke "
           "with "
           "one task and that then blocks takes the driver out of service for the whole runtime, idle workers or not. "
           "So a "
           "`timeout` fires late exactly when it would be needed.",
           "Under ideal timing, the time between a deadline and its processing is longer than `thresholds.starvation`.",
           "It never fires: `deadlock/driver`.",
       }),
       R"({
  "name": "late-timer",
  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 2 } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "bad", "body": [
        { "op": "sleep", "for": "1ms" },
        { "op": "thread_sleep", "for": "200ms" } ] },
      { "op": "sleep", "for": "5ms" },
      { "op": "await", "on": "bad" } ] }
  ]
})",
       R"({
  "name": "late-timer-fixed",
  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 2 } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "good", "body": [
        { "op": "sleep", "for": "1ms" },
        { "op": "sleep", "for": "200ms" } ] },
      { "op": "sleep", "for": "5ms" },
      { "op": "await", "on": "good" } ] }
  ]
})",
       R"(
tokio::spawn(async {
    tokio::time::sleep(Duration::from_millis(1)).await;
    std::thread::sleep(Duration::from_millis(200));     // the other worker sleeps without a timeout
});
tokio::time::sleep(Duration::from_millis(5)).await;     // ends after 201 ms
)",
       R"(
tokio::spawn(async {
    tokio::time::sleep(Duration::from_millis(1)).await;
    tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(200))).await.unwrap();
});
tokio::time::sleep(Duration::from_millis(5)).await;
)"},
      {"starvation/blocking-pool", Severity::kWarning,
       "under ideal timing a blocking closure waits longer than `thresholds.starvation` for a pool thread",
       PageText({
           "A `spawn_blocking` closure waited in the queue because all pool threads were busy.",
           "The pool has `max_blocking_threads` threads. Closures that live for as long as the program does (a reader "
           "of "
           "stdin, a consumer loop) take one each for good.",
           "Under ideal timing, a closure is queued for longer than `thresholds.starvation`.",
           "It can never start: `deadlock/blocking-pool`.",
       }),
       R"({
  "name": "busy-blocking-pool",
  "runtimes": { "rt": { "flavor": "current_thread", "max_blocking_threads": 1 } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn_blocking", "as": "first", "body": [
        { "op": "thread_sleep", "for": "200ms" } ] },
      { "op": "spawn_blocking", "as": "second", "body": [] },
      { "op": "await", "on": "first" },
      { "op": "await", "on": "second" } ] }
  ]
})",
       R"({
  "name": "busy-blocking-pool-fixed",
  "runtimes": { "rt": { "flavor": "current_thread", "max_blocking_threads": 2 } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn_blocking", "as": "first", "body": [
        { "op": "thread_sleep", "for": "200ms" } ] },
      { "op": "spawn_blocking", "as": "second", "body": [] },
      { "op": "await", "on": "first" },
      { "op": "await", "on": "second" } ] }
  ]
})",
       R"(
let rt = Builder::new_current_thread().max_blocking_threads(1).build()?;
rt.spawn_blocking(|| watch_folder_for_ever());
rt.spawn_blocking(|| read_config());                    // waits behind it
)",
       R"(
let rt = Builder::new_current_thread().build()?;
std::thread::spawn(|| watch_folder_for_ever());         // a thread of its own
rt.spawn_blocking(|| read_config());
)"},
      {"starvation/slow-shutdown", Severity::kWarning,
       "under ideal timing dropping or shutting down a runtime takes longer than `thresholds.starvation`",
       PageText({
           "The drop of a runtime took long.",
           "It waits for every closure of the blocking pool and for workers inside a poll. On a current_thread "
           "runtime, "
           "`shutdown_timeout` waits for the pool first and drops the tasks afterwards, so that a closure which waits "
           "for "
           "something that a task holds costs the whole timeout.",
           "Under ideal timing, a drop, `shutdown_timeout` or the end of main takes longer than "
           "`thresholds.starvation`.",
           "`shutdown_background` does not wait. A drop that never ends is `deadlock/shutdown`.",
       }),
       R"({
  "name": "slow-shutdown",
  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 1 } },
  "main": [
    { "op": "spawn_blocking", "on": "rt", "as": "poller", "body": [
      { "op": "thread_sleep", "for": "200ms" } ] },
    { "op": "drop", "on": "rt" }
  ]
})",
       R"({
  "name": "slow-shutdown-fixed",
  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 1 } },
  "main": [
    { "op": "spawn_blocking", "on": "rt", "as": "poller", "body": [
      { "op": "thread_sleep", "for": "200ms" } ] },
    { "op": "shutdown_timeout", "on": "rt", "after": "10ms" }
  ]
})",
       R"(
rt.spawn_blocking(|| loop { poll_device(Duration::from_secs(30)) });
drop(rt);
)",
       R"(
rt.spawn_blocking(move || while !stop.load(Relaxed) { poll_device(Duration::from_millis(50)) });
stop2.store(true, Relaxed);
rt.shutdown_timeout(Duration::from_millis(100));
)"},
      {"starvation/lock", Severity::kWarning, "a waiter on an unfair lock can be overtaken for ever",
       PageText({
           "Somebody waits for a lock that becomes free again and again, and it need never be its turn.",
           "`std`'s locks hand the lock to whoever comes, not to whoever waits: a thread that unlocks and locks again "
           "in a "
           "loop can win every time. Tokio's locks are fair: first come, first served.",
           "An endless run exists in which the lock is free infinitely often and the waiter never gets it.",
           "The lock is a Tokio one, or the competition ends.",
       }),
       R"({
  "name": "unfair-lock",
  "objects": { "m": { "kind": "std_mutex" } },
  "main": [
    { "op": "spawn_thread", "detached": true, "body": [
      { "op": "loop", "body": [
        { "op": "lock", "on": "m", "body": [
          { "op": "thread_yield" } ] } ] } ] },
    { "op": "lock", "on": "m", "body": [] }
  ]
})",
       R"({
  "name": "unfair-lock-fixed",
  "objects": { "m": { "kind": "mutex" } },
  "main": [
    { "op": "spawn_thread", "detached": true, "body": [
      { "op": "loop", "body": [
        { "op": "blocking_lock", "on": "m", "body": [
          { "op": "thread_yield" } ] } ] } ] },
    { "op": "blocking_lock", "on": "m", "body": [] }
  ]
})",
       R"(
thread::spawn(move || loop { stats2.lock().unwrap().update(); });
stats.lock().unwrap().print();
)",
       R"(
thread::spawn(move || loop { stats2.blocking_lock().update(); });  // tokio::sync::Mutex: a queue
stats.blocking_lock().print();
)"},
  };
}

}  // namespace asyncrt
