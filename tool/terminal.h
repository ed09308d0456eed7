// Whether stdout can show colors, and how wide it is.
#ifndef ASYNCRT_TOOL_TERMINAL_H_
#define ASYNCRT_TOOL_TERMINAL_H_

#include <cstdint>

#include "core/report/render.h"

namespace asyncrt {

enum class ColorChoice : std::uint8_t { kAuto, kAlways, kNever };

// How text on stdout looks. `--color` wins; then NO_COLOR, set and not empty, means none; then CLICOLOR_FORCE or
// FORCE_COLOR, set, not empty and not 0, means color; then a terminal that is not dumb has it. ASCII only on a terminal
// whose locale is not UTF-8: a file or a pipe gets the same bytes everywhere.
TextStyle StdoutStyle(ColorChoice choice);

// Text on stderr: problems of inputs.
TextStyle StderrStyle(ColorChoice choice);

}  // namespace asyncrt

#endif  // ASYNCRT_TOOL_TERMINAL_H_
