// What is left when a run has ended, or when nobody can go on: the part of a state that does not depend on how workers
// are numbered or which private steps a search plays together, so that two searches can be compared by it.
#ifndef ASYNCRT_TESTS_ORACLE_FINAL_STATE_H_
#define ASYNCRT_TESTS_ORACLE_FINAL_STATE_H_

#include <string>

#include "core/model/machine.h"

namespace asyncrt {

// Of a run that has ended: the values of atomics and cells, and what lies in channels. Of a stuck state also who holds which
// ends and locks, and where everybody stands who has not ended. Equal texts are equal final states.
std::string FinalState(Machine& machine);

}  // namespace asyncrt

#endif  // ASYNCRT_TESTS_ORACLE_FINAL_STATE_H_
