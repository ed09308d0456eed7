#include "tool/progress.h"

#include <gtest/gtest.h>

#include "core/report/display.h"

namespace asyncrt {
namespace {

TEST(ProgressText, SaysWhichScenarioAndHowFast) {
  EXPECT_EQ(ProgressText(2, 1200, "a/b.json", 1'234'567, 89'000, 100),
            "scenario 2 of 1,200  a/b.json  1,234,567 states, 89,000 per second");
}

TEST(ProgressText, KeepsTheEndOfALongPath) {
  const std::string file = "some/very/long/folder/with/many/parts/and-the-name.json";
  const std::string text = ProgressText(1, 1, file, 10, 5, 63);
  EXPECT_EQ(text, "scenario 1 of 1  .../and-the-name.json  10 states, 5 per second");
}

TEST(ProgressText, NeverIsWiderThanTheTerminal) {
  const std::string file = "f/\u5bbd\u5bbd\u5bbd\u5bbd\u5bbd\u5bbd\u5bbd\u5bbd\x1b[2J.json";
  for (std::size_t width = 1; width < 90; ++width) {
    const std::string text = ProgressText(12, 40, file, 3'100'000, 1'900'000, width);
    EXPECT_LE(DisplayWidth(text), width);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
  }
}

}  // namespace
}  // namespace asyncrt
