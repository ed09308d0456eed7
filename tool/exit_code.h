// What the process tells its caller. With several scenarios it is the worst: 2 over 1 over 3 over 0.
#ifndef ASYNCRT_TOOL_EXIT_CODE_H_
#define ASYNCRT_TOOL_EXIT_CODE_H_

namespace asyncrt {

enum ExitCode : int {
  kExitOk = 0,          // nothing at or above the failing severity, and everything was explored
  kExitFindings = 1,    // at least one finding at or above it; for `test`: a difference
  kExitInvalid = 2,     // an input or the command line is wrong, or an output could not be written
  kExitIncomplete = 3,  // nothing found, but a limit ended the exploration
  kExitBug = 4,         // a bug of this tool
  kExitSignal = 128,    // plus the signal: 130 interrupted, 143 terminated
};

}  // namespace asyncrt

#endif  // ASYNCRT_TOOL_EXIT_CODE_H_
