#include "core/program/thread_waits.h"

#include <algorithm>
#include <vector>

#include "core/program/flow.h"

namespace asyncrt {
namespace {

bool Any(const Program& p, bool (*is)(const Instr&)) { return std::any_of(p.code.begin(), p.code.end(), is); }

// Who drives a runtime has nothing to do but its own future: no tasks, no timers, no I/O, no wake-ups put off.
bool DriversAreIdle(const Program& p) {
  return !Any(p, [](const Instr& in) {
    switch (in.op) {
      case VmOp::kSpawn: case VmOp::kYieldNow: case VmOp::kIoRead: case VmOp::kIoWrite: case VmOp::kPending: return true;
      default: return RegistersTimer(in.op);
    }
  });
}

// The strands that are the future of a `block_on` whose thread waits for nothing else.
std::vector<bool> LoneStrands(const Program& p, const Unit& unit, const std::vector<int>& code, bool idle_drivers) {
  std::vector<bool> lone(unit.strand_entry.size(), false);
  for (int pc : code) {
    const Instr& in = p.code[static_cast<std::size_t>(pc)];
    if (in.op != VmOp::kBlockOn) continue;
    const bool has_core = in.handle == 0 && (in.runtime < 0 || !p.runtimes[static_cast<std::size_t>(in.runtime)].declared->multi_thread);
    lone[static_cast<std::size_t>(in.strand)] = !has_core || idle_drivers;
  }
  return lone;
}

bool Holds(int reg, int first, int count) { return reg >= first && reg < first + count; }

// Nothing uses the handles in these registers but such awaits, and drops.
bool IsOnlyJoined(const Program& p, const std::vector<int>& code, int first, int count) {
  for (int pc : code) {
    const Instr& in = p.code[static_cast<std::size_t>(pc)];
    if (in.op == VmOp::kDropReg) continue;
    if (Holds(in.reg, first, count) && in.op != VmOp::kSpawnBlocking && !(in.op == VmOp::kAwaitTask && in.blocks)) return false;
    if (Holds(in.reg2, first, count) || ListNames(p, in, first, count)) return false;
  }
  return true;
}

}  // namespace

void FindThreadWaits(Program* program, Deadline deadline) {
  Program& p = *program;
  if (p.endless) return;   // budgets tell one poll from two
  for (const RuntimeDef& runtime : p.runtimes)
    if (runtime.declared->event_interval < 61) return;   // so do ticks
  const std::vector<std::vector<int>> code = CodeOfUnits(p, deadline);
  const bool idle_drivers = DriversAreIdle(p);
  std::vector<bool> met(p.code.size(), false);   // an instruction is of one unit
  for (std::size_t u = 0; u < p.units.size(); ++u) {
    const std::vector<bool> lone = LoneStrands(p, p.units[u], code[u], idle_drivers);
    std::vector<int> work;
    for (std::size_t s = 0; s < lone.size(); ++s)
      if (lone[s]) work.push_back(p.units[u].strand_entry[s]);
    while (!work.empty()) {
      deadline.Step();
      const int pc = work.back();
      work.pop_back();
      if (met[static_cast<std::size_t>(pc)]) continue;
      met[static_cast<std::size_t>(pc)] = true;
      Instr& in = p.code[static_cast<std::size_t>(pc)];
      in.blocks = in.op == VmOp::kAwaitTask;
      Successors(p, pc, true, &work);
    }
  }
  for (Unit& unit : p.units) unit.joined = unit.kind == UnitKind::kBlocking;
  for (std::size_t u = 0; u < p.units.size(); ++u)
    for (int pc : code[u]) {
      const Instr& in = p.code[static_cast<std::size_t>(pc)];
      if (in.op != VmOp::kSpawnBlocking) continue;
      deadline.Look();
      Unit& unit = p.units[static_cast<std::size_t>(in.unit)];
      unit.joined = unit.joined && in.set < 0 && in.weak < 0 && (in.reg < 0 || IsOnlyJoined(p, code[u], in.reg, std::max(static_cast<int>(in.imm), 1)));
    }
}

}  // namespace asyncrt
