// A set of fingerprints that keeps three bits of each and nothing else: it may take a new one for one that it has, never
// the other way round.
#ifndef ASYNCRT_CORE_EXPLORE_BIT_FILTER_H_
#define ASYNCRT_CORE_EXPLORE_BIT_FILTER_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace asyncrt {

class BitFilter {
 public:
  static constexpr int kBits = 3;
  explicit BitFilter(std::size_t bytes) : words_(bytes / 8 + 1), bits_(static_cast<std::uint64_t*>(std::calloc(words_, 8)), &std::free) {}
  bool ok() const { return bits_ != nullptr; }

  // True: it was not there.
  bool Insert(std::uint64_t fingerprint) {
    bool fresh = false;
    const std::uint64_t step = (fingerprint >> 32 | fingerprint << 32) * 0x9e3779b97f4a7c15u | 1;
    for (int k = 0; k < kBits; ++k, fingerprint += step) {
      const std::size_t bit = static_cast<std::size_t>((static_cast<unsigned __int128>(fingerprint) * (words_ * 64)) >> 64);
      std::uint64_t& word = bits_[bit / 64];
      const std::uint64_t mask = std::uint64_t{1} << (bit % 64);
      fresh = fresh || (word & mask) == 0;
      word |= mask;
    }
    size_ += fresh;
    return fresh;
  }
  std::uint64_t size() const { return size_; }
  std::size_t bytes() const { return words_ * 8; }
  // How likely it is, now, that a new one is taken for an old one.
  double FalseMatch() const {
    return std::pow(1.0 - std::exp(-kBits * static_cast<double>(size_) / (static_cast<double>(words_) * 64.0)), kBits);
  }

 private:
  std::size_t words_;
  std::unique_ptr<std::uint64_t[], void (*)(void*)> bits_;   // the system gives zeros, page by page as they are used
  std::uint64_t size_ = 0;
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPLORE_BIT_FILTER_H_
