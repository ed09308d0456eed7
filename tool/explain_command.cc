// `explain`: one rule, as a page.
#include <algorithm>

#include "core/asyncrt.h"
#include "core/base/json_library.h"
#include "core/detect/rule_names.h"
#include "core/report/display.h"
#include "core/report/verdict.h"
#include "tool/commands.h"
#include "tool/exit_code.h"
#include "tool/flag_values.h"
#include "tool/output.h"

namespace asyncrt {
namespace {

constexpr std::size_t kWidth = 92;

std::string Indented(const std::string& text) {
  std::string out;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    out += (end > begin ? "    " : "") + text.substr(begin, end - begin) + "\n";
    begin = end + 1;
  }
  return out;
}

// The pages are written as one line per paragraph; those that begin with two spaces are text, the others headings.
std::string WrappedPage(const std::string& page) {
  std::string out;
  for (std::size_t begin = 0; begin < page.size();) {
    const std::size_t end = std::min(page.find('\n', begin), page.size());
    const std::string line = page.substr(begin, end - begin);
    begin = end + 1;
    if (!line.starts_with("  ")) {
      out += line + "\n";
      continue;
    }
    for (const std::string& part : Wrap(line.substr(2), kWidth - 2)) out += "  " + part + "\n";
  }
  return out;
}

std::string Part(const char* title, const std::string& text) {
  return text.empty() ? "" : std::string("\n") + title + "\n\n" + Indented(text);
}

std::string PageOf(const RuleDef& rule) {
  const std::string severity(SeverityName(rule.severity));
  std::string out = rule.id + " (" + severity + ")\n\n" + WrappedPage(rule.explain);
  out += Part("A scenario that has it", rule.bad);
  out += Part("In Rust", rule.bad_rust);
  out += Part("The same, fixed", rule.fixed);
  return out + Part("In Rust", rule.fixed_rust);
}

std::string JsonOf(const RuleDef& rule) {
  nlohmann::ordered_json out;
  out["rule"] = rule.id;
  out["severity"] = SeverityName(rule.severity);
  out["summary"] = rule.summary;
  out["explain"] = rule.explain;
  out["bad"] = rule.bad;
  out["bad_rust"] = rule.bad_rust;
  out["fixed"] = rule.fixed;
  out["fixed_rust"] = rule.fixed_rust;
  return out.dump(2) + "\n";
}

}  // namespace

int ExplainCommand(const Args& args) {
  FlagReader flags(args);
  const bool is_json = flags.Choice("format", {"text", "json"}, 0) == 1;
  const RuleDef* rule = FindRule(args.words[0]);
  if (rule == nullptr) flags.Fail(UnknownRule(args.words[0]));
  if (!flags.error().empty()) {
    Complain(flags.error());
    return kExitInvalid;
  }
  return PrintOut(is_json ? JsonOf(*rule) : PageOf(*rule), kExitOk);
}

}  // namespace asyncrt
