#include "tool/baseline.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

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

std::vector<BaselineEntry> ApplyBaseline(const Baseline& baseline, std::vector<ScenarioReport>& reports) {
  std::set<std::string> known, met;
  for (const BaselineEntry& entry : baseline.entries) known.insert(entry.fingerprint);
  for (ScenarioReport& report : reports) {
    for (Finding& finding : report.findings) {
      finding.in_baseline = known.count(finding.fingerprint) != 0;
      if (finding.in_baseline) met.insert(finding.fingerprint);
    }
    if (report.verdict != Verdict::kInvalid) report.verdict = VerdictOf(report);
  }
  std::vector<BaselineEntry> unused;
  std::copy_if(baseline.entries.begin(), baseline.entries.end(), std::back_inserter(unused), [&](const BaselineEntry& e) { return met.count(e.fingerprint) == 0; });
  return unused;
}

}  // namespace asyncrt
