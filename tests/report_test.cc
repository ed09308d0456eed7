// The report formats, on a report made by hand: nothing here depends on what a search finds.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "core/base/json_library.h"
#include "core/report/display.h"
#include "core/report/render.h"
#include "core/report/schema.h"

namespace asyncrt {
namespace {

const char kSource[] = R"({
  "name": "one-worker",
  "main": [
    { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "consumer", "body": [
        { "op": "recv", "on": "ch" } ] } ] }
  ]
}
)";

Finding BlockedWorkers() {
  Finding finding;
  finding.rule = "deadlock/blocked-workers";
  finding.message = "the only worker sleeps in `recv`, waiting for a message that only task producer can send";
  finding.fingerprint = "0123456789abcdef";
  finding.locations = {
      {"one.json", {6, 9, 6, 37}, "/main/0/body/0/body/0", "src/main.rs:14", "rt/worker-0 sleeps here"},
      {"one.json", {5, 7, 6, 39}, "/main/0/body/0", "", "spawned here"}};
  finding.waits = {{"task consumer", "rt/worker-0", "recv", "ch", "task producer", "only producer sends on ch"},
                   {"task producer", std::nullopt, "run", "rt", "thread rt/worker-0", "it is the only worker"}};
  finding.schedule = {{1, 0, "main", std::nullopt, "block_on", "rt", "/main/0", 4, "drives the future", false},
                      {2, 10'000, "rt/worker-0", "consumer", "recv", "ch", "/main/0/body/0/body/0", 6, "blocks", false},
                      {3, 1'500'000, "rt/worker-0", std::nullopt, "park", std::nullopt, "", 0, "sleeps", false}};
  finding.help = {"wait with an async operation", "or use `block_in_place`"};
  finding.replay = "v1.0-1";
  finding.end_states = 2;
  return finding;
}

ScenarioReport OneWorker() {
  ScenarioReport report;
  report.name = "one-worker";
  report.file = "one.json";
  report.findings = {BlockedWorkers()};
  report.explored = {true, 41, 63, 17, "1.53", {"ideal", "adversarial"}, ""};
  report.verdict = VerdictOf(report);
  return report;
}

ScenarioReport Broken() {
  ScenarioReport report;
  report.file = "two.json";
  report.diagnostics = {{{2, 11, 2, 23}, "/name", "unknown op `reicv`", "did you mean `recv`?"}};
  report.verdict = VerdictOf(report);
  return report;
}

// Compares with a file in tests/golden; `make golden` writes it.
void ExpectGolden(const std::string& name, const std::string& actual) {
  const std::string path = "tests/golden/" + name;
  const char* mode = std::getenv("ASYNCRT_GOLDEN");
  if (mode != nullptr && std::string(mode) == "write") {
    std::ofstream(path) << actual;
    return;
  }
  std::ifstream file(path);
  ASSERT_TRUE(file) << path << " is missing: run `make golden` in the top folder";
  std::stringstream expected;
  expected << file.rdbuf();
  EXPECT_EQ(expected.str(), actual);
}

TEST(GoldenReport, Text) {
  const RunReport report = MakeRunReport({OneWorker(), Broken()});
  ExpectGolden("report.txt", RenderText(report, {kSource, kSource}, TextStyle{}));
}

TEST(GoldenReport, TextWithoutUnicodeInColor) {
  ExpectGolden("report-ascii.txt", RenderText(MakeRunReport({OneWorker()}), {kSource}, {true, false, 80}));
}

TEST(GoldenReport, Json) { ExpectGolden("report.json", RenderJson(MakeRunReport({OneWorker(), Broken()}))); }

TEST(GoldenReport, Short) { ExpectGolden("report-short.txt", RenderShort(MakeRunReport({OneWorker(), Broken()}))); }

TEST(GoldenReport, Html) { ExpectGolden("report.html", RenderHtml(MakeRunReport({OneWorker(), Broken()}), {kSource, kSource})); }

std::size_t CountOf(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t i = text.find(part); i != std::string::npos; i = text.find(part, i + part.size())) ++count;
  return count;
}

TEST(HtmlReport, KeepsTextFromBecomingMarkup) {
  const std::string evil = "</script><script>alert(1)</script><img src=x onerror='alert(2)'>\" onload=\"alert(3)";
  ScenarioReport report = OneWorker();
  report.name = report.file = evil;
  Finding& finding = report.findings[0];
  finding.message = finding.allowed = finding.replay = evil;
  finding.help = {evil};
  for (Wait& wait : finding.waits) wait.who = wait.op = wait.waits_for = wait.why = evil, wait.on = wait.thread = evil;
  for (ScheduleStep& step : finding.schedule) step.thread = step.op = step.effect = evil, step.on = step.task = evil;
  for (Location& location : finding.locations) location.at = location.file = evil;
  ScenarioReport broken = Broken();
  broken.diagnostics[0].message = broken.diagnostics[0].hint = evil;
  std::string source = evil;
  for (int line = 2; line <= 8; ++line) source += "\n" + evil;
  const std::string html = RenderHtml(MakeRunReport({report, broken}), {source, source});
  EXPECT_EQ(CountOf(html, "<script"), 1u);
  EXPECT_EQ(CountOf(html, "</script"), 1u);
  EXPECT_EQ(CountOf(html, "<img"), 0u);
  EXPECT_EQ(CountOf(html, "\" onload"), 0u);
  EXPECT_GT(CountOf(html, "&lt;/script&gt;"), 10u);
}

TEST(HtmlReport, GivesEveryStepAnAnchorInEveryView) {
  const std::string html = RenderHtml(MakeRunReport({OneWorker()}), {kSource});
  EXPECT_EQ(CountOf(html, "id=\"f1\""), 1u);
  for (const char* step : {"1", "2", "3"}) {
    EXPECT_EQ(CountOf(html, "<tr id=\"f1.s" + std::string(step) + "\""), 1u);
    EXPECT_GE(CountOf(html, "href=\"#f1.s" + std::string(step) + "\""), 2u);
  }
  EXPECT_EQ(CountOf(html, "<span data-s=\"1\"><i>4</i>"), 1u);
  EXPECT_EQ(CountOf(html, "<span class=\"at\" data-s=\"2\"><i>6</i>"), 1u);
  EXPECT_EQ(CountOf(html, "http"), CountOf(html, "http-equiv"));
}

TEST(HtmlReport, NeedsNeitherStepsNorWaitsNorSource) {
  ScenarioReport report = OneWorker();
  report.findings[0].schedule.clear();
  report.findings[0].waits.clear();
  report.findings[0].locations.clear();
  const std::string html = RenderHtml(MakeRunReport({report}), {});
  EXPECT_EQ(CountOf(html, "<svg"), 0u);
  EXPECT_EQ(CountOf(html, "<h2>"), 1u);
}

TEST(JsonReport, HasTheKeysInOrder) {
  const auto json = nlohmann::ordered_json::parse(RenderJson(MakeRunReport({OneWorker()})));
  std::vector<std::string> keys;
  for (const auto& [key, value] : json["scenarios"][0]["findings"][0].items()) keys.push_back(key);
  const std::vector<std::string> expected = {"rule",  "severity", "message", "fingerprint", "locations",
                                             "waits", "schedule", "help",    "replay",      "end_states"};
  EXPECT_EQ(keys, expected);
  keys.clear();
  for (const auto& [key, value] : json["scenarios"][0]["findings"][0]["waits"][0].items()) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{"who", "thread", "op", "on", "for", "why"}));
}

TEST(JsonReport, MarksAcceptedFindingsOnly) {
  ScenarioReport report = OneWorker();
  EXPECT_EQ(RenderJson(MakeRunReport({report})).find("\"allowed\""), std::string::npos);
  report.findings[0].allowed = "known";
  report.verdict = VerdictOf(report);
  const auto json = nlohmann::json::parse(RenderJson(MakeRunReport({report})));
  EXPECT_EQ(json["scenarios"][0]["findings"][0]["allowed"], "known");
  EXPECT_EQ(json["verdict"], "clean");
  EXPECT_EQ(json["summary"]["errors"], 0);
}

TEST(JsonReport, IsJsonWhateverTheNamesAre) {
  ScenarioReport report = OneWorker();
  report.file = "bad-\xff\x1b.json";
  report.findings[0].message = "quote \" backslash \\ newline \n and </script>";
  EXPECT_TRUE(nlohmann::json::accept(RenderJson(MakeRunReport({report}))));
}

TEST(TextReport, EscapesControlCharacters) {
  ScenarioReport report = OneWorker();
  report.findings[0].message = "task \x1b[2Jevil\nline";
  report.findings[0].schedule[1].effect = "rings \a";
  report.findings[0].locations[0].label = "\xE2\x80\xAE turned around";
  const std::string text = RenderText(MakeRunReport({report}), {kSource}, TextStyle{});
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\a'), std::string::npos);
  EXPECT_EQ(text.find("\xE2\x80\xAE"), std::string::npos);
  EXPECT_NE(text.find("task \\u{1b}[2Jevil\\u{a}line"), std::string::npos);
}

TEST(TextReport, FoldsWhatRepeatsItself) {
  ScenarioReport report = OneWorker();
  report.findings[0].schedule.clear();
  for (std::uint64_t i = 0; i < 20; ++i) {
    report.findings[0].schedule.push_back(
        {i + 1, 0, "main", std::nullopt, i % 2 == 0 ? "recv" : "send", "jobs", "/main/0", 4, "", true});
  }
  const std::string text = RenderText(MakeRunReport({report}), {kSource}, TextStyle{});
  EXPECT_NE(text.find("these 2 steps 9 more times"), std::string::npos) << text;
}

TEST(TextReport, MarksTheColumnBehindWideCharacters) {
  ScenarioReport report = Broken();
  report.diagnostics[0].place = {1, 3, 1, 4};
  EXPECT_NE(RenderDiagnostics(report, "\xE6\x97\xA5\xE6\x9C\xACx", TextStyle{}).find("|     ^ did"), std::string::npos);
}

TEST(TextReport, CutsAVeryLongLineAroundItsMark) {
  std::string line;
  for (int i = 0; i < 30'000; ++i) line += "\xC3\xA4";
  line += "wrong";
  for (int i = 0; i < 30'000; ++i) line += "\xC3\xB6";
  ScenarioReport report = Broken();
  report.diagnostics[0].place = {1, 30'001, 1, 30'006};
  const std::string text = RenderDiagnostics(report, line, TextStyle{});
  EXPECT_NE(text.find("\xC3\xA4wrong\xC3\xB6"), std::string::npos) << text;
  EXPECT_NE(text.find("|                      ^^^^^ did"), std::string::npos) << text;
  EXPECT_EQ(text.find("1 | \xE2\x80\xA6"), text.find("1 | ")) << text;
  report.diagnostics[0].place = {1, 1, 1, 3};
  EXPECT_NE(RenderDiagnostics(report, line, TextStyle{}).find("| ^^ did"), std::string::npos);
  report.diagnostics[0].place = {1, 60'005, 1, 60'006};
  EXPECT_NE(RenderDiagnostics(report, line, TextStyle{}).find("|                      ^ did"), std::string::npos);
}

TEST(TextReport, SurvivesPlacesOutsideTheSource) {
  ScenarioReport report = Broken();
  for (const Place place : {Place{99, 1, 99, 2}, Place{1, 99, 1, 100}, Place{1, 1, 0, 0}, Place{2, 5, 1, 1}}) {
    report.diagnostics[0].place = place;
    EXPECT_FALSE(RenderDiagnostics(report, "{}\n", TextStyle{}).empty());
    EXPECT_FALSE(RenderDiagnostics(report, "", TextStyle{}).empty());
  }
}

TEST(Schema, IsJson) {
  EXPECT_TRUE(nlohmann::json::accept(ScenarioSchema()));
  EXPECT_TRUE(nlohmann::json::accept(ReportSchema()));
}

TEST(Time, IsWrittenInTheLargestUnitThatFits) {
  EXPECT_EQ(TimeText(0), "0s");
  EXPECT_EQ(TimeText(250), "250us");
  EXPECT_EQ(TimeText(10'000), "10ms");
  EXPECT_EQ(TimeText(1'250), "1.25ms");
  EXPECT_EQ(TimeText(1'500'000), "1.5s");
}

TEST(ShellWord, QuotesWhatTheShellWouldReadOtherwise) {
  EXPECT_EQ(ShellWord("scenarios/a.json"), "scenarios/a.json");
  EXPECT_EQ(ShellWord("a b.json"), "'a b.json'");
  EXPECT_EQ(ShellWord("it's"), "'it'\\''s'");
  EXPECT_EQ(ShellWord(""), "''");
}

}  // namespace
}  // namespace asyncrt
