// Names, values, types and expressions.
#include "core/export/rust_writer.h"

#include <algorithm>

#include "core/report/display.h"
#include "core/scenario/names.h"

namespace asyncrt {
namespace {

const std::set<std::string>& ReservedWords() {
  static const std::set<std::string> words = {
      "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum", "extern", "false", "fn", "for", "if", "impl",
      "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "self", "Self", "static", "struct", "super", "trait",
      "true", "type", "unsafe", "use", "where", "while", "abstract", "become", "box", "do", "final", "macro", "override", "priv",
      "typeof", "unsized", "virtual", "yield", "try", "gen", "union", "_", "index", "value", "got", "op", "out", "failed", "held",
      "shared", "shared_array", "told", "told_array", "atomic", "atomic_array", "tracked", "tracked_here", "in_party", "task", "joined", "joined_thread", "used", "compute",
      "choose", "now_ms", "poll_once", "catch_panic", "wait_for", "forget_permits", "borrowed", "blocking_recv", "exit", "Exit", "tried", "missed", "attempt", "told_channel", "told_receiver", "content", "Content", "Share", "bounded", "heard", "Heard", "Rx", "Told", "Bounded", "shared_sender", "blocking_send", "waited", "guard", "future", "late", "try_once", "drop", "scenario", "scope", "tokio", "std",
      "futures", "Some", "None", "Ok", "Err", "support", "Out", "Duration", "Arc", "Local", "Task", "Fail", "block_for_ever", "main_thread",
      "tokio_util", "handle", "thread", "Vec", "Option", "Box", "i64", "u64", "usize", "assert", "panic", "Builder", "Runtime", "SeqCst", "scaled"};
  return words;
}

bool IsCopy(const Ref& ref) { return ref.index && ref.index->kind == Expr::Kind::kIndex; }
bool IsConstant(const Ref& ref) { return ref.index && ref.index->kind == Expr::Kind::kNumber; }

}  // namespace

std::string JoinedLines(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += (out.empty() ? "" : "\n") + line;
  return out;
}

std::string AsOperand(const std::string& expr) { return expr.starts_with("{") || expr.starts_with("*") ? "(" + expr + ")" : expr; }

std::string RustString(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return "\"" + Printable(escaped) + "\"";   // its \u{1b} is Rust's, too
}

// Rust refuses comments that turn the direction of text.
std::string RustComment(std::string_view text) { return Printable(text); }

std::string RustName(std::string_view name) {
  std::string out;
  for (char c : name) out += (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ? c : '_';
  if (out.empty() || (out[0] >= '0' && out[0] <= '9')) out = "s" + out;
  return ReservedWords().count(out) != 0 ? out + "_" : out;
}

void RustWriter::Unsupported(const Op* op, const std::string& what) {
  const std::string line = (op != nullptr ? "line " + std::to_string(op->node->place.line) + ": " : "") + what;
  for (const std::string& known : unsupported_) if (known == line) return;
  unsupported_.push_back(line);
}

std::string RustWriter::Fresh(const std::string& hint) {
  std::string ident = RustName(hint);
  for (int k = 2; !taken_idents_.insert(ident).second; ++k) ident = RustName(hint) + "_" + std::to_string(k);
  return ident;
}

std::string RustWriter::Ident(const std::string& key) {
  auto it = idents_.find(key);
  if (it == idents_.end()) it = idents_.emplace(key, Fresh(key)).first;
  return it->second;
}

const Object* RustWriter::Declared(const std::string& name) const {
  for (const Object& object : scenario_.objects) if (object.name == name) return &object;
  return nullptr;
}

const Runtime* RustWriter::DeclaredRuntime(const std::string& name) const {
  for (const Runtime& runtime : scenario_.runtimes) if (runtime.name == name) return &runtime;
  return nullptr;
}

// The channel of an end, that of a subscribed receiver included.
const Object* RustWriter::ChannelOf(const Ref& ref) const {
  auto it = receiver_of_.find(ref.name);
  return Declared(it == receiver_of_.end() ? ref.name : it->second);
}

RustValue& RustWriter::Declare(const std::string& key, const std::string& ident, const std::string& type) {
  RustValue value;
  value.key = key;
  value.ident = ident;
  value.type = type;
  value.id = next_id_++;
  value.block = block_;
  value.optional = slots_.count(value.id) != 0;
  unit_->scopes.back().push_back(value);
  return unit_->scopes.back().back();
}

RustValue* RustWriter::FindIn(RustUnit& unit, const std::string& key) {
  for (auto scope = unit.scopes.rbegin(); scope != unit.scopes.rend(); ++scope)
    for (auto value = scope->rbegin(); value != scope->rend(); ++value)
      if (value->key == key) return &*value;
  return nullptr;
}

RustValue* RustWriter::FindAround(RustUnit* unit, const std::string& key) {
  for (; unit != nullptr; unit = unit->parent)
    if (RustValue* value = FindIn(*unit, key)) return value;
  return nullptr;
}

// A value of the units around, which this one takes.
RustValue* RustWriter::Capture(const RustCapture& capture, const RustValue& outer) {
  RustValue value = outer;
  value.key = capture.key;
  value.id = next_id_++;
  value.taken = value.partly = false;
  value.optional = outer.may_lack || (outer.optional && outer.array);
  if (capture.copy || capture.element >= 0) {
    value.array = false;
    value.optional = false;
    value.ident = Ident(capture.base) + (capture.copy ? "_i" : "_" + std::to_string(capture.element));
  } else {
    value.ident = Ident(capture.base);
  }
  value.block = unit_->block;
  const Code maker = unit_->made_by == nullptr ? Code::kUse : unit_->made_by->def->code;
  // What a value, a future or a set owns goes where that goes.
  const bool kept = maker == Code::kMakeValue || maker == Code::kFuture || maker == Code::kPush;
  const bool goes_along = kept && remotes_.count("sent " + (maker == Code::kPush ? unit_->made_by->on.name : unit_->made_by->as)) != 0;
  if (maker == Code::kSpawn || maker == Code::kSpawnThread || maker == Code::kSpawnBlocking || goes_along)
    remotes_.insert("sent " + capture.base.substr(0, capture.base.find('[')));
  if (slots_.count(value.id) != 0) value.optional = true;
  unit_->captures.push_back(capture);
  auto& root = unit_->scopes.front();
  root.insert(root.begin(), value);
  if (value.type == "guard") ShareLock(value.object);   // which it has, too
  return FindIn(*unit_, capture.key);
}

// The element of the copy that this body is in, which that copy takes for it if it does not have it yet.
RustValue* RustWriter::OfTheCopyAround(const std::string& key) {
  const std::string own = key + "[$index]";
  for (RustUnit* around = unit_->parent; around != nullptr; around = around->parent) {
    if (RustValue* value = FindIn(*around, own)) return value;
    if (FindIn(*around, key) != nullptr) return nullptr;
    if (around->made_by == nullptr || !around->made_by->count) continue;
    RustValue* whole = FindAround(around->parent, key);
    if (whole == nullptr) return nullptr;
    RustUnit* const inside = std::exchange(unit_, around);
    RustValue* value = Capture({own, key, -1, true}, *whole);
    unit_ = inside;
    return value;
  }
  return nullptr;
}

RustValue* RustWriter::Lookup(const Ref& ref) {
  const std::string key = KeyOf(ref);
  RustUnit& unit = *unit_;
  if (const Object* object = Declared(ref.name); object != nullptr && object->is_array && HasEnds(object->kind) && !IsConstant(ref)) remotes_.insert("array " + ref.name);
  if (IsCopy(ref)) {
    if (RustValue* one = FindIn(unit, key + "[$index]")) return one;
    RustValue* whole = FindIn(unit, key);
    if (whole != nullptr) return whole;
    // Through bodies without a count, up to the one whose copies are meant.
    if (unit.parent != nullptr) {
      bool counted = unit.made_by != nullptr && unit.made_by->count;
      if (counted) {
        if (RustValue* outer = FindAround(unit.parent, key)) return Capture({key + "[$index]", key, -1, true}, *outer);
      } else if (RustValue* outer = OfTheCopyAround(key)) {
        return Capture({key + "[$index]", key + "[$index]", -1, false}, *outer);
      }
    }
  }
  if (IsConstant(ref)) {
    const std::string one = key + "[" + std::to_string(ref.index->number) + "]";
    if (RustValue* value = FindIn(unit, one)) return value;
    if (RustValue* whole = FindIn(unit, key)) return whole;
    if (RustValue* outer = FindAround(unit.parent, one)) return Capture({one, one, -1, false}, *outer);
    if (RustValue* outer = FindAround(unit.parent, key)) {
      RustValue* value = Capture({one, key, ref.index->number, false}, *outer);
      return value;
    }
    return nullptr;
  }
  if (RustValue* value = FindIn(unit, key)) return value;
  if (RustValue* outer = FindAround(unit.parent, key)) return Capture({key, key, -1, false}, *outer);
  return nullptr;
}

std::string RustWriter::Index(const Ref& ref) {
  if (!ref.index) return "";
  if (IsConstant(ref)) return "[" + std::to_string(ref.index->number) + "]";
  return "[(" + Int(*ref.index) + ") as usize]";
}

// Rust has the end of a channel borrowed while a place reserved by it, or what a watch shows, is held.
void RustWriter::FreeOfBorrows(const RustValue& value, Mode mode) {
  const std::string channel = value.key.substr(0, value.key.find('.'));
  if (channel.size() == value.key.size() || mode == Mode::kRef) return;
  for (RustUnit* unit = unit_; unit != nullptr; unit = unit->parent)
    for (const auto& scope : unit->scopes)
      for (const RustValue& other : scope) {
        if (other.object != channel || other.id == value.id) continue;   // one that was given up may have been so on some ways only
        if (other.type == "permit" && mode == Mode::kTake) remotes_.insert("permit " + other.key);
        if (other.type == "guard") remotes_.insert("borrow " + channel);
      }
}

// The latest guard of that name, or of the object of that name, that is held for sure; else the latest.
RustValue* RustWriter::GuardOf(const std::string& name) {
  RustValue* latest = nullptr;
  for (auto scope = unit_->scopes.rbegin(); scope != unit_->scopes.rend(); ++scope)
    for (auto value = scope->rbegin(); value != scope->rend(); ++value) {
      if (value->taken || (value->object != name && value->key != name)) continue;
      if (!value->may_lack) return &*value;
      if (latest == nullptr) latest = &*value;
    }
  return latest;
}

std::string RustWriter::UseValue(RustValue& value, Mode mode, const std::string& index) {
  FreeOfBorrows(value, mode);
  const bool is_element = value.array || value.key.find('[') != std::string::npos, takes = mode == Mode::kTake;
  const bool is_inside = block_ != value.block;
  for (int block = block_; block != value.block && !is_element && places_.count(block) != 0; block = places_[block].around) {
    Place& place = places_[block];
    const std::pair<int, std::string> mention{value.id, value.ident};
    if (std::find(place.mentions.begin(), place.mentions.end(), mention) == place.mentions.end()) place.mentions.push_back(mention);
    if (takes) place.takes.insert(value.id);
  }
  if (takes && !value.array) {
    if (is_element && is_inside) slots_.insert(value.id);
    value.taken = true;
  }
  std::string text = value.ident;
  if (value.array) {
    if (index.empty()) return takes && is_inside ? "std::mem::take(&mut " + text + ")" : text;
    text += index;
    return text + (mode == Mode::kTake ? ".take().unwrap()" : mode == Mode::kMut ? ".as_mut().unwrap()" : ".as_ref().unwrap()");
  }
  if (!value.optional) return text;
  return text + (mode == Mode::kTake ? ".take().unwrap()" : mode == Mode::kMut ? ".as_mut().unwrap()" : ".as_ref().unwrap()");
}

// A value that is kept in a lock is reached through the guard of it.
std::string RustWriter::HeldBy(const Ref& ref) {
  auto lock = lock_of_.find(KeyOf(ref));
  if (lock == lock_of_.end()) return "";
  for (auto scope = unit_->scopes.rbegin(); scope != unit_->scopes.rend(); ++scope)
    for (auto value = scope->rbegin(); value != scope->rend(); ++value)
      if (value->object == lock->second && !value->taken) {
        std::string guard = UseValue(*value, Mode::kMut, "");
        const Object* object = Declared(lock->second);
        if (object->holds.size() == 1) return "(**" + guard + ")";
        for (std::size_t k = 0; k < object->holds.size(); ++k)
          if (KeyOf(object->holds[k]) == KeyOf(ref)) return guard + "." + std::to_string(k);
      }
  return "";
}

std::string RustWriter::Use(const Ref& ref, Mode mode, const Op* op) {
  std::string held = HeldBy(ref);
  if (!held.empty()) return held;
  if (ref.kind == Kind::kRuntime && ref.part == Ref::Part::kHandle) return Ident(ref.name + ".handle") + (DeclaredRuntime(ref.name)->has_build ? ".get()" : "");
  RustValue* value = Lookup(ref);
  if (value == nullptr) {
    Unsupported(op, "`" + KeyOf(ref) + "` is not at hand here");
    return Ident(KeyOf(ref));
  }
  return UseValue(*value, mode, value->array ? Index(ref) : "");
}

std::string RustWriter::Shared(const Ref& ref) {
  ShareLock(ref.name);
  return Ident(ref.name) + Index(ref);
}

// A body that mentions a lock that holds values takes a share of it.
void RustWriter::ShareLock(const std::string& lock) {
  const std::string key = ShareOf(lock);
  if (FindIn(*unit_, key) != nullptr) return;
  if (const RustValue* outer = FindAround(unit_->parent, key)) Line("used(&" + Capture({key, key, -1, false}, *outer)->ident + ");");
}

// A task or thread by a name that does not own it.
std::string RustWriter::Remote(const std::string& name, const std::optional<std::string>& index) {
  remotes_.insert(name);
  return Ident("&" + name) + index.value_or("");
}

std::string RustWriter::LocalVar(const std::string& name) {
  std::string ident = Ident("%" + name);
  for (const std::string& known : unit_->locals) if (known == name) return ident;
  for (RustUnit* outer = unit_->parent; outer != nullptr && unit_->copied.count(name) == 0; outer = outer->parent)
    for (const std::string& known : outer->locals)
      if (known == name) {
        // Every body between starts with a copy, too.
        for (RustUnit* between = unit_; between != outer; between = between->parent) {
          between->locals.push_back(name);
          between->copied.insert(name);
        }
        return ident;
      }
  unit_->locals.push_back(name);
  return ident;
}

// Not of a receiver that a lock holds: the lock is there for good, as if in an `Arc` that nobody drops last. Nor where a
// message is handed over, and never in the channel.
bool RustWriter::IsTold(const Object& channel) const {
  if (channel.kind != Kind::kStdChannel && channel.kind != Kind::kMpsc && channel.kind != Kind::kOneshot && channel.kind != Kind::kBroadcast) return false;
  if (channel.kind == Kind::kBroadcast && channel.is_array) return false;   // whose receiver it is would be said with an index
  if (channel.kind == Kind::kStdChannel && channel.capacity == 0) return false;
  const auto held = lock_of_.lower_bound(channel.name + ".rx");
  return held == lock_of_.end() || !held->first.starts_with(channel.name + ".rx");
}

// ---- types -------------------------------------------------------------------------------------------------------

std::string RustWriter::MessageType(const std::string& object) {
  auto it = messages_.find(object);
  if (it == messages_.end()) return "i64";
  std::string type = "(i64";
  for (const Ref& ref : it->second) type += ", " + TypeOf(ref);
  return type + ")";
}

std::string RustWriter::ChannelType(const Object& object, Ref::Part part) {
  const std::string message = MessageType(object.name);
  const bool tx = part == Ref::Part::kTx;
  const std::string rx = IsTold(object) && !tx ? ">" : "", open = rx.empty() ? "" : "Rx<";
  switch (object.kind) {
    case Kind::kStdChannel: return open + std::string("std::sync::mpsc::") + (tx ? object.capacity ? "SyncSender" : "Sender" : "Receiver") + "<" + message + ">" + rx;
    case Kind::kMpsc: return open + std::string("tokio::sync::mpsc::") + (object.capacity ? "" : "Unbounded") + (tx ? "Sender" : "Receiver") + "<" + message + ">" + rx;
    case Kind::kOneshot: return open + std::string("tokio::sync::oneshot::") + (tx ? "Sender" : "Receiver") + "<" + message + ">" + rx;
    case Kind::kBroadcast: return open + std::string("tokio::sync::broadcast::") + (tx ? "Sender" : "Receiver") + "<" + message + ">" + rx;
    case Kind::kWatch: {
      const std::string type = std::string("tokio::sync::watch::") + (tx ? "Sender" : "Receiver") + "<i64>";
      return tx && remotes_.count("cloned " + object.name) != 0 ? "Arc<" + type + ">" : type;
    }
    case Kind::kIo: return std::string("crate::pipes::") + (tx ? "PipeTx" : "PipeRx");
    default: return "()";
  }
}

std::string RustWriter::TypeOf(const Ref& ref) {
  if (ref.part == Ref::Part::kTx || ref.part == Ref::Part::kRx)
    if (const Object* object = ChannelOf(ref)) return ChannelType(*object, ref.part);
  switch (ref.kind) {
    case Kind::kTask: return remotes_.count(ref.name) != 0 ? "Task<Out>" : "tokio::task::JoinHandle<Out>";
    case Kind::kThread: return "std::thread::JoinHandle<Out>";
    case Kind::kFuture: return "std::pin::Pin<Box<dyn std::future::Future<Output = Out> + Send>>";
    case Kind::kNotified: return "std::pin::Pin<Box<tokio::sync::futures::Notified<'static>>>";
    case Kind::kRuntime: return DeclaredRuntime(ref.name)->shared ? "Arc<tokio::runtime::Runtime>" : "tokio::runtime::Runtime";
    case Kind::kJoinSet: return "tokio::task::JoinSet<Out>";
    case Kind::kLocalSet: return "tokio::task::LocalSet";
    case Kind::kValue: { const Object* object = Declared(ref.name); return object != nullptr && object->shared ? "Arc<OnDrop>" : "OnDrop"; }
    case Kind::kPermit: case Kind::kGuard: {
      auto maker = maker_.find(ref.name);
      auto lock = guard_of_.find(ref.name);
      const Object* object = lock == guard_of_.end() ? nullptr : Declared(lock->second);
      if (maker == maker_.end() || object == nullptr) break;
      if (object->kind == Kind::kSemaphore) return "Held<tokio::sync::SemaphorePermit<'static>>";
      if (object->kind == Kind::kMpsc) return "tokio::sync::mpsc::OwnedPermit<" + MessageType(object->name) + ">";
      if (object->kind == Kind::kMutex && object->holds.empty()) return "Held<tokio::sync::MutexGuard<'static, ()>>";
      if (object->kind == Kind::kRwlock && object->holds.empty())
        return maker->second == Code::kWrite || maker->second == Code::kTryWrite || maker->second == Code::kBlockingWrite
                   ? "Held<tokio::sync::RwLockWriteGuard<'static, ()>>" : "Held<tokio::sync::RwLockReadGuard<'static, ()>>";
      break;
    }
    default: break;
  }
  Unsupported(nullptr, "a message that owns `" + KeyOf(ref) + "`");
  return "()";
}

// ---- expressions -------------------------------------------------------------------------------------------------

namespace {
bool IsBool(const Expr& e) {
  switch (e.kind) {
    case Expr::Kind::kNot: case Expr::Kind::kLess: case Expr::Kind::kLessEqual: case Expr::Kind::kGreater: case Expr::Kind::kGreaterEqual:
    case Expr::Kind::kEqual: case Expr::Kind::kNotEqual: case Expr::Kind::kAnd: case Expr::Kind::kOr: case Expr::Kind::kFinished: return true;
    default: return false;
  }
}
}  // namespace

std::string RustWriter::Int(const Expr& e) {
  if (IsBool(e)) return "i64::from(" + Bool(e) + ")";
  auto two = [&](const char* sign) { return "(" + Int(e.kids[0]) + " " + sign + " " + Int(e.kids[1]) + ")"; };
  switch (e.kind) {
    case Expr::Kind::kNumber: return e.number < 0 ? "(" + std::to_string(e.number) + ")" : std::to_string(e.number);
    case Expr::Kind::kLocal: return LocalVar(e.name) + ".get()";
    case Expr::Kind::kAtomic: return Ident(e.name) + (e.kids.empty() ? "" : "[(" + Int(e.kids[0]) + ") as usize]") + ".load(SeqCst)";
    case Expr::Kind::kIndex: return "index";
    case Expr::Kind::kNow: return "now_ms()";
    case Expr::Kind::kWatchValue: return "value";
    case Expr::Kind::kNegate: return "(-" + Int(e.kids[0]) + ")";
    case Expr::Kind::kAdd: return two("+");
    case Expr::Kind::kSubtract: return two("-");
    case Expr::Kind::kMultiply: return two("*");
    case Expr::Kind::kDivide: return two("/");
    case Expr::Kind::kRemainder: return two("%");
    default: return "0";
  }
}

std::string RustWriter::Bool(const Expr& e) {
  auto two = [&](const char* sign) { return "(" + Int(e.kids[0]) + " " + sign + " " + Int(e.kids[1]) + ")"; };
  switch (e.kind) {
    case Expr::Kind::kNot: return "!" + Bool(e.kids[0]);
    case Expr::Kind::kLess: return two("<");
    case Expr::Kind::kLessEqual: return two("<=");
    case Expr::Kind::kGreater: return two(">");
    case Expr::Kind::kGreaterEqual: return two(">=");
    case Expr::Kind::kEqual: return two("==");
    case Expr::Kind::kNotEqual: return two("!=");
    case Expr::Kind::kAnd: return "(" + Bool(e.kids[0]) + " && " + Bool(e.kids[1]) + ")";
    case Expr::Kind::kOr: return "(" + Bool(e.kids[0]) + " || " + Bool(e.kids[1]) + ")";
    case Expr::Kind::kFinished: {
      std::optional<std::string> index;
      if (!e.kids.empty()) index = "[(" + Int(e.kids[0]) + ") as usize]";
      return Remote(e.name, index) + ".is_finished()";
    }
    default: return "(" + Int(e) + " != 0)";
  }
}

}  // namespace asyncrt
