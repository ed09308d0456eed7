// Stubborn sets: of all threads that can move in a state, some that are enough. Steps of the others are not lost but come
// later, since nothing that the others do now can touch what the chosen ones are about to do. Sound for every finding of a
// program without endless runs; core/explore/README.md has the argument.
#ifndef ASYNCRT_CORE_EXPLORE_STUBBORN_H_
#define ASYNCRT_CORE_EXPLORE_STUBBORN_H_

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "core/model/machine.h"

namespace asyncrt {

class StubbornSets {
 public:
  StubbornSets(const Program& program, const Layout& layout, const PlayMode& mode);

  // False: this program, under this timing, is explored without.
  bool usable() const { return usable_; }
  // Reorders `actors`, all that can move in the machine's state, so that some that are enough come first, and returns
  // how many these are.
  std::size_t Choose(Machine& machine, std::vector<int>* actors);

 private:
  using Word = std::uint64_t;
  // What an op can look at or change, by number: an object, the frames of a unit, the life of threads.
  struct Uses {
    std::vector<Word> bits;
    bool all = false;      // anything
    bool panics = false;   // and could panic
    bool ends = false;     // main may end, and all threads with it
    void Add(int resource) { bits[static_cast<std::size_t>(resource) / 64] |= Word{1} << (resource % 64); }
    bool Meets(const Uses& other) const;
    void Unite(const Uses& other);
  };
  // What is still ahead of a unit's copy at each of its instructions: resources, and registers whose value says which.
  struct Ahead {
    std::vector<Word> bits, regs;   // `words_` and `reg_words` an instruction, in the order of the unit's code
    std::vector<Word> joined;       // registers of threads that are joined on every way to the end, as `regs`
    std::vector<bool> all, panics, ends;
    std::size_t reg_words = 0;
  };

  int SpawnOf(int unit) const { return objects_ + unit; }
  int EndOf(int unit) const { return objects_ + units_ + unit; }
  int life() const { return objects_ + 2 * units_; }
  Uses None() const { return {std::vector<Word>(words_), false, false, false}; }

  void CollectCode();
  void Successors(int pc, bool panics, std::vector<int>* out) const;
  bool IndexIsKnown(int expr) const;
  std::int64_t IndexOf(int expr, int copy) const;
  void AddElements(int first, int count, int index, int copy, Uses* out) const;
  void AddExpression(int expr, int copy, Uses* out) const;
  void AddAllEnds(bool spawns, Uses* out) const;
  int ArraySize(int element) const;
  // What the instruction uses. `machine` and `frame`: in this state; without, whatever the registers hold, which are
  // then listed in `regs`.
  void UsesOf(int pc, int copy, Machine* machine, int frame, bool acting, Uses* out, std::vector<int>* regs);
  void UsesOfReg(int unit, int reg, Machine* machine, int frame, bool acting, Uses* out, std::vector<int>* regs);
  Ahead& AheadOf(int unit, int copy);
  void WholeUnit(int unit, Uses* out, int depth);
  void StillAhead(Machine& machine, int thread, Uses* out);
  void NextStep(Machine& machine, int thread, Uses* out);
  int WaitsForThread(Machine& machine, int thread);
  bool MainEndsLast(Machine& machine);
  const Uses& AheadOfThread(Machine& machine, int thread);
  // The threads that belong to `first` in a set; returns how many of them can move, or -1: all threads.
  int Close(Machine& machine, int first, std::vector<char>* chosen);
  static bool Moves(Machine& machine, int thread) { return machine.ThreadEnabled(thread) || machine.SpuriousEnabled(thread); }
  static bool Alive(Machine& machine, int thread);

  const Program& p_;
  const Layout& l_;
  bool usable_ = false, looks_at_life_ = false;
  int objects_ = 0, units_ = 0;
  std::size_t words_ = 0;
  std::vector<int> unit_of_, place_of_;           // by instruction: whose code it is, and where in it
  std::vector<std::vector<int>> code_of_;         // by unit
  std::vector<bool> uses_copy_;                   // by unit: some index depends on the copy's number
  std::map<std::pair<int, int>, Ahead> ahead_;    // by unit and copy
  std::vector<Uses> still_ahead_;                 // by thread, in the state at hand
  std::vector<char> known_, chosen_, best_;
  bool main_ends_last_ = false;   // in the state at hand, every other thread is joined before main ends
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPLORE_STUBBORN_H_
