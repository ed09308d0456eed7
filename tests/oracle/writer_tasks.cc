// Random ops of runtimes, threads, tasks, combinators, values and control flow.
#include "tests/oracle/writer.h"

namespace asyncrt {

const std::vector<ScenarioWriter::Weighted>& ScenarioWriter::TaskOps() {
  using W = ScenarioWriter;
  static const std::vector<Weighted> ops = {
      {14, &W::Spawn}, {5, &W::SpawnBlocking}, {10, &W::SpawnThread}, {2, &W::ThreadScope}, {14, &W::Await}, {4, &W::Abort}, {7, &W::Drop},
      {5, &W::JoinThread}, {7, &W::BlockOnSome}, {2, &W::BlockInPlace}, {9, &W::Pause}, {5, &W::Timeout}, {8, &W::Select}, {5, &W::Join},
      {5, &W::MakeFuture}, {4, &W::Poll}, {5, &W::Branching}, {5, &W::Loop}, {5, &W::Leave}, {4, &W::Panics}, {2, &W::Enter}, {2, &W::Park},
      {3, &W::Locals}, {2, &W::MakeValue}, {2, &W::Call}, {2, &W::HandOver}, {3, &W::RuntimeOp}};
  return ops;
}

// ---- threads and tasks --------------------------------------------------------------------------------------------

ScenarioWriter::Json ScenarioWriter::Spawn(Context& context, Owner& owner, Names* declared) {
  if (Deep(context) || parties_ >= 4) return nullptr;
  if (!context.async && (runtimes_.empty() || random_.Percent(30))) return nullptr;
  ++parties_;
  Value* found = Find(owner, Type::kSet);
  const bool local = found != nullptr && found->kind == "local_set" && random_.Percent(70);
  const bool into = found != nullptr && found->kind == "join_set" && random_.Percent(75);
  const Value set = found != nullptr ? *found : Value();
  const bool here = !local && context.set && random_.Percent(50);   // on the set that is being polled
  std::string as = Fresh("t");
  if (local || into) owner.Remove(set.name);   // not for the task itself
  Json op = Moved(context, owner, local || here || random_.Percent(1) ? "spawn_local" : "spawn", true, as);
  if (local || into) owner.values.push_back(set);
  if (local || into) owner.used.insert(set.name);
  if (local) op["on"] = set.name;
  if (into) op["into"] = set.name;
  if (op["op"] == "spawn" && !runtimes_.empty() && random_.Percent(context.async ? 12 : 97)) op["on"] = random_.Pick(runtimes_) + ".handle";
  if (random_.Percent(8)) op["detached"] = true;
  if (into && !op.contains("count")) context.tasks.push_back(as);
  if (!into) Declare(context, owner, declared, {as, Type::kTask, as, "task", false, true, op.contains("count")});
  return op;
}

ScenarioWriter::Json ScenarioWriter::SpawnBlocking(Context& context, Owner& owner, Names* declared) {
  if (Deep(context) || parties_ >= 4 || (!context.async && runtimes_.empty())) return nullptr;
  ++parties_;
  std::string as = Fresh("b");
  Json op = Moved(context, owner, "spawn_blocking", false, as);
  if (!runtimes_.empty() && random_.Percent(context.async ? 15 : 95)) op["on"] = random_.Pick(runtimes_) + ".handle";
  Declare(context, owner, declared, {as, Type::kTask, as, "task", false, true, op.contains("count")});
  return op;
}

ScenarioWriter::Json ScenarioWriter::SpawnThread(Context& context, Owner& owner, Names* declared) {
  if (Deep(context) || parties_ >= 4) return nullptr;
  ++parties_;
  std::string as = Fresh("h");
  Json op = Moved(context, owner, "spawn_thread", false, as);
  if (random_.Percent(8)) op["detached"] = true;
  Declare(context, owner, declared, {as, Type::kThread, as, "thread", false, true, op.contains("count")});
  return op;
}

ScenarioWriter::Json ScenarioWriter::ThreadScope(Context& context, Owner& owner, Names*) {
  if (Deep(context) || context.loops) return nullptr;
  Context inside = context;
  inside.async = inside.loops = false;
  inside.scoped = true;
  return {{"op", "thread_scope"}, {"body", Block(inside, owner, 3)}};
}

ScenarioWriter::Json ScenarioWriter::Await(Context& context, Owner& owner, Names*) {
  if (!MayAwait(context)) return nullptr;
  const Type type = random_.Percent(65) ? Type::kTask : random_.Percent(50) ? Type::kFuture : random_.Percent(60) ? Type::kNotified : Type::kSet;
  Value* v = Find(owner, type, [&](const Value& x) { return x.type != Type::kSet || x.kind == "local_set"; });
  if (v == nullptr || context.frozen.count(v->name)) return nullptr;
  Value value = *v;
  Json op = Use(owner, value, "await");
  owner.Remove(value.name);
  if (type == Type::kTask) MaySetLocal(&op);
  if (type == Type::kTask) MayFail(&op, context, owner, 60);
  return op;
}

ScenarioWriter::Json ScenarioWriter::Abort(Context& context, Owner&, Names*) {
  if (context.tasks.empty()) return nullptr;
  return {{"op", "abort"}, {"on", random_.Pick(context.tasks)}};
}

ScenarioWriter::Json ScenarioWriter::Drop(Context& context, Owner& owner, Names*) {
  std::vector<Value> can;
  for (const Value& v : owner.values)
    if (!v.held && (v.type != Type::kRuntime || random_.Percent(25))) can.push_back(v);
  if (can.empty()) return nullptr;
  Value v = random_.Pick(can);
  owner.used.insert(v.name);
  if (random_.Percent(10)) return {{"op", "use"}, {"on", v.name}};
  if (context.frozen.count(v.name)) return nullptr;
  owner.Remove(v.name);
  if ((v.type == Type::kPermit || v.type == Type::kPlace) && random_.Percent(60)) return {{"op", "release"}, {"on", v.name}};
  if ((v.type == Type::kGuard || v.type == Type::kStdGuard) && random_.Percent(60)) return {{"op", "unlock"}, {"on", v.name}};
  return {{"op", random_.Percent(8) ? "forget" : "drop"}, {"on", v.name}};
}

ScenarioWriter::Json ScenarioWriter::JoinThread(Context& context, Owner& owner, Names*) {
  Value* v = Find(owner, Type::kThread, [&](const Value& t) { return !context.frozen.count(t.name); });
  if (v == nullptr) return nullptr;
  Value value = *v;
  Json op = Use(owner, value, "join_thread");
  owner.Remove(value.name);
  MaySetLocal(&op);
  MayFail(&op, context, owner, 40);
  return op;
}

// ---- runtimes -----------------------------------------------------------------------------------------------------

ScenarioWriter::Json ScenarioWriter::RuntimeOp(Context& context, Owner& owner, Names*) {
  if (!unbuilt_.empty() && context.top) {
    std::string name = unbuilt_.back();
    unbuilt_.pop_back();
    runtimes_.push_back(name);
    owner.values.push_back({name, Type::kRuntime, name, "runtime", runtime_json_[name].contains("shared")});
    return {{"op", "build"}, {"on", name}};
  }
  Value* v = Find(owner, Type::kRuntime, [&](const Value& rt) { return !context.frozen.count(rt.name); });
  if (v == nullptr || random_.Percent(40)) return nullptr;
  Json op = Use(owner, *v, random_.Percent(50) ? "shutdown_background" : "shutdown_timeout");
  if (op["op"] == "shutdown_timeout") op["after"] = Duration();
  owner.Remove(op["on"].get<std::string>());
  return op;
}

ScenarioWriter::Json ScenarioWriter::BlockOnSome(Context& context, Owner& owner, Names*) {
  if (Deep(context) || context.depth > 3 || (context.async && random_.Percent(75))) return nullptr;
  int how = random_.Below(10);
  if (how < 4) {
    Value* v = Find(owner, Type::kRuntime);
    if (v == nullptr) return nullptr;
    std::string on = v->name;
    return BlockOn(context, owner, on);
  }
  if (how < 8 && !runtimes_.empty()) return BlockOn(context, owner, random_.Pick(runtimes_) + ".handle");
  if (how == 8) return BlockOn(context, owner, "futures");
  return context.async ? BlockOn(context, owner, "current") : Json();
}

ScenarioWriter::Json ScenarioWriter::BlockOn(const Context& context, Owner& owner, const std::string& on) {
  Context inside = context;
  inside.async = inside.returns = true;
  inside.loops = false;
  Json op;
  op["op"] = "block_on";
  op["on"] = on;
  Value* set = on == "futures" || on == "current" ? nullptr : Find(owner, Type::kSet, [](const Value& v) { return v.kind == "local_set"; });
  if (set != nullptr && random_.Percent(50)) {
    op["local"] = set->name;
    owner.used.insert(set->name);
    inside.frozen.insert(set->name);
    inside.set = true;
  }
  if (on != "current" && on != "futures") owner.used.insert(on);
  inside.frozen.insert(on);   // borrowed until it ends
  if (!body_json_.is_null() && random_.Percent(8)) op["run"] = "later";
  else op["body"] = Block(inside, owner, 7);
  if (random_.Percent(15)) op["or"] = Json::array();
  return op;
}

ScenarioWriter::Json ScenarioWriter::Enter(Context& context, Owner& owner, Names* declared) {
  if (Deep(context) || runtimes_.empty()) return nullptr;
  Json op = {{"op", "enter"}, {"on", random_.Pick(runtimes_) + ".handle"}};
  if (random_.Percent(35) && !MayAwait(context)) {
    std::string name = Fresh("e");
    op["as"] = name;
    context.guarded = true;
    Declare(context, owner, declared, {name, Type::kEnter, name, "enter guard", false, false});
    return op;
  }
  Context inside = context;
  inside.guarded = true;
  op["body"] = Block(inside, owner, 2);
  return op;
}

ScenarioWriter::Json ScenarioWriter::BlockInPlace(Context& context, Owner& owner, Names*) {
  if (Deep(context) || !context.async) return nullptr;
  Context inside = context;
  inside.async = inside.loops = false;
  return {{"op", "block_in_place"}, {"body", Block(inside, owner, 2)}};
}

ScenarioWriter::Json ScenarioWriter::Pause(Context& context, Owner& owner, Names*) {
  if (MayAwait(context)) {
    int how = random_.Below(12);
    if (how < 4) return {{"op", "yield_now"}};
    if (how < 8) return {{"op", "sleep"}, {"for", Duration()}};
    if (how == 8 && random_.Percent(50)) return {{"op", "pending"}};
    if (how == 9 && !Deep(context)) {
      Context inside = context;
      inside.returns = true;
      inside.loops = false;
      return {{"op", "unconstrained"}, {"body", Block(inside, owner, 2)}};
    }
  }
  int how = random_.Below(8);
  if (how < 3) return {{"op", "compute"}, {"for", Duration()}};
  if (how < 5) return {{"op", "thread_sleep"}, {"for", Duration()}};
  if (how < 7) return {{"op", "thread_yield"}};
  return random_.Percent(40) ? Json({{"op", "pending"}}) : Json();
}

ScenarioWriter::Json ScenarioWriter::Park(Context& context, Owner&, Names*) {
  if (context.threads.empty() || random_.Percent(40)) return {{"op", "park"}};
  return {{"op", "unpark"}, {"on", random_.Pick(context.threads)}};
}

// ---- combinators --------------------------------------------------------------------------------------------------

// What can be polled by its name.
ScenarioWriter::Value* ScenarioWriter::Pollable(Owner& owner) {
  const Type type = random_.Percent(45) ? Type::kTask : random_.Percent(60) ? Type::kFuture : Type::kNotified;
  return Find(owner, type, [](const Value& v) { return !v.array; });
}

// One op that waits, as the `await` of a select or timeout.
ScenarioWriter::Json ScenarioWriter::Waiting(const Context& context, Owner& owner) {
  for (int attempt = 0; attempt < 12; ++attempt) {
    if (random_.Percent(20)) return {{"op", "sleep"}, {"for", Duration()}};
    if (random_.Percent(30)) {
      Context here = context;
      Json op = Await(here, owner, nullptr);
      if (!op.is_null()) return op;
      continue;
    }
    const Object& o = random_.Pick(objects_);
    const std::string on = Element(context, o);
    if (o.kind == "notify") return {{"op", "notified"}, {"on", on}};
    if (o.kind == "barrier") return {{"op", "wait"}, {"on", on}};
    if (o.kind == "cancellation_token") return {{"op", "cancelled"}, {"on", on}};
    if ((o.kind == "semaphore" || o.kind == "mutex" || o.kind == "rwlock") && o.holds.empty()) {
      Json op = {{"op", o.kind == "semaphore" ? "acquire" : o.kind == "mutex" ? "lock" : random_.Percent(50) ? "read" : "write"}, {"on", on}};
      if (random_.Percent(50)) op["body"] = Json::array();
      return op;
    }
    for (const Value& v : owner.values) {
      const bool its = v.kind == o.kind && (v.on == o.name || v.on.rfind(o.name + "[", 0) == 0);
      Json op;
      if (its && v.type == Type::kRx) op = Receive(context, owner, v, true);
      else if (its && v.type == Type::kTx && o.kind == "oneshot") op = Use(owner, v, "closed");
      else if (its && v.type == Type::kTx && o.kind == "mpsc" && o.bounded) op = Send(context, owner, v);
      else if (its && o.kind == "join_set") op = Use(owner, v, "join_next");
      else if (its && o.kind == "futures_unordered") op = Use(owner, v, "next");
      if (!op.is_null()) return op;
    }
  }
  return {{"op", "yield_now"}};
}

ScenarioWriter::Json ScenarioWriter::Awaited(const Context& context, Owner& owner) {
  if (Value* v = Pollable(owner); v != nullptr && random_.Percent(60)) {
    owner.used.insert(v->name);
    return v->name;
  }
  Context inside = context;
  inside.loops = false;
  if (Deep(context) || random_.Percent(75)) return Waiting(inside, owner);
  inside.returns = true;
  return Block(inside, owner, 2);
}

ScenarioWriter::Json ScenarioWriter::Timeout(Context& context, Owner& owner, Names*) {
  if (!MayAwait(context)) return nullptr;
  Json op = {{"op", "timeout"}, {"after", Duration()}};
  Json await = Awaited(context, owner);
  op[await.is_array() && random_.Percent(50) ? "body" : "await"] = await;
  MayFail(&op, context, owner, 85);
  return op;
}

ScenarioWriter::Json ScenarioWriter::Select(Context& context, Owner& owner, Names*) {
  if (!MayAwait(context)) return nullptr;
  std::vector<Owner> shares = Shares(owner, random_.Percent(85) ? 2 : 3);
  Json branches = Json::array();
  for (Owner& share : shares) {
    Json branch;
    if (random_.Percent(12)) branch["if"] = Condition(context);
    branch["await"] = Awaited(context, share);
    branches.push_back(branch);
  }
  Rejoin(shares, owner);
  for (Json& branch : branches)
    if (random_.Percent(15)) branch["then"] = Block(Freeze(context, owner), owner, 1);
  Json op = {{"op", "select"}, {"branches", branches}};
  if (random_.Percent(50)) op["biased"] = true;
  if (random_.Percent(60)) op["else"] = Block(Freeze(context, owner), owner, random_.Below(2));
  return op;
}

ScenarioWriter::Json ScenarioWriter::Join(Context& context, Owner& owner, Names*) {
  if (!MayAwait(context) || Deep(context)) return nullptr;
  std::vector<Owner> shares = Shares(owner, 2);
  Json branches = Json::array();
  for (Owner& share : shares) {
    Value* v = Pollable(share);
    if (v != nullptr && random_.Percent(60)) {
      share.used.insert(v->name);
      branches.push_back(v->name);
    } else {
      Context inside = context;
      inside.returns = true;
      inside.loops = false;
      branches.push_back(Block(inside, share, 2));
    }
  }
  Rejoin(shares, owner);
  Json op = {{"op", "join"}, {"branches", branches}};
  if (random_.Percent(50)) op["biased"] = true;
  if (random_.Percent(30)) {
    op["try"] = true;
    MayFail(&op, context, owner);
  }
  return op;
}

ScenarioWriter::Json ScenarioWriter::MakeFuture(Context& context, Owner& owner, Names* declared) {
  if (!context.async || Deep(context)) return nullptr;
  std::string as = Fresh("f");
  Json op = Moved(context, owner, "future", true, as);
  Declare(context, owner, declared, {as, Type::kFuture, as, "future"});
  return op;
}

ScenarioWriter::Json ScenarioWriter::Poll(Context& context, Owner& owner, Names*) {
  Value* v = context.async ? Find(owner, Type::kFuture) : nullptr;
  if (v == nullptr) return nullptr;
  Json op = Use(owner, *v, "poll");
  MayFail(&op, context, owner, 90);
  return op;
}

// ---- control flow -------------------------------------------------------------------------------------------------

ScenarioWriter::Json ScenarioWriter::Branching(Context& context, Owner& owner, Names*) {
  if (Deep(context)) return nullptr;
  std::vector<Json> bodies = Alternatives(context, owner, 2);
  if (random_.Percent(50)) {
    Json op = {{"op", "choose"}, {"branches", {bodies[0], bodies[1]}}};
    if (random_.Percent(20)) op["fair"] = false;
    return op;
  }
  Json op = {{"op", "if"}, {"cond", Condition(context)}, {"then", bodies[0]}};
  if (!bodies[1].empty()) op["else"] = bodies[1];
  return op;
}

ScenarioWriter::Json ScenarioWriter::Loop(Context& context, Owner& owner, Names*) {
  if (Deep(context)) return nullptr;
  Context inside = Freeze(context, owner);
  inside.loops = true;
  Json op;
  op["op"] = endless_ && random_.Percent(50) ? "while" : "loop";
  if (op["op"] == "while") op["cond"] = random_.Percent(30) ? "1" : Condition(context);
  else if (!endless_ || random_.Percent(20)) op["times"] = 2;
  op["body"] = Block(inside, owner, 2);
  return op;
}

ScenarioWriter::Json ScenarioWriter::Leave(Context& context, Owner&, Names*) {
  int how = random_.Below(4);
  if (how < 2 && context.loops) return {{"op", random_.Percent(60) ? "break" : "continue"}};
  if (how == 2 && context.returns && random_.Percent(60)) return {{"op", "fail"}};
  if (context.depth == 0 || random_.Percent(50)) return nullptr;
  Json op = {{"op", "return"}};
  if (random_.Percent(40)) op["value"] = Number(context);
  return op;
}

ScenarioWriter::Json ScenarioWriter::Panics(Context& context, Owner& owner, Names*) {
  int how = random_.Below(10);
  if (how < 3) return random_.Percent(60) ? Json({{"op", "panic"}}) : Json({{"op", "panic"}, {"message", "on purpose"}});
  if (how < 5) return {{"op", "assert"}, {"cond", Condition(context)}};
  if (how < 8 || Deep(context)) return nullptr;
  Context inside = context;
  inside.loops = false;
  Json op = {{"op", "catch_panic"}, {"body", Block(inside, owner, 2)}};
  MayFail(&op, context, owner, 90);
  return op;
}

ScenarioWriter::Json ScenarioWriter::Locals(Context& context, Owner&, Names*) {
  std::string to = Number(context);
  return {{"op", "set"}, {"var", Local()}, {"to", to}};
}

ScenarioWriter::Json ScenarioWriter::Call(Context& context, Owner&, Names*) {
  if (body_json_.is_null()) return nullptr;
  if (MayAwait(context) && random_.Percent(60)) return {{"op", "call"}, {"run", "later"}};
  return context.async ? Json() : Json({{"op", "call"}, {"run", "now"}});
}

// ---- values -------------------------------------------------------------------------------------------------------

ScenarioWriter::Json ScenarioWriter::MakeValue(Context& context, Owner& owner, Names* declared) {
  if (Deep(context)) return nullptr;
  std::string as = Fresh("v");
  Json op = Moved(context, owner, "value", false, as);
  const bool shared = random_.Percent(30), sends = random_.Percent(85);
  if (shared) op["shared"] = true;
  if (!sends) op["send"] = false;
  Declare(context, owner, declared, {as, Type::kValue, as, "value", shared, sends});
  return op;
}

// A permit, a guard or an end of a channel that goes to another task in a message. All sends on a channel carry the same
// list, so that the channel is used for nothing else.
ScenarioWriter::Json ScenarioWriter::HandOver(Context& context, Owner& owner, Names* declared) {
  if (!handed_on_.empty() || !MayAwait(context) || context.frozen.size() > 0) return nullptr;
  Value* rx = Find(owner, Type::kRx, [&](const Value& v) {
    return (v.kind == "mpsc" || v.kind == "oneshot" || v.kind == "std_channel") && !v.held && v.on.find('[') == std::string::npos && owner.Has(v.on + ".tx") && sent_on_.count(v.on) == 0;
  });
  if (rx == nullptr) return nullptr;
  const std::string channel = rx->on, rx_kind = rx->kind;
  std::string with;
  Json take, then;
  const Object* lock = ObjectOf({"semaphore", "mutex", "rwlock"});
  Value* end = Find(owner, Type::kTx, [&](const Value& v) { return v.on != channel && !v.held && (v.kind == "mpsc" || v.kind == "oneshot") && v.on.find('[') == std::string::npos; });
  if (lock != nullptr && lock->holds.empty() && (end == nullptr || random_.Percent(60))) {
    with = Fresh("p");
    take = {{"op", lock->kind == "semaphore" ? "acquire" : lock->kind == "mutex" ? "lock" : random_.Percent(50) ? "read" : "write"},
            {"on", Element(context, *lock)}, {"as", with}};
    then = {{"op", lock->kind == "semaphore" ? "release" : "unlock"}, {"on", with}};
  } else if (end != nullptr) {
    with = end->name;
    then = random_.Percent(60) && !(end->kind == "mpsc" && !ObjectOf({"mpsc"})) ? Json({{"op", "send"}, {"on", end->on}, {"or", Json::array()}}) : Json({{"op", "drop"}, {"on", with}});
    owner.used.insert(with);
    owner.Remove(with);
  } else {
    return nullptr;
  }
  handed_on_ = channel;
  ++parties_;
  for (const char* part : {".tx", ".rx"}) {
    owner.used.insert(channel + part);
    owner.Remove(channel + part);
  }
  const bool std_channel = rx_kind == "std_channel";
  Json send = {{"op", "send"}, {"on", channel}, {"with", Json::array({with})}}, receive = {{"op", "recv"}, {"on", channel}, {"with", Json::array({with})}};
  if (random_.Percent(70)) send["or"] = Json::array();
  if (std_channel && random_.Percent(30)) receive["op"] = "try_recv";
  if (random_.Percent(25)) receive.erase("with");
  const bool names = receive.contains("with");
  receive["or"] = names ? Json::array({{{"op", "return"}}}) : Json::array();
  Json sender = Json::array(), receiver = Json::array({receive});
  if (!take.is_null()) sender.push_back(take);
  sender.push_back(send);
  if (names && random_.Percent(60)) receiver.push_back(then);
  std::string as = Fresh("t");
  const bool sender_spawned = random_.Percent(50);
  Json list = Json::array({{{"op", "spawn"}, {"as", as}, {"body", sender_spawned ? sender : receiver}}});
  if (!sender_spawned) for (Json& op : sender) list.push_back(op);
  else list.push_back({{"op", "timeout"}, {"after", Duration()}, {"body", receiver}, {"or", Json::array()}});
  Declare(context, owner, declared, {as, Type::kTask, as, "task"});
  return list;
}

}  // namespace asyncrt
