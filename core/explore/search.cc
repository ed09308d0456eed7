#include "core/explore/search.h"

#include <malloc.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "core/base/byte_stream.h"
#include "core/explore/checkpoint.h"
#include "core/explore/explorer.h"
#include "core/program/flow.h"
#include "core/program/unread_values.h"

namespace asyncrt {

std::vector<int> SizesOf(const Program& program) {
  std::vector<int> sizes;
  for (const Unit& u : program.units) sizes.push_back(u.frames);
  for (const Element& e : program.elements) sizes.push_back(e.room);
  return sizes;
}

void SetSizes(Program& program, const std::vector<int>& sizes) {
  if (sizes.size() != program.units.size() + program.elements.size()) return;
  std::size_t i = 0;
  for (Unit& u : program.units) u.frames = sizes[i++];
  for (Element& e : program.elements) e.room = sizes[i++];
}

bool SizesFit(const Program& program, const std::vector<int>& sizes) {
  const std::vector<int> usual = SizesOf(program);
  if (sizes.size() != usual.size()) return false;
  for (std::size_t i = 0; i < sizes.size(); ++i)
    if (sizes[i] < std::min(usual[i], 1) || sizes[i] > 60'000) return false;
  return true;
}

bool TellsTime(const Program& program) {
  return program.spurious || std::any_of(program.code.begin(), program.code.end(), [](const Instr& in) { return RegistersTimer(in.op); });
}

// A reduced search can reach a panic or a hazard on a detour, since others are let go first. What a short search without
// reduction finds as well is shown from there. The way to where a run ends (`ends_only`) is nearly a shortest one: 5 moves
// of 23 were the most that was saved in 4,590 scenarios, 3,000 of them random. So two thirds of it are looked for, or nothing.
void ShortestWays(Program& program, const Layout& layout, const PlayMode& mode, const CheckOptions& options,
                  const Deadline& deadline, bool ends_only, SearchResult* result) {
  CheckOptions all = options;
  all.reductions.stubborn = all.reductions.chains = all.reductions.symmetry = false;
  all.at_end = nullptr;   // it has been told all of them
  all.checkpoint = {};
  all.strategy = Strategy::kExhaustive;
  all.at_panic = nullptr;
  all.max_states = std::min<std::uint64_t>(options.max_states, 30'000);
  try {
    Explorer explorer(program, layout, mode, all, deadline, {true, true, true});
    std::size_t nearest = 0;
    for (const Seed& seed : result->seeds)
      if (seed.rule.starts_with("deadlock/") && (nearest == 0 || seed.path.size() < nearest)) nearest = seed.path.size();
    if (ends_only) explorer.AskForWaysOf(nearest * 2 / 3);
    if (!explorer.Run()) return;
    if (explorer.OutOfTime()) throw TimeIsUp{explorer.result().limit == "time" ? "time" : "interrupt"};
    for (Seed& other : explorer.result().seeds)
      for (Seed& seed : result->seeds)
        if (seed.key == other.key && other.path.size() <= seed.path.size()) seed = other;
  } catch (const TimeIsUp& up) {   // without it, the report is another one
    result->complete = false;
    result->limit = up.limit;
  }
}

namespace {

// What decides the sizes of a search, in front of its state.
struct Attempt {
  Expects expects;
  std::vector<int> sizes;

  void Save(ByteWriter* out) const {
    for (bool expected : {expects.panics, expects.cycles, expects.order}) out->Flag(expected);
    SaveNumbers(sizes, out);
  }
  void Load(ByteReader* in) {
    for (bool* expected : {&expects.panics, &expects.cycles, &expects.order}) *expected = in->Flag();
    LoadNumbers(in, &sizes);
  }
};

// A search that an earlier process has ended: its result, and what it has reached.
bool LoadFinished(const Program& program, ByteReader* in, SearchResult* result, std::vector<bool>* reached) {
  std::vector<bool> own;
  LoadNumbers(in, &own);
  LoadResult(program, in, result);
  if (own.size() != program.code.size() || !in->ok() || in->left() != 0) return false;
  reached->resize(std::max(reached->size(), own.size()));
  for (std::size_t i = 0; i < own.size(); ++i)
    if (own[i]) (*reached)[i] = true;
  return true;
}

SearchResult SearchUntil(Deadline deadline, const Program& whole, const PlayMode& mode, const CheckOptions& options, std::vector<bool>* reached) {
  deadline.Look();
  Program program = whole;
  if (options.reductions.values) DropUnreadValues(&program, deadline);
  Expects expects;
  // Whether a run has an end is not known where not all are looked at. A single run keeps to no reduction.
  expects.cycles = options.strategy != Strategy::kExhaustive && (program.endless || options.strategy != Strategy::kBitstate);
  Checkpoint* const checkpoint = options.checkpoint.checkpoint;
  std::optional<Checkpoint::Found> kept;
  if (checkpoint != nullptr) kept = checkpoint->Find(options.checkpoint);
  if (kept && kept->in.Flag()) {
    SearchResult result;
    if (LoadFinished(program, &kept->in, &result, reached)) {
      for (Seed& s : result.seeds) s.mode = mode;
      return result;
    }
    checkpoint->Refuse(options.checkpoint);
    kept.reset();
  }
  const std::vector<int> usual = SizesOf(program);
  const Expects first = expects;
  if (kept) {
    Attempt attempt;
    attempt.Load(&kept->in);
    if (SizesFit(program, attempt.sizes)) {
      SetSizes(program, attempt.sizes);
      expects = attempt.expects;
    } else {
      kept->in.Fail();
    }
  }
  for (int attempt = 0;; ++attempt) {
    Layout layout(program);
    if (layout.strands > 60000 || layout.bytes > (1 << 20) || attempt > 40) {
      SearchResult r;
      r.complete = false;
      r.limit = "memory";
      return r;
    }
    auto explorer = std::make_unique<Explorer>(program, layout, mode, options, deadline, expects);
    if (kept && !explorer->Load(&kept->in)) {
      checkpoint->Refuse(options.checkpoint);
      kept.reset();
      SetSizes(program, usual);
      expects = first;
      continue;
    }
    kept.reset();
    explorer->KeepBy([&](ByteWriter* out) {
      out->Flag(false);
      Attempt{expects, SizesOf(program)}.Save(out);
    });
    if (explorer->Run()) {
      if (!explorer->OutOfTime() && explorer->Surprised(&expects)) continue;   // else what was found is real all the same
      Machine& m = explorer->machine();
      std::vector<bool> own = m.reached();
      reached->resize(std::max(reached->size(), own.size()));
      for (std::size_t i = 0; i < own.size(); ++i)
        if (own[i]) (*reached)[i] = true;
      SearchResult result = std::move(explorer->result());
      result.timeless = result.complete && !m.noticed().timed && !program.spurious;
      const bool detours = explorer->detours(), ends_only = explorer->found_ends_only();
      explorer.reset();
#if defined(__GLIBC__)
      malloc_trim(0);   // what comes next has all of the memory again
#endif
      if (detours && !result.seeds.empty() && result.limit != "time" && result.limit != "interrupt") ShortestWays(program, layout, mode, options, deadline, ends_only, &result);
      for (Seed& s : result.seeds) {
        s.sizes = SizesOf(program);
        s.mode = mode;
      }
      if (checkpoint != nullptr && result.complete)
        checkpoint->Finish(options.checkpoint, [&](ByteWriter* out) {
          out->Flag(true);
          SaveNumbers(own, out);
          SaveResult(result, out);
        });
      return result;
    }
    Machine& m = explorer->machine();
    if (m.overflow() == "frames") program.units[static_cast<std::size_t>(m.overflow_unit())].frames *= 2;
    else if (m.overflow() == "room") program.elements[static_cast<std::size_t>(m.overflow_element())].room *= 2;
    else for (Unit& u : program.units) if (u.kind == UnitKind::kBlocking) u.frames *= 2;
  }
}

}  // namespace

SearchResult Search(const Program& program, const PlayMode& mode, const CheckOptions& options, const Deadline& deadline, std::vector<bool>* reached) {
  try {
    return SearchUntil(deadline, program, mode, options, reached);
  } catch (const TimeIsUp& up) {   // before there was anything to go through
    SearchResult result;
    result.complete = false;
    result.limit = up.limit;
    return result;
  }
}

}  // namespace asyncrt
