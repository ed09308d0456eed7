// Runs without an end that are fair.
#include "core/explore/explorer.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>
#include <vector>

#include "core/explore/fingerprint.h"

namespace asyncrt {

void Explorer::LookForCycles() {
  cycles_ = graph_.HasCycle(visited_.size(), deadline_);
}

// Strongly connected components of the graph; fair ones are endless runs. `more`: time was let pass somewhere.
bool Explorer::Cycles(bool* more) {
  std::vector<std::uint32_t> states;
  // Calls `cycle` for each component in which somebody moves but `left_out`, and whether one of them leads out of it.
  auto for_each = [&](int left_out, auto cycle) {
    Components graph(&graph_, visited_.size(), deadline_, left_out);
    for (std::uint32_t c = 0; c < graph.count(); ++c) {
      deadline_.Step();
      graph.StatesOf(c, &states);
      bool internal = false, leaves = false;
      for (std::uint32_t v : states)
        for (std::uint32_t k = graph.first(v); k < graph.first(v + 1); ++k)
          if (graph.edge(k).actor != left_out) (graph.IsInside(k) ? internal : leaves) = true;
      if (internal) cycle(graph, leaves);
    }
  };
  if (mode_.timing == Timing::kIdeal) {
    for_each(machine_.clock(), [&](Components&, bool leaves) {
      if (!leaves) LetTimePass(states, more);
    });
    if (!machine_.overflow().empty()) return false;
  }
  if (*more) {
    if (!Levels()) return false;
    if (!result_.complete) *more = false;
    return true;
  }
  for_each(mode_.timing == Timing::kAdversarial ? machine_.clock() : Components::kAllActors, [&](Components& graph, bool) { FairCycle(states, graph); });
  return true;
}

// Ideal timing: everything that can run has come back to where it was at the same instant, so the clock moves on.
void Explorer::LetTimePass(const std::vector<std::uint32_t>& states, bool* more) {
  for (std::uint32_t v : states) {
    if (passed_.count(v) || !machine_.overflow().empty()) continue;
    Path(v);
    std::vector<std::uint8_t> state = v == 0 ? InitialBytes() : last_state_;
    std::memcpy(scratch_.data(), state.data(), bytes_);
    machine_.Attach(scratch_.data());
    if (!machine_.ClockEnabled(false)) continue;
    passed_.insert(v);
    *more = true;
    number_ = v;
    if (!own_.Apply(state.data(), visited_.FingerprintOf(v), machine_.clock(), this)) return;
  }
  FlushPending();
}

void Explorer::FairCycle(const std::vector<std::uint32_t>& states, Components& graph) {
  int actors = machine_.clock() + 1;
  std::vector<bool> moves(static_cast<std::size_t>(actors), false), always(static_cast<std::size_t>(actors), true);
  for (std::uint32_t v : states) {
    deadline_.Step();
    std::set<int> here, inside, outside;
    for (std::uint32_t k = graph.first(v); k < graph.first(v + 1); ++k) {
      const StateGraph::Edge& e = graph.edge(k);
      here.insert(e.actor);
      if (graph.IsInside(k)) { moves[e.actor] = true; inside.insert(e.actor); }
      else if (!e.unfair) outside.insert(e.actor);
    }
    for (int a : inside) if (outside.count(a)) return;   // a fair choice leaves
    for (int a = 0; a < actors; ++a) if (!here.count(a)) always[static_cast<std::size_t>(a)] = false;
  }
  for (int a = 0; a < actors; ++a)
    if (always[static_cast<std::size_t>(a)] && !moves[static_cast<std::size_t>(a)]) return;   // not fair to this one
  if (!Rebuild(states, graph)) return;
  // Who goes on, who is ready and never polled, who is stuck.
  std::vector<bool> active(static_cast<std::size_t>(l_.frames), false), ready(static_cast<std::size_t>(l_.frames), true);
  std::vector<bool> waits_for_lock(static_cast<std::size_t>(l_.threads), true), could(static_cast<std::size_t>(l_.threads), false);
  std::uint32_t best = states[0];
  for (std::uint32_t v : states) {
    Tick();
    std::vector<std::uint8_t>& state = bytes_of_.at(v);
    machine_.Attach(state.data());
    if (machine_.H().ended != 0) return;
    for (std::uint32_t k = graph.first(v); k < graph.first(v + 1); ++k) {
      if (!graph.IsInside(k) || graph.edge(k).actor == machine_.clock()) continue;
      for (int s = machine_.T(graph.edge(k).actor).top - 1, guard = 0; s >= 0 && guard < 64; s = machine_.S(s).parent - 1, ++guard)
        active[static_cast<std::size_t>(machine_.FrameOf(s))] = true;
    }
    for (int t = 0; t < l_.threads; ++t) {
      int top = machine_.T(t).top - 1;
      if (top < 0 || machine_.InstrAt(top).op != VmOp::kStdLock || moves[static_cast<std::size_t>(t)]) waits_for_lock[static_cast<std::size_t>(t)] = false;
      else if (machine_.ThreadEnabled(t)) could[static_cast<std::size_t>(t)] = true;
    }
    for (int f = 0; f < l_.frames; ++f) {
      FrameCell& frame = machine_.F(f);
      bool waits = frame.live != 0 && machine_.UnitOf(f).kind == UnitKind::kTask && (frame.bits & (kNotified | kRunning | kComplete)) == kNotified;
      if (!waits) ready[static_cast<std::size_t>(f)] = false;
      if (frame.live != 0 && (frame.bits & kComplete) == 0 && machine_.S(machine_.Root(f)).status == StrandStatus::kSuspended && (frame.bits & kNotified) && !waits)
        active[static_cast<std::size_t>(f)] = true;
    }
  }
  Path(best);
  std::vector<std::uint8_t> state = best == 0 ? InitialBytes() : last_state_;
  scratch_ = state;
  machine_.Attach(scratch_.data());
  std::vector<Move> loop;
  for (int actor : graph.LoopThrough(best)) loop.push_back({actor, {}});
  machine_.Attach(scratch_.data());
  for (int t = 0; t < l_.threads; ++t) {   // the lock is free now and then, but somebody else always takes it
    if (!waits_for_lock[static_cast<std::size_t>(t)] || !could[static_cast<std::size_t>(t)]) continue;
    int top = machine_.T(t).top - 1;
    AddEndless("starvation/lock", machine_.FrameOf(top), best, loop, machine_.S(top).pc);
    return;
  }
  int starved = -1;
  for (int f = 0; f < l_.frames; ++f)
    if (ready[static_cast<std::size_t>(f)] && !active[static_cast<std::size_t>(f)]) starved = f;
  if (starved >= 0) {
    AddEndless("starvation/never-polled", starved, best, loop);
    return;
  }
  if (int pc = StarvedBranch(states, graph); pc >= 0) {
    machine_.Attach(scratch_.data());
    AddEndless("starvation/never-polled", machine_.FrameOf(starved_strand_), best, loop, pc);
    return;
  }
  machine_.Attach(scratch_.data());
  // Parties that are stuck while others go on: the ones that wait for nobody active are deadlocks of their own.
  Way here;
  if (ReportStuck(best, active, loop, &here)) return;
  if (std::find(active.begin(), active.end(), true) != active.end()) {
    int spinner = -1;
    for (int f = 0; f < l_.frames; ++f) if (active[static_cast<std::size_t>(f)]) spinner = f;
    AddEndless("starvation/livelock", spinner, best, loop);
  }
}

// The bytes of all states of a component, each made from a neighbour by one step. What is said about an endless run
// must hold in every one of them, so a component that is too large ends the search as incomplete.
bool Explorer::Rebuild(const std::vector<std::uint32_t>& states, const Components& graph) {
  constexpr std::size_t kBytesMax = std::size_t{1} << 30, kPerState = 112;   // the node that holds it
  if (states.size() * bytes_ > kBytesMax || !HasRoomFor(states.size() * (bytes_ + kPerState))) return Stop("memory");
  bytes_of_.clear();
  Path(states[0]);
  bytes_of_[states[0]] = states[0] == 0 ? InitialBytes() : last_state_;
  std::vector<std::uint32_t> queue = {states[0]};
  std::vector<std::uint8_t> work;
  for (std::size_t i = 0; i < queue.size(); ++i) {
    const std::vector<std::uint8_t> from = bytes_of_.at(queue[i]);
    int last = -1;
    for (std::uint32_t k = graph.first(queue[i]); k < graph.first(queue[i] + 1); ++k) {
      if (!graph.IsInside(k) || graph.edge(k).actor == last) continue;
      last = graph.edge(k).actor;
      Chooser chooser;
      do {
        Tick();
        work = from;
        machine_.Attach(work.data());
        machine_.Step(last, chooser);
        std::uint32_t to = visited_.Find(Fingerprint(work.data(), bytes_), work.data());
        if (to == Visited::none || graph.of(to) != graph.of(states[0])) continue;
        if (bytes_of_.emplace(to, work).second) queue.push_back(to);
      } while (chooser.Next());
    }
  }
  // Under adversarial timing a component holds together without steps of the clock, so this reaches all of it.
  return std::all_of(states.begin(), states.end(), [&](std::uint32_t v) { return bytes_of_.count(v) != 0; }) || Stop("states");
}

// A branch of a select that is ready, while the cycle polls others of the same select again and again.
int Explorer::StarvedBranch(const std::vector<std::uint32_t>& states, const Components& graph) {
  if (std::none_of(p_.code.begin(), p_.code.end(), [](const Instr& i) { return i.op == VmOp::kSelect; })) return -1;
  Machine player(p_, l_, mode_);
  std::vector<std::uint8_t> work(bytes_), state;
  std::set<std::pair<int, int>> waiting;   // strand of a branch, and where it stands
  bool first = true;
  player.reached().assign(p_.code.size(), false);
  for (std::uint32_t v : states) {
    Tick();
    state = bytes_of_.at(v);
    std::set<std::pair<int, int>> here;
    player.Attach(state.data());
    for (int s = 0; s < l_.strands; ++s) {
      StrandStatus status = player.S(s).status;
      if (status != StrandStatus::kSuspended && status != StrandStatus::kActive) continue;
      const Instr& in = player.InstrAt(s);
      if (in.op != VmOp::kSelect || player.S(s).phase == 0) continue;
      const auto& branches = p_.branches[static_cast<std::size_t>(in.list)];
      for (std::size_t k = 0; k < branches.size(); ++k) {
        if (branches[k].strand < 0 || ((player.S(s).mask >> k) & 1)) continue;
        int child = player.Root(player.FrameOf(s)) + branches[k].strand;
        if (player.S(child).status != StrandStatus::kActive && BranchReady(player, child)) here.insert({child, player.S(child).pc});
      }
    }
    if (first) waiting = here;
    else {
      std::set<std::pair<int, int>> both;
      std::set_intersection(waiting.begin(), waiting.end(), here.begin(), here.end(), std::inserter(both, both.begin()));
      // A state between two rounds of the select says nothing about its branches.
      if (!here.empty()) waiting = waiting.empty() && !seen_any_ ? here : both;
    }
    seen_any_ = seen_any_ || !here.empty();
    first = false;
    for (std::uint32_t k = graph.first(v); k < graph.first(v + 1); ++k) {
      if (!graph.IsInside(k) || graph.edge(k).actor == player.clock()) continue;
      Chooser chooser;
      do {
        Tick();
        work = state;
        player.Attach(work.data());
        player.Step(graph.edge(k).actor, chooser);
      } while (chooser.Next());
    }
  }
  seen_any_ = false;
  for (const auto& [strand, pc] : waiting)
    if (!player.reached()[static_cast<std::size_t>(pc)]) { starved_strand_ = strand; return pc; }
  return -1;
}

bool Explorer::BranchReady(Machine& m, int strand) {
  const Instr& in = m.InstrAt(strand);
  if (m.S(strand).bits & (kGranted | kGrantedAll | kFired)) return true;
  switch (in.op) {
    case VmOp::kMpscRecv: case VmOp::kOneshotRecv: {
      std::int32_t* w = m.W(m.ElementOf(in, m.FrameOf(strand)));
      return w[Machine::kCount] > 0 || w[Machine::kTxCount] == 0;
    }
    case VmOp::kSemAcquire: return m.W(m.ElementOf(in, m.FrameOf(strand)))[Machine::kPermits] >= in.imm;
    case VmOp::kNotified: return m.W(m.ElementOf(in, m.FrameOf(strand)))[0] != 0;
    default: return false;
  }
}

}  // namespace asyncrt
