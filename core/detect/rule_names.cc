#include "core/detect/rule_names.h"

#include <algorithm>
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

std::string RuleHint(const std::string& name) {
  std::vector<std::string> ids, names, namesakes, families;
  for (const RuleDef& rule : AllRules()) {
    ids.push_back(rule.id);
    names.push_back(NameOf(rule.id));
    families.push_back(rule.id.substr(0, rule.id.find('/')) + "/*");
    if (NameOf(rule.id) == name) namesakes.push_back(rule.id);
  }
  if (namesakes.size() > 1) return "did you mean `" + namesakes[0] + "` or `" + namesakes[1] + "`?";
  if (namesakes.size() == 1) return "did you mean `" + namesakes[0] + "`?";
  const std::string nearest = NearestName(name, name.ends_with("/*") ? families : ids);
  if (!nearest.empty()) return "did you mean `" + nearest + "`?";
  const std::string nearest_name = NearestName(NameOf(name), names);
  for (const std::string& id : ids) {
    if (!nearest_name.empty() && NameOf(id) == nearest_name) return "did you mean `" + id + "`?";
  }
  return "`asyncrt-check rules` lists them";
}

std::string UnknownRule(const std::string& name) { return "unknown rule `" + Printable(name) + "`; " + RuleHint(name); }

bool IsRulePattern(const std::string& pattern) {
  return std::any_of(AllRules().begin(), AllRules().end(),
                     [&](const RuleDef& rule) { return RuleMatches(pattern, rule.id); });
}

std::string UnknownRulePattern(const std::string& pattern) { return IsRulePattern(pattern) ? "" : UnknownRule(pattern); }

}  // namespace asyncrt
