// Tasks: what spawns, awaits and aborts them, and what a task does to the thread that polls it.
#include "core/ops/families.h"

namespace asyncrt {
namespace {

std::vector<FieldUse> SpawnFields(std::string_view on, std::string_view body) {
  return {Takes(Field::kAs, "the name of the task"),
          Takes(Field::kOn, on),
          Takes(Field::kBody, body),
          Takes(Field::kRun),
          Takes(Field::kCount),
          Takes(Field::kClone),
          Takes(Field::kInto),
          Takes(Field::kDetached)};
}

}  // namespace

std::vector<OpDef> TaskOps() {
  return {
      RowOn({Kind::kRuntime}, "spawn", Code::kSpawn, kPlain,
            SpawnFields("`rt` or `rt.handle`; absent: the current runtime", "the async body of the task"),
            "starts a task", "tokio::task::spawn"),
      RowOn({Kind::kRuntime}, "spawn_blocking", Code::kSpawnBlocking, kPlain,
            SpawnFields("`rt` or `rt.handle`; absent: the current runtime", "the sync body of the closure"),
            "queues a closure on the runtime's blocking pool", "tokio::task::spawn_blocking"),
      RowOn({Kind::kLocalSet}, "spawn_local", Code::kSpawnLocal, kPlain,
            SpawnFields("the `local_set`; absent: the current one", "the async body of the task"),
            "starts a task on a `local_set`", "tokio::task::spawn_local"),
      Row("block_in_place", Kind::kNone, Code::kBlockInPlace, kBlocks, {Needs(Field::kBody, "the sync body")},
          "runs a sync body after handing the worker's other tasks to another thread", "tokio::task::block_in_place"),
      RowOn({Kind::kTask, Kind::kFuture, Kind::kNotified, Kind::kLocalSet}, "await", Code::kAwait, kWaitsAsync | kFails,
            {Needs(Field::kOn, "a task, a future, a `Notified` or a `local_set`; a `count` name awaits each in order"),
             Takes(Field::kVar)},
            "waits for its end; fails if a task panicked or was cancelled, or if it ended with `fail`",
            "core::future::IntoFuture::into_future", "block_on"),
      Row("abort", Kind::kTask, Code::kAbort, kPlain, {}, "cancels the task at its next await",
          "tokio::task::JoinHandle::abort"),
      Row("yield_now", Kind::kNone, Code::kYieldNow, kWaitsAsync, {}, "lets other tasks run first",
          "tokio::task::yield_now", "thread_yield"),
      Row("unconstrained", Kind::kNone, Code::kUnconstrained, kWaitsAsync,
          {Needs(Field::kBody, "an async body outside the cooperative budget")},
          "runs an async body outside the cooperative budget", "tokio::task::unconstrained", "block_on"),
      Row("pending", Kind::kNone, Code::kPending, kBlocks | kAwaits, {},
          "async: never ready and never woken; sync: blocks the thread for ever", "core::future::pending"),
  };
}

}  // namespace asyncrt
