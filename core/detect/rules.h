// How the rows of the rule table are written: one function per family or part of one, each in its own file, in the
// order of the table.
#ifndef ASYNCRT_CORE_DETECT_RULES_H_
#define ASYNCRT_CORE_DETECT_RULES_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/asyncrt.h"

namespace asyncrt {

struct Page {
  std::string_view means, why, decided, silent;
};
// Headings, and below each its text as one line that begins with two spaces: whoever prints it wraps it.
std::string PageText(const Page& page);

std::vector<RuleDef> DeadlockLockRules();
std::vector<RuleDef> DeadlockRuntimeRules();
std::vector<RuleDef> DeadlockWaitRules();
std::vector<RuleDef> StarvationRules();
std::vector<RuleDef> OwnershipValueRules();
std::vector<RuleDef> OwnershipContextRules();
std::vector<RuleDef> OwnershipMisuseRules();
std::vector<RuleDef> PanicRules();
std::vector<RuleDef> HazardRules();

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_DETECT_RULES_H_
