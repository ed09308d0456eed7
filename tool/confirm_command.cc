// `confirm`: the findings of a report on real Tokio.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>

#include "core/confirm/confirm.h"
#include "core/report/display.h"
#include "core/report/formats.h"
#include "core/report/render.h"
#include "tool/commands.h"
#include "tool/exit_code.h"
#include "tool/flag_values.h"
#include "tool/inputs.h"
#include "tool/interrupt.h"
#include "tool/output.h"
#include "tool/report_reader.h"

namespace asyncrt {
namespace {

constexpr std::uint64_t kRuns = 10;
constexpr std::uint64_t kHangMs = 1000;

struct ConfirmPlan {
  std::size_t format = 0;   // a row of AllFormats()
  std::string output;       // empty: stdout
  ConfirmOptions options;
};

std::string BuildFolder() {
  for (const auto& [variable, below] : {std::pair("XDG_CACHE_HOME", "asyncrt-check"), std::pair("HOME", ".cache/asyncrt-check")}) {
    const char* folder = std::getenv(variable);
    if (folder != nullptr && folder[0] == '/') return (std::filesystem::path(folder) / below).string();
  }
  std::error_code error;
  return (std::filesystem::temp_directory_path(error) / "asyncrt-check").string();
}

// How far it is, on a terminal alone; the line is rewritten in place.
void TellProgress(std::size_t done, std::size_t count) {
  constexpr char kClear[] = "\r\x1b[K";
  if (done == count) PrintErr(kClear);
  else PrintErr(kClear + (done == 0 ? "building the programs of " + Counted(count, "finding") : Grouped(done) + " of " + Counted(count, "finding") + " tried"));
}

ConfirmPlan ReadPlan(const Args& args, FlagReader& flags) {
  ConfirmPlan plan;
  plan.format = flags.Choice("format", FormatNames(), 0);
  if (const std::string* file = args.Last("output")) plan.output = *file;
  if (args.Has("output") && plan.output.empty()) flags.Fail("`--output` needs the name of a file");
  if (args.Has("in-place")) {
    if (args.Has("output")) flags.Fail("`--in-place` and `--output` name two places for one report");
    if (args.words[0] == "-") flags.Fail("`--in-place` needs a report that is a file");
    if (plan.format != 0) flags.Fail("`--in-place` writes JSON, so that the report can be read again");
    plan.output = args.words[0];
  }
  const std::string* tokio = args.Last("tokio-path");
  if (tokio != nullptr) plan.options.tokio_path = *tokio;
  if (tokio != nullptr && tokio->empty()) flags.Fail("`--tokio-path` needs the folder of a Tokio");
  const std::string* build = args.Last("build");
  if (build != nullptr && build->empty()) flags.Fail("`--build` needs the name of a folder");
  plan.options.build_folder = build != nullptr ? *build : BuildFolder();
  plan.options.runs = flags.Count("runs", kRuns);
  plan.options.hang_ms = kHangMs;
  if (const std::string* limit = args.Last("timeout")) {
    const std::optional<std::uint64_t> time = ParseDuration(*limit);
    if (!time) flags.Fail("`--timeout` needs a duration such as 1s or 500ms, not `" + Printable(*limit) + "`");
    plan.options.hang_ms = time.value_or(kHangMs);
  }
  plan.options.jobs = flags.Jobs();
  plan.options.interrupted = &Interrupted();
  if (isatty(STDERR_FILENO) != 0) plan.options.progress = TellProgress;
  return plan;
}

// The scenario of a report, if it still is the one that was checked; `why_not` says what is wrong with it.
std::unique_ptr<Scenario> ScenarioOf(const ScenarioReport& report, const Input& input, std::string* why_not) {
  if (!input.error.empty()) {
    *why_not = "the scenario could not be read: " + input.error;
    return nullptr;
  }
  Diagnostics diagnostics;
  std::unique_ptr<Scenario> scenario = ReadScenario(input.text, input.file, diagnostics);
  if (scenario == nullptr) *why_not = "the scenario is not valid any more";
  CheckOptions options;
  options.tokio = report.explored.tokio;
  for (const Finding& finding : report.findings) {
    if (scenario == nullptr || finding.replay.empty()) continue;
    if (ReplayText(input.text, input.file, finding.replay, options).ok) break;
    *why_not = "the scenario has changed since";
    return nullptr;
  }
  return scenario;
}

struct Tally {
  std::uint64_t confirmed = 0, refuted = 0, untried = 0;
};

Tally CountsOf(const RunReport& report) {
  Tally counts;
  for (const ScenarioReport& scenario : report.scenarios)
    for (const Finding& finding : scenario.findings) {
      if (!finding.confirmed) continue;
      if (finding.confirmed->why_not.empty()) ++counts.confirmed;
      else if (finding.confirmed->outcome.empty()) ++counts.untried;
      else ++counts.refuted;
    }
  return counts;
}

std::string SummaryOf(const RunReport& report, const Tally& counts) {
  std::string tokio;
  for (const ScenarioReport& scenario : report.scenarios)
    for (const Finding& finding : scenario.findings)
      if (finding.confirmed && !finding.confirmed->tokio.empty()) tokio = " on Tokio " + Printable(finding.confirmed->tokio);
  return Counted(counts.confirmed + counts.refuted + counts.untried, "finding") + tokio + ": " + Grouped(counts.confirmed) + " confirmed, " +
         Grouped(counts.refuted) + " not, " + Grouped(counts.untried) + " not tried\n";
}

}  // namespace

int ConfirmCommand(const Args& args) {
  FlagReader flags(args);
  const ConfirmPlan plan = ReadPlan(args, flags);
  const ColorChoice color = flags.Color();
  if (!flags.error().empty()) {
    Complain(flags.error());
    return kExitInvalid;
  }
  const Input input = ReadInput(args.words[0]);
  if (!input.error.empty()) {
    Complain(Printable(input.file) + ": it could not be read: " + input.error);
    return kExitInvalid;
  }
  if (!args.Has("in-place") && !plan.output.empty() && InputIn(plan.output, {input}) != nullptr) {
    Complain(Printable(plan.output) + " is not written: it is the report that is read; `--in-place` replaces it");
    return kExitInvalid;
  }
  RecordedReport recorded = ReadReport(input.text);
  if (!recorded.error.empty()) {
    Complain(Printable(input.file) + ": " + recorded.error);
    return kExitInvalid;
  }
  RunReport& report = recorded.report;
  int status = kExitOk;
  std::vector<std::unique_ptr<Scenario>> scenarios;
  std::vector<std::string> sources;
  std::vector<ConfirmItem> items;
  for (ScenarioReport& scenario : report.scenarios) {
    sources.emplace_back();
    if (scenario.findings.empty()) continue;
    Input text;
    text.error = "it came from stdin, and has no file";
    if (scenario.file != "<stdin>") text = ReadInput(ScenarioFileOf(scenario.file, input.file));
    ConfirmItem item{&scenario, nullptr, ""};
    scenarios.push_back(ScenarioOf(scenario, text, &item.why_not));
    item.scenario = scenarios.back().get();
    if (!item.why_not.empty()) {
      Complain(Printable(scenario.file) + ": " + item.why_not);
      status = kExitInvalid;
    }
    sources.back() = std::move(text.text);
    items.push_back(std::move(item));
  }
  if (const std::string error = Confirm(items, plan.options); !error.empty()) {
    Complain(error);
    return kExitInvalid;
  }
  const Tally counts = CountsOf(report);
  if (status == kExitOk && counts.refuted > 0) status = kExitFindings;
  if (const int number = InterruptedBy(); number != 0) status = kExitSignal + number;
  TextStyle style = StdoutStyle(color);
  if (!plan.output.empty()) {
    style = TextStyle();
    style.color = color == ColorChoice::kAlways;
  }
  const std::string text = AllFormats()[plan.format].render(report, sources, style);
  if (plan.output.empty()) {
    PrintErr(SummaryOf(report, counts));
    return PrintOut(text, status);
  }
  if (const std::string error = WriteFile(plan.output, text); !error.empty()) {
    Complain(error);
    return kExitInvalid;
  }
  return PrintOut(SummaryOf(report, counts), status);
}

}  // namespace asyncrt
