// What a shell can offer for an operand or the value of a flag: read out of its placeholder in the help, such as
// "PATH...", "both|ideal", "NAME[=FILE]" or "RULE=off|note".
#ifndef ASYNCRT_TOOL_OFFERS_H_
#define ASYNCRT_TOOL_OFFERS_H_

#include <string>
#include <string_view>
#include <vector>

namespace asyncrt {

struct Offer {
  std::vector<std::string> words;
  bool files = false;
  bool is_free = false;  // a number, a duration and the like: there is nothing to offer
};

struct Offers {
  Offer head;            // before a `=`, or all of it
  Offer tail;            // behind it
  bool has_tail = false;
  bool needs_tail = false;
};

// Throws std::logic_error for a placeholder that says nothing: its row in the table of placeholders is missing.
Offers OffersFor(std::string_view placeholder);

}  // namespace asyncrt

#endif  // ASYNCRT_TOOL_OFFERS_H_
