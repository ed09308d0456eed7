// The values of flags: numbers, durations, sizes and words out of a list.
#ifndef ASYNCRT_TOOL_FLAG_VALUES_H_
#define ASYNCRT_TOOL_FLAG_VALUES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/asyncrt.h"
#include "tool/args.h"
#include "tool/progress.h"
#include "tool/terminal.h"

namespace asyncrt {

// A whole number of at least 1 without a sign.
std::optional<std::uint64_t> ParseCount(std::string_view text);
// "250ms", "10s", "1.5s", "2m", "1h", in milliseconds, at least 1.
std::optional<std::uint64_t> ParseDuration(std::string_view text);
// "512MiB", "4GiB" and "4G"; a plain number is MiB. At least 1 MiB.
std::optional<std::uint64_t> ParseMemory(std::string_view text);

// Reads the flags of a command; the first thing that is wrong stays in `error`.
class FlagReader {
 public:
  explicit FlagReader(const Args& args) : args_(args) {}

  std::uint64_t Count(const std::string& flag, std::uint64_t fallback);
  // In milliseconds.
  std::uint64_t Duration(const std::string& flag, std::uint64_t fallback);
  // The index of the value in `words`, which are all that are allowed.
  std::size_t Choice(const std::string& flag, const std::vector<std::string>& words, std::size_t fallback);
  // The same for a part of a value.
  std::size_t ChoiceOf(const std::string& flag, const std::string& value, const std::vector<std::string>& words);
  ColorChoice Color();
  ProgressChoice Progress();
  // A known version; empty: none was given.
  std::string Tokio();
  // The flags that decide how scenarios are explored.
  CheckOptions Options();
  unsigned Jobs();

  void Fail(const std::string& message) {
    if (error_.empty()) error_ = message;
  }
  const std::string& error() const { return error_; }

 private:
  const Args& args_;
  std::string error_;
};

}  // namespace asyncrt

#endif  // ASYNCRT_TOOL_FLAG_VALUES_H_
