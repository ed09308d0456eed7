// A scenario as its author wrote it: a tree, every node with its place in the file. What the names mean has been
// checked; what the program does has not been looked at yet (core/program).
#ifndef ASYNCRT_CORE_SCENARIO_SCENARIO_H_
#define ASYNCRT_CORE_SCENARIO_SCENARIO_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/ops/op.h"
#include "core/base/deadline.h"
#include "core/scenario/diagnostics.h"
#include "core/scenario/json.h"

namespace asyncrt {

// A duration in microseconds of modelled time.
using Micros = std::int64_t;

// An expression over integers: section 2 of the language.
struct Expr {
  enum class Kind : std::uint8_t {
    kNumber, kLocal, kAtomic /* name, optional index in kids[0] */, kIndex /* $index */, kNow /* $now */,
    kWatchValue /* $value */, kFinished /* name: a task; optional index in kids[0] */,
    kNot, kNegate,
    kAdd, kSubtract, kMultiply, kDivide, kRemainder,
    kLess, kLessEqual, kGreater, kGreaterEqual, kEqual, kNotEqual, kAnd, kOr,
  };
  Kind kind = Kind::kNumber;
  std::int64_t number = 0;
  std::string name;
  std::vector<Expr> kids;
};

// `ch`, `ch.tx`, `forks[$index]`, `rt.handle`, `forks[1].tx`.
struct Ref {
  enum class Part : std::uint8_t { kWhole, kTx, kRx, kHandle };
  std::string name;
  Part part = Part::kWhole;
  std::optional<Expr> index;
  Kind kind = Kind::kNone;  // what the name stands for at this place
  const Json* node = nullptr;
};

struct Op;

// A list of ops. `named` is the name in `bodies` when it came through `run`.
struct Body {
  std::vector<Op> ops;
  std::string named;
  const Json* node = nullptr;
};

// A branch of select, join or choose.
struct Branch {
  std::shared_ptr<Body> await;   // ops or a single op; null when `name` is set. choose: the branch itself
  std::optional<Ref> name;       // a future polled by reference
  std::shared_ptr<Body> then;    // null: nothing
  std::optional<Expr> condition; // `if`
  const Json* node = nullptr;
};

struct Op {
  const OpDef* def = nullptr;
  const Json* node = nullptr;
  std::string at, note;

  enum class Target : std::uint8_t { kNone, kRef, kCurrent, kFutures };
  Target target = Target::kNone;      // of `on`; kCurrent/kFutures only for block_on
  Ref on;                             // target == kRef. For a select/timeout/join written with a future name see branches
  std::string as;
  std::shared_ptr<Body> body;         // `body`, or the named body of `run`; also timeout's `await` when it is ops
  std::optional<Ref> await_name;      // timeout: `await` with a future's name
  std::shared_ptr<Body> then, otherwise, on_failure, drop;  // then, else, or, drop
  bool has_or = false;
  std::vector<Ref> clone, borrow, with;
  std::optional<std::int64_t> count;
  bool detached = false, biased = false, try_join = false, shared = false, send = true, enable = true, fair = true;
  std::string into, local;            // join_set / local_set names
  std::optional<Ref> permit, future, mutex;
  std::string var, message;
  std::optional<Expr> value, expected, to, condition, times;
  std::int64_t permits = 1, bytes = 1;
  std::optional<Micros> duration;     // `for` or `after`
  std::vector<Branch> branches;
};

struct Runtime {
  std::string name;
  bool multi_thread = false;
  std::int64_t worker_threads = 1, max_blocking_threads = 512;
  bool enable_time = true, enable_io = true, shared = false, disable_lifo_slot = false;
  std::int64_t event_interval = 61;
  std::optional<std::int64_t> global_queue_interval;
  bool has_build = false;             // some op builds it
  const Json* node = nullptr;
};

struct Object {
  std::string name;
  Kind kind = Kind::kNone;
  std::int64_t count = 1;
  bool is_array = false;
  std::vector<Ref> holds;
  std::optional<std::int64_t> capacity;   // channels
  std::int64_t permits = 0, parties = 0, value = 0;
  std::optional<std::int64_t> limit, buffer;
  enum class Policy : std::uint8_t { kAny, kWritersFirst, kReadersFirst };
  Policy policy = Policy::kAny;
  std::string parent;
  bool shared = false, send = true;
  std::shared_ptr<Body> drop;
  const Json* node = nullptr;
};

// An entry of `expect`: any one of these rules ("deadlock/*" matches a family).
struct Expected { std::vector<std::string> any_of; };
struct Expect {
  std::optional<std::vector<Expected>> errors, warnings;
};

struct Allow { std::string rule, on, reason; const Json* node = nullptr; };

struct Scenario {
  std::string name, about, source;
  std::string file;                    // as given on the command line
  std::shared_ptr<const Json> document;
  std::vector<Runtime> runtimes;
  std::vector<Object> objects;
  // Declaration order of runtimes and objects together, as indices: >= 0 a runtime, < 0 object -1-i.
  std::vector<std::int64_t> declaration_order;
  Body main;
  bool ideal = true, adversarial = true;  // `timing`
  Micros blocking_threshold = 10'000, starvation_threshold = 100'000;
  std::string tokio;                   // empty: the newest
  std::optional<Expect> expect;
  std::vector<std::pair<std::string, Expect>> expect_for;  // expect.tokio
  std::vector<Allow> allow;
};

// Reads one scenario. All problems of the text are put into `diagnostics`; the result is null if there was any. Throws
// TimeIsUp; `name` has the scenario's name then, if it was read, and may be null.
std::unique_ptr<Scenario> ReadScenario(const std::string& text, const std::string& file, Diagnostics& diagnostics,
                                       const Deadline& deadline = {}, std::string* name = nullptr);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_SCENARIO_SCENARIO_H_
