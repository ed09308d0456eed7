#include "tool/progress.h"

#include <gtest/gtest.h>

#include "core/report/display.h"

namespace asyncrt {
namespace {

ProgressNumbers Numbers() {
  return {.index = 2, .count = 1200, .states = 1'234'567, .states_per_second = 89'000, .frontier = 4'321, .bytes = 210u << 20,
          .limit = "states", .percent = 6};
}

TEST(ProgressText, SaysWhichScenarioHowFarAndWhatWillEndIt) {
  EXPECT_EQ(ProgressText(Numbers(), "a/b.json", 120),
            "scenario 2 of 1,200  a/b.json  1,234,567 states, 89,000 per second, frontier 4,321, 210 MiB, 6% of --max-states");
}

TEST(ProgressText, LeavesOutTheLeastWhereThereIsNoRoom) {
  EXPECT_EQ(ProgressText(Numbers(), "a/b.json", 100),
            "scenario 2/1,200  a/b.json  1.23M states, 89.0k/s, frontier 4,321, 210 MiB, 6% of states");
  EXPECT_EQ(ProgressText(Numbers(), "a/b.json", 79), "scenario 2/1,200  1.23M states, 89.0k/s, frontier 4,321, 210 MiB, 6% of states");
  EXPECT_EQ(ProgressText(Numbers(), "a/b.json", 72), "scenario 2/1,200  1.23M states, 89.0k/s, frontier 4,321, 6% of states");
  EXPECT_EQ(ProgressText(Numbers(), "a/b.json", 60), "scenario 2/1,200  1.23M states, 89.0k/s, 6% of states");
  EXPECT_EQ(ProgressText(Numbers(), "a/b.json", 40), "scenario 2/1,200  1.23M states, 89.0k/s");
}

TEST(ProgressText, FitsATerminalOfEightyColumns) {
  const ProgressNumbers large = {.index = 9, .count = 12, .states = 999'950, .states_per_second = 99'949, .frontier = 123'456,
                                 .bytes = 800ull << 20, .limit = "memory", .percent = 99};
  EXPECT_EQ(ProgressText(large, "wide.json", 79), "scenario 9/12  1.00M states, 99.9k/s, frontier 123k, 800 MiB, 99% of memory");
}

TEST(ProgressText, KeepsTheEndOfALongPath) {
  const std::string file = "some/very/long/folder/with/many/parts/and-the-name.json";
  const std::string text = ProgressText({.states = 10, .states_per_second = 5, .limit = "time", .percent = 50}, file, 103);
  EXPECT_EQ(text, "scenario 1 of 1  .../and-the-name.json  10 states, 5 per second, frontier 0, 0 MiB, 50% of --time-limit");
}

TEST(ProgressText, NeverIsWiderThanTheTerminal) {
  const std::string file = "f/\u5bbd\u5bbd\u5bbd\u5bbd\u5bbd\u5bbd\u5bbd\u5bbd\x1b[2J.json";
  for (std::size_t width = 1; width < 140; ++width) {
    const std::string text = ProgressText(Numbers(), file, width);
    EXPECT_LE(DisplayWidth(text), width);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
  }
}

TEST(SearchGauge, SeenGrowsWhereASearchBeginsAnew) {
  SearchGauge gauge;
  gauge.Tell(100, 7, 1 << 20);
  gauge.Tell(150, 5, 1 << 20);
  gauge.Tell(30, 3, 1 << 20);
  EXPECT_EQ(gauge.states, 30u);
  EXPECT_EQ(gauge.frontier, 3u);
  EXPECT_EQ(gauge.seen, 180u);
}

}  // namespace
}  // namespace asyncrt
