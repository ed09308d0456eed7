#include "core/report/display.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace asyncrt {
namespace {

constexpr std::uint32_t kReplacement = 0xFFFD;

// The code point at `i`, which moves behind it. Broken UTF-8 gives the replacement character, byte by byte.
std::uint32_t NextCodePoint(std::string_view text, std::size_t& i) {
  const auto first = static_cast<unsigned char>(text[i++]);
  if (first < 0x80) return first;
  const std::size_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
  if (first < 0xC2 || first > 0xF4 || i + more > text.size()) return kReplacement;
  std::uint32_t point = first & (0x3Fu >> more);
  for (std::size_t k = 0; k < more; ++k) {
    const auto next = static_cast<unsigned char>(text[i + k]);
    if ((next & 0xC0u) != 0x80) return kReplacement;
    point = (point << 6) | (next & 0x3Fu);
  }
  constexpr std::array<std::uint32_t, 4> kLeast = {0, 0x80, 0x800, 0x10000};
  if (point < kLeast[more] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return kReplacement;
  i += more;
  return point;
}

// Where the run of printable ASCII at `i` ends. Nearly all of a report is such runs.
std::size_t EndOfPlain(std::string_view text, std::size_t i) {
  while (i < text.size() && text[i] >= 0x20 && text[i] < 0x7F) ++i;
  return i;
}

using Range = std::pair<std::uint32_t, std::uint32_t>;

template <std::size_t N>
bool IsIn(std::uint32_t point, const std::array<Range, N>& ranges) {
  for (const auto& [low, high] : ranges) {
    if (point >= low && point <= high) return true;
  }
  return false;
}

// Invisible, or able to rearrange what stands around it.
bool IsControl(std::uint32_t point) {
  static constexpr std::array<Range, 7> kRanges = {{{0, 0x1F},
                                                    {0x7F, 0x9F},
                                                    {0x200B, 0x200F},
                                                    {0x2028, 0x202E},
                                                    {0x2060, 0x206F},
                                                    {0xFEFF, 0xFEFF},
                                                    {0xFFF9, 0xFFFB}}};
  return IsIn(point, kRanges);
}

std::size_t WidthOf(std::uint32_t point) {
  static constexpr std::array<Range, 6> kNone = {
      {{0x300, 0x36F}, {0x483, 0x489}, {0x591, 0x5BD}, {0x1AB0, 0x1AFF}, {0x20D0, 0x20FF}, {0xFE00, 0xFE2F}}};
  static constexpr std::array<Range, 9> kWide = {{{0x1100, 0x115F},
                                                  {0x2E80, 0x303E},
                                                  {0x3041, 0x33FF},
                                                  {0x3400, 0x4DBF},
                                                  {0x4E00, 0x9FFF},
                                                  {0xAC00, 0xD7A3},
                                                  {0xF900, 0xFAFF},
                                                  {0xFF00, 0xFF60},
                                                  {0x1F300, 0x1FAFF}}};
  if (IsIn(point, kNone)) return 0;
  return IsIn(point, kWide) ? 2 : 1;
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t begin = i;
    i = EndOfPlain(text, i);
    out += text.substr(begin, i - begin);
    if (i > begin) continue;
    const std::uint32_t point = NextCodePoint(text, i);
    // A real U+FFFD is three bytes long.
    if (!IsControl(point) && (point != kReplacement || i - begin == 3)) {
      out += text.substr(begin, i - begin);
      continue;
    }
    char escape[16];
    std::snprintf(escape, sizeof escape, "\\u{%x}", static_cast<unsigned>(point));
    out += escape;
  }
  return out;
}

std::string MarkupEscaped(std::string_view text) {
  const std::string shown = Printable(text);
  std::string out;
  out.reserve(shown.size());
  for (char c : shown) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string JsonEscaped(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  const auto is_plain = [](char byte) { return static_cast<unsigned char>(byte) < 0x7F; };
  for (std::size_t i = 0; i < json.size();) {
    const std::size_t begin = i;
    while (i < json.size() && is_plain(json[i])) ++i;
    if (i > begin) {
      out += json.substr(begin, i - begin);
      continue;
    }
    const std::uint32_t point = NextCodePoint(json, i);
    if (point < 0x20 || !IsControl(point)) {   // a line break between two values; inside of strings it is escaped already
      out += json.substr(begin, i - begin);
      continue;
    }
    char escape[16];
    std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(point));
    out += escape;
  }
  return out;
}

std::size_t DisplayWidth(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t end = EndOfPlain(text, i);
    width += end - i;
    i = end;
    if (i < text.size()) width += WidthOf(NextCodePoint(text, i));
  }
  return width;
}

std::string_view AfterCodePoints(std::string_view line, std::size_t count) {
  std::size_t at = 0;
  for (; count > 0 && at < line.size(); --count) NextCodePoint(line, at);
  return line.substr(at);
}

std::vector<Glyph> GlyphsOf(std::string_view line, std::size_t max) {
  std::vector<Glyph> glyphs;
  for (std::size_t i = 0; i < line.size() && glyphs.size() < max;) {
    const std::size_t begin = i;
    const std::uint32_t point = NextCodePoint(line, i);
    if (point == '\t') {
      glyphs.push_back({" ", 1});
    } else if (IsControl(point) || (point == kReplacement && i - begin != 3)) {
      glyphs.push_back({"?", 1});
    } else {
      glyphs.push_back({std::string(line.substr(begin, i - begin)), WidthOf(point)});
    }
  }
  return glyphs;
}

std::vector<std::string> Wrap(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  std::string line;
  std::size_t line_width = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t end = std::min(text.find(' ', i), text.size());
    const std::string_view word = text.substr(i, end - i);
    const std::size_t word_width = DisplayWidth(word);
    if (!line.empty() && line_width + 1 + word_width > width) {
      lines.push_back(std::move(line));
      line.clear();
      line_width = 0;
    }
    if (!line.empty()) {
      line += ' ';
      ++line_width;
    }
    line += word;
    line_width += word_width;
    i = end + 1;
  }
  lines.push_back(std::move(line));
  return lines;
}

std::string TimeText(std::int64_t microseconds) {
  if (microseconds == 0) return "0s";
  std::int64_t unit = 1;
  const char* name = "us";
  if (microseconds >= 1'000'000) {
    unit = 1'000'000;
    name = "s";
  } else if (microseconds >= 1'000) {
    unit = 1'000;
    name = "ms";
  }
  std::string text = std::to_string(microseconds / unit);
  if (std::int64_t rest = microseconds % unit; rest != 0) {
    std::string digits = std::to_string(unit + rest).substr(1);
    digits.erase(digits.find_last_not_of('0') + 1);
    text += "." + digits;
  }
  return text + name;
}

std::string ShellWord(const std::string& word) {
  static constexpr std::string_view kSafe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,=+@%";
  if (!word.empty() && word.find_first_not_of(kSafe) == std::string::npos) return word;
  std::string out = "'";
  for (char c : word) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string Counted(std::uint64_t count, std::string_view noun) {
  std::string text = Grouped(count) + " " + std::string(noun);
  return count == 1 ? text : text + "s";
}

std::string Grouped(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

}  // namespace asyncrt
