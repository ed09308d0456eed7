// Random scenarios: small programs of few parties whose every schedule can be tried, all of them well formed.
#ifndef ASYNCRT_TESTS_ORACLE_GENERATOR_H_
#define ASYNCRT_TESTS_ORACLE_GENERATOR_H_

#include <cstdint>
#include <string>

namespace asyncrt {

// The JSON text of a scenario. The same seed gives the same text on every machine.
std::string RandomScenario(std::uint64_t seed);

}  // namespace asyncrt

#endif  // ASYNCRT_TESTS_ORACLE_GENERATOR_H_
