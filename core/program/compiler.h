// How a scenario's tree becomes a program. Two things happen on the way that Rust's compiler does too: bodies capture
// what they mention, and a value that was moved away may not be used (a StaticFinding, not an input error).
//
// compile.cc has the frame of it (declarations, units, scopes, strands), names.cc what names stand for and who owns
// them, compile_control.cc spawns, combinators and control flow, compile_ops.cc the operations on objects.
#ifndef ASYNCRT_CORE_PROGRAM_COMPILER_H_
#define ASYNCRT_CORE_PROGRAM_COMPILER_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/deadline.h"
#include "core/base/release_rules.h"
#include "core/program/program.h"
#include "core/scenario/names.h"

namespace asyncrt {

// Their numbers have 16 bits, and some of these have a meaning of their own.
inline constexpr int kInstructionsMax = 60'000;

struct Binding {       // what a key stands for in one unit
  int reg = -1;
  int count = 1;
  RegKind kind = RegKind::kScratch;
};

struct Moved {
  const Op* by = nullptr;
  const Json* node = nullptr;
  bool partly = false;   // not on every way that leads here
};

// A body that Rust has in an async block or a closure, while it is compiled: it has from the start what it moves somewhere,
// and what is left of that falls where it ends. rustc checks it by itself, also where no way leads to it.
struct Owner {
  int scope = -1;                  // its outermost one
  bool unreachable = false;        // it stands where no way leads
  std::map<int, Moved> around;     // what had moved before it, if it does
  std::map<int, int> mentioned;    // register of the bodies around -> which of them came first
  std::map<int, Moved> takes;
  std::vector<int> ends;           // the instructions in whose place that falls
};

struct LoopFrame {
  std::vector<int> breaks, continues;
  int scope = -1;
  bool is_left = false;   // by a `break` to which a way leads
};

// One unit while it is compiled.
struct Builder {
  int unit = -1;
  Builder* parent = nullptr;
  const Op* made_by = nullptr;
  std::map<std::string, Binding> names;
  std::vector<std::pair<std::string, Binding>> captured;  // in order of mention
  std::map<int, Moved> moved;                           // register -> who took it
  std::vector<LoopFrame> loops;
  std::vector<Owner> owners;                            // the innermost is the last
  int strand = 0;
  int scope = -1;
  bool diverged = false;     // no way leads to this place
  bool unreachable = false;  // nor to the op that is compiled
  bool stays = false;        // in the future of a `block_on`, which no other thread polls
  int async_scope = -1;      // the outermost scope of the nearest async block: `return` goes there
  std::vector<std::vector<std::pair<int, bool>>> returns;  // jumps to the end of the nearest block; bool: failed
  bool done = false;
};

struct PendingSite { Builder* at; const Op* op; int unit; int list; };

class Compiler {
 public:
  Compiler(const Scenario& scenario, int minor, int patch, Diagnostics& diagnostics, const Deadline& deadline)
      : scenario_(scenario), diagnostics_(diagnostics), deadline_(deadline), rules_(RulesOfRelease(minor, patch)), program_(std::make_unique<Program>()) {
    program_->scenario = &scenario;
    program_->minor = minor;
    program_->patch = patch;
  }

  std::unique_ptr<Program> Run();

 private:
  // ---- declarations -------------------------------------------------------------------------------------------
  void DeclareObjects();
  void DeclareRuntimes();
  void DeclareMain(Builder& b);
  void CompileDestructors();
  // ---- registers and names ------------------------------------------------------------------------------------
  Unit& U(const Builder& b) { return program_->units[static_cast<std::size_t>(b.unit)]; }
  int NewReg(Builder& b, RegKind kind, int base, const std::string& name);
  // Adds `count` registers for a name; they belong to the current scope when `scoped`.
  int AddName(Builder& b, const std::string& key, RegKind kind, int base, int count, bool scoped);
  ScopeDef& Scope(int i) { return program_->scopes[static_cast<std::size_t>(i)]; }
  static bool IsCopyIndex(const Ref& ref) { return ref.index && ref.index->kind == Expr::Kind::kIndex; }
  // The register of a value in this unit, captured from the units around it when needed. `index_expr` gets the
  // expression to add at run time, or -1.
  int ValueReg(Builder& b, const Ref& ref, const Op& op, int* index_expr, bool by_handle_only = false);
  int FindValue(Builder& b, const Ref& ref, const Op& op, int* index_expr, bool by_handle_only);
  // For the owners around: what they mention of the bodies around them, and what of it they take.
  void Mention(Builder& b, int reg, const Op* taker);
  int ScopeAround(int scope) const;
  // The present scope is an owner's outermost one.
  void BeginOwner(Builder& b);
  // Some async block or closure of this unit around this place, or the place itself, is where no way leads.
  static bool IsUnreachable(const Builder& b);
  // What the owner of that scope has falls here, if there is one.
  void EmitOwned(Builder& b, int scope);
  // After its code. Returns what it has, the first that falls first.
  std::vector<int> EndOwner(Builder& b);
  // They fall with the scope when it unwinds, after its own values.
  void FallWith(int scope, const std::vector<int>& regs);
  void EmitFalls(Builder& b, const std::vector<int>& regs);
  void Borrow(Builder& b, const Ref& held, const Op& op);
  // A body that mentions a lock that holds values has a share of it, as a clone of an `Arc`.
  void ShareLock(Builder& b, const std::string& lock);
  static std::string ShareOf(const std::string& lock) { return "share of " + lock; }
  void DeclareShares(Builder& b);
  // The destructor of a declared value has its share from the start, of a lock that is there before the value is.
  void ShareWithDestructor(Builder& b, const std::string& lock);
  // Its object, without a lock around it, is borrowed mutably.
  static bool NeedsMutably(const Op& op);
  int Find(const Builder& b, const std::string& key);
  // Splits "x.tx[2]" into "x.tx" and the element; `copy` for [$index].
  static bool SplitIndex(const std::string& key, std::string* base, int* element, bool* copy);
  // What a capture of `key` would take from `b` or from the units around it, without capturing anything.
  bool Exists(const Builder* b, const std::string& key, const Op* below, Binding* out);
  int BaseOf(const Builder* b, const std::string& key);
  int Lookup(Builder& b, const std::string& key, bool by_handle_only);
  int RootScope(const Builder& b) const { return root_scope_.at(b.unit); }
  void CheckMoved(Builder& b, int reg, const Ref& ref, const Op& op);
  static std::string Spelled(const Ref& ref);
  void Refuse(const std::string& rule, const std::string& value, const Json* made, const Json* used, const Op* by,
              const Op* user, const Builder& b, std::string message = "");
  int LocalReg(Builder& b, const std::string& name);
  // ---- expressions --------------------------------------------------------------------------------------------
  int MakeExpr(Builder& b, const Expr& e);
  // ---- code ---------------------------------------------------------------------------------------------------
  int Pc() const { return static_cast<int>(program_->code.size()); }
  int Emit(Builder& b, VmOp op, int source = -2);
  Instr& At(int pc) { return program_->code[static_cast<std::size_t>(pc)]; }
  int NewScope(Builder& b, ScopeDef::Kind kind);
  int OpenScope(Builder& b, ScopeDef::Kind kind) { return b.scope = NewScope(b, kind); }
  // Leaves the scope by its end: drops what it owns, the last first.
  void CloseScope(Builder& b);
  void EmitDrops(Builder& b, int scope);
  // Drops for a jump out of all scopes inside `until` (exclusive).
  void EmitExit(Builder& b, int until);
  int NewUnit(UnitKind kind, const std::string& name, const Op* op, int source);
  void BeginUnit(Builder& b);
  void FinishUnit(Builder& b);
  bool BelongsTo(int scope, const Builder& b);
  void PatchReturns(Builder& b);
  // A body that is polled on its own, in the same frame. Returns the local strand number.
  // What becomes of the guard or permit that a body of one op takes: it goes with the block, or belongs to the block
  // around (timeout), or to `then` (a select branch, which a failure of that op disables).
  enum class Ends : std::uint8_t { kWithItsBlock, kForAround, kForThen };
  // `owned` gets what it has from the start, the first that falls first.
  int Strand(Builder& b, const Body& body, Ends ends, std::vector<int>* owned);
  int Strand(Builder& b, const std::function<void()>& code, const Op* only, bool disable_on_failure, std::vector<int>* owned);
  // Guards and permits that the single op of a branch took outlive the branch.
  void MoveNames(Builder& b, int from, int to);
  int SourceOf(const Op& op);
  void BodyOps(Builder& b, const Body& body);
  void Block(Builder& b, const Body& body);
  // Fills in which object the op is about.
  void SetObject(Builder& b, Instr& i, const Ref& ref);
  // The op's failure path: emitted after the op itself.
  void FailurePath(Builder& b, int pc, const Op& op, const std::map<int, Moved>* before = nullptr, const std::vector<int>& falls = {});
  // Joins the state before an alternative with the state after it.
  static std::map<int, Moved> WhereMeet(const std::vector<std::map<int, Moved>>& ways);
  // Some way leads here on which it has not moved.
  static bool MayBeThere(const Builder& b, int reg) {
    auto it = b.moved.find(reg);
    return it == b.moved.end() || it->second.partly;
  }
  void Merge(Builder& b, const std::map<int, Moved>& other, bool other_diverged);
  // One op on an object that needs nothing special.
  int Simple(Builder& b, const Op& op, VmOp vm);
  // What a value that a message carries is.
  RegKind MessageKind(const Ref& ref) const;
  // The declared object that a name is of: a receiver made by `subscribe` has a name of its own.
  const std::string& ObjectOf(const std::string& name) const;
  void CollectMakers(const Body& body);
  void CollectRemotes(const std::optional<Expr>& expr);
  bool IsStdLock(const Reg& reg) const;
  bool IsAsync(Builder& b);
  bool IsInClosure(int scope) const;
  void With(Builder& b, const Op& op, int pc, bool sends);
  // Takes a guard or a permit: a register of the current scope, or of a `body` held for just that body.
  void CheckSharedReceiver(Builder& b, const Op& op);
  void Acquire(Builder& b, const Op& op, VmOp vm, RegKind kind, std::int64_t permits = 1);
  void CheckGuardsAcrossAwait(Builder& b, const Op& op, int first_pc, const std::vector<int>& before);
  // Registers of what is not Send and may be there.
  std::vector<int> HeldNotSend(Builder& b);
  static std::string SentWithAMember(const std::string& set) {
    return "`" + set + "` has a member that is not Send, and this body takes it to another thread";
  }
  bool IsNotSend(const Builder& b, int reg) const;
  static bool OnlyBorrows(const Builder& b, const std::string& key);
  // For as long as the innermost `thread_scope` is open.
  void Lend(Builder& b, int reg, const Op& op);
  // Has a value leave its register, for good.
  void Take(Builder& b, int reg, const Op& op);
  // Whether a name is that of a thread of a `thread_scope`, or of what owns its handle.
  bool IsOfAScope(const Builder& b, const std::string& key) const;
  // The innermost one around this place, also through a `block_on` in it; -1: none.
  int OpenThreadScope(const Builder& b) const;
  void CheckShared(Builder& b, const Op& op);
  void CheckLooked(Builder& b, int reg, const Op& op);
  // Spawns: compiles the body as a unit and fills in what it captures.
  int SpawnUnit(Builder& b, const Op& op, UnitKind kind) { return SpawnUnit(b, op, kind, *op.body); }
  int SpawnUnit(Builder& b, const Op& op, UnitKind kind, const Body& body);
  void FillCaptures(Builder& b, const Op& op, int unit, int pc);
  void ResolveCaptures(Builder& b, const Op& op, const Builder& child, int list);
  // `unit`: whose body takes it.
  void TakeReg(Builder& b, int reg, const Op& op, const std::string& what, RegKind kind, int unit);
  int RuntimeOf(const Ref& ref);
  // `on` of spawn and its kin: the runtime (captured unless through its handle), or the current one.
  void SetRuntime(Builder& b, const Op& op, int pc);
  void CompileSpawn(Builder& b, const Op& op, VmOp vm, UnitKind kind);
  void CompileLoop(Builder& b, const Op& op);
  bool InOuterScope(Builder& b, int reg);
  // `falls`: what is dropped before each of them, in a scope of its own.
  void CompileAlternatives(Builder& b, const std::vector<const Body*>& bodies, std::vector<int>* entries, const std::vector<int>& falls = {}, int falls_in = -1);
  void CheckTwoBorrows(Builder& b, const Op& op);
  void Needs(const Body& body, std::map<std::string, bool>* out);
  void CompileSelect(Builder& b, const Op& op);
  void BlockInScope(Builder& b, const Body& body);
  void EmitReturn(Builder& b, const Op& op, bool failed);
  void CompileOp(Builder& b, const Op& op);
  void CompileOne(Builder& b, const Op& op);
  void CompileCondWait(Builder& b, const Op& op, VmOp vm);
  int ArmUnit(Builder& b, const Op& op);
  void CompileSend(Builder& b, const Op& op);
  void CompileRelease(Builder& b, const Op& op);
  void CompileGetOrInit(Builder& b, const Op& op);
  void CompileBlockOn(Builder& b, const Op& op);
  void CompileBlockInPlace(Builder& b, const Op& op);
  // A closure that its thread runs at once. Returns what it has, the first that falls first.
  std::vector<int> ClosureInPlace(Builder& b, ScopeDef::Kind kind, int reg, const Body& body);
  void CompileTimeout(Builder& b, const Op& op);
  void CompileRunUntil(Builder& b, const Op& op, const std::string& set);
  void SetSet(Builder& b, const Op& op, int pc, const std::string& name);
  // ---- sizes --------------------------------------------------------------------------------------------------
  void SizeEverything();
  int LiveStdGuard(Builder& b);

  const Scenario& scenario_;
  Diagnostics& diagnostics_;
  Deadline deadline_;
  const VersionRules rules_;
  std::unique_ptr<Program> program_;
  std::map<std::string, int> first_element_, declared_, runtime_index_;
  std::set<std::string> held_;
  std::map<int, int> root_scope_, copies_;
  std::map<int, std::set<int>> strand_roots_;
  std::map<int, int> around_strand_;                 // root of a strand -> the scope in which it is polled
  std::map<const Body*, int> unit_of_body_;
  std::map<int, Builder*> builder_of_;
  std::vector<std::unique_ptr<Builder>> kept_;
  std::vector<PendingSite> sites_;
  std::vector<std::pair<int, int>> pending_cleanup_, cleanup_jumps_;
  std::set<std::pair<int, int>> escaping_;
  std::map<std::string, std::set<std::string>> locks_before_;   // by declared value: locks that hold values
  int destroyed_ = -1;                                          // the element whose destructor is compiled
  std::set<std::pair<int, int>> may_lack_;           // guards that may not have been got
  std::map<int, std::vector<std::pair<std::string, int>>> guards_;
  std::map<std::pair<int, int>, const Json*> guard_node_;
  std::set<int> spawned_local_;
  std::map<std::string, std::string> receiver_of_;   // names made by `subscribe`
  std::map<std::string, Code> made_by_;              // which op gives a name
  std::set<std::string> remotes_;                    // tasks and threads that are aborted, unparked or asked for their end by name
  std::set<const Body*> collected_;
  std::set<std::pair<int, int>> not_send_;           // values and futures, as (unit, register)
  std::set<int> not_send_units_;                     // futures that hold what is not Send across an await, or own it
  std::map<std::string, const Op*> not_send_sets_, sent_sets_;   // sets with a member that is not Send; that went to another thread
  std::set<std::pair<int, int>> of_scope_;           // handles of a scope's threads, and what owns one
  std::set<int> of_scope_units_;
  std::set<std::pair<int, int>> borrowed_guards_;    // through which what their lock holds was used
  struct Lent { const Op* to; int scope; };
  std::map<std::pair<int, int>, Lent> lent_;         // what the threads of an open `thread_scope` borrow
  int source_ = -1;
  int multiplicity_ = 1;
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_PROGRAM_COMPILER_H_
