// The table becomes one `case` of zsh, with the sentences of the help beside flags and commands.
#include "tool/commands.h"
#include "tool/completions.h"
#include "tool/offers.h"

namespace asyncrt {
namespace {

constexpr std::string_view kBegin = R"(#compdef asyncrt-check
# zsh completion for asyncrt-check; printed by `asyncrt-check completion zsh`
_asyncrt_check() {
  local command="" flag="" word
  local -a flags head tail
  local head_files="" tail_files="" needs_tail="" is_free=""
  for word in "${(@)words[2,CURRENT-1]}"; do
    if [[ $word != -* ]]; then command=$word; break; fi
  done
  if [[ $words[CURRENT] == --*=* ]]; then
    flag=${words[CURRENT]%%=*}
    compset -P 1 '*='
  elif (( CURRENT > 3 )) && [[ $words[CURRENT-1] == --* && $words[CURRENT-1] != *=* ]]; then
    flag=$words[CURRENT-1]
  fi
  case "$command $flag" in
)";

constexpr std::string_view kMiddle = R"(  esac
  if [[ -z "$head$head_files$is_free" ]]; then  # a switch takes no value: an operand follows
    flag=""
    case $command in
)";

constexpr std::string_view kFlags = R"(    esac
  fi
  if [[ -z $flag && $PREFIX == -* ]]; then
    case $command in
)";

constexpr std::string_view kEnd = R"(    esac
    _describe -o flag flags
  elif [[ $PREFIX == *=* && -n "$tail$tail_files" ]]; then
    compset -P 1 '*='
    if (( $#tail )); then compadd -a tail; else _files; fi
  elif [[ -n $needs_tail ]]; then
    compadd -S = -a head
  else
    (( $#head )) && _describe value head
    [[ -z $head_files ]] || _files
  fi
}
if [[ $funcstack[1] == _asyncrt_check ]]; then _asyncrt_check "$@"; else compdef _asyncrt_check asyncrt-check; fi
)";

std::string Quoted(std::string_view text) {
  std::string out = "'";
  for (char byte : text) out += byte == '\'' ? std::string("'\\''") : std::string(1, byte);
  return out + "'";
}

// "name:doc" as `_describe` reads it.
std::string Described(const std::string& name, std::string_view doc) { return " " + Quoted(name + ":" + std::string(doc)); }

std::string Assignments(std::string_view placeholder) {
  const Offers offers = OffersFor(placeholder);
  const auto list = [](const char* name, const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
    return words.empty() ? "" : " " + std::string(name) + "=(" + out + ")";
  };
  std::string out = list("head", offers.head.words) + list("tail", offers.tail.words);
  if (offers.head.files) out += " head_files=yes";
  if (offers.head.is_free) out += " is_free=yes";
  if (offers.tail.files) out += " tail_files=yes";
  if (offers.needs_tail) out += " needs_tail=yes";
  return out;
}

}  // namespace

std::string ZshCompletions() {
  std::string values, operands, flags, commands;
  for (const CommandDef& command : AllCommands()) {
    const std::string name(command.name);
    commands += Described(name, command.summary);
    operands += "      " + name + ")" + (command.operands.empty() ? "" : Assignments(command.operands)) + " ;;\n";
    std::string list;
    for (const FlagDef& flag : command.flags) {
      const std::string dashed = "--" + std::string(flag.name);
      if (!flag.letter.empty()) list += Described("-" + std::string(flag.letter), flag.doc);
      list += Described(dashed, flag.doc);
      if (!flag.value.empty()) values += "    '" + name + " " + dashed + "')" + Assignments(flag.value) + " ;;\n";
    }
    flags += "      " + name + ") flags=(" + list + Described("--help", "print the help") + ") ;;\n";
  }
  return std::string(kBegin) + values + std::string(kMiddle) + "      '') head=(" + commands +
         Described("help", "print the help") + ") head_files=yes ;;\n      help)" + Assignments("COMMAND") + " ;;\n" +
         operands + "      *) head_files=yes ;;\n" + std::string(kFlags) + "      '') flags=(" +
         Described("--help", "print the help") + Described("--version", "print the version") + ") ;;\n" + flags +
         std::string(kEnd);
}

}  // namespace asyncrt
