// A list that only grows, in blocks of fixed size: what is in it never moves, and nothing is copied when it grows. Once it
// is long, many blocks come at once.
#ifndef ASYNCRT_CORE_BASE_BLOCKS_H_
#define ASYNCRT_CORE_BASE_BLOCKS_H_

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <vector>

#include "core/base/bulk_array.h"
#include "core/base/byte_stream.h"

namespace asyncrt {

template <class T, std::size_t kBlock = std::size_t{1} << 14>
class Blocks {
 public:
  // The list has so many of any value.
  void resize(std::size_t size) {
    while (blocks_.size() * kBlock < size) AddBlocks();
    size_ = size;
  }
  void push_back(T value) {
    if (size_ == blocks_.size() * kBlock) AddBlocks();
    blocks_[size_ / kBlock][size_ % kBlock] = value;
    ++size_;
  }
  T& operator[](std::size_t i) { return blocks_[i / kBlock][i % kBlock]; }
  const T& operator[](std::size_t i) const { return blocks_[i / kBlock][i % kBlock]; }
  T& back() { return (*this)[size_ - 1]; }
  void pop_back() { --size_; }
  std::size_t size() const { return size_; }
  void Save(ByteWriter* out) const {
    static_assert(std::is_integral_v<T>);
    out->Number(size_);
    for (std::size_t i = 0; i < size_; i += kBlock) out->Bytes(blocks_[i / kBlock], std::min(kBlock, size_ - i) * sizeof(T));
  }
  // Into an empty list.
  void Load(ByteReader* in) {
    const std::size_t size = in->Count(sizeof(T));
    for (; size_ < size; size_ += std::min(kBlock, size - size_)) {
      if (size_ == blocks_.size() * kBlock) AddBlocks();
      in->Bytes(blocks_[size_ / kBlock], std::min(kBlock, size - size_) * sizeof(T));
    }
  }
  std::size_t bytes() const { return blocks_.size() * kBlockBytes; }
  // With so many more, fewer than there are in a block.
  std::size_t BytesWith(std::size_t more) const { return bytes() + (size_ + more > blocks_.size() * kBlock ? PerPiece() * kBlockBytes : 0); }

 private:
  static constexpr std::size_t kBlockBytes = kBlock * sizeof(T), kLong = std::size_t{64} << 20;   // bytes

  std::size_t PerPiece() const { return bytes() < kLong ? 1 : std::max<std::size_t>(kLargePage / kBlockBytes, 1); }
  void AddBlocks() {
    const std::size_t count = PerPiece();
    pieces_.emplace_back(count * kBlock, BulkArray<T>::Begins::kAsItComes);
    for (std::size_t i = 0; i < count; ++i) blocks_.push_back(pieces_.back().data() + i * kBlock);
  }

  std::vector<BulkArray<T>> pieces_;
  std::vector<T*> blocks_;
  std::size_t size_ = 0;
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_BASE_BLOCKS_H_
