#include "tool/flag_values.h"

#include <algorithm>
#include <charconv>
#include <thread>
#include <utility>

#include "core/base/spelling.h"
#include "core/report/display.h"
#include "core/scenario/tokio_versions.h"
#include "tool/interrupt.h"

namespace asyncrt {
namespace {

constexpr unsigned kJobsMax = 256;
constexpr std::uint64_t kProductMax = std::uint64_t{1} << 53;

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// A decimal number and a unit, multiplied and rounded down. Without a unit the factor is that of the first one.
std::optional<std::uint64_t> ParseWithUnit(std::string_view text, const std::vector<Unit>& units, bool needs_unit) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string_view number = text.substr(0, digits), name = text.substr(digits);
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc() || end != number.data() + number.size() || number.empty()) return std::nullopt;
  if (name.empty() && needs_unit) return std::nullopt;
  for (const Unit& unit : units) {
    if (name != unit.name && !name.empty()) continue;
    const double product = value * static_cast<double>(unit.factor);
    if (product < 1 || product > static_cast<double>(kProductMax)) return std::nullopt;
    return static_cast<std::uint64_t>(product);
  }
  return std::nullopt;
}

std::string Shown(const std::string& value) { return "`" + Printable(value) + "`"; }

}  // namespace

std::optional<std::uint64_t> ParseCount(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> ParseDuration(std::string_view text) {
  static const std::vector<Unit> units = {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"min", 60'000}, {"h", 3'600'000}};
  return ParseWithUnit(text, units, true);
}

std::optional<std::uint64_t> ParseMemory(std::string_view text) {
  static const std::vector<Unit> units = {{"MiB", 1},  {"M", 1},     {"MB", 1},           {"GiB", 1024},
                                          {"G", 1024}, {"GB", 1024}, {"TiB", 1'048'576}};
  return ParseWithUnit(text, units, false);
}

std::uint64_t FlagReader::Count(const std::string& flag, std::uint64_t fallback) {
  const std::string* value = args_.Last(flag);
  if (value == nullptr) return fallback;
  const std::optional<std::uint64_t> count = ParseCount(*value);
  if (!count) Fail("`--" + flag + "` needs a whole number of at least 1, not " + Shown(*value));
  return count.value_or(fallback);
}

std::uint64_t FlagReader::Duration(const std::string& flag, std::uint64_t fallback) {
  const std::string* text = args_.Last(flag);
  if (text == nullptr) return fallback;
  const std::optional<std::uint64_t> duration = ParseDuration(*text);
  if (!duration) Fail("`--" + flag + "` needs a duration such as 500ms, 10s or 2m, not " + Shown(*text));
  return duration.value_or(fallback);
}

std::size_t FlagReader::Choice(const std::string& flag, const std::vector<std::string>& words, std::size_t fallback) {
  const std::string* value = args_.Last(flag);
  return value == nullptr ? fallback : ChoiceOf(flag, *value, words);
}

std::size_t FlagReader::ChoiceOf(const std::string& flag, const std::string& value,
                                 const std::vector<std::string>& words) {
  const auto it = std::find(words.begin(), words.end(), value);
  if (it != words.end()) return static_cast<std::size_t>(it - words.begin());
  std::string list;
  for (const std::string& word : words) list += (list.empty() ? "" : ", ") + word;
  const std::string nearest = NearestName(value, words);
  Fail("`--" + flag + "` cannot be " + Shown(value) +
       (nearest.empty() ? "; it is one of: " + list : "; did you mean `" + nearest + "`?"));
  return 0;
}

ColorChoice FlagReader::Color() { return static_cast<ColorChoice>(Choice("color", {"auto", "always", "never"}, 0)); }

ProgressChoice FlagReader::Progress() { return static_cast<ProgressChoice>(Choice("progress", {"auto", "always", "never"}, 0)); }

CheckOptions FlagReader::Options() {
  CheckOptions options;
  options.interrupted = &Interrupted();
  options.max_states = Count("max-states", options.max_states);
  options.max_depth = Count("max-depth", options.max_depth);
  options.time_limit_ms = Duration("time-limit", options.time_limit_ms);
  if (const std::string* text = args_.Last("memory-limit")) {
    const std::optional<std::uint64_t> limit = ParseMemory(*text);
    if (!limit) Fail("`--memory-limit` needs a size such as 512MiB or 4GiB, not " + Shown(*text));
    options.memory_limit_mib = limit.value_or(options.memory_limit_mib);
  }
  constexpr TimingModel kModels[] = {TimingModel::kAsScenarioSays, TimingModel::kIdeal, TimingModel::kAdversarial};
  options.timing = kModels[Choice("timing-model", {"both", "ideal", "adversarial"}, 0)];
  if (args_.Has("scheduler"))
    options.scheduler = Choice("scheduler", {"atomic", "exact"}, 0) == 0 ? Scheduler::kAtomic : Scheduler::kExact;
  for (const std::string& name : args_.All("no-reduction")) {
    bool* const parts[] = {&options.reductions.fusing, &options.reductions.workers, &options.reductions.stubborn, &options.reductions.chains, &options.reductions.symmetry, &options.reductions.values};
    const std::size_t which = ChoiceOf("no-reduction", name, {"fusing", "workers", "stubborn", "chains", "symmetry", "values", "all"});
    for (std::size_t k = 0; k < std::size(parts); ++k)
      if (which == k || which == std::size(parts)) *parts[k] = false;
  }
  constexpr Strategy kStrategies[] = {Strategy::kExhaustive, Strategy::kBitstate, Strategy::kRandom, Strategy::kPct};
  options.strategy = kStrategies[Choice("strategy", {"exhaustive", "bitstate", "random", "pct"}, 0)];
  options.seed = Count("seed", options.seed);
  options.schedules = Count("schedules", options.schedules);
  options.bug_depth = static_cast<int>(std::min<std::uint64_t>(Count("depth", static_cast<std::uint64_t>(options.bug_depth)), 64));
  options.exact_states = args_.Has("exact");
  options.tokio = Tokio();
  return options;
}

std::string FlagReader::Tokio() {
  const std::string* version = args_.Last("tokio");
  if (version == nullptr || IsTokioVersion(*version)) return version == nullptr ? "" : *version;
  Fail("`--tokio` cannot be " + Shown(*version) + "; known are " + TokioVersions().front() + " to " + TokioVersions().back() +
       ", and each of their patches");
  return "";
}

unsigned FlagReader::Jobs() {
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  const std::uint64_t jobs = Count("jobs", cores);
  if (jobs > kJobsMax) Fail("`--jobs` is " + std::to_string(kJobsMax) + " at most");
  return static_cast<unsigned>(std::min<std::uint64_t>(jobs, kJobsMax));
}

}  // namespace asyncrt
