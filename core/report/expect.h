// What a scenario says a check must find, against what was found.
#ifndef ASYNCRT_CORE_REPORT_EXPECT_H_
#define ASYNCRT_CORE_REPORT_EXPECT_H_

#include <string>
#include <vector>

#include "core/report/report.h"
#include "core/scenario/scenario.h"

namespace asyncrt {

// One sentence per difference; empty: as expected. Findings are compared as sets of rules, accepted ones do not count,
// and a severity that `expect` does not mention is not compared.
std::vector<std::string> CompareExpectation(const Expect& expect, const ScenarioReport& report);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_REPORT_EXPECT_H_
