// The nearest known name, for "did you mean".
#ifndef ASYNCRT_CORE_BASE_SPELLING_H_
#define ASYNCRT_CORE_BASE_SPELLING_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace asyncrt {

// How many insertions, deletions, replacements and swaps of neighbours turn one word into the other. Stops at
// `distance_max` + 1: words that are further apart than that are only told to be so.
std::size_t EditDistance(std::string_view from, std::string_view to, std::size_t distance_max);

// The candidate that is nearest to `word`: at most two edits away, three for a long word, and never so far that
// most of a short word would have to change. The first one of equals; where none is near, the only one that begins with
// `word`; empty if there is none.
std::string NearestName(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_BASE_SPELLING_H_
