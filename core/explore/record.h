// What was played in a state, for somebody who takes it up later.
#ifndef ASYNCRT_CORE_EXPLORE_RECORD_H_
#define ASYNCRT_CORE_EXPLORE_RECORD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bulk_array.h"
#include "core/explore/expander.h"

namespace asyncrt {

// How long the shortest way is to what was found, as far as it is told: by rule and instruction, where two do not share a
// place. Read by those who play, so that they do not tell again what is no news.
class KnownLengths {
 public:
  void Set(const Event& event, std::uint64_t length) { PlaceOf(event).store(Tag(event) | Cut(length), std::memory_order_relaxed); }
  bool IsNews(const Event& event, std::uint64_t length) {
    const std::uint64_t known = PlaceOf(event).load(std::memory_order_relaxed);
    return (known & ~kLength) != Tag(event) || Cut(length) < (known & kLength);
  }

 private:
  static constexpr std::uint64_t kLength = 0xffffffff;
  static std::uint64_t Cut(std::uint64_t length) { return length < kLength ? length : kLength; }
  static std::uint64_t Tag(const Event& event) {
    return (std::hash<std::string_view>()(event.rule) * 31 + static_cast<std::uint64_t>(event.pc) + 1) << 32;
  }
  std::atomic<std::uint64_t>& PlaceOf(const Event& event) { return places_[(Tag(event) >> 32) % places_.size()]; }

  std::vector<std::atomic<std::uint64_t>> places_ = std::vector<std::atomic<std::uint64_t>>(1024);
};

// States that stand in a record: chains came by them, or they are kept there, whole. Who comes to one of them need not go on,
// nor keep it, if that record is taken up before: whoever takes up the later one then knows it. It may forget a state, or
// take one for another; then that way is played when it is taken up.
class RecordedStates {
 public:
  // `turn`: the place of the record in the order of taking up.
  void Prefetch(std::uint64_t fingerprint) { __builtin_prefetch(&places_[NumberOf(fingerprint)]); }
  void Add(std::uint64_t fingerprint, std::uint64_t turn) { PlaceOf(fingerprint).store(Tag(fingerprint) | (turn & kTurn), std::memory_order_relaxed); }
  bool Has(std::uint64_t fingerprint, std::uint64_t turn) {
    const std::uint64_t recorded = PlaceOf(fingerprint).load(std::memory_order_relaxed);
    return (recorded & ~kTurn) == Tag(fingerprint) && ((turn - recorded) & kTurn) <= kTurn / 2;
  }
  std::size_t bytes() const { return places_.bytes(); }

 private:
  using Place = std::atomic_ref<std::uint64_t>;
  static constexpr std::size_t kPlaces = std::size_t{1} << 19;
  static constexpr std::uint64_t kTurn = (std::uint64_t{1} << 28) - 1;   // of a place; the rest are the fingerprint's upper bits
  static std::uint64_t Tag(std::uint64_t fingerprint) { return fingerprint & ~kTurn; }
  static std::size_t NumberOf(std::uint64_t fingerprint) { return static_cast<std::size_t>(fingerprint) & (kPlaces - 1); }
  Place PlaceOf(std::uint64_t fingerprint) { return Place(places_[NumberOf(fingerprint)]); }

  BulkArray<std::uint64_t> places_{kPlaces, BulkArray<std::uint64_t>::Begins::kAsZeros};
};

// What those who play share.
struct Shared {
  KnownLengths known;
  RecordedStates recorded;
  std::atomic<bool> stop{false};   // nobody wants the records any more
};

struct Record {
  static constexpr std::uint32_t not_kept = 0xffffffff;
  // An arrival; its lists are stretches of those of the record.
  struct Way {
    std::uint64_t fingerprint;
    std::uint32_t state, passed, answers;   // the number of the state in `states`, or `not_kept`; where its lists end
    std::uint16_t actor;
    bool unfair, was_passed;
  };
  struct Heard {
    Event event;
    std::string who;
    std::vector<Move> moves;
    std::size_t way, passed;   // on which way, and after how many states that it came by
  };
  bool failed = false;           // it has to be played again
  bool ended = false, stuck = false, panicked = false, ordered = false;
  std::vector<Way> ways;
  std::vector<std::uint8_t> states;
  std::vector<std::uint64_t> passed;
  std::vector<int> answers;
  std::vector<Heard> events;
  std::vector<int> rest;         // who is to move if those that have do not suffice

  void Clear() {
    failed = ended = stuck = panicked = ordered = false;
    ways.clear();
    states.clear();
    passed.clear();
    answers.clear();
    events.clear();
    rest.clear();
  }
  std::size_t bytes() const { return ways.capacity() * sizeof(Way) + states.capacity() + passed.capacity() * 8 + answers.capacity() * 4; }
};

// Plays states and records them. What it writes all the time shares no line with what another thread reads.
class alignas(128) Recorder : public Expander::Listener {
 public:
  Recorder(const Program& program, const Layout& layout, const PlayMode& mode, const CheckOptions& options, const Deadline& deadline,
           const Expects& expects, Shared* shared);

  // `length`: of the way to the state. `turn`: when it is taken up. Never throws.
  void Play(const std::uint8_t* state, std::uint64_t fingerprint, int last, std::uint32_t length, std::uint64_t turn, Record* record);
  const Machine::Noticed& noticed() const { return expander_.machine().noticed(); }
  std::size_t bytes() const { return program_.code.size() * sizeof(Instr) + expander_.bytes(); }

  void Ended() override { record_->ended = true; }
  void Stuck() override { record_->stuck = true; }
  std::uint8_t* Room() override { return work_.data(); }
  void Happened(const std::vector<Move>& before, int actor, const Chooser& chooser) override;
  bool Played() override;
  bool WasPassed(std::uint64_t fingerprint) override { return !exact_ && shared_->recorded.Has(fingerprint, turn_); }
  void Arrived(const Expander::Arrival& arrival, const Chooser& chooser) override;
  bool Suffices(const std::vector<int>& actors, std::size_t moved) override;

 private:
  void DecideOnLast();

  const Program program_;   // copies of its own: other threads write beside the small parts of the search's
  const Layout layout_;
  Expander expander_;
  const std::size_t bytes_;
  const bool exact_;
  Shared* const shared_;
  std::vector<std::uint8_t> work_;   // what is played lies near; a record's memory may be with another processor
  Record* record_ = nullptr;
  std::uint32_t length_ = 0;
  std::uint64_t turn_ = 0;
  std::uint32_t kept_ = 0;             // states of the record
  bool undecided_ = false;             // whether that of its last way is one of them
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPLORE_RECORD_H_
