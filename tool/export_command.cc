// `export`: scenarios as a cargo project on real Tokio.
#include <filesystem>
#include <set>

#include "core/export/rust.h"
#include "core/report/display.h"
#include "core/report/paint.h"
#include "core/report/render.h"
#include "tool/check_all.h"
#include "tool/commands.h"
#include "tool/exit_code.h"
#include "tool/flag_values.h"
#include "tool/inputs.h"
#include "tool/output.h"

namespace asyncrt {
namespace {

constexpr char kMarker[] = ".asyncrt-check-export";

// A folder that this command may write: new, empty, or written by it before.
std::string WhyNot(const std::filesystem::path& folder) {
  std::error_code error;
  if (!std::filesystem::exists(folder, error)) return "";
  if (!std::filesystem::is_directory(folder, error)) return "it is no folder";
  if (std::filesystem::is_empty(folder, error) || std::filesystem::exists(folder / kMarker, error)) return "";
  return "it has files in it that `export` did not write; name a new folder";
}

// A link in the folder could lead out of it.
bool LeadsThroughALink(const std::filesystem::path& root, const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::path place = root;
  for (const std::filesystem::path& part : path) {
    place /= part;
    if (std::filesystem::is_symlink(std::filesystem::symlink_status(place, error))) return true;
  }
  return false;
}

std::string StemOf(const std::string& file) {
  const std::string name = std::filesystem::path(file).filename().string();
  return name.ends_with(".json") ? name.substr(0, name.size() - 5) : name;
}

}  // namespace

int ExportCommand(const Args& args) {
  FlagReader flags(args);
  flags.Choice("to", {"rust"}, 0);
  const TextStyle style = StdoutStyle(flags.Color());
  const std::string* folder = args.Last("output");
  const std::string* tokio = args.Last("tokio-path");
  if (folder == nullptr || folder->empty()) flags.Fail("`export` needs `--output DIR`, the folder of the project");
  if (!flags.error().empty()) {
    Complain(flags.error());
    return kExitInvalid;
  }
  std::error_code error;
  if (tokio != nullptr && !std::filesystem::exists(std::filesystem::path(*tokio) / "Cargo.toml", error)) {
    Complain("`" + Printable(*tokio) + "` is no source of Tokio: it has no Cargo.toml");
    return kExitInvalid;
  }
  const std::filesystem::path root(*folder);
  if (const std::string why = WhyNot(root); !why.empty()) {
    Complain("`" + Printable(*folder) + "` cannot be written: " + why);
    return kExitInvalid;
  }
  const std::vector<Input> inputs = ReadInputs(args.words);
  ComplainAboutInputs(inputs);
  std::vector<std::pair<std::string, RustModule>> modules;
  std::set<std::string> names = NamesOfRustProject();
  bool failed = false;
  for (const Input& input : inputs) {
    if (!input.error.empty()) { failed = true; continue; }
    ScenarioReport report;
    report.file = input.file;
    Diagnostics diagnostics;
    const std::unique_ptr<Scenario> scenario = ReadScenario(input.text, input.file, diagnostics);
    if (scenario == nullptr) {
      report.diagnostics = diagnostics.list();
      report.verdict = Verdict::kInvalid;
      PrintErr(RenderDiagnostics(report, input.text, style));
      failed = true;
      continue;
    }
    RustModule module = ExportRust(*scenario);
    for (const std::string& line : module.unsupported) Complain(Printable(input.file) + ": " + Printable(line) + ": not exported");
    if (!module.unsupported.empty()) { failed = true; continue; }
    const std::string stem = RustName(StemOf(input.file));
    std::string name = stem;
    for (int k = 2; !names.insert(name).second; ++k) name = stem + "_" + std::to_string(k);
    modules.emplace_back(name, std::move(module));
  }
  if (modules.empty()) return kExitInvalid;
  std::vector<std::pair<std::string, std::string>> project = RustProject(modules, TokioAt(tokio == nullptr ? "" : *tokio));
  project.emplace_back(kMarker, "Written by `asyncrt-check export`, which may write this folder again.\n");
  for (const auto& [path, text] : project)
    if (LeadsThroughALink(root, path)) {
      Complain("`" + Printable((root / path).string()) + "` cannot be written: there is a link on the way, which may lead out of the folder");
      return kExitInvalid;
    }
  for (const auto& [path, text] : project) {
    std::filesystem::create_directories((root / path).parent_path(), error);
    const std::string why = error ? error.message() : WriteFile((root / path).string(), text);
    if (!why.empty()) {
      Complain("`" + Printable((root / path).string()) + "` cannot be written: " + why);
      return kExitInvalid;
    }
  }
  const std::string said = Counted(modules.size(), "scenario") + " in " + Printable(*folder) + "; `cargo run` there" + (modules.size() > 1 ? " with the name of one" : "") + "\n";
  return PrintOut(said, failed ? kExitInvalid : kExitOk);
}

}  // namespace asyncrt
