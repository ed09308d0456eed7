#include "core/explore/record.h"

#include <algorithm>
#include <exception>

#include "core/detect/party_names.h"

namespace asyncrt {

Recorder::Recorder(const Program& program, const Layout& layout, const PlayMode& mode, const CheckOptions& options, const Deadline& deadline,
                   const Expects& expects, Shared* shared)
    : program_(program), layout_(layout), expander_(program_, layout_, mode, options, deadline, expects), bytes_(static_cast<std::size_t>(layout.bytes)), exact_(options.exact_states),
      shared_(shared), work_(bytes_) {}

void Recorder::Play(const std::uint8_t* state, std::uint64_t fingerprint, int last, std::uint32_t length, std::uint64_t turn, Record* record) {
  record->Clear();
  record_ = record;
  length_ = length;
  turn_ = turn;
  kept_ = 0;
  undecided_ = false;
  try {
    record->failed = !expander_.machine().overflow().empty() || !expander_.Expand(state, fingerprint, last, this);
  } catch (const TimeIsUp&) {
    record->failed = true;
  } catch (const std::exception&) {   // no memory
    record->failed = true;
  }
  DecideOnLast();
  record->ordered = noticed().ordered;
}

bool Recorder::Played() {
  record_->panicked = record_->panicked || expander_.machine().H().panicked != 0;
  return !shared_->stop.load(std::memory_order_relaxed);
}

void Recorder::Happened(const std::vector<Move>& before, int actor, const Chooser& chooser) {
  for (const Event& e : expander_.machine().events()) {
    if (e.order.held.element < 0 && !shared_->known.IsNews(e, expander_.uses_chains() ? length_ + before.size() + 1 : 0)) continue;
    std::vector<Move> moves = before;
    moves.push_back({actor, chooser.Taken()});
    record_->events.push_back({e, e.frame >= 0 ? WhoseEvent(expander_.machine(), e.frame) : "", std::move(moves), record_->ways.size(), before.empty() ? 0 : expander_.passed().size()});
  }
}

void Recorder::Arrived(const Expander::Arrival& arrival, const Chooser& chooser) {
  DecideOnLast();
  if (expander_.uses_chains()) {
    for (std::uint64_t fingerprint : expander_.passed()) shared_->recorded.Add(fingerprint, turn_);
    record_->passed.insert(record_->passed.end(), expander_.passed().begin(), expander_.passed().end());
    for (auto heard = record_->events.rbegin(); heard != record_->events.rend() && heard->way == record_->ways.size(); ++heard)
      heard->passed = std::min(heard->passed, expander_.passed().size());   // a step that was taken back has passed nothing
  }
  const std::vector<int> taken = chooser.Taken();
  record_->answers.insert(record_->answers.end(), taken.begin(), taken.end());
  record_->ways.push_back({arrival.fingerprint, arrival.was_passed ? Record::not_kept : kept_, static_cast<std::uint32_t>(record_->passed.size()),
                           static_cast<std::uint32_t>(record_->answers.size()), arrival.actor, arrival.unfair, arrival.was_passed});
  if (arrival.was_passed) return;
  record_->states.insert(record_->states.end(), arrival.state, arrival.state + bytes_);
  undecided_ = true;
  shared_->recorded.Prefetch(arrival.fingerprint);
}

// Whether the last state need be kept: asked when the next one has been played, and the memory has come.
void Recorder::DecideOnLast() {
  if (!undecided_) return;
  undecided_ = false;
  Record::Way& last = record_->ways.back();
  if (!exact_ && shared_->recorded.Has(last.fingerprint, turn_)) {
    last.state = Record::not_kept;
    record_->states.resize(kept_ * bytes_);
  } else {
    ++kept_;
    shared_->recorded.Add(last.fingerprint, turn_);
  }
}

bool Recorder::Suffices(const std::vector<int>& actors, std::size_t moved) {
  record_->rest.assign(actors.begin() + static_cast<std::ptrdiff_t>(moved), actors.end());
  return true;
}

}  // namespace asyncrt
