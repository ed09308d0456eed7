// Any bytes to the JSON reader: a tree, or at least one diagnostic that says why not.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/scenario/json_reader.h"
#include "tests/fuzz/targets.h"

int fuzz_json(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  asyncrt::Diagnostics diagnostics;
  if (!asyncrt::ReadJson(text, diagnostics) && diagnostics.empty()) std::abort();
  return 0;
}
