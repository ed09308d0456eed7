#include "core/confirm/outcome.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/confirm/tickets.h"

namespace asyncrt {
namespace {

using Value = nlohmann::json;

std::string TextOf(const Value& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

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

bool IsPanicOf(const Finding& finding, const PanicSeen& panic) {
  const std::string party = PanicParty(finding), message = MessageOf(finding);
  if (!party.empty() && panic.party != party) return false;
  bool is_there = panic.pointer == PanicPointer(finding);
  for (const Location& location : finding.locations) is_there = is_there || panic.pointer == location.pointer;
  // An `unwrap` says what it unwraps; the scenario says only that it fails. What falls at the end of a body has no op of its own.
  return is_there || IsSameMessage(panic.message, message);
}

bool IsRelated(std::string_view one, std::string_view other) {
  const std::size_t size = std::min(one.size(), other.size());
  return size > 0 && one.substr(0, size) == other.substr(0, size) &&
         (one.size() == other.size() || (one.size() > size ? one[size] : other[size]) == '/');
}

// Whether the party stands where the finding says that it waits.
bool StandsThere(const Finding& finding, const Wait& wait, const PartySeen& party) {
  if (wait.op == "run") return party.state == "ready and not polled" || party.name == "main" || party.pointer.empty();
  // A runtime or a value that falls at the end of a body has no op of its own.
  if (wait.op == "drop" || wait.op == "end") return true;
  const std::string verb = party.doing.substr(0, party.doing.find(' '));
  if (verb == wait.op) return true;
  return std::any_of(finding.locations.begin(), finding.locations.end(), [&](const Location& at) { return IsRelated(at.pointer, party.pointer); });
}

std::string HangDifference(const Finding& finding, const RunOutcome& run) {
  std::string away;
  for (const Wait& wait : finding.waits) {
    const std::string name = ExportedParty(wait.who);
    if (name.empty()) continue;
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
        if (party.is_object()) run.parties.push_back({TextOf(party, "party"), TextOf(party, "op"), TextOf(party, "doing"), TextOf(party, "state")});
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
    const std::string difference = HangDifference(finding, run);
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
  return "it ends as " + OutcomeText(run);
}

}  // namespace asyncrt
