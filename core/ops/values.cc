// Values: what drops, leaks, mentions and makes them.
#include "core/ops/families.h"

namespace asyncrt {
namespace {

// Values that somebody owns. A lock or a semaphore stands for the latest guard or permit of it.
std::vector<Kind> OwnedKinds() {
  return {Kind::kRuntime,  Kind::kStdChannel, Kind::kOneshot, Kind::kMpsc,    Kind::kBroadcast, Kind::kWatch,
          Kind::kIo,       Kind::kTask,       Kind::kThread,  Kind::kFuture,  Kind::kNotified,  Kind::kPermit,
          Kind::kGuard,    Kind::kEnterGuard, Kind::kValue,   Kind::kJoinSet, Kind::kLocalSet,  Kind::kFuturesUnordered,
          Kind::kStdMutex, Kind::kStdRwlock,  Kind::kMutex,   Kind::kRwlock,  Kind::kSemaphore};
}

std::vector<Kind> EveryKind() {
  std::vector<Kind> kinds = OwnedKinds();
  for (Kind kind : {Kind::kStdCondvar, Kind::kStdBarrier, Kind::kStdOnce, Kind::kAtomic, Kind::kCell, Kind::kNotify,
                    Kind::kBarrier, Kind::kOnceCell, Kind::kCancellationToken}) {
    kinds.push_back(kind);
  }
  return kinds;
}

}  // namespace

std::vector<OpDef> ValueOps() {
  return {
      RowOn(OwnedKinds(), "drop", Code::kDrop, kBlocks,
            {Needs(Field::kOn, "the value; a lock or a semaphore: the latest guard or permit of it")},
            "drops a value: detaches a task, cancels a future, releases a guard, shuts a runtime down",
            "core::mem::drop"),
      RowOn(OwnedKinds(), "forget", Code::kForget, kPlain,
            {Needs(Field::kOn, "the value; a lock or a semaphore: the latest guard or permit of it")},
            "leaks a value: its destructor never runs", "core::mem::forget"),
      RowOn(EveryKind(), "use", Code::kUse, kPlain, {Needs(Field::kOn, "the value")},
            "mentions a value, so that a body captures it", "core::convert::identity"),
      Row("value", Kind::kNone, Code::kMakeValue, kPlain,
          {Needs(Field::kAs, "the name of the value"), Takes(Field::kShared), Takes(Field::kSend), Takes(Field::kClone),
           Takes(Field::kDropBody)},
          "makes a value whose destructor captures what it mentions", "core::ops::Drop"),
  };
}

}  // namespace asyncrt
