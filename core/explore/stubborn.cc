#include "core/explore/stubborn.h"

#include <algorithm>

#include "core/base/stable_hash.h"
#include "core/program/flow.h"

namespace asyncrt {
namespace {

constexpr std::size_t kTableMax = std::size_t{1} << 22;   // words, of all tables of one copy

bool IsSimple(const Program& p, int expr) {
  if (expr < 0) return true;
  Expr::Kind kind = p.exprs[static_cast<std::size_t>(expr)].kind;
  return kind == Expr::Kind::kNumber || kind == Expr::Kind::kLocal || kind == Expr::Kind::kIndex;
}

// Played together with the visible op that follows.
bool IsPassed(const Program& p, const Instr& in) {
  switch (in.op) {
    case VmOp::kJump: case VmOp::kLoopTest: case VmOp::kCatchBegin: case VmOp::kCatchEnd: case VmOp::kNop: case VmOp::kUse: case VmOp::kChoose: return true;
    case VmOp::kSet: case VmOp::kJumpIfZero: case VmOp::kAssert: return IsSimple(p, in.expr);
    default: return false;
  }
}

// Panics by itself where its failure is unwrapped; poisoned locks and failed joins only pass a panic on.
bool CanPanic(const Instr& in, const Program& p) {
  switch (in.op) {
    case VmOp::kPanic: case VmOp::kAssert: return true;
    case VmOp::kStdLock: case VmOp::kRwRead: case VmOp::kRwWrite: case VmOp::kCondWait: case VmOp::kCondNotifyOne: case VmOp::kCondNotifyAll:
    case VmOp::kStdBarrierWait: case VmOp::kJoinThread: case VmOp::kScopeJoin: case VmOp::kSpawnThread: case VmOp::kStore: case VmOp::kAdd:
    case VmOp::kDropReg: case VmOp::kForgetReg: case VmOp::kEnd: case VmOp::kUnwound: case VmOp::kPark: case VmOp::kUnpark:
    case VmOp::kThreadYield: case VmOp::kCompute: case VmOp::kThreadSleep: return false;
    case VmOp::kSet: case VmOp::kJumpIfZero: return !IsSimple(p, in.expr);   // a division
    default: return !IsPassed(p, in) && in.or_pc < 0;
  }
}

}  // namespace

bool StubbornSets::Uses::Meets(const Uses& other) const {
  if (all || other.all) return true;
  for (std::size_t i = 0; i < bits.size(); ++i)
    if (bits[i] & other.bits[i]) return true;
  return false;
}

void StubbornSets::Uses::Clear() {
  std::fill(bits.begin(), bits.end(), 0);
  all = panics = ends = false;
  hangs_up = -1;
}

StubbornSets::StubbornSets(const Program& program, const Layout& layout, const PlayMode& mode, const Deadline& deadline)
    : p_(program), l_(layout), objects_(static_cast<int>(program.elements.size())), units_(static_cast<int>(program.units.size())) {
  bool timers = std::any_of(p_.code.begin(), p_.code.end(), [](const Instr& in) { return RegistersTimer(in.op); });
  // The clock may step in anywhere under adversarial timing; workers of one runtime share all that they do.
  if (!p_.runtimes.empty() || p_.eats_tokens || mode.scheduler != Scheduler::kAtomic || (timers && mode.timing == Timing::kAdversarial)) return;
  words_ = static_cast<std::size_t>(life() + 2 * objects_) / 64 + 1;
  if (words_ * p_.code.size() > kTableMax) return;
  CollectCode(deadline);
  FindPlainChannels();
  looks_at_life_ = std::any_of(p_.exprs.begin(), p_.exprs.end(), [](const ExprNode& e) { return e.kind == Expr::Kind::kFinished; });
  const std::size_t threads = static_cast<std::size_t>(l_.threads);
  facts_.resize(threads);
  last_.resize(threads);
  needs_.resize(threads);
  for (Needs& needs : needs_) needs.threads.resize(threads / 64 + 1);
  for (Threads* set : {&alive_, &enabled_, &moves_, &chosen_, &best_, &done_, &hangers_}) set->resize(threads / 64 + 1);
  ahead_.resize(p_.units.size());
  usable_ = true;
}

// ---- the program, once -------------------------------------------------------------------------------------------

void StubbornSets::CollectCode(Deadline deadline) {
  unit_of_.assign(p_.code.size(), -1);
  place_of_.assign(p_.code.size(), 0);
  uses_copy_.assign(p_.units.size(), false);
  code_of_ = CodeOfUnits(p_, deadline);
  for (std::size_t u = 0; u < p_.units.size(); ++u)
    for (std::size_t place = 0; place < code_of_[u].size(); ++place) {
      deadline.Step();
      const std::size_t pc = static_cast<std::size_t>(code_of_[u][place]);
      unit_of_[pc] = static_cast<int>(u);
      place_of_[pc] = static_cast<int>(place);
      for (int expr : {p_.code[pc].index, p_.code[pc].expr2})
        if (expr >= 0 && IndexIsKnown(expr) && p_.exprs[static_cast<std::size_t>(expr)].kind != Expr::Kind::kNumber) uses_copy_[u] = true;
    }
}

void StubbornSets::FindPlainChannels() {
  plain_.assign(p_.elements.size(), false);
  for (std::size_t e = 0; e < p_.elements.size(); ++e)
    plain_[e] = p_.elements[e].kind == Kind::kStdChannel && p_.elements[e].capacity != 0 && p_.elements[e].slot_words == 0;
  unwrapped_ = plain_;
  for (const Instr& in : p_.code)
    if (in.op == VmOp::kStdSend && in.or_pc >= 0 && in.object >= 0)
      for (int e = in.object; e < std::min(objects_, in.object + in.elements); ++e) unwrapped_[static_cast<std::size_t>(e)] = false;
  for (const Instr& in : p_.code)
    if (in.object >= 0 && in.op != VmOp::kStdSend && in.op != VmOp::kStdRecv)
      for (int e = in.object; e < std::min(objects_, in.object + in.elements); ++e) plain_[static_cast<std::size_t>(e)] = false;
}

// Made of numbers and the copy's own number.
bool StubbornSets::IndexIsKnown(int expr) const {
  const ExprNode& e = p_.exprs[static_cast<std::size_t>(expr)];
  switch (e.kind) {
    case Expr::Kind::kNumber: case Expr::Kind::kIndex: return true;
    case Expr::Kind::kAdd: case Expr::Kind::kSubtract: case Expr::Kind::kMultiply: case Expr::Kind::kRemainder:
      return IndexIsKnown(e.left) && IndexIsKnown(e.right);
    default: return false;
  }
}

std::int64_t StubbornSets::IndexOf(int expr, int copy) const {
  const ExprNode& e = p_.exprs[static_cast<std::size_t>(expr)];
  if (e.kind == Expr::Kind::kNumber) return e.number;
  if (e.kind == Expr::Kind::kIndex) return copy;
  std::int64_t a = IndexOf(e.left, copy), b = IndexOf(e.right, copy);
  switch (e.kind) {
    case Expr::Kind::kAdd: return a + b;
    case Expr::Kind::kSubtract: return a - b;
    case Expr::Kind::kMultiply: return a * b;
    default: return b == 0 || b == -1 ? 0 : a % b;
  }
}

int StubbornSets::ArraySize(int element) const {
  int declared = p_.elements[static_cast<std::size_t>(element)].declared, count = 1;
  while (element + count < objects_ && declared >= 0 && p_.elements[static_cast<std::size_t>(element + count)].declared == declared) ++count;
  return count;
}

template <class Add>
void StubbornSets::ForElements(int first, int count, int index, int copy, Add add) const {
  if (index >= 0 && IndexIsKnown(index) && (copy >= 0 || p_.exprs[static_cast<std::size_t>(index)].kind == Expr::Kind::kNumber)) {
    first += static_cast<int>(std::clamp<std::int64_t>(IndexOf(index, copy), 0, count - 1));
    count = 1;
  }
  for (int e = first; e < first + count; ++e) add(e);
}

void StubbornSets::AddExpression(int expr, int copy, Uses* out) const {
  if (expr < 0) return;
  const ExprNode& e = p_.exprs[static_cast<std::size_t>(expr)];
  if (e.kind == Expr::Kind::kAtomic) ForElements(e.object, e.elements, e.left, copy, [&](int element) { out->Add(element); });
  if (e.kind == Expr::Kind::kFinished) out->Add(life());
  if (e.kind == Expr::Kind::kNow) out->all = true;
  AddExpression(e.left, copy, out);
  AddExpression(e.right, copy, out);
}

// A handle goes, or a thread: which unit's is not asked, since frames are numbered as they become free.
void StubbornSets::AddAllEnds(View view, Uses* out) const {
  for (int u = 0; u < units_; ++u) out->Add(view == View::kNow ? SpawnOf(u) : EndOf(u));
}

void StubbornSets::UsesOfReg(int unit, int reg, Machine* machine, int frame, View view, Uses* out, Registers* regs) {
  const Reg& r = p_.units[static_cast<std::size_t>(unit)].regs[static_cast<std::size_t>(reg)];
  std::int32_t value = machine == nullptr ? 0 : machine->R(frame)[reg];
  if (machine != nullptr && value == 0) return;
  switch (r.kind) {
    case RegKind::kScratch: return;
    case RegKind::kThread: AddAllEnds(view, out); return;
    case RegKind::kTx: case RegKind::kRx: case RegKind::kGuard: case RegKind::kReadGuard: case RegKind::kWriteGuard: case RegKind::kOnceGuard:
    case RegKind::kPermit: case RegKind::kReserve: {
      if (r.base < 0) { out->all = true; return; }
      if (machine == nullptr) { regs->drops.push_back(reg); return; }
      int element = r.base + (value & 0xffff) - 1;
      const Element& e = p_.elements[static_cast<std::size_t>(element)];
      if (e.slot_words > 0) out->all = true;   // what a message owns may go with it
      // Giving back a mutex that nobody tries only lets others go on.
      if (view == View::kNow && r.kind == RegKind::kGuard && e.kind == Kind::kStdMutex && !e.tried) return;
      if (r.kind == RegKind::kTx && plain_[static_cast<std::size_t>(element)]) {   // and the last sender's end only ends the wait for one
        if (view != View::kNow) out->Add(LastSender(element));
        return;
      }
      out->Add(element);
      // A sender that still meant to send will panic, so as long as nobody does, nobody meant to.
      bool unheard = view == View::kNow && !expects_panics_ && unwrapped_[static_cast<std::size_t>(element)];
      if (r.kind == RegKind::kRx && !unheard) out->Add(SendEnd(element));
      return;
    }
    default: out->all = true;
  }
}

void StubbornSets::UsesOf(int pc, int copy, Machine* machine, int frame, View view, Uses* out, Registers* regs) {
  const Instr& in = p_.code[static_cast<std::size_t>(pc)];
  int unit = unit_of_[static_cast<std::size_t>(pc)];
  const Unit& body = p_.units[static_cast<std::size_t>(unit)];
  AddExpression(in.expr, copy, out);
  AddExpression(in.index, copy, out);
  if (CanPanic(in, p_)) out->panics = true;
  bool sends = in.op == VmOp::kStdSend, receives = in.op == VmOp::kStdRecv;
  auto add = [&](int element) {
    bool plain = plain_[static_cast<std::size_t>(element)] && (sends || receives);
    out->Add(plain && sends != (view == View::kWaits) ? SendEnd(element) : element);
    if (plain && receives && view == View::kWaits) out->hangs_up = element;
  };
  auto object = [&] {
    if (in.object < 0) { out->all = true; return; }
    const Element& e = p_.elements[static_cast<std::size_t>(in.object)];
    if (e.slot_words > 0 || e.kind == Kind::kIo || e.parent >= 0) out->all = true;
    if (in.reg2 >= 0) {
      const Reg& end = body.regs[static_cast<std::size_t>(in.reg2)];
      bool is_end = end.base >= 0 && (end.kind == RegKind::kTx || end.kind == RegKind::kRx);
      if (is_end && machine == nullptr && ArraySize(end.base) > 1) { regs->ends.push_back(in.reg2); return; }
      if (is_end && machine != nullptr && machine->R(frame)[in.reg2] != 0) { add(end.base + (machine->R(frame)[in.reg2] & 0xffff) - 1); return; }
    }
    ForElements(in.object, in.elements, in.index, copy, add);
  };
  switch (in.op) {
    case VmOp::kJump: case VmOp::kJumpIfZero: case VmOp::kSet: case VmOp::kChoose: case VmOp::kLoopTest: case VmOp::kCatchBegin:
    case VmOp::kCatchEnd: case VmOp::kNop: case VmOp::kAssert: case VmOp::kPanic: case VmOp::kUse: case VmOp::kThreadYield: case VmOp::kPendingSync:
    case VmOp::kCompute: case VmOp::kThreadSleep:
      return;
    case VmOp::kEnd: case VmOp::kFailEnd: case VmOp::kUnwound: {
      if (body.kind == UnitKind::kMain) { out->ends = true; return; }
      if (body.kind != UnitKind::kThread) { out->all = true; return; }
      out->Add(view == View::kNow ? SpawnOf(unit) : EndOf(unit));
      if (looks_at_life_) out->Add(life());
      return;
    }
    case VmOp::kDropReg: case VmOp::kForgetReg:
      if (in.flag) {
        for (const Capture& c : p_.captures[static_cast<std::size_t>(in.list)]) UsesOfReg(unit, c.from, machine, frame, view, out, regs);
      } else if (in.index >= 0) {
        out->all = true;
      } else if (in.reg >= 0) {
        UsesOfReg(unit, in.reg, machine, frame, view, out, regs);
      }
      return;
    case VmOp::kSpawnThread:
      out->Add(SpawnOf(in.unit));
      if (view == View::kNow) out->Add(EndOf(in.unit));
      else WholeUnit(in.unit, out, 0);
      return;
    case VmOp::kJoinThread: AddAllEnds(view, out); if (view == View::kAhead) out->Add(life()); return;
    case VmOp::kScopeJoin: if (view != View::kAhead) out->all = true; return;   // whom it waits for is known otherwise
    case VmOp::kPark: case VmOp::kUnpark: out->Add(life()); return;
    case VmOp::kStdLock: case VmOp::kStdTryLock: case VmOp::kCondNotifyOne: case VmOp::kCondNotifyAll: case VmOp::kStdBarrierWait: case VmOp::kStdSend:
    case VmOp::kStdTrySend: case VmOp::kStdRecv: case VmOp::kStdTryRecv: case VmOp::kStdRecvTimeout: case VmOp::kStore: case VmOp::kAdd: case VmOp::kCas:
    case VmOp::kReadCell: case VmOp::kWriteCell: case VmOp::kRwRead: case VmOp::kRwTryRead: case VmOp::kRwWrite: case VmOp::kRwTryWrite:
    case VmOp::kBlockingLock: case VmOp::kSemTryAcquire: case VmOp::kMpscTrySend: case VmOp::kMpscTryRecv: case VmOp::kMpscBlockingSend:
    case VmOp::kMpscBlockingRecv: case VmOp::kOneshotBlockingRecv: case VmOp::kOneshotTryRecv: case VmOp::kOneshotSend: case VmOp::kMpscClose: case VmOp::kOnceEnter: case VmOp::kOnceSet: case VmOp::kOnceFail:
      AddExpression(in.expr2, copy, out);
      object();
      return;
    case VmOp::kCondWait: case VmOp::kCondWaitTimeout:
      object();
      ForElements(in.target, ArraySize(in.target), in.expr2, copy, [&](int element) { out->Add(element); });
      return;
    default: out->all = true;
  }
}

// Everything that a copy of the unit, and whoever it spawns, could use.
void StubbornSets::WholeUnit(int unit, Uses* out, int depth) {
  if (depth > 8) { out->all = true; return; }
  Registers regs;
  for (int pc : code_of_[static_cast<std::size_t>(unit)]) {
    const Instr& in = p_.code[static_cast<std::size_t>(pc)];
    if (in.op == VmOp::kSpawnThread) {
      out->Add(SpawnOf(in.unit));
      if (in.unit != unit) WholeUnit(in.unit, out, depth + 1);
      continue;
    }
    UsesOf(pc, -1, nullptr, -1, View::kAhead, out, &regs);
  }
  regs.drops.insert(regs.drops.end(), regs.ends.begin(), regs.ends.end());
  for (int r : regs.drops) {
    const Reg& reg = p_.units[static_cast<std::size_t>(unit)].regs[static_cast<std::size_t>(r)];
    ForElements(reg.base, ArraySize(reg.base), -1, -1, [&](int element) { out->Add(element); out->Add(SendEnd(element)); out->Add(LastSender(element)); });
  }
}

// Uses of an instruction and all that can follow it, by iteration to a fixed point.
StubbornSets::Ahead& StubbornSets::AheadOf(int unit, int copy) {
  if (!uses_copy_[static_cast<std::size_t>(unit)] || copy < 0) copy = 0;
  std::vector<std::unique_ptr<Ahead>>& copies = ahead_[static_cast<std::size_t>(unit)];
  if (static_cast<std::size_t>(copy) >= copies.size()) copies.resize(static_cast<std::size_t>(copy) + 1);
  std::unique_ptr<Ahead>& known = copies[static_cast<std::size_t>(copy)];
  if (known != nullptr) return *known;
  known = std::make_unique<Ahead>();
  Ahead& a = *known;
  const std::vector<int>& code = code_of_[static_cast<std::size_t>(unit)];
  a.reg_words = p_.units[static_cast<std::size_t>(unit)].regs.size() / 64 + 1;
  a.bits.assign(code.size() * words_, 0);
  a.ends.assign(code.size() * a.reg_words, 0);
  a.drops = a.ends;
  a.joined.assign(code.size() * a.reg_words, ~Word{0});
  a.all.assign(code.size(), false);
  a.panics = a.ends_main = a.all;
  std::vector<std::vector<int>> next(code.size()), on(code.size());   // with and without panics
  for (std::size_t i = 0; i < code.size(); ++i) {
    Uses uses = None();
    Registers regs;
    UsesOf(code[i], copy, nullptr, -1, View::kAhead, &uses, &regs);
    std::copy(uses.bits.begin(), uses.bits.end(), a.bits.begin() + static_cast<std::ptrdiff_t>(i * words_));
    for (int r : regs.ends) a.ends[i * a.reg_words + static_cast<std::size_t>(r) / 64] |= Word{1} << (r % 64);
    for (int r : regs.drops) a.drops[i * a.reg_words + static_cast<std::size_t>(r) / 64] |= Word{1} << (r % 64);
    a.all[i] = uses.all;
    a.panics[i] = uses.panics;
    a.ends_main[i] = uses.ends;
    for (bool panics : {true, false}) {
      std::vector<int> to;
      Successors(p_, code[i], panics, &to);
      for (int pc : to)
        if (unit_of_[static_cast<std::size_t>(pc)] == unit) (panics ? next : on)[i].push_back(place_of_[static_cast<std::size_t>(pc)]);
    }
    if (on[i].empty())
      for (std::size_t w = 0; w < a.reg_words; ++w) a.joined[i * a.reg_words + w] = 0;
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t i = code.size(); i-- > 0;)
      for (int n : next[i]) {
        std::size_t k = static_cast<std::size_t>(n);
        for (std::size_t w = 0; w < words_; ++w) {
          Word more = a.bits[k * words_ + w] & ~a.bits[i * words_ + w];
          if (more != 0) { a.bits[i * words_ + w] |= more; changed = true; }
        }
        for (std::vector<Word>* of : {&a.ends, &a.drops})
          for (std::size_t w = 0; w < a.reg_words; ++w) {
            Word more = (*of)[k * a.reg_words + w] & ~(*of)[i * a.reg_words + w];
            if (more != 0) { (*of)[i * a.reg_words + w] |= more; changed = true; }
          }
        if (a.all[k] && !a.all[i]) { a.all[i] = true; changed = true; }
        if (a.panics[k] && !a.panics[i]) { a.panics[i] = true; changed = true; }
        if (a.ends_main[k] && !a.ends_main[i]) { a.ends_main[i] = true; changed = true; }
      }
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t i = code.size(); i-- > 0;) {
      if (on[i].empty()) continue;
      const Instr& in = p_.code[static_cast<std::size_t>(code[i])];
      int joins = (in.op == VmOp::kJoinThread && in.index < 0) || in.op == VmOp::kScopeJoin ? in.reg : -1;
      for (std::size_t w = 0; w < a.reg_words; ++w) {
        Word all = ~Word{0};
        for (int n : on[i]) all &= a.joined[static_cast<std::size_t>(n) * a.reg_words + w];
        if (joins >= 0 && static_cast<std::size_t>(joins) / 64 == w) all |= Word{1} << (joins % 64);
        if (all != a.joined[i * a.reg_words + w]) { a.joined[i * a.reg_words + w] = all; changed = true; }
      }
    }
  }
  return a;
}

// ---- a state ------------------------------------------------------------------------------------------------------

void StubbornSets::StillAhead(Machine& machine, int thread, Uses* out) {
  out->Clear();
  for (int strand = machine.T(thread).top - 1; strand >= 0 && !out->all; strand = machine.S(strand).parent - 1) {
    int frame = machine.FrameOf(strand), unit = l_.frame_unit[static_cast<std::size_t>(frame)];
    std::size_t pc = machine.S(strand).pc;
    if (unit_of_[pc] != unit) { out->all = true; return; }
    const Ahead& a = AheadOf(unit, machine.R(frame)[1]);
    std::size_t i = static_cast<std::size_t>(place_of_[pc]);
    out->all = a.all[i];
    out->panics = out->panics || a.panics[i];
    out->ends = out->ends || a.ends_main[i];
    for (std::size_t w = 0; w < words_; ++w) out->bits[w] |= a.bits[i * words_ + w];
    for (std::size_t w = 0; w < a.reg_words; ++w) {
      for (Word left = a.ends[i * a.reg_words + w]; left != 0; left &= left - 1) {
        const int r = static_cast<int>(w * 64) + __builtin_ctzll(left);
        const Reg& end = p_.units[static_cast<std::size_t>(unit)].regs[static_cast<std::size_t>(r)];
        const std::int32_t value = machine.R(frame)[r];
        auto add = [&](int element) { out->Add(end.kind == RegKind::kTx ? SendEnd(element) : element); };
        if (value != 0) add(end.base + (value & 0xffff) - 1);
        else ForElements(end.base, ArraySize(end.base), -1, -1, add);   // it works on somebody else's
      }
      for (Word left = a.drops[i * a.reg_words + w]; left != 0; left &= left - 1)
        UsesOfReg(unit, static_cast<int>(w * 64) + __builtin_ctzll(left), &machine, frame, View::kAhead, out, nullptr);
    }
  }
}

// What the thread's next step uses: private ops are passed as the machine will pass them, up to the first that others can
// see.
void StubbornSets::NextStep(Machine& machine, int thread, View view, Uses* out) {
  out->Clear();
  int top = machine.T(thread).top - 1;
  if (top < 0 || machine.S(top).out != Outcome::kNone) { out->all = true; return; }
  int frame = machine.FrameOf(top), copy = machine.R(frame)[1];
  std::vector<Walk>& work = walks_;
  work.clear();
  work.push_back({machine.S(top).pc, {}});
  for (int guard = 0; !work.empty() && !out->all; ++guard) {
    if (guard > 100) { out->all = true; return; }
    Walk at = std::move(work.back());
    work.pop_back();
    std::size_t pc = static_cast<std::size_t>(at.pc);
    const Instr& in = p_.code[pc];
    if (unit_of_[pc] != l_.frame_unit[static_cast<std::size_t>(frame)]) { out->all = true; return; }
    auto value = [&](int reg) {
      for (auto it = at.set.rbegin(); it != at.set.rend(); ++it)
        if (it->first == reg) return it->second;
      return static_cast<std::int64_t>(machine.R(frame)[reg]);
    };
    auto simple = [&](int expr) {
      const ExprNode& e = p_.exprs[static_cast<std::size_t>(expr)];
      return e.kind == Expr::Kind::kNumber ? e.number : value(e.reg);
    };
    int next = at.pc + 1;
    if (in.op == VmOp::kDropReg || in.op == VmOp::kForgetReg) {
      bool nothing = !in.flag && in.index < 0 && (in.reg < 0 || machine.R(frame)[in.reg] == 0);
      if (!nothing) {
        UsesOf(at.pc, copy, &machine, frame, view, out, nullptr);
        if (in.flag || in.index >= 0 || !OnlyLetsGoOn(frame, in.reg, machine)) continue;
      }
    } else if (in.op == VmOp::kScopeJoin && machine.ScopeIsOver(frame, in.reg)) {
      // passed as well
    } else if (!IsPassed(p_, in)) {
      UsesOf(at.pc, copy, &machine, frame, view, out, nullptr);
      continue;
    } else if (in.op == VmOp::kChoose) {
      for (int to : p_.jumps[static_cast<std::size_t>(in.list)]) work.push_back({to, at.set});
      continue;
    } else if (in.op == VmOp::kCatchEnd) {
      work.push_back({in.target, at.set});
    } else if (in.op == VmOp::kJump) {
      next = in.target;
    } else if (in.op == VmOp::kJumpIfZero) {
      if (simple(in.expr) == 0) next = in.target;
    } else if (in.op == VmOp::kSet) {
      at.set.push_back({in.var, in.expr >= 0 ? simple(in.expr) : in.imm});
    } else if (in.op == VmOp::kLoopTest) {
      if (value(in.reg) >= value(in.reg2)) next = in.target;
      else at.set.push_back({in.reg, value(in.reg) + 1});
    }
    work.push_back({next, std::move(at.set)});
  }
}

// What the machine plays with the step before it.
bool StubbornSets::OnlyLetsGoOn(int frame, int reg, Machine& machine) {
  const Reg& r = p_.units[static_cast<std::size_t>(l_.frame_unit[static_cast<std::size_t>(frame)])].regs[static_cast<std::size_t>(reg)];
  if (r.base < 0 || machine.R(frame)[reg] == 0 || p_.endless) return false;
  const Element& e = p_.elements[static_cast<std::size_t>(r.base + (machine.R(frame)[reg] & 0xffff) - 1)];
  return (r.kind == RegKind::kGuard && e.kind == Kind::kStdMutex && !e.tried) || (r.kind == RegKind::kTx && e.kind == Kind::kStdChannel && !e.peeked);
}

// The one thread that can let this one go on, or -1.
int StubbornSets::WaitsForThread(Machine& machine, int thread) {
  int top = machine.T(thread).top - 1;
  if (top < 0) return -1;
  const Instr& in = machine.InstrAt(top);
  int frame = machine.FrameOf(top), of = -1;
  if (in.op == VmOp::kStdLock) of = machine.W(machine.ElementOf(in, frame))[0] - 1;
  if (in.op == VmOp::kJoinThread) of = machine.R(frame)[in.reg + (in.index >= 0 ? static_cast<int>(machine.Eval(in.index, frame)) : 0)] - 1;
  if (in.op == VmOp::kScopeJoin)   // for all of them, so for any one
    for (int f = 0; f < l_.frames && of < 0; ++f)
      if (machine.F(f).live != 0 && (machine.F(f).bits & kComplete) == 0 && machine.F(f).scope_frame == frame + 1 && machine.F(f).scope_reg == in.reg) of = f;
  if (of < 0) return -1;
  UnitKind kind = machine.UnitOf(of).kind;
  return kind == UnitKind::kMain ? 0 : kind == UnitKind::kThread ? l_.frame_thread[static_cast<std::size_t>(of)] : -1;
}

bool StubbornSets::Alive(Machine& machine, int thread) {
  ThreadLife life = machine.T(thread).life;
  return life == ThreadLife::kRunning || life == ThreadLife::kIdle;
}

std::size_t StubbornSets::KeyHash::operator()(const Key& key) const {
  return static_cast<std::size_t>(StableHash(reinterpret_cast<const std::uint8_t*>(key.data()), key.size() * sizeof key[0]));
}

bool StubbornSets::IsAt(Machine& machine, int thread, const Key& key) const {
  const int top = machine.T(thread).top - 1;
  std::size_t at = 0;
  if (key[at++] != (top < 0 ? -1 : static_cast<int>(machine.S(top).out))) return false;
  for (int strand = top; strand >= 0; strand = machine.S(strand).parent - 1) {
    if (at + 2 > key.size() || key[at] != strand || key[at + 1] != machine.S(strand).pc) return false;
    const int frame = machine.FrameOf(strand);
    const std::size_t regs = p_.units[static_cast<std::size_t>(l_.frame_unit[static_cast<std::size_t>(frame)])].regs.size();
    at += 2 + regs;   // the strand says how many there are
    if (!std::equal(key.begin() + static_cast<std::ptrdiff_t>(at - regs), key.begin() + static_cast<std::ptrdiff_t>(at), machine.R(frame))) return false;
  }
  return at == key.size();
}

StubbornSets::Known& StubbornSets::Of(Machine& machine, int thread) {
  Known*& fact = facts_[static_cast<std::size_t>(thread)];
  if (fact != nullptr) return *fact;
  std::pair<const Key, Known>*& last = last_[static_cast<std::size_t>(thread)];
  if (last != nullptr && IsAt(machine, thread, last->first)) return *(fact = &last->second);
  key_.clear();
  const int top = machine.T(thread).top - 1;
  key_.push_back(top < 0 ? -1 : static_cast<int>(machine.S(top).out));
  for (int strand = top; strand >= 0; strand = machine.S(strand).parent - 1) {
    const int frame = machine.FrameOf(strand);
    const std::int32_t* regs = machine.R(frame);
    key_.push_back(strand);
    key_.push_back(machine.S(strand).pc);
    key_.insert(key_.end(), regs, regs + p_.units[static_cast<std::size_t>(l_.frame_unit[static_cast<std::size_t>(frame)])].regs.size());
  }
  auto [at, fresh] = known_.try_emplace(key_);
  if (fresh) {
    at->second.ahead = at->second.now = at->second.waits = None();
    StillAhead(machine, thread, &at->second.ahead);
  }
  last = &*at;
  return *(fact = &last->second);
}

void StubbornSets::Joins(Machine& machine, int thread, Known* out) {
  out->has_joins = true;
  for (int strand = machine.T(thread).top - 1; strand >= 0; strand = machine.S(strand).parent - 1) {
    const int frame = machine.FrameOf(strand), unit = l_.frame_unit[static_cast<std::size_t>(frame)];
    const std::size_t pc = machine.S(strand).pc;
    if (unit_of_[pc] != unit) { out->joins_unknown = true; return; }
    const Ahead& a = AheadOf(unit, machine.R(frame)[1]);
    const std::vector<Reg>& regs = p_.units[static_cast<std::size_t>(unit)].regs;
    for (std::size_t w = 0; w < a.reg_words; ++w)
      for (Word left = a.joined[static_cast<std::size_t>(place_of_[pc]) * a.reg_words + w]; left != 0; left &= left - 1) {
        const int r = static_cast<int>(w * 64) + __builtin_ctzll(left);
        if (r >= static_cast<int>(regs.size()) || machine.R(frame)[r] == 0) continue;
        if (regs[static_cast<std::size_t>(r)].kind == RegKind::kThread) out->joined.push_back(machine.R(frame)[r] - 1);
        else out->scopes.push_back({frame, r});
      }
  }
}

// Every thread that lives is joined by main, or by one that main joins, whatever way they take; and nobody can panic and
// so make a join fail.
bool StubbornSets::MainEndsLast(Machine& machine) {
  if (machine.H().panicked != 0) return false;
  std::fill(chosen_.begin(), chosen_.end(), 0);   // who is joined
  std::vector<int>& work = join_queue_;
  work.assign(1, 0);
  Put(&chosen_, 0);
  auto add = [&](int frame) {
    const int thread = l_.frame_thread[static_cast<std::size_t>(frame)];
    if (machine.UnitOf(frame).kind != UnitKind::kThread || Has(chosen_, thread)) return;
    Put(&chosen_, thread);
    work.push_back(thread);
  };
  for (std::size_t i = 0; i < work.size(); ++i) {
    if (!Has(alive_, work[i])) continue;
    Known& known = Of(machine, work[i]);
    if (!known.has_joins) Joins(machine, work[i], &known);
    if (known.joins_unknown) return false;
    for (int frame : known.joined) add(frame);
    for (const auto& [of, reg] : known.scopes)
      for (int f = 0; f < l_.frames; ++f)
        if (machine.F(f).live != 0 && machine.F(f).scope_frame == of + 1 && machine.F(f).scope_reg == reg) add(f);
  }
  for (int t = 0; t < l_.threads; ++t)
    if (Has(alive_, t) && (!Has(chosen_, t) || (expects_panics_ && AheadOfThread(machine, t).panics))) return false;
  return true;
}

// Who else must belong to a set with this thread: whoever may do what its next step depends on.
const StubbornSets::Threads& StubbornSets::NeededBy(Machine& machine, int thread) {
  Needs& needs = needs_[static_cast<std::size_t>(thread)];
  if (needs.asked) return needs.threads;
  needs.asked = true;
  needs.all = false;
  needs.hangs_up = -1;
  std::fill(needs.threads.begin(), needs.threads.end(), 0);
  const bool moves = Has(moves_, thread);
  if (int other = moves ? -1 : WaitsForThread(machine, thread); other >= 0 && Alive(machine, other)) {
    Put(&needs.threads, other);
    return needs.threads;
  }
  Known& known = Of(machine, thread);
  bool& has = moves ? known.has_now : known.has_waits;
  Uses& step = moves ? known.now : known.waits;
  if (!has) NextStep(machine, thread, moves ? View::kNow : View::kWaits, &step);
  has = true;
  needs.all = step.all || step.ends;
  if (needs.all) return needs.threads;
  needs.hangs_up = step.hangs_up;
  for (int other = 0; other < l_.threads; ++other) {
    if (!Has(alive_, other)) continue;
    const Uses& ahead = AheadOfThread(machine, other);
    if ((ahead.ends && !main_ends_last_) || step.Meets(ahead)) Put(&needs.threads, other);
  }
  return needs.threads;
}

// Whoever may still drop a sender of the channel: each of them can keep it from hanging up.
void StubbornSets::HangersUp(Machine& machine, int element, Threads* out) {
  std::fill(out->begin(), out->end(), 0);
  for (int t = 0; t < l_.threads; ++t)
    if (Has(alive_, t) && (AheadOfThread(machine, t).all || AheadOfThread(machine, t).Has(LastSender(element)))) Put(out, t);
}

int StubbornSets::Close(Machine& machine, int first) {
  std::fill(chosen_.begin(), chosen_.end(), 0);
  std::fill(done_.begin(), done_.end(), 0);
  Put(&chosen_, first);
  for (bool grows = true; grows;) {
    grows = false;
    for (std::size_t w = 0; w < chosen_.size(); ++w)
      while (const Word left = chosen_[w] & ~done_[w]) {
        const int thread = static_cast<int>(w * 64) + __builtin_ctzll(left);
        done_[w] |= left & -left;
        grows = true;
        const Threads& more = NeededBy(machine, thread);
        const Needs& needs = needs_[static_cast<std::size_t>(thread)];
        if (needs.all) return -1;
        for (std::size_t k = 0; k < more.size(); ++k) chosen_[k] |= more[k];
        if (needs.hangs_up < 0) continue;
        HangersUp(machine, needs.hangs_up, &hangers_);
        bool one = false;
        for (std::size_t k = 0; k < hangers_.size(); ++k) one = one || (hangers_[k] & chosen_[k]) != 0;
        for (std::size_t k = 0; k < hangers_.size() && !one; ++k)
          if (hangers_[k] != 0) {
            chosen_[k] |= hangers_[k] & -hangers_[k];
            one = true;
          }
      }
  }
  int moving = 0;   // a stuck state is judged without spurious returns: these alone are not enough
  for (std::size_t w = 0; w < chosen_.size(); ++w) moving += __builtin_popcountll(chosen_[w] & enabled_[w]);
  return moving == 0 ? -1 : moving;
}

std::size_t StubbornSets::Choose(Machine& machine, std::vector<int>* actors) {
  if (actors->size() < 2) return actors->size();
  constexpr std::size_t kKnownMax = 1 << 15;
  if (known_.size() > kKnownMax) {
    known_.clear();
    std::fill(last_.begin(), last_.end(), nullptr);
  }
  std::fill(facts_.begin(), facts_.end(), nullptr);
  for (Needs& needs : needs_) needs.asked = false;
  for (Threads* set : {&alive_, &enabled_, &moves_}) std::fill(set->begin(), set->end(), 0);
  for (int t = 0; t < l_.threads; ++t)
    if (Alive(machine, t)) Put(&alive_, t);
  for (int actor : *actors) {
    if (actor < l_.threads) Put(&enabled_, actor);
    if (actor != machine.clock()) Put(&moves_, actor < l_.threads ? actor : actor - machine.clock() - 1);
  }
  main_ends_last_ = MainEndsLast(machine);
  int least = -1;
  if (main_ends_last_) {
    for (int actor : *actors) {
      if (actor >= l_.threads) continue;
      const int count = Close(machine, actor);
      if (count < 0 || (least >= 0 && count >= least)) continue;
      least = count;
      best_ = chosen_;
      if (least == 1) break;
    }
  } else {
    least = Close(machine, 0);   // main, which belongs to every set, since its end ends all
    best_ = chosen_;
  }
  if (least < 0) return actors->size();
  auto is_chosen = [&](int actor) { return actor == machine.clock() || Has(best_, actor < l_.threads ? actor : actor - machine.clock() - 1); };
  return static_cast<std::size_t>(std::stable_partition(actors->begin(), actors->end(), is_chosen) - actors->begin());
}

}  // namespace asyncrt
