// Plays the steps of one state: who moves in it, and where each move, with the moves that must follow it, leads to. It keeps
// nothing of the search; whoever listens hears of what is played. Each thread of a search has one of its own.
#ifndef ASYNCRT_CORE_EXPLORE_EXPANDER_H_
#define ASYNCRT_CORE_EXPLORE_EXPANDER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/deadline.h"
#include "core/explore/search.h"
#include "core/explore/stubborn.h"
#include "core/explore/symmetry.h"
#include "core/model/machine.h"

namespace asyncrt {

// What a search reckons with. It begins with nothing of the kind, since a program without it has smaller graphs.
struct Expects {
  bool panics = false;   // main or a thread may panic
  bool cycles = false;   // some runs have no end
  bool order = false;    // it matters which copy of a body has which number
};

class Expander {
 public:
  // Where a move has led to, and the others with no way but one that it left behind.
  struct Arrival {
    std::uint8_t* state;         // in what `Room` gave
    std::uint64_t fingerprint;
    std::uint32_t moves;
    std::uint16_t actor;         // of the first one
    bool unfair;                 // the first one took a `choose` that need not be fair
    bool was_passed;             // here the listener knows where it goes on to
  };
  // Who hears of what is played, in this order. The machine has the state that is spoken of.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void Ended() = 0;
    virtual void Stuck() = 0;
    // Where a state is to be played that the next move leads to.
    virtual std::uint8_t* Room() = 0;
    // A step that shows something, after the moves `before`. It may be taken back.
    virtual void Happened(const std::vector<Move>& before, int actor, const Chooser& chooser) = 0;
    // A step that is not. False: no more.
    virtual bool Played() = 0;
    // Whether the moves from a state on, of which there is but one way, are known.
    virtual bool WasPassed(std::uint64_t fingerprint) = 0;
    virtual void Arrived(const Arrival& arrival, const Chooser& chooser) = 0;
    // Those that are enough have moved, if these have led anywhere. Whether the others need not move.
    virtual bool Suffices(const std::vector<int>& actors, std::size_t moved) = 0;
  };

  Expander(const Program& program, const Layout& layout, const PlayMode& mode, const CheckOptions& options, const Deadline& deadline, const Expects& expects);

  Machine& machine() { return machine_; }
  const Machine& machine() const { return machine_; }
  Symmetry& symmetry() { return symmetry_; }
  bool uses_stubborn() const { return use_stubborn_; }
  bool uses_chains() const { return use_chains_; }
  bool uses_symmetry() const { return use_symmetry_; }
  std::size_t bytes() const { return use_stubborn_ ? stubborn_.bytes() : 0; }

  // Who can move in the attached state, save by a spurious return.
  void Enabled(std::vector<int>* out);
  // Who is explored in the attached state; at the front of `out` those that are enough. `stuck`: nobody can go on.
  std::size_t Choose(std::vector<int>* out, bool* stuck);
  void Settle(std::uint8_t* state) {
    if (use_symmetry_ && machine_.overflow().empty()) symmetry_.Settle(machine_, state);
  }

  // All moves of a state. `last`: who moved last. False: something had no room, or the listener wants no more.
  bool Expand(const std::uint8_t* state, std::uint64_t fingerprint, int last, Listener* listener);
  // All moves of one actor, or those with these answers.
  bool Apply(const std::uint8_t* state, std::uint64_t fingerprint, int actor, Listener* listener, const std::vector<int>* answers = nullptr);
  // The moves of which there is but one way, after the last of `moves`, which left `work` behind. False: as `Apply`.
  bool Follow(std::uint8_t* work, std::vector<Move>* moves, Listener* listener, bool* was_passed);
  // By what states the last of them came.
  const std::vector<std::uint64_t>& passed() const { return passed_; }
  // The last actor's move panicked or ended the program.
  bool concerns_all() const { return concerns_all_; }

  // Lets those that are enough move, and then the others, if they `suffice` not; and whose move concerns all.
  // The thread that moved last goes first: among the shortest schedules, one with few switches is found first.
  template <class Apply, class Suffice>
  static bool InTurn(std::vector<int>* actors, std::size_t enough, int last, Apply apply, Suffice suffice, const bool& concerns_all) {
    const auto end = actors->begin() + static_cast<std::ptrdiff_t>(enough);
    if (const auto at = std::find(actors->begin(), end, last); at != end) std::rotate(actors->begin(), at, at + 1);
    for (std::size_t e = 0; e < actors->size(); ++e) {
      if (e == enough && suffice(e)) break;
      if (!apply((*actors)[e])) return false;
      if (concerns_all) enough = actors->size();
    }
    return true;
  }

 private:
  const Layout& l_;
  const PlayMode mode_;
  Machine machine_;
  const std::size_t bytes_;
  StubbornSets stubborn_;
  Symmetry symmetry_;
  const bool plays_alone_, use_stubborn_, use_chains_, use_symmetry_;
  std::vector<std::uint8_t> at_hand_, before_;
  std::vector<int> actors_, next_actors_;
  std::vector<std::uint64_t> idle_;
  std::vector<Move> chain_;
  std::vector<std::uint64_t> passed_;
  std::uint64_t fingerprint_ = 0;   // of the state that the last step has led to
  bool concerns_all_ = false;
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPLORE_EXPANDER_H_
