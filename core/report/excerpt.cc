#include "core/report/excerpt.h"

#include <algorithm>
#include <string_view>

#include "core/report/display.h"

namespace asyncrt {
namespace {

// The part of a line that is shown, and where in it the mark stands: glyph indices, `end` one past the last.
struct Window {
  std::size_t begin = 0, end = 0;
};

constexpr std::size_t kContextBefore = 20;
// Of a line that is longer than any window only the part around the first mark is looked at: it may be the whole of a
// large file.
constexpr std::size_t kLongLine = 8192, kBeforeInLongLine = 256, kPartOfLongLine = 2048;

// A very long line (a scenario on one line) is cut around its mark.
Window WindowOf(const std::vector<Glyph>& glyphs, std::size_t mark_begin, std::size_t width) {
  std::size_t total = 0;
  for (const Glyph& glyph : glyphs) total += glyph.width;
  if (total <= width) return {0, glyphs.size()};
  const std::size_t begin = mark_begin > kContextBefore ? mark_begin - kContextBefore : 0;
  std::size_t used = 0, end = begin;
  while (end < glyphs.size() && used + glyphs[end].width <= width) used += glyphs[end++].width;
  return {begin, end};
}

std::size_t WidthBetween(const std::vector<Glyph>& glyphs, std::size_t begin, std::size_t end) {
  std::size_t width = 0;
  for (std::size_t i = begin; i < end && i < glyphs.size(); ++i) width += glyphs[i].width;
  return width;
}

class Writer {
 public:
  Writer(const SourceLines& source, const TextStyle& style, Paint paint, std::size_t gutter)
      : source_(source), style_(style), paint_(paint), gutter_(gutter) {}

  void Bar() { out_ += std::string(gutter_ + 1, ' ') + Painted("|", Paint::kGutter, style_) + "\n"; }

  void Gap() {
    const std::string sign = style_.unicode ? "⋮" : ":";
    out_ += Painted(std::string(gutter_ - 1, ' ') + sign, Paint::kGutter, style_) + "\n";
  }

  void Line(std::uint32_t number, const std::vector<const Mark*>& marks) {
    const std::string_view line = source_.Line(number);
    const std::size_t column = marks.empty() ? 0 : marks[0]->place.column - 1;
    const bool is_long = line.size() > kLongLine;
    const std::size_t skipped = is_long && column > kBeforeInLongLine ? column - kBeforeInLongLine : 0;
    const std::string_view part = is_long ? source_.After(number, skipped) : line;
    const std::vector<Glyph> glyphs = is_long ? GlyphsOf(part, kPartOfLongLine) : GlyphsOf(part);
    const bool has_more = is_long && !AfterCodePoints(part, glyphs.size()).empty();
    const std::size_t room = std::max<std::size_t>(style_.width > gutter_ + 3 ? style_.width - gutter_ - 3 : 0, 40);
    const Window window = WindowOf(glyphs, column - skipped, room - 2);
    const bool is_cut = window.begin + skipped > 0;
    std::string text = is_cut ? Dots(style_) : "";
    for (std::size_t i = window.begin; i < window.end; ++i) text += glyphs[i].text;
    if (window.end < glyphs.size() || has_more) text += Dots(style_);
    while (text.ends_with(' ')) text.pop_back();
    const std::string digits = std::to_string(number);
    out_ += Painted(std::string(gutter_ - digits.size(), ' ') + digits + " |", Paint::kGutter, style_);
    out_ += text.empty() ? "\n" : " " + text + "\n";
    for (const Mark* mark : marks) MarkLine(number, glyphs, window, skipped, *mark, room);
  }

  std::string Take() { return std::move(out_); }

 private:
  void MarkLine(std::uint32_t number, const std::vector<Glyph>& glyphs, const Window& window, std::size_t skipped,
                const Mark& mark, std::size_t room) {
    const auto in_part = [&](std::size_t column) { return column - 1 - std::min(column - 1, skipped); };
    const std::size_t begin = std::clamp<std::size_t>(in_part(mark.place.column), window.begin, window.end);
    std::size_t end = glyphs.size();  // an op over several lines: its first line is marked
    if (mark.place.end_line == number && mark.place.end_column > mark.place.column) end = in_part(mark.place.end_column);
    end = std::clamp(end, begin, window.end);
    const std::size_t indent =
        WidthBetween(glyphs, window.begin, begin) + (window.begin + skipped > 0 ? DisplayWidth(Dots(style_)) : 0);
    const std::size_t length = std::max<std::size_t>(1, WidthBetween(glyphs, begin, end));
    const Paint paint = mark.is_primary ? paint_ : Paint::kGutter;
    const std::string bar =
        std::string(gutter_ + 1, ' ') + Painted("|", Paint::kGutter, style_) + " " + std::string(indent, ' ');
    const std::string signs(length, mark.is_primary ? '^' : '-');
    const std::string label = Printable(mark.label);
    if (label.empty()) {
      out_ += bar + Painted(signs, paint, style_) + "\n";
    } else if (indent + length + 1 + DisplayWidth(label) <= room) {
      out_ += bar + Painted(signs + " " + label, paint, style_) + "\n";
    } else {
      out_ += bar + Painted(signs, paint, style_) + "\n";
      const std::size_t label_room = room > indent + 30 ? room - indent : 30;
      for (const std::string& part : Wrap(label, label_room)) out_ += bar + Painted(part, paint, style_) + "\n";
    }
  }

  const SourceLines& source_;
  const TextStyle& style_;
  Paint paint_;
  std::size_t gutter_;
  std::string out_;
};

}  // namespace

SourceLines::SourceLines(std::string_view source) {
  for (std::size_t begin = 0; !source.empty() && begin <= source.size();) {
    const std::size_t end = std::min(source.find('\n', begin), source.size());
    std::string_view line = source.substr(begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines_.push_back(line);
    begin = end + 1;
  }
}

std::string_view SourceLines::After(std::size_t number, std::size_t code_points) const {
  const std::string_view line = Line(number);
  if (number != last_line_ || code_points < last_points_) {
    last_line_ = number;
    last_points_ = last_bytes_ = 0;
  }
  const std::string_view rest = AfterCodePoints(line.substr(last_bytes_), code_points - last_points_);
  last_bytes_ = line.size() - rest.size();
  last_points_ = code_points;
  return rest;
}

Excerpt RenderExcerpt(const SourceLines& source, std::vector<Mark> marks, Paint paint, const TextStyle& style) {
  std::erase_if(marks, [&](const Mark& mark) {
    return mark.place.line == 0 || mark.place.column == 0 || mark.place.line > source.count();
  });
  std::stable_sort(marks.begin(), marks.end(), [](const Mark& a, const Mark& b) {
    return a.place.line != b.place.line ? a.place.line < b.place.line : a.place.column < b.place.column;
  });
  if (marks.empty()) return {"", 2};
  const std::size_t gutter = std::max<std::size_t>(2, std::to_string(marks.back().place.line).size());
  Writer writer(source, style, paint, gutter);
  writer.Bar();
  for (std::size_t i = 0; i < marks.size();) {
    const std::uint32_t line = marks[i].place.line;
    std::vector<const Mark*> here;
    const std::size_t before = i;
    for (; i < marks.size() && marks[i].place.line == line; ++i) here.push_back(&marks[i]);
    if (before > 0) {
      const std::uint32_t last = marks[before - 1].place.line;
      // A single line between two marked ones costs no more than the sign for a gap.
      if (line == last + 2) writer.Line(line - 1, {});
      if (line > last + 2) writer.Gap();
    }
    writer.Line(line, here);
  }
  writer.Bar();
  return {writer.Take(), gutter};
}

}  // namespace asyncrt
