// Which names are visible where. Runtimes and objects are visible everywhere; an `as` name after its op, to the end
// of its block.
#ifndef ASYNCRT_CORE_SCENARIO_NAMES_H_
#define ASYNCRT_CORE_SCENARIO_NAMES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/ops/op.h"
#include "core/scenario/json.h"
#include "core/scenario/scenario.h"

namespace asyncrt {

struct Name {
  Kind kind = Kind::kNone;             // kNone: made by an op with errors; what is done with it is not checked
  Ref::Part part = Ref::Part::kWhole;  // kRx: a receiver made by `subscribe`
  bool is_array = false;
  bool is_shared = false;    // a runtime or a value in an `Arc`
  bool is_declared = false;  // a runtime or an object
  std::int64_t count = 1;
  std::string of;  // a guard: the name of its lock
  Place place;     // where the name was given
};

class Names {
 public:
  using Entry = std::pair<std::string, Name>;

  // Null: not visible. The pointer is good until the next change.
  const Name* Find(const std::string& name) const;
  void Declare(const std::string& name, Name meaning);
  // Blocks are closed in reverse order. Returns what was declared since `mark`.
  std::size_t Mark() const { return order_.size(); }
  std::vector<Entry> CloseBlock(std::size_t mark);
  std::vector<std::string> Visible() const;

 private:
  std::unordered_map<std::string, std::vector<Name>> meanings_;
  std::vector<std::string> order_;
};

// "a std_mutex", "an mpsc".
std::string KindWithArticle(Kind kind);
// Kinds whose names have the ends `.tx` and `.rx`.
bool HasEnds(Kind kind);
// Declared things that somebody owns, so that bodies capture them; the others are shared as if in an `Arc`.
bool IsOwned(Kind kind);
// What an op's `as` names; kNone for a receiver (`subscribe`), whose kind is its channel's.
Kind KindOfResult(Code code);
// The op's body has a life of its own and moves in what it mentions.
bool MovesBody(Code code);
// The op takes a lock, which it then holds.
bool TakesLock(Code code);
// ".tx", ".rx", ".handle", or nothing.
std::string_view PartSuffix(Ref::Part part);
// What a body captures under one name: "ch.tx", "rt", "task".
std::string KeyOf(const Ref& ref);
// The same with a constant index or that of the copy: "ch.tx[2]", "ch.tx[$index]". Another index: the whole array.
std::string ElementKeyOf(const Ref& ref);
// What a spawned body is called: its `as`, the named body that it runs, or "spawn@12".
std::string UnitNameOf(const Op& op, const Body& body);
// The row's field, or null.
const FieldUse* FindField(const OpDef& def, Field field);
// "`a`, `b` or `c`".
std::string ListNames(const std::vector<std::string>& names, std::string_view last_word);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_SCENARIO_NAMES_H_
