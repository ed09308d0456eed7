// What real Tokio was seen to do, release by release: the scenarios in scenarios/calibration and scenarios/versions, and
// others where they name a release, must come out as it does.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "core/asyncrt.h"
#include "core/base/release_rules.h"
#include "core/scenario/scenario.h"

namespace asyncrt {
namespace {

const std::string kBlocked = "starvation/blocked-worker", kDelayed = "starvation/delayed-task";

std::string ReadFile(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

ScenarioReport Check(const std::string& path, const std::string& version, Scheduler scheduler = Scheduler::kAtomic) {
  CheckOptions options;
  options.tokio = version;
  options.scheduler = scheduler;
  return CheckText(ReadFile(path), path, options);
}

// Errors and warnings, sorted, in one line.
std::string Found(const ScenarioReport& report) {
  std::set<std::string> rules;
  for (const Finding& f : report.findings)
    if (f.severity != Severity::kNote) rules.insert(f.rule);
  std::string text;
  for (const std::string& rule : rules) text += (text.empty() ? "" : " ") + rule;
  return text;
}

bool NeedsRace(const Finding& finding) {
  for (const std::string& line : finding.help)
    if (line.starts_with("needs a scheduler race")) return true;
  return false;
}

// A row of the calibration table: what is found on each release. An empty text: nothing.
struct Row {
  std::string scenario;
  std::vector<std::pair<std::string, std::string>> found;
};

std::vector<std::pair<std::string, std::string>> Everywhere(const std::string& found) {
  return {{"1.24", found}, {"1.43", found}, {"1.53", found}};
}

std::vector<Row> CalibrationRows() {
  const std::string held = kBlocked + " " + kDelayed;
  std::vector<Row> rows = {
      {"c01-timer-task-blocks", Everywhere(kBlocked + " starvation/late-timer")},
      {"c02-remote-wake-blocks", Everywhere(kBlocked)},
      {"c03-lone-spawn-waits", Everywhere(held)},
      {"c04-second-spawn-displaces", Everywhere(held)},
      {"c05-yield-behind-blocker", Everywhere(held)},
      {"c06-yield-behind-block-in-place", {{"1.24", kDelayed}, {"1.43", kDelayed}, {"1.49", kDelayed}, {"1.50", ""}, {"1.53", ""}}},
      {"c07-budget-behind-blocker", {{"1.24", kBlocked}, {"1.43", kBlocked}, {"1.44", held}, {"1.53", held}}},
      {"c08-pair-after-build", Everywhere("")},
      {"c09-pair-on-parked-workers", Everywhere("")},
      {"c09b-pair-after-a-short-task", Everywhere("")},
      {"c10-block-in-place-full-pool", Everywhere("deadlock/blocked-workers")},
      {"c11-pool-runs-its-backlog", Everywhere("")},
      {"c12-drop-in-own-pool", Everywhere("deadlock/shutdown")},
      {"c12-drop-in-own-block-in-place", Everywhere("deadlock/shutdown")},
      {"c13-last-clone-in-own-task", Everywhere("hazard/lost-task ownership/drop-in-async")},
      {"c14-core-is-handed-over", Everywhere("")},
      {"c15-handle-drives-nothing", Everywhere("deadlock/undriven-runtime")},
      {"c16-ping-pong-and-a-third", {{"1.24", "starvation/never-polled"}, {"1.28", "starvation/never-polled"}, {"1.29", ""}, {"1.43", ""}, {"1.53", ""}}},
      {"c17-yield-in-nested-block-on",
       {{"1.24", ""}, {"1.28", ""}, {"1.29", "deadlock/blocked-workers"}, {"1.43", "deadlock/blocked-workers"}, {"1.44.0", "deadlock/blocked-workers"}, {"1.44.1", ""}, {"1.53", ""}}},
      {"c18-shutdown-behind-ready-tasks", Everywhere(kBlocked)},
  };
  for (const char* release : {"1.51.0", "1.51.1", "1.52.0", "1.52.1"})   // the slot can be stolen from
    for (std::size_t row : {2u, 3u}) rows[row].found.push_back({release, kBlocked});
  for (const char* release : {"1.50", "1.51.2", "1.51", "1.52.2", "1.52"})
    for (std::size_t row : {2u, 3u}) rows[row].found.push_back({release, held});
  return rows;
}

TEST(Calibration, EveryRowComesOutAsOnTokio) {
  if (!std::filesystem::exists("scenarios")) GTEST_SKIP() << "no scenarios here";
  for (const Row& row : CalibrationRows()) {
    for (const auto& [release, found] : row.found) {
      SCOPED_TRACE(row.scenario + " on " + release);
      const ScenarioReport report = Check("scenarios/calibration/" + row.scenario + ".json", release);
      EXPECT_TRUE(report.explored.complete);
      EXPECT_EQ(Found(report), found);
    }
  }
}

// What a scenario expects of a release is what the table says.
TEST(Calibration, ExpectationsHoldOnTheThreeReleases) {
  if (!std::filesystem::exists("scenarios")) GTEST_SKIP() << "no scenarios here";
  std::size_t compared = 0;
  for (const char* folder : {"scenarios/calibration", "scenarios/versions"}) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const std::string path = entry.path().string();
      for (const char* release : {"1.24", "1.43", "1.53"}) {
        SCOPED_TRACE(path + " on " + release);
        const std::vector<std::string> differences = CompareWithExpect(ReadFile(path), path, Check(path, release));
        EXPECT_TRUE(differences.empty()) << differences.front();
        ++compared;
      }
    }
  }
  EXPECT_GT(compared, 90u);
}

// Wherever a scenario says what a release does, and not only the newest.
TEST(Calibration, ExpectationsHoldOnEachReleaseThatTheyName) {
  if (!std::filesystem::exists("scenarios")) GTEST_SKIP() << "no scenarios here";
  std::size_t compared = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("scenarios")) {
    const std::string path = entry.path().string();
    if (entry.path().extension() != ".json") continue;
    Diagnostics diagnostics;
    const std::string text = ReadFile(path);
    const std::unique_ptr<Scenario> scenario = ReadScenario(text, path, diagnostics);
    ASSERT_NE(scenario, nullptr) << path;
    for (const auto& [release, expect] : scenario->expect_for) {
      SCOPED_TRACE(path + " on " + release);
      const std::vector<std::string> differences = CompareWithExpect(text, path, Check(path, release));
      EXPECT_TRUE(differences.empty()) << differences.front();
      ++compared;
    }
  }
  EXPECT_GT(compared, 50u);
}

// C8 and C9b: {ok, hang}. C9: ok.
TEST(Calibration, RacesOfTheSchedulerAreFoundByTheExactOne) {
  if (!std::filesystem::exists("scenarios")) GTEST_SKIP() << "no scenarios here";
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"c08-pair-after-build", "deadlock/blocked-workers"},
      {"c09-pair-on-parked-workers", ""},
      {"c09b-pair-after-a-short-task", "deadlock/blocked-workers"},
  };
  for (const auto& [scenario, found] : rows) {
    for (const char* release : {"1.24", "1.43", "1.53"}) {
      SCOPED_TRACE(scenario + " on " + release);
      const std::string path = "scenarios/calibration/" + scenario + ".json";
      const ScenarioReport report = Check(path, release, Scheduler::kExact);
      EXPECT_TRUE(report.explored.complete);
      EXPECT_TRUE(report.explored.exact);
      EXPECT_EQ(Found(report), found);
      for (const Finding& finding : report.findings) {
        EXPECT_TRUE(NeedsRace(finding));
        CheckOptions options;
        options.tokio = release;
        const ReplayResult replay = ReplayText(ReadFile(path), path, finding.replay, options);
        EXPECT_TRUE(replay.ok) << replay.error;
        EXPECT_EQ(replay.outcome, "nobody can go on; deadlock/blocked-workers");
        options.scheduler = Scheduler::kAtomic;
        EXPECT_FALSE(ReplayText(ReadFile(path), path, finding.replay, options).ok);
      }
    }
  }
}

// Who took a task from another worker's queue counts as searching for a moment, in which the other one is refused.
TEST(Calibration, AThiefStillSearchesWhenItHasFoundATask) {
  const std::string text = R"({ "name": "thief", "timing": "ideal", "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 2 } },
    "objects": { "ch": { "kind": "std_channel" } },
    "main": [ { "op": "thread_sleep", "for": "5ms" }, { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "r", "body": [
        { "op": "spawn", "as": "t", "body": [
          { "op": "spawn", "as": "x", "body": [ { "op": "send", "on": "ch" } ] },
          { "op": "spawn", "as": "y", "body": [] },
          { "op": "recv", "on": "ch" } ] },
        { "op": "spawn", "as": "z", "body": [] },
        { "op": "await", "on": "t" } ] },
      { "op": "await", "on": "r" } ] } ] })";
  CheckOptions options;
  EXPECT_EQ(Found(CheckText(text, "thief.json", options)), "");
  options.scheduler = Scheduler::kExact;
  const ScenarioReport report = CheckText(text, "thief.json", options);
  EXPECT_EQ(Found(report), "deadlock/blocked-workers");
  for (const Finding& finding : report.findings) EXPECT_TRUE(NeedsRace(finding));
}

// The driver wakes the other worker for main's timer alone: since nobody has told it of a task, it goes back to sleep without
// a look at the queues, where one of the two lies.
TEST(Calibration, AWorkerThatNobodyToldDoesNotLook) {
  const std::string text = R"({ "name": "woken-for-main", "timing": "ideal", "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 2 } },
    "objects": { "b": { "kind": "std_barrier", "parties": 2 } },
    "main": [ { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "x", "body": [ { "op": "wait", "on": "b" } ] },
      { "op": "spawn", "as": "y", "body": [ { "op": "wait", "on": "b" } ] },
      { "op": "sleep", "for": "10ms" },
      { "op": "await", "on": "x" }, { "op": "await", "on": "y" } ] } ] })";
  CheckOptions options;
  EXPECT_EQ(Found(CheckText(text, "woken.json", options)), "");
  options.scheduler = Scheduler::kExact;
  const ScenarioReport report = CheckText(text, "woken.json", options);
  EXPECT_TRUE(report.explored.complete);
  EXPECT_EQ(Found(report), "deadlock/blocked-workers");
}

// A shutdown drops a task that a worker has just taken and not begun to poll.
TEST(Calibration, AShutdownWhileAWorkerHasFoundATask) {
  const std::string text = R"({ "name": "late", "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 2 } },
    "objects": { "n": { "kind": "atomic" } },
    "main": [
      { "op": "spawn", "on": "rt.handle", "as": "t", "count": 2, "detached": true, "body": [ { "op": "add", "on": "n", "value": 1 } ] },
      { "op": "drop", "on": "rt" },
      { "op": "choose", "branches": [ [ { "op": "assert", "cond": "n != 0" } ], [ { "op": "assert", "cond": "n != 2" } ] ] } ] })";
  CheckOptions options;
  options.scheduler = Scheduler::kExact;
  const ScenarioReport report = CheckText(text, "late.json", options);
  EXPECT_TRUE(report.explored.complete);
  EXPECT_EQ(Found(report), "panic/assert");   // none or both may run, and nothing is stuck
}

// What happens without races is found part by part as well, and nothing else: a worker that looks, is told and parks in
// many steps misses no task, no timer and no shutdown.
TEST(Calibration, TheExactSchedulerMissesNothing) {
  if (!std::filesystem::exists("scenarios")) GTEST_SKIP() << "no scenarios here";
  for (const char* path : {"scenarios/versions/inject-batch.json", "scenarios/versions/wake-order.json", "scenarios/calibration/c01-timer-task-blocks.json",
                           "scenarios/calibration/c02-remote-wake-blocks.json"}) {
    SCOPED_TRACE(path);
    const ScenarioReport report = Check(path, "1.53", Scheduler::kExact);
    EXPECT_TRUE(report.explored.complete);
    EXPECT_EQ(Found(report), Found(Check(path, "1.53")));
  }
  const std::vector<std::string> texts = {
      R"({ "name": "two", "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 2 } },
        "main": [ { "op": "block_on", "on": "rt", "body": [ { "op": "spawn", "as": "t", "body": [] }, { "op": "await", "on": "t" } ] } ] })",
      // Two timers in one pass of the driver: the worker that has both tasks tells the other one.
      R"({ "name": "timers", "timing": "ideal", "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 2 } },
        "objects": { "both": { "kind": "std_barrier", "parties": 2 } },
        "main": [ { "op": "block_on", "on": "rt", "body": [
          { "op": "spawn", "as": "t", "count": 2, "body": [ { "op": "sleep", "for": "10ms" }, { "op": "wait", "on": "both" } ] },
          { "op": "await", "on": "t[0]" }, { "op": "await", "on": "t[1]" } ] } ] })",
      // Of three workers one blocks for what lies in its queue: a search looks at all of the others.
      R"({ "name": "three", "timing": "ideal", "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 3 } },
        "objects": { "ch": { "kind": "std_channel" } },
        "main": [ { "op": "thread_sleep", "for": "5ms" },
          { "op": "spawn", "on": "rt.handle", "as": "r", "body": [
            { "op": "spawn", "as": "x", "body": [ { "op": "send", "on": "ch" } ] },
            { "op": "spawn", "as": "y", "body": [] },
            { "op": "recv", "on": "ch" } ] },
          { "op": "block_on", "on": "rt", "body": [ { "op": "await", "on": "r" } ] } ] })"};
  for (const std::string& text : texts) {
    SCOPED_TRACE(text);
    CheckOptions options;
    options.scheduler = Scheduler::kExact;
    const ScenarioReport report = CheckText(text, "text.json", options);
    EXPECT_TRUE(report.explored.complete);
    EXPECT_EQ(Found(report), "");
  }
}

TEST(Calibration, WhatHappensWithoutRacesIsNotMarked) {
  if (!std::filesystem::exists("scenarios")) GTEST_SKIP() << "no scenarios here";
  const ScenarioReport report = Check("scenarios/calibration/c05-yield-behind-blocker.json", "1.53", Scheduler::kExact);
  EXPECT_EQ(Found(report), kBlocked + " " + kDelayed);
  for (const Finding& finding : report.findings) EXPECT_FALSE(NeedsRace(finding)) << finding.rule;
}

// Right after the start even the displaced task of C4 may stay where it is: the one finding that is new is marked.
TEST(Calibration, OnlyWhatNeedsARaceIsMarked) {
  if (!std::filesystem::exists("scenarios")) GTEST_SKIP() << "no scenarios here";
  const ScenarioReport report = Check("scenarios/calibration/c04-second-spawn-displaces.json", "1.53", Scheduler::kExact);
  EXPECT_EQ(Found(report), "panic/assert " + kBlocked + " " + kDelayed);
  for (const Finding& finding : report.findings) {
    if (finding.rule == "panic/assert") { EXPECT_TRUE(NeedsRace(finding)); }
    if (finding.rule == kBlocked) { EXPECT_FALSE(NeedsRace(finding)); }
  }
}

TEST(Calibration, TooManyWorkersForTheExactSchedulerAreAnError) {
  const std::string text = R"({"name": "wide", "runtimes": {"rt": {"flavor": "multi_thread", "worker_threads": 32}}, "main": []})";
  CheckOptions options;
  options.scheduler = Scheduler::kExact;
  const ScenarioReport report = CheckText(text, "wide.json", options);
  EXPECT_EQ(report.verdict, Verdict::kInvalid);
  ASSERT_EQ(report.diagnostics.size(), 1u);
  EXPECT_EQ(report.diagnostics[0].message, "the exact scheduler plays 31 workers of a runtime at most");
}

// A switch, a scenario that shows it, and the last release before it and the first one after.
struct Change {
  std::string rule, scenario, before, after;
};

TEST(Versions, EveryChangeIsSeenAtItsRelease) {
  if (!std::filesystem::exists("scenarios")) GTEST_SKIP() << "no scenarios here";
  const std::vector<Change> changes = {
      {"lifo_cap", "versions/lifo-cap", "1.28", "1.29.0"},
      {"lifo_stealable", "versions/lifo-stealable", "1.50", "1.51.0"},
      {"lifo_stealable", "versions/lifo-stealable", "1.51.1", "1.51.2"},
      {"lifo_stealable", "versions/lifo-stealable", "1.51", "1.52.0"},
      {"lifo_stealable", "versions/lifo-stealable", "1.52.1", "1.52.2"},
      {"inject_batch", "versions/inject-batch", "1.28", "1.29.0"},
      {"bip_move_lifo", "versions/block-in-place-moves-the-slot", "1.37", "1.38.0"},
      {"bip_flush_defer", "calibration/c06-yield-behind-block-in-place", "1.49", "1.50.0"},
      {"bip_nested_yield_hang", "calibration/c17-yield-in-nested-block-on", "1.28", "1.29.0"},
      {"bip_nested_yield_hang", "calibration/c17-yield-in-nested-block-on", "1.44.0", "1.44.1"},
      {"nested_bip", "versions/nested-block-in-place", "1.29.0", "1.29.1"},
      {"thread_defer", "fidelity/foreign-yield-in-place-in-block-on", "1.28", "1.29.0"},
      {"foreign_yield_hang", "versions/foreign-yield-in-block-in-place", "1.41", "1.42.0"},
      {"foreign_yield_hang", "versions/foreign-yield-in-main", "1.41", "1.42.0"},
      {"coop_defer", "calibration/c07-budget-behind-blocker", "1.43", "1.44.0"},
      {"select_budget", "versions/select-budget", "1.43", "1.44.0"},
      {"broadcast_budget", "versions/broadcast-budget", "1.40", "1.41.0"},
      {"first_turn_is_inject", "versions/first-turn", "1.28", "1.29.0"},
      {"wake_fifo", "versions/wake-order", "1.37", "1.38.0"},
      {"broadcast_wake_fifo", "versions/broadcast-wake-order", "1.27", "1.28.0"},
      {"broadcast_wake_fifo", "versions/broadcast-wake-order", "1.37", "1.38.0"},
      {"reserve_wakes_receiver", "versions/reserve-wakes-receiver", "1.52", "1.53.0"},
      {"oneshot_failed_is_done", "versions/oneshot-failed-recv-again", "1.43", "1.44.0"},
      {"enter_guard_not_send", "versions/enter-guard-is-send", "1.28", "1.29.0"},
      {"event_interval_check", "versions/zero-event-interval-unused", "1.49", "1.50.0"},
      {"queue_interval_check", "versions/zero-global-queue-interval-unused", "1.37", "1.38.0"},
      {"enter_order", "versions/enter-order", "1.28", "1.29.0"},
      {"local_set_forbids_bip", "versions/block-in-place-in-local-set", "1.45", "1.46.0"},
      {"notify_priority", "versions/notify-priority", "1.50", "1.51.0"},
      {"set_leaks_members", "versions/set-leaks-members", "1.40", "1.41.0"},
      {"pool_idle_till_awake", "versions/spawn-blocking-behind-a-woken-thread", "1.51", "1.52.0"},
      {"pool_idle_till_awake", "versions/spawn-blocking-behind-a-woken-thread", "1.52.0", "1.52.1"},
  };
  for (const Change& change : changes) {
    SCOPED_TRACE(change.rule + ": " + change.scenario + ", " + change.before + " and " + change.after);
    const std::string path = "scenarios/" + change.scenario + ".json";
    const ScenarioReport before = Check(path, change.before), after = Check(path, change.after);
    EXPECT_TRUE(before.explored.complete && after.explored.complete);
    EXPECT_NE(Found(before), Found(after));
  }
  const auto is_shown = [&](std::string_view rule, Release at) {
    const std::string after = "1." + std::to_string(at.minor) + "." + std::to_string(at.patch);
    return std::any_of(changes.begin(), changes.end(), [&](const Change& change) { return change.rule == rule && change.after == after; });
  };
  for (const VersionRow& row : VersionTable()) {
    if (row.since.minor != kFirstRelease.minor) { EXPECT_TRUE(is_shown(row.name, row.since)) << row.name; }
    if (row.until.minor != kNoRelease.minor) { EXPECT_TRUE(is_shown(row.name, row.until)) << row.name; }
  }
}

TEST(Versions, TheTableNamesEveryRangeOnce) {
  std::set<std::pair<std::string_view, int>> seen;
  for (const VersionRow& row : VersionTable()) {
    EXPECT_TRUE(seen.insert({row.name, row.since.minor}).second) << row.name;
    EXPECT_LT(row.since.minor * 1000 + row.since.patch, row.until.minor * 1000 + row.until.patch) << row.name;
  }
  const VersionRules last_of_43 = RulesOfRelease(43, 999), first_fixed = RulesOfRelease(44, 1);
  EXPECT_TRUE(last_of_43.bip_nested_yield_hang);
  EXPECT_FALSE(first_fixed.bip_nested_yield_hang);
  EXPECT_TRUE(RulesOfRelease(52, 1).lifo_stealable);
  EXPECT_FALSE(RulesOfRelease(52, 999).lifo_stealable);
}

}  // namespace
}  // namespace asyncrt
