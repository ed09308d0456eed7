// Bodies: blocks of ops, the bodies inside an op, and named bodies put in place.
#include <algorithm>
#include <utility>

#include "core/base/spelling.h"
#include "core/scenario/json_reader.h"
#include "core/scenario/reader.h"

namespace asyncrt {
namespace {

// Everything after this file walks bodies recursively, and `run` can make much out of little text.
constexpr int kBlockDepthMax = 120;
constexpr std::int64_t kOpsMax = 100'000;

}  // namespace

// ---- bodies

std::shared_ptr<Body> Reader::ReadBody(const Json& node, const Context& context, Leaked* leaked,
                                       const std::function<void()>& prelude) {
  auto body = std::make_shared<Body>();
  body->node = &node;
  if (!IsList(node, "ops")) return body;
  const std::size_t mark = names_.Mark();
  const std::vector<Held> held_before = held_;
  if (prelude) prelude();
  ReadOpsInto(*body, context);
  std::vector<Names::Entry> names = names_.CloseBlock(mark);
  if (leaked != nullptr) {
    leaked->names.insert(leaked->names.end(), names.begin(), names.end());
    if (held_.size() > held_before.size()) {
      leaked->held.assign(held_.begin() + static_cast<std::ptrdiff_t>(held_before.size()), held_.end());
    }
  }
  held_ = held_before;
  return body;
}

// False: too deep. Otherwise the caller decreases depth_ at the end of the block.
bool Reader::EnterBlock(const Json& node) {
  if (depth_ < kBlockDepthMax) {
    ++depth_;
    return true;
  }
  diagnostics_.AddAt(Opening(node), node.pointer,
                     "bodies are nested more than " + std::to_string(kBlockDepthMax) + " deep",
                     running_.empty() ? "" : "each `run` counts with what is inside the named body");
  is_stopped_ = true;
  return false;
}

void Reader::ReadOpsInto(Body& body, const Context& context) {
  if (is_stopped_ || !EnterBlock(*body.node)) return;
  for (const Json& node : body.node->items) {
    if (is_stopped_ || !GoesOn(node)) break;
    if (++op_count_ > kOpsMax) {
      diagnostics_.AddAt(Opening(node), node.pointer, "the scenario has more than " + std::to_string(kOpsMax) + " ops",
                         "a named body counts each time that it is run");
      is_stopped_ = true;
      break;
    }
    std::optional<Op> op = ReadOp(node, context);
    if (op) body.ops.push_back(std::move(*op));
  }
  --depth_;
}

// A fresh copy for each use, since the names that it mentions are those of the place where it is used. A body that
// comes back to itself through an op that gives it a new life (a task that spawns its like) is the same Body again:
// the pointer to it does not own it, as that would be a cycle, and the Scenario keeps it alive.
std::shared_ptr<Body> Reader::ReadRun(const Json& node, const Context& context, std::string_view verb) {
  std::string name;
  if (!ReadString(node, name)) return nullptr;
  const auto found = bodies_.find(name);
  if (found == bodies_.end()) {
    const std::string nearest = NearestName(name, body_names_);
    diagnostics_.Add(node, "there is no named body `" + name + "`",
                     !nearest.empty()      ? "did you mean `" + nearest + "`?"
                     : body_names_.empty() ? "named bodies stand in `bodies`, at the top"
                                           : "there are " + ListNames(body_names_, "and"));
    return nullptr;
  }
  used_bodies_.insert(name);
  for (auto running = running_.rbegin(); running != running_.rend(); ++running) {
    if (running->name != name || running->is_async != context.is_async) continue;
    if (running->moved_depth != context.moved_depth) return {std::shared_ptr<Body>(), running->body};
    std::string chain;
    for (auto link = running.base() - 1; link != running_.end(); ++link) chain += link->name + " → ";
    diagnostics_.Add(node, "`" + std::string(verb) + "` runs `" + name + "` inside itself, without end", chain + name);
    return nullptr;
  }
  auto body = std::make_shared<Body>();
  body->named = name;
  body->node = found->second;
  if (found->second->kind != Json::Kind::kArray) return body;  // said already
  const std::size_t mark = names_.Mark();
  const std::vector<Held> held_before = held_;
  running_.push_back({name, context.is_async, context.moved_depth, body.get()});
  ReadOpsInto(*body, context);
  running_.pop_back();
  names_.CloseBlock(mark);
  held_ = held_before;
  return body;
}

// ---- bodies of an op

Reader::Context Reader::ContextOfBody(const Op& op, const Context& context) const {
  Context inside = context;
  // Leaves the loops around: `break` has to say what it cannot leave.
  const auto cut = [&] {
    inside.loop_cut = context.in_loop ? op.def->verb : context.loop_cut;
    inside.in_loop = false;
  };
  const auto move = [&](bool is_async) {
    inside.is_async = is_async;
    inside.in_loop = false;
    inside.loop_cut = context.in_loop || !context.loop_cut.empty() ? op.def->verb : std::string_view();
    inside.can_fail = true;
    inside.in_copies = context.in_copies || op.node->Find("count") != nullptr;
    ++inside.moved_depth;
  };
  switch (op.def->code) {
    case Code::kSpawn:
    case Code::kSpawnLocal:
    case Code::kFuture:
    case Code::kPush:
      move(true);
      break;
    case Code::kSpawnBlocking:
    case Code::kSpawnThread:
      move(false);
      break;
    case Code::kMakeValue:
      move(false);
      inside.can_fail = false;
      break;
    case Code::kBlockOn:
    case Code::kTimeout:
    case Code::kSelect:
    case Code::kJoin:
    case Code::kRunUntil:
    case Code::kUnconstrained:
      cut();
      inside.is_async = true;
      inside.can_fail = true;
      break;
    case Code::kGetOrInit:
      cut();
      inside.is_async = op.def->kind == Kind::kOnceCell;
      inside.can_fail = true;
      break;
    case Code::kBlockInPlace:
      cut();
      inside.is_async = false;
      break;
    case Code::kThreadScope:
      cut();
      inside.is_async = false;
      break;
    case Code::kCatchPanic:
      cut();
      break;
    case Code::kLoop:
    case Code::kWhile:
      inside.in_loop = true;
      break;
    default:
      break;
  }
  return inside;
}

void Reader::ReadBodyFields(Op& op, const Context& context, Leaked& leaked) {
  const Json& node = *op.node;
  const Code code = op.def->code;
  const Context inside = ContextOfBody(op, context);
  // A body of its own takes along only guards that have a name.
  std::vector<Held> held_before = held_;
  if (MovesBody(code)) std::erase_if(held_, [](const Held& held) { return held.guard.empty(); });
  if (const Json* body = node.Find("body"); body != nullptr && FindField(*op.def, Field::kBody) != nullptr) {
    const bool names_inside = !op.as.empty() && !MovesBody(code);
    const auto prelude = [&] {
      if (names_inside) DeclareResult(op);
      if (TakesLock(code) && op.target == Op::Target::kRef) held_.push_back({op.on.name, op.as});
    };
    op.body = ReadBody(*body, inside, code == Code::kTimeout ? &leaked : nullptr, prelude);
  }
  if (const Json* run = node.Find("run"); run != nullptr && FindField(*op.def, Field::kRun) != nullptr) {
    op.body = ReadRun(*run, inside, op.def->verb);
  }
  if (const Json* drop = node.Find("drop"); drop != nullptr && code == Code::kMakeValue) {
    op.drop = ReadBody(*drop, inside);
  }
  held_ = std::move(held_before);
  if (const Json* await = node.Find("await"); await != nullptr && code == Code::kTimeout) {
    if (op.body == nullptr) op.body = ReadAwait(*await, inside, leaked, op.await_name);
  }
  if (const Json* branches = node.Find("branches");
      branches != nullptr && FindField(*op.def, Field::kBranches) != nullptr) {
    ReadBranches(op, *branches, context);
  }
  if (const Json* then = node.Find("then"); then != nullptr && code == Code::kIf) op.then = ReadBody(*then, context);
  if (const Json* otherwise = node.Find("else"); otherwise != nullptr && FindField(*op.def, Field::kElse) != nullptr) {
    op.otherwise = ReadBody(*otherwise, context);
  }
  if (const Json* on_failure = node.Find("or"); on_failure != nullptr && op.def->can_fail) {
    op.has_or = true;
    op.on_failure = ReadBody(*on_failure, context);
  }
}

// An op, a body, or the name of a future that is polled by reference.
std::shared_ptr<Body> Reader::ReadAwait(const Json& node, const Context& context, Leaked& leaked,
                                        std::optional<Ref>& name) {
  if (node.kind == Json::Kind::kString) {
    name = ReadRef(node, Use::kElement, context);
    if (name && !CheckKind(*name, node, {Kind::kFuture, Kind::kNotified, Kind::kTask})) name.reset();
    return nullptr;
  }
  if (node.kind == Json::Kind::kArray) return ReadBody(node, context, &leaked);
  auto body = std::make_shared<Body>();
  body->node = &node;
  if (node.kind != Json::Kind::kObject) {
    FailType(node, "an op, a list of ops, or the name of a future");
    return body;
  }
  if (is_stopped_ || !EnterBlock(node)) return body;
  ++op_count_;
  const std::size_t mark = names_.Mark();
  const std::size_t held_mark = held_.size();
  if (std::optional<Op> op = ReadOp(node, context)) body->ops.push_back(std::move(*op));
  std::vector<Names::Entry> names = names_.CloseBlock(mark);
  leaked.names.insert(leaked.names.end(), names.begin(), names.end());
  if (held_.size() > held_mark) {
    leaked.held.assign(held_.begin() + static_cast<std::ptrdiff_t>(held_mark), held_.end());
    held_.resize(held_mark);
  }
  --depth_;
  return body;
}

void Reader::ReadBranches(Op& op, const Json& node, const Context& context) {
  const Code code = op.def->code;
  if (!IsList(node, code == Code::kSelect ? "branches" : "bodies")) return;
  if (node.items.empty()) {
    diagnostics_.AddAt(Opening(node), node.pointer, "`" + std::string(op.def->verb) + "` needs a branch");
  }
  for (const Json& item : node.items) {
    if (!GoesOn(item)) break;
    if (code == Code::kSelect) {
      ReadSelectBranch(op, item, context);
      continue;
    }
    Branch branch;
    branch.node = &item;
    if (code == Code::kJoin && item.kind == Json::Kind::kString) {
      Leaked ignored;
      ReadAwait(item, ContextOfBody(op, context), ignored, branch.name);
      if (!branch.name) continue;
    } else {
      branch.await = ReadBody(item, code == Code::kJoin ? ContextOfBody(op, context) : context);
    }
    op.branches.push_back(std::move(branch));
  }
}

void Reader::ReadSelectBranch(Op& op, const Json& node, const Context& context) {
  static const std::vector<std::string> kKeys = {"await", "then", "if"};
  if (!IsObject(node, "a branch of `select`")) return;
  CheckKeys(node, kKeys, "a branch of `select`");
  Branch branch;
  branch.node = &node;
  if (const Json* condition = node.Find("if")) branch.condition = ReadExpr(*condition, context);
  Leaked leaked;
  if (const Json* await = node.Find("await")) {
    branch.await = ReadAwait(*await, ContextOfBody(op, context), leaked, branch.name);
  } else {
    FailMissing(node, "await", "a branch of `select`");
  }
  if (const Json* then = node.Find("then")) {
    branch.then = ReadBody(*then, context, nullptr, [&] { DeclareLeaked(leaked); });
  }
  op.branches.push_back(std::move(branch));
}

void Reader::DeclareLeaked(Leaked& leaked) {
  for (Names::Entry& entry : leaked.names) names_.Declare(entry.first, std::move(entry.second));
  held_.insert(held_.end(), leaked.held.begin(), leaked.held.end());
}

}  // namespace asyncrt
