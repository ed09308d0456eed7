// Lines of the scenario with marks under the ops that a message is about.
#ifndef ASYNCRT_CORE_REPORT_EXCERPT_H_
#define ASYNCRT_CORE_REPORT_EXCERPT_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/report/paint.h"
#include "core/report/render.h"

namespace asyncrt {

struct Mark {
  Place place;
  std::string label;
  bool is_primary = false;  // carets; dashes otherwise
};

struct Excerpt {
  std::string text;          // whole lines; empty if there is nothing to show
  std::size_t gutter_width;  // of the line numbers, for what is printed below
};

// A scenario's text by lines, for all excerpts from it. The text has to outlive it.
class SourceLines {
 public:
  explicit SourceLines(std::string_view source);

  std::size_t count() const { return lines_.size(); }
  // From 1.
  std::string_view Line(std::size_t number) const { return lines_[number - 1]; }
  // What is behind so many code points of a line. Fast where the next place that is asked for is not far behind the last.
  std::string_view After(std::size_t number, std::size_t code_points) const;

 private:
  std::vector<std::string_view> lines_;
  mutable std::size_t last_line_ = 0, last_points_ = 0, last_bytes_ = 0;
};

// `paint` is the color of the primary marks.
Excerpt RenderExcerpt(const SourceLines& source, std::vector<Mark> marks, Paint paint, const TextStyle& style);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_REPORT_EXCERPT_H_
