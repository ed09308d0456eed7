// Stubborn sets: of all threads that can move in a state, some that are enough. Steps of the others are not lost but come
// later, since nothing that the others do now can touch what the chosen ones are about to do. Sound for every finding of a
// program without endless runs; core/explore/README.md has the argument.
#ifndef ASYNCRT_CORE_EXPLORE_STUBBORN_H_
#define ASYNCRT_CORE_EXPLORE_STUBBORN_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/deadline.h"
#include "core/model/machine.h"

namespace asyncrt {

class StubbornSets {
 public:
  // Throws TimeIsUp.
  StubbornSets(const Program& program, const Layout& layout, const PlayMode& mode, const Deadline& deadline = {});

  // False: this program, under this timing, is explored without.
  bool usable() const { return usable_; }
  // Whether somebody's panic is reckoned with, which would make main end early. A search that meets none, having left
  // them out of account, has left out nothing.
  void ExpectPanics(bool expect) { expects_panics_ = expect; }
  // Reorders `actors`, all that can move in the machine's state, so that some that are enough come first, and returns
  // how many these are.
  std::size_t Choose(Machine& machine, std::vector<int>* actors);
  // Of what is remembered, about.
  std::size_t bytes() const { return known_.size() * (3 * (words_ * sizeof(Word) + 16) + sizeof(Known) + 256); }

 private:
  using Word = std::uint64_t;
  // What an op can look at or change, by number: an object, the frames of a unit, the life of threads.
  struct Uses {
    std::vector<Word> bits;
    bool all = false;      // anything
    bool panics = false;   // and could panic
    bool ends = false;     // main may end, and all threads with it
    int hangs_up = -1;     // waits for this channel, and would also end if all its senders went: each of them can prevent that
    void Add(int resource) { bits[static_cast<std::size_t>(resource) / 64] |= Word{1} << (resource % 64); }
    bool Has(int resource) const { return (bits[static_cast<std::size_t>(resource) / 64] >> (resource % 64)) & 1; }
    bool Meets(const Uses& other) const;
    void Clear();
  };
  // A place that a step may pass, and the locals that it has set on the way there.
  struct Walk {
    int pc;
    std::vector<std::pair<int, std::int64_t>> set;
  };
  // What is still ahead of a unit's copy at each of its instructions: resources, and registers whose value says which.
  struct Ahead {
    std::vector<Word> bits;          // `words_` an instruction, in the order of the unit's code
    std::vector<Word> ends, drops;   // `reg_words` an instruction
    std::vector<Word> joined;        // registers of threads that are joined on every way to the end
    std::vector<bool> all, panics, ends_main;
    std::size_t reg_words = 0;
  };

  // Those that say in a state which resource is meant: of an op that goes through an end of a channel, of a drop.
  struct Registers {
    std::vector<int> ends, drops;
  };

  int SpawnOf(int unit) const { return objects_ + unit; }
  int EndOf(int unit) const { return objects_ + units_ + unit; }
  int life() const { return objects_ + 2 * units_; }
  // A channel that is only sent to and received from has two ends, which do not disturb one another.
  int SendEnd(int element) const { return plain_[static_cast<std::size_t>(element)] ? life() + 1 + element : element; }
  Uses None() const {
    Uses none;
    none.bits.assign(words_, 0);
    return none;
  }

  int LastSender(int element) const { return plain_[static_cast<std::size_t>(element)] ? life() + 1 + objects_ + element : element; }
  // What an op may still do, what it does now, or what it waits for others to do.
  enum class View { kAhead, kNow, kWaits };

  void CollectCode(Deadline deadline);
  void FindPlainChannels();
  bool IndexIsKnown(int expr) const;
  std::int64_t IndexOf(int expr, int copy) const;
  template <class Add>
  void ForElements(int first, int count, int index, int copy, Add add) const;
  void AddExpression(int expr, int copy, Uses* out) const;
  void AddAllEnds(View view, Uses* out) const;
  int ArraySize(int element) const;
  // What the instruction uses. `machine` and `frame`: in this state; without, whatever the registers hold, which are
  // then listed in `regs`.
  void UsesOf(int pc, int copy, Machine* machine, int frame, View view, Uses* out, Registers* regs);
  void UsesOfReg(int unit, int reg, Machine* machine, int frame, View view, Uses* out, Registers* regs);
  Ahead& AheadOf(int unit, int copy);
  void WholeUnit(int unit, Uses* out, int depth);
  void StillAhead(Machine& machine, int thread, Uses* out);
  void NextStep(Machine& machine, int thread, View view, Uses* out);
  bool OnlyLetsGoOn(int frame, int reg, Machine& machine);
  int WaitsForThread(Machine& machine, int thread);
  bool MainEndsLast(Machine& machine);
  static bool Alive(Machine& machine, int thread);

  // What follows from where a thread stands and from its locals. Few of these are shared by many states.
  using Key = std::vector<std::int32_t>;
  struct KeyHash {
    std::size_t operator()(const Key& key) const;
  };
  struct Known {
    bool has_now = false, has_waits = false, has_joins = false;
    Uses ahead, now, waits;
    // Whom it joins, whatever way it takes.
    bool joins_unknown = false;
    std::vector<int> joined;                      // frames
    std::vector<std::pair<int, int>> scopes;      // a frame and its register: all threads of a thread_scope
  };
  // Threads by number, a bit each.
  using Threads = std::vector<Word>;
  static bool Has(const Threads& set, int thread) { return (set[static_cast<std::size_t>(thread) / 64] >> (thread % 64)) & 1; }
  static void Put(Threads* set, int thread) { (*set)[static_cast<std::size_t>(thread) / 64] |= Word{1} << (thread % 64); }
  void Joins(Machine& machine, int thread, Known* out);
  bool IsAt(Machine& machine, int thread, const Key& key) const;
  Known& Of(Machine& machine, int thread);
  const Uses& AheadOfThread(Machine& machine, int thread) { return Of(machine, thread).ahead; }
  const Threads& NeededBy(Machine& machine, int thread);
  void HangersUp(Machine& machine, int element, Threads* out);
  // The threads that belong to `first` in a set, as `chosen_`; returns how many of them can move, or -1: all threads.
  int Close(Machine& machine, int first);

  const Program& p_;
  const Layout& l_;
  bool usable_ = false, looks_at_life_ = false, expects_panics_ = true;
  int objects_ = 0, units_ = 0;
  std::size_t words_ = 0;
  std::vector<bool> plain_, unwrapped_;           // by element; every failed send on it panics
  std::vector<int> unit_of_, place_of_;           // by instruction: whose code it is, and where in it
  std::vector<std::vector<int>> code_of_;         // by unit
  std::vector<bool> uses_copy_;                   // by unit: some index depends on the copy's number
  std::vector<std::vector<std::unique_ptr<Ahead>>> ahead_;   // by unit and copy
  std::unordered_map<Key, Known, KeyHash> known_;
  Key key_;
  std::vector<int> join_queue_;
  std::vector<Walk> walks_;
  // In the state at hand.
  struct Needs {
    bool asked = false, all = false;
    int hangs_up = -1;
    Threads threads;
  };
  std::vector<Known*> facts_;     // by thread; null: not asked yet
  std::vector<std::pair<const Key, Known>*> last_;   // by thread, in some state before
  std::vector<Needs> needs_;      // by thread: who belongs to a set with it
  Threads alive_, enabled_, moves_, chosen_, best_, done_, hangers_;
  bool main_ends_last_ = false;   // in the state at hand, every other thread is joined before main ends
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPLORE_STUBBORN_H_
