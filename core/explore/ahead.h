// Threads that play ahead of a search: they record the steps of states that are still to come, and the search takes these
// up in its own order. So it is the same search, however many threads there are and however they run.
#ifndef ASYNCRT_CORE_EXPLORE_AHEAD_H_
#define ASYNCRT_CORE_EXPLORE_AHEAD_H_

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/base/spare_threads.h"
#include "core/explore/frontier.h"
#include "core/explore/record.h"
#include "core/explore/search_tree.h"
#include "core/explore/visited.h"

namespace asyncrt {

class Ahead {
 public:
  using MakeRecorder = std::function<std::unique_ptr<Recorder>(Shared* shared)>;
  // `spare`: where threads are taken from, and given back to. One thread, that of the search itself, plays whenever it
  // would have to wait.
  Ahead(MakeRecorder make, std::size_t state_bytes, SpareThreads* spare);
  ~Ahead();
  Ahead(const Ahead&) = delete;
  Ahead& operator=(const Ahead&) = delete;

  // One more thread, if one is left.
  void Grow();
  // Records that were played in a row.
  struct Stretch {
    const Record* first;
    std::size_t count;
    const Machine::Noticed* noticed;   // what there is to know of all steps up to its end; null: nothing new
  };
  // What was played in the first state of the frontier. `begins` hears of each stretch before its first record.
  const Record& Front(const Frontier& frontier, const Visited& visited, const SearchTree& tree, const std::function<void(const Stretch&)>& begins);
  // That state leaves the frontier.
  void Pop();
  KnownLengths& known() { return shared_.known; }
  std::size_t bytes() const;

 private:
  // Some states in a row.
  struct Task {
    struct State { const std::uint8_t* bytes; std::uint64_t fingerprint; std::uint32_t length; int last; };
    std::uint64_t turn = 0;
    std::vector<State> states;
    std::vector<Record> records;   // may be more, kept for their memory
    bool is_done = false;
    std::unique_ptr<Machine::Noticed> noticed;   // if that is more than before
  };
  struct Player {
    std::unique_ptr<Recorder> recorder;
    Machine::Noticed told;
  };

  void HandOut(const Frontier& frontier, const Visited& visited, const SearchTree& tree);
  void Play(Player* player, Task* task);
  void PlayAll(Player* player);

  const MakeRecorder make_;
  const std::size_t state_bytes_;
  SpareThreads* const spare_;
  Shared shared_;
  std::atomic<std::size_t> bytes_{0};       // of records and of what players remember, about
  Player own_;
  std::vector<std::unique_ptr<Player>> players_;
  std::vector<std::thread> threads_;
  std::size_t front_ = 0;                   // of the first task: how many have been taken up
  std::uint64_t turns_ = 0;                 // tasks so far
  std::size_t handed_out_ = 0;              // states of the frontier, from its first on
  std::vector<std::unique_ptr<Task>> used_; // tasks that are over
  std::mutex mutex_;                        // for what follows; only the search's own thread adds tasks and takes them away
  std::condition_variable has_tasks_, is_done_;
  std::deque<std::unique_ptr<Task>> tasks_;
  std::size_t next_ = 0;                    // the first one that nobody plays or has played
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPLORE_AHEAD_H_
