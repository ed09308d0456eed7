// Deadlocks of waits among each other: locks in a circle, channels, notifications, and what is left.
#include "core/detect/rules.h"

namespace asyncrt {

std::vector<RuleDef> DeadlockWaitRules() {
  return {
      {"deadlock/permits", Severity::kError,
       "a semaphore acquire that the permits that can still come back will never satisfy, the missing ones being held "
       "by "
       "nobody who waits",
       PageText({
           "A semaphore is asked for more permits than it has and will ever get back.",
           "Permits get lost: a permit is forgotten (`forget`, a leaked `Arc`), `forget_permits` took them, or the "
           "request "
           "is larger than what the semaphore was made with. `acquire_many(n)` waits for all n at once and keeps "
           "everyone "
           "behind it waiting as well, for the queue is fair.",
           "In a stuck state, a root waits for permits, and those that are free or held by someone who may still run "
           "do not "
           "suffice.",
           "The missing permits are held by somebody who waits: then it is a circle, `deadlock/lock-cycle`.",
       }),
       R"({
  "name": "permits",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "slots": { "kind": "semaphore", "permits": 1 } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "leaky", "body": [
        { "op": "acquire", "on": "slots", "as": "slot" },
        { "op": "forget", "on": "slot" } ] },
      { "op": "await", "on": "leaky" },
      { "op": "acquire", "on": "slots" } ] }
  ]
})",
       R"({
  "name": "permits-fixed",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "slots": { "kind": "semaphore", "permits": 1 } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "leaky", "body": [
        { "op": "acquire", "on": "slots", "as": "slot" },
        { "op": "drop", "on": "slot" } ] },
      { "op": "await", "on": "leaky" },
      { "op": "acquire", "on": "slots" } ] }
  ]
})",
       R"(
let slot = slots.acquire().await.unwrap();
slot.forget();                            // "released by the connection's Drop", which has been removed since
slots.acquire().await.unwrap();           // for ever
)",
       R"(
let slot = slots.acquire().await.unwrap();
drop(slot);                               // or let it go out of scope
slots.acquire().await.unwrap();
)"},
      {"deadlock/barrier", Severity::kError, "too few parties can still arrive",
       PageText({
           "A barrier waits for more parties than there are left.",
           "The number of parties and the number of tasks that arrive are written in two places and drift apart; one "
           "of the "
           "parties returns early, panics or is cancelled; or the parties are tasks and the barrier a `std` one, so "
           "that the "
           "first arrivals hold every worker.",
           "In a stuck state, a root waits at a barrier at which too few of those that can still run may arrive.",
           "The missing party waits for something itself: then its wait names the rule.",
       }),
       R"({
  "name": "barrier",
  "objects": { "start": { "kind": "std_barrier", "parties": 3 } },
  "main": [
    { "op": "spawn_thread", "as": "racer", "count": 2, "body": [
      { "op": "wait", "on": "start" } ] },
    { "op": "join_thread", "on": "racer" }
  ]
})",
       R"({
  "name": "barrier-fixed",
  "objects": { "start": { "kind": "std_barrier", "parties": 3 } },
  "main": [
    { "op": "spawn_thread", "as": "racer", "count": 2, "body": [
      { "op": "wait", "on": "start" } ] },
    { "op": "wait", "on": "start" },
    { "op": "join_thread", "on": "racer" }
  ]
})",
       R"(
let start = Arc::new(Barrier::new(racers + 1));
let threads: Vec<_> = (0..racers).map(|_| { let s = start.clone(); thread::spawn(move || s.wait()) }).collect();
for thread in threads { thread.join().unwrap(); }
)",
       R"(
let start = Arc::new(Barrier::new(racers + 1));
let threads: Vec<_> = (0..racers).map(|_| { let s = start.clone(); thread::spawn(move || s.wait()) }).collect();
start.wait();                             // the starter is a party, too
for thread in threads { thread.join().unwrap(); }
)"},
      {"deadlock/lock-cycle", Severity::kError,
       "a cycle of waits, at least one of them for a lock or a semaphore's permit",
       PageText({
           "Each of several parties holds something that the next one waits for.",
           "Two locks are taken in one order here and in the other order there; two holders of one permit each ask for "
           "a "
           "second; a lock is held while waiting for a reply from someone who needs the lock. It makes no difference "
           "whether "
           "the locks are `std`'s or Tokio's, and none whether the parties are threads or tasks: Tokio's locks suspend "
           "the task instead of blocking the thread, but the circle is the same.",
           "In a stuck state, a strongly connected component of the wait-for graph waits for nothing outside itself, "
           "and one "
           "of its waits is for a lock or a permit.",
           "A more specific rule fits, such as `deadlock/relock` or `deadlock/blocked-workers`. Opposite orders that "
           "cannot "
           "meet in this scenario are `hazard/lock-order`.",
       }),
       R"({
  "name": "lock-cycle",
  "objects": { "a": { "kind": "std_mutex" }, "b": { "kind": "std_mutex" } },
  "main": [
    { "op": "spawn_thread", "as": "left", "body": [
      { "op": "lock", "on": "a" },
      { "op": "lock", "on": "b" } ] },
    { "op": "spawn_thread", "as": "right", "body": [
      { "op": "lock", "on": "b" },
      { "op": "lock", "on": "a" } ] },
    { "op": "join_thread", "on": "left" },
    { "op": "join_thread", "on": "right" }
  ]
})",
       R"({
  "name": "lock-cycle-fixed",
  "objects": { "a": { "kind": "std_mutex" }, "b": { "kind": "std_mutex" } },
  "main": [
    { "op": "spawn_thread", "as": "left", "body": [
      { "op": "lock", "on": "a" },
      { "op": "lock", "on": "b" } ] },
    { "op": "spawn_thread", "as": "right", "body": [
      { "op": "lock", "on": "a" },
      { "op": "lock", "on": "b" } ] },
    { "op": "join_thread", "on": "left" },
    { "op": "join_thread", "on": "right" }
  ]
})",
       R"(
fn transfer(from: &Mutex<Account>, to: &Mutex<Account>) {
    let mut from = from.lock().unwrap();
    let mut to = to.lock().unwrap();      // transfer(x, y) against transfer(y, x)
    ...
}
)",
       R"(
fn transfer(from: &Account, to: &Account) {
    let (first, second) = if from.id < to.id { (from, to) } else { (to, from) };
    let first = first.balance.lock().unwrap();
    let second = second.balance.lock().unwrap();
    ...
}
)"},
      {"deadlock/join-cycle", Severity::kError,
       "a cycle of waits that are all for the end of a task or thread (its own, too)",
       PageText({
           "Tasks or threads wait for each other's end, or one of them for its own.",
           "A `JoinHandle` travelled to where it should not: into the task that it stands for, through a registry that "
           "is "
           "drained by one of its own members, or to a child that waits for its parent while the parent waits for it. "
           "Joining one's own thread panics in `std`; awaiting one's own task just never ends.",
           "In a stuck state, all waits of a root are for the end of a task or thread.",
           "Another kind of wait is part of the circle: then that one names the rule.",
       }),
       R"({
  "name": "join-cycle",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "me": { "kind": "oneshot" }, "done": { "kind": "oneshot" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "looper", "body": [
        { "op": "use", "on": "done.tx" },
        { "op": "recv", "on": "me", "with": ["looper"] },
        { "op": "await", "on": "looper" } ] },
      { "op": "send", "on": "me", "with": ["looper"] },
      { "op": "recv", "on": "done", "or": [] } ] }
  ]
})",
       R"({
  "name": "join-cycle-fixed",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "looper", "body": [] },
      { "op": "await", "on": "looper" } ] }
  ]
})",
       R"(
let (send, recv) = oneshot::channel::<JoinHandle<()>>();
let task = tokio::spawn(async move {
    let all = recv.await.unwrap();        // its own handle
    all.await.unwrap();
});
send.send(task).unwrap();
)",
       R"(
let task = tokio::spawn(async move { work().await });
task.await.unwrap();                      // whoever spawned it waits for it
)"},
      {"deadlock/channel", Severity::kError,
       "a receiver waits while every live sender is stuck, is held by the waiter, lies in a message that nobody will "
       "receive, or was forgotten; or a sender waits for room while the receiver is stuck",
       PageText({
           "A channel is waited for, and whoever could end the wait at the other end cannot.",
           "A receive loop ends when the last sender is dropped, not when the last message has come: one clone that is "
           "kept "
           "(in the receiving function itself, in a struct, in a message in the queue) keeps `recv` waiting. With a "
           "bounded channel, `send` waits for room: two actors that send to each other before they receive fill both "
           "channels and stop, and so does one that sends to itself.",
           "In a stuck state, a root waits to receive while every sender that is alive belongs to the stuck component, "
           "to the "
           "waiter, to an unread message, or was leaked; or it waits for room while the receiver does not receive.",
           "Some sender can still run. When all senders are gone, `recv` fails at once: `panic/*` if that is "
           "unwrapped.",
       }),
       R"({
  "name": "channel",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "q": { "kind": "mpsc" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "producer", "clone": ["q.tx"], "body": [
        { "op": "send", "on": "q" } ] },
      { "op": "loop", "body": [
        { "op": "recv", "on": "q", "or": [
          { "op": "break" } ] } ] },
      { "op": "await", "on": "producer" } ] }
  ]
})",
       R"({
  "name": "channel-fixed",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "q": { "kind": "mpsc" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "producer", "clone": ["q.tx"], "body": [
        { "op": "send", "on": "q" } ] },
      { "op": "drop", "on": "q.tx" },
      { "op": "loop", "body": [
        { "op": "recv", "on": "q", "or": [
          { "op": "break" } ] } ] },
      { "op": "await", "on": "producer" } ] }
  ]
})",
       R"(
let (tx, mut rx) = mpsc::channel(8);
for part in parts {
    let tx = tx.clone();
    tokio::spawn(async move { tx.send(part.run().await).await });
}
while let Some(result) = rx.recv().await { ... }   // `tx` itself is still alive here
)",
       R"(
let (tx, mut rx) = mpsc::channel(8);
for part in parts {
    let tx = tx.clone();
    tokio::spawn(async move { tx.send(part.run().await).await });
}
drop(tx);
while let Some(result) = rx.recv().await { ... }
)"},
      {"deadlock/lost-wakeup", Severity::kError,
       "a waiter waits for a notification that was sent before it listened, was given to a waiter that was cancelled, "
       "or "
       "was used up by an earlier wait; and no other will come",
       PageText({
           "The notification has been sent, and this waiter did not get it.",
           "`notify_waiters` and `Condvar::notify_*` reach only those who listen at that moment and are remembered by "
           "nobody. `notify_one` keeps one permit, not two: two notifications before the first wait are one. Checking "
           "a "
           "condition and then starting to wait leaves a gap in which the notification passes by. A condition variable "
           "without a condition in a loop has that gap built in.",
           "In a stuck state, a root waits for a notification of an object that was notified before in this run, and "
           "nobody "
           "who can still run will do it again.",
           "It never was notified: `deadlock/no-waker`.",
       }),
       R"({
  "name": "lost-wakeup",
  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 1 } },
  "objects": { "bell": { "kind": "notify" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "ringer", "body": [
        { "op": "notify_waiters", "on": "bell" } ] },
      { "op": "notified", "on": "bell" },
      { "op": "await", "on": "ringer" } ] }
  ]
})",
       R"({
  "name": "lost-wakeup-fixed",
  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 1 } },
  "objects": { "bell": { "kind": "notify" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "arm", "on": "bell", "as": "ring" },
      { "op": "spawn", "as": "ringer", "body": [
        { "op": "notify_waiters", "on": "bell" } ] },
      { "op": "await", "on": "ring" },
      { "op": "await", "on": "ringer" } ] }
  ]
})",
       R"(
while !state.is_ready() {
    bell.notified().await;                // notify_waiters() may have come between the two
}
)",
       R"(
loop {
    let mut ring = std::pin::pin!(bell.notified());
    ring.as_mut().enable();               // listens from here on
    if state.is_ready() { break; }
    ring.await;
}
)"},
      {"deadlock/no-waker", Severity::kError,
       "a wait for an event that nothing in the program can produce any more, and none of the above",
       PageText({
           "Somebody waits for something that nothing in the program will ever do.",
           "The one who should have done it returned early, panicked, was aborted, or never existed. A task that "
           "panics "
           "drops its locals, so channels close and guards are released, but a `Notify`, a barrier or a condition "
           "variable that it should have signalled stays silent.",
           "In a stuck state, a root waits and no earlier deadlock rule fits. The `why` of its waits names the panic, "
           "abort or "
           "drop that took the last producer.",
           "The event can still be produced by someone who may run, or by time.",
       }),
       R"({
  "name": "no-waker",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "bell": { "kind": "notify" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "ringer", "body": [
        { "op": "panic", "message": "before the bell" },
        { "op": "notify_one", "on": "bell" } ] },
      { "op": "notified", "on": "bell" },
      { "op": "await", "on": "ringer", "or": [] } ] }
  ]
})",
       R"({
  "name": "no-waker-fixed",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "bell": { "kind": "oneshot" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "ringer", "body": [
        { "op": "use", "on": "bell.tx" },
        { "op": "panic", "message": "before the bell" },
        { "op": "send", "on": "bell" } ] },
      { "op": "recv", "on": "bell", "or": [] },
      { "op": "await", "on": "ringer", "or": [] } ] }
  ]
})",
       R"(
let task = tokio::spawn(async move {
    step().await.unwrap();                // panics
    bell.notify_one();                    // never reached
});
bell2.notified().await;
)",
       R"(
let (tx, rx) = oneshot::channel();
let task = tokio::spawn(async move {
    step().await.unwrap();                // panics, and drops `tx`
    tx.send(()).unwrap();
});
let _ = rx.await;                         // Err: the sender is gone
)"},
      {"deadlock/partial", Severity::kError,
       "a thread or task is stuck for ever while others go on for ever and progress, and none of the above fits",
       PageText({
           "The program as a whole goes on, but one party of it is stuck and will stay so.",
           "In a server nobody waits for every request: a task can hang for ever and only its client notices.",
           "In an endless run, a party never moves again although everything around it does, and no other deadlock "
           "rule "
           "fits its wait.",
           "The party is waiting where waiting is its purpose and somebody can still end it.",
       }),
       "", "", "", ""},
  };
}

}  // namespace asyncrt
