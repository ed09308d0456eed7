// What a check found, as values. Every output format is a function of these; nothing here knows how it was searched.
#ifndef ASYNCRT_CORE_REPORT_REPORT_H_
#define ASYNCRT_CORE_REPORT_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/scenario/diagnostics.h"

namespace asyncrt {

enum class Severity : std::uint8_t { kNote, kWarning, kError };

struct Location {
  std::string file;
  Place place;
  std::string pointer;
  std::string at;     // the user's own `at`; empty: none
  std::string label;  // what happens there, for the text report; empty: none
};

// One edge of the wait-for graph.
struct Wait {
  std::string who;                    // "task consumer", "thread main"
  std::optional<std::string> thread;  // the OS thread that it occupies, if any
  std::string op;                     // the op's verb, or "run" for a ready task
  std::optional<std::string> on;      // the object
  std::string waits_for;              // "task child", "thread rt/worker-0", "nobody" (`for` in the JSON)
  std::string why;
};

struct ScheduleStep {
  std::uint64_t step = 0;    // from 1
  std::int64_t time_us = 0;  // modelled time
  std::string thread;
  std::optional<std::string> task;
  std::string op;
  std::optional<std::string> on;
  std::string pointer;     // empty: a step of the runtime itself
  std::uint32_t line = 0;  // 0: a step of the runtime itself
  std::string effect;
  bool in_loop = false;  // part of the repeated part of an endless run
};

// What a party, a thread or an object is at the end of a schedule.
struct Standing {
  std::string who;   // "task consumer", "thread rt/worker-0", "std_mutex m"
  std::string what;
};

// What real Tokio did when a finding was tried on it.
struct Confirmation {
  std::string tokio;     // the release
  std::string outcome;   // "hang", "panic", "refused by rustc"; otherwise what was seen instead; empty: nothing was run
  std::string how;       // "steered", "steered with delays" or "with longer sleeps", "by chance", "compiler"; empty: it was not seen
  std::uint64_t attempts = 0;  // runs until then
  std::string why_not;   // empty: it is confirmed
};

struct Finding {
  std::string rule;
  Severity severity = Severity::kError;
  std::string message;
  std::string fingerprint;          // 16 hex digits
  std::vector<Location> locations;  // the first is the primary one
  std::vector<Wait> waits;
  std::vector<ScheduleStep> schedule;
  std::vector<Standing> at_end;     // of the schedule; for people who ask for it, and in no report for programs
  std::vector<std::string> help;
  std::string replay;
  std::uint64_t end_states = 1;
  std::string allowed;  // the reason of the `allow` that matched; empty: none
  bool others_progress = false;
  bool in_baseline = false;  // known, and accepted for now
  std::optional<Confirmation> confirmed;
};

// Whether it decides about the verdict and the exit status.
inline bool Counts(const Finding& finding) { return finding.allowed.empty() && !finding.in_baseline; }

struct Unreached {
  Location location;
  std::string op;
};

struct Explored {
  bool complete = true;
  std::uint64_t states = 0, transitions = 0, depth = 0;
  std::string tokio;
  std::vector<std::string> timing;  // "ideal", "adversarial"
  std::string limit;                // what ended it: "states", "depth", "memory", "time", "interrupt", "schedules", "lossy"; empty: nothing
  bool exact = false;               // under the exact scheduler
  double collision_probability = 0; // at most: that a state was taken for another one
  // What an incomplete strategy has covered; empty: it was exhaustive.
  std::string strategy{};
  std::uint64_t seed = 0, schedules = 0;   // of single runs
  int bug_depth = 0;                       // of pct
  double guarantee = 0;                    // of pct: the least chance of a run to meet a bug of that depth
};

enum class Verdict : std::uint8_t { kClean, kWarnings, kErrors, kIncomplete, kInvalid };

struct ScenarioReport {
  std::string name;  // may be empty for an invalid one
  std::string file;
  Verdict verdict = Verdict::kClean;
  Explored explored;
  std::vector<Finding> findings;  // errors first, then by place and rule
  std::vector<Unreached> unreached;
  std::vector<Diagnostic> diagnostics;  // why it is invalid
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_REPORT_REPORT_H_
