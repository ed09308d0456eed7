// What each party, thread and object is in one state, in words: the end of a schedule for those who want all of it.
#ifndef ASYNCRT_CORE_DETECT_STANDING_H_
#define ASYNCRT_CORE_DETECT_STANDING_H_

#include <vector>

#include "core/model/machine.h"
#include "core/report/report.h"

namespace asyncrt {

// Parties first, then runtimes with their threads, then objects, each group as declared.
std::vector<Standing> StandingsOf(Machine& machine);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_DETECT_STANDING_H_
