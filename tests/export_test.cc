// Scenarios as Rust: every scenario of the repository can be said, save what is listed, and no text gets out of a comment.
#include "core/export/rust.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

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

std::map<std::string, std::string> Project(const std::vector<std::string>& texts) {
  std::vector<std::pair<std::string, RustModule>> modules;
  for (const std::string& text : texts) modules.emplace_back("m" + std::to_string(modules.size()), ExportRust(*Read(text)));
  std::map<std::string, std::string> files;
  for (auto& [path, text] : RustProject(modules, {})) files.emplace(path, text);
  return files;
}

TEST(Export, AsksForAnUnstableTokioOnlyWhereAScenarioDoes) {
  const std::string plain = R"({ "name": "a", "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 1 } }, "main": [] })";
  const std::string without_slot = R"json({ "name": "b", "about": ".disable_lifo_slot()", "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 1, "disable_lifo_slot": true } }, "main": [] })json";
  const std::string says_so = R"json({ "name": "c", "about": "tokio_unstable .disable_lifo_slot()", "main": [] })json";
  const auto stable = Project({plain, says_so}), unstable = Project({plain, without_slot});
  EXPECT_EQ(stable.at(".cargo/config.toml").find("tokio_unstable"), std::string::npos);
  EXPECT_EQ(stable.at("src/main.rs").find("tokio_unstable"), std::string::npos);
  EXPECT_NE(unstable.at(".cargo/config.toml").find("rustflags = [\"--cfg\", \"tokio_unstable\"]"), std::string::npos);
  EXPECT_NE(unstable.at("src/main.rs").find("compile_error!"), std::string::npos);   // flags in the environment would hide it
  EXPECT_NE(unstable.at("src/m1.rs").find(".disable_lifo_slot().build()"), std::string::npos);
}

TEST(Export, TakesTheNamesOfScenariosAndListsThem) {
  const std::string plain = R"({ "name": "a", "main": [] })", main = Project({plain, plain}).at("src/main.rs");
  EXPECT_NE(main.find("name.replace('-', \"_\")"), std::string::npos);   // `cargo run -- blocked-worker`
  EXPECT_NE(main.find("\\n  m0\\n  m1"), std::string::npos);
}

TEST(Export, HasAFileForWhatOnlySomeScenariosNeed) {
  const auto with = Project({R"({ "name": "a", "objects": { "l": { "kind": "std_rwlock", "policy": "readers_first" } }, "main": [ { "op": "read", "on": "l" } ] })"});
  const auto without = Project({R"({ "name": "a", "objects": { "l": { "kind": "std_rwlock" } }, "main": [ { "op": "read", "on": "l" } ] })"});
  EXPECT_EQ(with.count("src/readers_first.rs"), 1u);
  EXPECT_EQ(without.count("src/readers_first.rs"), 0u);
  for (const auto& [path, text] : with) {
    if (!path.starts_with("src/") || path == "src/m0.rs") continue;
    EXPECT_EQ(NamesOfRustProject().count(path.substr(4, path.size() - 7)), 1u) << path;
  }
}

TEST(Export, GivesUpWhatWasGot) {
  // Which of the two is there is known only when it runs; a place that some way uses is no borrow where the sender moves on.
  const auto scenario = Read(R"({ "name": "t", "objects": { "s": { "kind": "semaphore", "permits": 1 } }, "main": [
    { "op": "try_acquire", "on": "s", "as": "one" }, { "op": "try_acquire", "on": "s", "as": "two", "or": [] }, { "op": "release", "on": "s" } ] })");
  ASSERT_NE(scenario, nullptr);
  const std::string code = ExportRust(*scenario).code;
  EXPECT_NE(code.find("if two.is_some() {"), std::string::npos) << code;
  EXPECT_NE(code.find("drop(one.take());"), std::string::npos) << code;
}

TEST(Export, TellsOfWhatIsLeftInAChannel) {
  const auto scenario = Read(R"({ "name": "t", "objects": { "q": { "kind": "mpsc", "capacity": 2 }, "o": { "kind": "oneshot" }, "hand_over": { "kind": "std_channel", "capacity": 0 },
    "held": { "kind": "mpsc" }, "lock": { "kind": "mutex", "holds": ["held.rx"] } }, "main": [ { "op": "blocking_recv", "on": "o" } ] })");
  ASSERT_NE(scenario, nullptr);
  const std::string code = ExportRust(*scenario).code;
  EXPECT_NE(code.find("told_channel(\"q\", "), std::string::npos) << code;
  EXPECT_NE(code.find("o_rx.into_inner().blocking_recv()"), std::string::npos) << code;
  EXPECT_EQ(code.find("told_channel(\"hand_over\""), std::string::npos) << code;
  EXPECT_EQ(code.find("told_channel(\"held\""), std::string::npos) << code;
}

}  // namespace
}  // namespace asyncrt
