// Writes one random scenario: what its bodies own is tracked as rustc would, so that nearly all of them are programs.
// generator.cc has the frame (declarations, bodies), writer_tasks.cc the ops of threads, tasks and control flow,
// writer_objects.cc those of objects.
#ifndef ASYNCRT_TESTS_ORACLE_WRITER_H_
#define ASYNCRT_TESTS_ORACLE_WRITER_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "core/base/json_library.h"

namespace asyncrt {

class Random {   // splitmix64
 public:
  // Mixed, so that the numbers of one seed are not those of another one, further on.
  explicit Random(std::uint64_t seed) : state_(Mixed(seed * 0xd1342543de82ef95u + 0x1234567)) {}
  int Below(int n) {
    state_ += 0x9e3779b97f4a7c15u;
    return static_cast<int>(Mixed(state_) % static_cast<std::uint64_t>(n));
  }
  bool Percent(int p) { return Below(100) < p; }
  template <class T>
  const T& Pick(const std::vector<T>& list) { return list[static_cast<std::size_t>(Below(static_cast<int>(list.size())))]; }

 private:
  static std::uint64_t Mixed(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  std::uint64_t state_;
};

class ScenarioWriter {
 public:
  explicit ScenarioWriter(std::uint64_t seed, bool copies = false) : random_(seed), copies_(copies) {}
  std::string Write();

 private:
  using Json = nlohmann::ordered_json;
  using Names = std::vector<std::string>;

  enum class Type { kTx, kRx, kRuntime, kValue, kTask, kThread, kFuture, kNotified, kPermit, kPlace, kGuard, kStdGuard, kEnter, kSet };

  struct Value {
    std::string name;     // as it is moved or dropped: "ch.tx", "rt", "t1"
    Type type;
    std::string on;       // as an op works on it: "ch", "ch[1]", "s1"
    std::string kind;     // of its object, where that matters
    bool clones = false;
    bool sends = true;
    bool array = false;   // several tasks or threads under one name
    bool held = false;    // lies inside the lock whose guard is alive
  };

  // What a body owns, and what it has mentioned of the things that were offered to it.
  struct Owner {
    std::vector<Value> values;
    std::set<std::string> used;
    Names locked;   // objects of which it has taken guards or permits that have no name
    void Remove(const std::string& name) {
      std::erase_if(values, [&](const Value& v) { return v.name == name; });
    }
    bool Has(const std::string& name) const {
      return std::any_of(values.begin(), values.end(), [&](const Value& v) { return v.name == name; });
    }
  };

  struct Context {
    bool async = false;
    bool sends = false;     // the body may be polled by any worker: no std guard across an await
    bool guarded = false;   // a guard that is not Send is alive
    bool returns = false;   // `fail` may stand here
    bool loops = false;     // `break` may stand here
    bool copies = false;    // one of several copies, which `$index` tells apart
    bool scoped = false;    // directly in a `thread_scope`
    bool set = false;       // tasks of a `local_set` run here
    bool top = false;       // main's own ops, which run once, from first to last
    int depth = 0;
    std::set<std::string> frozen;   // values that may not be moved: the body can run twice
    std::set<std::string> holding;  // locks that are held here
    Names tasks, threads;   // visible, whoever owns their handles
  };

  struct Object {
    std::string name, kind;
    bool bounded = false;
    int count = 0;          // 0: no array
    Names holds;            // what lies inside: "ch.rx"
  };

  // generator.cc: the frame
  void DeclareRuntimes();
  void DeclareObjects();
  void DeclareObject(const std::string& kind);
  void DeclareValue();
  void DeclareBodies();
  void PutIntoLocks();
  Json Block(const Context& context, Owner& owner, int most);
  void Some(Context& context, Owner& owner, int count, Json* list, Names* declared);
  Json MakeOp(Context& context, Owner& owner, Names* declared);
  Json Follow(Context& context, Owner& owner, Names* declared);
  Json Moved(const Context& context, Owner& owner, const char* verb, bool async, const std::string& as);
  std::vector<Json> Alternatives(const Context& context, Owner& owner, int count);
  std::vector<Owner> Shares(Owner& owner, int count);
  static void Rejoin(std::vector<Owner>& shares, Owner& owner);
  static Context Freeze(const Context& context, const Owner& owner);

  // generator.cc: small things
  Value* Find(Owner& owner, Type type, const std::function<bool(const Value&)>& also = nullptr);
  const Object* ObjectOf(const std::vector<std::string>& kinds);
  std::string Element(const Context& context, const Object& object);
  std::string Fresh(const char* prefix) { return prefix + std::to_string(++names_); }
  std::string Duration();
  std::string Local() { return *locals_.insert(random_.Percent(70) ? "x" : "y").first; }
  std::string Number(const Context& context);
  std::string Condition(const Context& context);
  void MayFail(Json* op, const Context& context, Owner& owner, int percent_or = 80);
  void MaySetLocal(Json* op) { if (random_.Percent(15)) (*op)["var"] = Local(); }
  void Declare(Context& context, Owner& owner, Names* declared, const Value& value);
  Json Use(Owner& owner, const Value& value, const std::string& verb);

  // writer_tasks.cc
  using Maker = Json (ScenarioWriter::*)(Context&, Owner&, Names*);
  struct Weighted { int weight; Maker make; };
  static const std::vector<Weighted>& TaskOps();
  Json Spawn(Context& context, Owner& owner, Names* declared);
  Json SpawnBlocking(Context& context, Owner& owner, Names* declared);
  Json SpawnThread(Context& context, Owner& owner, Names* declared);
  void AwaitAll(Json* document);
  Json ThreadScope(Context& context, Owner& owner, Names* declared);
  Json Await(Context& context, Owner& owner, Names* declared);
  Json Abort(Context& context, Owner& owner, Names* declared);
  Json Drop(Context& context, Owner& owner, Names* declared);
  Json JoinThread(Context& context, Owner& owner, Names* declared);
  Json BlockOnSome(Context& context, Owner& owner, Names* declared);
  Json BlockOn(const Context& context, Owner& owner, const std::string& on);
  Json BlockInPlace(Context& context, Owner& owner, Names* declared);
  Json Pause(Context& context, Owner& owner, Names* declared);
  Json Timeout(Context& context, Owner& owner, Names* declared);
  Json Select(Context& context, Owner& owner, Names* declared);
  Json Join(Context& context, Owner& owner, Names* declared);
  Json MakeFuture(Context& context, Owner& owner, Names* declared);
  Json Poll(Context& context, Owner& owner, Names* declared);
  Json Branching(Context& context, Owner& owner, Names* declared);
  Json Loop(Context& context, Owner& owner, Names* declared);
  Json Leave(Context& context, Owner& owner, Names* declared);
  Json Panics(Context& context, Owner& owner, Names* declared);
  Json Enter(Context& context, Owner& owner, Names* declared);
  Json Park(Context& context, Owner& owner, Names* declared);
  Json Locals(Context& context, Owner& owner, Names* declared);
  Json MakeValue(Context& context, Owner& owner, Names* declared);
  Json Call(Context& context, Owner& owner, Names* declared);
  Json HandOver(Context& context, Owner& owner, Names* declared);
  Json RuntimeOp(Context& context, Owner& owner, Names* declared);
  Json Waiting(const Context& context, Owner& owner);
  Json Awaited(const Context& context, Owner& owner);
  Value* Pollable(Owner& owner);

  // writer_objects.cc
  Json ObjectOp(Context& context, Owner& owner, Names* declared);
  Json LockOp(Context& context, Owner& owner, Names* declared, const Object& object);
  Json Hold(Context& context, Owner& owner, Json op, const Object& object, bool std_guard, int percent_or, Names* declared);
  Json Condvar(Context& context, Owner& owner, const Object& object);
  Json SemaphoreOp(Context& context, Owner& owner, Names* declared, const Object& object);
  Json NotifyOp(Context& context, Owner& owner, Names* declared, const Object& object);
  Json AtomicOp(Context& context, Owner& owner, const Object& object);
  Json ChannelOp(Context& context, Owner& owner, Names* declared, const Value& end);
  const Object& Declared(const Value& value);
  Json Send(const Context& context, Owner& owner, const Value& value);
  Json Receive(const Context& context, Owner& owner, const Value& value, bool waits);
  Json Borrow(Context& context, Owner& owner, const Value& value, Names* declared);
  Json SetOp(Context& context, Owner& owner, Names* declared, const Value& set);
  static bool MayAwait(const Context& context) { return context.async && !(context.sends && context.guarded); }
  bool Deep(const Context& context) const { return context.depth > 4 || left_ < 1; }

  Random random_;
  bool copies_ = false;
  Json runtime_json_, object_json_, body_json_;
  Owner main_;
  Names runtimes_, unbuilt_;
  std::vector<Object> objects_;
  std::set<std::string> locals_, sent_on_;
  bool endless_ = false;    // loops without a bound may stand in it
  std::string handed_on_;   // the channel of the one hand-over: its messages own something
  int left_ = 0, parties_ = 0, names_ = 0;
};

}  // namespace asyncrt

#endif  // ASYNCRT_TESTS_ORACLE_WRITER_H_
