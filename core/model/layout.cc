#include "core/model/state.h"

#include <algorithm>

#include "core/program/flow.h"

namespace asyncrt {
namespace {

// Words of an object in front of its queue of messages.
int FixedWords(Kind kind) {
  switch (kind) {
    case Kind::kStdMutex: return 2;      // holder frame + 1, poisoned
    case Kind::kStdRwlock: return 3;     // readers, poisoned, writer frame + 1
    case Kind::kStdOnce: return 2;       // 0 empty, frame + 1 that initialises, -1 done; an initialiser was dropped
    case Kind::kStdCondvar: return 1;       // ever notified
    case Kind::kStdBarrier: return 1;    // arrived
    case Kind::kAtomic: case Kind::kCell: return 1;
    case Kind::kValue: return 2;         // owners, forgotten
    case Kind::kMutex: case Kind::kSemaphore: return 5;  // permits, head, tail, closed, holder frame + 1
    case Kind::kNotify: return 4;        // permit, head, tail, ever notified
    case Kind::kStdChannel: case Kind::kMpsc: case Kind::kOneshot: return 12;
    case Kind::kIo: return 8;
    case Kind::kRwlock: return 4;        // a semaphore: permits, head, tail, closed
    case Kind::kOnceCell: return 6;      // a semaphore of one permit, done, an initialiser was dropped
    case Kind::kBroadcast: return 12;    // as a channel; receivers alive in `rx state`
    case Kind::kWatch: return 12;        // value in `count`, borrows alive in `reserved`
    case Kind::kBarrier: return 3;       // arrived, head, tail
    case Kind::kCancellationToken: return 3;   // cancelled, head, tail
    case Kind::kJoinSet: case Kind::kFuturesUnordered: return 2;   // members, waiting strand; then the members, and those of a futures_unordered that were woken
    case Kind::kLocalSet: return 4;      // poller strand, head, tail, woken
    default: return 0;
  }
}

// Units with an op that waits for a time to come, or for what a driver brings.
std::vector<bool> TimedUnits(const Program& program) {
  auto waits = [&](const Instr& in) { return RegistersTimer(in.op) || (in.object >= 0 && program.elements[static_cast<std::size_t>(in.object)].kind == Kind::kIo); };
  std::vector<bool> timed(program.units.size());
  if (std::none_of(program.code.begin(), program.code.end(), waits)) return timed;
  const std::vector<std::vector<int>> code = CodeOfUnits(program);
  for (std::size_t unit = 0; unit < timed.size(); ++unit)
    timed[unit] = std::any_of(code[unit].begin(), code[unit].end(), [&](int pc) { return waits(program.code[static_cast<std::size_t>(pc)]); });
  return timed;
}

int Align(int bytes) { return (bytes + 7) / 8 * 8; }

}  // namespace

Layout::Layout(Program& program) {
  int at = Align(sizeof(HeaderCell));
  // Main, then a thread for each frame of a thread unit, then each runtime's workers and pool.
  int thread_count = 1;
  for (const Unit& unit : program.units) {
    unit_frame.push_back(frames);
    for (int k = 0; k < unit.frames; ++k) {
      frame_unit.push_back(static_cast<int>(unit_frame.size()) - 1);
      frame_thread.push_back(unit.kind == UnitKind::kThread ? thread_count++ : unit.kind == UnitKind::kMain ? 0 : -1);
    }
    frames += unit.frames;
  }
  int blocking = 0;
  bool bip = false;
  for (const Unit& unit : program.units) if (unit.kind == UnitKind::kBlocking) blocking += unit.frames;
  for (const Instr& i : program.code) bip = bip || i.op == VmOp::kBipEnter;
  for (RuntimeDef& runtime : program.runtimes) {
    runtime.first_core = cores;
    cores += runtime.workers;
    runtime.first_thread = thread_count;
    std::int64_t wanted = runtime.workers + blocking + (bip ? runtime.workers * 2 : 0);
    runtime.thread_slots = static_cast<int>(std::min<std::int64_t>(wanted, runtime.pool_cap));
    runtime.queue_room = blocking + (bip ? runtime.workers * 2 + 2 : 0);
    thread_count += runtime.thread_slots;
  }
  part_at.push_back(0);
  // So many parts of so many bytes; where the first one begins.
  auto place = [&](int count, std::size_t bytes_each) {
    const int first = at;
    for (int i = 0; i < count && bytes_each > 0; ++i) {
      part_at.push_back(at);
      at += Align(static_cast<int>(bytes_each));
    }
    return first;
  };
  threads = thread_count;
  thread_at = place(threads, sizeof(ThreadCell));
  runtime_at = place(static_cast<int>(program.runtimes.size()), sizeof(RuntimeCell));
  core_at = place(cores, sizeof(CoreCell));
  for (const RuntimeDef& runtime : program.runtimes) pool_queue_at.push_back(place(1, static_cast<std::size_t>(runtime.queue_room) * 4));
  element_at = at;
  for (Element& e : program.elements) {
    const int room = e.kind == Kind::kFuturesUnordered ? 2 * e.room : e.room;
    e.words = FixedWords(e.kind) + room * (1 + e.slot_words) + (e.held.empty() ? 0 : 1);
    e.offset = (place(1, static_cast<std::size_t>(e.words) * 4) - element_at) / 4;
  }
  const std::vector<bool> timed = TimedUnits(program);
  for (int f = 0; f < frames; ++f) {
    const std::size_t unit_number = static_cast<std::size_t>(frame_unit[static_cast<std::size_t>(f)]);
    const Unit& unit = program.units[unit_number];
    part_at.push_back(at);
    frame_at.push_back(at);
    at += static_cast<int>(sizeof(FrameCell));
    part_at.push_back(at);
    frame_strand.push_back(strands);
    for (std::size_t s = 0; s < unit.strand_entry.size(); ++s) {
      if (timed[unit_number]) timed_strands.push_back(strands);
      strand_at.push_back(at);
      strand_frame.push_back(f);
      at += static_cast<int>(sizeof(StrandCell));
      ++strands;
    }
    regs_at.push_back(at);
    at += static_cast<int>(unit.regs.size()) * 4;
    at = Align(at);
  }
  bytes = at;
  part_at.push_back(bytes);
}

}  // namespace asyncrt
