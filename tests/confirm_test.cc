// What `confirm` makes of a schedule, and what it makes of a run: the outputs here are those of real runs.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "core/asyncrt.h"
#include "core/confirm/confirm.h"
#include "core/confirm/outcome.h"
#include "core/confirm/process.h"
#include "core/confirm/tickets.h"
#include "core/report/read_report.h"

namespace asyncrt {
namespace {

struct Checked {
  std::unique_ptr<Scenario> scenario;
  ScenarioReport report;
};

Checked Check(const std::string& text) {
  Checked checked;
  Diagnostics diagnostics;
  checked.scenario = ReadScenario(text, "t.json", diagnostics);
  CheckOptions options;
  options.tokio = "1.24";
  checked.report = CheckText(text, "t.json", options);
  return checked;
}

std::string TextOf(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string TicketsText(const Checked& checked, TicketKind kind = {}) {
  return TicketsOf(*checked.scenario, checked.report.findings.at(0).schedule, kind).text;
}

TEST(Tickets, OrderTheOpsOfAllParties) {
  EXPECT_EQ(TicketsText(Check(TextOf("scenarios/tour/28-lock-cycle-threads.json"))),
            "op\tmain\t/main/0\tgoes\nop\tmain\t/main/1\tgoes\nop\tleft\t/main/0/body/0\tgoes\nop\tright\t/main/1/body/0\tgoes\n"
            "op\tleft\t/main/0/body/1\twaits\nop\tright\t/main/1/body/1\twaits\nop\tmain\t/main/2\twaits\n");
}

TEST(Tickets, TellCopiesApart) {
  const std::string text = TicketsText(Check(TextOf("scenarios/tour/32-permits-hold-and-wait.json")));
  EXPECT_NE(text.find("op\tcopy[0]\t"), std::string::npos) << text;
  EXPECT_NE(text.find("op\tcopy[1]\t"), std::string::npos) << text;
  EXPECT_EQ(text.find("op\tmain\t/main/0/body/0\tgoes\nop\tmain\t/main/0/body/0"), std::string::npos) << "two copies are spawned by one op";
}

constexpr char kReceivesLate[] = R"json({ "name": "t", "runtimes": { "rt": { "flavor": "current_thread" } }, "objects": { "ch": { "kind": "mpsc" } }, "main": [
  { "op": "block_on", "on": "rt", "body": [
    { "op": "spawn", "as": "t", "body": [ { "op": "recv", "on": "ch" }, { "op": "panic", "message": "got it" } ] },
    { "op": "yield_now" }, { "op": "send", "on": "ch" }, { "op": "await", "on": "t" } ] } ] })json";

TEST(Tickets, HaveOneForAnOpThatIsResumed) {
  const std::string text = TicketsText(Check(kReceivesLate));
  const std::string recv = "op\tt\t/main/0/body/0/body/0\t";
  ASSERT_NE(text.find(recv), std::string::npos) << text;
  EXPECT_EQ(text.find(recv, text.find(recv) + 1), std::string::npos) << text;
  EXPECT_EQ(text.find("poll"), std::string::npos) << text;
}

TEST(Tickets, MayOrderPollsToo) {
  const std::string text = TicketsText(Check(TextOf("scenarios/tour/30-lock-cycle-tasks.json")), {true, true});
  EXPECT_NE(text.find("poll\tleft\n"), std::string::npos) << text;
  EXPECT_NE(text.find("poll\tright\n"), std::string::npos) << text;
}

TEST(Tickets, SayWhatIsChosen) {
  const Checked checked = Check(R"json({ "name": "t", "objects": { "m": { "kind": "std_mutex" } }, "main": [
    { "op": "choose", "branches": [ [], [], [ { "op": "lock", "on": "m", "body": [ { "op": "panic", "message": "third" } ] } ] ] } ] })json");
  ScheduleStep step;
  step.thread = "main";
  step.op = "lock";
  step.pointer = "/main/0/branches/2/0";
  step.effect = "acquired";
  EXPECT_EQ(TicketsOf(*checked.scenario, {step}, {}).text, "choose\tmain\t/main/0\t2\nop\tmain\t/main/0/branches/2/0\tgoes\n");
}

TEST(Tickets, OrderTheEndsOfBodies) {
  const Checked checked = Check(R"json({ "name": "t", "objects": { "ch": { "kind": "mpsc" } }, "main": [
    { "op": "spawn_thread", "as": "h", "clone": ["ch.tx"], "body": [ { "op": "send", "on": "ch" } ] } ] })json");
  auto step = [](const char* thread, const char* op, const char* pointer, const char* effect) {
    ScheduleStep out;
    out.thread = thread;
    out.op = op;
    out.pointer = pointer;
    out.effect = effect;
    return out;
  };
  const std::vector<ScheduleStep> schedule = {step("main", "spawn_thread", "/main/0", "the thread starts"), step("h", "send", "/main/0/body/0", "sent"),
                                              step("h", "drop", "/main/0", "released"), step("h", "spawn_thread", "/main/0", "ends"),
                                              step("main", "drop", "", "released"), step("main", "drop", "", "released"), step("main", "end", "", "ends")};
  EXPECT_EQ(TicketsOf(*checked.scenario, schedule, {}).text,
            "op\tmain\t/main/0\tgoes\nop\th\t/main/0/body/0\tgoes\nop\th\t/main/0\tgoes\nop\tmain\t/main\tgoes\n");
}

TEST(Tickets, SayHowMuchTimeHasToPass) {
  const Checked checked = Check(R"json({ "name": "t", "main": [ { "op": "thread_sleep", "for": "30ms" }, { "op": "panic" } ] })json");
  EXPECT_NE(TicketsText(checked).find("time\t30000\nop\tmain\t/main/1"), std::string::npos) << TicketsText(checked);
  EXPECT_EQ(TicketsText(checked, {false, false}).find("time"), std::string::npos);
}

TEST(Tickets, RepeatWhatTheScheduleRepeats) {
  const Checked checked = Check(R"json({ "name": "t", "objects": { "n": { "kind": "atomic" } }, "main": [
    { "op": "while", "cond": "n == 0", "body": [ { "op": "thread_yield" } ] } ] })json");
  const std::string text = TicketsText(checked);
  EXPECT_LT(text.find("loop\n"), text.find("op\tmain\t/main/0/body/0\t")) << text;
}

TEST(Tickets, KnowWhichPartiesTheProgramHas) {
  EXPECT_EQ(ExportedParty("task copy[1]"), "copy[1]");
  EXPECT_EQ(ExportedParty("thread main"), "main");
  EXPECT_EQ(ExportedParty("task worker#2"), "worker");
  EXPECT_EQ(ExportedParty("future first"), "");
}

constexpr char kHang[] =
    R"json({"event":"hang","panics":0,"values":{},"parties":[)json"
    R"json({"party":"main","op":"/main/2","doing":"join_thread left","state":"on a thread","holds":[],"came_to":["","/main/0","/main/1"]},)json"
    R"json({"party":"left","op":"/main/0/body/1","doing":"lock b","state":"on a thread","holds":["a"],"came_to":["","/main/0/body/0"]},)json"
    R"json({"party":"right","op":"/main/1/body/1","doing":"lock a","state":"on a thread","holds":["b"],"came_to":["","/main/1/body/0"]}],"turns":7,"turns_missed":0})json"
    "\n";

TEST(Outcome, AHangShowsTheFindingWhoseWaitsItHas) {
  const RunOutcome run = ReadRun(kHang, false);
  EXPECT_EQ(run.end, RunOutcome::End::kHang);
  ASSERT_EQ(run.parties.size(), 3u);
  EXPECT_EQ(run.parties[1].doing, "lock b");
  Finding finding = Check(TextOf("scenarios/tour/28-lock-cycle-threads.json")).report.findings.at(0);
  EXPECT_EQ(Difference(finding, run), "");
  finding.waits[0].who = "thread middle";
  EXPECT_EQ(Difference(finding, run), "thread middle has ended");
}

TEST(Outcome, AHangElsewhereDoesNot) {
  Finding finding = Check(TextOf("scenarios/tour/28-lock-cycle-threads.json")).report.findings.at(0);
  std::string text = kHang;
  text.replace(text.find("/main/1/body/1"), 14, "/main/1/body/0").replace(text.find("lock a"), 6, "recv a");
  EXPECT_EQ(Difference(finding, ReadRun(text, false)), "thread right stands in `recv a` (on a thread), not in `lock`");
}

TEST(Outcome, CopiesOfABodyCanChangePlaces) {
  Finding finding;
  finding.rule = "deadlock/lost-wakeup";
  finding.waits = {{"thread x[0]", "x[0]", "wait", "c", "nobody", ""}};
  auto run = [](const std::string& name, const std::string& doing) {
    return ReadRun("{\"event\":\"hang\",\"parties\":[{\"party\":\"" + name + "\",\"op\":\"/main/0/body/0\",\"doing\":\"" + doing +
                       "\",\"state\":\"on a thread\"}]}\n", false);
  };
  EXPECT_EQ(Difference(finding, run("x[1]", "wait c")), "");
  EXPECT_NE(Difference(finding, run("x[1]", "lock c")), "");
  EXPECT_NE(Difference(finding, run("y[1]", "wait c")), "");
}

TEST(Outcome, AnEndIsNoHang) {
  const Finding finding = Check(TextOf("scenarios/tour/28-lock-cycle-threads.json")).report.findings.at(0);
  const RunOutcome run = ReadRun("{\"event\":\"end\",\"outcome\":\"completed\",\"panics\":0,\"values\":{},\"turns\":3,\"turns_missed\":4}\n", false);
  EXPECT_EQ(run.turns_missed, 4u);
  EXPECT_EQ(OutcomeText(run), "completed");
  EXPECT_NE(Difference(finding, run), "");
}

TEST(Outcome, APanicShowsTheFindingAtItsPlace) {
  const Finding finding = Check(TextOf("scenarios/tour/05-block-on-in-task.json")).report.findings.at(0);
  const std::string message = "Cannot start a runtime from within a runtime. This happens because a function (like `block_on`) attempted to block";
  auto run = [&](const std::string& pointer, const std::string& party, const std::string& text) {
    return ReadRun("{\"event\":\"panic\",\"party\":\"" + party + "\",\"op\":\"" + pointer + "\",\"message\":\"" + text +
                       "\"}\n{\"event\":\"end\",\"outcome\":\"panicked\",\"panics\":2}\n", false);
  };
  EXPECT_EQ(Difference(finding, run("/main/0/body/0/body/0", "outer", message)), "");
  EXPECT_NE(Difference(finding, run("/main/0/body/1", "main", "called `Result::unwrap()` on an `Err` value")), "");
  EXPECT_EQ(OutcomeText(run("/main/0/body/1", "main", "")), "panic");
}

TEST(Outcome, KnowsNoEndAndNonsense) {
  EXPECT_EQ(OutcomeText(ReadRun("", false)), "aborted");
  EXPECT_EQ(OutcomeText(ReadRun("not json\n[]\n{\"event\":7}\n", true)), "did not end");
}

TEST(Outcome, OfEveryRuleIsKnown) {
  EXPECT_EQ(ShownBy("deadlock/relock"), Shown::kHang);
  EXPECT_EQ(ShownBy("ownership/use-after-move"), Shown::kRefusal);
  EXPECT_EQ(ShownBy("ownership/runtime-in-runtime"), Shown::kPanic);
  EXPECT_EQ(ShownBy("starvation/delayed-task"), Shown::kNothing);
  EXPECT_EQ(ShownBy("ownership/data-race"), Shown::kNothing);
}

TEST(Confirm, ComparesReleasesByTheirRules) {
  EXPECT_TRUE(HaveSameRules("1.24", "1.24.2"));
  EXPECT_FALSE(HaveSameRules("1.53", "1.24.2"));
  EXPECT_FALSE(HaveSameRules("1.44.0", "1.44.1")) << "a yield in block_in_place was put right in between";
  EXPECT_FALSE(HaveSameRules("", "1.24.2"));
}

TEST(Process, TellsWhatTheProgramPrints) {
  const ProcessResult result = RunProcess({{"sh", "-c", "echo $A; echo no >&2; pwd"}, "/", {{"A", "yes"}}, 10'000, nullptr});
  EXPECT_EQ(result.error, 0);
  EXPECT_EQ(result.output, "yes\n/\n");
  EXPECT_EQ(result.errors, "no\n");
  EXPECT_FALSE(result.was_killed);
}

TEST(Process, IsEndedWithAllThatItStarted) {
  const auto begin = std::chrono::steady_clock::now();
  const ProcessResult result = RunProcess({{"sh", "-c", "sleep 100 & echo $!; wait"}, "", {}, 300, nullptr});
  EXPECT_TRUE(result.was_killed);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  const pid_t child = std::stoi(result.output);
  bool is_gone = false;   // somebody else has to fetch its status
  for (int k = 0; k < 500 && !is_gone; ++k) {
    std::string stat = TextOf("/proc/" + std::to_string(child) + "/stat");
    is_gone = kill(child, 0) != 0 || stat.find(") Z") != std::string::npos;
    usleep(10'000);
  }
  EXPECT_TRUE(is_gone);
}

TEST(Process, SaysWhatCannotBeRun) {
  EXPECT_EQ(RunProcess({{"there-is-no-such-program"}, "", {}, 1000, nullptr}).error, ENOENT);
}

TEST(ReadReport, GivesBackWhatWasWritten) {
  std::vector<ScenarioReport> reports;
  for (const char* name : {"tour/28-lock-cycle-threads", "tour/54-spin-on-flag", "tour/40-guard-across-await", "tour/72-task-cut-off", "tour/02-yielding-worker"}) {
    const std::string path = std::string("scenarios/") + name + ".json";
    if (std::filesystem::exists(path)) reports.push_back(CheckText(TextOf(path), path, {}));
  }
  reports.push_back(CheckText("{ \"name\": \"broken\", \"main\": [ { \"op\": \"lokc\" } ] }", "broken.json", {}));
  reports[0].findings.at(0).confirmed = Confirmation{"1.24.2", "hang", "steered", 1, ""};
  reports[1].findings.at(0).confirmed = Confirmation{"1.24.2", "completed", "", 10, "it ends"};
  const std::string text = RenderJson(MakeRunReport(std::move(reports)));
  const std::optional<RunReport> read = ReadJsonReport(text);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(RenderJson(*read), text);
}

TEST(Confirmation, IsALineForPeople) {
  ScenarioReport report = CheckText(TextOf("scenarios/tour/28-lock-cycle-threads.json"), "t.json", {});
  report.findings.at(0).confirmed = Confirmation{"1.24.2", "hang", "steered", 2, ""};
  const RunReport run = MakeRunReport({report});
  EXPECT_NE(RenderText(run, {""}, TextStyle{}).find("confirmed: hang on Tokio 1.24.2, steered, in run 2\n"), std::string::npos);
  EXPECT_NE(RenderHtml(run, {""}).find(" · confirmed: hang on Tokio 1.24.2, steered, in run 2</div>"), std::string::npos);
  report.findings.at(0).confirmed = Confirmation{"1.24.2", "completed", "", 10, "the run ends otherwise: completed"};
  EXPECT_NE(RenderText(MakeRunReport({report}), {""}, TextStyle{}).find("not seen on Tokio 1.24.2: the run ends otherwise: completed\n"), std::string::npos);
}

TEST(ReadReport, IsNothingForOthers) {
  EXPECT_FALSE(ReadJsonReport("{}").has_value());
  EXPECT_FALSE(ReadJsonReport("[1").has_value());
  EXPECT_TRUE(ReadJsonReport("{\"schema\":\"asyncrt-check/report/1\",\"scenarios\":[{\"findings\":[{\"schedule\":7,\"waits\":[[]]}]},3]}").has_value());
}

}  // namespace
}  // namespace asyncrt
