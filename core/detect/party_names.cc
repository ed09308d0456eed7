#include "core/detect/party_names.h"

namespace asyncrt {

std::string PartyName(Machine& m, int frame) {
  const Unit& unit = m.UnitOf(frame);
  std::string name = unit.name;
  if (unit.kind != UnitKind::kMain && unit.source >= 0) {
    const Op& op = *m.program().sources[static_cast<std::size_t>(unit.source)].op;
    int number = frame - m.layout().unit_frame[static_cast<std::size_t>(m.layout().frame_unit[static_cast<std::size_t>(frame)])];
    if (op.count && *op.count > 1) name += "[" + std::to_string(m.R(frame)[1]) + "]";
    else if (number > 0) name += "#" + std::to_string(number + 1);
  }
  switch (unit.kind) {
    case UnitKind::kMain: return "thread main";
    case UnitKind::kThread: return "thread " + name;
    case UnitKind::kFuture: return "future " + name;
    default: return "task " + name;
  }
}

std::string WhoseEvent(Machine& m, int frame) {
  if (m.F(frame).live != 0) return PartyName(m, frame);
  const Unit& unit = m.UnitOf(frame);
  return (unit.kind == UnitKind::kThread || unit.kind == UnitKind::kMain ? "thread " : "task ") + unit.name;
}

std::string ThreadName(Machine& m, int thread) {
  if (thread == 0) return "main";
  const Program& p = m.program();
  for (const RuntimeDef& def : p.runtimes) {
    int i = thread - def.first_thread;
    if (i < 0 || i >= def.thread_slots) continue;
    return def.declared->name + (i < def.workers ? "/worker-" + std::to_string(i) : "/blocking-" + std::to_string(i - def.workers));
  }
  for (int f = 0; f < m.layout().frames; ++f)
    if (m.layout().frame_thread[static_cast<std::size_t>(f)] == thread) return PartyName(m, f).substr(7);
  return "thread-" + std::to_string(thread);
}

}  // namespace asyncrt
