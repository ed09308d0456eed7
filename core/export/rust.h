// A scenario as a Rust program on real Tokio and std, to run, to paste into a bug report, and to hold the model against.
#ifndef ASYNCRT_CORE_EXPORT_RUST_H_
#define ASYNCRT_CORE_EXPORT_RUST_H_

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/export/tokio_source.h"
#include "core/scenario/scenario.h"

namespace asyncrt {

struct RustModule {
  std::string code;                      // a module with `pub fn scenario() -> Out`
  std::vector<std::string> unsupported;  // what it cannot say, one line each; empty: it says everything
  bool needs_unstable = false;           // what Tokio has only with `--cfg tokio_unstable`: its project says so to cargo, for all modules
};

RustModule ExportRust(const Scenario& scenario);

// Names that no module may have: files of the project itself.
std::set<std::string> NamesOfRustProject();

// The files of a cargo project that runs the named modules, by path below its folder. One module runs as it is;
// of several the program's argument names one.
std::vector<std::pair<std::string, std::string>> RustProject(
    const std::vector<std::pair<std::string, RustModule>>& modules, const TokioSource& tokio);

// Whether the program says when a party comes to such an op, by the op's place in the scenario; what only leads on passes unseen.
bool IsToldOfByRust(Code code);
// Whether such an op makes a party: a thread, a task or a closure. The program says when one comes to the end of its body, before what falls there,
// with the place of this op; main's place is /main.
bool IsParty(Code code);

// A scenario's name as a Rust identifier.
std::string RustName(std::string_view name);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPORT_RUST_H_
