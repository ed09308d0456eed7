// Which Tokio an exported project is built with.
#ifndef ASYNCRT_CORE_EXPORT_TOKIO_SOURCE_H_
#define ASYNCRT_CORE_EXPORT_TOKIO_SOURCE_H_

#include <string>

namespace asyncrt {

// The source of a Tokio to use instead of Debian's, and of the tokio-macros that go with it; empty: as the registry has them.
struct TokioSource {
  std::string path, macros_path;
};

// The one in a folder, which has its Cargo.toml. Empty: Debian's.
TokioSource TokioAt(const std::string& folder);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPORT_TOKIO_SOURCE_H_
