// The exploration itself: which steps are played in a state, and what is remembered of it.
#include "core/explore/explorer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/explore/fingerprint.h"

namespace asyncrt {

Explorer::Explorer(Program& program, const Layout& layout, const PlayMode& mode, const CheckOptions& options,
                   const Deadline& deadline, const Expects& expects)
    : p_(program), l_(layout), mode_(mode), options_(options), machine_(program, layout, mode),
      bytes_(static_cast<std::size_t>(layout.bytes)), scratch_(bytes_), frontier_(bytes_), visited_(options.exact_states ? bytes_ : 0),
      tree_(machine_.actors()), stubborn_(program, layout, mode, deadline),
      expects_(expects), walks_(options.strategy != Strategy::kExhaustive), use_stubborn_(stubborn_.usable() && options.reductions.stubborn && !expects.cycles),
      use_chains_(options.reductions.chains && !expects.cycles && !walks_), symmetry_(program, layout, mode, deadline),
      use_symmetry_(symmetry_.usable() && options.reductions.symmetry && !expects.order && !SingleRuns() && (walks_ || !expects.cycles)), deadline_(deadline) {
  may_know_ = !use_stubborn_ && !use_chains_ && !use_symmetry_ && !walks_ && !options.exact_states && options.at_panic == nullptr;
  machine_.at_panic = options.at_panic;
  stubborn_.ExpectPanics(expects.panics);
  symmetry_.UseJoins(!expects.panics);
}

// False: something had no room; `machine().overflow()` says what.
bool Explorer::Run() {
  std::vector<std::uint8_t> first = InitialBytes();
  if (visited_.size() == 0) {
    bool fresh;
    visited_.Insert(Fingerprint(first.data(), bytes_), first.data(), Visited::none, &fresh);
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
void Explorer::TellSeeds() {
  constexpr std::chrono::milliseconds kGrace{300};
  deadline_ = deadline_.Later(kGrace);
  std::vector<Seed*> nearest;
  for (auto& [key, seed] : found_) nearest.push_back(&seed);
  std::stable_sort(nearest.begin(), nearest.end(), [](const Seed* a, const Seed* b) { return a->state < b->state; });
  std::vector<Seed> told;
  for (Seed* seed : nearest) {
    const bool in_time = Before([&] {
      std::vector<Move> path = Path(seed->state);
      path.insert(path.end(), std::make_move_iterator(seed->path.begin()), std::make_move_iterator(seed->path.end()));
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

// What the search took for granted and then met. It has to begin anew without that. False: nothing.
bool Explorer::Surprised(Expects* expects) const {
  if (!expects_.panics && panicked_ && (use_stubborn_ || use_symmetry_)) return expects->panics = true;
  if (use_symmetry_ && (order_matters_ || machine_.ordered())) return expects->order = true;
  if (cycles_) return expects->cycles = true;
  return false;
}

bool Explorer::Stop(const char* limit) {
  result_.complete = false;
  result_.limit = limit;
  return false;
}

// Where time is up in the middle of an expansion, a search that is kept goes on to its end, unless that is far.
bool Explorer::InTimeMidway() {
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

bool Explorer::InTime() {
  const char* limit = deadline_.Passed();
  return limit == nullptr || Stop(limit);
}

// What the search takes, and will take before it is asked again or when its graph is looked at for endless runs.
std::uint64_t Explorer::Memory() const {
  std::uint64_t memory = options_.base_bytes + visited_.BytesWith(kAhead) + tree_.bytes() + frontier_.bytes() + links_.size() * sizeof(Passed);
  if (use_stubborn_) memory += stubborn_.bytes();
  if (known_ != nullptr) memory += known_->bytes();
  if (p_.endless) memory += graph_.bytes() + graph_.LookBytes(visited_.size());
  memory += (pending_.size() + 4) * bytes_;   // states at hand
  if (walks_) memory += WalkBytes();
  return memory;
}

bool Explorer::WithinLimits() {
  const bool goes_on = Unlimited();
  if (goes_on) ++ticks_;
  return goes_on;
}

bool Explorer::Unlimited() {
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

bool Explorer::Explore() {
  switch (options_.strategy) {
    case Strategy::kExhaustive: return Levels();
    case Strategy::kBitstate: return DepthFirst();
    case Strategy::kRandom: return Runs();
    case Strategy::kPct: return Runs();
  }
  return true;
}

bool Explorer::Levels() {
  Expects surprise;
  while (!frontier_.empty()) {
    if (left_ == 0) left_ = frontier_.size();
    for (; left_ > 0; --left_) {
      if (may_know_ && known_ == nullptr && visited_.size() >= options_.remember_steps_from) KnowSteps();
      if (known_ != nullptr && (ticks_ & 255) == 0 && KnowsTooMuch()) {
        ForgetSteps();
        may_know_ = false;
      }
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
  if (known_ != nullptr) ForgetSteps();
  return true;
}

// Who can move in the attached state, save by a spurious return.
void Explorer::Enabled(std::vector<int>* out) {
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

// Who is explored in the attached state; at the front of `out` those that are enough. `stuck`: nobody can go on.
std::size_t Explorer::Choose(std::vector<int>* out, bool* stuck) {
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
bool Explorer::Follow(std::uint32_t from, std::vector<Move>* moves, std::uint32_t* ahead) {
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

void Explorer::Remember(std::uint32_t to) {
  remembered_ += passed_by_.size();
  if (remembered_ > links_.size() && links_.size() < kPassedMax && links_.size() * 4 * sizeof(Passed) <= (options_.memory_limit_mib << 20) / 16) {
    links_.assign(links_.size() * 4, {});
    remembered_ = 0;
  }
  for (std::uint64_t f : passed_by_) links_[f & (links_.size() - 1)] = {f, to};
}

// All successors of one state.
bool Explorer::Expand(const std::uint8_t* state, std::uint32_t number) {
  auto attach = [&] {
    if (known_ != nullptr) return AttachKnown();
    std::memcpy(scratch_.data(), state, bytes_);
    machine_.Attach(scratch_.data());
  };
  if (known_ != nullptr) OpenKnown(state);
  else attach();
  if ((known_ != nullptr ? known_->Header() : machine_.H()).ended != 0) {
    if (known_ != nullptr) attach();
    Ended(number);
    return true;
  }
  bool stuck;
  std::size_t enough = known_ != nullptr ? ChooseKnown(&enabled_, &stuck) : Choose(&enabled_, &stuck);
  if (stuck) {   // judged without spurious returns, which are explored nevertheless
    if (known_ != nullptr) attach();
    Stuck(number);
    attach();
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
    if (!(known_ != nullptr ? ApplyKnown(number, enabled_[e]) : Apply(state, number, enabled_[e]))) return false;
    if (concerns_all_) enough = enabled_.size();
  }
  return true;
}

bool Explorer::Apply(const std::uint8_t* state, std::uint32_t number, int actor) {
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
      Remember(Arrive({{}, fingerprint_, number, length, static_cast<std::uint16_t>(actor), unfair, 0, 0, Visited::none}, work));
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

std::uint32_t Explorer::Arrive(const Pending& next, const std::uint8_t* state) {
  bool fresh;
  const std::uint32_t to = visited_.Insert(next.fingerprint, state, next.guess, &fresh);
  progress_ = progress_ || to > next.from;
  if (fresh) {
    tree_.Add(next.from, next.actor);
    frontier_.Push(known_ != nullptr ? MadeFrom(next) : state, to, next.length);
  }
  if (p_.endless && next.actor <= machine_.clock()) graph_.Add({next.from, to, next.actor, next.unfair});
  return to;
}

void Explorer::FlushPending() {
  for (std::size_t i = 0; i < pending_count_; ++i) pending_[i].guess = visited_.Guess(pending_[i].fingerprint);
  for (std::size_t i = 0; i < pending_count_; ++i) Arrive(pending_[i], pending_[i].state.data());
  pending_count_ = 0;
}

std::vector<std::uint8_t> Explorer::InitialBytes() {
  std::vector<std::uint8_t> state(bytes_);
  machine_.Attach(state.data());
  machine_.Initial();
  Settle(state.data());
  return state;
}

}  // namespace asyncrt
