// What takes time.
#include "core/ops/families.h"

namespace asyncrt {

std::vector<OpDef> TimeOps() {
  return {
      Row("sleep", Kind::kNone, Code::kSleep, kWaitsAsync, {Needs(Field::kFor)}, "suspends the task that long",
          "tokio::time::sleep", "thread_sleep"),
      Row("thread_sleep", Kind::kNone, Code::kThreadSleep, kBlocks, {Needs(Field::kFor)}, "blocks the thread that long",
          "std::thread::sleep"),
      Row("thread_yield", Kind::kNone, Code::kThreadYield, kPlain, {}, "lets other threads run first",
          "std::thread::yield_now"),
      Row("compute", Kind::kNone, Code::kCompute, kBlocks, {Needs(Field::kFor)}, "keeps the thread busy that long",
          "core::hint::black_box"),
  };
}

}  // namespace asyncrt
