// A worker's search and park with every part a step of its own, so that other threads can come between any two of them
// (1.2c, 1.2d, 1.7, 1.8): what Tokio's counters and the locks around them allow, and no more.
//
// What stays together, since a thread that comes between could do the same before or after: a push and the notify that
// follows it; the two tests of a notify; the notify of the last searcher and the poll of what it found.
#include <bit>

#include "core/model/machine.h"

namespace asyncrt {

namespace {

bool GoesRound(const CoreCell& core) {
  return core.state == CoreState::kActive && (core.phase == kSteal || core.phase == kCheckQueue);
}

}  // namespace

// Nobody who is half-way round the others could tell these two apart.
bool Machine::LooksAlike(int first, int a, int b) {
  const RuntimeDef& def = p_.runtimes[static_cast<std::size_t>(CoreRuntime(first))];
  for (int c = def.first_core; c < def.first_core + def.workers; ++c)
    if (GoesRound(C(c)) && ((C(c).held >> (a - first)) & 1) != ((C(c).held >> (b - first)) & 1)) return false;
  return true;
}

// The key of an idle worker, and where it stands. For workers that go round: how many they have seen, and how many have seen
// this one.
std::uint64_t Machine::ExactIdleKey(int number, std::uint32_t key) {
  if (C(number).phase == kFound || C(number).phase == kFoundLast) return 0;
  const RuntimeDef& def = p_.runtimes[static_cast<std::size_t>(CoreRuntime(number))];
  std::uint64_t seen_by = 0;
  for (int c = def.first_core; c < def.first_core + def.workers; ++c)
    if (GoesRound(C(c))) seen_by += static_cast<std::uint32_t>(C(c).held) >> (number - def.first_core) & 1;
  std::uint64_t has_seen = GoesRound(C(number)) ? static_cast<std::uint64_t>(std::popcount(static_cast<std::uint32_t>(C(number).held))) : 0;
  return has_seen << 48 | seen_by << 42 | static_cast<std::uint64_t>(C(number).phase) << 32 | key;
}

bool Machine::SomebodyGoesRound(int runtime) {
  const RuntimeDef& def = p_.runtimes[static_cast<std::size_t>(runtime)];
  for (int c = def.first_core; c < def.first_core + def.workers; ++c)
    if (GoesRound(C(c))) return true;
  return false;
}

// Workers got new numbers: `was[i]` is the old place of what is at `now[i]`.
void Machine::RenumberRounds(int runtime, const std::vector<int>& now, const std::vector<int>& was) {
  const RuntimeDef& def = p_.runtimes[static_cast<std::size_t>(runtime)];
  for (int c = def.first_core; c < def.first_core + def.workers; ++c) {
    if (!GoesRound(C(c))) continue;
    const auto old = static_cast<std::uint32_t>(C(c).held);
    std::uint32_t seen = old;
    for (int place : now) seen &= ~(1u << (place - def.first_core));
    for (std::size_t i = 0; i < now.size(); ++i) seen |= (old >> (was[i] - def.first_core) & 1) << (now[i] - def.first_core);
    C(c).held = static_cast<std::int32_t>(seen);
  }
}

// The locked part of 1.7. Which sleeper is on top of the stack is left open; of those that stand at the same point one
// stands for all.
void Machine::TellSleeper(int runtime) {
  const RuntimeDef& def = p_.runtimes[static_cast<std::size_t>(runtime)];
  std::vector<int> sleepers;
  for (int c = def.first_core; c < def.first_core + def.workers; ++c) {
    if (!IsSleeper(c)) continue;
    const CoreCell& core = C(c);
    bool known = false;
    if (!GoesRound(core) && LocalTasks(c) == 0)
      for (int s : sleepers)
        known = known || (C(s).state == core.state && C(s).phase == core.phase && C(s).token == core.token && LocalTasks(s) == 0 &&
                          LooksAlike(def.first_core, s, c));
    if (!known) sleepers.push_back(c);
  }
  if (sleepers.empty()) return;
  CoreCell& chosen = C(sleepers[static_cast<std::size_t>(choose_->Choose(static_cast<int>(sleepers.size())))]);
  chosen.token = 1;
  chosen.searching = 1;
}

// Looks at one of the others that it has not looked at (1.2d: the order is random; 1.8b). -1: at none that has work.
int Machine::LookRound(int number, std::uint32_t seen) {
  CoreCell& core = C(number);
  const RuntimeDef& def = p_.runtimes[static_cast<std::size_t>(CoreRuntime(number))];
  std::vector<int> left;
  for (int c = def.first_core; c < def.first_core + def.workers; ++c)
    if (c != number && (seen >> (c - def.first_core) & 1) == 0) left.push_back(c);
  int other = left[static_cast<std::size_t>(choose_->Choose(static_cast<int>(left.size())))];
  if (CanRob(other)) return other;
  if (left.size() == 1) core.phase = core.phase == kSteal ? kSearchInject : kCheckInject;
  else core.held = static_cast<std::int32_t>(seen | 1u << (other - def.first_core));
  return -1;
}

// What was found is polled, if no shutdown has dropped it meanwhile.
void Machine::RunFound(int thread, int number, std::int32_t held) {
  C(number).phase = kPick;
  if (held != 0) RunTask(thread, number, held - 1, false);
}

void Machine::ExactStep(int thread, int number, std::int32_t held) {
  CoreCell& core = C(number);
  int runtime = CoreRuntime(number);
  RuntimeCell& rt = RT(runtime);
  const RuntimeDef& def = p_.runtimes[static_cast<std::size_t>(runtime)];
  const bool alone = def.workers == 1;
  const auto seen = static_cast<std::uint32_t>(held);
  if (core.state == CoreState::kParked || core.state == CoreState::kDriver) {   // 1.8d, e
    core.token = 0;
    if (core.state == CoreState::kDriver) {
      ProcessDriver(thread, runtime);
      rt.driver = 0;
    }
    core.state = CoreState::kActive;
    core.phase = kReturned;
    return;
  }
  auto to = [&](int phase) { core.phase = static_cast<std::uint16_t>(phase); };
  switch (core.phase) {
    case kPick:
      if (RunOwnWork(thread, number)) return;
      core.runs = core.chain = 0;
      if (int waiting = Length(rt.inject_head); waiting > 0) to(kTakeBatch + BatchOf(runtime, waiting));
      else to(kSearchTest);
      return;
    case kSearchTest:
      if (core.searching) to(alone ? kSearchInject : kSteal);
      else to(2 * Searching(runtime) < def.workers ? kSearchBegin : kRegister);   // refused: neither steals nor looks
      return;
    case kSearchBegin:
      core.searching = 1;
      to(alone ? kSearchInject : kSteal);
      return;
    case kSearchInject:
      if (!RunInjected(thread, number, 1)) to(kRegister);
      return;
    case kFound:   // 1.3
      core.searching = 0;
      if (Searching(runtime) == 0) {
        core.held = held;
        to(kFoundLast);
        return;
      }
      RunFound(thread, number, held);
      return;
    case kFoundLast:
      NotifyOne(runtime);
      RunFound(thread, number, held);
      return;
    case kRegister: {   // 1.8a
      if (core.defer_head != 0) {
        ParkForNoTime(thread, number);
        to(kPick);
        return;
      }
      bool last = core.searching && Searching(runtime) == 1;
      core.searching = 0;
      core.tick = 0;
      to(!last ? kDecide : alone ? kCheckInject : kCheckQueue);
      return;
    }
    case kSteal:
      if (int victim = LookRound(number, seen); victim >= 0) Rob(thread, number, victim);
      return;
    case kCheckQueue:   // 1.8b
      if (LookRound(number, seen) >= 0) to(kCheckNotify);
      return;
    case kCheckInject:
      to(rt.inject_head != 0 ? kCheckNotify : kDecide);
      return;
    case kCheckNotify:
      to(kDecide);
      NotifyOne(runtime);
      return;
    case kDecide:   // 1.8c
      if (core.token != 0) {
        core.token = 0;
        to(kReturned);
        return;
      }
      to(kPick);
      core.state = rt.driver == 0 ? CoreState::kDriver : CoreState::kParked;
      if (rt.driver == 0) rt.driver = static_cast<Link>(number + 1);
      return;
    case kReturned:   // 1.8f
      if (SeesShutdown(number)) return;
      if (LocalTasks(number) > 1) {
        to(kUnregister);
        NotifyOne(runtime);
        return;
      }
      [[fallthrough]];
    case kUnregister:   // 1.8g
      to(LocalTasks(number) == 0 && IsSleeper(number) ? kDecide : kPick);
      return;
    default:
      if (!RunInjected(thread, number, core.phase - kTakeBatch)) to(kSearchTest);
      return;
  }
}

}  // namespace asyncrt
