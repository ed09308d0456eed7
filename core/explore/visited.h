// The set of visited states: their fingerprints in the order in which they came, and a table of their numbers by
// fingerprint. Some 13 to 15 bytes a state. In exact mode whole states are kept as well, and compared.
#ifndef ASYNCRT_CORE_EXPLORE_VISITED_H_
#define ASYNCRT_CORE_EXPLORE_VISITED_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "core/base/blocks.h"
#include "core/base/bulk_array.h"
#include "core/explore/exact_states.h"

namespace asyncrt {

class Visited {
 public:
  static constexpr std::uint32_t none = 0xffffffff;

  // `exact`: the bytes of a state, which are then kept; or 0.
  explicit Visited(std::size_t exact) : exact_(exact) { Resize(1 << 6); }

  // The number of the state, and whether it is new (then it gets the next number). `guess`: what it probably is, or `none`.
  std::uint32_t Insert(std::uint64_t fingerprint, const std::uint8_t* state, std::uint32_t guess, bool* fresh) {
    *fresh = false;
    if (guess != none && !exact_.used() && fingerprints_[guess] == fingerprint) return guess;
    if (IsFull(size(), lines_.size())) Grow();
    if (exact_.used()) exact_.Pack(state);
    const std::uint32_t number = Known(fingerprint);
    if (number != none) return number;
    Enter(fingerprint, static_cast<std::uint32_t>(size()));
    fingerprints_.push_back(fingerprint);
    if (exact_.used()) exact_.Keep();
    *fresh = true;
    return static_cast<std::uint32_t>(size() - 1);
  }
  // The number of a state that was inserted before, or `none`.
  std::uint32_t Find(std::uint64_t fingerprint, const std::uint8_t* state) {
    if (exact_.used()) exact_.Pack(state);
    return Known(fingerprint);
  }
  void Prefetch(std::uint64_t fingerprint) const { __builtin_prefetch(&lines_[LineOf(fingerprint)]); }
  // Once the line is there: which state it probably is, or `none`.
  std::uint32_t Guess(std::uint64_t fingerprint) const {
    const std::uint32_t tag = Tag(fingerprint);
    for (std::size_t at = LineOf(fingerprint);; at = After(at)) {
      const Line& line = lines_[at];
      if (const unsigned same = Equal(line, ~number_mask_, tag); same != 0) {
        const std::uint32_t number = NumberIn(line.entries[static_cast<std::size_t>(std::countr_zero(same))]);
        if (number != none) __builtin_prefetch(&fingerprints_[number]);   // else it is free: there is none
        return number;
      }
      if (HasRoom(line)) return none;
    }
  }
  std::uint64_t FingerprintOf(std::uint32_t number) const { return fingerprints_[number]; }
  void Save(ByteWriter* out) const {
    out->Number(lines_.size());
    fingerprints_.Save(out);
    exact_.Save(out);
  }
  // Into an empty set. What cannot be is told the reader.
  void Load(ByteReader* in) {
    const std::uint64_t lines = in->Number();
    fingerprints_.Load(in);
    exact_.Load(in);
    std::size_t own = lines_.size();
    while (own < lines && IsFull(size(), own)) own = Larger(own);   // as `Insert` does
    if (own != lines || size() > own * kPerLine / 8 * 7 || (exact_.used() && exact_.size() != size())) return in->Fail();
    Resize(own);
    EnterAll();
  }
  std::size_t size() const { return fingerprints_.size(); }
  // With `more` states to come.
  std::size_t BytesWith(std::size_t more) const {
    std::size_t lines = lines_.size();
    while (IsFull(size() + more, lines)) lines = Larger(lines);
    return lines * sizeof(Line) + fingerprints_.BytesWith(more) + exact_.bytes();
  }
  std::size_t bytes() const { return lines_.bytes() + fingerprints_.bytes() + exact_.bytes(); }

 private:
  // An entry is a number plus one, and in the bits that no number needs yet, some of the fingerprint. A line of entries
  // is filled from its front; what finds no room goes into the next one.
  static constexpr std::size_t kPerLine = 16;
  struct alignas(4 * kPerLine) Line { std::array<std::uint32_t, kPerLine> entries; };

  // A bit for each entry of a line that is `wanted` in the bits of `mask`.
  static unsigned Equal(const Line& line, std::uint32_t mask, std::uint32_t wanted) {
#if defined(__SSE2__)
    const __m128i* const four = reinterpret_cast<const __m128i*>(line.entries.data());
    const __m128i masks = _mm_set1_epi32(static_cast<int>(mask)), same = _mm_set1_epi32(static_cast<int>(wanted));
    auto equal = [&](int i) { return _mm_cmpeq_epi32(_mm_and_si128(_mm_load_si128(four + i), masks), same); };
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_packs_epi16(_mm_packs_epi32(equal(0), equal(1)), _mm_packs_epi32(equal(2), equal(3)))));
#else
    unsigned bits = 0;
    for (std::size_t i = 0; i < kPerLine; ++i) bits |= static_cast<unsigned>((line.entries[i] & mask) == wanted) << i;
    return bits;
#endif
  }
  static bool HasRoom(const Line& line) { return line.entries[kPerLine - 1] == 0; }
  std::size_t LineOf(std::uint64_t fingerprint) const {
    return static_cast<std::size_t>((static_cast<unsigned __int128>(fingerprint) * lines_.size()) >> 64);
  }
  std::size_t After(std::size_t line) const { return line + 1 == lines_.size() ? 0 : line + 1; }
  std::uint32_t Tag(std::uint64_t fingerprint) const { return static_cast<std::uint32_t>(fingerprint) & ~number_mask_; }
  std::uint32_t NumberIn(std::uint32_t entry) const { return (entry & number_mask_) - 1; }   // of a free one: `none`
  std::uint32_t Known(std::uint64_t fingerprint) const {
    const std::uint32_t tag = Tag(fingerprint);
    for (std::size_t at = LineOf(fingerprint);; at = After(at)) {
      const Line& line = lines_[at];
      for (unsigned same = Equal(line, ~number_mask_, tag); same != 0; same &= same - 1) {
        const std::uint32_t number = NumberIn(line.entries[static_cast<std::size_t>(std::countr_zero(same))]);
        if (number == none) break;   // it and what follows is free
        if (fingerprints_[number] == fingerprint && (!exact_.used() || exact_.IsPacked(number))) return number;
      }
      if (HasRoom(line)) return none;
    }
  }
  void Enter(std::uint64_t fingerprint, std::uint32_t number) {
    std::size_t at = LineOf(fingerprint);
    while (!HasRoom(lines_[at])) at = After(at);
    Line& line = lines_[at];
    line.entries[static_cast<std::size_t>(std::countr_zero(Equal(line, 0xffffffff, 0)))] = (number + 1) | Tag(fingerprint);
  }
  static bool IsFull(std::size_t states, std::size_t lines) { return states >= lines * kPerLine / 8 * 7; }
  static std::size_t Larger(std::size_t lines) { return lines + lines * 2 / 5; }
  void Resize(std::size_t lines) {
    lines_.Reset(lines);
    const int bits = static_cast<int>(std::bit_width(lines * kPerLine));
    number_mask_ = bits >= 32 ? 0xffffffff : (std::uint32_t{1} << bits) - 1;
  }
  void Grow() {
    Resize(Larger(lines_.size()));
    EnterAll();
  }
  void EnterAll() {
    constexpr std::size_t kAhead = 16;
    for (std::size_t i = 0; i < size(); ++i) {
      if (i + kAhead < size()) Prefetch(fingerprints_[i + kAhead]);
      Enter(fingerprints_[i], static_cast<std::uint32_t>(i));
    }
  }

  BulkArray<Line> lines_;
  std::uint32_t number_mask_ = 0;
  Blocks<std::uint64_t> fingerprints_;
  ExactStates exact_;
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPLORE_VISITED_H_
