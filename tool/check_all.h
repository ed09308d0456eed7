// Checks many scenarios at once. The result does not depend on how many run at the same time.
#ifndef ASYNCRT_TOOL_CHECK_ALL_H_
#define ASYNCRT_TOOL_CHECK_ALL_H_

#include <functional>
#include <vector>

#include "core/asyncrt.h"
#include "tool/inputs.h"
#include "tool/progress.h"

namespace asyncrt {

// One report per input, in the order of the inputs. An input without a text, and the second of two scenarios with one
// name, are invalid. `done` gets each report, in that order, as soon as it and all before it are there; it is called by
// one thread at a time, and may change the report.
std::vector<ScenarioReport> CheckAll(const std::vector<Input>& inputs, const CheckOptions& options, unsigned jobs, ProgressChoice progress,
                                     const std::function<void(ScenarioReport&)>& done = nullptr);

// Says on stderr which inputs could not be read.
void ComplainAboutInputs(const std::vector<Input>& inputs);

}  // namespace asyncrt

#endif  // ASYNCRT_TOOL_CHECK_ALL_H_
