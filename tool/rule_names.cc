#include "tool/rule_names.h"

#include <vector>

#include "core/base/spelling.h"
#include "core/report/display.h"
#include "core/report/verdict.h"

namespace asyncrt {
namespace {

std::string NameOf(const std::string& id) { return id.substr(id.find('/') + 1); }

}  // namespace

const RuleDef* FindRule(const std::string& name) {
  const RuleDef* found = nullptr;
  int count = 0;
  for (const RuleDef& rule : AllRules()) {
    if (rule.id == name) return &rule;
    if (NameOf(rule.id) != name) continue;
    found = &rule;
    ++count;
  }
  return count == 1 ? found : nullptr;
}

std::string UnknownRule(const std::string& name) {
  std::vector<std::string> ids, names, namesakes;
  for (const RuleDef& rule : AllRules()) {
    ids.push_back(rule.id);
    names.push_back(NameOf(rule.id));
    if (NameOf(rule.id) == name) namesakes.push_back(rule.id);
  }
  const std::string error = "unknown rule `" + Printable(name) + "`";
  if (namesakes.size() > 1) return error + "; did you mean `" + namesakes[0] + "` or `" + namesakes[1] + "`?";
  const std::string nearest = NearestName(name, ids);
  if (!nearest.empty()) return error + "; did you mean `" + nearest + "`?";
  const std::string nearest_name = NearestName(NameOf(name), names);
  for (const std::string& id : ids) {
    if (!nearest_name.empty() && NameOf(id) == nearest_name) return error + "; did you mean `" + id + "`?";
  }
  return error + "; `asyncrt-check rules` lists them";
}

std::string UnknownRulePattern(const std::string& pattern) {
  for (const RuleDef& rule : AllRules()) {
    if (RuleMatches(pattern, rule.id)) return "";
  }
  return UnknownRule(pattern);
}

}  // namespace asyncrt
