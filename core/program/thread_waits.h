// Which awaits of a task only block a thread, and which closures are waited for by nothing else. Such a wait is a `join` of
// a thread in all but name: nobody else sees when it begins, and what ends it only lets its thread go on.
#ifndef ASYNCRT_CORE_PROGRAM_THREAD_WAITS_H_
#define ASYNCRT_CORE_PROGRAM_THREAD_WAITS_H_

#include "core/base/deadline.h"
#include "core/program/program.h"

namespace asyncrt {

// Fills in `Instr::blocks` of `kAwaitTask` and `Unit::joined`. Throws TimeIsUp.
void FindThreadWaits(Program* program, Deadline deadline = {});

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_PROGRAM_THREAD_WAITS_H_
