// Fields of a JSON object that somebody else wrote: one that is missing or of another type is empty.
#ifndef ASYNCRT_CORE_REPORT_JSON_FIELDS_H_
#define ASYNCRT_CORE_REPORT_JSON_FIELDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/json_library.h"

namespace asyncrt {

inline std::string TextOf(const nlohmann::json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

inline std::uint64_t CountOf(const nlohmann::json& object, const char* key, std::uint64_t fallback = 0) {
  const auto it = object.find(key);
  return it != object.end() && it->is_number_unsigned() ? it->get<std::uint64_t>() : fallback;
}

inline double NumberOf(const nlohmann::json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_number() ? it->get<double>() : 0;
}

inline bool IsTrue(const nlohmann::json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_boolean() && it->get<bool>();
}

// The objects of a list; none where there is no list.
inline std::vector<const nlohmann::json*> ListOf(const nlohmann::json& object, const char* key) {
  std::vector<const nlohmann::json*> out;
  const auto it = object.find(key);
  if (it == object.end() || !it->is_array()) return out;
  for (const nlohmann::json& item : *it)
    if (item.is_object()) out.push_back(&item);
  return out;
}

inline std::vector<std::string> TextsOf(const nlohmann::json& object, const char* key) {
  std::vector<std::string> out;
  const auto it = object.find(key);
  if (it == object.end() || !it->is_array()) return out;
  for (const nlohmann::json& item : *it)
    if (item.is_string()) out.push_back(item.get<std::string>());
  return out;
}

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_REPORT_JSON_FIELDS_H_
