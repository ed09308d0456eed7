// How a scenario's tree becomes Rust. Names are resolved as the compiler of the model does (core/program/names.cc):
// a moved body captures what it mentions, the blocks inside it use what is around them. What Rust cannot see through
// (an element of an array, a guard that may not have been got) is kept in an `Option`, which a second pass knows of.
//
// rust_writer.cc has names, values and expressions, rust_ops.cc the ops that give something, rust_combinators.cc those
// made of futures, rust_spawn.cc bodies that move, rust_control.cc blocks and statements, rust.cc the module and the cargo project around it.
#ifndef ASYNCRT_CORE_EXPORT_RUST_WRITER_H_
#define ASYNCRT_CORE_EXPORT_RUST_WRITER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/export/rust.h"
#include "core/scenario/scenario.h"

namespace asyncrt {

// A Rust variable that owns something.
struct RustValue {
  std::string key;    // "ch.tx", "task", "ch.tx[$index]"
  std::string ident;
  std::string type;
  std::string object; // a guard or permit: of what
  int id = 0;         // the same in every pass
  int block = 0;      // the inner block (of block_on, select, …) that it stands in
  bool optional = false, array = false, taken = false, is_arm = false;
  bool may_lack = false;  // it is an Option, since what was to give it may have failed
  bool not_send = false;  // a value that stays on its thread, as what it owns
  bool partly = false;    // taken, but not on every way that leads here
};

// What a spawned body takes from around it.
struct RustCapture {
  std::string key;      // as the body says it
  std::string base;     // without an index
  std::int64_t element = -1;
  bool copy = false;    // [$index]
};

// A body with a life of its own while it is written.
struct RustUnit {
  RustUnit* parent = nullptr;
  const Op* made_by = nullptr;
  int block = 0;
  int thread_scopes = 0;                   // open ones
  std::vector<std::vector<RustValue>> scopes;
  std::vector<RustCapture> captures;
  std::vector<std::string> locals;         // declared here
  std::set<std::string> copied;            // locals that start as copies
  bool async = false;                      // the present place is
};

// What an op gives, before it is bound.
struct RustAct {
  std::string expr;
  enum class Fails : std::uint8_t { kNever, kOption, kResult } fails = Fails::kNever;
  bool gives_value = false;     // an integer for `var`
  bool gives_message = false;   // a tuple when the channel's messages own something
  bool binds = false;           // a guard, a permit, a receiver
  bool may_lack = false;        // what it binds, or its message, is in an Option, since it may not have been got
  std::string key, hint, object, wrap, type;   // of what it binds
};

class RustWriter {
 public:
  RustWriter(const Scenario& scenario, std::set<int>& slots, std::set<std::string>& remotes)
      : scenario_(scenario), slots_(slots), remotes_(remotes) {}
  std::string Module();
  const std::vector<std::string>& unsupported() const { return unsupported_; }

 private:
  // ---- text
  void Line(const std::string& text) { lines_.push_back(text); }
  void Unsupported(const Op* op, const std::string& what);
  // ---- names
  std::string Ident(const std::string& key);
  std::string Fresh(const std::string& hint);
  RustValue& Declare(const std::string& key, const std::string& ident, const std::string& type);
  RustValue* FindIn(RustUnit& unit, const std::string& key);
  RustValue* FindAround(RustUnit* unit, const std::string& key);
  RustValue* Capture(const RustCapture& capture, const RustValue& outer);
  RustValue* OfTheCopyAround(const std::string& key);
  RustValue* Lookup(const Ref& ref);
  enum class Mode : std::uint8_t { kRef, kMut, kTake };
  std::string Use(const Ref& ref, Mode mode, const Op* op);
  std::string UseValue(RustValue& value, Mode mode, const std::string& index);
  void FreeOfBorrows(const RustValue& value, Mode mode);
  std::string Shared(const Ref& ref);
  static std::string ShareOf(const std::string& lock) { return "share of " + lock; }
  void ShareLock(const std::string& lock);
  std::string Index(const Ref& ref);
  std::string Remote(const std::string& name, const std::optional<std::string>& index);
  std::string LocalVar(const std::string& name);
  std::string HeldBy(const Ref& ref);
  const Object* Declared(const std::string& name) const;
  const Object* ChannelOf(const Ref& ref) const;
  const Runtime* DeclaredRuntime(const std::string& name) const;
  std::string TypeOf(const Ref& ref);
  std::string ChannelType(const Object& object, Ref::Part part);
  // Whether what is left in a channel is told at the end.
  bool IsTold(const Object& channel) const;
  std::string MessageType(const std::string& object);
  // ---- expressions
  std::string Int(const Expr& expr);
  std::string Bool(const Expr& expr);
  // ---- ops
  std::string Time(const Op& op) const;
  RustAct Act(const Op& op);
  RustAct Acquired(const Op& op, const std::string& expr, RustAct::Fails fails, const std::string& wrap, const std::string& type);
  RustAct Sent(const Op& op);
  RustAct Received(const Op& op);
  std::string Message(const Op& op);
  void Bind(const Op& op, const RustAct& act, const std::string& value);
  // Variables for what a message owns, which may not come; `pattern` takes it apart. What then gives them their values.
  std::string DeclareOwned(const Op& op, std::string* pattern);
  void Statement(const Op& op);
  void Marker(const Op& op);
  void Release(const Op& op);
  void ReleaseLatest(const Op& op, const std::string& verb);
  std::string Given(RustValue& value);
  // An async block or closure that is over had it.
  bool HasGone(const RustValue& value) const;
  bool IsNotSend(const RustValue& value) const;
  // Another thread gets it, or the lock that holds it.
  bool IsSent(const std::string& object) const;
  bool SharesReceiver(const std::string& body);
  bool TakesNotSend(const RustUnit& child);
  RustValue* GuardOf(const std::string& name);
  // ---- ways of which one is gone: what each gives up is there for the others
  using Taken = std::map<int, bool>;   // the ids of what was given up; true: partly
  Taken TakenHere() const;
  void SetTaken(const Taken& taken);
  void WhereMeet(const std::vector<Taken>& ways);
  // ---- bodies
  void Ops(const Body& body);
  void Block(const Body& body);      // the inside of { }
  // Bodies of which one runs; null: an empty one. `around` writes what stands around each.
  void Alternatives(const std::vector<const Body*>& bodies, const std::function<void(std::size_t, const std::function<void()>&)>& around);
  std::string BlockText(const Body& body);
  std::string AsyncBlock(const Body& body, bool* gives_out);
  std::string ClosureText(const Body& body);
  std::string InPlace(bool async, const std::function<void()>& write);
  std::string OwnBody(const Op& op, const Body& body, bool async, RustUnit& child);
  std::vector<std::string> Prelude(const Op& op, RustUnit& child);
  void Spawn(const Op& op);
  void MakeFuture(const Op& op);
  std::string GivingBlock(const Op& op, RustAct* act);
  void Select(const Op& op);
  RustAct Join(const Op& op);
  RustAct Timeout(const Op& op);
  void CatchPanic(const Op& op);
  void InClosure(const std::string& head, const std::string& tail, const Body& body);
  void Failure(const Op& op);
  void BindOrElse(const Op& op, const Op& binder, const RustAct& act, const std::string& option);
  RustAct BlockOn(const Op& op);
  std::string RuntimeText(const Op& op);
  void DeclareRuntime(const Runtime& runtime);
  std::string BuilderText(const Runtime& runtime) const;
  void DeclareObjects();
  void CollectWith(const Body& body, std::set<const Body*>& seen);

  const Scenario& scenario_;
  std::set<int>& slots_;              // values that must be optional
  std::set<std::string>& remotes_;    // tasks and threads that others name
  std::vector<std::string> unsupported_;
  std::vector<std::string> lines_;
  std::map<std::string, std::string> idents_;
  std::set<std::string> taken_idents_;
  std::map<std::string, std::vector<Ref>> messages_;   // what the messages of a channel own
  std::map<std::string, std::string> lock_of_;         // held value -> its lock
  std::map<std::string, std::string> receiver_of_;     // subscribed receiver -> its channel
  std::map<std::string, Code> maker_;
  std::map<std::string, std::string> guard_of_;        // a guard's name -> its lock
  std::vector<const Body*> open_;                      // against endless recursion
  // How ops leave the closure of a `thread_scope` or `block_in_place` that they stand in, which ends more than that.
  struct Exits {
    bool returns = false, breaks = false, continues = false;
    int loops = 0;                                     // that are open in it
  };
  Exits* exits_ = nullptr;
  RustUnit* unit_ = nullptr;
  int next_id_ = 0, block_ = 0, blocks_ = 0;
  // An async block or a closure that is part of a body.
  struct Place {
    int around = 0;
    std::vector<std::pair<int, std::string>> mentions;   // ids and names of what is around it
    std::set<int> takes;
  };
  std::map<int, Place> places_;                        // by block
};

// It takes a lock, or permits of a semaphore.
bool IsAcquire(Code code);
// `return` or `fail` that ends the block that this body stands in.
bool HasExits(const Body& body);
bool HasFail(const Body& body);
// The op of a branch that is just one op whose result the branch gives on; null otherwise.
const Op* SingleOp(const Body& body);
// The op of a branch or timeout that takes a guard, a permit or what a message owns, which belongs to who is around it,
// also through timeouts between them; null: there is none.
const Op* GivingOp(const Body& body);
// The op that names what this one gives: itself, or, of a timeout, the one inside.
const Op& BinderOf(const Op& op);
// No way leads out of its end.
bool Diverges(const Body& body);
// Lines, one under the other.
std::string JoinedLines(const std::vector<std::string>& lines);
// An expression to which a method can be applied.
std::string AsOperand(const std::string& expr);
std::string RustString(std::string_view text);
std::string RustComment(std::string_view text);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPORT_RUST_WRITER_H_
