// Rules as people type them.
#ifndef ASYNCRT_CORE_DETECT_RULE_NAMES_H_
#define ASYNCRT_CORE_DETECT_RULE_NAMES_H_

#include <string>

#include "core/asyncrt.h"

namespace asyncrt {

// The rule with this id, or with this name if only one family has it; null if there is none.
const RuleDef* FindRule(const std::string& name);

// "did you mean `x`?", or where they are listed.
std::string RuleHint(const std::string& name);

// A rule, or "family/*".
bool IsRulePattern(const std::string& pattern);

// "unknown rule `x`; did you mean ...?"
std::string UnknownRule(const std::string& name);

// The same for a rule or "family/*"; empty if it is known.
std::string UnknownRulePattern(const std::string& pattern);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_DETECT_RULE_NAMES_H_
