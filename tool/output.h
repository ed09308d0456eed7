// Everything that leaves the process. Results go to stdout or to files, what is said about the run to stderr.
#ifndef ASYNCRT_TOOL_OUTPUT_H_
#define ASYNCRT_TOOL_OUTPUT_H_

#include <string>
#include <string_view>

namespace asyncrt {

// Writes to stdout and returns `status`. A reader that went away (`| head`) is no error; a full disk is: it says so and
// returns kExitInvalid.
int PrintOut(std::string_view text, int status);

// "asyncrt-check: message" on stderr.
void Complain(const std::string& message);
// As it is, on stderr.
void PrintErr(std::string_view text);

// Writes a file whole or not at all: a temporary beside it takes its place. Devices and pipes are written directly.
// Returns what went wrong; empty: nothing.
std::string WriteFile(const std::string& path, std::string_view text);
// The same, but a file that is there stays as it is: that is an error.
std::string WriteNewFile(const std::string& path, std::string_view text);

}  // namespace asyncrt

#endif  // ASYNCRT_TOOL_OUTPUT_H_
