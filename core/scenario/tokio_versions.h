// The Tokio versions that a scenario can name.
#ifndef ASYNCRT_CORE_SCENARIO_TOKIO_VERSIONS_H_
#define ASYNCRT_CORE_SCENARIO_TOKIO_VERSIONS_H_

#include <string>
#include <vector>

namespace asyncrt {

// "1.24", …: the oldest first. A patch of one of them ("1.24.2") is known, too.
std::vector<std::string> TokioVersions();
bool IsTokioVersion(const std::string& text);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_SCENARIO_TOKIO_VERSIONS_H_
