#include "core/scenario/names.h"

namespace asyncrt {

const Name* Names::Find(const std::string& name) const {
  const auto found = meanings_.find(name);
  return found == meanings_.end() || found->second.empty() ? nullptr : &found->second.back();
}

void Names::Declare(const std::string& name, Name meaning) {
  meanings_[name].push_back(std::move(meaning));
  order_.push_back(name);
}

std::vector<Names::Entry> Names::CloseBlock(std::size_t mark) {
  std::vector<Entry> closed;
  while (order_.size() > mark) {
    std::vector<Name>& meanings = meanings_[order_.back()];
    closed.emplace_back(std::move(order_.back()), std::move(meanings.back()));
    meanings.pop_back();
    order_.pop_back();
  }
  return {closed.rbegin(), closed.rend()};
}

std::vector<std::string> Names::Visible() const { return order_; }

std::string KindWithArticle(Kind kind) {
  const std::string_view name = KindName(kind);
  const bool vowel = kind == Kind::kMpsc || std::string_view("aeio").find(name[0]) != std::string_view::npos;
  const bool says_w = kind == Kind::kOnceCell;  // "a once_cell": it is said with a w
  return (vowel && !says_w ? "an " : "a ") + std::string(name);
}

bool HasEnds(Kind kind) {
  switch (kind) {
    case Kind::kStdChannel:
    case Kind::kOneshot:
    case Kind::kMpsc:
    case Kind::kBroadcast:
    case Kind::kWatch:
    case Kind::kIo:
      return true;
    default:
      return false;
  }
}

bool IsOwned(Kind kind) {
  switch (kind) {
    case Kind::kRuntime:
    case Kind::kValue:
    case Kind::kJoinSet:
    case Kind::kFuturesUnordered:
    case Kind::kLocalSet:
      return true;
    default:
      return HasEnds(kind);
  }
}

std::string_view PartSuffix(Ref::Part part) {
  switch (part) {
    case Ref::Part::kTx: return ".tx";
    case Ref::Part::kRx: return ".rx";
    case Ref::Part::kHandle: return ".handle";
    case Ref::Part::kWhole: break;
  }
  return "";
}

std::string KeyOf(const Ref& ref) { return ref.name + std::string(PartSuffix(ref.part)); }

std::string ElementKeyOf(const Ref& ref) {
  std::string key = KeyOf(ref);
  if (ref.index && ref.index->kind == Expr::Kind::kIndex) key += "[$index]";
  if (ref.index && ref.index->kind == Expr::Kind::kNumber) key += "[" + std::to_string(ref.index->number) + "]";
  return key;
}

std::string UnitNameOf(const Op& op, const Body& body) {
  if (!op.as.empty()) return op.as;
  return !body.named.empty() ? body.named : std::string(op.def->verb) + "@" + std::to_string(op.node->place.line);
}

Kind KindOfResult(Code code) {
  switch (code) {
    case Code::kSpawn:
    case Code::kSpawnBlocking:
    case Code::kSpawnLocal:
      return Kind::kTask;
    case Code::kSpawnThread:
      return Kind::kThread;
    case Code::kFuture:
      return Kind::kFuture;
    case Code::kArm:
      return Kind::kNotified;
    case Code::kAcquire:
    case Code::kTryAcquire:
    case Code::kReserve:
      return Kind::kPermit;
    case Code::kBorrow:
      return Kind::kGuard;
    case Code::kEnter:
      return Kind::kEnterGuard;
    case Code::kMakeValue:
      return Kind::kValue;
    default:
      return TakesLock(code) ? Kind::kGuard : Kind::kNone;
  }
}

bool MovesBody(Code code) {
  switch (code) {
    case Code::kSpawn:
    case Code::kSpawnBlocking:
    case Code::kSpawnLocal:
    case Code::kSpawnThread:
    case Code::kFuture:
    case Code::kPush:
    case Code::kMakeValue:
      return true;
    default:
      return false;
  }
}

bool TakesLock(Code code) {
  switch (code) {
    case Code::kLock:
    case Code::kTryLock:
    case Code::kBlockingLock:
    case Code::kRead:
    case Code::kWrite:
    case Code::kTryRead:
    case Code::kTryWrite:
    case Code::kBlockingRead:
    case Code::kBlockingWrite:
      return true;
    default:
      return false;
  }
}

const FieldUse* FindField(const OpDef& def, Field field) {
  for (const FieldUse& use : def.fields) {
    if (use.field == field) return &use;
  }
  return nullptr;
}

std::string ListNames(const std::vector<std::string>& names, std::string_view last_word) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " " + std::string(last_word) + " " : ", ";
    text += "`" + names[i] + "`";
  }
  return text;
}

}  // namespace asyncrt
