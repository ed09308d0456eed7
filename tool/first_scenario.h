// The scenario that `init` writes.
#ifndef ASYNCRT_TOOL_FIRST_SCENARIO_H_
#define ASYNCRT_TOOL_FIRST_SCENARIO_H_

#include <string>

namespace asyncrt {

// `name` is the scenario's, in kebab-case.
std::string FirstScenario(const std::string& name);

}  // namespace asyncrt

#endif  // ASYNCRT_TOOL_FIRST_SCENARIO_H_
