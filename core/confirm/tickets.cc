#include "core/confirm/tickets.h"

#include <map>
#include <set>

#include "core/export/rust.h"
#include "core/scenario/names.h"

namespace asyncrt {
namespace {

constexpr std::size_t kTicketsMax = 5000;

void CollectOps(const Body* body, std::set<const Body*>& seen, std::vector<const Op*>& out) {
  if (body == nullptr || !seen.insert(body).second) return;
  for (const Op& op : body->ops) {
    out.push_back(&op);
    for (const Body* inner : {op.body.get(), op.then.get(), op.otherwise.get(), op.on_failure.get(), op.drop.get()}) CollectOps(inner, seen, out);
    for (const Branch& branch : op.branches) {
      CollectOps(branch.await.get(), seen, out);
      CollectOps(branch.then.get(), seen, out);
    }
  }
}

bool IsBelow(std::string_view pointer, std::string_view above) {
  return pointer.size() > above.size() && pointer.starts_with(above) && pointer[above.size()] == '/';
}

// Several steps of these can be one op: they have a body, or wait for several things in a row.
bool HasManySteps(const Op& op) {
  if (op.def->code == Code::kWhile) return false;   // each look at its condition is told of
  return op.body != nullptr || !op.branches.empty() || op.count.value_or(1) > 1 || op.def->code == Code::kAwait ||
         op.def->code == Code::kJoinThread;
}

bool Waits(const ScheduleStep& step) { return step.effect.starts_with("suspends") || step.effect.starts_with("the thread blocks"); }

// What one party has done so far.
struct Trail {
  std::set<std::string> waits_at;           // ops that it has come to and not got through
  std::map<std::string, std::size_t> done;  // op -> how many steps it had made then
  std::vector<std::string> steps;
  bool has_ended = false;
};

// The branches of `choose` that a party takes show in the ops that it comes to: "", or the line for this step. A branch without such an op stays open.
std::string Chosen(const std::map<std::string, const Op*>& op_at, const std::string& party, const std::string& pointer, const Trail& trail) {
  std::string lines;
  constexpr std::string_view kBranches = "/branches/";
  for (std::size_t at = pointer.find(kBranches); at != std::string::npos; at = pointer.find(kBranches, at + 1)) {
    const std::string choose = pointer.substr(0, at);
    const auto op = op_at.find(choose);
    if (op == op_at.end() || op->second->def->code != Code::kChoose) continue;
    const std::size_t begin = at + kBranches.size();
    const std::string branch = pointer.substr(begin, pointer.find('/', begin) - begin), inside = choose + std::string(kBranches) + branch;
    const bool goes_on = !trail.steps.empty() && IsBelow(trail.steps.back(), inside) && trail.steps.back() != pointer;
    if (!goes_on) lines += "choose\t" + party + "\t" + choose + "\t" + branch + "\n";
  }
  return lines;
}

// The place of the end of the party's body, if the step belongs to that: "" otherwise. Unwinding does not come by there.
std::string EndOfBody(const std::map<std::string, const Op*>& op_at, const std::string& party, const ScheduleStep& step) {
  if ((step.op != "drop" && step.effect != "ends") || step.effect.starts_with("panics")) return "";
  if (step.pointer.empty()) return party == "main" && !step.task ? "/main" : "";
  const auto at = op_at.find(step.pointer);
  if (at == op_at.end() || !IsParty(at->second->def->code)) return "";
  const std::string name = UnitNameOf(*at->second, *at->second->body);
  return party == name || party.starts_with(name + "[") ? step.pointer : "";
}

// Whether the party comes to the op with this step, or goes on in it.
bool Begins(const Op& op, const std::string& pointer, const Trail& trail) {
  if (trail.waits_at.count(pointer) != 0) return false;
  const auto before = trail.done.find(pointer);
  if (before == trail.done.end() || !HasManySteps(op)) return true;
  for (std::size_t k = before->second; k < trail.steps.size(); ++k)
    if (trail.steps[k] != pointer && !IsBelow(trail.steps[k], pointer)) return true;
  return false;
}

}  // namespace

std::vector<const Op*> AllOps(const Scenario& scenario) {
  std::vector<const Op*> ops;
  std::set<const Body*> seen;
  CollectOps(&scenario.main, seen, ops);
  for (const Object& object : scenario.objects) CollectOps(object.drop.get(), seen, ops);
  return ops;
}

std::string ExportedParty(std::string_view party) {
  for (std::string_view kind : {"task ", "thread "})
    if (party.starts_with(kind)) return std::string(party.substr(kind.size(), party.find('#') - kind.size()));
  return "";
}

Tickets TicketsOf(const Scenario& scenario, const std::vector<ScheduleStep>& schedule, TicketKind kind) {
  std::map<std::string, const Op*> op_at;
  for (const Op* op : AllOps(scenario)) op_at.emplace(op->node->pointer, op);
  Tickets tickets;
  std::map<std::string, Trail> trails;
  std::int64_t now = 0;
  bool repeats = false;
  for (const ScheduleStep& step : schedule) {
    if (tickets.count >= kTicketsMax) break;
    if (step.in_loop && !repeats) {
      repeats = true;
      tickets.text += "loop\n";
    }
    if (step.time_us > now && kind.with_time) {
      tickets.text += "time\t" + std::to_string(step.time_us - now) + "\n";
      now = step.time_us;
    }
    const std::string party = ExportedParty(step.task.value_or("thread " + step.thread));
    if (step.op == "poll" && kind.with_polls && step.task && !party.empty()) {
      tickets.text += "poll\t" + party + "\n";
      ++tickets.count;
    }
    Trail& trail = trails[step.task.value_or(step.thread)];
    if (const std::string end = EndOfBody(op_at, party, step); !end.empty()) {
      if (!trail.has_ended) {
        tickets.text += "op\t" + party + "\t" + end + "\t" + (Waits(step) ? "waits" : "goes") + "\n";
        ++tickets.count;
      }
      trail.has_ended = true;
      continue;
    }
    const auto at = op_at.find(step.pointer);
    // What falls at the end of a block has the place of an op that the party has passed.
    if (at == op_at.end() || step.op != at->second->def->verb || step.effect == "ends") continue;
    const Op& op = *at->second;
    const bool begins = Begins(op, step.pointer, trail);
    if (begins) tickets.text += Chosen(op_at, party, step.pointer, trail);
    trail.steps.push_back(step.pointer);
    trail.done[step.pointer] = trail.steps.size();
    if (begins)   // what it waited for inside has gone with the run before
      for (auto it = trail.waits_at.begin(); it != trail.waits_at.end();) it = IsBelow(*it, step.pointer) ? trail.waits_at.erase(it) : std::next(it);
    if (Waits(step)) trail.waits_at.insert(step.pointer);
    else trail.waits_at.erase(step.pointer);
    if (!begins || !IsToldOfByRust(op.def->code)) continue;
    tickets.text += "op\t" + party + "\t" + step.pointer + "\t" + (Waits(step) ? "waits" : "goes") + "\n";
    ++tickets.count;
  }
  return tickets;
}

}  // namespace asyncrt
