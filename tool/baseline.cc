#include "tool/baseline.h"

#include <algorithm>
#include <set>

#include "core/base/json_library.h"
#include "core/report/display.h"
#include "core/report/verdict.h"

namespace asyncrt {
namespace {

constexpr const char* kSchema = "asyncrt-check/baseline/1";

}  // namespace

Baseline ReadBaseline(const std::string& text) {
  using Value = nlohmann::json;
  Baseline baseline;
  const Value root = Value::parse(text, nullptr, false, true);
  if (!root.is_object() || root.value("schema", Value()) != Value(kSchema) || !root.value("findings", Value()).is_array()) {
    baseline.error = "this is no baseline: `run --write-baseline FILE` writes one";
    return baseline;
  }
  for (const Value& row : root["findings"]) {
    auto text_of = [&](const char* key) { return row.is_object() && row.contains(key) && row[key].is_string() ? row[key].get<std::string>() : std::string(); };
    BaselineEntry entry{text_of("fingerprint"), text_of("rule"), text_of("file")};
    if (entry.fingerprint.empty()) {
      baseline.error = "an entry of the baseline has no fingerprint";
      return baseline;
    }
    baseline.entries.push_back(std::move(entry));
  }
  return baseline;
}

std::string BaselineText(const std::vector<ScenarioReport>& reports) {
  using Value = nlohmann::ordered_json;
  Value out;
  out["schema"] = kSchema;
  out["findings"] = Value::array();
  for (const ScenarioReport& report : reports)
    for (const Finding& finding : report.findings) {
      if (!finding.allowed.empty()) continue;
      out["findings"].push_back({{"fingerprint", finding.fingerprint}, {"rule", finding.rule}, {"file", report.file}});
    }
  return JsonEscaped(out.dump(2, ' ', false, Value::error_handler_t::replace)) + "\n";
}

void ApplyBaseline(const Baseline& baseline, ScenarioReport& report) {
  for (Finding& finding : report.findings)
    finding.in_baseline = std::any_of(baseline.entries.begin(), baseline.entries.end(), [&](const BaselineEntry& e) { return e.fingerprint == finding.fingerprint; });
  if (report.verdict != Verdict::kInvalid) report.verdict = VerdictOf(report);
}

std::vector<BaselineEntry> GoneFrom(const Baseline& baseline, const std::vector<ScenarioReport>& reports) {
  std::set<std::string> met;
  for (const ScenarioReport& report : reports)
    for (const Finding& finding : report.findings)
      if (finding.in_baseline) met.insert(finding.fingerprint);
  std::vector<BaselineEntry> gone;
  std::copy_if(baseline.entries.begin(), baseline.entries.end(), std::back_inserter(gone), [&](const BaselineEntry& e) { return met.count(e.fingerprint) == 0; });
  return gone;
}

}  // namespace asyncrt
