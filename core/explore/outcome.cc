#include "core/explore/outcome.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/base/stable_hash.h"

namespace asyncrt {

std::uint64_t OutcomeOf(Machine& machine) {
  const Program& p = machine.program();
  const Layout& l = machine.layout();
  std::vector<std::int32_t> seen = {machine.H().ended};
  for (std::size_t e = 0; e < p.elements.size(); ++e) {
    const std::int32_t* w = machine.W(static_cast<int>(e));
    switch (p.elements[e].kind) {
      case Kind::kAtomic: case Kind::kCell: seen.push_back(w[0]); break;
      case Kind::kStdChannel: case Kind::kMpsc: case Kind::kOneshot: seen.push_back(w[Machine::kCount]); break;
      default: break;
    }
  }
  std::vector<std::int32_t> ends;
  for (std::size_t u = 0; u < p.units.size(); ++u) {
    UnitKind kind = p.units[u].kind;
    if (kind != UnitKind::kThread && kind != UnitKind::kTask && kind != UnitKind::kBlocking) continue;
    ends.clear();
    for (int f = l.unit_frame[u]; f < l.unit_frame[u] + p.units[u].frames; ++f)
      if (machine.F(f).live != 0) ends.push_back((machine.F(f).bits & kComplete) != 0 ? 1 + static_cast<int>(machine.F(f).result) : 0);
    std::sort(ends.begin(), ends.end());   // copies of one body are told apart by nobody
    seen.push_back(static_cast<std::int32_t>(ends.size()));
    seen.insert(seen.end(), ends.begin(), ends.end());
  }
  while (seen.size() % 4 != 0) seen.push_back(0);
  return StableHash(reinterpret_cast<const std::uint8_t*>(seen.data()), seen.size() * sizeof seen[0]);
}

}  // namespace asyncrt
