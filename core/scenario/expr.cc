#include "core/scenario/expr.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace asyncrt {
namespace {

// Expressions are walked recursively by everybody, and a left-leaning chain is as deep as it is long.
constexpr int kNodesMax = 500;
constexpr int kDepthMax = 100;
// About thirty years; far enough from the end of the range that sums of durations stay inside.
constexpr Micros kDurationMax = 1'000'000'000'000'000;

constexpr bool IsDigit(char byte) { return byte >= '0' && byte <= '9'; }
constexpr bool IsNameStart(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
}
constexpr bool IsNameCharacter(char byte) { return IsNameStart(byte) || IsDigit(byte); }

struct BinaryOperator {
  std::string_view text;
  Expr::Kind kind;
  int level;  // higher binds tighter
};

// Longer ones first: `<=` before `<`.
constexpr std::array kBinaryOperators = {
    BinaryOperator{"||", Expr::Kind::kOr, 1},        BinaryOperator{"&&", Expr::Kind::kAnd, 2},
    BinaryOperator{"==", Expr::Kind::kEqual, 3},     BinaryOperator{"!=", Expr::Kind::kNotEqual, 3},
    BinaryOperator{"<=", Expr::Kind::kLessEqual, 3}, BinaryOperator{">=", Expr::Kind::kGreaterEqual, 3},
    BinaryOperator{"<", Expr::Kind::kLess, 3},       BinaryOperator{">", Expr::Kind::kGreater, 3},
    BinaryOperator{"+", Expr::Kind::kAdd, 4},        BinaryOperator{"-", Expr::Kind::kSubtract, 4},
    BinaryOperator{"*", Expr::Kind::kMultiply, 5},   BinaryOperator{"/", Expr::Kind::kDivide, 5},
    BinaryOperator{"%", Expr::Kind::kRemainder, 5},
};
constexpr int kComparisonLevel = 3;

class ExprParser {
 public:
  ExprParser(std::string_view text, const ExprRules& rules, std::vector<ExprError>& errors)
      : text_(text), rules_(rules), errors_(errors) {}

  std::optional<Expr> Run() {
    Expr expr;
    if (!ParseBinary(1, expr)) return std::nullopt;
    SkipSpace();
    if (position_ < text_.size()) {
      FailHere("expected an operator, found " + Found(), HintForStray());
      return std::nullopt;
    }
    return expr;
  }

 private:
  void SkipSpace() {
    while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\t')) ++position_;
  }
  char Peek() const { return position_ < text_.size() ? text_[position_] : '\0'; }

  std::string Found() const {
    if (position_ >= text_.size()) return "the end of the expression";
    std::size_t length = 1;
    while (position_ + length < text_.size() &&
           (static_cast<unsigned char>(text_[position_ + length]) & 0xC0U) == 0x80U) {
      ++length;
    }
    return "`" + std::string(text_.substr(position_, length)) + "`";
  }

  std::string HintForStray() const {
    switch (Peek()) {
      case '=':
        return "did you mean `==`?";
      case '&':
        return "did you mean `&&`?";
      case '|':
        return "did you mean `||`?";
      default:
        return "";
    }
  }

  bool Fail(std::size_t begin, std::size_t end, std::string message, std::string hint = "") {
    errors_.push_back({begin, end, std::move(message), std::move(hint)});
    return false;
  }
  bool FailHere(std::string message, std::string hint = "") {
    return Fail(position_, std::min(position_ + 1, text_.size()), std::move(message), std::move(hint));
  }

  bool CountNode() {
    if (++node_count_ <= kNodesMax) return true;
    return Fail(0, text_.size(), "the expression has more than " + std::to_string(kNodesMax) + " parts");
  }

  const BinaryOperator* PeekOperator() {
    SkipSpace();
    for (const BinaryOperator& candidate : kBinaryOperators) {
      if (text_.substr(position_, candidate.text.size()) == candidate.text) return &candidate;
    }
    return nullptr;
  }

  bool ParseBinary(int level_min, Expr& left) {
    if (++depth_ > kDepthMax) {
      return FailHere("the expression is nested more than " + std::to_string(kDepthMax) + " levels deep");
    }
    if (!ParseUnary(left)) return false;
    while (const BinaryOperator* found = PeekOperator()) {
      if (found->level < level_min) break;
      const std::size_t operator_at = position_;
      position_ += found->text.size();
      Expr right;
      if (!CountNode() || !ParseBinary(found->level + 1, right)) return false;
      Expr whole;
      whole.kind = found->kind;
      whole.kids.push_back(std::move(left));
      whole.kids.push_back(std::move(right));
      left = std::move(whole);
      if (found->level != kComparisonLevel) continue;
      const BinaryOperator* next = PeekOperator();
      if (next != nullptr && next->level == kComparisonLevel) {
        return Fail(operator_at, position_ + next->text.size(), "comparisons cannot be chained",
                    "write `a < b && b < c`");
      }
    }
    --depth_;
    return true;
  }

  bool ParseUnary(Expr& expr) {
    SkipSpace();
    const char byte = Peek();
    if (byte != '!' && byte != '-') return ParsePrimary(expr);
    if (++depth_ > kDepthMax) {
      return FailHere("the expression is nested more than " + std::to_string(kDepthMax) + " levels deep");
    }
    ++position_;
    expr.kind = byte == '!' ? Expr::Kind::kNot : Expr::Kind::kNegate;
    Expr operand;
    if (!CountNode() || !ParseUnary(operand)) return false;
    expr.kids.push_back(std::move(operand));
    --depth_;
    return true;
  }

  bool ParsePrimary(Expr& expr) {
    SkipSpace();
    if (!CountNode()) return false;
    const char byte = Peek();
    if (byte == '(') {
      const std::size_t open = position_++;
      if (!ParseBinary(1, expr)) return false;
      return Close(')', open);
    }
    if (IsDigit(byte)) return ParseNumber(expr);
    if (byte == '$') return ParseDollar(expr);
    if (IsNameStart(byte)) return ParseNameUse(expr);
    return FailHere("expected a number, a name or `(`, found " + Found(), HintForStray());
  }

  bool Close(char closer, std::size_t open) {
    SkipSpace();
    if (Peek() == closer) {
      ++position_;
      return true;
    }
    return FailHere(std::string("expected `") + closer + "`, found " + Found(),
                    "`" + std::string(1, text_[open]) + "` is not closed yet");
  }

  bool ParseNumber(Expr& expr) {
    const std::size_t begin = position_;
    while (IsDigit(Peek())) ++position_;
    const std::string_view digits = text_.substr(begin, position_ - begin);
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), expr.number);
    if (result.ec != std::errc()) return Fail(begin, position_, "the number does not fit into 64 bits");
    if (IsNameCharacter(Peek()) || Peek() == '.') {
      return Fail(begin, position_ + 1, "expected an integer", "expressions know integers only");
    }
    return true;
  }

  std::string_view Word() {
    const std::size_t begin = position_;
    while (IsNameCharacter(Peek())) ++position_;
    return text_.substr(begin, position_ - begin);
  }

  bool ParseDollar(Expr& expr) {
    const std::size_t begin = position_++;
    const std::string_view word = Word();
    if (word == "index") {
      expr.kind = Expr::Kind::kIndex;
      if (rules_.in_copies) return true;
      Semantic(begin, "`$index` is known only in a body that is made in copies",
               "put a `count` on the op that makes the body");
    } else if (word == "now") {
      expr.kind = Expr::Kind::kNow;
      if (rules_.has_clock) return true;
      Semantic(begin, "`$now` needs ideal timing", "write `\"timing\": \"ideal\"` at the top");
    } else if (word == "value") {
      expr.kind = Expr::Kind::kWatchValue;
      if (rules_.sees_value) return true;
      Semantic(begin, "`$value` is known only in the `cond` of `wait_for`", "");
    } else {
      return Fail(begin, std::max(position_, begin + 1), "unknown `$" + std::string(word) + "`",
                  "there are `$index`, `$now` and `$value`");
    }
    return true;
  }

  // An error in the meaning: parsing goes on.
  void Semantic(std::size_t begin, std::string message, std::string hint) {
    errors_.push_back({begin, position_, std::move(message), std::move(hint)});
  }

  bool ParseNameUse(Expr& expr) {
    NameUse use;
    use.begin = position_;
    use.name = std::string(Word());
    SkipSpace();
    std::size_t open = position_;
    if (Peek() == '(') {
      if (use.name != "finished") {
        return Fail(use.begin, use.begin + use.name.size(), "unknown function `" + use.name + "`",
                    "there is only `finished(task)`");
      }
      ++position_;
      SkipSpace();
      use.is_finished = true;
      use.begin = position_;
      use.name = std::string(Word());
      if (use.name.empty()) return FailHere("expected the name of a task, found " + Found());
    }
    use.end = use.begin + use.name.size();
    SkipSpace();
    if (Peek() == '[') {
      const std::size_t bracket = position_++;
      expr.kids.emplace_back();
      if (!ParseBinary(1, expr.kids.back()) || !Close(']', bracket)) return false;
      use.index = &expr.kids.back();
      use.end = position_;
    }
    if (use.is_finished && !Close(')', open)) return false;
    std::string message;
    std::string hint;
    expr.name = use.name;
    expr.kind = rules_.resolve(use, message, hint);
    if (!message.empty()) errors_.push_back({use.begin, use.end, std::move(message), std::move(hint)});
    return true;
  }

  std::string_view text_;
  const ExprRules& rules_;
  std::vector<ExprError>& errors_;
  std::size_t position_ = 0;
  int depth_ = 0;
  int node_count_ = 0;
};

struct Unit {
  std::string_view suffix;
  Micros micros;
};
constexpr std::array kUnits = {Unit{"us", 1}, Unit{"ms", 1'000}, Unit{"s", 1'000'000}, Unit{"m", 60'000'000}};

}  // namespace

std::optional<Expr> ParseExpr(std::string_view text, const ExprRules& rules, std::vector<ExprError>& errors) {
  return ExprParser(text, rules, errors).Run();
}

std::optional<Micros> ParseDuration(std::string_view text, std::string& error) {
  error = "a duration is written as \"250us\", \"10ms\", \"1.5s\" or \"2m\"";
  std::size_t i = 0;
  Micros whole = 0;
  bool too_long = false;
  for (; i < text.size() && IsDigit(text[i]); ++i) {
    if (whole > kDurationMax) {
      too_long = true;
    } else {
      whole = whole * 10 + (text[i] - '0');
    }
  }
  if (i == 0) return std::nullopt;
  std::string_view fraction;
  if (i < text.size() && text[i] == '.') {
    const std::size_t begin = ++i;
    while (i < text.size() && IsDigit(text[i])) ++i;
    fraction = text.substr(begin, i - begin);
    if (fraction.empty()) return std::nullopt;
    while (!fraction.empty() && fraction.back() == '0') fraction.remove_suffix(1);
  }
  const std::string_view suffix = text.substr(i);
  for (const Unit& unit : kUnits) {
    if (unit.suffix != suffix) continue;
    if (too_long || whole > kDurationMax / unit.micros) {
      error = "the duration is longer than a billion seconds";
      return std::nullopt;
    }
    // A fraction of more than nine digits that is not zero cannot be a whole number of microseconds.
    Micros numerator = 0;
    Micros denominator = 1;
    for (char digit : fraction.substr(0, 10)) {
      numerator = numerator * 10 + (digit - '0');
      denominator *= 10;
    }
    if (fraction.size() > 9 || numerator * unit.micros % denominator != 0) {
      error = "durations are whole microseconds";
      return std::nullopt;
    }
    const Micros micros = whole * unit.micros + numerator * unit.micros / denominator;
    return micros;
  }
  return std::nullopt;
}

bool IsName(std::string_view text) {
  if (text.empty() || !IsNameStart(text[0])) return false;
  for (char byte : text) {
    if (!IsNameCharacter(byte)) return false;
  }
  return true;
}

}  // namespace asyncrt
