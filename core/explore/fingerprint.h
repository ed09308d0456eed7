// The fingerprint of a state: a sum over its words, each mixed with its place, so that after a step only the words that
// the step has changed are mixed again. The same on every machine.
#ifndef ASYNCRT_CORE_EXPLORE_FINGERPRINT_H_
#define ASYNCRT_CORE_EXPLORE_FINGERPRINT_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace asyncrt {

// One to one for each place.
inline std::uint64_t MixWord(std::uint64_t word, std::size_t place) {
  word += (place + 1) * 0x9e3779b97f4a7c15u;
  word = (word ^ (word >> 32)) * 0xd6e8feb86659fd93u;
  word = (word ^ (word >> 29)) * 0xe7037ed1a0b428dbu;
  return word ^ (word >> 32);
}

inline std::uint64_t WordAt(const std::uint8_t* state, std::size_t place) {
  std::uint64_t word;
  std::memcpy(&word, state + 8 * place, 8);
  return word;
}

// `bytes` is a multiple of eight.
inline std::uint64_t Fingerprint(const std::uint8_t* state, std::size_t bytes) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < bytes / 8; ++i) sum += MixWord(WordAt(state, i), i);
  return sum;
}

// That of `state`, which has come from `before`, whose fingerprint is known.
inline std::uint64_t FingerprintAfter(std::uint64_t fingerprint, const std::uint8_t* before, const std::uint8_t* state, std::size_t bytes) {
  const std::size_t words = bytes / 8;
  auto look = [&](std::size_t i) {
    const std::uint64_t was = WordAt(before, i), is = WordAt(state, i);
    if (was != is) fingerprint += MixWord(is, i) - MixWord(was, i);
  };
  std::size_t i = 0;
  for (; i + 8 <= words; i += 8) {
    typedef std::uint64_t Pair __attribute__((vector_size(16)));   // as wide as every machine has it
    Pair was[4], is[4];
    std::memcpy(was, before + 8 * i, 64);
    std::memcpy(is, state + 8 * i, 64);
    const Pair differs = ((was[0] ^ is[0]) | (was[1] ^ is[1])) | ((was[2] ^ is[2]) | (was[3] ^ is[3]));
    if ((differs[0] | differs[1]) == 0) continue;
    for (std::size_t k = 0; k < 8; ++k) look(i + k);
  }
  for (; i < words; ++i) look(i);
  return fingerprint;
}

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPLORE_FINGERPRINT_H_
