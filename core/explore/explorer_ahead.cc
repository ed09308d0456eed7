// What threads that play ahead have recorded, taken up as if it was played now.
#include <algorithm>
#include <memory>
#include <vector>

#include "core/explore/explorer.h"

namespace asyncrt {

// A large search, most of whose time its steps take, and not what it remembers of them.
bool Explorer::CanPlayAhead() {
  constexpr std::size_t kLargest = std::size_t{1} << 16;   // bytes of a state
  constexpr std::uint64_t kRoom = std::uint64_t{16} << 20;
  return options_.spare_threads != nullptr && visited_.size() >= options_.play_ahead_from && !may_know_ && bytes_ <= kLargest && options_.at_panic == nullptr &&
         HasRoomFor(kRoom);
}

void Explorer::PlayAhead() {
  if (ahead_ != nullptr) return ahead_->Grow();
  if (!options_.spare_threads->Take()) return;
  options_.spare_threads->Give(1);
  ahead_ = std::make_unique<Ahead>(
      [this](Shared* shared) { return std::make_unique<Recorder>(p_, l_, mode_, options_, deadline_, expects_, shared); },
      bytes_, options_.spare_threads);
  ahead_->Grow();
}

// The memory where its states are looked for comes while the first of them are taken up.
void Explorer::Begin(const Ahead::Stretch& stretch) {
  if (stretch.noticed != nullptr) {
    Machine::Noticed noticed = *stretch.noticed;
    noticed.ordered = false;   // each record says it for itself
    machine_.Learn(noticed);
  }
  for (std::size_t i = 0; i < stretch.count; ++i) {
    for (const Record::Way& way : stretch.first[i].ways)
      if (!way.was_passed) visited_.Prefetch(way.fingerprint);
    for (std::uint64_t passed : stretch.first[i].passed) __builtin_prefetch(&links_[passed & (links_.size() - 1)]);
  }
}

// As `Expander::Expand`.
bool Explorer::TakeUp(const std::uint8_t* state) {
  const Record& record = ahead_->Front(frontier_, visited_, tree_, [this](const Ahead::Stretch& stretch) { Begin(stretch); });
  if (record.failed) return own_.Expand(state, visited_.FingerprintOf(number_), tree_.ActorOf(number_), this);
  if (record.ordered) machine_.Learn({{}, false, true});
  panicked_ = panicked_ || record.panicked;
  if (record.ended || record.stuck) {
    scratch_.assign(state, state + bytes_);
    machine_.Attach(scratch_.data());
    if (record.ended) Ended();
    else Stuck();
  }
  FlushPending();
  for (std::size_t way = 0; way < record.ways.size(); ++way)
    if (!TakeUp(record, way, state)) return false;
  if (record.rest.empty() || Suffices({}, 0)) return true;
  const std::vector<int> rest = record.rest;
  return std::all_of(rest.begin(), rest.end(), [&](int actor) { return own_.Apply(state, visited_.FingerprintOf(number_), actor, this); });
}

// One way of it, as far as it has not been gone before.
bool Explorer::TakeUp(const Record& record, std::size_t number, const std::uint8_t* state) {
  const Record::Way& way = record.ways[number];
  const std::size_t first = number == 0 ? 0 : record.ways[number - 1].passed;
  const std::uint64_t* const passed = record.passed.data() + first;
  const std::size_t length = way.passed - first;
  std::size_t gone = 0;
  std::uint32_t to = Visited::none;
  while (gone < length && (to = PassedTo(passed[gone])) == Visited::none) ++gone;
  std::uint32_t known = Visited::none;
  if (gone == length && way.was_passed) to = PassedTo(way.fingerprint);
  else if (gone == length && way.state == Record::not_kept) known = visited_.Find(way.fingerprint, nullptr);
  if (gone == length && way.state == Record::not_kept && to == Visited::none && known == Visited::none) {   // that is forgotten
    const std::size_t first_answer = number == 0 ? 0 : record.ways[number - 1].answers;
    const std::vector<int> answers(record.answers.begin() + static_cast<std::ptrdiff_t>(first_answer), record.answers.begin() + static_cast<std::ptrdiff_t>(way.answers));
    return own_.Apply(state, visited_.FingerprintOf(number_), way.actor, this, &answers);
  }
  for (const Record::Heard& heard : record.events) {
    if (heard.way != number || heard.passed > gone) continue;
    if (heard.event.order.held.element >= 0) {
      if (machine_.IsFirst(heard.event.order)) AddOrder(heard.event, heard.who, number_, heard.moves);
    } else if (Seed* seed = NewEvent(heard.event, number_, heard.moves.size()); seed != nullptr) {
      seed->who = heard.who;
      seed->path = heard.moves;
    }
  }
  result_.transitions += 1 + gone;
  if (to != Visited::none) {
    Meet(to, way.actor, way.unfair);
  } else {
    const std::uint32_t moves = length_ + 1 + static_cast<std::uint32_t>(gone);
    if (use_chains_) longest_ = std::max<std::uint64_t>(longest_, moves);
    to = Arrive({{}, way.fingerprint, number_, moves, way.actor, way.unfair, 0, 0, known},
                known == Visited::none ? record.states.data() + way.state * bytes_ : nullptr);
  }
  if (use_chains_) Remember(passed, gone, to);
  return true;
}

}  // namespace asyncrt
