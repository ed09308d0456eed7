#include "tool/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace asyncrt {
namespace {

constexpr std::size_t kWidthMin = 80;
constexpr std::size_t kWidthMax = 100;

std::string_view Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool IsForced(const char* name) {
  const std::string_view value = Environment(name);
  return !value.empty() && value != "0";
}

bool HasColor(ColorChoice choice, int fd) {
  if (choice != ColorChoice::kAuto) return choice == ColorChoice::kAlways;
  if (!Environment("NO_COLOR").empty()) return false;
  if (IsForced("CLICOLOR_FORCE") || IsForced("FORCE_COLOR")) return true;
  return isatty(fd) != 0 && Environment("TERM") != "dumb";
}

bool HasUnicode(int fd) {
  if (isatty(fd) == 0) return true;
  std::string_view locale;
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    locale = Environment(name);
    if (!locale.empty()) break;
  }
  for (std::string_view word : {"UTF-8", "utf-8", "UTF8", "utf8"}) {
    if (locale.find(word) != std::string_view::npos) return true;
  }
  return false;
}

TextStyle StyleOf(ColorChoice choice, int fd) {
  TextStyle style;
  style.color = HasColor(choice, fd);
  style.unicode = HasUnicode(fd);
  style.width = kWidthMax;
  winsize size = {};
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    style.width = std::clamp<std::size_t>(size.ws_col, kWidthMin, kWidthMax);
  }
  return style;
}

}  // namespace

TextStyle StdoutStyle(ColorChoice choice) { return StyleOf(choice, STDOUT_FILENO); }
TextStyle StderrStyle(ColorChoice choice) { return StyleOf(choice, STDERR_FILENO); }

}  // namespace asyncrt
