#include "core/detect/wait_graph.h"

#include <algorithm>
#include <utility>

#include "core/detect/parties.h"
#include "core/detect/party_names.h"
#include "core/detect/strong_components.h"
#include "core/detect/wait_edges.h"

namespace asyncrt {
namespace {

class Roots {
 public:
  Roots(Machine& m, const std::vector<bool>& active, Deadline deadline)
      : m_(m), p_(m.program()), l_(m.layout()), active_(active), deadline_(std::move(deadline)), who_(m, &deadline_), edges_(WaitEdges(m, who_, active, &deadline_)) {}

  std::vector<StuckRoot> All() {
    const auto n = static_cast<std::size_t>(l_.frames);
    std::vector<std::vector<int>> out(n);
    std::vector<std::vector<const Dependence*>> from(n), to(n);
    std::vector<bool> leaves_root(n, false), party(n, false), helpless(n, false);
    for (std::size_t f = 0; f < n; ++f) party[f] = who_.IsParty(static_cast<int>(f)) && !(f < active_.size() && active_[f]);
    for (const Dependence& d : edges_) {
      from[static_cast<std::size_t>(d.from)].push_back(&d);
      if (d.to >= 0) to[static_cast<std::size_t>(d.to)].push_back(&d);
      // A party in `pending`, or that waits for what nobody sends, is one root with those who wait for it.
      if (d.kind == WaitKind::kPending || (d.kind == WaitKind::kChannel && d.to < 0)) helpless[static_cast<std::size_t>(d.from)] = true;
    }
    for (const Dependence& d : edges_) {
      if (d.to < 0) continue;
      if (!party[static_cast<std::size_t>(d.to)]) { leaves_root[static_cast<std::size_t>(d.from)] = true; continue; }
      out[static_cast<std::size_t>(d.from)].push_back(d.to);
      if (helpless[static_cast<std::size_t>(d.to)]) out[static_cast<std::size_t>(d.to)].push_back(d.from);
    }
    const StrongComponents components = FindStrongComponents(out, party);
    std::vector<bool> root(static_cast<std::size_t>(components.count), true);
    std::vector<std::vector<int>> members(root.size());
    for (std::size_t f = 0; f < n; ++f) {
      if (!party[f]) continue;
      const int c = components.of[f];
      members[static_cast<std::size_t>(c)].push_back(static_cast<int>(f));
      if (leaves_root[f]) root[static_cast<std::size_t>(c)] = false;
      for (int x : out[f])
        if (components.of[static_cast<std::size_t>(x)] != c) root[static_cast<std::size_t>(c)] = false;
    }
    std::vector<StuckRoot> result;
    for (std::size_t c = 0; c < root.size(); ++c) {
      if (!root[c]) continue;
      const std::vector<const Dependence*> inside = Sorted(from, members[c]);
      if (inside.empty()) continue;   // not stuck, or waits for nothing that we know
      // Those that wait for the root, directly or not.
      std::vector<bool> affected(n, false);
      std::vector<int> work = members[c], others;
      for (int f : work) affected[static_cast<std::size_t>(f)] = true;
      while (!work.empty()) {
        const int f = work.back();
        work.pop_back();
        for (const Dependence* d : to[static_cast<std::size_t>(f)]) {
          deadline_.Step();
          if (affected[static_cast<std::size_t>(d->from)]) continue;
          affected[static_cast<std::size_t>(d->from)] = true;
          work.push_back(d->from);
          others.push_back(d->from);
        }
      }
      StuckRoot r;
      r.rule = Rule(inside);
      r.inside = inside.size();
      for (const Dependence* d : inside) AddWait(&r, *d);
      for (const Dependence* d : Sorted(from, others))
        if (d->to >= 0 && affected[static_cast<std::size_t>(d->to)]) AddWait(&r, *d);
      for (std::size_t f = 0; f < n; ++f)
        if (affected[f]) r.frames.push_back(static_cast<int>(f));
      result.push_back(std::move(r));
    }
    return result;
  }

 private:
  // The edges that begin at these parties, in the order in which they were found.
  static std::vector<const Dependence*> Sorted(const std::vector<std::vector<const Dependence*>>& from, const std::vector<int>& parties) {
    std::vector<const Dependence*> out;
    for (int f : parties) out.insert(out.end(), from[static_cast<std::size_t>(f)].begin(), from[static_cast<std::size_t>(f)].end());
    std::sort(out.begin(), out.end());
    return out;
  }

  // By party: those with the same number wait for each other, by these waits alone.
  std::vector<int> Cycles(const std::vector<const Dependence*>& waits) const {
    std::vector<std::vector<int>> out(static_cast<std::size_t>(l_.frames));
    for (const Dependence* d : waits)
      if (d->to >= 0) out[static_cast<std::size_t>(d->from)].push_back(d->to);
    return FindStrongComponents(out, std::vector<bool>(out.size(), true)).of;
  }

  std::string Rule(const std::vector<const Dependence*>& waits) {
    auto any = [&](auto test) { return std::any_of(waits.begin(), waits.end(), [&](const Dependence* d) { return test(*d); }); };
    auto all = [&](auto test) { return std::all_of(waits.begin(), waits.end(), [&](const Dependence* d) { return test(*d); }); };
    std::vector<int> cycles;
    auto in_cycle = [&](const Dependence& d) {
      if (d.to < 0) return false;
      if (cycles.empty()) cycles = Cycles(waits);
      return cycles[static_cast<std::size_t>(d.to)] == cycles[static_cast<std::size_t>(d.from)];
    };
    if (any([](const Dependence& d) { return d.kind == WaitKind::kLock && d.self && !d.unpolled; })) return "deadlock/relock";
    if (any([](const Dependence& d) { return d.kind == WaitKind::kLock && d.suspended_holder; })) return "deadlock/guard-across-await";
    if (any([&](const Dependence& d) { return d.behind_writer && in_cycle(d); })) return "deadlock/read-reentry";
    if (any([](const Dependence& d) { return d.unpolled; })) return "deadlock/unpolled-future";
    if (any([](const Dependence& d) { return d.kind == WaitKind::kShutdown; })) return "deadlock/shutdown";
    if (any([](const Dependence& d) { return d.kind == WaitKind::kPool; })) return "deadlock/blocking-pool";
    if (any([](const Dependence& d) { return d.kind == WaitKind::kUndriven; })) return "deadlock/undriven-runtime";
    if (any([](const Dependence& d) { return d.kind == WaitKind::kDriver; })) return "deadlock/driver";
    if (any([](const Dependence& d) { return d.kind == WaitKind::kWorker; })) return "deadlock/blocked-workers";
    if (any([](const Dependence& d) { return d.missing; })) return "deadlock/permits";
    if (any([](const Dependence& d) { return d.kind == WaitKind::kBarrier; })) return "deadlock/barrier";
    if (any([&](const Dependence& d) { return (d.kind == WaitKind::kLock || d.kind == WaitKind::kSemaphore) && in_cycle(d); })) return "deadlock/lock-cycle";
    if (any(in_cycle) && all([](const Dependence& d) { return d.kind == WaitKind::kJoin; })) return "deadlock/join-cycle";
    if (any([](const Dependence& d) { return d.kind == WaitKind::kChannel; })) return "deadlock/channel";
    if (any([](const Dependence& d) { return d.kind == WaitKind::kNotify && d.notified_before; })) return "deadlock/lost-wakeup";
    return "deadlock/no-waker";
  }

  void AddWait(StuckRoot* r, const Dependence& d) {
    deadline_.Step();
    Wait w;
    w.who = PartyName(m_, d.from);
    int thread = m_.S(m_.Root(d.from)).status == StrandStatus::kActive ? who_.ThreadOf(d.from) : -1;
    if (thread >= 0) w.thread = ThreadName(m_, thread);
    int source = -1;
    if (d.strand >= 0) {
      const Instr& in = p_.code[m_.S(d.strand).pc];
      source = in.source;
      w.op = source >= 0 ? std::string(p_.sources[static_cast<std::size_t>(source)].op->def->verb) : "run";
      if (in.op == VmOp::kDropReg && (d.kind == WaitKind::kShutdown)) w.op = "drop";
      if (in.object >= 0) w.on = who_.ElementName(m_.S(d.strand).element != 0 ? m_.S(d.strand).element - 1 : m_.ElementOf(in, m_.FrameOf(d.strand)));
      else if (d.kind == WaitKind::kShutdown) w.on = p_.runtimes[m_.S(d.strand).need].declared->name;
      else if (source >= 0 && p_.sources[static_cast<std::size_t>(source)].op->target == Op::Target::kRef) w.on = p_.sources[static_cast<std::size_t>(source)].op->on.name;
    } else {
      w.op = "run";
      int runtime = m_.F(d.from).runtime - 1;
      if (runtime >= 0) w.on = p_.runtimes[static_cast<std::size_t>(runtime)].declared->name;
      source = m_.UnitOf(d.from).source;
    }
    bool through_thread = d.kind == WaitKind::kWorker || d.kind == WaitKind::kDriver || d.kind == WaitKind::kPool || d.kind == WaitKind::kShutdown;
    int to_thread = d.to >= 0 && through_thread ? who_.ThreadOf(d.to) : -1;
    w.waits_for = d.to < 0 ? "nobody" : to_thread >= 0 ? "thread " + ThreadName(m_, to_thread) : PartyName(m_, d.to);
    w.why = d.why;
    r->waits.push_back(std::move(w));
    r->sources.push_back(source);
  }

  Machine& m_;
  const Program& p_;
  const Layout& l_;
  const std::vector<bool>& active_;
  Deadline deadline_;
  Parties who_;
  const std::vector<Dependence> edges_;
};

}  // namespace

std::vector<StuckRoot> FindStuckRoots(Machine& machine, const std::vector<bool>& active, Deadline deadline) {
  return Roots(machine, active, std::move(deadline)).All();
}

}  // namespace asyncrt
