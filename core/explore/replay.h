// Plays one schedule again and tells what happens: everything in a report that people read comes from here.
#ifndef ASYNCRT_CORE_EXPLORE_REPLAY_H_
#define ASYNCRT_CORE_EXPLORE_REPLAY_H_

#include <string>
#include <vector>

#include "core/explore/search.h"

namespace asyncrt {

struct Told {
  ScheduleStep step;
  int frame = -1;      // who did it; -1: the scheduler or the clock
  int other = -1;      // the frame that is polled, spawned, …
  bool idle = false;   // a worker that looks for work and finds none
};

// The steps of a schedule; `blocked` gets the calls in which threads stand at its end, `at_end` what everything is then. Stops early where a move is impossible; `ok` says whether it was not.
// Throws TimeIsUp.
std::vector<Told> Tell(const Program& program, const Layout& layout, const PlayMode& mode, const std::vector<Move>& moves, bool* ok,
                       std::string* outcome, std::vector<ScheduleStep>* blocked = nullptr, std::vector<Standing>* at_end = nullptr,
                       Deadline deadline = {});

// "v1.<program>.<mode>.<moves>": all that is needed to play a schedule again. The mode is the timing, as a capital letter
// under the exact scheduler, and `f` or `w` behind it where ops are not fused or workers not sorted. `sizes` is written where it differs from
// `usual`, as "~<place>=<size>" behind the moves.
std::string EncodeSchedule(std::uint64_t program_hash, const PlayMode& mode, const std::vector<Move>& moves, const std::vector<int>& sizes,
                           const std::vector<int>& usual);
bool DecodeSchedule(const std::string& text, std::uint64_t* program_hash, PlayMode* mode, std::vector<Move>* moves,
                    std::vector<int>* sizes, std::string* error);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPLORE_REPLAY_H_
