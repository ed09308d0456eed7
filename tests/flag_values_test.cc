#include "tool/flag_values.h"

#include <gtest/gtest.h>

#include "tool/cli.h"

namespace asyncrt {
namespace {

TEST(FlagValues, CountsAreWholeAndPositive) {
  EXPECT_EQ(ParseCount("12"), 12u);
  for (const char* text : {"", "0", "-1", "+1", "1.5", "1e3", "12x", " 1", "99999999999999999999999"}) {
    EXPECT_FALSE(ParseCount(text)) << text;
  }
}

TEST(FlagValues, DurationsHaveAUnit) {
  EXPECT_EQ(ParseDuration("10s"), 10'000u);
  EXPECT_EQ(ParseDuration("1.5s"), 1'500u);
  EXPECT_EQ(ParseDuration("250ms"), 250u);
  EXPECT_EQ(ParseDuration("2m"), 120'000u);
  for (const char* text : {"", "10", "s", "-1s", "0s", "10 s", "1..5s", "1e99h", "10S"}) {
    EXPECT_FALSE(ParseDuration(text)) << text;
  }
}

TEST(FlagValues, SizesAreInMebibytes) {
  EXPECT_EQ(ParseMemory("4GiB"), 4096u);
  EXPECT_EQ(ParseMemory("512MiB"), 512u);
  EXPECT_EQ(ParseMemory("0.5G"), 512u);
  EXPECT_EQ(ParseMemory("512"), 512u);
  for (const char* text : {"", "4KiB", "GiB", "0", "-1GiB", "4 GiB"}) EXPECT_FALSE(ParseMemory(text)) << text;
}

TEST(CommandLine, NamesTheNearestCommandAndFlag) {
  EXPECT_EQ(ParseCommandLine({"rnu"}).error, "unknown command `rnu`; did you mean `run`?");
  EXPECT_EQ(ParseCommandLine({"run", "--formt", "json", "a.json"}).error,
            "unknown flag `--formt` for `run`; did you mean `--format`?");
  EXPECT_EQ(ParseCommandLine({"run", "--max_states=3", "a.json"}).error,
            "unknown flag `--max_states` for `run`; did you mean `--max-states`?");
  EXPECT_EQ(ParseCommandLine({"run", "a.json", "--output"}).error, "`--output` needs a value: FILE");
  EXPECT_EQ(ParseCommandLine({"run", "a.json", "--timing=1"}).error, "`--timing` takes no value");
  EXPECT_EQ(ParseCommandLine({"run"}).error, "`run` needs PATH...");
  EXPECT_EQ(ParseCommandLine({"rules", "x"}).error, "`rules` takes no operands: `x`");
}

TEST(CommandLine, APathAloneIsARun) {
  const CommandLine line = ParseCommandLine({"scenarios/a.json", "--format", "text", "--format=short=x"});
  ASSERT_NE(line.command, nullptr);
  EXPECT_EQ(line.error, "");
  EXPECT_EQ(line.command->name, "run");
  EXPECT_EQ(line.args.words, std::vector<std::string>{"scenarios/a.json"});
  EXPECT_EQ(line.args.All("format"), (std::vector<std::string>{"text", "short=x"}));
}

TEST(CommandLine, ADoubleDashEndsTheFlags) {
  const CommandLine line = ParseCommandLine({"run", "--", "--odd.json", "-"});
  EXPECT_EQ(line.error, "");
  EXPECT_EQ(line.args.words, (std::vector<std::string>{"--odd.json", "-"}));
}

TEST(CommandLine, HelpFitsOnATerminal) {
  for (const CommandDef& command : AllCommands()) {
    EXPECT_EQ(command.examples.size(), 3u) << command.name;
    const std::string help = HelpText(command);
    for (std::size_t begin = 0; begin < help.size();) {
      const std::size_t end = help.find('\n', begin);
      EXPECT_LE(end - begin, 80u) << help.substr(begin, end - begin);
      begin = end + 1;
    }
  }
}

}  // namespace
}  // namespace asyncrt
