// Spawns, combinators and control flow.
#include "core/program/compiler.h"

#include <algorithm>

namespace asyncrt {

int Compiler::SpawnUnit(Builder& b, const Op& op, UnitKind kind, const Body& body) {
  bool local = op.def->code == Code::kSpawnLocal || (b.parent != nullptr && kind == UnitKind::kFuture && spawned_local_.count(b.unit) != 0);
  auto known = unit_of_body_.find(&body);
  int unit;
  const std::string name = UnitNameOf(op, body);
  int saved_source = source_;
  if (known != unit_of_body_.end()) {
    unit = known->second;
  } else {
    auto child = std::make_unique<Builder>();
    child->unit = unit = NewUnit(kind, name, &op, saved_source);
    if (local) spawned_local_.insert(unit);
    unit_of_body_[&body] = unit;
    child->parent = &b;
    child->made_by = &op;
    Builder& c = *child;
    int skip = Emit(b, VmOp::kJump);
    int outer_scope = b.scope;
    BeginUnit(c);
    BodyOps(c, body);
    FinishUnit(c);
    b.scope = outer_scope;
    At(skip).target = Pc();
    kept_.push_back(std::move(child));
    builder_of_[unit] = kept_.back().get();
  }
  source_ = saved_source;
  return unit;
}

int Compiler::RuntimeOf(const Ref& ref) {
  auto it = runtime_index_.find(ref.name);
  return it == runtime_index_.end() ? -1 : it->second;
}

// `on` of spawn and its kin: the runtime (captured unless through its handle), or the current one.
void Compiler::SetRuntime(Builder& b, const Op& op, int pc) {
  if (op.target == Op::Target::kCurrent) { At(pc).handle = 1; return; }
  if (op.target == Op::Target::kFutures) { At(pc).handle = 2; return; }
  if (op.target != Op::Target::kRef) { At(pc).handle = 1; return; }
  At(pc).runtime = RuntimeOf(op.on);
  if (op.on.part == Ref::Part::kHandle) { At(pc).handle = 1; return; }
  int index = -1;
  int reg = ValueReg(b, op.on, op, &index);
  At(pc).reg2 = reg;
}

void Compiler::CompileSpawn(Builder& b, const Op& op, VmOp vm, UnitKind kind) {
  std::int64_t count = op.count.value_or(1);
  int unit = SpawnUnit(b, op, kind);
  int pc = Emit(b, vm);
  At(pc).unit = unit;
  At(pc).imm = count;
  At(pc).flag = op.detached;
  At(pc).elements = op.count ? 1 : 0;   // 0: the copy's number is inherited
  bool local = op.def->code == Code::kSpawnLocal;
  if (vm != VmOp::kSpawnThread && !local) SetRuntime(b, op, pc);
  At(pc).local = local;
  if (local && op.target == Op::Target::kRef) SetSet(b, op, pc, op.on.name);
  if (!op.into.empty()) SetSet(b, op, pc, op.into);
  FillCaptures(b, op, unit, pc);
  if (op.target == Op::Target::kNone && vm != VmOp::kSpawnThread) {   // refused for want of a context, it drops its body
    At(pc).scope = NewScope(b, ScopeDef::Kind::kBlock);
    std::vector<int> falls;
    for (const Capture& c : program_->captures[static_cast<std::size_t>(At(pc).list)])
      if (!c.clone && c.count_base != -2) falls.push_back(c.from);
    FallWith(At(pc).scope, falls);
  }
  if (!op.as.empty()) {
    RegKind reg_kind = kind == UnitKind::kThread ? RegKind::kThread : op.into.empty() ? RegKind::kTask : RegKind::kAbortHandle;
    int reg = AddName(b, op.as, reg_kind, -1, static_cast<int>(count), true);
    At(pc).reg = reg;
    for (int k = 0; k < count; ++k) b.moved.erase(reg + k);
    if (reg_kind != RegKind::kAbortHandle && remotes_.count(op.as) != 0) {
      const int weak = AddName(b, "&" + op.as, RegKind::kAbortHandle, -1, static_cast<int>(count), true);
      At(pc).weak = weak;
    }
    if (kind == UnitKind::kThread && OpenThreadScope(b) >= 0) of_scope_.insert({b.unit, reg});
  }
  if (const int scope = kind == UnitKind::kThread ? OpenThreadScope(b) : -1; scope >= 0) At(pc).reg2 = Scope(scope).pc;
  copies_[unit] += static_cast<int>(std::min<std::int64_t>(count, 60000)) * multiplicity_;
}

void Compiler::CompileLoop(Builder& b, const Op& op) {
  const bool unreachable = b.diverged;
  int counter = -1, limit = -1;
  bool is_while = op.def->code == Code::kWhile;
  int saved_multiplicity = multiplicity_;
  if (!is_while && op.times) {
    counter = NewReg(b, RegKind::kScratch, -1, "loop counter");
    limit = NewReg(b, RegKind::kScratch, -1, "loop limit");
    int set = Emit(b, VmOp::kSet);
    At(set).var = counter;
    At(set).imm = 0;
    int e = MakeExpr(b, *op.times);
    int set2 = Emit(b, VmOp::kSet);
    At(set2).var = limit;
    At(set2).expr = e;
    if (op.times->kind == Expr::Kind::kNumber) {
      if (op.times->number > 20 && !scenario_.runtimes.empty()) program_->endless = true;
      multiplicity_ *= static_cast<int>(std::clamp<std::int64_t>(op.times->number, 1, 16));
    }
  } else {
    program_->endless = true;
  }
  int top = Pc();
  int test = -1;
  if (is_while) {
    int e = MakeExpr(b, *op.condition);
    test = Emit(b, VmOp::kJumpIfZero);
    At(test).expr = e;
  } else if (counter >= 0) {
    test = Emit(b, VmOp::kLoopTest);
    At(test).reg = counter;
    At(test).reg2 = limit;
  }
  auto before = b.moved;
  b.loops.push_back({{}, {}, b.scope, false});
  Block(b, *op.body);
  if (!b.diverged)
    for (const auto& [reg, who] : b.moved)
      if (before.count(reg) == 0 && InOuterScope(b, reg) && !(op.times && op.times->kind == Expr::Kind::kNumber && op.times->number <= 1))
        Refuse("ownership/use-after-move", U(b).regs[static_cast<std::size_t>(reg)].name, who.node, who.node, who.by, who.by, b,
               "`" + U(b).regs[static_cast<std::size_t>(reg)].name + "` was moved in an earlier round of this loop");
  LoopFrame loop = b.loops.back();
  b.loops.pop_back();
  for (int jump : loop.continues) At(jump).target = Pc();
  b.diverged = false;
  At(Emit(b, VmOp::kJump)).target = top;
  At(Pc() - 1).flag = true;   // a back edge
  if (test >= 0) At(test).target = Pc();
  for (int jump : loop.breaks) At(jump).target = Pc();
  b.diverged = unreachable || (test < 0 && !loop.is_left);
  for (const auto& m : before) b.moved.insert(m);
  for (auto& [reg, moved] : b.moved)   // the body may not have run at all
    if (test >= 0 && before.count(reg) == 0) moved.partly = true;
  multiplicity_ = saved_multiplicity;
}

void Compiler::CompileAlternatives(Builder& b, const std::vector<const Body*>& bodies, std::vector<int>* entries, const std::vector<int>& falls, int falls_in) {
  auto before = b.moved;
  bool before_diverged = b.diverged;
  std::vector<std::map<int, Moved>> ways;
  bool all_diverged = true;
  std::vector<int> ends;
  for (const Body* body : bodies) {
    b.moved = before;
    b.diverged = before_diverged;
    entries->push_back(Pc());
    const int around = b.scope;
    if (!falls.empty()) b.scope = falls_in;
    EmitFalls(b, falls);
    b.scope = around;
    if (body != nullptr) Block(b, *body);
    if (!b.diverged) {
      all_diverged = false;
      ways.push_back(b.moved);
    }
    ends.push_back(Emit(b, VmOp::kJump));
  }
  for (int jump : ends) At(jump).target = Pc();
  b.moved = WhereMeet(ways);
  b.diverged = all_diverged;
}

void Compiler::CheckTwoBorrows(Builder& b, const Op& op) {
  struct Use { const Json* node; bool is_mutable; };
  std::map<std::string, Use> used;
  for (const Branch& branch : op.branches) {
    std::map<std::string, bool> here;
    if (branch.await) Needs(*branch.await, &here);
    if (branch.name) here[branch.name->name] = true;
    for (const auto& [key, is_mutable] : here) {
      auto [it, fresh] = used.insert({key, {branch.node, is_mutable}});
      if (fresh) continue;
      if (is_mutable || it->second.is_mutable)
        Refuse("ownership/two-borrows", key, it->second.node, branch.node, &op, &op, b,
               "two branches that one task polls both need `" + key + "`" + (is_mutable && it->second.is_mutable ? " mutably" : ", one of them mutably"));
      it->second.is_mutable = it->second.is_mutable || is_mutable;
    }
  }
}

bool Compiler::NeedsMutably(const Op& op) {
  if (op.target != Op::Target::kRef) return false;
  const Code code = op.def->code;
  switch (op.on.kind) {
    case Kind::kFuturesUnordered: case Kind::kJoinSet: return true;
    case Kind::kIo: return op.on.part != Ref::Part::kWhole && code != Code::kUse;
    case Kind::kOneshot: return op.on.part == Ref::Part::kRx || code == Code::kClosed;
    case Kind::kWatch: return op.on.part == Ref::Part::kRx && code != Code::kBorrow && code != Code::kSubscribe && code != Code::kUse;
    case Kind::kMpsc: case Kind::kBroadcast: return op.on.part == Ref::Part::kRx && code != Code::kUse;
    default: return false;
  }
}

// What a body needs, and whether mutably.
void Compiler::Needs(const Body& body, std::map<std::string, bool>* out) {
  for (const Op& op : body.ops) {
    const bool is_mutable = NeedsMutably(op), is_lent = op.on.kind == Kind::kWatch && op.on.part == Ref::Part::kRx;
    if ((is_mutable || is_lent) && (!op.on.index || op.on.index->kind == Expr::Kind::kNumber)) {
      bool& needs = (*out)[Spelled(op.on)];
      needs = needs || is_mutable;
    }
    if (op.body && op.def->code != Code::kSpawn && op.def->code != Code::kSpawnThread && op.def->code != Code::kSpawnBlocking &&
        op.def->code != Code::kSpawnLocal && op.def->code != Code::kPush && op.def->code != Code::kFuture)
      Needs(*op.body, out);
    if (op.then) Needs(*op.then, out);
    if (op.otherwise) Needs(*op.otherwise, out);
  }
}

void Compiler::CompileSelect(Builder& b, const Op& op) {
  if (op.branches.size() > 16) {
    diagnostics_.Add(*op.node, "`" + std::string(op.def->verb) + "` has " + std::to_string(op.branches.size()) + " branches, and 16 are the limit");
    return;
  }
  bool select = op.def->code == Code::kSelect;
  CheckTwoBorrows(b, op);
  OpenScope(b, ScopeDef::Kind::kSelect);
  int scope = b.scope;
  std::vector<int> falls;   // what the branches have that were not begun
  std::vector<BranchCode> branches;
  for (const Branch& branch : op.branches) {
    BranchCode code;
    if (branch.condition) code.condition = MakeExpr(b, *branch.condition);
    if (branch.name) {
      int index = -1;
      code.reg = ValueReg(b, *branch.name, op, &index);
    } else if (branch.await) {
      std::vector<int> owned;
      code.strand = Strand(b, *branch.await, select ? Ends::kForThen : Ends::kWithItsBlock, &owned);
      falls.insert(falls.end(), owned.begin(), owned.end());
      code.entry = U(b).strand_entry[static_cast<std::size_t>(code.strand)];
    }
    branches.push_back(code);
  }
  program_->branches.push_back(branches);
  int list = static_cast<int>(program_->branches.size()) - 1;
  Scope(scope).list = list;
  int pc = Emit(b, select ? VmOp::kSelect : VmOp::kJoin);
  At(pc).list = list;
  At(pc).flag = op.biased;
  At(pc).flag2 = op.try_join;
  At(pc).target = -1;
  if (select) {
    std::vector<const Body*> thens;
    for (const Branch& branch : op.branches) thens.push_back(branch.then.get());
    if (op.otherwise) thens.push_back(op.otherwise.get());
    // Guards that the winner's op took belong to the block around, which is left at the end of `then`.
    std::vector<int> entries;
    // Where a branch panics as it is dropped, Rust drops the other ones, and leaks what the winner gave.
    const int polls = NewScope(b, ScopeDef::Kind::kSelect);
    Scope(polls).parent = Scope(scope).parent;
    Scope(polls).list = list;
    At(pc).scope = polls;
    FallWith(polls, falls);
    CompileAlternatives(b, thens, &entries, falls, polls);
    for (std::size_t k = 0; k < op.branches.size(); ++k) program_->branches[static_cast<std::size_t>(list)][k].then_pc = entries[k];
    if (op.otherwise) At(pc).target = entries.back();
  } else if (op.has_or) {
    FailurePath(b, pc, op, nullptr, falls);
  }
  CloseScope(b);
  if (!select) FallWith(scope, falls);
}

void Compiler::EmitReturn(Builder& b, const Op& op, bool failed) {
  if (op.value) {
    int e = MakeExpr(b, *op.value);
    int set = Emit(b, VmOp::kSet);
    At(set).var = 0;
    At(set).expr = e;
  }
  // What a unit owns is dropped where it ends: some of it may be mentioned, and so taken, only further down.
  EmitExit(b, b.async_scope == root_scope_[b.unit] ? b.async_scope : Scope(b.async_scope).parent);
  int jump = Emit(b, VmOp::kJump);
  b.returns.back().push_back({jump, failed});
  b.diverged = true;
}

// The body of a block that this strand runs itself, and closes its scope: `return` and `fail` end just the block.
void Compiler::BlockInScope(Builder& b, const Body& body) {
  const int outer = b.async_scope;
  b.async_scope = b.scope;
  b.returns.emplace_back();
  BeginOwner(b);
  BodyOps(b, body);
  b.async_scope = outer;
  CloseScope(b);
  EndOwner(b);
  for (auto [jump, failed] : b.returns.back()) At(jump).target = Pc();
  b.returns.pop_back();
}

int Compiler::ArmUnit(Builder& b, const Op& op) {
  auto child = std::make_unique<Builder>();
  int unit = NewUnit(UnitKind::kFuture, op.as, &op, source_);
  child->unit = unit;
  Builder& c = *child;
  int skip = Emit(b, VmOp::kJump);
  int outer_scope = b.scope;
  BeginUnit(c);
  NewReg(c, RegKind::kScratch, -1, "element");
  int pc = Emit(c, VmOp::kNotified);
  At(pc).object = first_element_[op.on.name];
  At(pc).elements = static_cast<int>(scenario_.objects[static_cast<std::size_t>(declared_[op.on.name])].count);
  ExprNode n;
  n.kind = Expr::Kind::kLocal;
  n.reg = 2;
  program_->exprs.push_back(n);
  At(pc).index = static_cast<int>(program_->exprs.size()) - 1;
  FinishUnit(c);
  b.scope = outer_scope;
  At(skip).target = Pc();
  kept_.push_back(std::move(child));
  builder_of_[unit] = kept_.back().get();
  return unit;
}

}  // namespace asyncrt
