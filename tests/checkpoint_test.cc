// Checkpoints: what is written is read again, and what is damaged or of something else is refused.
#include "core/explore/checkpoint.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/base/random.h"
#include "core/explore/bit_filter.h"
#include "core/explore/frontier.h"
#include "core/explore/picker.h"
#include "core/explore/search_tree.h"
#include "core/explore/visited.h"

namespace asyncrt {
namespace {

constexpr CheckpointPlace kFirst{nullptr, 0, 2}, kSecond{nullptr, 1, 3};

class CheckpointFile : public ::testing::Test {
 protected:
  CheckpointFile() {
    folder_ = std::filesystem::temp_directory_path() / ("checkpoint-test-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
    path_ = (folder_ / "kept").string();
  }
  ~CheckpointFile() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Checkpoint> Open(const CheckOptions& options = {}, std::uint64_t hash = 1, const std::string& second = "b.json") {
    return std::make_unique<Checkpoint>(path_, std::chrono::milliseconds(1), options, std::vector<Checkpoint::Subject>{{"a.json", hash}, {second, 2}},
                                        [this](const std::string& problem) { complaints_.push_back(problem); });
  }
  std::string Why(Checkpoint& checkpoint) {
    bool found;
    const std::string why = checkpoint.Resume(&found);
    return found ? why : "there is none";
  }
  void WriteTwo() {
    auto checkpoint = Open();
    checkpoint->Write(kFirst, [](ByteWriter* out) { out->Text("the first"); });
    checkpoint->Write(kSecond, [](ByteWriter* out) {
      for (std::uint64_t i = 0; i < 30; ++i) out->Number(i * i * i);
    });
  }
  static bool HasCubes(Checkpoint& checkpoint) {
    auto found = checkpoint.Find(kSecond);
    for (std::uint64_t i = 0; found && i < 30; ++i)
      if (found->in.Number() != i * i * i) return false;
    return found && found->in.ok() && found->in.left() == 0;
  }
  std::string Contents() {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void Replace(const std::string& bytes) { std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes; }

  std::filesystem::path folder_;
  std::string path_;
  std::vector<std::string> complaints_;
};

TEST_F(CheckpointFile, GivesBackWhatEachSearchHasWritten) {
  WriteTwo();
  auto checkpoint = Open();
  ASSERT_EQ(Why(*checkpoint), "");
  auto first = checkpoint->Find(kFirst), second = checkpoint->Find(kSecond);
  ASSERT_TRUE(first && second && !checkpoint->Find({nullptr, 0, 3}));
  EXPECT_EQ(first->in.Text(), "the first");
  for (std::uint64_t i = 0; i < 30; ++i) EXPECT_EQ(second->in.Number(), i * i * i);
  EXPECT_TRUE(second->in.ok());
  EXPECT_EQ(second->in.left(), 0u);
  EXPECT_EQ(second->in.Number(), 0u);
  EXPECT_FALSE(second->in.ok());
}

TEST_F(CheckpointFile, KeepsTheSectionsOfOthersWhenOneIsWrittenAnew) {
  WriteTwo();
  auto checkpoint = Open();
  ASSERT_EQ(Why(*checkpoint), "");
  auto old = checkpoint->Find(kFirst);
  checkpoint->Write(kFirst, [](ByteWriter* out) { out->Text(std::string(200'000, 'x')); });
  EXPECT_EQ(old->in.Text(), "the first");   // the old file is still there for those who read it
  checkpoint->Finish({nullptr, 1, 2}, [](ByteWriter* out) { out->Text("done"); });
  checkpoint->Write(kFirst, [](ByteWriter* out) { out->Text(std::string(150'000, 'y')); });
  auto again = Open();
  ASSERT_EQ(Why(*again), "");
  EXPECT_EQ(again->Find(kFirst)->in.Text(), std::string(150'000, 'y'));
  EXPECT_EQ(again->Find({nullptr, 1, 2})->in.Text(), "done");
  EXPECT_TRUE(HasCubes(*again));
}

TEST_F(CheckpointFile, IsRefusedAtAnyShorterLength) {
  WriteTwo();
  const std::string whole = Contents();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    Replace(whole.substr(0, length));
    EXPECT_NE(Why(*Open()), "") << length;
    EXPECT_EQ(Contents().size(), length);
  }
  Replace(whole + '\0');
  EXPECT_NE(Why(*Open()), "");
  Replace(whole);
  EXPECT_EQ(Why(*Open()), "");
}

TEST_F(CheckpointFile, IsRefusedWithAnyBitFlipped) {
  WriteTwo();
  const std::string whole = Contents();
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    Replace(flipped);
    EXPECT_NE(Why(*Open()), "") << bit;
  }
}

TEST_F(CheckpointFile, IsRefusedForOtherScenariosAndOptions) {
  WriteTwo();
  EXPECT_NE(Why(*Open({}, 7)).find("a.json has changed"), std::string::npos);
  EXPECT_NE(Why(*Open({}, 1, "c.json")).find("it is of b.json, not of c.json"), std::string::npos);
  CheckOptions options;
  options.reductions.chains = false;
  EXPECT_NE(Why(*Open(options)).find("other options"), std::string::npos);
  options = {};
  options.exact_states = true;
  EXPECT_NE(Why(*Open(options)).find("other options"), std::string::npos);
  options = {};
  options.max_states /= 2;
  EXPECT_NE(Why(*Open(options)).find("larger --max-states"), std::string::npos);
  options.max_states *= 4;
  EXPECT_EQ(Why(*Open(options)), "");
}

TEST_F(CheckpointFile, StaysAsItWasWhenItCannotBeReplacedAndSaysSoOnce) {
  WriteTwo();
  const std::string whole = Contents();
  auto checkpoint = Open();
  ASSERT_EQ(Why(*checkpoint), "");
  std::filesystem::create_directory(path_ + ".tmp");
  for (int i = 0; i < 3; ++i) checkpoint->Write(kFirst, [](ByteWriter* out) { out->Text("new"); });
  EXPECT_EQ(complaints_.size(), 1u);
  EXPECT_EQ(Contents(), whole);
  std::filesystem::remove(path_ + ".tmp");
  checkpoint->Write(kFirst, [](ByteWriter* out) { out->Text("new"); });
  auto again = Open();
  ASSERT_EQ(Why(*again), "");
  EXPECT_EQ(again->Find(kFirst)->in.Text(), "new");
  EXPECT_TRUE(HasCubes(*again));
}

// What containers write and read, through a file.
class Containers : public ::testing::Test {
 protected:
  Containers() : file_(std::tmpfile()) {}
  ~Containers() override { std::fclose(file_); }
  template <class Save>
  ByteReader Written(Save save) {
    EXPECT_EQ(ftruncate(fileno(file_), 0), 0);
    lseek(fileno(file_), 0, SEEK_SET);
    ByteWriter out(fileno(file_));
    save(&out);
    out.Flush();
    size_ = out.size();
    return {fileno(file_), 0, size_};
  }
  FILE* file_;
  std::uint64_t size_ = 0;
};

constexpr std::size_t kStateBytes = 136;

const std::uint8_t* AsItIs(const std::uint8_t* state) { return state; }

TEST_F(Containers, AreTheSameOnceTheyAreRead) {
  RandomSource random(3);
  std::vector<std::uint8_t> state(kStateBytes);
  Visited visited(kStateBytes), visited_again(kStateBytes);
  SearchTree tree(700), tree_again(700);
  Frontier frontier(kStateBytes), frontier_again(kStateBytes);
  bool fresh;
  for (std::uint32_t i = 0; i < 6'000; ++i) {
    state[static_cast<std::size_t>(random.Below(kStateBytes))] = static_cast<std::uint8_t>(random.Below(3));
    visited.Insert(i / 2, state.data(), Visited::none, &fresh);
    tree.Add(i == 0 ? 0 : static_cast<std::uint32_t>(random.Below(static_cast<int>(i))), random.Below(700));
    frontier.Push(state.data(), i, i / 3);
    if (i % 3 == 2) frontier.Pop();
  }
  ByteReader in = Written([&](ByteWriter* out) {
    visited.Save(out);
    tree.Save(out);
    frontier.Save(out, kStateBytes, AsItIs);
  });
  visited_again.Load(&in);
  tree_again.Load(&in, 700);
  frontier_again.Load(&in, 6'000);
  ASSERT_TRUE(in.ok());
  EXPECT_EQ(in.left(), 0u);
  EXPECT_EQ(visited_again.size(), visited.size());
  EXPECT_EQ(visited_again.bytes(), visited.bytes());
  for (std::uint32_t i = 0; i < tree.size(); ++i) {
    ASSERT_EQ(tree_again.ParentOf(i), tree.ParentOf(i));
    ASSERT_EQ(tree_again.ActorOf(i), tree.ActorOf(i));
  }
  ASSERT_EQ(frontier_again.size(), frontier.size());
  for (; !frontier.empty(); frontier.Pop(), frontier_again.Pop()) {
    const Frontier::Entry a = frontier.Front(), b = frontier_again.Front();
    ASSERT_EQ(a.number, b.number);
    ASSERT_EQ(a.length, b.length);
    ASSERT_EQ(std::memcmp(a.state, b.state, kStateBytes), 0);
    const std::uint64_t fingerprint = visited.FingerprintOf(std::min<std::uint32_t>(a.number, static_cast<std::uint32_t>(visited.size() - 1)));
    ASSERT_EQ(visited_again.Find(fingerprint, a.state), visited.Find(fingerprint, a.state));
  }
}

TEST_F(Containers, OfWalksGoOnAsTheyWouldHave) {
  constexpr std::size_t kFilterBytes = std::size_t{1} << 16;
  RandomSource random(4), other(9);
  BitFilter filter(kFilterBytes);
  for (int i = 0; i < 3'000; ++i) filter.Insert(random.Next());
  Picker picker(&random, 5, 3), again(&other, 5, 3);
  picker.BeginRun();
  for (int i = 0; i < 4; ++i) picker.Pick({1, 2, 4});
  ByteReader in = Written([&](ByteWriter* out) {
    filter.Save(out);
    picker.Save(out);
  });
  const std::unique_ptr<BitFilter> read = BitFilter::Load(&in, kFilterBytes);
  again.Load(&in);
  ASSERT_TRUE(in.ok());
  EXPECT_EQ(in.left(), 0u);
  EXPECT_EQ(again.Guarantee(), picker.Guarantee());
  for (int run = 0; run < 20; ++run, picker.BeginRun(), again.BeginRun())
    for (int i = 0; i < 20; ++i) ASSERT_EQ(again.Pick({0, 1, 2, 3, 4}), picker.Pick({0, 1, 2, 3, 4}));
  EXPECT_EQ(other.state(), random.state());
  EXPECT_EQ(read->size(), filter.size());
  for (int i = 0; i < 3'000; ++i) {
    const std::uint64_t fingerprint = other.Next();
    ASSERT_EQ(read->Insert(fingerprint), filter.Insert(fingerprint));
  }
  ByteReader larger = Written([&](ByteWriter* out) { filter.Save(out); });
  BitFilter::Load(&larger, kFilterBytes / 2);   // than there is memory for
  EXPECT_FALSE(larger.ok());
}

TEST_F(Containers, TakeNoHarmFromAnyBytes) {
  RandomSource random(4);
  std::vector<std::uint8_t> state(kStateBytes);
  bool fresh;
  Visited visited(kStateBytes);
  SearchTree tree(40);
  Frontier frontier(kStateBytes);
  for (std::uint32_t i = 0; i < 40; ++i) {
    state[i] = 1;
    visited.Insert(i, state.data(), Visited::none, &fresh);
    tree.Add(i / 2, 3);
    frontier.Push(state.data(), i, 0);
  }
  Written([&](ByteWriter* out) {
    visited.Save(out);
    tree.Save(out);
    frontier.Save(out, kStateBytes, AsItIs);
  });
  std::vector<std::uint8_t> bytes(size_), spoiled;
  ASSERT_EQ(pread(fileno(file_), bytes.data(), size_, 0), static_cast<ssize_t>(size_));
  int refused = 0;
  for (int round = 0; round < 3'000; ++round) {
    spoiled = bytes;
    for (int k = 1 + random.Below(4); k > 0; --k)
      spoiled[static_cast<std::size_t>(random.Below(static_cast<int>(spoiled.size())))] = static_cast<std::uint8_t>(random.Below(256));
    ByteReader in = Written([&](ByteWriter* out) { out->Bytes(spoiled.data(), static_cast<std::size_t>(random.Below(static_cast<int>(spoiled.size()) + 1))); });
    Visited other(kStateBytes);
    SearchTree other_tree(40);
    Frontier other_frontier(kStateBytes);
    other.Load(&in);
    if (in.ok()) other_tree.Load(&in, 40);
    if (in.ok()) other_frontier.Load(&in, other.size());
    refused += !in.ok();
    if (!in.ok()) continue;
    for (std::uint32_t i = 0; i < other_tree.size(); ++i) EXPECT_LE(other_tree.ParentOf(i), i);
    for (std::uint32_t i = 0; i < other.size(); ++i) other.Find(other.FingerprintOf(i), state.data());
  }
  EXPECT_GT(refused, 1'000);
}

}  // namespace
}  // namespace asyncrt
