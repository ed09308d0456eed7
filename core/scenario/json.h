// A JSON document with a position on every value, for error messages and reports.
#ifndef ASYNCRT_CORE_SCENARIO_JSON_H_
#define ASYNCRT_CORE_SCENARIO_JSON_H_

#include <cstdint>
#include <string>
#include <vector>

namespace asyncrt {

// Where a value stands in its file. Lines and columns start at 1; columns count code points. `end` is one past
// the last character.
struct Place {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::uint32_t end_line = 0;
  std::uint32_t end_column = 0;
};

struct Json {
  enum class Kind : std::uint8_t { kNull, kBool, kInteger, kReal, kString, kArray, kObject };
  struct Member;

  Kind kind = Kind::kNull;
  bool boolean = false;
  std::int64_t integer = 0;  // kInteger only; an integer outside of int64 is kReal
  std::string text;          // kString: the decoded text; numbers: as written
  Place place;
  std::string pointer;       // JSON pointer (RFC 6901) from the root
  std::vector<Json> items;       // kArray
  std::vector<Member> members;   // kObject, in file order

  const Json* Find(const std::string& key) const;
};

struct Json::Member {
  std::string key;
  Place key_place;
  Json value;
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_SCENARIO_JSON_H_
