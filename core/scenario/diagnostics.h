// What is wrong with an input: every message has a place, says what was expected, and the nearest known name.
#ifndef ASYNCRT_CORE_SCENARIO_DIAGNOSTICS_H_
#define ASYNCRT_CORE_SCENARIO_DIAGNOSTICS_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/scenario/json.h"

namespace asyncrt {

struct Diagnostic {
  Place place;          // line 0: the whole file
  std::string pointer;  // JSON pointer; empty for the whole document or for broken JSON
  std::string message;  // one sentence, no full stop
  std::string hint;     // "did you mean `recv`?" or what is allowed here; may be empty
};

// Beyond this many errors in a file, more of them help nobody.
inline constexpr std::size_t kErrorsMax = 1'000;
inline constexpr std::string_view kTooManyErrors = "there are too many errors: the rest of the file was not read";

class Diagnostics {
 public:
  void Add(const Json& where, std::string message, std::string hint = "") {
    list_.push_back({where.place, where.pointer, std::move(message), std::move(hint)});
  }
  void AddAt(Place place, std::string pointer, std::string message, std::string hint = "") {
    list_.push_back({place, std::move(pointer), std::move(message), std::move(hint)});
  }
  bool empty() const { return list_.empty(); }
  const std::vector<Diagnostic>& list() const { return list_; }

 private:
  std::vector<Diagnostic> list_;
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_SCENARIO_DIAGNOSTICS_H_
