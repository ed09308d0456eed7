// Threads and runtimes: what owns a thread, enters a runtime or shuts it down.
#include "core/ops/families.h"

namespace asyncrt {

std::vector<OpDef> ThreadOps() {
  return {
      Row("build", Kind::kRuntime, Code::kBuild, kPlain, {}, "builds a declared runtime here, owned by this body",
          "tokio::runtime::Builder::build"),
      RowOn({Kind::kRuntime}, "block_on", Code::kBlockOn, kFails | kBlocks,
            {Needs(Field::kOn, "`rt`, `rt.handle`, `current` (`Handle::current()`) or `futures` (a foreign executor)"),
             Takes(Field::kLocal), Takes(Field::kBody, "the async body"), Takes(Field::kRun)},
            "blocks the thread until an async body has ended; fails if the body ends with `fail`",
            "tokio::runtime::Runtime::block_on"),
      RowOn({Kind::kRuntime}, "enter", Code::kEnter, kPlain,
            {Needs(Field::kOn, "`rt` or `rt.handle`"), Takes(Field::kAs, "the name of the enter guard"),
             Takes(Field::kBody, "held for just this body")},
            "makes the runtime the thread's current one while the guard lives", "tokio::runtime::Runtime::enter"),
      Row("spawn_thread", Kind::kNone, Code::kSpawnThread, kPlain,
          {Takes(Field::kAs, "the name of the thread"), Takes(Field::kBody, "the sync body of the thread"),
           Takes(Field::kRun), Takes(Field::kClone), Takes(Field::kBorrow), Takes(Field::kCount),
           Takes(Field::kDetached)},
          "starts an OS thread", "std::thread::spawn"),
      Row("thread_scope", Kind::kNone, Code::kThreadScope, kBlocks,
          {Needs(Field::kBody, "a sync body; the threads spawned in it are joined at its end")},
          "joins the threads spawned in its body at its end", "std::thread::scope"),
      Row("join_thread", Kind::kThread, Code::kJoinThread, kFails | kBlocks, {Takes(Field::kVar)},
          "blocks until the thread has ended; fails if it panicked", "std::thread::JoinHandle::join"),
      Row("park", Kind::kNone, Code::kPark, kBlocks, {}, "blocks the thread until somebody unparks it",
          "std::thread::park"),
      Row("unpark", Kind::kThread, Code::kUnpark, kPlain, {}, "lets a parked thread, or its next `park`, go on",
          "std::thread::Thread::unpark"),
      Row("shutdown_background", Kind::kRuntime, Code::kShutdownBackground, kPlain, {},
          "shuts the runtime down without waiting for it", "tokio::runtime::Runtime::shutdown_background"),
      Row("shutdown_timeout", Kind::kRuntime, Code::kShutdownTimeout, kBlocks,
          {Needs(Field::kAfter, "how long to wait for the blocking pool")},
          "shuts the runtime down and waits that long at most", "tokio::runtime::Runtime::shutdown_timeout"),
  };
}

}  // namespace asyncrt
