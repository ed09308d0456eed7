// The set of visited states: open addressing over 64-bit fingerprints.
#ifndef ASYNCRT_CORE_EXPLORE_VISITED_H_
#define ASYNCRT_CORE_EXPLORE_VISITED_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace asyncrt {

class Visited {
 public:
  Visited() : keys_(1 << 12), values_(1 << 12) {}

  // The number of the state, and whether it is new (then it gets `number`).
  std::uint32_t Insert(std::uint64_t fingerprint, std::uint32_t number, bool* fresh) {
    if (fingerprint == 0) fingerprint = 1;
    if (used_ * 4 >= keys_.size() * 3) Grow();
    std::size_t mask = keys_.size() - 1, at = fingerprint & mask;
    while (keys_[at] != 0) {
      if (keys_[at] == fingerprint) { *fresh = false; return values_[at]; }
      at = (at + 1) & mask;
    }
    keys_[at] = fingerprint;
    values_[at] = number;
    ++used_;
    *fresh = true;
    return number;
  }
  // The number of a state that was inserted before, or `none`.
  static constexpr std::uint32_t none = 0xffffffff;
  std::uint32_t Find(std::uint64_t fingerprint) const {
    if (fingerprint == 0) fingerprint = 1;
    std::size_t mask = keys_.size() - 1, at = fingerprint & mask;
    while (keys_[at] != 0) {
      if (keys_[at] == fingerprint) return values_[at];
      at = (at + 1) & mask;
    }
    return none;
  }
  void Prefetch(std::uint64_t fingerprint) const { __builtin_prefetch(&keys_[fingerprint & (keys_.size() - 1)]); }
  std::size_t bytes() const { return keys_.size() * 12; }

 private:
  void Grow() {
    std::vector<std::uint64_t> keys(keys_.size() * 2);
    std::vector<std::uint32_t> values(keys.size());
    std::size_t mask = keys.size() - 1;
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      if (keys_[i] == 0) continue;
      std::size_t at = keys_[i] & mask;
      while (keys[at] != 0) at = (at + 1) & mask;
      keys[at] = keys_[i];
      values[at] = values_[i];
    }
    keys_.swap(keys);
    values_.swap(values);
  }
  std::vector<std::uint64_t> keys_;
  std::vector<std::uint32_t> values_;
  std::size_t used_ = 0;
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPLORE_VISITED_H_
