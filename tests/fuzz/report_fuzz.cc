// Any text to what reads reports and baselines again (`replay`, `merge`, `--baseline`): a result or an error.
#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/fuzz/targets.h"
#include "tool/baseline.h"
#include "tool/report_reader.h"

int fuzz_report(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  asyncrt::ReadReport(text);
  asyncrt::ReadBaseline(text);
  return 0;
}
