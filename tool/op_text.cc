#include "tool/op_text.h"

namespace asyncrt {

std::vector<std::string> KindsOf(const OpDef& op) {
  std::vector<std::string> kinds;
  if (op.kind != Kind::kNone) kinds.emplace_back(KindName(op.kind));
  for (Kind kind : op.on_kinds) kinds.emplace_back(KindName(kind));
  return kinds;
}

std::string WhereText(const OpDef& op) {
  std::string out;
  switch (op.where) {
    case Where::kAny: out = "any body"; break;
    case Where::kAsync: out = "async bodies"; break;
    case Where::kSync: out = "sync bodies"; break;
  }
  if (op.blocks) out += "; can block the thread";
  if (op.awaits) out += "; can suspend the task";
  if (op.can_fail) out += "; can fail";
  if (!op.sync_instead.empty()) out += "; in a sync body use `" + std::string(op.sync_instead) + "`";
  return out;
}

}  // namespace asyncrt
