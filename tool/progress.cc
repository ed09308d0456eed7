#include "tool/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <new>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/report/display.h"
#include "tool/output.h"

namespace asyncrt {
namespace {

constexpr std::chrono::milliseconds kFirst(500);
constexpr std::chrono::milliseconds kEvery(200);
constexpr std::chrono::seconds kEveryInLogs(10);
constexpr std::string_view kClear = "\r\x1b[K";

// A dumb terminal cannot clear its line.
bool IsRewritable() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) != 0 && (term == nullptr || std::string_view(term) != "dumb");
}

// One column is left free: a full line would wrap. A log has room for everything.
std::size_t Width() {
  if (isatty(STDERR_FILENO) == 0) return 200;
  winsize size = {};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1u : 79;
}

// The end of a path says more than its beginning.
std::string Shortened(const std::string& path, std::size_t width) {
  if (DisplayWidth(path) <= width) return path;
  const std::vector<Glyph> glyphs = GlyphsOf(path);
  std::string out;
  std::size_t used = 3;
  for (std::size_t i = glyphs.size(); i > 0 && used + glyphs[i - 1].width <= width; --i) {
    out.insert(0, glyphs[i - 1].text);
    used += glyphs[i - 1].width;
  }
  return "..." + out;
}

// "--max-states" of "states", "--time-limit" of "time".
std::string LimitFlag(const std::string& limit) { return limit == "states" ? "max-states" : limit + "-limit"; }

// 9,999, 12.3k, 456k, 7.89M: three digits say enough of a number that changes while it is read.
std::string Short(std::uint64_t number) {
  if (number < 10'000) return Grouped(number);
  double value = static_cast<double>(number);
  const char* unit = "";
  for (const char* next : {"k", "M", "G", "T"}) {
    if (value < 999.5) break;
    value /= 1000;
    unit = next;
  }
  char text[32];
  std::snprintf(text, sizeof text, value < 9.995 ? "%.2f%s" : value < 99.95 ? "%.1f%s" : "%.0f%s", value, unit);
  return text;
}

}  // namespace

std::string ProgressText(const ProgressNumbers& numbers, const std::string& file, std::size_t width) {
  constexpr std::size_t kFileWidthMin = 8;   // a name of three columns would be dots alone
  const auto with_file = [&](const std::string& head, const std::string& tail) {
    const std::size_t used = head.size() + tail.size() + 4;
    return used + kFileWidthMin <= width ? head + "  " + Shortened(Printable(file), width - used) + "  " + tail : "";
  };
  const std::string memory = ", " + Grouped(numbers.bytes >> 20) + " MiB";
  const std::string share = numbers.limit.empty() ? "" : ", " + std::to_string(numbers.percent) + "% of ";
  std::string text = with_file("scenario " + Grouped(numbers.index) + " of " + Grouped(numbers.count),
                               Counted(numbers.states, "state") + ", " + Grouped(numbers.states_per_second) + " per second, frontier " +
                                   Grouped(numbers.frontier) + memory + (share.empty() ? "" : share + "--" + LimitFlag(numbers.limit)));
  if (!text.empty()) return text;
  const std::string head = "scenario " + Grouped(numbers.index) + "/" + Grouped(numbers.count);
  const std::string rate = Short(numbers.states) + " states, " + Short(numbers.states_per_second) + "/s";
  const std::string frontier = ", frontier " + Short(numbers.frontier);
  const std::string limit = share + (share.empty() ? "" : numbers.limit);
  text = with_file(head, rate + frontier + memory + limit);
  if (!text.empty()) return text;
  for (const std::string& tail : {rate + frontier + memory + limit, rate + frontier + limit, rate + limit, rate})
    if (head.size() + 2 + tail.size() <= width) return head + "  " + tail;
  return (head + "  " + rate).substr(0, width);
}

ProgressLine::ProgressLine(ProgressChoice choice, std::vector<std::string> files, const CheckOptions& limits)
    : files_(std::move(files)),
      max_states_(limits.max_states),
      memory_limit_(limits.memory_limit_mib << 20),
      time_limit_ms_(limits.time_limit_ms),
      watched_(files_.size()) {
  const bool is_wanted = choice == ProgressChoice::kAlways || (choice == ProgressChoice::kAuto && IsRewritable());
  last_time_ = std::chrono::steady_clock::now();
  if (!is_wanted) return;
  // Without a thread or the memory for a line, the check goes on in silence.
  try {
    writer_ = std::thread([this] {
      try {
        Write();
      } catch (const std::bad_alloc&) {
      }
    });
  } catch (const std::system_error&) {
  } catch (const std::bad_alloc&) {
  }
}

ProgressLine::~ProgressLine() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  changed_.notify_all();
  if (writer_.joinable()) writer_.join();
}

SearchGauge* ProgressLine::Begin(std::size_t index) {
  const std::lock_guard lock(mutex_);
  running_.insert(index);
  watched_[index].begin = std::chrono::steady_clock::now();
  return &watched_[index].gauge;
}

void ProgressLine::End(std::size_t index) {
  const std::lock_guard lock(mutex_);
  running_.erase(index);
}

void ProgressLine::Write() {
  const bool is_rewritable = IsRewritable();
  std::unique_lock lock(mutex_);
  const auto waits = [&](auto duration) { return !changed_.wait_for(lock, duration, [&] { return is_over_; }); };
  bool is_shown = false;
  for (bool goes_on = waits(kFirst); goes_on; goes_on = is_rewritable ? waits(kEvery) : waits(kEveryInLogs)) {
    const std::string text = Text();
    if (text.empty()) continue;
    is_shown = true;
    PrintErr(is_rewritable ? std::string(kClear) + text : text + "\n");
  }
  if (is_shown && is_rewritable) PrintErr(kClear);
}

// With the lock held; empty while nothing runs.
std::string ProgressLine::Text() {
  if (running_.empty()) return "";
  const auto now = std::chrono::steady_clock::now();
  const double seconds = std::chrono::duration<double>(now - last_time_).count();
  std::uint64_t seen = 0;
  for (const Watched& one : watched_) seen += one.gauge.seen.load(std::memory_order_relaxed);
  const auto rate = static_cast<std::uint64_t>(static_cast<double>(seen - last_seen_) / (seconds > 0 ? seconds : 1));
  last_time_ = now;
  last_seen_ = seen;
  const std::size_t index = *running_.begin();
  const Watched& first = watched_[index];
  ProgressNumbers numbers;
  numbers.index = index + 1;
  numbers.count = files_.size();
  numbers.states = first.gauge.states.load(std::memory_order_relaxed);
  numbers.states_per_second = rate;
  numbers.frontier = first.gauge.frontier.load(std::memory_order_relaxed);
  numbers.bytes = first.gauge.bytes.load(std::memory_order_relaxed);
  const auto uses = [&](const char* limit_name, std::uint64_t used, std::uint64_t limit) {
    const std::uint64_t percent = limit == 0 ? 0 : static_cast<std::uint64_t>(100.0 * static_cast<double>(used) / static_cast<double>(limit));
    if (limit == 0 || (!numbers.limit.empty() && percent <= numbers.percent)) return;
    numbers.limit = limit_name;
    numbers.percent = percent;
  };
  uses("states", numbers.states, max_states_);
  uses("memory", numbers.bytes, memory_limit_);
  const auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(now - first.begin).count();
  uses("time", static_cast<std::uint64_t>(spent), time_limit_ms_);
  return ProgressText(numbers, files_[index], Width());
}

}  // namespace asyncrt
