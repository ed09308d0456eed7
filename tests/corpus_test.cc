// The inputs that the fuzzers have left, each a file in tests/fuzz/corpus/NAME/: one that once ended a process, or one
// of a few that together reach the most code.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/targets.h"

namespace asyncrt {
namespace {

struct Target {
  const char* name;
  int (*run)(const std::uint8_t* data, std::size_t size);
};

class Corpus : public testing::TestWithParam<Target> {};

TEST_P(Corpus, EndsNoProcess) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(std::string("tests/fuzz/corpus/") + GetParam().name)) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  ASSERT_FALSE(files.empty());
  for (const std::filesystem::path& file : files) {
    SCOPED_TRACE(file.string());
    std::ifstream in(file, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    ASSERT_TRUE(in) << "it cannot be read";
    EXPECT_EQ(GetParam().run(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Fuzz, Corpus,
                         testing::Values(Target{"check", fuzz_check}, Target{"expr", fuzz_expr},
                                         Target{"json", fuzz_json}, Target{"report", fuzz_report},
                                         Target{"schedule", fuzz_schedule}),
                         [](const testing::TestParamInfo<Target>& target) { return target.param.name; });

}  // namespace
}  // namespace asyncrt
