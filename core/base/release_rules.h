// Where Tokio's releases differ in what a program can see: named switches, and the releases in which each one is on.
#ifndef ASYNCRT_CORE_BASE_RELEASE_RULES_H_
#define ASYNCRT_CORE_BASE_RELEASE_RULES_H_

#include <string_view>
#include <vector>

namespace asyncrt {

// Rules of one release. The table in release_rules.cc says which releases have which.
struct VersionRules {
  bool lifo_cap = false;               // the LIFO slot is run in chains of at most three
  bool lifo_stealable = false;         // thieves see the slot, and a lone push into it notifies
  bool inject_batch = false;           // a worker takes several tasks from the injection queue at once
  bool bip_move_lifo = false;          // block_in_place moves the slot's task to the queue
  bool bip_flush_defer = false;        // block_in_place wakes what was deferred
  bool nested_bip = false;             // block_in_place, block_on, block_in_place is allowed
  bool bip_nested_yield_hang = false;  // yield_now in a block_on inside block_in_place is never woken
  bool thread_defer = false;           // wake-ups deferred inside a block_on wait for it, also in its block_in_place
  bool foreign_yield_hang = false;     // yield_now under a foreign executor without a core is never woken
  bool coop_defer = false;             // who is out of budget is deferred; before: woken at once, into the queue
  bool select_budget = false;          // a select without budget is Pending as a whole
  bool broadcast_budget = false;       // receives of broadcast and watch use budget
  bool first_turn_is_inject = false;   // the first task of a current_thread runtime is one from another thread, if there is one
  bool wake_fifo = false;              // one batch of wakers is woken first to last; before: last to first
  bool broadcast_wake_fifo = false;    // the same for the receivers of a broadcast
  bool reserve_wakes_receiver = false; // a queued send or reserve that gives its place back wakes who waits for the last one
  bool enter_guard_not_send = false;   // an enter guard stays on its thread
  bool oneshot_failed_is_done = false; // a oneshot's receiver is used up by a recv that failed, too
  bool enter_order = false;            // enter guards dropped out of order panic
  bool local_set_forbids_bip = false;  // block_in_place panics inside an awaited local_set, too
  bool pool_idle_till_awake = false;   // a thread of the pool that was woken still counts as idle, so no other is started
  bool notify_priority = false;        // a Notified created before notify_waiters leaves the permit alone
  bool event_interval_check = false;   // event_interval 0 is refused
  bool queue_interval_check = false;   // global_queue_interval 0 is refused
  // A set of futures with a member whose destructor panics leaks those that it still has. Before, it can free one of them
  // twice, or find it unfinished, and the process is aborted. Of futures 0.3.31 (rust-lang/futures-rs#2886),
  // which came shortly before Tokio 1.41.
  bool set_leaks_members = false;
};

struct Release {
  int minor, patch;
};

// One row of the table: on from `since`, off again from `until`.
struct VersionRow {
  std::string_view name;
  bool VersionRules::*rule;
  Release since, until;
};

constexpr Release kFirstRelease = {0, 0};
constexpr Release kNoRelease = {9999, 0};

const std::vector<VersionRow>& VersionTable();

VersionRules RulesOfRelease(int minor, int patch);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_BASE_RELEASE_RULES_H_
