// What the search keeps of visited states: every one once, in few bytes, and how it was reached.
#include "core/explore/visited.h"

#include <gtest/gtest.h>

#include "core/base/random.h"
#include "core/explore/fingerprint.h"
#include "core/explore/search_tree.h"

namespace asyncrt {
namespace {

TEST(Visited, TellsNewFromOldAndNumbersThem) {
  Visited visited(0);
  RandomSource random(1);
  std::vector<std::uint64_t> all;
  bool fresh;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    all.push_back(random.Next());
    EXPECT_EQ(visited.Insert(all.back(), nullptr, Visited::none, &fresh), i);
    EXPECT_TRUE(fresh);
  }
  for (std::uint32_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(visited.Insert(all[i], nullptr, Visited::none, &fresh), i);
    EXPECT_FALSE(fresh);
    EXPECT_EQ(visited.Find(all[i], nullptr), i);
    EXPECT_EQ(visited.FingerprintOf(i), all[i]);
  }
  EXPECT_EQ(visited.Find(random.Next(), nullptr), Visited::none);
  EXPECT_EQ(visited.size(), all.size());
}

TEST(Visited, LooksAtWhatIsGuessed) {
  Visited visited(0);
  RandomSource random(3);
  bool fresh;
  std::vector<std::uint64_t> all;
  std::uint64_t wrong = 0;
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    all.push_back(random.Next());
    const std::uint32_t guess = visited.Guess(all.back());   // now and then another state has the same tag
    wrong += guess != Visited::none;
    EXPECT_EQ(visited.Insert(all.back(), nullptr, guess, &fresh), i);
    EXPECT_TRUE(fresh);
    const std::uint32_t old = static_cast<std::uint32_t>(random.Below(static_cast<int>(all.size())));
    EXPECT_EQ(visited.Insert(all[old], nullptr, visited.Guess(all[old]), &fresh), old);
    EXPECT_FALSE(fresh);
  }
  EXPECT_GT(wrong, 0u);
}

TEST(Visited, KeepsSixteenBytesOfAState) {
  Visited visited(0);
  SearchTree tree(40);
  RandomSource random(2);
  bool fresh;
  std::uint32_t parent = 0;
  for (std::uint32_t i = 0; i < 3'000'000; ++i) {
    visited.Insert(random.Next(), nullptr, Visited::none, &fresh);
    if (i > 0 && parent + 1 < i) parent += static_cast<std::uint32_t>(random.Below(2));
    tree.Add(parent, 7);
    if (i < 500'000) continue;
    ASSERT_LE(visited.bytes() + tree.bytes(), std::size_t{16} * (i + 1)) << i;
  }
}

TEST(Visited, TellsStatesWithOneFingerprintApartWhenItKeepsThem) {
  constexpr std::size_t kBytes = 136;
  Visited hashed(0), exact(kBytes);
  std::vector<std::uint8_t> state(kBytes);
  bool fresh;
  for (int i = 0; i < 200; ++i) {
    state[static_cast<std::size_t>(i % 17) * 8] = static_cast<std::uint8_t>(i);
    EXPECT_EQ(exact.Insert(42, state.data(), Visited::none, &fresh), static_cast<std::uint32_t>(i));
    EXPECT_TRUE(fresh);
    hashed.Insert(42, state.data(), Visited::none, &fresh);
    EXPECT_EQ(fresh, i == 0);
  }
  EXPECT_EQ(exact.Insert(42, state.data(), Visited::none, &fresh), 199u);
  EXPECT_FALSE(fresh);
}

TEST(SearchTree, KnowsWhereEveryStateCameFrom) {
  RandomSource random(3);
  for (int actors : {40, 400}) {
    SearchTree tree(actors);
    std::vector<std::pair<std::uint32_t, int>> all;
    std::uint32_t parent = 0;
    for (std::uint32_t i = 0; i < 20'000; ++i) {
      if (random.Below(3) == 0) parent = std::min(i, parent + static_cast<std::uint32_t>(random.Below(9)));
      const bool back = random.Below(500) == 0;   // a state that is looked at once more
      all.push_back({back ? parent / 2 : parent, random.Below(actors)});
      tree.Add(all.back().first, all.back().second);
    }
    for (std::uint32_t i = 0; i < all.size(); ++i) {
      ASSERT_EQ(tree.ParentOf(i), all[i].first) << i;
      ASSERT_EQ(tree.ActorOf(i), all[i].second) << i;
    }
  }
}

TEST(Fingerprint, OfWhatAStepHasChangedIsThatOfAllOfIt) {
  RandomSource random(4);
  std::vector<std::uint8_t> before(296), after;
  for (int round = 0; round < 1000; ++round) {
    after = before;
    for (int k = random.Below(5); k > 0; --k) after[static_cast<std::size_t>(random.Below(static_cast<int>(after.size())))] = static_cast<std::uint8_t>(random.Next());
    EXPECT_EQ(FingerprintAfter(Fingerprint(before.data(), before.size()), before.data(), after.data(), after.size()), Fingerprint(after.data(), after.size()));
    before = after;
  }
}

}  // namespace
}  // namespace asyncrt
