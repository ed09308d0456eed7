// The runtime, played: which thread may go on, and what its next step does to a state. Semantics are written as
// straight code over one state; where several things can happen the code asks the `Chooser`, and the search runs the
// step again for each answer. Section numbers in comments are those of Tokio's rules as documented in
// core/model/README.md.
#ifndef ASYNCRT_CORE_MODEL_MACHINE_H_
#define ASYNCRT_CORE_MODEL_MACHINE_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <new>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/base/byte_stream.h"
#include "core/base/play_mode.h"
#include "core/base/random.h"
#include "core/model/footprint.h"
#include "core/model/state.h"
#include "core/base/release_rules.h"

namespace asyncrt {

// Counts through all combinations of answers, like an odometer: run the step until `Next()` says that there is none left.
class Chooser {
 public:
  Chooser() = default;
  explicit Chooser(RandomSource* random) : random_(random) {}   // gives answers at random instead of the first ones

  int Choose(int count) {
    if (count <= 1) return 0;
    if (at_ == digits_.size()) digits_.push_back({random_ == nullptr ? 0 : random_->Below(count), count});
    int value = digits_[at_++].value;
    return value < count ? value : count - 1;   // a forced answer may come from a damaged schedule
  }
  void Begin() { at_ = 0; }
  bool Next() {
    digits_.resize(at_);
    while (!digits_.empty() && digits_.back().value + 1 >= digits_.back().count) digits_.pop_back();
    if (digits_.empty()) return false;
    ++digits_.back().value;
    return true;
  }
  void Reset() { digits_.clear(); at_ = 0; }
  std::size_t asked() const { return at_; }
  // The answers given in this run, and how to give them again.
  std::vector<int> Taken() const {
    std::vector<int> out;
    for (std::size_t i = 0; i < at_; ++i) out.push_back(digits_[i].value);
    return out;
  }
  void Force(const std::vector<int>& answers) {
    digits_.clear();
    for (int a : answers) digits_.push_back({a, a + 1});
    at_ = 0;
  }
  // The answers that the next run is to be given, and what else could be answered; not for answers at random.
  void Save(ByteWriter* out) const {
    out->Number(digits_.size());
    for (const Digit& digit : digits_) {
      out->Signed(digit.value);
      out->Signed(digit.count);
    }
  }
  void Load(ByteReader* in) {
    digits_.resize(in->Count(2));
    for (Digit& digit : digits_) {
      digit.value = in->IntFrom(0, 1 << 30);
      digit.count = in->IntFrom(digit.value + 1, std::size_t{1} << 30);
    }
    at_ = 0;
  }

 private:
  struct Digit { int value, count; };
  std::vector<Digit> digits_;
  std::size_t at_ = 0;
  RandomSource* random_ = nullptr;
};

// A lock, by its element, and how it is taken: two that only read do not exclude one another.
struct LockUse {
  int element = -1;
  bool exclusive = true;
};

struct LockOrder {
  LockUse held, wanted;
  std::vector<int> gates;   // what else is held exclusively
};

// Something that a step did which a rule is about.
struct Event {
  const char* rule;       // a rule id
  int pc = -1;            // the instruction where it happened
  int thread = -1;
  int frame = -1;
  const char* detail = ""; // Tokio's message, or what was misused
  LockOrder order = {};         // of hazard/lock-order
};

class Machine {
 public:
  // What is remembered of the steps played so far, in whatever order they were.
  struct Noticed {
    std::vector<bool> reached;   // by instruction
    bool timed = false;          // some step registered a timer, so that it matters when time passes
    bool ordered = false;        // some step did something to several parties in the order of their numbers, so that it matters who has which
    bool operator==(const Noticed&) const = default;
  };

  Machine(const Program& program, const Layout& layout, const PlayMode& mode)
      : p_(program), l_(layout), mode_(mode), v_(RulesOfRelease(program.minor, program.patch)) {
    for (const Element& e : program.elements) has_cells_ = has_cells_ || e.kind == Kind::kCell;
    for (const Element& e : program.elements) locks_ += IsLock(e.kind);
    for (const Instr& in : program.code) offers_closures_ = offers_closures_ || in.op == VmOp::kSpawnBlocking;
    for (const Instr& in : program.code) yields_ = yields_ || program.endless || in.op == VmOp::kYieldNow;
    FindKeepersOfWakers();
    noticed_.reached.resize(program.code.size());
    in_loop_.resize(program.code.size());
    for (std::size_t pc = 0; pc < program.code.size(); ++pc)
      for (int at = std::max(program.code[pc].target, 0); program.code[pc].op == VmOp::kJump && at < static_cast<int>(pc); ++at) in_loop_[static_cast<std::size_t>(at)] = true;
  }

  void Attach(std::uint8_t* state) { s_ = state; }
  // From now on, each part of the state that is looked at or changed is noted there; null: no more.
  void Trace(Footprint* footprint) { footprint_ = footprint; }
  void Initial();

  // Who can move: the threads, then the clock, then once more each thread, for a spurious return of its wait.
  int actors() const { return 2 * l_.threads + 1; }
  int clock() const { return l_.threads; }
  int spurious(int thread) const { return l_.threads + 1 + thread; }
  bool ThreadEnabled(int thread);
  bool ClockEnabled(bool any_thread_enabled);
  // A `park` or a condvar wait that could return though nobody called (adversarial timing only), or another wait that
  // could use up the thread's park token.
  bool SpuriousEnabled(int thread);
  // Not zero for a worker that holds nothing: workers with the same number do the same in their next step.
  std::uint64_t IdleWorker(int thread);
  // Its next step spawns a thread, outside of any loop: that only lets others go on, and happens but once.
  bool OnlySpawns(int thread);
  // Its next step ends a closure that nobody but a thread waits for, which also only lets that go on.
  bool OnlyEnds(int thread);
  // Plays one step of an actor that is enabled. Answers come from `chooser`.
  void Step(int actor, Chooser& chooser);

  const std::vector<Event>& events() const { return events_; }
  void ClearEvents() { events_.clear(); }
  const std::string& overflow() const { return overflow_; }   // what had no room; the state is then garbage
  int overflow_unit() const { return overflow_unit_; }
  int overflow_element() const { return overflow_element_; }
  std::vector<bool>& reached() { return noticed_.reached; }
  // Told of every panic, before the strand unwinds: where it is and why. May be empty.
  std::function<void(Machine&, int strand, const char* why)> at_panic;
  // What the last step was about: the strand and instruction of its visible op, or -1 for a step of the scheduler.
  int told_strand() const { return told_strand_; }
  int told_pc() const { return told_pc_; }
  const Noticed& noticed() const { return noticed_; }
  // Takes over what another machine has noticed.
  void Learn(const Noticed& noticed);
  // Whether no lock was taken like that before, here or in what another machine has told; from now on one was.
  bool IsFirst(const LockOrder& order);
  // What is remembered of the steps played so far.
  void SaveMemory(ByteWriter* out) const;
  void LoadMemory(ByteReader* in);
  void ForgetOrders() { orders_.clear(); }   // of locks: they are told once more
  bool unfair() const { return unfair_; }   // it took a `choose` that need not be fair
  std::int64_t advanced() const { return advanced_; }   // microseconds that the last step of the clock let pass

  // ---- looking at a state (also for explanations) --------------------------------------------------------------
  HeaderCell& H() { return *At<HeaderCell>(0); }
  ThreadCell& T(int i) { return *At<ThreadCell>(l_.thread_at + i * static_cast<int>(sizeof(ThreadCell))); }
  RuntimeCell& RT(int i) { return *At<RuntimeCell>(l_.runtime_at + i * static_cast<int>(sizeof(RuntimeCell))); }
  CoreCell& C(int i) { return *At<CoreCell>(l_.core_at + i * static_cast<int>(sizeof(CoreCell))); }
  FrameCell& F(int i) { return *At<FrameCell>(l_.frame_at[static_cast<std::size_t>(i)]); }
  StrandCell& S(int i) { return *At<StrandCell>(l_.strand_at[static_cast<std::size_t>(i)]); }
  std::int32_t* R(int frame) { return At<std::int32_t>(l_.regs_at[static_cast<std::size_t>(frame)]); }
  std::int32_t* W(int element) { return At<std::int32_t>(l_.element_at + 4 * p_.elements[static_cast<std::size_t>(element)].offset); }
  std::int32_t* PoolQueue(int runtime) { return At<std::int32_t>(l_.pool_queue_at[static_cast<std::size_t>(runtime)]); }
  // Who stands behind one in a list of deferred wake-ups. The last one's link names itself, so that only who is in none has none.
  Link AfterDeferred(Link at) { return S(at - 1).defer_next == at ? Link{0} : S(at - 1).defer_next; }
  int FrameOf(int strand) const { return l_.strand_frame[static_cast<std::size_t>(strand)]; }
  const Unit& UnitOf(int frame) const { return p_.units[static_cast<std::size_t>(l_.frame_unit[static_cast<std::size_t>(frame)])]; }
  const Instr& InstrAt(int strand) { return p_.code[S(strand).pc]; }
  bool IsRoot(int strand) const { return l_.frame_strand[static_cast<std::size_t>(FrameOf(strand))] == strand; }
  int Root(int frame) const { return l_.frame_strand[static_cast<std::size_t>(frame)]; }
  int ElementOf(const Instr& in, int frame);
  std::int64_t Eval(int expr, int frame);
  bool StrandBlocked(int thread, int strand) { return !CanRun(thread, strand); }
  bool DriverDue(int runtime);
  bool Invisible(int strand);
  bool BeginsToPanic(int strand);
  bool JoinsQuietly(int strand);
  bool EatsToken(int thread);
  // A `thread_scope` counts its threads that run, and above those the ones that panicked and that nobody joined.
  static constexpr std::int32_t kScopePanic = 1 << 16;
  bool ScopeIsOver(int frame, int reg) { return R(frame)[reg] % kScopePanic == 0; }
  bool IsPrivate(int expr) const;
  bool DropsWaiter(int strand);
  const Program& program() const { return p_; }
  const Layout& layout() const { return l_; }
  Timing timing() const { return mode_.timing; }
  bool sorts() const { return mode_.sorting; }
  static constexpr int kPermits = 0, kHead = 1, kTail = 2, kClosed = 3, kHolder = 4;   // semaphore words
  static constexpr int kCount = 4, kTxCount = 5, kRxState = 6, kRxWait = 7, kReserved = 8, kForgotten = 9, kTxWait = 10, kTaken = 11;   // kTaken: a oneshot's recv has returned
  static constexpr int kSlots = 12;
  static constexpr int kReaders = 0, kPoisoned = 1, kWriter = 2;   // std_rwlock
  static constexpr int kInitialised = 4, kInitDropped = 5;         // once_cell
  static constexpr int kMembers = 0, kSetWaiter = 1, kMember0 = 2; // join_set, futures_unordered; that has its queue behind the members
  static constexpr int kPoller = 0;                                // local_set
  // What each receiver of a broadcast, or of a watch, has not seen: how many messages; -1: it lags behind.
  std::vector<int> UnseenBy(int element);

 private:
  template <class Cell>
  Cell* At(int byte) {
    if (footprint_ != nullptr) [[unlikely]] footprint_->Touch(byte);
    return std::launder(reinterpret_cast<Cell*>(s_ + byte));
  }

  // control (machine.cc)
  bool CanRun(int thread, int strand);
  bool LetsOthersGoOn(int strand);
  bool StartsPrivately(int thread);
  void RunThread(int thread);
  void Exec(int thread, int strand);
  void Next(int strand) { ++S(strand).pc; }
  void Suspend(int thread, int strand);
  void Finish(int thread, int strand, Outcome outcome);
  void PollChild(int thread, int parent, int child);
  void StartChild(int child, int entry);
  void Fail(int thread, int strand, const char* why, const char* rule = nullptr, bool derived = false);
  void Panic(int thread, int strand, const char* rule, const char* detail, bool derived = false);
  void Abort(int thread, int strand);
  // Whether a panic unwinds: the thread of a strand, or what it drops (which poisons the locks that are let go there).
  enum PanicOf : std::uint8_t { kOfThread, kOfWhatFalls };
  bool IsPanicking(int strand, PanicOf what);
  void PanicFrom(int thread, int strand, std::uint16_t origin);
  void CancelStrand(int thread, int strand, Link parent);
  void Abandon(int thread, int strand);
  void ExecSelect(int thread, int strand);
  void ExecJoin(int thread, int strand);
  void ExecTimeout(int thread, int strand);
  void ExecBlockOn(int thread, int strand);
  bool PollBranch(int thread, int strand, const BranchCode& branch, Outcome* out);
  bool DropBranches(int thread, int strand, int list, int except);
  void ExecDropReg(int thread, int strand);
  bool IsEndedNotified(int frame);
  int BranchStrand(int strand, const BranchCode& branch);
  void Emit(const char* rule, int pc, int thread, int frame, const char* detail = "") { events_.push_back({rule, pc, thread, frame, detail}); }
  void NoteGuard(int thread, int strand);
  void NoteOrder(int strand, LockUse wanted);

  // values (values.cc)
  int NewFrame(int unit, int site_strand);
  void FreeFrame(int frame);
  void MaybeFree(int frame);
  void Complete(int thread, int frame, Outcome outcome);
  void TakeCaptures(const Instr& in, int from_frame, int to_frame, int copy);
  void DropHandle(int thread, int frame_number, bool joinable);
  bool DropValue(int thread, int strand, RegKind kind, int base, std::int32_t value, std::int32_t extra, bool on_purpose);
  bool DropRuntime(int thread, int strand, int runtime, bool wait, std::int64_t timeout);
  void DropTx(int thread, int element);
  void DropReserve(int thread, int element);
  void DropRx(int thread, int element, bool on_purpose);
  void DropMessage(int thread, int element, std::int32_t* slot);
  void Destroy(int thread, int strand, int element);
  void CloneValue(RegKind kind, int base, std::int32_t value);
  // Of a lock that holds values: how many bodies can still get at it.
  std::int32_t& Shares(int lock) { return W(lock)[p_.elements[static_cast<std::size_t>(lock)].words - 1]; }
  void ExecSpawn(int thread, int strand);
  void ExecMakeFuture(int thread, int strand);

  // runtimes (scheduler.cc)
  void BuildRuntime(int thread, int strand);
  void SchedulerStep(int thread);
  bool SchedulerEnabled(int thread);
  void WorkerStep(int thread, int core);
  void RunTask(int thread, int core, int frame, bool in_chain);
  void ParkForNoTime(int thread, int core);
  bool SeesShutdown(int core);
  bool TasksAreClosed(int runtime);
  void DropTasks(int thread, int core);
  bool RunOwnWork(int thread, int core);
  bool InjectedGoFirst(int runtime, int tick);
  int BatchOf(int runtime, int waiting);
  bool RunInjected(int thread, int core, int batch);
  bool CanRob(int victim);
  void Rob(int thread, int core, int victim);
  void PoolStep(int thread);
  bool CtEnabled(int thread, int strand, int runtime);
  int TasksPerRound(int runtime) const;
  bool CtStep(int thread, int strand, int runtime, int child);
  void PollTask(int thread, int frame, Link parent);
  void EndPoll(int thread, int frame, Outcome outcome);
  void WakeTask(int thread, int frame, bool from_driver);
  void FindKeepersOfWakers();
  int OwnerOfWaker(int strand);
  Link WakerLeftBy(int strand);
  void ForgetWaker(int strand);
  void WakeStrand(int thread, int strand, bool from_driver = false);
  void Schedule(int thread, int frame, bool self_wake, bool from_driver);
  bool SleepAlike(int a, int b);
  void NotifyOne(int runtime);
  void ProcessDriver(int thread, int runtime);
  void ShutDriver(int thread, int runtime);
  void WakeDeferred(int thread, Link* head, Link* tail);
  bool IsUnderBlockOn(int strand);
  struct DeferList { Link* head = nullptr; Link* tail = nullptr; };
  DeferList DeferredIn(int strand);
  void ReplaceDeferred(DeferList list, int strand, int other);
  void LeaveDeferred(int strand);
  void Defer(int thread, int strand);
  bool PoolSubmit(int runtime, std::int32_t item);
  void Handoff(int thread);
  int CoreRuntime(int core) const;
  int Searching(int runtime);
  int Unparked(int runtime);
  bool IsSleeper(int core);
  int LocalTasks(int core);
  template <class L>
  void PushTask(L* head, L* tail, int frame) {
    F(frame).next = 0;
    if (*tail != 0) F(*tail - 1).next = static_cast<Link>(frame + 1);
    else *head = static_cast<L>(frame + 1);
    *tail = static_cast<L>(frame + 1);
  }
  template <class L>
  int PopTask(L* head, L* tail) {
    if (*head == 0) return -1;
    int frame = *head - 1;
    *head = F(frame).next;
    if (*head == 0) *tail = 0;
    F(frame).next = 0;
    return frame;
  }
  int Length(Link head);
  std::uint64_t IdleKey(int core);
  void SortCores();
  void CountTimer() {
    ++H().timers;
    noticed_.timed = true;
  }
  // The next one of several that a step goes through by number; `last` was the one before.
  void TakeInOrder(int frame, int* last) {
    if (*last >= 0 && *last != frame && l_.frame_unit[static_cast<std::size_t>(*last)] == l_.frame_unit[static_cast<std::size_t>(frame)]) noticed_.ordered = true;
    *last = frame;
  }
  bool Shutting(int runtime) { return RT(runtime).life != Life::kRunning; }

  // search and park, part by part (search_and_park.cc)
  void ExactStep(int thread, int core, std::int32_t held);
  void RunFound(int thread, int core, std::int32_t held);
  int LookRound(int core, std::uint32_t seen);
  void TellSleeper(int runtime);
  bool LooksAlike(int first_core, int a, int b);
  std::uint64_t ExactIdleKey(int core, std::uint32_t key);
  bool SomebodyGoesRound(int runtime);
  void RenumberRounds(int runtime, const std::vector<int>& now, const std::vector<int>& was);

  // objects (sync.cc)
  void ExecObject(int thread, int strand);
  void Done(int strand);
  void FailObject(int thread, int strand, const char* why, const char* rule = nullptr);
  void AwaitObject(int thread, int strand, int element);
  void Hold(int strand, int element);
  bool BlocksInAsync(int thread, int strand);
  bool ComesToRendezvous(int strand, int element);
  bool CanRunObject(int thread, int strand);
  bool SemTryTake(std::int32_t* w, int n);
  bool AllPlacesBack(int element);
  void WakeClosedReceiver(int thread, int element);
  bool SemPoll(int thread, int strand, std::int32_t* w, int n, bool* failed);
  void SemRelease(int thread, std::int32_t* w, int n);
  void SemClose(int thread, std::int32_t* w);
  void Enqueue(std::int32_t* w, int strand);
  void Unqueue(std::int32_t* w, int strand);
  int PopWaiter(std::int32_t* w);
  bool Push(int thread, int element, const Instr& in, int frame);
  void Pop(int element, const Instr& in, int frame);
  void NotifyOneWaiter(int thread, std::int32_t* w);
  bool EndsWithItsTimeout(int strand);
  void StartTimer(int strand, std::int64_t micros);
  bool RegisterTimer(int thread, int strand, int runtime_plus_one);
  void CancelTimer(int strand);
  bool NeedContext(int thread, int strand, const char* what);
  bool Budget(int thread, int strand);
  int CellConflict(int thread);

  // locks that can be shared (rwlock.cc)
  bool WriterWaits(int element);
  bool CanRunRwlock(int strand, int element);
  void ExecRwlock(int thread, int strand, int element);
  void ReleaseGuard(int thread, RegKind kind, int element, bool unwinding);
  // channels with a place for each receiver (watch.cc)
  template <class Visit>
  void ForReceivers(int element, Visit visit);
  std::int32_t* Receiver(int strand, int element);
  void WakeQueue(int thread, std::int32_t* w, std::uint8_t grant, bool fifo);
  void TrimBroadcast(int element);
  bool CanRunWatch(int strand, int element);
  void ExecSubscribe(int strand, int element);
  void ExecBroadcast(int thread, int strand, int element);
  void ExecWatch(int thread, int strand, int element);
  // what happens once (once.cc)
  void ExecOnce(int thread, int strand, int element);
  void ReleaseOnce(int thread, int strand, int element);
  void ExecBarrier(int thread, int strand, int element);
  void ExecCancel(int thread, int strand, int element);
  void ExecCancelled(int thread, int strand, int element);
  // sets (sets.cc)
  bool AddMember(int element, int frame);
  void RemoveMember(int element, int at);
  int PlaceOf(int element, int frame);
  void MoveToEnd(int element, int at);
  int Begun(int element);
  void BeginMember(int element, int frame);
  std::int32_t* WokenMembers(int element) { return W(element) + kMember0 + p_.elements[static_cast<std::size_t>(element)].room; }
  bool IsQueued(int element, int frame);
  void QueueMember(int element, int frame);
  int TakeWokenMember(int element);
  int SetOf(int frame);
  void SetJoiner(int element, Link joiner);
  void TakeJoiner(int frame);
  void AbortTask(int thread, int frame);
  void ExecSet(int thread, int strand);
  void ExecNext(int thread, int strand, int element);
  int LocalElement(int ordinal) const;
  bool LocalTasksLeft(int ordinal);
  void ScheduleLocal(int thread, int frame);
  void ExecLocalSet(int thread, int strand, int element);
  int TakeLocalTask(int ordinal);
  bool DropSet(int thread, int strand, int element);
  int SetDroppedBy(int strand);
  bool LeaveMembers(int thread, int strand, int element);

  const Program& p_;
  const Layout& l_;
  PlayMode mode_;
  const VersionRules v_;
  bool has_cells_ = false;
  bool offers_closures_ = false;   // something calls spawn_blocking
  bool yields_ = false;            // something defers its wake-up
  std::vector<bool> in_loop_;   // by instruction
  std::vector<int> keeps_wakers_;   // elements that may keep the waker of a wait that was dropped
  std::uint8_t* s_ = nullptr;
  Footprint* footprint_ = nullptr;
  Chooser* choose_ = nullptr;
  std::vector<Event> events_;
  bool divided_by_zero_ = false;
  std::string overflow_;
  int overflow_unit_ = -1, overflow_element_ = -1;
  Noticed noticed_;
  int told_strand_ = -1, told_pc_ = -1;
  std::int64_t advanced_ = 0;
  std::int64_t watch_value_ = 0;   // what `$value` is
  bool unfair_ = false;
  int locks_ = 0;
  std::unordered_set<std::uint64_t> orders_;   // of locks, that were told
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_MODEL_MACHINE_H_
