// The table becomes one `case` of bash: what the flag, or the operands, of a command can be.
#include "tool/commands.h"
#include "tool/completions.h"
#include "tool/offers.h"

namespace asyncrt {
namespace {

// Splits the words at `=` itself, since bash does so only where COMP_WORDBREAKS says it.
constexpr std::string_view kBegin = R"(# bash completion for asyncrt-check; printed by `asyncrt-check completion bash`
_asyncrt_check() {
  local word command="" flag="" value files="" head="" head_files="" tail="" tail_files="" needs_tail="" is_free="" flags=""
  local -a words=()
  local -i i
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if ((${#words[@]})) && [[ $word == = || ( -n $word && ${COMP_WORDS[i-1]} == = ) ]]; then words[-1]+=$word
    else words+=("$word"); fi
  done
  value=${words[-1]}
  unset 'words[-1]'
  for word in "${words[@]}"; do
    if [[ $word != -* ]]; then command=$word; break; fi
  done
  COMPREPLY=()
  if [[ $value == --*=* ]]; then flag=${value%%=*} value=${value#*=}
  elif ((${#words[@]} > 1)) && [[ ${words[-1]} == --* && ${words[-1]} != *=* ]]; then flag=${words[-1]}; fi
  case "$command $flag" in
)";

constexpr std::string_view kEnd = R"(  esac
  if [[ -z $head$head_files$is_free ]]; then  # a switch takes no value: an operand follows
    flag=""
    _asyncrt_check_operands "$command"
  fi
  if [[ -z $flag && $value == -* ]]; then
    _asyncrt_check_flags "$command"
    head=$flags head_files=""
  fi
  if [[ $value == *=* && -n $tail$tail_files ]]; then
    local before=${value%%=*}=
    [[ $COMP_WORDBREAKS == *=* ]] && before=""
    value=${value#*=}
    if [[ -n $tail ]]; then mapfile -t COMPREPLY < <(compgen -P "$before" -W "$tail" -- "$value"); else files=$value; fi
  else
    if [[ -n $needs_tail ]]; then
      compopt -o nospace 2> /dev/null
      mapfile -t COMPREPLY < <(compgen -S = -W "$head" -- "$value")
    else
      mapfile -t COMPREPLY < <(compgen -W "$head" -- "$value")
    fi
    [[ -n $head_files && ${#COMPREPLY[@]} == 0 ]] && files=$value
  fi
  if [[ $files$head_files$tail_files && ${#COMPREPLY[@]} == 0 ]]; then
    compopt -o filenames 2> /dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$files")
  fi
}
complete -F _asyncrt_check asyncrt-check
)";

std::string Joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

// Assignments of what is offered; none of the words has anything that a shell would take apart.
std::string Assignments(std::string_view placeholder) {
  const Offers offers = OffersFor(placeholder);
  std::string out;
  if (!offers.head.words.empty()) out += " head='" + Joined(offers.head.words) + "'";
  if (offers.head.files) out += " head_files=yes";
  if (offers.head.is_free) out += " is_free=yes";
  if (!offers.tail.words.empty()) out += " tail='" + Joined(offers.tail.words) + "'";
  if (offers.tail.files) out += " tail_files=yes";
  if (offers.needs_tail) out += " needs_tail=yes";
  return out;
}

}  // namespace

std::string BashCompletions() {
  std::string values, operands, flags, names;
  for (const CommandDef& command : AllCommands()) {
    const std::string name(command.name);
    names += name + " ";
    operands += "    " + name + ")" + (command.operands.empty() ? "" : Assignments(command.operands)) + " ;;\n";
    std::string list = "--help";
    for (const FlagDef& flag : command.flags) {
      if (!flag.letter.empty()) list += " -" + std::string(flag.letter);
      list += " --" + std::string(flag.name);
      if (!flag.value.empty()) {
        values += "    '" + name + " --" + std::string(flag.name) + "')" + Assignments(flag.value) + " ;;\n";
      }
    }
    flags += "    " + name + ") flags='" + list + "' ;;\n";
  }
  return std::string(kBegin) + values + std::string(kEnd) +
         "_asyncrt_check_operands() {\n  case $1 in\n    '') head='" + names + "help' head_files=yes ;;\n    help)" +
         Assignments("COMMAND") + " ;;\n" + operands + "    *) head_files=yes ;;\n  esac\n}\n" +
         "_asyncrt_check_flags() {\n  case $1 in\n    '') flags='--help --version' ;;\n" + flags + "  esac\n}\n";
}

}  // namespace asyncrt
