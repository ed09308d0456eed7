// How control flows through a program's code, and whose code an instruction is.
#ifndef ASYNCRT_CORE_PROGRAM_FLOW_H_
#define ASYNCRT_CORE_PROGRAM_FLOW_H_

#include <vector>

#include "core/base/deadline.h"
#include "core/program/program.h"

namespace asyncrt {

// Appends the instructions that can follow. `panics`: also where a panic goes.
void Successors(const Program& program, int pc, bool panics, std::vector<int>* out);

// Its thread or task waits for a time to come. No other instruction lets any pass.
bool RegistersTimer(VmOp op);

// Where it has to wait, it parks its thread, as std's channels and `thread::scope` do: a token that was meant for another
// park is used up there.
bool WaitsByParking(VmOp op);

// Whether a list of the instruction, of captures or of branches, names one of `count` registers of its unit. Whose list it is
// is not asked: numbers of the other kind only make it true more often.
bool ListNames(const Program& program, const Instr& in, int first, int count);

// The instructions of each unit, in the order in which they are met from its entries. One is of one unit. Throws TimeIsUp.
std::vector<std::vector<int>> CodeOfUnits(const Program& program, Deadline deadline = {});

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_PROGRAM_FLOW_H_
