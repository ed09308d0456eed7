// What is kept of a search in a checkpoint, and how it goes on from there.
#include "core/explore/explorer.h"

#include <bit>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/explore/fingerprint.h"

namespace asyncrt {

// All of the search between two expansions.
void Explorer::Save(ByteWriter* out) const {
  visited_.Save(out);
  tree_.Save(out);
  std::vector<std::uint8_t> bytes(bytes_);
  frontier_.Save(out, bytes_, [&](const std::uint8_t* state) -> const std::uint8_t* {
    if (known_ == nullptr) return state;
    known_->Decode(reinterpret_cast<const std::uint32_t*>(state), bytes.data());
    return bytes.data();
  });
  out->Number(left_);
  for (std::uint64_t number : {depth_, longest_, ticks_, result_.transitions, std::uint64_t{rounds_}}) out->Number(number);
  graph_.Save(out);
  out->Number(links_.size());
  out->Number(remembered_);
  for (const Passed& link : links_) {
    out->Number(link.to);
    out->Fixed(link.fingerprint);
  }
  SaveNumbers(std::vector<std::uint32_t>(passed_.begin(), passed_.end()), out);
  out->Flag(panicked_);
  out->Number(missed_.size());
  for (const std::string& key : missed_) out->Text(key);
  out->Number(found_.size());
  for (const auto& [key, seed] : found_) {
    out->Text(key);
    SaveSeed(seed, out);
  }
  out->Number(orders_.size());
  for (const SeenOrder& seen : orders_) {
    for (const LockUse& use : {seen.order.held, seen.order.wanted}) {
      out->Signed(use.element);
      out->Flag(use.exclusive);
    }
    SaveNumbers(seen.order.gates, out);
    out->Signed(seen.pc);
    out->Signed(seen.frame);
    out->Text(seen.who);
    out->Number(seen.state);
    out->Number(seen.length);
    SaveMoves(seen.moves.moves(), out);
  }
  machine_.SaveMemory(out);
  if (SingleRuns()) SaveRun(out);
  else if (walks_) SaveStack(out);
}

// Into a search that has not begun. False: it is not the state of such a search.
bool Explorer::Load(ByteReader* in) {
  InitialBytes();
  visited_.Load(in);
  const std::size_t states = visited_.size();
  tree_.Load(in, machine_.actors());
  if (tree_.size() != (walks_ ? 1 : states) || states == 0 || !in->ok()) return false;
  frontier_.Load(in, states);
  left_ = static_cast<std::size_t>(in->NumberBelow(frontier_.size() + 1));
  for (std::uint64_t* number : {&depth_, &longest_, &ticks_, &result_.transitions}) *number = in->Number();
  rounds_ = static_cast<std::uint32_t>(in->NumberBelow(100));
  if (!graph_.Load(in, states, machine_.clock())) return false;
  const std::uint64_t links = in->NumberBelow(kPassedMax + 1);
  if (!std::has_single_bit(links) || links < links_.size()) return false;
  links_.Reset(static_cast<std::size_t>(links));
  remembered_ = static_cast<std::size_t>(in->Number());
  for (Passed& link : links_) {
    link.to = static_cast<std::uint32_t>(in->NumberBelow(states));
    link.fingerprint = in->Fixed();
    if (!in->ok()) return false;
  }
  std::vector<std::uint32_t> passed;
  LoadNumbers(in, &passed);
  passed_.insert(passed.begin(), passed.end());
  panicked_ = in->Flag();
  for (std::size_t left = in->Count(1); left > 0; --left) missed_.insert(in->Text());
  for (std::size_t left = in->Count(8); left > 0 && in->ok(); --left) {
    Seed& seed = found_[in->Text()];
    LoadSeed(p_, l_, in, &seed);
    if (seed.state >= states) in->Fail();
  }
  const auto elements = p_.elements.size();
  for (std::size_t left = in->Count(8); left > 0 && in->ok(); --left) {
    SeenOrder seen;
    for (LockUse* use : {&seen.order.held, &seen.order.wanted}) {
      use->element = in->IntFrom(0, elements);
      use->exclusive = in->Flag();
    }
    LoadNumbers(in, &seen.order.gates);
    seen.pc = in->IntFrom(0, p_.code.size());
    seen.frame = in->IntFrom(0, static_cast<std::size_t>(l_.frames));
    seen.who = in->Text();
    seen.state = static_cast<std::uint32_t>(in->NumberBelow(states));
    seen.length = static_cast<std::uint32_t>(in->NumberBelow(std::uint64_t{1} << 32));
    std::vector<Move> moves;
    LoadMoves(l_, in, &moves);
    seen.moves = std::move(moves);
    orders_.push_back(std::move(seen));
  }
  machine_.LoadMemory(in);
  if (SingleRuns()) LoadRun(in);
  else if (walks_) LoadStack(in);
  return in->ok() && in->left() == 0;
}

// Time was up when all had been explored, in the look for endless runs: it can begin anew. `found`: what was found before it.
void Explorer::KeepExplored(const std::map<std::string, Seed>* found) {
  if (options_.checkpoint.checkpoint == nullptr) return;
  std::map<std::string, Seed> now = found_;
  if (found != nullptr) found_ = *found;
  Keep();
  found_.swap(now);
}

// Writes the state of the search where it can be gone on from; between two expansions only.
void Explorer::Keep() {
  FlushPending();
  options_.checkpoint.checkpoint->Write(options_.checkpoint, [this](ByteWriter* out) {
    preface_(out);
    Save(out);
  });
}

// Between two steps of a depth-first search. The states on the way are played again when it is read.
void Explorer::SaveStack(ByteWriter* out) const {
  seen_->Save(out);
  SaveMoves(prefix_, out);
  out->Number(stack_.size());
  for (const Open& open : stack_) {
    out->Fixed(open.fingerprint);
    SaveNumbers(open.enabled, out);
    out->Number(open.enough);
    out->Number(open.next);
    out->Flag(open.progress);
    open.chooser.Save(out);
  }
}

void Explorer::LoadStack(ByteReader* in) {
  seen_ = BitFilter::Load(in, FilterBytes());
  LoadMoves(l_, in, &prefix_);
  stack_.resize(in->Count(13));
  if (stack_.size() != (stack_.empty() ? 0 : prefix_.size() + 1)) return in->Fail();
  for (std::size_t i = 0; i < stack_.size() && in->ok(); ++i) {
    Open& open = stack_[i];
    open.fingerprint = in->Fixed();
    open.enabled.resize(in->Count(1));
    for (int& actor : open.enabled) actor = in->IntFrom(0, static_cast<std::size_t>(machine_.actors()));
    open.enough = static_cast<std::size_t>(in->NumberBelow(open.enabled.size() + 1));
    open.next = static_cast<std::size_t>(in->NumberBelow(open.enabled.size() + 1));
    open.progress = in->Flag();
    open.chooser.Load(in);
    if (i == 0) {
      open.state = InitialBytes();
    } else {
      open.state = stack_[i - 1].state;
      Chooser forced;
      forced.Force(prefix_[i - 1].choices);
      machine_.Attach(open.state.data());
      machine_.Step(prefix_[i - 1].actor, forced);
      own_.Settle(open.state.data());
    }
    if (Fingerprint(open.state.data(), bytes_) != open.fingerprint) in->Fail();
  }
}

void Explorer::SaveRun(ByteWriter* out) const {
  out->Number(result_.schedules);
  run_->picker.Save(out);
  out->Flag(run_->is_under_way);
  if (!run_->is_under_way) return;
  SaveMoves(prefix_, out);
  out->Bytes(scratch_.data(), bytes_);
}

void Explorer::LoadRun(ByteReader* in) {
  BeginRuns();
  result_.schedules = in->Number();
  run_->picker.Load(in);
  run_->is_under_way = in->Flag();
  if (!run_->is_under_way) return;
  LoadMoves(l_, in, &prefix_);
  in->Bytes(scratch_.data(), bytes_);
}

// Keeps a walk that ends: at once if a limit on time or states ends it, since it can go on.
void Explorer::KeepWalk() {
  if (options_.checkpoint.checkpoint == nullptr) return;
  if (!result_.complete) return Keep();
  options_.checkpoint.checkpoint->Finish(options_.checkpoint, [this](ByteWriter* out) {
    preface_(out);
    Save(out);
  });
}

}  // namespace asyncrt
