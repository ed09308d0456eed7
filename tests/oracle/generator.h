// Random scenarios: small programs of few parties whose every schedule can be tried, all of them well formed.
#ifndef ASYNCRT_TESTS_ORACLE_GENERATOR_H_
#define ASYNCRT_TESTS_ORACLE_GENERATOR_H_

#include <cstdint>
#include <string>

namespace asyncrt {

// The JSON text of a scenario. The same seed gives the same text on every machine. With `copies`, most threads and tasks
// are two or three of a kind.
std::string RandomScenario(std::uint64_t seed, bool copies = false);

}  // namespace asyncrt

#endif  // ASYNCRT_TESTS_ORACLE_GENERATOR_H_
