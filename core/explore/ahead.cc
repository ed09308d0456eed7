#include "core/explore/ahead.h"

#include <algorithm>
#include <new>
#include <system_error>
#include <utility>

namespace asyncrt {

Ahead::Ahead(MakeRecorder make, std::size_t state_bytes, SpareThreads* spare) : make_(std::move(make)), state_bytes_(state_bytes), spare_(spare) {
  own_.recorder = make_(&shared_);
  bytes_ = own_.recorder->bytes();
}

Ahead::~Ahead() {
  shared_.stop = true;
  {
    std::lock_guard lock(mutex_);
    next_ = tasks_.size();
  }
  has_tasks_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  spare_->Give(threads_.size());
}

void Ahead::Grow() {
  if (!spare_->Take()) return;
  try {
    players_.push_back(std::make_unique<Player>());
    threads_.emplace_back([this, playing = players_.back().get()] { PlayAll(playing); });
  } catch (const std::system_error&) {   // the system has no more
    spare_->Give(1);
  } catch (...) {
    spare_->Give(1);
    throw;
  }
}

std::size_t Ahead::bytes() const { return bytes_.load(std::memory_order_relaxed) + shared_.recorded.bytes(); }

void Ahead::HandOut(const Frontier& frontier, const Visited& visited, const SearchTree& tree) {
  constexpr std::size_t kStatesMax = 16, kBytesMax = std::size_t{1} << 16;
  const std::size_t players = threads_.size() + 1;
  while (tasks_.size() < 4 * players && handed_out_ < frontier.size()) {
    const std::size_t left = frontier.size() - handed_out_;
    const std::size_t count = std::clamp<std::size_t>(left / (2 * players), 1, std::clamp<std::size_t>(kBytesMax / state_bytes_, 1, kStatesMax));
    std::unique_ptr<Task> task;
    if (used_.empty()) {
      task = std::make_unique<Task>();
    } else {
      task = std::move(used_.back());
      used_.pop_back();
    }
    task->turn = turns_++;
    task->states.clear();
    for (std::size_t i = 0; i < count; ++i) {
      const Frontier::Entry entry = frontier.At(handed_out_ + i);
      task->states.push_back({entry.state, visited.FingerprintOf(entry.number), entry.length, tree.ActorOf(entry.number)});
    }
    if (task->records.size() < count) task->records.resize(count);
    task->is_done = false;
    task->noticed.reset();
    handed_out_ += count;
    {
      std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    has_tasks_.notify_one();
  }
}

// Never throws.
void Ahead::Play(Player* player, Task* task) {
  auto bytes = [&] {
    std::size_t sum = player->recorder->bytes();
    for (const Record& record : task->records) sum += record.bytes();
    return sum;
  };
  const std::size_t before = bytes();
  for (std::size_t i = 0; i < task->states.size(); ++i) {
    const Task::State& state = task->states[i];
    player->recorder->Play(state.bytes, state.fingerprint, state.last, state.length, task->turn, &task->records[i]);
  }
  bytes_.fetch_add(bytes() - before, std::memory_order_relaxed);
  if (player->recorder->noticed() == player->told) return;
  try {
    player->told = player->recorder->noticed();
    task->noticed = std::make_unique<Machine::Noticed>(player->told);
  } catch (const std::bad_alloc&) {   // whoever plays them again notices it
    for (Record& record : task->records) record.failed = true;
  }
}

void Ahead::PlayAll(Player* player) {
  try {
    player->recorder = make_(&shared_);   // here, so that its memory lies apart from that of other threads
    bytes_.fetch_add(player->recorder->bytes(), std::memory_order_relaxed);
  } catch (...) {   // then the others play everything
    return;
  }
  std::unique_lock lock(mutex_);
  for (;;) {
    has_tasks_.wait(lock, [&] { return shared_.stop || next_ < tasks_.size(); });
    if (shared_.stop) return;
    Task* const task = tasks_[next_++].get();
    lock.unlock();
    Play(player, task);
    lock.lock();
    task->is_done = true;
    is_done_.notify_one();
  }
}

const Record& Ahead::Front(const Frontier& frontier, const Visited& visited, const SearchTree& tree, const std::function<void(const Stretch&)>& begins) {
  if (front_ > 0) return tasks_.front()->records[front_];
  HandOut(frontier, visited, tree);
  std::unique_lock lock(mutex_);
  Task* const first = tasks_.front().get();
  while (!first->is_done) {
    if (next_ == tasks_.size()) {
      is_done_.wait(lock, [&] { return first->is_done; });
      break;
    }
    Task* const task = tasks_[next_++].get();
    lock.unlock();
    Play(&own_, task);
    lock.lock();
    task->is_done = true;
  }
  lock.unlock();
  begins({first->records.data(), first->states.size(), first->noticed.get()});
  return first->records.front();
}

void Ahead::Pop() {
  --handed_out_;
  if (++front_ < tasks_.front()->states.size()) return;
  front_ = 0;
  std::lock_guard lock(mutex_);
  --next_;
  used_.push_back(std::move(tasks_.front()));
  tasks_.pop_front();
}

}  // namespace asyncrt
