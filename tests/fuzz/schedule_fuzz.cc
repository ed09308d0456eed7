// Any text as the schedule of a scenario: it is played, or the result says why it cannot be.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/asyncrt.h"
#include "tests/fuzz/targets.h"
#include "tests/oracle/generator.h"

int fuzz_schedule(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static std::array<std::string, 256> scenarios;
  std::string& scenario = scenarios[data[0]];
  if (scenario.empty()) scenario = asyncrt::RandomScenario(data[0]);
  const std::string schedule(reinterpret_cast<const char*>(data) + 1, size - 1);
  const asyncrt::ReplayResult result = asyncrt::ReplayText(scenario, "fuzz.json", schedule, {});
  if (!result.ok && result.error.empty()) std::abort();
  return 0;
}
