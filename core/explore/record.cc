#include "core/explore/record.h"

#include <algorithm>
#include <exception>

#include "core/detect/party_names.h"

namespace asyncrt {

Recorder::Recorder(const Program& program, const Layout& layout, const PlayMode& mode, const CheckOptions& options, const Deadline& deadline,
                   const Expects& expects, KnownLengths* known, const std::atomic<bool>* stop)
    : expander_(program, layout, mode, options, deadline, expects), bytes_(static_cast<std::size_t>(layout.bytes)), exact_(options.exact_states),
      known_(known), stop_(stop), hints_(expander_.uses_chains() ? std::size_t{1} << 16 : 0) {}

void Recorder::Play(const std::uint8_t* state, std::uint64_t fingerprint, int last, std::uint32_t length, Record* record) {
  record->Clear();
  record_ = record;
  length_ = length;
  kept_ = 0;
  try {
    record->failed = !expander_.machine().overflow().empty() || !expander_.Expand(state, fingerprint, last, this);
  } catch (const TimeIsUp&) {
    record->failed = true;
  } catch (const std::exception&) {   // no memory
    record->failed = true;
  }
  record->ordered = noticed().ordered;
}

std::uint8_t* Recorder::Room() {
  record_->states.resize((kept_ + 1) * bytes_);
  return record_->states.data() + kept_ * bytes_;
}

bool Recorder::Played() {
  record_->panicked = record_->panicked || expander_.machine().H().panicked != 0;
  return !stop_->load(std::memory_order_relaxed);
}

void Recorder::Happened(const std::vector<Move>& before, int actor, const Chooser& chooser) {
  for (const Event& e : expander_.machine().events()) {
    if (e.order.held.element < 0 && !known_->IsNews(e, expander_.uses_chains() ? length_ + before.size() + 1 : 0)) continue;
    std::vector<Move> moves = before;
    moves.push_back({actor, chooser.Taken()});
    record_->events.push_back({e, e.frame >= 0 ? WhoseEvent(expander_.machine(), e.frame) : "", std::move(moves), record_->ways.size(), before.empty() ? 0 : expander_.passed().size()});
  }
}

void Recorder::Arrived(const Expander::Arrival& arrival, const Chooser& chooser) {
  if (expander_.uses_chains()) {
    for (std::uint64_t fingerprint : expander_.passed()) hints_[PlaceOf(fingerprint)] = fingerprint;
    record_->passed.insert(record_->passed.end(), expander_.passed().begin(), expander_.passed().end());
    for (auto heard = record_->events.rbegin(); heard != record_->events.rend() && heard->way == record_->ways.size(); ++heard)
      heard->passed = std::min(heard->passed, expander_.passed().size());   // a step that was taken back has passed nothing
  }
  const std::vector<int> taken = chooser.Taken();
  record_->answers.insert(record_->answers.end(), taken.begin(), taken.end());
  record_->ways.push_back({arrival.fingerprint, kept_, static_cast<std::uint32_t>(record_->passed.size()), static_cast<std::uint32_t>(record_->answers.size()),
                           arrival.actor, arrival.unfair, arrival.was_passed});
  if (!arrival.was_passed) ++kept_;
}

bool Recorder::Suffices(const std::vector<int>& actors, std::size_t moved) {
  record_->rest.assign(actors.begin() + static_cast<std::ptrdiff_t>(moved), actors.end());
  return true;
}

}  // namespace asyncrt
