// What the fuzzers call: each takes any bytes, returns 0, and ends the process when something is wrong. The fuzzer of
// one is linked with its name for libFuzzer's; the corpus test calls them all.
#ifndef ASYNCRT_TESTS_FUZZ_TARGETS_H_
#define ASYNCRT_TESTS_FUZZ_TARGETS_H_

#include <cstddef>
#include <cstdint>

extern "C" {
int fuzz_check(const std::uint8_t* data, std::size_t size);
int fuzz_expr(const std::uint8_t* data, std::size_t size);
int fuzz_json(const std::uint8_t* data, std::size_t size);
int fuzz_report(const std::uint8_t* data, std::size_t size);
int fuzz_schedule(const std::uint8_t* data, std::size_t size);
}

#endif  // ASYNCRT_TESTS_FUZZ_TARGETS_H_
