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

struct Record {
  // An arrival; its lists are stretches of those of the record.
  struct Way {
    std::uint64_t fingerprint;
    std::uint32_t state, passed, answers;   // the number of the state in `states`, if not `was_passed`; where its lists end
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

// Plays states and records them.
class Recorder : public Expander::Listener {
 public:
  // `stop`: becomes true when nobody wants the records any more.
  Recorder(const Program& program, const Layout& layout, const PlayMode& mode, const CheckOptions& options, const Deadline& deadline,
           const Expects& expects, KnownLengths* known, const std::atomic<bool>* stop);

  // `length`: of the way to the state. Never throws.
  void Play(const std::uint8_t* state, std::uint64_t fingerprint, int last, std::uint32_t length, Record* record);
  const Machine::Noticed& noticed() const { return expander_.machine().noticed(); }
  std::size_t bytes() const { return expander_.bytes() + hints_.capacity() * 8; }

  void Ended() override { record_->ended = true; }
  void Stuck() override { record_->stuck = true; }
  std::uint8_t* Room() override;
  void Happened(const std::vector<Move>& before, int actor, const Chooser& chooser) override;
  bool Played() override;
  bool WasPassed(std::uint64_t fingerprint) override { return !exact_ && hints_[PlaceOf(fingerprint)] == fingerprint; }
  void Arrived(const Expander::Arrival& arrival, const Chooser& chooser) override;
  bool Suffices(const std::vector<int>& actors, std::size_t moved) override;

 private:
  std::size_t PlaceOf(std::uint64_t fingerprint) const { return static_cast<std::size_t>(fingerprint) & (hints_.size() - 1); }

  Expander expander_;
  const std::size_t bytes_;
  const bool exact_;
  KnownLengths* const known_;
  const std::atomic<bool>* const stop_;
  std::vector<std::uint64_t> hints_;   // states on chains that it has walked itself; whoever takes them up knows better
  Record* record_ = nullptr;
  std::uint32_t length_ = 0;
  std::uint32_t kept_ = 0;             // states of the record
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPLORE_RECORD_H_
