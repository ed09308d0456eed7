#include "tool/report_reader.h"

#include <sys/stat.h>

#include <optional>
#include <utility>

#include "core/base/json_library.h"
#include "core/report/read_report.h"

namespace asyncrt {
namespace {

bool Exists(const std::string& path) {
  struct stat info = {};
  return stat(path.c_str(), &info) == 0;
}

}  // namespace

RecordedReport ReadReport(const std::string& text) {
  RecordedReport recorded;
  if (std::optional<RunReport> report = ReadJsonReport(text)) {
    recorded.report = std::move(*report);
    return recorded;
  }
  const nlohmann::json root = nlohmann::json::parse(text, nullptr, false, true);
  recorded.is_scenario = root.is_object() && root.contains("main");
  recorded.error = recorded.is_scenario ? "this is a scenario, not the JSON report of `run`" : "this is no JSON report of `run`";
  return recorded;
}

std::string ScenarioFileOf(const std::string& file, const std::string& report) {
  const std::size_t slash = report.rfind('/');
  if (Exists(file) || file.starts_with("/") || slash == std::string::npos) return file;
  const std::string beside = report.substr(0, slash + 1) + file;
  return Exists(beside) ? beside : file;
}

}  // namespace asyncrt
