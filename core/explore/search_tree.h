// How each visited state was reached first: from which state, and by whose step. States are numbered as they come, and
// most come from states in rising order, so where one comes from is two bits: a zero for each state that is passed by,
// then a one.
#ifndef ASYNCRT_CORE_EXPLORE_SEARCH_TREE_H_
#define ASYNCRT_CORE_EXPLORE_SEARCH_TREE_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>

#include "core/base/blocks.h"

namespace asyncrt {

class SearchTree {
 public:
  // `actors`: how many there are.
  explicit SearchTree(int actors) : wide_(actors > 256) {}

  void Add(std::uint32_t parent, int actor) {
    if (parent < last_) exceptions_[static_cast<std::uint32_t>(size_)] = parent;
    else {
      for (; last_ < parent; ++last_) Bit(false);
    }
    if (size_ % kStride == 0) marks_.push_back(bits_);
    Bit(true);
    ++size_;
    actors_.push_back(static_cast<std::uint8_t>(actor));
    if (wide_) actors_.push_back(static_cast<std::uint8_t>(actor >> 8));
  }
  std::uint32_t ParentOf(std::uint32_t number) const {
    if (!exceptions_.empty())
      if (auto it = exceptions_.find(number); it != exceptions_.end()) return it->second;
    std::size_t at = marks_[number / kStride];   // the one of the first state of the stride
    std::uint32_t left = number % kStride;
    std::uint64_t word = words_[at / 64] >> (at % 64);
    std::size_t base = at;
    for (;;) {
      const std::uint32_t ones = static_cast<std::uint32_t>(std::popcount(word));
      if (ones > left) break;
      left -= ones;
      base = (base / 64 + 1) * 64;
      word = words_[base / 64];
    }
    for (; left > 0; --left) word &= word - 1;
    return static_cast<std::uint32_t>(base + static_cast<std::size_t>(std::countr_zero(word)) - number);
  }
  int ActorOf(std::uint32_t number) const {
    return wide_ ? actors_[std::size_t{2} * number] | actors_[std::size_t{2} * number + 1] << 8 : actors_[number];
  }
  void Save(ByteWriter* out) const {
    out->Number(size_);
    std::uint32_t last = 0;
    for (std::uint32_t i = 0; i < size_; ++i) {
      const std::uint32_t parent = ParentOf(i);
      out->Signed(static_cast<std::int64_t>(parent) - last);
      out->Number(static_cast<std::uint64_t>(ActorOf(i)));
      last = parent;
    }
  }
  // Into an empty tree. What cannot be is told the reader.
  void Load(ByteReader* in, int actors) {
    const std::size_t size = in->Count(2);
    std::int64_t parent = 0;
    for (std::size_t i = 0; i < size && in->ok(); ++i) {
      parent += in->Signed();
      const int actor = static_cast<int>(in->NumberBelow(static_cast<std::uint64_t>(actors)));
      if (parent < 0 || parent >= static_cast<std::int64_t>(std::max<std::size_t>(i, 1))) return in->Fail();
      Add(static_cast<std::uint32_t>(parent), actor);
    }
  }
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return words_.bytes() + marks_.bytes() + actors_.bytes() + exceptions_.size() * 48; }

 private:
  static constexpr std::uint32_t kStride = 256;
  void Bit(bool one) {
    if (bits_ % 64 == 0) words_.push_back(0);
    if (one) words_.back() |= std::uint64_t{1} << (bits_ % 64);
    ++bits_;
  }
  bool wide_;
  std::size_t size_ = 0, bits_ = 0;
  std::uint32_t last_ = 0;   // the parent that the bits have come to
  Blocks<std::uint64_t, 1024> words_;
  Blocks<std::uint64_t, 64> marks_;
  Blocks<std::uint8_t> actors_;
  std::map<std::uint32_t, std::uint32_t> exceptions_;
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPLORE_SEARCH_TREE_H_
