// The way out of a finding, in one or two sentences that a person can follow.
#ifndef ASYNCRT_CORE_DETECT_ADVICE_H_
#define ASYNCRT_CORE_DETECT_ADVICE_H_

#include <string>
#include <vector>

namespace asyncrt {

std::vector<std::string> AdviceFor(const std::string& rule);

// What to know about a finding that the races of Tokio's own scheduler are needed for.
std::string AdviceForRaces();

// What the rule says, as the beginning of a message.
std::string HeadlineOf(const std::string& rule);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_DETECT_ADVICE_H_
