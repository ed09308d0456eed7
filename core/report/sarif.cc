// SARIF 2.1.0 (OASIS): a result for each finding, with the schedule as a code flow of one thread flow for each thread.
#include <map>
#include <set>
#include <string>

#include "core/asyncrt.h"
#include "core/base/json_library.h"
#include "core/base/version.h"
#include "core/report/display.h"
#include "core/report/render.h"
#include "core/report/shown.h"

namespace asyncrt {
namespace {

using Value = nlohmann::ordered_json;

const char* LevelOf(Severity severity) {
  return severity == Severity::kError ? "error" : severity == Severity::kWarning ? "warning" : "note";
}

// A path as a relative URI reference: what RFC 3986 does not allow in a path is percent-encoded.
std::string UriOf(const std::string& path) {
  static const char digits[] = "0123456789ABCDEF";
  std::string out;
  for (char byte : path) {
    const unsigned char c = static_cast<unsigned char>(byte);
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '.' || c == '-' || c == '_' || c == '~';
    if (plain) out += static_cast<char>(c);
    else out += std::string("%") + digits[c >> 4] + digits[c & 15];
  }
  return out;
}

Value PlaceOf(const std::string& file, std::uint32_t line, std::uint32_t column) {
  Value out;
  out["artifactLocation"]["uri"] = UriOf(file);
  if (line != 0) {
    out["region"]["startLine"] = line;
    if (column != 0) out["region"]["startColumn"] = column;
  }
  return out;
}

Value FlowOf(const Finding& finding, const std::string& file) {
  std::map<std::string, Value> flows;
  std::vector<std::string> order;
  for (const ScheduleStep& step : ShownSteps(finding.schedule)) {
    auto [it, fresh] = flows.try_emplace(step.thread);
    if (fresh) {
      order.push_back(step.thread);
      it->second["id"] = step.thread;
      it->second["locations"] = Value::array();
    }
    Value at;
    at["executionOrder"] = step.step;
    at["location"]["physicalLocation"] = PlaceOf(file, step.line, 0);
    at["location"]["message"]["text"] = (step.task ? *step.task + ": " : "") + step.op + (step.on ? " " + *step.on : "") + ": " + step.effect;
    it->second["locations"].push_back(std::move(at));
  }
  Value out;
  out["threadFlows"] = Value::array();
  for (const std::string& thread : order) out["threadFlows"].push_back(flows[thread]);
  return out;
}

Value ResultOf(const Finding& finding, const std::string& file) {
  Value out;
  out["ruleId"] = finding.rule;
  out["level"] = LevelOf(finding.severity);
  std::string text = finding.message;
  for (const std::string& help : finding.help) text += "\nHelp: " + help;
  out["message"]["text"] = text;
  out["locations"] = Value::array();
  out["relatedLocations"] = Value::array();
  for (std::size_t i = 0; i < finding.locations.size(); ++i) {
    const Location& location = finding.locations[i];
    Value at;
    at["physicalLocation"] = PlaceOf(location.file, location.place.line, location.place.column);
    if (i != 0) at["id"] = i;
    if (!location.label.empty()) at["message"]["text"] = location.label;
    out[i == 0 ? "locations" : "relatedLocations"].push_back(std::move(at));
  }
  if (out["relatedLocations"].empty()) out.erase("relatedLocations");
  if (!finding.schedule.empty()) out["codeFlows"] = Value::array({FlowOf(finding, file)});
  out["partialFingerprints"]["asyncrtCheck/v1"] = finding.fingerprint;
  if (!finding.allowed.empty()) {
    Value suppression;
    suppression["kind"] = "inSource";
    suppression["justification"] = finding.allowed;
    out["suppressions"] = Value::array({suppression});
  }
  out["baselineState"] = finding.in_baseline ? "unchanged" : "new";
  out["properties"]["replay"] = finding.replay;
  return out;
}

Value RulesOf(const RunReport& report) {
  std::set<std::string> used;
  for (const ScenarioReport& scenario : report.scenarios)
    for (const Finding& finding : scenario.findings) used.insert(finding.rule);
  Value out = Value::array();
  for (const RuleDef& rule : AllRules()) {
    if (used.count(rule.id) == 0) continue;
    Value row;
    row["id"] = rule.id;
    row["shortDescription"]["text"] = rule.summary;
    row["fullDescription"]["text"] = rule.explain;
    row["defaultConfiguration"]["level"] = LevelOf(rule.severity);
    out.push_back(std::move(row));
  }
  return out;
}

}  // namespace

std::string RenderSarif(const RunReport& report) {
  Value run;
  run["tool"]["driver"]["name"] = kToolName;
  run["tool"]["driver"]["version"] = kToolVersion;
  run["tool"]["driver"]["rules"] = RulesOf(report);
  run["columnKind"] = "unicodeCodePoints";
  Value results = Value::array(), problems = Value::array();
  bool works = true;
  for (const ScenarioReport& scenario : report.scenarios) {
    for (const Finding& finding : scenario.findings) results.push_back(ResultOf(finding, scenario.file));
    auto notify = [&](const std::string& text, const Place& place) {
      Value problem;
      problem["level"] = "error";
      problem["message"]["text"] = text;
      problem["locations"] = Value::array({{{"physicalLocation", PlaceOf(scenario.file, place.line, place.column)}}});
      problems.push_back(std::move(problem));
      works = false;
    };
    for (const Diagnostic& d : scenario.diagnostics) notify(d.message + (d.hint.empty() ? "" : "; " + d.hint), d.place);
    if (scenario.verdict == Verdict::kIncomplete) notify("not everything was explored: " + StopText(scenario.explored), {});
  }
  Value invocation;
  invocation["executionSuccessful"] = works;
  if (!problems.empty()) invocation["toolExecutionNotifications"] = problems;
  run["invocations"] = Value::array({invocation});
  run["results"] = results;
  Value out;
  out["$schema"] = "https://json.schemastore.org/sarif-2.1.0.json";
  out["version"] = "2.1.0";
  out["runs"] = Value::array({run});
  return JsonEscaped(out.dump(2, ' ', false, Value::error_handler_t::replace)) + "\n";
}

}  // namespace asyncrt
