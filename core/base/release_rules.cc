#include "core/base/release_rules.h"

namespace asyncrt {
namespace {

bool IsBefore(Release a, Release b) { return a.minor != b.minor ? a.minor < b.minor : a.patch < b.patch; }

}  // namespace

const std::vector<VersionRow>& VersionTable() {
  using V = VersionRules;
  static const std::vector<VersionRow> table = {
      {"lifo_cap", &V::lifo_cap, {29, 0}, kNoRelease},
      {"lifo_stealable", &V::lifo_stealable, {51, 0}, {51, 2}},
      {"lifo_stealable", &V::lifo_stealable, {52, 0}, {52, 2}},
      {"inject_batch", &V::inject_batch, {29, 0}, kNoRelease},
      {"bip_move_lifo", &V::bip_move_lifo, {38, 0}, kNoRelease},
      {"bip_flush_defer", &V::bip_flush_defer, {50, 0}, kNoRelease},
      {"nested_bip", &V::nested_bip, {29, 1}, kNoRelease},
      {"bip_nested_yield_hang", &V::bip_nested_yield_hang, {29, 0}, {44, 1}},
      {"thread_defer", &V::thread_defer, kFirstRelease, {29, 0}},
      {"foreign_yield_hang", &V::foreign_yield_hang, kFirstRelease, {42, 0}},
      {"coop_defer", &V::coop_defer, {44, 0}, kNoRelease},
      {"select_budget", &V::select_budget, {44, 0}, kNoRelease},
      {"broadcast_budget", &V::broadcast_budget, {41, 0}, kNoRelease},
      {"first_turn_is_inject", &V::first_turn_is_inject, kFirstRelease, {29, 0}},
      {"wake_fifo", &V::wake_fifo, {38, 0}, kNoRelease},
      {"broadcast_wake_fifo", &V::broadcast_wake_fifo, kFirstRelease, {28, 0}},
      {"broadcast_wake_fifo", &V::broadcast_wake_fifo, {38, 0}, kNoRelease},
      {"reserve_wakes_receiver", &V::reserve_wakes_receiver, {53, 0}, kNoRelease},
      {"enter_guard_not_send", &V::enter_guard_not_send, {29, 0}, kNoRelease},
      {"oneshot_failed_is_done", &V::oneshot_failed_is_done, {44, 0}, kNoRelease},
      {"enter_order", &V::enter_order, {29, 0}, kNoRelease},
      {"local_set_forbids_bip", &V::local_set_forbids_bip, {46, 0}, kNoRelease},
      {"pool_idle_till_awake", &V::pool_idle_till_awake, {52, 0}, {52, 1}},
      {"notify_priority", &V::notify_priority, {51, 0}, kNoRelease},
      {"event_interval_check", &V::event_interval_check, {50, 0}, kNoRelease},
      {"queue_interval_check", &V::queue_interval_check, {38, 0}, kNoRelease},
      {"set_leaks_members", &V::set_leaks_members, {41, 0}, kNoRelease},
  };
  return table;
}

VersionRules RulesOfRelease(int minor, int patch) {
  VersionRules rules;
  const Release release = {minor, patch};
  for (const VersionRow& row : VersionTable())
    if (!IsBefore(release, row.since) && IsBefore(release, row.until)) rules.*row.rule = true;
  return rules;
}

}  // namespace asyncrt
