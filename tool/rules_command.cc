// `rules`: the table of rules.
#include "core/asyncrt.h"
#include "core/base/json_library.h"
#include "core/report/display.h"
#include "core/report/verdict.h"
#include "tool/commands.h"
#include "tool/exit_code.h"
#include "tool/flag_values.h"
#include "tool/output.h"

namespace asyncrt {
namespace {

constexpr std::size_t kRuleColumn = 30;
constexpr std::size_t kSeverityColumn = 9;
constexpr std::size_t kWidth = 100;

std::string TextTable() {
  std::string out;
  for (const RuleDef& rule : AllRules()) {
    const std::string severity(SeverityName(rule.severity));
    std::string line = rule.id + std::string(kRuleColumn - std::min(kRuleColumn - 1, rule.id.size()), ' ') + severity +
                       std::string(kSeverityColumn - severity.size(), ' ');
    for (const std::string& part : Wrap(rule.summary, kWidth - kRuleColumn - kSeverityColumn)) {
      out += line + part + "\n";
      line = std::string(kRuleColumn + kSeverityColumn, ' ');
    }
  }
  return out;
}

std::string JsonTable() {
  nlohmann::ordered_json out;
  out["schema"] = "asyncrt-check/rules/1";
  out["rules"] = nlohmann::ordered_json::array();
  for (const RuleDef& rule : AllRules()) {
    nlohmann::ordered_json row;
    row["rule"] = rule.id;
    row["severity"] = SeverityName(rule.severity);
    row["summary"] = rule.summary;
    out["rules"].push_back(std::move(row));
  }
  return out.dump(2) + "\n";
}

}  // namespace

int RulesCommand(const Args& args) {
  FlagReader flags(args);
  const bool is_json = flags.Choice("format", {"text", "json"}, 0) == 1;
  if (!flags.error().empty()) {
    Complain(flags.error());
    return kExitInvalid;
  }
  return PrintOut(is_json ? JsonTable() : TextTable(), kExitOk);
}

}  // namespace asyncrt
