// Parties that are interchangeable, in one order: copies of a body differ only in what their frames hold, and threads of a
// pool in what they run, so states that differ only in which copy has which frame, and which thread of a pool does what,
// are one state. core/explore/README.md has the argument.
#ifndef ASYNCRT_CORE_EXPLORE_SYMMETRY_H_
#define ASYNCRT_CORE_EXPLORE_SYMMETRY_H_

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "core/base/deadline.h"
#include "core/model/machine.h"

namespace asyncrt {

class Symmetry {
 public:
  // Throws TimeIsUp.
  Symmetry(const Program& program, const Layout& layout, const PlayMode& mode, const Deadline& deadline = {});

  // False: no body of this program has copies that could change places, and no pool more than one thread.
  bool usable() const { return usable_; }
  // Whether the handles of threads that main joins one after the other change places, too. Only where nobody panics.
  bool joins() const { return use_joins_ && !arrays_.empty(); }
  void UseJoins(bool use) { use_joins_ = use; }
  // Brings the state that the machine looks at into the order, and lets main join whoever has ended.
  void Settle(Machine& machine, std::uint8_t* state);
  // In a settled state where main waits to join one of several: makes it another one of them, that it could as well wait
  // for. False: there is no `which`-th.
  bool WaitForAnother(Machine& machine, int which) const;

 private:
  enum class Refers : std::uint8_t { kFrame, kStrand, kThread };
  // A place in the state that names a party.
  struct Place {
    int at;
    bool wide;         // four bytes, else two
    Refers what;
    int home;          // the frame that it is part of, if that can change places, or -1
    std::uint64_t tag; // the same for places that can change places themselves
    int core = -1;     // of a worker: the core that it is part of
  };
  // Handles in main's registers that are only ever joined, all of them in a row, or dropped. `strand`: of tasks, the one that
  // awaits them in a `block_on`; 0 of threads.
  struct Array { int first, count, first_pc, strand; };

  // Threads of a runtime's pool, its workers among them, and their cores.
  struct Pool { int runtime, first, count, first_core, cores; };

  void CollectPlaces();
  void CollectElement(int element);
  void FindArrays(Deadline deadline);
  bool IsOnlyJoined(const std::vector<int>& code, const Array& a) const;
  void Add(int at, bool wide, Refers what, int home) { places_.push_back({at, wide, what, home, static_cast<std::uint64_t>(at) + 1}); }
  // Main's strand that awaits an array of tasks.
  bool IsJoiner(std::int32_t strand) const {
    return std::any_of(arrays_.begin(), arrays_.end(), [&](const Array& a) { return a.strand != 0 && a.strand + 1 == strand; });
  }
  bool Moves(int frame) const { return frame >= 0 && group_[static_cast<std::size_t>(frame)]; }
  bool MovesNow(int frame, const std::uint8_t* state) const;
  std::int32_t Read(const std::uint8_t* state, const Place& place) const;
  int FrameAt(std::int32_t value, Refers what) const;
  const Array* Joining(Machine& machine) const;
  static bool HasEnded(Machine& machine, std::int32_t handle) { return (machine.F(handle - 1).bits & kComplete) != 0; }
  static void MoveJoiner(Machine& machine, const Array& a, int to);
  bool JoinOne(Machine& machine, const Array& a);
  // False: main is still to join one that has ended, since that is more than a join.
  bool JoinEnded(Machine& machine, std::uint8_t* state);
  bool Order(Machine& machine, const std::uint8_t* state);
  void NoteLife(Machine& machine);
  bool IsNoted(int frame, const std::uint8_t* state) const;
  void Note(int frame, const std::uint8_t* state);
  template <class Look>
  void EachOutside(const std::uint8_t* state, Look look) const;
  void Rename(std::uint8_t* state);
  std::uint64_t Shape(int core, const std::uint8_t* state) const;
  void SortCores(const Pool& pool, Machine& machine, std::uint8_t* state);
  void SortPool(const Pool& pool, Machine& machine, std::uint8_t* state);

  const Program& p_;
  const Layout& l_;
  bool usable_ = false, use_joins_ = false;
  std::vector<char> group_;             // by frame: it has a copy to change places with
  std::vector<int> units_;              // with such frames
  std::vector<Pool> pools_;             // of more than one thread
  bool numberless_ = false;             // nobody reads which copy a frame is
  std::vector<int> blob_;               // by unit: bytes of a frame
  std::vector<int> thread_frame_;       // by thread: its frame, if it has one of its own
  std::vector<Place> places_;
  std::vector<std::size_t> outside_;               // places of no frame, in the order in which they lie
  // A word of the state and which of its bits are places of no frame: `outside_` from `first` on, up to that of the next one.
  struct Word { std::size_t at, first; std::uint64_t mask; };
  std::vector<Word> words_;
  std::vector<std::vector<std::size_t>> inside_;   // by frame: its places
  std::vector<int> lent_;               // registers that say which core a thread has given away
  std::vector<Array> arrays_;
  // What was found out about a frame that can change places in the last state that it was live in: most steps leave most
  // frames as they are. `noted_` has its bytes, and those of its thread.
  struct Edge { int from, to; std::uint64_t tag; };
  struct Noted { bool is_live = false, is_known = false; std::uint64_t key = 0; std::vector<Edge> edges; };
  std::vector<Noted> notes_;
  std::vector<std::uint8_t> noted_;
  bool noted_joins_ = false;
  // Scratch.
  std::vector<std::uint64_t> key_, next_key_;
  std::vector<int> to_;                 // by live frame: its new number
  std::vector<int> live_, moved_;       // frames that can change places, and those that do
  std::vector<int> order_, to_thread_, to_core_;
  std::vector<std::uint64_t> shape_;    // by core
  std::vector<Edge> edges_;
  std::vector<std::uint8_t> copy_, saved_;
  std::vector<ThreadCell> cells_;
  // A core and the thread that has it, by what they hold. They are compared and hashed byte by byte.
  struct Worker {
    CoreCell core;
    ThreadCell thread;
  };
  static_assert(std::has_unique_object_representations_v<Worker>);
  std::vector<Worker> workers_;
  Chooser chooser_;
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPLORE_SYMMETRY_H_
