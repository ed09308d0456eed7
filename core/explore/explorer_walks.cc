// Single runs, and a depth-first search with a set of states that may be wrong.
#include "core/explore/explorer.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "core/explore/fingerprint.h"

namespace asyncrt {

std::size_t Explorer::FilterBytes() const { return std::min<std::size_t>((options_.memory_limit_mib << 20) / 2, std::size_t{1} << 28); }

void Explorer::BeginRuns() { run_ = std::make_unique<SingleRun>(options_.seed, machine_.actors(), options_.strategy == Strategy::kPct ? options_.bug_depth : 0); }

// A state on the way of a depth-first search with its move: its lists as the allocator gives them, and the room that the
// list of moves has while it grows.
std::uint64_t Explorer::OpenBytes() const {
  constexpr std::size_t kList = 32, kGrowth = 3;
  return bytes_ + 4 * kList + 4 * static_cast<std::size_t>(l_.threads) + sizeof(Open) + kGrowth * sizeof(Move);
}

// What a walk has beside the states that it knows: the filter, its way, and the ways to what it has found.
std::uint64_t Explorer::WalkBytes() const {
  std::uint64_t moves = prefix_.size();
  for (const auto& [key, seed] : found_) moves += seed.path.size();
  return (seen_ != nullptr ? seen_->bytes() : 0) + stack_.size() * OpenBytes() + moves * kMoveBytes;
}

// Whether a walk goes on. Where it is kept now and then, it is kept here, if it is time.
bool Explorer::WalksOn(std::size_t waiting, std::uint64_t states) {
  const std::uint64_t memory = Memory();
  if (options_.gauge != nullptr) options_.gauge->Tell(states, waiting, memory);
  if (memory > options_.memory_limit_mib << 20) return Stop("memory");
  if (!InTime()) return false;
  if (options_.checkpoint.checkpoint != nullptr && options_.checkpoint.checkpoint->Due(options_.checkpoint)) Keep();
  return true;
}

// Judges the state, and fills in who is to move. False: nobody.
bool Explorer::OpenState(Open* open) {
  scratch_ = open->state;
  machine_.Attach(scratch_.data());
  if (machine_.H().ended != 0) { JudgeEnd(0); return false; }
  bool stuck;
  open->enough = own_.Choose(&open->enabled, &stuck);
  if (stuck) JudgeStuck(0);
  return !open->enabled.empty();
}

// Depth first, with a few bits a state: for graphs that do not fit otherwise. What is found is real, what is left out
// nobody knows.
bool Explorer::DepthFirst() {
  const std::size_t way_max = (options_.memory_limit_mib << 20) / 8 * 3 / OpenBytes();   // half is the filter's
  std::deque<Open>& stack = stack_;
  if (seen_ == nullptr) {
    seen_ = std::make_unique<BitFilter>(FilterBytes());
    if (!seen_->ok()) { Stop("memory"); return true; }
    stack.resize(1);
    stack[0].state = InitialBytes();
    stack[0].fingerprint = Fingerprint(stack[0].state.data(), bytes_);
    seen_->Insert(stack[0].fingerprint);
    if (!OpenState(&stack[0])) stack.clear();
  }
  BitFilter& seen = *seen_;
  Expects surprise;
  while (!stack.empty()) {
    Open& top = stack.back();
    if (top.next == top.enabled.size() || (top.next == top.enough && top.progress)) {
      stack.pop_back();
      if (!prefix_.empty()) prefix_.pop_back();
      continue;
    }
    if (((++ticks_ & 1023) == 1 || bytes_ > kLargeState) && !WalksOn(stack.size(), seen.size())) break;
    if (seen.size() >= options_.max_states) { Stop("states"); break; }
    const int actor = top.enabled[top.next];
    scratch_ = top.state;
    machine_.Attach(scratch_.data());
    const std::uint16_t panicked = machine_.H().panicked;
    machine_.Step(actor, top.chooser);
    if (!machine_.overflow().empty()) return false;
    ++result_.transitions;
    panicked_ = panicked_ || machine_.H().panicked != 0;
    if (machine_.H().ended != 0 || machine_.H().panicked != panicked) top.enough = top.enabled.size();
    if (!machine_.events().empty()) Events(0, {}, actor, top.chooser);
    own_.Settle(scratch_.data());
    if (Surprised(&surprise)) return true;
    Move move{actor, top.chooser.Taken()};
    const std::uint64_t fingerprint = FingerprintAfter(top.fingerprint, top.state.data(), scratch_.data(), bytes_);
    if (!top.chooser.Next()) {
      top.chooser.Reset();
      ++top.next;
    }
    if (!seen.Insert(fingerprint)) continue;
    top.progress = true;
    if (stack.size() >= way_max || (options_.max_depth != 0 && stack.size() > options_.max_depth)) continue;
    prefix_.push_back(std::move(move));
    longest_ = std::max<std::uint64_t>(longest_, prefix_.size());
    Open next;
    next.state = scratch_;
    next.fingerprint = fingerprint;
    if (OpenState(&next)) stack.push_back(std::move(next));
    else prefix_.pop_back();
  }
  KeepWalk();
  result_.states = seen.size();
  result_.collision_probability = std::min(1.0, static_cast<double>(seen.size()) * seen.FalseMatch());
  prefix_ = {};
  stack_ = {};
  seen_.reset();
  if (result_.complete) Stop("lossy");
  return true;
}

// Single runs, each from the beginning to where nobody can go on.
bool Explorer::Runs() {
  const std::uint64_t steps_max = options_.max_depth != 0 ? options_.max_depth : 100'000;
  const std::size_t memory = options_.memory_limit_mib << 20;
  if (run_ == nullptr) BeginRuns();
  Picker& picker = run_->picker;
  const std::vector<std::uint8_t> first = InitialBytes();
  for (; result_.schedules < options_.schedules && WalksOn(0, visited_.size()); ++result_.schedules) {
    if (!run_->is_under_way) {
      picker.BeginRun();
      prefix_.clear();
      scratch_ = first;
      run_->is_under_way = true;
    }
    machine_.Attach(scratch_.data());
    while (prefix_.size() < steps_max) {
      if (machine_.H().ended != 0) { JudgeEnd(0); break; }
      bool stuck;
      own_.Choose(&enabled_, &stuck);
      if (stuck) { JudgeStuck(0); break; }
      if (((prefix_.size() & 1023) == 1023 || bytes_ > kLargeState) && !WalksOn(0, visited_.size())) break;
      const int actor = picker.Pick(enabled_);
      Chooser chooser(&run_->random);
      machine_.Step(actor, chooser);
      if (!machine_.overflow().empty()) return false;
      ++result_.transitions;
      if (!machine_.events().empty()) Events(0, {}, actor, chooser);
      prefix_.push_back({actor, chooser.Taken()});
      bool fresh;
      if (visited_.bytes() < memory / 2) visited_.Insert(Fingerprint(scratch_.data(), bytes_), scratch_.data(), Visited::none, &fresh);
    }
    longest_ = std::max<std::uint64_t>(longest_, prefix_.size());
    if (!result_.complete) break;
    run_->is_under_way = false;
  }
  KeepWalk();
  prefix_.clear();
  result_.states = visited_.size();
  result_.guarantee = picker.Guarantee();
  if (result_.complete) Stop("schedules");
  return true;
}

}  // namespace asyncrt
