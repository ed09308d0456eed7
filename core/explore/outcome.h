// What a program leaves behind: a fingerprint of what can be observed in a state where it has ended or is stuck. Equal for
// states that differ only in numbers of workers, in private registers, or in who holds what.
#ifndef ASYNCRT_CORE_EXPLORE_OUTCOME_H_
#define ASYNCRT_CORE_EXPLORE_OUTCOME_H_

#include <cstdint>

#include "core/model/machine.h"

namespace asyncrt {

// Of the attached state: values of atomics and cells, how many messages lie in each channel, and how the threads, tasks and
// closures of each body that somebody can still ask about have ended.
std::uint64_t OutcomeOf(Machine& machine);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPLORE_OUTCOME_H_
