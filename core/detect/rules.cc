#include "core/detect/rules.h"

#include <iterator>
#include <utility>

namespace asyncrt {
namespace {

// An example starts on the line after its opening quotes, for readability.
void TrimExample(std::string& text) {
  while (text.starts_with('\n')) text.erase(0, 1);
  while (text.ends_with('\n') || text.ends_with(' ')) text.pop_back();
  if (!text.empty()) text += '\n';
}

std::vector<RuleDef> BuildTable() {
  std::vector<RuleDef> table;
  for (auto* family : {DeadlockLockRules, DeadlockRuntimeRules, DeadlockWaitRules, StarvationRules, OwnershipValueRules,
                       OwnershipContextRules, OwnershipMisuseRules, PanicRules, HazardRules}) {
    std::vector<RuleDef> rows = family();
    table.insert(table.end(), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
  }
  for (RuleDef& rule : table) {
    for (std::string* example : {&rule.bad, &rule.fixed, &rule.bad_rust, &rule.fixed_rust}) TrimExample(*example);
  }
  return table;
}

}  // namespace

std::string PageText(const Page& page) {
  std::string out;
  const auto add = [&](std::string_view heading, std::string_view text) {
    if (text.empty()) return;
    if (!out.empty()) out += "\n";
    out += std::string(heading) + "\n  " + std::string(text) + "\n";
  };
  add("What it means", page.means);
  add("Why it happens", page.why);
  add("How it is decided", page.decided);
  add("When it stays silent", page.silent);
  return out;
}

const std::vector<RuleDef>& AllRules() {
  static const std::vector<RuleDef> table = BuildTable();
  return table;
}

}  // namespace asyncrt
