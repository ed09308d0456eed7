// Deadlocks on locks and on what a future that nobody polls holds.
#include "core/detect/rules.h"

namespace asyncrt {

std::vector<RuleDef> DeadlockLockRules() {
  return {
      {"deadlock/relock", Severity::kError,
       "a thread or task waits for a lock that it holds itself, and its own hold is what it waits for",
       PageText({
           "A lock is asked for by its own holder. No other thread and no timer can give it back: the only one who "
           "could is the one who waits.",
           "Neither `std::sync::Mutex` nor `tokio::sync::Mutex` is reentrant. The usual ways to get here are a helper "
           "that locks what its caller has locked already; a guard that lives longer than it looks (the scrutinee of "
           "`if let` and `match` keeps its temporaries until the end of the whole statement, `else` included); and a "
           "blocking call inside a task whose sibling future, polled by the same thread, holds the lock. Upgrading a "
           "read guard to a write guard is the same mistake.",
           "In a stuck state, a root of the wait-for graph waits for a lock whose holder is itself: the sync frame of "
           "the "
           "thread, or the task, that took the guard.",
           "A second read of a rwlock that waits behind a queued writer is `deadlock/read-reentry`; a guard that "
           "belongs to another, suspended task is `deadlock/guard-across-await`.",
       }),
       R"({
  "name": "relock",
  "objects": { "cache": { "kind": "std_mutex" } },
  "main": [
    { "op": "lock", "on": "cache", "body": [
      { "op": "lock", "on": "cache", "body": [] } ] }
  ]
})",
       R"({
  "name": "relock-fixed",
  "objects": { "cache": { "kind": "std_mutex" } },
  "main": [
    { "op": "lock", "on": "cache", "body": [] },
    { "op": "lock", "on": "cache", "body": [] }
  ]
})",
       R"(
let cache = Mutex::new(HashMap::new());
if let Some(hit) = cache.lock().unwrap().get(&key) {
    return hit.clone();
} else {
    // The guard of the scrutinee lives until here.
    cache.lock().unwrap().insert(key, value);
}
)",
       R"(
let cache = Mutex::new(HashMap::new());
let hit = cache.lock().unwrap().get(&key).cloned();  // guard dropped at the `;`
if let Some(hit) = hit {
    return hit;
}
cache.lock().unwrap().insert(key, value);
)"},
      {"deadlock/guard-across-await", Severity::kError,
       "a thread waits for a std lock whose holder is a suspended task or future that only this thread, or threads "
       "stuck "
       "like it, could resume",
       PageText({
           "A task took a `std` lock and was suspended at an await with the guard alive. Then a thread that is needed "
           "to "
           "resume it asked for the same lock and blocked. The lock cannot be released before the task runs, and the "
           "task "
           "cannot run before the lock is released.",
           "A suspended task keeps everything that it owns, guards too. Locking a `std` mutex blocks the OS thread, "
           "not the "
           "task: nothing is handed to another worker, and Tokio does not notice. On a current_thread runtime one "
           "other "
           "task is enough; on a multi_thread one every worker may pile up on the lock, or the holder may wait for "
           "something only the blocked workers provide. `tokio::spawn` refuses such a future, since a std guard is not "
           "Send; `block_on`, `LocalSet` and current_thread main futures accept it.",
           "In a stuck state, a thread waits for a std lock (or a `watch` borrow) whose holder is a suspended task or "
           "future, and every thread that could poll that holder is part of the same stuck component.",
           "The holder can still be resumed by a free worker or by another thread: then it is slow, not stuck. The "
           "hazard "
           "alone is `hazard/guard-across-await`.",
       }),
       R"({
  "name": "guard-across-await",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "m": { "kind": "std_mutex" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "other", "body": [
        { "op": "lock", "on": "m", "body": [] } ] },
      { "op": "lock", "on": "m", "body": [
        { "op": "yield_now" } ] },
      { "op": "await", "on": "other" } ] }
  ]
})",
       R"({
  "name": "guard-across-await-fixed",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "m": { "kind": "std_mutex" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "other", "body": [
        { "op": "lock", "on": "m", "body": [] } ] },
      { "op": "lock", "on": "m", "body": [] },
      { "op": "yield_now" },
      { "op": "await", "on": "other" } ] }
  ]
})",
       R"(
rt.block_on(async {
    let other = tokio::spawn({ let m = m.clone(); async move { *m.lock().unwrap() += 1; } });
    let mut n = m.lock().unwrap();
    tokio::task::yield_now().await;  // `other` runs here and blocks the only thread
    *n += 1;
    drop(n);
    other.await.unwrap();
});
)",
       R"(
rt.block_on(async {
    let other = tokio::spawn({ let m = m.clone(); async move { *m.lock().unwrap() += 1; } });
    *m.lock().unwrap() += 1;         // the guard ends before the await
    tokio::task::yield_now().await;
    other.await.unwrap();
});
// If the guard is needed across the await: tokio::sync::Mutex.
)"},
      {"deadlock/read-reentry", Severity::kError,
       "a second read on a rwlock (or `watch` borrow) waits behind a writer that waits for the first",
       PageText({
           "One party holds a read guard and asks for another one. Between the two a writer has queued. The writer "
           "waits "
           "for the first read guard, the second read waits for the writer.",
           "Sharing does not make reads reentrant. `tokio::sync::RwLock` is fair: who asks later waits behind the "
           "queued "
           "writer. `std::sync::RwLock` promises no order; on Linux a queued writer goes first. "
           "`watch::Receiver::borrow` "
           "is a read guard of a std rwlock, and `send` is the writer.",
           "In a stuck state, a read waits for a writer that waits for a read guard of the same party. A std_rwlock "
           "with "
           "the policy `any` is explored both ways, since std promises neither.",
           "There is no writer, or `readers_first` is what the scenario says. Waiting for a writer of one's own is "
           "`deadlock/relock`.",
       }),
       R"({
  "name": "read-reentry",
  "objects": { "config": { "kind": "std_rwlock" } },
  "main": [
    { "op": "spawn_thread", "as": "reader", "body": [
      { "op": "read", "on": "config", "body": [
        { "op": "read", "on": "config", "body": [] } ] } ] },
    { "op": "spawn_thread", "as": "writer", "body": [
      { "op": "write", "on": "config", "body": [] } ] },
    { "op": "join_thread", "on": "reader" },
    { "op": "join_thread", "on": "writer" }
  ]
})",
       R"({
  "name": "read-reentry-fixed",
  "objects": { "config": { "kind": "std_rwlock" } },
  "main": [
    { "op": "spawn_thread", "as": "reader", "body": [
      { "op": "read", "on": "config", "body": [] },
      { "op": "read", "on": "config", "body": [] } ] },
    { "op": "spawn_thread", "as": "writer", "body": [
      { "op": "write", "on": "config", "body": [] } ] },
    { "op": "join_thread", "on": "reader" },
    { "op": "join_thread", "on": "writer" }
  ]
})",
       R"(
let config = lock.read().unwrap();
// A writer may queue here.
let limit = lock.read().unwrap().limit;  // waits behind the writer, who waits for `config`
)",
       R"(
let config = lock.read().unwrap();
let limit = config.limit;                // use the guard that is there
)"},
      {"deadlock/unpolled-future", Severity::kError,
       "a lock, permit, channel place, sender or notification that somebody waits for belongs to a future that is "
       "alive "
       "and whose owner polls something else",
       PageText({
           "A future holds something, or stands in the queue for it, and nobody polls it any more: its owner is "
           "suspended "
           "on something else. It is not cancelled either, so it does not let go. This has been called a futurelock.",
           "Tokio's mutex and semaphore hand a lock to the first waiter in the queue, whether or not anybody polls it. "
           "A "
           "future that `select!` polls by reference (`&mut fut`) keeps its place when another branch wins. If that "
           "branch's handler, or what follows, asks for the same lock, it queues behind a future that only runs when "
           "it "
           "is polled again. The same happens with a stream of buffered futures that are polled only inside `next`, "
           "and "
           "with a future that was polled once and put aside.",
           "In a stuck state, a wait is for something held by, or promised to, a future that is alive, not finished, "
           "and "
           "whose owner is itself suspended elsewhere.",
           "The future was dropped (a branch given by value is dropped before the handler runs), or its owner polls it "
           "together with what waits for it, in a `join` or in a task of its own.",
       }),
       R"({
  "name": "unpolled-future",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "m": { "kind": "mutex" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "holder", "body": [
        { "op": "lock", "on": "m", "body": [
          { "op": "sleep", "for": "2ms" } ] } ] },
      { "op": "yield_now" },
      { "op": "future", "as": "first", "body": [
        { "op": "lock", "on": "m", "body": [] } ] },
      { "op": "select", "branches": [
        { "await": "first", "then": [] },
        { "await": { "op": "sleep", "for": "1ms" }, "then": [
          { "op": "lock", "on": "m", "body": [] } ] } ] },
      { "op": "await", "on": "holder" } ] }
  ]
})",
       R"({
  "name": "unpolled-future-fixed",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "m": { "kind": "mutex" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "holder", "body": [
        { "op": "lock", "on": "m", "body": [
          { "op": "sleep", "for": "2ms" } ] } ] },
      { "op": "yield_now" },
      { "op": "select", "branches": [
        { "await": { "op": "lock", "on": "m", "body": [] }, "then": [] },
        { "await": { "op": "sleep", "for": "1ms" }, "then": [
          { "op": "lock", "on": "m", "body": [] } ] } ] },
      { "op": "await", "on": "holder" } ] }
  ]
})",
       R"(
let mut first = std::pin::pin!(async { m.lock().await; });
tokio::select! {
    _ = &mut first => {}
    _ = tokio::time::sleep(Duration::from_millis(1)) => {
        // `first` still stands in the queue, and is polled by nobody.
        m.lock().await;
    }
}
)",
       R"(
tokio::select! {
    _ = m.lock() => {}                    // by value: dropped, and out of the queue,
    _ = tokio::time::sleep(Duration::from_millis(1)) => {
        m.lock().await;                   // before this runs
    }
}
)"},
  };
}

}  // namespace asyncrt
