// Every schedule of a program: a breadth-first search over its states, so that the first way to a finding is a
// shortest one. A visited state is kept as a 64-bit fingerprint with the state it came from; the bytes live only in
// the two levels that the search works on, and everything that people see is rebuilt by playing the schedule again.
#ifndef ASYNCRT_CORE_EXPLORE_SEARCH_H_
#define ASYNCRT_CORE_EXPLORE_SEARCH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/asyncrt.h"
#include "core/base/byte_stream.h"
#include "core/base/deadline.h"
#include "core/detect/wait_graph.h"
#include "core/explore/way.h"
#include "core/model/machine.h"

namespace asyncrt {

// A finding before it is told: what it is, and how to get there.
struct Seed {
  std::string rule;
  std::string key;            // findings with the same key are one
  std::vector<Wait> waits;
  std::vector<int> sources;   // of the waits
  std::vector<int> frames;
  int pc = -1;                // of an event; < -1: an object
  int frame = -1, unit = -1;  // whose event it is
  std::string detail, who;
  std::vector<int> also;      // further instructions that take part
  std::uint64_t length = 0;   // moves up to there
  std::uint32_t state = 0;    // the number of the state where it was found, while the search lasts
  Way path;                   // first the moves after that state
  std::vector<Move> loop;
  std::vector<int> sizes;     // of the program when it was searched: frames of each unit, room of each element
  std::uint64_t end_states = 1;
  PlayMode mode;
  bool others_progress = false;
};

struct SearchResult {
  bool complete = true;
  bool timeless = false;   // under the other timing the graph is the same: no timers, and no wait that could return by itself
  std::string limit;
  std::uint64_t states = 0, transitions = 0, depth = 0;
  double collision_probability = 0, guarantee = 0;
  std::uint64_t schedules = 0;
  std::vector<Seed> seeds;
};

// For a checkpoint. What cannot be part of a search of `program` is told the reader.
void SaveSeed(const Seed& seed, ByteWriter* out);
void LoadSeed(const Program& program, const Layout& layout, ByteReader* in, Seed* seed);
void SaveMoves(const std::vector<Move>& moves, ByteWriter* out);
void LoadMoves(const Layout& layout, ByteReader* in, std::vector<Move>* moves);
void SaveResult(const SearchResult& result, ByteWriter* out);
void LoadResult(const Program& program, ByteReader* in, SearchResult* result);

// The sizes that a search may raise, and setting them again (a schedule's thread numbers depend on them).
std::vector<int> SizesOf(const Program& program);
void SetSizes(Program& program, const std::vector<int>& sizes);
// Whether a search could have come to these.
bool SizesFit(const Program& program, const std::vector<int>& sizes);

// Whether the two timings can differ: some op lets time pass, or could return by itself. If not, one search is enough.
bool TellsTime(const Program& program);

// Explores `program` in one mode. A search that needs more room than the program's sizes begins anew with more: each
// finding says with how much. `reached` collects the instructions that were executed.
// `deadline` is that of the whole check.
SearchResult Search(const Program& program, const PlayMode& mode, const CheckOptions& options, const Deadline& deadline, std::vector<bool>* reached);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPLORE_SEARCH_H_
