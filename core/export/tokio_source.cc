#include "core/export/tokio_source.h"

#include <filesystem>
#include <system_error>

namespace asyncrt {

// Releases from 1.50 on say no path to the macros, which lie beside them in a checkout.
TokioSource TokioAt(const std::string& folder) {
  if (folder.empty()) return {};
  std::error_code error;
  std::filesystem::path tokio = std::filesystem::absolute(folder, error).lexically_normal();
  if (!tokio.has_filename()) tokio = tokio.parent_path();
  const std::filesystem::path macros = tokio.parent_path() / "tokio-macros";
  return {tokio.string(), std::filesystem::exists(macros / "Cargo.toml", error) ? macros.string() : ""};
}

}  // namespace asyncrt
