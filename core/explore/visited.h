// The set of visited states: their fingerprints in the order in which they came, and a table of their numbers by
// fingerprint. Some 14 bytes a state. In exact mode whole states are kept as well, and compared.
#ifndef ASYNCRT_CORE_EXPLORE_VISITED_H_
#define ASYNCRT_CORE_EXPLORE_VISITED_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/blocks.h"
#include "core/explore/exact_states.h"

namespace asyncrt {

class Visited {
 public:
  static constexpr std::uint32_t none = 0xffffffff;

  // `exact`: the bytes of a state, which are then kept; or 0.
  explicit Visited(std::size_t exact) : table_(1 << 10), exact_(exact) { Resize(table_.size()); }

  // The number of the state, and whether it is new (then it gets the next number).
  std::uint32_t Insert(std::uint64_t fingerprint, const std::uint8_t* state, bool* fresh) {
    if (size() * 5 >= table_.size() * 4) Grow();
    if (exact_.used()) exact_.Pack(state);
    std::size_t at = Place(fingerprint);
    for (; table_[at] != 0; at = at + 1 == table_.size() ? 0 : at + 1)
      if (Matches(table_[at], fingerprint)) { *fresh = false; return NumberIn(table_[at]); }
    const std::uint32_t number = static_cast<std::uint32_t>(size());
    table_[at] = Entry(number, fingerprint);
    fingerprints_.push_back(fingerprint);
    if (exact_.used()) exact_.Keep();
    *fresh = true;
    return number;
  }
  // The number of a state that was inserted before, or `none`.
  std::uint32_t Find(std::uint64_t fingerprint, const std::uint8_t* state) {
    if (exact_.used()) exact_.Pack(state);
    for (std::size_t at = Place(fingerprint); table_[at] != 0; at = at + 1 == table_.size() ? 0 : at + 1)
      if (Matches(table_[at], fingerprint)) return NumberIn(table_[at]);
    return none;
  }
  void Prefetch(std::uint64_t fingerprint) const { __builtin_prefetch(&table_[Place(fingerprint)]); }
  // Once the place is there: the fingerprint that is probably the same.
  void PrefetchMatch(std::uint64_t fingerprint) const {
    for (std::size_t at = Place(fingerprint); table_[at] != 0; at = at + 1 == table_.size() ? 0 : at + 1)
      if ((table_[at] & ~number_mask_) == Tag(fingerprint)) { __builtin_prefetch(&fingerprints_[NumberIn(table_[at])]); return; }
  }
  std::uint64_t FingerprintOf(std::uint32_t number) const { return fingerprints_[number]; }
  void Save(ByteWriter* out) const {
    out->Number(table_.size());
    fingerprints_.Save(out);
    exact_.Save(out);
  }
  // Into an empty set. What cannot be is told the reader.
  void Load(ByteReader* in) {
    const std::uint64_t places = in->Number();
    fingerprints_.Load(in);
    exact_.Load(in);
    std::size_t own = table_.size();
    while (own < places && own * 4 <= size() * 5) own += own / 4;   // as `Insert` does
    if (own != places || size() * 5 >= own * 4 + 5 || (exact_.used() && exact_.size() != size())) return in->Fail();
    Resize(own);
    Enter();
  }
  std::size_t size() const { return fingerprints_.size(); }
  // With `more` states to come.
  std::size_t BytesWith(std::size_t more) const {
    std::size_t places = table_.size();
    while ((size() + more) * 5 >= places * 4) places += places / 4;
    return (places - table_.size()) * 4 + bytes();
  }
  std::size_t bytes() const { return table_.size() * 4 + fingerprints_.bytes() + exact_.bytes(); }

 private:
  // An entry is a number plus one, and in the bits that no number needs yet, some of the fingerprint.
  std::size_t Place(std::uint64_t fingerprint) const {
    return static_cast<std::size_t>((static_cast<unsigned __int128>(fingerprint) * table_.size()) >> 64);
  }
  std::uint32_t Tag(std::uint64_t fingerprint) const { return static_cast<std::uint32_t>(fingerprint) & ~number_mask_; }
  std::uint32_t NumberIn(std::uint32_t entry) const { return (entry & number_mask_) - 1; }
  std::uint32_t Entry(std::uint32_t number, std::uint64_t fingerprint) const { return (number + 1) | Tag(fingerprint); }
  bool Matches(std::uint32_t entry, std::uint64_t fingerprint) const {
    return (entry & ~number_mask_) == Tag(fingerprint) && fingerprints_[NumberIn(entry)] == fingerprint &&
           (!exact_.used() || exact_.IsPacked(NumberIn(entry)));
  }
  void Resize(std::size_t places) {
    table_ = {};   // first the old one goes
    table_.resize(places);
    const int bits = static_cast<int>(std::bit_width(places));
    number_mask_ = bits >= 32 ? 0xffffffff : (std::uint32_t{1} << bits) - 1;
  }
  void Grow() {
    Resize(table_.size() + table_.size() / 4);
    Enter();
  }
  void Enter() {
    constexpr std::size_t kAhead = 16;
    for (std::size_t i = 0; i < size(); ++i) {
      if (i + kAhead < size()) Prefetch(fingerprints_[i + kAhead]);
      std::size_t at = Place(fingerprints_[i]);
      while (table_[at] != 0) at = at + 1 == table_.size() ? 0 : at + 1;
      table_[at] = Entry(static_cast<std::uint32_t>(i), fingerprints_[i]);
    }
  }

  std::vector<std::uint32_t> table_;
  std::uint32_t number_mask_ = 0;
  Blocks<std::uint64_t> fingerprints_;
  ExactStates exact_;
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPLORE_VISITED_H_
