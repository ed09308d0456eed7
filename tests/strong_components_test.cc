#include "core/detect/strong_components.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <vector>

namespace asyncrt {
namespace {

TEST(StrongComponents, AreThoseThatReachEachOther) {
  // 0 and 1 in a circle, 2 leads to them, 3 leads to itself, 4 is alone, 5 takes no part.
  const StrongComponents found = FindStrongComponents({{1}, {0}, {1, 3}, {3}, {}, {}}, {true, true, true, true, true, false});
  EXPECT_EQ(found.count, 4);
  EXPECT_EQ(found.of[0], found.of[1]);
  for (const std::size_t other : {2u, 3u, 4u}) EXPECT_NE(found.of[0], found.of[other]) << other;
  EXPECT_NE(found.of[3], found.of[4]);
  EXPECT_LT(found.of[0], found.of[2]);   // who is led to has the smaller number
  EXPECT_LT(found.of[3], found.of[2]);
  EXPECT_EQ(found.of[5], -1);
}

TEST(StrongComponents, OfCirclesThatMeetAreOne) {
  const StrongComponents found = FindStrongComponents({{1}, {2, 3}, {0}, {4}, {1}}, std::vector<bool>(5, true));
  EXPECT_EQ(found.count, 1);
}

TEST(StrongComponents, AreFoundInAChainThatIsLongerThanAnyStack) {
  constexpr int kNodes = 1'000'000;
  std::vector<std::vector<int>> out(kNodes);
  for (int i = 0; i + 1 < kNodes; ++i) out[static_cast<std::size_t>(i)] = {i + 1};
  EXPECT_EQ(FindStrongComponents(out, std::vector<bool>(kNodes, true)).count, kNodes);
  out.back() = {0};
  EXPECT_EQ(FindStrongComponents(out, std::vector<bool>(kNodes, true)).count, 1);
}

}  // namespace
}  // namespace asyncrt
