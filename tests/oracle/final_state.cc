#include "tests/oracle/final_state.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace asyncrt {
namespace {

// What the process leaves behind: the values, and the messages that nobody took. Who holds which end of a channel, or a
// lock, when main's end stops everything, nobody is left to see.
std::vector<std::int32_t> Left(Machine& m, int element) {
  const Element& e = m.program().elements[static_cast<std::size_t>(element)];
  const std::int32_t* w = m.W(element);
  switch (e.kind) {
    case Kind::kAtomic: case Kind::kCell: case Kind::kIo: return {w[0]};
    case Kind::kStdChannel: case Kind::kMpsc: case Kind::kOneshot: {
      std::vector<std::int32_t> seen = {w[Machine::kCount]};
      for (int i = 0; i < w[Machine::kCount]; ++i) seen.push_back(w[Machine::kSlots + i * (1 + e.slot_words)]);
      return seen;
    }
    default: return {};
  }
}

// The words of an object that can be seen through its ops.
std::vector<std::int32_t> Seen(Machine& m, int element) {
  const Element& e = m.program().elements[static_cast<std::size_t>(element)];
  const std::int32_t* w = m.W(element);
  switch (e.kind) {
    case Kind::kAtomic: case Kind::kCell: case Kind::kStdBarrier: case Kind::kBarrier: case Kind::kCancellationToken: case Kind::kValue:
    case Kind::kJoinSet: case Kind::kNotify: case Kind::kFuturesUnordered:
      return {w[0]};
    case Kind::kStdMutex: case Kind::kStdRwlock: return {w[1]};   // poisoned
    case Kind::kStdOnce: return {w[0] < 0, w[0] > 0};
    case Kind::kOnceCell: return {w[Machine::kInitialised]};
    case Kind::kMutex: case Kind::kRwlock: case Kind::kSemaphore: return {w[Machine::kPermits], w[Machine::kClosed]};
    case Kind::kWatch: return {w[Machine::kCount], w[Machine::kTxCount] > 0, w[Machine::kRxState] > 0};   // that one of several goes, nobody sees
    case Kind::kIo: return {w[0], w[1], w[2]};
    case Kind::kStdChannel: case Kind::kMpsc: case Kind::kOneshot: case Kind::kBroadcast: {
      std::vector<std::int32_t> seen = {w[Machine::kCount], w[Machine::kTxCount], w[Machine::kRxState], w[Machine::kClosed]};
      if (e.kind != Kind::kBroadcast)
        for (int i = 0; i < w[Machine::kCount]; ++i) seen.push_back(w[Machine::kSlots + i * (1 + e.slot_words)]);
      return seen;
    }
    default: return {};
  }
}

// The scenario's op at an instruction: which of several joins of one op somebody waits in depends on which copy is which.
int OpAt(Machine& m, int pc) {
  const int source = m.program().code[static_cast<std::size_t>(pc)].source;
  return source >= 0 ? source : -1 - pc;
}

}  // namespace

std::string FinalState(Machine& m) {
  std::string text = m.H().ended == 0 ? "stuck" : "ended " + std::to_string(m.H().ended);
  for (int e = 0; e < static_cast<int>(m.program().elements.size()); ++e) {
    text += "; " + m.program().elements[static_cast<std::size_t>(e)].name;
    for (std::int32_t word : m.H().ended != 0 ? Left(m, e) : Seen(m, e)) text += " " + std::to_string(word);
  }
  // Where somebody stands whom main did not wait for depends on private steps, and main's end ends it.
  if (m.H().ended != 0) return text;
  // Which copy of a body has which frame depends on who came first.
  std::vector<std::vector<std::string>> parties(m.program().units.size());
  for (int f = 0; f < m.layout().frames; ++f) {
    const FrameCell& frame = m.F(f);
    UnitKind kind = m.UnitOf(f).kind;
    if (frame.live == 0 || kind == UnitKind::kFuture || kind == UnitKind::kDestructor) continue;   // parts of who polls or drops them
    if (frame.bits & kComplete) continue;   // whoever awaits it knows the result; when nobody can, it may be gone or not
    parties[static_cast<std::size_t>(m.layout().frame_unit[static_cast<std::size_t>(f)])].push_back("stands at " + std::to_string(OpAt(m, m.S(m.Root(f)).pc)));
  }
  for (std::size_t u = 0; u < parties.size(); ++u) {
    std::sort(parties[u].begin(), parties[u].end());
    for (const std::string& party : parties[u]) text += "; " + m.program().units[u].name + " " + party;
  }
  return text;
}

}  // namespace asyncrt
