// How the rows of the op table are written: one function per family, each in its own file.
#ifndef ASYNCRT_CORE_OPS_FAMILIES_H_
#define ASYNCRT_CORE_OPS_FAMILIES_H_

#include <string_view>
#include <vector>

#include "core/ops/op.h"

namespace asyncrt {

// What an op can do, added up in a row.
enum Trait : unsigned {
  kPlain = 0,
  kAsyncOnly = 1,  // an input error in a sync body
  kFails = 2,      // takes `or`
  kBlocks = 4,     // can block the thread
  kAwaits = 8,     // can suspend the task
};
constexpr unsigned kWaitsAsync = kAsyncOnly | kAwaits;

// A field with its own sentence, or with the one that fits most ops.
FieldUse Needs(Field field, std::string_view doc = "");
FieldUse Takes(Field field, std::string_view doc = "");

// A row. `on` is put in front of the fields when the row has a kind, `or` behind them when the op can fail.
OpDef Row(std::string_view verb, Kind kind, Code code, unsigned traits, std::vector<FieldUse> fields,
          std::string_view summary, std::string_view models, std::string_view sync_instead = "");
// A row whose `on` may have several kinds; put an `on` field into `fields`.
OpDef RowOn(std::vector<Kind> on_kinds, std::string_view verb, Code code, unsigned traits, std::vector<FieldUse> fields,
            std::string_view summary, std::string_view models, std::string_view sync_instead = "");

std::vector<OpDef> ThreadOps();
std::vector<OpDef> TaskOps();
std::vector<OpDef> ValueOps();
std::vector<OpDef> TimeOps();
std::vector<OpDef> CombinatorOps();
std::vector<OpDef> ControlOps();
std::vector<OpDef> StdSyncOps();
std::vector<OpDef> ChannelOps();
std::vector<OpDef> TokioSyncOps();
std::vector<OpDef> SetOps();
std::vector<OpDef> IoOps();

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_OPS_FAMILIES_H_
