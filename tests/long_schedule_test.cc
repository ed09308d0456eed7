// Reports with schedules that are longer than anybody reads: people get a part, programs all of it.
#include <gtest/gtest.h>

#include <string>

#include "core/base/json_library.h"
#include "core/report/display.h"
#include "core/report/formats.h"
#include "core/report/json_writer.h"
#include "core/report/render.h"
#include "core/report/shown.h"

namespace asyncrt {
namespace {

std::vector<ScheduleStep> Steps(std::size_t count) {
  std::vector<ScheduleStep> steps;
  for (std::size_t i = 1; i <= count; ++i) {
    ScheduleStep step;
    step.step = i;
    step.thread = "thread-" + std::to_string(i % 3);
    step.op = "op" + std::to_string(i);
    step.line = 1;
    step.pointer = "/main/0";
    step.effect = "done";
    steps.push_back(std::move(step));
  }
  return steps;
}

std::string Rendered(const std::string& format, std::size_t steps) {
  ScenarioReport report;
  report.name = "long";
  report.file = "long.json";
  report.findings.emplace_back();
  report.findings[0].rule = "deadlock/relock";
  report.findings[0].schedule = Steps(steps);
  report.verdict = Verdict::kErrors;
  for (const FormatDef& def : AllFormats())
    if (def.name == format) return def.render(MakeRunReport({report}), {"{}"}, TextStyle());
  return "";
}

std::size_t CountOf(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(ShownSteps, AreAllOfAShortSchedule) {
  const std::vector<ScheduleStep> shown = ShownSteps(Steps(kStepsShownMax));
  ASSERT_EQ(shown.size(), kStepsShownMax);
  for (std::size_t i = 0; i < shown.size(); ++i) EXPECT_EQ(shown[i].op, "op" + std::to_string(i + 1));
}

TEST(ShownSteps, AreBeginAndEndOfALongOneAndSayHowManyAreLeftOut) {
  for (const std::size_t count : {kStepsShownMax + 1, kStepsShownMax + 2, 5 * kStepsShownMax}) {
    const std::vector<ScheduleStep> all = Steps(count), shown = ShownSteps(all);
    ASSERT_EQ(shown.size(), kStepsShownMax);
    std::size_t gap = 0;
    while (gap < shown.size() && shown[gap].op == all[gap].op) ++gap;
    ASSERT_LT(gap, shown.size());
    const std::size_t last = shown.size() - gap - 1;
    for (std::size_t i = 1; i <= last; ++i) EXPECT_EQ(shown[shown.size() - i].step, count + 1 - i);
    EXPECT_EQ(shown[gap].step, gap + 1);
    EXPECT_TRUE(shown[gap].effect.starts_with(Counted(count - gap - last, "step") + " left out")) << shown[gap].effect;
  }
}

TEST(LongSchedules, AreCutWherePeopleLook) {
  for (const char* format : {"html", "sarif", "junit", "markdown", "mermaid"}) {
    SCOPED_TRACE(format);
    const std::string text = Rendered(format, 3000);
    EXPECT_NE(text.find("2,001 steps left out"), std::string::npos);
    EXPECT_NE(text.find("op500"), std::string::npos);
    EXPECT_EQ(text.find("op501"), std::string::npos);
    EXPECT_EQ(text.find("op2501"), std::string::npos);
    EXPECT_NE(text.find("op2502"), std::string::npos);
    EXPECT_NE(text.find("op3000"), std::string::npos);
    EXPECT_NE(text.find("3000"), std::string::npos);   // the number of the last one, which is not the thousandth
    EXPECT_EQ(Rendered(format, 500).find("left out"), std::string::npos);
  }
  EXPECT_NE(Rendered("html", 3000).find("3,000 steps"), std::string::npos);
}

TEST(ManyWaits, AreCutWherePeopleLook) {
  ScenarioReport report;
  report.name = "many";
  report.file = "many.json";
  report.findings.emplace_back();
  for (std::size_t i = 1; i <= kWaitsShownMax + 1234; ++i)
    report.findings[0].waits.push_back({"task w" + std::to_string(i), std::nullopt, "recv", "c" + std::to_string(i), "nobody", "because"});
  report.verdict = Verdict::kErrors;
  const RunReport run = MakeRunReport({report});
  for (const FormatDef& def : AllFormats()) {
    SCOPED_TRACE(def.name);
    const std::string text = def.render(run, {"{}"}, TextStyle());
    const bool lists_waits = text.find("w200") != std::string::npos, is_cut = text.find("and 1,234 more") != std::string::npos;
    EXPECT_EQ(lists_waits, text.find("w1") != std::string::npos);
    EXPECT_EQ(text.find("w201") != std::string::npos, lists_waits && !is_cut);
    EXPECT_EQ(lists_waits && !is_cut, def.name == "json" || def.name == "jsonl");
  }
}

TEST(LongSchedules, AreWholeForPrograms) {
  const std::string json = Rendered("json", 3000);
  EXPECT_EQ(nlohmann::json::parse(json)["scenarios"][0]["findings"][0]["schedule"].size(), 3000u);
  EXPECT_EQ(CountOf(Rendered("jsonl", 3000), "\"effect\""), 3000u);
  EXPECT_EQ(CountOf(Rendered("chrome-trace", 3000), "\"ph\": \"X\""), 3000u);
}

// What the library would write of the same values.
TEST(JsonWriter, WritesAsTheLibraryDoes) {
  nlohmann::ordered_json tree;
  tree["text"] = "plain";
  tree["odd"] = "a \"quote\", a \\, a\nline, a tab\t, \x01, é and ";
  tree["none"] = nullptr;
  tree["empty"] = nlohmann::ordered_json::array();
  tree["object"] = nlohmann::ordered_json::object();
  tree["list"] = {1, nlohmann::ordered_json::array({true, false}), {{"k", -7}}, 2.5, 0.0, 1e-14};
  tree["large"] = 18446744073709551615u;
  for (const int indent : {JsonWriter::kOneLine, 1, 2}) {
    JsonWriter out(indent);
    out.Begin('{');
    out.Text("text", "plain");
    out.Text("odd", "a \"quote\", a \\, a\nline, a tab\t, \x01, é and ");
    out.TextOrNull("none", "");
    out.Begin("empty", '[');
    out.End(']');
    out.Begin("object", '{');
    out.End('}');
    out.Begin("list", '[');
    out.Number(1);
    out.Begin('[');
    out.Bool(true);
    out.Bool(false);
    out.End(']');
    out.Begin('{');
    out.Signed("k", -7);
    out.End('}');
    out.Real(2.5);
    out.Real(0);
    out.Real(1e-14);
    out.End(']');
    out.Number("large", 18446744073709551615u);
    out.End('}');
    EXPECT_EQ(out.Take(), tree.dump(indent));
  }
}

TEST(JsonWriter, WritesValidJsonWhateverTheTextsAre) {
  JsonWriter out(JsonWriter::kOneLine);
  out.Begin('[');
  out.Text("broken \xff UTF-8");
  out.Text("a mark \xE2\x80\xAE that turns the line, \x7F");
  out.End(']');
  EXPECT_EQ(out.Take(), "[\"broken \xEF\xBF\xBD UTF-8\",\"a mark \\u202e that turns the line, \\u007f\"]");
}

}  // namespace
}  // namespace asyncrt
