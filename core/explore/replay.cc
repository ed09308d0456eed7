#include "core/explore/replay.h"

#include <charconv>

#include "core/detect/party_names.h"
#include "core/detect/standing.h"

namespace asyncrt {
namespace {

std::string Duration(std::int64_t us) {
  if (us % 1'000'000 == 0) return std::to_string(us / 1'000'000) + "s";
  if (us % 1000 == 0) return std::to_string(us / 1000) + "ms";
  return std::to_string(us) + "us";
}

class Teller {
 public:
  Teller(const Program& p, const Layout& l, const PlayMode& mode) : p_(p), l_(l), m_(p, l, mode), state_(static_cast<std::size_t>(l.bytes)) {
    m_.Attach(state_.data());
    m_.Initial();
  }

  bool Play(const Move& move, Told* told) {
    ScheduleStep& step = told->step;
    if (move.actor < 0 || move.actor >= m_.actors()) return false;
    if (move.actor > m_.clock()) {
      int thread = move.actor - m_.clock() - 1;
      if (!m_.SpuriousEnabled(thread)) return false;
      step.thread = ThreadName(m_, thread);
      int top = m_.T(thread).top - 1;
      told->frame = m_.FrameOf(top);
      int source = m_.InstrAt(top).source;
      if (source >= 0) {
        step.op = std::string(p_.sources[static_cast<std::size_t>(source)].op->def->verb);
        step.pointer = p_.sources[static_cast<std::size_t>(source)].node->pointer;
        step.line = p_.sources[static_cast<std::size_t>(source)].node->place.line;
      }
      const bool eats = m_.EatsToken(move.actor - m_.clock() - 1);
      chooser_.Force(move.choices);
      m_.Step(move.actor, chooser_);
      step.time_us = now_;
      step.effect = eats ? "waits by parking, and uses the park token up" : "returns spuriously";
      return true;
    }
    if (move.actor == m_.clock() ? !m_.ClockEnabled(false) : !m_.ThreadEnabled(move.actor)) return false;
    step.thread = move.actor == m_.clock() ? "clock" : ThreadName(m_, move.actor);
    int before = move.actor == m_.clock() ? -1 : m_.T(move.actor).top - 1;
    CoreState core_before = CoreState::kAbsent;
    if (before < 0 && move.actor != m_.clock() && m_.T(move.actor).core != 0) {
      core_before = m_.C(m_.T(move.actor).core - 1).state;
      phase_before_ = m_.C(m_.T(move.actor).core - 1).phase;
    }
    chooser_.Force(move.choices);
    m_.Step(move.actor, chooser_);
    if (move.actor == m_.clock()) {
      now_ += m_.advanced();
      step.op = "time";
      step.effect = Duration(m_.advanced()) + " pass";
      step.time_us = now_;
      return true;
    }
    step.time_us = now_;
    int strand = m_.told_strand(), pc = m_.told_pc();
    ThreadCell& t = m_.T(move.actor);
    if (strand < 0) {   // the scheduler's own step
      int top = t.top - 1;
      if (before < 0 && top >= 0) {
        told->other = m_.FrameOf(top);
        step.op = "poll";
        step.task = PartyName(m_, told->other);
        step.effect = "polls " + *step.task;
      } else {
        told->idle = true;
        step.op = "schedule";
        if (t.core != 0) {
          switch (m_.C(t.core - 1).state) {
            case CoreState::kParked: step.effect = "finds nothing and parks"; break;
            case CoreState::kDriver: step.effect = "finds nothing and parks on the driver"; break;
            case CoreState::kDropping: step.effect = "sees the shutdown"; told->idle = false; break;
            default:
              if (const char* what = SearchEffect(move.actor)) { step.effect = what; told->idle = false; break; }
              step.effect = core_before == CoreState::kDriver ? "is woken by the driver" : "looks for work"; told->idle = core_before != CoreState::kDriver; break;
          }
        } else {
          step.effect = t.life == ThreadLife::kFree ? "leaves the pool" : "is idle";
        }
      }
      return true;
    }
    int frame = m_.FrameOf(strand);
    told->frame = frame;
    const Instr& in = p_.code[static_cast<std::size_t>(pc)];
    UnitKind kind = m_.UnitOf(frame).kind;
    if (kind != UnitKind::kMain && kind != UnitKind::kThread) step.task = m_.F(frame).live ? PartyName(m_, frame) : "task " + m_.UnitOf(frame).name;
    if (in.source >= 0) {
      const SourceOp& source = p_.sources[static_cast<std::size_t>(in.source)];
      step.op = std::string(source.op->def->verb);
      step.pointer = source.node->pointer;
      step.line = source.node->place.line;
      if (in.op == VmOp::kDropReg && step.op != "drop" && step.op != "unlock" && step.op != "release") step.op = "drop";
    } else {
      step.op = in.op == VmOp::kDropReg ? "drop" : "end";
    }
    if (in.object >= 0) step.on = p_.elements[static_cast<std::size_t>(m_.F(frame).live ? m_.ElementOf(in, frame) : in.object)].name;
    else if (in.op == VmOp::kDropReg && in.reg >= 0) step.on = m_.UnitOf(frame).regs[static_cast<std::size_t>(in.reg)].name;
    else if (in.unit >= 0) step.on = p_.units[static_cast<std::size_t>(in.unit)].name;
    else if (in.runtime >= 0) step.on = p_.runtimes[static_cast<std::size_t>(in.runtime)].declared->name;
    else if (in.source >= 0 && p_.sources[static_cast<std::size_t>(in.source)].op->target == Op::Target::kRef) step.on = p_.sources[static_cast<std::size_t>(in.source)].op->on.name;
    step.effect = Effect(move.actor, strand, pc, in);
    if (!m_.events().empty()) {
      for (const Event& e : m_.events())
        if (e.detail[0] != 0) step.effect = std::string("panics: ") + e.detail;
    }
    return true;
  }

  // The calls in which threads stand now.
  std::vector<ScheduleStep> Blocked() {
    std::vector<ScheduleStep> out;
    for (int t = 0; t < l_.threads && m_.H().ended == 0; ++t) {
      int top = m_.T(t).top - 1;
      if (top < 0 || m_.ThreadEnabled(t)) continue;
      const Instr& in = m_.InstrAt(top);
      int frame = m_.FrameOf(top);
      ScheduleStep step;
      step.time_us = now_;
      step.thread = ThreadName(m_, t);
      UnitKind kind = m_.UnitOf(frame).kind;
      if (kind != UnitKind::kMain && kind != UnitKind::kThread) step.task = PartyName(m_, frame);
      if (in.source >= 0) {
        const SourceOp& source = p_.sources[static_cast<std::size_t>(in.source)];
        step.op = std::string(source.op->def->verb);
        step.pointer = source.node->pointer;
        step.line = source.node->place.line;
      } else {
        step.op = "drop";
      }
      if (in.object >= 0) step.on = p_.elements[static_cast<std::size_t>(m_.ElementOf(in, frame))].name;
      step.effect = in.op == VmOp::kBlockOn ? "waits for its future" : "the thread is blocked";
      out.push_back(std::move(step));
    }
    return out;
  }

  std::vector<Standing> AtEnd() { return StandingsOf(m_); }

  std::string Outcome_() {
    if (m_.H().ended == 1) return "main has ended";
    if (m_.H().ended == 2) return "the process was aborted";
    bool any = false;
    for (int t = 0; t < l_.threads; ++t) any = any || m_.ThreadEnabled(t);
    if (any || m_.ClockEnabled(any)) return "the program goes on";
    std::vector<StuckRoot> roots = FindStuckRoots(m_, {});
    std::string text = "nobody can go on";
    for (const StuckRoot& r : roots) text += "; " + r.rule;
    return text;
  }

 private:
  // The parts of a search or park that a race is about; null: nothing that needs to be told.
  const char* SearchEffect(int thread) {
    const CoreCell& core = m_.C(m_.T(thread).core - 1);
    if (core.state != CoreState::kActive || core.phase == phase_before_) return nullptr;
    if (core.phase == kFound) return "takes a task, and still counts as one that searches";
    if (core.phase == kRegister && phase_before_ == kSearchTest) return "may not search, since another worker does";
    if (core.phase == kDecide && phase_before_ == kRegister) return "goes to sleep without a last look at the queues";
    if (core.phase == kDecide && phase_before_ == kCheckInject) return "takes a last look at the queues, and goes to sleep";
    return nullptr;
  }

  bool DropsRuntime(int strand, const Instr& in) {
    return in.reg >= 0 && m_.UnitOf(m_.FrameOf(strand)).regs[static_cast<std::size_t>(in.reg)].kind == RegKind::kRuntime;
  }

  std::string Effect(int thread, int strand, int pc, const Instr& in) {
    const StrandCell& s = m_.S(strand);
    bool same = s.pc == pc && s.status != StrandStatus::kIdle;
    switch (in.op) {
      case VmOp::kEnd: case VmOp::kFailEnd: case VmOp::kUnwound: return "ends";
      case VmOp::kSpawn: return "the task is ready";
      case VmOp::kSpawnBlocking: return "the closure is queued";
      case VmOp::kSpawnThread: return "the thread starts";
      case VmOp::kBlockOn: return "drives the future";
      default: break;
    }
    if (s.mode == Mode::kPanicking && m_.H().ended == 0) return "panics";
    if (same && s.status == StrandStatus::kSuspended) return "suspends";
    if (same && s.status == StrandStatus::kActive && m_.StrandBlocked(thread, strand)) return "the thread blocks";
    switch (in.op) {
      case VmOp::kStdLock: case VmOp::kSemAcquire: case VmOp::kBlockingLock: return "acquired";
      case VmOp::kDropReg: return same && DropsRuntime(strand, in) ? "the runtime shuts down" : "released";
      case VmOp::kStdRecv: case VmOp::kMpscRecv: case VmOp::kOneshotRecv: return s.pc == in.or_pc ? "fails: closed" : "received";
      case VmOp::kStdSend: case VmOp::kMpscSend: case VmOp::kOneshotSend: return s.pc == in.or_pc ? "fails: closed" : "sent";
      case VmOp::kSleep: case VmOp::kAwaitTask: return "goes on";
      default: return in.or_pc >= 0 && s.pc == in.or_pc ? "fails" : "done";
    }
  }

  const Program& p_;
  const Layout& l_;
  Machine m_;
  Chooser chooser_;
  std::vector<std::uint8_t> state_;
  std::int64_t now_ = 0;
  std::uint16_t phase_before_ = 0;   // of the core that moves
};

}  // namespace

std::vector<Told> Tell(const Program& program, const Layout& layout, const PlayMode& mode, const std::vector<Move>& moves, bool* ok,
                       std::string* outcome, std::vector<ScheduleStep>* blocked, std::vector<Standing>* at_end, Deadline deadline) {
  Teller teller(program, layout, mode);
  std::vector<Told> out;
  out.reserve(moves.size());
  *ok = true;
  for (const Move& move : moves) {
    layout.bytes > 8192 ? deadline.Look() : deadline.Step();
    Told told;
    if (!teller.Play(move, &told)) { *ok = false; break; }
    out.push_back(std::move(told));
  }
  if (blocked != nullptr) *blocked = teller.Blocked();
  if (at_end != nullptr) *at_end = teller.AtEnd();
  if (outcome != nullptr) *outcome = teller.Outcome_();
  return out;
}

std::string EncodeSchedule(std::uint64_t program_hash, const PlayMode& mode, const std::vector<Move>& moves, const std::vector<int>& sizes,
                           const std::vector<int>& usual) {
  char hash[17];
  std::snprintf(hash, sizeof hash, "%08x", static_cast<unsigned>(program_hash ^ (program_hash >> 32)));
  const bool exact = mode.scheduler == Scheduler::kExact;
  std::string text = std::string("v1.") + hash + '.';
  text += mode.timing == Timing::kIdeal ? (exact ? 'I' : 'i') : (exact ? 'A' : 'a');
  if (!mode.fusing) text += 'f';
  if (!mode.sorting) text += 'w';
  text += '.';
  for (std::size_t i = 0; i < moves.size(); ++i) {
    if (i != 0) text += '-';
    text += std::to_string(moves[i].actor);
    for (int c : moves[i].choices) text += ':' + std::to_string(c);
  }
  for (std::size_t i = 0; i < sizes.size() && i < usual.size(); ++i)
    if (sizes[i] != usual[i]) text += '~' + std::to_string(i) + '=' + std::to_string(sizes[i]);
  return text;
}

bool DecodeSchedule(const std::string& text, std::uint64_t* program_hash, PlayMode* mode, std::vector<Move>* moves,
                    std::vector<int>* sizes, std::string* error) {
  auto fail = [&](const char* why) { *error = why; return false; };
  if (text.size() < 14 || text.compare(0, 3, "v1.") != 0) return fail("a schedule starts with `v1.`");
  unsigned hash = 0;
  auto [end, code] = std::from_chars(text.data() + 3, text.data() + 11, hash, 16);
  if (code != std::errc() || end != text.data() + 11 || text[11] != '.') return fail("the head of the schedule is damaged");
  *program_hash = hash;
  const char letter = text[12];
  if (letter != 'i' && letter != 'a' && letter != 'I' && letter != 'A') return fail("the timing of the schedule is none of `i`, `a`, `I`, `A`");
  mode->timing = letter == 'i' || letter == 'I' ? Timing::kIdeal : Timing::kAdversarial;
  mode->scheduler = letter == 'I' || letter == 'A' ? Scheduler::kExact : Scheduler::kAtomic;
  std::size_t dot = 13;
  if (dot < text.size() && text[dot] == 'f') { mode->fusing = false; ++dot; }
  if (dot < text.size() && text[dot] == 'w') { mode->sorting = false; ++dot; }
  if (dot >= text.size() || text[dot] != '.') return fail("the head of the schedule is damaged");
  const char* at = text.data() + dot + 1;
  const char* last = text.data() + text.size();
  while (at < last && *at != '~') {
    Move move;
    bool first = true;
    do {
      if (!first) ++at;
      int value = 0;
      auto r = std::from_chars(at, last, value);
      if (r.ec != std::errc() || value < 0) return fail("a number is expected in the schedule");
      at = r.ptr;
      if (first) move.actor = value; else move.choices.push_back(value);
      first = false;
    } while (at < last && *at == ':');
    moves->push_back(std::move(move));
    if (at == last || *at == '~') break;
    if (*at != '-') return fail("`-` is expected between two moves of the schedule");
    ++at;
  }
  while (at < last) {
    std::size_t place = 0;
    int size = 0;
    auto r = std::from_chars(at + 1, last, place);
    if (*at != '~' || r.ec != std::errc() || r.ptr == last || *r.ptr != '=') return fail("a size is expected in the schedule");
    auto q = std::from_chars(r.ptr + 1, last, size);
    if (q.ec != std::errc() || place >= sizes->size() || size < 1 || size > 60000) return fail("a size of the schedule is damaged");
    (*sizes)[place] = size;
    at = q.ptr;
  }
  return true;
}

}  // namespace asyncrt
