// `test`: every scenario against what it says a check must find.
#include <algorithm>

#include "core/report/display.h"
#include "core/report/paint.h"
#include "core/report/render.h"
#include "tool/check_all.h"
#include "tool/commands.h"
#include "tool/exit_code.h"
#include "tool/flag_values.h"
#include "tool/output.h"

namespace asyncrt {
namespace {

enum class Outcome : std::uint8_t { kAsExpected, kDifferent, kIncomplete, kInvalid };

struct Tally {
  std::uint64_t counts[4] = {0, 0, 0, 0};
  std::uint64_t operator[](Outcome outcome) const { return counts[static_cast<int>(outcome)]; }
};

std::string Word(Outcome outcome, const TextStyle& style) {
  switch (outcome) {
    case Outcome::kAsExpected: return Painted("ok     ", Paint::kGood, style);
    case Outcome::kDifferent: return Painted("FAIL   ", Paint::kError, style);
    case Outcome::kIncomplete: return Painted("????   ", Paint::kWarning, style);
    case Outcome::kInvalid: return Painted("invalid", Paint::kError, style);
  }
  return "";
}

std::string RuleList(const ScenarioReport& report) {
  std::vector<std::string> rules;
  for (const Finding& finding : report.findings) {
    if (finding.allowed.empty() && finding.severity != Severity::kNote) rules.push_back(finding.rule);
  }
  std::sort(rules.begin(), rules.end());
  rules.erase(std::unique(rules.begin(), rules.end()), rules.end());
  std::string out;
  for (const std::string& rule : rules) out += (out.empty() ? "" : ", ") + rule;
  return out.empty() ? "nothing found" : out;
}

// The line of one scenario, and what differs below it.
std::string TestLine(const Input& input, const ScenarioReport& report, const TextStyle& style, Tally& tally) {
  Outcome outcome = Outcome::kAsExpected;
  std::vector<std::string> details;
  std::string end = RuleList(report) + ", " + Counted(report.explored.states, "state");
  if (report.verdict == Verdict::kInvalid) {
    outcome = Outcome::kInvalid;
    end = Counted(report.diagnostics.size(), "problem");
  } else if (!report.explored.complete) {
    // What was found so far says nothing about what a complete check must find.
    outcome = Outcome::kIncomplete;
    end += ", " + StopText(report.explored);
  } else {
    details = CompareWithExpect(input.text, input.file, report);
    if (!details.empty()) outcome = Outcome::kDifferent;
  }
  ++tally.counts[static_cast<int>(outcome)];
  std::string out =
      Word(outcome, style) + "  " + Printable(input.file) + "  " + Painted(end, Paint::kDim, style) + "\n";
  for (const std::string& detail : details) out += "         " + Printable(detail) + "\n";
  if (outcome == Outcome::kInvalid) out += "\n" + RenderDiagnostics(report, input.text, style);
  return out;
}

std::string TallyLine(const Tally& tally) {
  const std::uint64_t total = tally.counts[0] + tally.counts[1] + tally.counts[2] + tally.counts[3];
  std::string out = Counted(total, "scenario") + ": " + Grouped(tally[Outcome::kAsExpected]) + " as expected";
  if (tally[Outcome::kDifferent] > 0) out += ", " + Grouped(tally[Outcome::kDifferent]) + " different";
  if (tally[Outcome::kIncomplete] > 0) out += ", " + Grouped(tally[Outcome::kIncomplete]) + " incomplete";
  if (tally[Outcome::kInvalid] > 0) out += ", " + Grouped(tally[Outcome::kInvalid]) + " invalid";
  return out + "\n";
}

}  // namespace

int TestCommand(const Args& args) {
  FlagReader flags(args);
  const CheckOptions options = flags.Options();
  const unsigned jobs = flags.Jobs();
  const ProgressChoice progress = flags.Progress();
  const TextStyle style = StdoutStyle(flags.Color());
  if (!flags.error().empty()) {
    Complain(flags.error());
    return kExitInvalid;
  }
  const std::vector<Input> inputs = ReadInputs(args.words);
  ComplainAboutInputs(inputs);
  const std::vector<ScenarioReport> reports = CheckAll(inputs, options, jobs, progress);
  Tally tally;
  std::string out;
  for (std::size_t i = 0; i < inputs.size(); ++i) out += TestLine(inputs[i], reports[i], style, tally);
  out += TallyLine(tally);
  int status = kExitOk;
  if (tally[Outcome::kIncomplete] > 0) status = kExitIncomplete;
  if (tally[Outcome::kDifferent] > 0) status = kExitFindings;
  if (tally[Outcome::kInvalid] > 0) status = kExitInvalid;
  return PrintOut(out, status);
}

}  // namespace asyncrt
