// Compiles a scenario's tree into a program. Two things happen on the way that Rust's compiler does too: bodies
// capture what they mention, and a value that was moved away may not be used (a StaticFinding, not an input error).
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "core/program/program.h"

namespace asyncrt {
namespace {

struct Name {          // what a key stands for in one unit
  int reg = -1;
  int count = 1;
  RegKind kind = RegKind::kScratch;
};

struct Moved { const Op* by = nullptr; const Json* node = nullptr; };

struct LoopFrame { std::vector<int> breaks, continues; int scope = -1; };

// One unit while it is compiled.
struct Builder {
  int unit = -1;
  Builder* parent = nullptr;
  const Op* made_by = nullptr;
  std::map<std::string, Name> names;
  std::vector<std::pair<std::string, Name>> captured;   // in order of mention
  std::map<int, Moved> moved;                           // register -> who took it
  std::vector<LoopFrame> loops;
  int strand = 0;
  int scope = -1;
  bool diverged = false;
  int async_scope = -1;      // the outermost scope of the nearest async block: `return` goes there
  int async_end = -1;        // patch list owner, see returns
  std::vector<std::vector<std::pair<int, bool>>> returns;  // jumps to the end of the nearest block; bool: failed
  bool done = false;
};

struct PendingSite { Builder* at; const Op* op; int unit; int list; };

bool HasEnds(Kind kind) {
  switch (kind) {
    case Kind::kStdChannel: case Kind::kMpsc: case Kind::kOneshot: case Kind::kBroadcast: case Kind::kWatch:
    case Kind::kIo: return true;
    default: return false;
  }
}

class Compiler {
 public:
  Compiler(const Scenario& scenario, int minor, int patch, Diagnostics& diagnostics)
      : scenario_(scenario), diagnostics_(diagnostics), program_(std::make_unique<Program>()) {
    program_->scenario = &scenario;
    program_->minor = minor;
    program_->patch = patch;
  }

  std::unique_ptr<Program> Run() {
    DeclareObjects();
    DeclareRuntimes();
    Builder main;
    main.unit = NewUnit(UnitKind::kMain, "main", nullptr, -1);
    builders_.push_back(&main);
    BeginUnit(main);
    DeclareMain(main);
    BodyOps(main, scenario_.main);
    FinishUnit(main);
    CompileDestructors();
    SizeEverything();
    int tasks = 0;
    for (const Unit& u : program_->units) tasks += u.kind == UnitKind::kTask ? u.frames : 0;
    if (tasks > 40) program_->endless = true;   // ticks and budgets can matter
    for (const Instr& i : program_->code)
      for (int k = 0; i.op == VmOp::kStdTryLock && k < i.elements; ++k) program_->elements[static_cast<std::size_t>(i.object + k)].tried = true;
    for (const Instr& i : program_->code)
      program_->spurious = program_->spurious || i.op == VmOp::kPark || i.op == VmOp::kCondWait;
    if (scenario_.runtimes.size() > 200)
      diagnostics_.Add(*scenario_.main.node, "there are " + std::to_string(scenario_.runtimes.size()) + " runtimes, and 200 are the limit");
    if (program_->code.size() > 60000)
      diagnostics_.Add(*scenario_.main.node, "the scenario is too large: it comes to " + std::to_string(program_->code.size()) + " instructions, and 60000 are the limit");
    if (!diagnostics_.empty()) return nullptr;
    return std::move(program_);
  }

 private:
  // ---- declarations -------------------------------------------------------------------------------------------
  void DeclareObjects() {
    for (std::size_t i = 0; i < scenario_.objects.size(); ++i) {
      const Object& object = scenario_.objects[i];
      first_element_[object.name] = static_cast<int>(program_->elements.size());
      declared_[object.name] = static_cast<int>(i);
      for (std::int64_t k = 0; k < object.count; ++k) {
        Element e;
        e.kind = object.kind;
        e.name = object.is_array ? object.name + "[" + std::to_string(k) + "]" : object.name;
        e.declared = static_cast<int>(i);
        if (object.kind == Kind::kSemaphore) e.capacity = static_cast<int>(std::min<std::int64_t>(object.permits, 1'000'000'000));
        else if (object.kind == Kind::kMutex) e.capacity = 1;
        else if (object.kind == Kind::kIo) e.capacity = object.buffer ? static_cast<int>(std::min<std::int64_t>(*object.buffer, 1'000'000'000)) : -1;
        else if (object.kind == Kind::kStdBarrier || object.kind == Kind::kBarrier) e.capacity = static_cast<int>(object.parties);
        else e.capacity = object.capacity ? static_cast<int>(std::min<std::int64_t>(*object.capacity, 1'000'000'000)) : -1;
        e.initial = object.value;
        if (object.kind == Kind::kOneshot) e.capacity = 1;
        program_->elements.push_back(std::move(e));
      }
      for (const Ref& held : object.holds) held_.insert(Key(held));
    }
  }

  void DeclareRuntimes() {
    for (std::size_t i = 0; i < scenario_.runtimes.size(); ++i) {
      RuntimeDef def;
      def.declared = &scenario_.runtimes[i];
      def.workers = def.declared->multi_thread ? static_cast<int>(def.declared->worker_threads) : 0;
      def.pool_cap = def.declared->max_blocking_threads + def.workers;
      runtime_index_[def.declared->name] = static_cast<int>(i);
      program_->runtimes.push_back(def);
    }
  }

  void DeclareMain(Builder& b) {
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
        }
      }
    }
  }

  void CompileDestructors() {
    for (std::size_t e = 0; e < program_->elements.size(); ++e) {
      if (program_->elements[e].kind != Kind::kValue) continue;
      const Object& object = scenario_.objects[static_cast<std::size_t>(program_->elements[e].declared)];
      if (!object.drop) continue;
      Builder b;
      b.unit = NewUnit(UnitKind::kDestructor, "drop of " + program_->elements[e].name, nullptr, -1);
      BeginUnit(b);
      BodyOps(b, *object.drop);
      FinishUnit(b);
      program_->elements[e].destructor = b.unit;
    }
  }

  // ---- registers and names ------------------------------------------------------------------------------------
  Unit& U(const Builder& b) { return program_->units[static_cast<std::size_t>(b.unit)]; }

  int NewReg(Builder& b, RegKind kind, int base, const std::string& name) {
    U(b).regs.push_back({kind, base, name});
    return static_cast<int>(U(b).regs.size()) - 1;
  }

  // Adds `count` registers for a name; they belong to the current scope when `scoped`.
  int AddName(Builder& b, const std::string& key, RegKind kind, int base, int count, bool scoped) {
    int first = static_cast<int>(U(b).regs.size());
    for (int k = 0; k < count; ++k) {
      int reg = NewReg(b, kind, kind == RegKind::kRuntime ? base : base, count > 1 ? key + "[" + std::to_string(k) + "]" : key);
      if (scoped && kind != RegKind::kScratch) Scope(b.scope).regs.push_back(reg);
    }
    b.names[key] = {first, count, kind};
    return first;
  }

  ScopeDef& Scope(int i) { return program_->scopes[static_cast<std::size_t>(i)]; }

  static std::string PartText(Ref::Part part) {
    switch (part) {
      case Ref::Part::kTx: return ".tx";
      case Ref::Part::kRx: return ".rx";
      case Ref::Part::kHandle: return ".handle";
      default: return "";
    }
  }

  static std::string Key(const Ref& ref) { return ref.name + PartText(ref.part); }

  static bool IsCopyIndex(const Ref& ref) { return ref.index && ref.index->kind == Expr::Kind::kIndex; }

  // The register of a value in this unit, captured from the units around it when needed. `index_expr` gets the
  // expression to add at run time, or -1.
  int ValueReg(Builder& b, const Ref& ref, const Op& op, int* index_expr, bool by_handle_only = false) {
    *index_expr = -1;
    if (held_.count(Key(ref)) != 0) return -1;
    std::string key = Key(ref);
    int constant = -1;
    if (ref.index && ref.index->kind == Expr::Kind::kNumber) constant = static_cast<int>(ref.index->number);
    if (IsCopyIndex(ref) && b.parent != nullptr) {
      int reg = Lookup(b, key + "[$index]", by_handle_only);
      if (reg >= 0) { CheckMoved(b, reg, ref, op); return reg; }
    }
    if (constant >= 0) {
      int one = Find(b, key + "[" + std::to_string(constant) + "]");
      if (one >= 0) { CheckMoved(b, one, ref, op); return one; }
    }
    int reg = -1;
    if (constant >= 0 && b.parent != nullptr && b.names.count(key) == 0) {
      reg = Lookup(b, key + "[" + std::to_string(constant) + "]", by_handle_only);
      if (reg >= 0) { CheckMoved(b, reg, ref, op); return reg; }
    }
    reg = Lookup(b, key, by_handle_only);
    if (reg < 0) return -1;
    if (constant >= 0) {
      reg += constant;
    } else if (ref.index) {
      *index_expr = MakeExpr(b, *ref.index);
      return reg;
    }
    if (!by_handle_only) CheckMoved(b, reg, ref, op);
    return reg;
  }

  int Find(const Builder& b, const std::string& key) {
    auto it = b.names.find(key);
    return it == b.names.end() ? -1 : it->second.reg;
  }

  // Splits "x.tx[2]" into "x.tx" and the element; `copy` for [$index].
  static bool SplitIndex(const std::string& key, std::string* base, int* element, bool* copy) {
    auto open = key.find('[');
    if (open == std::string::npos) return false;
    *base = key.substr(0, open);
    std::string inside = key.substr(open + 1, key.size() - open - 2);
    *copy = inside == "$index";
    *element = *copy ? -1 : std::stoi(inside);
    return true;
  }

  // What a capture of `key` would take from `b` or from the units around it, without capturing anything.
  bool Exists(const Builder* b, const std::string& key, const Op* below, Name* out) {
    std::string base; int element = -1; bool copy = false;
    if (b == nullptr) return false;
    bool split = SplitIndex(key, &base, &element, &copy);
    if (split && copy && below != nullptr && below->count) {
      Name whole;
      if (Exists(b, base, b->made_by, &whole)) { *out = {whole.reg, 1, whole.kind}; return true; }
      return false;
    }
    auto it = b->names.find(key);
    if (it != b->names.end()) { *out = it->second; return true; }
    if (split && !copy) {
      auto whole = b->names.find(base);
      if (whole != b->names.end()) {
        *out = {whole->second.reg + element, 1, whole->second.kind};
        return element < whole->second.count;
      }
    }
    return Exists(b->parent, key, b->made_by, out);
  }

  int BaseOf(const Builder* b, const std::string& key) {
    std::string plain = key.substr(0, key.find('['));
    auto it = b->names.find(key);
    if (it == b->names.end()) it = b->names.find(plain);
    if (it != b->names.end()) return program_->units[static_cast<std::size_t>(b->unit)].regs[static_cast<std::size_t>(it->second.reg)].base;
    return b->parent != nullptr ? BaseOf(b->parent, key) : -1;
  }

  int Lookup(Builder& b, const std::string& key, bool by_handle_only) {
    int found = Find(b, key);
    if (found >= 0) return found;
    Name outer;
    if (b.parent == nullptr || !Exists(b.parent, key, b.made_by, &outer)) return -1;
    // A captured value arrives before everything that the body makes itself.
    RegKind kind = outer.kind;
    if (by_handle_only && (kind == RegKind::kTask || kind == RegKind::kThread)) {
      std::string weak = "&" + key;
      found = Find(b, weak);
      if (found >= 0) return found;
      int first = static_cast<int>(U(b).regs.size());
      for (int k = 0; k < outer.count; ++k) {
        int reg = NewReg(b, RegKind::kAbortHandle, -1, key);
        Scope(RootScope(b)).regs.push_back(reg);
      }
      b.names[weak] = {first, outer.count, RegKind::kAbortHandle};
      b.captured.push_back({weak, b.names[weak]});
      return first;
    }
    int base = BaseOf(b.parent, key);
    int first = static_cast<int>(U(b).regs.size());
    for (int k = 0; k < outer.count; ++k) {
      int reg = NewReg(b, kind, base, outer.count > 1 ? key + "[" + std::to_string(k) + "]" : key);
      auto& regs = Scope(RootScope(b)).regs;
      regs.insert(regs.begin() + static_cast<std::ptrdiff_t>(captured_count_[b.unit]++), reg);
      if (kind == RegKind::kPermit) NewReg(b, RegKind::kScratch, -1, key + "#");
    }
    b.names[key] = {first, outer.count, kind};
    b.captured.push_back({key, b.names[key]});
    return first;
  }

  int RootScope(const Builder& b) const { return root_scope_.at(b.unit); }

  void CheckMoved(Builder& b, int reg, const Ref& ref, const Op& op) {
    auto it = b.moved.find(reg);
    if (it == b.moved.end() || ref.part == Ref::Part::kHandle) return;
    Refuse("ownership/use-after-move", Spelled(ref), it->second.node, op.node, it->second.by, &op, b);
    b.moved.erase(it);
  }

  static std::string Spelled(const Ref& ref) {
    std::string text = ref.name;
    if (ref.index) text += ref.index->kind == Expr::Kind::kNumber ? "[" + std::to_string(ref.index->number) + "]" : "[…]";
    return text + PartText(ref.part);
  }

  void Refuse(const std::string& rule, const std::string& value, const Json* made, const Json* used, const Op* by,
              const Op* user, const Builder& b, std::string message = "") {
    for (const StaticFinding& f : program_->refused)
      if (f.rule == rule && f.used == used && f.value == value) return;
    StaticFinding f;
    f.rule = rule;
    f.value = value;
    f.made = made;
    f.used = used;
    if (by != nullptr) f.made_op = std::string(by->def->verb);
    if (user != nullptr) f.used_op = std::string(user->def->verb);
    f.body = program_->units[static_cast<std::size_t>(b.unit)].name;
    f.message = std::move(message);
    program_->refused.push_back(std::move(f));
  }

  int LocalReg(Builder& b, const std::string& name) {
    std::string key = "%" + name;
    int found = Find(b, key);
    if (found >= 0) return found;
    Name outer;
    bool copied = b.parent != nullptr && Exists(b.parent, key, nullptr, &outer);
    int reg = NewReg(b, RegKind::kScratch, -1, name);
    b.names[key] = {reg, 1, RegKind::kScratch};
    if (copied) b.captured.push_back({key, b.names[key]});
    return reg;
  }

  // ---- expressions --------------------------------------------------------------------------------------------
  int MakeExpr(Builder& b, const Expr& e) {
    ExprNode n;
    n.kind = e.kind;
    n.number = e.number;
    switch (e.kind) {
      case Expr::Kind::kLocal: n.reg = LocalReg(b, e.name); break;
      case Expr::Kind::kIndex: n.reg = 1; break;
      case Expr::Kind::kNow: program_->uses_now = true; break;
      case Expr::Kind::kAtomic:
        n.object = first_element_[e.name];
        n.elements = static_cast<int>(scenario_.objects[static_cast<std::size_t>(declared_[e.name])].count);
        if (!e.kids.empty()) n.left = MakeExpr(b, e.kids[0]);
        break;
      case Expr::Kind::kFinished: {
        n.reg = Lookup(b, e.name, true);
        if (!e.kids.empty()) n.left = MakeExpr(b, e.kids[0]);
        break;
      }
      default:
        if (!e.kids.empty()) n.left = MakeExpr(b, e.kids[0]);
        if (e.kids.size() > 1) n.right = MakeExpr(b, e.kids[1]);
    }
    program_->exprs.push_back(n);
    return static_cast<int>(program_->exprs.size()) - 1;
  }

  // ---- code ---------------------------------------------------------------------------------------------------
  int Pc() const { return static_cast<int>(program_->code.size()); }

  int Emit(Builder& b, VmOp op, int source = -2) {
    Instr i;
    i.op = op;
    i.scope = b.scope;
    i.source = source == -2 ? source_ : source;
    program_->code.push_back(i);
    return Pc() - 1;
  }
  Instr& At(int pc) { return program_->code[static_cast<std::size_t>(pc)]; }

  int NewScope(Builder& b, ScopeDef::Kind kind) {
    ScopeDef s;
    s.kind = kind;
    s.parent = b.scope;
    s.strand = b.strand;
    program_->scopes.push_back(s);
    return static_cast<int>(program_->scopes.size()) - 1;
  }
  int OpenScope(Builder& b, ScopeDef::Kind kind) { return b.scope = NewScope(b, kind); }

  // Leaves the scope by its end: drops what it owns, the last first.
  void CloseScope(Builder& b) {
    if (!b.diverged) EmitDrops(b, b.scope);
    for (int reg : Scope(b.scope).regs) b.moved.erase(reg);
    b.scope = Scope(b.scope).parent;
  }
  void EmitDrops(Builder& b, int scope) {
    const std::vector<int> regs = Scope(scope).regs;
    for (auto it = regs.rbegin(); it != regs.rend(); ++it) At(Emit(b, VmOp::kDropReg)).reg = *it;
    if (Scope(scope).kind == ScopeDef::Kind::kBip) At(Emit(b, VmOp::kBipExit)).reg = Scope(scope).pc;
    if (Scope(scope).kind == ScopeDef::Kind::kThreadScope) At(Emit(b, VmOp::kScopeJoin)).reg = Scope(scope).pc;
    if (Scope(scope).kind == ScopeDef::Kind::kUnconstrained) At(Emit(b, VmOp::kUnconstrainedEnd)).reg = Scope(scope).pc;
  }
  // Drops for a jump out of all scopes inside `until` (exclusive).
  void EmitExit(Builder& b, int until) {
    for (int s = b.scope; s != until && s >= 0; s = Scope(s).parent) EmitDrops(b, s);
  }

  int NewUnit(UnitKind kind, const std::string& name, const Op* op, int source) {
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

  void BeginUnit(Builder& b) {
    U(b).entry = Pc();
    U(b).strand_entry.push_back(Pc());
    b.scope = -1;
    root_scope_[b.unit] = OpenScope(b, ScopeDef::Kind::kRoot);
    captured_count_[b.unit] = 0;
    b.async_scope = b.scope;
    b.returns.emplace_back();
  }

  void FinishUnit(Builder& b) {
    source_ = U(b).source;
    if (!b.diverged) EmitDrops(b, root_scope_[b.unit]);
    Emit(b, VmOp::kEnd, U(b).source);
    PatchReturns(b);
    // Cleanup code of every scope of this unit, for unwinding and cancellation.
    for (std::size_t s = 0; s < program_->scopes.size(); ++s) {
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
    finished_[b.unit] = b.captured;
  }

  bool BelongsTo(int scope, const Builder& b) {
    while (Scope(scope).parent >= 0 && Scope(scope).kind != ScopeDef::Kind::kRoot) scope = Scope(scope).parent;
    int s = scope;
    return s == root_scope_[b.unit] || strand_roots_[b.unit].count(s) != 0;
  }

  void PatchReturns(Builder& b) {
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
  int Strand(Builder& b, const Body& body, bool disable_on_failure) {
    int skip = Emit(b, VmOp::kJump);
    int outer_strand = b.strand, outer_scope = b.scope, outer_async = b.async_scope;
    bool outer_diverged = b.diverged;
    auto outer_loops = std::move(b.loops);
    b.loops.clear();
    b.strand = static_cast<int>(U(b).strand_entry.size());
    int strand = b.strand;
    U(b).strand_entry.push_back(Pc());
    b.diverged = false;
    b.scope = -1;
    int root = OpenScope(b, ScopeDef::Kind::kRoot);
    strand_roots_[b.unit].insert(root);
    b.async_scope = root;
    b.returns.emplace_back();
    int first = Pc();
    BodyOps(b, body);
    if (!b.diverged) EmitDrops(b, root);
    Emit(b, VmOp::kEnd);
    PatchReturns(b);
    if (disable_on_failure && body.ops.size() == 1) {
      int disabled = Emit(b, VmOp::kDisabledEnd);
      for (int pc = first; pc < disabled; ++pc)
        if (At(pc).or_pc == -1 && At(pc).source >= 0 && program_->sources[static_cast<std::size_t>(At(pc).source)].op == &body.ops[0])
          At(pc).or_pc = disabled;
    }
    // The names that the body made stay visible for `then`.
    b.strand = outer_strand;
    b.scope = outer_scope;
    b.async_scope = outer_async;
    b.diverged = outer_diverged;
    b.loops = std::move(outer_loops);
    At(skip).target = Pc();
    // What an op in the branch named belongs to the block around: move those registers out.
    if (body.ops.size() == 1) MoveNames(b, root, b.scope);
    return strand;
  }

  // Guards and permits that the single op of a branch took outlive the branch.
  void MoveNames(Builder& b, int from, int to) {
    auto& regs = Scope(from).regs;
    std::vector<int> keep;
    for (int reg : regs) {
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

  int SourceOf(const Op& op) {
    program_->sources.push_back({&op, op.node});
    return static_cast<int>(program_->sources.size()) - 1;
  }

  void BodyOps(Builder& b, const Body& body) {
    for (const Op& op : body.ops) CompileOp(b, op);
  }
  void Block(Builder& b, const Body& body) {
    OpenScope(b, ScopeDef::Kind::kBlock);
    BodyOps(b, body);
    CloseScope(b);
  }

  void NotModelled(const Op& op) {
    diagnostics_.Add(*op.node, "`" + std::string(op.def->verb) + "`" +
                                   (op.on.kind != Kind::kNone ? " on a " + std::string(KindName(op.on.kind)) : "") +
                                   " is part of the language, but this version cannot check it yet");
  }

  // Fills in which object the op is about.
  void SetObject(Builder& b, Instr& i, const Ref& ref) {
    auto it = first_element_.find(ref.name);
    if (it == first_element_.end()) return;
    i.object = it->second;
    i.elements = static_cast<int>(scenario_.objects[static_cast<std::size_t>(declared_[ref.name])].count);
    if (ref.index) i.index = MakeExpr(b, *ref.index);
  }

  // The op's failure path: emitted after the op itself.
  void FailurePath(Builder& b, int pc, const Op& op) {
    if (!op.has_or) return;
    int skip = Emit(b, VmOp::kJump);
    At(pc).or_pc = Pc();
    if (!op.with.empty() && At(pc).list >= 0) {   // what a message owned is dropped when it could not be sent
      const std::vector<Capture> owned = program_->captures[static_cast<std::size_t>(At(pc).list)];
      for (const Capture& c : owned)
        if (c.from >= 0 && c.count_base < 0) At(Emit(b, VmOp::kDropReg)).reg = c.from;
    }
    auto moved = b.moved;
    bool diverged = b.diverged;
    if (op.on_failure) Block(b, *op.on_failure);
    Merge(b, moved, diverged);
    At(skip).target = Pc();
  }

  // Joins the state before an alternative with the state after it.
  void Merge(Builder& b, const std::map<int, Moved>& other, bool other_diverged) {
    if (b.diverged) { b.moved = other; }
    else if (!other_diverged) { for (const auto& m : other) b.moved.insert(m); }
    b.diverged = b.diverged && other_diverged;
  }

  // One op on an object that needs nothing special.
  int Simple(Builder& b, const Op& op, VmOp vm) {
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
    return pc;
  }

  // What a value that a message carries is.
  static RegKind MessageKind(const Ref& ref) {
    if (ref.part == Ref::Part::kTx) return RegKind::kTx;
    if (ref.part == Ref::Part::kRx) return RegKind::kRx;
    switch (ref.kind) {
      case Kind::kTask: return RegKind::kTask;
      case Kind::kThread: return RegKind::kThread;
      case Kind::kFuture: case Kind::kNotified: return RegKind::kFuture;
      case Kind::kPermit: return RegKind::kPermit;
      case Kind::kRuntime: return RegKind::kRuntime;
      case Kind::kGuard: return RegKind::kGuard;
      default: return RegKind::kValue;
    }
  }

  void With(Builder& b, const Op& op, int pc, bool sends) {
    if (op.with.empty()) return;
    std::vector<Capture> list;
    Element& element = program_->elements[static_cast<std::size_t>(At(pc).object)];
    for (const Ref& ref : op.with) {
      int index = -1;
      Capture c;
      if (sends) {
        c.from = ValueReg(b, ref, op, &index);
        if (index >= 0) { c.count_base = index; }
        if (c.from >= 0 && index < 0) b.moved[c.from] = {&op, op.node};
      } else {
        std::string key = Key(ref);
        if (IsCopyIndex(ref)) key += "[$index]";
        else if (ref.index && ref.index->kind == Expr::Kind::kNumber) key += "[" + std::to_string(ref.index->number) + "]";
        auto found = b.names.find(key);
        if (found == b.names.end()) {
          RegKind kind = MessageKind(ref);
          int base = first_element_.count(ref.name) ? first_element_[ref.name] : -1;
          if (kind == RegKind::kRuntime) base = RuntimeOf(ref);
          if (kind == RegKind::kPermit || kind == RegKind::kGuard) base = 0;   // the message says which object
          AddName(b, key, kind, base, 1, true);
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
          e.with.push_back(first_element_.count(ref.name) ? first_element_[ref.name] : -1);
        }
      }
    }
    (void)element;
    program_->captures.push_back(std::move(list));
    At(pc).list = static_cast<int>(program_->captures.size()) - 1;
  }

  // Takes a guard or a permit: a register of the current scope, or of a `body` held for just that body.
  void Acquire(Builder& b, const Op& op, VmOp vm, RegKind kind, bool blocking_form) {
    if (op.permits > 30000) diagnostics_.Add(*op.node, "it asks for " + std::to_string(op.permits) + " permits at once, and 30000 are the limit of the model");
    bool has_body = op.body != nullptr;
    if (has_body) OpenScope(b, ScopeDef::Kind::kBlock);
    std::string key = op.as.empty() ? "guard of " + op.on.name + "#" + std::to_string(Pc()) : op.as;
    int base = first_element_.count(op.on.name) ? first_element_[op.on.name] : -1;
    int reg = AddName(b, key, kind, base, 1, true);
    if (kind == RegKind::kPermit) NewReg(b, RegKind::kScratch, -1, "count");
    escaping_.insert({b.unit, reg});
    guards_[b.unit].push_back({op.on.name, reg});
    guard_node_[{b.unit, reg}] = op.node;
    int pc = Simple(b, op, vm);
    At(pc).reg = reg;
    At(pc).flag = blocking_form;
    At(pc).imm = op.def->code == Code::kReserve ? 1 : op.permits;
    b.moved.erase(reg);
    if (has_body) {
      BodyOps(b, *op.body);
      CloseScope(b);
      FailurePath(b, pc, op);
      if (op.has_or) {
        // A failed acquisition has nothing to drop: the failure path comes after the scope's own drops.
      }
    } else {
      FailurePath(b, pc, op);
    }
  }

  std::vector<int> LiveStdGuards(Builder& b) {
    std::vector<int> live;
    for (int s = b.scope; s >= 0; s = Scope(s).parent)
      for (int reg : Scope(s).regs) {
        const Reg& r = U(b).regs[static_cast<std::size_t>(reg)];
        if (r.kind == RegKind::kGuard && b.moved.count(reg) == 0 && r.base >= 0 &&
            program_->elements[static_cast<std::size_t>(r.base)].kind == Kind::kStdMutex)
          live.push_back(reg);
      }
    return live;
  }

  void CheckGuardsAcrossAwait(Builder& b, const Op& op, int first_pc) {
    bool async_unit = U(b).kind == UnitKind::kTask || U(b).kind == UnitKind::kFuture || b.strand != 0;
    if (!op.def->awaits || !async_unit || b.diverged) return;
    if (U(b).kind == UnitKind::kTask && spawned_local_.count(b.unit) == 0) {   // what else is not Send
      for (int s = b.scope; s >= 0; s = Scope(s).parent)
        for (int reg : Scope(s).regs) {
          const Reg& r = U(b).regs[static_cast<std::size_t>(reg)];
          if (b.moved.count(reg) != 0 || (r.kind != RegKind::kEnter && not_send_.count({b.unit, reg}) == 0)) continue;
          Refuse("ownership/not-send", r.name, op.node, op.node, nullptr, &op, b,
                 "`" + r.name + "` is not Send and is held across this await, in a task that may move between threads");
          return;
        }
    }
    std::vector<int> live = LiveStdGuards(b);
    if (live.empty()) return;
    const Reg& r = U(b).regs[static_cast<std::size_t>(live[0])];
    std::string name = program_->elements[static_cast<std::size_t>(r.base)].name;
    if (U(b).kind == UnitKind::kTask && spawned_local_.count(b.unit) == 0) {
      Refuse("ownership/not-send", name, guard_node_[{b.unit, live[0]}], op.node, nullptr, &op, b,
             "the guard of `" + name + "` is not Send and is held across this await, in a task that may move between threads");
      return;
    }
    for (int pc = Pc() - 1; pc >= first_pc; --pc) {
      VmOp vm = At(pc).op;
      if (At(pc).source != source_ || vm == VmOp::kDropReg || vm == VmOp::kJump || vm == VmOp::kNop) continue;
      At(pc).guard = live[0];
      break;
    }
  }

  // Spawns: compiles the body as a unit and fills in what it captures.
  int SpawnUnit(Builder& b, const Op& op, UnitKind kind) { return SpawnUnit(b, op, kind, *op.body); }
  int SpawnUnit(Builder& b, const Op& op, UnitKind kind, const Body& body) {
    auto known = unit_of_body_.find(&body);
    int unit;
    std::string name = !op.as.empty() ? op.as : !body.named.empty() ? body.named : std::string(op.def->verb) + "@" + std::to_string(op.node->place.line);
    int saved_source = source_;
    if (known != unit_of_body_.end()) {
      unit = known->second;
    } else {
      auto child = std::make_unique<Builder>();
      child->unit = unit = NewUnit(kind, name, &op, saved_source);
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

  void FillCaptures(Builder& b, const Op& op, int unit, int pc) {
    program_->captures.emplace_back();
    int list = static_cast<int>(program_->captures.size()) - 1;
    At(pc).list = list;
    auto child = builder_of_.find(unit);
    if (child != builder_of_.end() && child->second->done) {
      ResolveCaptures(b, op, *child->second, list);
    } else {
      sites_.push_back({&b, &op, unit, list});
    }
  }

  void ResolveCaptures(Builder& b, const Op& op, const Builder& child, int list) {
    std::set<std::string> cloned;
    for (const Ref& ref : op.clone) cloned.insert(Key(ref));
    std::set<std::string> borrowed;
    for (const Ref& ref : op.borrow) borrowed.insert(Key(ref));
    std::vector<Capture> out;
    for (const auto& [key, name] : child.captured) {
      bool weak = key[0] == '&', local = key[0] == '%';
      std::string plain = weak ? key.substr(1) : key;
      std::string base; int element = -1; bool copy = false;
      bool split = !local && SplitIndex(plain, &base, &element, &copy);
      Capture c;
      c.to = name.reg;
      if (local) {
        c.from = LocalReg(b, plain.substr(1));
        c.clone = true;
      } else if (split && copy && op.count) {
        c.from = Lookup(b, base, weak);
        c.count_base = 1;
        for (std::int64_t k = 0; k < *op.count && !weak && cloned.count(base) == 0; ++k) TakeReg(b, c.from + static_cast<int>(k), op, base, name.kind);
      } else if (split && !copy && b.names.count(plain) == 0 && b.names.count(base) != 0) {
        c.from = b.names[base].reg + element;
        if (!weak && cloned.count(base) == 0 && cloned.count(plain) == 0) TakeReg(b, c.from, op, plain, name.kind);
      } else {
        c.from = Lookup(b, plain, weak);
        bool clone = cloned.count(plain) != 0 || borrowed.count(plain) != 0 || weak;
        for (int k = 0; k < name.count; ++k) {
          if (clone) continue;
          if (op.count && *op.count > 1 && c.from >= 0)
            Refuse("ownership/use-after-move", plain, op.node, op.node, &op, &op, b,
                   "`" + plain + "` is moved into the first copy of this body, and the next one needs it too");
          TakeReg(b, c.from + k, op, plain, name.kind);
        }
      }
      c.clone = c.clone || weak || cloned.count(plain) != 0 || (split && cloned.count(base) != 0);
      if (borrowed.count(plain) != 0) c.count_base = -2;   // borrowed: nothing to own in the child
      if (c.from < 0) continue;
      for (int k = 0; k < name.count; ++k) {
        Capture one = c;
        one.from += k;
        one.to += k;
        out.push_back(one);
      }
    }
    program_->captures[static_cast<std::size_t>(list)] = std::move(out);
  }

  void TakeReg(Builder& b, int reg, const Op& op, const std::string& what, RegKind kind) {
    if (reg < 0) return;
    auto it = b.moved.find(reg);
    if (it != b.moved.end())
      Refuse("ownership/use-after-move", what, it->second.node, op.node, it->second.by, &op, b);
    const Reg& r = U(b).regs[static_cast<std::size_t>(reg)];
    bool std_guard = kind == RegKind::kGuard && r.base >= 0 && program_->elements[static_cast<std::size_t>(r.base)].kind == Kind::kStdMutex;
    if (b.made_by != nullptr && op.def->code != Code::kFuture)
      for (const Ref& borrowed : b.made_by->borrow)
        if (Key(borrowed) == what)
          Refuse("ownership/borrow-escapes", what, b.made_by->node, op.node, b.made_by, &op, b,
                 "this body only borrowed `" + what + "`, and gives it to one that may outlive the borrow");
    if ((std_guard || kind == RegKind::kEnter || not_send_.count({b.unit, reg})) && op.def->code != Code::kFuture && op.def->code != Code::kMakeValue)
      Refuse("ownership/not-send", what, op.node, op.node, &op, &op, b,
             "`" + what + "` is not Send, and this body takes it to another thread");
    if (r.kind == RegKind::kValue && r.base >= 0 && op.def->code != Code::kFuture &&
        !scenario_.objects[static_cast<std::size_t>(program_->elements[static_cast<std::size_t>(r.base)].declared)].send)
      Refuse("ownership/not-send", what, op.node, op.node, &op, &op, b,
             "`" + what + "` is not Send, and this body takes it to another thread");
    b.moved[reg] = {&op, op.node};
  }

  int RuntimeOf(const Ref& ref) {
    auto it = runtime_index_.find(ref.name);
    return it == runtime_index_.end() ? -1 : it->second;
  }

  // `on` of spawn and its kin: the runtime (captured unless through its handle), or the current one.
  void SetRuntime(Builder& b, const Op& op, int pc) {
    if (op.target == Op::Target::kCurrent) { At(pc).handle = 1; return; }
    if (op.target == Op::Target::kFutures) { At(pc).handle = 2; return; }
    if (op.target != Op::Target::kRef) { At(pc).handle = 1; return; }
    At(pc).runtime = RuntimeOf(op.on);
    if (op.on.part == Ref::Part::kHandle) { At(pc).handle = 1; return; }
    int index = -1;
    int reg = ValueReg(b, op.on, op, &index);
    At(pc).reg2 = reg;
  }

  void CompileSpawn(Builder& b, const Op& op, VmOp vm, UnitKind kind) {
    std::int64_t count = op.count.value_or(1);
    int unit = SpawnUnit(b, op, kind);
    int pc = Emit(b, vm);
    At(pc).unit = unit;
    At(pc).imm = count;
    At(pc).flag = op.detached;
    At(pc).elements = op.count ? 1 : 0;   // 0: the copy's number is inherited
    if (vm != VmOp::kSpawnThread) SetRuntime(b, op, pc);
    FillCaptures(b, op, unit, pc);
    if (!op.as.empty()) {
      RegKind reg_kind = kind == UnitKind::kThread ? RegKind::kThread : RegKind::kTask;
      int reg = AddName(b, op.as, reg_kind, -1, static_cast<int>(count), true);
      At(pc).reg = reg;
      for (int k = 0; k < count; ++k) b.moved.erase(reg + k);
    }
    for (int s = b.scope; kind == UnitKind::kThread && s >= 0; s = Scope(s).parent)
      if (Scope(s).kind == ScopeDef::Kind::kThreadScope) { At(pc).reg2 = Scope(s).pc; break; }
    copies_[unit] += static_cast<int>(std::min<std::int64_t>(count, 60000)) * multiplicity_;
  }

  void CompileLoop(Builder& b, const Op& op) {
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
        if (op.times->number > 20) program_->endless = true;
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
    b.loops.push_back({{}, {}, b.scope});
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
    b.diverged = test < 0 && loop.breaks.empty();
    for (const auto& m : before) b.moved.insert(m);
    multiplicity_ = saved_multiplicity;
  }

  bool InOuterScope(Builder& b, int reg) {
    for (int s = b.scope; s >= 0; s = Scope(s).parent)
      for (int r : Scope(s).regs) if (r == reg) return true;
    return false;
  }

  void CompileAlternatives(Builder& b, const std::vector<const Body*>& bodies, int pc, std::vector<int>* entries) {
    auto before = b.moved;
    bool before_diverged = b.diverged;
    std::map<int, Moved> merged;
    bool all_diverged = true;
    std::vector<int> ends;
    for (const Body* body : bodies) {
      b.moved = before;
      b.diverged = before_diverged;
      entries->push_back(Pc());
      if (body != nullptr) Block(b, *body);
      if (!b.diverged) {
        all_diverged = false;
        for (const auto& m : b.moved) merged.insert(m);
      }
      ends.push_back(Emit(b, VmOp::kJump));
    }
    (void)pc;
    for (int jump : ends) At(jump).target = Pc();
    b.moved = merged;
    b.diverged = all_diverged;
  }

  void CheckTwoBorrows(Builder& b, const Op& op) {
    std::map<std::string, const Json*> used;
    for (const Branch& branch : op.branches) {
      std::set<std::string> here;
      if (branch.await) Needs(*branch.await, &here);
      if (branch.name) here.insert(branch.name->name);
      for (const std::string& key : here) {
        auto [it, fresh] = used.insert({key, branch.node});
        if (!fresh)
          Refuse("ownership/two-borrows", key, it->second, branch.node, &op, &op, b,
                 "two branches that one task polls both need `" + key + "` mutably");
      }
    }
  }
  void Needs(const Body& body, std::set<std::string>* out) {
    for (const Op& op : body.ops) {
      bool mutable_use = (op.on.kind == Kind::kMpsc || op.on.kind == Kind::kOneshot || op.on.kind == Kind::kIo ||
                          op.on.kind == Kind::kBroadcast || op.on.kind == Kind::kWatch) &&
                         op.target == Op::Target::kRef && op.on.part == Ref::Part::kRx;
      if (op.on.kind == Kind::kFuturesUnordered || op.on.kind == Kind::kJoinSet) mutable_use = true;
      if (mutable_use && (!op.on.index || op.on.index->kind == Expr::Kind::kNumber)) out->insert(Spelled(op.on));
      if (op.body && op.def->code != Code::kSpawn && op.def->code != Code::kSpawnThread && op.def->code != Code::kSpawnBlocking && op.def->code != Code::kFuture)
        Needs(*op.body, out);
      if (op.then) Needs(*op.then, out);
      if (op.otherwise) Needs(*op.otherwise, out);
    }
  }

  void CompileSelect(Builder& b, const Op& op) {
    if (op.branches.size() > 16) {
      diagnostics_.Add(*op.node, "`" + std::string(op.def->verb) + "` has " + std::to_string(op.branches.size()) + " branches, and 16 are the limit");
      return;
    }
    bool select = op.def->code == Code::kSelect;
    CheckTwoBorrows(b, op);
    OpenScope(b, ScopeDef::Kind::kSelect);
    int scope = b.scope;
    std::vector<BranchCode> branches;
    for (const Branch& branch : op.branches) {
      BranchCode code;
      if (branch.condition) code.condition = MakeExpr(b, *branch.condition);
      if (branch.name) {
        int index = -1;
        code.reg = ValueReg(b, *branch.name, op, &index);
      } else if (branch.await) {
        code.strand = Strand(b, *branch.await, select);
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
      CompileAlternatives(b, thens, pc, &entries);
      for (std::size_t k = 0; k < op.branches.size(); ++k) program_->branches[static_cast<std::size_t>(list)][k].then_pc = entries[k];
      if (op.otherwise) At(pc).target = entries.back();
    } else if (op.has_or) {
      FailurePath(b, pc, op);
    }
    CloseScope(b);
  }

  void EmitReturn(Builder& b, const Op& op, bool failed) {
    if (op.value) {
      int e = MakeExpr(b, *op.value);
      int set = Emit(b, VmOp::kSet);
      At(set).var = 0;
      At(set).expr = e;
    }
    EmitExit(b, Scope(b.async_scope).parent);
    int jump = Emit(b, VmOp::kJump);
    b.returns.back().push_back({jump, failed});
    b.diverged = true;
  }

  void CompileOp(Builder& b, const Op& op) {
    int outer_source = source_;
    source_ = SourceOf(op);
    int first = Pc();
    CompileOne(b, op);
    CheckGuardsAcrossAwait(b, op, first);
    source_ = outer_source;
  }

  void CompileOne(Builder& b, const Op& op) {
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
      case Code::kBlockOn: {
        int strand = Strand(b, *op.body, false);
        int pc = Emit(b, VmOp::kBlockOn);
        At(pc).strand = strand;
        SetRuntime(b, op, pc);
        if (!op.local.empty()) NotModelled(op);
        FailurePath(b, pc, op);
        break;
      }
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
      case Code::kSpawn:
        if (!op.into.empty()) { NotModelled(op); break; }
        CompileSpawn(b, op, VmOp::kSpawn, UnitKind::kTask);
        break;
      case Code::kSpawnBlocking: CompileSpawn(b, op, VmOp::kSpawnBlocking, UnitKind::kBlocking); break;
      case Code::kSpawnThread: {
        for (const Ref& ref : op.borrow)
          if (ref.kind == Kind::kStdChannel && ref.part == Ref::Part::kRx)
            Refuse("ownership/not-send", Key(ref), op.node, op.node, &op, &op, b,
                   "a std `Receiver` is not Sync, so a borrow of `" + Key(ref) + "` cannot go to another thread");
        if (!op.borrow.empty()) {
          bool scoped = false;
          for (int s = b.scope; s >= 0; s = Scope(s).parent) scoped = scoped || Scope(s).kind == ScopeDef::Kind::kThreadScope;
          if (!scoped)
            Refuse("ownership/borrow-escapes", Key(op.borrow[0]), op.node, op.node, &op, &op, b,
                   "the thread may outlive `" + Key(op.borrow[0]) + "`, which it only borrows");
        }
        CompileSpawn(b, op, VmOp::kSpawnThread, UnitKind::kThread);
        break;
      }
      case Code::kThreadScope: {
        int reg = NewReg(b, RegKind::kScratch, -1, "scope");
        int set = Emit(b, VmOp::kSet);
        At(set).var = reg;
        OpenScope(b, ScopeDef::Kind::kThreadScope);
        Scope(b.scope).pc = reg;
        BodyOps(b, *op.body);
        CloseScope(b);
        break;
      }
      case Code::kBlockInPlace: {
        int reg = NewReg(b, RegKind::kScratch, -1, "context");
        int pc = Emit(b, VmOp::kBipEnter);
        At(pc).reg = reg;
        OpenScope(b, ScopeDef::Kind::kBip);
        Scope(b.scope).pc = reg;
        BodyOps(b, *op.body);
        CloseScope(b);
        break;
      }
      case Code::kJoinThread: case Code::kAwait: {
        int index = -1;
        int reg = ValueReg(b, op.on, op, &index);
        auto it = b.names.find(op.on.name);
        RegKind reg_kind = reg >= 0 ? U(b).regs[static_cast<std::size_t>(reg)].kind : RegKind::kScratch;
        int count = it != b.names.end() && !op.on.index ? it->second.count : 1;
        VmOp vm = op.def->code == Code::kJoinThread ? VmOp::kJoinThread : reg_kind == RegKind::kFuture ? VmOp::kAwaitFuture : VmOp::kAwaitTask;
        if (reg_kind != RegKind::kTask && reg_kind != RegKind::kThread && reg_kind != RegKind::kFuture) { NotModelled(op); break; }
        std::vector<int> pcs;
        for (int k = 0; k < count; ++k) {
          int pc = Emit(b, vm);
          At(pc).reg = reg + k;
          At(pc).index = index;
          if (!op.var.empty()) { int v = LocalReg(b, op.var); At(pc).var = v; }
          pcs.push_back(pc);
          if (op.has_or) FailurePath(b, pc, op);
          if (index < 0) b.moved[reg + k] = {&op, op.node};   // the handle is awaited by value
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
        if (!op.send) not_send_.insert({b.unit, reg});
        break;
      }
      case Code::kShutdownBackground: case Code::kShutdownTimeout: {
        int index = -1;
        int reg = ValueReg(b, op.on, op, &index);
        int pc = Emit(b, op.def->code == Code::kShutdownBackground ? VmOp::kShutdownBackground : VmOp::kShutdownTimeout);
        At(pc).reg = reg;
        At(pc).imm = op.duration.value_or(0);
        At(pc).runtime = RuntimeOf(op.on);
        if (reg >= 0) b.moved[reg] = {&op, op.node};
        break;
      }
      case Code::kYieldNow: Emit(b, VmOp::kYieldNow); break;
      case Code::kSleep: At(Emit(b, VmOp::kSleep)).imm = op.duration.value_or(0); break;
      case Code::kThreadSleep: At(Emit(b, VmOp::kThreadSleep)).imm = op.duration.value_or(0); break;
      case Code::kCompute: At(Emit(b, VmOp::kCompute)).imm = op.duration.value_or(0); break;
      case Code::kThreadYield: Emit(b, VmOp::kThreadYield); break;
      case Code::kPending: {
        bool async = U(b).kind == UnitKind::kTask || U(b).kind == UnitKind::kFuture || b.strand != 0;
        for (int s = b.scope; s >= 0 && async; s = Scope(s).parent)
          if (Scope(s).kind == ScopeDef::Kind::kBip) async = false;
        Emit(b, async ? VmOp::kPending : VmOp::kPendingSync);
        break;
      }
      case Code::kUnconstrained: {
        int reg = NewReg(b, RegKind::kScratch, -1, "budget");
        At(Emit(b, VmOp::kUnconstrainedBegin)).reg = reg;
        OpenScope(b, ScopeDef::Kind::kUnconstrained);
        Scope(b.scope).pc = reg;
        BodyOps(b, *op.body);
        CloseScope(b);
        break;
      }
      case Code::kSelect: case Code::kJoin: CompileSelect(b, op); break;
      case Code::kTimeout: {
        OpenScope(b, ScopeDef::Kind::kSelect);
        int scope = b.scope;
        BranchCode code;
        if (op.await_name) {
          int index = -1;
          code.reg = ValueReg(b, *op.await_name, op, &index);
        } else {
          code.strand = Strand(b, *op.body, false);
          code.entry = U(b).strand_entry[static_cast<std::size_t>(code.strand)];
        }
        program_->branches.push_back({code});
        int list = static_cast<int>(program_->branches.size()) - 1;
        Scope(scope).list = list;
        int pc = Emit(b, VmOp::kTimeout);
        At(pc).list = list;
        At(pc).imm = op.duration.value_or(0);
        // What the inner op took belongs to the block around the timeout.
        std::vector<int> regs = Scope(scope).regs;
        Scope(scope).regs.clear();
        b.scope = Scope(scope).parent;
        for (int reg : regs) Scope(b.scope).regs.push_back(reg);
        FailurePath(b, pc, op);
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
        CompileAlternatives(b, {op.then.get(), op.otherwise.get()}, test, &entries);
        At(test).target = entries[1];
        break;
      }
      case Code::kChoose: {
        int pc = Emit(b, VmOp::kChoose);
        std::vector<const Body*> bodies;
        for (const Branch& branch : op.branches) bodies.push_back(branch.await.get());
        std::vector<int> entries;
        CompileAlternatives(b, bodies, pc, &entries);
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
        BodyOps(b, *op.body);
        b.diverged = false;
        CloseScope(b);
        int skip = Emit(b, VmOp::kJump);
        Scope(scope).pc = Pc();
        (void)begin;
        if (op.on_failure) Block(b, *op.on_failure);
        At(skip).target = Pc();
        break;
      }
      case Code::kLock:
        if (kind == Kind::kStdMutex) Acquire(b, op, VmOp::kStdLock, RegKind::kGuard, false);
        else Acquire(b, op, VmOp::kSemAcquire, RegKind::kGuard, false);
        break;
      case Code::kTryLock:
        Acquire(b, op, kind == Kind::kStdMutex ? VmOp::kStdTryLock : VmOp::kSemTryAcquire, RegKind::kGuard, false);
        break;
      case Code::kBlockingLock: Acquire(b, op, VmOp::kBlockingLock, RegKind::kGuard, true); break;
      case Code::kAcquire: Acquire(b, op, VmOp::kSemAcquire, RegKind::kPermit, false); break;
      case Code::kTryAcquire: Acquire(b, op, VmOp::kSemTryAcquire, RegKind::kPermit, false); break;
      case Code::kReserve: Acquire(b, op, VmOp::kMpscReserve, RegKind::kReserve, false); break;
      case Code::kAddPermits: At(Simple(b, op, VmOp::kSemAddPermits)).imm = op.permits; break;
      case Code::kForgetPermits: At(Simple(b, op, VmOp::kSemForgetPermits)).imm = op.permits; break;
      case Code::kWait:
        if (kind == Kind::kStdCondvar) { CompileCondWait(b, op, VmOp::kCondWait); break; }
        if (kind == Kind::kStdBarrier) { Simple(b, op, VmOp::kStdBarrierWait); break; }
        NotModelled(op);
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
        else { NotModelled(op); break; }
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
      case Code::kClosed:
        if (kind != Kind::kOneshot) { NotModelled(op); break; }
        Simple(b, op, VmOp::kOneshotClosed);
        break;
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
      default: NotModelled(op);
    }
  }

  void CompileCondWait(Builder& b, const Op& op, VmOp vm) {
    int pc = Simple(b, op, vm);
    // The guard that the wait gives back and takes again: the latest one of this mutex in this body.
    auto& guards = guards_[b.unit];
    for (auto it = guards.rbegin(); it != guards.rend() && op.mutex; ++it)
      if (it->first == op.mutex->name || op.mutex->name == U(b).regs[static_cast<std::size_t>(it->second)].name) { At(pc).reg = it->second; break; }
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

  int ArmUnit(Builder& b, const Op& op) {
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

  void CompileSend(Builder& b, const Op& op) {
    Kind kind = op.on.kind;
    Code c = op.def->code;
    VmOp vm;
    if (kind == Kind::kStdChannel) vm = c == Code::kTrySend ? VmOp::kStdTrySend : VmOp::kStdSend;
    else if (kind == Kind::kMpsc) vm = c == Code::kSend ? VmOp::kMpscSend : c == Code::kTrySend ? VmOp::kMpscTrySend : VmOp::kMpscBlockingSend;
    else if (kind == Kind::kOneshot) vm = VmOp::kOneshotSend;
    else { NotModelled(op); return; }
    int pc = Simple(b, op, vm);
    if (op.permit) {
      int index = -1;
      int reg = ValueReg(b, *op.permit, op, &index);
      At(pc).reg = reg;
      At(pc).flag = true;
      if (reg >= 0) b.moved[reg] = {&op, op.node};
    }
    if (kind == Kind::kOneshot && At(pc).reg2 >= 0) b.moved[At(pc).reg2] = {&op, op.node};
    With(b, op, pc, true);
    FailurePath(b, pc, op);
  }

  void CompileRelease(Builder& b, const Op& op) {
    bool named_object = first_element_.count(op.on.name) != 0 && op.on.part == Ref::Part::kWhole &&
                        op.on.kind != Kind::kValue;
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
      for (const Capture& c : candidates)
        if (b.moved.count(c.from) == 0) { b.moved[c.from] = {&op, op.node}; break; }
      if (op.def->code == Code::kUse) return;
      program_->captures.push_back(candidates);
      pc_first = Emit(b, op.def->code == Code::kForget ? VmOp::kForgetReg : VmOp::kDropReg);
      At(pc_first).list = static_cast<int>(program_->captures.size()) - 1;
      At(pc_first).flag = true;
      return;
    }
    int index = -1;
    int reg = ValueReg(b, op.on, op, &index);
    if (reg < 0) return;
    if (op.def->code == Code::kUse) { At(Emit(b, VmOp::kUse)).reg = reg; return; }
    auto it = b.names.find(Key(op.on));
    int count = it != b.names.end() && !op.on.index ? it->second.count : 1;
    for (int k = count - 1; k >= 0; --k) {
      int pc = Emit(b, op.def->code == Code::kForget ? VmOp::kForgetReg : VmOp::kDropReg);
      At(pc).reg = reg + k;
      At(pc).index = index;
      At(pc).flag2 = true;  // on purpose
      if (index < 0) b.moved[reg + k] = {&op, op.node};
    }
  }

  // ---- sizes --------------------------------------------------------------------------------------------------
  void SizeEverything() {
    for (std::size_t u = 0; u < program_->units.size(); ++u)
      program_->units[u].frames = std::max(1, copies_.count(static_cast<int>(u)) ? copies_[static_cast<int>(u)] : 1);
    // Copies of a body multiply with the copies of the body that makes them.
    for (Element& e : program_->elements) {
      bool queue = e.kind == Kind::kStdChannel || e.kind == Kind::kMpsc || e.kind == Kind::kOneshot;
      if (queue) e.room = e.capacity >= 0 ? std::min(std::max(e.capacity, 1), 64) : 4;
    }
  }

  const Scenario& scenario_;
  Diagnostics& diagnostics_;
  std::unique_ptr<Program> program_;
  std::map<std::string, int> first_element_, declared_, runtime_index_;
  std::set<std::string> held_;
  std::map<int, int> root_scope_, captured_count_, copies_;
  std::map<int, std::set<int>> strand_roots_;
  std::map<const Body*, int> unit_of_body_;
  std::map<int, Builder*> builder_of_;
  std::vector<Builder*> builders_;
  std::vector<std::unique_ptr<Builder>> kept_;
  std::vector<PendingSite> sites_;
  std::map<int, std::vector<std::pair<std::string, Name>>> finished_;
  std::vector<std::pair<int, int>> pending_cleanup_, cleanup_jumps_;
  std::set<std::pair<int, int>> escaping_;
  std::map<int, std::vector<std::pair<std::string, int>>> guards_;
  std::map<std::pair<int, int>, const Json*> guard_node_;
  std::set<int> spawned_local_;
  std::set<std::pair<int, int>> not_send_;
  int source_ = -1;
  int multiplicity_ = 1;
};

}  // namespace

std::unique_ptr<Program> Compile(const Scenario& scenario, int tokio_minor, int tokio_patch, Diagnostics& diagnostics) {
  return Compiler(scenario, tokio_minor, tokio_patch, diagnostics).Run();
}

}  // namespace asyncrt
