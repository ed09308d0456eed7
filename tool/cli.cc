#include "tool/cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <system_error>

#include "core/base/spelling.h"
#include "core/report/display.h"
#include "tool/offers.h"

namespace asyncrt {
namespace {

std::string Quoted(const std::string& word) { return "`" + Printable(word) + "`"; }

std::string DidYouMean(const std::string& word, const std::vector<std::string>& candidates, const std::string& prefix) {
  const std::string nearest = NearestName(word, candidates);
  return nearest.empty() ? "" : "; did you mean `" + prefix + nearest + "`?";
}

const CommandDef* FindCommand(const std::string& name) {
  for (const CommandDef& command : AllCommands()) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

std::string UnknownCommand(const std::string& word) {
  if (word.starts_with("-")) {
    const std::string hint = DidYouMean(word.substr(std::min(word.size(), word.find_first_not_of('-'))), {"help", "version"}, "--");
    return "unknown flag " + Quoted(word) + (hint.empty() ? "; flags of a command stand after it" : hint);
  }
  std::vector<std::string> names;
  for (const CommandDef& command : AllCommands()) names.emplace_back(command.name);
  std::string error = "unknown command " + Quoted(word);
  if (word.find('.') != std::string::npos) error += ", and no such file";
  const std::string hint = DidYouMean(word, names, "");
  if (!hint.empty()) return error + hint;
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return error + "; there are: " + list;
}

// `asyncrt-check scenarios/` means `asyncrt-check run scenarios/`.
bool LooksLikePath(const std::string& word) {
  if (word == "-" || word.find('/') != std::string::npos || word.ends_with(".json")) return true;
  std::error_code ignored;
  return !word.starts_with("-") && std::filesystem::exists(word, ignored);
}

const FlagDef* FindFlag(const CommandDef& command, const std::string& name) {
  for (const FlagDef& flag : command.flags) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

std::string UnknownFlag(const CommandDef& command, const std::string& word) {
  const std::string flag = word.substr(0, word.find('='));
  std::vector<std::string> names = {"help"};
  for (const FlagDef& one : command.flags) names.emplace_back(one.name);
  std::string bare = flag.substr(std::min(flag.size(), flag.find_first_not_of('-')));
  std::replace(bare.begin(), bare.end(), '_', '-');
  std::transform(bare.begin(), bare.end(), bare.begin(), [](unsigned char c) { return std::tolower(c); });
  std::string nearest = NearestName(bare, names);
  std::string hint = nearest.empty() ? "" : "; did you mean `--" + nearest + "`?";
  for (const CommandDef& other : AllCommands()) {
    if (FindFlag(command, bare) == nullptr && FindFlag(other, bare) != nullptr) hint = "; `" + std::string(other.name) + "` has it";
  }
  return "unknown flag " + Quoted(flag) + " for `" + std::string(command.name) + "`" + hint;
}

// CLI11 would take `--timing=no` for a switch; nobody should have to guess what that means.
std::string SwitchWithValue(const CommandDef& command, const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word == "--") break;
    const std::size_t equals = word.find('=');
    if (!word.starts_with("--") || equals == std::string::npos) continue;
    const std::string name = word.substr(2, equals - 2);
    const FlagDef* flag = FindFlag(command, name);
    if (flag != nullptr && flag->value.empty()) return "`--" + name + "` takes no value";
    if (flag != nullptr && equals + 1 == word.size()) {
      return "`--" + name + "` needs a value: " + std::string(flag->value);
    }
  }
  return "";
}

// The flag that a CLI11 message begins with: "--format: 1 required ...".
std::string MissingValue(const CommandDef& command, const std::string& message) {
  std::string name = message.substr(0, message.find_first_of(": "));
  while (name.starts_with("-")) name.erase(0, 1);
  const FlagDef* flag = FindFlag(command, name);
  if (flag == nullptr) return "the command line of `" + std::string(command.name) + "` is not understood";
  return "`--" + name + "` needs a value: " + std::string(flag->value);
}

// Operands such as "scenario|report" are one of these words.
std::string WordError(const CommandDef& command, const std::vector<std::string>& words) {
  if (command.operands.find('|') == std::string_view::npos) return "";
  const std::vector<std::string> known = OffersFor(command.operands).head.words;
  if (words.empty() || std::find(known.begin(), known.end(), words[0]) != known.end()) return "";
  const std::string error = "`" + std::string(command.name) + "` cannot be given " + Quoted(words[0]);
  const std::string hint = DidYouMean(words[0], known, "");
  return error + (hint.empty() ? "; it takes " + std::string(command.operands) : hint);
}

std::string OperandError(const CommandDef& command, const std::vector<std::string>& words) {
  const std::string name = "`" + std::string(command.name) + "`";
  if (words.size() < command.operands_min) return name + " needs " + std::string(command.operands);
  if (words.size() <= command.operands_max) return command.operands_max == 1 ? WordError(command, words) : "";
  const std::string surplus = Quoted(words[command.operands_max]);
  if (command.operands_max == 0) return name + " takes no operands: " + surplus;
  return name + " takes one " + std::string(command.operands) + ", so what is " + surplus + "?";
}

void ParseFlags(const CommandDef& command, std::vector<std::string> words, CommandLine& line) {
  line.error = SwitchWithValue(command, words);
  if (!line.error.empty()) return;
  CLI::App app;
  app.set_help_flag("");
  app.allow_extras();
  bool wants_help = false;
  app.add_flag("-h,--help", wants_help);
  std::map<std::string, std::vector<std::string>> values;
  std::map<std::string, bool> switches;
  for (const FlagDef& flag : command.flags) {
    const std::string name(flag.name);
    if (flag.value.empty()) {
      app.add_flag(FlagNames(flag), switches[name]);
    } else {
      app.add_option(FlagNames(flag), values[name])->allow_extra_args(false);
    }
  }
  std::vector<std::string> operands;
  app.add_option("OPERAND", operands);
  std::vector<std::string> left;
  try {
    std::reverse(words.begin(), words.end());  // what CLI11 wants
    app.parse(words);
    left = app.remaining();
  } catch (const CLI::Error& error) {
    if (!wants_help) line.error = MissingValue(command, error.what());
    return;
  }
  line.wants_help = wants_help;
  if (wants_help) return;
  for (const std::string& word : left) {
    if (word.starts_with("-") && word != "-" && word != "--") {
      line.error = UnknownFlag(command, word);
      return;
    }
  }
  for (auto& [name, list] : values) {
    if (!list.empty()) line.args.flags[name] = std::move(list);
  }
  for (const auto& [name, is_on] : switches) {
    if (is_on) line.args.flags[name] = {};
  }
  line.args.words = std::move(operands);
  line.error = OperandError(command, line.args.words);
}

}  // namespace

CommandLine ParseCommandLine(const std::vector<std::string>& words) {
  CommandLine line;
  if (words.empty()) {
    line.error = "a command is missing";
    return line;
  }
  std::vector<std::string> rest(words.begin() + 1, words.end());
  const std::string& first = words[0];
  if (first == "-h" || first == "--help" || (first == "help" && rest.empty())) {
    line.wants_help = true;
    return line;
  }
  if (first == "--version") {
    line.wants_version = true;
    return line;
  }
  if (first == "help") {
    line.command = FindCommand(rest[0]);
    line.wants_help = line.command != nullptr;
    if (line.command == nullptr) line.error = UnknownCommand(rest[0]);
    return line;
  }
  line.command = FindCommand(first);
  if (line.command == nullptr && LooksLikePath(first)) {
    line.command = FindCommand("run");
    rest = words;
  }
  if (line.command == nullptr) {
    line.error = UnknownCommand(first);
    return line;
  }
  ParseFlags(*line.command, std::move(rest), line);
  return line;
}

}  // namespace asyncrt
