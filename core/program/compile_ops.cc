// Operations on objects, and what must hold where they stand.
#include "core/program/compiler.h"

#include <algorithm>

namespace asyncrt {
namespace {

// As Rust sees it: at `poll` and `catch_panic` no task suspends.
bool IsAwait(const Op& op) { return op.def->awaits || op.def->code == Code::kPoll || op.def->code == Code::kCatchPanic; }

}  // namespace

int Compiler::SourceOf(const Op& op) {
  program_->sources.push_back({&op, op.node});
  return static_cast<int>(program_->sources.size()) - 1;
}

// Fills in which object the op is about.
void Compiler::SetObject(Builder& b, Instr& i, const Ref& ref) {
  const std::string& name = ObjectOf(ref.name);
  ShareLock(b, name);
  auto it = first_element_.find(name);
  if (it == first_element_.end()) return;
  i.object = it->second;
  i.elements = static_cast<int>(scenario_.objects[static_cast<std::size_t>(declared_[name])].count);
  if (ref.index) i.index = MakeExpr(b, *ref.index);
}

// The op's failure path: emitted after the op itself.
void Compiler::FailurePath(Builder& b, int pc, const Op& op, const std::map<int, Moved>* before, const std::vector<int>& falls) {
  if (!op.has_or) return;
  int skip = Emit(b, VmOp::kJump);
  At(pc).or_pc = Pc();
  EmitFalls(b, falls);
  if (!op.with.empty() && At(pc).list >= 0) {   // what a message owned is dropped when it could not be sent
    const std::vector<Capture> owned = program_->captures[static_cast<std::size_t>(At(pc).list)];
    for (const Capture& c : owned)
      if (c.from >= 0 && c.count_base < 0) At(Emit(b, VmOp::kDropReg)).reg = c.from;
  }
  auto moved = b.moved;
  bool diverged = b.diverged;
  b.diverged = b.unreachable;   // the op itself was reached, whatever its body does
  if (before != nullptr) b.moved = *before;
  if (op.on_failure) Block(b, *op.on_failure);
  Merge(b, moved, diverged);
  At(skip).target = Pc();
}

// One op on an object that needs nothing special.
int Compiler::Simple(Builder& b, const Op& op, VmOp vm) {
  int pc = Emit(b, vm);
  if (op.target == Op::Target::kRef) { Instr copy = At(pc); SetObject(b, copy, op.on); At(pc) = copy; }
  if (op.value) { int e = MakeExpr(b, *op.value); At(pc).expr = e; }
  if (op.expected) { int e = MakeExpr(b, *op.expected); At(pc).expr2 = e; }
  if (!op.var.empty()) { int v = LocalReg(b, op.var); At(pc).var = v; }
  if (op.duration) At(pc).imm = *op.duration;
  // The end of the channel that the op uses must be owned here.
  if (op.target == Op::Target::kRef && (op.on.part == Ref::Part::kTx || op.on.part == Ref::Part::kRx) && !op.permit) {
    int index = -1;
    int reg = ValueReg(b, op.on, op, &index);
    At(pc).reg2 = index < 0 ? reg : -1;
  }
  if (op.target == Op::Target::kRef && (op.on.kind == Kind::kJoinSet || op.on.kind == Kind::kFuturesUnordered || op.on.kind == Kind::kLocalSet)) {
    int index = -1;
    ValueReg(b, op.on, op, &index);   // captured, and not moved away
  }
  return pc;
}

// What a value that a message carries is.
RegKind Compiler::MessageKind(const Ref& ref) const {
  if (ref.part == Ref::Part::kTx) return RegKind::kTx;
  if (ref.part == Ref::Part::kRx) return RegKind::kRx;
  switch (ref.kind) {
    case Kind::kTask: return RegKind::kTask;
    case Kind::kThread: return RegKind::kThread;
    case Kind::kFuture: case Kind::kNotified: return RegKind::kFuture;
    case Kind::kPermit: case Kind::kGuard: {
      auto maker = made_by_.find(ref.name);
      if (maker == made_by_.end()) return ref.kind == Kind::kPermit ? RegKind::kPermit : RegKind::kGuard;
      switch (maker->second) {
        case Code::kReserve: return RegKind::kReserve;
        case Code::kRead: case Code::kTryRead: case Code::kBlockingRead: case Code::kBorrow: return RegKind::kReadGuard;
        case Code::kWrite: case Code::kTryWrite: case Code::kBlockingWrite: return RegKind::kWriteGuard;
        default: return ref.kind == Kind::kPermit ? RegKind::kPermit : RegKind::kGuard;
      }
    }
    case Kind::kRuntime: return RegKind::kRuntime;
    case Kind::kJoinSet: case Kind::kFuturesUnordered: case Kind::kLocalSet: return RegKind::kSet;
    default: break;
  }
  auto maker = made_by_.find(ref.name);
  return maker != made_by_.end() && maker->second == Code::kMakeValue ? RegKind::kMadeValue : RegKind::kValue;
}

void Compiler::With(Builder& b, const Op& op, int pc, bool sends) {
  if (op.with.empty()) return;
  std::vector<Capture> list;
  Element& element = program_->elements[static_cast<std::size_t>(At(pc).object)];
  for (const Ref& ref : op.with) {
    int index = -1;
    Capture c;
    if (sends) {
      c.from = ValueReg(b, ref, op, &index);
      if (index >= 0) { c.count_base = index; }
      if (c.from >= 0 && IsOfAScope(b, KeyOf(ref)))
        Refuse("ownership/borrow-escapes", KeyOf(ref), op.node, op.node, &op, &op, b,
               "a message with `" + KeyOf(ref) + "` may outlive the `thread_scope` of that thread");
      if (c.from >= 0 && index < 0) Take(b, c.from, op);
    } else {
      const std::string key = ElementKeyOf(ref);
      auto found = b.names.find(key);
      if (found == b.names.end() || !InOuterScope(b, found->second.reg)) {   // or it was of a block that has ended
        RegKind kind = MessageKind(ref);
        int base = first_element_.count(ObjectOf(ref.name)) ? first_element_[ObjectOf(ref.name)] : -1;
        if (kind == RegKind::kRuntime) base = RuntimeOf(ref);
        if (SaysObject(kind)) base = 0;   // the message says which object
        escaping_.insert({b.unit, AddName(b, key, kind, base, 1, true)});   // as what an op names by `as`
        if (kind == RegKind::kPermit) NewReg(b, RegKind::kScratch, -1, key + "#");
      }
      c.to = b.names[key].reg;
      b.moved.erase(c.to);
    }
    list.push_back(c);
  }
  for (int k = 0; k < At(pc).elements; ++k) {
    Element& e = program_->elements[static_cast<std::size_t>(At(pc).object + k)];
    e.slot_words = std::max<int>(e.slot_words, static_cast<int>(op.with.size()));
    if (e.with.empty()) {
      for (const Ref& ref : op.with) {
        e.with.push_back(static_cast<int>(MessageKind(ref)));
        e.with.push_back(first_element_.count(ObjectOf(ref.name)) ? first_element_[ObjectOf(ref.name)] : -1);
      }
    }
  }
  (void)element;
  program_->captures.push_back(std::move(list));
  At(pc).list = static_cast<int>(program_->captures.size()) - 1;
}

// Several may read what a rwlock holds, so the threads that share it would share std's receiver, which is not Sync.
void Compiler::CheckSharedReceiver(Builder& b, const Op& op) {
  auto it = declared_.find(ObjectOf(op.on.name));
  if (it == declared_.end()) return;
  const Object& lock = scenario_.objects[static_cast<std::size_t>(it->second)];
  if (lock.kind != Kind::kRwlock && lock.kind != Kind::kStdRwlock) return;
  bool crosses = false;
  for (const Builder* x = &b; x != nullptr; x = x->parent) {
    const UnitKind kind = program_->units[static_cast<std::size_t>(x->unit)].kind;
    crosses = crosses || ((kind == UnitKind::kThread || kind == UnitKind::kTask || kind == UnitKind::kBlocking) && spawned_local_.count(x->unit) == 0);
  }
  for (const Ref& held : lock.holds)
    if (crosses && held.kind == Kind::kStdChannel && held.part == Ref::Part::kRx)
      Refuse("ownership/not-send", lock.name, op.node, op.node, &op, &op, b,
             "`" + lock.name + "` holds `" + Spelled(held) + "`, which is not Sync, and this body shares it with another thread");
}

// Takes a guard or a permit: a register of the current scope, or of a `body` held for just that body.
void Compiler::Acquire(Builder& b, const Op& op, VmOp vm, RegKind kind, std::int64_t permits) {
  if (op.permits > 30000) diagnostics_.Add(*op.node, "it asks for " + std::to_string(op.permits) + " permits at once, and 30000 are the limit of the model");
  CheckSharedReceiver(b, op);
  bool has_body = op.body != nullptr;
  if (has_body) OpenScope(b, ScopeDef::Kind::kBlock);
  std::string key = op.as.empty() ? "guard of " + op.on.name + "#" + std::to_string(Pc()) : op.as;
  int base = first_element_.count(ObjectOf(op.on.name)) ? first_element_[ObjectOf(op.on.name)] : -1;
  int reg = AddName(b, key, kind, base, 1, true);
  if (kind == RegKind::kPermit) NewReg(b, RegKind::kScratch, -1, "count");
  escaping_.insert({b.unit, reg});
  guards_[b.unit].push_back({op.on.name, reg});
  guard_node_[{b.unit, reg}] = op.node;
  if (op.has_or && op.body == nullptr) may_lack_.insert({b.unit, reg});
  int pc = Simple(b, op, vm);
  At(pc).reg = reg;
  At(pc).imm = permits;
  b.moved.erase(reg);
  if (has_body) {
    auto before = b.moved;
    BodyOps(b, *op.body);
    CloseScope(b);
    FailurePath(b, pc, op, &before);   // after the scope's own drops: a failed acquisition has nothing to drop
  } else {
    FailurePath(b, pc, op);
  }
}

// Whether an op that stands here may await: in a closure inside a future it may not.
bool Compiler::IsAsync(Builder& b) {
  if (U(b).kind != UnitKind::kTask && U(b).kind != UnitKind::kFuture && b.strand == 0) return false;
  return !IsInClosure(b.scope);
}

bool Compiler::IsInClosure(int scope) const {
  for (int s = scope; s >= 0; s = program_->scopes[static_cast<std::size_t>(s)].parent)
    if (program_->scopes[static_cast<std::size_t>(s)].sync) return true;
  return false;
}

bool Compiler::IsNotSend(const Builder& b, int reg) const {
  const Reg& r = program_->units[static_cast<std::size_t>(b.unit)].regs[static_cast<std::size_t>(reg)];
  return IsStdLock(r) || (r.kind == RegKind::kEnter && rules_.enter_guard_not_send) || not_send_.count({b.unit, reg}) != 0;
}

std::vector<int> Compiler::HeldNotSend(Builder& b) {
  std::vector<int> held;
  for (int s = b.scope; s >= 0; s = Scope(s).parent)
    for (int reg : Scope(s).regs) {
      deadline_.Step();
      if ((MayBeThere(b, reg) || borrowed_guards_.count({b.unit, reg}) != 0) && IsNotSend(b, reg)) held.push_back(reg);
    }
  return held;
}

// `before`: what was there before the op. What its body or its future gives up is part of it until then; what the op gives is not
// there yet.
void Compiler::CheckGuardsAcrossAwait(Builder& b, const Op& op, int first_pc, const std::vector<int>& before) {
  const bool polls = !op.def->awaits;
  if (!IsAwait(op) || !IsAsync(b) || IsUnreachable(b)) return;   // what is held there is no part of the future
  // The send of a channel without a bound, or with a reserved place, is no future.
  if (op.def->code == Code::kSend && op.on.kind == Kind::kMpsc) {
    auto channel = declared_.find(ObjectOf(op.on.name));
    if (op.permit || (channel != declared_.end() && !scenario_.objects[static_cast<std::size_t>(channel->second)].capacity)) return;
  }
  const std::vector<int> held = b.stays ? std::vector<int>() : before;
  if (U(b).kind == UnitKind::kFuture && !held.empty()) not_send_units_.insert(b.unit);
  if (U(b).kind == UnitKind::kTask && spawned_local_.count(b.unit) == 0 && !held.empty()) {
    auto other = std::find_if(held.begin(), held.end(), [&](int reg) { return !IsStdLock(U(b).regs[static_cast<std::size_t>(reg)]); });
    const Reg& r = U(b).regs[static_cast<std::size_t>(other != held.end() ? *other : held[0])];
    if (other != held.end()) {
      Refuse("ownership/not-send", r.name, op.node, op.node, nullptr, &op, b,
             "`" + r.name + "` is not Send and is held across this await, in a task that may move between threads");
      return;
    }
    const std::string& name = program_->elements[static_cast<std::size_t>(r.base)].name;
    Refuse("ownership/not-send", name, guard_node_[{b.unit, held[0]}], op.node, nullptr, &op, b,
           "the guard of `" + name + "` is not Send and is held across this await, in a task that may move between threads");
    return;
  }
  const int live = LiveStdGuard(b);
  if (polls || live < 0) return;
  for (int pc = Pc() - 1; pc >= first_pc; --pc) {
    VmOp vm = At(pc).op;
    if (At(pc).source != source_ || vm == VmOp::kDropReg || vm == VmOp::kJump || vm == VmOp::kNop) continue;
    At(pc).guard = live;
    break;
  }
}

void Compiler::CompileOp(Builder& b, const Op& op) {
  deadline_.Look();   // some ops copy what is known of all registers
  if (Pc() > kInstructionsMax) return;   // that is said at the end
  int outer_source = source_;
  source_ = SourceOf(op);
  int first = Pc();
  const std::vector<int> before = IsAwait(op) ? HeldNotSend(b) : std::vector<int>();
  const bool around = std::exchange(b.unreachable, b.diverged);
  CheckShared(b, op);
  CompileOne(b, op);
  b.diverged = b.diverged || b.unreachable;
  b.unreachable = around;
  CheckGuardsAcrossAwait(b, op, first, before);
  source_ = outer_source;
}

void Compiler::CompileOne(Builder& b, const Op& op) {
  Kind kind = op.on.kind;
  switch (op.def->code) {
    case Code::kBuild: {
      int pc = Emit(b, VmOp::kBuild);
      At(pc).runtime = RuntimeOf(op.on);
      int found = Find(b, op.on.name);
      if (found < 0) found = AddName(b, op.on.name, RegKind::kRuntime, At(pc).runtime, 1, true);
      At(pc).reg = found;
      b.moved.erase(found);
      break;
    }
    case Code::kBlockOn: CompileBlockOn(b, op); break;
    case Code::kEnter: {
      bool has_body = op.body != nullptr;
      if (has_body) OpenScope(b, ScopeDef::Kind::kBlock);
      int reg = AddName(b, op.as.empty() ? "enter#" + std::to_string(Pc()) : op.as, RegKind::kEnter, -1, 1, true);
      int pc = Emit(b, VmOp::kEnterGuard);
      At(pc).reg = reg;
      SetRuntime(b, op, pc);
      if (has_body) { BodyOps(b, *op.body); CloseScope(b); }
      break;
    }
    case Code::kSpawn: case Code::kSpawnLocal: CompileSpawn(b, op, VmOp::kSpawn, UnitKind::kTask); break;
    case Code::kSpawnBlocking: CompileSpawn(b, op, VmOp::kSpawnBlocking, UnitKind::kBlocking); break;
    case Code::kSpawnThread: {
      for (const Ref& ref : op.borrow)
        if (ref.kind == Kind::kStdChannel && ref.part == Ref::Part::kRx)
          Refuse("ownership/not-send", KeyOf(ref), op.node, op.node, &op, &op, b,
                 "a std `Receiver` is not Sync, so a borrow of `" + KeyOf(ref) + "` cannot go to another thread");
      if (!op.borrow.empty()) {
        if (OpenThreadScope(b) < 0)
          Refuse("ownership/borrow-escapes", KeyOf(op.borrow[0]), op.node, op.node, &op, &op, b,
                 "the thread may outlive `" + KeyOf(op.borrow[0]) + "`, which it only borrows");
      }
      CompileSpawn(b, op, VmOp::kSpawnThread, UnitKind::kThread);
      break;
    }
    case Code::kThreadScope: {
      int reg = NewReg(b, RegKind::kScratch, -1, "scope");
      int set = Emit(b, VmOp::kSet);
      At(set).var = reg;
      ClosureInPlace(b, ScopeDef::Kind::kThreadScope, reg, *op.body);
      break;
    }
    case Code::kBlockInPlace: CompileBlockInPlace(b, op); break;
    case Code::kJoinThread: case Code::kAwait: {
      int index = -1;
      int reg = ValueReg(b, op.on, op, &index);
      auto it = b.names.find(op.on.name);
      RegKind reg_kind = reg >= 0 ? U(b).regs[static_cast<std::size_t>(reg)].kind : RegKind::kScratch;
      int count = it != b.names.end() && !op.on.index ? it->second.count : 1;
      if (op.on.kind == Kind::kLocalSet) {
        Simple(b, op, VmOp::kAwaitSet);
        if (reg < 0 || index >= 0) break;
        At(Emit(b, VmOp::kDropReg)).reg = reg;   // it is used up
        Take(b, reg, op);
        break;
      }
      VmOp vm = op.def->code == Code::kJoinThread ? VmOp::kJoinThread : reg_kind == RegKind::kFuture ? VmOp::kAwaitFuture : VmOp::kAwaitTask;
      if (reg_kind == RegKind::kAbortHandle)
        diagnostics_.Add(*op.node, "`" + op.on.name + "` belongs to a join_set, which alone awaits it", "use `join_next` on the set; the name is for `abort` and reports");
      std::vector<int> pcs;
      for (int k = 0; k < count; ++k) {
        int pc = Emit(b, vm);
        At(pc).reg = reg + k;
        At(pc).index = index;
        if (!op.var.empty()) { int v = LocalReg(b, op.var); At(pc).var = v; }
        pcs.push_back(pc);
        if (op.has_or) FailurePath(b, pc, op);
        if (index < 0) Take(b, reg + k, op);   // the handle is awaited by value
      }
      break;
    }
    case Code::kAbort: case Code::kUnpark: {
      int index = -1;
      int reg = ValueReg(b, op.on, op, &index, true);
      auto it = b.names.find(op.on.name);
      if (it == b.names.end()) it = b.names.find("&" + op.on.name);
      int count = it != b.names.end() && !op.on.index ? it->second.count : 1;
      for (int k = 0; k < count; ++k) {
        int pc = Emit(b, op.def->code == Code::kAbort ? VmOp::kAbort : VmOp::kUnpark);
        At(pc).reg = op.on.name == "main" ? -1 : reg + k;
        At(pc).index = index;
      }
      break;
    }
    case Code::kPark: Emit(b, VmOp::kPark); break;
    case Code::kDrop: case Code::kForget: case Code::kUse: case Code::kUnlock: case Code::kRelease: {
      CompileRelease(b, op);
      break;
    }
    case Code::kMakeValue: {
      static const Body kNothing;
      int unit = SpawnUnit(b, op, UnitKind::kDestructor, op.drop ? *op.drop : kNothing);
      int pc = Emit(b, VmOp::kMakeValue);
      At(pc).unit = unit;
      copies_[unit] += multiplicity_;
      FillCaptures(b, op, unit, pc);
      int reg = AddName(b, op.as, RegKind::kMadeValue, -1, 1, true);
      At(pc).reg = reg;
      b.moved.erase(reg);
      if (!op.send || not_send_units_.count(unit) != 0) not_send_.insert({b.unit, reg});
      if (of_scope_units_.count(unit) != 0) of_scope_.insert({b.unit, reg});
      break;
    }
    case Code::kShutdownBackground: case Code::kShutdownTimeout: {
      int index = -1;
      int reg = ValueReg(b, op.on, op, &index);
      int pc = Emit(b, op.def->code == Code::kShutdownBackground ? VmOp::kShutdownBackground : VmOp::kShutdownTimeout);
      At(pc).reg = reg;
      At(pc).imm = op.duration.value_or(0);
      At(pc).runtime = RuntimeOf(op.on);
      if (reg >= 0) Take(b, reg, op);
      break;
    }
    case Code::kYieldNow: Emit(b, VmOp::kYieldNow); break;
    case Code::kSleep: At(Emit(b, VmOp::kSleep)).imm = op.duration.value_or(0); break;
    case Code::kThreadSleep: At(Emit(b, VmOp::kThreadSleep)).imm = op.duration.value_or(0); break;
    case Code::kCompute: At(Emit(b, VmOp::kCompute)).imm = op.duration.value_or(0); break;
    case Code::kThreadYield: Emit(b, VmOp::kThreadYield); break;
    case Code::kPending: {
      Emit(b, IsAsync(b) ? VmOp::kPending : VmOp::kPendingSync);
      break;
    }
    case Code::kUnconstrained: {
      int reg = NewReg(b, RegKind::kScratch, -1, "budget");
      At(Emit(b, VmOp::kUnconstrainedBegin)).reg = reg;
      OpenScope(b, ScopeDef::Kind::kUnconstrained);
      Scope(b.scope).pc = reg;
      BlockInScope(b, *op.body);
      break;
    }
    case Code::kSelect: case Code::kJoin: CompileSelect(b, op); break;
    case Code::kTimeout: CompileTimeout(b, op); break;
    case Code::kPush: {
      int unit = SpawnUnit(b, op, UnitKind::kFuture);
      int pc = Simple(b, op, VmOp::kMakeFuture);
      At(pc).unit = unit;
      copies_[unit] += multiplicity_;
      FillCaptures(b, op, unit, pc);
      if (not_send_units_.count(unit) != 0) not_send_sets_.emplace(op.on.name, &op);
      if (auto sent = sent_sets_.find(op.on.name); sent != sent_sets_.end() && not_send_units_.count(unit) != 0)
        Refuse("ownership/not-send", op.on.name, op.node, sent->second->node, &op, sent->second, b, SentWithAMember(op.on.name));
      break;
    }
    case Code::kFuture: case Code::kArm: {
      int unit;
      if (op.def->code == Code::kArm) {
        unit = ArmUnit(b, op);
      } else {
        unit = SpawnUnit(b, op, UnitKind::kFuture);
      }
      int pc = Emit(b, VmOp::kMakeFuture);
      At(pc).unit = unit;
      copies_[unit] += multiplicity_;
      if (op.def->code == Code::kArm) {
        At(pc).flag = op.enable;
        At(pc).flag2 = true;
        Instr copy = At(pc);
        SetObject(b, copy, op.on);
        At(pc) = copy;
      }
      FillCaptures(b, op, unit, pc);
      int reg = AddName(b, op.as, RegKind::kFuture, -1, 1, true);
      At(pc).reg = reg;
      b.moved.erase(reg);
      if (not_send_units_.count(unit) != 0) not_send_.insert({b.unit, reg});
      if (of_scope_units_.count(unit) != 0) of_scope_.insert({b.unit, reg});
      break;
    }
    case Code::kPoll: {
      int index = -1;
      int reg = ValueReg(b, op.on, op, &index);
      int pc = Emit(b, VmOp::kPollOnce);
      At(pc).reg = reg;
      FailurePath(b, pc, op);
      break;
    }
    case Code::kLoop: case Code::kWhile: CompileLoop(b, op); break;
    case Code::kIf: {
      int e = MakeExpr(b, *op.condition);
      int test = Emit(b, VmOp::kJumpIfZero);
      At(test).expr = e;
      std::vector<int> entries;
      CompileAlternatives(b, {op.then.get(), op.otherwise.get()}, &entries);
      At(test).target = entries[1];
      break;
    }
    case Code::kChoose: {
      int pc = Emit(b, VmOp::kChoose);
      std::vector<const Body*> bodies;
      for (const Branch& branch : op.branches) bodies.push_back(branch.await.get());
      std::vector<int> entries;
      CompileAlternatives(b, bodies, &entries);
      program_->jumps.push_back(entries);
      At(pc).list = static_cast<int>(program_->jumps.size()) - 1;
      At(pc).flag = op.fair;
      break;
    }
    case Code::kBreak: case Code::kContinue: {
      if (b.loops.empty()) break;
      EmitExit(b, b.loops.back().scope);
      int jump = Emit(b, VmOp::kJump);
      (op.def->code == Code::kBreak ? b.loops.back().breaks : b.loops.back().continues).push_back(jump);
      b.loops.back().is_left = b.loops.back().is_left || (op.def->code == Code::kBreak && !b.diverged);
      b.diverged = true;
      break;
    }
    case Code::kReturn: EmitReturn(b, op, false); break;
    case Code::kFail: EmitReturn(b, op, true); break;
    case Code::kCall: Block(b, *op.body); break;
    case Code::kSet: {
      int e = MakeExpr(b, *op.to);
      int v = LocalReg(b, op.var);
      int pc = Emit(b, VmOp::kSet);
      At(pc).var = v;
      At(pc).expr = e;
      break;
    }
    case Code::kAssert: { int e = MakeExpr(b, *op.condition); At(Emit(b, VmOp::kAssert)).expr = e; break; }
    case Code::kPanic: Emit(b, VmOp::kPanic); b.diverged = true; break;
    case Code::kCatchPanic: {
      int begin = Emit(b, VmOp::kCatchBegin);
      OpenScope(b, ScopeDef::Kind::kCatch);
      int scope = b.scope;
      BlockInScope(b, *op.body);
      int skip = Emit(b, VmOp::kJump);
      Scope(scope).pc = Pc();
      (void)begin;
      const auto moved = b.moved;
      if (op.on_failure) Block(b, *op.on_failure);
      Merge(b, moved, b.unreachable);
      At(skip).target = Pc();
      break;
    }
    case Code::kLock:
      Acquire(b, op, kind == Kind::kStdMutex ? VmOp::kStdLock : VmOp::kSemAcquire, RegKind::kGuard);
      break;
    case Code::kTryLock:
      Acquire(b, op, kind == Kind::kStdMutex ? VmOp::kStdTryLock : VmOp::kSemTryAcquire, RegKind::kGuard);
      break;
    case Code::kBlockingLock: Acquire(b, op, VmOp::kBlockingLock, RegKind::kGuard); break;
    case Code::kRead: Acquire(b, op, kind == Kind::kStdRwlock ? VmOp::kRwRead : VmOp::kSemAcquire, RegKind::kReadGuard); break;
    case Code::kTryRead: Acquire(b, op, kind == Kind::kStdRwlock ? VmOp::kRwTryRead : VmOp::kSemTryAcquire, RegKind::kReadGuard); break;
    case Code::kBlockingRead: Acquire(b, op, VmOp::kBlockingLock, RegKind::kReadGuard); break;
    case Code::kWrite: Acquire(b, op, kind == Kind::kStdRwlock ? VmOp::kRwWrite : VmOp::kSemAcquire, RegKind::kWriteGuard, kRwlockPermits); break;
    case Code::kTryWrite: Acquire(b, op, kind == Kind::kStdRwlock ? VmOp::kRwTryWrite : VmOp::kSemTryAcquire, RegKind::kWriteGuard, kRwlockPermits); break;
    case Code::kBlockingWrite: Acquire(b, op, VmOp::kBlockingLock, RegKind::kWriteGuard, kRwlockPermits); break;
    case Code::kBorrow:
      if (op.body && op.body->ops.empty()) {   // copied out
        int pc = Simple(b, op, VmOp::kWatchBorrow);
        At(pc).flag2 = true;
      } else {
        Acquire(b, op, VmOp::kWatchBorrow, RegKind::kReadGuard);
      }
      break;
    case Code::kAcquire: Acquire(b, op, VmOp::kSemAcquire, RegKind::kPermit, op.permits); break;
    case Code::kTryAcquire: Acquire(b, op, VmOp::kSemTryAcquire, RegKind::kPermit, op.permits); break;
    case Code::kReserve: Acquire(b, op, VmOp::kMpscReserve, RegKind::kReserve); break;
    case Code::kAddPermits: At(Simple(b, op, VmOp::kSemAddPermits)).imm = op.permits; break;
    case Code::kForgetPermits: At(Simple(b, op, VmOp::kSemForgetPermits)).imm = op.permits; break;
    case Code::kWait:
      if (kind == Kind::kStdCondvar) { CompileCondWait(b, op, VmOp::kCondWait); break; }
      Simple(b, op, kind == Kind::kStdBarrier ? VmOp::kStdBarrierWait : VmOp::kBarrierWait);
      break;
    case Code::kWaitTimeout: CompileCondWait(b, op, VmOp::kCondWaitTimeout); break;
    case Code::kNotifyOne:
      Simple(b, op, kind == Kind::kStdCondvar ? VmOp::kCondNotifyOne : VmOp::kNotifyOne);
      break;
    case Code::kNotifyAll: Simple(b, op, VmOp::kCondNotifyAll); break;
    case Code::kNotifyWaiters: Simple(b, op, VmOp::kNotifyWaiters); break;
    case Code::kNotified:
      if (op.future) {
        int index = -1;
        int reg = ValueReg(b, *op.future, op, &index);
        At(Emit(b, VmOp::kAwaitFuture)).reg = reg;
      } else {
        Simple(b, op, VmOp::kNotified);
      }
      break;
    case Code::kSend: case Code::kTrySend: case Code::kBlockingSend: CompileSend(b, op); break;
    case Code::kRecv: case Code::kTryRecv: case Code::kBlockingRecv: case Code::kRecvTimeout: {
      VmOp vm;
      Code c = op.def->code;
      if (kind == Kind::kStdChannel) vm = c == Code::kRecv ? VmOp::kStdRecv : c == Code::kTryRecv ? VmOp::kStdTryRecv : VmOp::kStdRecvTimeout;
      else if (kind == Kind::kMpsc) vm = c == Code::kRecv ? VmOp::kMpscRecv : c == Code::kTryRecv ? VmOp::kMpscTryRecv : VmOp::kMpscBlockingRecv;
      else if (kind == Kind::kOneshot) vm = c == Code::kRecv ? VmOp::kOneshotRecv : c == Code::kTryRecv ? VmOp::kOneshotTryRecv : VmOp::kOneshotBlockingRecv;
      else vm = c == Code::kRecv ? VmOp::kBroadcastRecv : c == Code::kTryRecv ? VmOp::kBroadcastTryRecv : VmOp::kBroadcastBlockingRecv;
      int pc = Simple(b, op, vm);
      With(b, op, pc, false);
      FailurePath(b, pc, op);
      break;
    }
    case Code::kClose: {
      VmOp vm = kind == Kind::kSemaphore ? VmOp::kSemClose : kind == Kind::kMpsc ? VmOp::kMpscClose : VmOp::kOneshotClose;
      Simple(b, op, vm);
      break;
    }
    case Code::kClosed: Simple(b, op, VmOp::kOneshotClosed); break;
    case Code::kChanged: FailurePath(b, Simple(b, op, VmOp::kWatchChanged), op); break;
    case Code::kWaitFor: {
      int pc = Simple(b, op, VmOp::kWatchWaitFor);
      int e = MakeExpr(b, *op.condition);
      At(pc).expr = e;
      FailurePath(b, pc, op);
      break;
    }
    case Code::kSubscribe: {
      int pc = Simple(b, op, VmOp::kSubscribe);
      receiver_of_[op.as] = ObjectOf(op.on.name);
      int reg = AddName(b, op.as + ".rx", RegKind::kRx, At(pc).object, 1, true);
      escaping_.insert({b.unit, reg});
      At(pc).reg = reg;
      b.moved.erase(reg);
      break;
    }
    case Code::kGetOrInit: CompileGetOrInit(b, op); break;
    case Code::kCancel: Simple(b, op, VmOp::kCancel); break;
    case Code::kCancelled: Simple(b, op, VmOp::kCancelled); break;
    case Code::kAbortAll: Simple(b, op, VmOp::kAbortAll); break;
    case Code::kShutdown: Simple(b, op, VmOp::kSetShutdown); break;
    case Code::kJoinNext: FailurePath(b, Simple(b, op, VmOp::kJoinNext), op); break;
    case Code::kNext: FailurePath(b, Simple(b, op, VmOp::kNext), op); break;
    case Code::kRunUntil: CompileRunUntil(b, op, op.on.name); break;
    case Code::kStore: Simple(b, op, VmOp::kStore); break;
    case Code::kAdd: Simple(b, op, VmOp::kAdd); break;
    case Code::kCompareExchange: FailurePath(b, Simple(b, op, VmOp::kCas), op); break;
    case Code::kReadCell: Simple(b, op, VmOp::kReadCell); break;
    case Code::kWriteCell: Simple(b, op, VmOp::kWriteCell); break;
    case Code::kIoWrite: case Code::kIoRead: {
      int pc = Simple(b, op, op.def->code == Code::kIoWrite ? VmOp::kIoWrite : VmOp::kIoRead);
      At(pc).imm = op.bytes;
      FailurePath(b, pc, op);
      break;
    }
  }
}

void Compiler::CompileCondWait(Builder& b, const Op& op, VmOp vm) {
  int pc = Simple(b, op, vm);
  // The guard that the wait gives back and takes again: the latest one of this mutex in this body.
  auto& guards = guards_[b.unit];
  auto is_of = [&](const auto& guard) {
    return op.mutex && (guard.first == op.mutex->name || op.mutex->name == U(b).regs[static_cast<std::size_t>(guard.second)].name);
  };
  // Where a `try_lock` may have got nothing, the one before it is there.
  auto is_held = [&](const auto& guard) {
    return is_of(guard) && b.moved.count(guard.second) == 0 && may_lack_.count({b.unit, guard.second}) == 0 && InOuterScope(b, guard.second);
  };
  auto guard = std::find_if(guards.rbegin(), guards.rend(), is_held);
  if (guard == guards.rend()) guard = std::find_if(guards.rbegin(), guards.rend(), is_of);
  if (guard != guards.rend()) {
    At(pc).reg = guard->second;
    // `guard = condvar.wait(guard)`: rustc takes what is given a new value to be there until its block ends.
    const auto& here = Scope(b.scope).regs;
    if (std::find(here.begin(), here.end(), guard->second) == here.end()) borrowed_guards_.insert({b.unit, guard->second});
  }
  Instr copy = At(pc);
  if (op.mutex) {
    Instr mutex;
    SetObject(b, mutex, *op.mutex);
    copy.target = mutex.object;
    copy.expr2 = mutex.index;
  }
  At(pc) = copy;
  FailurePath(b, pc, op);
}

void Compiler::CompileSend(Builder& b, const Op& op) {
  Kind kind = op.on.kind;
  Code c = op.def->code;
  VmOp vm;
  if (kind == Kind::kStdChannel) vm = c == Code::kTrySend ? VmOp::kStdTrySend : VmOp::kStdSend;
  else if (kind == Kind::kMpsc) vm = c == Code::kSend ? VmOp::kMpscSend : c == Code::kTrySend ? VmOp::kMpscTrySend : VmOp::kMpscBlockingSend;
  else if (kind == Kind::kOneshot) vm = VmOp::kOneshotSend;
  else vm = kind == Kind::kWatch ? VmOp::kWatchSend : VmOp::kBroadcastSend;
  int pc = Simple(b, op, vm);
  if (op.permit) {
    int index = -1;
    int reg = ValueReg(b, *op.permit, op, &index);
    At(pc).reg = reg;
    At(pc).flag = true;
    if (reg >= 0) Take(b, reg, op);
  }
  if (kind == Kind::kOneshot && At(pc).reg2 >= 0) Take(b, At(pc).reg2, op);
  With(b, op, pc, true);
  FailurePath(b, pc, op);
}

void Compiler::CompileRelease(Builder& b, const Op& op) {
  bool set = op.on.kind == Kind::kJoinSet || op.on.kind == Kind::kFuturesUnordered || op.on.kind == Kind::kLocalSet;
  bool unlocks = op.def->code == Code::kUnlock && op.on.kind == Kind::kWatch;
  bool named_object = unlocks || (first_element_.count(op.on.name) != 0 && op.on.part == Ref::Part::kWhole &&
                                  op.on.kind != Kind::kValue && !set);
  if (named_object) {
    // The latest guard or permit of this object that this body took: candidates from the last to the first.
    auto& guards = guards_[b.unit];
    int pc_first = -1;
    std::vector<Capture> candidates;
    for (auto it = guards.rbegin(); it != guards.rend(); ++it)
      if (it->first == op.on.name) candidates.push_back({it->second, -1, false, -1});
    if (candidates.empty()) {
      diagnostics_.Add(*op.node, "`" + op.on.name + "` is not held by this body", "take it before, or name its guard");
      return;
    }
    // Which one that is when this runs is not known here; rustc sees the latest that has not gone with its block.
    auto can = [&](const Capture& c) { return b.moved.count(c.from) == 0; };
    auto taken = std::find_if(candidates.begin(), candidates.end(), [&](const Capture& c) { return can(c) && InOuterScope(b, c.from); });
    if (taken == candidates.end()) taken = std::find_if(candidates.begin(), candidates.end(), can);
    auto sure = std::find_if(candidates.begin(), candidates.end(), [&](const Capture& c) { return can(c) && InOuterScope(b, c.from) && may_lack_.count({b.unit, c.from}) == 0; });
    if (sure != candidates.end()) ++sure;
    if (taken != candidates.end()) Take(b, taken->from, op);
    if (op.def->code == Code::kUse) return;
    for (auto c = candidates.begin(); c != sure; ++c) Mention(b, c->from, &op);   // a block that may give one up has it from the start
    program_->captures.push_back(candidates);
    pc_first = Emit(b, op.def->code == Code::kForget ? VmOp::kForgetReg : VmOp::kDropReg);
    At(pc_first).list = static_cast<int>(program_->captures.size()) - 1;
    At(pc_first).flag = true;
    return;
  }
  int index = -1;
  int reg = ValueReg(b, op.on, op, &index);
  if (reg < 0) return;
  if (op.def->code == Code::kUse) {
    if (op.on.kind == Kind::kStdChannel && op.on.part == Ref::Part::kRx) CheckLooked(b, reg, op);
    At(Emit(b, VmOp::kUse)).reg = reg;
    return;
  }
  auto it = b.names.find(KeyOf(op.on));
  int count = it != b.names.end() && !op.on.index ? it->second.count : 1;
  for (int k = count - 1; k >= 0; --k) {
    int pc = Emit(b, op.def->code == Code::kForget ? VmOp::kForgetReg : VmOp::kDropReg);
    At(pc).reg = reg + k;
    At(pc).index = index;
    At(pc).flag2 = true;  // on purpose
    if (index < 0) Take(b, reg + k, op);
  }
}

// A future that looks at std's receiver without changing it borrows what is not Sync, so it is not Send.
void Compiler::CheckLooked(Builder& b, int reg, const Op& op) {
  bool in_future = false;
  for (int s = b.scope; s >= 0 && !in_future; s = ScopeAround(s)) {
    deadline_.Step();
    const ScopeDef& scope = Scope(s);
    if (std::find(scope.regs.begin(), scope.regs.end(), reg) != scope.regs.end()) break;
    in_future = std::any_of(b.owners.begin(), b.owners.end(), [&](const Owner& owner) { return owner.scope == s; }) && !IsInClosure(s);
  }
  if (!in_future || b.stays || IsUnreachable(b)) return;
  if (U(b).kind == UnitKind::kFuture) not_send_units_.insert(b.unit);
  if (U(b).kind == UnitKind::kTask && spawned_local_.count(b.unit) == 0)
    Refuse("ownership/not-send", Spelled(op.on), op.node, op.node, nullptr, &op, b,
           "`" + Spelled(op.on) + "` is not Sync, and a future in a task that may move between threads borrows it to look at it");
}

int Compiler::LiveStdGuard(Builder& b) {
  for (int s = b.scope; s >= 0; s = Scope(s).parent)
    for (int reg : Scope(s).regs) {
      deadline_.Step();
      if (IsStdLock(U(b).regs[static_cast<std::size_t>(reg)]) && MayBeThere(b, reg)) return reg;
    }
  return -1;
}

// A guard that is not Send: of a lock of std, the one inside a `watch` included.
bool Compiler::IsStdLock(const Reg& reg) const {
  if (!IsGuard(reg.kind) || reg.base < 0) return false;
  Kind kind = program_->elements[static_cast<std::size_t>(reg.base)].kind;
  return kind == Kind::kStdMutex || kind == Kind::kStdRwlock || kind == Kind::kWatch;
}

const std::string& Compiler::ObjectOf(const std::string& name) const {
  auto it = receiver_of_.find(name);
  return it == receiver_of_.end() ? name : it->second;
}

// Which op gives a name, wherever it stands: a message can bring a value that a later op makes.
void Compiler::CollectMakers(const Body& body) {
  if (!collected_.insert(&body).second) return;
  deadline_.Step();
  for (const Op& op : body.ops) {
    if (!op.as.empty()) made_by_.emplace(op.as, op.def->code);
    if (op.def->code == Code::kAbort || op.def->code == Code::kUnpark) remotes_.insert(op.on.name);
    for (const auto* expr : {&op.value, &op.expected, &op.to, &op.condition, &op.times, &op.on.index}) CollectRemotes(*expr);
    for (const auto* ref : {&op.await_name, &op.permit, &op.future, &op.mutex})
      if (*ref) CollectRemotes((*ref)->index);
    for (const Ref& ref : op.with) CollectRemotes(ref.index);
    for (const Branch& branch : op.branches) {
      CollectRemotes(branch.condition);
      if (branch.name) CollectRemotes(branch.name->index);
    }
    for (const Body* inner : {op.body.get(), op.then.get(), op.otherwise.get(), op.on_failure.get(), op.drop.get()})
      if (inner != nullptr) CollectMakers(*inner);
    for (const Branch& branch : op.branches)
      for (const Body* inner : {branch.await.get(), branch.then.get()})
        if (inner != nullptr) CollectMakers(*inner);
  }
}

void Compiler::CollectRemotes(const std::optional<Expr>& expr) {
  if (!expr) return;
  deadline_.Step();
  if (expr->kind == Expr::Kind::kFinished) remotes_.insert(expr->name);
  for (const Expr& kid : expr->kids) CollectRemotes(kid);
}

// The body of a `get_or_init`, in place, under the right to initialise; `fail` and `return` end just it.
void Compiler::CompileGetOrInit(Builder& b, const Op& op) {
  OpenScope(b, ScopeDef::Kind::kBlock);
  int scope = b.scope;
  int reg = AddName(b, "right to initialise " + op.on.name + "#" + std::to_string(Pc()), RegKind::kOnceGuard, first_element_[op.on.name], 1, true);
  int enter = Simple(b, op, VmOp::kOnceEnter);
  At(enter).reg = reg;
  auto before = b.moved;
  bool before_diverged = b.diverged;
  OpenScope(b, ScopeDef::Kind::kBlock);
  BeginOwner(b);
  Scope(b.scope).sync = op.on.kind == Kind::kStdOnce;
  int outer_async = b.async_scope;
  auto outer_loops = std::move(b.loops);
  b.loops.clear();
  b.async_scope = b.scope;
  b.returns.emplace_back();
  BodyOps(b, *op.body);
  CloseScope(b);
  const std::vector<int> owned = EndOwner(b);
  b.async_scope = outer_async;
  b.loops = std::move(outer_loops);
  int set = Simple(b, op, VmOp::kOnceSet);
  At(set).reg = reg;
  int skip = Emit(b, VmOp::kJump);
  bool fails = false;
  int failed = Pc();
  for (auto [jump, by_fail] : b.returns.back()) {
    At(jump).target = by_fail ? failed : set;
    fails = fails || by_fail;
  }
  b.returns.pop_back();
  if (fails) {
    At(Emit(b, VmOp::kDropReg)).reg = reg;
    int pc = Simple(b, op, VmOp::kOnceFail);
    b.scope = Scope(scope).parent;   // what `or` does is no longer under the right to initialise
    FailurePath(b, pc, op);
    b.scope = scope;
  }
  At(skip).target = Pc();
  At(enter).target = Pc();
  EmitFalls(b, owned);   // of a body that did not run
  FallWith(scope, owned);
  Merge(b, before, before_diverged);
  for (int owner : owned) b.moved.insert({owner, {&op, op.node}});
  b.diverged = false;
  b.moved.erase(reg);
  b.scope = Scope(scope).parent;
}

void Compiler::CompileBlockOn(Builder& b, const Op& op) {
  const bool stayed = std::exchange(b.stays, true);
  std::vector<int> owned;
  const int strand = op.local.empty() ? Strand(b, *op.body, Ends::kWithItsBlock, &owned)
                                      : Strand(b, [&] { CompileRunUntil(b, op, op.local); }, nullptr, false, &owned);
  b.stays = stayed;
  const int pc = Emit(b, VmOp::kBlockOn);
  At(pc).strand = strand;
  At(pc).scope = NewScope(b, ScopeDef::Kind::kBlock);   // one that panics before it polls its future drops it
  FallWith(At(pc).scope, owned);
  SetRuntime(b, op, pc);
  FailurePath(b, pc, op);
}

void Compiler::CompileBlockInPlace(Builder& b, const Op& op) {
  const int reg = NewReg(b, RegKind::kScratch, -1, "context");
  const int pc = Emit(b, VmOp::kBipEnter);
  At(pc).reg = reg;
  At(pc).scope = NewScope(b, ScopeDef::Kind::kBlock);   // one that panics drops its closure
  const int refused = At(pc).scope;
  FallWith(refused, ClosureInPlace(b, ScopeDef::Kind::kBip, reg, *op.body));
}

std::vector<int> Compiler::ClosureInPlace(Builder& b, ScopeDef::Kind kind, int reg, const Body& body) {
  OpenScope(b, kind);
  Scope(b.scope).sync = true;
  Scope(b.scope).pc = reg;
  BeginOwner(b);
  BodyOps(b, body);
  CloseScope(b);
  return EndOwner(b);
}

void Compiler::CompileTimeout(Builder& b, const Op& op) {
  OpenScope(b, ScopeDef::Kind::kSelect);
  const int scope = b.scope;
  std::vector<int> owned;
  BranchCode code;
  if (op.await_name) {
    int index = -1;
    code.reg = ValueReg(b, *op.await_name, op, &index);
  } else {
    code.strand = Strand(b, *op.body, Ends::kForAround, &owned);
    code.entry = U(b).strand_entry[static_cast<std::size_t>(code.strand)];
  }
  program_->branches.push_back({code});
  Scope(scope).list = static_cast<int>(program_->branches.size()) - 1;
  const int pc = Emit(b, VmOp::kTimeout);
  At(pc).list = Scope(scope).list;
  At(pc).imm = op.duration.value_or(0);
  // What the inner op took belongs to the block around the timeout.
  const std::vector<int> regs = std::exchange(Scope(scope).regs, {});
  b.scope = Scope(scope).parent;
  for (int reg : regs) Scope(b.scope).regs.push_back(reg);
  FallWith(scope, owned);   // of one that panics before it polls its future
  FailurePath(b, pc, op);
}

// A body and the tasks of a local_set, polled together.
void Compiler::CompileRunUntil(Builder& b, const Op& op, const std::string& set) {
  OpenScope(b, ScopeDef::Kind::kSelect);
  int scope = b.scope;
  BranchCode code;
  std::vector<int> owned;
  code.strand = Strand(b, *op.body, Ends::kWithItsBlock, &owned);
  code.entry = U(b).strand_entry[static_cast<std::size_t>(code.strand)];
  program_->branches.push_back({code});
  Scope(scope).list = static_cast<int>(program_->branches.size()) - 1;
  int pc = Emit(b, VmOp::kRunUntil);
  At(pc).strand = code.strand;
  At(pc).list = Scope(scope).list;
  Ref ref;
  ref.name = set;
  ref.kind = Kind::kLocalSet;
  if (op.def->code == Code::kRunUntil) ref = op.on;
  Instr copy = At(pc);
  SetObject(b, copy, ref);
  At(pc) = copy;
  int index = -1;
  ValueReg(b, ref, op, &index);
  std::vector<int> regs = Scope(scope).regs;
  Scope(scope).regs.clear();
  b.scope = Scope(scope).parent;
  for (int reg : regs) Scope(b.scope).regs.push_back(reg);
  if (op.def->code == Code::kRunUntil) {
    FailurePath(b, pc, op);
  } else {   // of block_on: its failure is that of the future
    int skip = Emit(b, VmOp::kJump);
    At(pc).or_pc = Pc();
    b.returns.back().push_back({Emit(b, VmOp::kJump), true});
    At(skip).target = Pc();
  }
}

// The set that a task is spawned into.
void Compiler::SetSet(Builder& b, const Op& op, int pc, const std::string& name) {
  Ref ref;
  ref.name = name;
  ref.kind = op.into.empty() ? Kind::kLocalSet : Kind::kJoinSet;
  if (op.into.empty()) ref = op.on;
  Instr set;
  SetObject(b, set, ref);
  int index = -1;
  ValueReg(b, ref, op, &index);
  At(pc).set = set.object;
  At(pc).sets = set.elements;
  At(pc).set_index = set.index;
}

}  // namespace asyncrt
