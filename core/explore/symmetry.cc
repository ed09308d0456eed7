#include "core/explore/symmetry.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "core/base/stable_hash.h"
#include "core/program/flow.h"

namespace asyncrt {
namespace {

bool NamesFrame(RegKind kind) {
  return kind == RegKind::kTask || kind == RegKind::kThread || kind == RegKind::kFuture || kind == RegKind::kAbortHandle || kind == RegKind::kMadeValue;
}

// A stable sort that takes no memory while there are few.
template <class Before>
void SortFew(std::vector<int>* numbers, Before before) {
  constexpr std::size_t kFew = 24;
  if (numbers->size() > kFew) return std::stable_sort(numbers->begin(), numbers->end(), before);
  for (std::size_t i = 1; i < numbers->size(); ++i)
    for (std::size_t k = i; k > 0 && before((*numbers)[k], (*numbers)[k - 1]); --k) std::swap((*numbers)[k], (*numbers)[k - 1]);
}

std::uint64_t Mix(std::uint64_t a, std::uint64_t b) { return MixWords(a, b); }

}  // namespace

Symmetry::Symmetry(const Program& program, const Layout& layout, const PlayMode& mode, const Deadline& deadline) : p_(program), l_(layout) {
  if (mode.scheduler != Scheduler::kAtomic) return;   // it keeps a task in a worker's hand, by number
  group_.assign(static_cast<std::size_t>(l_.frames), 0);
  for (std::size_t u = 0; u < p_.units.size(); ++u) {
    const Unit& unit = p_.units[u];
    blob_.push_back(static_cast<int>(sizeof(FrameCell) + unit.strand_entry.size() * sizeof(StrandCell) + unit.regs.size() * 4));
    if (unit.frames < 2 || (unit.kind != UnitKind::kThread && unit.kind != UnitKind::kTask && unit.kind != UnitKind::kBlocking)) continue;
    units_.push_back(static_cast<int>(u));
    for (int k = 0; k < unit.frames; ++k) group_[static_cast<std::size_t>(l_.unit_frame[u] + k)] = 1;
  }
  for (const RuntimeDef& runtime : p_.runtimes)
    if (runtime.thread_slots > 1) pools_.push_back({static_cast<int>(&runtime - p_.runtimes.data()), runtime.first_thread, runtime.thread_slots, runtime.first_core, runtime.workers});
  if (units_.empty() && pools_.empty()) return;
  usable_ = true;
  numberless_ = std::none_of(p_.exprs.begin(), p_.exprs.end(), [](const ExprNode& e) { return e.kind == Expr::Kind::kIndex || (e.kind == Expr::Kind::kLocal && e.reg == 1); });
  thread_frame_.assign(static_cast<std::size_t>(l_.threads), -1);
  for (int f = 0; f < l_.frames; ++f)
    if (int thread = l_.frame_thread[static_cast<std::size_t>(f)]; thread >= 0) thread_frame_[static_cast<std::size_t>(thread)] = f;
  FindArrays(deadline);
  CollectPlaces();
  notes_.resize(static_cast<std::size_t>(l_.frames));
  noted_.resize(static_cast<std::size_t>(l_.bytes));
  key_.resize(static_cast<std::size_t>(l_.frames));
  next_key_.resize(key_.size());
  to_.resize(key_.size());
  std::iota(to_.begin(), to_.end(), 0);
  copy_.resize(static_cast<std::size_t>(l_.bytes));
  shape_.resize(static_cast<std::size_t>(l_.cores));
}

// ---- the program, once -------------------------------------------------------------------------------------------

// Arrays of handles in main that nothing looks at one by one.
void Symmetry::FindArrays(Deadline deadline) {
  if (std::any_of(p_.exprs.begin(), p_.exprs.end(), [](const ExprNode& e) { return e.kind == Expr::Kind::kFinished; })) return;
  for (const Element& e : p_.elements)   // nor comes one in a message
    for (int k = 0; k < e.slot_words; ++k)
      if (NamesFrame(static_cast<RegKind>(e.with[static_cast<std::size_t>(2 * k)]))) return;
  const Unit& main = p_.units[0];
  const std::vector<int> code = CodeOfUnits(p_, deadline)[0];
  for (int pc : code) {
    deadline.Look();
    const Instr& spawn = p_.code[static_cast<std::size_t>(pc)];
    const bool thread = spawn.op == VmOp::kSpawnThread, task = (spawn.op == VmOp::kSpawn || spawn.op == VmOp::kSpawnBlocking) && spawn.set < 0 && !spawn.local;
    if ((!thread && !task) || spawn.reg < 0 || spawn.weak >= 0 || spawn.imm < 2 || !group_[static_cast<std::size_t>(l_.unit_frame[static_cast<std::size_t>(spawn.unit)])]) continue;
    Array a{spawn.reg, static_cast<int>(spawn.imm), -1, 0};
    if (a.first + a.count > static_cast<int>(main.regs.size())) continue;
    for (int at : code) {   // the first join
      const Instr& in = p_.code[static_cast<std::size_t>(at)];
      if (in.reg == a.first && (thread ? in.op == VmOp::kJoinThread : in.op == VmOp::kAwaitTask && in.blocks)) a.first_pc = at;
    }
    if (a.first_pc < 0 || !IsOnlyJoined(code, a)) continue;
    const int strand = p_.scopes[static_cast<std::size_t>(p_.code[static_cast<std::size_t>(a.first_pc)].scope)].strand;
    if (thread && strand != 0) continue;   // in a future main could not go on from one join to the next
    a.strand = strand;
    arrays_.push_back(a);
  }
}

// One op makes them, one joins all of them one after the other, and whatever else there is drops them.
bool Symmetry::IsOnlyJoined(const std::vector<int>& code, const Array& a) const {
  auto within = [&](int reg) { return reg >= a.first && reg < a.first + a.count; };
  const RegKind kind = p_.units[0].regs[static_cast<std::size_t>(a.first)].kind;
  for (int k = 0; k < a.count; ++k)
    if (p_.units[0].regs[static_cast<std::size_t>(a.first + k)].kind != kind || (kind != RegKind::kThread && kind != RegKind::kTask)) return false;
  int spawns = 0, joins = 0;
  for (int at : code) {
    const Instr& in = p_.code[static_cast<std::size_t>(at)];
    switch (in.op) {
      case VmOp::kSpawnThread: case VmOp::kSpawn: case VmOp::kSpawnBlocking:
        spawns += in.reg >= 0 && in.reg < a.first + a.count && in.reg + std::max<std::int64_t>(in.imm, 1) > a.first;
        break;
      case VmOp::kJoinThread: case VmOp::kAwaitTask:
        if (!within(in.reg)) break;
        if (in.index >= 0 || in.var >= 0 || in.reg - a.first != at - a.first_pc || (in.op == VmOp::kAwaitTask && !in.blocks)) return false;
        ++joins;
        break;
      case VmOp::kDropReg:
        if (within(in.reg) && (in.index >= 0 || in.flag)) return false;
        break;
      default:
        if (within(in.reg) || within(in.reg2)) return false;
    }
    if (ListNames(p_, in, a.first, a.count)) return false;
  }
  return spawns == 1 && joins == a.count;
}

void Symmetry::CollectElement(int element) {
  const Element& e = p_.elements[static_cast<std::size_t>(element)];
  const int at = l_.element_at + 4 * e.offset;
  auto frame = [&](int word) { Add(at + 4 * word, true, Refers::kFrame, -1); };
  auto strand = [&](int word) { Add(at + 4 * word, true, Refers::kStrand, -1); };
  switch (e.kind) {
    case Kind::kStdMutex: case Kind::kStdOnce: frame(0); break;
    case Kind::kStdRwlock: frame(Machine::kWriter); break;
    case Kind::kMutex: frame(Machine::kHolder); [[fallthrough]];
    case Kind::kSemaphore: case Kind::kNotify: case Kind::kRwlock: case Kind::kOnceCell: case Kind::kBarrier: case Kind::kCancellationToken:
      strand(Machine::kHead);
      strand(Machine::kTail);
      break;
    case Kind::kStdChannel: case Kind::kMpsc: case Kind::kOneshot: case Kind::kBroadcast: case Kind::kWatch:
      for (int word : {Machine::kHead, Machine::kTail, Machine::kRxWait, Machine::kTxWait}) strand(word);
      for (int m = 0; m < e.room; ++m)
        for (int k = 0; k < e.slot_words; ++k)
          if (NamesFrame(static_cast<RegKind>(e.with[static_cast<std::size_t>(2 * k)]))) frame(Machine::kSlots + m * (1 + e.slot_words) + 1 + k);
      break;
    case Kind::kIo: strand(3); strand(4); break;
    case Kind::kJoinSet: case Kind::kFuturesUnordered:
      strand(Machine::kSetWaiter);
      for (int k = 0; k < (e.kind == Kind::kFuturesUnordered ? 2 * e.room : e.room); ++k) frame(Machine::kMember0 + k);
      break;
    case Kind::kLocalSet: strand(Machine::kPoller); frame(Machine::kHead); frame(Machine::kTail); break;
    default: break;
  }
}

void Symmetry::CollectPlaces() {
  auto at = [](int base, std::size_t offset) { return base + static_cast<int>(offset); };
  for (int t = 0; t < l_.threads; ++t) {
    const int base = l_.thread_at + t * static_cast<int>(sizeof(ThreadCell));
    const int own = thread_frame_[static_cast<std::size_t>(t)], home = Moves(own) ? own : -1;
    auto pool = std::find_if(pools_.begin(), pools_.end(), [&](const Pool& p) { return t >= p.first && t < p.first + p.count; });
    auto add = [&](std::size_t offset, Refers what) {
      Add(at(base, offset), false, what, home);
      if (pool != pools_.end()) places_.back().tag = static_cast<std::uint64_t>(l_.thread_at + pool->first * static_cast<int>(sizeof(ThreadCell))) + offset + 1;
    };
    for (std::size_t offset : {offsetof(ThreadCell, top), offsetof(ThreadCell, stash_head), offsetof(ThreadCell, stash_tail)}) add(offset, Refers::kStrand);
    add(offsetof(ThreadCell, frame), Refers::kFrame);
  }
  for (int c = 0; c < l_.cores; ++c) {
    const int base = l_.core_at + c * static_cast<int>(sizeof(CoreCell));
    auto pool = std::find_if(pools_.begin(), pools_.end(), [&](const Pool& p) { return c >= p.first_core && c < p.first_core + p.cores; });
    auto add = [&](std::size_t offset, Refers what) {
      Add(at(base, offset), false, what, -1);
      if (pool == pools_.end() || pool->cores < 2) return;
      places_.back().tag = static_cast<std::uint64_t>(l_.core_at + pool->first_core * static_cast<int>(sizeof(CoreCell))) + offset + 1;
      places_.back().core = c;
    };
    for (std::size_t offset : {offsetof(CoreCell, lifo), offsetof(CoreCell, head), offsetof(CoreCell, tail)}) add(offset, Refers::kFrame);
    for (std::size_t offset : {offsetof(CoreCell, defer_head), offsetof(CoreCell, defer_tail)}) add(offset, Refers::kStrand);
  }
  for (std::size_t r = 0; r < p_.runtimes.size(); ++r) {
    const int base = l_.runtime_at + static_cast<int>(r * sizeof(RuntimeCell));
    for (std::size_t offset : {offsetof(RuntimeCell, inject_head), offsetof(RuntimeCell, inject_tail), offsetof(RuntimeCell, head), offsetof(RuntimeCell, tail)})
      Add(at(base, offset), false, Refers::kFrame, -1);
    for (std::size_t offset : {offsetof(RuntimeCell, defer_head), offsetof(RuntimeCell, defer_tail)}) Add(at(base, offset), false, Refers::kStrand, -1);
    Add(at(base, offsetof(RuntimeCell, holder)), false, Refers::kThread, -1);
    for (int k = 0; k < p_.runtimes[r].queue_room; ++k) Add(l_.pool_queue_at[r] + 4 * k, true, Refers::kFrame, -1);
  }
  for (std::size_t e = 0; e < p_.elements.size(); ++e) CollectElement(static_cast<int>(e));
  for (int f = 0; f < l_.frames; ++f) {
    const int base = l_.frame_at[static_cast<std::size_t>(f)], home = Moves(f) ? f : -1;
    const Unit& unit = p_.units[static_cast<std::size_t>(l_.frame_unit[static_cast<std::size_t>(f)])];
    Add(at(base, offsetof(FrameCell, next)), false, Refers::kFrame, home);
    Add(at(base, offsetof(FrameCell, joiner)), false, Refers::kStrand, home);
    Add(at(base, offsetof(FrameCell, scope_frame)), false, Refers::kFrame, home);
    for (std::size_t s = 0; s < unit.strand_entry.size(); ++s) {
      const int strand = l_.strand_at[static_cast<std::size_t>(l_.frame_strand[static_cast<std::size_t>(f)]) + s];
      for (std::size_t offset : {offsetof(StrandCell, parent), offsetof(StrandCell, next), offsetof(StrandCell, defer_next)}) Add(at(strand, offset), false, Refers::kStrand, home);
    }
    for (std::size_t r = 2; r < unit.regs.size(); ++r)
      if (NamesFrame(unit.regs[r].kind)) {
        Add(l_.regs_at[static_cast<std::size_t>(f)] + 4 * static_cast<int>(r), true, Refers::kFrame, home);
        if (f != 0) continue;
        for (const Array& a : arrays_)
          if (static_cast<int>(r) >= a.first && static_cast<int>(r) < a.first + a.count)
            places_.back().tag = static_cast<std::uint64_t>(l_.regs_at[0] + 4 * a.first) << 32;
      }
  }
  const std::vector<std::vector<int>> code = CodeOfUnits(p_);
  for (int f = 0; f < l_.frames; ++f)
    for (int pc : code[static_cast<std::size_t>(l_.frame_unit[static_cast<std::size_t>(f)])])
      if (const Instr& in = p_.code[static_cast<std::size_t>(pc)]; in.op == VmOp::kBipEnter) lent_.push_back(l_.regs_at[static_cast<std::size_t>(f)] + 4 * in.reg);
  inside_.resize(static_cast<std::size_t>(l_.frames));
  for (std::size_t i = 0; i < places_.size(); ++i)
    (places_[i].home >= 0 ? inside_[static_cast<std::size_t>(places_[i].home)] : outside_).push_back(i);
  std::sort(outside_.begin(), outside_.end(), [&](std::size_t a, std::size_t b) { return places_[a].at < places_[b].at; });
  for (std::size_t i = 0; i < outside_.size(); ++i) {   // places are aligned, so none lies in two words
    const Place& place = places_[outside_[i]];
    const std::size_t word = static_cast<std::size_t>(place.at) / 8 * 8, within = static_cast<std::size_t>(place.at) - word;
    if (words_.empty() || words_.back().at != word) words_.push_back({word, i, 0});
    const std::uint8_t size = place.wide ? 4 : 2;
    for (std::size_t k = within; k < within + size; ++k) reinterpret_cast<std::uint8_t*>(&words_.back().mask)[k] = 0xff;
  }
  words_.push_back({0, outside_.size(), 0});
}

// ---- a state ------------------------------------------------------------------------------------------------------

std::int32_t Symmetry::Read(const std::uint8_t* state, const Place& place) const {
  if (!place.wide) {
    std::uint16_t value;
    std::memcpy(&value, state + place.at, 2);
    return value;
  }
  std::int32_t value;
  std::memcpy(&value, state + place.at, 4);
  return value;
}

int Symmetry::FrameAt(std::int32_t value, Refers what) const {
  if (value <= 0) return -1;   // nobody; in a pool's queue, a worker
  switch (what) {
    case Refers::kFrame: return value - 1;
    case Refers::kStrand: return l_.strand_frame[static_cast<std::size_t>(value - 1)];
    case Refers::kThread: return thread_frame_[static_cast<std::size_t>(value - 1)];
  }
  return -1;
}

// What has gone may be named still, but not moved.
bool Symmetry::MovesNow(int frame, const std::uint8_t* state) const { return Moves(frame) && state[l_.frame_at[static_cast<std::size_t>(frame)]] != 0; }

// The array that main is joining: in a `join`, or in a `block_on` whose future waits.
const Symmetry::Array* Symmetry::Joining(Machine& machine) const {
  if (machine.T(0).top != 1 || machine.H().ended != 0 || machine.H().panicked != 0 || machine.S(0).mode != Mode::kNormal) return nullptr;
  for (const Array& a : arrays_) {
    const StrandCell& s = machine.S(a.strand);
    if (s.pc < a.first_pc || s.pc >= a.first_pc + a.count || s.mode != Mode::kNormal) continue;
    if (a.strand == 0) return &a;
    const Instr& around = machine.InstrAt(0);
    if (around.op == VmOp::kBlockOn && around.strand == a.strand && machine.S(0).out == Outcome::kNone && s.status == StrandStatus::kSuspended && s.parent == 1) return &a;
  }
  return nullptr;
}

// The task that will tell main of its end is the one whose handle is in register `to`.
void Symmetry::MoveJoiner(Machine& machine, const Array& a, int to) {
  if (a.strand == 0) return;
  for (int r = a.first; r < a.first + a.count; ++r)
    if (const std::int32_t handle = machine.R(0)[r]; handle != 0 && machine.F(handle - 1).joiner == a.strand + 1) machine.F(handle - 1).joiner = 0;
  if (FrameCell& task = machine.F(machine.R(0)[to] - 1); (task.bits & kComplete) == 0) task.joiner = static_cast<Link>(a.strand + 1);
}

// Main goes on from the join of one that has ended. False: it did, or could do, more than that.
bool Symmetry::JoinOne(Machine& machine, const Array& a) {
  const std::uint16_t pc = machine.S(a.strand).pc;
  if (a.strand != 0) machine.S(a.strand).bits |= kWoken;
  for (int step = 0; step < 4; ++step) {   // a driver may look at its runtime before its future
    if (!machine.ThreadEnabled(0)) return false;
    chooser_.Reset();
    machine.Step(0, chooser_);
    if (chooser_.asked() != 0 || !machine.events().empty() || machine.H().panicked != 0 || machine.H().ended != 0) return false;
    if (a.strand == 0 || machine.S(a.strand).pc != pc || machine.T(0).top != 1) return true;
  }
  return false;
}

bool Symmetry::JoinEnded(Machine& machine, std::uint8_t* state) {
  for (const Array* a = Joining(machine); a != nullptr; a = Joining(machine)) {
    std::int32_t* regs = machine.R(0);
    const int next = a->first + machine.S(a->strand).pc - a->first_pc;
    int ended = -1;
    for (int r = next; r < a->first + a->count && ended < 0; ++r)
      if (regs[r] != 0 && HasEnded(machine, regs[r])) ended = r;
    if (ended < 0) return true;
    saved_.assign(state, state + l_.bytes);
    std::swap(regs[next], regs[ended]);
    MoveJoiner(machine, *a, next);
    if (JoinOne(machine, *a)) continue;
    std::memcpy(state, saved_.data(), saved_.size());   // more than a join: then it is a step like any other
    return false;
  }
  return true;
}

bool Symmetry::WaitForAnother(Machine& machine, int which) const {
  const Array* a = Joining(machine);
  if (a == nullptr || !use_joins_) return false;
  std::int32_t* regs = machine.R(0);
  const int next = a->first + machine.S(a->strand).pc - a->first_pc;
  for (int r = next + 1; r < a->first + a->count; ++r) {
    if (regs[r] == 0 || HasEnded(machine, regs[r]) || which-- > 0) continue;
    std::swap(regs[next], regs[r]);
    MoveJoiner(machine, *a, next);
    return true;
  }
  return false;
}

// What a frame looks like depends on which others are live, so if that has changed, nothing is known any more.
void Symmetry::NoteLife(Machine& machine) {
  bool same = noted_joins_ == use_joins_;
  noted_joins_ = use_joins_;
  for (int u : units_)
    for (int f = l_.unit_frame[static_cast<std::size_t>(u)], end = f + p_.units[static_cast<std::size_t>(u)].frames; f < end; ++f) {
      Noted& noted = notes_[static_cast<std::size_t>(f)];
      const bool is_live = machine.F(f).live != 0;
      same = same && noted.is_live == is_live;
      noted.is_live = is_live;
    }
  if (!same)
    for (Noted& noted : notes_) noted.is_known = false;
}

bool Symmetry::IsNoted(int frame, const std::uint8_t* state) const {
  const std::size_t at = static_cast<std::size_t>(l_.frame_at[static_cast<std::size_t>(frame)]);
  const std::size_t bytes = static_cast<std::size_t>(blob_[static_cast<std::size_t>(l_.frame_unit[static_cast<std::size_t>(frame)])]);
  if (!notes_[static_cast<std::size_t>(frame)].is_known || std::memcmp(noted_.data() + at, state + at, bytes) != 0) return false;
  const int thread = l_.frame_thread[static_cast<std::size_t>(frame)];
  const std::ptrdiff_t cell = l_.thread_at + thread * static_cast<std::ptrdiff_t>(sizeof(ThreadCell));
  return thread < 0 || std::memcmp(noted_.data() + cell, state + cell, sizeof(ThreadCell)) == 0;
}

// What a frame and its thread hold, as a number; whom they name of those that change places stands apart, since by number
// all copies look different.
void Symmetry::Note(int f, const std::uint8_t* state) {
  Noted& noted = notes_[static_cast<std::size_t>(f)];
  noted.edges.clear();
  const int at = l_.frame_at[static_cast<std::size_t>(f)];
  const std::size_t bytes = static_cast<std::size_t>(blob_[static_cast<std::size_t>(l_.frame_unit[static_cast<std::size_t>(f)])]);
  std::memcpy(noted_.data() + at, state + at, bytes);
  std::memcpy(copy_.data(), state + at, bytes);
  const int thread = l_.frame_thread[static_cast<std::size_t>(f)];
  std::size_t all = (bytes + 7) / 8 * 8;
  std::memset(copy_.data() + bytes, 0, all - bytes);
  const std::size_t thread_copy = all;
  const int thread_cell = l_.thread_at + thread * static_cast<int>(sizeof(ThreadCell));
  if (thread >= 0) {
    std::memcpy(noted_.data() + thread_cell, state + thread_cell, sizeof(ThreadCell));
    std::memcpy(copy_.data() + all, state + thread_cell, sizeof(ThreadCell));
    std::memset(copy_.data() + all + sizeof(ThreadCell), 0, 8);
    all += (sizeof(ThreadCell) + 7) / 8 * 8;
  }
  for (std::size_t i : inside_[static_cast<std::size_t>(f)]) {
    const Place& place = places_[i];
    const std::int32_t value = Read(state, place);
    const int target = FrameAt(value, place.what);
    const bool waits = target == 0 && use_joins_ && IsJoiner(value);   // any of its array could be the one
    if (!MovesNow(target, state) && !waits) continue;
    const bool in_thread = place.at < l_.runtime_at;
    const std::size_t offset = in_thread ? thread_copy + static_cast<std::size_t>(place.at - thread_cell) : static_cast<std::size_t>(place.at - at);
    std::int32_t stand_in = waits ? 0 : target == f ? 1 : 2 + l_.frame_unit[static_cast<std::size_t>(target)];
    if (place.what == Refers::kStrand && !waits) stand_in += 256 * (value - 1 - l_.frame_strand[static_cast<std::size_t>(target)]);
    if (place.wide) std::memcpy(copy_.data() + offset, &stand_in, 4);
    else {
      const std::uint16_t narrow = static_cast<std::uint16_t>(stand_in);
      std::memcpy(copy_.data() + offset, &narrow, 2);
    }
    if (target != f && !waits) noted.edges.push_back({f, target, offset});
  }
  noted.key = StableHash(copy_.data(), all);
  noted.is_known = true;
}

// Each place of no frame that names somebody, and perhaps some that name nobody.
template <class Look>
void Symmetry::EachOutside(const std::uint8_t* state, Look look) const {
  for (std::size_t w = 0; w + 1 < words_.size(); ++w) {
    std::uint64_t word;
    std::memcpy(&word, state + words_[w].at, 8);
    if ((word & words_[w].mask) == 0) continue;
    for (std::size_t i = words_[w].first; i < words_[w + 1].first; ++i) look(places_[outside_[i]]);
  }
}

// Decides on the new numbers. False: everybody keeps theirs.
bool Symmetry::Order(Machine& machine, const std::uint8_t* state) {
  edges_.clear();
  live_.clear();
  for (int f : moved_) to_[static_cast<std::size_t>(f)] = f;
  moved_.clear();
  NoteLife(machine);
  for (int u : units_)
    for (int f = l_.unit_frame[static_cast<std::size_t>(u)], end = f + p_.units[static_cast<std::size_t>(u)].frames; f < end; ++f) {
      const Noted& noted = notes_[static_cast<std::size_t>(f)];
      if (!noted.is_live) continue;
      live_.push_back(f);
      if (!IsNoted(f, state)) Note(f, state);
      edges_.insert(edges_.end(), noted.edges.begin(), noted.edges.end());
      key_[static_cast<std::size_t>(f)] = noted.key;
    }
  for (const Pool& pool : pools_)
    for (int c = pool.first_core; pool.cores > 1 && c < pool.first_core + pool.cores; ++c) shape_[static_cast<std::size_t>(c)] = Shape(c, state);
  EachOutside(state, [&](const Place& place) {
    const std::int32_t value = Read(state, place);
    const int target = FrameAt(value, place.what);
    if (!MovesNow(target, state)) return;
    const int strand = place.what == Refers::kStrand ? value - 1 - l_.frame_strand[static_cast<std::size_t>(target)] : 0;
    std::uint64_t tag = use_joins_ || place.tag < std::uint64_t{1} << 32 ? place.tag : static_cast<std::uint64_t>(place.at) + 1;
    if (place.core >= 0) tag = Mix(tag, shape_[static_cast<std::size_t>(place.core)]);
    std::uint64_t& key = key_[static_cast<std::size_t>(target)];
    key += Mix(tag, static_cast<std::uint64_t>(strand) + 7);
  });
  // Who stands behind whom tells copies apart that are otherwise alike.
  for (std::size_t round = 0; round < std::min<std::size_t>(edges_.size(), 8); ++round) {
    for (int f : live_) next_key_[static_cast<std::size_t>(f)] = key_[static_cast<std::size_t>(f)];
    for (const Edge& e : edges_) {
      std::uint64_t& from = next_key_[static_cast<std::size_t>(e.from)];
      std::uint64_t& to = next_key_[static_cast<std::size_t>(e.to)];
      from += Mix(e.tag, key_[static_cast<std::size_t>(e.to)]);
      to += Mix(~e.tag, key_[static_cast<std::size_t>(e.from)]);
    }
    key_.swap(next_key_);
  }
  // The live ones of each unit come first: the others hold nothing.
  for (std::size_t begin = 0; begin < live_.size();) {
    const int unit = l_.frame_unit[static_cast<std::size_t>(live_[begin])], first = l_.unit_frame[static_cast<std::size_t>(unit)];
    std::size_t end = begin;
    while (end < live_.size() && l_.frame_unit[static_cast<std::size_t>(live_[end])] == unit) ++end;
    order_.assign(live_.begin() + static_cast<std::ptrdiff_t>(begin), live_.begin() + static_cast<std::ptrdiff_t>(end));
    SortFew(&order_, [&](int a, int b) { return key_[static_cast<std::size_t>(a)] < key_[static_cast<std::size_t>(b)]; });
    for (std::size_t k = 0; k < order_.size(); ++k) {
      to_[static_cast<std::size_t>(order_[k])] = first + static_cast<int>(k);
      if (order_[k] != first + static_cast<int>(k)) moved_.push_back(order_[k]);
    }
    begin = end;
  }
  return !moved_.empty();
}

void Symmetry::Rename(std::uint8_t* state) {
  std::memcpy(copy_.data(), state, copy_.size());
  const int cell = static_cast<int>(sizeof(ThreadCell));
  auto bytes = [&](int f) { return static_cast<std::size_t>(blob_[static_cast<std::size_t>(l_.frame_unit[static_cast<std::size_t>(f)])]); };
  auto thread_at = [&](int f) { return l_.thread_at + l_.frame_thread[static_cast<std::size_t>(f)] * cell; };
  for (int f : moved_) {   // whoever comes to their places is one of them, or nobody
    std::memset(state + l_.frame_at[static_cast<std::size_t>(f)], 0, bytes(f));
    if (l_.frame_thread[static_cast<std::size_t>(f)] >= 0) std::memset(state + thread_at(f), 0, static_cast<std::size_t>(cell));
  }
  for (int f : moved_) {
    const int to = to_[static_cast<std::size_t>(f)];
    std::memcpy(state + l_.frame_at[static_cast<std::size_t>(to)], copy_.data() + l_.frame_at[static_cast<std::size_t>(f)], bytes(f));
    if (l_.frame_thread[static_cast<std::size_t>(f)] >= 0) std::memcpy(state + thread_at(to), copy_.data() + thread_at(f), static_cast<std::size_t>(cell));
  }
  auto rename = [&](const Place& place) {
    const std::int32_t value = Read(state, place);
    const int target = FrameAt(value, place.what);
    if (!Moves(target)) return;
    const int to = to_[static_cast<std::size_t>(target)];
    if (to == target) return;
    std::int32_t renamed = to + 1;
    if (place.what == Refers::kStrand) renamed = value - l_.frame_strand[static_cast<std::size_t>(target)] + l_.frame_strand[static_cast<std::size_t>(to)];
    else if (place.what == Refers::kThread) renamed = l_.frame_thread[static_cast<std::size_t>(to)] + 1;
    if (place.wide) std::memcpy(state + place.at, &renamed, 4);
    else {
      const std::uint16_t narrow = static_cast<std::uint16_t>(renamed);
      std::memcpy(state + place.at, &narrow, 2);
    }
  };
  EachOutside(copy_.data(), rename);
  for (int f : live_)
    for (std::size_t i : inside_[static_cast<std::size_t>(to_[static_cast<std::size_t>(f)])]) rename(places_[i]);
}

// What a core and its thread hold, but for which copies of a body.
std::uint64_t Symmetry::Shape(int core, const std::uint8_t* state) const {
  Worker w{};
  std::memcpy(static_cast<void*>(&w.core), state + l_.core_at + static_cast<std::ptrdiff_t>(core) * static_cast<std::ptrdiff_t>(sizeof(CoreCell)), sizeof w.core);
  if (w.core.thread != 0) std::memcpy(static_cast<void*>(&w.thread), state + l_.thread_at + static_cast<std::ptrdiff_t>(w.core.thread - 1) * static_cast<std::ptrdiff_t>(sizeof(ThreadCell)), sizeof w.thread);
  w.core.thread = w.thread.core = 0;
  auto stand_in = [&](Link& link, Refers what) {
    const int frame = FrameAt(link, what);
    if (Moves(frame)) link = static_cast<Link>(0x8000 + l_.frame_unit[static_cast<std::size_t>(frame)]);
  };
  for (Link* link : {&w.core.lifo, &w.core.head, &w.core.tail, &w.thread.frame}) stand_in(*link, Refers::kFrame);
  for (Link* link : {&w.core.defer_head, &w.core.defer_tail, &w.thread.top, &w.thread.stash_head, &w.thread.stash_tail}) stand_in(*link, Refers::kStrand);
  return StableHash(reinterpret_cast<const std::uint8_t*>(&w), sizeof w);
}

// A core is asked for its number by its thread, by whoever waits in the driver, and by a pool that it was handed to.
void Symmetry::SortCores(const Pool& pool, Machine& machine, std::uint8_t* state) {
  workers_.resize(static_cast<std::size_t>(pool.cores));
  for (int k = 0; k < pool.cores; ++k) {
    Worker& w = workers_[static_cast<std::size_t>(k)];
    w.core = machine.C(pool.first_core + k);
    w.thread = w.core.thread != 0 ? machine.T(w.core.thread - 1) : ThreadCell{};
    w.core.thread = w.core.thread != 0;
    w.thread.core = 0;
  }
  auto before = [](const Worker& a, const Worker& b) { return std::memcmp(&a, &b, sizeof a) < 0; };
  if (std::is_sorted(workers_.begin(), workers_.end(), before)) return;
  order_.resize(workers_.size());
  std::iota(order_.begin(), order_.end(), 0);
  SortFew(&order_, [&](int a, int b) { return before(workers_[static_cast<std::size_t>(a)], workers_[static_cast<std::size_t>(b)]); });
  std::memcpy(copy_.data(), state + l_.core_at, static_cast<std::size_t>(l_.cores) * sizeof(CoreCell));
  CoreCell* const cells = reinterpret_cast<CoreCell*>(state + l_.core_at) + pool.first_core;
  to_core_.resize(order_.size());
  for (std::size_t k = 0; k < order_.size(); ++k) {
    std::memcpy(static_cast<void*>(cells + k), copy_.data() + static_cast<std::size_t>(pool.first_core + order_[k]) * sizeof(CoreCell), sizeof(CoreCell));
    to_core_[static_cast<std::size_t>(order_[k])] = pool.first_core + static_cast<int>(k) + 1;
  }
  auto renamed = [&](int core) { return to_core_[static_cast<std::size_t>(core - 1 - pool.first_core)]; };
  for (int t = pool.first; t < pool.first + pool.count; ++t)
    if (machine.T(t).core != 0) machine.T(t).core = static_cast<Link>(renamed(machine.T(t).core));
  RuntimeCell& runtime = machine.RT(pool.runtime);
  if (runtime.driver != 0) runtime.driver = static_cast<Link>(renamed(runtime.driver));
  std::int32_t* queue = machine.PoolQueue(pool.runtime);
  for (int k = 0; k < runtime.queued; ++k)
    if (queue[k] < 0) queue[k] = -renamed(-queue[k]);
  for (int at : lent_) {
    std::int32_t value;
    std::memcpy(&value, state + at, 4);
    if (value < 2 || value - 2 < pool.first_core || value - 2 >= pool.first_core + pool.cores) continue;
    value = renamed(value - 1) + 1;
    std::memcpy(state + at, &value, 4);
  }
}

// Nothing asks a thread of a pool for its number but whoever holds it: a worker's core, or a `current_thread` runtime.
void Symmetry::SortPool(const Pool& pool, Machine& machine, std::uint8_t* state) {
  ThreadCell* const cells = reinterpret_cast<ThreadCell*>(state + l_.thread_at) + pool.first;
  auto before = [](const ThreadCell& a, const ThreadCell& b) { return std::memcmp(&a, &b, sizeof a) < 0; };
  if (std::is_sorted(cells, cells + pool.count, before)) return;
  cells_.assign(cells, cells + pool.count);
  order_.resize(static_cast<std::size_t>(pool.count));
  std::iota(order_.begin(), order_.end(), 0);
  SortFew(&order_, [&](int a, int b) { return before(cells_[static_cast<std::size_t>(a)], cells_[static_cast<std::size_t>(b)]); });
  to_thread_.resize(order_.size());
  for (std::size_t k = 0; k < order_.size(); ++k) {
    cells[k] = cells_[static_cast<std::size_t>(order_[k])];
    to_thread_[static_cast<std::size_t>(order_[k])] = pool.first + static_cast<int>(k);
  }
  auto rename = [&](Link& thread) {
    const int number = thread - 1 - pool.first;
    if (number >= 0 && number < pool.count) thread = static_cast<Link>(to_thread_[static_cast<std::size_t>(number)] + 1);
  };
  for (int c = 0; c < l_.cores; ++c) rename(machine.C(c).thread);
  for (int r = 0; r < static_cast<int>(p_.runtimes.size()); ++r) rename(machine.RT(r).holder);
}

void Symmetry::Settle(Machine& machine, std::uint8_t* state) {
  const bool joined = !joins() || JoinEnded(machine, state);
  for (int f = 0; numberless_ && f < l_.frames; ++f)
    if (machine.F(f).live != 0) machine.R(f)[1] = 0;
  if (!units_.empty() && Order(machine, state)) Rename(state);
  for (const Pool& pool : pools_) {
    if (pool.cores > 1) SortCores(pool, machine, state);
    SortPool(pool, machine, state);
  }
  if (!joins() || machine.H().panicked != 0) return;
  std::int32_t* regs = machine.R(0);
  const Array* const joining = Joining(machine);
  for (const Array& a : arrays_) {   // the handles that there are, in the order of their threads
    if (joining == &a && !joined) continue;   // main waits for a certain one
    order_.clear();
    for (int r = a.first; r < a.first + a.count; ++r)
      if (regs[r] != 0) order_.push_back(regs[r]);
    std::sort(order_.begin(), order_.end());
    std::size_t next = 0;
    for (int r = a.first; r < a.first + a.count; ++r)
      if (regs[r] != 0) regs[r] = order_[next++];
    if (joining == &a) MoveJoiner(machine, a, a.first + machine.S(a.strand).pc - a.first_pc);
  }
}

}  // namespace asyncrt
