// The public interface in terms of the inner one.
#include "core/api/asyncrt.h"

#include <algorithm>
#include <set>
#include <stdexcept>

#include "core/asyncrt.h"
#include "core/base/spelling.h"
#include "core/base/version.h"
#include "core/detect/rule_names.h"
#include "core/report/display.h"
#include "core/report/formats.h"
#include "core/report/render.h"
#include "core/scenario/tokio_versions.h"

namespace asyncrt {
inline namespace v1 {
namespace {

[[noreturn]] void Refuse(std::string_view what, const std::string& word, const std::vector<std::string>& known) {
  const std::string nearest = NearestName(word, known);
  std::string error = "unknown " + std::string(what) + " `" + Printable(word) + "`";
  if (!nearest.empty()) throw std::invalid_argument(error + "; did you mean `" + nearest + "`?");
  std::string list;
  for (const std::string& name : known) list += (list.empty() ? "" : ", ") + name;
  throw std::invalid_argument(error + "; it is one of: " + list);
}

const FormatDef& FormatOf(const std::string& name) {
  for (const FormatDef& format : AllFormats()) {
    if (format.name == name) return format;
  }
  Refuse("format", name, FormatNames());
}

CheckOptions InnerOptions(const Options& options) {
  if (!options.tokio.empty() && !IsTokioVersion(options.tokio)) Refuse("Tokio version", options.tokio, TokioVersions());
  CheckOptions inner;
  inner.tokio = options.tokio;
  inner.timing = options.timing == TimingChoice::kIdeal         ? TimingModel::kIdeal
                 : options.timing == TimingChoice::kAdversarial ? TimingModel::kAdversarial
                                                          : TimingModel::kAsScenarioSays;
  if (options.exact_scheduler) inner.scheduler = Scheduler::kExact;
  inner.max_states = options.max_states;
  inner.max_depth = options.max_depth;
  inner.time_limit_ms = options.time_limit_ms;
  inner.memory_limit_mib = options.memory_limit_mib;
  inner.interrupted = options.interrupted;
  return inner;
}

std::vector<RuleOverride> OverridesOf(const Options& options) {
  const std::vector<std::string> levels = {"off", "note", "warning", "error"};
  std::vector<RuleOverride> overrides;
  for (const auto& [pattern, level] : options.rules) {
    if (const std::string problem = UnknownRulePattern(pattern); !problem.empty()) throw std::invalid_argument(problem);
    const auto it = std::find(levels.begin(), levels.end(), level);
    if (it == levels.end()) Refuse("level", level, levels);
    RuleOverride one{pattern, std::nullopt};
    if (it != levels.begin()) one.severity = static_cast<Severity>(it - levels.begin() - 1);
    overrides.push_back(std::move(one));
  }
  return overrides;
}

TextStyle StyleOf(const Options& options) {
  TextStyle style;
  style.is_verbose = options.verbose;
  return style;
}

Outcome OutcomeOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kClean: return Outcome::kClean;
    case Verdict::kWarnings: return Outcome::kWarnings;
    case Verdict::kErrors: return Outcome::kErrors;
    case Verdict::kIncomplete: return Outcome::kIncomplete;
    case Verdict::kInvalid: break;
  }
  return Outcome::kInvalid;
}

}  // namespace

Result Check(std::string_view scenario, const Options& options) {
  const FormatDef& format = FormatOf(options.format);
  const std::vector<RuleOverride> overrides = OverridesOf(options);
  const std::string text(scenario);
  ScenarioReport report = CheckText(text, options.file, InnerOptions(options));
  ApplyOverrides(overrides, report);
  Result result;
  std::set<std::string> rules;
  for (const Finding& finding : report.findings) {
    if (Counts(finding) && rules.insert(finding.rule).second) result.rules.push_back(finding.rule);
  }
  if (report.verdict != Verdict::kInvalid) result.differences = CompareWithExpect(text, options.file, report);
  result.outcome = OutcomeOf(report.verdict);
  result.report = format.render(MakeRunReport({std::move(report)}), {text}, StyleOf(options));
  return result;
}

std::string Replay(std::string_view scenario, std::string_view schedule, const Options& options) {
  const ReplayResult result =
      ReplayText(std::string(scenario), options.file, std::string(schedule), InnerOptions(options));
  if (!result.ok) throw std::invalid_argument(Printable(result.error));
  const TextStyle style = StyleOf(options);
  return RenderSchedule(result.steps, style) + (options.verbose ? RenderStandings(result.at_end, style) : "") + "=> " +
         Printable(result.outcome) + "\n";
}

std::string Explain(std::string_view rule) {
  const RuleDef* def = FindRule(std::string(rule));
  if (def == nullptr) throw std::invalid_argument(UnknownRule(std::string(rule)));
  return def->id + ": " + def->summary + "\n\n" + def->explain;
}

std::vector<std::string> Formats() { return FormatNames(); }

std::vector<std::string> Rules() {
  std::vector<std::string> ids;
  for (const RuleDef& rule : AllRules()) ids.push_back(rule.id);
  return ids;
}

std::string Version() { return std::string(kToolVersion); }

std::string QuotedJson(std::string_view text) {
  std::string out = "\"";
  for (char byte : text) {
    const auto code = static_cast<unsigned char>(byte);
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += byte;
    } else if (code < 0x20) {
      constexpr char kDigits[] = "0123456789abcdef";
      out += std::string("\\u00") + kDigits[code >> 4] + kDigits[code & 15];
    } else {
      out += byte;
    }
  }
  return out + "\"";
}

}  // namespace v1
}  // namespace asyncrt
