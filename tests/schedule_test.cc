// How a schedule is shown: lanes, what is folded, and when a table takes their place; and the cycle that it ends in.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <string>

#include "core/report/cycle_text.h"
#include "core/report/display.h"
#include "core/report/render.h"

namespace asyncrt {
namespace {

ScheduleStep Step(std::uint64_t number, const std::string& thread, const std::string& op, const std::string& effect,
                  std::optional<std::string> task = std::nullopt) {
  ScheduleStep step;
  step.step = number;
  step.thread = thread;
  step.task = std::move(task);
  step.op = op;
  step.effect = effect;
  step.pointer = "/main/0";
  return step;
}

Finding TwoThreads() {
  Finding finding;
  finding.waits = {{"thread main", "main", "lock", "b", "thread other", "it holds b"},
                   {"thread other", "other", "lock", "a", "thread main", "it holds a"}};
  finding.schedule = {Step(1, "main", "lock a", "acquired"), Step(2, "third", "yield_now", "goes on"),
                      Step(3, "other", "lock b", "acquired"), Step(4, "third", "yield_now", "goes on"),
                      Step(5, "fourth", "yield_now", "goes on"), Step(6, "main", "lock b", "the thread blocks for ever"),
                      Step(7, "other", "lock a", "the thread blocks for ever")};
  return finding;
}

std::size_t WidestLine(const std::string& text) {
  std::istringstream lines(text);
  std::size_t widest = 0;
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, DisplayWidth(line));
  return widest;
}

TEST(ScheduleLanes, GiveEachThreadAColumnAndFoldTheOthers) {
  EXPECT_EQ(RenderLanes(TwoThreads(), {false, false, 80}),
            "   main                               | other\n"
            "1  lock a: acquired                   |\n"
            "   ... 1 step of third\n"
            "3                                     | lock b: acquired\n"
            "   ... 2 steps of 2 other threads\n"
            "6  lock b: the thread blocks for ever |\n"
            "7                                     | lock a: the thread blocks for ever\n");
}

TEST(ScheduleLanes, BreakLinesInsideALane) {
  const std::string text = RenderLanes(TwoThreads(), {false, true, 50});
  EXPECT_NE(text.find("7                         │ lock a: the thread\n"
                      "                          │ blocks for ever\n"),
            std::string::npos)
      << text;
  for (std::size_t width = 42; width <= 100; ++width) {
    EXPECT_LE(WidestLine(RenderLanes(TwoThreads(), {false, true, width})), width);
  }
}

TEST(ScheduleLanes, NameATaskWhereItChanges) {
  Finding finding;
  finding.schedule = {Step(1, "main", "block_on rt", "drives the future"), Step(2, "w", "poll", "polls task a", "task a"),
                      Step(3, "w", "lock m", "acquired", "task a"), Step(4, "w", "lock m", "suspends", "task b"),
                      Step(5, "w", "send", "done", "task b")};
  EXPECT_EQ(RenderLanes(finding, {false, false, 80}),
            "   main                           | w\n"
            "1  block_on rt: drives the future |\n"
            "2                                 | poll: polls task a\n"
            "3                                 | lock m: acquired\n"
            "4                                 | [task b] lock m: suspends\n"
            "5                                 | send: done\n");
}

TEST(ScheduleLanes, LetTimePassBetweenThem) {
  Finding finding;
  ScheduleStep clock = Step(10, "clock", "time", "950ms pass");
  clock.pointer = "";
  clock.time_us = 1'050'000;
  finding.schedule = {Step(8, "main", "sleep", "suspends"), Step(9, "w", "park", "sleeps"), clock};
  EXPECT_EQ(RenderLanes(finding, {false, false, 80}),
            "    main            | w\n"
            " 8  sleep: suspends |\n"
            " 9                  | park: sleeps\n"
            "10  950ms pass: now it is 1.05s\n");
}

TEST(ScheduleLanes, ShowALoopOnceAndFoldWhatRepeatsItself) {
  Finding finding;
  for (std::uint64_t i = 1; i <= 20; ++i) finding.schedule.push_back(Step(i, i % 2 == 0 ? "a" : "b", "yield_now", ""));
  for (std::uint64_t i = 21; i <= 22; ++i) {
    finding.schedule.push_back(Step(i, i % 2 == 0 ? "a" : "b", "load", ""));
    finding.schedule.back().in_loop = true;
  }
  EXPECT_EQ(RenderLanes(finding, {false, false, 80}),
            "    b         | a\n"
            " 1  yield_now |\n"
            " 2            | yield_now\n"
            "    ... these 2 steps 9 more times\n"
            "    and then again and again:\n"
            "21  load      |\n"
            "22            | load\n");
}

TEST(ScheduleLanes, AreNoneOnOneThreadOrWithoutRoom) {
  Finding one = TwoThreads(), many = TwoThreads(), wide = TwoThreads();
  one.waits.clear();
  one.schedule.resize(1);
  EXPECT_EQ(RenderLanes(one, {false, true, 80}), "");
  many.waits.clear();
  for (std::uint64_t i = 8; i < 20; ++i) {
    many.schedule.push_back(Step(i, "t" + std::to_string(i), "lock m", "the thread blocks for ever"));
  }
  EXPECT_EQ(RenderLanes(many, {false, true, 80}), "");
  wide.schedule[0].effect = wide.schedule[2].effect = std::string(70, 'x');
  EXPECT_EQ(RenderLanes(wide, {false, true, 80}), "");
}

TEST(CycleLines, LeaveTheKindsOutWhenTheLineWouldBeTooLong) {
  const TextStyle ascii = {false, false, 80};
  const std::vector<Wait> waits = TwoThreads().waits;
  const std::vector<std::string> whole = {"thread main --lock b--> thread other --lock a--> thread main"};
  const std::vector<std::string> bare = {"main --lock b--> other --lock a--> main"};
  EXPECT_EQ(CycleLines(waits, 60, ascii), whole);
  EXPECT_EQ(CycleLines(waits, 59, ascii), bare);
  EXPECT_EQ(CycleLines(waits, 39, ascii), bare);
  EXPECT_GT(CycleLines(waits, 38, ascii).size(), 1u);
}

TEST(CycleLines, KeepTheKindsWhereNamesAreTheSame) {
  std::vector<Wait> waits = TwoThreads().waits;
  waits[0].waits_for = waits[1].who = "task main";
  const std::vector<std::string> lines = CycleLines(waits, 40, {false, true, 80});
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], "thread main ──lock b──▶ task main");
}

TEST(CycleLines, AreNoneWhereNobodyWaitsForTheFirst) {
  std::vector<Wait> waits = TwoThreads().waits;
  waits[1].waits_for = "nobody";
  EXPECT_TRUE(CycleLines(waits, 80, {}).empty());
}

}  // namespace
}  // namespace asyncrt
