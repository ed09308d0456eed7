// What the parties of a state are called in a report.
#ifndef ASYNCRT_CORE_DETECT_PARTY_NAMES_H_
#define ASYNCRT_CORE_DETECT_PARTY_NAMES_H_

#include <string>

#include "core/model/machine.h"

namespace asyncrt {

// "thread main", "task child", "task worker[2]".
std::string PartyName(Machine& machine, int frame);
// Who has done what an event tells of, whose frame may be over.
std::string WhoseEvent(Machine& machine, int frame);
// "main", "rt/worker-0", "rt/blocking-1", or a spawned thread's name.
std::string ThreadName(Machine& machine, int thread);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_DETECT_PARTY_NAMES_H_
