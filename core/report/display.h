// Text that is safe to print: what comes from a scenario may contain anything.
#ifndef ASYNCRT_CORE_REPORT_DISPLAY_H_
#define ASYNCRT_CORE_REPORT_DISPLAY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace asyncrt {

// Control characters (escape sequences, line breaks, text direction marks) as \u{1b}; broken UTF-8 as \u{fffd}.
std::string Printable(std::string_view text);

// The same inside XML or HTML, in text or between quotes; 1.0 of XML has no other control characters even as entities.
std::string MarkupEscaped(std::string_view text);

// JSON that is written already, with \u202e for such a character: inside of its strings there is no other place for one.
std::string JsonEscaped(std::string_view json);

// How many terminal columns a text takes: none for combining marks, two for wide characters.
std::size_t DisplayWidth(std::string_view text);

// One line of a source file, code point by code point, each with its text and width; a tab is one space and a control
// character one `?`, so that columns stay what they are.
struct Glyph {
  std::string text;
  std::size_t width = 1;
};
// At most `max` of them.
std::vector<Glyph> GlyphsOf(std::string_view line, std::size_t max = static_cast<std::size_t>(-1));
// What follows the first `count` glyphs.
std::string_view AfterCodePoints(std::string_view line, std::size_t count);

// Breaks at spaces so that no line is longer than `width`, if its words allow that.
std::vector<std::string> Wrap(std::string_view text, std::size_t width);

// Modelled time: "0s", "250us", "10ms", "1.5s".
std::string TimeText(std::int64_t microseconds);

// A word for a POSIX shell, quoted only if it must be.
std::string ShellWord(const std::string& word);

// "1 error", "2 errors".
std::string Counted(std::uint64_t count, std::string_view noun);
// 41208 as "41,208".
std::string Grouped(std::uint64_t count);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_REPORT_DISPLAY_H_
