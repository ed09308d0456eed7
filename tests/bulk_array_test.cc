#include "core/base/bulk_array.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "core/base/blocks.h"

namespace asyncrt {
namespace {

using Numbers = BulkArray<std::uint64_t>;

// Sizes around those from which on it comes in large pages.
TEST(BulkArray, BeginsAsZerosOfWhateverSize) {
  const std::size_t page = kLargePage / sizeof(std::uint64_t);
  for (std::size_t size : {std::size_t{1}, std::size_t{100}, page - 1, page, page + 1, 3 * page - 7, 3 * page + 513}) {
    for (int again = 0; again < 2; ++again) {   // memory that comes back need not be zero
      Numbers numbers(size, Numbers::Begins::kAsZeros);
      ASSERT_EQ(numbers.size(), size);
      ASSERT_EQ(numbers.bytes(), size * 8);
      ASSERT_TRUE(std::all_of(numbers.begin(), numbers.end(), [](std::uint64_t n) { return n == 0; })) << size;
      std::fill(numbers.begin(), numbers.end(), 7);
      numbers[size - 1] = 8;
      ASSERT_EQ(std::count(numbers.begin(), numbers.end(), 7u), static_cast<std::ptrdiff_t>(size - 1));
    }
  }
}

TEST(BulkArray, IsAligned) {
  struct alignas(64) Line { std::uint32_t entries[16]; };
  for (std::size_t size : {std::size_t{1}, std::size_t{3}, kLargePage / 64 + 1}) {
    BulkArray<Line> lines(size, BulkArray<Line>::Begins::kAsZeros);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(lines.data()) % 64, 0u);
    EXPECT_TRUE(std::all_of(lines.begin(), lines.end(), [](const Line& line) { return line.entries[15] == 0; }));
  }
}

TEST(BulkArray, MovesAndBeginsAnew) {
  Numbers one(kLargePage, Numbers::Begins::kAsZeros), other;
  one[5] = 5;
  other = std::move(one);
  EXPECT_EQ(other[5], 5u);
  Numbers third(std::move(other));
  EXPECT_EQ(third[5], 5u);
  third.Reset(100);
  EXPECT_EQ(third.size(), 100u);
  EXPECT_EQ(std::count(third.begin(), third.end(), 0u), 100);
}

TEST(BulkArray, SaysThatThereIsNoRoom) {
  EXPECT_THROW(Numbers(static_cast<std::size_t>(-1) / 4, Numbers::Begins::kAsZeros), std::bad_alloc);
  EXPECT_THROW(Numbers(std::size_t{1} << 58, Numbers::Begins::kAsZeros), std::bad_alloc);   // more than can be addressed
}

// What is in it stays where it is, also where blocks begin to come several at a time.
TEST(Blocks, NeverMove) {
  Blocks<std::uint64_t> list;
  list.push_back(0);
  const std::uint64_t* const first = &list[0];
  const std::size_t size = (std::size_t{70} << 20) / 8;
  for (std::uint64_t i = 1; i < size; ++i) list.push_back(i);
  EXPECT_EQ(first, &list[0]);
  for (std::uint64_t i = 0; i < size; ++i) ASSERT_EQ(list[i], i);
  EXPECT_GE(list.bytes(), size * 8);
  EXPECT_LE(list.bytes(), size * 8 + kLargePage);
  EXPECT_EQ(list.BytesWith(0), list.bytes());
}

}  // namespace
}  // namespace asyncrt
