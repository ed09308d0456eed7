#include "core/confirm/confirm.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <thread>

#include "core/base/release_rules.h"
#include "core/confirm/cargo_project.h"
#include "core/confirm/outcome.h"
#include "core/confirm/process.h"
#include "core/confirm/tickets.h"

namespace asyncrt {
namespace {

constexpr std::int64_t kScheduleMaxUs = 20'000'000;
constexpr std::int64_t kTurnMaxUs = 3'000'000;
constexpr std::int64_t kTurnMs = 200;
constexpr std::int64_t kSlowUs = 500'000, kScaleMax = 20;   // how long the longest sleep becomes, and how many times longer

// A finding and the program that is to show it.
struct Trial {
  Finding* finding = nullptr;
  const Scenario* scenario = nullptr;
  std::string module;
  bool is_unstable = false;   // of the program that is built with `--cfg tokio_unstable`
};

// One way to run it.
struct Attempt {
  bool is_steered = false;
  TicketKind kind;
  std::uint64_t seed = 0;   // of delays; 0: none
  bool is_slow = false;     // with longer sleeps
};

// Along the schedule first, then with delays, then left to chance. Many programs cannot do anything else; one run in between is left alone.
std::vector<Attempt> AttemptsOf(std::uint64_t runs) {
  std::vector<Attempt> attempts = {{true, {false, true}, 0, false}, {true, {true, true}, 0, false}, {true, {false, false}, 0, false},
                                   {false, {}, 0, false},           {true, {false, true}, 0, true}, {true, {true, true}, 0, true},
                                   {true, {false, true}, 1, false}, {true, {true, true}, 2, false}};
  while (attempts.size() < runs) attempts.push_back({false, {}, attempts.size(), false});
  attempts.resize(runs);
  return attempts;
}

std::string HowText(const Attempt& attempt) {
  if (!attempt.is_steered) return "by chance";
  return attempt.is_slow ? "steered with longer sleeps" : attempt.seed != 0 ? "steered with delays" : "steered";
}

std::int64_t LongestWait(const Scenario& scenario) {
  std::int64_t longest = 0;
  for (const Op* op : AllOps(scenario)) longest = std::max<std::int64_t>(longest, op->duration.value_or(0));
  return longest;
}

bool IsInterrupted(const ConfirmOptions& options) { return options.interrupted != nullptr && options.interrupted->load(); }

// Runs a program until a run shows the finding.
Confirmation Try(const Trial& trial, const std::string& program, const std::string& schedule_file, const std::string& tokio,
                 const ConfirmOptions& options) {
  const Finding& finding = *trial.finding;
  Confirmation confirmation;
  confirmation.tokio = tokio;
  const std::int64_t took = finding.schedule.empty() ? 0 : finding.schedule.back().time_us;
  if (took > kScheduleMaxUs) {
    confirmation.why_not = "the schedule takes " + std::to_string(took / 1'000'000) + " s of real time";
    return confirmation;
  }
  const std::int64_t longest = LongestWait(*trial.scenario);
  for (const Attempt& attempt : AttemptsOf(options.runs)) {
    if (IsInterrupted(options)) break;
    // Sleeps that are long beside what a turn takes still end in the order of the schedule.
    const std::int64_t scale = attempt.is_slow && longest > 0 ? std::clamp<std::int64_t>(kSlowUs / longest, 1, kScaleMax) : 1;
    const std::uint64_t hang_ms = options.hang_ms + static_cast<std::uint64_t>((took * scale * 2 + std::min(longest * scale, kTurnMaxUs) * 2) / 1000);
    ProcessRequest request;
    request.words = {program, trial.module};
    request.environment = {{"ASYNCRT_WATCHDOG_MS", std::to_string(hang_ms)},
                           {"ASYNCRT_JITTER", std::to_string(attempt.seed)},
                           {"ASYNCRT_TIME_SCALE", std::to_string(scale)}};
    request.time_limit_ms = hang_ms * 6 + 10'000;
    request.interrupted = options.interrupted;
    if (attempt.is_steered) {
      const std::int64_t turn_ms = std::max(kTurnMs, std::min(longest * scale * 3, kTurnMaxUs) / 1000);
      std::ofstream(schedule_file, std::ios::trunc) << TicketsOf(*trial.scenario, finding.schedule, attempt.kind).text;
      request.environment.emplace_back("ASYNCRT_SCHEDULE", schedule_file);
      request.environment.emplace_back("ASYNCRT_TURN_MS", std::to_string(turn_ms));
    }
    const ProcessResult result = RunProcess(request);
    if (IsInterrupted(options)) break;
    ++confirmation.attempts;
    if (result.error != 0) {
      confirmation.why_not = std::string("the program could not be run: ") + std::strerror(result.error);
      return confirmation;
    }
    const RunOutcome run = ReadRun(result.output, result.was_killed);
    const std::string difference = Difference(finding, run);
    if (difference.empty()) {
      confirmation.outcome = run.end == RunOutcome::End::kHang && ShownBy(finding.rule) != Shown::kPanic ? "hang" : "panic";
      confirmation.how = HowText(attempt);
      confirmation.why_not.clear();
      return confirmation;
    }
    // What the first run, which follows the schedule, shows instead is what there is to look at.
    if (confirmation.why_not.empty()) {
      confirmation.outcome = OutcomeText(run);
      confirmation.why_not = difference;
    }
  }
  const bool needs_spurious = std::any_of(finding.schedule.begin(), finding.schedule.end(), [](const ScheduleStep& step) { return step.effect == "returns spuriously"; });
  if (needs_spurious) confirmation.why_not = "the schedule needs a wait that returns spuriously, which std allows and Linux hardly ever does";
  if (IsInterrupted(options)) confirmation.why_not = "interrupted";
  return confirmation;
}

// "1.24" is its last patch.
bool ReadRelease(const std::string& text, Release* release) {
  int major = 0, minor = 0, patch = 0;
  const int read = std::sscanf(text.c_str(), "%d.%d.%d", &major, &minor, &patch);
  if (read < 2 || major != 1) return false;
  *release = {minor, read == 3 ? patch : 9998};
  return true;
}

std::string StemOf(const std::string& file) {
  const std::string name = std::filesystem::path(file).filename().string();
  return name.ends_with(".json") ? name.substr(0, name.size() - 5) : name;
}

// A folder of this process alone, gone at the end.
class ProjectFolder {
 public:
  explicit ProjectFolder(const std::filesystem::path& below) : path_(below / ("project-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path_, error_);
  }
  ~ProjectFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ProjectFolder(const ProjectFolder&) = delete;
  ProjectFolder& operator=(const ProjectFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  const std::error_code& error() const { return error_; }

 private:
  std::filesystem::path path_;
  std::error_code error_;
};

// Others that build in the same folder wait: cargo's program has one name for all.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder) : fd_(open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
    if (fd_ >= 0) flock(fd_, LOCK_EX);
  }
  ~FolderLock() {
    if (fd_ >= 0) close(fd_);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int fd_;
};

Confirmation Untried(const std::string& tokio, const std::string& why_not) {
  Confirmation confirmation;
  confirmation.tokio = tokio;
  confirmation.why_not = why_not;
  return confirmation;
}

// Why no run is made for a finding; empty: one is.
std::string WhyUntried(const ScenarioReport& report, const Finding& finding, const std::string& tokio) {
  if (ShownBy(finding.rule) == Shown::kNothing) return "no run can show it: the program ends as if all were well";
  if (!HaveSameRules(report.explored.tokio, tokio))
    return "not comparable: it was found by the rules of Tokio " + report.explored.tokio + ", and this is " + tokio;
  return "";
}

}  // namespace

bool HaveSameRules(const std::string& release, const std::string& other) {
  Release one{}, two{};
  if (!ReadRelease(release, &one) || !ReadRelease(other, &two)) return false;
  const VersionRules a = RulesOfRelease(one.minor, one.patch), b = RulesOfRelease(two.minor, two.patch);
  const std::vector<VersionRow>& rows = VersionTable();
  return std::all_of(rows.begin(), rows.end(), [&](const VersionRow& row) { return a.*row.rule == b.*row.rule; });
}

std::string Confirm(const std::vector<ConfirmItem>& items, const ConfirmOptions& options) {
  std::string error;
  const std::string tokio = TokioRelease(options.tokio_path, &error);
  if (!error.empty()) return error;
  // What needs an unstable Tokio is built apart: the others are to be seen on the one that everybody has.
  struct Build {
    const char* suffix;
    std::vector<std::pair<std::string, RustModule>> modules;
    std::string program;
  };
  std::array<Build, 2> builds = {Build{"", {}, ""}, Build{"-unstable", {}, ""}};
  std::vector<Trial> trials;
  std::set<std::string> names = NamesOfRustProject();
  for (const ConfirmItem& item : items) {
    std::string name, why_not = item.why_not;
    bool is_unstable = false;
    for (Finding& finding : item.report->findings) {
      const std::string untried = WhyUntried(*item.report, finding, tokio);
      if (untried.empty() && why_not.empty() && name.empty()) {
        RustModule module = ExportRust(*item.scenario);
        if (!module.unsupported.empty()) {
          why_not = "it cannot be said in Rust: " + module.unsupported[0];
        } else {
          const std::string stem = RustName(StemOf(item.report->file));
          name = stem;
          for (int k = 2; !names.insert(name).second; ++k) name = stem + "_" + std::to_string(k);
          is_unstable = module.needs_unstable;
          builds[is_unstable].modules.emplace_back(name, std::move(module));
        }
      }
      if (const std::string& why = untried.empty() ? why_not : untried; !why.empty()) finding.confirmed = Untried(tokio, why);
      else trials.push_back({&finding, item.scenario, name, is_unstable});
    }
  }
  if (trials.empty()) return "";
  if (options.progress) options.progress(0, trials.size());
  std::error_code failed;
  std::filesystem::create_directories(options.build_folder, failed);
  const std::filesystem::path build = std::filesystem::absolute(options.build_folder, failed);
  const ProjectFolder project(build);
  if (project.error()) return project.path().string() + " could not be made: " + project.error().message();
  std::map<std::string, std::string> refused_modules;
  for (Build& one : builds) {
    if (one.modules.empty()) continue;
    const FolderLock lock(build);
    const std::string path = options.tokio_path.empty() ? "" : std::filesystem::absolute(options.tokio_path, failed).string();
    const std::filesystem::path folder = project.path() / ("crate" + std::string(one.suffix));
    const CargoResult cargo = BuildProject(one.modules, {folder.string(), (build / ("target" + std::string(one.suffix))).string(), path, options.interrupted});
    if (!cargo.error.empty() && !IsInterrupted(options)) return cargo.error;
    refused_modules.insert(cargo.refused.begin(), cargo.refused.end());
    if (cargo.program.empty()) continue;
    one.program = (project.path() / ("program" + std::string(one.suffix))).string();
    std::filesystem::copy_file(cargo.program, one.program, failed);
    if (failed) return cargo.program + " could not be copied: " + failed.message();
  }
  std::atomic<std::size_t> next{0}, done{0};
  auto work = [&](unsigned job) {
    const std::string schedule_file = (project.path() / ("schedule-" + std::to_string(job))).string();
    for (std::size_t k; (k = next.fetch_add(1)) < trials.size();) {
      const Trial& trial = trials[k];
      Finding& finding = *trial.finding;
      const auto refused = refused_modules.find(trial.module);
      const bool must = ShownBy(finding.rule) == Shown::kRefusal;
      if (IsInterrupted(options)) {
        finding.confirmed = Untried(tokio, "interrupted");
      } else if (refused != refused_modules.end()) {
        finding.confirmed = Confirmation{tokio, "refused by rustc", must ? "compiler" : "", 0, must ? "" : "rustc refuses the program: " + refused->second};
      } else if (must) {
        finding.confirmed = Untried(tokio, "rustc accepts the program");
        finding.confirmed->outcome = "accepted by rustc";
      } else {
        finding.confirmed = Try(trial, builds[trial.is_unstable].program, schedule_file, tokio, options);
      }
      if (options.progress) options.progress(++done, trials.size());
    }
  };
  std::vector<std::thread> workers;
  for (unsigned job = 1; job < std::min<std::size_t>(options.jobs, trials.size()); ++job) workers.emplace_back(work, job);
  work(0);
  for (std::thread& worker : workers) worker.join();
  return "";
}

}  // namespace asyncrt
