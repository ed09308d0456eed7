// Any text to the readers of expressions and durations: a result, or a reason that lies within the text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "core/scenario/expr.h"
#include "tests/fuzz/targets.h"

int fuzz_expr(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  asyncrt::ExprRules rules;
  rules.in_copies = rules.sees_value = rules.has_clock = true;
  rules.resolve = [](const asyncrt::NameUse& use, std::string&, std::string&) {
    return use.is_finished ? asyncrt::Expr::Kind::kFinished : asyncrt::Expr::Kind::kLocal;
  };
  std::vector<asyncrt::ExprError> errors;
  if (!asyncrt::ParseExpr(text, rules, errors) && errors.empty()) std::abort();
  for (const asyncrt::ExprError& error : errors) {
    if (error.begin > error.end || error.end > size || error.message.empty()) std::abort();
  }
  std::string reason;
  if (!asyncrt::ParseDuration(text, reason) && reason.empty()) std::abort();
  return 0;
}
