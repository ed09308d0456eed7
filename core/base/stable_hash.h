// A 64-bit hash of bytes that is the same on every machine and in every process: fingerprints and anything that leaves
// the process use it. Input is a multiple of eight bytes.
#ifndef ASYNCRT_CORE_BASE_STABLE_HASH_H_
#define ASYNCRT_CORE_BASE_STABLE_HASH_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace asyncrt {

inline std::uint64_t MixWords(std::uint64_t a, std::uint64_t b) {
  unsigned __int128 product = static_cast<unsigned __int128>(a ^ 0x9e3779b97f4a7c15u) * (b ^ 0xe7037ed1a0b428dbu);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

inline std::uint64_t StableHash(const std::uint8_t* bytes, std::size_t size) {
  std::uint64_t h1 = size * 0xa0761d6478bd642fu, h2 = 0x8ebc6af09c88c6e3u;
  std::size_t i = 0;
  for (; i + 16 <= size; i += 16) {
    std::uint64_t a, b;
    std::memcpy(&a, bytes + i, 8);
    std::memcpy(&b, bytes + i + 8, 8);
    h1 = MixWords(a ^ h1, b ^ 0x589965cc75374cc3u);
    h2 = (h2 + (a ^ (b << 1))) * 0x1d8e4e27c47d124fu;
  }
  for (; i < size; i += 8) {
    std::uint64_t a = 0;
    std::memcpy(&a, bytes + i, size - i < 8 ? size - i : 8);
    h1 = MixWords(a ^ h1, h2);
  }
  return MixWords(h1, h2);
}

inline std::uint64_t StableHash(std::string_view text) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (char c : text) h = MixWords(h ^ static_cast<unsigned char>(c), 0x100000001b3u);
  return h;
}

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_BASE_STABLE_HASH_H_
