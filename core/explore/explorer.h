// Explores the runs of a program, as `Search` asks for it: in all orders, or along some runs. This is the search of one
// layout; if that turns out too small, or what was taken for granted was wrong, another one begins anew.
#ifndef ASYNCRT_CORE_EXPLORE_EXPLORER_H_
#define ASYNCRT_CORE_EXPLORE_EXPLORER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bulk_array.h"
#include "core/base/byte_stream.h"
#include "core/base/deadline.h"
#include "core/detect/wait_graph.h"
#include "core/explore/ahead.h"
#include "core/explore/bit_filter.h"
#include "core/explore/checkpoint.h"
#include "core/explore/expander.h"
#include "core/explore/frontier.h"
#include "core/explore/known_steps.h"
#include "core/explore/picker.h"
#include "core/explore/search.h"
#include "core/explore/search_tree.h"
#include "core/explore/state_graph.h"
#include "core/explore/visited.h"

namespace asyncrt {

// The search of one layout. Its functions stand in several files, by what they are about.
class Explorer : private Expander::Listener {
 public:
  Explorer(Program& program, const Layout& layout, const PlayMode& mode, const CheckOptions& options,
           const Deadline& deadline, const Expects& expects);
  // False: something had no room; `machine().overflow()` says what.
  bool Run();
  // All of the search between two expansions.
  void Save(ByteWriter* out) const;
  // Into a search that has not begun. False: it is not the state of such a search.
  bool Load(ByteReader* in);
  // What to write before all of a search, so that `Load` finds a machine of the right sizes.
  void KeepBy(std::function<void(ByteWriter*)> preface) { preface_ = std::move(preface); }
  Machine& machine() { return machine_; }
  // It cannot begin anew, nor look at anything for long.
  bool OutOfTime() const { return result_.limit == "time" || result_.limit == "interrupt"; }
  // What the search took for granted and then met. It has to begin anew without that. False: nothing.
  bool Surprised(Expects* expects) const;
  bool detours() const { return use_stubborn_ || use_chains_ || walks_; }
  // Each finding is a deadlock in which a run ends, or an order of locks, which is not told beside one.
  bool found_ends_only() const { return ends_only_; }
  // It is given up where it does not look as if any way of so many moves were within its limit of states.
  void AskForWaysOf(std::uint64_t moves) { asked_ = moves; }
  SearchResult& result() { return result_; }

 private:
  // A state on the way that a depth-first search is on.
  struct Open {
    std::vector<std::uint8_t> state;
    std::uint64_t fingerprint = 0;
    std::vector<int> enabled;
    std::size_t enough = 0, next = 0;
    bool progress = false;   // it has led to a new state
    Chooser chooser;
  };
  // The run at hand, which may be under way, and how many there were.
  struct SingleRun {
    SingleRun(std::uint64_t seed, int actors, int bug_depth) : random(seed), picker(&random, actors, bug_depth) {}
    RandomSource random;
    Picker picker;
    bool is_under_way = false;   // `scratch_` is its state, `prefix_` its moves
  };
  // A state that a step has led to, and has not been looked up yet. Several wait together, so that the memory where each
  // is looked for comes while the next steps are played.
  struct Pending {
    std::vector<std::uint8_t> state;
    std::uint64_t fingerprint = 0;
    std::uint32_t from = 0, length = 0;
    std::uint16_t actor = 0;
    bool unfair = false;
    std::uint32_t row = 0, change = 0;   // instead of `state`, where steps are known
    std::uint32_t guess = Visited::none;   // which state it probably is
  };
  struct SeenOrder { LockOrder order; int pc, frame; std::string who; std::uint32_t state, length; Way moves; };

  // Does something that looks at the clock. False: time was up in the middle of it.
  template <class Part>
  bool Before(Part part) {
    try {
      part();
      return true;
    } catch (const TimeIsUp& up) {
      return Stop(up.limit);
    }
  }
  // A look now and then, once for each step that is played.
  void Tick() { bytes_ > kLargeState ? deadline_.Look() : deadline_.Step(); }
  bool HasRoomFor(std::uint64_t bytes) { return Memory() + bytes <= options_.memory_limit_mib << 20; }
  bool SingleRuns() const { return options_.strategy == Strategy::kRandom || options_.strategy == Strategy::kPct; }
  std::uint64_t LengthTo(const SeenOrder& seen) const { return seen.length + seen.moves.size(); }

  // the exploration itself (explorer.cc)
  void TellSeeds();
  bool Stop(const char* limit);
  bool InTimeMidway();
  bool InTime();
  std::uint64_t Memory() const;
  std::uint64_t WalkBytes() const;
  std::uint64_t OpenBytes() const;
  bool WithinLimits();
  bool Unlimited();
  bool Explore();
  bool Levels();
  bool IsOutOfReach();
  bool Expand(const std::uint8_t* state, std::uint32_t number);
  std::uint32_t PassedTo(std::uint64_t fingerprint) const;
  void Remember(const std::uint64_t* passed, std::size_t count, std::uint32_t to);
  void Meet(std::uint32_t to, std::uint16_t actor, bool unfair);
  std::uint32_t Arrive(const Pending& next, const std::uint8_t* state);
  void FlushPending();
  std::vector<std::uint8_t> InitialBytes();

  // what its own expander plays (explorer.cc)
  void Ended() override;
  void Stuck() override;
  std::uint8_t* Room() override;
  void Happened(const std::vector<Move>& before, int actor, const Chooser& chooser) override { Events(number_, before, actor, chooser); }
  bool Played() override;
  bool WasPassed(std::uint64_t fingerprint) override;
  void Arrived(const Expander::Arrival& arrival, const Chooser& chooser) override;
  bool Suffices(const std::vector<int>& actors, std::size_t moved) override;

  // what other threads have played (explorer_ahead.cc)
  bool CanPlayAhead();
  void PlayAhead();
  void Begin(const Ahead::Stretch& stretch);
  bool TakeUp(const std::uint8_t* state);
  bool TakeUp(const Record& record, std::size_t way, const std::uint8_t* state);

  // where steps are known (explorer_known.cc)
  template <class As>
  void TurnFrontier(std::size_t bytes, As as);
  void KnowSteps();
  bool KnowsTooMuch();
  void ForgetSteps();
  std::uint32_t* RowAt(std::uint32_t i) { return rows_.data() + i * known_->row_words(); }
  bool ExpandKnown(const std::uint8_t* row);
  void OpenKnown(const std::uint8_t* row);
  void AttachKnown();
  std::size_t ChooseKnown(std::vector<int>* out, bool* stuck);
  bool ApplyKnown(int actor);
  const std::uint8_t* MadeFrom(const Pending& next);

  // single runs, and depth first (explorer_walks.cc)
  std::size_t FilterBytes() const;
  void BeginRuns();
  bool WalksOn(std::size_t waiting, std::uint64_t states);
  bool OpenState(Open* open);
  bool DepthFirst();
  bool Runs();

  // what is kept of it in a checkpoint (explorer_kept.cc)
  void KeepExplored(const std::map<std::string, Seed>* found = nullptr);
  void Keep();
  void SaveStack(ByteWriter* out) const;
  void LoadStack(ByteReader* in);
  void SaveRun(ByteWriter* out) const;
  void LoadRun(ByteReader* in);
  void KeepWalk();

  // what its steps and ends show (explorer_findings.cc)
  void Events(std::uint32_t number, const std::vector<Move>& before, int actor, const Chooser& chooser);
  void AddOrder(const Event& e, std::string who, std::uint32_t number, Way moves);
  Seed* NewEvent(const Event& e, std::uint32_t number, std::size_t moves);
  Seed* NewOrShorter(const std::string& key, std::size_t moves, bool ends);
  std::vector<Move> Whole(const std::vector<Move>& before) const;
  static std::vector<Move> WithLast(std::vector<Move> moves, int actor, const std::vector<int>& choices);
  void LockOrders();
  void EndOnce(const char* rule, int frame, int pc, std::uint32_t number, Way* here);
  void UnlookedPanics(std::uint32_t number, Way* here);
  void JudgeEnd(std::uint32_t number);
  void MarkBlocked();
  void JudgeStuck(std::uint32_t number);
  std::vector<StuckRoot> StuckRoots(const std::vector<bool>& active);
  std::string KeyOf(const StuckRoot& r);
  bool ReportStuck(std::uint32_t number, const std::vector<bool>& active, const std::vector<Move>& loop, Way* here);
  void AddEndless(const char* rule, int frame, std::uint32_t state, const std::vector<Move>& loop, int pc = -1);

  // the ways to what was found (explorer_ways.cc)
  void FewestSwitches();
  std::vector<Move> Path(std::uint32_t number);
  bool Unfold(const std::vector<Move>& moves, std::vector<Move>* real, std::vector<std::uint8_t>* state,
              const std::function<bool(int actor, Chooser&)>& told);
  bool Retell(Seed* seed);
  void Retell(SeenOrder* seen);

  // runs without an end (explorer_endless.cc)
  void LookForCycles();
  bool Cycles(bool* more);
  void LetTimePass(const std::vector<std::uint32_t>& states, bool* more);
  void FairCycle(const std::vector<std::uint32_t>& states, Components& graph);
  bool Rebuild(const std::vector<std::uint32_t>& states, const Components& graph);
  int StarvedBranch(const std::vector<std::uint32_t>& states, const Components& graph);
  static bool BranchReady(Machine& m, int strand);

  Program& p_;
  const Layout& l_;
  PlayMode mode_;
  const CheckOptions& options_;
  const Expects expects_;
  Expander own_;
  Machine& machine_;            // of the expander
  std::size_t bytes_;
  std::vector<std::uint8_t> scratch_, last_state_, copy_;
  Frontier frontier_;
  std::vector<int> enabled_;
  std::vector<std::uint64_t> idle_;
  Visited visited_;
  SearchTree tree_;
  const bool walks_;            // goes along runs, of which `prefix_` is the one at hand
  std::vector<Move> prefix_;
  std::unique_ptr<SingleRun> run_;      // of single runs
  std::unique_ptr<BitFilter> seen_;     // of a depth-first search, as is
  std::deque<Open> stack_;              // the way that it is on
  const bool use_stubborn_, use_chains_, use_symmetry_;
  bool order_matters_ = false;
  std::set<std::string> missed_;   // findings of states that were taken for others
  bool retelling_ = false;      // one run is played again, to say who takes part in it
  bool may_know_;                       // steps, once it is a long search
  std::unique_ptr<KnownSteps> known_;   // then the frontier is one of rows
  std::vector<std::uint32_t> rows_;     // the one at hand, those that pending steps have led from, and one that is made
  std::uint32_t row_ = 0;               // the one at hand
  std::array<Pending, 32> pending_;
  std::size_t pending_count_ = 0;
  std::uint32_t length_ = 0;            // of the way to the state at hand, where chains make levels uneven
  std::uint32_t number_ = 0;            // of the state at hand
  std::uint32_t passed_to_ = 0;         // where a chain goes on to, if its last state was passed
  std::uint64_t longest_ = 0;
  // States on chains, as many as fit, and where their chains end: chains that meet are walked once.
  struct Passed { std::uint64_t fingerprint; std::uint32_t to; };
  BulkArray<Passed> links_{std::size_t{1} << 12, BulkArray<Passed>::Begins::kAsZeros};
  static constexpr std::size_t kPassedMax = std::size_t{1} << 20;
  std::size_t remembered_ = 0;
  bool panicked_ = false, cycles_ = false;
  bool progress_ = false;       // the state at hand has led to one that is still to be explored
  bool concerns_all_ = false;   // the last actor's step panicked or ended the program
  StateGraph graph_;   // of programs that may have endless runs
  std::set<std::uint32_t> passed_;
  std::map<std::uint32_t, std::vector<std::uint8_t>> bytes_of_;   // of the component that is looked at
  std::map<std::uint32_t, std::vector<std::pair<std::uint32_t, std::uint16_t>>> chains_;
  int starved_strand_ = 0;
  bool seen_any_ = false;
  std::map<std::string, Seed> found_;
  std::vector<SeenOrder> orders_;
  SearchResult result_;
  static constexpr std::size_t kAhead = 4096;              // states that may come before the memory is looked at again
  std::uint64_t depth_ = 0, ticks_ = 0;
  std::size_t left_ = 0;                // of the level at hand, with the state at hand
  std::uint32_t rounds_ = 0;            // in which endless runs were looked for
  std::uint64_t asked_ = 0;             // moves of a way; 0: whatever comes
  std::uint64_t width_ = 0;             // of the last level
  bool ends_only_ = false;
  static constexpr std::size_t kLargeState = 8192;   // bytes: a step takes long enough for a look at the clock
  bool hurry_ = false;                  // time was up in the middle of an expansion
  Deadline hurried_;                    // when it ends at the latest
  std::function<void(ByteWriter*)> preface_;
  Deadline deadline_;
  std::unique_ptr<Ahead> ahead_;        // of threads that look at what is above
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPLORE_EXPLORER_H_
