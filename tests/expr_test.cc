// Expressions, durations, and what is offered for a misspelled word.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/spelling.h"
#include "core/ops/op.h"
#include "core/scenario/expr.h"
#include "tests/reader_texts.h"

namespace asyncrt {
namespace {

TEST(Spelling, FindsWhatIsAtMostTwoEditsAway) {
  EXPECT_EQ(NearestName("reicv", {"send", "recv"}), "recv");
  EXPECT_EQ(NearestName("worker_thread", {"flavor", "worker_threads"}), "worker_threads");
  EXPECT_EQ(NearestName("max_blokcing_thraeds", {"max_blocking_threads"}), "max_blocking_threads");
  EXPECT_EQ(NearestName("a", {"b"}), "");
  EXPECT_EQ(NearestName("unlock", {"acquire"}), "");
}

TEST(OpTable, HasARowForEveryVerbAndKindOnce) {
  std::vector<std::string> seen;
  for (const OpDef& row : AllOps()) {
    std::string key = std::string(row.verb) + "/" + std::string(KindName(row.kind));
    EXPECT_EQ(std::count(seen.begin(), seen.end(), key), 0) << key;
    seen.push_back(std::move(key));
    EXPECT_FALSE(row.summary.empty()) << row.verb;
    EXPECT_FALSE(row.models.empty()) << row.verb;
    for (const FieldUse& use : row.fields) EXPECT_FALSE(use.doc.empty()) << row.verb << " " << FieldKey(use.field);
    if (!row.sync_instead.empty()) {
      EXPECT_FALSE(OpsWithVerb(row.sync_instead).empty()) << row.verb;
    }
    if (row.awaits && row.verb != "pending") {
      EXPECT_EQ(row.where, Where::kAsync) << row.verb;
    }
  }
  EXPECT_EQ(OpsWithVerb("lock").size(), 2u);
}

TEST(Duration, ReadsAllUnits) {
  std::string error;
  EXPECT_EQ(ParseDuration("250us", error), 250);
  EXPECT_EQ(ParseDuration("10ms", error), 10'000);
  EXPECT_EQ(ParseDuration("1.5s", error), 1'500'000);
  EXPECT_EQ(ParseDuration("2m", error), 120'000'000);
  EXPECT_EQ(ParseDuration("0.000001s", error), 1);
  EXPECT_EQ(ParseDuration("1.50000000000s", error), 1'500'000);
}

TEST(Duration, RefusesWhatIsNone) {
  std::string error;
  for (const char* text : {"", "10", "ms", "-1ms", "1 ms", "1.ms", ".5s", "1h", "1e3s", "10ms "}) {
    EXPECT_EQ(ParseDuration(text, error), std::nullopt) << text;
  }
  EXPECT_EQ(ParseDuration("1.5us", error), std::nullopt);
  EXPECT_EQ(error, "durations are whole microseconds");
  for (const char* text : {"99999999999999999999999999m", "9223372036854775807s", "17000000000001m"}) {
    EXPECT_EQ(ParseDuration(text, error), std::nullopt) << text;
    EXPECT_EQ(error, "the duration is longer than a billion seconds");
  }
}

std::string Show(const Expr& expr) {
  switch (expr.kind) {
    case Expr::Kind::kNumber:
      return std::to_string(expr.number);
    case Expr::Kind::kLocal:
      return expr.name;
    default:
      break;
  }
  std::string text = "(" + std::to_string(static_cast<int>(expr.kind) - static_cast<int>(Expr::Kind::kAdd));
  for (const Expr& kid : expr.kids) text += " " + Show(kid);
  return text + ")";
}

TEST(Expression, BindsAsRustDoes) {
  ExprRules rules;
  rules.resolve = [](const NameUse&, std::string&, std::string&) { return Expr::Kind::kLocal; };
  std::vector<ExprError> errors;
  const auto show = [&](std::string_view text) {
    const auto expr = ParseExpr(text, rules, errors);
    return expr ? Show(*expr) : "error at " + std::to_string(errors.back().begin);
  };
  EXPECT_EQ(show("1+2*3"), show("1+(2*3)"));
  EXPECT_EQ(show("a-b-c"), show("(a-b)-c"));
  EXPECT_EQ(show("a||b&&c==d+1"), show("a||(b&&(c==(d+1)))"));
  EXPECT_EQ(show("!a&&-b<2"), show("(!a)&&((-b)<2)"));
  EXPECT_EQ(show("1 +"), "error at 3");
  EXPECT_EQ(show("(1"), "error at 2");
  EXPECT_EQ(show("a = 1"), "error at 2");
  EXPECT_EQ(show("9223372036854775808"), "error at 0");
}

TEST(Expression, IsBoundedInDepthAndLength) {
  ExprRules rules;
  std::vector<ExprError> errors;
  EXPECT_FALSE(ParseExpr(std::string(1'000'000, '('), rules, errors));
  EXPECT_FALSE(ParseExpr(std::string(1'000'000, '!'), rules, errors));
  std::string sum = "1";
  for (int i = 0; i < 100'000; ++i) sum += "+1";
  EXPECT_FALSE(ParseExpr(sum, rules, errors));
}

TEST(Expression, ErrorsStandInsideTheString) {
  EXPECT_EQ(Errors(WithMain(R"({ "op": "set", "var": "x", "to": "flag + yy" })")),
            Lines{"2:42 /main/0/to: nothing sets `yy`; a local is set by `set` or by the `var` of an op"});
  EXPECT_EQ(Errors(WithMain(R"({ "op": "assert", "cond": "m == 1" })")),
            Lines{"2:28 /main/0/cond: `m` is a mutex, which has no value in an expression; expressions know locals and "
                  "atomics"});
}

TEST(Expression, DollarWordsHaveTheirPlaces) {
  EXPECT_EQ(
      Errors(WithMain(R"({ "op": "assert", "cond": "$index + $value + $now + $x" })")),
      (Lines{"2:28 /main/0/cond: `$index` is known only in a body that is made in copies; put a `count` on the op "
             "that makes the body",
             "2:37 /main/0/cond: `$value` is known only in the `cond` of `wait_for`",
             "2:46 /main/0/cond: `$now` needs ideal timing; write `\"timing\": \"ideal\"` at the top",
             "2:53 /main/0/cond: unknown `$x`; there are `$index`, `$now` and `$value`"}));
  Good(WithAsync(R"J({ "op": "spawn", "as": "t", "count": 3, "body": [ { "op": "lock", "on": "forks[$index]" } ] },
                   { "op": "wait_for", "on": "w", "cond": "$value > 1" },
                   { "op": "while", "cond": "!finished(t[2])", "body": [ { "op": "yield_now" } ] })J"));
}

}  // namespace
}  // namespace asyncrt
