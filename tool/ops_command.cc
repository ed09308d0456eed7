// `ops`: the reference of the scenario language's operations, out of the same rows that the reader uses.
#include "core/base/json_library.h"
#include "core/base/spelling.h"
#include "core/ops/op.h"
#include "core/report/display.h"
#include "tool/commands.h"
#include "tool/exit_code.h"
#include "tool/flag_values.h"
#include "tool/op_text.h"
#include "tool/output.h"

namespace asyncrt {
namespace {

constexpr std::size_t kVerbColumn = 22;
constexpr std::size_t kKindColumn = 20;
constexpr std::size_t kWidth = 100;

std::string ListText(const OpDef& op) {
  const std::vector<std::string> kinds = KindsOf(op);
  std::string kind;
  if (kinds.size() == 1) kind = kinds[0];
  if (kinds.size() > 1) kind = "several kinds";
  std::string line = std::string(op.verb) + std::string(kVerbColumn - std::min(kVerbColumn - 1, op.verb.size()), ' ') +
                     kind + std::string(kKindColumn - std::min(kKindColumn - 1, kind.size()), ' ');
  std::string out;
  for (const std::string& part : Wrap(op.summary, kWidth - kVerbColumn - kKindColumn)) {
    out += line + part + "\n";
    line = std::string(kVerbColumn + kKindColumn, ' ');
  }
  return out;
}

std::string Labelled(const std::string& label, const std::string& text) {
  std::string line = "  " + label + std::string(12 - std::min<std::size_t>(11, label.size()), ' ');
  std::string out;
  for (const std::string& part : Wrap(text, kWidth - 14)) {
    out += line + part + "\n";
    line = std::string(14, ' ');
  }
  return out;
}

std::string DetailText(const OpDef& op) {
  std::string title(op.verb);
  std::string kinds;
  for (const std::string& kind : KindsOf(op)) kinds += (kinds.empty() ? "" : ", ") + kind;
  if (!kinds.empty()) title += "  on: " + kinds;
  std::string out;
  for (const std::string& line : Wrap(title, kWidth)) out += line + "\n";
  out += Labelled("", std::string(op.summary)) + Labelled("where", WhereText(op)) +
         Labelled("models", std::string(op.models));
  for (const FieldUse& use : op.fields) {
    out += Labelled(std::string(FieldKey(use.field)), std::string(use.doc) + (use.required ? " (required)" : ""));
  }
  return out;
}

nlohmann::ordered_json RowOf(const OpDef& op) {
  nlohmann::ordered_json row;
  row["op"] = op.verb;
  const std::vector<std::string> kinds = KindsOf(op);
  row["on"] = kinds.empty() ? nlohmann::ordered_json::array() : nlohmann::ordered_json(kinds);
  row["summary"] = op.summary;
  row["models"] = op.models;
  row["where"] = op.where == Where::kAny ? "any" : op.where == Where::kAsync ? "async" : "sync";
  row["blocks"] = op.blocks;
  row["awaits"] = op.awaits;
  row["can_fail"] = op.can_fail;
  row["sync_instead"] = op.sync_instead.empty() ? nlohmann::ordered_json(nullptr) : op.sync_instead;
  row["fields"] = nlohmann::ordered_json::array();
  for (const FieldUse& use : op.fields) {
    nlohmann::ordered_json field;
    field["name"] = FieldKey(use.field);
    field["required"] = use.required;
    field["doc"] = use.doc;
    row["fields"].push_back(std::move(field));
  }
  return row;
}

std::string UnknownVerb(const std::string& verb) {
  std::vector<std::string> verbs;
  for (const OpDef& op : AllOps()) verbs.emplace_back(op.verb);
  const std::string nearest = NearestName(verb, verbs);
  return "unknown operation `" + Printable(verb) + "`" +
         (nearest.empty() ? "; `asyncrt-check ops` lists them" : "; did you mean `" + nearest + "`?");
}

}  // namespace

int OpsCommand(const Args& args) {
  FlagReader flags(args);
  const bool is_json = flags.Choice("format", {"text", "json"}, 0) == 1;
  std::vector<const OpDef*> rows;
  for (const OpDef& op : AllOps()) {
    if (args.words.empty() || op.verb == args.words[0]) rows.push_back(&op);
  }
  if (rows.empty()) flags.Fail(UnknownVerb(args.words[0]));
  if (!flags.error().empty()) {
    Complain(flags.error());
    return kExitInvalid;
  }
  if (is_json) {
    nlohmann::ordered_json out;
    out["schema"] = "asyncrt-check/ops/1";
    out["ops"] = nlohmann::ordered_json::array();
    for (const OpDef* op : rows) out["ops"].push_back(RowOf(*op));
    return PrintOut(out.dump(2) + "\n", kExitOk);
  }
  std::string out;
  for (const OpDef* op : rows) {
    if (!args.words.empty() && !out.empty()) out += "\n";
    out += args.words.empty() ? ListText(*op) : DetailText(*op);
  }
  return PrintOut(out, kExitOk);
}

}  // namespace asyncrt
