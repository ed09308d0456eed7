#include "core/explore/expander.h"

#include <cstring>

#include "core/explore/fingerprint.h"

namespace asyncrt {
namespace {

bool IsOneRunAtATime(const CheckOptions& options) { return options.strategy == Strategy::kRandom || options.strategy == Strategy::kPct; }

}  // namespace

Expander::Expander(const Program& program, const Layout& layout, const PlayMode& mode, const CheckOptions& options, const Deadline& deadline, const Expects& expects)
    : l_(layout), mode_(mode), machine_(program, layout, mode), bytes_(static_cast<std::size_t>(layout.bytes)),
      stubborn_(program, layout, mode, deadline), symmetry_(program, layout, mode, deadline),
      plays_alone_(options.reductions.stubborn && !IsOneRunAtATime(options)),
      use_stubborn_(stubborn_.usable() && options.reductions.stubborn && !expects.cycles),
      use_chains_(options.reductions.chains && !expects.cycles && options.strategy == Strategy::kExhaustive),
      use_symmetry_(symmetry_.usable() && options.reductions.symmetry && !expects.order && !IsOneRunAtATime(options) &&
                    (options.strategy != Strategy::kExhaustive || !expects.cycles)),
      at_hand_(bytes_) {
  machine_.at_panic = options.at_panic;
  stubborn_.ExpectPanics(expects.panics);
  symmetry_.UseJoins(!expects.panics);
}

void Expander::Enabled(std::vector<int>* out) {
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

std::size_t Expander::Choose(std::vector<int>* out, bool* stuck) {
  Enabled(out);
  *stuck = out->empty();
  for (int t = 0; t < l_.threads; ++t)
    if (machine_.SpuriousEnabled(t)) out->push_back(machine_.spurious(t));
  if (plays_alone_ && out->size() > 1)
    for (std::size_t i = 0; i < out->size(); ++i)
      if ((*out)[i] < l_.threads && (machine_.OnlySpawns((*out)[i]) || machine_.OnlyEnds((*out)[i]))) {
        std::swap((*out)[0], (*out)[i]);
        return 1;
      }
  return use_stubborn_ && out->size() > 1 ? stubborn_.Choose(machine_, out) : out->size();
}

bool Expander::Expand(const std::uint8_t* state, std::uint64_t fingerprint, int last, Listener* listener) {
  auto attach = [&] {
    std::memcpy(at_hand_.data(), state, bytes_);
    machine_.Attach(at_hand_.data());
  };
  attach();
  if (machine_.H().ended != 0) {
    listener->Ended();
    return true;
  }
  bool stuck;
  const std::size_t enough = Choose(&actors_, &stuck);
  if (stuck) {   // judged without spurious returns, which are explored nevertheless
    listener->Stuck();
    attach();
  }
  return InTurn(&actors_, enough, last, [&](int actor) { return Apply(state, fingerprint, actor, listener); },
                [&](std::size_t moved) { return listener->Suffices(actors_, moved); }, concerns_all_);
}

bool Expander::Apply(const std::uint8_t* state, std::uint64_t fingerprint, int actor, Listener* listener, const std::vector<int>* answers) {
  Chooser chooser;
  if (answers != nullptr) chooser.Force(*answers);
  concerns_all_ = false;
  const std::uint16_t panicked = reinterpret_cast<const HeaderCell*>(state)->panicked;
  do {
    std::uint8_t* const work = listener->Room();
    std::memcpy(work, state, bytes_);
    machine_.Attach(work);
    machine_.Step(actor, chooser);
    if (!machine_.overflow().empty() || !listener->Played()) return false;
    const bool concerns_all = machine_.H().ended != 0 || machine_.H().panicked != panicked;
    concerns_all_ = concerns_all_ || concerns_all;
    if (!machine_.events().empty()) listener->Happened({}, actor, chooser);
    Arrival arrival{work, 0, 1, static_cast<std::uint16_t>(actor), machine_.unfair(), false};
    Settle(work);
    fingerprint_ = FingerprintAfter(fingerprint, state, work, bytes_);
    passed_.clear();
    if (use_chains_ && !concerns_all) {
      chain_.assign(1, {actor, {}});
      if (!Follow(work, &chain_, listener, &arrival.was_passed)) return false;
      arrival.moves = static_cast<std::uint32_t>(chain_.size());
    }
    arrival.fingerprint = fingerprint_;
    listener->Arrived(arrival, chooser);
  } while (chooser.Next());
  return true;
}

// While there is but one way to go, the states on it need not be remembered.
bool Expander::Follow(std::uint8_t* work, std::vector<Move>* moves, Listener* listener, bool* was_passed) {
  constexpr std::size_t kLongest = 4000;
  bool stuck;
  passed_.clear();
  *was_passed = false;
  while (moves->size() < kLongest && machine_.H().ended == 0) {
    if (Choose(&next_actors_, &stuck) != 1 || stuck) return true;
    if (listener->WasPassed(fingerprint_)) {
      *was_passed = true;
      return true;
    }
    passed_.push_back(fingerprint_);
    const int actor = next_actors_[0];
    const std::uint16_t panicked = machine_.H().panicked;
    before_.assign(work, work + bytes_);
    Chooser chooser;
    machine_.Step(actor, chooser);
    if (!machine_.overflow().empty()) return false;
    if (!machine_.events().empty()) listener->Happened(*moves, actor, chooser);   // before it is taken back: a machine tells of an order once
    const bool concerns_all = machine_.H().ended != 0 || machine_.H().panicked != panicked;
    if (chooser.asked() != 0 || (concerns_all && next_actors_.size() > 1)) {   // several ways after all
      std::memcpy(work, before_.data(), bytes_);
      passed_.pop_back();
      return true;
    }
    if (!listener->Played()) return false;
    moves->push_back({actor, {}});
    Settle(work);
    fingerprint_ = FingerprintAfter(fingerprint_, before_.data(), work, bytes_);
    if (concerns_all) return true;
  }
  return true;
}

}  // namespace asyncrt
