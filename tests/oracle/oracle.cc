#include "tests/oracle/oracle.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <memory>
#include <vector>

#include "core/base/stable_hash.h"
#include "core/detect/lock_order.h"
#include "core/detect/wait_graph.h"
#include "core/program/program.h"
#include "core/scenario/scenario.h"
#include "tests/oracle/endless_runs.h"
#include "tests/oracle/final_state.h"

namespace asyncrt {
namespace {

constexpr int kNewestMinor = 53, kLastPatch = 999;

// States, whole, by number in the order of arrival. Equality is a compare of all bytes; the hash only says where to look.
class StateSet {
 public:
  explicit StateSet(std::size_t bytes) : bytes_(bytes), places_(1024) {}
  ~StateSet() { std::move(pieces_.begin(), pieces_.end(), std::back_inserter(Spare())); }
  StateSet(const StateSet&) = delete;
  StateSet& operator=(const StateSet&) = delete;

  std::size_t size() const { return size_; }
  const std::uint8_t* At(std::size_t number) const { return pieces_[number / InAPiece()].data() + number % InAPiece() * bytes_; }

  // The state's number; a state that was not there is added.
  std::uint32_t Add(const std::vector<std::uint8_t>& state) {
    if (size() * 2 >= places_.size()) Grow();
    std::uint32_t& place = places_[PlaceOf(state.data())];
    if (place == 0) {
      if (size_ % InAPiece() == 0) TakePiece();
      std::copy(state.begin(), state.end(), pieces_.back().begin() + static_cast<std::ptrdiff_t>(size_ % InAPiece() * bytes_));
      place = static_cast<std::uint32_t>(++size_);
    }
    return place - 1;
  }

 private:
  // Pieces go from one set to the next: the first touch of new memory costs more than a state does.
  static std::vector<std::vector<std::uint8_t>>& Spare() {
    thread_local std::vector<std::vector<std::uint8_t>> spare;
    return spare;
  }
  std::size_t InAPiece() const { return std::max<std::size_t>(1, kPiece / bytes_); }
  void TakePiece() {
    if (Spare().empty()) Spare().emplace_back(kPiece);
    pieces_.push_back(std::move(Spare().back()));
    Spare().pop_back();
    if (pieces_.back().size() < bytes_) pieces_.back().resize(bytes_);
  }

  // Where the state is, or where it would be.
  std::size_t PlaceOf(const std::uint8_t* state) const {
    std::size_t mask = places_.size() - 1, at = StableHash(state, bytes_) & mask;
    while (places_[at] != 0 && std::memcmp(At(places_[at] - 1), state, bytes_) != 0) at = (at + 1) & mask;
    return at;
  }

  void Grow() {
    std::size_t count = size();
    places_.assign(places_.size() * 2, 0);
    for (std::size_t i = 0; i < count; ++i) places_[PlaceOf(At(i))] = static_cast<std::uint32_t>(i + 1);
  }

  static constexpr std::size_t kPiece = 1 << 16;   // bytes, if a state is no larger

  std::size_t bytes_, size_ = 0;
  std::vector<std::vector<std::uint8_t>> pieces_;
  std::vector<std::uint32_t> places_;   // number plus one; 0: free
};

class Oracle {
 public:
  Oracle(const Program& program, const Layout& layout, Timing timing, Scheduler scheduler, std::size_t states_max, OracleVerdict* out)
      : l_(layout), machine_(program, layout, {timing, scheduler, false, false}), states_max_(states_max), out_(out),
        bytes_(static_cast<std::size_t>(layout.bytes)), seen_(bytes_.size()), ideal_(timing == Timing::kIdeal) {}

  // False: the layout had no room for what the program does; `machine().overflow()` says what.
  bool Run() {
    machine_.Attach(bytes_.data());
    machine_.Initial();
    seen_.Add(bytes_);
    std::size_t next = 0;
    do {
      for (; next < seen_.size() && out_->complete; ++next) {
        if (!Expand(next)) return false;
        out_->complete = seen_.size() <= states_max_;
      }
      if (out_->endless && out_->complete && !LetTimePass()) return false;
    } while (next < seen_.size() && out_->complete);
    if (out_->endless && out_->complete) out_->fair_run = HasFairRun(seen_.size(), edges_, machine_.clock(), ideal_);
    out_->states = seen_.size();
    LookForOrders();
    return true;
  }

  Machine& machine() { return machine_; }

 private:
  void Load(std::size_t state) {
    std::memcpy(bytes_.data(), seen_.At(state), bytes_.size());
    machine_.Attach(bytes_.data());
  }

  bool Expand(std::size_t state) {
    Load(state);
    if (machine_.H().ended != 0) {
      out_->ends.insert(FinalState(machine_));
      Ended();
      return true;
    }
    std::vector<int> actors;
    for (int t = 0; t < l_.threads; ++t)
      if (machine_.ThreadEnabled(t)) actors.push_back(t);
    if (machine_.ClockEnabled(!actors.empty())) actors.push_back(machine_.clock());
    if (actors.empty()) {
      out_->ends.insert(FinalState(machine_));
      Stuck();
    }
    Load(state);
    for (int t = 0; t < l_.threads; ++t)
      if (machine_.SpuriousEnabled(t)) actors.push_back(machine_.spurious(t));
    return std::all_of(actors.begin(), actors.end(), [&](int actor) { return Play(state, actor); });
  }

  // All that a step of `actor` can lead to.
  bool Play(std::size_t state, int actor) {
    Chooser chooser;
    do {
      Load(state);
      machine_.Step(actor, chooser);
      if (!machine_.overflow().empty()) return false;
      for (const Event& e : machine_.events()) {
        if (e.order.held.element >= 0) orders_.push_back(e.order);
        else out_->rules.insert(e.rule);
      }
      const std::uint32_t to = seen_.Add(bytes_);
      if (out_->endless && actor <= machine_.clock()) edges_.push_back({static_cast<std::uint32_t>(state), to, actor, machine_.unfair()});
    } while (chooser.Next());
    return true;
  }

  // Ideal timing: what goes round at one instant, with no way out, takes time in the end. False: as in `Run`.
  bool LetTimePass() {
    if (!ideal_) return true;
    std::vector<GraphEdge> at_once = edges_;
    std::erase_if(at_once, [&](const GraphEdge& e) { return e.actor == machine_.clock(); });
    const auto loops = LoopsOf(seen_.size(), at_once);
    std::vector<std::size_t> loop_of(seen_.size(), loops.size());
    for (std::size_t i = 0; i < loops.size(); ++i)
      for (std::uint32_t v : loops[i]) loop_of[v] = i;
    std::vector<bool> left(loops.size() + 1, false);
    for (const GraphEdge& e : at_once)
      if (loop_of[e.from] != loop_of[e.to]) left[loop_of[e.from]] = true;
    for (std::size_t i = 0; i < loops.size(); ++i)
      for (std::uint32_t v : loops[i]) {
        if (left[i] || !late_.insert(v).second) continue;
        Load(v);
        if (!machine_.ClockEnabled(false)) continue;
        if (!Play(v, machine_.clock())) return false;
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

  const Layout& l_;
  Machine machine_;
  std::size_t states_max_;
  OracleVerdict* out_;
  std::vector<std::uint8_t> bytes_;
  StateSet seen_;
  std::vector<LockOrder> orders_;
  const bool ideal_;
  std::vector<GraphEdge> edges_;        // of programs that may have runs without an end
  std::set<std::uint32_t> late_;        // states in which time was let pass
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

// A text read and compiled.
struct Prepared {
  std::unique_ptr<Scenario> scenario;
  std::unique_ptr<Program> program;   // null: `problem` says why
  std::string problem;
  std::set<std::string> refused;      // what rustc or a builder refuses never runs
};

Prepared Prepare(const std::string& text) {
  Prepared prepared;
  Diagnostics diagnostics;
  prepared.scenario = ReadScenario(text, "oracle.json", diagnostics);
  if (prepared.scenario != nullptr) {
    int minor = kNewestMinor, patch = kLastPatch;
    std::sscanf(prepared.scenario->tokio.c_str(), "1.%d.%d", &minor, &patch);
    prepared.program = Compile(*prepared.scenario, minor, patch, diagnostics);
  }
  for (const Diagnostic& d : diagnostics.list()) prepared.problem += d.pointer + ": " + d.message + " (" + d.hint + ")\n";
  if (prepared.program == nullptr) return prepared;
  if (Refused(*prepared.scenario, *prepared.program)) prepared.refused.insert("ownership/bad-config");
  for (const StaticFinding& f : prepared.program->refused) prepared.refused.insert(f.rule);
  return prepared;
}

}  // namespace

OracleVerdict AskOracle(const std::string& text, Timing timing, Scheduler scheduler, std::size_t states_max) {
  OracleVerdict verdict;
  Prepared prepared = Prepare(text);
  Program* program = prepared.program.get();
  verdict.valid = program != nullptr;
  verdict.problem = prepared.problem;
  if (!verdict.valid) return verdict;
  verdict.rules = prepared.refused;
  verdict.refused = !verdict.rules.empty();
  verdict.endless = program->endless;
  if (verdict.refused) return verdict;
  for (;;) {
    Layout layout(*program);
    verdict.rules.clear();
    verdict.ends.clear();
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

Contents ContentsOf(const std::string& text) {
  Contents contents;
  Prepared prepared = Prepare(text);
  contents.valid = prepared.program != nullptr;
  contents.refused = !prepared.refused.empty();
  if (!contents.valid) return contents;
  for (const SourceOp& source : prepared.program->sources) contents.ops.push_back(source.op->def);
  for (const Object& object : prepared.scenario->objects) contents.kinds.push_back(object.kind);
  return contents;
}

}  // namespace asyncrt
