// Scenarios as Rust: every scenario of the repository can be said, save what is listed, and no text gets out of a comment.
#include "core/export/rust.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string>

namespace asyncrt {
namespace {

std::unique_ptr<Scenario> Read(const std::string& text) {
  Diagnostics diagnostics;
  return ReadScenario(text, "t.json", diagnostics);
}

TEST(Export, SaysEveryScenarioSaveWhatIsKnown) {
  // What Debian's Tokio does not have.
  const std::set<std::string> known = {"`spawn_blocking` into"};
  int said = 0, unsaid = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("scenarios")) {
    if (entry.path().extension() != ".json") continue;
    std::ifstream file(entry.path());
    std::stringstream text;
    text << file.rdbuf();
    const std::unique_ptr<Scenario> scenario = Read(text.str());
    if (scenario == nullptr) continue;
    const RustModule module = ExportRust(*scenario);
    ++(module.unsupported.empty() ? said : unsaid);
    for (const std::string& line : module.unsupported) {
      bool is_known = false;
      for (const std::string& one : known) is_known = is_known || line.find(one) != std::string::npos;
      EXPECT_TRUE(is_known) << entry.path() << ": " << line;
    }
  }
  EXPECT_GT(said, unsaid * 99);
}

TEST(Export, KeepsFreeTextInItsComment) {
  const auto scenario = Read(R"json({ "name": "t", "about": "a\nfn evil() {} \u202e */", "main": [
    { "op": "panic", "message": "\"); evil(); (\"", "note": "x\r\nevil();", "at": "a.rs:1\u0000\nevil()" } ] })json");
  ASSERT_NE(scenario, nullptr);
  std::istringstream lines(ExportRust(*scenario).code);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t evil = line.find("evil");
    if (evil == std::string::npos) continue;
    const bool comment = line.find("//") < evil, quoted = line.find("panic!(\"{}\", \"\\\"); evil(); (\\\"\")") != std::string::npos;
    EXPECT_TRUE(comment || quoted) << line;
    EXPECT_EQ(line.find("\u202e"), std::string::npos);
  }
}

TEST(Export, NamesNothingAsRustDoes) {
  EXPECT_EQ(RustName("match"), "match_");
  EXPECT_EQ(RustName("01-blocked"), "s01_blocked");
  EXPECT_EQ(RustName("../../etc"), "______etc");
  const auto scenario = Read(R"({ "name": "t", "objects": { "loop": { "kind": "std_mutex" }, "tokio": { "kind": "atomic" }, "a": { "kind": "mpsc" },
    "a_tx": { "kind": "std_mutex" } }, "main": [ { "op": "lock", "on": "loop" }, { "op": "add", "on": "tokio", "value": 1 },
    { "op": "lock", "on": "a_tx" }, { "op": "send", "on": "a", "or": [] } ] })");
  ASSERT_NE(scenario, nullptr);
  const std::string code = ExportRust(*scenario).code;
  EXPECT_NE(code.find("let loop_ = "), std::string::npos);
  EXPECT_NE(code.find("let tokio_ = "), std::string::npos);
  EXPECT_NE(code.find("let a_tx = told("), std::string::npos);
  EXPECT_NE(code.find("let (mut a_tx_2, mut a_rx) = "), std::string::npos);
}

}  // namespace
}  // namespace asyncrt
