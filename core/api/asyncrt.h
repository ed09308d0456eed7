// libasyncrt: checks scenarios of asyncrt-check from C++. The text of a scenario goes in, the text of a report comes out.
//
//   asyncrt::Result result = asyncrt::Check(text, {.format = "text"});
//   if (result.outcome == asyncrt::Outcome::kErrors) std::cerr << result.report;
//
// Everything here is safe to call from several threads at once, reads and writes no file, and prints nothing. Mistakes in
// a scenario are part of the report; mistakes in the options, which are the caller's, throw std::invalid_argument with a
// message for people; where there is no memory, std::bad_alloc is thrown. A check explores on the thread that calls it.
//
// Before version 1.0 a program needs the version of the library whose header it was compiled with.
#ifndef ASYNCRT_H_
#define ASYNCRT_H_

#include <atomic>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#define ASYNCRT_API __attribute__((visibility("default")))

namespace asyncrt {
inline namespace v1 {

// The verdict of the report: nothing, warnings at most, at least one error; or nothing was found before a limit ended the
// exploration; or the text is no scenario. An error counts though a limit ended the exploration.
enum class Outcome : std::uint8_t { kClean, kWarnings, kErrors, kIncomplete, kInvalid };
// Ideal: a step takes no time, save those that say so. Adversarial: every step may be delayed for any time.
enum class TimingChoice : std::uint8_t { kAsScenarioSays, kIdeal, kAdversarial };

struct Options {
  std::string file = "scenario.json";  // how the report calls the scenario; nothing is read or written
  std::string format = "json";         // one of Formats()
  std::string tokio = {};              // a version such as "1.44"; empty: as the scenario says
  TimingChoice timing = TimingChoice::kAsScenarioSays;
  bool exact_scheduler = false;        // a worker's search for work and its going to sleep part by part: slow
  bool verbose = false;                // "text" says what everything is at the end of each schedule
  std::uint64_t max_states = 20'000'000;  // of the scenario, under each timing
  std::uint64_t max_depth = 0;      // in steps; 0: no limit
  std::uint64_t time_limit_ms = 0;  // 0: no limit
  std::uint64_t memory_limit_mib = 8192;  // about; in units of 2^20 bytes
  // A rule or "family/*", and "off", "note", "warning" or "error"; the later one wins.
  std::vector<std::pair<std::string, std::string>> rules = {};
  const std::atomic<bool>* interrupted = nullptr;  // once true, the check stops and reports what it has found
};

struct Result {
  Outcome outcome = Outcome::kClean;
  std::string report;                    // in the format that was asked for
  std::vector<std::string> rules;        // of the findings that count, each once
  std::vector<std::string> differences;  // from the scenario's own `expect`; empty: as expected, or nothing is
};

ASYNCRT_API Result Check(std::string_view scenario, const Options& options = {});

// The steps of a finding's `replay`, as text, with the state at the end if `verbose`. The options are those that it was
// found with. Throws std::invalid_argument if `schedule` is none, or none of this scenario.
ASYNCRT_API std::string Replay(std::string_view scenario, std::string_view schedule, const Options& options = {});

// A page about a rule; std::invalid_argument if there is none of that name.
ASYNCRT_API std::string Explain(std::string_view rule);

// What `Options::format` can be, and all ids of rules.
ASYNCRT_API std::vector<std::string> Formats();
ASYNCRT_API std::vector<std::string> Rules();
// Of the library that runs, such as "0.1.0".
ASYNCRT_API std::string Version();
// A JSON string with its quotes; `text` is UTF-8.
ASYNCRT_API std::string QuotedJson(std::string_view text);

// Scenarios in C++ instead of JSON. What is built is only written down here; Check says what is wrong with it.
//
//   using namespace asyncrt::build;
//   std::string text = Scenario("relock").Object("m", Object("std_mutex"))
//                          .Main({Op("lock").On("m"), Op("lock").On("m")}).Json();
namespace build {

class Op;
// A list of ops, one a line.
std::string JsonOf(const std::vector<Op>& ops);

// Everything one level deeper. JSON has no line breaks inside of strings: each one stands between values.
inline std::string Indented(std::string_view json) {
  std::string out;
  for (char byte : json) out += byte == '\n' ? std::string("\n  ") : std::string(1, byte);
  return out;
}

inline std::string JsonOf(const std::vector<std::string>& texts) {
  std::string json;
  for (const std::string& text : texts) json += (json.empty() ? "" : ", ") + QuotedJson(text);
  return "[" + json + "]";
}

// The fields of something, in the order in which they were set.
template <typename Self>
class Fields {
 public:
  Self& Set(std::string_view key, std::string_view text) { return Put(key, QuotedJson(text)); }
  template <std::integral Number>
  Self& Set(std::string_view key, Number number) {
    if constexpr (std::is_same_v<Number, bool>) {
      return Put(key, number ? "true" : "false");
    } else {
      return Put(key, std::to_string(number));
    }
  }
  // A pointer would become a bool.
  Self& Set(std::string_view key, const char* text) { return Set(key, std::string_view(text)); }
  Self& List(std::string_view key, const std::vector<std::string>& texts) { return Put(key, JsonOf(texts)); }
  Self& Ops(std::string_view key, const std::vector<Op>& ops) { return Put(key, JsonOf(ops)); }
  // A list of lists of ops, as the branches of `choose` are.
  Self& Branches(std::string_view key, const std::vector<std::vector<Op>>& branches) {
    std::string json;
    for (const std::vector<Op>& branch : branches) json += (json.empty() ? "" : ", ") + JsonOf(branch);
    return Put(key, "[" + json + "]");
  }
  // Any value, as JSON.
  Self& Put(std::string_view key, std::string_view json) {
    json_ += (json_.empty() ? "" : ", ") + QuotedJson(key) + ": " + std::string(json);
    return static_cast<Self&>(*this);
  }
  std::string Json() const { return json_.empty() ? "{}" : "{ " + json_ + " }"; }

 private:
  std::string json_;
};

class Op : public Fields<Op> {
 public:
  explicit Op(std::string_view verb) { Set("op", verb); }
  Op& On(std::string_view name) { return Set("on", name); }
  Op& As(std::string_view name) { return Set("as", name); }
  Op& Body(const std::vector<Op>& ops) { return Ops("body", ops); }
  Op& Or(const std::vector<Op>& ops) { return Ops("or", ops); }
  Op& Clone(const std::vector<std::string>& names) { return List("clone", names); }
  Op& At(std::string_view place) { return Set("at", place); }
  Op& Note(std::string_view text) { return Set("note", text); }
};

inline std::string JsonOf(const std::vector<Op>& ops) {
  std::string json;
  for (const Op& op : ops) json += (json.empty() ? "\n  " : ",\n  ") + Indented(op.Json());
  return json.empty() ? "[]" : "[" + json + " ]";
}

class Object : public Fields<Object> {
 public:
  explicit Object(std::string_view kind) { Set("kind", kind); }
};

class Runtime : public Fields<Runtime> {
 public:
  static Runtime MultiThread(std::uint64_t workers) {
    return Runtime("multi_thread").Set("worker_threads", workers);
  }
  static Runtime CurrentThread() { return Runtime("current_thread"); }

 private:
  explicit Runtime(std::string_view flavor) { Set("flavor", flavor); }
};

class Scenario {
 public:
  explicit Scenario(std::string_view name) { Add(top_, "name", QuotedJson(name)); }
  Scenario& About(std::string_view text) { return Add(top_, "about", QuotedJson(text)); }
  Scenario& Source(std::string_view text) { return Add(top_, "source", QuotedJson(text)); }
  Scenario& Tokio(std::string_view version) { return Add(top_, "tokio", QuotedJson(version)); }
  Scenario& Timing(std::string_view model) { return Add(top_, "timing", QuotedJson(model)); }
  Scenario& Runtime(std::string_view name, const build::Runtime& runtime) { return Add(runtimes_, name, runtime.Json()); }
  Scenario& Object(std::string_view name, const build::Object& object) { return Add(objects_, name, object.Json()); }
  Scenario& Body(std::string_view name, const std::vector<Op>& ops) {
    return Add(bodies_, name, Indented(JsonOf(ops)));
  }
  Scenario& Main(const std::vector<Op>& ops) {
    main_ = JsonOf(ops);
    return *this;
  }
  // The exact sets of rules that a check must find.
  Scenario& Expect(const std::vector<std::string>& errors, const std::vector<std::string>& warnings = {}) {
    expect_ = "{ \"errors\": " + JsonOf(errors) + ", \"warnings\": " + JsonOf(warnings) + " }";
    return *this;
  }

  std::string Json() const {
    std::string json = "{" + top_;
    if (!runtimes_.empty()) json += ",\n  \"runtimes\": {" + Indented(runtimes_) + "\n  }";
    if (!objects_.empty()) json += ",\n  \"objects\": {" + Indented(objects_) + "\n  }";
    if (!bodies_.empty()) json += ",\n  \"bodies\": {" + Indented(bodies_) + "\n  }";
    json += ",\n  \"main\": " + Indented(main_.empty() ? "[]" : main_);
    if (!expect_.empty()) json += ",\n  \"expect\": " + expect_;
    return json + "\n}\n";
  }

 private:
  Scenario& Add(std::string& members, std::string_view key, const std::string& json) {
    members += (members.empty() ? "\n  " : ",\n  ") + QuotedJson(key) + ": " + json;
    return *this;
  }

  std::string top_, runtimes_, objects_, bodies_, main_, expect_;
};

}  // namespace build
}  // namespace v1
}  // namespace asyncrt

#endif  // ASYNCRT_H_
