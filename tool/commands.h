// The commands: one row each. Parsing, help, and the spelling of mistyped commands and flags all read the rows.
#ifndef ASYNCRT_TOOL_COMMANDS_H_
#define ASYNCRT_TOOL_COMMANDS_H_

#include <string>
#include <string_view>
#include <vector>

#include "tool/args.h"

namespace asyncrt {

struct FlagDef {
  std::string_view name;   // without dashes
  std::string_view value;  // what stands for its value in the help; empty: it takes none
  bool is_repeatable = false;
  std::string_view fallback;  // the default, as text; empty: none
  std::string_view doc;       // one sentence, no full stop
  std::string_view letter = {};  // a second name of one letter; empty: none
};

// "-v, --verbose", for the help and the manual.
std::string FlagNames(const FlagDef& flag);

struct CommandDef {
  std::string_view name;
  std::string_view operands;  // for the usage line: "PATH..."
  std::size_t operands_min = 0;
  std::size_t operands_max = 0;
  std::string_view summary;  // one sentence
  std::vector<std::string_view> examples;
  std::vector<FlagDef> flags;
  int (*run)(const Args& args);  // the exit code
};

int RunCommand(const Args& args);
int TestCommand(const Args& args);
int MergeCommand(const Args& args);
int ReplayCommand(const Args& args);
int ExportCommand(const Args& args);
int ConfirmCommand(const Args& args);
int ExplainCommand(const Args& args);
int RulesCommand(const Args& args);
int OpsCommand(const Args& args);
int SchemaCommand(const Args& args);
int InitCommand(const Args& args);
int CompletionCommand(const Args& args);
int ManCommand(const Args& args);

// In the order of the help.
const std::vector<CommandDef>& AllCommands();

// What `--help` prints, for a command or for the tool.
std::string HelpText(const CommandDef& command);
std::string HelpText();
// A flag's sentence with its default, and what the tool does, for the help and the manual.
std::string FlagText(const FlagDef& flag);
std::string_view ToolSummary();

}  // namespace asyncrt

#endif  // ASYNCRT_TOOL_COMMANDS_H_
