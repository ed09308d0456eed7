// Expressions and durations, as they stand in strings.
#ifndef ASYNCRT_CORE_SCENARIO_EXPR_H_
#define ASYNCRT_CORE_SCENARIO_EXPR_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/scenario/scenario.h"

namespace asyncrt {

// What is wrong with an expression; offsets are bytes in its text.
struct ExprError {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string message;
  std::string hint;
};

// A name in an expression: `x`, `x[index]` or `finished(x)`.
struct NameUse {
  std::string name;
  bool is_finished = false;
  const Expr* index = nullptr;  // null: without an index
  std::size_t begin = 0;
  std::size_t end = 0;
};

// What an expression may mention. `resolve` says what a name is (kLocal, kAtomic or kFinished); when that is an error
// it fills the message and the hint, and its result does not matter.
struct ExprRules {
  std::function<Expr::Kind(const NameUse&, std::string& message, std::string& hint)> resolve;
  bool in_copies = false;   // `$index`
  bool sees_value = false;  // `$value`
  bool has_clock = false;   // `$now`
};

// Parses the whole text. Errors are put into `errors`; the result is empty if there was a syntax error.
std::optional<Expr> ParseExpr(std::string_view text, const ExprRules& rules, std::vector<ExprError>& errors);

// "250us", "10ms", "1.5s", "2m". Empty if the text is none, with the reason in `error`.
std::optional<Micros> ParseDuration(std::string_view text, std::string& error);

// Letters, digits and `_`, not beginning with a digit.
bool IsName(std::string_view text);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_SCENARIO_EXPR_H_
