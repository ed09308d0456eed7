// A second judge of scenarios: slow, small and obviously right. It visits every state of a program one instruction at
// a time, keeps all of them whole in a set, knows no reductions, and shares no code with core/explore.
#ifndef ASYNCRT_TESTS_ORACLE_ORACLE_H_
#define ASYNCRT_TESTS_ORACLE_ORACLE_H_

#include <cstddef>
#include <set>
#include <string>

#include "core/model/machine.h"

namespace asyncrt {

struct OracleVerdict {
  bool valid = true;        // false: the text is no scenario; `problem` says why
  bool endless = false;     // the program may run for ever, which this judge does not try to understand
  bool complete = true;     // false: more than `states_max` states
  std::size_t states = 0;
  std::set<std::string> rules;
  std::set<std::uint64_t> outcomes;   // of the states where it ends or is stuck
  std::string problem;
};

OracleVerdict AskOracle(const std::string& text, Timing timing, Scheduler scheduler, std::size_t states_max);

}  // namespace asyncrt

#endif  // ASYNCRT_TESTS_ORACLE_ORACLE_H_
