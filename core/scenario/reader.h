// Turns the JSON tree of one scenario into a Scenario. One object per file; errors are collected, and reading goes on
// after each, so that a file's errors are all seen at once.
//
//   reader_document.cc  the document: sections 1, 3, 4 and 9 of the language
//   reader_ops.cc       ops and their fields: sections 2, 5, 6 and 7
//   reader_bodies.cc    bodies: blocks, the bodies of an op, named bodies
//   reader_names.cc     names, expressions and plain values
#ifndef ASYNCRT_CORE_SCENARIO_READER_H_
#define ASYNCRT_CORE_SCENARIO_READER_H_

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/deadline.h"
#include "core/scenario/diagnostics.h"
#include "core/scenario/names.h"
#include "core/scenario/scenario.h"

namespace asyncrt {

struct NameUse;

class Reader {
 public:
  Reader(Scenario& scenario, Diagnostics& diagnostics, const Deadline& deadline)
      : scenario_(scenario), diagnostics_(diagnostics), deadline_(deadline) {}

  // Reads scenario.document, which must outlive the scenario's nodes. Throws TimeIsUp.
  void ReadDocument();

 private:
  // What the bodies around an op allow it to do.
  struct Context {
    bool is_async = false;
    bool in_loop = false;       // `break` and `continue` have a loop
    std::string_view loop_cut;  // the block that they would have to leave; empty: there is no loop at all
    bool in_copies = false;     // `$index` is known
    bool can_fail = false;      // `fail` has something to end
    bool shared_only = false;   // the destructor of a declared value
    bool is_unused = false;     // a named body that nobody runs: where it would stand is not known
    int moved_depth = 0;        // how many bodies with a life of their own are around
  };

  // A guard that the block holds on a lock with `holds`.
  struct Held {
    std::string lock;
    std::string guard;  // empty: a guard without a name, which no other body can take along
  };

  // What a block leaves to the block around it: `timeout`, and the `await` of a `select` branch.
  struct Leaked {
    std::vector<Names::Entry> names;
    std::vector<Held> held;
  };

  // A named body that is being read, since some op runs it.
  struct Running {
    std::string name;
    bool is_async;
    int moved_depth;
    Body* body;
  };

  // An `as` name anywhere in the text, for messages and for values that come out of a message.
  struct NamedBy {
    Kind kind = Kind::kNone;
    std::string of;
    Place place;
  };

  struct Message {
    const Json* node;
    std::vector<Ref> values;
    bool is_send;
  };

  // ---- reader_document.cc
  void ReadHeader(const Json& document);
  void ReadThresholds(const Json& node);
  std::string ReadVersion(const Json& node);
  std::string CheckVersion(const std::string& version, const Json& where, const Place& place);
  void DeclareRuntimes(const Json& node);
  void ReadRuntime(const Json::Member& member);
  void DeclareObjects(const Json& node);
  void ReadObject(const Json& node, Object& object);
  void ReadHolds(const Json& node, Object& lock);
  void CheckParents();
  void DeclareBodies(const Json& node);
  void ReadUnusedBodies();
  void ReadExpect(const Json& node);
  Expect ReadExpectLists(const Json& node, bool with_versions);
  std::vector<Expected> ReadRules(const Json& node);
  void CheckRule(const Json& node);
  void ReadAllow(const Json& node);
  bool CheckNewName(const Json::Member& member, std::string_view what);
  void CheckMessages();

  // ---- reader_ops.cc
  std::shared_ptr<Body> ReadBody(const Json& node, const Context& context, Leaked* leaked = nullptr,
                                 const std::function<void()>& prelude = {});
  bool EnterBlock(const Json& node);
  void ReadOpsInto(Body& body, const Context& context);
  std::shared_ptr<Body> ReadRun(const Json& node, const Context& context, std::string_view verb);
  std::optional<Op> ReadOp(const Json& node, const Context& context);
  const OpDef* ChooseRow(const Json& node, const std::string& verb);
  const OpDef* FailUnknownVerb(const Json& verb);
  const OpDef* FailWrongKind(const Json& on, const std::string& verb, Kind kind);
  void CheckKeysOfOp(const Json& node, const OpDef& def);
  void ReadTarget(Op& op, const Context& context);
  void ReadPlainField(Op& op, Field field, const Json& node, const Context& context);
  void ReadBodyFields(Op& op, const Context& context, Leaked& leaked);
  void ReadBranches(Op& op, const Json& node, const Context& context);
  void ReadSelectBranch(Op& op, const Json& node, const Context& context);
  std::shared_ptr<Body> ReadAwait(const Json& node, const Context& context, Leaked& leaked, std::optional<Ref>& name);
  Context ContextOfBody(const Op& op, const Context& context) const;
  void CheckPlacement(const Op& op, const Context& context);
  void CheckControl(const Op& op, const Context& context);
  void CheckRequired(const Op& op);
  void UpdateHeld(const Op& op);
  void DeclareResult(const Op& op);
  Name NameOfResult(const Op& op) const;
  void DeclareBroken(const Json& node);
  void DeclareLeaked(Leaked& leaked);
  void ReadWith(Op& op, const Json& node, const Context& context);
  void NoteMessage(const Op& op, const Context& context);

  // ---- reader_names.cc
  void CollectNames(const Json& node);
  // kElement: one thing; an array needs an index. kMany: an array stands for all its elements.
  enum class Use : std::uint8_t { kElement, kMany };
  std::optional<Ref> ReadRef(const Json& node, Use use, const Context& context);
  bool ResolveRef(Ref& ref, const Json& node, std::string_view part, Use use, const Context& context);
  bool CheckPart(Ref& ref, const Json& node, const Name& name, std::string_view part);
  bool CheckIndex(const Json& node, const std::string& text, const Name& name, const std::optional<Expr>& index,
                  Use use);
  void FailNotVisible(const Json& node, const Place& place, const std::string& name);
  void CheckHeld(const Ref& ref, const Json& node, const Context& context);
  bool CheckKind(const Ref& ref, const Json& node, std::initializer_list<Kind> kinds);
  bool NeedEnd(Ref& ref, const Json& node, Code code, std::string_view verb);
  void CheckClone(const Ref& ref, const Json& node);
  bool CheckEndSaid(const Ref& ref, const Json& node, std::string_view verb);
  std::optional<std::string> ReadNameOf(const Json& node, Kind kind);
  bool DeclareName(const std::string& name, const Json& node, Name meaning);

  std::optional<Expr> ReadExpr(const Json& node, const Context& context, bool sees_value = false);
  std::optional<Expr> ReadExprText(const Json& node, std::size_t begin, std::size_t end, const Context& context,
                                   bool sees_value);
  Expr::Kind ResolveInExpr(const NameUse& use, std::string& message, std::string& hint, const Context& context);

  void FailType(const Json& node, std::string_view expected);
  bool ReadString(const Json& node, std::string& out);
  bool ReadBool(const Json& node, bool& out);
  std::optional<std::int64_t> ReadInteger(const Json& node, std::int64_t least,
                                          std::int64_t most = std::numeric_limits<std::int64_t>::max());
  std::optional<Micros> ReadDuration(const Json& node);
  bool IsList(const Json& node, std::string_view of);
  bool IsObject(const Json& node, std::string_view what);
  void FailMissing(const Json& node, std::string_view key, std::string_view what);
  bool FailMisspelled(const Json& node, std::string_view key, std::string_view what);
  void FailUnknownKey(const Json& node, const Json::Member& member, const std::vector<std::string>& known,
                      std::string_view what);
  void CheckKeys(const Json& node, const std::vector<std::string>& known, std::string_view what);
  bool GoesOn(const Json& node);
  static bool IsIgnoredKey(const std::string& key);
  static Place Opening(const Json& node);

  Scenario& scenario_;
  Diagnostics& diagnostics_;
  Deadline deadline_;
  Names names_;
  std::unordered_map<std::string, NamedBy> named_by_;  // every `as` name of the text
  std::unordered_map<std::string, Place> locals_;      // every local that some op sets
  std::unordered_map<std::string, const Json*> bodies_;
  std::vector<std::string> body_names_;  // in the order of the text
  std::set<std::string> used_bodies_;
  std::unordered_map<std::string, std::size_t> runtime_index_, object_index_;
  // Which lock holds a value: keys are names with their end, "jobs.rx".
  std::unordered_map<std::string, std::string> holder_;
  std::unordered_map<std::string, std::vector<Message>> messages_;
  std::vector<Held> held_;
  std::vector<Running> running_;
  int depth_ = 0;
  std::int64_t op_count_ = 0, element_count_ = 0;
  bool is_stopped_ = false;  // no more ops are read
  bool is_full_ = false;     // of errors: nothing more is read
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_SCENARIO_READER_H_
