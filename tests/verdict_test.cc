#include "core/report/verdict.h"

#include <gtest/gtest.h>

#include "core/report/expect.h"

namespace asyncrt {
namespace {

ScenarioReport With(const std::vector<std::pair<std::string, Severity>>& findings, bool is_complete = true) {
  ScenarioReport report;
  for (const auto& [rule, severity] : findings) {
    Finding finding;
    finding.rule = rule;
    finding.severity = severity;
    report.findings.push_back(finding);
  }
  report.explored.complete = is_complete;
  report.verdict = VerdictOf(report);
  return report;
}

ScenarioReport Invalid() {
  ScenarioReport report;
  report.diagnostics.push_back({{}, "", "broken", ""});
  report.verdict = VerdictOf(report);
  return report;
}

TEST(Verdict, IsTheWorstThatIsKnown) {
  EXPECT_EQ(With({}).verdict, Verdict::kClean);
  EXPECT_EQ(With({{"hazard/unreached", Severity::kNote}}).verdict, Verdict::kClean);
  EXPECT_EQ(With({{"panic/task", Severity::kWarning}}).verdict, Verdict::kWarnings);
  EXPECT_EQ(With({{"panic/task", Severity::kWarning}}, false).verdict, Verdict::kIncomplete);
  EXPECT_EQ(With({{"panic/thread", Severity::kError}}, false).verdict, Verdict::kErrors);
  EXPECT_EQ(Invalid().verdict, Verdict::kInvalid);
}

TEST(ExitStatus, FollowsTheTable) {
  const ScenarioReport clean = With({}), warning = With({{"panic/task", Severity::kWarning}}),
                       note = With({{"hazard/unreached", Severity::kNote}}),
                       error = With({{"panic/thread", Severity::kError}}), incomplete = With({}, false);
  EXPECT_EQ(ExitStatusOf({clean, warning, note}, {}), 0);
  EXPECT_EQ(ExitStatusOf({clean, error}, {}), 1);
  EXPECT_EQ(ExitStatusOf({warning}, {FailOn::kWarning, false}), 1);
  EXPECT_EQ(ExitStatusOf({note}, {FailOn::kWarning, false}), 0);
  EXPECT_EQ(ExitStatusOf({note}, {FailOn::kNote, false}), 1);
  EXPECT_EQ(ExitStatusOf({error}, {FailOn::kNever, false}), 0);
  EXPECT_EQ(ExitStatusOf({incomplete}, {}), 3);
  EXPECT_EQ(ExitStatusOf({incomplete}, {FailOn::kError, true}), 0);
  EXPECT_EQ(ExitStatusOf({incomplete, error}, {}), 1);
  EXPECT_EQ(ExitStatusOf({incomplete, error, Invalid()}, {FailOn::kNever, true}), 2);
}

TEST(Overrides, ChangeSeveritiesAndTheVerdict) {
  ScenarioReport report = With({{"deadlock/relock", Severity::kError}, {"panic/task", Severity::kWarning}});
  ApplyOverrides({{"deadlock/*", Severity::kWarning}, {"panic/task", std::nullopt}}, report);
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_EQ(report.findings[0].severity, Severity::kWarning);
  EXPECT_EQ(report.verdict, Verdict::kWarnings);
}

TEST(Overrides, TheLaterOneWins) {
  ScenarioReport report = With({{"deadlock/relock", Severity::kError}});
  ApplyOverrides({{"deadlock/*", std::nullopt}, {"deadlock/relock", Severity::kNote}}, report);
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_EQ(report.findings[0].severity, Severity::kNote);
}

Expect Expecting(std::vector<Expected> errors) {
  Expect expect;
  expect.errors = std::move(errors);
  return expect;
}

TEST(Expectation, IsAnExactSet) {
  const ScenarioReport report = With({{"deadlock/relock", Severity::kError}, {"deadlock/relock", Severity::kError}});
  EXPECT_TRUE(CompareExpectation(Expecting({{{"deadlock/relock"}}}), report).empty());
  EXPECT_EQ(CompareExpectation(Expecting({}), report), std::vector<std::string>{"unexpected error `deadlock/relock`"});
  EXPECT_EQ(CompareExpectation(Expecting({{{"deadlock/relock"}}, {{"panic/thread"}}}), report),
            std::vector<std::string>{"expected error `panic/thread` was not found"});
}

TEST(Expectation, KnowsFamiliesAndAlternatives) {
  const ScenarioReport report = With({{"deadlock/relock", Severity::kError}, {"deadlock/channel", Severity::kError}});
  EXPECT_TRUE(CompareExpectation(Expecting({{{"deadlock/*"}}}), report).empty());
  EXPECT_TRUE(
      CompareExpectation(Expecting({{{"panic/thread", "deadlock/relock"}}, {{"deadlock/channel"}}}), report).empty());
  EXPECT_EQ(CompareExpectation(Expecting({{{"panic/*", "starvation/*"}}}), With({})),
            std::vector<std::string>{"expected error `panic/*` or `starvation/*` was not found"});
}

TEST(Expectation, LeavesOutWhatItDoesNotMentionAndWhatIsAccepted) {
  ScenarioReport report = With({{"deadlock/relock", Severity::kError}});
  EXPECT_TRUE(CompareExpectation(Expect{}, report).empty());
  report.findings[0].allowed = "known";
  EXPECT_TRUE(CompareExpectation(Expecting({}), report).empty());
  EXPECT_FALSE(CompareExpectation(Expecting({{{"deadlock/relock"}}}), report).empty());
}

}  // namespace
}  // namespace asyncrt
