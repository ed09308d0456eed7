// The way to each finding: the shortest one, with the fewest switches, told in terms of the program as it was written.
#include "core/explore/explorer.h"

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/detect/party_names.h"
#include "core/explore/fingerprint.h"

namespace asyncrt {
namespace {

// Of what has been heard before.
class Unheard : public Expander::Listener {
 public:
  explicit Unheard(std::function<void()> tick) : tick_(std::move(tick)) {}
  void Ended() override {}
  void Stuck() override {}
  std::uint8_t* Room() override { return nullptr; }
  void Happened(const std::vector<Move>&, int, const Chooser&) override {}
  bool Played() override {
    tick_();
    return true;
  }
  bool WasPassed(std::uint64_t) override { return false; }
  void Arrived(const Expander::Arrival&, const Chooser&) override {}
  bool Suffices(const std::vector<int>&, std::size_t) override { return true; }

 private:
  const std::function<void()> tick_;
};

}  // namespace

// Among the shortest schedules to each finding, one with the fewest changes of thread: a second pass over the same
// levels that remembers, for each state and the thread that moved last, the fewest changes so far. Skipped where the
// search was large; the schedule is then a shortest one, and the search's own order has kept changes rare.
void Explorer::FewestSwitches() {
  constexpr std::uint32_t kStatesMax = 60'000;
  std::uint32_t deepest = 0;
  for (auto& [key, seed] : found_) deepest = std::max(deepest, seed.state);
  if (deepest == 0 || deepest > kStatesMax || !HasRoomFor(std::uint64_t{2} * deepest * (bytes_ + 64))) return;
  const std::size_t states = std::size_t{deepest} + 1;
  struct Entry { std::uint16_t actor; std::uint32_t switches, from; std::uint16_t from_actor; };
  std::vector<std::vector<Entry>> best(states);
  std::vector<std::uint32_t> level(states, 0);
  for (std::uint32_t v = 1; v < states; ++v) level[v] = level[tree_.ParentOf(v)] + 1;
  best[0].push_back({0, 0, 0, 0});
  std::vector<std::uint8_t> current(bytes_), next, work(bytes_);
  current = InitialBytes();
  std::vector<std::uint32_t> numbers = {0}, next_numbers;
  std::vector<bool> kept(states, false);
  while (!numbers.empty() && numbers.front() <= deepest) {
    next.clear();
    next_numbers.clear();
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      std::uint32_t u = numbers[i];
      const std::uint8_t* state = current.data() + i * bytes_;
      work.assign(state, state + bytes_);
      machine_.Attach(work.data());
      if (machine_.H().ended != 0) continue;
      std::vector<int> enabled;
      own_.Enabled(&enabled);
      for (int t = 0; t < l_.threads; ++t)
        if (machine_.SpuriousEnabled(t)) enabled.push_back(machine_.spurious(t));
      for (int actor : enabled) {
        Chooser chooser;
        do {
          Tick();
          work.assign(state, state + bytes_);
          machine_.Attach(work.data());
          machine_.Step(actor, chooser);
          own_.Settle(work.data());
          std::uint32_t v = visited_.Find(Fingerprint(work.data(), bytes_), work.data());
          if (v == Visited::none || v > deepest || level[v] != level[u] + 1) continue;
          Entry entry{static_cast<std::uint16_t>(actor), 0xffffffff, u, 0};
          for (const Entry& b : best[u]) {
            std::uint32_t switches = b.switches + (b.actor != actor ? 1 : 0);
            if (switches < entry.switches) { entry.switches = switches; entry.from_actor = b.actor; }
          }
          auto same = std::find_if(best[v].begin(), best[v].end(), [&](const Entry& b) { return b.actor == actor; });
          if (same == best[v].end()) best[v].push_back(entry);
          else if (entry.switches < same->switches) *same = entry;
          if (!kept[v]) {
            kept[v] = true;
            next.insert(next.end(), work.begin(), work.end());
            next_numbers.push_back(v);
          }
        } while (chooser.Next());
      }
    }
    current.swap(next);
    numbers.swap(next_numbers);
  }
  for (auto& [key, seed] : found_) {
    if (seed.state == 0 || best[seed.state].empty()) continue;
    std::uint16_t then = seed.path.empty() ? 0xffff : static_cast<std::uint16_t>(seed.path.moves()[0].actor);
    const Entry* at = nullptr;
    for (const Entry& b : best[seed.state])
      if (at == nullptr || b.switches + (b.actor != then) < at->switches + (at->actor != then)) at = &b;
    std::vector<std::pair<std::uint32_t, std::uint16_t>> chain;
    std::uint32_t v = seed.state;
    while (v != 0 && at != nullptr) {
      chain.push_back({v, at->actor});
      std::uint32_t u = at->from;
      std::uint16_t actor = at->from_actor;
      at = nullptr;
      for (const Entry& b : best[u]) if (b.actor == actor) at = &b;
      v = u;
    }
    std::reverse(chain.begin(), chain.end());
    chains_[seed.state] = std::move(chain);
  }
}

// The schedule to a state: actors come from the parent links, choices are found again by playing.
std::vector<Move> Explorer::Path(std::uint32_t number) {
  std::vector<std::pair<std::uint32_t, std::uint16_t>> states;   // and who has moved to them
  if (auto better = chains_.find(number); better != chains_.end()) {
    states = better->second;
  } else {
    for (std::uint32_t n = number; n != 0; n = tree_.ParentOf(n)) states.push_back({n, static_cast<std::uint16_t>(tree_.ActorOf(n))});
    std::reverse(states.begin(), states.end());
  }
  std::vector<std::uint8_t> state = InitialBytes();
  std::vector<Move> path, chain;
  Unheard unheard([this] { Tick(); });
  bool was_passed;
  for (auto [n, actor] : states) {
    Chooser chooser;
    bool hit = false;
    do {
      Tick();
      scratch_ = state;
      machine_.Attach(scratch_.data());
      const std::uint16_t panicked = machine_.H().panicked;
      machine_.Step(actor, chooser);
      const bool concerns_all = machine_.H().ended != 0 || machine_.H().panicked != panicked;
      own_.Settle(scratch_.data());
      chain.assign(1, {actor, chooser.Taken()});
      if (use_chains_ && !concerns_all && !own_.Follow(scratch_.data(), &chain, &unheard, &was_passed)) break;
      hit = visited_.Find(Fingerprint(scratch_.data(), bytes_), scratch_.data()) == n;
    } while (!hit && chooser.Next());
    if (!hit) return path;
    path.insert(path.end(), chain.begin(), chain.end());
    state = scratch_;
  }
  last_state_ = state;
  return path;
}

// A run in which everybody keeps their number, and which comes by the same states, but for the numbers, as `moves` do.
// `state` is where it leads; `told` hears of each way to make the last move, until it has heard what it wants.
bool Explorer::Unfold(const std::vector<Move>& moves, std::vector<Move>* real, std::vector<std::uint8_t>* state,
            const std::function<bool(int actor, Chooser&)>& told) {
  std::vector<std::uint8_t> settled = InitialBytes(), work(bytes_), like(bytes_), fallback;
  state->assign(bytes_, 0);
  machine_.Attach(state->data());
  machine_.Initial();
  real->clear();
  Move fallback_move;
  std::vector<int> enabled;
  // Whether `actor` can go from `state` to what looks like `like`; `work` is then where it is.
  auto leads = [&](int actor, Chooser& chooser) {
    Tick();
    work = *state;
    machine_.Attach(work.data());
    machine_.Step(actor, chooser);
    if (!machine_.overflow().empty()) return false;
    copy_ = work;
    machine_.Attach(copy_.data());
    own_.symmetry().Settle(machine_, copy_.data());
    return copy_ == like;
  };
  auto movers = [&] {   // whoever moved last goes first
    machine_.Attach(state->data());
    enabled.clear();
    for (int t = 0; t < l_.threads; ++t)
      if (machine_.ThreadEnabled(t)) enabled.push_back(t);
    if (machine_.ClockEnabled(!enabled.empty())) enabled.push_back(machine_.clock());
    for (int t = 0; t < l_.threads; ++t)
      if (machine_.SpuriousEnabled(t)) enabled.push_back(machine_.spurious(t));
    if (!real->empty())
      if (auto last = std::find(enabled.begin(), enabled.end(), real->back().actor); last != enabled.end()) std::rotate(enabled.begin(), last, last + 1);
  };
  // Main joins who has ended, which the settled state has behind it.
  auto catch_up = [&] {
    if (!own_.symmetry().joins()) return false;
    like = settled;
    machine_.Attach(state->data());
    if (!machine_.ThreadEnabled(0)) return false;
    Chooser chooser;
    if (!leads(0, chooser) || chooser.asked() != 0) return false;
    *state = work;
    real->push_back({0, {}});
    return true;
  };
  for (std::size_t i = 0; i < moves.size(); ++i) {
    Chooser forced;
    forced.Force(moves[i].choices);
    work = settled;
    machine_.Attach(work.data());
    machine_.Step(moves[i].actor, forced);
    own_.symmetry().Settle(machine_, work.data());
    const std::vector<std::uint8_t> next = work;
    bool found = false, heard = false;
    for (bool again = true; again && !heard;) {
      movers();
      for (int actor : enabled) {
        Chooser chooser;
        do {
          like = next;
          machine_.ForgetOrders();
          if (!leads(actor, chooser)) continue;
          Move move{actor, chooser.Taken()};
          const bool last = i + 1 == moves.size() && told != nullptr;
          if (last) {   // play it once more for its events
            Chooser replayed;
            replayed.Force(move.choices);
            work = *state;
            machine_.Attach(work.data());
            machine_.ForgetOrders();
            machine_.Step(actor, replayed);
            heard = told(actor, replayed);
          } else {
            heard = true;
          }
          if (found && !heard) continue;
          found = true;
          fallback = work;
          fallback_move = move;
        } while (!heard && chooser.Next());
        if (heard) break;
      }
      again = !heard && !found && catch_up();
    }
    if (!found) return false;
    real->push_back(fallback_move);
    *state = fallback;
    settled = next;
  }
  while (catch_up()) {}
  return true;
}

// Puts a finding in the words of a run in which everybody keeps their number.
bool Explorer::Retell(Seed* seed) {
  std::map<std::string, Seed> found;
  found.swap(found_);
  prefix_.clear();
  retelling_ = true;
  std::vector<Move> real;
  std::vector<std::uint8_t> state;
  const bool order = seed->rule == "hazard/lock-order";
  bool done = false;
  const bool in_time = Before([&] {
    done = Unfold(seed->path.moves(), &real, &state, [&](int actor, Chooser& chooser) {
      if (order) return true;
      if (!machine_.events().empty()) Events(0, {}, actor, chooser);
      return found_.count(seed->key) != 0;
    });
  });
  if (done && !order && found_.count(seed->key) == 0) {
    scratch_ = state;
    machine_.Attach(scratch_.data());
    if (machine_.H().ended != 0) JudgeEnd(0);
    else JudgeStuck(0);
    done = found_.count(seed->key) != 0;
  }
  if (done) {
    if (!order) {
      Seed& told = found_[seed->key];
      seed->waits = std::move(told.waits);
      seed->sources = std::move(told.sources);
      seed->frames = std::move(told.frames);
      seed->pc = told.pc;
      seed->frame = told.frame;
      seed->who = std::move(told.who);
    }
    seed->path = std::move(real);
  } else {
    order_matters_ = order_matters_ || in_time;
  }
  retelling_ = false;
  found.swap(found_);
  return done;
}

// The same for a lock that was taken under another.
void Explorer::Retell(SeenOrder* seen) {
  std::vector<Move> path = Path(seen->state), real;
  path.insert(path.end(), seen->moves.moves().begin(), seen->moves.moves().end());
  std::vector<std::uint8_t> state;
  const bool done = Unfold(path, &real, &state, [&](int, Chooser&) {
    for (const Event& e : machine_.events()) {
      if (e.pc != seen->pc || e.order.held.element != seen->order.held.element || e.order.wanted.element != seen->order.wanted.element) continue;
      seen->frame = e.frame;
      seen->who = WhoseEvent(machine_, e.frame);
      return true;
    }
    return false;
  });
  order_matters_ = order_matters_ || !done;
}

}  // namespace asyncrt
