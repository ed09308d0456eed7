// Lines of the scenario with marks under the ops that a message is about.
#ifndef ASYNCRT_CORE_REPORT_EXCERPT_H_
#define ASYNCRT_CORE_REPORT_EXCERPT_H_

#include <cstddef>
#include <string>
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

// `paint` is the color of the primary marks.
Excerpt RenderExcerpt(const std::string& source, std::vector<Mark> marks, Paint paint, const TextStyle& style);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_REPORT_EXCERPT_H_
