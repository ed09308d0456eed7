// Random ops of objects: locks, channels, sets and the rest.
#include "tests/oracle/writer.h"

namespace asyncrt {

ScenarioWriter::Json ScenarioWriter::ObjectOp(Context& context, Owner& owner, Names* declared) {
  const Object object = random_.Pick(objects_);
  const std::string& kind = object.kind;
  if (kind == "std_mutex" || kind == "std_rwlock" || kind == "mutex" || kind == "rwlock") return LockOp(context, owner, declared, object);
  if (kind == "std_condvar") return Condvar(context, owner, object);
  if (kind == "semaphore") return SemaphoreOp(context, owner, declared, object);
  if (kind == "notify") return NotifyOp(context, owner, declared, object);
  if (kind == "atomic" || kind == "cell") return AtomicOp(context, owner, object);
  if (kind == "std_barrier") return {{"op", "wait"}, {"on", object.name}};
  if (kind == "barrier") return MayAwait(context) ? Json({{"op", "wait"}, {"on", object.name}}) : Json();
  if (kind == "cancellation_token") {
    if (MayAwait(context) && random_.Percent(60)) return {{"op", "cancelled"}, {"on", object.name}};
    return {{"op", "cancel"}, {"on", object.name}};
  }
  if (kind == "std_once" || kind == "once_cell") {
    if (Deep(context) || (kind == "once_cell" && !MayAwait(context))) return nullptr;
    if (context.holding.count(object.name) != 0 && random_.Percent(90)) return nullptr;
    Context inside = Freeze(context, owner);
    inside.holding.insert(object.name);
    inside.async = kind == "once_cell";
    inside.returns = true;
    inside.loops = false;
    Json op = {{"op", "get_or_init"}, {"on", object.name}, {"body", Block(inside, owner, 2)}};
    MayFail(&op, context, owner, 60);
    return op;
  }
  std::vector<Value> mine;   // its ends, or the set itself
  for (const Value& v : owner.values)
    if ((v.type == Type::kTx || v.type == Type::kRx || v.type == Type::kSet) && v.kind == kind) mine.push_back(v);
  if (mine.empty()) return nullptr;
  const Value value = random_.Pick(mine);
  return value.type == Type::kSet ? SetOp(context, owner, declared, value) : ChannelOp(context, owner, declared, value);
}

// The object that an end belongs to, which may have a name of its own.
const ScenarioWriter::Object& ScenarioWriter::Declared(const Value& value) {
  const std::string name = value.on.substr(0, value.on.find('['));
  for (const Object& o : objects_)
    if (o.name == name) return o;
  return *ObjectOf({value.kind});   // subscribed
}

// ---- locks --------------------------------------------------------------------------------------------------------

ScenarioWriter::Json ScenarioWriter::LockOp(Context& context, Owner& owner, Names* declared, const Object& object) {
  const bool std_lock = object.kind.rfind("std_", 0) == 0, rwlock = object.kind == "std_rwlock" || object.kind == "rwlock";
  if (auto taken = std::find(owner.locked.begin(), owner.locked.end(), object.name); taken != owner.locked.end() && random_.Percent(40)) {
    owner.locked.erase(taken);
    return {{"op", "unlock"}, {"on", object.name}};
  }
  if (context.holding.count(object.name) != 0 && random_.Percent(80)) return nullptr;
  std::string verb = !rwlock ? "lock" : random_.Percent(55) ? "read" : "write";
  const bool tried = random_.Percent(20) || (!std_lock && context.async && !MayAwait(context) && random_.Percent(90));
  if (tried) verb = "try_" + verb;
  else if (!std_lock && (!MayAwait(context) || random_.Percent(4))) verb = "blocking_" + verb;
  Json op = {{"op", verb}, {"on", Element(context, object)}};
  return Hold(context, owner, op, object, std_lock, tried || std_lock ? 10 : 0, declared);
}

ScenarioWriter::Json ScenarioWriter::Hold(Context& context, Owner& owner, Json op, const Object& object, bool std_guard, int percent_or, Names* declared) {
  const bool tried = op["op"].get<std::string>().rfind("try_", 0) == 0;
  auto may_fail = [&] {
    if (percent_or > 0) MayFail(&op, context, owner, tried ? 85 : percent_or);
  };
  if (!object.holds.empty() || random_.Percent(60)) {
    Context inside = context;
    inside.guarded = inside.guarded || std_guard;
    if (object.kind != "semaphore") inside.holding.insert(object.name);
    for (const std::string& name : object.holds) {
      std::string on = name.substr(0, name.find('.'));
      const Object& channel = *std::find_if(objects_.begin(), objects_.end(), [&](const Object& o) { return o.name == on; });
      owner.values.push_back({name, name == on + ".tx" ? Type::kTx : Type::kRx, on, channel.kind, false, true, false, true});
      inside.frozen.insert(name);
    }
    op["body"] = Block(inside, owner, 2);
    for (const std::string& name : object.holds) owner.Remove(name);
    may_fail();
    return op;
  }
  may_fail();   // its `or` does not see the guard
  context.guarded = context.guarded || std_guard;
  if (object.kind != "semaphore") context.holding.insert(object.name);
  if (random_.Percent(50)) {
    std::string name = Fresh("g");
    op["as"] = name;
    Declare(context, owner, declared, {name, object.kind == "semaphore" ? Type::kPermit : std_guard ? Type::kStdGuard : Type::kGuard, name, object.kind, false, !std_guard});
  } else if (object.count == 0) {
    owner.locked.push_back(object.name);
  }
  return op;
}

ScenarioWriter::Json ScenarioWriter::Condvar(Context& context, Owner& owner, const Object& object) {
  if (random_.Percent(45)) return {{"op", random_.Percent(60) ? "notify_one" : "notify_all"}, {"on", object.name}};
  const Object* lock = ObjectOf({"std_mutex"});
  if (lock->count != 0 || Deep(context) || context.holding.count(lock->name) != 0) return nullptr;
  Context inside = context;
  inside.guarded = true;
  inside.holding.insert(lock->name);
  Json body = random_.Percent(30) ? Block(inside, owner, 1) : Json::array();
  Json wait = {{"op", random_.Percent(65) ? "wait" : "wait_timeout"}, {"on", object.name}, {"mutex", lock->name}};
  if (wait["op"] == "wait_timeout") wait["for"] = Duration();
  MayFail(&wait, inside, owner, wait["op"] == "wait" ? 10 : 85);
  const Object* flag = ObjectOf({"atomic"});
  if (flag != nullptr && random_.Percent(50)) body.push_back({{"op", "if"}, {"cond", Element(context, *flag) + " == 0"}, {"then", Json::array({wait})}});
  else body.push_back(wait);
  return {{"op", "lock"}, {"on", lock->name}, {"body", body}};
}

// ---- semaphores, notifications, atomics ---------------------------------------------------------------------------

ScenarioWriter::Json ScenarioWriter::SemaphoreOp(Context& context, Owner& owner, Names* declared, const Object& object) {
  if (auto taken = std::find(owner.locked.begin(), owner.locked.end(), object.name); taken != owner.locked.end() && random_.Percent(40)) {
    owner.locked.erase(taken);
    return {{"op", "release"}, {"on", object.name}};
  }
  const std::string on = Element(context, object);
  if (random_.Percent(35)) {
    int how = random_.Below(10);
    Json op = {{"op", how < 6 ? "add_permits" : how < 8 ? "close" : "forget_permits"}, {"on", on}};
    if (how != 6 && how != 7 && random_.Percent(25)) op["permits"] = random_.Below(3);
    return op;
  }
  const bool tried = !MayAwait(context) || random_.Percent(20);
  Json op = {{"op", tried ? "try_acquire" : "acquire"}, {"on", on}};
  if (random_.Percent(25)) op["permits"] = 2;
  return Hold(context, owner, op, object, false, 25, declared);
}

ScenarioWriter::Json ScenarioWriter::NotifyOp(Context& context, Owner& owner, Names* declared, const Object& object) {
  const std::string on = Element(context, object);
  int how = random_.Below(10);
  if (how < 4) return {{"op", random_.Percent(65) ? "notify_one" : "notify_waiters"}, {"on", on}};
  if (how < 6) {
    std::string as = Fresh("n");
    Json op = {{"op", "arm"}, {"on", on}, {"as", as}};
    if (random_.Percent(25)) op["enable"] = false;
    Declare(context, owner, declared, {as, Type::kNotified, as, object.name});
    return op;
  }
  if (!MayAwait(context)) return nullptr;
  Json op = {{"op", "notified"}, {"on", on}};
  Value* armed = Find(owner, Type::kNotified, [&](const Value& v) { return v.kind == object.name && !context.frozen.count(v.name); });
  if (armed != nullptr && random_.Percent(60)) {
    owner.used.insert(armed->name);
    op["future"] = armed->name;
    owner.Remove(op["future"].get<std::string>());
  }
  return op;
}

ScenarioWriter::Json ScenarioWriter::AtomicOp(Context& context, Owner& owner, const Object& object) {
  const std::string on = Element(context, object);
  if (object.kind == "cell") {
    if (random_.Percent(50)) return {{"op", "read_cell"}, {"on", on}, {"var", Local()}};
    return {{"op", "write_cell"}, {"on", on}, {"value", Number(context)}};
  }
  if (random_.Percent(70)) return {{"op", random_.Percent(50) ? "store" : "add"}, {"on", on}, {"value", random_.Percent(60) ? "1" : Number(context)}};
  Json op = {{"op", "compare_exchange"}, {"on", on}, {"expected", random_.Below(2)}, {"value", 1}};
  MayFail(&op, context, owner, 85);
  return op;
}

// ---- channels -----------------------------------------------------------------------------------------------------

ScenarioWriter::Json ScenarioWriter::ChannelOp(Context& context, Owner& owner, Names* declared, const Value& end) {
  if (end.type == Type::kTx) {
    if (end.kind == "mpsc" && MayAwait(context) && random_.Percent(20)) {
      Value* place = Find(owner, Type::kPlace, [&](const Value& v) { return v.kind == end.on && !context.frozen.count(v.name); });
      if (place == nullptr) {
        std::string as = Fresh("r");
        Json op = Use(owner, end, "reserve");
        op["as"] = as;
        MayFail(&op, context, owner, 30);
        if (op.contains("or")) op["or"] = Json::array({{{"op", context.loops ? "break" : "return"}}});   // without a place there is nothing to send with
        if (Declared(end).bounded) Declare(context, owner, declared, {as, Type::kPlace, as, end.on});
        else op = nullptr;
        return op;
      }
      if (end.on == handed_on_) return nullptr;
      Json op = Use(owner, end, "send");
      owner.used.insert(place->name);
      sent_on_.insert(end.on);
      op["permit"] = place->name;
      owner.Remove(op["permit"].get<std::string>());
      return op;
    }
    if ((end.kind == "broadcast" || end.kind == "watch") && random_.Percent(20) && end.on.find('[') == std::string::npos) {
      std::string as = Fresh("s");
      Json op = Use(owner, end, "subscribe");
      op["as"] = as;
      Declare(context, owner, declared, {as, Type::kRx, as, end.kind, end.kind == "watch"});
      return op;
    }
    if (end.kind == "oneshot" && MayAwait(context) && random_.Percent(20)) return Use(owner, end, "closed");
    return Send(context, owner, end);
  }
  if ((end.kind == "mpsc" || end.kind == "oneshot") && random_.Percent(10)) return Use(owner, end, "close");
  if (end.kind == "watch" && (!MayAwait(context) || random_.Percent(40))) return Borrow(context, owner, end, declared);
  return Receive(context, owner, end, false);
}

ScenarioWriter::Json ScenarioWriter::Send(const Context& context, Owner& owner, const Value& value) {
  const Object& object = Declared(value);
  if (object.name == handed_on_) return nullptr;
  const bool may_await = MayAwait(context);
  std::string verb = "send";
  if (object.kind == "io") {
    if (!may_await) return nullptr;
    verb = "io_write";
  } else if (object.kind == "oneshot") {
    if (context.frozen.count(value.name)) return nullptr;
  } else if (object.kind == "std_channel") {
    if (random_.Percent(25)) verb = "try_send";
  } else if (object.kind == "mpsc") {
    if (object.bounded && !may_await) verb = context.async || random_.Percent(25) ? "try_send" : "blocking_send";
    else if (random_.Percent(20)) verb = "try_send";
    else if (random_.Percent(4)) verb = "blocking_send";
  }
  Json op = Use(owner, value, verb);
  sent_on_.insert(object.name);
  if (object.kind == "oneshot") owner.Remove(value.name);
  if (object.kind == "io" && random_.Percent(20)) op["bytes"] = 2;
  if (object.kind != "io" && random_.Percent(object.kind == "watch" ? 80 : 15)) op["value"] = Number(context);
  MayFail(&op, context, owner, 75);
  return op;
}

ScenarioWriter::Json ScenarioWriter::Receive(const Context& context, Owner& owner, const Value& value, bool waits) {
  const bool may_await = MayAwait(context);
  std::string verb = "recv";
  if (value.kind == "io") {
    if (!may_await) return nullptr;
    verb = "io_read";
  } else if (value.kind == "watch") {
    if (!may_await) return nullptr;
    verb = random_.Percent(60) ? "changed" : "wait_for";
  } else if (value.kind == "std_channel") {
    if (waits) return nullptr;
    verb = random_.Percent(65) ? "recv" : random_.Percent(50) ? "try_recv" : "recv_timeout";
  } else if (!waits) {
    if (!may_await) verb = context.async || random_.Percent(25) ? "try_recv" : "blocking_recv";
    else if (random_.Percent(20)) verb = "try_recv";
    else if (random_.Percent(4)) verb = "blocking_recv";
  }
  const bool last = value.kind == "oneshot" && verb != "try_recv";
  if (last && (context.frozen.count(value.name) || value.held)) return nullptr;
  Json op = Use(owner, value, verb);
  if (last) owner.Remove(value.name);
  if (verb == "recv_timeout") op["for"] = Duration();
  if (verb == "wait_for") op["cond"] = random_.Percent(50) ? "$value > 0" : "$value == 2";
  if (verb == "io_read" && random_.Percent(20)) op["bytes"] = 2;
  if (verb != "io_read" && verb != "changed") MaySetLocal(&op);
  MayFail(&op, context, owner, 75);
  return op;
}

ScenarioWriter::Json ScenarioWriter::Borrow(Context& context, Owner& owner, const Value& value, Names* declared) {
  if (auto taken = std::find(owner.locked.begin(), owner.locked.end(), value.on); taken != owner.locked.end() && random_.Percent(60)) {
    owner.locked.erase(taken);
    return {{"op", "unlock"}, {"on", value.on}};
  }
  Json op = Use(owner, value, "borrow");
  MaySetLocal(&op);
  if (random_.Percent(70)) {
    Context inside = context;
    inside.guarded = true;
    inside.frozen.insert(value.name);
    op["body"] = random_.Percent(60) ? Json::array() : Block(inside, owner, 2);
    return op;
  }
  context.guarded = true;
  if (random_.Percent(50) || value.on.size() > 1) {
    std::string name = Fresh("g");
    op["as"] = name;
    Declare(context, owner, declared, {name, Type::kStdGuard, name, "watch", false, false});
  } else {
    owner.locked.push_back(value.on);
  }
  return op;
}

// ---- sets ---------------------------------------------------------------------------------------------------------

ScenarioWriter::Json ScenarioWriter::SetOp(Context& context, Owner& owner, Names* declared, const Value& set) {
  if (set.kind == "join_set") {
    if (random_.Percent(45)) return Spawn(context, owner, declared);
    if (!MayAwait(context) || random_.Percent(15)) return Use(owner, set, "abort_all");
    Json op = Use(owner, set, random_.Percent(85) ? "join_next" : "shutdown");
    if (op["op"] == "join_next") MaySetLocal(&op);
    if (op["op"] == "join_next") MayFail(&op, context, owner);
    return op;
  }
  if (set.kind == "futures_unordered") {
    if (!MayAwait(context) || random_.Percent(55)) {
      if (Deep(context)) return nullptr;
      owner.Remove(set.name);   // it does not hold itself
      Json op = Moved(context, owner, "push", true, "");
      owner.values.push_back(set);
      owner.used.insert(set.name);
      op["on"] = set.name;
      return op;
    }
    Json op = Use(owner, set, "next");
    MaySetLocal(&op);
    MayFail(&op, context, owner);
    return op;
  }
  if (random_.Percent(45)) return Spawn(context, owner, declared);
  if (!MayAwait(context) || Deep(context) || context.sends) return nullptr;
  Context inside = context;
  inside.set = inside.returns = true;
  inside.loops = false;
  inside.frozen.insert(set.name);
  owner.used.insert(set.name);
  Json op = {{"op", "run_until"}, {"on", set.name}, {"body", Block(inside, owner, 3)}};
  if (random_.Percent(15)) op["or"] = Json::array();
  return op;
}

}  // namespace asyncrt
