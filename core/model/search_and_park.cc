// A worker's search and park with every part a step of its own, so that other threads can come between any two of them
// (1.2c, 1.2d, 1.7, 1.8): what Tokio's counters and the locks around them allow, and no more.
//
// What stays together, since a thread that comes between could do the same before or after: a push and the notify that
// follows it; the pop of a task, leaving the search, and the notify of the last searcher; the two tests of a notify.
#include "core/model/machine.h"

namespace asyncrt {

// Workers of a runtime can be renumbered where no rule looks at their numbers: a thief goes round in the order of them.
bool Machine::Interchangeable(int runtime) const {
  return scheduler_ == Scheduler::kAtomic || p_.runtimes[static_cast<std::size_t>(runtime)].workers == 2;
}

// The locked part of 1.7. Which sleeper is on top of the stack is left open; of those that stand at the same point one
// stands for all.
void Machine::TellSleeper(int runtime) {
  const RuntimeDef& def = p_.runtimes[static_cast<std::size_t>(runtime)];
  std::vector<int> sleepers;
  for (int c = def.first_core; c < def.first_core + def.workers; ++c) {
    if (!IsSleeper(c)) continue;
    bool known = false;
    for (int s : sleepers) known = known || (C(s).state == C(c).state && C(s).phase == C(c).phase && C(s).token == C(c).token && LocalTasks(s) == 0 && LocalTasks(c) == 0);
    if (!known) sleepers.push_back(c);
  }
  if (sleepers.empty()) return;
  CoreCell& chosen = C(sleepers[static_cast<std::size_t>(choose_->Choose(static_cast<int>(sleepers.size())))]);
  chosen.token = 1;
  chosen.searching = 1;
}

void Machine::ExactStep(int thread, int number) {
  CoreCell& core = C(number);
  int runtime = CoreRuntime(number);
  RuntimeCell& rt = RT(runtime);
  const RuntimeDef& def = p_.runtimes[static_cast<std::size_t>(runtime)];
  const int own = number - def.first_core, others = def.workers - 1;
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
      if (core.searching) to(others > 0 ? kSteal + 256 * choose_->Choose(others) : kSearchInject);
      else to(2 * Searching(runtime) < def.workers ? kSearchBegin : kRegister);   // refused: neither steals nor looks
      return;
    case kSearchBegin:
      core.searching = 1;
      to(others > 0 ? kSteal + 256 * choose_->Choose(others) : kSearchInject);
      return;
    case kSearchInject:
      if (!RunInjected(thread, number, 1)) to(kRegister);
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
      to(!last ? kDecide : others > 0 ? kCheckQueue : kCheckInject);
      return;
    }
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
    default: break;
  }
  if (core.phase < kSteal) {
    if (!RunInjected(thread, number, core.phase - kTakeBatch)) to(kSearchTest);
    return;
  }
  if (core.phase < kFirstRegistered) {   // 1.2d: round the others, one look at each
    int start = (core.phase - kSteal) / 256, looked = (core.phase - kSteal) % 256;
    int victim = def.first_core + (own + 1 + (start + looked) % others) % def.workers;
    if (CanRob(victim)) Rob(thread, number, victim);
    else if (looked + 1 < others) to(core.phase + 1);
    else to(kSearchInject);
    return;
  }
  int looked = core.phase - kCheckQueue;   // 1.8b
  int other = def.first_core + looked + (looked >= own ? 1 : 0);
  if (CanRob(other)) to(kCheckNotify);
  else to(looked + 1 < others ? core.phase + 1 : static_cast<int>(kCheckInject));
}

}  // namespace asyncrt
