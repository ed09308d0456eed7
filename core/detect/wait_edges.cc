#include "core/detect/wait_edges.h"

#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "core/detect/party_names.h"

namespace asyncrt {
namespace {

class Collector {
 public:
  Collector(Machine& m, Parties& who, const std::vector<bool>& active, Deadline* deadline)
      : m_(m), p_(m.program()), l_(m.layout()), who_(who), active_(active), deadline_(deadline) {}

  std::vector<Dependence> All() {
    for (int f = 0; f < l_.frames; ++f)
      if (who_.IsParty(f)) Collect(f);
    return std::move(edges_);
  }

 private:
  // A dependence on whoever holds a lock; what the rules ask about the holder is marked.
  void LockHeld(int f, int leaf, int holder, const std::string& why) {
    Add(f, holder, WaitKind::kLock, leaf, PartyName(m_, who_.PartyOf(holder)) + " " + why);
    edges_.back().suspended_holder = IsSuspendedHolder(holder);
    if (edges_.back().to == f || SameTask(f, holder)) edges_.back().self = true;
    // The thread waits for its own sync frame, below the task that it polls.
    UnitKind holder_kind = m_.UnitOf(holder).kind;
    if (holder_kind != UnitKind::kTask && holder_kind != UnitKind::kFuture && !HeldInside(holder) && who_.ThreadOf(holder) >= 0 &&
        who_.ThreadOf(holder) == who_.ThreadOf(m_.FrameOf(leaf)))
      edges_.back().self = true;
  }

  // Threads that wait to write, and whom a read that defers to writers lets pass.
  void BehindWriters(int f, int leaf, int element) {
    for (int t = 0; t < l_.threads; ++t) {
      int top = m_.T(t).top - 1;
      if (top < 0 || m_.S(top).phase != 1 || m_.S(top).element != element + 1) continue;
      VmOp op = m_.InstrAt(top).op;
      if (op != VmOp::kRwWrite && op != VmOp::kWatchSend) continue;
      Add(f, m_.FrameOf(top), WaitKind::kLock, leaf, PartyName(m_, who_.PartyOf(m_.FrameOf(top))) + " waits to write `" + who_.ElementName(element) + "`, and a later read stands behind it");
      edges_.back().behind_writer = true;
    }
  }

  // A receiver waits for whoever can still send, or for the last of them to go.
  void Senders(int f, int leaf, int element) {
    const std::string name = "`" + who_.ElementName(element) + "`";
    if (const int kept = who_.KeptBy(RegKind::kTx, element); kept >= 0) {   // a future that nobody polls owns one
      Add(f, who_.PartyOf(kept), WaitKind::kChannel, leaf, PartyName(m_, kept) + ", which nobody polls, owns a sender of " + name);
      MarkUnpolled(kept);
    }
    const std::vector<int> owners = who_.Owners(RegKind::kTx, element);
    for (int o : owners)
      Add(f, o, WaitKind::kChannel, leaf, o == f ? "it holds a sender of " + name + " itself, so the channel never closes"
                                        : owners.size() == 1 ? "only " + PartyName(m_, o) + " can send on " + name : PartyName(m_, o) + " still holds a sender of " + name);
    const std::vector<int> places = who_.Owners(RegKind::kReserve, element);   // each with a sender of its own
    for (int o : places)
      Add(f, o, WaitKind::kChannel, leaf, (o == f ? "it holds a reserved place of " + name + " itself" : PartyName(m_, o) + " holds a reserved place of " + name) + ", which keeps the channel open");
    if (owners.empty() && places.empty()) Add(f, -1, WaitKind::kChannel, leaf, m_.W(element)[Machine::kForgotten] ? "a sender of " + name + " was forgotten, so it neither sends nor closes"
                                                                               : "the sender of " + name + " lies in a message that nobody receives");
  }

  void Add(int from, int to, WaitKind kind, int strand, std::string why) {
    deadline_->Step();
    Dependence d;
    d.from = from;
    d.to = to >= 0 ? who_.PartyOf(to) : -1;
    d.kind = kind;
    d.strand = strand;
    d.why = std::move(why);
    d.self = d.to == from;
    edges_.push_back(std::move(d));
  }

  // Who occupies the thread that could do the work.
  void OnThread(int party, int thread, WaitKind kind, int strand, const std::string& why) {
    int top = m_.T(thread).top - 1;
    if (top < 0) { Add(party, -1, kind, strand, why); return; }
    Add(party, m_.FrameOf(top), kind, strand, why + ThreadName(m_, thread) + " is blocked in `" + who_.Verb(top) + "`");
  }

  void NeedsWorker(int party, int frame) {
    int r = m_.F(frame).runtime - 1;
    if (m_.F(frame).local != 0) { NeedsLocalSet(party, frame); return; }
    if (r < 0) return;
    const RuntimeDef& def = p_.runtimes[static_cast<std::size_t>(r)];
    const std::string& name = def.declared->name;
    if (m_.UnitOf(frame).kind == UnitKind::kBlocking) {
      int alive = 0;
      for (int i = 0; i < def.thread_slots; ++i) alive += m_.T(def.first_thread + i).life != ThreadLife::kFree;
      const std::string why = alive < def.pool_cap ? "`, which started no thread for it, since one that had been woken still counted as idle (Tokio 1.52.0): "
                                                   : "`, whose threads are all taken: ";
      bool any = false;
      for (int i = 0; i < def.thread_slots; ++i) {
        int t = def.first_thread + i;
        if (m_.T(t).life == ThreadLife::kFree || m_.T(t).top == 0) continue;
        any = true;
        OnThread(party, t, WaitKind::kPool, -1, "it is queued for the blocking pool of `" + name + why);
      }
      if (!any) Add(party, -1, WaitKind::kPool, -1, "it is queued for the blocking pool of `" + name + "`, which has no free thread");
      return;
    }
    if (!def.declared->multi_thread) {
      int holder = m_.RT(r).holder - 1;
      if (holder < 0) { Add(party, -1, WaitKind::kUndriven, -1, "no thread is in a block_on of `" + name + "`, so nobody runs its tasks"); return; }
      OnThread(party, holder, WaitKind::kWorker, -1, "only the thread that drives `" + name + "` could run it, and ");
      return;
    }
    for (int c = def.first_core; c < def.first_core + def.workers; ++c) {
      CoreCell& core = m_.C(c);
      bool mine = core.lifo == frame + 1;
      for (Link at = core.defer_head; at != 0; at = m_.AfterDeferred(at)) mine = mine || who_.PartyOf(m_.FrameOf(at - 1)) == frame;
      if (!mine || core.thread == 0) continue;
      OnThread(party, core.thread - 1, WaitKind::kWorker, -1, core.lifo == frame + 1
                   ? "it lies in that worker's LIFO slot, which nobody can steal from, and "
                   : "its wake-up lies in that worker's deferred list, and ");
      return;
    }
    bool any = false, asleep = false;
    for (int c = def.first_core; c < def.first_core + def.workers; ++c)
      asleep = asleep || m_.C(c).state == CoreState::kParked || m_.C(c).state == CoreState::kDriver;
    for (int c = def.first_core; c < def.first_core + def.workers; ++c) {
      CoreCell& core = m_.C(c);
      if (core.thread == 0 || m_.T(core.thread - 1).top == 0) continue;
      any = true;
      OnThread(party, core.thread - 1, WaitKind::kWorker, -1, asleep ? "it is ready, but nobody has told the workers that sleep, and " : "it is ready, but no worker is free: ");
    }
    if (!any) Add(party, -1, WaitKind::kWorker, -1, "it is ready, but no worker of `" + name + "` will take it");
  }

  // A task of a local_set runs only while the set is polled, by whoever polls it.
  void NeedsLocalSet(int party, int frame) {
    int element = p_.local_sets[static_cast<std::size_t>(m_.F(frame).local - 1)];
    std::string name = who_.ElementName(element);
    bool any = false;
    for (int s = 0; s < l_.strands; ++s) {
      const StrandCell& poller = m_.S(s);
      if (poller.element != element + 1 || poller.phase == 0) continue;
      VmOp op = p_.code[poller.pc].op;
      if (op != VmOp::kRunUntil && op != VmOp::kAwaitSet) continue;
      any = true;
      int thread = who_.ThreadOf(m_.FrameOf(s));
      int top = thread >= 0 ? m_.T(thread).top - 1 : -1;
      if (poller.status == StrandStatus::kActive && top >= 0) OnThread(party, thread, WaitKind::kWorker, -1, "only the thread that polls `" + name + "` could run it, and ");
      else Add(party, m_.FrameOf(s), WaitKind::kWorker, -1, "it runs only while " + PartyName(m_, who_.PartyOf(m_.FrameOf(s))) + " polls `" + name + "`");
    }
    if (!any) Add(party, -1, WaitKind::kUndriven, -1, "nobody polls `" + name + "`, so nobody runs its tasks");
  }

  void NeedsDriver(int party, int strand, int r, const char* what) {
    const RuntimeDef& def = p_.runtimes[static_cast<std::size_t>(r)];
    const std::string& name = def.declared->name;
    if (!def.declared->multi_thread) {
      int holder = m_.RT(r).holder - 1;
      if (holder < 0) Add(party, -1, WaitKind::kUndriven, strand, std::string(what) + ", but no thread is in a block_on of `" + name + "` to poll its driver");
      else OnThread(party, holder, WaitKind::kDriver, strand, std::string(what) + ", but the thread that polls the driver of `" + name + "` cannot: ");
      return;
    }
    bool any = false;
    for (int c = def.first_core; c < def.first_core + def.workers; ++c) {
      CoreCell& core = m_.C(c);
      if (core.thread == 0 || m_.T(core.thread - 1).top == 0) continue;
      any = true;
      OnThread(party, core.thread - 1, WaitKind::kDriver, strand, std::string(what) + ", but nobody polls the driver of `" + name + "`: ");
    }
    if (!any) Add(party, -1, WaitKind::kDriver, strand, std::string(what) + ", but nobody polls the driver of `" + name + "` any more");
  }

  // Could what is left of this frame's code do one of these ops on this object? Many that wait for the same ask the same.
  bool CanStill(int frame, const std::set<VmOp>& ops, int element) {
    std::vector<std::int8_t>& known = can_still_[{ops, element}];
    known.resize(static_cast<std::size_t>(l_.frames), -1);
    std::int8_t& can = known[static_cast<std::size_t>(frame)];
    if (can < 0) can = LeadsTo(frame, ops, element) ? 1 : 0;
    return can == 1;
  }

  bool LeadsTo(int frame, const std::set<VmOp>& ops, int element) {
    deadline_->Step();
    std::set<int> seen;
    std::vector<int> work;
    const Unit& unit = m_.UnitOf(frame);
    for (std::size_t s = 0; s < unit.strand_entry.size(); ++s) {
      const StrandCell& strand = m_.S(m_.Root(frame) + static_cast<int>(s));
      if (strand.status == StrandStatus::kSuspended || strand.status == StrandStatus::kActive || s == 0) work.push_back(strand.pc);
    }
    while (!work.empty()) {
      int pc = work.back();
      work.pop_back();
      if (pc < 0 || !seen.insert(pc).second) continue;
      const Instr& in = p_.code[static_cast<std::size_t>(pc)];
      if (ops.count(in.op) && in.object >= 0 && element >= in.object && element < in.object + in.elements) return true;
      if (in.op == VmOp::kUnpark && ops.count(in.op)) {   // `element` is then -1 - the frame to be unparked
        if (in.reg < 0 ? element == -1 : m_.R(frame)[in.reg] == -element) return true;
      }
      if (in.unit >= 0) work.push_back(p_.units[static_cast<std::size_t>(in.unit)].entry);
      if (in.strand >= 0) work.push_back(unit.strand_entry.size() > static_cast<std::size_t>(in.strand) ? unit.strand_entry[static_cast<std::size_t>(in.strand)] : -1);
      if (in.list >= 0 && (in.op == VmOp::kSelect || in.op == VmOp::kJoin || in.op == VmOp::kTimeout))
        for (const BranchCode& b : p_.branches[static_cast<std::size_t>(in.list)]) { work.push_back(b.entry); work.push_back(b.then_pc); }
      if (in.op == VmOp::kChoose) for (int t : p_.jumps[static_cast<std::size_t>(in.list)]) work.push_back(t);
      work.push_back(in.target);
      work.push_back(in.or_pc);
      if (in.op != VmOp::kJump && in.op != VmOp::kEnd && in.op != VmOp::kFailEnd && in.op != VmOp::kUnwound && in.op != VmOp::kPanic)
        work.push_back(pc + 1);
    }
    return false;
  }

  void Producers(int party, int strand, int element, const std::set<VmOp>& ops, WaitKind kind, const std::string& what, bool before) {
    bool any = false;
    for (int f = 0; f < l_.frames; ++f) {
      if (!who_.IsParty(f) || !CanStill(f, ops, element) || f == party) continue;
      any = true;
      Add(party, f, kind, strand, what + " could still come from " + PartyName(m_, f) + ", which is stuck itself");
      edges_.back().notified_before = before;
    }
    for (int f = 0; f < l_.frames && !any; ++f) {   // or from a future that nobody polls
      if (m_.F(f).live == 0 || (m_.F(f).bits & kComplete) || m_.UnitOf(f).kind != UnitKind::kFuture || !CanStill(f, ops, element)) continue;
      Add(party, who_.PartyOf(f), kind, strand, what + " could still come from " + PartyName(m_, f) + " of " + PartyName(m_, who_.PartyOf(f)) + ", which polls something else");
      std::size_t added = edges_.size();
      MarkUnpolled(f);
      if (!edges_[added - 1].unpolled) { edges_.pop_back(); continue; }
      any = true;
    }
    if (any) return;
    Add(party, -1, kind, strand, before ? what + " was sent when this one was not listening, or was used up, and no other will come"
                                        : what + " will never come: nothing in the program can send it any more");
    edges_.back().notified_before = before;
  }

  void SemaphoreWait(int party, int strand, int element) {
    std::int32_t* w = m_.W(element);
    const Element& e = p_.elements[static_cast<std::size_t>(element)];
    std::string name = who_.ElementName(element);
    bool any = false;
    std::int32_t held = w[Machine::kPermits];
    WaitKind kind = e.kind == Kind::kMpsc ? WaitKind::kChannel : e.kind == Kind::kSemaphore ? WaitKind::kSemaphore : WaitKind::kLock;
    bool reads = e.kind == Kind::kRwlock && p_.code[m_.S(strand).pc].imm == 1;
    if (e.kind == Kind::kRwlock || e.kind == Kind::kOnceCell) {
      for (int holder : who_.Holders({RegKind::kReadGuard, RegKind::kWriteGuard, RegKind::kOnceGuard}, element)) {
        if (reads && who_.Holders({RegKind::kWriteGuard}, element).empty()) break;   // it could be shared: who stands before it is to blame
        any = true;
        Add(party, holder, kind, strand, PartyName(m_, who_.PartyOf(holder)) + (e.kind == Kind::kOnceCell ? " initialises `" : " holds `") + name + "`");
        MarkUnpolled(holder);
      }
    }
    if (e.kind == Kind::kMutex && w[Machine::kHolder] != 0) {
      int holder = w[Machine::kHolder] - 1;
      any = true;
      Add(party, holder, kind, strand, PartyName(m_, who_.PartyOf(holder)) + " holds `" + name + "`");
      MarkUnpolled(holder);
    }
    if (e.kind == Kind::kSemaphore) {
      for (int f = 0; f < l_.frames; ++f) {
        if (m_.F(f).live == 0 || (m_.F(f).bits & kComplete)) continue;
        const auto& regs = m_.UnitOf(f).regs;
        for (std::size_t r = 2; r < regs.size(); ++r) {
          if (regs[r].kind != RegKind::kPermit || m_.R(f)[r] == 0 || regs[r].base + m_.R(f)[r] - 1 != element) continue;
          any = true;
          held += m_.R(f)[r + 1];
          Add(party, f, kind, strand, PartyName(m_, who_.PartyOf(f)) + " holds " + std::to_string(m_.R(f)[r + 1]) + " of its permits");
          MarkUnpolled(f);
        }
      }
    }
    // Permits that were given to a future that nobody polls, or a future that stands before us in the queue.
    for (int s = 0; s < l_.strands; ++s) {
      const StrandCell& x = m_.S(s);
      if (s == strand || x.element != element + 1 || x.status != StrandStatus::kSuspended) continue;
      const Instr& in = p_.code[x.pc];
      bool recv = in.op == VmOp::kMpscRecv;
      if (recv || ((x.bits & kGranted) == 0 && !Before(element, s, strand))) continue;
      int n = in.op == VmOp::kSemAcquire && e.kind != Kind::kMutex ? static_cast<int>(in.imm) : 1;
      held += (x.bits & kGranted) ? n : n - x.need;
      bool polled = who_.IsPolled(s);
      int owner = who_.PartyOf(m_.FrameOf(s));
      if (polled && (x.bits & kGranted) == 0 && owner == party) continue;
      any = true;
      Add(party, owner, kind, strand, (x.bits & kGranted) ? "it was handed to a future of " + PartyName(m_, owner) + " that nobody polls"
                                                         : "a future of " + PartyName(m_, owner) + " stands before it in the queue");
      edges_.back().behind_writer = reads && (x.bits & kGranted) == 0 && n > 1;
      if (!polled) Unpolled(owner);
    }
    if (e.kind == Kind::kMpsc) {
      std::vector<int> owners = who_.Owners(RegKind::kRx, element);
      for (int owner : owners) { any = true; Add(party, owner, kind, strand, "`" + name + "` is full and only " + PartyName(m_, owner) + " receives from it"); }
      for (int owner : who_.Owners(RegKind::kReserve, element)) { any = true; Add(party, owner, kind, strand, PartyName(m_, owner) + " keeps a reserved place of it"); }
    }
    if (e.kind == Kind::kSemaphore && strand >= 0) {
      int want = static_cast<int>(p_.code[m_.S(strand).pc].imm);
      held += want - m_.S(strand).need;
      if (held < want) edges_.push_back({party, -1, WaitKind::kSemaphore, strand, "it wants " + std::to_string(want) + " permits, and only " + std::to_string(held) + " are left or can come back", false, false, false, false, false, true});
      else if (!any) Add(party, -1, kind, strand, "its permits are held by nobody who will give them back");
    } else if (!any) {
      Add(party, -1, kind, strand, "nobody who holds `" + name + "` will give it back");
      edges_.back().missing = e.kind == Kind::kSemaphore;
    }
  }

  // Whether one strand stands before another one in the queue of an element, or alone in it.
  bool Before(int element, int s, int strand) {
    std::vector<int>& places = places_[element];
    if (places.empty()) {
      places.resize(static_cast<std::size_t>(l_.strands), l_.strands);
      int place = 0;
      for (int at = m_.W(element)[Machine::kHead] - 1; at >= 0; at = m_.S(at).next - 1) places[static_cast<std::size_t>(at)] = place++;
    }
    return places[static_cast<std::size_t>(s)] < places[static_cast<std::size_t>(strand)];
  }

  void MarkUnpolled(int holder) {
    UnitKind kind = m_.UnitOf(holder).kind;
    if (kind == UnitKind::kFuture) {
      int root = m_.Root(holder);
      std::vector<int> leaves;
      who_.Leaves(root, &leaves);
      bool polled = false;
      for (int leaf : leaves) polled = polled || (leaf >= 0 && who_.IsPolled(leaf));
      if (!polled) Unpolled(who_.PartyOf(holder));
    }
  }

  // The last dependence is on a future that nobody polls: a case of its own if its owner is itself suspended.
  void Unpolled(int owner) {
    UnitKind kind = m_.UnitOf(owner).kind;
    if (kind == UnitKind::kTask && m_.S(m_.Root(owner)).status != StrandStatus::kSuspended) return;
    for (int leaf : who_.PartyLeaves(owner))
      if (leaf >= 0 && m_.S(leaf).status == StrandStatus::kActive) return;
    edges_.back().unpolled = true;
  }

  void Collect(int f) {
    FrameCell& frame = m_.F(f);
    if (f < static_cast<int>(active_.size()) && active_[static_cast<std::size_t>(f)]) return;
    bool on_thread = m_.S(m_.Root(f)).status == StrandStatus::kActive;
    UnitKind kind = m_.UnitOf(f).kind;
    if ((kind == UnitKind::kTask || kind == UnitKind::kBlocking) && (frame.bits & kNotified) && (frame.bits & kRunning) == 0) {
      NeedsWorker(f, f);
      return;
    }
    // A yielded task whose wake-up lies in a deferred list is as good as ready.
    if (kind == UnitKind::kTask && !on_thread) {
      bool deferred = false;
      for (std::size_t s = 0; s < m_.UnitOf(f).strand_entry.size(); ++s) deferred = deferred || (m_.S(m_.Root(f) + static_cast<int>(s)).bits & kDeferred);
      if (deferred) { NeedsWorker(f, f); return; }
    }
    std::vector<int> leaves = who_.PartyLeaves(f);
    for (int leaf : leaves) LeafEdges(f, leaf);
    // A root future that was woken, or whose thread runs something else that blocks.
    if (on_thread) {
      int thread = who_.ThreadOf(f);
      int top = thread >= 0 ? m_.T(thread).top - 1 : -1;
      if (top >= 0 && who_.PartyOf(m_.FrameOf(top)) != f) {
        int child = -1;
        for (std::size_t s = 1; s < m_.UnitOf(f).strand_entry.size(); ++s)
          if (m_.S(m_.Root(f) + static_cast<int>(s)).bits & (kWoken | kDeferred)) child = m_.Root(f) + static_cast<int>(s);
        if (child >= 0 || leaves.empty())
          Add(f, m_.FrameOf(top), WaitKind::kWorker, child, "it is ready, but its thread is blocked in `" + who_.Verb(top) + "`");
      }
    }
  }

  void LeafEdges(int f, int leaf) {
    if (leaf <= -2) { Add(f, -2 - leaf, WaitKind::kJoin, m_.Root(f), "it waits for the end of " + PartyName(m_, -2 - leaf)); return; }
    StrandCell& s = m_.S(leaf);
    const Instr& in = p_.code[s.pc];
    int frame = m_.FrameOf(leaf);
    int element = in.object >= 0 ? (s.phase != 0 && s.element != 0 ? s.element - 1 : m_.ElementOf(in, frame)) : -1;
    std::int32_t* w = element >= 0 ? m_.W(element) : nullptr;
    std::string name = element >= 0 ? "`" + who_.ElementName(element) + "`" : "";
    switch (in.op) {
      case VmOp::kStdLock: case VmOp::kCondWait: case VmOp::kCondWaitTimeout: {
        int mutex = element;
        if (in.op != VmOp::kStdLock) {
          if ((s.bits & kGranted) == 0) {
            Producers(f, leaf, element, {VmOp::kCondNotifyOne, VmOp::kCondNotifyAll}, WaitKind::kNotify, "a notification of " + name, m_.W(element)[0] != 0);
            return;
          }
          mutex = in.target + (in.expr2 >= 0 ? static_cast<int>(m_.Eval(in.expr2, frame)) : 0);
        }
        int holder = m_.W(mutex)[0] - 1;
        if (holder < 0) return;
        bool dead = m_.F(holder).live == 0 || (m_.F(holder).bits & kComplete);
        if (dead) { Add(f, -1, WaitKind::kLock, leaf, "its guard was forgotten and is never dropped"); return; }
        LockHeld(f, leaf, holder, "holds `" + who_.ElementName(mutex) + "`");
        return;
      }
      case VmOp::kRwRead: case VmOp::kRwWrite: case VmOp::kWatchSend: {
        std::vector<int> holders = who_.Holders({RegKind::kWriteGuard}, element);
        if (in.op != VmOp::kRwRead && holders.empty()) holders = who_.Holders({RegKind::kReadGuard}, element);
        for (int holder : holders) LockHeld(f, leaf, holder, "holds " + name);
        std::size_t before = edges_.size();
        if (in.op == VmOp::kRwRead && holders.empty()) BehindWriters(f, leaf, element);
        if (holders.empty() && edges_.size() == before) Add(f, -1, WaitKind::kLock, leaf, "its guard was forgotten and is never dropped");
        return;
      }
      case VmOp::kWatchBorrow: BehindWriters(f, leaf, element); return;
      case VmOp::kWatchChanged: case VmOp::kWatchWaitFor: case VmOp::kBroadcastRecv: case VmOp::kBroadcastBlockingRecv:
        if (in.op == VmOp::kWatchWaitFor && s.status == StrandStatus::kActive) BehindWriters(f, leaf, element);
        else Senders(f, leaf, element);
        return;
      case VmOp::kOnceEnter:
        if (p_.elements[static_cast<std::size_t>(element)].kind == Kind::kOnceCell) {
          if ((s.bits & kGranted) && s.status == StrandStatus::kSuspended) return;
          SemaphoreWait(f, leaf, element);
        } else if (w[0] > 0) {
          LockHeld(f, leaf, w[0] - 1, "initialises " + name);
        }
        return;
      case VmOp::kBarrierWait:
        if ((s.bits & kGranted) == 0) Producers(f, leaf, element, {VmOp::kBarrierWait}, WaitKind::kBarrier, "another arrival at " + name, false);
        return;
      case VmOp::kCancelled: {
        bool any = false;
        for (int x = 0; x < l_.frames; ++x)
          for (int at = element; at >= 0 && who_.IsParty(x); at = p_.elements[static_cast<std::size_t>(at)].parent) {
            if (x == f || !CanStill(x, {VmOp::kCancel}, at)) continue;
            any = true;
            Add(f, x, WaitKind::kNotify, leaf, name + " could still be cancelled by " + PartyName(m_, x) + ", which is stuck itself");
            break;
          }
        if (!any) Add(f, -1, WaitKind::kNotify, leaf, "nothing in the program can cancel " + name + " any more");
        return;
      }
      case VmOp::kJoinNext: case VmOp::kSetShutdown:
        for (int k = 0; k < w[Machine::kMembers]; ++k)
          Add(f, w[Machine::kMember0 + k] - 1, WaitKind::kJoin, leaf, "it waits for the end of " + PartyName(m_, w[Machine::kMember0 + k] - 1));
        return;
      case VmOp::kNext: Add(f, -1, WaitKind::kOther, leaf, name + " polls none of its futures, since its limit is 0"); return;
      case VmOp::kAwaitSet:
        for (int x = 0; x < l_.frames; ++x)
          if (who_.IsParty(x) && m_.F(x).local == p_.elements[static_cast<std::size_t>(element)].ordinal)
            Add(f, x, WaitKind::kJoin, leaf, "it waits for the end of " + PartyName(m_, x));
        return;
      case VmOp::kSemAcquire: case VmOp::kBlockingLock: case VmOp::kMpscSend: case VmOp::kMpscBlockingSend: case VmOp::kMpscReserve:
        if ((s.bits & kGranted) && m_.S(leaf).status == StrandStatus::kSuspended) return;
        SemaphoreWait(f, leaf, element);
        return;
      case VmOp::kStdSend:
      {
        auto owners = who_.Owners(RegKind::kRx, element);
        for (int o : owners) Add(f, o, WaitKind::kChannel, leaf, name + " is full and only " + PartyName(m_, o) + " receives from it");
        if (owners.empty()) Add(f, -1, WaitKind::kChannel, leaf, name + " is full and its receiver was forgotten");
        return;
      }
      case VmOp::kStdRecv: case VmOp::kStdRecvTimeout: case VmOp::kMpscRecv: case VmOp::kOneshotRecv: case VmOp::kMpscBlockingRecv: case VmOp::kOneshotBlockingRecv:
        Senders(f, leaf, element);
        return;
      case VmOp::kOneshotClosed: {
        for (int o : who_.Owners(RegKind::kRx, element)) Add(f, o, WaitKind::kChannel, leaf, PartyName(m_, o) + " holds the receiver of " + name);
        return;
      }
      case VmOp::kIoRead: case VmOp::kIoWrite: {
        if (s.bits & kIoReady) { NeedsDriver(f, leaf, s.timer_runtime - 1, "the pipe is ready"); return; }
        auto owners = who_.Owners(in.op == VmOp::kIoRead ? RegKind::kTx : RegKind::kRx, element);
        for (int o : owners) Add(f, o, WaitKind::kChannel, leaf, "the other end of " + name + " belongs to " + PartyName(m_, o));
        if (owners.empty()) Add(f, -1, WaitKind::kChannel, leaf, "the other end of " + name + " was forgotten");
        return;
      }
      case VmOp::kNotified:
        if (s.bits & (kGranted | kGrantedAll)) return;
        for (int x = 0; x < l_.strands; ++x) {   // it was given to a Notified that nobody polls
          const StrandCell& other = m_.S(x);
          if (x == leaf || other.element != element + 1 || other.status != StrandStatus::kSuspended || (other.bits & kGranted) == 0 || who_.IsPolled(x)) continue;
          if (p_.code[other.pc].op != VmOp::kNotified) continue;
          int owner = who_.PartyOf(m_.FrameOf(x));
          Add(f, owner, WaitKind::kNotify, leaf, "the notification of " + name + " was given to a future of " + PartyName(m_, owner) + " that nobody polls");
          Unpolled(owner);
          return;
        }
        Producers(f, leaf, element, {VmOp::kNotifyOne, VmOp::kNotifyWaiters}, WaitKind::kNotify, "a notification of " + name, w[3] != 0);
        return;
      case VmOp::kStdBarrierWait:
        Producers(f, leaf, element, {VmOp::kStdBarrierWait}, WaitKind::kBarrier, "another arrival at " + name, false);
        return;
      case VmOp::kAwaitTask: case VmOp::kJoinThread: {
        int reg = in.reg + (in.index >= 0 ? static_cast<int>(m_.Eval(in.index, frame)) : 0);
        std::int32_t value = m_.R(frame)[reg];
        if (value == 0) return;
        Add(f, value - 1, WaitKind::kJoin, leaf, "it waits for the end of " + PartyName(m_, value - 1));
        return;
      }
      case VmOp::kScopeJoin:
        for (int x = 0; x < l_.frames; ++x)
          if (who_.IsParty(x) && m_.F(x).scope_frame == frame + 1) Add(f, x, WaitKind::kJoin, leaf, "the scope waits for the end of " + PartyName(m_, x));
        return;
      case VmOp::kSleep: case VmOp::kTimeout:
        if (s.timer == 1 && s.timer_runtime != 0 && s.timer_runtime != 0xff) { NeedsDriver(f, leaf, s.timer_runtime - 1, "its timer is due"); return; }
        if (s.timer_runtime != 0 && m_.RT(s.timer_runtime - 1).driver_dead == 0 && s.timer > 1) Add(f, -1, WaitKind::kSleep, leaf, "it sleeps");
        return;
      case VmOp::kDropReg: case VmOp::kShutdownTimeout: case VmOp::kShutdownBackground: {
        if (s.phase != 2) return;
        const RuntimeDef& def = p_.runtimes[s.need];
        for (int i = 0; i < def.thread_slots; ++i) {
          int t = def.first_thread + i;
          if (m_.T(t).life == ThreadLife::kFree || m_.T(t).top == 0) continue;
          Add(f, m_.FrameOf(m_.T(t).top - 1), WaitKind::kShutdown, leaf, "the shutdown of `" + def.declared->name + "` waits for its threads, and " + ThreadName(m_, t) + " is blocked in `" + who_.Verb(m_.T(t).top - 1) + "`");
        }
        return;
      }
      case VmOp::kBlockOn: {
        int child = m_.Root(frame) + in.strand;
        if (m_.S(child).bits & kWoken) return;
        return;
      }
      case VmOp::kPark: Producers(f, leaf, -1 - frame, {VmOp::kUnpark}, WaitKind::kNotify, "an unpark", false); return;
      case VmOp::kPending: case VmOp::kPendingSync: Add(f, -1, WaitKind::kPending, leaf, "the event that it waits for never comes"); return;
      case VmOp::kYieldNow: {
        // A root future that yielded into a list that nobody wakes.
        for (int c = 0; c < l_.cores; ++c)
          for (Link at = m_.C(c).defer_head; at != 0; at = m_.AfterDeferred(at))
            if (at == leaf + 1 && m_.C(c).thread != 0) { OnThread(f, m_.C(c).thread - 1, WaitKind::kWorker, leaf, "its wake-up lies in that worker's deferred list, and "); return; }
        if ((s.bits & (kDeferred | kWoken)) == 0) Add(f, -1, WaitKind::kWorker, leaf, "its wake-up was put into the deferred list of a worker that this thread no longer is");
        return;
      }
      default: return;
    }
  }

  bool IsSuspendedHolder(int holder) {
    UnitKind kind = m_.UnitOf(holder).kind;
    int party = who_.PartyOf(holder);
    if (kind == UnitKind::kTask || kind == UnitKind::kFuture) return m_.S(m_.Root(party)).status == StrandStatus::kSuspended || m_.S(m_.Root(holder)).status == StrandStatus::kSuspended;
    // A guard taken inside block_on's future by a frame whose root future is suspended.
    for (std::size_t s = 1; s < m_.UnitOf(holder).strand_entry.size(); ++s)
      if (m_.S(m_.Root(holder) + static_cast<int>(s)).status == StrandStatus::kSuspended) return HeldInside(holder);
    return false;
  }
  // A guard belongs to a scope, open now, of a strand that the holder polls.
  bool HeldInside(int holder) {
    const Unit& unit = m_.UnitOf(holder);
    for (std::size_t s = 1; s < unit.strand_entry.size(); ++s) {
      const int strand = m_.Root(holder) + static_cast<int>(s);
      if (m_.S(strand).status != StrandStatus::kSuspended && m_.S(strand).status != StrandStatus::kActive) continue;
      for (int k = m_.InstrAt(strand).scope; k >= 0; k = p_.scopes[static_cast<std::size_t>(k)].parent) {
        const ScopeDef& scope = p_.scopes[static_cast<std::size_t>(k)];
        if (scope.strand == 0) break;
        for (int reg : scope.regs)
          if (IsGuard(unit.regs[static_cast<std::size_t>(reg)].kind) && m_.R(holder)[reg] != 0) return true;
      }
    }
    return false;
  }

  bool SameTask(int f, int holder) { return who_.PartyOf(holder) == f; }

  Machine& m_;
  const Program& p_;
  const Layout& l_;
  Parties& who_;
  const std::vector<bool>& active_;
  Deadline* deadline_;
  std::vector<Dependence> edges_;
  std::map<std::pair<std::set<VmOp>, int>, std::vector<std::int8_t>> can_still_;   // by frame; -1: not known
  std::map<int, std::vector<int>> places_;   // by element, then strand: its place in the queue
};

}  // namespace

std::vector<Dependence> WaitEdges(Machine& machine, Parties& parties, const std::vector<bool>& active, Deadline* deadline) {
  return Collector(machine, parties, active, deadline).All();
}

}  // namespace asyncrt
