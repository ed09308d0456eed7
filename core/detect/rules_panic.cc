#include "core/detect/rules.h"

namespace asyncrt {

std::vector<RuleDef> PanicRules() {
  return {
      {"panic/thread", Severity::kError, "main or a thread panics",
       PageText({
           "A thread, main included, ends by a panic.",
           "Most often an `unwrap` of something that fails on some schedules only: a channel whose other end is gone, "
           "a "
           "`JoinError`, an elapsed timeout. In a scenario every op that can fail and has no `or` panics, as "
           "`.unwrap()` "
           "would.",
           "A panic starts on a thread and no more specific rule (`ownership/*`, `panic/assert`) says what it is.",
           "The op has an `or`; the panic is caught; or it only passes on a panic that has its own finding already.",
       }),
       R"({
  "name": "panic-in-thread",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "reply": { "kind": "oneshot" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "server", "body": [
        { "op": "drop", "on": "reply.tx" } ] },
      { "op": "recv", "on": "reply" },
      { "op": "await", "on": "server" } ] }
  ]
})",
       R"({
  "name": "panic-in-thread-fixed",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "reply": { "kind": "oneshot" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "server", "body": [
        { "op": "drop", "on": "reply.tx" } ] },
      { "op": "recv", "on": "reply", "or": [] },
      { "op": "await", "on": "server" } ] }
  ]
})",
       R"(
let answer = reply.await.unwrap();        // RecvError: the server has dropped the sender
)",
       R"(
let Ok(answer) = reply.await else {
    return Err(Error::ServerGone);
};
)"},
      {"panic/assert", Severity::kError, "an assertion fails",
       PageText({
           "An `assert` of the scenario does not hold on some schedule.",
           "The order of events that the assertion takes for granted is not the only one: an update is lost between a "
           "read "
           "and a write, a message comes before another one, a task has not run yet.",
           "The condition is false when the op is executed. The schedule shows the order that makes it so.",
           "No schedule makes it false; with a complete exploration that is a proof.",
       }),
       R"({
  "name": "lost-update",
  "objects": { "total": { "kind": "atomic" } },
  "main": [
    { "op": "spawn_thread", "as": "adder", "count": 2, "body": [
      { "op": "set", "var": "seen", "to": "total" },
      { "op": "store", "on": "total", "value": "seen + 1" } ] },
    { "op": "join_thread", "on": "adder" },
    { "op": "assert", "cond": "total == 2" }
  ]
})",
       R"({
  "name": "lost-update-fixed",
  "objects": { "total": { "kind": "atomic" } },
  "main": [
    { "op": "spawn_thread", "as": "adder", "count": 2, "body": [
      { "op": "add", "on": "total", "value": 1 } ] },
    { "op": "join_thread", "on": "adder" },
    { "op": "assert", "cond": "total == 2" }
  ]
})",
       R"(
let seen = total.load(SeqCst);
total.store(seen + 1, SeqCst);            // another thread may have stored in between
)",
       R"(
total.fetch_add(1, SeqCst);
)"},
      {"panic/task", Severity::kWarning, "a task panics and nobody looks at its `JoinError`",
       PageText({
           "A task ended by a panic, and the program does not learn about it.",
           "Tokio catches the panic and puts it into the `JoinHandle`. If the handle was dropped, a line on stderr is "
           "all "
           "that remains: whatever the task was for silently no longer happens.",
           "A task panics and its handle is dropped, or never awaited. In a stuck state, too.",
           "Somebody awaits the task and handles the error, or panics for it.",
       }),
       R"({
  "name": "panic-in-task",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "done": { "kind": "oneshot" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "body": [
        { "op": "use", "on": "done.tx" },
        { "op": "panic", "message": "bad input" } ] },
      { "op": "recv", "on": "done", "or": [] } ] }
  ]
})",
       R"({
  "name": "panic-in-task-fixed",
  "runtimes": { "rt": { "flavor": "current_thread" } },
  "objects": { "done": { "kind": "oneshot" } },
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "job", "body": [
        { "op": "use", "on": "done.tx" },
        { "op": "panic", "message": "bad input" } ] },
      { "op": "recv", "on": "done", "or": [] },
      { "op": "await", "on": "job", "or": [] } ] }
  ]
})",
       R"(
tokio::spawn(async move { handle(request).await.unwrap() });   // handle dropped
)",
       R"(
let job = tokio::spawn(async move { handle(request).await });
if let Err(error) = job.await { log(error); }
)"},
  };
}

}  // namespace asyncrt
