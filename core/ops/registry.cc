// Puts the families together: the order here is the order of the reference.
#include <array>
#include <iterator>
#include <utility>

#include "core/ops/families.h"

namespace asyncrt {
namespace {

struct FieldText {
  Field field;
  std::string_view key;
  std::string_view doc;
};

constexpr std::array kFieldTexts = {
    FieldText{Field::kOn, "on", "the name of what the op works on"},
    FieldText{Field::kAs, "as", "the name of what the op makes"},
    FieldText{Field::kBody, "body", "the ops of the body"},
    FieldText{Field::kRun, "run", "the named body to use instead of `body`"},
    FieldText{Field::kClone, "clone", "values that are cloned for the body instead of moved into it"},
    FieldText{Field::kBorrow, "borrow", "values that the body borrows; only inside a `thread_scope`"},
    FieldText{Field::kCount, "count", "how many copies are made; `$index` tells them apart"},
    FieldText{Field::kDetached, "detached", "true: meant to be dropped unfinished at shutdown"},
    FieldText{Field::kInto, "into", "the `join_set` that the task belongs to"},
    FieldText{Field::kLocal, "local", "the `local_set` that is run along with the body"},
    FieldText{Field::kFor, "for", "how long"},
    FieldText{Field::kAfter, "after", "the time limit"},
    FieldText{Field::kVar, "var", "the local that gets the value"},
    FieldText{Field::kValue, "value", "the value, an expression (default 0)"},
    FieldText{Field::kWith, "with", "the values that the message owns"},
    FieldText{Field::kOr, "or", "what runs when the op fails; without it a failure panics"},
    FieldText{Field::kPermits, "permits", "how many permits (default 1)"},
    FieldText{Field::kBytes, "bytes", "how many bytes (default 1)"},
    FieldText{Field::kPermit, "permit", "the reserved place to use: the `as` name of a `reserve`"},
    FieldText{Field::kFuture, "future", "the `Notified` to wait with: the `as` name of an `arm`"},
    FieldText{Field::kMutex, "mutex", "the `std_mutex` whose guard is given up while waiting"},
    FieldText{Field::kCond, "cond", "the condition, an expression"},
    FieldText{Field::kBranches, "branches", "the branches"},
    FieldText{Field::kElse, "else", "what runs otherwise"},
    FieldText{Field::kThen, "then", "what runs when the condition holds"},
    FieldText{Field::kBiased, "biased", "true: branches are polled in the order of the list"},
    FieldText{Field::kTry, "try", "true: a branch that ends with `fail` drops the others and fails the join"},
    FieldText{Field::kTimes, "times", "how often, an expression; absent: for ever"},
    FieldText{Field::kFair, "fair", "false: a branch may be avoided for ever"},
    FieldText{Field::kTo, "to", "the new value, an expression"},
    FieldText{Field::kMessage, "message", "the panic message"},
    FieldText{Field::kExpected, "expected", "the value that must be there, an expression (default 0)"},
    FieldText{Field::kShared, "shared", "true: the value is in an `Arc` and can be cloned"},
    FieldText{Field::kSend, "send", "false: the value is not `Send` (default true)"},
    FieldText{Field::kDropBody, "drop", "a sync body: the destructor"},
    FieldText{Field::kEnable, "enable", "false: the `Notified` does not listen before it is polled (default true)"},
    FieldText{Field::kAwait, "await", "an op, a body, or the name of a future"},
};

struct KindText {
  Kind kind;
  std::string_view name;
};

constexpr std::array kKindTexts = {
    KindText{Kind::kNone, "none"},
    KindText{Kind::kStdMutex, "std_mutex"},
    KindText{Kind::kStdRwlock, "std_rwlock"},
    KindText{Kind::kStdCondvar, "std_condvar"},
    KindText{Kind::kStdChannel, "std_channel"},
    KindText{Kind::kStdBarrier, "std_barrier"},
    KindText{Kind::kStdOnce, "std_once"},
    KindText{Kind::kValue, "value"},
    KindText{Kind::kAtomic, "atomic"},
    KindText{Kind::kCell, "cell"},
    KindText{Kind::kMutex, "mutex"},
    KindText{Kind::kRwlock, "rwlock"},
    KindText{Kind::kSemaphore, "semaphore"},
    KindText{Kind::kNotify, "notify"},
    KindText{Kind::kOneshot, "oneshot"},
    KindText{Kind::kMpsc, "mpsc"},
    KindText{Kind::kBroadcast, "broadcast"},
    KindText{Kind::kWatch, "watch"},
    KindText{Kind::kBarrier, "barrier"},
    KindText{Kind::kOnceCell, "once_cell"},
    KindText{Kind::kCancellationToken, "cancellation_token"},
    KindText{Kind::kJoinSet, "join_set"},
    KindText{Kind::kFuturesUnordered, "futures_unordered"},
    KindText{Kind::kLocalSet, "local_set"},
    KindText{Kind::kIo, "io"},
    KindText{Kind::kRuntime, "runtime"},
    KindText{Kind::kTask, "task"},
    KindText{Kind::kThread, "thread"},
    KindText{Kind::kFuture, "future"},
    KindText{Kind::kNotified, "notified"},
    KindText{Kind::kPermit, "permit"},
    KindText{Kind::kGuard, "guard"},
    KindText{Kind::kEnterGuard, "enter guard"},
};

FieldUse WithText(Field field, bool required, std::string_view doc) {
  if (doc.empty()) {
    for (const FieldText& text : kFieldTexts) {
      if (text.field == field) doc = text.doc;
    }
  }
  return {field, required, doc};
}

std::vector<OpDef> BuildTable() {
  std::vector<OpDef> table;
  for (auto* family : {ThreadOps, TaskOps, ValueOps, TimeOps, CombinatorOps, ControlOps, StdSyncOps, ChannelOps,
                       TokioSyncOps, SetOps, IoOps}) {
    std::vector<OpDef> rows = family();
    table.insert(table.end(), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
  }
  return table;
}

}  // namespace

FieldUse Needs(Field field, std::string_view doc) { return WithText(field, true, doc); }
FieldUse Takes(Field field, std::string_view doc) { return WithText(field, false, doc); }

OpDef Row(std::string_view verb, Kind kind, Code code, unsigned traits, std::vector<FieldUse> fields,
          std::string_view summary, std::string_view models, std::string_view sync_instead) {
  if (kind != Kind::kNone) fields.insert(fields.begin(), Needs(Field::kOn));
  OpDef row = RowOn({}, verb, code, traits, std::move(fields), summary, models, sync_instead);
  row.kind = kind;
  return row;
}

OpDef RowOn(std::vector<Kind> on_kinds, std::string_view verb, Code code, unsigned traits, std::vector<FieldUse> fields,
            std::string_view summary, std::string_view models, std::string_view sync_instead) {
  if ((traits & kFails) != 0) fields.push_back(Takes(Field::kOr));
  return {verb,
          Kind::kNone,
          code,
          (traits & kAsyncOnly) != 0 ? Where::kAsync : Where::kAny,
          (traits & kFails) != 0,
          (traits & kBlocks) != 0,
          (traits & kAwaits) != 0,
          std::move(fields),
          std::move(on_kinds),
          sync_instead,
          summary,
          models};
}

std::string_view KindName(Kind kind) {
  for (const KindText& text : kKindTexts) {
    if (text.kind == kind) return text.name;
  }
  return "none";
}

std::string_view FieldKey(Field field) {
  for (const FieldText& text : kFieldTexts) {
    if (text.field == field) return text.key;
  }
  return "";
}

const std::vector<OpDef>& AllOps() {
  static const std::vector<OpDef> table = BuildTable();
  return table;
}

std::vector<const OpDef*> OpsWithVerb(std::string_view verb) {
  std::vector<const OpDef*> rows;
  for (const OpDef& row : AllOps()) {
    if (row.verb == verb) rows.push_back(&row);
  }
  return rows;
}

}  // namespace asyncrt
