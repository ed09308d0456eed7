#include "tests/oracle/oracle.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/detect/lock_order.h"
#include "core/detect/wait_graph.h"
#include "core/explore/outcome.h"
#include "core/program/program.h"
#include "core/scenario/scenario.h"

namespace asyncrt {
namespace {

constexpr int kNewestMinor = 53, kLastPatch = 999;

class Oracle {
 public:
  Oracle(const Program& program, const Layout& layout, Timing timing, Scheduler scheduler, std::size_t states_max, OracleVerdict* out)
      : p_(program), l_(layout), machine_(program, layout, {timing, scheduler, false, false}), states_max_(states_max), out_(out) {}

  // False: the layout had no room for what the program does; `machine().overflow()` says what.
  bool Run() {
    Load(std::string(static_cast<std::size_t>(l_.bytes), '\0'));
    machine_.Initial();
    Visit();
    while (!work_.empty()) {
      if (seen_.size() > states_max_) {
        out_->complete = false;
        break;
      }
      std::string state = *work_.back();
      work_.pop_back();
      if (!Expand(state)) return false;
    }
    out_->states = seen_.size();
    LookForOrders();
    return true;
  }

  Machine& machine() { return machine_; }

 private:
  void Load(const std::string& state) {
    bytes_.assign(state.begin(), state.end());
    machine_.Attach(bytes_.data());
  }

  void Visit() {
    auto [it, fresh] = seen_.emplace(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
    if (fresh) work_.push_back(&*it);
  }

  bool Expand(const std::string& state) {
    Load(state);
    if (machine_.H().ended != 0) {
      Ended();
      return true;
    }
    std::vector<int> actors;
    for (int t = 0; t < l_.threads; ++t)
      if (machine_.ThreadEnabled(t)) actors.push_back(t);
    if (machine_.ClockEnabled(!actors.empty())) actors.push_back(machine_.clock());
    bool stuck = actors.empty();
    for (int t = 0; t < l_.threads; ++t)
      if (machine_.SpuriousEnabled(t)) actors.push_back(machine_.spurious(t));
    if (stuck) Stuck();
    for (int actor : actors) {
      Chooser chooser;
      do {
        Load(state);
        machine_.Step(actor, chooser);
        if (!machine_.overflow().empty()) return false;
        for (const Event& e : machine_.events()) {
          if (e.order.held.element >= 0) orders_.push_back(e.order);
          else out_->rules.insert(e.rule);
        }
        Visit();
      } while (chooser.Next());
    }
    return true;
  }

  // Locks in opposite orders, where no run deadlocks.
  void LookForOrders() {
    bool deadlocks = std::any_of(out_->rules.begin(), out_->rules.end(), [](const std::string& rule) { return rule.rfind("deadlock/", 0) == 0; });
    if (!deadlocks && !OppositeOrders(orders_).empty()) out_->rules.insert("hazard/lock-order");
  }

  // A task's panic that nobody has looked at. 0xffff: it is part of another finding.
  void LookForPanics() {
    for (int f = 0; f < l_.frames; ++f) {
      const FrameCell& frame = machine_.F(f);
      UnitKind kind = machine_.UnitOf(f).kind;
      bool task = kind == UnitKind::kTask || kind == UnitKind::kBlocking;
      if (frame.live && task && (frame.bits & kComplete) && frame.result == Outcome::kPanicked && !(frame.bits & kLooked) &&
          frame.panic_pc != 0 && frame.panic_pc != 0xffff)
        out_->rules.insert("panic/task");
    }
  }

  void Ended() {
    if (machine_.H().ended == 1) out_->outcomes.insert(OutcomeOf(machine_));
    LookForPanics();
    if (machine_.H().ended != 1) return;   // an abort ends the process before anybody can leak
    for (int f = 0; f < l_.frames; ++f) {
      const FrameCell& frame = machine_.F(f);
      bool thread = machine_.UnitOf(f).kind == UnitKind::kThread;
      if (frame.live && thread && !(frame.bits & kComplete) && !(frame.bits & kLooked) && !machine_.UnitOf(f).detached)
        out_->rules.insert("hazard/leaked-thread");
    }
  }

  void Stuck() {
    out_->outcomes.insert(OutcomeOf(machine_));
    LookForPanics();
    for (int f = 0; f < l_.frames; ++f) {   // main or a thread that panicked and waits for ever while it unwinds
      UnitKind kind = machine_.UnitOf(f).kind;
      if (!machine_.F(f).live || (kind != UnitKind::kMain && kind != UnitKind::kThread)) continue;
      const StrandCell& root = machine_.S(machine_.Root(f));
      if (root.mode == Mode::kPanicking && root.panic_pc != 0 && root.panic_pc != 0xffff) out_->rules.insert("panic/thread");
    }
    std::vector<StuckRoot> roots = FindStuckRoots(machine_, {});
    if (roots.empty()) out_->rules.insert("deadlock/partial");
    for (const StuckRoot& root : roots) out_->rules.insert(root.rule);
  }

  const Program& p_;
  const Layout& l_;
  Machine machine_;
  std::size_t states_max_;
  OracleVerdict* out_;
  std::vector<std::uint8_t> bytes_;
  std::vector<LockOrder> orders_;
  std::unordered_set<std::string> seen_;
  std::vector<const std::string*> work_;
};

bool Refused(const Scenario& scenario, const Program& program) {
  bool spawns = std::any_of(program.code.begin(), program.code.end(), [](const Instr& in) { return in.op == VmOp::kSpawn; });
  for (const Runtime& rt : scenario.runtimes)
    if ((rt.event_interval == 0 && (program.minor >= 50 || spawns)) || (rt.global_queue_interval == 0 && (program.minor >= 38 || spawns)) ||
        (rt.multi_thread && rt.worker_threads == 0) || rt.max_blocking_threads == 0) return true;
  for (const Object& o : scenario.objects)
    if ((o.kind == Kind::kMpsc || o.kind == Kind::kBroadcast) && o.capacity == 0) return true;
  return false;
}

}  // namespace

OracleVerdict AskOracle(const std::string& text, Timing timing, Scheduler scheduler, std::size_t states_max) {
  OracleVerdict verdict;
  Diagnostics diagnostics;
  std::unique_ptr<Scenario> scenario = ReadScenario(text, "oracle.json", diagnostics);
  std::unique_ptr<Program> program;
  int minor = kNewestMinor, patch = kLastPatch;
  if (scenario != nullptr) {
    std::sscanf(scenario->tokio.c_str(), "1.%d.%d", &minor, &patch);
    program = Compile(*scenario, minor, patch, diagnostics);
  }
  if (program == nullptr) {
    verdict.valid = false;
    for (const Diagnostic& d : diagnostics.list()) verdict.problem += d.pointer + ": " + d.message + " (" + d.hint + ")\n";
    return verdict;
  }
  // What rustc or a builder refuses never runs.
  if (Refused(*scenario, *program)) verdict.rules.insert("ownership/bad-config");
  for (const StaticFinding& f : program->refused) verdict.rules.insert(f.rule);
  if (!verdict.rules.empty()) return verdict;
  verdict.endless = program->endless;
  if (verdict.endless) return verdict;
  for (;;) {
    Layout layout(*program);
    verdict.rules.clear();
    verdict.outcomes.clear();
    verdict.complete = true;
    Oracle oracle(*program, layout, timing, scheduler, states_max, &verdict);
    if (oracle.Run()) return verdict;
    const Machine& m = oracle.machine();
    if (m.overflow() == "frames") program->units[static_cast<std::size_t>(m.overflow_unit())].frames *= 2;
    else if (m.overflow() == "room") program->elements[static_cast<std::size_t>(m.overflow_element())].room *= 2;
    else for (Unit& u : program->units) if (u.kind == UnitKind::kBlocking) u.frames *= 2;
    if (layout.bytes > (1 << 16)) {
      verdict.complete = false;
      return verdict;
    }
  }
}

}  // namespace asyncrt
