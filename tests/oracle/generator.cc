#include "tests/oracle/generator.h"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

namespace asyncrt {
namespace {

using Json = nlohmann::ordered_json;

class Random {   // splitmix64
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 0x1234567) {}
  int Below(int n) {
    state_ += 0x9e3779b97f4a7c15u;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return static_cast<int>((z ^ (z >> 31)) % static_cast<std::uint64_t>(n));
  }
  bool Percent(int p) { return Below(100) < p; }
  template <class T>
  const T& Pick(const std::vector<T>& list) { return list[static_cast<std::size_t>(Below(static_cast<int>(list.size())))]; }

 private:
  std::uint64_t state_;
};

enum class Type { kTx, kRx, kRuntime, kValue, kTask, kThread, kFuture, kNotified, kPlace, kGuard, kSet };

struct Value {
  std::string name;     // as it is written: "ch.tx", "rt", "t1"
  Type type;
  std::string object;   // "ch"
  bool clones = false;
};

// What a body owns, and what it has mentioned of the things that were offered to it.
struct Owner {
  std::vector<Value> values;
  std::set<std::string> used;

  void Remove(const std::string& name) {
    std::erase_if(values, [&](const Value& v) { return v.name == name; });
  }
};

struct Context {
  bool async = false;
  bool sends = false;     // the body may be polled by any worker: no std guard across an await
  bool guarded = false;   // a std guard or an enter guard is alive
  bool returns = false;   // `fail` may stand here
  int depth = 0;
  std::vector<std::string> held;  // locks that this block has taken, and holds until it ends
  std::set<std::string> frozen;   // values that may not be moved: the body can run twice
};

struct Object {
  std::string name, kind;
  bool bounded = false;
};

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::string Write() {
    Json document;
    document["name"] = "random";
    DeclareRuntimes(&document);
    DeclareObjects(&document);
    left_ = 5 + random_.Below(9);
    Context context;
    Json main = Json::array();
    if (!runtimes_.empty() && random_.Percent(60)) {   // most programs are a `block_on`, and something around it
      std::vector<std::string> declared;
      Some(context, main_, random_.Below(3), &main, &declared);
      if (Value* rt = Find(main_, Type::kRuntime)) {
        std::string on = rt->name;
        main.push_back(BlockOn(context, main_, on));
      }
      Some(context, main_, random_.Below(3), &main, &declared);
    } else {
      main = Block(context, main_, 5);
    }
    if (!bodies_.is_null()) document["bodies"] = bodies_;
    if (!values_.is_null())
      for (auto& [name, object] : values_.items()) document["objects"][name] = object;
    document["main"] = std::move(main);
    return document.dump(1);
  }

 private:
  // ---- declarations
  void DeclareRuntimes(Json* document) {
    int count = random_.Percent(12) ? 0 : random_.Percent(80) ? 1 : 2;
    for (int i = 0; i < count; ++i) {
      std::string name = "rt" + std::to_string(i);
      Json rt;
      bool multi = random_.Percent(60);
      rt["flavor"] = multi ? "multi_thread" : "current_thread";
      if (multi) rt["worker_threads"] = random_.Percent(65) ? 1 : 2;
      if (random_.Percent(60)) rt["max_blocking_threads"] = 1 + random_.Below(2);
      if (random_.Percent(4)) rt["enable_time"] = false;
      if (random_.Percent(4)) rt["enable_io"] = false;
      if (multi && random_.Percent(8)) rt["disable_lifo_slot"] = true;
      bool shared = random_.Percent(30);
      if (shared) rt["shared"] = true;
      (*document)["runtimes"][name] = rt;
      runtimes_.push_back(name);
      main_.values.push_back({name, Type::kRuntime, name, shared});
    }
  }

  void DeclareObjects(Json* document) {
    static const std::vector<std::string> kinds = {
        "std_mutex", "std_mutex", "std_channel", "std_channel", "atomic", "mutex", "mutex", "semaphore", "notify", "notify",
        "oneshot", "oneshot", "mpsc", "mpsc", "mpsc", "io"};
    static const std::vector<std::string> rarer = {
        "std_rwlock", "std_rwlock", "std_condvar", "std_barrier", "std_once", "cell", "rwlock", "rwlock", "broadcast", "broadcast", "watch", "watch",
        "barrier", "once_cell", "cancellation_token", "join_set", "join_set", "local_set", "local_set", "futures_unordered"};
    int count = 1 + random_.Below(4);
    bool modern = random_.Percent(55);   // programs around the other kinds
    for (int i = 0; i < count; ++i) {
      std::string kind = random_.Pick(modern && (i == 0 || random_.Percent(40)) ? rarer : kinds), name = std::string(1, static_cast<char>('a' + i));
      Json object;
      object["kind"] = kind;
      bool bounded = false;
      if (kind == "std_channel" && random_.Percent(60)) { object["capacity"] = random_.Below(2); bounded = true; }
      if (kind == "mpsc" && random_.Percent(65)) { object["capacity"] = 1 + random_.Below(2); bounded = true; }
      if (kind == "semaphore") object["permits"] = random_.Below(3);
      if (kind == "io" && random_.Percent(50)) { object["buffer"] = 1; bounded = true; }
      if (kind == "std_rwlock" && random_.Percent(60)) object["policy"] = random_.Percent(50) ? "writers_first" : "readers_first";
      if (kind == "std_barrier" || kind == "barrier") object["parties"] = 1 + random_.Below(2);
      if (kind == "broadcast") object["capacity"] = 1 + random_.Below(2);
      if (kind == "cancellation_token" && random_.Percent(40))
        if (const Object* parent = ObjectOf({"cancellation_token"})) object["parent"] = parent->name;
      if (kind == "futures_unordered" && random_.Percent(30)) object["limit"] = 1;
      if (kind == "join_set" || kind == "local_set" || kind == "futures_unordered") main_.values.push_back({name, Type::kSet, name, false});
      if (kind == "broadcast" || kind == "watch") {
        main_.values.push_back({name + ".tx", Type::kTx, name, true});
        main_.values.push_back({name + ".rx", Type::kRx, name, kind == "watch"});
      }
      if (kind == "std_condvar" && ObjectOf({"std_mutex"}) == nullptr) {   // it needs one
        (*document)["objects"]["m"] = {{"kind", "std_mutex"}};
        objects_.push_back({"m", "std_mutex", false});
      }
      if (kind == "std_channel" || kind == "mpsc" || kind == "oneshot" || kind == "io") {
        main_.values.push_back({name + ".tx", Type::kTx, name, kind == "std_channel" || kind == "mpsc"});
        main_.values.push_back({name + ".rx", Type::kRx, name, false});
      }
      (*document)["objects"][name] = object;
      objects_.push_back({name, kind, bounded});
    }
    if (random_.Percent(12)) {   // a value with a destructor, which can use only shared things
      std::string name = "v";
      Owner nobody;
      Context context;
      context.depth = 3;
      left_ = 2;
      Json object;
      object["kind"] = "value";
      bool shared = random_.Percent(30);
      if (shared) object["shared"] = true;
      object["drop"] = Block(context, nobody, 2);
      values_[name] = object;
      main_.values.push_back({name, Type::kValue, name, shared});
    }
  }

  // ---- looking things up
  Value* Find(Owner& owner, Type type, const std::function<bool(const Value&)>& also = nullptr) {
    std::vector<Value*> found;
    for (Value& v : owner.values)
      if (v.type == type && (also == nullptr || also(v))) found.push_back(&v);
    return found.empty() ? nullptr : random_.Pick(found);
  }

  const Object* ObjectOf(const std::vector<std::string>& kinds) {
    std::vector<const Object*> found;
    for (const Object& o : objects_)
      if (std::find(kinds.begin(), kinds.end(), o.kind) != kinds.end()) found.push_back(&o);
    return found.empty() ? nullptr : random_.Pick(found);
  }

  const Object& Named(const std::string& name) {
    return *std::find_if(objects_.begin(), objects_.end(), [&](const Object& o) { return o.name == name; });
  }

  std::string Fresh(const char* prefix) { return prefix + std::to_string(++names_); }

  std::string Duration() {
    static const std::vector<std::string> durations = {"1ms", "1ms", "2ms", "5ms", "20ms", "200ms"};
    return random_.Pick(durations);
  }

  // An op that can fail gets an `or`, mostly.
  void MayFail(Json* op, int percent_or = 75) {
    if (!random_.Percent(percent_or)) return;
    (*op)["or"] = Json::array();
  }

  // ---- bodies
  Json Block(const Context& context, Owner& owner, int most) {
    Json list = Json::array();
    std::vector<std::string> declared;
    Context inside = context;
    inside.held.clear();
    ++inside.depth;
    Some(inside, owner, most == 0 ? 0 : 1 + random_.Below(most), &list, &declared);
    for (const std::string& name : declared) owner.Remove(name);
    return list;
  }

  void Some(Context& context, Owner& owner, int count, Json* list, std::vector<std::string>* declared) {
    for (int i = 0; i < count && left_ > 0; ++i) {
      Json op;
      for (int attempt = 0; attempt < 40 && op.is_null(); ++attempt) op = MakeOp(context, owner, declared);
      if (!op.is_null()) list->push_back(std::move(op));
    }
  }

  // A body with a life of its own. It may take what its maker owns: by moving it in, or a clone.
  Json Moved(const Context& context, Owner& owner, const char* verb, bool async, const std::string& as) {
    Json op;
    op["op"] = verb;
    if (!as.empty()) op["as"] = as;
    Owner child;
    std::set<std::string> clones;
    for (const Value& v : owner.values) {
      if (v.name == as) continue;
      bool frozen = context.frozen.count(v.name) != 0;
      if (v.type == Type::kGuard && !async) continue;
      if (!random_.Percent(65)) continue;
      bool clone = v.clones && (frozen || random_.Percent(60));
      if (frozen && !clone) continue;
      child.values.push_back(v);
      if (clone) clones.insert(v.name);
    }
    Context inside;
    inside.async = async;
    inside.sends = async;
    inside.returns = true;
    inside.depth = context.depth;
    Json body = Block(inside, child, context.depth > 3 ? 1 : 3);
    Json cloned = Json::array();
    for (const std::string& name : child.used) {
      auto mine = std::find_if(owner.values.begin(), owner.values.end(), [&](const Value& v) { return v.name == name; });
      if (mine == owner.values.end()) continue;   // its own
      owner.used.insert(name);
      if (clones.count(name)) cloned.push_back(name);
      else owner.values.erase(mine);
    }
    if (!cloned.empty()) op["clone"] = cloned;
    op["body"] = std::move(body);
    return op;
  }

  Json BlockOn(const Context& context, Owner& owner, const std::string& on) {
    Context inside = context;
    inside.async = true;
    inside.returns = true;
    Json op;
    op["op"] = "block_on";
    op["on"] = on;
    op["body"] = Block(inside, owner, 5);
    if (random_.Percent(15)) op["or"] = Json::array();
    if (on != "current" && on != "futures") owner.used.insert(on);
    return op;
  }

  // Bodies of which one runs.
  std::vector<Json> Alternatives(const Context& context, Owner& owner, int count) {
    std::vector<Value> before = owner.values, after = owner.values;
    std::vector<Json> bodies;
    for (int i = 0; i < count; ++i) {
      owner.values = before;
      bodies.push_back(Block(context, owner, 2));
      std::erase_if(after, [&](const Value& v) {
        return std::none_of(owner.values.begin(), owner.values.end(), [&](const Value& w) { return w.name == v.name; });
      });
    }
    owner.values = after;
    return bodies;
  }

  // Bodies that are polled side by side: none uses what another one does.
  std::vector<Owner> Shares(Owner& owner, int count) {
    std::vector<Owner> shares(static_cast<std::size_t>(count));
    for (const Value& v : owner.values) shares[static_cast<std::size_t>(random_.Below(count))].values.push_back(v);
    owner.values.clear();
    return shares;
  }
  static void Rejoin(std::vector<Owner>& shares, Owner& owner) {
    for (Owner& share : shares) {
      owner.values.insert(owner.values.end(), share.values.begin(), share.values.end());
      owner.used.insert(share.used.begin(), share.used.end());
    }
  }

  // ---- ops
  Json Use(Owner& owner, const Value& value, const char* verb) {
    owner.used.insert(value.name);
    Json op;
    op["op"] = verb;
    bool declared = value.name == value.object + ".tx" || value.name == value.object + ".rx";   // else: a subscriber, by its name
    op["on"] = declared ? value.object : value.name;
    return op;
  }

  // One op that waits, as the `await` of a select or timeout.
  Json Waiting(const Context& context, Owner& owner) {
    std::vector<std::string> declared;
    for (int attempt = 0; attempt < 20; ++attempt) {
      Json op;
      switch (random_.Below(6)) {
        case 0: op = {{"op", "sleep"}, {"for", Duration()}}; break;
        case 1: case 2: op = Receive(context, owner, true); break;
        case 3: if (const Object* o = ObjectOf({"notify"})) op = {{"op", "notified"}, {"on", o->name}}; break;
        case 4: if (const Object* o = ObjectOf({"semaphore"})) op = {{"op", "acquire"}, {"on", o->name}, {"body", Json::array()}}; break;
        case 5: if (const Object* o = ObjectOf({"mutex"})) op = {{"op", "lock"}, {"on", o->name}, {"body", Json::array()}}; break;
      }
      if (!op.is_null()) return op;
    }
    return {{"op", "yield_now"}};
  }

  Json Receive(const Context& context, Owner& owner, bool waits) {
    Value* end = Find(owner, Type::kRx);
    if (end == nullptr) return nullptr;
    Value value = *end;
    const std::string& kind = Named(value.object).kind;
    const char* verb;
    if (kind == "watch") {
      if (!waits) return nullptr;
      Json op = Use(owner, value, random_.Percent(70) ? "changed" : "wait_for");
      if (op["op"] == "wait_for") op["cond"] = "$value > 0";
      MayFail(&op);
      return op;
    }
    if (kind == "io") {
      if (!context.async) return nullptr;
      verb = "io_read";
    } else if (kind == "std_channel") {
      if (waits) return nullptr;
      verb = random_.Percent(65) ? "recv" : random_.Percent(50) ? "try_recv" : "recv_timeout";
    } else if (context.async) {
      verb = waits || random_.Percent(75) ? "recv" : random_.Percent(85) ? "try_recv" : "blocking_recv";
    } else {
      verb = random_.Percent(75) ? "blocking_recv" : "try_recv";
    }
    std::string name = verb;
    bool last = kind == "oneshot" && name != "try_recv";
    if (last && context.frozen.count(value.name)) return nullptr;
    Json op = Use(owner, value, verb);
    if (name == "recv_timeout") op["for"] = Duration();
    MayFail(&op);
    if (last) owner.Remove(value.name);
    return op;
  }

  Json Send(const Context& context, Owner& owner) {
    Value* end = Find(owner, Type::kTx);
    if (end == nullptr) return nullptr;
    Value value = *end;
    const Object& object = Named(value.object);
    std::string verb;
    if (object.kind == "broadcast" || object.kind == "watch") {
      verb = "send";
    } else if (object.kind == "io") {
      if (!context.async) return nullptr;
      verb = "io_write";
    } else if (object.kind == "oneshot") {
      if (context.frozen.count(value.name)) return nullptr;
      verb = "send";
    } else if (object.kind == "std_channel") {
      verb = random_.Percent(75) ? "send" : "try_send";
    } else if (!object.bounded) {
      verb = "send";
    } else if (context.async) {
      verb = random_.Percent(75) ? "send" : random_.Percent(85) ? "try_send" : "blocking_send";
    } else {
      verb = random_.Percent(75) ? "blocking_send" : "try_send";
    }
    Json op = Use(owner, value, verb.c_str());
    if (object.kind != "io" && random_.Percent(15)) op["value"] = random_.Below(3);
    MayFail(&op);
    if (object.kind == "oneshot") owner.Remove(value.name);
    return op;
  }

  Json Hold(Context& context, Owner& owner, Json op, bool std_guard, bool tried, std::vector<std::string>* declared) {
    if (random_.Percent(60)) {
      Context inside = context;
      inside.guarded = inside.guarded || std_guard;
      op["body"] = Block(inside, owner, 2);
    } else if (std_guard) {
      context.guarded = true;
      if (!tried) context.held.push_back(op["on"]);
    } else if (random_.Percent(40)) {
      std::string name = Fresh("g");
      op["as"] = name;
      owner.values.push_back({name, Type::kGuard, "", false});
      declared->push_back(name);
    }
    if (tried) MayFail(&op, 85);
    return op;
  }

  Json MakeOp(Context& context, Owner& owner, std::vector<std::string>* declared) {
    bool may_await = context.async && !(context.sends && context.guarded);
    Context sync = context;
    sync.async = may_await;   // where the body may not await, sync ops only
    bool deep = context.depth > 4 || left_ < 2;
    Json op;
    if (random_.Percent(35)) op = RarerOp(context, owner, declared, may_await, deep);
    if (op.is_null()) op = OneOp(context, sync, owner, declared, may_await, deep);
    if (!op.is_null()) --left_;
    return op;
  }

  Json OneOp(Context& context, const Context& plain, Owner& owner, std::vector<std::string>* declared, bool may_await, bool deep) {
    auto declare = [&](const std::string& name, Type type) {
      owner.values.push_back({name, type, "", false});
      declared->push_back(name);
    };
    switch (random_.Below(44)) {
      case 0: case 1: case 2: {   // spawn
        if (deep || ++parties_ > 4) return nullptr;
        std::string as = Fresh("t");
        Json op = Moved(context, owner, "spawn", true, as);
        if (!runtimes_.empty() && random_.Percent(context.async ? 15 : 80)) op["on"] = random_.Pick(runtimes_) + ".handle";
        else if (!context.async && random_.Percent(90)) { --parties_; return Undo(op, owner); }
        if (random_.Percent(8)) op["detached"] = true;
        declare(as, Type::kTask);
        return op;
      }
      case 3: {   // spawn_blocking
        if (deep || ++parties_ > 4) return nullptr;
        std::string as = Fresh("b");
        Json op = Moved(context, owner, "spawn_blocking", false, as);
        if (!runtimes_.empty() && random_.Percent(context.async ? 15 : 90)) op["on"] = random_.Pick(runtimes_) + ".handle";
        declare(as, Type::kTask);
        return op;
      }
      case 4: case 5: {   // spawn_thread
        if (deep || ++parties_ > 4) return nullptr;
        std::string as = Fresh("h");
        Json op = Moved(context, owner, "spawn_thread", false, as);
        if (random_.Percent(8)) op["detached"] = true;
        declare(as, Type::kThread);
        return op;
      }
      case 6: case 7: case 8: {   // await
        if (!may_await) return nullptr;
        Value* v = Find(owner, random_.Percent(75) ? Type::kTask : random_.Percent(60) ? Type::kFuture : Type::kNotified);
        if (v == nullptr || context.frozen.count(v->name)) return nullptr;
        Value value = *v;
        Json op = Use(owner, value, "await");
        if (value.type == Type::kTask) MayFail(&op, 60);
        owner.Remove(value.name);
        return op;
      }
      case 9: {
        Value* v = Find(owner, Type::kTask);
        return v == nullptr ? Json() : Use(owner, *v, "abort");
      }
      case 10: {
        std::vector<Value> can;
        for (const Value& v : owner.values)
          if (!context.frozen.count(v.name) && (v.type != Type::kRuntime || random_.Percent(25))) can.push_back(v);
        if (can.empty()) return nullptr;
        Value v = random_.Pick(can);
        Json op = Use(owner, v, v.type == Type::kRuntime && random_.Percent(40) ? "shutdown_background" : random_.Percent(4) ? "forget" : "drop");
        op["on"] = v.name;
        owner.Remove(v.name);
        return op;
      }
      case 11: {   // join_thread
        Value* v = Find(owner, Type::kThread, [&](const Value& t) { return !context.frozen.count(t.name); });
        if (v == nullptr) return nullptr;
        Value value = *v;
        Json op = Use(owner, value, "join_thread");
        MayFail(&op, 40);
        owner.Remove(value.name);
        return op;
      }
      case 12: {   // block_on
        if (deep || context.depth > 3) return nullptr;
        if (context.async && random_.Percent(70)) return nullptr;
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
      case 13: {
        if (deep || !context.async) return nullptr;
        Context inside = context;
        inside.async = false;
        return {{"op", "block_in_place"}, {"body", Block(inside, owner, 2)}};
      }
      case 14: return may_await ? Json({{"op", "yield_now"}}) : Json();
      case 15: return may_await ? Json({{"op", "sleep"}, {"for", Duration()}}) : Json();
      case 16: {
        if (!may_await) return nullptr;
        Json op = {{"op", "timeout"}, {"after", Duration()}};
        Value* v = Find(owner, random_.Percent(60) ? Type::kTask : random_.Percent(60) ? Type::kFuture : Type::kNotified);
        if (v != nullptr && random_.Percent(50)) {
          owner.used.insert(v->name);
          op["await"] = v->name;
        } else if (random_.Percent(60) || deep) {
          op["await"] = Waiting(context, owner);
        } else {
          Context inside = context;
          inside.returns = true;
          op["body"] = Block(inside, owner, 2);
        }
        MayFail(&op, 85);
        return op;
      }
      case 17: case 18: {   // select
        if (!may_await || deep) return nullptr;
        int count = 2;
        std::vector<Owner> shares = Shares(owner, count);
        Json branches = Json::array();
        for (Owner& share : shares) {
          Json branch;
          Value* v = Find(share, random_.Percent(60) ? Type::kTask : random_.Percent(60) ? Type::kFuture : Type::kNotified);
          if (v != nullptr && random_.Percent(60)) {
            share.used.insert(v->name);
            branch["await"] = v->name;
          } else if (random_.Percent(75)) {
            branch["await"] = Waiting(context, share);
          } else {
            Context inside = context;
            inside.returns = true;
            branch["await"] = Block(inside, share, 2);
          }
          branches.push_back(branch);
        }
        Rejoin(shares, owner);
        if (random_.Percent(20)) branches[0]["then"] = Block(Freeze(context, owner), owner, 1);
        Json op = {{"op", "select"}, {"branches", branches}};
        if (random_.Percent(50)) op["biased"] = true;
        if (random_.Percent(60)) op["else"] = Json::array();
        return op;
      }
      case 19: {   // join
        if (!may_await || deep) return nullptr;
        std::vector<Owner> shares = Shares(owner, 2);
        Json branches = Json::array();
        for (Owner& share : shares) {
          Value* v = Find(share, random_.Percent(50) ? Type::kFuture : Type::kTask);
          if (v != nullptr && random_.Percent(60)) {
            share.used.insert(v->name);
            branches.push_back(v->name);
          } else {
            Context inside = context;
            inside.returns = true;
            branches.push_back(Block(inside, share, 2));
          }
        }
        Rejoin(shares, owner);
        Json op = {{"op", "join"}, {"branches", branches}};
        if (random_.Percent(50)) op["biased"] = true;
        if (random_.Percent(30)) { op["try"] = true; MayFail(&op); }
        return op;
      }
      case 20: {   // future
        if (!context.async || deep) return nullptr;
        std::string as = Fresh("f");
        Json op = Moved(context, owner, "future", true, as);
        declare(as, Type::kFuture);
        return op;
      }
      case 21: {
        if (!context.async) return nullptr;
        Value* v = Find(owner, Type::kFuture);
        if (v == nullptr) return nullptr;
        Json op = Use(owner, *v, "poll");
        MayFail(&op, 90);
        return op;
      }
      case 22: {   // arm
        const Object* o = ObjectOf({"notify"});
        if (o == nullptr) return nullptr;
        std::string as = Fresh("n");
        Json op = {{"op", "arm"}, {"on", o->name}, {"as", as}};
        if (random_.Percent(25)) op["enable"] = false;
        declare(as, Type::kNotified);
        return op;
      }
      case 23: {
        const Object* o = ObjectOf({"notify"});
        return o == nullptr || !may_await ? Json() : Json({{"op", "notified"}, {"on", o->name}});
      }
      case 24: case 25: {
        const Object* o = ObjectOf({"notify"});
        return o == nullptr ? Json() : Json({{"op", random_.Percent(60) ? "notify_one" : "notify_waiters"}, {"on", o->name}});
      }
      case 26: case 27: {   // std_mutex
        const Object* o = ObjectOf({"std_mutex"});
        if (o == nullptr) return nullptr;
        bool tried = random_.Percent(20);
        Json op = {{"op", tried ? "try_lock" : "lock"}, {"on", o->name}};
        op = Hold(context, owner, op, true, tried, declared);
        if (!tried) MayFail(&op, 10);   // poisoned
        return op;
      }
      case 28: case 29: {   // mutex
        const Object* o = ObjectOf({"mutex"});
        if (o == nullptr) return nullptr;
        int how = random_.Below(10);
        const char* verb = how < 2 ? "try_lock" : may_await && how < 9 ? "lock" : context.async ? "try_lock" : "blocking_lock";
        if (how == 9) verb = "blocking_lock";
        bool tried = std::string(verb) == "try_lock";
        return Hold(context, owner, {{"op", verb}, {"on", o->name}}, false, tried, declared);
      }
      case 30: {   // semaphore
        const Object* o = ObjectOf({"semaphore"});
        if (o == nullptr) return nullptr;
        bool tried = !may_await || random_.Percent(20);
        Json op = {{"op", tried ? "try_acquire" : "acquire"}, {"on", o->name}};
        if (random_.Percent(25)) op["permits"] = 2;
        op = Hold(context, owner, op, false, tried, declared);
        if (!tried) MayFail(&op, 20);
        return op;
      }
      case 31: {
        const Object* o = ObjectOf({"semaphore"});
        if (o == nullptr) return nullptr;
        return {{"op", random_.Percent(70) ? "add_permits" : random_.Percent(60) ? "close" : "forget_permits"}, {"on", o->name}};
      }
      case 32: case 33: case 34: return Send(plain, owner);
      case 35: case 36: case 37: return Receive(plain, owner, false);
      case 38: {   // choose, if
        if (deep) return nullptr;
        if (random_.Percent(60)) {
          std::vector<Json> bodies = Alternatives(context, owner, 2);
          return {{"op", "choose"}, {"branches", {bodies[0], bodies[1]}}};
        }
        const Object* o = ObjectOf({"atomic"});
        if (o == nullptr) return nullptr;
        std::vector<Json> bodies = Alternatives(context, owner, 2);
        Json op = {{"op", "if"}, {"cond", o->name + " > 0"}, {"then", bodies[0]}};
        op["else"] = bodies[1];
        return op;
      }
      case 39: {
        if (deep) return nullptr;
        return {{"op", "loop"}, {"times", 2}, {"body", Block(Freeze(context, owner), owner, 2)}};
      }
      case 40: {
        int how = random_.Below(10);
        if (how < 2) return {{"op", "panic"}};
        if (how < 4 && !deep) {
          Json op = {{"op", "catch_panic"}, {"body", Block(context, owner, 2)}};
          MayFail(&op, 90);
          return op;
        }
        if (how < 5 && context.returns) return {{"op", random_.Percent(50) ? "fail" : "return"}};
        return nullptr;
      }
      case 41: {
        if (deep || runtimes_.empty()) return nullptr;
        Context inside = context;
        inside.guarded = true;
        return {{"op", "enter"}, {"on", random_.Pick(runtimes_) + ".handle"}, {"body", Block(inside, owner, 2)}};
      }
      case 42: {
        int how = random_.Below(3);
        if (how == 0) return {{"op", "compute"}, {"for", Duration()}};
        if (how == 1) return {{"op", "thread_sleep"}, {"for", Duration()}};
        return {{"op", "thread_yield"}};
      }
      default: {
        const Object* o = ObjectOf({"atomic"});
        if (o == nullptr) return nullptr;
        if (random_.Percent(70)) return {{"op", random_.Percent(50) ? "store" : "add"}, {"on", o->name}, {"value", 1}};
        Json op = {{"op", "compare_exchange"}, {"on", o->name}, {"expected", random_.Below(2)}, {"value", 1}};
        MayFail(&op, 85);
        return op;
      }
    }
  }

  Json Shared(Json op, const Context& context, Owner& owner, int most) {
    op["body"] = Block(context, owner, most);
    return op;
  }

  // What is written less often: one kind of object, or one way to run a body, at a time.
  Json RarerOp(Context& context, Owner& owner, std::vector<std::string>* declared, bool may_await, bool deep) {
    auto declare = [&](const std::string& name, Type type, const std::string& object = "") {
      owner.values.push_back({name, type, object, false});
      declared->push_back(name);
    };
    auto set_of = [&](const char* kind) {
      return Find(owner, Type::kSet, [&](const Value& v) { return Named(v.object).kind == kind; });
    };
    Context returning = context;
    returning.returns = true;
    if (!context.held.empty() && random_.Percent(20)) {
      std::string name = context.held.back();
      context.held.pop_back();
      return {{"op", "unlock"}, {"on", name}};
    }
    switch (random_.Below(34)) {
      case 0: case 1: case 2: {   // shared locks
        const Object* o = ObjectOf({"std_rwlock", "rwlock"});
        if (o == nullptr) return nullptr;
        bool std_lock = o->kind == "std_rwlock";
        bool tried = random_.Percent(20), reads = random_.Percent(55);
        std::string verb = reads ? "read" : "write";
        if (tried) verb = "try_" + verb;
        else if (!std_lock && !may_await) { if (context.async && !random_.Percent(10)) return nullptr; verb = "blocking_" + verb; }
        Json op = Hold(context, owner, {{"op", verb}, {"on", o->name}}, std_lock, tried, declared);
        if (std_lock && !tried) MayFail(&op, 10);
        return op;
      }
      case 3: case 4: {   // condvar
        const Object *cv = ObjectOf({"std_condvar"}), *m = ObjectOf({"std_mutex"});
        if (cv == nullptr || m == nullptr) return nullptr;
        if (random_.Percent(50)) return {{"op", random_.Percent(50) ? "notify_one" : "notify_all"}, {"on", cv->name}};
        Json wait = {{"op", random_.Percent(70) ? "wait" : "wait_timeout"}, {"on", cv->name}, {"mutex", m->name}};
        if (wait["op"] == "wait_timeout") wait["for"] = Duration();
        MayFail(&wait, wait["op"] == "wait" ? 20 : 90);
        Json body = Json::array({wait});
        return {{"op", "lock"}, {"on", m->name}, {"body", body}};
      }
      case 5: {
        const Object* o = ObjectOf({"std_barrier", "barrier"});
        if (o == nullptr || (o->kind == "barrier" && !may_await)) return nullptr;
        return {{"op", "wait"}, {"on", o->name}};
      }
      case 6: {
        const Object* o = ObjectOf({"std_once", "once_cell"});
        if (o == nullptr || deep || (o->kind == "once_cell" && !may_await)) return nullptr;
        Context inside = returning;
        if (o->kind == "std_once") { inside.async = false; inside.returns = false; inside.guarded = true; }
        Json op = Shared({{"op", "get_or_init"}, {"on", o->name}}, Freeze(inside, owner), owner, 2);
        if (o->kind == "once_cell") MayFail(&op);
        return op;
      }
      case 7: {
        const Object* o = ObjectOf({"cell"});
        if (o == nullptr) return nullptr;
        if (random_.Percent(50)) return {{"op", "read_cell"}, {"on", o->name}, {"var", "seen"}};
        return {{"op", "write_cell"}, {"on", o->name}, {"value", random_.Below(2)}};
      }
      case 8: {   // a value whose destructor owns what it mentions
        if (deep) return nullptr;
        std::string as = Fresh("v");
        Owner child;
        for (const Value& v : owner.values)
          if (!context.frozen.count(v.name) && (v.type == Type::kTx || v.type == Type::kValue) && random_.Percent(40)) child.values.push_back(v);
        Context inside;
        inside.depth = context.depth + 1;
        Json op = {{"op", "value"}, {"as", as}, {"drop", Block(inside, child, 2)}};
        for (const std::string& name : child.used) { owner.used.insert(name); owner.Remove(name); }
        declare(as, Type::kValue);
        return op;
      }
      case 9: {   // a place in a channel
        Value* v = Find(owner, Type::kTx, [&](const Value& t) { return Named(t.object).kind == "mpsc" && Named(t.object).bounded; });
        if (v == nullptr || !may_await) return nullptr;
        Value value = *v;
        std::string as = Fresh("p");
        Json op = Use(owner, value, "reserve");
        op["as"] = as;
        MayFail(&op, 30);
        if (op.contains("or")) op["or"] = Json::array({{{"op", "pending"}}});   // else the name would mean nothing behind it
        declare(as, Type::kPlace, value.object);
        return op;
      }
      case 10: {
        Value* v = Find(owner, Type::kPlace, [&](const Value& p) { return !context.frozen.count(p.name); });
        if (v == nullptr) return nullptr;
        Value place = *v;
        owner.used.insert(place.name);
        owner.Remove(place.name);
        if (random_.Percent(40)) return {{"op", "release"}, {"on", place.name}};
        return {{"op", "send"}, {"on", place.object}, {"permit", place.name}};
      }
      case 11: {
        Value* v = Find(owner, Type::kRx, [&](const Value& t) { return Named(t.object).kind == "mpsc" || Named(t.object).kind == "oneshot"; });
        if (v == nullptr) return nullptr;
        return Use(owner, *v, "close");
      }
      case 12: {
        Value* v = Find(owner, Type::kTx, [&](const Value& t) { return Named(t.object).kind == "oneshot"; });
        return v == nullptr || !may_await ? Json() : Use(owner, *v, "closed");
      }
      case 13: {
        Value* v = Find(owner, Type::kTx, [&](const Value& t) { return Named(t.object).kind == "broadcast" || Named(t.object).kind == "watch"; });
        if (v == nullptr || context.depth > 3) return nullptr;
        Value value = *v;
        std::string as = Fresh("r");
        Json op = Use(owner, value, "subscribe");
        op["on"] = Named(value.object).kind == "watch" ? value.name : value.object;
        op["as"] = as;
        declare(as, Type::kRx, value.object);
        return op;
      }
      case 14: case 15: {   // watch
        Value* v = Find(owner, Type::kRx, [&](const Value& t) { return Named(t.object).kind == "watch"; });
        if (v == nullptr) return nullptr;
        Value value = *v;
        if (may_await && random_.Percent(50)) return Receive(context, owner, true);
        Json op = Use(owner, value, "borrow");
        Context inside = context;
        inside.guarded = true;
        op["body"] = random_.Percent(60) ? Json::array() : Block(inside, owner, 1);
        return op;
      }
      case 16: {
        const Object* o = ObjectOf({"cancellation_token"});
        if (o == nullptr) return nullptr;
        if (may_await && random_.Percent(50)) return {{"op", "cancelled"}, {"on", o->name}};
        return {{"op", "cancel"}, {"on", o->name}};
      }
      case 17: case 18: {   // join_set
        Value* v = set_of("join_set");
        if (v == nullptr) return nullptr;
        Value set = *v;
        int how = random_.Below(10);
        if (how < 4) {
          if (deep || !context.async || ++parties_ > 4) return nullptr;
          Json op = Moved(Freeze(context, Only(set)), owner, "spawn", true, "");
          owner.used.insert(set.name);
          op["into"] = set.name;
          return op;
        }
        if (how < 7 && may_await) { Json op = Use(owner, set, "join_next"); MayFail(&op); return op; }
        if (how < 8 && may_await) return Use(owner, set, "shutdown");
        return Use(owner, set, "abort_all");
      }
      case 19: case 20: {   // local_set
        Value* v = set_of("local_set");
        if (v == nullptr || deep) return nullptr;
        Value set = *v;
        int how = random_.Below(10);
        if (how < 4) {
          if (++parties_ > 4) return nullptr;
          std::string as = Fresh("l");
          Json op = Moved(Freeze(context, Only(set)), owner, "spawn_local", true, as);
          owner.used.insert(set.name);
          if (random_.Percent(80)) op["on"] = set.name;
          declare(as, Type::kTask);
          return op;
        }
        if (context.sends || context.frozen.count(set.name)) return nullptr;
        if (how < 7 && may_await) {
          owner.used.insert(set.name);
          Json op = Shared({{"op", "run_until"}, {"on", set.name}}, Freeze(returning, Only(set)), owner, 3);
          MayFail(&op, 30);
          return op;
        }
        if (how < 9 && may_await) { Json op = Use(owner, set, "await"); owner.Remove(set.name); return op; }
        Value* rt = context.async ? nullptr : Find(owner, Type::kRuntime);
        if (rt == nullptr) return nullptr;
        std::string on = rt->name;
        owner.used.insert(set.name);
        Json op = BlockOn(Freeze(context, Only(set)), owner, on);
        op["local"] = set.name;
        return op;
      }
      case 21: case 22: {   // futures_unordered
        Value* v = set_of("futures_unordered");
        if (v == nullptr || !context.async) return nullptr;
        Value set = *v;
        if (random_.Percent(50)) {
          if (deep) return nullptr;
          Json op = Moved(Freeze(context, Only(set)), owner, "push", true, "");
          owner.used.insert(set.name);
          op["on"] = set.name;
          return op;
        }
        if (!may_await) return nullptr;
        Json op = Use(owner, set, "next");
        MayFail(&op);
        return op;
      }
      case 23: return may_await && !deep ? Shared({{"op", "unconstrained"}}, returning, owner, 2) : Json();
      case 24: return random_.Percent(15) ? Json({{"op", "pending"}}) : Json();
      case 25: {
        if (random_.Percent(40)) return random_.Percent(context.async ? 10 : 60) ? Json({{"op", "park"}}) : Json();
        Value* v = Find(owner, Type::kThread, [](const Value& t) { return t.name[0] == 'h'; });   // one, not copies
        return v == nullptr ? Json() : Use(owner, *v, "unpark");
      }
      case 26: {   // threads that borrow
        if (deep || parties_ > 2) return nullptr;
        Json body = Json::array();
        std::vector<Value*> lent;
        Json thread = {{"op", "spawn_thread"}, {"as", Fresh("s")}, {"body", Json::array()}};
        ++parties_;
        Owner nobody;
        Context inside;
        inside.depth = context.depth + 1;
        inside.returns = true;
        Value* tx = Find(owner, Type::kTx, [&](const Value& t) { return Named(t.object).kind == "std_channel"; });
        if (tx != nullptr && random_.Percent(60)) {
          Value value = *tx;
          owner.used.insert(value.name);
          thread["borrow"] = Json::array({value.name});
          Json send = {{"op", "send"}, {"on", value.object}};
          MayFail(&send);
          thread["body"] = Json::array({send});
        } else {
          thread["body"] = Block(inside, nobody, 2);
        }
        body.push_back(thread);
        Context sync = context;
        sync.async = false;
        Json rest = Block(sync, owner, 1);
        for (Json& op : rest) body.push_back(op);
        return {{"op", "thread_scope"}, {"body", body}};
      }
      case 27: {   // loops that are left
        if (deep) return nullptr;
        Json body = Block(Freeze(context, owner), owner, 1);
        Json leave = random_.Percent(50) ? Json({{"op", "break"}}) : Json({{"op", "continue"}});
        if (random_.Percent(60)) {
          Json branches = Json::array({Json::array({leave}), Json::array()});
          leave = Json({{"op", "choose"}, {"branches", branches}});
        }
        body.push_back(leave);
        return {{"op", "loop"}, {"times", 2}, {"body", body}};
      }
      case 28: {   // while: endless, or not
        const Object* o = ObjectOf({"atomic"});
        if (o == nullptr || deep || !random_.Percent(25)) return nullptr;
        Json body = Block(Freeze(context, owner), owner, 1);
        body.push_back({{"op", "add"}, {"on", o->name}, {"value", 1}});
        return {{"op", "while"}, {"cond", o->name + " < 2"}, {"body", body}};
      }
      case 29: {   // locals
        const Object* o = ObjectOf({"atomic"});
        if (o == nullptr || random_.Percent(50)) return {{"op", "set"}, {"var", "x"}, {"to", o == nullptr ? "1" : o->name + " + 1"}};
        return {{"op", "assert"}, {"cond", o->name + " < " + std::to_string(1 + random_.Below(3))}};
      }
      case 30: {   // copies, each with a clone
        if (deep || parties_ > 2) return nullptr;
        parties_ += 2;
        Value* tx = Find(owner, Type::kTx, [&](const Value& t) { return t.clones && Named(t.object).kind != "watch"; });
        if (tx == nullptr) return nullptr;
        Value value = *tx;
        owner.used.insert(value.name);
        bool thread = Named(value.object).kind == "std_channel";
        if (!thread && !context.async) return nullptr;
        const Object& object = Named(value.object);
        bool blocks = object.kind == "mpsc" && object.bounded && thread;
        Json send = {{"op", blocks ? "blocking_send" : "send"}, {"on", value.object}, {"value", "$index"}};
        MayFail(&send);
        std::string as = Fresh("c");
        Json op = {{"op", thread ? "spawn_thread" : "spawn"}, {"as", as}, {"count", 2}, {"clone", Json::array({value.name})}, {"body", Json::array({send})}};
        if (thread) declare(as, Type::kThread);
        return op;
      }
      case 31: {   // the same body in two places
        if (deep) return nullptr;
        if (!bodies_.contains("again")) {
          Owner nobody;
          Context inside;
          inside.depth = 4;
          bodies_["again"] = Block(inside, nobody, 2);
        }
        return {{"op", "call"}, {"run", "again"}};
      }
      case 32: {
        Value* v = Find(owner, Type::kRuntime, [&](const Value& r) { return !context.frozen.count(r.name); });
        if (v == nullptr || !random_.Percent(30)) return nullptr;
        Value rt = *v;
        Json op = Use(owner, rt, "shutdown_timeout");
        op["after"] = Duration();
        owner.Remove(rt.name);
        return op;
      }
      default: {
        Value* v = Find(owner, Type::kRx, [&](const Value&) { return true; });
        return v == nullptr ? Json() : Json({{"op", "use"}, {"on", (owner.used.insert(v->name), v->name)}});
      }
    }
  }

  static Owner Only(const Value& value) {
    Owner owner;
    owner.values.push_back(value);
    return owner;
  }

  Context Freeze(const Context& context, const Owner& owner) {
    Context inside = context;
    for (const Value& v : owner.values) inside.frozen.insert(v.name);
    return inside;
  }

  // A `spawn` outside of any runtime: kept rarely, since it is always the same finding. What it would have taken stays lost.
  Json Undo(const Json&, Owner&) { return nullptr; }

  Random random_;
  Owner main_;
  std::vector<std::string> runtimes_;
  std::vector<Object> objects_;
  Json values_, bodies_;
  int left_ = 0, parties_ = 0, names_ = 0;
};

}  // namespace

std::string RandomScenario(std::uint64_t seed) { return Generator(seed).Write(); }

}  // namespace asyncrt
