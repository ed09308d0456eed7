// The library in one page: a scenario's text goes in, a report comes out.
#ifndef ASYNCRT_CORE_ASYNCRT_H_
#define ASYNCRT_CORE_ASYNCRT_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/checkpoint_place.h"
#include "core/base/deadline.h"
#include "core/base/play_mode.h"
#include "core/base/search_gauge.h"
#include "core/base/spare_threads.h"
#include "core/base/strategy.h"
#include "core/report/report.h"

namespace asyncrt {

class Machine;

enum class TimingModel : std::uint8_t { kAsScenarioSays, kIdeal, kAdversarial };

struct CheckOptions {
  std::uint64_t max_states = 20'000'000;
  std::uint64_t max_depth = 0;          // steps; 0: no limit
  std::uint64_t time_limit_ms = 0;      // 0: no limit
  std::uint64_t memory_limit_mib = 8192;
  std::uint64_t base_bytes = 0;         // of that, what the process has without its searches
  TimingModel timing = TimingModel::kAsScenarioSays;
  std::optional<Scheduler> scheduler;   // absent: atomic; in a replay, as the schedule says
  std::string tokio;                    // overrides the scenario's version; empty: as the scenario says
  Reductions reductions;
  std::uint64_t remember_steps_from = 20'000;   // states: a search without reductions remembers what steps do once it is so large
  std::uint64_t remembered_bytes = 64 << 20;    // that may be more than those of the visited states; then it stops to
  bool exact_states = false;            // whole states are kept and compared, not their fingerprints
  Strategy strategy = Strategy::kExhaustive;
  std::uint64_t seed = 1, schedules = 10'000;   // of single runs
  int bug_depth = 3;                    // that PCT aims at
  SpareThreads* spare_threads = nullptr;   // for both timings of a scenario at once, and to play ahead of a long search; they never change the report
  std::uint64_t play_ahead_from = 2'000;   // states: a search has other threads play ahead once it is so large
  const std::atomic<bool>* interrupted = nullptr;  // set by a signal handler: stop and report what was found
  Deadline::Clock clock;                // asked for the time where it is limited; empty: the system's
  CheckpointPlace checkpoint;           // where the searches keep how far they are, and find what an earlier process has kept
  SearchGauge* gauge = nullptr;         // told how far the search is; may be empty
  std::function<void(Machine&)> at_end;            // sees every state in which a run ends or nobody can go on; may be empty
  std::function<void(Machine&, int strand, const char* why)> at_panic;   // is told of every panic, before it unwinds; may be empty
};

// Checks one scenario. Never throws; a text that is no scenario gives the verdict kInvalid with diagnostics.
ScenarioReport CheckText(const std::string& text, const std::string& file, const CheckOptions& options);

// One line per step of the run that `schedule` (a finding's `replay`) describes, with everything that happened.
struct ReplayResult {
  bool ok = false;
  std::string error;                    // why it is not a schedule of this scenario
  std::vector<ScheduleStep> steps;
  std::vector<Standing> at_end;         // what everything is in the last state
  std::string outcome;                  // what the last state is: the finding's message, or "the program goes on"
};
ReplayResult ReplayText(const std::string& text, const std::string& file, const std::string& schedule,
                        const CheckOptions& options);

// A rule of findings-and-reports: one row.
struct RuleDef {
  std::string id;
  Severity severity;
  std::string summary;                  // "reported when …", one sentence
  std::string explain;                  // a page: what, why, how it is decided, when it stays silent
  std::string bad, fixed;               // minimal scenarios (JSON text)
  std::string bad_rust, fixed_rust;
};
const std::vector<RuleDef>& AllRules();

// Compares a report with the scenario's own `expect`. Empty: as expected, or nothing is expected.
std::vector<std::string> CompareWithExpect(const std::string& text, const std::string& file, const ScenarioReport& report);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_ASYNCRT_H_
