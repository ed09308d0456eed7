// Futures made of futures.
#include "core/ops/families.h"

namespace asyncrt {

std::vector<OpDef> CombinatorOps() {
  return {
      Row("select", Kind::kNone, Code::kSelect, kWaitsAsync,
          {Needs(Field::kBranches, "a list of `await` (an op, a body or a future's name), `then` and `if`"),
           Takes(Field::kElse, "what runs when every branch is disabled; without it: panic"), Takes(Field::kBiased)},
          "waits for the first branch and drops the others", "tokio::select", "block_on"),
      Row("join", Kind::kNone, Code::kJoin, kWaitsAsync | kFails,
          {Needs(Field::kBranches, "a list of bodies or futures' names"), Takes(Field::kBiased), Takes(Field::kTry)},
          "runs all branches to completion in one task; with `try` it can fail", "tokio::join", "block_on"),
      Row("timeout", Kind::kNone, Code::kTimeout, kWaitsAsync | kFails,
          {Needs(Field::kAfter), Takes(Field::kAwait), Takes(Field::kBody, "the same as `await` with a body")},
          "waits, but not longer than `after`; fails when that has elapsed", "tokio::time::timeout", "block_on"),
      Row("future", Kind::kNone, Code::kFuture, kAsyncOnly,
          {Needs(Field::kAs, "the name of the future"), Needs(Field::kBody, "the async body"), Takes(Field::kClone)},
          "creates a future and does not poll it", "core::future::Future", "block_on"),
      Row("poll", Kind::kFuture, Code::kPoll, kAsyncOnly | kFails, {},
          "polls the future once; fails if it is still pending", "futures::poll", "block_on"),
  };
}

}  // namespace asyncrt
