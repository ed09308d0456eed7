#include "core/confirm/cargo_project.h"

#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/base/json_library.h"
#include "core/confirm/process.h"

namespace asyncrt {
namespace {

using Value = nlohmann::json;

constexpr std::uint64_t kBuildLimitMs = 3'600'000;
constexpr char kRegistry[] = "/usr/share/cargo/registry";
constexpr char kPackages[] = "`apt-get install cargo librust-tokio-dev librust-futures-dev librust-tokio-util-dev`";

// The version in the [package] part of a Cargo.toml.
std::string VersionIn(const std::filesystem::path& manifest) {
  std::ifstream file(manifest);
  std::string part;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("[")) part = line;
    if (part != "[package]" || !line.starts_with("version")) continue;
    const std::size_t open = line.find('"'), close = line.rfind('"');
    if (open != std::string::npos && close > open) return line.substr(open + 1, close - open - 1);
  }
  return "";
}

// 0, or the errno. What is there already stays: cargo looks at the time of a file.
int WriteIfNew(const std::filesystem::path& path, const std::string& text) {
  {
    std::ifstream old(path, std::ios::binary);
    std::ostringstream there;
    there << old.rdbuf();
    if (old && there.str() == text) return 0;
  }
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  return file ? 0 : errno != 0 ? errno : EIO;
}

// Module -> the first error in it, from cargo's messages.
std::map<std::string, std::string> ErrorsOf(const std::string& messages) {
  std::map<std::string, std::string> errors;
  std::istringstream lines(messages);
  for (std::string line; std::getline(lines, line);) {
    const Value root = Value::parse(line, nullptr, false);
    if (!root.is_object() || root.value("reason", "") != "compiler-message" || !root["message"].is_object()) continue;
    const Value& message = root["message"];
    if (message.value("level", "") != "error" || !message.contains("spans") || !message["spans"].is_array()) continue;
    for (const Value& span : message["spans"]) {
      const std::filesystem::path file = span.is_object() ? span.value("file_name", "") : "";
      if (!span.is_object() || !span.value("is_primary", false) || file.parent_path() != "src") continue;
      std::string text = message.value("message", "");
      if (message.contains("code") && message["code"].is_object()) text = message["code"].value("code", "") + ": " + text;
      errors.emplace(file.stem().string(), text.substr(0, text.find('\n')));
    }
  }
  return errors;
}

std::string LastLines(const std::string& text, std::size_t count) {
  std::size_t begin = text.size();
  while (begin > 0 && text[begin - 1] == '\n') --begin;
  for (std::size_t k = 0; k < count && begin != 0 && begin != std::string::npos; ++k) begin = text.rfind('\n', begin - 1);
  return text.substr(begin == std::string::npos ? 0 : begin);
}

}  // namespace

std::string TokioRelease(const std::string& path, std::string* error) {
  if (!path.empty()) {
    std::string version = VersionIn(std::filesystem::path(path) / "Cargo.toml");
    if (version.empty()) *error = "there is no source of Tokio in `" + path + "`: it needs a Cargo.toml with a version";
    return version;
  }
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(kRegistry, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("tokio-") && name.size() > 6 && name[6] >= '0' && name[6] <= '9') return VersionIn(entry.path() / "Cargo.toml");
  }
  *error = std::string("Tokio is not there: ") + kPackages + ", or name its source with `--tokio-path`";
  return "";
}

CargoResult BuildProject(std::vector<std::pair<std::string, RustModule>> modules, const CargoRequest& request) {
  CargoResult result;
  const std::filesystem::path folder(request.folder);
  while (!modules.empty()) {
    for (const auto& [path, text] : RustProject(modules, TokioAt(request.tokio_path))) {
      const int problem = WriteIfNew(folder / path, text);
      if (problem != 0) {
        result.error = (folder / path).string() + " could not be written: " + std::strerror(problem);
        return result;
      }
    }
    ProcessRequest build{{"cargo", "build", "--offline", "--quiet", "--message-format", "json"}, request.folder,
                         {{"CARGO_TARGET_DIR", request.target}}, kBuildLimitMs, request.interrupted};
    // Flags in the environment hide those of the project.
    const char* flags = std::getenv("RUSTFLAGS");
    if (flags != nullptr && std::any_of(modules.begin(), modules.end(), [](const auto& module) { return module.second.needs_unstable; }))
      build.environment.emplace_back("RUSTFLAGS", std::string(flags) + " --cfg tokio_unstable");
    const ProcessResult cargo = RunProcess(build);
    if (cargo.was_killed) {
      result.error = "the build was ended";
      return result;
    }
    if (cargo.error == ENOENT) {
      result.error = std::string("cargo is not there: ") + kPackages;
      return result;
    }
    if (cargo.error != 0) {
      result.error = std::string("cargo could not be run: ") + std::strerror(cargo.error);
      return result;
    }
    if (WIFEXITED(cargo.status) && WEXITSTATUS(cargo.status) == 0) {
      const std::string name = modules.size() == 1 ? modules[0].first : "scenarios";
      result.program = (std::filesystem::path(request.target) / "debug" / name).string();
      return result;
    }
    const std::map<std::string, std::string> errors = ErrorsOf(cargo.output);
    const std::size_t before = modules.size();
    std::erase_if(modules, [&](const auto& module) { return errors.count(module.first) != 0; });
    const std::set<std::string> own = NamesOfRustProject();
    if (modules.size() == before || std::any_of(own.begin(), own.end(), [&](const std::string& name) { return errors.count(name) != 0; })) {
      const std::string said = LastLines(cargo.errors, 10);
      result.error = "cargo failed" + (said.empty() ? "" : ":\n" + said);
      return result;
    }
    result.refused.insert(errors.begin(), errors.end());
  }
  return result;
}

}  // namespace asyncrt
