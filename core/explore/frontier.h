// States that are still to be expanded, whole, in the order in which they came. What has been expanded makes room for
// what comes, so memory is taken from the system only where a level is larger than all before.
#ifndef ASYNCRT_CORE_EXPLORE_FRONTIER_H_
#define ASYNCRT_CORE_EXPLORE_FRONTIER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <vector>

#include "core/base/bulk_array.h"
#include "core/base/byte_stream.h"

namespace asyncrt {

class Frontier {
 public:
  explicit Frontier(std::size_t bytes) : bytes_(bytes), per_block_(std::max<std::size_t>(kBlock / (bytes + 8), 1)) {}

  struct Entry {
    const std::uint8_t* state;
    std::uint32_t number, length;   // the length of the way to it, where that is not its level
  };
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  // With one more state.
  std::size_t BytesWithNext() const {
    const bool has_room = (size_ > 0 && end_ < per_block_) || !spare_.empty();
    return bytes() + (has_room ? 0 : PerPiece() * (BlockBytes() + kPerBlock));
  }
  std::size_t bytes() const { return (blocks_.size() + spare_.size()) * (BlockBytes() + kPerBlock); }
  void Push(const std::uint8_t* state, std::uint32_t number, std::uint32_t length) {
    if (size_ == 0 || end_ == per_block_) {
      if (spare_.empty()) AddBlocks();
      blocks_.push_back(std::move(spare_.back()));
      spare_.pop_back();
      end_ = 0;
    }
    Block& block = blocks_.back();
    std::memcpy(block.states + end_ * bytes_, state, bytes_);
    block.numbers[2 * end_] = number;
    block.numbers[2 * end_ + 1] = length;
    ++end_;
    ++size_;
  }
  Entry Front() const { return At(0); }
  // The `i`-th after the first.
  Entry At(std::size_t i) const {
    const Block& block = blocks_[(begin_ + i) / per_block_];
    const std::size_t at = (begin_ + i) % per_block_;
    return {block.states + at * bytes_, block.numbers[2 * at], block.numbers[2 * at + 1]};
  }
  void Pop() {
    ++begin_;
    --size_;
    if (begin_ < per_block_ && size_ != 0) return;
    spare_.push_back(std::move(blocks_.front()));
    blocks_.pop_front();
    begin_ = 0;
  }
  // Gives back what is kept for more.
  void Shrink() { spare_.clear(); }
  // Each state as the `bytes` that `as` makes of it.
  template <class As>
  void Save(ByteWriter* out, std::size_t bytes, As as) const {
    out->Number(size_);
    std::size_t at = begin_, left = size_;
    for (const Block& block : blocks_) {
      for (; left > 0 && at < per_block_; ++at, --left) {
        out->Bytes(as(block.states + at * bytes_), bytes);
        out->Number(block.numbers[2 * at]);
        out->Number(block.numbers[2 * at + 1]);
      }
      at = 0;
    }
  }
  // Into an empty one, of states with numbers below `states`.
  void Load(ByteReader* in, std::size_t states) {
    std::vector<std::uint8_t> state(bytes_);
    for (std::size_t left = in->Count(bytes_ + 2); left > 0 && in->ok(); --left) {
      in->Bytes(state.data(), bytes_);
      const std::uint64_t number = in->NumberBelow(states), length = in->NumberBelow(std::uint64_t{1} << 32);
      if (in->ok()) Push(state.data(), static_cast<std::uint32_t>(number), static_cast<std::uint32_t>(length));
    }
  }

 private:
  struct Block {
    std::uint8_t* states;
    std::uint32_t* numbers;
    std::shared_ptr<BulkArray<std::uint8_t>> memory;   // which other blocks may share
  };
  std::size_t BlockBytes() const { return (per_block_ * bytes_ + 3) / 4 * 4 + per_block_ * 8; }
  std::size_t PerPiece() const { return bytes() < kLong ? 1 : std::max<std::size_t>(kLargePage / BlockBytes(), 1); }
  // Once there are many, they come several at a time.
  void AddBlocks() {
    const std::size_t count = PerPiece();
    const auto memory = std::make_shared<BulkArray<std::uint8_t>>(count == 1 ? BlockBytes() : kLargePage, BulkArray<std::uint8_t>::Begins::kAsItComes);
    for (std::size_t i = count; i-- > 0;) {
      std::uint8_t* const states = memory->data() + i * BlockBytes();
      spare_.push_back({states, reinterpret_cast<std::uint32_t*>(states + (BlockBytes() - per_block_ * 8)), memory});
    }
  }
  static constexpr std::size_t kBlock = std::size_t{1} << 18, kLong = std::size_t{8} << 20;   // bytes
  static constexpr std::size_t kPerBlock = 256;   // what the allocator and the lists of blocks take
  std::size_t bytes_, per_block_;
  std::deque<Block> blocks_;
  std::vector<Block> spare_;
  std::size_t begin_ = 0, end_ = 0, size_ = 0;
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPLORE_FRONTIER_H_
