// nlohmann's JSON, as all of the project includes it. It asserts that a value has its storage, which is false only where
// that could not be allocated: then the process says that there is no memory (tool/crash.cc), rather than an assertion.
#ifndef ASYNCRT_CORE_BASE_JSON_LIBRARY_H_
#define ASYNCRT_CORE_BASE_JSON_LIBRARY_H_

#include <new>

namespace asyncrt {
[[noreturn]] inline void JsonHasNoStorage() { throw std::bad_alloc(); }
}  // namespace asyncrt

#define JSON_ASSERT(holds) ((holds) ? static_cast<void>(0) : asyncrt::JsonHasNoStorage())
#include <nlohmann/json.hpp>

#endif  // ASYNCRT_CORE_BASE_JSON_LIBRARY_H_
