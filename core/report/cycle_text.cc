#include "core/report/cycle_text.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "core/report/display.h"

namespace asyncrt {
namespace {

// Is this wait that of `party`: its own, or that of whoever occupies it, if it is a thread?
bool IsWaitOf(const Wait& wait, const std::string& party) {
  return wait.who == party || (wait.thread && "thread " + *wait.thread == party);
}

// The waits from the first on, each followed by that of whoever it is for. Empty unless it comes back to its beginning.
std::vector<const Wait*> CycleOf(std::span<const Wait> waits) {
  std::vector<const Wait*> chain;
  if (waits.empty()) return chain;
  std::set<const Wait*> seen;
  for (const Wait* wait = &waits[0]; seen.insert(wait).second;) {
    chain.push_back(wait);
    if (IsWaitOf(*chain[0], wait->waits_for)) return chain;
    const auto next =
        std::find_if(waits.begin(), waits.end(), [&](const Wait& other) { return IsWaitOf(other, wait->waits_for); });
    if (next == waits.end()) return {};
    wait = &*next;
  }
  return {};
}

// "task consumer" as "consumer".
std::string BareName(const std::string& party) {
  for (std::string_view kind : {"task ", "thread "}) {
    if (party.starts_with(kind)) return party.substr(kind.size());
  }
  return party;
}

// Without their kinds, parties with the same name could be taken for one.
bool HaveOwnNames(const std::vector<const Wait*>& cycle) {
  std::set<std::string> parties, names;
  for (const Wait* wait : cycle) parties.insert({wait->who, wait->waits_for});
  for (const std::string& party : parties) names.insert(BareName(party));
  return names.size() == parties.size();
}

// "a", " ──lock m──▶ b", and so on until it comes back to a.
std::vector<std::string> CycleParts(const std::vector<const Wait*>& cycle, bool is_bare, const TextStyle& style) {
  const auto name = [&](const std::string& party) { return Printable(is_bare ? BareName(party) : party); };
  std::vector<std::string> parts = {name(cycle[0]->who)};
  const auto add = [&](const std::string& label, const std::string& party) {
    parts.push_back((style.unicode ? " ──" : " --") + label + (style.unicode ? "──▶ " : "--> ") + name(party));
  };
  for (std::size_t i = 0; i < cycle.size(); ++i) {
    const std::string& next = cycle[(i + 1) % cycle.size()]->who;
    add(WaitedFor(*cycle[i]), cycle[i]->waits_for);
    if (cycle[i]->waits_for != next) add("runs", next);
  }
  return parts;
}

}  // namespace

std::string WaitedFor(const Wait& wait) { return Printable(wait.on ? wait.op + " " + *wait.on : wait.op); }

std::vector<std::string> CycleLines(std::span<const Wait> waits, std::size_t width, const TextStyle& style) {
  const std::vector<const Wait*> cycle = CycleOf(waits);
  if (cycle.empty()) return {};
  std::vector<std::string> lines;
  for (bool is_bare : {false, true}) {
    if (is_bare && !HaveOwnNames(cycle)) break;
    lines = {""};
    for (const std::string& part : CycleParts(cycle, is_bare, style)) {
      if (!lines.back().empty() && DisplayWidth(lines.back()) + DisplayWidth(part) > width) lines.emplace_back(" ");
      lines.back() += part;
    }
    if (lines.size() == 1) break;
  }
  return lines;
}

}  // namespace asyncrt
