// `replay`: one schedule, or every finding of a report, step by step.
#include "core/report/display.h"
#include "core/report/paint.h"
#include "core/report/render.h"
#include "tool/commands.h"
#include "tool/crash.h"
#include "tool/exit_code.h"
#include "tool/flag_values.h"
#include "tool/inputs.h"
#include "tool/output.h"
#include "tool/report_reader.h"

namespace asyncrt {
namespace {

// Plays one schedule; what cannot be played is said on stderr.
bool Play(const Input& scenario, const std::string& schedule, const CheckOptions& options, const TextStyle& style,
          std::string& out) {
  if (!scenario.error.empty()) {
    Complain(Printable(scenario.file) + ": it could not be read: " + scenario.error);
    return false;
  }
  const CrashNote note(scenario.file);
  const ReplayResult result = ReplayText(scenario.text, scenario.file, schedule, options);
  out += RenderSchedule(result.steps, style);
  if (!result.ok) {
    Complain(Printable(scenario.file) + ": the schedule cannot be played: " + Printable(result.error));
    return false;
  }
  if (style.is_verbose) out += RenderStandings(result.at_end, style);
  out += Painted("=> " + Printable(result.outcome), Paint::kBold, style) + "\n";
  return true;
}

int PlayReport(const Input& report, const CheckOptions& options, const TextStyle& style) {
  const RecordedReport recorded = ReadReport(report.text);
  if (!recorded.error.empty()) {
    Complain(Printable(report.file) + ": " + recorded.error + (recorded.is_scenario ? "; `--schedule` can say what to play" : ""));
    return kExitInvalid;
  }
  int status = kExitOk;
  std::string out;
  for (const ScenarioReport& scenario : recorded.report.scenarios) {
    for (const Finding& finding : scenario.findings) {
      if (finding.replay.empty()) continue;
      if (!out.empty()) out += "\n";
      out += Painted(Printable(finding.rule), Paint::kBold, style) + ": " + Printable(finding.message) + "\n";
      out += Painted("-->", Paint::kGutter, style) + " " + Printable(scenario.file) + "\n";
      if (scenario.file == "<stdin>") {
        Complain("a finding of a scenario that came from stdin cannot be replayed; give the scenario a file");
        status = kExitInvalid;
        continue;
      }
      const Input input = ReadInput(ScenarioFileOf(scenario.file, report.file));
      if (!Play(input, finding.replay, options, style, out)) status = kExitInvalid;
    }
  }
  if (out.empty()) out = "the report has no findings to replay\n";
  return PrintOut(out, status);
}

}  // namespace

int ReplayCommand(const Args& args) {
  FlagReader flags(args);
  const CheckOptions options = flags.Options();
  TextStyle style = StdoutStyle(flags.Color());
  style.is_verbose = args.Has("verbose");
  if (!flags.error().empty()) {
    Complain(flags.error());
    return kExitInvalid;
  }
  const Input input = ReadInput(args.words[0]);
  const std::string* schedule = args.Last("schedule");
  if (schedule == nullptr && input.error.empty()) return PlayReport(input, options, style);
  std::string out;
  const int status = Play(input, schedule == nullptr ? "" : *schedule, options, style, out) ? kExitOk : kExitInvalid;
  return PrintOut(out, status);
}

}  // namespace asyncrt
