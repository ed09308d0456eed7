// A list that only grows, in blocks of fixed size: what is in it never moves, and nothing is copied when it grows.
#ifndef ASYNCRT_CORE_BASE_BLOCKS_H_
#define ASYNCRT_CORE_BASE_BLOCKS_H_

#include <cstddef>
#include <memory>
#include <vector>

namespace asyncrt {

template <class T, std::size_t kBlock = std::size_t{1} << 14>
class Blocks {
 public:
  void push_back(T value) {
    if (size_ == blocks_.size() * kBlock) blocks_.push_back(std::make_unique<T[]>(kBlock));
    blocks_[size_ / kBlock][size_ % kBlock] = value;
    ++size_;
  }
  T& operator[](std::size_t i) { return blocks_[i / kBlock][i % kBlock]; }
  const T& operator[](std::size_t i) const { return blocks_[i / kBlock][i % kBlock]; }
  T& back() { return (*this)[size_ - 1]; }
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return blocks_.size() * kBlock * sizeof(T); }

 private:
  std::vector<std::unique_ptr<T[]>> blocks_;
  std::size_t size_ = 0;
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_BASE_BLOCKS_H_
