// Ownership of values: what the compiler of the Rust program would refuse, and what it would not see.
#include "core/detect/rules.h"

namespace asyncrt {

std::vector<RuleDef> OwnershipValueRules() {
  return {
      {"ownership/use-after-move", Severity::kError, "a value is used after it was moved (in Rust: E0382)",
       PageText({
           "A value was moved into a body, a message or a `drop`, and is then used where it no longer is.",
           "Bodies of `spawn`, `spawn_thread`, `spawn_blocking` and their like own what they mention, as `move` "
           "closures do. "
           "A `Runtime` and a `Receiver` cannot be cloned; a `Sender` and a `Handle` can.",
           "Whoever uses a value must own it on every schedule that gets there.",
           "The value is listed in `clone`, or is shared as if in an `Arc` (locks, atomics, semaphores, notifies).",
       }),
       R"({
  "name": "use-after-move",
  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 1 } },
  "main": [
    { "op": "spawn_thread", "as": "owner", "body": [
      { "op": "block_on", "on": "rt", "body": [] } ] },
    { "op": "block_on", "on": "rt", "body": [] },
    { "op": "join_thread", "on": "owner" }
  ]
})",
       R"({
  "name": "use-after-move-fixed",
  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 1 } },
  "main": [
    { "op": "spawn_thread", "as": "owner", "body": [
      { "op": "block_on", "on": "rt.handle", "body": [] } ] },
    { "op": "block_on", "on": "rt", "body": [] },
    { "op": "join_thread", "on": "owner" }
  ]
})",
       R"(
let owner = thread::spawn(move || rt.block_on(work()));
rt.block_on(more());                      // error[E0382]: borrow of moved value: `rt`
)",
       R"(
let handle = rt.handle().clone();
let owner = thread::spawn(move || handle.block_on(work()));
rt.block_on(more());
owner.join().unwrap();
)"},
      {"ownership/borrow-escapes", Severity::kError, "a spawned body borrows what it must own (E0373, E0597)",
       PageText({
           "A thread or task borrows a value of the body that spawned it, and may outlive it.",
           "`thread::spawn` and `tokio::spawn` need `'static`: nothing says that they end first. Only `thread::scope` "
           "does, "
           "since it joins its threads before it returns.",
           "A `borrow` stands on a body that is not a thread of a `thread_scope` around it, or is passed on from "
           "there; what is borrowed moves away before the scope ends; or the handle of a scope's thread leaves the scope.",
           "Inside a `thread_scope`, for its own threads.",
       }),
       R"({
  "name": "borrow-escapes",
  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 1 } },
  "main": [
    { "op": "spawn_thread", "as": "worker", "borrow": ["rt"], "body": [
      { "op": "block_on", "on": "rt", "body": [] } ] },
    { "op": "join_thread", "on": "worker" }
  ]
})",
       R"({
  "name": "borrow-escapes-fixed",
  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 1 } },
  "main": [
    { "op": "thread_scope", "body": [
      { "op": "spawn_thread", "as": "worker", "borrow": ["rt"], "body": [
        { "op": "block_on", "on": "rt", "body": [] } ] } ] }
  ]
})",
       R"(
let worker = thread::spawn(|| rt.block_on(work()));   // error[E0373]: closure may outlive `main`
worker.join().unwrap();
)",
       R"(
thread::scope(|s| {
    s.spawn(|| rt.block_on(work()));
});
)"},
      {"ownership/two-borrows", Severity::kError, "a value is needed mutably while something else has it (E0499, E0502, E0596)",
       PageText({
           "Two branches of one `select` or `join` want the same receiver, or the same set, at once.",
           "Both futures exist at the same time, and each has a `&mut` to the value for as long as it does; who only borrowed it has none.",
           "Two branches of one `select` or `join` receive on the same `rx`, or call `next` on the same set; or a receiver "
           "receives where it is only borrowed: by a thread of a `thread_scope`, or behind a guard that reads.",
           "The `recv` of a std channel borrows it shared, and so do locks and notifies.",
       }),
       R"({
  "name": "two-borrows",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "q": { "kind": "mpsc" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "send", "on": "q" },
      { "op": "select", "branches": [
        { "await": { "op": "recv", "on": "q" } },
        { "await": { "op": "recv", "on": "q" } } ] } ] }
  ]
})",
       R"({
  "name": "two-borrows-fixed",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "q": { "kind": "mpsc" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "send", "on": "q" },
      { "op": "select", "branches": [
        { "await": { "op": "recv", "on": "q" } } ] } ] }
  ]
})",
       R"(
tokio::select! {
    a = rx.recv() => first(a),
    b = rx.recv() => second(b),           // error[E0499]: cannot borrow `rx` as mutable more than once
}
)",
       R"(
match rx.recv().await {
    Some(Message::First(a)) => first(a),
    Some(Message::Second(b)) => second(b),
    None => {}
}
)"},
      {"ownership/not-send", Severity::kError,
       "a value that is not Send (or, shared, not Sync) crosses threads, or is held across an await in a spawned task",
       PageText({
           "Something that must stay on its thread would move to another one.",
           "A task of a multi_thread runtime may be resumed by another worker after each await, so all that it holds "
           "there "
           "must be Send. `std` guards, `watch` borrows and enter guards are not, nor is an `Rc`. Tokio's own guards "
           "are.",
           "A value that is not Send is moved into a spawned body or message, or is alive at an await of a spawned "
           "task.",
           "The task is a local one (`spawn_local`), the future of `block_on`, or the guard ends before the await.",
       }),
       R"({
  "name": "not-send",
  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 1 } },
  "objects": { "m": { "kind": "std_mutex" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "job", "body": [
        { "op": "lock", "on": "m", "body": [
          { "op": "yield_now" } ] } ] },
      { "op": "await", "on": "job" } ] }
  ]
})",
       R"({
  "name": "not-send-fixed",
  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 1 } },
  "objects": { "m": { "kind": "std_mutex" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "job", "body": [
        { "op": "lock", "on": "m", "body": [] },
        { "op": "yield_now" } ] },
      { "op": "await", "on": "job" } ] }
  ]
})",
       R"(
tokio::spawn(async move {                 // error: future cannot be sent between threads safely
    let guard = m.lock().unwrap();
    tokio::task::yield_now().await;
    drop(guard);
});
)",
       R"(
tokio::spawn(async move {
    { let mut guard = m.lock().unwrap(); *guard += 1; }
    tokio::task::yield_now().await;
});
)"},
  };
}

}  // namespace asyncrt
