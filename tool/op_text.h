// What the row of an op says, in words.
#ifndef ASYNCRT_TOOL_OP_TEXT_H_
#define ASYNCRT_TOOL_OP_TEXT_H_

#include <string>
#include <vector>

#include "core/ops/op.h"

namespace asyncrt {

// The kinds that its `on` can have.
std::vector<std::string> KindsOf(const OpDef& op);
// "async bodies; can suspend the task; in a sync body use `blocking_lock`".
std::string WhereText(const OpDef& op);

}  // namespace asyncrt

#endif  // ASYNCRT_TOOL_OP_TEXT_H_
