// Random numbers that are the same on every machine for the same seed (splitmix64).
#ifndef ASYNCRT_CORE_BASE_RANDOM_H_
#define ASYNCRT_CORE_BASE_RANDOM_H_

#include <cstdint>

namespace asyncrt {

class RandomSource {
 public:
  explicit RandomSource(std::uint64_t seed) : state_(seed) { Next(); }
  std::uint64_t Next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // Where it is: a source that begins there goes on as this one.
  std::uint64_t state() const { return state_; }
  void GoOnFrom(std::uint64_t state) { state_ = state; }
  // 0 to `count` - 1.
  int Below(int count) { return static_cast<int>((static_cast<unsigned __int128>(Next()) * static_cast<std::uint64_t>(count)) >> 64); }

 private:
  std::uint64_t state_;
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_BASE_RANDOM_H_
