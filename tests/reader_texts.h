// Scenarios in a line or two, and what the reader says about them.
#ifndef ASYNCRT_TESTS_READER_TEXTS_H_
#define ASYNCRT_TESTS_READER_TEXTS_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/scenario/scenario.h"

namespace asyncrt {

using Lines = std::vector<std::string>;

// "line:column pointer: message; hint"
inline Lines Text(const Diagnostics& diagnostics) {
  Lines lines;
  for (const Diagnostic& diagnostic : diagnostics.list()) {
    lines.push_back(std::to_string(diagnostic.place.line) + ":" + std::to_string(diagnostic.place.column) + " " +
                    diagnostic.pointer + ": " + diagnostic.message + (diagnostic.hint.empty() ? "" : "; ") +
                    diagnostic.hint);
  }
  return lines;
}

inline Lines Errors(const std::string& text) {
  Diagnostics diagnostics;
  const auto scenario = ReadScenario(text, "test.json", diagnostics);
  EXPECT_EQ(scenario == nullptr, !diagnostics.empty());
  return Text(diagnostics);
}

inline std::unique_ptr<Scenario> Good(const std::string& text) {
  Diagnostics diagnostics;
  auto scenario = ReadScenario(text, "test.json", diagnostics);
  EXPECT_EQ(Text(diagnostics), Lines{});
  return scenario;
}

inline const std::string kObjects =
    R"("runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 2 } }, "objects": { )"
    R"("m": { "kind": "mutex" }, "sm": { "kind": "std_mutex" }, "ch": { "kind": "mpsc" }, )"
    R"("full": { "kind": "mpsc", "capacity": 1 }, "forks": { "kind": "std_mutex", "count": 3 }, )"
    R"("os": { "kind": "oneshot" }, "w": { "kind": "watch" }, "flag": { "kind": "atomic" }, )"
    R"("n": { "kind": "notify" }, "sem": { "kind": "semaphore", "permits": 1 } })";

// Main's ops start in line 2, column 1.
inline std::string WithMain(const std::string& ops) {
  return R"({ "name": "t", )" + kObjects + ", \"main\": [\n" + ops + "\n] }";
}
// The ops are async and start in line 3, column 1.
inline std::string WithAsync(const std::string& ops) {
  return WithMain("{ \"op\": \"block_on\", \"on\": \"rt\", \"body\": [\n" + ops + "\n] }");
}

inline const std::string kNothing =
    "nothing is declared here: things stand in `objects` and `runtimes`, tasks and threads have an `as`";

}  // namespace asyncrt

#endif  // ASYNCRT_TESTS_READER_TEXTS_H_
