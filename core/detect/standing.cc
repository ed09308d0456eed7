#include "core/detect/standing.h"

#include <string>

#include "core/detect/party_names.h"

namespace asyncrt {
namespace {

class Describer {
 public:
  explicit Describer(Machine& m) : m_(m), p_(m.program()), l_(m.layout()), thread_of_(static_cast<std::size_t>(l_.frames), -1) {
    for (int t = 0; t < l_.threads; ++t)
      for (Link at = m_.T(t).top; at != 0; at = m_.S(at - 1).parent) thread_of_[static_cast<std::size_t>(m_.FrameOf(at - 1))] = t;
  }

  std::vector<Standing> All() {
    for (int f = 0; f < l_.frames; ++f)
      if (m_.F(f).live != 0) Add(PartyName(m_, f), Party(f));
    for (std::size_t r = 0; r < p_.runtimes.size(); ++r) RuntimeAndThreads(static_cast<int>(r));
    for (std::size_t e = 0; e < p_.elements.size(); ++e) {
      const std::string text = ObjectText(static_cast<int>(e));
      if (!text.empty()) Add(std::string(KindName(p_.elements[e].kind)) + " " + p_.elements[e].name, text);
    }
    return std::move(out_);
  }

 private:
  void Add(std::string who, std::string what) { out_.push_back({std::move(who), std::move(what)}); }

  static std::string Count(std::int64_t count, const std::string& noun) {
    return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
  }

  static void Join(std::string* text, const std::string& part, const char* separator = ", ") {
    if (!part.empty()) *text += (text->empty() ? "" : separator) + part;
  }

  const std::string& NameOf(int element) { return p_.elements[static_cast<std::size_t>(element)].name; }

  // "`recv ch` (line 10)"
  std::string Call(int strand) {
    const Instr& in = m_.InstrAt(strand);
    if (in.source < 0) return in.op == VmOp::kDropReg ? "a drop at the end of its body" : "the end of its body";
    const SourceOp& source = p_.sources[static_cast<std::size_t>(in.source)];
    std::string text = in.op == VmOp::kDropReg ? "drop" : std::string(source.op->def->verb);
    if (in.op == VmOp::kDropReg && in.reg >= 0) Join(&text, m_.UnitOf(m_.FrameOf(strand)).regs[static_cast<std::size_t>(in.reg)].name, " ");
    else if (in.object >= 0) Join(&text, NameOf(m_.ElementOf(in, m_.FrameOf(strand))), " ");
    else if (source.op->target == Op::Target::kRef) Join(&text, source.op->on.name, " ");
    return "`" + text + "` (line " + std::to_string(source.node->place.line) + ")";
  }

  // Ops that poll others: where those stand says more.
  bool IsFrame(int strand) {
    switch (m_.InstrAt(strand).op) {
      case VmOp::kBlockOn: case VmOp::kSelect: case VmOp::kJoin: case VmOp::kTimeout: case VmOp::kAwaitFuture: case VmOp::kNext:
      case VmOp::kRunUntil: case VmOp::kAwaitSet:
        return true;
      default: return false;
    }
  }

  bool Stands(int strand) { return m_.S(strand).status == StrandStatus::kSuspended || m_.S(strand).status == StrandStatus::kActive; }

  std::string Party(int f) {
    const FrameCell& frame = m_.F(f);
    if (frame.bits & kComplete) {
      switch (frame.result) {
        case Outcome::kPanicked: return "has panicked";
        case Outcome::kCancelled: return "was cancelled";
        case Outcome::kFailed: return "has failed";
        default: return "has ended";
      }
    }
    const bool is_main = m_.UnitOf(f).kind == UnitKind::kMain;
    if (is_main && m_.H().ended != 0) return m_.H().ended == 1 ? "has ended, and with it the process" : "was aborted with the process";
    const int root = m_.Root(f);
    if (m_.S(root).status == StrandStatus::kIdle) return Waiting(f);
    if (m_.S(root).status == StrandStatus::kDone) return "has ended";
    std::string places;
    const int strands = static_cast<int>(m_.UnitOf(f).strand_entry.size());
    for (int s = root; s < root + strands; ++s)
      if (Stands(s) && !IsFrame(s)) Join(&places, places.starts_with("is ") && Place(s).starts_with("is ") ? Place(s).substr(3) : Place(s), " and ");
    if (places.empty()) places = Place(root);
    const int thread = thread_of_[static_cast<std::size_t>(f)];
    if (thread >= 0 && PartyName(m_, f) != "thread " + ThreadName(m_, thread)) places += ", on " + ThreadName(m_, thread);
    if (frame.bits & kNotified) places += "; it was woken, and is not polled yet";
    Join(&places, Held(f), "; ");
    return places;
  }

  // Of what was made and never ran.
  std::string Waiting(int f) {
    switch (m_.UnitOf(f).kind) {
      case UnitKind::kTask: return "is ready, and was never polled";
      case UnitKind::kBlocking: return "is queued, and has no thread yet";
      case UnitKind::kFuture: return "was never polled";
      case UnitKind::kThread: return "is about to start";
      default: return "has not begun";
    }
  }

  std::string Place(int strand) {
    const StrandCell& s = m_.S(strand);
    std::string text;
    if (s.mode == Mode::kPanicking) text = "unwinds; ";
    if (s.mode == Mode::kCancelling) text = "is being dropped; ";
    if (s.status == StrandStatus::kSuspended) return text + "is suspended in " + Call(strand);
    const int thread = thread_of_[static_cast<std::size_t>(m_.FrameOf(strand))];
    if (thread >= 0 && m_.T(thread).top == strand + 1) return text + (m_.ThreadEnabled(thread) ? "comes to " : "is blocked in ") + Call(strand);
    return text + "stands in " + Call(strand);
  }

  std::string Held(int f) {
    std::string text;
    const std::vector<Reg>& regs = m_.UnitOf(f).regs;
    for (std::size_t r = 2; r < regs.size(); ++r) {
      const std::int32_t value = m_.R(f)[r];
      if (value == 0 || regs[r].base < 0 || !SaysObject(regs[r].kind)) continue;
      std::string what = "`" + NameOf(regs[r].base + (value & 0xffff) - 1) + "`";
      if (regs[r].kind == RegKind::kPermit) what = Count(m_.R(f)[r + 1], "permit") + " of " + what;
      if (regs[r].kind == RegKind::kReserve) what = "a reserved place of " + what;
      if (regs[r].kind == RegKind::kReadGuard) what += " to read";
      if (regs[r].kind == RegKind::kWriteGuard) what += " to write";
      Join(&text, what, " and ");
    }
    return text.empty() ? "" : "holds " + text;
  }

  int LengthOf(Link head) {
    int length = 0;
    for (Link at = head; at != 0 && length <= l_.frames; at = m_.F(at - 1).next) ++length;
    return length;
  }

  void RuntimeAndThreads(int r) {
    const RuntimeDef& def = p_.runtimes[static_cast<std::size_t>(r)];
    const RuntimeCell& cell = m_.RT(r);
    std::string text;
    switch (cell.life) {
      case Life::kNotBuilt: text = "is not built"; break;
      case Life::kRunning: text = "runs"; break;
      case Life::kShutdown: text = "is being shut down"; break;
      case Life::kDead: text = "is shut down"; break;
    }
    if (cell.inject_head != 0) text += ", " + Count(LengthOf(cell.inject_head), "task") + " in its injection queue";
    if (cell.head != 0) text += ", " + Count(LengthOf(cell.head), "task") + " in its local queue";
    if (cell.queued != 0) text += ", " + Count(cell.queued, "closure") + " queued for its pool";
    Add("runtime " + def.declared->name, text);
    for (int t = def.first_thread; t < def.first_thread + def.thread_slots; ++t) {
      if (m_.T(t).life == ThreadLife::kFree) continue;
      Add("thread " + ThreadName(m_, t), PoolThread(t));
    }
  }

  // A worker or a thread of the blocking pool.
  std::string PoolThread(int t) {
    const ThreadCell& thread = m_.T(t);
    if (thread.life == ThreadLife::kEnded) return "has ended";
    std::string text;
    if (thread.top != 0) {
      Link below = thread.top;
      while (m_.S(below - 1).parent != 0) below = m_.S(below - 1).parent;
      text = (m_.ThreadEnabled(t) ? "runs " : "is blocked in ") + PartyName(m_, m_.FrameOf(below - 1));
    }
    if (thread.core == 0) return text.empty() ? "is idle" : text;
    const CoreCell& core = m_.C(thread.core - 1);
    if (text.empty()) {
      switch (core.state) {
        case CoreState::kParked: text = "is parked"; break;
        case CoreState::kDriver: text = "is parked on the driver"; break;
        case CoreState::kDropping: text = "drops its tasks"; break;
        case CoreState::kStopped: text = "has stopped"; break;
        default: text = "looks for work"; break;
      }
    }
    if (core.lifo != 0) text += ", " + PartyName(m_, core.lifo - 1) + " in its LIFO slot";
    if (core.head != 0) text += ", " + Count(LengthOf(core.head), "task") + " in its queue";
    return text;
  }

  std::string HeldBy(std::int32_t frame_number) {
    const int frame = frame_number - 1;
    const bool is_gone = m_.F(frame).live == 0 || (m_.F(frame).bits & kComplete) != 0;
    return is_gone ? "held by a guard that was forgotten" : "held by " + PartyName(m_, frame);
  }

  // Of a rwlock that is not free: whoever has a guard of it. Its permits alone do not tell, since a writer that waits gets
  // them one by one.
  std::string HoldersOf(int element) {
    std::string text;
    for (int f = 0; f < l_.frames; ++f) {
      if (m_.F(f).live == 0 || (m_.F(f).bits & kComplete) != 0) continue;
      const std::vector<Reg>& regs = m_.UnitOf(f).regs;
      for (std::size_t r = 2; r < regs.size(); ++r) {
        const std::int32_t value = m_.R(f)[r];
        const bool writes = regs[r].kind == RegKind::kWriteGuard;
        if ((!writes && regs[r].kind != RegKind::kReadGuard) || value == 0 || regs[r].base + (value & 0xffff) - 1 != element) continue;
        Join(&text, PartyName(m_, f) + (writes ? " to write" : " to read"), " and ");
      }
    }
    return text.empty() ? "handed to one that waits, or never given back" : "held by " + text;
  }

  std::string Channel(const Element& e, const std::int32_t* w) {
    std::string text = Count(w[Machine::kCount], "message");
    if (e.capacity >= 0 && e.kind != Kind::kOneshot) text += " of at most " + std::to_string(e.capacity);
    const int places = e.kind == Kind::kMpsc ? w[Machine::kReserved] : 0;   // each with a sender of its own
    const int senders = w[Machine::kTxCount] - places;
    text += senders == 0 ? ", no sender" : ", " + Count(senders, "sender");
    if (places != 0) text += ", " + Count(places, "reserved place");
    if (e.kind == Kind::kBroadcast) text += ", " + Count(w[Machine::kRxState], "receiver");
    else text += w[Machine::kRxState] == 0 ? ", its receiver is gone" : w[Machine::kClosed] != 0 ? ", closed by its receiver" : "";
    return text;
  }

  // Empty: a kind that has no state of its own.
  std::string ObjectText(int element) {
    const Element& e = p_.elements[static_cast<std::size_t>(element)];
    const std::int32_t* w = m_.W(element);
    switch (e.kind) {
      case Kind::kStdMutex: return (w[0] == 0 ? "free" : HeldBy(w[0])) + (w[1] != 0 ? ", poisoned" : "");
      case Kind::kStdRwlock: {
        const std::string poisoned = w[Machine::kPoisoned] != 0 ? ", poisoned" : "";
        if (w[Machine::kWriter] != 0) return HeldBy(w[Machine::kWriter]) + " to write" + poisoned;
        return (w[Machine::kReaders] == 0 ? "free" : "read by " + std::to_string(w[Machine::kReaders])) + poisoned;
      }
      case Kind::kMutex:
        if (w[Machine::kHolder] != 0) return HeldBy(w[Machine::kHolder]);
        return w[Machine::kPermits] > 0 ? "free" : "handed to one that waits";
      case Kind::kRwlock: return w[Machine::kPermits] == kRwlockPermits ? "free" : HoldersOf(element);
      case Kind::kSemaphore: return Count(w[Machine::kPermits], "permit") + " left" + (w[Machine::kClosed] != 0 ? ", closed" : "");
      case Kind::kNotify: return w[0] != 0 ? "keeps a permit" : "keeps no permit";
      case Kind::kStdChannel: case Kind::kMpsc: case Kind::kOneshot: case Kind::kBroadcast: return Channel(e, w);
      case Kind::kWatch: return "value " + std::to_string(w[Machine::kCount]) + ", " + Count(w[Machine::kRxState], "receiver") + (w[Machine::kTxCount] == 0 ? ", no sender" : "");
      case Kind::kAtomic: case Kind::kCell: return std::to_string(w[0]);
      case Kind::kStdBarrier: case Kind::kBarrier: return std::to_string(w[0]) + " of " + std::to_string(e.capacity) + " arrived";
      case Kind::kStdOnce: return w[0] == 0 ? "empty" : w[0] < 0 ? "initialised" : "being initialised by " + PartyName(m_, w[0] - 1);
      case Kind::kOnceCell: return w[Machine::kInitialised] != 0 ? "initialised" : w[Machine::kPermits] > 0 ? "empty" : "being initialised";
      case Kind::kCancellationToken: return w[0] != 0 ? "cancelled" : "not cancelled";
      case Kind::kJoinSet: case Kind::kFuturesUnordered: return Count(w[Machine::kMembers], "member");
      case Kind::kIo: return Count(w[0], "byte") + (w[1] == 0 ? ", no writer" : "") + (w[2] == 0 ? ", no reader" : "");
      case Kind::kValue: return w[0] == 0 ? "dropped" : w[1] != 0 ? "forgotten" : "alive";
      default: return "";
    }
  }

  Machine& m_;
  const Program& p_;
  const Layout& l_;
  std::vector<int> thread_of_;   // by frame: the thread that is in it, or -1
  std::vector<Standing> out_;
};

}  // namespace

std::vector<Standing> StandingsOf(Machine& machine) { return Describer(machine).All(); }

}  // namespace asyncrt
