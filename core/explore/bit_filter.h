// A set of fingerprints that keeps three bits of each and nothing else: it may take a new one for one that it has, never
// the other way round.
#ifndef ASYNCRT_CORE_EXPLORE_BIT_FILTER_H_
#define ASYNCRT_CORE_EXPLORE_BIT_FILTER_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "core/base/byte_stream.h"

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
    const std::uint64_t bits_max = words_ * 64;
    for (int k = 0; k < kBits; ++k, fingerprint += step) {
      const std::size_t bit = static_cast<std::size_t>((static_cast<unsigned __int128>(fingerprint) * bits_max) >> 64);
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
  // Words without a bit, of which most filters have many, are only counted.
  void Save(ByteWriter* out) const {
    out->Number(words_);
    out->Number(size_);
    for (std::size_t at = 0; at < words_;) {
      const std::size_t begin = at;
      while (at < words_ && bits_[at] == 0) ++at;
      out->Number(at - begin);
      const std::size_t full = at;
      while (at < words_ && bits_[at] != 0) ++at;
      out->Number(at - full);
      for (std::size_t i = full; i < at; ++i) out->Fixed(bits_[i]);
    }
  }
  // One that takes `bytes_max` at most. What cannot be is told the reader.
  static std::unique_ptr<BitFilter> Load(ByteReader* in, std::size_t bytes_max) {
    const std::size_t words = static_cast<std::size_t>(in->NumberBelow(bytes_max / 8 + 2));
    auto filter = std::make_unique<BitFilter>((std::max<std::size_t>(words, 1) - 1) * 8);
    filter->size_ = in->Number();
    if (!filter->ok() || words == 0) in->Fail();
    for (std::size_t at = 0; in->ok() && at < words;) {
      const std::size_t before = at;
      at += static_cast<std::size_t>(in->NumberBelow(words - at + 1));
      const std::size_t end = at + static_cast<std::size_t>(in->NumberBelow(words - at + 1));
      for (; at < end; ++at) filter->bits_[at] = in->Fixed();
      if (at == before) in->Fail();
    }
    return filter;
  }
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
