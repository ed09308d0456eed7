// `completion`: what a shell sources to complete commands, flags and their values.
#include "tool/commands.h"
#include "tool/completions.h"
#include "tool/exit_code.h"
#include "tool/output.h"

namespace asyncrt {

int CompletionCommand(const Args& args) {
  if (args.words[0] == "bash") return PrintOut(BashCompletions(), kExitOk);
  if (args.words[0] == "zsh") return PrintOut(ZshCompletions(), kExitOk);
  return PrintOut(FishCompletions(), kExitOk);
}

}  // namespace asyncrt
