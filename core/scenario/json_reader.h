// Text in, a tree of Json with the exact place of every value out.
#ifndef ASYNCRT_CORE_SCENARIO_JSON_READER_H_
#define ASYNCRT_CORE_SCENARIO_JSON_READER_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/deadline.h"
#include "core/scenario/diagnostics.h"
#include "core/scenario/json.h"

namespace asyncrt {

inline constexpr std::size_t kJsonBytesMax = std::size_t{64} << 20;
inline constexpr std::size_t kJsonDepthMax = 1000;
// Bounds on the tree: a byte of text can become a value of a hundred and fifty, and each value carries its pointer.
inline constexpr std::size_t kJsonValuesMax = 2'000'000;
inline constexpr std::size_t kJsonPointerBytesMax = std::size_t{256} << 20;

// Reads one JSON document; comments (`//`, `/* */`) and a byte order mark are skipped. Null if the text is broken: at
// least one diagnostic says where. Duplicate keys and trailing commas are errors after which reading goes on, so the
// result may be a tree although there are diagnostics. Throws TimeIsUp.
std::shared_ptr<const Json> ReadJson(std::string_view text, Diagnostics& diagnostics, const Deadline& deadline = {});

// What a person calls this kind of value: "a string", "a list", "an object", …
std::string_view JsonKindName(const Json& value);

// The place of a part of a string value, `begin` and `end` being byte offsets into its decoded text. Falls back to the
// whole value when the string was written with escapes, since the offsets then say nothing about the file.
Place PlaceInString(const Json& value, std::size_t begin, std::size_t end);

// "12:5".
std::string LineAndColumn(const Place& place);

// A key as one step of a JSON pointer (RFC 6901).
std::string PointerToken(std::string_view key);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_SCENARIO_JSON_READER_H_
