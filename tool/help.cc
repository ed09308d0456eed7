#include "core/report/display.h"
#include "tool/commands.h"
#include "tool/exit_code.h"

namespace asyncrt {
namespace {

constexpr std::size_t kWidth = 80;
constexpr std::size_t kTextColumn = 28;

// "  --flag VALUE            text", the text wrapped beside the flag, or below it when the flag is long.
std::string Entry(const std::string& left, const std::string& text) {
  std::string out = "  " + left;
  std::string indent(kTextColumn, ' ');
  if (out.size() + 2 > kTextColumn) {
    out += "\n" + indent;
  } else {
    out += std::string(kTextColumn - out.size(), ' ');
  }
  const std::vector<std::string> lines = Wrap(text, kWidth - kTextColumn);
  for (std::size_t i = 0; i < lines.size(); ++i) out += (i == 0 ? "" : indent) + lines[i] + "\n";
  return out;
}

std::string WrappedLine(std::string_view text) {
  std::string out;
  for (const std::string& line : Wrap(text, kWidth)) out += line + "\n";
  return out;
}

}  // namespace

std::string FlagText(const FlagDef& flag) {
  std::string text(flag.doc);
  if (!flag.fallback.empty()) text += " (default: " + std::string(flag.fallback) + ")";
  if (flag.is_repeatable) text += "; can be repeated";
  return text;
}

std::string_view ToolSummary() {
  return "Finds deadlocks, starvation and ownership errors of programs that mix threads, locks and Tokio, by exploring "
         "every schedule of a small JSON scenario.";
}

std::string Dashed(const FlagDef& flag) {
  return (flag.letter != 0 ? std::string("-") + flag.letter + ", --" : "--") + std::string(flag.name);
}

std::string HelpText(const CommandDef& command) {
  std::string out = "usage: asyncrt-check " + std::string(command.name);
  if (!command.operands.empty()) out += " " + std::string(command.operands);
  out += " [FLAGS]\n\n" + WrappedLine(command.summary) + "\nExamples:\n";
  for (std::string_view example : command.examples) out += "  " + std::string(example) + "\n";
  out += "\nFlags:\n";
  for (const FlagDef& flag : command.flags) {
    std::string left = Dashed(flag);
    if (!flag.value.empty()) left += " " + std::string(flag.value);
    out += Entry(left, FlagText(flag));
  }
  return out + Entry("-h, --help", "print this");
}

std::string HelpText() {
  std::string out = "usage: asyncrt-check COMMAND ...\n\n";
  out += WrappedLine(ToolSummary());
  out += "\nExamples:\n";
  for (const char* example : {"asyncrt-check run scenarios/ --format text", "asyncrt-check run mine.json | jq .verdict",
                              "asyncrt-check explain deadlock/blocked-workers"}) {
    out += "  " + std::string(example) + "\n";
  }
  out += "\nCommands:\n";
  for (const CommandDef& command : AllCommands()) {
    std::string left(command.name);
    if (!command.operands.empty()) left += " " + std::string(command.operands);
    out += Entry(left, std::string(command.summary));
  }
  out += "\nFlags:\n" + Entry("-h, --help", "print this; `asyncrt-check COMMAND --help` says more") +
         Entry("--version", "print the version");
  std::string status = "Exit status: ";
  for (const ExitDef& row : kExitDefs) {
    status += (&row == kExitDefs ? "" : ", ") + std::string(row.status) + " " + std::string(row.brief);
  }
  out += "\n" + WrappedLine(status + ".");
  return out;
}

}  // namespace asyncrt
