#include "core/detect/wait_graph.h"

#include <algorithm>
#include <functional>
#include <set>

namespace asyncrt {
namespace {

enum class Edge : std::uint8_t {
  kLock, kSemaphore, kJoin, kChannel, kNotify, kWorker, kDriver, kUndriven, kPool, kShutdown, kBarrier, kPending, kSleep, kOther };

struct Dependence {
  int from = -1;        // party (frame)
  int to = -1;          // party; -1: nobody
  Edge kind = Edge::kOther;
  int strand = -1;      // the waiting strand; -1: a ready task that needs a worker
  std::string why;
  bool unpolled = false, suspended_holder = false, self = false, forgotten = false, notified_before = false, missing = false;
  bool behind_writer = false;   // a read that stands behind a writer in the queue
};

class Graph {
 public:
  Graph(Machine& m, const std::vector<bool>& active) : m_(m), p_(m.program()), l_(m.layout()), active_(active) {}

  std::vector<StuckRoot> Roots() {
    for (int f = 0; f < l_.frames; ++f)
      if (IsParty(f)) Collect(f);
    return Components();
  }

 private:
  // A task or closure that another party drops, in an op of its own, runs its drops as that one. -1: it does not.
  int Dropper(int f) {
    const UnitKind kind = m_.UnitOf(f).kind;
    const StrandCell& root = m_.S(m_.Root(f));
    if ((kind != UnitKind::kTask && kind != UnitKind::kBlocking) || root.mode != Mode::kCancelling || root.status != StrandStatus::kActive || root.parent == 0) return -1;
    const VmOp op = m_.InstrAt(root.parent - 1).op;
    const bool drops = op == VmOp::kDropReg || op == VmOp::kShutdownTimeout || op == VmOp::kShutdownBackground || op == VmOp::kSpawn || op == VmOp::kSpawnBlocking;
    return drops ? m_.FrameOf(root.parent - 1) : -1;
  }

  bool IsParty(int f) {
    FrameCell& frame = m_.F(f);
    UnitKind kind = m_.UnitOf(f).kind;
    return frame.live != 0 && Dropper(f) < 0 && (frame.bits & kComplete) == 0 && kind != UnitKind::kFuture && kind != UnitKind::kDestructor;
  }

  // A kept future belongs to whoever polled it last, or whose register it is in.
  int PartyOf(int frame) {
    for (int guard = 0; guard < 64; ++guard) {
      UnitKind kind = m_.UnitOf(frame).kind;
      if (const int dropper = m_.F(frame).live != 0 ? Dropper(frame) : -1; dropper >= 0) { frame = dropper; continue; }
      if (kind != UnitKind::kFuture && kind != UnitKind::kDestructor) return frame;
      int parent = m_.S(m_.Root(frame)).parent - 1;
      if (parent >= 0) { frame = m_.FrameOf(parent); continue; }
      int owner = OwnerOf(RegKind::kFuture, frame + 1);
      if (owner < 0) return frame;
      frame = owner;
    }
    return frame;
  }

  int OwnerOf(RegKind kind, std::int32_t value) {
    for (int f = 0; f < l_.frames; ++f) {
      if (m_.F(f).live == 0 || (m_.F(f).bits & kComplete)) continue;
      const auto& regs = m_.UnitOf(f).regs;
      for (std::size_t r = 2; r < regs.size(); ++r)
        if (regs[r].kind == kind && m_.R(f)[r] == value) return f;
    }
    if (kind != RegKind::kFuture) return -1;
    for (std::size_t e = 0; e < p_.elements.size(); ++e) {   // a member of a futures_unordered belongs to whoever owns the set
      if (p_.elements[e].kind != Kind::kFuturesUnordered) continue;
      const std::int32_t* w = m_.W(static_cast<int>(e));
      for (int k = 0; k < w[Machine::kMembers]; ++k)
        if (w[Machine::kMember0 + k] == value)
          if (std::vector<int> owners = Holders({RegKind::kSet}, static_cast<int>(e)); !owners.empty()) return owners[0];
    }
    return -1;
  }

  // The frames that own such a value of an element.
  std::vector<int> Holders(const std::set<RegKind>& kinds, int element) {
    std::vector<int> out;
    for (int f = 0; f < l_.frames; ++f) {
      if (m_.F(f).live == 0 || (m_.F(f).bits & kComplete)) continue;
      const auto& regs = m_.UnitOf(f).regs;
      for (std::size_t r = 2; r < regs.size(); ++r)
        if (kinds.count(regs[r].kind) != 0 && m_.R(f)[r] != 0 && regs[r].base >= 0 && regs[r].base + (m_.R(f)[r] & 0xffff) - 1 == element) {
          out.push_back(f);
          break;
        }
    }
    return out;
  }

  std::vector<int> Owners(RegKind kind, int element) {
    std::vector<int> out;
    for (int f : Holders({kind}, element)) out.push_back(PartyOf(f));
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }

  // A dependence on whoever holds a lock; what the rules ask about the holder is marked.
  void LockHeld(int f, int leaf, int holder, const std::string& why) {
    Add(f, holder, Edge::kLock, leaf, PartyName(m_, PartyOf(holder)) + " " + why);
    edges_.back().suspended_holder = IsSuspendedHolder(holder);
    if (edges_.back().to == f || SameTask(f, holder)) edges_.back().self = true;
    // The thread waits for its own sync frame, below the task that it polls.
    UnitKind holder_kind = m_.UnitOf(holder).kind;
    if (holder_kind != UnitKind::kTask && holder_kind != UnitKind::kFuture && !HeldInside(holder) && ThreadOf(holder) >= 0 &&
        ThreadOf(holder) == ThreadOf(m_.FrameOf(leaf)))
      edges_.back().self = true;
  }

  // Threads that wait to write, and whom a read that defers to writers lets pass.
  void BehindWriters(int f, int leaf, int element) {
    for (int t = 0; t < l_.threads; ++t) {
      int top = m_.T(t).top - 1;
      if (top < 0 || m_.S(top).phase != 1 || m_.S(top).element != element + 1) continue;
      VmOp op = m_.InstrAt(top).op;
      if (op != VmOp::kRwWrite && op != VmOp::kWatchSend) continue;
      Add(f, m_.FrameOf(top), Edge::kLock, leaf, PartyName(m_, PartyOf(m_.FrameOf(top))) + " waits to write `" + ElementName(element) + "`, and a later read stands behind it");
      edges_.back().behind_writer = true;
    }
  }

  // A future that owns such a value and is not polled, or -1.
  int KeptBy(RegKind kind, int element) {
    for (int f = 0; f < l_.frames; ++f) {
      if (m_.F(f).live == 0 || (m_.F(f).bits & kComplete) || m_.UnitOf(f).kind != UnitKind::kFuture) continue;
      std::vector<int> leaves;
      Leaves(m_.Root(f), &leaves);
      bool polled = false;
      for (int leaf : leaves) polled = polled || (leaf >= 0 && IsPolled(leaf));
      if (polled) continue;
      const auto& regs = m_.UnitOf(f).regs;
      for (std::size_t r = 2; r < regs.size(); ++r)
        if (regs[r].kind == kind && m_.R(f)[r] != 0 && regs[r].base + (m_.R(f)[r] & 0xffff) - 1 == element) return f;
    }
    return -1;
  }

  // The strands in which a party really waits.
  void Leaves(int strand, std::vector<int>* out, int depth = 0) {
    if (depth > 64) return;
    const StrandCell& s = m_.S(strand);
    const Instr& in = p_.code[s.pc];
    int frame = m_.FrameOf(strand);
    auto children = [&](const std::vector<BranchCode>& branches, std::uint16_t mask) {
      for (std::size_t k = 0; k < branches.size(); ++k) {
        if ((mask >> k) & 1) continue;
        const BranchCode& b = branches[k];
        int child = -1;
        if (b.strand >= 0) child = m_.Root(frame) + b.strand;
        else if (m_.R(frame)[b.reg] != 0) child = m_.Root(m_.R(frame)[b.reg] - 1);
        if (child < 0) continue;
        if (b.strand < 0 && m_.UnitOf(m_.FrameOf(child)).kind != UnitKind::kFuture) { out->push_back(-2 - (m_.R(frame)[b.reg] - 1)); continue; }
        if (m_.S(child).status == StrandStatus::kSuspended || m_.S(child).status == StrandStatus::kActive) Leaves(child, out, depth + 1);
      }
    };
    switch (in.op) {
      case VmOp::kSelect: children(p_.branches[static_cast<std::size_t>(in.list)], s.mask); return;
      case VmOp::kJoin: children(p_.branches[static_cast<std::size_t>(in.list)], s.mask); return;
      case VmOp::kTimeout:
        children(p_.branches[static_cast<std::size_t>(in.list)], 0);
        if (s.timer != 0) out->push_back(strand);
        return;
      case VmOp::kAwaitFuture:
        if (m_.R(frame)[in.reg] != 0) Leaves(m_.Root(m_.R(frame)[in.reg] - 1), out, depth + 1);
        return;
      case VmOp::kNext: {
        const std::int32_t* w = m_.W(m_.ElementOf(in, frame));
        int limit = p_.elements[static_cast<std::size_t>(m_.ElementOf(in, frame))].capacity;
        for (int k = 0; k < w[Machine::kMembers] && (limit < 0 || k < limit); ++k) Leaves(m_.Root(w[Machine::kMember0 + k] - 1), out, depth + 1);
        if (limit == 0) out->push_back(strand);
        return;
      }
      case VmOp::kBlockOn: case VmOp::kRunUntil:
        if (s.phase == 1) {
          int child = m_.Root(frame) + in.strand;
          if (m_.S(child).status == StrandStatus::kSuspended) { Leaves(child, out, depth + 1); return; }
        }
        out->push_back(strand);
        return;
      default: out->push_back(strand); return;
    }
  }

  // The top of the thread on which this strand is, or -1.
  int ThreadOf(int frame) {
    for (int t = 0; t < l_.threads; ++t) {
      ThreadCell& thread = m_.T(t);
      for (int s = thread.top - 1, guard = 0; s >= 0 && guard < 64; s = m_.S(s).parent - 1, ++guard)
        if (m_.FrameOf(s) == frame) return t;
    }
    return -1;
  }

  void Add(int from, int to, Edge kind, int strand, std::string why) {
    Dependence d;
    d.from = from;
    d.to = to >= 0 ? PartyOf(to) : -1;
    d.kind = kind;
    d.strand = strand;
    d.why = std::move(why);
    d.self = d.to == from;
    edges_.push_back(std::move(d));
  }

  std::string ElementName(int element) { return p_.elements[static_cast<std::size_t>(element)].name; }

  // Who occupies the thread that could do the work.
  void OnThread(int party, int thread, Edge kind, int strand, const std::string& why) {
    int top = m_.T(thread).top - 1;
    if (top < 0) { Add(party, -1, kind, strand, why); return; }
    Add(party, m_.FrameOf(top), kind, strand, why + ThreadName(m_, thread) + " is blocked in `" + Verb(top) + "`");
  }

  std::string Verb(int strand) {
    int source = p_.code[m_.S(strand).pc].source;
    return source >= 0 ? std::string(p_.sources[static_cast<std::size_t>(source)].op->def->verb) : "run";
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
        OnThread(party, t, Edge::kPool, -1, "it is queued for the blocking pool of `" + name + why);
      }
      if (!any) Add(party, -1, Edge::kPool, -1, "it is queued for the blocking pool of `" + name + "`, which has no free thread");
      return;
    }
    if (!def.declared->multi_thread) {
      int holder = m_.RT(r).holder - 1;
      if (holder < 0) { Add(party, -1, Edge::kUndriven, -1, "no thread is in a block_on of `" + name + "`, so nobody runs its tasks"); return; }
      OnThread(party, holder, Edge::kWorker, -1, "only the thread that drives `" + name + "` could run it, and ");
      return;
    }
    for (int c = def.first_core; c < def.first_core + def.workers; ++c) {
      CoreCell& core = m_.C(c);
      bool mine = core.lifo == frame + 1;
      for (int s = core.defer_head - 1; s >= 0; s = m_.S(s).defer_next - 1) mine = mine || PartyOf(m_.FrameOf(s)) == frame;
      if (!mine || core.thread == 0) continue;
      OnThread(party, core.thread - 1, Edge::kWorker, -1, core.lifo == frame + 1
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
      OnThread(party, core.thread - 1, Edge::kWorker, -1, asleep ? "it is ready, but nobody has told the workers that sleep, and " : "it is ready, but no worker is free: ");
    }
    if (!any) Add(party, -1, Edge::kWorker, -1, "it is ready, but no worker of `" + name + "` will take it");
  }

  // A task of a local_set runs only while the set is polled, by whoever polls it.
  void NeedsLocalSet(int party, int frame) {
    int element = p_.local_sets[static_cast<std::size_t>(m_.F(frame).local - 1)];
    std::string name = ElementName(element);
    bool any = false;
    for (int s = 0; s < l_.strands; ++s) {
      const StrandCell& poller = m_.S(s);
      if (poller.element != element + 1 || poller.phase == 0) continue;
      VmOp op = p_.code[poller.pc].op;
      if (op != VmOp::kRunUntil && op != VmOp::kAwaitSet) continue;
      any = true;
      int thread = ThreadOf(m_.FrameOf(s));
      int top = thread >= 0 ? m_.T(thread).top - 1 : -1;
      if (poller.status == StrandStatus::kActive && top >= 0) OnThread(party, thread, Edge::kWorker, -1, "only the thread that polls `" + name + "` could run it, and ");
      else Add(party, m_.FrameOf(s), Edge::kWorker, -1, "it runs only while " + PartyName(m_, PartyOf(m_.FrameOf(s))) + " polls `" + name + "`");
    }
    if (!any) Add(party, -1, Edge::kUndriven, -1, "nobody polls `" + name + "`, so nobody runs its tasks");
  }

  void NeedsDriver(int party, int strand, int r, const char* what) {
    const RuntimeDef& def = p_.runtimes[static_cast<std::size_t>(r)];
    const std::string& name = def.declared->name;
    if (!def.declared->multi_thread) {
      int holder = m_.RT(r).holder - 1;
      if (holder < 0) Add(party, -1, Edge::kUndriven, strand, std::string(what) + ", but no thread is in a block_on of `" + name + "` to poll its driver");
      else OnThread(party, holder, Edge::kDriver, strand, std::string(what) + ", but the thread that polls the driver of `" + name + "` cannot: ");
      return;
    }
    bool any = false;
    for (int c = def.first_core; c < def.first_core + def.workers; ++c) {
      CoreCell& core = m_.C(c);
      if (core.thread == 0 || m_.T(core.thread - 1).top == 0) continue;
      any = true;
      OnThread(party, core.thread - 1, Edge::kDriver, strand, std::string(what) + ", but nobody polls the driver of `" + name + "`: ");
    }
    if (!any) Add(party, -1, Edge::kDriver, strand, std::string(what) + ", but nobody polls the driver of `" + name + "` any more");
  }

  // Could what is left of this frame's code do one of these ops on this object?
  bool CanStill(int frame, const std::set<VmOp>& ops, int element) {
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

  void Producers(int party, int strand, int element, const std::set<VmOp>& ops, Edge kind, const std::string& what, bool before) {
    bool any = false;
    for (int f = 0; f < l_.frames; ++f) {
      if (!IsParty(f) || !CanStill(f, ops, element) || f == party) continue;
      any = true;
      Add(party, f, kind, strand, what + " could still come from " + PartyName(m_, f) + ", which is stuck itself");
      edges_.back().notified_before = before;
    }
    for (int f = 0; f < l_.frames && !any; ++f) {   // or from a future that nobody polls
      if (m_.F(f).live == 0 || (m_.F(f).bits & kComplete) || m_.UnitOf(f).kind != UnitKind::kFuture || !CanStill(f, ops, element)) continue;
      Add(party, PartyOf(f), kind, strand, what + " could still come from " + PartyName(m_, f) + " of " + PartyName(m_, PartyOf(f)) + ", which polls something else");
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
    std::string name = ElementName(element);
    bool any = false;
    std::int32_t held = w[Machine::kPermits];
    Edge kind = e.kind == Kind::kMpsc ? Edge::kChannel : e.kind == Kind::kSemaphore ? Edge::kSemaphore : Edge::kLock;
    bool reads = e.kind == Kind::kRwlock && p_.code[m_.S(strand).pc].imm == 1;
    if (e.kind == Kind::kRwlock || e.kind == Kind::kOnceCell) {
      for (int holder : Holders({RegKind::kReadGuard, RegKind::kWriteGuard, RegKind::kOnceGuard}, element)) {
        if (reads && Holders({RegKind::kWriteGuard}, element).empty()) break;   // it could be shared: who stands before it is to blame
        any = true;
        Add(party, holder, kind, strand, PartyName(m_, PartyOf(holder)) + (e.kind == Kind::kOnceCell ? " initialises `" : " holds `") + name + "`");
        MarkUnpolled(holder);
      }
    }
    if (e.kind == Kind::kMutex && w[Machine::kHolder] != 0) {
      int holder = w[Machine::kHolder] - 1;
      any = true;
      Add(party, holder, kind, strand, PartyName(m_, PartyOf(holder)) + " holds `" + name + "`");
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
          Add(party, f, kind, strand, PartyName(m_, PartyOf(f)) + " holds " + std::to_string(m_.R(f)[r + 1]) + " of its permits");
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
      bool polled = IsPolled(s);
      int owner = PartyOf(m_.FrameOf(s));
      if (polled && (x.bits & kGranted) == 0 && owner == party) continue;
      any = true;
      Add(party, owner, kind, strand, (x.bits & kGranted) ? "it was handed to a future of " + PartyName(m_, owner) + " that nobody polls"
                                                         : "a future of " + PartyName(m_, owner) + " stands before it in the queue");
      edges_.back().behind_writer = reads && (x.bits & kGranted) == 0 && n > 1;
      if (!polled) Unpolled(owner);
    }
    if (e.kind == Kind::kMpsc) {
      std::vector<int> owners = Owners(RegKind::kRx, element);
      for (int owner : owners) { any = true; Add(party, owner, kind, strand, "`" + name + "` is full and only " + PartyName(m_, owner) + " receives from it"); }
      for (int owner : Owners(RegKind::kReserve, element)) { any = true; Add(party, owner, kind, strand, PartyName(m_, owner) + " keeps a reserved place of it"); }
    }
    if (e.kind == Kind::kSemaphore && strand >= 0) {
      int want = static_cast<int>(p_.code[m_.S(strand).pc].imm);
      held += want - m_.S(strand).need;
      if (held < want) edges_.push_back({party, -1, Edge::kSemaphore, strand, "it wants " + std::to_string(want) + " permits, and only " + std::to_string(held) + " are left or can come back", false, false, false, false, false, true});
      else if (!any) Add(party, -1, kind, strand, "its permits are held by nobody who will give them back");
    } else if (!any) {
      Add(party, -1, kind, strand, "nobody who holds `" + name + "` will give it back");
      edges_.back().missing = e.kind == Kind::kSemaphore;
    }
  }

  bool Before(int element, int s, int strand) {
    std::int32_t* w = m_.W(element);
    for (int at = w[Machine::kHead] - 1; at >= 0; at = m_.S(at).next - 1) {
      if (at == s) return true;
      if (at == strand) return false;
    }
    return false;
  }

  // A future that is alive, while its owner waits elsewhere.
  bool IsPolled(int strand) {
    for (int f = 0; f < l_.frames; ++f) {
      if (!IsParty(f)) continue;
      std::vector<int> leaves = PartyLeaves(f);
      if (std::find(leaves.begin(), leaves.end(), strand) != leaves.end()) return true;
    }
    return false;
  }

  void MarkUnpolled(int holder) {
    UnitKind kind = m_.UnitOf(holder).kind;
    if (kind == UnitKind::kFuture) {
      int root = m_.Root(holder);
      std::vector<int> leaves;
      Leaves(root, &leaves);
      bool polled = false;
      for (int leaf : leaves) polled = polled || (leaf >= 0 && IsPolled(leaf));
      if (!polled) Unpolled(PartyOf(holder));
    }
  }

  // The last dependence is on a future that nobody polls: a case of its own if its owner is itself suspended.
  void Unpolled(int owner) {
    UnitKind kind = m_.UnitOf(owner).kind;
    if (kind == UnitKind::kTask && m_.S(m_.Root(owner)).status != StrandStatus::kSuspended) return;
    for (int leaf : PartyLeaves(owner))
      if (leaf >= 0 && m_.S(leaf).status == StrandStatus::kActive) return;
    edges_.back().unpolled = true;
  }

  std::vector<int> PartyLeaves(int f) {
    std::vector<int> leaves;
    int root = m_.Root(f);
    const Unit& unit = m_.UnitOf(f);
    int thread = ThreadOf(f);
    if (m_.S(root).status == StrandStatus::kActive) {
      // On a thread: the deepest active strand that belongs to it.
      int deepest = -1;
      if (thread >= 0)
        for (int s = m_.T(thread).top - 1, guard = 0; s >= 0 && guard < 64; s = m_.S(s).parent - 1, ++guard)
          if (PartyOf(m_.FrameOf(s)) == f) { deepest = s; break; }
      if (deepest < 0) deepest = root;
      Leaves(deepest, &leaves);
    } else {
      Leaves(root, &leaves);
    }
    (void)unit;
    return leaves;
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
    std::vector<int> leaves = PartyLeaves(f);
    for (int leaf : leaves) LeafEdges(f, leaf);
    // A root future that was woken, or whose thread runs something else that blocks.
    if (on_thread) {
      int thread = ThreadOf(f);
      int top = thread >= 0 ? m_.T(thread).top - 1 : -1;
      if (top >= 0 && PartyOf(m_.FrameOf(top)) != f) {
        int child = -1;
        for (std::size_t s = 1; s < m_.UnitOf(f).strand_entry.size(); ++s)
          if (m_.S(m_.Root(f) + static_cast<int>(s)).bits & (kWoken | kDeferred)) child = m_.Root(f) + static_cast<int>(s);
        if (child >= 0 || leaves.empty())
          Add(f, m_.FrameOf(top), Edge::kWorker, child, "it is ready, but its thread is blocked in `" + Verb(top) + "`");
      }
    }
  }

  void LeafEdges(int f, int leaf) {
    if (leaf <= -2) { Add(f, -2 - leaf, Edge::kJoin, m_.Root(f), "it waits for the end of " + PartyName(m_, -2 - leaf)); return; }
    StrandCell& s = m_.S(leaf);
    const Instr& in = p_.code[s.pc];
    int frame = m_.FrameOf(leaf);
    int element = in.object >= 0 ? (s.phase != 0 && s.element != 0 ? s.element - 1 : m_.ElementOf(in, frame)) : -1;
    std::int32_t* w = element >= 0 ? m_.W(element) : nullptr;
    std::string name = element >= 0 ? "`" + ElementName(element) + "`" : "";
    switch (in.op) {
      case VmOp::kStdLock: case VmOp::kCondWait: case VmOp::kCondWaitTimeout: {
        int mutex = element;
        if (in.op != VmOp::kStdLock) {
          if ((s.bits & kGranted) == 0) {
            Producers(f, leaf, element, {VmOp::kCondNotifyOne, VmOp::kCondNotifyAll}, Edge::kNotify, "a notification of " + name, m_.W(element)[0] != 0);
            return;
          }
          mutex = in.target + (in.expr2 >= 0 ? static_cast<int>(m_.Eval(in.expr2, frame)) : 0);
        }
        int holder = m_.W(mutex)[0] - 1;
        if (holder < 0) return;
        bool dead = m_.F(holder).live == 0 || (m_.F(holder).bits & kComplete);
        if (dead) { Add(f, -1, Edge::kLock, leaf, "its guard was forgotten and is never dropped"); return; }
        LockHeld(f, leaf, holder, "holds `" + ElementName(mutex) + "`");
        return;
      }
      case VmOp::kRwRead: case VmOp::kRwWrite: case VmOp::kWatchSend: {
        std::vector<int> holders = Holders({RegKind::kWriteGuard}, element);
        if (in.op != VmOp::kRwRead && holders.empty()) holders = Holders({RegKind::kReadGuard}, element);
        for (int holder : holders) LockHeld(f, leaf, holder, "holds " + name);
        std::size_t before = edges_.size();
        if (in.op == VmOp::kRwRead && holders.empty()) BehindWriters(f, leaf, element);
        if (holders.empty() && edges_.size() == before) Add(f, -1, Edge::kLock, leaf, "its guard was forgotten and is never dropped");
        return;
      }
      case VmOp::kWatchBorrow: BehindWriters(f, leaf, element); return;
      case VmOp::kWatchChanged: case VmOp::kWatchWaitFor: case VmOp::kBroadcastRecv: case VmOp::kBroadcastBlockingRecv: {
        if (in.op == VmOp::kWatchWaitFor && s.status == StrandStatus::kActive) { BehindWriters(f, leaf, element); return; }
        std::vector<int> owners = Owners(RegKind::kTx, element);
        for (int o : owners)
          Add(f, o, Edge::kChannel, leaf, o == f ? "it holds the sender of " + name + " itself, so it never closes"
                                                : owners.size() == 1 ? "only " + PartyName(m_, o) + " can send on " + name : PartyName(m_, o) + " still holds a sender of " + name);
        if (owners.empty()) Add(f, -1, Edge::kChannel, leaf, w[Machine::kForgotten] ? "a sender of " + name + " was forgotten, so it neither sends nor closes"
                                                                                  : "the sender of " + name + " lies in a message that nobody receives");
        return;
      }
      case VmOp::kOnceEnter:
        if (p_.elements[static_cast<std::size_t>(element)].kind == Kind::kOnceCell) {
          if ((s.bits & kGranted) && s.status == StrandStatus::kSuspended) return;
          SemaphoreWait(f, leaf, element);
        } else if (w[0] > 0) {
          LockHeld(f, leaf, w[0] - 1, "initialises " + name);
        }
        return;
      case VmOp::kBarrierWait:
        if ((s.bits & kGranted) == 0) Producers(f, leaf, element, {VmOp::kBarrierWait}, Edge::kBarrier, "another arrival at " + name, false);
        return;
      case VmOp::kCancelled: {
        bool any = false;
        for (int x = 0; x < l_.frames; ++x)
          for (int at = element; at >= 0 && IsParty(x); at = p_.elements[static_cast<std::size_t>(at)].parent) {
            if (x == f || !CanStill(x, {VmOp::kCancel}, at)) continue;
            any = true;
            Add(f, x, Edge::kNotify, leaf, name + " could still be cancelled by " + PartyName(m_, x) + ", which is stuck itself");
            break;
          }
        if (!any) Add(f, -1, Edge::kNotify, leaf, "nothing in the program can cancel " + name + " any more");
        return;
      }
      case VmOp::kJoinNext: case VmOp::kSetShutdown:
        for (int k = 0; k < w[Machine::kMembers]; ++k)
          Add(f, w[Machine::kMember0 + k] - 1, Edge::kJoin, leaf, "it waits for the end of " + PartyName(m_, w[Machine::kMember0 + k] - 1));
        return;
      case VmOp::kNext: Add(f, -1, Edge::kOther, leaf, name + " polls none of its futures, since its limit is 0"); return;
      case VmOp::kAwaitSet:
        for (int x = 0; x < l_.frames; ++x)
          if (IsParty(x) && m_.F(x).local == p_.elements[static_cast<std::size_t>(element)].ordinal)
            Add(f, x, Edge::kJoin, leaf, "it waits for the end of " + PartyName(m_, x));
        return;
      case VmOp::kSemAcquire: case VmOp::kBlockingLock: case VmOp::kMpscSend: case VmOp::kMpscBlockingSend: case VmOp::kMpscReserve:
        if ((s.bits & kGranted) && m_.S(leaf).status == StrandStatus::kSuspended) return;
        SemaphoreWait(f, leaf, element);
        return;
      case VmOp::kStdSend:
      {
        auto owners = Owners(RegKind::kRx, element);
        for (int o : owners) Add(f, o, Edge::kChannel, leaf, name + " is full and only " + PartyName(m_, o) + " receives from it");
        if (owners.empty()) Add(f, -1, Edge::kChannel, leaf, name + " is full and its receiver was forgotten");
        return;
      }
      case VmOp::kStdRecv: case VmOp::kStdRecvTimeout: case VmOp::kMpscRecv: case VmOp::kOneshotRecv: case VmOp::kMpscBlockingRecv: case VmOp::kOneshotBlockingRecv: {
        auto owners = Owners(RegKind::kTx, element);
        if (int kept = KeptBy(RegKind::kTx, element); kept >= 0) {   // a future that nobody polls owns a sender
          Add(f, PartyOf(kept), Edge::kChannel, leaf, PartyName(m_, kept) + ", which nobody polls, owns a sender of " + name);
          MarkUnpolled(kept);
        }
        for (int o : owners)
          Add(f, o, Edge::kChannel, leaf, o == f ? "it holds a sender of " + name + " itself, so the channel never closes"
                                                : owners.size() == 1 ? "only " + PartyName(m_, o) + " can send on " + name : PartyName(m_, o) + " still holds a sender of " + name);
        if (owners.empty()) Add(f, -1, Edge::kChannel, leaf, w[Machine::kForgotten] ? "a sender of " + name + " was forgotten, so it neither sends nor closes"
                                                                                  : "the sender of " + name + " lies in a message that nobody receives");
        return;
      }
      case VmOp::kOneshotClosed: {
        for (int o : Owners(RegKind::kRx, element)) Add(f, o, Edge::kChannel, leaf, PartyName(m_, o) + " holds the receiver of " + name);
        return;
      }
      case VmOp::kIoRead: case VmOp::kIoWrite: {
        if (s.bits & kIoReady) { NeedsDriver(f, leaf, s.timer_runtime - 1, "the pipe is ready"); return; }
        auto owners = Owners(in.op == VmOp::kIoRead ? RegKind::kTx : RegKind::kRx, element);
        for (int o : owners) Add(f, o, Edge::kChannel, leaf, "the other end of " + name + " belongs to " + PartyName(m_, o));
        if (owners.empty()) Add(f, -1, Edge::kChannel, leaf, "the other end of " + name + " was forgotten");
        return;
      }
      case VmOp::kNotified:
        if (s.bits & (kGranted | kGrantedAll)) return;
        for (int x = 0; x < l_.strands; ++x) {   // it was given to a Notified that nobody polls
          const StrandCell& other = m_.S(x);
          if (x == leaf || other.element != element + 1 || other.status != StrandStatus::kSuspended || (other.bits & kGranted) == 0 || IsPolled(x)) continue;
          if (p_.code[other.pc].op != VmOp::kNotified) continue;
          int owner = PartyOf(m_.FrameOf(x));
          Add(f, owner, Edge::kNotify, leaf, "the notification of " + name + " was given to a future of " + PartyName(m_, owner) + " that nobody polls");
          Unpolled(owner);
          return;
        }
        Producers(f, leaf, element, {VmOp::kNotifyOne, VmOp::kNotifyWaiters}, Edge::kNotify, "a notification of " + name, w[3] != 0);
        return;
      case VmOp::kStdBarrierWait:
        Producers(f, leaf, element, {VmOp::kStdBarrierWait}, Edge::kBarrier, "another arrival at " + name, false);
        return;
      case VmOp::kAwaitTask: case VmOp::kJoinThread: {
        int reg = in.reg + (in.index >= 0 ? static_cast<int>(m_.Eval(in.index, frame)) : 0);
        std::int32_t value = m_.R(frame)[reg];
        if (value == 0) return;
        Add(f, value - 1, Edge::kJoin, leaf, "it waits for the end of " + PartyName(m_, value - 1));
        return;
      }
      case VmOp::kScopeJoin:
        for (int x = 0; x < l_.frames; ++x)
          if (IsParty(x) && m_.F(x).scope_frame == frame + 1) Add(f, x, Edge::kJoin, leaf, "the scope waits for the end of " + PartyName(m_, x));
        return;
      case VmOp::kSleep: case VmOp::kTimeout:
        if (s.timer == 1 && s.timer_runtime != 0 && s.timer_runtime != 0xff) { NeedsDriver(f, leaf, s.timer_runtime - 1, "its timer is due"); return; }
        if (s.timer_runtime != 0 && m_.RT(s.timer_runtime - 1).driver_dead == 0 && s.timer > 1) Add(f, -1, Edge::kSleep, leaf, "it sleeps");
        return;
      case VmOp::kDropReg: case VmOp::kShutdownTimeout: case VmOp::kShutdownBackground: {
        if (s.phase != 2) return;
        const RuntimeDef& def = p_.runtimes[s.need];
        for (int i = 0; i < def.thread_slots; ++i) {
          int t = def.first_thread + i;
          if (m_.T(t).life == ThreadLife::kFree || m_.T(t).top == 0) continue;
          Add(f, m_.FrameOf(m_.T(t).top - 1), Edge::kShutdown, leaf, "the shutdown of `" + def.declared->name + "` waits for its threads, and " + ThreadName(m_, t) + " is blocked in `" + Verb(m_.T(t).top - 1) + "`");
        }
        return;
      }
      case VmOp::kBlockOn: {
        int child = m_.Root(frame) + in.strand;
        if (m_.S(child).bits & kWoken) return;
        return;
      }
      case VmOp::kPark: Producers(f, leaf, -1 - frame, {VmOp::kUnpark}, Edge::kNotify, "an unpark", false); return;
      case VmOp::kPending: case VmOp::kPendingSync: Add(f, -1, Edge::kPending, leaf, "the event that it waits for never comes"); return;
      case VmOp::kYieldNow: {
        // A root future that yielded into a list that nobody wakes.
        for (int c = 0; c < l_.cores; ++c)
          for (int x = m_.C(c).defer_head - 1; x >= 0; x = m_.S(x).defer_next - 1)
            if (x == leaf && m_.C(c).thread != 0) { OnThread(f, m_.C(c).thread - 1, Edge::kWorker, leaf, "its wake-up lies in that worker's deferred list, and "); return; }
        if ((s.bits & (kDeferred | kWoken)) == 0) Add(f, -1, Edge::kWorker, leaf, "its wake-up was put into the deferred list of a worker that this thread no longer is");
        return;
      }
      default: return;
    }
  }

  bool IsSuspendedHolder(int holder) {
    UnitKind kind = m_.UnitOf(holder).kind;
    int party = PartyOf(holder);
    if (kind == UnitKind::kTask || kind == UnitKind::kFuture) return m_.S(m_.Root(party)).status == StrandStatus::kSuspended || m_.S(m_.Root(holder)).status == StrandStatus::kSuspended;
    // A guard taken inside block_on's future by a frame whose root future is suspended.
    for (std::size_t s = 1; s < m_.UnitOf(holder).strand_entry.size(); ++s)
      if (m_.S(m_.Root(holder) + static_cast<int>(s)).status == StrandStatus::kSuspended) return HeldInside(holder);
    return false;
  }
  // The guard's register belongs to a scope of a strand that is polled.
  bool HeldInside(int holder) {
    const Unit& unit = m_.UnitOf(holder);
    for (const ScopeDef& scope : p_.scopes) {
      if (scope.strand == 0) continue;
      for (int reg : scope.regs)
        if (static_cast<std::size_t>(reg) < unit.regs.size() && IsGuard(unit.regs[static_cast<std::size_t>(reg)].kind) && m_.R(holder)[reg] != 0) return true;
    }
    return false;
  }

  bool SameTask(int f, int holder) { return PartyOf(holder) == f; }

  std::vector<StuckRoot> Components() {
    // Tarjan over the parties.
    int n = l_.frames;
    std::vector<std::vector<int>> out(static_cast<std::size_t>(n));
    std::vector<bool> leaves_root(static_cast<std::size_t>(n), false), party(static_cast<std::size_t>(n), false);
    for (int f = 0; f < n; ++f) party[static_cast<std::size_t>(f)] = IsParty(f) && !(f < static_cast<int>(active_.size()) && active_[static_cast<std::size_t>(f)]);
    for (const Dependence& d : edges_) {
      if (d.to < 0) continue;
      if (!party[static_cast<std::size_t>(d.to)]) { leaves_root[static_cast<std::size_t>(d.from)] = true; continue; }
      out[static_cast<std::size_t>(d.from)].push_back(d.to);
      // A party in `pending`, or that waits for what nobody sends, is one root with those who wait for it.
      bool helpless = false;
      for (const Dependence& e : edges_)
        if (e.from == d.to && (e.kind == Edge::kPending || (e.kind == Edge::kChannel && e.to < 0))) helpless = true;
      if (helpless) out[static_cast<std::size_t>(d.to)].push_back(d.from);
    }
    std::vector<int> index(static_cast<std::size_t>(n), -1), low(static_cast<std::size_t>(n), 0), component(static_cast<std::size_t>(n), -1), stack;
    int counter = 0, components = 0;
    std::function<void(int)> visit = [&](int v) {
      auto i = static_cast<std::size_t>(v);
      index[i] = low[i] = counter++;
      stack.push_back(v);
      for (int x : out[i]) {
        auto j = static_cast<std::size_t>(x);
        if (index[j] < 0) { visit(x); low[i] = std::min(low[i], low[j]); }
        else if (component[j] < 0) low[i] = std::min(low[i], index[j]);
      }
      if (low[i] == index[i]) {
        int x;
        do {
          x = stack.back();
          stack.pop_back();
          component[static_cast<std::size_t>(x)] = components;
        } while (x != v);
        ++components;
      }
    };
    for (int f = 0; f < n; ++f)
      if (party[static_cast<std::size_t>(f)] && index[static_cast<std::size_t>(f)] < 0) visit(f);
    std::vector<bool> root(static_cast<std::size_t>(components), true);
    for (int f = 0; f < n; ++f) {
      if (!party[static_cast<std::size_t>(f)]) continue;
      int c = component[static_cast<std::size_t>(f)];
      if (leaves_root[static_cast<std::size_t>(f)]) root[static_cast<std::size_t>(c)] = false;
      for (int x : out[static_cast<std::size_t>(f)])
        if (component[static_cast<std::size_t>(x)] != c) root[static_cast<std::size_t>(c)] = false;
    }
    std::vector<StuckRoot> result;
    for (int c = 0; c < components; ++c) {
      if (!root[static_cast<std::size_t>(c)]) continue;
      std::vector<const Dependence*> inside, behind;
      bool waits = false;
      for (const Dependence& d : edges_) {
        if (component[static_cast<std::size_t>(d.from)] == c) { inside.push_back(&d); waits = true; }
      }
      if (!waits) continue;   // not stuck, or waits for nothing that we know
      // Those that wait for the root, directly or not.
      std::set<int> affected;
      for (int f = 0; f < n; ++f) if (party[static_cast<std::size_t>(f)] && component[static_cast<std::size_t>(f)] == c) affected.insert(f);
      std::set<int> members = affected;
      for (bool grown = true; grown;) {
        grown = false;
        for (const Dependence& d : edges_)
          if (d.to >= 0 && affected.count(d.to) && !affected.count(d.from)) { affected.insert(d.from); grown = true; }
      }
      for (const Dependence& d : edges_)
        if (affected.count(d.from) && !members.count(d.from) && d.to >= 0 && affected.count(d.to)) behind.push_back(&d);
      StuckRoot r;
      r.rule = Rule(inside);
      r.inside = inside.size();
      for (const Dependence* d : inside) AddWait(&r, *d);
      for (const Dependence* d : behind) AddWait(&r, *d);
      r.frames.assign(affected.begin(), affected.end());
      result.push_back(std::move(r));
    }
    return result;
  }

  // Does a chain of waits lead from `from` to `to`?
  static bool Leads(const std::vector<const Dependence*>& waits, int from, int to) {
    std::set<int> seen = {from};
    std::vector<int> work = {from};
    while (!work.empty()) {
      int at = work.back();
      work.pop_back();
      if (at == to) return true;
      for (const Dependence* d : waits)
        if (d->from == at && d->to >= 0 && seen.insert(d->to).second) work.push_back(d->to);
    }
    return false;
  }

  std::string Rule(const std::vector<const Dependence*>& waits) {
    auto any = [&](auto test) { return std::any_of(waits.begin(), waits.end(), [&](const Dependence* d) { return test(*d); }); };
    auto all = [&](auto test) { return std::all_of(waits.begin(), waits.end(), [&](const Dependence* d) { return test(*d); }); };
    auto in_cycle = [&](const Dependence& d) { return d.to >= 0 && Leads(waits, d.to, d.from); };
    if (any([](const Dependence& d) { return d.kind == Edge::kLock && d.self && !d.unpolled; })) return "deadlock/relock";
    if (any([](const Dependence& d) { return d.kind == Edge::kLock && d.suspended_holder; })) return "deadlock/guard-across-await";
    if (any([&](const Dependence& d) { return d.behind_writer && in_cycle(d); })) return "deadlock/read-reentry";
    if (any([](const Dependence& d) { return d.unpolled; })) return "deadlock/unpolled-future";
    if (any([](const Dependence& d) { return d.kind == Edge::kShutdown; })) return "deadlock/shutdown";
    if (any([](const Dependence& d) { return d.kind == Edge::kPool; })) return "deadlock/blocking-pool";
    if (any([](const Dependence& d) { return d.kind == Edge::kUndriven; })) return "deadlock/undriven-runtime";
    if (any([](const Dependence& d) { return d.kind == Edge::kDriver; })) return "deadlock/driver";
    if (any([](const Dependence& d) { return d.kind == Edge::kWorker; })) return "deadlock/blocked-workers";
    if (any([](const Dependence& d) { return d.missing; })) return "deadlock/permits";
    if (any([](const Dependence& d) { return d.kind == Edge::kBarrier; })) return "deadlock/barrier";
    if (any([&](const Dependence& d) { return (d.kind == Edge::kLock || d.kind == Edge::kSemaphore) && in_cycle(d); })) return "deadlock/lock-cycle";
    if (any(in_cycle) && all([](const Dependence& d) { return d.kind == Edge::kJoin; })) return "deadlock/join-cycle";
    if (any([](const Dependence& d) { return d.kind == Edge::kChannel; })) return "deadlock/channel";
    if (any([](const Dependence& d) { return d.kind == Edge::kNotify && d.notified_before; })) return "deadlock/lost-wakeup";
    return "deadlock/no-waker";
  }

  void AddWait(StuckRoot* r, const Dependence& d) {
    Wait w;
    w.who = PartyName(m_, d.from);
    int thread = m_.S(m_.Root(d.from)).status == StrandStatus::kActive ? ThreadOf(d.from) : -1;
    if (thread >= 0) w.thread = ThreadName(m_, thread);
    int source = -1;
    if (d.strand >= 0) {
      const Instr& in = p_.code[m_.S(d.strand).pc];
      source = in.source;
      w.op = source >= 0 ? std::string(p_.sources[static_cast<std::size_t>(source)].op->def->verb) : "run";
      if (in.op == VmOp::kDropReg && (d.kind == Edge::kShutdown)) w.op = "drop";
      if (in.object >= 0) w.on = ElementName(m_.S(d.strand).element != 0 ? m_.S(d.strand).element - 1 : m_.ElementOf(in, m_.FrameOf(d.strand)));
      else if (d.kind == Edge::kShutdown) w.on = p_.runtimes[m_.S(d.strand).need].declared->name;
      else if (source >= 0 && p_.sources[static_cast<std::size_t>(source)].op->target == Op::Target::kRef) w.on = p_.sources[static_cast<std::size_t>(source)].op->on.name;
    } else {
      w.op = "run";
      int runtime = m_.F(d.from).runtime - 1;
      if (runtime >= 0) w.on = p_.runtimes[static_cast<std::size_t>(runtime)].declared->name;
      source = m_.UnitOf(d.from).source;
    }
    bool through_thread = d.kind == Edge::kWorker || d.kind == Edge::kDriver || d.kind == Edge::kPool || d.kind == Edge::kShutdown;
    int to_thread = d.to >= 0 && through_thread ? ThreadOf(d.to) : -1;
    w.waits_for = d.to < 0 ? "nobody" : to_thread >= 0 ? "thread " + ThreadName(m_, to_thread) : PartyName(m_, d.to);
    w.why = d.why;
    r->waits.push_back(std::move(w));
    r->sources.push_back(source);
  }

  Machine& m_;
  const Program& p_;
  const Layout& l_;
  const std::vector<bool>& active_;
  std::vector<Dependence> edges_;
};

}  // namespace

std::string PartyName(Machine& m, int frame) {
  const Unit& unit = m.UnitOf(frame);
  std::string name = unit.name;
  if (unit.kind != UnitKind::kMain && unit.source >= 0) {
    const Op& op = *m.program().sources[static_cast<std::size_t>(unit.source)].op;
    int number = frame - m.layout().unit_frame[static_cast<std::size_t>(m.layout().frame_unit[static_cast<std::size_t>(frame)])];
    if (op.count && *op.count > 1) name += "[" + std::to_string(m.R(frame)[1]) + "]";
    else if (number > 0) name += "#" + std::to_string(number + 1);
  }
  switch (unit.kind) {
    case UnitKind::kMain: return "thread main";
    case UnitKind::kThread: return "thread " + name;
    case UnitKind::kFuture: return "future " + name;
    default: return "task " + name;
  }
}

std::string ThreadName(Machine& m, int thread) {
  if (thread == 0) return "main";
  const Program& p = m.program();
  for (const RuntimeDef& def : p.runtimes) {
    int i = thread - def.first_thread;
    if (i < 0 || i >= def.thread_slots) continue;
    return def.declared->name + (i < def.workers ? "/worker-" + std::to_string(i) : "/blocking-" + std::to_string(i - def.workers));
  }
  for (int f = 0; f < m.layout().frames; ++f)
    if (m.layout().frame_thread[static_cast<std::size_t>(f)] == thread) return PartyName(m, f).substr(7);
  return "thread-" + std::to_string(thread);
}

std::vector<StuckRoot> FindStuckRoots(Machine& machine, const std::vector<bool>& active) { return Graph(machine, active).Roots(); }

}  // namespace asyncrt
