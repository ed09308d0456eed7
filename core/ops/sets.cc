// Sets of tasks and futures.
#include "core/ops/families.h"

namespace asyncrt {

std::vector<OpDef> SetOps() {
  return {
      Row("join_next", Kind::kJoinSet, Code::kJoinNext, kWaitsAsync | kFails, {Takes(Field::kVar)},
          "waits for the next task of the set; fails if there is none, or if that task failed",
          "tokio::task::JoinSet::join_next", "block_on"),
      Row("abort_all", Kind::kJoinSet, Code::kAbortAll, kPlain, {}, "aborts every task of the set",
          "tokio::task::JoinSet::abort_all"),
      Row("shutdown", Kind::kJoinSet, Code::kShutdown, kWaitsAsync, {},
          "aborts every task of the set and waits for them", "tokio::task::JoinSet::shutdown", "block_on"),
      Row("push", Kind::kFuturesUnordered, Code::kPush, kPlain,
          {Needs(Field::kBody, "the async body of the future"), Takes(Field::kClone)},
          "puts a future into the set; it is polled only inside `next`", "futures::stream::FuturesUnordered::push"),
      Row("next", Kind::kFuturesUnordered, Code::kNext, kWaitsAsync | kFails, {Takes(Field::kVar)},
          "polls the futures of the set until one has ended; fails if there is none, or if that one failed",
          "futures::stream::StreamExt::next", "block_on"),
      Row("run_until", Kind::kLocalSet, Code::kRunUntil, kWaitsAsync | kFails,
          {Needs(Field::kBody, "an async body; the tasks of the set run along with it")},
          "runs an async body and the tasks of the set; fails if the body ends with `fail`",
          "tokio::task::LocalSet::run_until", "block_on"),
  };
}

}  // namespace asyncrt
