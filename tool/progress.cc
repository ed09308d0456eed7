#include "tool/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

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

// One column is left free: a full line would wrap.
std::size_t Width() {
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

}  // namespace

std::string ProgressText(std::size_t index, std::size_t count, const std::string& file, std::uint64_t states,
                         std::uint64_t states_per_second, std::size_t width) {
  const std::string head = "scenario " + Grouped(index) + " of " + Grouped(count);
  const std::string tail = Counted(states, "state") + ", " + Grouped(states_per_second) + " per second";
  const std::size_t used = head.size() + tail.size() + 4;
  // A name of three columns would be dots alone.
  if (used + 8 <= width) return head + "  " + Shortened(Printable(file), width - used) + "  " + tail;
  return (head + "  " + tail).substr(0, width);
}

ProgressLine::ProgressLine(ProgressChoice choice, std::vector<std::string> files) : files_(std::move(files)) {
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

void ProgressLine::Begin(std::size_t index) {
  const std::lock_guard lock(mutex_);
  running_.insert(index);
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
  const std::uint64_t states = states_seen_.load(std::memory_order_relaxed);
  const auto rate = static_cast<std::uint64_t>(static_cast<double>(states - last_states_) / (seconds > 0 ? seconds : 1));
  last_time_ = now;
  last_states_ = states;
  return ProgressText(*running_.begin() + 1, files_.size(), files_[*running_.begin()], states, rate, Width());
}

}  // namespace asyncrt
