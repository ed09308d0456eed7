// `man`: the manual pages, out of the tables that the help, the reader and the reports use.
#include <algorithm>

#include "core/asyncrt.h"
#include "core/base/json_library.h"
#include "core/base/version.h"
#include "core/ops/op.h"
#include "core/report/formats.h"
#include "core/report/schema.h"
#include "core/report/verdict.h"
#include "tool/commands.h"
#include "tool/exit_code.h"
#include "tool/first_scenario.h"
#include "tool/op_text.h"
#include "tool/output.h"
#include "tool/roff.h"

namespace asyncrt {
namespace {

constexpr std::string_view kScenarioPage = "asyncrt-scenario";

std::string Lines(const std::vector<std::string_view>& lines) {
  std::string out;
  for (std::string_view line : lines) out += std::string(line) + "\n";
  return out;
}

void AddCommand(Roff& page, const CommandDef& command) {
  page.Subsection(std::string(command.name) + (command.operands.empty() ? "" : " " + std::string(command.operands)));
  page.Paragraph(command.summary);
  for (const FlagDef& flag : command.flags) {
    page.Entry(FlagNames(flag), flag.value, FlagText(flag));
  }
  page.Literal(Lines(command.examples));
}

std::string CommandPage() {
  Roff page(kToolName, '1');
  page.Section("Name");
  page.Paragraph("asyncrt-check - finds deadlocks, starvation and ownership errors of programs of threads and Tokio tasks");
  page.Section("Synopsis");
  page.Literal("asyncrt-check COMMAND [FLAGS] ...\nasyncrt-check PATH...\n");
  page.Section("Description");
  page.Paragraph(ToolSummary());
  page.Paragraph(
      "A path in the place of a command is checked as `run` does. `--help` of the tool and of each command says in short "
      "what stands here, `--version` which version it is.");
  page.Section("Commands");
  for (const CommandDef& command : AllCommands()) AddCommand(page, command);
  page.Section("Formats");
  for (const FormatDef& format : AllFormats()) page.Entry(format.name, "", format.doc);
  page.Section("Rules");
  for (const RuleDef& rule : AllRules()) page.Entry(rule.id, SeverityName(rule.severity), rule.summary);
  page.Section("Exit status");
  for (const ExitDef& row : kExitDefs) page.Entry(row.status, "", row.doc);
  page.Section("Environment");
  page.Entry("NO_COLOR", "", "set and not empty: no color");
  page.Entry("CLICOLOR_FORCE, FORCE_COLOR", "", "set, not empty and not 0: color, unless NO_COLOR or `--color` says otherwise");
  page.SeeAlso(kScenarioPage, '5');
  return page.text();
}

using Value = nlohmann::ordered_json;

// What a key's value is, in a few words: "integer", "list of op", "ideal|adversarial".
std::string TypeText(const Value& schema) {
  if (schema.contains("$ref")) {
    const std::string path = schema["$ref"];
    return path.substr(path.rfind('/') + 1);
  }
  if (schema.contains("const")) return schema["const"];
  if (schema.contains("enum")) {
    std::string words;
    for (const Value& word : schema["enum"]) words += (words.empty() ? "" : "|") + word.get<std::string>();
    return words;
  }
  if (schema.contains("anyOf")) {
    std::string types;
    for (const Value& one : schema["anyOf"]) types += (types.empty() ? "" : " or ") + TypeText(one);
    return types;
  }
  if (schema.contains("items")) return "list of " + TypeText(schema["items"]);
  const Value& type = schema["type"];
  if (type.is_string()) return type;
  std::string types;
  for (const Value& one : type) types += (types.empty() ? "" : " or ") + one.get<std::string>();
  return types;
}

// `prefix` says in which key these are: "expect.".
void AddKeys(Roff& page, const Value& schema, const std::string& prefix = "") {
  const Value required = schema.value("required", Value::array());
  for (const auto& [key, value] : schema["properties"].items()) {
    const bool is_required = std::find(required.begin(), required.end(), key) != required.end();
    const std::string doc = value.value("description", "");
    page.Entry(prefix + key, TypeText(value) + (is_required ? ", required" : ""), doc);
    if (value.contains("properties")) AddKeys(page, value, prefix + key + ".");
    if (value.contains("items") && value["items"].contains("properties")) AddKeys(page, value["items"], prefix + key + "[].");
  }
}

void AddOp(Roff& page, const OpDef& op) {
  std::string kinds;
  for (const std::string& kind : KindsOf(op)) kinds += (kinds.empty() ? "" : ", ") + kind;
  page.Subsection(std::string(op.verb) + (kinds.empty() ? "" : " (" + kinds + ")"));
  page.Paragraph(std::string(op.summary) + ". In " + WhereText(op) + ". Models `" + std::string(op.models) + "`.");
  for (const FieldUse& use : op.fields) page.Entry(FieldKey(use.field), use.required ? "required" : "", use.doc);
}

std::string ScenarioPage() {
  const Value schema = Value::parse(ScenarioSchema());
  const Value& defs = schema["$defs"];
  Roff page(kScenarioPage, '5');
  page.Section("Name");
  page.Paragraph("asyncrt-scenario - the scenario language of asyncrt-check");
  page.Section("Description");
  page.Paragraph(
      "A scenario is one JSON document. It says in the words of `std` and Tokio which threads, runtimes, tasks, locks and "
      "channels a program has and what each of them does. Comments (// and /* */) are accepted. `$schema` and keys that begin "
      "with `x-` are ignored; any other key that is not listed here is an error.");
  page.Paragraph(
      "A body is a list of ops, which run from first to last. It is sync (it runs on a thread) or async (it runs inside a "
      "future). An async op in a sync body is an error; a sync op in an async body is allowed and can block the thread that "
      "polls the future. Spawned bodies move in the values that they mention, as a `move` closure does, except those in `clone`.");
  page.Section("The document");
  AddKeys(page, schema);
  page.Section("Runtimes");
  AddKeys(page, defs["runtime"]);
  page.Section("Objects");
  for (const Value& kind : defs["object"]["oneOf"]) {
    page.Subsection(kind["properties"]["kind"]["const"].get<std::string>());
    Value fields = kind;
    fields["properties"].erase("kind");
    AddKeys(page, fields);
  }
  page.Section("Operations");
  page.Paragraph("Every op can also have `at` (where the user's own code does this) and `note`; reports show both.");
  for (const OpDef& op : AllOps()) AddOp(page, op);
  page.Section("Examples");
  page.Paragraph("What `asyncrt-check init` writes:");
  page.Literal(FirstScenario("first"));
  page.SeeAlso(kToolName, '1');
  return page.text();
}

}  // namespace

int ManCommand(const Args& args) { return PrintOut(args.words[0] == "1" ? CommandPage() : ScenarioPage(), kExitOk); }

}  // namespace asyncrt
