#include "core/explore/search.h"

#include <malloc.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "core/base/byte_stream.h"
#include "core/detect/lock_order.h"
#include "core/explore/bit_filter.h"
#include "core/explore/checkpoint.h"
#include "core/explore/fingerprint.h"
#include "core/explore/frontier.h"
#include "core/explore/picker.h"
#include "core/explore/search_tree.h"
#include "core/explore/state_graph.h"
#include "core/explore/stubborn.h"
#include "core/explore/symmetry.h"
#include "core/explore/visited.h"
#include "core/program/flow.h"
#include "core/program/unread_values.h"

namespace asyncrt {
namespace {

// What a search reckons with. It begins with nothing of the kind, since a program without it has smaller graphs.
struct Expects {
  bool panics = false;   // main or a thread may panic
  bool cycles = false;   // some runs have no end
  bool order = false;    // it matters which copy of a body has which number
};

class Explorer {
 public:
  Explorer(Program& program, const Layout& layout, const PlayMode& mode, const CheckOptions& options,
           const Deadline& deadline, const Expects& expects)
      : p_(program), l_(layout), mode_(mode), options_(options), machine_(program, layout, mode),
        bytes_(static_cast<std::size_t>(layout.bytes)), scratch_(bytes_), frontier_(bytes_), visited_(options.exact_states ? bytes_ : 0),
        tree_(machine_.actors()), stubborn_(program, layout, mode, deadline),
        expects_(expects), walks_(options.strategy != Strategy::kExhaustive), use_stubborn_(stubborn_.usable() && options.reductions.stubborn && !expects.cycles),
        use_chains_(options.reductions.chains && !expects.cycles && !walks_), symmetry_(program, layout, mode, deadline),
        use_symmetry_(symmetry_.usable() && options.reductions.symmetry && !expects.order && !SingleRuns() && (walks_ || !expects.cycles)), deadline_(deadline) {
    machine_.at_panic = options.at_panic;
    stubborn_.ExpectPanics(expects.panics);
    symmetry_.UseJoins(!expects.panics);
  }

  // False: something had no room; `machine().overflow()` says what.
  bool Run() {
    std::vector<std::uint8_t> first = InitialBytes();
    if (visited_.size() == 0) {
      bool fresh;
      visited_.Insert(Fingerprint(first.data(), bytes_), first.data(), &fresh);
      tree_.Add(0, 0);
      frontier_.Push(first.data(), 0, 0);
    }
    for (Pending& p : pending_) p.state.resize(use_chains_ ? 0 : bytes_);
    Expects surprise;
    if (!Explore()) return false;
    if (frontier_.empty()) frontier_.Shrink();
    if (p_.endless && !walks_ && (detours() || use_symmetry_) && !OutOfTime() && !Before([&] { LookForCycles(); })) KeepExplored();
    if (Surprised(&surprise)) return true;
    if (p_.endless && !walks_ && !detours() && !use_symmetry_ && result_.complete)
      while (rounds_++ < 64) {   // ideal time passes a busy loop by
        bool more = false, has_room = true;
        const std::map<std::string, Seed> found = found_;
        if (!Before([&] { has_room = Cycles(&more); })) {
          if (more) break;
          --rounds_;
          KeepExplored(&found);
        }
        if (!has_room) return false;
        if (!more) break;
      }
    if (!walks_) result_.states = visited_.size();
    result_.depth = use_chains_ || walks_ ? longest_ : depth_;
    const double states = static_cast<double>(result_.states), half_word = std::pow(2.0, 64);
    if (!walks_ && !options_.exact_states) result_.collision_probability = (states * (states - 1) / 2 + (use_chains_ ? static_cast<double>(result_.transitions) : 0)) / half_word;
    if (use_symmetry_) {
      order_matters_ = std::any_of(missed_.begin(), missed_.end(), [&](const std::string& key) { return found_.count(key) == 0; });
      if (!OutOfTime())
        Before([&] { for (SeenOrder& seen : orders_) Retell(&seen); });
    }
    if (result_.complete) Before([&] { LockOrders(); });   // else nobody asks for them
    if (result_.complete && !use_chains_) Before([&] { FewestSwitches(); });
    TellSeeds();
    return true;
  }

  // How each finding is met, the nearest first. It may take a moment longer than the limit, so that what was found is
  // told; what is not told by then is left out.
  void TellSeeds() {
    constexpr std::chrono::milliseconds kGrace{300};
    deadline_ = deadline_.Later(kGrace);
    std::vector<Seed*> nearest;
    for (auto& [key, seed] : found_) nearest.push_back(&seed);
    std::stable_sort(nearest.begin(), nearest.end(), [](const Seed* a, const Seed* b) { return a->state < b->state; });
    std::vector<Seed> told;
    for (Seed* seed : nearest) {
      const bool in_time = Before([&] {
        std::vector<Move> path = Path(seed->state);
        path.insert(path.end(), seed->path.begin(), seed->path.end());
        seed->path = std::move(path);
      });
      if (in_time) told.push_back(std::move(*seed));
    }
    if (use_symmetry_) {
      std::vector<bool> fits;
      for (Seed& seed : told) fits.push_back(Retell(&seed));
      if (OutOfTime()) std::erase_if(told, [&](const Seed& seed) { return !fits[static_cast<std::size_t>(&seed - told.data())]; });
    }
    std::sort(told.begin(), told.end(), [](const Seed& a, const Seed& b) { return a.key < b.key; });
    result_.seeds = std::move(told);
  }

  // All of the search between two expansions.
  void Save(ByteWriter* out) const {
    visited_.Save(out);
    tree_.Save(out);
    frontier_.Save(out);
    out->Number(left_);
    for (std::uint64_t number : {depth_, longest_, ticks_, result_.transitions, std::uint64_t{rounds_}}) out->Number(number);
    graph_.Save(out);
    out->Number(links_.size());
    out->Number(remembered_);
    for (const Passed& link : links_) {
      out->Number(link.to);
      out->Fixed(link.fingerprint);
    }
    SaveNumbers(std::vector<std::uint32_t>(passed_.begin(), passed_.end()), out);
    out->Flag(panicked_);
    out->Number(missed_.size());
    for (const std::string& key : missed_) out->Text(key);
    out->Number(found_.size());
    for (const auto& [key, seed] : found_) {
      out->Text(key);
      SaveSeed(seed, out);
    }
    out->Number(orders_.size());
    for (const SeenOrder& seen : orders_) {
      for (const LockUse& use : {seen.order.held, seen.order.wanted}) {
        out->Signed(use.element);
        out->Flag(use.exclusive);
      }
      SaveNumbers(seen.order.gates, out);
      out->Signed(seen.pc);
      out->Signed(seen.frame);
      out->Text(seen.who);
      out->Number(seen.state);
      out->Number(seen.length);
      SaveMoves(*seen.moves, out);
    }
    machine_.SaveMemory(out);
    if (SingleRuns()) SaveRun(out);
    else if (walks_) SaveStack(out);
  }

  // Into a search that has not begun. False: it is not the state of such a search.
  bool Load(ByteReader* in) {
    InitialBytes();
    visited_.Load(in);
    const std::size_t states = visited_.size();
    tree_.Load(in, machine_.actors());
    if (tree_.size() != (walks_ ? 1 : states) || states == 0 || !in->ok()) return false;
    frontier_.Load(in, states);
    left_ = static_cast<std::size_t>(in->NumberBelow(frontier_.size() + 1));
    for (std::uint64_t* number : {&depth_, &longest_, &ticks_, &result_.transitions}) *number = in->Number();
    rounds_ = static_cast<std::uint32_t>(in->NumberBelow(100));
    if (!graph_.Load(in, states, machine_.clock())) return false;
    const std::uint64_t links = in->NumberBelow(kPassedMax + 1);
    if (!std::has_single_bit(links) || links < links_.size()) return false;
    links_.assign(static_cast<std::size_t>(links), {});
    remembered_ = static_cast<std::size_t>(in->Number());
    for (Passed& link : links_) {
      link.to = static_cast<std::uint32_t>(in->NumberBelow(states));
      link.fingerprint = in->Fixed();
      if (!in->ok()) return false;
    }
    std::vector<std::uint32_t> passed;
    LoadNumbers(in, &passed);
    passed_.insert(passed.begin(), passed.end());
    panicked_ = in->Flag();
    for (std::size_t left = in->Count(1); left > 0; --left) missed_.insert(in->Text());
    for (std::size_t left = in->Count(8); left > 0 && in->ok(); --left) {
      Seed& seed = found_[in->Text()];
      LoadSeed(p_, l_, in, &seed);
      if (seed.state >= states) in->Fail();
    }
    const auto elements = p_.elements.size();
    for (std::size_t left = in->Count(8); left > 0 && in->ok(); --left) {
      SeenOrder seen;
      for (LockUse* use : {&seen.order.held, &seen.order.wanted}) {
        use->element = in->IntFrom(0, elements);
        use->exclusive = in->Flag();
      }
      LoadNumbers(in, &seen.order.gates);
      seen.pc = in->IntFrom(0, p_.code.size());
      seen.frame = in->IntFrom(0, static_cast<std::size_t>(l_.frames));
      seen.who = in->Text();
      seen.state = static_cast<std::uint32_t>(in->NumberBelow(states));
      seen.length = static_cast<std::uint32_t>(in->NumberBelow(std::uint64_t{1} << 32));
      std::vector<Move> moves;
      LoadMoves(l_, in, &moves);
      seen.moves = std::make_shared<const std::vector<Move>>(std::move(moves));
      orders_.push_back(std::move(seen));
    }
    machine_.LoadMemory(in);
    if (SingleRuns()) LoadRun(in);
    else if (walks_) LoadStack(in);
    return in->ok() && in->left() == 0;
  }

  // What to write before all of a search, so that `Load` finds a machine of the right sizes.
  void KeepBy(std::function<void(ByteWriter*)> preface) { preface_ = std::move(preface); }

  Machine& machine() { return machine_; }
  // It cannot begin anew, nor look at anything for long.
  bool OutOfTime() const { return result_.limit == "time" || result_.limit == "interrupt"; }
  // What the search took for granted and then met. It has to begin anew without that. False: nothing.
  bool Surprised(Expects* expects) const {
    if (!expects_.panics && panicked_ && (use_stubborn_ || use_symmetry_)) return expects->panics = true;
    if (use_symmetry_ && (order_matters_ || machine_.ordered())) return expects->order = true;
    if (cycles_) return expects->cycles = true;
    return false;
  }
  bool detours() const { return use_stubborn_ || use_chains_ || walks_; }
  SearchResult& result() { return result_; }

 private:
  bool Stop(const char* limit) {
    result_.complete = false;
    result_.limit = limit;
    return false;
  }

  // Where time is up in the middle of an expansion, a search that is kept goes on to its end, unless that is far.
  bool InTimeMidway() {
    if (options_.checkpoint.checkpoint == nullptr) return InTime();
    constexpr std::chrono::milliseconds kGrace{500};
    if (!hurry_) {
      if (deadline_.Passed() == nullptr) return true;
      hurry_ = true;
      hurried_ = deadline_.Later(kGrace);
    }
    const char* limit = hurried_.Passed();
    return limit == nullptr || Stop(limit);
  }

  bool InTime() {
    const char* limit = deadline_.Passed();
    return limit == nullptr || Stop(limit);
  }

  // Does something that looks at the clock. False: time was up in the middle of it.
  template <class Part>
  bool Before(Part part) {
    try {
      part();
      return true;
    } catch (const TimeIsUp& up) {
      return Stop(up.limit);
    }
  }

  // A look now and then, once for each step that is played.
  void Tick() { bytes_ > kLargeState ? deadline_.Look() : deadline_.Step(); }

  // Time was up when all had been explored, in the look for endless runs: it can begin anew. `found`: what was found before it.
  void KeepExplored(const std::map<std::string, Seed>* found = nullptr) {
    if (options_.checkpoint.checkpoint == nullptr) return;
    std::map<std::string, Seed> now = found_;
    if (found != nullptr) found_ = *found;
    Keep();
    found_.swap(now);
  }

  // Writes the state of the search where it can be gone on from; between two expansions only.
  void Keep() {
    FlushPending();
    options_.checkpoint.checkpoint->Write(options_.checkpoint, [this](ByteWriter* out) {
      preface_(out);
      Save(out);
    });
  }

  // What the search takes, and will take before it is asked again or when its graph is looked at for endless runs.
  std::uint64_t Memory() const {
    std::uint64_t memory = options_.base_bytes + visited_.BytesWith(kAhead) + tree_.bytes() + frontier_.bytes() + links_.size() * sizeof(Passed);
    if (use_stubborn_) memory += stubborn_.bytes();
    if (p_.endless) memory += graph_.bytes() + graph_.LookBytes(visited_.size());
    return memory;
  }
  bool HasRoomFor(std::uint64_t bytes) { return Memory() + bytes <= options_.memory_limit_mib << 20; }

  bool WithinLimits() {
    const bool goes_on = Unlimited();
    if (goes_on) ++ticks_;
    return goes_on;
  }

  bool Unlimited() {
    if (visited_.size() + pending_count_ >= options_.max_states) FlushPending();
    if (visited_.size() >= options_.max_states) return Stop("states");
    if (visited_.size() >= 4'000'000'000u) return Stop("states");
    if (options_.max_depth != 0 && depth_ >= options_.max_depth) return Stop("depth");   // without chains
    const bool looks_around = (ticks_ & 1023) == 0 || bytes_ > 8192 || hurry_;
    if (!looks_around && (ticks_ & 63) != 0) return true;
    const std::uint64_t memory = Memory();
    if (memory > options_.memory_limit_mib << 20) return Stop("memory");
    if (looks_around) {
      if (options_.gauge != nullptr) options_.gauge->Tell(visited_.size(), frontier_.size(), memory);
      if (!InTime()) return false;
      if (options_.checkpoint.checkpoint != nullptr && options_.checkpoint.checkpoint->Due(options_.checkpoint)) Keep();
    }
    return true;
  }

  bool Explore() {
    switch (options_.strategy) {
      case Strategy::kExhaustive: return Levels();
      case Strategy::kBitstate: return DepthFirst();
      case Strategy::kRandom: return Runs();
      case Strategy::kPct: return Runs();
    }
    return true;
  }

  // A state on the way that a depth-first search is on.
  struct Open {
    std::vector<std::uint8_t> state;
    std::uint64_t fingerprint = 0;
    std::vector<int> enabled;
    std::size_t enough = 0, next = 0;
    bool progress = false;   // it has led to a new state
    Chooser chooser;
  };

  // Between two steps of a depth-first search. The states on the way are played again when it is read.
  void SaveStack(ByteWriter* out) const {
    seen_->Save(out);
    SaveMoves(prefix_, out);
    out->Number(stack_.size());
    for (const Open& open : stack_) {
      out->Fixed(open.fingerprint);
      SaveNumbers(open.enabled, out);
      out->Number(open.enough);
      out->Number(open.next);
      out->Flag(open.progress);
      open.chooser.Save(out);
    }
  }
  void LoadStack(ByteReader* in) {
    seen_ = BitFilter::Load(in, FilterBytes());
    LoadMoves(l_, in, &prefix_);
    stack_.resize(in->Count(13));
    if (stack_.size() != (stack_.empty() ? 0 : prefix_.size() + 1)) return in->Fail();
    for (std::size_t i = 0; i < stack_.size() && in->ok(); ++i) {
      Open& open = stack_[i];
      open.fingerprint = in->Fixed();
      open.enabled.resize(in->Count(1));
      for (int& actor : open.enabled) actor = in->IntFrom(0, static_cast<std::size_t>(machine_.actors()));
      open.enough = static_cast<std::size_t>(in->NumberBelow(open.enabled.size() + 1));
      open.next = static_cast<std::size_t>(in->NumberBelow(open.enabled.size() + 1));
      open.progress = in->Flag();
      open.chooser.Load(in);
      if (i == 0) {
        open.state = InitialBytes();
      } else {
        open.state = stack_[i - 1].state;
        Chooser forced;
        forced.Force(prefix_[i - 1].choices);
        machine_.Attach(open.state.data());
        machine_.Step(prefix_[i - 1].actor, forced);
        Settle(open.state.data());
      }
      if (Fingerprint(open.state.data(), bytes_) != open.fingerprint) in->Fail();
    }
  }
  std::size_t FilterBytes() const { return std::min<std::size_t>((options_.memory_limit_mib << 20) / 2, std::size_t{1} << 28); }

  // The run at hand, which may be under way, and how many there were.
  struct SingleRun {
    SingleRun(std::uint64_t seed, int actors, int bug_depth) : random(seed), picker(&random, actors, bug_depth) {}
    RandomSource random;
    Picker picker;
    bool is_under_way = false;   // `scratch_` is its state, `prefix_` its moves
  };
  void SaveRun(ByteWriter* out) const {
    out->Number(result_.schedules);
    run_->picker.Save(out);
    out->Flag(run_->is_under_way);
    if (!run_->is_under_way) return;
    SaveMoves(prefix_, out);
    out->Bytes(scratch_.data(), bytes_);
  }
  void LoadRun(ByteReader* in) {
    BeginRuns();
    result_.schedules = in->Number();
    run_->picker.Load(in);
    run_->is_under_way = in->Flag();
    if (!run_->is_under_way) return;
    LoadMoves(l_, in, &prefix_);
    in->Bytes(scratch_.data(), bytes_);
  }
  void BeginRuns() { run_ = std::make_unique<SingleRun>(options_.seed, machine_.actors(), options_.strategy == Strategy::kPct ? options_.bug_depth : 0); }

  // Whether a walk goes on. Where it is kept now and then, it is kept here, if it is time.
  bool WalksOn(std::size_t waiting, std::uint64_t states, std::uint64_t memory) {
    if (options_.gauge != nullptr) options_.gauge->Tell(states, waiting, memory);
    if (!InTime()) return false;
    if (options_.checkpoint.checkpoint != nullptr && options_.checkpoint.checkpoint->Due(options_.checkpoint)) Keep();
    return true;
  }

  // Keeps a walk that ends: at once if a limit on time or states ends it, since it can go on.
  void KeepWalk() {
    if (options_.checkpoint.checkpoint == nullptr) return;
    if (!result_.complete) return Keep();
    options_.checkpoint.checkpoint->Finish(options_.checkpoint, [this](ByteWriter* out) {
      preface_(out);
      Save(out);
    });
  }

  // Judges the state, and fills in who is to move. False: nobody.
  bool OpenState(Open* open) {
    scratch_ = open->state;
    machine_.Attach(scratch_.data());
    if (machine_.H().ended != 0) { Ended(0); return false; }
    bool stuck;
    open->enough = Choose(&open->enabled, &stuck);
    if (stuck) Stuck(0);
    return !open->enabled.empty();
  }

  // Depth first, with a few bits a state: for graphs that do not fit otherwise. What is found is real, what is left out
  // nobody knows.
  bool DepthFirst() {
    const std::size_t memory = options_.memory_limit_mib << 20;
    std::vector<Open>& stack = stack_;
    if (seen_ == nullptr) {
      seen_ = std::make_unique<BitFilter>(FilterBytes());
      if (!seen_->ok()) { Stop("memory"); return true; }
      stack.resize(1);
      stack[0].state = InitialBytes();
      stack[0].fingerprint = Fingerprint(stack[0].state.data(), bytes_);
      seen_->Insert(stack[0].fingerprint);
      if (!OpenState(&stack[0])) stack.clear();
    }
    BitFilter& seen = *seen_;
    Expects surprise;
    while (!stack.empty()) {
      Open& top = stack.back();
      if (top.next == top.enabled.size() || (top.next == top.enough && top.progress)) {
        stack.pop_back();
        if (!prefix_.empty()) prefix_.pop_back();
        continue;
      }
      if (((++ticks_ & 1023) == 1 || bytes_ > kLargeState) && !WalksOn(stack.size(), seen.size(), stack.size() * (bytes_ + sizeof(Open)))) break;
      if (seen.size() >= options_.max_states) { Stop("states"); break; }
      const int actor = top.enabled[top.next];
      scratch_ = top.state;
      machine_.Attach(scratch_.data());
      const std::uint16_t panicked = machine_.H().panicked;
      machine_.Step(actor, top.chooser);
      if (!machine_.overflow().empty()) return false;
      ++result_.transitions;
      panicked_ = panicked_ || machine_.H().panicked != 0;
      if (machine_.H().ended != 0 || machine_.H().panicked != panicked) top.enough = top.enabled.size();
      if (!machine_.events().empty()) Events(0, {}, actor, top.chooser);
      Settle(scratch_.data());
      if (Surprised(&surprise)) return true;
      Move move{actor, top.chooser.Taken()};
      const std::uint64_t fingerprint = FingerprintAfter(top.fingerprint, top.state.data(), scratch_.data(), bytes_);
      if (!top.chooser.Next()) {
        top.chooser.Reset();
        ++top.next;
      }
      if (!seen.Insert(fingerprint)) continue;
      top.progress = true;
      if ((stack.size() + 1) * (bytes_ + sizeof(Open)) > memory / 2 || (options_.max_depth != 0 && stack.size() > options_.max_depth)) continue;
      prefix_.push_back(std::move(move));
      longest_ = std::max<std::uint64_t>(longest_, prefix_.size());
      Open next;
      next.state = scratch_;
      next.fingerprint = fingerprint;
      if (OpenState(&next)) stack.push_back(std::move(next));   // `top` is gone
      else prefix_.pop_back();
    }
    KeepWalk();
    prefix_.clear();
    result_.states = seen.size();
    result_.collision_probability = std::min(1.0, static_cast<double>(seen.size()) * seen.FalseMatch());
    if (result_.complete) Stop("lossy");
    return true;
  }

  // Single runs, each from the beginning to where nobody can go on.
  bool Runs() {
    const std::uint64_t steps_max = options_.max_depth != 0 ? options_.max_depth : 100'000;
    const std::size_t memory = options_.memory_limit_mib << 20;
    if (run_ == nullptr) BeginRuns();
    Picker& picker = run_->picker;
    const std::vector<std::uint8_t> first = InitialBytes();
    for (; result_.schedules < options_.schedules && WalksOn(0, visited_.size(), visited_.bytes()); ++result_.schedules) {
      if (!run_->is_under_way) {
        picker.BeginRun();
        prefix_.clear();
        scratch_ = first;
        run_->is_under_way = true;
      }
      machine_.Attach(scratch_.data());
      while (prefix_.size() < steps_max) {
        if (machine_.H().ended != 0) { Ended(0); break; }
        bool stuck;
        Choose(&enabled_, &stuck);
        if (stuck) { Stuck(0); break; }
        if (((prefix_.size() & 1023) == 1023 || bytes_ > kLargeState) && !WalksOn(0, visited_.size(), visited_.bytes())) break;
        const int actor = picker.Pick(enabled_);
        Chooser chooser(&run_->random);
        machine_.Step(actor, chooser);
        if (!machine_.overflow().empty()) return false;
        ++result_.transitions;
        if (!machine_.events().empty()) Events(0, {}, actor, chooser);
        prefix_.push_back({actor, chooser.Taken()});
        bool fresh;
        if (visited_.bytes() < memory / 2) visited_.Insert(Fingerprint(scratch_.data(), bytes_), scratch_.data(), &fresh);
      }
      longest_ = std::max<std::uint64_t>(longest_, prefix_.size());
      if (!result_.complete) break;
      run_->is_under_way = false;
    }
    KeepWalk();
    prefix_.clear();
    result_.states = visited_.size();
    result_.guarantee = picker.Guarantee();
    if (result_.complete) Stop("schedules");
    return true;
  }

  bool Levels() {
    Expects surprise;
    while (!frontier_.empty()) {
      if (left_ == 0) left_ = frontier_.size();
      for (; left_ > 0; --left_) {
        const Frontier::Entry entry = frontier_.Front();
        length_ = entry.length;
        if (!WithinLimits()) {
          if (options_.checkpoint.checkpoint != nullptr && result_.transitions > 0) Keep();
          FlushPending();
          return true;
        }
        if (!Expand(entry.state, entry.number) || Surprised(&surprise)) {
          FlushPending();
          return machine_.overflow().empty();
        }
        frontier_.Pop();
        if (left_ == 1) FlushPending();
      }
      if (!frontier_.empty()) ++depth_;
    }
    return true;
  }

  // Who can move in the attached state, save by a spurious return.
  void Enabled(std::vector<int>* out) {
    out->clear();
    idle_.clear();
    for (int t = 0; t < l_.threads; ++t) {
      if (!machine_.ThreadEnabled(t)) continue;
      if (std::uint64_t idle = mode_.sorting ? machine_.IdleWorker(t) : 0; idle != 0) {   // one of several that would do the same
        if (std::find(idle_.begin(), idle_.end(), idle) != idle_.end()) continue;
        idle_.push_back(idle);
      }
      out->push_back(t);
    }
    if (machine_.ClockEnabled(!out->empty())) out->push_back(machine_.clock());
  }

  bool SingleRuns() const { return options_.strategy == Strategy::kRandom || options_.strategy == Strategy::kPct; }

  // Who is explored in the attached state; at the front of `out` those that are enough. `stuck`: nobody can go on.
  std::size_t Choose(std::vector<int>* out, bool* stuck) {
    Enabled(out);
    *stuck = out->empty();
    for (int t = 0; t < l_.threads; ++t)
      if (machine_.SpuriousEnabled(t)) out->push_back(machine_.spurious(t));
    if (options_.reductions.stubborn && !SingleRuns() && out->size() > 1)
      for (std::size_t i = 0; i < out->size(); ++i)
        if ((*out)[i] < l_.threads && (machine_.OnlySpawns((*out)[i]) || machine_.OnlyEnds((*out)[i]))) {
          std::swap((*out)[0], (*out)[i]);
          return 1;
        }
    return use_stubborn_ && out->size() > 1 ? stubborn_.Choose(machine_, out) : out->size();
  }

  // While there is but one way to go, the states on it need not be remembered. `from`: the state that the chain of moves
  // began in, whose last move left the attached state behind. False: something had no room, or time is up. With `ahead`,
  // the number of the state where the chain ends, if it came to one that another chain has passed.
  bool Follow(std::uint32_t from, std::vector<Move>* moves, std::uint32_t* ahead) {
    constexpr std::size_t kLinksMax = 4000;
    const bool tell = ahead != nullptr;
    bool stuck;
    passed_by_.clear();
    while (moves->size() < kLinksMax && machine_.H().ended == 0 && !concerns_all_) {
      if (Choose(&chain_enabled_, &stuck) != 1 || stuck) return true;
      if (tell) {
        const Passed& link = links_[fingerprint_ & (links_.size() - 1)];
        if (link.fingerprint == fingerprint_ && !options_.exact_states) { *ahead = link.to; return true; }
        passed_by_.push_back(fingerprint_);
      }
      if (!tell) Tick();
      const int actor = chain_enabled_[0];
      const std::uint16_t panicked = machine_.H().panicked;
      before_ = scratch_;
      Chooser chooser;
      machine_.Step(actor, chooser);
      if (!machine_.overflow().empty()) return false;
      if (tell && !machine_.events().empty()) Events(from, *moves, actor, chooser);   // before it is taken back: a machine tells of an order once
      bool concerns_all = machine_.H().ended != 0 || machine_.H().panicked != panicked;
      if (chooser.asked() != 0 || (concerns_all && chain_enabled_.size() > 1)) {   // several ways after all
        std::memcpy(scratch_.data(), before_.data(), bytes_);
        if (tell) passed_by_.pop_back();
        return true;
      }
      ++result_.transitions;
      if (tell && (result_.transitions & (bytes_ > 8192 ? 63 : 1023)) == 0 && !InTimeMidway()) return false;
      moves->push_back({actor, {}});
      panicked_ = panicked_ || machine_.H().panicked != 0;
      Settle(scratch_.data());
      fingerprint_ = FingerprintAfter(fingerprint_, before_.data(), scratch_.data(), bytes_);
      if (concerns_all) return true;
    }
    return true;
  }

  void Remember(std::uint32_t to) {
    remembered_ += passed_by_.size();
    if (remembered_ > links_.size() && links_.size() < kPassedMax && links_.size() * 4 * sizeof(Passed) <= (options_.memory_limit_mib << 20) / 16) {
      links_.assign(links_.size() * 4, {});
      remembered_ = 0;
    }
    for (std::uint64_t f : passed_by_) links_[f & (links_.size() - 1)] = {f, to};
  }

  // All successors of one state.
  bool Expand(const std::uint8_t* state, std::uint32_t number) {
    std::memcpy(scratch_.data(), state, bytes_);
    machine_.Attach(scratch_.data());
    if (machine_.H().ended != 0) { Ended(number); return true; }
    bool stuck;
    std::size_t enough = Choose(&enabled_, &stuck);
    if (stuck) {   // judged without spurious returns, which are explored nevertheless
      Stuck(number);
      std::memcpy(scratch_.data(), state, bytes_);
      machine_.Attach(scratch_.data());
    }
    // The thread that moved last goes first: among the shortest schedules, one with few switches is found first.
    auto last = std::find(enabled_.begin(), enabled_.begin() + static_cast<std::ptrdiff_t>(enough), tree_.ActorOf(number));
    if (last != enabled_.begin() + static_cast<std::ptrdiff_t>(enough)) std::rotate(enabled_.begin(), last, last + 1);
    if (enough < enabled_.size()) FlushPending();   // what others have led to is no progress of this one
    progress_ = false;
    for (std::size_t e = 0; e < enabled_.size(); ++e) {
      // All of them, if the chosen ones only lead to where all is explored already, or to a panic or the end, which concern everybody.
      if (e == enough) {
        FlushPending();
        if (progress_) break;
      }
      if (!Apply(state, number, enabled_[e])) return false;
      if (concerns_all_) enough = enabled_.size();
    }
    return true;
  }

  bool Apply(const std::uint8_t* state, std::uint32_t number, int actor) {
    Chooser chooser;
    concerns_all_ = false;
    const HeaderCell before = *reinterpret_cast<const HeaderCell*>(state);
    const std::uint64_t from = visited_.FingerprintOf(number);
    do {
      if (pending_count_ == pending_.size()) FlushPending();
      std::uint8_t* work = use_chains_ ? scratch_.data() : pending_[pending_count_].state.data();
      std::memcpy(work, state, bytes_);
      machine_.Attach(work);
      machine_.Step(actor, chooser);
      if (!machine_.overflow().empty()) return false;
      if (bytes_ > 8192 && (++result_.transitions & 63) == 0 && !InTimeMidway()) return false;
      if (bytes_ <= 8192) ++result_.transitions;
      concerns_all_ = concerns_all_ || machine_.H().ended != 0 || machine_.H().panicked != before.panicked;
      panicked_ = panicked_ || machine_.H().panicked != 0;
      if (!machine_.events().empty()) Events(number, {}, actor, chooser);
      const bool unfair = machine_.unfair();
      Settle(work);
      fingerprint_ = FingerprintAfter(from, state, work, bytes_);
      std::uint32_t length = length_ + 1;
      if (use_chains_) {
        chain_.assign(1, {actor, {}});
        std::uint32_t ahead = Visited::none;
        if (!Follow(number, &chain_, &ahead)) return false;
        if (ahead != Visited::none) {
          progress_ = progress_ || ahead > number;
          Remember(ahead);
          if (p_.endless && actor <= machine_.clock()) graph_.Add({number, ahead, static_cast<std::uint16_t>(actor), unfair});
          continue;
        }
        length += static_cast<std::uint32_t>(chain_.size()) - 1;
        longest_ = std::max<std::uint64_t>(longest_, length);
        Remember(Arrive({{}, fingerprint_, number, length, static_cast<std::uint16_t>(actor), unfair}, work));
        continue;
      }
      Pending& next = pending_[pending_count_++];
      next.fingerprint = fingerprint_;
      next.from = number;
      next.length = length;
      next.actor = static_cast<std::uint16_t>(actor);
      next.unfair = unfair;
      visited_.Prefetch(fingerprint_);
    } while (chooser.Next());
    return true;
  }

  // A state that a step has led to, and has not been looked up yet. Several wait together, so that the memory where each
  // is looked for comes while the next steps are played.
  struct Pending {
    std::vector<std::uint8_t> state;
    std::uint64_t fingerprint = 0;
    std::uint32_t from = 0, length = 0;
    std::uint16_t actor = 0;
    bool unfair = false;
  };

  std::uint32_t Arrive(const Pending& next, const std::uint8_t* state) {
    bool fresh;
    const std::uint32_t to = visited_.Insert(next.fingerprint, state, &fresh);
    progress_ = progress_ || to > next.from;
    if (fresh) {
      tree_.Add(next.from, next.actor);
      frontier_.Push(state, to, next.length);
    }
    if (p_.endless && next.actor <= machine_.clock()) graph_.Add({next.from, to, next.actor, next.unfair});
    return to;
  }

  void FlushPending() {
    for (std::size_t i = 0; i < pending_count_; ++i) visited_.PrefetchMatch(pending_[i].fingerprint);
    for (std::size_t i = 0; i < pending_count_; ++i) Arrive(pending_[i], pending_[i].state.data());
    pending_count_ = 0;
  }

  // `before`: the moves between the state with that number and the step of `actor`.
  void Events(std::uint32_t number, const std::vector<Move>& before, int actor, Chooser& chooser) {
    std::vector<int> taken = chooser.Taken();
    std::shared_ptr<const std::vector<Move>> moves;   // one list for all orders of a step: there may be many
    for (const Event& e : machine_.events()) {
      if (e.order.held.element >= 0) {
        if (moves == nullptr) moves = std::make_shared<const std::vector<Move>>(WithLast(Whole(before), actor, taken));
        orders_.push_back({e.order, e.pc, e.frame, WhoseEvent(e.frame), number, walks_ ? static_cast<std::uint32_t>(prefix_.size()) : use_chains_ ? length_ : number, moves});
        continue;
      }
      std::string key = std::string(e.rule) + "|" + std::to_string(e.pc);
      int source = e.pc >= 0 ? p_.code[static_cast<std::size_t>(e.pc)].source : -1;
      if (source >= 0) key = std::string(e.rule) + "|" + p_.sources[static_cast<std::size_t>(source)].node->pointer;
      Seed* seed = NewOrShorter(key, before.size() + 1, false);
      if (seed == nullptr) continue;
      Seed& s = *seed;
      s.rule = e.rule;
      s.key = key;
      s.pc = e.pc;
      s.frame = e.frame;
      if (e.frame >= 0) s.unit = l_.frame_unit[static_cast<std::size_t>(e.frame)];
      s.detail = e.detail;
      if (e.frame >= 0) s.who = WhoseEvent(e.frame);
      s.state = number;
      s.path = WithLast(Whole(before), actor, taken);
    }
  }

  // Where a finding goes: a new one, or one that was reached on a longer way. Null: it is known.
  Seed* NewOrShorter(const std::string& key, std::size_t moves, bool ends) {
    std::uint64_t length = moves + (walks_ ? prefix_.size() : use_chains_ ? length_ : 0);
    auto [it, fresh] = found_.try_emplace(key);
    if (retelling_) return fresh ? &it->second : nullptr;
    Seed& s = it->second;
    if (!fresh && ends) ++s.end_states;
    if (!fresh && (!(use_chains_ || walks_) || length >= s.length)) return nullptr;
    std::uint64_t end_states = s.end_states;
    s = Seed();
    s.end_states = end_states;
    s.length = length;
    return &s;
  }

  struct SeenOrder { LockOrder order; int pc, frame; std::string who; std::uint32_t state, length; std::shared_ptr<const std::vector<Move>> moves; };
  // In a run that is not kept as states with numbers, the moves from its beginning.
  std::vector<Move> Whole(const std::vector<Move>& before) const {
    std::vector<Move> moves = prefix_;
    moves.insert(moves.end(), before.begin(), before.end());
    return moves;
  }
  static std::vector<Move> WithLast(std::vector<Move> moves, int actor, const std::vector<int>& choices) {
    moves.push_back({actor, choices});
    return moves;
  }

  std::string WhoseEvent(int frame) {
    if (machine_.F(frame).live != 0) return PartyName(machine_, frame);
    const Unit& unit = machine_.UnitOf(frame);
    return (unit.kind == UnitKind::kThread || unit.kind == UnitKind::kMain ? "thread " : "task ") + unit.name;
  }

  std::uint64_t LengthTo(const SeenOrder& seen) const { return seen.length + seen.moves->size(); }

  // Locks that some runs take in one order and some in the other. The schedule leads to the last of these that was seen.
  void LockOrders() {
    std::vector<LockOrder> orders;
    for (const SeenOrder& seen : orders_) orders.push_back(seen.order);
    for (const std::vector<std::size_t>& cycle : OppositeOrders(orders, deadline_)) {
      Seed s;
      s.rule = "hazard/lock-order";
      s.key = s.rule;
      const SeenOrder* last = nullptr;
      std::set<std::string> names;
      for (std::size_t i : cycle) {
        const SeenOrder& seen = orders_[i];
        const std::string& wanted = p_.elements[static_cast<std::size_t>(seen.order.wanted.element)].name;
        const std::string& held = p_.elements[static_cast<std::size_t>(seen.order.held.element)].name;
        names.insert(held);
        s.detail += (s.detail.empty() ? "" : ", ") + seen.who + " takes `" + wanted + "` while it holds `" + held + "`";
        s.also.push_back(seen.pc);
        s.frames.push_back(seen.frame);
        if (last == nullptr || LengthTo(seen) >= LengthTo(*last)) last = &seen;
      }
      for (const std::string& name : names) s.key += "|" + name;
      s.pc = last->pc;
      s.frame = last->frame;
      s.unit = l_.frame_unit[static_cast<std::size_t>(last->frame)];
      s.who = last->who;
      s.state = last->state;
      s.path = *last->moves;
      s.length = LengthTo(*last);
      found_.try_emplace(s.key, s);
    }
  }

  void EndOnce(const char* rule, int frame, int pc, std::uint32_t number) {
    int source = pc >= 0 ? p_.code[static_cast<std::size_t>(pc)].source : -1;
    // A thread that outlives main is one finding, wherever it stands.
    bool whole = machine_.UnitOf(frame).kind == UnitKind::kThread && rule == std::string("hazard/leaked-thread");
    std::string key = std::string(rule) + "|" + (whole ? machine_.UnitOf(frame).name : source >= 0 ? p_.sources[static_cast<std::size_t>(source)].node->pointer : std::to_string(pc));
    Seed* seed = NewOrShorter(key, 0, true);
    if (seed == nullptr) return;
    Seed& s = *seed;
    s.rule = rule;
    s.key = key;
    s.pc = pc;
    s.frame = frame;
    s.who = PartyName(machine_, frame);
    s.state = number;
    s.path = prefix_;
  }

  void UnlookedPanics(std::uint32_t number) {
    for (int f = 0; f < l_.frames; ++f) {
      FrameCell& frame = machine_.F(f);
      UnitKind kind = machine_.UnitOf(f).kind;
      if (frame.live == 0 || (kind != UnitKind::kTask && kind != UnitKind::kBlocking)) continue;
      if ((frame.bits & kComplete) && frame.result == Outcome::kPanicked && (frame.bits & kLooked) == 0 && frame.panic_pc != 0xffff && frame.panic_pc != 0)
        EndOnce("panic/task", f, frame.panic_pc - 1, number);
    }
  }

  void Ended(std::uint32_t number) {
    if (options_.at_end && !retelling_) options_.at_end(machine_);
    MarkBlocked();
    UnlookedPanics(number);
    if (machine_.H().ended != 1) return;
    for (int f = 0; f < l_.frames; ++f) {
      FrameCell& frame = machine_.F(f);
      const Unit& unit = machine_.UnitOf(f);
      if (frame.live == 0 || unit.kind != UnitKind::kThread || (frame.bits & (kComplete | kLooked)) || unit.detached) continue;
      EndOnce("hazard/leaked-thread", f, machine_.S(machine_.Root(f)).pc, number);
    }
  }

  // An op that a thread blocks in was reached, though it never got further.
  void MarkBlocked() {
    for (int t = 0; t < l_.threads; ++t)
      if (int top = machine_.T(t).top - 1; top >= 0) machine_.reached()[machine_.S(top).pc] = true;
  }

  void Stuck(std::uint32_t number) {
    if (options_.at_end && !retelling_) options_.at_end(machine_);
    MarkBlocked();
    UnlookedPanics(number);
    for (int f = 0; f < l_.frames; ++f) {   // a panic whose unwinding never ends
      UnitKind kind = machine_.UnitOf(f).kind;
      const StrandCell& root = machine_.S(machine_.Root(f));
      if (machine_.F(f).live != 0 && (kind == UnitKind::kMain || kind == UnitKind::kThread) && root.mode == Mode::kPanicking &&
          root.panic_pc != 0 && root.panic_pc != 0xffff)
        EndOnce("panic/thread", f, root.panic_pc - 1, number);
    }
    ReportStuck(number, {}, {});
    // Main waits to join one of several, and a schedule decides which of them.
    for (int which = 0; use_symmetry_ && !retelling_ && symmetry_.WaitForAnother(machine_, which); ++which)
      for (const StuckRoot& r : FindStuckRoots(machine_, {}))
        missed_.insert(KeyOf(r));
  }

  std::string KeyOf(const StuckRoot& r) {
    std::string key = r.rule;
    std::set<std::string> parts;
    for (std::size_t i = 0; i < r.inside; ++i)
      parts.insert(r.waits[i].who.substr(0, r.waits[i].who.find_first_of("[#")) + "@" +
                   (r.sources[i] >= 0 ? p_.sources[static_cast<std::size_t>(r.sources[i])].node->pointer : ""));
    for (const std::string& part : parts) key += "|" + part;
    return key;
  }

  // False: nobody is stuck.
  bool ReportStuck(std::uint32_t number, const std::vector<bool>& active, const std::vector<Move>& loop) {
    std::vector<StuckRoot> roots = FindStuckRoots(machine_, active);
    if (roots.empty() && active.empty()) {
      StuckRoot unknown;
      unknown.rule = "deadlock/partial";
      roots.push_back(unknown);
    }
    for (StuckRoot& r : roots) {
      const std::string key = KeyOf(r);
      Seed* seed = NewOrShorter(key, 0, true);
      if (seed == nullptr) continue;
      Seed& s = *seed;
      s.rule = r.rule;
      s.key = key;
      s.waits = std::move(r.waits);
      s.sources = std::move(r.sources);
      s.frames = std::move(r.frames);
      s.others_progress = !active.empty();
      s.loop = loop;
      s.state = number;
      s.path = prefix_;
    }
    return !roots.empty();
  }

  // Among the shortest schedules to each finding, one with the fewest changes of thread: a second pass over the same
  // levels that remembers, for each state and the thread that moved last, the fewest changes so far. Skipped where the
  // search was large; the schedule is then a shortest one, and the search's own order has kept changes rare.
  void FewestSwitches() {
    constexpr std::uint32_t kStatesMax = 60'000;
    std::uint32_t deepest = 0;
    for (auto& [key, seed] : found_) deepest = std::max(deepest, seed.state);
    if (deepest == 0 || deepest > kStatesMax || !HasRoomFor(std::uint64_t{2} * deepest * (bytes_ + 64))) return;
    const std::size_t states = std::size_t{deepest} + 1;
    struct Entry { std::uint16_t actor; std::uint32_t switches, from; std::uint16_t from_actor; };
    std::vector<std::vector<Entry>> best(states);
    std::vector<std::uint32_t> level(states, 0);
    for (std::uint32_t v = 1; v < states; ++v) level[v] = level[tree_.ParentOf(v)] + 1;
    best[0].push_back({0, 0, 0, 0});
    std::vector<std::uint8_t> current(bytes_), next, work(bytes_);
    current = InitialBytes();
    std::vector<std::uint32_t> numbers = {0}, next_numbers;
    std::vector<bool> kept(states, false);
    while (!numbers.empty() && numbers.front() <= deepest) {
      next.clear();
      next_numbers.clear();
      for (std::size_t i = 0; i < numbers.size(); ++i) {
        std::uint32_t u = numbers[i];
        const std::uint8_t* state = current.data() + i * bytes_;
        work.assign(state, state + bytes_);
        machine_.Attach(work.data());
        if (machine_.H().ended != 0) continue;
        std::vector<int> enabled;
        Enabled(&enabled);
        for (int t = 0; t < l_.threads; ++t)
          if (machine_.SpuriousEnabled(t)) enabled.push_back(machine_.spurious(t));
        for (int actor : enabled) {
          Chooser chooser;
          do {
            Tick();
            work.assign(state, state + bytes_);
            machine_.Attach(work.data());
            machine_.Step(actor, chooser);
            Settle(work.data());
            std::uint32_t v = visited_.Find(Fingerprint(work.data(), bytes_), work.data());
            if (v == Visited::none || v > deepest || level[v] != level[u] + 1) continue;
            Entry entry{static_cast<std::uint16_t>(actor), 0xffffffff, u, 0};
            for (const Entry& b : best[u]) {
              std::uint32_t switches = b.switches + (b.actor != actor ? 1 : 0);
              if (switches < entry.switches) { entry.switches = switches; entry.from_actor = b.actor; }
            }
            auto same = std::find_if(best[v].begin(), best[v].end(), [&](const Entry& b) { return b.actor == actor; });
            if (same == best[v].end()) best[v].push_back(entry);
            else if (entry.switches < same->switches) *same = entry;
            if (!kept[v]) {
              kept[v] = true;
              next.insert(next.end(), work.begin(), work.end());
              next_numbers.push_back(v);
            }
          } while (chooser.Next());
        }
      }
      current.swap(next);
      numbers.swap(next_numbers);
    }
    for (auto& [key, seed] : found_) {
      if (seed.state == 0 || best[seed.state].empty()) continue;
      std::uint16_t then = seed.path.empty() ? 0xffff : static_cast<std::uint16_t>(seed.path[0].actor);
      const Entry* at = nullptr;
      for (const Entry& b : best[seed.state])
        if (at == nullptr || b.switches + (b.actor != then) < at->switches + (at->actor != then)) at = &b;
      std::vector<std::pair<std::uint32_t, std::uint16_t>> chain;
      std::uint32_t v = seed.state;
      while (v != 0 && at != nullptr) {
        chain.push_back({v, at->actor});
        std::uint32_t u = at->from;
        std::uint16_t actor = at->from_actor;
        at = nullptr;
        for (const Entry& b : best[u]) if (b.actor == actor) at = &b;
        v = u;
      }
      std::reverse(chain.begin(), chain.end());
      chains_[seed.state] = std::move(chain);
    }
  }

  // The schedule to a state: actors come from the parent links, choices are found again by playing.
  std::vector<Move> Path(std::uint32_t number) {
    std::vector<std::pair<std::uint32_t, std::uint16_t>> chain;
    if (auto better = chains_.find(number); better != chains_.end()) {
      chain = better->second;
    } else {
      for (std::uint32_t n = number; n != 0; n = tree_.ParentOf(n)) chain.push_back({n, static_cast<std::uint16_t>(tree_.ActorOf(n))});
      std::reverse(chain.begin(), chain.end());
    }
    std::vector<std::uint8_t> state = InitialBytes();
    std::vector<Move> path;
    for (auto [n, actor] : chain) {
      Chooser chooser;
      bool hit = false;
      do {
        Tick();
        scratch_ = state;
        machine_.Attach(scratch_.data());
        const HeaderCell before = machine_.H();
        machine_.Step(actor, chooser);
        concerns_all_ = machine_.H().ended != 0 || machine_.H().panicked != before.panicked;
        Settle(scratch_.data());
        chain_.assign(1, {actor, chooser.Taken()});
        if (use_chains_ && !Follow(n, &chain_, nullptr)) break;
        hit = visited_.Find(Fingerprint(scratch_.data(), bytes_), scratch_.data()) == n;
      } while (!hit && chooser.Next());
      if (!hit) return path;
      path.insert(path.end(), chain_.begin(), chain_.end());
      state = scratch_;
    }
    last_state_ = state;
    return path;
  }

  // ---- true names ---------------------------------------------------------------------------------------------
  void Settle(std::uint8_t* state) {
    if (use_symmetry_ && machine_.overflow().empty()) symmetry_.Settle(machine_, state);
  }

  // A run in which everybody keeps their number, and which comes by the same states, but for the numbers, as `moves` do.
  // `state` is where it leads; `told` hears of each way to make the last move, until it has heard what it wants.
  bool Unfold(const std::vector<Move>& moves, std::vector<Move>* real, std::vector<std::uint8_t>* state,
              const std::function<bool(int actor, Chooser&)>& told) {
    std::vector<std::uint8_t> settled = InitialBytes(), work(bytes_), like(bytes_), fallback;
    state->assign(bytes_, 0);
    machine_.Attach(state->data());
    machine_.Initial();
    real->clear();
    Move fallback_move;
    std::vector<int> enabled;
    // Whether `actor` can go from `state` to what looks like `like`; `work` is then where it is.
    auto leads = [&](int actor, Chooser& chooser) {
      Tick();
      work = *state;
      machine_.Attach(work.data());
      machine_.Step(actor, chooser);
      if (!machine_.overflow().empty()) return false;
      copy_ = work;
      machine_.Attach(copy_.data());
      symmetry_.Settle(machine_, copy_.data());
      return copy_ == like;
    };
    auto movers = [&] {   // whoever moved last goes first
      machine_.Attach(state->data());
      enabled.clear();
      for (int t = 0; t < l_.threads; ++t)
        if (machine_.ThreadEnabled(t)) enabled.push_back(t);
      if (machine_.ClockEnabled(!enabled.empty())) enabled.push_back(machine_.clock());
      for (int t = 0; t < l_.threads; ++t)
        if (machine_.SpuriousEnabled(t)) enabled.push_back(machine_.spurious(t));
      if (!real->empty())
        if (auto last = std::find(enabled.begin(), enabled.end(), real->back().actor); last != enabled.end()) std::rotate(enabled.begin(), last, last + 1);
    };
    // Main joins who has ended, which the settled state has behind it.
    auto catch_up = [&] {
      if (!symmetry_.joins()) return false;
      like = settled;
      machine_.Attach(state->data());
      if (!machine_.ThreadEnabled(0)) return false;
      Chooser chooser;
      if (!leads(0, chooser) || chooser.asked() != 0) return false;
      *state = work;
      real->push_back({0, {}});
      return true;
    };
    for (std::size_t i = 0; i < moves.size(); ++i) {
      Chooser forced;
      forced.Force(moves[i].choices);
      work = settled;
      machine_.Attach(work.data());
      machine_.Step(moves[i].actor, forced);
      symmetry_.Settle(machine_, work.data());
      const std::vector<std::uint8_t> next = work;
      bool found = false, heard = false;
      for (bool again = true; again && !heard;) {
        movers();
        for (int actor : enabled) {
          Chooser chooser;
          do {
            like = next;
            machine_.ForgetOrders();
            if (!leads(actor, chooser)) continue;
            Move move{actor, chooser.Taken()};
            const bool last = i + 1 == moves.size() && told != nullptr;
            if (last) {   // play it once more for its events
              Chooser replayed;
              replayed.Force(move.choices);
              work = *state;
              machine_.Attach(work.data());
              machine_.ForgetOrders();
              machine_.Step(actor, replayed);
              heard = told(actor, replayed);
            } else {
              heard = true;
            }
            if (found && !heard) continue;
            found = true;
            fallback = work;
            fallback_move = move;
          } while (!heard && chooser.Next());
          if (heard) break;
        }
        again = !heard && !found && catch_up();
      }
      if (!found) return false;
      real->push_back(fallback_move);
      *state = fallback;
      settled = next;
    }
    while (catch_up()) {}
    return true;
  }

  // Puts a finding in the words of a run in which everybody keeps their number.
  bool Retell(Seed* seed) {
    std::map<std::string, Seed> found;
    found.swap(found_);
    prefix_.clear();
    retelling_ = true;
    std::vector<Move> real;
    std::vector<std::uint8_t> state;
    const bool order = seed->rule == "hazard/lock-order";
    bool done = false;
    const bool in_time = Before([&] {
      done = Unfold(seed->path, &real, &state, [&](int actor, Chooser& chooser) {
        if (order) return true;
        if (!machine_.events().empty()) Events(0, {}, actor, chooser);
        return found_.count(seed->key) != 0;
      });
    });
    if (done && !order && found_.count(seed->key) == 0) {
      scratch_ = state;
      machine_.Attach(scratch_.data());
      if (machine_.H().ended != 0) Ended(0);
      else Stuck(0);
      done = found_.count(seed->key) != 0;
    }
    if (done) {
      if (!order) {
        Seed& told = found_[seed->key];
        seed->waits = std::move(told.waits);
        seed->sources = std::move(told.sources);
        seed->frames = std::move(told.frames);
        seed->pc = told.pc;
        seed->frame = told.frame;
        seed->who = std::move(told.who);
      }
      seed->path = std::move(real);
    } else {
      order_matters_ = order_matters_ || in_time;
    }
    retelling_ = false;
    found.swap(found_);
    return done;
  }

  // The same for a lock that was taken under another.
  void Retell(SeenOrder* seen) {
    std::vector<Move> path = Path(seen->state), real;
    path.insert(path.end(), seen->moves->begin(), seen->moves->end());
    std::vector<std::uint8_t> state;
    const bool done = Unfold(path, &real, &state, [&](int, Chooser&) {
      for (const Event& e : machine_.events()) {
        if (e.pc != seen->pc || e.order.held.element != seen->order.held.element || e.order.wanted.element != seen->order.wanted.element) continue;
        seen->frame = e.frame;
        seen->who = WhoseEvent(e.frame);
        return true;
      }
      return false;
    });
    order_matters_ = order_matters_ || !done;
  }

  // ---- endless runs -------------------------------------------------------------------------------------------
  // Whether some run never ends, though that is all that a reduced graph says about it.
  void LookForCycles() {
    cycles_ = Components(&graph_, visited_.size(), deadline_).HasCycle();
  }

  // Strongly connected components of the graph; fair ones are endless runs. `more`: time was let pass somewhere.
  bool Cycles(bool* more) {
    const bool no_clock = mode_.timing == Timing::kAdversarial;
    Components graph(&graph_, visited_.size(), deadline_, no_clock ? machine_.clock() : Components::kAllActors);
    std::vector<std::uint32_t> states;
    for (std::uint32_t c = 0; c < graph.count(); ++c) {
      deadline_.Step();
      graph.StatesOf(c, &states);
      bool internal = false, leaves = false;
      for (std::uint32_t v : states)
        for (std::uint32_t k = graph.first(v); k < graph.first(v + 1); ++k) {
          if (no_clock && graph.edge(k).actor == machine_.clock()) continue;
          (graph.IsInside(k) ? internal : leaves) = true;
        }
      if (!internal) continue;
      if (!leaves && mode_.timing == Timing::kIdeal && LetTimePass(states, more)) {
        if (!machine_.overflow().empty()) return false;
        continue;
      }
      if (*more) continue;
      FairCycle(states, graph);
    }
    if (*more) {
      if (!Levels()) return false;
      if (!result_.complete) *more = false;
    }
    return true;
  }

  // Ideal timing: everything that can run has come back to where it was at the same instant, so the clock moves on.
  bool LetTimePass(const std::vector<std::uint32_t>& states, bool* more) {
    bool pending = false;
    for (std::uint32_t v : states) {
      if (passed_.count(v)) continue;
      Path(v);
      std::vector<std::uint8_t> state = v == 0 ? InitialBytes() : last_state_;
      std::memcpy(scratch_.data(), state.data(), bytes_);
      machine_.Attach(scratch_.data());
      if (!machine_.ClockEnabled(false)) continue;
      passed_.insert(v);
      pending = true;
      *more = true;
      if (!Apply(state.data(), v, machine_.clock())) return true;
    }
    FlushPending();
    return pending;
  }

  std::vector<std::uint8_t> InitialBytes() {
    std::vector<std::uint8_t> state(bytes_);
    machine_.Attach(state.data());
    machine_.Initial();
    Settle(state.data());
    return state;
  }

  void FairCycle(const std::vector<std::uint32_t>& states, Components& graph) {
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
    if (ReportStuck(best, active, loop)) return;
    if (std::find(active.begin(), active.end(), true) != active.end()) {
      int spinner = -1;
      for (int f = 0; f < l_.frames; ++f) if (active[static_cast<std::size_t>(f)]) spinner = f;
      AddEndless("starvation/livelock", spinner, best, loop);
    }
  }

  // The bytes of all states of a component, each made from a neighbour by one step. What is said about an endless run
  // must hold in every one of them, so a component that is too large ends the search as incomplete.
  bool Rebuild(const std::vector<std::uint32_t>& states, const Components& graph) {
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
  int StarvedBranch(const std::vector<std::uint32_t>& states, const Components& graph) {
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

  static bool BranchReady(Machine& m, int strand) {
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

  void AddEndless(const char* rule, int frame, std::uint32_t state, const std::vector<Move>& loop, int pc = -1) {
    const Unit& unit = machine_.UnitOf(std::max(frame, 0));
    std::string key = std::string(rule) + "|" + unit.name;
    auto [it, fresh] = found_.try_emplace(key);
    if (!fresh) { ++it->second.end_states; return; }
    Seed& s = it->second;
    s.rule = rule;
    s.key = key;
    s.frame = frame;
    s.pc = pc >= 0 ? pc : frame >= 0 ? machine_.S(machine_.Root(frame)).pc : 0;
    s.who = PartyName(machine_, std::max(frame, 0));
    s.state = state;
    s.loop = loop;
  }

  Program& p_;
  const Layout& l_;
  PlayMode mode_;
  const CheckOptions& options_;
  Machine machine_;
  std::size_t bytes_;
  std::vector<std::uint8_t> scratch_, last_state_, copy_;
  Frontier frontier_;
  std::vector<int> enabled_;
  std::vector<std::uint64_t> idle_;
  Visited visited_;
  SearchTree tree_;
  StubbornSets stubborn_;
  const Expects expects_;
  const bool walks_;            // goes along runs, of which `prefix_` is the one at hand
  std::vector<Move> prefix_;
  std::unique_ptr<SingleRun> run_;      // of single runs
  std::unique_ptr<BitFilter> seen_;     // of a depth-first search, as is
  std::vector<Open> stack_;             // the way that it is on
  const bool use_stubborn_, use_chains_;
  Symmetry symmetry_;
  const bool use_symmetry_;
  bool order_matters_ = false;
  std::set<std::string> missed_;   // findings of states that were taken for others
  bool retelling_ = false;      // one run is played again, to say who takes part in it
  std::array<Pending, 32> pending_;
  std::size_t pending_count_ = 0;
  std::uint32_t length_ = 0;            // of the way to the state at hand, where chains make levels uneven
  std::uint64_t fingerprint_ = 0;       // of the state that the last step has led to
  std::vector<Move> chain_;
  std::vector<int> chain_enabled_;
  std::vector<std::uint8_t> before_;
  std::uint64_t longest_ = 0;
  // States on chains, as many as fit, and where their chains end: chains that meet are walked once.
  struct Passed { std::uint64_t fingerprint = 0; std::uint32_t to = 0; };
  std::vector<Passed> links_ = std::vector<Passed>(1 << 12);
  std::vector<std::uint64_t> passed_by_;
  static constexpr std::size_t kPassedMax = std::size_t{1} << 20;
  std::size_t remembered_ = 0;
  bool panicked_ = false, cycles_ = false;
  bool progress_ = false;       // the state at hand has led to one that is still to be explored
  bool concerns_all_ = false;   // the last actor's step panicked or ended the program
  StateGraph graph_;   // of programs that may have endless runs
  std::set<std::uint32_t> passed_;
  std::map<std::uint32_t, std::vector<std::uint8_t>> bytes_of_;   // of the component that is looked at
  std::map<std::uint32_t, std::vector<std::pair<std::uint32_t, std::uint16_t>>> chains_;
  int starved_strand_ = 0;
  bool seen_any_ = false;
  std::map<std::string, Seed> found_;
  std::vector<SeenOrder> orders_;
  SearchResult result_;
  static constexpr std::size_t kAhead = 4096;              // states that may come before the memory is looked at again
  std::uint64_t depth_ = 0, ticks_ = 0;
  std::size_t left_ = 0;                // of the level at hand, with the state at hand
  std::uint32_t rounds_ = 0;            // in which endless runs were looked for
  static constexpr std::size_t kLargeState = 8192;   // bytes: a step takes long enough for a look at the clock
  bool hurry_ = false;                  // time was up in the middle of an expansion
  Deadline hurried_;                    // when it ends at the latest
  std::function<void(ByteWriter*)> preface_;
  Deadline deadline_;
};

}  // namespace

std::vector<int> SizesOf(const Program& program) {
  std::vector<int> sizes;
  for (const Unit& u : program.units) sizes.push_back(u.frames);
  for (const Element& e : program.elements) sizes.push_back(e.room);
  return sizes;
}

void SetSizes(Program& program, const std::vector<int>& sizes) {
  if (sizes.size() != program.units.size() + program.elements.size()) return;
  std::size_t i = 0;
  for (Unit& u : program.units) u.frames = sizes[i++];
  for (Element& e : program.elements) e.room = sizes[i++];
}

bool SizesFit(const Program& program, const std::vector<int>& sizes) {
  const std::vector<int> usual = SizesOf(program);
  if (sizes.size() != usual.size()) return false;
  for (std::size_t i = 0; i < sizes.size(); ++i)
    if (sizes[i] < std::min(usual[i], 1) || sizes[i] > 60'000) return false;
  return true;
}

bool TellsTime(const Program& program) {
  return program.spurious || std::any_of(program.code.begin(), program.code.end(), [](const Instr& in) { return RegistersTimer(in.op); });
}

// A reduced search can reach a panic or a hazard on a detour, since others are let go first. What a short search without
// reduction finds as well is shown from there.
void ShortestWays(Program& program, const Layout& layout, const PlayMode& mode, const CheckOptions& options,
                  const Deadline& deadline, SearchResult* result) {
  CheckOptions all = options;
  all.reductions.stubborn = all.reductions.chains = all.reductions.symmetry = false;
  all.at_end = nullptr;   // it has been told all of them
  all.checkpoint = {};
  all.strategy = Strategy::kExhaustive;
  all.at_panic = nullptr;
  all.max_states = std::min<std::uint64_t>(options.max_states, 30'000);
  try {
    Explorer explorer(program, layout, mode, all, deadline, {true, true, true});
    if (!explorer.Run()) return;
    if (explorer.OutOfTime()) throw TimeIsUp{explorer.result().limit == "time" ? "time" : "interrupt"};
    for (Seed& other : explorer.result().seeds)
      for (Seed& seed : result->seeds)
        if (seed.key == other.key && other.path.size() <= seed.path.size()) seed = other;
  } catch (const TimeIsUp& up) {   // without it, the report is another one
    result->complete = false;
    result->limit = up.limit;
  }
}

namespace {

// What decides the sizes of a search, in front of its state.
struct Attempt {
  Expects expects;
  std::vector<int> sizes;

  void Save(ByteWriter* out) const {
    for (bool expected : {expects.panics, expects.cycles, expects.order}) out->Flag(expected);
    SaveNumbers(sizes, out);
  }
  void Load(ByteReader* in) {
    for (bool* expected : {&expects.panics, &expects.cycles, &expects.order}) *expected = in->Flag();
    LoadNumbers(in, &sizes);
  }
};

// A search that an earlier process has ended: its result, and what it has reached.
bool LoadFinished(const Program& program, ByteReader* in, SearchResult* result, std::vector<bool>* reached) {
  std::vector<bool> own;
  LoadNumbers(in, &own);
  LoadResult(program, in, result);
  if (own.size() != program.code.size() || !in->ok() || in->left() != 0) return false;
  reached->resize(std::max(reached->size(), own.size()));
  for (std::size_t i = 0; i < own.size(); ++i)
    if (own[i]) (*reached)[i] = true;
  return true;
}

}  // namespace

namespace {

SearchResult SearchUntil(Deadline deadline, const Program& whole, const PlayMode& mode, const CheckOptions& options, std::vector<bool>* reached) {
  deadline.Look();
  Program program = whole;
  if (options.reductions.values) DropUnreadValues(&program, deadline);
  Expects expects;
  // Whether a run has an end is not known where not all are looked at. A single run keeps to no reduction.
  expects.cycles = options.strategy != Strategy::kExhaustive && (program.endless || options.strategy != Strategy::kBitstate);
  Checkpoint* const checkpoint = options.checkpoint.checkpoint;
  std::optional<Checkpoint::Found> kept;
  if (checkpoint != nullptr) kept = checkpoint->Find(options.checkpoint);
  if (kept && kept->in.Flag()) {
    SearchResult result;
    if (LoadFinished(program, &kept->in, &result, reached)) {
      for (Seed& s : result.seeds) s.mode = mode;
      return result;
    }
    checkpoint->Refuse(options.checkpoint);
    kept.reset();
  }
  const std::vector<int> usual = SizesOf(program);
  const Expects first = expects;
  if (kept) {
    Attempt attempt;
    attempt.Load(&kept->in);
    if (SizesFit(program, attempt.sizes)) {
      SetSizes(program, attempt.sizes);
      expects = attempt.expects;
    } else {
      kept->in.Fail();
    }
  }
  for (int attempt = 0;; ++attempt) {
    Layout layout(program);
    if (layout.strands > 60000 || layout.bytes > (1 << 20) || attempt > 40) {
      SearchResult r;
      r.complete = false;
      r.limit = "memory";
      return r;
    }
    auto explorer = std::make_unique<Explorer>(program, layout, mode, options, deadline, expects);
    if (kept && !explorer->Load(&kept->in)) {
      checkpoint->Refuse(options.checkpoint);
      kept.reset();
      SetSizes(program, usual);
      expects = first;
      continue;
    }
    kept.reset();
    explorer->KeepBy([&](ByteWriter* out) {
      out->Flag(false);
      Attempt{expects, SizesOf(program)}.Save(out);
    });
    if (explorer->Run()) {
      if (!explorer->OutOfTime() && explorer->Surprised(&expects)) continue;   // else what was found is real all the same
      Machine& m = explorer->machine();
      std::vector<bool> own = m.reached();
      reached->resize(std::max(reached->size(), own.size()));
      for (std::size_t i = 0; i < own.size(); ++i)
        if (own[i]) (*reached)[i] = true;
      SearchResult result = std::move(explorer->result());
      result.timeless = result.complete && !m.timed() && !program.spurious;
      const bool detours = explorer->detours();
      explorer.reset();
#if defined(__GLIBC__)
      malloc_trim(0);   // what comes next has all of the memory again
#endif
      if (detours && !result.seeds.empty() && result.limit != "time" && result.limit != "interrupt") ShortestWays(program, layout, mode, options, deadline, &result);
      for (Seed& s : result.seeds) {
        s.sizes = SizesOf(program);
        s.mode = mode;
      }
      if (checkpoint != nullptr && result.complete)
        checkpoint->Finish(options.checkpoint, [&](ByteWriter* out) {
          out->Flag(true);
          SaveNumbers(own, out);
          SaveResult(result, out);
        });
      return result;
    }
    Machine& m = explorer->machine();
    if (m.overflow() == "frames") program.units[static_cast<std::size_t>(m.overflow_unit())].frames *= 2;
    else if (m.overflow() == "room") program.elements[static_cast<std::size_t>(m.overflow_element())].room *= 2;
    else for (Unit& u : program.units) if (u.kind == UnitKind::kBlocking) u.frames *= 2;
  }
}

}  // namespace

SearchResult Search(const Program& program, const PlayMode& mode, const CheckOptions& options, const Deadline& deadline, std::vector<bool>* reached) {
  try {
    return SearchUntil(deadline, program, mode, options, reached);
  } catch (const TimeIsUp& up) {   // before there was anything to go through
    SearchResult result;
    result.complete = false;
    result.limit = up.limit;
    return result;
  }
}

}  // namespace asyncrt
