#include "tests/oracle/generator.h"

#include "tests/oracle/writer.h"

namespace asyncrt {

std::string RandomScenario(std::uint64_t seed, bool copies) { return ScenarioWriter(seed, copies).Write(); }

std::string ScenarioWriter::Write() {
  endless_ = random_.Percent(8);
  DeclareRuntimes();
  DeclareObjects();
  if (random_.Percent(10)) DeclareValue();
  if (random_.Percent(10)) DeclareBodies();
  PutIntoLocks();
  // Most programs are small: a slow judge sees many of them in the time of a large one.
  left_ = 6 + std::min(random_.Below(28), random_.Below(28));
  Context context;
  context.top = true;
  Json main = Json::array();
  Names declared;
  Some(context, main_, random_.Below(3), &main, &declared);
  if (random_.Percent(75)) {   // most programs are a `block_on`, and something around it
    if (Value* rt = Find(main_, Type::kRuntime)) {
      std::string on = rt->name;
      main.push_back(BlockOn(context, main_, on));
    }
  }
  Some(context, main_, 2 + random_.Below(4), &main, &declared);
  Json document;
  document["name"] = "random";
  if (!runtime_json_.is_null()) document["runtimes"] = runtime_json_;
  if (!object_json_.is_null()) document["objects"] = object_json_;
  if (!body_json_.is_null()) document["bodies"] = body_json_;
  document["main"] = std::move(main);
  if (copies_) AwaitAll(&document);
  const std::string text = document.dump();
  for (const std::string& local : locals_)   // the op that was to set it may not have been kept
    if (text.find("\"var\":\"" + local + "\"") == std::string::npos)
      document["main"].insert(document["main"].begin(), Json({{"op", "set"}, {"var", local}, {"to", 0}}));
  return document.dump(1);
}

// A future of main awaits copies of which nobody has taken note, all in a row.
void ScenarioWriter::AwaitAll(Json* document) {
  const std::string text = document->dump();
  auto mentions = [&](const std::string& name) {
    int n = 0;
    for (const char* begin : {"\"", "&", "(", " "})
      for (const char* end : {"\"", "[", ".", ")", " "})
        for (std::size_t at = text.find(begin + name + end); at != std::string::npos; at = text.find(begin + name + end, at + 1)) ++n;
    return n;
  };
  for (Json& op : (*document)["main"]) {
    if (op["op"] != "block_on" || !op.contains("body")) continue;
    Json awaits = Json::array();
    for (const Json& spawn : op["body"])
      if ((spawn["op"] == "spawn" || spawn["op"] == "spawn_blocking") && spawn.contains("count") && spawn.contains("as") && !spawn.contains("into") && mentions(spawn["as"]) == 1 && random_.Percent(80))
        awaits.push_back({{"op", "await"}, {"on", spawn["as"]}});
    const std::string last = op["body"].empty() ? "" : op["body"].back()["op"];
    if (last == "return" || last == "panic") continue;
    for (Json& await : awaits) op["body"].push_back(std::move(await));
  }
}

// ---- declarations -------------------------------------------------------------------------------------------------

void ScenarioWriter::DeclareRuntimes() {
  int count = random_.Percent(20) ? 0 : random_.Percent(92) ? 1 : 2;
  for (int i = 0; i < count; ++i) {
    std::string name = "rt" + std::to_string(i);
    Json rt;
    bool multi = random_.Percent(50);
    rt["flavor"] = multi ? "multi_thread" : "current_thread";
    if (multi) rt["worker_threads"] = random_.Percent(75) ? 1 : 2;
    if (random_.Percent(60)) rt["max_blocking_threads"] = 1 + random_.Below(2);
    if (random_.Percent(3)) rt["enable_time"] = false;
    if (random_.Percent(3)) rt["enable_io"] = false;
    if (multi && random_.Percent(6)) rt["disable_lifo_slot"] = true;
    if (random_.Percent(4)) rt["event_interval"] = 1 + random_.Below(3);
    if (random_.Percent(4)) rt["global_queue_interval"] = 1 + random_.Below(3);
    bool shared = random_.Percent(25);
    if (shared) rt["shared"] = true;
    runtime_json_[name] = rt;
    if (random_.Percent(10)) {   // its `build` makes it known
      unbuilt_.push_back(name);
      continue;
    }
    runtimes_.push_back(name);
    main_.values.push_back({name, Type::kRuntime, name, "runtime", shared});
  }
}

void ScenarioWriter::DeclareObjects() {
  static const Names kinds = {
      "std_mutex", "std_rwlock", "std_condvar", "std_channel", "std_channel", "std_barrier", "std_once", "atomic", "cell", "mutex",
      "mutex", "rwlock", "rwlock", "semaphore", "semaphore", "notify", "notify", "oneshot", "oneshot", "mpsc", "mpsc", "mpsc", "broadcast",
      "broadcast", "watch", "watch", "barrier", "once_cell", "cancellation_token", "join_set", "futures_unordered", "local_set", "io"};
  int count = 1 + std::min(random_.Below(3), random_.Below(4));
  for (int i = 0; i < count; ++i) {
    const std::string& kind = random_.Pick(kinds);
    if (kind == "std_condvar") DeclareObject("std_mutex");
    DeclareObject(kind);
  }
}

void ScenarioWriter::DeclareObject(const std::string& kind) {
  std::string name(1, static_cast<char>('a' + objects_.size()));
  Json object;
  object["kind"] = kind;
  Object known{name, kind, false, 0, {}};
  auto bound = [&](const char* field, int value) { object[field] = value; known.bounded = true; };
  if (kind == "std_channel" && random_.Percent(60)) bound("capacity", random_.Below(2));
  if (kind == "mpsc" && random_.Percent(65)) bound("capacity", 1 + random_.Below(2));
  if (kind == "broadcast") bound("capacity", 1 + random_.Below(2));
  if (kind == "io" && random_.Percent(50)) bound("buffer", 1);
  if (kind == "semaphore") object["permits"] = random_.Below(3);
  if (kind == "std_barrier" || kind == "barrier") object["parties"] = random_.Percent(75) ? 2 : 1 + random_.Below(3);
  if ((kind == "atomic" || kind == "cell" || kind == "watch") && random_.Percent(30)) object["value"] = random_.Below(3);
  if (kind == "std_rwlock" && random_.Percent(50)) object["policy"] = random_.Percent(50) ? "writers_first" : "readers_first";
  if (kind == "futures_unordered" && random_.Percent(40)) object["limit"] = random_.Below(3);
  if (kind == "cancellation_token")
    for (const Object& o : objects_)
      if (o.kind == kind && o.count == 0 && random_.Percent(70)) object["parent"] = o.name;
  static const Names arrays = {"std_mutex", "atomic", "mutex", "semaphore", "notify", "mpsc", "oneshot", "std_channel"};
  if (std::find(arrays.begin(), arrays.end(), kind) != arrays.end() && random_.Percent(10)) object["count"] = known.count = 2;
  for (int k = 0; k < std::max(1, known.count); ++k) {
    std::string on = known.count == 0 ? name : name + "[" + std::to_string(k) + "]";
    static const Names ended = {"std_channel", "mpsc", "oneshot", "io", "broadcast", "watch"};
    if (std::find(ended.begin(), ended.end(), kind) != ended.end()) {
      main_.values.push_back({on + ".tx", Type::kTx, on, kind, kind != "oneshot" && kind != "io"});
      main_.values.push_back({on + ".rx", Type::kRx, on, kind, kind == "watch"});
    }
    if (kind == "join_set" || kind == "futures_unordered") main_.values.push_back({on, Type::kSet, on, kind});
    if (kind == "local_set") main_.values.push_back({on, Type::kSet, on, kind, false, false});
  }
  object_json_[name] = object;
  objects_.push_back(known);
}

// A value with a destructor, which can use only shared things.
void ScenarioWriter::DeclareValue() {
  Owner nobody;
  Context context;
  context.depth = 3;
  left_ = 2;
  bool shared = random_.Percent(30), sends = random_.Percent(90);
  Json object;
  object["kind"] = "value";
  if (shared) object["shared"] = true;
  if (!sends) object["send"] = false;
  object["drop"] = Block(context, nobody, 2);
  object_json_["v"] = object;
  main_.values.push_back({"v", Type::kValue, "v", "value", shared, sends});
}

// Named bodies, which mention shared things only, so that they can be run anywhere.
void ScenarioWriter::DeclareBodies() {
  Json bodies;
  for (bool async : {false, true}) {
    Owner nobody;
    Context context;
    context.async = context.sends = async;
    context.depth = 3;
    left_ = 2;
    bodies[async ? "later" : "now"] = Block(context, nobody, 2);
  }
  body_json_ = bodies;
}

// `Arc<Mutex<Receiver>>`: an end that can be used only under the guard.
void ScenarioWriter::PutIntoLocks() {
  for (Object& lock : objects_) {
    if ((lock.kind != "std_mutex" && lock.kind != "mutex" && lock.kind != "rwlock" && lock.kind != "std_rwlock") || lock.count != 0) continue;
    if (!random_.Percent(15)) continue;
    for (const Value& v : main_.values) {
      if ((v.type != Type::kRx && v.type != Type::kTx) || v.name.find('[') != std::string::npos || v.kind == "oneshot" || v.kind == "watch" || !random_.Percent(50)) continue;
      object_json_[lock.name]["holds"] = Json::array({v.name});
      lock.holds.push_back(v.name);
      main_.Remove(v.name);
      break;
    }
  }
}

// ---- small things -------------------------------------------------------------------------------------------------

ScenarioWriter::Value* ScenarioWriter::Find(Owner& owner, Type type, const std::function<bool(const Value&)>& also) {
  std::vector<Value*> found;
  for (Value& v : owner.values)
    if (v.type == type && (also == nullptr || also(v))) found.push_back(&v);
  return found.empty() ? nullptr : random_.Pick(found);
}

const ScenarioWriter::Object* ScenarioWriter::ObjectOf(const std::vector<std::string>& kinds) {
  std::vector<const Object*> found;
  for (const Object& o : objects_)
    if (std::find(kinds.begin(), kinds.end(), o.kind) != kinds.end()) found.push_back(&o);
  return found.empty() ? nullptr : random_.Pick(found);
}

// The object, or one of the array.
std::string ScenarioWriter::Element(const Context& context, const Object& object) {
  if (object.count == 0) return object.name;
  std::string index = std::to_string(random_.Below(object.count));
  if (context.copies && random_.Percent(60)) index = "$index";
  else if (!locals_.empty() && random_.Percent(20)) index = Local() + " % 2";
  return object.name + "[" + index + "]";
}

std::string ScenarioWriter::Duration() {
  static const Names durations = {"1ms", "1ms", "2ms", "5ms", "20ms", "200ms"};
  return random_.Pick(durations);
}

std::string ScenarioWriter::Number(const Context& context) {
  if (const Object* o = ObjectOf({"atomic"}); o != nullptr && random_.Percent(40)) return Element(context, *o);
  if (!locals_.empty() && random_.Percent(50)) return Local() + (random_.Percent(20) ? " + 1" : "");
  if (context.copies && random_.Percent(40)) return "$index";
  return std::to_string(random_.Below(3));
}

std::string ScenarioWriter::Condition(const Context& context) {
  static const Names compare = {" > 0", " == 0", " != 1", " < 2"};
  if (!context.tasks.empty() && random_.Percent(25)) return std::string(random_.Percent(50) ? "!" : "") + "finished(" + random_.Pick(context.tasks) + ")";
  return Number(context) + random_.Pick(compare);
}

// An op that can fail gets an `or`, mostly.
void ScenarioWriter::MayFail(Json* op, const Context& context, Owner& owner, int percent_or) {
  if (!random_.Percent(percent_or)) return;
  if (left_ < 2 || !random_.Percent(12)) {
    (*op)["or"] = Json::array();
    return;
  }
  std::vector<Value> before = owner.values;
  (*op)["or"] = Block(context, owner, 1);
  std::erase_if(before, [&](const Value& v) { return !owner.Has(v.name); });
  owner.values = before;
}

void ScenarioWriter::Declare(Context& context, Owner& owner, Names* declared, const Value& value) {
  owner.values.push_back(value);
  declared->push_back(value.name);
  if (value.type == Type::kTask && !value.array) context.tasks.push_back(value.name);
  if (value.type == Type::kThread && !value.array) context.threads.push_back(value.name);
}

ScenarioWriter::Json ScenarioWriter::Use(Owner& owner, const Value& value, const std::string& verb) {
  owner.used.insert(value.name);
  Json op;
  op["op"] = verb;
  op["on"] = value.on;
  return op;
}

// ---- bodies -------------------------------------------------------------------------------------------------------

ScenarioWriter::Json ScenarioWriter::Block(const Context& context, Owner& owner, int most) {
  Json list = Json::array();
  Names declared, locked = owner.locked;
  Context inside = context;
  inside.top = false;
  ++inside.depth;
  Some(inside, owner, most == 0 ? 0 : 1 + random_.Below(most), &list, &declared);
  std::erase_if(locked, [&](const std::string& name) { return std::find(owner.locked.begin(), owner.locked.end(), name) == owner.locked.end(); });
  owner.locked = locked;   // what the block took is free again
  for (const std::string& name : declared) owner.Remove(name);
  return list;
}

void ScenarioWriter::Some(Context& context, Owner& owner, int count, Json* list, Names* declared) {
  for (int i = 0; i < count && left_ > 0; ++i) {
    Json op;
    for (int attempt = 0; attempt < 30 && op.is_null(); ++attempt) op = MakeOp(context, owner, declared);
    if (op.is_array())
      for (Json& one : op) list->push_back(std::move(one));
    else if (!op.is_null()) list->push_back(std::move(op));
  }
}

ScenarioWriter::Json ScenarioWriter::MakeOp(Context& context, Owner& owner, Names* declared) {
  --left_;
  Json op;
  if (random_.Percent(35)) op = Follow(context, owner, declared);
  if (!op.is_null()) return op;
  if (random_.Percent(50)) {
    op = ObjectOp(context, owner, declared);
  } else {
    int total = 0;
    for (const Weighted& w : TaskOps()) total += w.weight;
    int at = random_.Below(total);
    for (const Weighted& w : TaskOps()) {
      at -= w.weight;
      if (at >= 0) continue;
      op = (this->*w.make)(context, owner, declared);
      break;
    }
  }
  if (op.is_null()) ++left_;
  return op;
}

// What one does with something that one has: await a task, receive from a channel, release a permit.
ScenarioWriter::Json ScenarioWriter::Follow(Context& context, Owner& owner, Names* declared) {
  if (owner.values.empty()) return nullptr;
  const Value value = random_.Pick(owner.values);
  switch (value.type) {
    case Type::kTask: return random_.Percent(90) ? Await(context, owner, declared) : Abort(context, owner, declared);
    case Type::kThread: return random_.Percent(75) ? JoinThread(context, owner, declared) : Park(context, owner, declared);
    case Type::kFuture: return random_.Percent(60) ? Await(context, owner, declared) : Poll(context, owner, declared);
    case Type::kNotified: return Await(context, owner, declared);
    case Type::kTx: case Type::kRx: return ChannelOp(context, owner, declared, value);
    case Type::kSet: return SetOp(context, owner, declared, value);
    case Type::kRuntime: return RuntimeOp(context, owner, declared);
    default: return Drop(context, owner, declared);
  }
}

// A body with a life of its own. It may take what its maker owns: by moving it in, or a clone.
ScenarioWriter::Json ScenarioWriter::Moved(const Context& context, Owner& owner, const char* verb, bool async, const std::string& as) {
  const std::string op_name = verb;
  const bool stays = op_name == "future" || op_name == "push" || op_name == "spawn_local" || op_name == "value";   // on this thread
  const bool thread = op_name == "spawn_thread";
  Json op;
  op["op"] = verb;
  if (!as.empty()) op["as"] = as;
  const char* named = async ? "later" : "now";
  if (!body_json_.is_null() && op_name.rfind("spawn", 0) == 0 && random_.Percent(25)) {
    op["run"] = named;
    return op;
  }
  const bool copies = op_name.rfind("spawn", 0) == 0 && !context.copies && random_.Percent(copies_ ? 60 : 10);
  const bool alike = copies && copies_ && random_.Percent(70);   // nothing tells them apart
  Owner child;
  std::set<std::string> clones, borrowed;
  for (const Value& v : owner.values) {
    const bool frozen = context.frozen.count(v.name) != 0;
    if (v.held || v.type == Type::kEnter || v.type == Type::kStdGuard || (!v.sends && !stays) || !random_.Percent(65)) continue;
    if (v.name.find("[0].") != std::string::npos && copies && !alike && !frozen) {   // each copy gets one
      std::string whole = v.name.substr(0, v.name.find('[')), part = v.name.substr(v.name.find(']') + 1);
      if (!owner.Has(whole + "[1]" + part) || context.frozen.count(whole + "[1]" + part)) continue;
      Value mine = v;
      mine.name = whole + "[$index]" + part;
      mine.on = whole + "[$index]";
      mine.clones = false;
      child.values.push_back(mine);
      continue;
    }
    bool borrow = thread && context.scoped && !copies && (v.type == Type::kTx || v.type == Type::kRuntime) && random_.Percent(70);
    bool clone = !borrow && v.clones && (frozen || copies || random_.Percent(60));
    if ((frozen || copies) && !clone && !borrow) continue;
    child.values.push_back(v);
    if (clone) clones.insert(v.name);
    if (borrow) borrowed.insert(v.name);
  }
  Context inside;
  inside.async = async;
  inside.sends = async && op_name != "push" && op_name != "spawn_local";
  inside.returns = op_name != "value";
  inside.copies = (copies && !alike) || context.copies;
  inside.set = op_name == "spawn_local" || ((op_name == "future" || op_name == "push") && context.set);
  inside.depth = context.depth;
  inside.tasks = context.tasks;
  inside.threads = context.threads;
  inside.frozen = borrowed;
  Json body = Block(inside, child, context.depth > 3 ? 2 : 4);
  Json cloned = Json::array(), lent = Json::array();
  for (const std::string& name : child.used) {
    if (auto at = name.find("[$index]"); at != std::string::npos) {
      for (const char* index : {"[0]", "[1]"}) {
        std::string one = name.substr(0, at) + index + name.substr(at + 8);
        if (owner.Has(one)) owner.used.insert(one);
        owner.Remove(one);
      }
      continue;
    }
    if (!owner.Has(name)) continue;   // its own
    owner.used.insert(name);
    if (clones.count(name)) cloned.push_back(name);
    else if (borrowed.count(name)) lent.push_back(name);
    else owner.Remove(name);
  }
  if (copies) op["count"] = alike ? 2 + random_.Below(2) : 2;
  if (!cloned.empty()) op["clone"] = cloned;
  if (!lent.empty()) op["borrow"] = lent;
  op[op_name == "value" ? "drop" : "body"] = std::move(body);
  return op;
}

// Bodies of which one runs.
std::vector<ScenarioWriter::Json> ScenarioWriter::Alternatives(const Context& context, Owner& owner, int count) {
  std::vector<Value> before = owner.values, after = owner.values;
  std::vector<Json> bodies;
  for (int i = 0; i < count; ++i) {
    owner.values = before;
    bodies.push_back(Block(context, owner, 2));
    std::erase_if(after, [&](const Value& v) { return !owner.Has(v.name); });
  }
  owner.values = after;
  return bodies;
}

// Bodies that are polled side by side: none uses what another one does.
std::vector<ScenarioWriter::Owner> ScenarioWriter::Shares(Owner& owner, int count) {
  std::vector<Owner> shares(static_cast<std::size_t>(count));
  for (const Value& v : owner.values) shares[static_cast<std::size_t>(random_.Below(count))].values.push_back(v);
  owner.values.clear();
  return shares;
}

void ScenarioWriter::Rejoin(std::vector<Owner>& shares, Owner& owner) {
  for (Owner& share : shares) {
    owner.values.insert(owner.values.end(), share.values.begin(), share.values.end());
    owner.used.insert(share.used.begin(), share.used.end());
  }
}

ScenarioWriter::Context ScenarioWriter::Freeze(const Context& context, const Owner& owner) {
  Context inside = context;
  for (const Value& v : owner.values) inside.frozen.insert(v.name);
  return inside;
}

}  // namespace asyncrt
