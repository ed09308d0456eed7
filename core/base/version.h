// The one place that says which version this is.
#ifndef ASYNCRT_CORE_BASE_VERSION_H_
#define ASYNCRT_CORE_BASE_VERSION_H_

#include <string_view>

namespace asyncrt {

inline constexpr std::string_view kToolName = "asyncrt-check";
inline constexpr std::string_view kToolVersion = "0.1.0";

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_BASE_VERSION_H_
