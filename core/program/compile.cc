// The frame of the compiler: declarations, units, scopes with their cleanup, strands, sizes.
#include "core/program/compiler.h"
#include "core/program/flow.h"
#include "core/program/thread_waits.h"

#include <algorithm>
#include <utility>

namespace asyncrt {
std::unique_ptr<Program> Compiler::Run() {
  DeclareObjects();
  DeclareRuntimes();
  Builder main;
  main.unit = NewUnit(UnitKind::kMain, "main", nullptr, -1);
  BeginUnit(main);
  CollectMakers(scenario_.main);
  DeclareMain(main);
  program_->declared_regs = U(main).regs.size();
  BodyOps(main, scenario_.main);
  FinishUnit(main);
  CompileDestructors();
  SizeEverything();
  int tasks = 0;
  for (const Unit& u : program_->units) tasks += u.kind == UnitKind::kTask ? u.frames : 0;
  if (tasks > 40) program_->endless = true;   // ticks and budgets can matter
  for (const Instr& i : program_->code)
    for (int k = 0; (i.op == VmOp::kStdTryLock || i.op == VmOp::kStdTrySend) && k < i.elements; ++k) program_->elements[static_cast<std::size_t>(i.object + k)].tried = true;
  for (const Instr& i : program_->code)
    for (int k = 0; (i.op == VmOp::kStdTryRecv || i.op == VmOp::kStdRecvTimeout) && k < i.elements; ++k) program_->elements[static_cast<std::size_t>(i.object + k)].peeked = true;
  for (const Instr& i : program_->code)
    program_->spurious = program_->spurious || i.op == VmOp::kPark || i.op == VmOp::kCondWait;
  auto any = [&](auto is) { return std::any_of(program_->code.begin(), program_->code.end(), [&](const Instr& i) { return is(i.op); }); };
  program_->eats_tokens = any([](VmOp op) { return op == VmOp::kPark; }) && any([](VmOp op) { return op == VmOp::kUnpark; }) && any(WaitsByParking);
  if (program_->local_sets.size() > 200)
    diagnostics_.Add(*scenario_.main.node, "there are " + std::to_string(program_->local_sets.size()) + " local sets, and 200 are the limit");
  if (scenario_.runtimes.size() > 200)
    diagnostics_.Add(*scenario_.main.node, "there are " + std::to_string(scenario_.runtimes.size()) + " runtimes, and 200 are the limit");
  if (Pc() > kInstructionsMax)
    diagnostics_.Add(*scenario_.main.node, "the scenario is too large: it comes to more than " + std::to_string(kInstructionsMax) + " instructions");
  if (!diagnostics_.empty()) return nullptr;
  FindThreadWaits(program_.get(), deadline_);
  return std::move(program_);
}

// ---- declarations -------------------------------------------------------------------------------------------
void Compiler::DeclareObjects() {
  for (std::size_t i = 0; i < scenario_.objects.size(); ++i) {
    const Object& object = scenario_.objects[i];
    first_element_[object.name] = static_cast<int>(program_->elements.size());
    declared_[object.name] = static_cast<int>(i);
    for (std::int64_t k = 0; k < object.count; ++k) {
      deadline_.Step();
      Element e;
      e.kind = object.kind;
      e.name = object.is_array ? object.name + "[" + std::to_string(k) + "]" : object.name;
      e.declared = static_cast<int>(i);
      if (object.kind == Kind::kSemaphore) e.capacity = static_cast<int>(std::min<std::int64_t>(object.permits, 1'000'000'000));
      else if (object.kind == Kind::kMutex) e.capacity = 1;
      else if (object.kind == Kind::kFuturesUnordered) e.capacity = object.limit ? static_cast<int>(std::min<std::int64_t>(*object.limit, 1'000'000'000)) : -1;
      else if (object.kind == Kind::kIo) e.capacity = object.buffer ? static_cast<int>(std::min<std::int64_t>(*object.buffer, 1'000'000'000)) : -1;
      else if (object.kind == Kind::kStdBarrier || object.kind == Kind::kBarrier) e.capacity = static_cast<int>(object.parties);
      else e.capacity = object.capacity ? static_cast<int>(std::min<std::int64_t>(*object.capacity, 1'000'000'000)) : -1;
      e.initial = object.value;
      if (object.kind == Kind::kOneshot) e.capacity = 1;
      e.policy = object.policy;
      if (object.kind == Kind::kLocalSet) {
        e.ordinal = static_cast<int>(program_->local_sets.size()) + 1;
        program_->local_sets.push_back(static_cast<int>(program_->elements.size()));
      }
      program_->elements.push_back(std::move(e));
    }
    for (const Ref& held : object.holds) held_.insert(KeyOf(held));
  }
  for (Element& e : program_->elements) {
    const std::string& parent = scenario_.objects[static_cast<std::size_t>(e.declared)].parent;
    if (!parent.empty()) e.parent = first_element_[parent];
  }
}

void Compiler::DeclareRuntimes() {
  for (std::size_t i = 0; i < scenario_.runtimes.size(); ++i) {
    RuntimeDef def;
    def.declared = &scenario_.runtimes[i];
    def.workers = def.declared->multi_thread ? static_cast<int>(def.declared->worker_threads) : 0;
    def.pool_cap = def.declared->max_blocking_threads + def.workers;
    runtime_index_[def.declared->name] = static_cast<int>(i);
    program_->runtimes.push_back(def);
  }
}

// A lock is there as soon as all is that it holds.
void Compiler::DeclareShares(Builder& b) {
  for (const Object& lock : scenario_.objects) {
    if (lock.holds.empty() || lock.is_array || Find(b, ShareOf(lock.name)) >= 0) continue;
    std::vector<int> held;
    bool all = true;
    for (const Ref& ref : lock.holds) {
      auto it = b.names.find(KeyOf(ref));
      all = all && it != b.names.end() && (!ref.index || ref.index->kind == Expr::Kind::kNumber);
      for (int k = 0; all && k < it->second.count; ++k)
        if (!ref.index || k == ref.index->number) held.push_back(it->second.reg + k);
    }
    if (!all) continue;
    std::erase_if(Scope(b.scope).regs, [&](int reg) { return std::find(held.begin(), held.end(), reg) != held.end(); });
    const int element = first_element_[lock.name];
    AddName(b, ShareOf(lock.name), RegKind::kShare, element, 1, true);
    program_->elements[static_cast<std::size_t>(element)].held = std::move(held);
  }
}

void Compiler::DeclareMain(Builder& b) {
  for (std::int64_t index : scenario_.declaration_order) {
    if (index >= 0) {
      const Runtime& rt = scenario_.runtimes[static_cast<std::size_t>(index)];
      if (!rt.has_build) AddName(b, rt.name, RegKind::kRuntime, runtime_index_[rt.name], 1, true);
    } else {
      const Object& object = scenario_.objects[static_cast<std::size_t>(-1 - index)];
      int first = first_element_[object.name];
      int count = static_cast<int>(object.count);
      if (HasEnds(object.kind)) {
        AddName(b, object.name + ".tx", RegKind::kTx, first, count, true);
        AddName(b, object.name + ".rx", RegKind::kRx, first, count, true);
      } else if (object.kind == Kind::kValue) {
        AddName(b, object.name, RegKind::kValue, first, count, true);
        for (const Object& lock : scenario_.objects)
          if (!lock.holds.empty() && Find(b, ShareOf(lock.name)) >= 0) locks_before_[object.name].insert(lock.name);
      } else if (object.kind == Kind::kJoinSet || object.kind == Kind::kFuturesUnordered || object.kind == Kind::kLocalSet) {
        AddName(b, object.name, RegKind::kSet, first, count, true);
      }
    }
    DeclareShares(b);
  }
}

void Compiler::CompileDestructors() {
  for (std::size_t e = 0; e < program_->elements.size(); ++e) {
    if (program_->elements[e].kind != Kind::kValue) continue;
    const Object& object = scenario_.objects[static_cast<std::size_t>(program_->elements[e].declared)];
    if (!object.drop) continue;
    if (Pc() > kInstructionsMax) break;
    destroyed_ = static_cast<int>(e);
    Builder b;
    b.unit = NewUnit(UnitKind::kDestructor, "drop of " + program_->elements[e].name, nullptr, -1);
    BeginUnit(b);
    BodyOps(b, *object.drop);
    FinishUnit(b);
    program_->elements[e].destructor = b.unit;
  }
}

int Compiler::Emit(Builder& b, VmOp op, int source) {
  deadline_.Step();
  Instr i;
  i.op = op;
  i.scope = b.scope;
  i.source = source == -2 ? source_ : source;
  program_->code.push_back(i);
  return Pc() - 1;
}

int Compiler::NewScope(Builder& b, ScopeDef::Kind kind) {
  ScopeDef s;
  s.kind = kind;
  s.parent = b.scope;
  s.strand = b.strand;
  program_->scopes.push_back(s);
  return static_cast<int>(program_->scopes.size()) - 1;
}

// Leaves the scope by its end: drops what it owns, the last first.
void Compiler::CloseScope(Builder& b) {
  if (!b.diverged) EmitDrops(b, b.scope);
  for (int reg : Scope(b.scope).regs) b.moved.erase(reg);
  std::erase_if(lent_, [&](const auto& one) { return one.second.scope == b.scope; });
  b.scope = Scope(b.scope).parent;
}

void Compiler::EmitDrops(Builder& b, int scope) {
  const std::vector<int> regs = Scope(scope).regs;
  for (auto it = regs.rbegin(); it != regs.rend(); ++it) At(Emit(b, VmOp::kDropReg)).reg = *it;
  EmitOwned(b, scope);
  if (Scope(scope).kind == ScopeDef::Kind::kBip) At(Emit(b, VmOp::kBipExit)).reg = Scope(scope).pc;
  if (Scope(scope).kind == ScopeDef::Kind::kThreadScope) At(Emit(b, VmOp::kScopeJoin)).reg = Scope(scope).pc;
  if (Scope(scope).kind == ScopeDef::Kind::kUnconstrained) At(Emit(b, VmOp::kUnconstrainedEnd)).reg = Scope(scope).pc;
}

void Compiler::EmitFalls(Builder& b, const std::vector<int>& regs) {
  for (int reg : regs) At(Emit(b, VmOp::kDropReg)).reg = reg;
}

void Compiler::BeginOwner(Builder& b) {
  b.owners.emplace_back();
  Owner& owner = b.owners.back();
  owner.scope = b.scope;
  owner.unreachable = std::exchange(b.diverged, false);
  if (owner.unreachable) owner.around = std::exchange(b.moved, {});
}

bool Compiler::IsUnreachable(const Builder& b) {
  return b.diverged || std::any_of(b.owners.begin(), b.owners.end(), [](const Owner& owner) { return owner.unreachable; });
}

void Compiler::EmitOwned(Builder& b, int scope) {
  for (Owner& owner : b.owners)
    if (owner.scope == scope) owner.ends.push_back(Emit(b, VmOp::kNop));   // some of it may be mentioned only further down
}

std::vector<int> Compiler::EndOwner(Builder& b) {
  Owner owner = std::move(b.owners.back());
  b.owners.pop_back();
  b.diverged = owner.unreachable;   // where it ends, whoever called or polls it goes on
  if (owner.unreachable) b.moved = std::move(owner.around);
  std::vector<int> owned;
  for (const auto& [reg, moved] : owner.takes) {
    owned.push_back(reg);
    b.moved.insert({reg, moved});
  }
  if (owned.empty()) return owned;
  std::sort(owned.begin(), owned.end(), [&](int one, int other) { return owner.mentioned[one] < owner.mentioned[other]; });
  FallWith(owner.scope, owned);
  const int skip = Emit(b, VmOp::kJump), around = std::exchange(b.scope, owner.scope);
  for (int end : owner.ends) {
    At(end).op = VmOp::kJump;
    At(end).target = Pc();
    EmitFalls(b, owned);
    At(Emit(b, VmOp::kJump)).target = end + 1;
  }
  b.scope = around;
  At(skip).target = Pc();
  return owned;
}

void Compiler::FallWith(int scope, const std::vector<int>& regs) {
  auto& all = Scope(scope).regs;
  all.insert(all.begin(), regs.rbegin(), regs.rend());
}

// Drops for a jump out of all scopes inside `until` (exclusive).
void Compiler::EmitExit(Builder& b, int until) {
  for (int s = b.scope; s != until && s >= 0; s = Scope(s).parent) EmitDrops(b, s);
}

int Compiler::NewUnit(UnitKind kind, const std::string& name, const Op* op, int source) {
  Unit u;
  u.kind = kind;
  u.name = name;
  u.source = source;
  if (op != nullptr) u.detached = op->detached;
  u.regs.push_back({RegKind::kScratch, -1, "$return"});
  u.regs.push_back({RegKind::kScratch, -1, "$index"});
  program_->units.push_back(std::move(u));
  return static_cast<int>(program_->units.size()) - 1;
}

void Compiler::BeginUnit(Builder& b) {
  U(b).entry = Pc();
  U(b).strand_entry.push_back(Pc());
  b.scope = -1;
  root_scope_[b.unit] = OpenScope(b, ScopeDef::Kind::kRoot);
  b.async_scope = b.scope;
  b.returns.emplace_back();
}

void Compiler::FinishUnit(Builder& b) {
  source_ = U(b).source;
  const auto& returns = b.returns.back();
  auto end = [&](VmOp op, bool failed) {
    for (auto [jump, by_fail] : returns)
      if (by_fail == failed) At(jump).target = Pc();
    EmitDrops(b, root_scope_[b.unit]);
    Emit(b, op, U(b).source);
  };
  if (!b.diverged || std::any_of(returns.begin(), returns.end(), [](const auto& r) { return !r.second; })) end(VmOp::kEnd, false);
  else Emit(b, VmOp::kEnd, U(b).source);
  if (std::any_of(returns.begin(), returns.end(), [](const auto& r) { return r.second; })) end(VmOp::kFailEnd, true);
  b.returns.pop_back();
  // Cleanup code of every scope of this unit, for unwinding and cancellation.
  for (std::size_t s = static_cast<std::size_t>(root_scope_[b.unit]); s < program_->scopes.size(); ++s) {
    deadline_.Step();
    if (program_->scopes[s].cleanup_pc >= 0 || !BelongsTo(static_cast<int>(s), b)) continue;
    pending_cleanup_.push_back({static_cast<int>(s), b.unit});
  }
  for (auto [s, unit] : pending_cleanup_) {
    (void)unit;
    Scope(s).cleanup_pc = Pc();
    b.scope = Scope(s).parent >= 0 ? Scope(s).parent : s;
    const std::vector<int> regs = Scope(s).regs;
    if (Scope(s).kind == ScopeDef::Kind::kSelect) At(Emit(b, VmOp::kDropBranches, U(b).source)).list = Scope(s).list;
    for (auto it = regs.rbegin(); it != regs.rend(); ++it) At(Emit(b, VmOp::kDropReg, U(b).source)).reg = *it;
    switch (Scope(s).kind) {
      case ScopeDef::Kind::kBip: At(Emit(b, VmOp::kBipExit)).reg = Scope(s).pc; break;
      case ScopeDef::Kind::kThreadScope: At(Emit(b, VmOp::kScopeJoin)).reg = Scope(s).pc; break;
      case ScopeDef::Kind::kUnconstrained: At(Emit(b, VmOp::kUnconstrainedEnd)).reg = Scope(s).pc; break;
      case ScopeDef::Kind::kCatch: { int pc = Emit(b, VmOp::kCatchEnd); At(pc).target = Scope(s).pc; At(pc).flag = true; break; }
      default: break;
    }
    if (Scope(s).kind == ScopeDef::Kind::kRoot) {
      Emit(b, VmOp::kUnwound, U(b).source);
    } else {
      int jump = Emit(b, VmOp::kJump);
      cleanup_jumps_.push_back({jump, Scope(s).parent});
    }
  }
  for (auto [jump, scope] : cleanup_jumps_) At(jump).target = Scope(scope).cleanup_pc;
  pending_cleanup_.clear();
  cleanup_jumps_.clear();
  b.done = true;
  // Sites that spawned this unit while it was being compiled (recursion).
  for (auto it = sites_.begin(); it != sites_.end();) {
    if (it->unit == b.unit) {
      ResolveCaptures(*it->at, *it->op, b, it->list);
      it = sites_.erase(it);
    } else {
      ++it;
    }
  }
}

bool Compiler::BelongsTo(int scope, const Builder& b) {
  while (Scope(scope).parent >= 0 && Scope(scope).kind != ScopeDef::Kind::kRoot) scope = Scope(scope).parent;
  int s = scope;
  return s == root_scope_[b.unit] || strand_roots_[b.unit].count(s) != 0;
}

void Compiler::PatchReturns(Builder& b) {
  // `return` jumps to the end of the nearest async block or unit, which was just emitted; a `fail` needs its own end.
  int end = Pc() - 1;
  int fail = -1;
  for (auto [jump, failed] : b.returns.back()) {
    if (failed && fail < 0) fail = Emit(b, VmOp::kFailEnd);
    At(jump).target = failed ? fail : end;
  }
  b.returns.pop_back();
}

// A body that is polled on its own, in the same frame. Returns the local strand number.
int Compiler::Strand(Builder& b, const Body& body, Ends ends, std::vector<int>* owned) {
  const Op* only = body.ops.size() == 1 && ends != Ends::kWithItsBlock ? &body.ops[0] : nullptr;
  return Strand(b, [&] { BodyOps(b, body); }, only, ends == Ends::kForThen, owned);
}

// The same for code that is no body of the scenario. `only`: the single op that it consists of, if it does.
int Compiler::Strand(Builder& b, const std::function<void()>& code, const Op* only, bool disable_on_failure, std::vector<int>* owned) {
  int skip = Emit(b, VmOp::kJump);
  int outer_strand = b.strand, outer_scope = b.scope, outer_async = b.async_scope;
  auto outer_loops = std::move(b.loops);
  b.loops.clear();
  b.strand = static_cast<int>(U(b).strand_entry.size());
  int strand = b.strand;
  U(b).strand_entry.push_back(Pc());
  b.scope = -1;
  int root = OpenScope(b, ScopeDef::Kind::kRoot);
  strand_roots_[b.unit].insert(root);
  around_strand_[root] = outer_scope;
  b.async_scope = root;
  b.returns.emplace_back();
  int first = Pc();
  BeginOwner(b);
  code();
  if (!b.diverged) EmitDrops(b, root);
  Emit(b, VmOp::kEnd);
  PatchReturns(b);
  if (disable_on_failure && only != nullptr) {
    int disabled = Pc();
    EmitOwned(b, root);
    Emit(b, VmOp::kDisabledEnd);
    for (int pc = first; pc < disabled; ++pc)
      if (At(pc).or_pc == -1 && At(pc).source >= 0 && program_->sources[static_cast<std::size_t>(At(pc).source)].op == only)
        At(pc).or_pc = disabled;
  }
  // The names that the body made stay visible for `then`.
  b.strand = outer_strand;
  b.scope = outer_scope;
  b.async_scope = outer_async;
  b.loops = std::move(outer_loops);
  At(skip).target = Pc();
  // What an op in the branch named belongs to the block around: move those registers out.
  if (only != nullptr) MoveNames(b, root, b.scope);
  *owned = EndOwner(b);
  return strand;
}

// Guards and permits that the single op of a branch took outlive the branch.
void Compiler::MoveNames(Builder& b, int from, int to) {
  auto& regs = Scope(from).regs;
  std::vector<int> keep;
  for (int reg : regs) {
    deadline_.Look();
    if (escaping_.count({b.unit, reg}) != 0) {
      Scope(to).regs.push_back(reg);
      for (Instr& i : program_->code)
        if (i.op == VmOp::kDropReg && i.reg == reg && i.scope == from) i.op = VmOp::kNop;
    } else {
      keep.push_back(reg);
    }
  }
  regs = keep;
}

void Compiler::BodyOps(Builder& b, const Body& body) {
  for (const Op& op : body.ops) CompileOp(b, op);
}

void Compiler::Block(Builder& b, const Body& body) {
  OpenScope(b, ScopeDef::Kind::kBlock);
  BodyOps(b, body);
  CloseScope(b);
}

// ---- sizes --------------------------------------------------------------------------------------------------
void Compiler::SizeEverything() {
  for (std::size_t u = 0; u < program_->units.size(); ++u)
    program_->units[u].frames = std::max(1, copies_.count(static_cast<int>(u)) ? copies_[static_cast<int>(u)] : 1);
  // Copies of a body multiply with the copies of the body that makes them.
  for (Element& e : program_->elements) {
    if (e.kind == Kind::kJoinSet || e.kind == Kind::kFuturesUnordered) e.room = 4;
    bool queue = e.kind == Kind::kStdChannel || e.kind == Kind::kMpsc || e.kind == Kind::kOneshot || e.kind == Kind::kBroadcast;
    if (queue) e.room = e.capacity >= 0 ? std::min(std::max(e.capacity, 1), 64) : 4;
  }
}

std::unique_ptr<Program> Compile(const Scenario& scenario, int tokio_minor, int tokio_patch, Diagnostics& diagnostics, const Deadline& deadline) {
  return Compiler(scenario, tokio_minor, tokio_patch, diagnostics, deadline).Run();
}

}  // namespace asyncrt
