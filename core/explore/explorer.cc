// The exploration itself: which steps are played in a state, and what is remembered of it.
#include "core/explore/explorer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/explore/fingerprint.h"

namespace asyncrt {

Explorer::Explorer(Program& program, const Layout& layout, const PlayMode& mode, const CheckOptions& options,
                   const Deadline& deadline, const Expects& expects)
    : p_(program), l_(layout), mode_(mode), options_(options), expects_(expects), own_(program, layout, mode, options, deadline, expects), machine_(own_.machine()),
      bytes_(static_cast<std::size_t>(layout.bytes)), scratch_(bytes_), frontier_(bytes_), visited_(options.exact_states ? bytes_ : 0),
      tree_(machine_.actors()), walks_(options.strategy != Strategy::kExhaustive), use_stubborn_(own_.uses_stubborn()), use_chains_(own_.uses_chains()),
      use_symmetry_(own_.uses_symmetry()), deadline_(deadline) {
  may_know_ = !use_stubborn_ && !use_chains_ && !use_symmetry_ && !walks_ && !options.exact_states && options.at_panic == nullptr;
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
  const bool has_explored = Explore();
  ahead_.reset();
  if (!has_explored) return false;
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
  ends_only_ = !walks_ && std::all_of(nearest.begin(), nearest.end(), [](const Seed* seed) {
    return seed->rule == "hazard/lock-order" || (seed->rule.starts_with("deadlock/") && seed->path.empty() && seed->loop.empty());
  });
  std::stable_sort(nearest.begin(), nearest.end(), [](const Seed* a, const Seed* b) { return a->state < b->state; });
  std::vector<Seed> told;
  for (Seed* seed : nearest) {
    const bool in_time = Before([&] {
      std::vector<Move> path = Path(seed->state);
      if (path.empty()) return;   // a walk keeps the whole way to each finding, and shares it
      path.insert(path.end(), seed->path.moves().begin(), seed->path.moves().end());
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
  if (use_symmetry_ && (order_matters_ || machine_.noticed().ordered)) return expects->order = true;
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
  std::uint64_t memory = options_.base_bytes + visited_.BytesWith(kAhead) + tree_.bytes() + frontier_.BytesWithNext() + links_.bytes();
  memory += own_.bytes();
  if (ahead_ != nullptr) memory += ahead_->bytes();
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
      if ((ticks_ & 255) == 0 && CanPlayAhead() && !Before([&] { PlayAhead(); })) return true;
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
      if (ahead_ != nullptr) ahead_->Pop();
      if (left_ == 1) FlushPending();
    }
    if (frontier_.empty()) break;
    ++depth_;
    if (IsOutOfReach()) {
      Stop("states");
      break;
    }
  }
  if (known_ != nullptr) ForgetSteps();
  return true;
}

// Levels still grow, and twice as many as there is room for, of the size of the next one, do not lead there.
bool Explorer::IsOutOfReach() {
  constexpr std::uint64_t kEnough = 2'000;   // states, to tell
  const std::uint64_t width = frontier_.size(), last = std::exchange(width_, width);
  if (depth_ >= asked_ || visited_.size() < kEnough || width <= last || visited_.size() >= options_.max_states) return false;
  return depth_ + 2 * (options_.max_states - visited_.size()) / width < asked_;
}

// All successors of one state.
bool Explorer::Expand(const std::uint8_t* state, std::uint32_t number) {
  number_ = number;
  if (known_ != nullptr) return ExpandKnown(state);
  if (options_.reductions.stubborn) FlushPending();   // what others have led to is no progress of this one
  progress_ = false;
  if (ahead_ != nullptr) return TakeUp(state);
  return own_.Expand(state, visited_.FingerprintOf(number), tree_.ActorOf(number), this);
}

void Explorer::Ended() { JudgeEnd(number_); }
void Explorer::Stuck() { JudgeStuck(number_); }

std::uint8_t* Explorer::Room() {
  if (use_chains_) return scratch_.data();
  if (pending_count_ == pending_.size()) FlushPending();
  return pending_[pending_count_].state.data();
}

bool Explorer::Played() {
  ++result_.transitions;
  panicked_ = panicked_ || machine_.H().panicked != 0;
  if (bytes_ > kLargeState) return (result_.transitions & 63) != 0 || InTimeMidway();
  return !use_chains_ || (result_.transitions & 1023) != 0 || InTimeMidway();
}

// Where a chain that came by this state has led, or `none`.
std::uint32_t Explorer::PassedTo(std::uint64_t fingerprint) const {
  const Passed& link = links_[fingerprint & (links_.size() - 1)];
  return link.fingerprint == fingerprint && !options_.exact_states ? link.to : Visited::none;
}

bool Explorer::WasPassed(std::uint64_t fingerprint) {
  passed_to_ = PassedTo(fingerprint);
  return passed_to_ != Visited::none;
}

void Explorer::Arrived(const Expander::Arrival& arrival, const Chooser&) {
  if (use_chains_) {
    std::uint32_t to = passed_to_;
    if (arrival.was_passed) {
      Meet(to, arrival.actor, arrival.unfair);
    } else {
      const std::uint32_t length = length_ + arrival.moves;
      longest_ = std::max<std::uint64_t>(longest_, length);
      to = Arrive({{}, arrival.fingerprint, number_, length, arrival.actor, arrival.unfair, 0, 0, Visited::none}, arrival.state);
    }
    Remember(own_.passed().data(), own_.passed().size(), to);
    return;
  }
  Pending& next = pending_[pending_count_++];
  next.fingerprint = arrival.fingerprint;
  next.from = number_;
  next.length = length_ + 1;
  next.actor = arrival.actor;
  next.unfair = arrival.unfair;
  visited_.Prefetch(next.fingerprint);
}

// All of them move if the chosen ones only lead to where all is explored already, or to a panic or the end, which concern everybody.
bool Explorer::Suffices(const std::vector<int>&, std::size_t) {
  FlushPending();
  return progress_;
}

void Explorer::Remember(const std::uint64_t* passed, std::size_t count, std::uint32_t to) {
  remembered_ += count;
  if (remembered_ > links_.size() && links_.size() < kPassedMax && links_.size() * 4 * sizeof(Passed) <= (options_.memory_limit_mib << 20) / 16) {
    links_.Reset(links_.size() * 4);
    remembered_ = 0;
  }
  for (std::size_t i = 0; i < count; ++i) links_[passed[i] & (links_.size() - 1)] = {passed[i], to};
}

// A chain of the state at hand has come to where others have gone on to that state.
void Explorer::Meet(std::uint32_t to, std::uint16_t actor, bool unfair) {
  progress_ = progress_ || to > number_;
  if (p_.endless && actor <= machine_.clock()) graph_.Add({number_, to, actor, unfair});
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
  own_.Settle(state.data());
  return state;
}

}  // namespace asyncrt
