// What steps do, remembered: a step follows from the parts of the state that it touches, so where these are as they were
// once, what it did then is what it does now, and need not be played. A state is here a row of numbers, one for each
// part: which of the contents that the part has had so far.
//
// For each actor there is a tree: an inner node names a part, its branches are contents of that part, and a leaf tells
// what the actor can do. Any tree will do in which all parts that the machine has touched lie on the way to the leaf.
// LTSmin's caches of transitions are alike (Blom, van de Pol, Weber, "LTSmin: distributed and symbolic reachability",
// CAV 2010), but are told in advance what a transition can touch.
#ifndef ASYNCRT_CORE_EXPLORE_KNOWN_STEPS_H_
#define ASYNCRT_CORE_EXPLORE_KNOWN_STEPS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <unordered_map>
#include <vector>

#include "core/model/footprint.h"
#include "core/model/machine.h"

namespace asyncrt {

class KnownSteps {
 public:
  // What a step changes, with one way of answers.
  struct Change {
    std::uint64_t fingerprint = 0;          // is added to that of the state
    std::uint64_t parts = 0;                // that have other contents, each a bit; see `Bit`
    std::uint32_t first = 0, count = 0;     // its writes
    bool unfair = false;                    // Machine::unfair
    bool concerns_all = false;              // it panicked or ended the program
    bool panicked = false;                  // something has panicked by then
  };
  // Whether and how an actor can move, and then perhaps what its step does.
  struct Leaf {
    std::uint64_t parts = 0;                // that it follows from
    std::uint64_t idle = 0;                 // Machine::IdleWorker
    std::uint32_t first = 0, count = 0;     // changes, if it `tells_step`
    std::uint32_t before = kNone;           // of a step: the leaf that its tree begins at
    std::uint32_t steps = kNone;            // otherwise: that tree
    bool tells_step = false;
    bool enabled = false;
    bool alone = false;                     // its step can be played first: it only spawns, or ends unseen
    bool others = false;                    // of the clock: as asked
  };

  // `asks_alone`: whether `Leaf::alone` is wanted. It is `machine` that plays what is not known.
  KnownSteps(Machine& machine, const Layout& layout, bool asks_alone);

  // A row has its contents, then for each actor the leaf that was found last, then which parts have changed since.
  std::size_t row_words() const { return parts_ + actors_ + 2; }
  void Encode(const std::uint8_t* state, std::uint32_t* row);
  void Decode(const std::uint32_t* row, std::uint8_t* state) const;

  // The state that the following are about. All actors that matter must have been looked at before any `Make` of its row.
  void Open(std::uint32_t* row);
  HeaderCell Header() const { return *reinterpret_cast<const HeaderCell*>(ContentOf(0, row_[0])); }
  // Whether an actor can move. `others`: asked of the clock, whether a thread can.
  const Leaf& Look(int actor, bool others) {
    const std::uint32_t last = LeafOf(actor);
    if (last != kNone && Holds(leaves_[last], others)) return leaves_[last];
    return LookFurther(actor, others);
  }
  // What the step of an actor that is enabled does, or null if that is not known. Then it is played: `Begin`, `Play`
  // for each way of answers, `End`.
  const Leaf* Step(int actor);
  // Whether it is worth while to remember it.
  bool Begin(int actor);
  // The number of the change, which is there till `End`, or kNone: something had no room. The machine has the state that it led to.
  std::uint32_t Play(Chooser& chooser);
  // `remember`: it is known from now on. Otherwise its changes are gone.
  void End(bool remember);

  const Change& change(std::uint32_t number) const { return changes_[number]; }
  void Make(const Change& change, std::uint32_t* row) const {
    for (const Write* w = writes_.data() + change.first, *end = w + change.count; w != end; ++w) row[w->part] = w->content;
    SetChanged(row, change.parts);
  }

  std::size_t bytes() const;
  static constexpr std::uint32_t kNone = 0xffffffff;

 private:
  struct Node {
    std::uint32_t part = kNone, leaf = kNone;      // one of them; neither: nothing is known there yet
    std::uint32_t content = kNone, next = kNone;   // the branch that was taken last
  };
  struct Write { std::uint32_t part, content; };
  // From a node, by the content of its part, to the next one.
  class Branches {
   public:
    std::uint32_t Find(std::uint32_t node, std::uint32_t content) const {
      const std::uint64_t key = Key(node, content);
      for (std::size_t at = Place(key);; at = (at + 1) & (slots_.size() - 1)) {
        if (slots_[at].key == key) return slots_[at].to;
        if (slots_[at].key == 0) return kNone;
      }
    }
    void Add(std::uint32_t node, std::uint32_t content, std::uint32_t to);
    std::size_t bytes() const { return slots_.size() * sizeof(Slot); }

   private:
    struct Slot { std::uint64_t key = 0; std::uint32_t to = 0; };
    static std::uint64_t Key(std::uint32_t node, std::uint32_t content) { return (std::uint64_t{node} + 1) << 32 | content; }
    std::size_t Place(std::uint64_t key) const { return static_cast<std::size_t>((key * 0x9e3779b97f4a7c15u) >> 24) & (slots_.size() - 1); }
    std::vector<Slot> slots_ = std::vector<Slot>(1 << 10);
    std::size_t used_ = 0;
  };
  // All that a part has had in it.
  struct Contents {
    std::size_t size = 0;                   // bytes of one
    std::vector<std::uint8_t> bytes;        // one after the other
    std::vector<std::uint64_t> sums;        // what each adds to a fingerprint
    std::unordered_map<std::uint64_t, std::uint32_t> numbers;   // by sum; if that is another's, by the next free key
  };
  // How often what was asked for was known. Where that is rare, nothing more is remembered.
  struct Use {
    std::uint64_t known = 0, played = 0;
    bool Pays() const { return played < 1000 || known > played; }
  };

  static std::uint64_t Bit(std::uint32_t part) { return std::uint64_t{1} << (part % 64); }   // some share one
  void SetChanged(std::uint32_t* row, std::uint64_t changed) const { std::memcpy(row + parts_ + actors_, &changed, sizeof changed); }
  std::uint32_t& LeafOf(int actor) const { return row_[parts_ + static_cast<std::size_t>(actor)]; }
  const std::uint8_t* ContentOf(std::uint32_t part, std::uint32_t content) const { return contents_[part].bytes.data() + content * contents_[part].size; }
  std::uint32_t NumberOf(std::uint32_t part, const std::uint8_t* bytes);
  // Whether it is still as it was for the row that the one at hand has come from.
  bool Holds(const Leaf& leaf, bool others) const { return leaf.others == others && (leaf.parts & changed_) == 0; }
  const Leaf& LookFurther(int actor, bool others);
  std::uint32_t Walk(std::uint32_t node);
  void Grow(std::uint32_t node, std::vector<std::uint32_t>* way, std::uint32_t leaf);
  std::uint32_t RootOf(int actor, bool others) const { return static_cast<std::uint32_t>(actor) + (others ? static_cast<std::uint32_t>(actors_) : 0); }
  std::uint32_t NewNode();
  void AttachBytes();

  Machine& machine_;
  const Layout& l_;
  const std::size_t parts_, actors_;
  const bool asks_alone_;
  std::vector<Contents> contents_;
  Branches branches_;
  std::vector<Node> nodes_;                 // first the roots: of each actor, then the same for `others`
  std::vector<Leaf> leaves_;
  std::vector<Leaf> unknown_;               // by actor: what was looked at, and is not remembered
  std::vector<Change> changes_;
  std::vector<Write> writes_;
  Footprint touched_;
  std::uint32_t* row_ = nullptr;
  std::uint64_t changed_ = 0;               // of its parts
  std::vector<std::uint8_t> state_, work_;  // of that row; where a step is played
  bool decoded_ = false;                    // `state_` is
  int player_ = -1;
  std::size_t first_change_ = 0, first_write_ = 0;   // of the step that is played
  std::vector<Use> looks_, steps_;          // by actor
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPLORE_KNOWN_STEPS_H_
