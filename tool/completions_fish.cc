// The table becomes one `complete` of fish for each command, flag and list of operands.
#include "tool/commands.h"
#include "tool/completions.h"
#include "tool/offers.h"

namespace asyncrt {
namespace {

std::string Quoted(std::string_view text) {
  std::string out = "'";
  for (char byte : text) {
    if (byte == '\'' || byte == '\\') out += '\\';
    out += byte;
  }
  return out + "'";
}

// A tail that cannot be left out is offered with the head: `deadlock/relock=off`.
std::string Words(const Offers& offers) {
  std::string out;
  const auto add = [&](const std::string& word) { out += (out.empty() ? "" : " ") + word; };
  for (const std::string& head : offers.head.words) {
    if (!offers.needs_tail) add(head);
    for (const std::string& tail : offers.tail.words) add(head + "=" + tail);
    if (offers.tail.files) add(head + "=");
  }
  return out;
}

std::string Line(const std::string& condition, const std::string& rest, std::string_view doc) {
  return "complete -c asyncrt-check -n " + Quoted(condition) + rest + (doc.empty() ? "" : " -d " + Quoted(doc)) + "\n";
}

}  // namespace

std::string FishCompletions() {
  std::string out = "# fish completion for asyncrt-check; printed by `asyncrt-check completions fish`\n";
  for (const CommandDef& command : AllCommands()) {
    const std::string name(command.name);
    out += Line("__fish_use_subcommand", " -a " + name, command.summary);
  }
  out += Line("__fish_use_subcommand", " -l help", "print the help");
  out += Line("__fish_use_subcommand", " -l version", "print the version");
  for (const CommandDef& command : AllCommands()) {
    const std::string inside = "__fish_seen_subcommand_from " + std::string(command.name);
    for (const FlagDef& flag : command.flags) {
      std::string rest = (flag.letter != 0 ? std::string(" -s ") + flag.letter : "") + " -l " + std::string(flag.name);
      if (!flag.value.empty()) {
        const Offers offers = OffersFor(flag.value);
        const std::string words = Words(offers);
        rest += offers.head.files || offers.tail.files ? " -r" : " -x";
        if (!words.empty()) rest += " -a " + Quoted(words);
      }
      out += Line(inside, rest, flag.doc);
    }
    out += Line(inside, " -l help", "print the help");
    const Offers operands = command.operands.empty() ? Offers{} : OffersFor(command.operands);
    if (operands.head.files) continue;
    out += Line(inside, " -f" + (operands.head.words.empty() ? "" : " -a " + Quoted(Words(operands))), "");
  }
  return out;
}

}  // namespace asyncrt
