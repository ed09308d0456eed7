// How the schedules of a program are gone through.
#ifndef ASYNCRT_CORE_BASE_STRATEGY_H_
#define ASYNCRT_CORE_BASE_STRATEGY_H_

#include <cstdint>
#include <string_view>

namespace asyncrt {

enum class Strategy : std::uint8_t { kExhaustive, kBitstate, kRandom, kPct };

inline std::string_view StrategyName(Strategy strategy) {
  switch (strategy) {
    case Strategy::kExhaustive: return "exhaustive";
    case Strategy::kBitstate: return "bitstate";
    case Strategy::kRandom: return "random";
    case Strategy::kPct: return "pct";
  }
  return "";
}

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_BASE_STRATEGY_H_
