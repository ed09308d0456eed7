// A finding's schedule as tickets: the order in which the parties of the exported program come to their ops.
#ifndef ASYNCRT_CORE_CONFIRM_TICKETS_H_
#define ASYNCRT_CORE_CONFIRM_TICKETS_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/report/report.h"
#include "core/scenario/scenario.h"

namespace asyncrt {

// Steps of the runtime itself (who is woken, what a worker finds, where it parks) cannot be steered, only surrounded by ops that are.
// With polls, the moments in which a worker takes up a task are ordered, too: a resumed wait has no op that begins. With time, nobody goes
// on before as much time has passed as in the schedule; without, timers fire when they do.
struct TicketKind {
  bool with_polls = false, with_time = true;
};

struct Tickets {
  std::string text;       // what ASYNCRT_SCHEDULE names a file of; support.rs has the format
  std::size_t count = 0;  // of parties' turns, without time and choices
};

Tickets TicketsOf(const Scenario& scenario, const std::vector<ScheduleStep>& schedule, TicketKind kind);

// "task copy[1]" and "task copy#2" as the exported program names them: copy[1], copy. Empty: it knows no such party (a future is part of who polls it).
std::string ExportedParty(std::string_view party);

// Every op of a scenario; those of a named body once.
std::vector<const Op*> AllOps(const Scenario& scenario);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_CONFIRM_TICKETS_H_
