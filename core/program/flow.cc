#include "core/program/flow.h"

#include <algorithm>
#include <cstddef>

namespace asyncrt {

void Successors(const Program& program, int pc, bool panics, std::vector<int>* out) {
  const Instr& in = program.code[static_cast<std::size_t>(pc)];
  auto add = [&](int to) { if (to >= 0 && to < static_cast<int>(program.code.size())) out->push_back(to); };
  switch (in.op) {
    case VmOp::kEnd: case VmOp::kFailEnd: case VmOp::kDisabledEnd: case VmOp::kUnwound: return;
    case VmOp::kJump: add(in.target); break;
    case VmOp::kChoose:
      for (int to : program.jumps[static_cast<std::size_t>(in.list)]) add(to);
      break;
    case VmOp::kJumpIfZero: case VmOp::kLoopTest: case VmOp::kCatchEnd:
      add(in.target);
      add(pc + 1);
      break;
    default: add(pc + 1);
  }
  add(in.or_pc);
  if (in.scope >= 0 && panics) {   // where a panic goes
    const ScopeDef& scope = program.scopes[static_cast<std::size_t>(in.scope)];
    add(scope.cleanup_pc);
    if (scope.kind == ScopeDef::Kind::kCatch) add(scope.pc);
  }
}

bool RegistersTimer(VmOp op) {
  switch (op) {
    case VmOp::kSleep: case VmOp::kThreadSleep: case VmOp::kCompute: case VmOp::kTimeout: case VmOp::kStdRecvTimeout:
    case VmOp::kCondWaitTimeout: case VmOp::kShutdownTimeout: return true;
    default: return false;
  }
}

bool WaitsByParking(VmOp op) {
  return op == VmOp::kStdRecv || op == VmOp::kStdRecvTimeout || op == VmOp::kStdSend || op == VmOp::kScopeJoin;
}

bool ListNames(const Program& program, const Instr& in, int first, int count) {
  const auto list = static_cast<std::size_t>(in.list);
  auto within = [&](int reg) { return reg >= first && reg < first + count; };
  if (in.list < 0) return false;
  return (list < program.captures.size() && std::any_of(program.captures[list].begin(), program.captures[list].end(),
                                                        [&](const Capture& c) { return within(c.from) || c.count_base >= 0; })) ||
         (list < program.branches.size() && std::any_of(program.branches[list].begin(), program.branches[list].end(),
                                                        [&](const BranchCode& b) { return within(b.reg); }));
}

std::vector<std::vector<int>> CodeOfUnits(const Program& program, Deadline deadline) {
  std::vector<std::vector<int>> code(program.units.size());
  std::vector<bool> met(program.code.size(), false);
  for (std::size_t u = 0; u < program.units.size(); ++u) {
    std::vector<int> work = program.units[u].strand_entry, next;
    for (std::size_t i = 0; i < work.size(); ++i) {
      deadline.Step();
      const std::size_t pc = static_cast<std::size_t>(work[i]);
      if (met[pc]) continue;
      met[pc] = true;
      code[u].push_back(work[i]);
      next.clear();
      Successors(program, work[i], true, &next);
      work.insert(work.end(), next.begin(), next.end());
    }
  }
  return code;
}

}  // namespace asyncrt
