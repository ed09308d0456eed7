// The search against the oracle: the same rules must be found, whatever the reductions, hashes and merged steps of the
// one. ORACLE_SCENARIOS sets how many random scenarios are tried, ORACLE_SEED the first one.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/asyncrt.h"
#include "core/ops/op.h"
#include "tests/oracle/generator.h"
#include "tests/oracle/oracle.h"

namespace asyncrt {
namespace {

using Json = nlohmann::ordered_json;
using Set = std::set<std::string>;

constexpr std::size_t kStatesMax = 25'000, kExactStatesMax = 60'000;

std::uint64_t Setting(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

std::string Show(const Set& rules) {
  std::string text;
  for (const std::string& rule : rules) text += (text.empty() ? "" : ", ") + rule;
  return text.empty() ? "nothing" : text;
}

struct Comparison {
  enum { kSame, kDifferent, kSkipped, kInvalid } what = kSame;
  Set found, expected;
  std::string problem;
  std::string limit;   // why it was skipped
};

Comparison Compare(const std::string& text, Timing timing, Scheduler scheduler = Scheduler::kAtomic, std::size_t states_max = Setting("ORACLE_STATES", kStatesMax)) {
  Comparison c;
  OracleVerdict oracle = AskOracle(text, timing, scheduler, states_max);
  if (!oracle.valid) {
    c.what = Comparison::kInvalid;
    c.problem = oracle.problem;
    return c;
  }
  if (oracle.endless || !oracle.complete) {
    c.what = Comparison::kSkipped;
    c.limit = oracle.endless ? "endless" : "states";
    return c;
  }
  CheckOptions options;
  options.timing = timing == Timing::kIdeal ? TimingModel::kIdeal : TimingModel::kAdversarial;
  options.scheduler = scheduler;
  options.max_states = states_max * 4;
  std::set<std::uint64_t> outcomes;
  options.outcomes = &outcomes;
  ScenarioReport report = CheckText(text, "random.json", options);
  if (!report.explored.complete) {   // never larger than the oracle's graph
    c.what = Comparison::kDifferent;
    c.problem = "the search stopped at its limit of " + report.explored.limit + " where the oracle saw " + std::to_string(oracle.states) + " states";
    return c;
  }
  c.expected = oracle.rules;
  for (const Finding& f : report.findings)
    if (f.severity != Severity::kNote && f.rule != "hazard/unused-allow") c.found.insert(f.rule);
  if (c.found != c.expected) c.what = Comparison::kDifferent;
  if (outcomes != oracle.outcomes) {
    c.what = Comparison::kDifferent;
    c.problem += std::to_string(outcomes.size()) + " final states are found, and " + std::to_string(oracle.outcomes.size()) + " are expected";
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

TEST(Oracle, AgreesOnRandomScenarios) {
  std::uint64_t count = Setting("ORACLE_SCENARIOS", 300), first = Setting("ORACLE_SEED", 1);
  std::uint64_t skipped = 0, different = 0;
  std::map<std::string, int> seen;
  std::set<std::string> shapes;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    std::string text = RandomScenario(seed);
    for (Timing timing : {Timing::kIdeal, Timing::kAdversarial}) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", " + Name(timing) + " timing");
      if (std::getenv("ORACLE_VERBOSE") != nullptr) std::fprintf(stderr, "seed %llu %s\n", static_cast<unsigned long long>(seed), Name(timing));
      Comparison c = Compare(text, timing);
      ASSERT_NE(c.what, Comparison::kInvalid) << "the generator wrote what is no scenario:\n" << c.problem << text;
      if (c.what == Comparison::kSkipped) ++skipped;
      if (c.what == Comparison::kSame && c.expected.empty()) ++seen["nothing"];
      if (c.what == Comparison::kSame) for (const std::string& rule : c.expected) ++seen[rule];
      if (c.what != Comparison::kDifferent) continue;
      // The same kind of difference: a rule that only one of the two has.
      auto differs = [&](const std::string& smaller) {
        Comparison d = Compare(smaller, timing);
        if (d.what != Comparison::kDifferent) return false;
        for (const std::string& rule : c.found) if (!c.expected.count(rule) && d.found.count(rule) && !d.expected.count(rule)) return true;
        for (const std::string& rule : c.expected) if (!c.found.count(rule) && !d.found.count(rule) && d.expected.count(rule)) return true;
        return !c.problem.empty() && !d.problem.empty();
      };
      std::string least = Shrink(text, differs);
      c = Compare(least, timing);
      std::string shape = Show(c.found) + "|" + Show(c.expected);
      ++different;
      if (!shapes.insert(shape).second) continue;   // told once
      ADD_FAILURE() << "the search finds " << Show(c.found) << "\nthe oracle finds " << Show(c.expected) << "\n" << c.problem << "\n" << least;
    }
  }
  EXPECT_EQ(different, 0u);
  EXPECT_LE(skipped, count / 2) << "too many scenarios are too large for the oracle";
  if (std::getenv("ORACLE_VERBOSE") != nullptr || std::getenv("ORACLE_STATS") != nullptr) {
    std::fprintf(stderr, "%llu of %llu runs skipped\n", static_cast<unsigned long long>(skipped), static_cast<unsigned long long>(2 * count));
    for (const auto& [rule, times] : seen) std::fprintf(stderr, "%6d %s\n", times, rule.c_str());
  }
}

// What nobody generates is tested by nobody: in some scenario that is run, every op and every kind of object occurs.
TEST(Oracle, GeneratesEveryOpAndEveryKind) {
  Set ops, kinds;
  auto collect = [&](auto& self, const Json& node) -> void {
    if (node.is_object()) {
      if (node.contains("op")) ops.insert(node["op"].get<std::string>());
      if (node.contains("kind")) kinds.insert(node["kind"].get<std::string>());
    }
    if (node.is_structured())
      for (const Json& inner : node) self(self, inner);
  };
  std::uint64_t refused = 0;
  const std::uint64_t count = 6'000;
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    const std::string text = RandomScenario(seed);
    const OracleVerdict verdict = AskOracle(text, Timing::kIdeal, Scheduler::kAtomic, 1);
    ASSERT_TRUE(verdict.valid) << verdict.problem << text;
    if (verdict.states == 0 && !verdict.endless) ++refused;
    else collect(collect, Json::parse(text));
  }
  // `build` and `async` forms that need a runtime that main does not own are left to the hand-written scenarios.
  const Set elsewhere = {"build"};
  for (const OpDef& op : AllOps())
    EXPECT_TRUE(ops.count(std::string(op.verb)) != 0 || elsewhere.count(std::string(op.verb)) != 0) << op.verb;
  for (const char* kind : {"std_mutex", "std_rwlock", "std_condvar", "std_channel", "std_barrier", "std_once", "value", "atomic", "cell", "mutex", "rwlock",
                           "semaphore", "notify", "oneshot", "mpsc", "broadcast", "watch", "barrier", "once_cell", "cancellation_token", "join_set",
                           "futures_unordered", "local_set", "io"})
    EXPECT_TRUE(kinds.count(kind) != 0) << kind;
  EXPECT_LT(refused, count / 10);
}

// Under the exact scheduler the two judges agree, too, and what can happen without races of the scheduler still can.
TEST(Oracle, AgreesUnderTheExactScheduler) {
  const std::uint64_t count = Setting("ORACLE_SCENARIOS", 300), first = Setting("ORACLE_SEED", 1);
  std::uint64_t compared = 0, racy = 0;
  for (std::uint64_t seed = first; seed < first + count; seed += 10) {
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
  }
  EXPECT_GT(compared, 0u);
  if (std::getenv("ORACLE_STATS") != nullptr)
    std::fprintf(stderr, "%llu exact runs compared, %llu with findings that need a race\n", static_cast<unsigned long long>(compared), static_cast<unsigned long long>(racy));
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
    ASSERT_EQ(c.what, Comparison::kSame) << c.problem << c.limit << text;
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
  std::size_t compared = 0;
  for (const fs::path& file : files) {
    std::stringstream text;
    text << std::ifstream(file).rdbuf();
    for (Timing timing : {Timing::kIdeal, Timing::kAdversarial}) {
      Comparison c = Compare(text.str(), timing);
      if (c.what == Comparison::kInvalid || c.what == Comparison::kSkipped) continue;
      ++compared;
      EXPECT_EQ(Show(c.found), Show(c.expected)) << file << ", " << Name(timing) << " timing: " << c.problem;
    }
  }
  EXPECT_GT(compared, 0u);
}

}  // namespace
}  // namespace asyncrt
