#include "core/base/spelling.h"

#include <algorithm>
#include <utility>

namespace asyncrt {
namespace {

constexpr std::size_t kLongWord = 10;
constexpr std::size_t kPrefixMin = 3;   // a word that was begun, such as `warn`
constexpr std::size_t kWordMax = 200;  // nobody means a longer one, and the table below is quadratic

std::size_t DistanceMax(std::string_view word) {
  if (word.size() < 3) return 1;
  return word.size() < kLongWord ? 2 : 3;
}

}  // namespace

std::size_t EditDistance(std::string_view from, std::string_view to, std::size_t distance_max) {
  const std::size_t longer = std::max(from.size(), to.size());
  const std::size_t shorter = std::min(from.size(), to.size());
  if (longer - shorter > distance_max) return distance_max + 1;
  std::vector<std::size_t> before_last(to.size() + 1), last(to.size() + 1), row(to.size() + 1);
  for (std::size_t j = 0; j <= to.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    row[0] = i;
    std::size_t best = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t replace = last[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replace});
      if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
      best = std::min(best, row[j]);
    }
    if (best > distance_max) return distance_max + 1;
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[to.size()];
}

std::string NearestName(std::string_view word, const std::vector<std::string>& candidates) {
  if (word.empty() || word.size() > kWordMax) return "";
  const std::size_t limit = DistanceMax(word);
  std::size_t best = limit + 1;
  std::string nearest;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = EditDistance(word, candidate, limit);
    if (distance >= best || distance * 2 > std::max(word.size(), candidate.size())) continue;
    best = distance;
    nearest = candidate;
  }
  if (!nearest.empty() || word.size() < kPrefixMin) return nearest;
  for (const std::string& candidate : candidates) {
    if (!std::string_view(candidate).starts_with(word)) continue;
    if (!nearest.empty()) return "";   // it could be either
    nearest = candidate;
  }
  return nearest;
}

}  // namespace asyncrt
