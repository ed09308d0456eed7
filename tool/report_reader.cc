#include "tool/report_reader.h"

#include <nlohmann/json.hpp>

namespace asyncrt {
namespace {

using Value = nlohmann::json;

std::string TextOf(const Value& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

// The elements of a list, or none: a report by hand may lack anything.
const Value& ListOf(const Value& object, const char* key) {
  static const Value none = Value::array();
  if (!object.is_object()) return none;
  const auto it = object.find(key);
  return it != object.end() && it->is_array() ? *it : none;
}

}  // namespace

RecordedReport ReadReport(const std::string& text) {
  RecordedReport report;
  const Value root = Value::parse(text, nullptr, false, true);
  if (!root.is_object() || TextOf(root, "schema") != "asyncrt-check/report/1") {
    report.error = root.is_object() && root.contains("main")
                       ? "this is a scenario: `--schedule` must say what to play, or give the JSON report of `run`"
                       : "this is no JSON report of `run`";
    return report;
  }
  for (const Value& scenario : ListOf(root, "scenarios")) {
    for (const Value& finding : ListOf(scenario, "findings")) {
      if (!finding.is_object() || TextOf(finding, "replay").empty()) continue;
      report.findings.push_back(
          {TextOf(scenario, "file"), TextOf(finding, "rule"), TextOf(finding, "message"), TextOf(finding, "replay")});
    }
  }
  return report;
}

}  // namespace asyncrt
