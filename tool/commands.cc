#include "tool/commands.h"

#include <string>
#include <utility>

#include "core/report/formats.h"

namespace asyncrt {
namespace {

constexpr std::size_t kManyOperands = 1'000'000;

std::vector<FlagDef> With(std::vector<FlagDef> flags, std::vector<FlagDef> more) {
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

// "json, text, …": from the table of formats.
std::string_view FormatDoc() {
  static const std::string doc = [] {
    std::string text = "the report's format, and a file instead of stdout: ";
    for (const FormatDef& format : AllFormats()) text += (&format == &AllFormats()[0] ? "" : ", ") + std::string(format.name);
    return text;
  }();
  return doc;
}

// What decides how a scenario is explored; the same for every command that explores.
std::vector<FlagDef> SearchFlags() {
  return {
      {"timing-model", "both|ideal|adversarial", false, "as the scenario says", "judge under these timings"},
      {"scheduler", "atomic|exact", false, "atomic", "play a worker's search and park as one step, or part by part"},
      {"no-reduction", "fusing|workers|stubborn|chains|symmetry|values|all", true, "", "explore without one of the reductions; never changes what is found"},
      {"strategy", "exhaustive|bitstate|random|pct", false, "exhaustive", "all schedules, as many as three bits a state allow, or single runs"},
      {"seed", "N", false, "1", "of the runs of random and pct"},
      {"schedules", "N", false, "10000", "how many runs random and pct play"},
      {"depth", "N", false, "3", "how many ordering constraints a bug may need that pct looks for"},
      {"exact", "", false, "", "keep whole states, so that none is ever taken for another one"},
      {"tokio", "VERSION", false, "as the scenario says", "the Tokio version whose rules apply"},
      {"max-states", "N", false, "20000000", "stop a scenario after so many states"},
      {"max-depth", "N", false, "no limit", "stop a schedule after so many steps"},
      {"time-limit", "DURATION", false, "no limit", "stop a scenario after so long: 10s, 2m"},
      {"memory-limit", "SIZE", false, "8GiB", "stop a scenario above so much memory: 512MiB, 4GiB"},
      {"jobs", "N", false, "the number of cores", "use so many threads, for several scenarios at once or one long search; never changes the report"},
  };
}

FlagDef ColorFlag() { return {"color", "auto|always|never", false, "auto", "color in text"}; }

FlagDef VerboseFlag(std::string_view doc) { return {"verbose", "", false, "", doc, "v"}; }

FlagDef ProgressFlag() { return {"progress", "auto|always|never", false, "auto", "how far a long check is, on stderr; auto: if that is a terminal"}; }

FlagDef TableFormatFlag() { return {"format", "text|json", false, "text", "how to print it"}; }

std::vector<CommandDef> BuildTable() {
  return {
      {"run",
       "PATH...",
       1,
       kManyOperands,
       "Checks scenarios (files, folders, - for stdin) and prints a report.",
       {"asyncrt-check run scenarios/ --format text", "asyncrt-check run deadlock.json | jq .verdict",
        "asyncrt-check run scenarios/ --format short --format json=report.json"},
       With(
           {
               {"format", "NAME[=FILE]", true, "json", FormatDoc()},
               {"output", "FILE", false, "stdout", "write the report there; stdout gets a summary", "o"},
               {"fail-on", "note|warning|error|never", false, "error", "the least severity that gives exit status 1"},
               {"fail-on-warning", "", false, "", "the same as --fail-on warning"},
               {"allow-incomplete", "", false, "", "exit with 0, not 3, when a limit ended the exploration"},
               {"rule", "RULE=off|note|warning|error", true, "", "change a rule's severity; RULE may be FAMILY/*"},
               {"baseline", "FILE", false, "", "findings that are in it do not count"},
               {"write-baseline", "FILE", false, "", "write what is found as a baseline"},
               {"checkpoint", "FILE", false, "", "keep there how far the search is, now and then, when it is interrupted and when a limit ends it; removed once everything is explored, or every run played"},
               {"checkpoint-every", "DURATION", false, "30s", "how often that is"},
               {"resume", "", false, "", "go on from the file of --checkpoint, if there is one; limits may be larger than they were"},
               {"shard", "I/N", false, "", "check every N-th part of the scenarios, by the hash of their paths; join the reports with `merge`"},
           },
           With(SearchFlags(), {ColorFlag(), ProgressFlag(), VerboseFlag("in text, what each party and object is at the end of a schedule"), {"timing", "", false, "", "add times and rates to the report"}})),
       RunCommand},
      {"test",
       "PATH...",
       1,
       kManyOperands,
       "Compares what is found with what each scenario expects.",
       {"asyncrt-check test scenarios/", "asyncrt-check test scenarios/ --jobs 4",
        "asyncrt-check test mine.json --max-states 100000"},
       With(SearchFlags(), {ColorFlag(), ProgressFlag()}),
       TestCommand},
      {"merge",
       "REPORT...",
       1,
       kManyOperands,
       "Joins the JSON reports of shards into one.",
       {"asyncrt-check merge shard-1.json shard-2.json > report.json", "asyncrt-check merge shard-*.json | jq .summary",
        "asyncrt-check run scenarios/ --shard 1/4 > shard-1.json"},
       {},
       MergeCommand},
      {"replay",
       "FILE",
       1,
       1,
       "Plays the findings of a report, or one schedule of a scenario, step by step.",
       {"asyncrt-check run a.json > report.json; asyncrt-check replay report.json",
        "asyncrt-check replay a.json --schedule STRING", "asyncrt-check run a.json | asyncrt-check replay -"},
       {{"schedule", "STRING", false, "", "a finding's `replay`; FILE is then a scenario"},
        {"timing-model", "both|ideal|adversarial", false, "as the scenario says", "as it was when it was found"},
        {"scheduler", "atomic|exact", false, "as the schedule says", "refuse a schedule of the other one"},
        {"tokio", "VERSION", false, "as the scenario says", "as it was when it was found"},
        ColorFlag(),
        VerboseFlag("then what each party and object is at the end")},
       ReplayCommand},
      {"export",
       "PATH...",
       1,
       kManyOperands,
       "Writes scenarios as a cargo project that does the same on real Tokio, under a watchdog.",
       {"asyncrt-check export a.json --output a-in-rust; cd a-in-rust; cargo run",
        "asyncrt-check export scenarios/tour --output tour; cd tour; cargo run -- NAME",
        "asyncrt-check export a.json --output a-in-rust --tokio-path ~/tokio/tokio"},
       {{"to", "rust", false, "rust", "the language"},
        {"output", "DIR", false, "", "the folder of the project: new, empty, or one that `export` wrote", "o"},
        {"tokio-path", "DIR", false, "Debian's librust-tokio-dev", "the source of another Tokio"},
        ColorFlag()},
       ExportCommand},
      {"confirm",
       "REPORT",
       1,
       1,
       "Tries the findings of a JSON report on real Tokio, along their schedules, and says which ones it shows.",
       {"asyncrt-check run a.json --tokio 1.24 | asyncrt-check confirm - --format text",
        "asyncrt-check confirm report.json --in-place --runs 20",
        "asyncrt-check confirm report.json --tokio-path ~/tokio/tokio"},
       {{"format", "NAME", false, "json", "the report's format: those of `run`"},
        {"output", "FILE", false, "stdout", "write the report there; stdout gets a summary"},
        {"in-place", "", false, "", "write the report back to where it was read from"},
        {"tokio-path", "DIR", false, "Debian's librust-tokio-dev", "the source of another Tokio"},
        {"build", "DIR", false, "~/.cache/asyncrt-check", "where to build; kept for the next time"},
        {"runs", "N", false, "10", "run a finding's program at most so often: along the schedule, then by chance"},
        {"timeout", "DURATION", false, "1s", "what has no end so long after the time that its schedule takes hangs"},
        {"jobs", "N", false, "the number of cores", "run so many programs at once"},
        ColorFlag()},
       ConfirmCommand},
      {"explain",
       "RULE",
       1,
       1,
       "Explains a rule: what it means, why it happens, how to fix it, in Rust, too.",
       {"asyncrt-check explain deadlock/blocked-workers", "asyncrt-check explain relock",
        "asyncrt-check explain panic/task --format json | jq -r .bad"},
       {TableFormatFlag()},
       ExplainCommand},
      {"rules",
       "",
       0,
       0,
       "Lists the rules.",
       {"asyncrt-check rules", "asyncrt-check rules --format json | jq -r '.rules[].rule'",
        "asyncrt-check rules | grep starvation"},
       {TableFormatFlag()},
       RulesCommand},
      {"ops",
       "[VERB]",
       0,
       1,
       "Lists the operations of the scenario language, or describes one.",
       {"asyncrt-check ops", "asyncrt-check ops recv", "asyncrt-check ops --format json | jq -r '.ops[].op'"},
       {TableFormatFlag()},
       OpsCommand},
      {"schema",
       "scenario|report",
       1,
       1,
       "Prints the JSON Schema (draft 2020-12) of scenarios or of reports.",
       {"asyncrt-check schema scenario > asyncrt-scenario.schema.json", "asyncrt-check schema report | jq .title",
        "asyncrt-check schema scenario | jq '.[\"$defs\"] | keys'"},
       {},
       SchemaCommand},
      {"init",
       "[FILE]",
       0,
       1,
       "Writes a first scenario, which explains itself; never over a file that is there.",
       {"asyncrt-check init && asyncrt-check run first.json --format text", "asyncrt-check init scenarios/lost-wakeup.json",
        "asyncrt-check init - | asyncrt-check run -"},
       {},
       InitCommand},
      {"completion",
       "bash|zsh|fish",
       1,
       1,
       "Prints the completion script of a shell.",
       {"source <(asyncrt-check completion bash)", "asyncrt-check completion zsh > ~/.zfunc/_asyncrt-check",
        "asyncrt-check completion fish > ~/.config/fish/completions/asyncrt-check.fish"},
       {},
       CompletionCommand},
      {"man",
       "1|5",
       1,
       1,
       "Prints a manual page: 1 of the tool, 5 of the scenario language.",
       {"asyncrt-check man 1 | man -l -", "asyncrt-check man 5 | man -l -", "asyncrt-check man 5 > asyncrt-scenario.5"},
       {},
       ManCommand},
  };
}

}  // namespace

const std::vector<CommandDef>& AllCommands() {
  static const std::vector<CommandDef> table = BuildTable();
  return table;
}

}  // namespace asyncrt
