// `merge`: the JSON reports of shards become one.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "core/base/json_library.h"
#include "core/report/display.h"
#include "tool/commands.h"
#include "tool/exit_code.h"
#include "tool/inputs.h"
#include "tool/output.h"

namespace asyncrt {
namespace {

using Value = nlohmann::ordered_json;

bool IsReport(const Value& root) {
  return root.is_object() && root.contains("schema") && root["schema"] == "asyncrt-check/report/1" && root.contains("scenarios") &&
         root["scenarios"].is_array() && root.contains("summary") && root["summary"].is_object() && root.contains("verdict") && root["verdict"].is_string();
}

int Rank(const std::string& verdict) {
  const std::vector<std::string> order = {"clean", "warnings", "incomplete", "errors", "invalid"};
  return static_cast<int>(std::find(order.begin(), order.end(), verdict) - order.begin());
}

}  // namespace

int MergeCommand(const Args& args) {
  Value merged;
  std::map<std::string, std::string> seen;   // scenario's file -> report
  std::vector<Value> scenarios;
  for (const std::string& path : args.words) {
    const Input input = ReadInput(path);
    if (!input.error.empty()) {
      Complain(Printable(path) + ": it could not be read: " + input.error);
      return kExitInvalid;
    }
    Value root = Value::parse(input.text, nullptr, false);
    if (!IsReport(root)) {
      Complain(Printable(path) + ": this is no JSON report of `run`");
      return kExitInvalid;
    }
    for (Value& scenario : root["scenarios"]) {
      const std::string file = scenario.is_object() && scenario.contains("file") && scenario["file"].is_string() ? scenario["file"].get<std::string>() : "";
      const auto [it, fresh] = seen.emplace(file, path);
      if (!fresh) {
        Complain(Printable(path) + ": " + Printable(file) + " is in " + Printable(it->second) + " already");
        return kExitInvalid;
      }
      scenarios.push_back(std::move(scenario));
    }
    root["scenarios"] = Value::array();
    root.erase("timing");
    if (merged.is_null()) {
      merged = std::move(root);
      continue;
    }
    if (merged["tool"] != root["tool"]) {
      Complain(Printable(path) + ": it comes from another version of asyncrt-check");
      return kExitInvalid;
    }
    for (auto& [key, count] : root["summary"].items())
      if (count.is_number_unsigned() && merged["summary"].contains(key) && merged["summary"][key].is_number_unsigned())
        merged["summary"][key] = merged["summary"][key].get<std::uint64_t>() + count.get<std::uint64_t>();
    if (Rank(root["verdict"].get<std::string>()) > Rank(merged["verdict"].get<std::string>())) merged["verdict"] = root["verdict"];
  }
  std::stable_sort(scenarios.begin(), scenarios.end(), [](const Value& a, const Value& b) { return a["file"] < b["file"]; });
  merged["scenarios"] = scenarios;
  const std::string verdict = merged["verdict"].get<std::string>();
  const int status = verdict == "invalid" ? kExitInvalid : verdict == "errors" ? kExitFindings : verdict == "incomplete" ? kExitIncomplete : kExitOk;
  return PrintOut(JsonEscaped(merged.dump(2, ' ', false, Value::error_handler_t::replace)) + "\n", status);
}

}  // namespace asyncrt
