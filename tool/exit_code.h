// What the process tells its caller. With several scenarios it is the worst: 2 over 1 over 3 over 0.
#ifndef ASYNCRT_TOOL_EXIT_CODE_H_
#define ASYNCRT_TOOL_EXIT_CODE_H_

#include <string_view>

namespace asyncrt {

enum ExitCode : int {
  kExitOk = 0,
  kExitFindings = 1,
  kExitInvalid = 2,
  kExitIncomplete = 3,
  kExitBug = 4,
  kExitSignal = 128,  // plus the signal
};

// What the codes mean, for the help and the manual.
struct ExitDef {
  std::string_view status;
  std::string_view brief;
  std::string_view doc;
};
inline constexpr ExitDef kExitDefs[] = {
    {"0", "nothing found", "nothing at or above the failing severity was found, and everything was explored"},
    {"1", "findings", "at least one finding at or above it; for `test`, a difference; for `confirm`, one that no run showed"},
    {"2", "wrong input or command line", "an input or the command line is wrong, or an output could not be written"},
    {"3", "a limit ended the exploration", "nothing was found, but a limit ended the exploration"},
    {"4", "a bug of this tool", "a bug of this tool"},
    {"130 and 143", "interrupted", "interrupted; what was found so far is reported"},
};

}  // namespace asyncrt

#endif  // ASYNCRT_TOOL_EXIT_CODE_H_
