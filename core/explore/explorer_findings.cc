// What the steps and the ends of runs show.
#include "core/explore/explorer.h"

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/detect/lock_order.h"
#include "core/detect/party_names.h"
#include "core/detect/wait_graph.h"

namespace asyncrt {

// `before`: the moves between the state with that number and the step of `actor`.
void Explorer::Events(std::uint32_t number, const std::vector<Move>& before, int actor, const Chooser& chooser) {
  const std::vector<int> taken = chooser.Taken();
  Way way;   // one for all that the step shows: it may be much
  const auto whole = [&] {
    if (way.empty()) way = WithLast(Whole(before), actor, taken);
    return way;
  };
  for (const Event& e : machine_.events()) {
    if (e.order.held.element >= 0) {
      AddOrder(e, WhoseEvent(machine_, e.frame), number, whole());
    } else if (Seed* seed = NewEvent(e, number, before.size() + 1); seed != nullptr) {
      if (e.frame >= 0) seed->who = WhoseEvent(machine_, e.frame);
      seed->path = whole();
    }
  }
}

void Explorer::AddOrder(const Event& e, std::string who, std::uint32_t number, Way moves) {
  orders_.push_back({e.order, e.pc, e.frame, std::move(who), number, walks_ ? static_cast<std::uint32_t>(prefix_.size()) : use_chains_ ? length_ : number, std::move(moves)});
}

// What an event shows, to be completed by whose it is and the way to it. Null: it is known. `moves`: after the state.
Seed* Explorer::NewEvent(const Event& e, std::uint32_t number, std::size_t moves) {
  std::string key = std::string(e.rule) + "|" + std::to_string(e.pc);
  const int source = e.pc >= 0 ? p_.code[static_cast<std::size_t>(e.pc)].source : -1;
  if (source >= 0) key = std::string(e.rule) + "|" + p_.sources[static_cast<std::size_t>(source)].node->pointer;
  Seed* seed = NewOrShorter(key, moves, false);
  if (ahead_ != nullptr) ahead_->known().Set(e, use_chains_ ? found_.at(key).length : 0);
  if (seed == nullptr) return nullptr;
  seed->rule = e.rule;
  seed->key = key;
  seed->pc = e.pc;
  seed->frame = e.frame;
  if (e.frame >= 0) seed->unit = l_.frame_unit[static_cast<std::size_t>(e.frame)];
  seed->detail = e.detail;
  seed->state = number;
  return seed;
}

// Where a finding goes: a new one, or one that was reached on a longer way. Null: it is known.
Seed* Explorer::NewOrShorter(const std::string& key, std::size_t moves, bool ends) {
  std::uint64_t length = moves + (walks_ ? prefix_.size() : use_chains_ ? length_ : 0);
  auto [it, fresh] = found_.try_emplace(key);
  if (retelling_) return fresh ? &it->second : nullptr;
  Seed& s = it->second;
  if (!fresh && ends) ++s.end_states;
  if (!fresh && (!(use_chains_ || walks_) || length >= s.length)) return nullptr;
  if (walks_ && !HasRoomFor((prefix_.size() + moves) * kMoveBytes)) {   // the whole way counts for each finding, though those of one end share it
    if (fresh) found_.erase(it);
    Stop("memory");
    return nullptr;
  }
  std::uint64_t end_states = s.end_states;
  s = Seed();
  s.end_states = end_states;
  s.length = length;
  return &s;
}

// In a run that is not kept as states with numbers, the moves from its beginning.
std::vector<Move> Explorer::Whole(const std::vector<Move>& before) const {
  std::vector<Move> moves;
  moves.reserve(prefix_.size() + before.size() + 1);   // the last one follows
  moves.insert(moves.end(), prefix_.begin(), prefix_.end());
  moves.insert(moves.end(), before.begin(), before.end());
  return moves;
}

std::vector<Move> Explorer::WithLast(std::vector<Move> moves, int actor, const std::vector<int>& choices) {
  moves.push_back({actor, choices});
  return moves;
}

// Locks that some runs take in one order and some in the other. The schedule leads to the last of these that was seen.
void Explorer::LockOrders() {
  std::vector<LockOrder> orders;
  for (const SeenOrder& seen : orders_) orders.push_back(seen.order);
  for (const std::vector<std::size_t>& cycle : OppositeOrders(orders, deadline_)) {
    Seed s;
    s.rule = "hazard/lock-order";
    s.key = s.rule;
    const SeenOrder* last = nullptr;
    std::set<std::string> names;
    for (std::size_t i : cycle) {
      const SeenOrder& seen = orders_[i];
      const std::string& wanted = p_.elements[static_cast<std::size_t>(seen.order.wanted.element)].name;
      const std::string& held = p_.elements[static_cast<std::size_t>(seen.order.held.element)].name;
      names.insert(held);
      s.detail += (s.detail.empty() ? "" : ", ") + seen.who + " takes `" + wanted + "` while it holds `" + held + "`";
      s.also.push_back(seen.pc);
      s.frames.push_back(seen.frame);
      if (last == nullptr || LengthTo(seen) >= LengthTo(*last)) last = &seen;
    }
    for (const std::string& name : names) s.key += "|" + name;
    s.pc = last->pc;
    s.frame = last->frame;
    s.unit = l_.frame_unit[static_cast<std::size_t>(last->frame)];
    s.who = last->who;
    s.state = last->state;
    s.path = last->moves;
    s.length = LengthTo(*last);
    found_.try_emplace(s.key, s);
  }
}

// `here`: the way to the end that is judged, made by the first finding.
void Explorer::EndOnce(const char* rule, int frame, int pc, std::uint32_t number, Way* here) {
  int source = pc >= 0 ? p_.code[static_cast<std::size_t>(pc)].source : -1;
  // A thread that outlives main is one finding, wherever it stands.
  bool whole = machine_.UnitOf(frame).kind == UnitKind::kThread && rule == std::string("hazard/leaked-thread");
  std::string key = std::string(rule) + "|" + (whole ? machine_.UnitOf(frame).name : source >= 0 ? p_.sources[static_cast<std::size_t>(source)].node->pointer : std::to_string(pc));
  Seed* seed = NewOrShorter(key, 0, true);
  if (seed == nullptr) return;
  Seed& s = *seed;
  s.rule = rule;
  s.key = key;
  s.pc = pc;
  s.frame = frame;
  s.who = PartyName(machine_, frame);
  s.state = number;
  if (here->empty()) *here = prefix_;
  s.path = *here;
}

void Explorer::UnlookedPanics(std::uint32_t number, Way* here) {
  for (int f = 0; f < l_.frames; ++f) {
    FrameCell& frame = machine_.F(f);
    UnitKind kind = machine_.UnitOf(f).kind;
    if (frame.live == 0 || (kind != UnitKind::kTask && kind != UnitKind::kBlocking)) continue;
    if ((frame.bits & kComplete) && frame.result == Outcome::kPanicked && (frame.bits & kLooked) == 0 && frame.panic_pc != 0xffff && frame.panic_pc != 0)
      EndOnce("panic/task", f, frame.panic_pc - 1, number, here);
  }
}

void Explorer::JudgeEnd(std::uint32_t number) {
  if (options_.at_end && !retelling_) options_.at_end(machine_);
  MarkBlocked();
  Way here;
  UnlookedPanics(number, &here);
  if (machine_.H().ended != 1) return;
  for (int f = 0; f < l_.frames; ++f) {
    FrameCell& frame = machine_.F(f);
    const Unit& unit = machine_.UnitOf(f);
    if (frame.live == 0 || unit.kind != UnitKind::kThread || (frame.bits & (kComplete | kLooked)) || unit.detached) continue;
    EndOnce("hazard/leaked-thread", f, machine_.S(machine_.Root(f)).pc, number, &here);
  }
}

// An op that a thread blocks in was reached, though it never got further.
void Explorer::MarkBlocked() {
  for (int t = 0; t < l_.threads; ++t)
    if (int top = machine_.T(t).top - 1; top >= 0) machine_.reached()[machine_.S(top).pc] = true;
}

void Explorer::JudgeStuck(std::uint32_t number) {
  if (options_.at_end && !retelling_) options_.at_end(machine_);
  MarkBlocked();
  Way here;
  UnlookedPanics(number, &here);
  for (int f = 0; f < l_.frames; ++f) {   // a panic whose unwinding never ends
    UnitKind kind = machine_.UnitOf(f).kind;
    const StrandCell& root = machine_.S(machine_.Root(f));
    if (machine_.F(f).live != 0 && (kind == UnitKind::kMain || kind == UnitKind::kThread) && root.mode == Mode::kPanicking &&
        root.panic_pc != 0 && root.panic_pc != 0xffff)
      EndOnce("panic/thread", f, root.panic_pc - 1, number, &here);
  }
  ReportStuck(number, {}, {}, &here);
  // Main waits to join one of several, and a schedule decides which of them.
  for (int which = 0; use_symmetry_ && !retelling_ && own_.symmetry().WaitForAnother(machine_, which); ++which)
    for (const StuckRoot& r : StuckRoots({}))
      missed_.insert(KeyOf(r));
}

std::string Explorer::KeyOf(const StuckRoot& r) {
  std::string key = r.rule;
  std::set<std::string> parts;
  for (std::size_t i = 0; i < r.inside; ++i)
    parts.insert(r.waits[i].who.substr(0, r.waits[i].who.find_first_of("[#")) + "@" +
                 (r.sources[i] >= 0 ? p_.sources[static_cast<std::size_t>(r.sources[i])].node->pointer : ""));
  for (const std::string& part : parts) key += "|" + part;
  return key;
}

// None where time is up before it is known who waits for whom among thousands; a search that is kept finds it out.
std::vector<StuckRoot> Explorer::StuckRoots(const std::vector<bool>& active) {
  std::vector<StuckRoot> roots;
  Before([&] { roots = FindStuckRoots(machine_, active, options_.checkpoint.checkpoint == nullptr ? deadline_ : Deadline()); });
  return roots;
}

// False: nobody is stuck.
bool Explorer::ReportStuck(std::uint32_t number, const std::vector<bool>& active, const std::vector<Move>& loop, Way* here) {
  std::vector<StuckRoot> roots = StuckRoots(active);
  if (roots.empty() && active.empty() && !OutOfTime()) {
    StuckRoot unknown;
    unknown.rule = "deadlock/partial";
    roots.push_back(unknown);
  }
  for (StuckRoot& r : roots) {
    const std::string key = KeyOf(r);
    Seed* seed = NewOrShorter(key, 0, true);
    if (seed == nullptr) continue;
    Seed& s = *seed;
    s.rule = r.rule;
    s.key = key;
    s.waits = std::move(r.waits);
    s.sources = std::move(r.sources);
    s.frames = std::move(r.frames);
    s.others_progress = !active.empty();
    s.loop = loop;
    s.state = number;
    if (here->empty()) *here = prefix_;
    s.path = *here;
  }
  return !roots.empty();
}

void Explorer::AddEndless(const char* rule, int frame, std::uint32_t state, const std::vector<Move>& loop, int pc) {
  const Unit& unit = machine_.UnitOf(std::max(frame, 0));
  std::string key = std::string(rule) + "|" + unit.name;
  auto [it, fresh] = found_.try_emplace(key);
  if (!fresh) { ++it->second.end_states; return; }
  Seed& s = it->second;
  s.rule = rule;
  s.key = key;
  s.frame = frame;
  s.pc = pc >= 0 ? pc : frame >= 0 ? machine_.S(machine_.Root(frame)).pc : 0;
  s.who = PartyName(machine_, std::max(frame, 0));
  s.state = state;
  s.loop = loop;
}

}  // namespace asyncrt
