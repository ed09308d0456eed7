// Values that nothing reads: a search need not tell states apart by them.
#ifndef ASYNCRT_CORE_PROGRAM_UNREAD_VALUES_H_
#define ASYNCRT_CORE_PROGRAM_UNREAD_VALUES_H_

#include "core/base/deadline.h"
#include "core/program/program.h"

namespace asyncrt {

// Takes out of `program` what only makes values that nothing reads: locals that stand in no expression, and the values of
// messages that no receiver keeps. Instructions keep their places, and the program does the same in every schedule. Throws
// TimeIsUp.
void DropUnreadValues(Program* program, const Deadline& deadline = {});

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_PROGRAM_UNREAD_VALUES_H_
