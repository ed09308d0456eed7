// A search without reductions, once it has become a long one: its states are rows of numbers, and what a step does is
// mostly known.
#include <algorithm>
#include <memory>
#include <vector>

#include "core/explore/explorer.h"

namespace asyncrt {

// States go from the frontier to one of another kind: rows to bytes, or bytes to rows.
template <class As>
void Explorer::TurnFrontier(std::size_t bytes, As as) {
  Frontier turned(bytes);
  for (std::size_t left = frontier_.size(); left > 0; --left) {
    const Frontier::Entry entry = frontier_.Front();
    turned.Push(as(entry.state), entry.number, entry.length);
    frontier_.Pop();
    frontier_.Shrink();
  }
  frontier_ = std::move(turned);
}

// Between two expansions.
void Explorer::KnowSteps() {
  FlushPending();
  known_ = std::make_unique<KnownSteps>(machine_, l_, options_.reductions.stubborn);
  const std::size_t words = known_->row_words();
  rows_.assign(words * (pending_.size() + 3), 0);
  row_ = 0;
  std::vector<std::uint32_t> row(words);
  TurnFrontier(words * 4, [&](const std::uint8_t* state) {
    known_->Encode(state, row.data());
    return reinterpret_cast<const std::uint8_t*>(row.data());
  });
}

// Much of what the steps lead to is new to them, as where something counts; and there is room for whole states.
bool Explorer::KnowsTooMuch() {
  return known_->bytes() > options_.remembered_bytes + visited_.bytes() && HasRoomFor(frontier_.size() * bytes_);
}

void Explorer::ForgetSteps() {
  FlushPending();
  TurnFrontier(bytes_, [&](const std::uint8_t* row) {
    known_->Decode(reinterpret_cast<const std::uint32_t*>(row), scratch_.data());
    return static_cast<const std::uint8_t*>(scratch_.data());
  });
  known_.reset();
}

// The state at hand, for what looks at all of it.
void Explorer::AttachKnown() {
  known_->Decode(RowAt(row_), scratch_.data());
  machine_.Attach(scratch_.data());
}

// As `Expander::Expand`.
bool Explorer::ExpandKnown(const std::uint8_t* row) {
  OpenKnown(row);
  if (known_->Header().ended != 0) {
    AttachKnown();
    Ended();
    return true;
  }
  bool stuck;
  const std::size_t enough = ChooseKnown(&enabled_, &stuck);
  if (stuck) {
    AttachKnown();
    Stuck();
  }
  if (enough < enabled_.size()) FlushPending();
  progress_ = false;
  return Expander::InTurn(&enabled_, enough, tree_.ActorOf(number_), [&](int actor) { return ApplyKnown(actor); },
                          [&](std::size_t moved) { return Suffices(enabled_, moved); }, concerns_all_);
}

// A state of the frontier becomes the one at hand. As long as steps wait that have led from another one, that stays where it is.
void Explorer::OpenKnown(const std::uint8_t* row) {
  if (pending_count_ == pending_.size()) FlushPending();
  if (pending_count_ > 0 && pending_[pending_count_ - 1].row == row_) row_ = (row_ + 1) % (static_cast<std::uint32_t>(pending_.size()) + 2);
  std::memcpy(RowAt(row_), row, known_->row_words() * 4);
  known_->Open(RowAt(row_));
}

// As `Expander::Choose`.
std::size_t Explorer::ChooseKnown(std::vector<int>* out, bool* stuck) {
  out->clear();
  idle_.clear();
  std::size_t alone = static_cast<std::size_t>(-1);
  for (int t = 0; t < l_.threads; ++t) {
    const KnownSteps::Leaf& leaf = known_->Look(t, false);
    if (!leaf.enabled) continue;
    if (leaf.idle != 0) {
      if (std::find(idle_.begin(), idle_.end(), leaf.idle) != idle_.end()) continue;
      idle_.push_back(leaf.idle);
    }
    if (leaf.alone) alone = std::min(alone, out->size());
    out->push_back(t);
  }
  if (known_->Look(machine_.clock(), !out->empty()).enabled) out->push_back(machine_.clock());
  *stuck = out->empty();
  for (int t = 0; p_.spurious && t < l_.threads; ++t)
    if (known_->Look(machine_.spurious(t), false).enabled) out->push_back(machine_.spurious(t));
  if (out->size() < 2 || alone >= out->size()) return out->size();
  std::swap((*out)[0], (*out)[alone]);
  return 1;
}

// As `Expander::Apply`.
bool Explorer::ApplyKnown(int actor) {
  concerns_all_ = false;
  const std::uint64_t from = visited_.FingerprintOf(number_);
  auto wait = [&](std::uint32_t at) {
    const KnownSteps::Change& change = known_->change(at);
    concerns_all_ = concerns_all_ || change.concerns_all;
    panicked_ = panicked_ || change.panicked;
    ++result_.transitions;
    if (pending_count_ == pending_.size()) FlushPending();
    Pending& next = pending_[pending_count_++];
    next.fingerprint = from + change.fingerprint;
    next.from = number_;
    next.length = length_ + 1;
    next.actor = static_cast<std::uint16_t>(actor);
    next.unfair = change.unfair;
    next.row = row_;
    next.change = at;
    visited_.Prefetch(next.fingerprint);
  };
  if (const KnownSteps::Leaf* leaf = known_->Step(actor); leaf != nullptr) {
    for (std::uint32_t i = 0; i < leaf->count; ++i) wait(leaf->first + i);
    return bytes_ <= kLargeState || (result_.transitions & 63) != 0 || InTimeMidway();
  }
  const bool can_remember = known_->Begin(actor);
  Chooser chooser;
  do {
    const std::uint32_t change = known_->Play(chooser);
    if (change == KnownSteps::kNone || (bytes_ > kLargeState && !InTimeMidway())) return false;
    if (!machine_.events().empty()) Events(number_, {}, actor, chooser);   // once is enough: this is a shortest way
    wait(change);
  } while (chooser.Next());
  if (!can_remember) FlushPending();
  known_->End(can_remember);
  return true;
}

// The state that a step has led to, where it is new.
const std::uint8_t* Explorer::MadeFrom(const Pending& next) {
  std::uint32_t* const made = RowAt(static_cast<std::uint32_t>(pending_.size()) + 2);
  std::memcpy(made, RowAt(next.row), known_->row_words() * 4);
  known_->Make(known_->change(next.change), made);
  return reinterpret_cast<const std::uint8_t*>(made);
}

}  // namespace asyncrt
