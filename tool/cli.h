// From the words of the command line to a command and its arguments. The only place that knows CLI11.
#ifndef ASYNCRT_TOOL_CLI_H_
#define ASYNCRT_TOOL_CLI_H_

#include <string>
#include <vector>

#include "tool/args.h"
#include "tool/commands.h"

namespace asyncrt {

struct CommandLine {
  const CommandDef* command = nullptr;  // null: none was named
  Args args;
  bool wants_help = false;
  bool wants_version = false;
  std::string error;  // in our own words; empty: none
};

// `words` is argv without the name of the program.
CommandLine ParseCommandLine(const std::vector<std::string>& words);

}  // namespace asyncrt

#endif  // ASYNCRT_TOOL_CLI_H_
