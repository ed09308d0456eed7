// The set of visited states: their fingerprints in the order in which they came, and a table of their numbers by
// fingerprint. Some 13 to 15 bytes a state. In exact mode whole states are kept as well, and compared.
#ifndef ASYNCRT_CORE_EXPLORE_VISITED_H_
#define ASYNCRT_CORE_EXPLORE_VISITED_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "core/base/blocks.h"
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
    for (std::size_t at = LineOf(fingerprint);; at = After(at)) {
      const Found found = LookIn(lines_[at], Tag(fingerprint));
      if (found.same != 0) {
        const std::uint32_t number = NumberIn(lines_[at].entries[static_cast<std::size_t>(std::countr_zero(found.same))]);
        __builtin_prefetch(&fingerprints_[number]);
        return number;
      }
      if (found.empty != 0) return none;
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
    return (lines - lines_.size()) * sizeof(Line) + bytes();
  }
  std::size_t bytes() const { return lines_.size() * sizeof(Line) + fingerprints_.bytes() + exact_.bytes(); }

 private:
  // An entry is a number plus one, and in the bits that no number needs yet, some of the fingerprint. A line of entries
  // is filled from its front; what finds no room goes into the next one.
  static constexpr std::size_t kPerLine = 16;
  struct alignas(4 * kPerLine) Line { std::array<std::uint32_t, kPerLine> entries = {}; };
  struct Found { unsigned same, empty; };   // a bit for each entry with the tag; for each that is free

  Found LookIn(const Line& line, std::uint32_t tag) const {
    Found found{0, 0};
#if defined(__SSE2__)
    const __m128i mask = _mm_set1_epi32(static_cast<int>(~number_mask_)), wanted = _mm_set1_epi32(static_cast<int>(tag)), zero = _mm_setzero_si128();
    auto look = [&](const __m128i* four, int shift) {
      const __m128i entries = _mm_load_si128(four);
      found.same |= static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(_mm_and_si128(entries, mask), wanted)))) << shift;
      found.empty |= static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(entries, zero)))) << shift;
    };
    const __m128i* const fours = reinterpret_cast<const __m128i*>(line.entries.data());
    look(fours, 0);
    look(fours + 1, 4);
    look(fours + 2, 8);
    look(fours + 3, 12);
#else
    for (std::size_t i = 0; i < kPerLine; ++i) {
      if ((line.entries[i] & ~number_mask_) == tag) found.same |= 1u << i;
      if (line.entries[i] == 0) found.empty |= 1u << i;
    }
#endif
    found.same &= ~found.empty;
    return found;
  }
  std::size_t LineOf(std::uint64_t fingerprint) const {
    return static_cast<std::size_t>((static_cast<unsigned __int128>(fingerprint) * lines_.size()) >> 64);
  }
  std::size_t After(std::size_t line) const { return line + 1 == lines_.size() ? 0 : line + 1; }
  std::uint32_t Tag(std::uint64_t fingerprint) const { return static_cast<std::uint32_t>(fingerprint) & ~number_mask_; }
  std::uint32_t NumberIn(std::uint32_t entry) const { return (entry & number_mask_) - 1; }
  std::uint32_t Known(std::uint64_t fingerprint) const {
    for (std::size_t at = LineOf(fingerprint);; at = After(at)) {
      Found found = LookIn(lines_[at], Tag(fingerprint));
      for (; found.same != 0; found.same &= found.same - 1) {
        const std::uint32_t number = NumberIn(lines_[at].entries[static_cast<std::size_t>(std::countr_zero(found.same))]);
        if (fingerprints_[number] == fingerprint && (!exact_.used() || exact_.IsPacked(number))) return number;
      }
      if (found.empty != 0) return none;
    }
  }
  void Enter(std::uint64_t fingerprint, std::uint32_t number) {
    std::size_t at = LineOf(fingerprint);
    while (lines_[at].entries[kPerLine - 1] != 0) at = After(at);
    const unsigned empty = LookIn(lines_[at], 0).empty;
    lines_[at].entries[static_cast<std::size_t>(std::countr_zero(empty))] = (number + 1) | Tag(fingerprint);
  }
  static bool IsFull(std::size_t states, std::size_t lines) { return states >= lines * kPerLine / 8 * 7; }
  static std::size_t Larger(std::size_t lines) { return lines + lines * 2 / 5; }
  void Resize(std::size_t lines) {
    lines_ = {};   // first the old one goes
    lines_.resize(lines);
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

  std::vector<Line> lines_;
  std::uint32_t number_mask_ = 0;
  Blocks<std::uint64_t> fingerprints_;
  ExactStates exact_;
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPLORE_VISITED_H_
