#include "core/confirm/outcome.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include "core/base/json_library.h"
#include "core/confirm/tickets.h"
#include "core/report/json_fields.h"

namespace asyncrt {
namespace {

using Value = nlohmann::json;

// The words of Tokio's and std's panics differ a little between releases; what they begin with does not.
constexpr std::size_t kSameWords = 24;
bool IsSameMessage(std::string_view one, std::string_view other) {
  return !one.empty() && !other.empty() && one.substr(0, kSameWords) == other.substr(0, kSameWords);
}

// What the panic says, if the schedule's last panic tells.
std::string MessageOf(const Finding& finding) {
  constexpr std::string_view kPanics = "panics: ";
  for (auto step = finding.schedule.rbegin(); step != finding.schedule.rend(); ++step)
    if (step->effect.starts_with(kPanics)) return step->effect.substr(kPanics.size());
  return "";
}

std::string PanicPointer(const Finding& finding) {
  for (auto step = finding.schedule.rbegin(); step != finding.schedule.rend(); ++step)
    if (step->effect.starts_with("panics")) return step->pointer;
  return finding.locations.empty() ? "" : finding.locations[0].pointer;
}

std::string PanicParty(const Finding& finding) {
  for (auto step = finding.schedule.rbegin(); step != finding.schedule.rend(); ++step)
    if (step->effect.starts_with("panics")) return ExportedParty(step->task.value_or("thread " + step->thread));
  return "";
}

bool IsRelated(std::string_view one, std::string_view other) {
  const std::size_t size = std::min(one.size(), other.size());
  return size > 0 && one.substr(0, size) == other.substr(0, size) &&
         (one.size() == other.size() || (one.size() > size ? one[size] : other[size]) == '/');
}

bool IsPanicOf(const Finding& finding, const PanicSeen& panic) {
  const std::string party = PanicParty(finding), place = PanicPointer(finding);
  const bool is_party = party.empty() || panic.party == party;
  if (panic.pointer == place) return true;
  for (const Location& location : finding.locations) {
    // An `unwrap` says what it unwraps, and the scenario only that it fails: the place decides, whoever comes there first. Who panics in an
    // op stands in the last one inside it.
    if (panic.pointer == location.pointer || (is_party && IsRelated(location.pointer, panic.pointer))) return true;
    // What is declared is built before the first op.
    if (finding.rule == "ownership/bad-config" && panic.pointer.empty() && !location.pointer.starts_with("/main")) return true;
  }
  // What falls at the end of a body, or is built by an op, has no place of its own.
  const std::string message = MessageOf(finding);
  if (finding.rule == "ownership/bad-config") return IsSameMessage(panic.message, message) || (!panic.message.empty() && message.find(panic.message) != std::string::npos);
  return is_party && IsSameMessage(panic.message, message);
}

// Ops that poll other ops of the same party, which then stands in each of those.
bool PollsOthers(std::string_view verb) {
  for (std::string_view one : {"await", "select", "join", "timeout", "next", "notified", "poll", "block_on", "run_until", "unconstrained", "catch_panic"})
    if (verb == one) return true;
  return false;
}

// Whether the party stands where the finding says that it waits.
bool StandsThere(const Finding& finding, const Wait& wait, const PartySeen& party) {
  const std::string verb = party.doing.substr(0, party.doing.find(' '));
  // Who yields is ready, though its wake-up may lie in a list that the worker has not come to.
  if (wait.op == "run") return party.state == "ready and not polled" || verb == "yield_now" || party.name == "main" || party.pointer.empty();
  // A runtime or a value that falls at the end of a body has no op of its own.
  if (wait.op == "drop" || wait.op == "end") return true;
  if (verb == wait.op) return true;
  const auto came_to = [&](const std::string& pointer) { return std::find(party.came_to.begin(), party.came_to.end(), pointer) != party.came_to.end(); };
  return std::any_of(finding.locations.begin(), finding.locations.end(), [&](const Location& at) {
    return IsRelated(at.pointer, party.pointer) || (PollsOthers(verb) && came_to(at.pointer));
  });
}

// "copy[1]" is copy 1 of "copy"; -1: it is no copy.
std::pair<std::string, int> CopyOf(const std::string& party) {
  const std::size_t open = party.find('[');
  int index = -1;
  if (open == std::string::npos || std::from_chars(party.data() + open + 1, party.data() + party.size(), index).ec != std::errc()) return {party, -1};
  return {party.substr(0, open), index};
}

std::string HangDifference(const Finding& finding, const RunOutcome& run, const std::map<std::string, std::string>& stands_for) {
  std::string away;
  for (const Wait& wait : finding.waits) {
    const std::string party_of_wait = ExportedParty(wait.who);
    if (party_of_wait.empty()) continue;
    const auto other = stands_for.find(party_of_wait);
    const std::string& name = other == stands_for.end() ? party_of_wait : other->second;
    bool is_alive = false, stands = false;
    std::string elsewhere;
    for (const PartySeen& party : run.parties) {
      if (party.name != name) continue;
      is_alive = true;
      if (StandsThere(finding, wait, party)) stands = true;
      else elsewhere = "`" + party.doing + "` (" + party.state + ")";
    }
    if (!is_alive) return wait.who + " has ended";
    if (!stands) away = wait.who + " stands in " + elsewhere + ", not in `" + wait.op + "`";
  }
  return away;
}

// Copies of one body can change places: which of two waiters is woken is chance, and nothing else tells them apart.
std::string HangDifference(const Finding& finding, const RunOutcome& run) {
  std::string difference = HangDifference(finding, run, {});
  if (difference.empty()) return "";
  std::map<std::string, std::set<int>> copies;
  for (const PartySeen& party : run.parties)
    if (const auto [name, index] = CopyOf(party.name); index >= 0) copies[name].insert(index);
  std::map<std::string, std::set<int>> waiting;
  for (const Wait& wait : finding.waits)
    if (const auto [name, index] = CopyOf(ExportedParty(wait.who)); index >= 0) waiting[name].insert(index);
  constexpr std::size_t kCopiesMax = 6;   // all orders of more would take too long
  for (const auto& [name, wanted] : waiting) {
    std::vector<int> there(copies[name].begin(), copies[name].end());
    if (there.size() < wanted.size() || there.size() > kCopiesMax) continue;
    do {
      std::map<std::string, std::string> stands_for;
      std::size_t k = 0;
      for (int index : wanted) stands_for[name + "[" + std::to_string(index) + "]"] = name + "[" + std::to_string(there[k++]) + "]";
      if (HangDifference(finding, run, stands_for).empty()) return "";
    } while (std::next_permutation(there.begin(), there.end()));
  }
  return difference;
}

}  // namespace

Shown ShownBy(std::string_view rule) {
  if (rule.starts_with("deadlock/") || rule == "starvation/never-polled" || rule == "starvation/livelock") return Shown::kHang;
  if (rule.starts_with("panic/")) return Shown::kPanic;
  if (!rule.starts_with("ownership/") || rule == "ownership/data-race") return Shown::kNothing;
  for (std::string_view refused : {"ownership/use-after-move", "ownership/not-send", "ownership/borrow-escapes", "ownership/two-borrows"})
    if (rule == refused) return Shown::kRefusal;
  // Some releases build what they cannot run.
  return rule == "ownership/bad-config" ? Shown::kHangOrPanic : Shown::kPanic;
}

RunOutcome ReadRun(const std::string& output, bool was_killed) {
  RunOutcome run;
  run.end = was_killed ? RunOutcome::End::kKilled : RunOutcome::End::kAborted;
  for (std::size_t begin = 0; begin < output.size();) {
    std::size_t end = output.find('\n', begin);
    if (end == std::string::npos) end = output.size();
    const Value line = Value::parse(output.substr(begin, end - begin), nullptr, false);
    begin = end + 1;
    if (!line.is_object()) continue;
    const std::string event = TextOf(line, "event");
    if (event == "panic") {
      run.panics.push_back({TextOf(line, "party"), TextOf(line, "op"), TextOf(line, "message")});
      continue;
    }
    if (event == "end") run.end = TextOf(line, "outcome") == "completed" ? RunOutcome::End::kCompleted : RunOutcome::End::kPanicked;
    if (event == "hang") run.end = RunOutcome::End::kHang;
    if (const auto missed = line.find("turns_missed"); missed != line.end() && missed->is_number_unsigned()) run.turns_missed = missed->get<std::uint64_t>();
    if (const auto parties = line.find("parties"); parties != line.end() && parties->is_array())
      for (const Value& party : *parties)
        if (party.is_object())
          run.parties.push_back({TextOf(party, "party"), TextOf(party, "op"), TextOf(party, "doing"), TextOf(party, "state"), TextsOf(party, "came_to")});
  }
  return run;
}

std::string OutcomeText(const RunOutcome& run) {
  if (!run.panics.empty() && run.end != RunOutcome::End::kHang) return "panic";
  switch (run.end) {
    case RunOutcome::End::kCompleted: return "completed";
    case RunOutcome::End::kPanicked: return "panic";
    case RunOutcome::End::kHang: return "hang";
    case RunOutcome::End::kAborted: return "aborted";
    case RunOutcome::End::kKilled: return "did not end";
  }
  return "";
}

std::string Difference(const Finding& finding, const RunOutcome& run) {
  const Shown shown = ShownBy(finding.rule);
  const bool hangs = run.end == RunOutcome::End::kHang;
  if ((shown == Shown::kHang || shown == Shown::kHangOrPanic) && hangs) {
    std::string difference = HangDifference(finding, run);
    if (difference.empty() || shown == Shown::kHang) return difference;
  }
  if (shown == Shown::kPanic || shown == Shown::kHangOrPanic) {
    for (const PanicSeen& panic : run.panics)
      if (IsPanicOf(finding, panic)) return "";
    if (!run.panics.empty()) {
      const PanicSeen& first = run.panics.front();
      return (first.party.empty() ? "somebody" : first.party) + " panics at " + (first.pointer.empty() ? "its start" : first.pointer) + ": " + first.message;
    }
  }
  return "the run ends otherwise: " + OutcomeText(run);
}

}  // namespace asyncrt
