// A second judge of scenarios: slow, small and obviously right. It visits every state of a program one instruction at
// a time, keeps all of them whole, knows no reductions, and shares no code with core/explore.
#ifndef ASYNCRT_TESTS_ORACLE_ORACLE_H_
#define ASYNCRT_TESTS_ORACLE_ORACLE_H_

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "core/model/machine.h"
#include "core/ops/op.h"

namespace asyncrt {

struct OracleVerdict {
  bool valid = true;        // false: the text is no scenario; `problem` says why
  bool refused = false;     // rustc or a builder would refuse it; `rules` says why
  bool endless = false;     // some run might never end; `rules` is then without what is said of such runs
  bool fair_run = false;    // some fair run never ends
  bool complete = true;     // false: more than `states_max` states
  std::size_t states = 0;
  std::set<std::string> rules;
  std::set<std::string> ends;        // FinalState of each state in which a run ends or nobody can go on
  std::string problem;
};

OracleVerdict AskOracle(const std::string& text, Timing timing, Scheduler scheduler, std::size_t states_max);

// What a scenario is made of.
struct Contents {
  bool valid = true, refused = false;
  std::vector<const OpDef*> ops;
  std::vector<Kind> kinds;   // of its objects
};
Contents ContentsOf(const std::string& text);

}  // namespace asyncrt

#endif  // ASYNCRT_TESTS_ORACLE_ORACLE_H_
