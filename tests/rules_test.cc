// The rule table: complete, and every example does what it says.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/asyncrt.h"
#include "core/detect/advice.h"

namespace asyncrt {
namespace {

bool HasRule(const ScenarioReport& report, const std::string& rule) {
  return std::any_of(report.findings.begin(), report.findings.end(),
                     [&](const Finding& finding) { return finding.rule == rule; });
}

TEST(RuleTable, HasUniqueIdsAndTexts) {
  std::set<std::string> ids;
  for (const RuleDef& rule : AllRules()) {
    EXPECT_TRUE(ids.insert(rule.id).second) << rule.id;
    EXPECT_NE(rule.id.find('/'), std::string::npos) << rule.id;
    EXPECT_FALSE(rule.summary.empty()) << rule.id;
    EXPECT_NE(rule.explain.find("How it is decided"), std::string::npos) << rule.id;
    EXPECT_NE(HeadlineOf(rule.id), rule.id);
    EXPECT_FALSE(AdviceFor(rule.id).empty()) << rule.id;
    EXPECT_EQ(rule.bad.empty(), rule.fixed.empty()) << rule.id;
    EXPECT_EQ(rule.bad_rust.empty(), rule.fixed_rust.empty()) << rule.id;
  }
  EXPECT_GE(ids.size(), 50u);
}

TEST(RuleTable, FixedExamplesDoNotHaveTheFinding) {
  for (const RuleDef& rule : AllRules()) {
    if (rule.fixed.empty()) continue;
    const ScenarioReport report = CheckText(rule.fixed, rule.id + " fixed", CheckOptions{});
    for (const Diagnostic& diagnostic : report.diagnostics) ADD_FAILURE() << rule.id << ": " << diagnostic.message;
    EXPECT_TRUE(report.explored.complete) << rule.id;
    EXPECT_FALSE(HasRule(report, rule.id)) << rule.id;
  }
}

TEST(RuleTable, BadExamplesAreScenarios) {
  for (const RuleDef& rule : AllRules()) {
    if (rule.bad.empty()) continue;
    const ScenarioReport report = CheckText(rule.bad, rule.id + " bad", CheckOptions{});
    for (const Diagnostic& diagnostic : report.diagnostics) ADD_FAILURE() << rule.id << ": " << diagnostic.message;
  }
}

TEST(RuleTable, BadExamplesHaveTheFinding) {
  for (const RuleDef& rule : AllRules()) {
    if (rule.bad.empty()) continue;
    const ScenarioReport report = CheckText(rule.bad, rule.id + " bad", CheckOptions{});
    EXPECT_TRUE(HasRule(report, rule.id)) << rule.id;
  }
}

}  // namespace
}  // namespace asyncrt
