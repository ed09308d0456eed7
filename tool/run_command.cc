#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <system_error>

#include "core/base/stable_hash.h"
#include "core/detect/rule_names.h"
#include "core/explore/checkpoint.h"
#include "core/report/display.h"
#include "core/report/formats.h"
#include "core/report/render.h"
#include "core/report/verdict.h"
#include "tool/baseline.h"
#include "tool/check_all.h"
#include "tool/commands.h"
#include "tool/exit_code.h"
#include "tool/flag_values.h"
#include "tool/inputs.h"
#include "tool/output.h"

namespace asyncrt {
namespace {

struct Target {
  std::size_t format = 0;  // a row of AllFormats(); the first is the default
  std::string file;  // empty: stdout
};

struct RunPlan {
  std::vector<Target> targets;
  bool has_summary = false;  // stdout gets it, since the report goes elsewhere
  std::vector<RuleOverride> overrides;
  ExitRules exit;
  std::optional<Baseline> baseline;
  std::string baseline_to;                    // where to write one; empty: nowhere
  std::string checkpoint;                     // empty: none is kept
  std::chrono::milliseconds checkpoint_every{30'000};
  bool resumes = false;
  std::uint64_t shard = 0, shards = 0;        // of 0: everything
  ColorChoice color = ColorChoice::kAuto;
  bool is_verbose = false;
};

void ReadTargets(const Args& args, FlagReader& flags, RunPlan& plan) {
  std::optional<std::size_t> on_stdout;
  for (const std::string& value : args.All("format")) {
    const std::size_t equals = value.find('=');
    Target target;
    target.format = flags.ChoiceOf("format", value.substr(0, equals), FormatNames());
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
    plan.targets.push_back({on_stdout.value_or(0), *file});
  } else if (on_stdout || plan.targets.empty()) {
    plan.targets.push_back({on_stdout.value_or(0), ""});
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

void ReadBaselineFlags(const Args& args, FlagReader& flags, RunPlan& plan) {
  if (const std::string* file = args.Last("write-baseline")) plan.baseline_to = *file;
  const std::string* file = args.Last("baseline");
  if (file == nullptr) return;
  const Input input = ReadInput(*file);
  plan.baseline = ReadBaseline(input.text);
  if (!input.error.empty()) flags.Fail("`--baseline`: " + Printable(*file) + " could not be read: " + input.error);
  else if (!plan.baseline->error.empty()) flags.Fail("`--baseline`: " + Printable(*file) + ": " + plan.baseline->error);
}

void ReadShard(const Args& args, FlagReader& flags, RunPlan& plan) {
  const std::string* text = args.Last("shard");
  if (text == nullptr) return;
  const std::size_t slash = text->find('/');
  const std::optional<std::uint64_t> shard = ParseCount(text->substr(0, slash));
  const std::optional<std::uint64_t> shards = slash == std::string::npos ? std::nullopt : ParseCount(text->substr(slash + 1));
  if (!shard || !shards || *shard > *shards) {
    flags.Fail("`--shard` needs I/N with I from 1 to N, such as 1/4, not `" + Printable(*text) + "`");
    return;
  }
  plan.shard = *shard;
  plan.shards = *shards;
}

void ReadCheckpointFlags(const Args& args, FlagReader& flags, RunPlan& plan) {
  if (const std::string* file = args.Last("checkpoint")) {
    plan.checkpoint = *file;
    if (file->empty()) flags.Fail("`--checkpoint` lacks the name of the file");
  }
  plan.checkpoint_every = std::chrono::milliseconds(flags.Duration("checkpoint-every", 30'000));
  plan.resumes = args.Has("resume");
  for (const char* flag : {"resume", "checkpoint-every"})
    if (args.Has(flag) && plan.checkpoint.empty()) flags.Fail("`--" + std::string(flag) + "` needs `--checkpoint FILE`");
}

RunPlan ReadPlan(const Args& args, FlagReader& flags) {
  RunPlan plan;
  ReadTargets(args, flags, plan);
  ReadOverrides(args, flags, plan);
  ReadBaselineFlags(args, flags, plan);
  ReadShard(args, flags, plan);
  ReadCheckpointFlags(args, flags, plan);
  const auto fail_on = flags.Choice("fail-on", {"note", "warning", "error", "never"}, 2);
  plan.exit.fail_on = static_cast<FailOn>(fail_on);
  if (args.Has("fail-on-warning") && plan.exit.fail_on == FailOn::kError) plan.exit.fail_on = FailOn::kWarning;
  plan.exit.allow_incomplete = args.Has("allow-incomplete");
  plan.color = flags.Color();
  plan.is_verbose = args.Has("verbose");
  return plan;
}

// Why the files that are to be written cannot be: one is an input, or two are the same. Empty: they can.
std::string WhyNotOutputs(const RunPlan& plan, const std::vector<Input>& inputs, const std::string* baseline) {
  std::vector<std::string> outputs;
  for (const Target& target : plan.targets)
    if (!target.file.empty()) outputs.push_back(target.file);
  // A baseline may be brought up to date in its place; no report may replace it.
  if (baseline != nullptr)
    for (const std::string& file : outputs)
      if (InputIn(file, {{*baseline, "", ""}}) != nullptr) return Printable(file) + " is not written: it is the baseline";
  if (!plan.baseline_to.empty()) outputs.push_back(plan.baseline_to);
  if (!plan.checkpoint.empty()) outputs.push_back(plan.checkpoint);
  std::map<std::filesystem::path, std::string> places;
  for (const std::string& file : outputs) {
    if (const Input* input = InputIn(file, inputs))
      return Printable(file) + " is not written: it is the input " + Printable(input->file);
    std::error_code error;
    const std::filesystem::path place = std::filesystem::weakly_canonical(std::filesystem::absolute(file), error);
    if (error) continue;
    const bool is_device = std::filesystem::exists(file, error) && !std::filesystem::is_regular_file(file, error);
    if (is_device || places.emplace(place, file).second) continue;
    return Printable(file) + " is not written: two outputs would go there";
  }
  return "";
}

std::vector<std::string> SourcesOf(std::vector<Input>& inputs) {
  std::vector<std::string> sources;
  for (Input& input : inputs) sources.push_back(std::move(input.text));
  return sources;
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

// The checkpoint of a run, ready to be written. Null: the run cannot begin, and it has been said why.
std::unique_ptr<Checkpoint> OpenCheckpoint(const RunPlan& plan, const CheckOptions& options, const std::vector<Input>& inputs) {
  std::vector<Checkpoint::Subject> subjects;
  for (const Input& input : inputs) subjects.push_back({input.file, StableHash(input.text)});
  auto checkpoint = std::make_unique<Checkpoint>(plan.checkpoint, plan.checkpoint_every, options, std::move(subjects),
                                                 [](const std::string& problem) { Complain(Printable(problem)); });
  const std::string file = Printable(plan.checkpoint);
  if (!plan.resumes) {
    std::error_code error;
    if (!std::filesystem::exists(plan.checkpoint, error)) return checkpoint;
    Complain("there is a checkpoint already: " + file + "; go on from it with --resume, or remove it");
    return nullptr;
  }
  bool found;
  const std::string why = checkpoint->Resume(&found);
  if (!why.empty()) {
    Complain("the checkpoint " + file + " cannot be gone on from: " + Printable(why));
    return nullptr;
  }
  if (!found) Complain("there is no checkpoint " + file + " yet: the search begins");
  return checkpoint;
}

// What is printed on stdout while scenarios are checked. Null: nothing, or all in the end.
const FormatDef* StreamOf(const RunPlan& plan) {
  for (const Target& target : plan.targets)
    if (target.file.empty() && AllFormats()[target.format].part != nullptr) return &AllFormats()[target.format];
  return nullptr;
}

// `stream_status`: whether what was to be printed before could be.
int Publish(const RunPlan& plan, const RunReport& report, const std::vector<std::string>& sources, int stream_status) {
  TextStyle file_style;
  file_style.color = plan.color == ColorChoice::kAlways;
  TextStyle out_style = StdoutStyle(plan.color);
  file_style.is_verbose = out_style.is_verbose = plan.is_verbose;
  int status = ExitStatusOf(report.scenarios, plan.exit);
  bool has_text_on_stdout = false;
  for (const Target& target : plan.targets) {
    if (target.file.empty()) {
      has_text_on_stdout = AllFormats()[target.format].for_people;
      if (!has_text_on_stdout) ExplainInvalid(report, sources, plan.color);
      const FormatDef& format = AllFormats()[target.format];
      if (stream_status == kExitOk) status = PrintOut(format.end != nullptr ? format.end(report) : format.render(report, sources, out_style), status);
      continue;
    }
    const std::string error = WriteFile(target.file, AllFormats()[target.format].render(report, sources, file_style));
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
  CheckOptions options = flags.Options();
  const unsigned jobs = flags.Jobs();
  const ProgressChoice progress = flags.Progress();
  if (!flags.error().empty()) {
    Complain(flags.error());
    return kExitInvalid;
  }
  const auto begin = std::chrono::steady_clock::now();
  std::vector<Input> inputs = ReadInputs(args.words);
  if (const std::string why = WhyNotOutputs(plan, inputs, args.Last("baseline")); !why.empty()) {
    Complain(why);
    return kExitInvalid;
  }
  if (plan.shards != 0)   // by the path, so that a new file moves no other one
    std::erase_if(inputs, [&](const Input& input) { return StableHash(input.file) % plan.shards != plan.shard - 1; });
  ComplainAboutInputs(inputs);
  std::unique_ptr<Checkpoint> checkpoint;
  if (!plan.checkpoint.empty()) {
    checkpoint = OpenCheckpoint(plan, options, inputs);
    if (checkpoint == nullptr) return kExitInvalid;
    options.checkpoint.checkpoint = checkpoint.get();
  }
  int stream_status = kExitOk;
  const FormatDef* const stream = StreamOf(plan);
  std::vector<ScenarioReport> scenarios = CheckAll(inputs, options, jobs, progress, [&](ScenarioReport& scenario) {
    ApplyOverrides(plan.overrides, scenario);
    if (plan.baseline) ApplyBaseline(*plan.baseline, scenario);
    if (stream != nullptr && stream_status == kExitOk) stream_status = PrintOut(stream->part(scenario), stream_status);
  });
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  if (plan.baseline)
    for (const BaselineEntry& entry : GoneFrom(*plan.baseline, scenarios))
      if (plan.shards == 0) Complain("the baseline has a finding that is gone: " + Printable(entry.rule) + " in " + Printable(entry.file) + " (" + Printable(entry.fingerprint) + ")");
  int baseline_status = kExitOk;
  if (!plan.baseline_to.empty()) {
    const std::string error = WriteFile(plan.baseline_to, BaselineText(scenarios));
    if (!error.empty()) {
      Complain(error);
      baseline_status = kExitInvalid;
    }
  }
  RunReport report = MakeRunReport(std::move(scenarios));
  if (args.Has("timing")) {
    double states = 0;
    for (const ScenarioReport& scenario : report.scenarios) states += static_cast<double>(scenario.explored.states);
    const double seconds = elapsed.count();
    report.timing = Speed{seconds, static_cast<std::uint64_t>(states / (seconds > 0 ? seconds : 1))};
  }
  const bool explored = std::all_of(report.scenarios.begin(), report.scenarios.end(), [](const ScenarioReport& scenario) {
    return scenario.explored.complete || IsOwnEnd(scenario.explored.limit) || scenario.verdict == Verdict::kInvalid;
  });
  const int status = Publish(plan, report, SourcesOf(inputs), stream_status);
  if (checkpoint != nullptr && explored && (status == kExitOk || status == kExitFindings || status == kExitIncomplete)) checkpoint->Remove();
  if (baseline_status != kExitOk) return baseline_status;
  return stream_status == kExitOk ? status : stream_status;
}

}  // namespace asyncrt
