// Exported programs, built by cargo without a network: one project, one program, an argument names the scenario.
#ifndef ASYNCRT_CORE_CONFIRM_CARGO_PROJECT_H_
#define ASYNCRT_CORE_CONFIRM_CARGO_PROJECT_H_

#include <atomic>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/export/rust.h"

namespace asyncrt {

// The release of a Tokio: Debian's, or the one whose source lies in `path`. Empty, with an error: there is none.
std::string TokioRelease(const std::string& path, std::string* error);

struct CargoRequest {
  std::string folder;       // of the project; made if need be
  std::string target;       // where cargo keeps what it has built
  std::string tokio_path;   // empty: Debian's
  const std::atomic<bool>* interrupted = nullptr;
};

struct CargoResult {
  std::string error;                            // why there is no program; empty: there is one, or every module was refused
  std::string program;                          // its path; empty: there is none
  std::map<std::string, std::string> refused;   // module -> what rustc says first
};

// Modules that rustc refuses are taken out until it accepts the rest.
CargoResult BuildProject(std::vector<std::pair<std::string, RustModule>> modules, const CargoRequest& request);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_CONFIRM_CARGO_PROJECT_H_
