// The search against the oracle: the same rules must be found, whatever the reductions, hashes and merged steps of the
// one. ORACLE_SCENARIOS sets how many random scenarios are tried, ORACLE_SEED the first one.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

#include "core/asyncrt.h"
#include "core/base/json_library.h"
#include "core/base/stable_hash.h"
#include "tests/oracle/final_state.h"
#include "tests/oracle/generator.h"
#include "tests/oracle/oracle.h"

namespace asyncrt {
namespace {

using Json = nlohmann::ordered_json;
using Set = std::set<std::string>;

constexpr std::size_t kStatesMax = 12'000, kExactStatesMax = 60'000;

std::uint64_t Setting(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

// How many comparisons run at once.
std::uint64_t Jobs() { return Setting("ASYNCRT_JOBS", std::max(1u, std::thread::hardware_concurrency())); }

// Calls `work` with each number below `count`.
void AtOnce(std::uint64_t count, const std::function<void(std::uint64_t)>& work) {
  std::atomic<std::uint64_t> next = 0;
  std::vector<std::thread> threads;
  for (std::uint64_t k = 0; k < Jobs(); ++k)
    threads.emplace_back([&] {
      for (std::uint64_t number = next++; number < count; number = next++) work(number);
    });
  for (std::thread& thread : threads) thread.join();
}

std::string Show(const Set& rules) {
  std::string text;
  for (const std::string& rule : rules) text += (text.empty() ? "" : ", ") + rule;
  return text.empty() ? "nothing" : text;
}

std::string OnlyIn(const Set& one, const Set& other, const char* title) {
  std::string text;
  for (const std::string& end : one)
    if (other.count(end) == 0) text += std::string(title) + "\n  " + end + "\n";
  return text;
}

struct Comparison {
  enum { kSame, kDifferent, kSkipped, kInvalid } what = kSame;
  Set found, expected;
  std::string problem;
  bool refused = false, endless = false;
  std::size_t ends = 0;
};

// A fair run without an end is a finding, whichever rule says so. The rest is found as in any program.
Comparison CompareEndless(const OracleVerdict& oracle, Comparison c) {
  auto deadlock = [](const std::string& rule) { return rule.rfind("deadlock/", 0) == 0; };
  if (std::any_of(c.found.begin(), c.found.end(), deadlock)) c.expected.erase("hazard/lock-order");   // it comes with no deadlock
  const bool all = std::includes(c.found.begin(), c.found.end(), c.expected.begin(), c.expected.end());
  if (!all || (oracle.fair_run && c.found.empty()) || (!oracle.fair_run && c.found != c.expected)) {
    c.what = Comparison::kDifferent;
    c.problem = oracle.fair_run ? "some fair run never ends" : "every fair run ends";
  } else {
    c.expected = c.found;
  }
  return c;
}

Comparison Compare(const std::string& text, Timing timing, Scheduler scheduler = Scheduler::kAtomic, std::size_t states_max = kStatesMax) {
  Comparison c;
  OracleVerdict oracle = AskOracle(text, timing, scheduler, states_max);
  if (!oracle.valid) {
    c.what = Comparison::kInvalid;
    c.problem = oracle.problem;
    return c;
  }
  c.refused = oracle.refused;
  c.endless = oracle.endless;
  c.ends = oracle.ends.size();
  if (!oracle.complete) {
    c.what = Comparison::kSkipped;
    return c;
  }
  CheckOptions options;
  options.timing = timing == Timing::kIdeal ? TimingModel::kIdeal : TimingModel::kAdversarial;
  options.scheduler = scheduler;
  options.max_states = states_max * 4;
  Set ends;
  options.at_end = [&](Machine& machine) { ends.insert(FinalState(machine)); };
  options.reductions.values = false;   // final states have all values
  ScenarioReport report = CheckText(text, "random.json", options);
  if (!report.explored.complete) {   // never larger than the oracle's graph
    c.what = Comparison::kDifferent;
    c.problem = "the search stopped at its limit of " + report.explored.limit + " where the oracle saw " + std::to_string(oracle.states) + " states";
    return c;
  }
  c.expected = oracle.rules;
  for (const Finding& f : report.findings)
    if (f.severity != Severity::kNote && f.rule != "hazard/unused-allow") c.found.insert(f.rule);
  if (StableHash(text) % 4 == 0) {   // for some of them: the same without unread values
    CheckOptions lean = options;
    lean.at_end = nullptr;
    lean.reductions.values = true;
    Set found;
    for (const Finding& f : CheckText(text, "random.json", lean).findings)
      if (f.severity != Severity::kNote && f.rule != "hazard/unused-allow") found.insert(f.rule);
    if (found != c.found) {
      c.what = Comparison::kDifferent;
      c.problem = "without unread values: " + Show(found);
      return c;
    }
  }
  if (oracle.endless) return CompareEndless(oracle, std::move(c));
  if (c.found != c.expected) c.what = Comparison::kDifferent;
  else if (ends != oracle.ends) {
    c.what = Comparison::kDifferent;
    c.problem = OnlyIn(ends, oracle.ends, "only the search ends in") + OnlyIn(oracle.ends, ends, "only the oracle ends in");
  }
  return c;
}

// ---- shrinking ----------------------------------------------------------------------------------------------------

// Every list in the document that an element can be deleted from, and every object whose entries can go.
void Places(const Json& node, const Json::json_pointer& at, std::vector<Json::json_pointer>* out) {
  if (node.is_array() || node.is_object()) {
    if (node.is_array()) for (std::size_t i = node.size(); i-- > 0;) out->push_back(at / i);
    if (node.is_object())
      for (auto it = node.begin(); it != node.end(); ++it)
        if (it.key() != "op" && it.key() != "on" && it.key() != "name" && it.key() != "main" && it.key() != "kind" && it.key() != "flavor") out->push_back(at / it.key());
    if (node.is_array()) for (std::size_t i = 0; i < node.size(); ++i) Places(node[i], at / i, out);
    if (node.is_object()) for (auto it = node.begin(); it != node.end(); ++it) Places(*it, at / it.key(), out);
  }
}

Json Without(const Json& document, const Json::json_pointer& place) {
  Json smaller = document;
  Json& parent = smaller[place.parent_pointer()];
  if (parent.is_array()) parent.erase(static_cast<std::size_t>(std::stoul(place.back())));
  else parent.erase(place.back());
  return smaller;
}

// An op replaced by the ops of its body.
Json Unwrapped(const Json& document, const Json::json_pointer& place) {
  Json smaller = document;
  Json& list = smaller[place.parent_pointer()];
  if (!list.is_array() || !smaller[place].is_object() || !smaller[place].contains("op")) return nullptr;
  Json body = smaller[place].contains("body") ? smaller[place]["body"] : smaller[place].contains("await") ? Json::array({smaller[place]["await"]}) : Json();
  if (!body.is_array()) return nullptr;
  std::size_t index = std::stoul(place.back());
  list.erase(index);
  for (std::size_t i = 0; i < body.size(); ++i) list.insert(list.begin() + static_cast<std::ptrdiff_t>(index + i), body[i]);
  return smaller;
}

std::string Shrink(const std::string& text, const std::function<bool(const std::string&)>& still) {
  Json document = Json::parse(text);
  bool smaller = true;
  while (smaller) {
    smaller = false;
    std::vector<Json::json_pointer> places;
    Places(document, Json::json_pointer(), &places);
    for (const Json::json_pointer& place : places) {
      if (!document.contains(place)) continue;
      for (int how = 0; how < 2; ++how) {
        Json candidate = how == 0 ? Without(document, place) : Unwrapped(document, place);
        if (candidate.is_null() || candidate == document || !still(candidate.dump())) continue;
        document = candidate;
        smaller = true;
        break;
      }
    }
  }
  return document.dump(1);
}

const char* Name(Timing timing) { return timing == Timing::kIdeal ? "ideal" : "adversarial"; }

// What became of a batch of comparisons.
struct Tally {
  std::uint64_t compared = 0, refused = 0, too_large = 0, endless = 0, ends = 0;
  std::map<std::string, std::uint64_t> seen;   // rules on which both agree
  std::vector<std::pair<std::uint64_t, Timing>> invalid, different;

  void Add(const Comparison& c, std::uint64_t seed, Timing timing) {
    if (c.what == Comparison::kInvalid) invalid.push_back({seed, timing});
    else if (c.what == Comparison::kDifferent) different.push_back({seed, timing});
    else if (c.what == Comparison::kSkipped) ++too_large;
    else if (c.refused) {
      ++refused;
      for (const std::string& rule : c.expected) ++seen["refused: " + rule];
    }
    else {
      ++compared;
      endless += c.endless;
      ends += c.ends;
      for (const std::string& rule : c.expected) ++seen[rule];
      if (c.expected.empty()) ++seen["nothing"];
    }
  }
};

// Seeds are dealt out one by one: what is found does not depend on who gets which.
Tally CompareAll(std::uint64_t first, std::uint64_t count, bool copies) {
  const bool verbose = std::getenv("ORACLE_VERBOSE") != nullptr;
  Tally all;
  std::mutex adding;
  AtOnce(count, [&](std::uint64_t number) {
    const std::uint64_t seed = first + number;
    for (Timing timing : {Timing::kIdeal, Timing::kAdversarial}) {
      if (verbose) std::fprintf(stderr, "seed %llu %s\n", static_cast<unsigned long long>(seed), Name(timing));
      const Comparison c = Compare(RandomScenario(seed, copies), timing);
      std::lock_guard<std::mutex> lock(adding);
      all.Add(c, seed, timing);
    }
  });
  std::sort(all.invalid.begin(), all.invalid.end());
  std::sort(all.different.begin(), all.different.end());
  return all;
}

// The same kind of difference: a rule or an end that only one of the two has.
bool SameDifference(const Comparison& one, const Comparison& other) {
  if (other.what != Comparison::kDifferent) return false;
  for (const std::string& rule : one.found)
    if (!one.expected.count(rule) && other.found.count(rule) && !other.expected.count(rule)) return true;
  for (const std::string& rule : one.expected)
    if (!one.found.count(rule) && !other.found.count(rule) && other.expected.count(rule)) return true;
  return one.found == one.expected && other.found == other.expected;   // it lies in the ends or in the limits
}

void ExpectAgreement(std::uint64_t first, std::uint64_t count, bool copies, std::uint64_t least_percent) {
  constexpr std::size_t kShownMax = 8;
  Tally tally = CompareAll(first, count, copies);
  std::set<std::string> problems;
  for (const auto& [seed, timing] : tally.invalid) {
    const std::string text = RandomScenario(seed, copies);
    const std::string problem = Compare(text, timing).problem;
    if (!problems.insert(problem.substr(problem.find(':') + 1)).second || problems.size() > kShownMax) continue;
    ADD_FAILURE() << "seed " << seed << ": the generator wrote what is no scenario:\n" << problem << text;
  }
  std::set<std::string> shapes;
  for (const auto& [seed, timing] : tally.different) {
    if (shapes.size() >= kShownMax) break;
    const Timing at = timing;
    const Comparison c = Compare(RandomScenario(seed, copies), at);
    if (!shapes.insert(Show(c.found) + "|" + Show(c.expected)).second) continue;   // told once
    std::string least = Shrink(RandomScenario(seed, copies), [&](const std::string& smaller) { return SameDifference(c, Compare(smaller, at)); });
    const Comparison shown = Compare(least, at);
    ADD_FAILURE() << "seed " << seed << ", " << Name(at) << " timing: the search finds " << Show(shown.found) << "\nthe oracle finds " << Show(shown.expected) << "\n"
                  << shown.problem << "\n" << least;
  }
  EXPECT_EQ(tally.different.size(), 0u);
  EXPECT_EQ(tally.invalid.size(), 0u);
  EXPECT_GT(tally.compared, count * 2 * least_percent / 100) << "too few of the scenarios are programs that the oracle can judge";
  std::printf("  %llu scenarios, twice each: %llu compared (%llu of them endless, %llu final states in all), %llu refused, %llu too large for the oracle, %zu invalid\n",
              static_cast<unsigned long long>(count), static_cast<unsigned long long>(tally.compared), static_cast<unsigned long long>(tally.endless),
              static_cast<unsigned long long>(tally.ends), static_cast<unsigned long long>(tally.refused), static_cast<unsigned long long>(tally.too_large), tally.invalid.size());
  if (std::getenv("ORACLE_STATS") != nullptr)
    for (const auto& [rule, times] : tally.seen) std::fprintf(stderr, "%8llu %s\n", static_cast<unsigned long long>(times), rule.c_str());
}

TEST(Oracle, AgreesOnRandomScenarios) { ExpectAgreement(Setting("ORACLE_SEED", 1), Setting("ORACLE_SCENARIOS", 1500), false, 70); }

// Where most parties have copies that could change places with them.
TEST(Oracle, AgreesOnRandomScenariosOfCopies) { ExpectAgreement(Setting("ORACLE_SEED", 1), std::max<std::uint64_t>(Setting("ORACLE_SCENARIOS", 1500) / 10, 700), true, 50); }

// Main is woken by whichever task ends, and is then to join the one that did, even where that shows something (a guard that it
// holds across the next await), so that it is not done with the step before.
TEST(Oracle, AgreesWhereAJoinShowsSomething) {
  for (const char* body : {R"([{"op": "join", "branches": [[], []]}])", R"([{"op": "sleep", "for": "1ms"}])", R"([{"op": "yield_now"}])"}) {
    const std::string text = std::string(R"({"name": "joins", "runtimes": {"rt": {"flavor": "multi_thread", "worker_threads": 1}}, "objects": {"a": {"kind": "std_mutex"}},
      "main": [{"op": "block_on", "on": "rt", "body": [{"op": "lock", "on": "a"}, {"op": "spawn", "as": "t", "count": 3, "body": )") + body +
                             R"(}, {"op": "await", "on": "t"}]}]})";
    for (Timing timing : {Timing::kIdeal, Timing::kAdversarial}) {
      const Comparison c = Compare(text, timing);
      EXPECT_EQ(c.what, Comparison::kSame) << c.problem << text;
    }
  }
}

// Of endless programs the oracle says whether a run has no end, not which rule tells of it: that is compared with a search
// that has no reductions.
TEST(Search, FindsTheSameInEndlessProgramsWithoutReductions) {
  const std::uint64_t count = Setting("ORACLE_SCENARIOS", 1500), first = Setting("ORACLE_SEED", 1);
  std::uint64_t compared = 0;
  for (std::uint64_t seed = first; seed < first + count; seed += count > 10'000 ? 10 : 1)
    for (bool copies : {false, true}) {
      const std::string text = RandomScenario(seed, copies);
      for (Timing timing : {Timing::kIdeal, Timing::kAdversarial}) {
        OracleVerdict oracle = AskOracle(text, timing, Scheduler::kAtomic, 1);
        if (!oracle.valid || !oracle.endless || oracle.refused) continue;
        CheckOptions with, without;
        with.timing = without.timing = timing == Timing::kIdeal ? TimingModel::kIdeal : TimingModel::kAdversarial;
        with.max_states = without.max_states = kStatesMax;
        without.reductions = {false, false, false, false, false, false};
        ScenarioReport all = CheckText(text, "random.json", without);
        if (!all.explored.complete) continue;
        ScenarioReport reduced = CheckText(text, "random.json", with);
        EXPECT_TRUE(reduced.explored.complete);
        Set found, expected;
        for (const Finding& f : reduced.findings) found.insert(f.rule);
        for (const Finding& f : all.findings) expected.insert(f.rule);
        ++compared;
        EXPECT_EQ(Show(found), Show(expected)) << "seed " << seed << ", copies " << copies << ", " << Name(timing) << " timing\n" << text;
      }
    }
  EXPECT_GT(compared, 0u);
  std::printf("  %llu endless programs compared\n", static_cast<unsigned long long>(compared));
}

// Every op and every kind of object stands in some scenario that is a program.
TEST(Oracle, TheGeneratorCoversTheLanguage) {
  constexpr std::uint64_t kScenarios = 4000;
  std::set<const OpDef*> ops;
  std::set<Kind> kinds;
  for (std::uint64_t seed = 1; seed <= kScenarios; ++seed) {
    Contents contents = ContentsOf(RandomScenario(seed));
    if (!contents.valid || contents.refused) continue;
    ops.insert(contents.ops.begin(), contents.ops.end());
    kinds.insert(contents.kinds.begin(), contents.kinds.end());
  }
  std::string missing;
  std::set<Kind> all;
  for (const OpDef& op : AllOps()) {
    if (ops.count(&op) == 0) missing += "\n" + std::string(op.verb) + " on " + std::string(KindName(op.kind));
    for (Kind kind : op.on_kinds) all.insert(kind);
    all.insert(op.kind);
  }
  for (Kind kind : all)   // after the kinds of objects come those of names
    if (kind != Kind::kNone && kind < Kind::kRuntime && kinds.count(kind) == 0) missing += "\n" + std::string(KindName(kind));
  EXPECT_EQ(missing, "") << "not in any of " << kScenarios << " scenarios";
}

// Under the exact scheduler the two judges agree, too, and what can happen without races of the scheduler still can.
TEST(Oracle, AgreesUnderTheExactScheduler) {
  const std::uint64_t count = Setting("ORACLE_SCENARIOS", 1500), first = Setting("ORACLE_SEED", 1);
  std::atomic<std::uint64_t> compared = 0, racy = 0;
  AtOnce((count + 9) / 10, [&](std::uint64_t number) {
    const std::uint64_t seed = first + 10 * number;
    const std::string text = RandomScenario(seed);
    for (Timing timing : {Timing::kIdeal, Timing::kAdversarial}) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", " + Name(timing) + " timing");
      const Comparison exact = Compare(text, timing, Scheduler::kExact, kExactStatesMax);
      if (exact.what == Comparison::kSkipped) continue;
      ++compared;
      EXPECT_NE(exact.what, Comparison::kInvalid) << exact.problem;
      EXPECT_EQ(Show(exact.found), Show(exact.expected)) << exact.problem << text;
      const Comparison atomic = Compare(text, timing);
      if (atomic.what != Comparison::kSame) continue;
      EXPECT_TRUE(std::includes(exact.expected.begin(), exact.expected.end(), atomic.expected.begin(), atomic.expected.end()))
          << "atomic: " << Show(atomic.expected) << "\nexact: " << Show(exact.expected) << "\n" << text;
      if (exact.expected != atomic.expected) ++racy;
    }
  });
  EXPECT_GT(compared.load(), 0u);
  if (std::getenv("ORACLE_STATS") != nullptr)
    std::fprintf(stderr, "%llu exact runs compared, %llu with findings that need a race\n", static_cast<unsigned long long>(compared.load()), static_cast<unsigned long long>(racy.load()));
}

// With three workers a thief goes round two others, and idle ones are renumbered while it does.
TEST(Oracle, AgreesUnderTheExactSchedulerWithThreeWorkers) {
  const std::string meeting = R"({ "name": "meeting", "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 3 } },
    "objects": { "b": { "kind": "std_barrier", "parties": PARTIES } },
    "main": [ FIRST { "op": "block_on", "on": "rt", "body": [
      { "op": "spawn", "as": "x", "count": PARTIES, "body": [ { "op": "wait", "on": "b" } ] }, { "op": "await", "on": "x" } ] } ] })";
  auto with = [&](const std::string& parties, const std::string& first) {
    std::string text = meeting;
    for (std::size_t at; (at = text.find("PARTIES")) != std::string::npos;) text.replace(at, 7, parties);
    return text.replace(text.find("FIRST"), 5, first);
  };
  const std::string nap = R"({ "op": "thread_sleep", "for": "5ms" },)";
  // What must be found: as many that block as workers that search at once.
  const std::vector<std::pair<std::string, Set>> cases = {
      {with("2", nap), {}}, {with("3", nap), {}}, {with("3", ""), {"deadlock/blocked-workers"}}};
  for (const auto& [text, found] : cases) {
    const Comparison c = Compare(text, Timing::kIdeal, Scheduler::kExact, 2'000'000);
    ASSERT_EQ(c.what, Comparison::kSame) << c.problem << text;
    EXPECT_EQ(Show(c.found), Show(found)) << text;
  }
}

TEST(Oracle, AgreesOnTheScenariosOfTheRepository) {
  namespace fs = std::filesystem;
  if (!fs::exists("scenarios")) GTEST_SKIP() << "no scenarios here";
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator("scenarios"))
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::atomic<std::size_t> compared = 0;
  AtOnce(files.size(), [&](std::uint64_t number) {
    const fs::path& file = files[number];
    std::stringstream text;
    text << std::ifstream(file).rdbuf();
    for (Timing timing : {Timing::kIdeal, Timing::kAdversarial}) {
      Comparison c = Compare(text.str(), timing);
      if (c.what == Comparison::kInvalid || c.what == Comparison::kSkipped) continue;
      ++compared;
      EXPECT_EQ(Show(c.found), Show(c.expected)) << file << ", " << Name(timing) << " timing: " << c.problem;
    }
  });
  EXPECT_GT(compared.load(), 0u);
}

}  // namespace
}  // namespace asyncrt
