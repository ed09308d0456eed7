// The completion scripts of the shells, made out of the table of commands: one file each.
#ifndef ASYNCRT_TOOL_COMPLETIONS_H_
#define ASYNCRT_TOOL_COMPLETIONS_H_

#include <string>

namespace asyncrt {

std::string BashCompletions();
std::string ZshCompletions();
std::string FishCompletions();

}  // namespace asyncrt

#endif  // ASYNCRT_TOOL_COMPLETIONS_H_
