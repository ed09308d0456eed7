// The few colors and characters that the text report uses, and what stands for them where there are none.
#ifndef ASYNCRT_CORE_REPORT_PAINT_H_
#define ASYNCRT_CORE_REPORT_PAINT_H_

#include <string>
#include <string_view>

#include "core/report/render.h"

namespace asyncrt {

enum class Paint { kNone, kBold, kError, kWarning, kNote, kGutter, kGood, kDim };

inline std::string Painted(std::string_view text, Paint paint, const TextStyle& style) {
  if (!style.color || paint == Paint::kNone || text.empty()) return std::string(text);
  std::string_view code;
  switch (paint) {
    case Paint::kNone: break;
    case Paint::kBold: code = "1"; break;
    case Paint::kError: code = "1;31"; break;
    case Paint::kWarning: code = "1;33"; break;
    case Paint::kNote: code = "1;36"; break;
    case Paint::kGutter: code = "1;34"; break;
    case Paint::kGood: code = "32"; break;
    case Paint::kDim: code = "2"; break;
  }
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

inline Paint PaintOf(Severity severity) {
  switch (severity) {
    case Severity::kNote: return Paint::kNote;
    case Severity::kWarning: return Paint::kWarning;
    case Severity::kError: return Paint::kError;
  }
  return Paint::kError;
}

inline std::string Dots(const TextStyle& style) { return style.unicode ? "…" : "..."; }
inline std::string MiddleDot(const TextStyle& style) { return style.unicode ? "·" : "-"; }

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_REPORT_PAINT_H_
