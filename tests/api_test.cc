// The public interface of the library.
#include "core/api/asyncrt.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace {

using asyncrt::Check;
using asyncrt::Outcome;
using asyncrt::build::Object;
using asyncrt::build::Op;
using asyncrt::build::Runtime;
using asyncrt::build::Scenario;

std::string Relock() {
  return Scenario("relock")
      .About("says \"twice\"\n")
      .Object("m", Object("std_mutex"))
      .Main({Op("lock").On("m").At("src/main.rs:3"), Op("lock").On("m")})
      .Expect({"deadlock/relock"})
      .Json();
}

std::string BlockedWorker() {
  return Scenario("blocked-worker")
      .Runtime("rt", Runtime::MultiThread(1))
      .Object("ch", Object("std_channel"))
      .Body("produce", {Op("send").On("ch").Set("value", 3)})
      .Main({Op("block_on").On("rt").Body({
          Op("spawn").As("consumer").Body({
              Op("spawn").As("producer").Set("run", "produce"),
              Op("recv").On("ch"),
              Op("await").On("producer"),
          }),
          Op("await").On("consumer"),
      })})
      .Json();
}

TEST(Api, FindsWhatABuiltScenarioHas) {
  const asyncrt::Result result = Check(Relock(), {.format = "short"});
  EXPECT_EQ(result.outcome, Outcome::kErrors);
  EXPECT_EQ(result.rules, std::vector<std::string>{"deadlock/relock"});
  EXPECT_TRUE(result.differences.empty());
  EXPECT_NE(result.report.find("scenario.json:"), std::string::npos) << result.report;
  EXPECT_EQ(Check(BlockedWorker()).rules, std::vector<std::string>{"deadlock/blocked-workers"});
}

TEST(Api, TellsHowAScenarioDiffersFromItsExpectation) {
  const std::string text = Scenario("nothing").Main({}).Expect({"deadlock/*"}).Json();
  const asyncrt::Result result = Check(text);
  EXPECT_EQ(result.outcome, Outcome::kClean);
  ASSERT_EQ(result.differences.size(), 1u);
  EXPECT_NE(result.differences[0].find("was not found"), std::string::npos);
}

TEST(Api, WritesOneOpALine) {
  EXPECT_EQ(Scenario("two").Main({Op("compute").Set("for", "1ms"), Op("if").Set("cond", "1").Ops("then", {Op("panic")})}).Json(),
            "{\n"
            "  \"name\": \"two\",\n"
            "  \"main\": [\n"
            "    { \"op\": \"compute\", \"for\": \"1ms\" },\n"
            "    { \"op\": \"if\", \"cond\": \"1\", \"then\": [\n"
            "      { \"op\": \"panic\" } ] } ]\n"
            "}\n");
}

TEST(Api, TellsWhatIsWrongWithAScenario) {
  const asyncrt::Result result = Check(Scenario("wrong").Main({Op("lokc").On("m")}).Json(), {.format = "text"});
  EXPECT_EQ(result.outcome, Outcome::kInvalid);
  EXPECT_NE(result.report.find("did you mean `lock`"), std::string::npos) << result.report;
}

TEST(Api, RendersEveryFormat) {
  for (const std::string& format : asyncrt::Formats()) {
    EXPECT_FALSE(Check(Relock(), {.format = format}).report.empty()) << format;
  }
}

TEST(Api, RulesCanBeTurnedOff) {
  EXPECT_EQ(Check(Relock(), {.rules = {{"deadlock/*", "off"}}}).outcome, Outcome::kClean);
  EXPECT_EQ(Check(Relock(), {.rules = {{"deadlock/relock", "warning"}}}).outcome, Outcome::kWarnings);
}

TEST(Api, LimitsAreObeyed) {
  EXPECT_EQ(Check(BlockedWorker(), {.max_states = 2}).outcome, Outcome::kIncomplete);
  // So many states that it takes minutes, if nothing stops it.
  const Op add = Op("loop").Set("times", 50).Body({Op("add").On("n[$index]").Set("value", 1)});
  const Op threads = Op("spawn_thread").Set("count", 8).List("borrow", {}).Body({add});
  const std::string wide =
      Scenario("wide").Object("n", Object("atomic").Set("count", 8)).Main({Op("thread_scope").Body({threads})}).Json();
  const std::atomic<bool> interrupted{true};
  const asyncrt::Result result = Check(wide, {.interrupted = &interrupted});
  EXPECT_EQ(result.outcome, Outcome::kIncomplete);
  EXPECT_NE(result.report.find("\"limit\": \"interrupt\""), std::string::npos) << result.report;
}

std::string ErrorOf(const asyncrt::Options& options) {
  try {
    Check(Relock(), options);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(Api, RefusesOptionsThatAreNone) {
  EXPECT_EQ(ErrorOf({.format = "jsn"}), "unknown format `jsn`; did you mean `json`?");
  EXPECT_NE(ErrorOf({.tokio = "7"}).find("unknown Tokio version `7`"), std::string::npos);
  EXPECT_NE(ErrorOf({.rules = {{"deadlock/relok", "off"}}}).find("`deadlock/relock`"), std::string::npos);
  EXPECT_EQ(ErrorOf({.rules = {{"deadlock/relock", "of"}}}), "unknown level `of`; did you mean `off`?");
}

TEST(Api, ReplaysAFinding) {
  const std::string report = Check(Relock()).report;
  const std::string key = "\"replay\": \"";
  const std::size_t begin = report.find(key) + key.size();
  const std::string schedule = report.substr(begin, report.find('"', begin) - begin);
  EXPECT_NE(asyncrt::Replay(Relock(), schedule).find("=> "), std::string::npos);
  EXPECT_THROW(asyncrt::Replay(Relock(), "nonsense"), std::invalid_argument);
}

TEST(Api, SaysWhatEverythingIsAtTheEnd) {
  EXPECT_EQ(Check(Relock(), {.format = "text"}).report.find("std_mutex m: held by"), std::string::npos);
  const std::string report = Check(Relock(), {.format = "text", .verbose = true}).report;
  EXPECT_NE(report.find("std_mutex m: held by thread main"), std::string::npos) << report;
}

TEST(Api, ExplainsItsRules) {
  for (const std::string& rule : asyncrt::Rules()) EXPECT_NE(asyncrt::Explain(rule).find(rule), std::string::npos);
  EXPECT_THROW(asyncrt::Explain("deadlock/relok"), std::invalid_argument);
}

}  // namespace
