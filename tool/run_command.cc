#include <chrono>
#include <optional>

#include "core/report/render.h"
#include "tool/check_all.h"
#include "tool/commands.h"
#include "tool/exit_code.h"
#include "tool/flag_values.h"
#include "tool/output.h"
#include "tool/rule_names.h"

namespace asyncrt {
namespace {

enum class Format : std::uint8_t { kJson, kText, kShort };

struct Target {
  Format format = Format::kJson;
  std::string file;  // empty: stdout
};

struct RunPlan {
  std::vector<Target> targets;
  bool has_summary = false;  // stdout gets it, since the report goes elsewhere
  std::vector<RuleOverride> overrides;
  ExitRules exit;
  ColorChoice color = ColorChoice::kAuto;
};

void ReadTargets(const Args& args, FlagReader& flags, RunPlan& plan) {
  std::optional<Format> on_stdout;
  for (const std::string& value : args.All("format")) {
    const std::size_t equals = value.find('=');
    Target target;
    target.format = static_cast<Format>(flags.ChoiceOf("format", value.substr(0, equals), {"json", "text", "short"}));
    if (equals != std::string::npos) {
      target.file = value.substr(equals + 1);
      if (target.file.empty()) flags.Fail("`--format " + value + "` lacks the name of the file");
      plan.targets.push_back(std::move(target));
    } else if (on_stdout && *on_stdout != target.format) {
      flags.Fail("stdout can have one format; give the other one a file: `--format " + value + "=FILE`");
    } else {
      on_stdout = target.format;
    }
  }
  if (const std::string* file = args.Last("output")) {
    plan.targets.push_back({on_stdout.value_or(Format::kJson), *file});
  } else if (on_stdout || plan.targets.empty()) {
    plan.targets.push_back({on_stdout.value_or(Format::kJson), ""});
    return;
  }
  plan.has_summary = true;
}

void ReadOverrides(const Args& args, FlagReader& flags, RunPlan& plan) {
  for (const std::string& value : args.All("rule")) {
    const std::size_t equals = value.find('=');
    if (equals == std::string::npos) {
      flags.Fail("`--rule` needs RULE=LEVEL, not `" + value + "`");
      return;
    }
    const std::string rule = value.substr(0, equals);
    const std::string problem = UnknownRulePattern(rule);
    if (!problem.empty()) flags.Fail(problem);
    const std::size_t level = flags.ChoiceOf("rule", value.substr(equals + 1), {"off", "note", "warning", "error"});
    RuleOverride override{rule, std::nullopt};
    if (level > 0) override.severity = static_cast<Severity>(level - 1);
    plan.overrides.push_back(std::move(override));
  }
}

RunPlan ReadPlan(const Args& args, FlagReader& flags) {
  RunPlan plan;
  ReadTargets(args, flags, plan);
  ReadOverrides(args, flags, plan);
  const auto fail_on = flags.Choice("fail-on", {"note", "warning", "error", "never"}, 2);
  plan.exit.fail_on = static_cast<FailOn>(fail_on);
  if (args.Has("fail-on-warning") && plan.exit.fail_on == FailOn::kError) plan.exit.fail_on = FailOn::kWarning;
  plan.exit.allow_incomplete = args.Has("allow-incomplete");
  plan.color = flags.Color();
  return plan;
}

std::vector<std::string> SourcesOf(std::vector<Input>& inputs) {
  std::vector<std::string> sources;
  for (Input& input : inputs) sources.push_back(std::move(input.text));
  return sources;
}

std::string Render(Format format, const RunReport& report, const std::vector<std::string>& sources,
                   const TextStyle& style) {
  switch (format) {
    case Format::kJson: return RenderJson(report);
    case Format::kText: return RenderText(report, sources, style);
    case Format::kShort: return RenderShort(report);
  }
  return "";
}

// What is wrong with the scenarios, for people who look at a terminal while the report goes to a program.
void ExplainInvalid(const RunReport& report, const std::vector<std::string>& sources, ColorChoice color) {
  for (std::size_t i = 0; i < report.scenarios.size(); ++i) {
    const ScenarioReport& scenario = report.scenarios[i];
    // A file that could not be read has been complained about.
    if (!sources[i].empty() || scenario.diagnostics.size() != 1 || scenario.diagnostics[0].place.line != 0) {
      PrintErr(RenderDiagnostics(scenario, sources[i], StderrStyle(color)));
    }
  }
}

int Publish(const RunPlan& plan, const RunReport& report, const std::vector<std::string>& sources) {
  TextStyle file_style;
  file_style.color = plan.color == ColorChoice::kAlways;
  int status = ExitStatusOf(report.scenarios, plan.exit);
  bool has_text_on_stdout = false;
  for (const Target& target : plan.targets) {
    if (target.file.empty()) {
      has_text_on_stdout = target.format != Format::kJson;
      if (!has_text_on_stdout) ExplainInvalid(report, sources, plan.color);
      status = PrintOut(Render(target.format, report, sources, StdoutStyle(plan.color)), status);
      continue;
    }
    const std::string error = WriteFile(target.file, Render(target.format, report, sources, file_style));
    if (error.empty()) continue;
    Complain(error);
    status = kExitInvalid;
  }
  if (!plan.has_summary) return status;
  ExplainInvalid(report, sources, plan.color);
  return PrintOut(RenderSummary(report, StdoutStyle(plan.color)), status);
}

}  // namespace

int RunCommand(const Args& args) {
  FlagReader flags(args);
  const RunPlan plan = ReadPlan(args, flags);
  const CheckOptions options = flags.Options();
  const unsigned jobs = flags.Jobs();
  if (!flags.error().empty()) {
    Complain(flags.error());
    return kExitInvalid;
  }
  const auto begin = std::chrono::steady_clock::now();
  std::vector<Input> inputs = ReadInputs(args.words);
  ComplainAboutInputs(inputs);
  std::vector<ScenarioReport> scenarios = CheckAll(inputs, options, jobs);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  for (ScenarioReport& scenario : scenarios) ApplyOverrides(plan.overrides, scenario);
  RunReport report = MakeRunReport(std::move(scenarios));
  if (args.Has("timing")) {
    double states = 0;
    for (const ScenarioReport& scenario : report.scenarios) states += static_cast<double>(scenario.explored.states);
    const double seconds = elapsed.count();
    report.timing = Speed{seconds, static_cast<std::uint64_t>(states / (seconds > 0 ? seconds : 1))};
  }
  return Publish(plan, report, SourcesOf(inputs));
}

}  // namespace asyncrt
