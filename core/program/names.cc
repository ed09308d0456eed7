// What a name stands for, who owns it, and what a body captures.
#include "core/program/compiler.h"

#include <algorithm>

namespace asyncrt {

int Compiler::NewReg(Builder& b, RegKind kind, int base, const std::string& name) {
  deadline_.Step();
  U(b).regs.push_back({kind, base, name});
  return static_cast<int>(U(b).regs.size()) - 1;
}

// Adds `count` registers for a name; they belong to the current scope when `scoped`.
int Compiler::AddName(Builder& b, const std::string& key, RegKind kind, int base, int count, bool scoped) {
  int first = static_cast<int>(U(b).regs.size());
  for (int k = 0; k < count; ++k) {
    int reg = NewReg(b, kind, base, count > 1 ? key + "[" + std::to_string(k) + "]" : key);
    if (scoped && kind != RegKind::kScratch) Scope(b.scope).regs.push_back(reg);
  }
  b.names[key] = {first, count, kind};
  return first;
}

// The register of a value in this unit, captured from the units around it when needed. `index_expr` gets the
// expression to add at run time, or -1.
int Compiler::ValueReg(Builder& b, const Ref& ref, const Op& op, int* index_expr, bool by_handle_only) {
  const int reg = FindValue(b, ref, op, index_expr, by_handle_only);
  if (reg >= 0 && !by_handle_only) Mention(b, reg, nullptr);
  return reg;
}

int Compiler::FindValue(Builder& b, const Ref& ref, const Op& op, int* index_expr, bool by_handle_only) {
  *index_expr = -1;
  if (held_.count(KeyOf(ref)) != 0) {
    Borrow(b, ref, op);
    return -1;
  }
  std::string key = KeyOf(ref);
  int constant = -1;
  if (ref.index && ref.index->kind == Expr::Kind::kNumber) constant = static_cast<int>(ref.index->number);
  if (IsCopyIndex(ref) && b.parent != nullptr) {
    int reg = Lookup(b, key + "[$index]", by_handle_only);
    if (reg >= 0) { CheckMoved(b, reg, ref, op); return reg; }
  }
  if (constant >= 0) {
    int one = Find(b, key + "[" + std::to_string(constant) + "]");
    if (one >= 0) { CheckMoved(b, one, ref, op); return one; }
  }
  int reg = -1;
  if (constant >= 0 && b.parent != nullptr && b.names.count(key) == 0) {
    reg = Lookup(b, key + "[" + std::to_string(constant) + "]", by_handle_only);
    if (reg >= 0) { CheckMoved(b, reg, ref, op); return reg; }
  }
  reg = Lookup(b, key, by_handle_only);
  if (reg < 0) return -1;
  if (constant >= 0) {
    reg += constant;
  } else if (ref.index) {
    *index_expr = MakeExpr(b, *ref.index);
    return reg;
  }
  if (!by_handle_only) CheckMoved(b, reg, ref, op);
  return reg;
}

void Compiler::Mention(Builder& b, int reg, const Op* taker) {
  // An element of an array is taken out of its place, which stays where it is.
  if (b.owners.empty() || U(b).regs[static_cast<std::size_t>(reg)].name.find('[') != std::string::npos) return;
  // Those between this place and the scope that has it.
  std::vector<Owner*> owners;
  int scope = b.scope;
  for (auto next = b.owners.rbegin(); scope >= 0; scope = ScopeAround(scope)) {
    deadline_.Step();
    const auto& regs = Scope(scope).regs;
    if (std::find(regs.begin(), regs.end(), reg) != regs.end()) break;
    if (next == b.owners.rend() || next->scope != scope) continue;
    owners.push_back(&*next);
    ++next;
  }
  if (scope < 0) return;   // it went with its block
  for (Owner* owner : owners) {
    owner->mentioned.emplace(reg, static_cast<int>(owner->mentioned.size()));
    if (taker != nullptr) owner->takes.insert({reg, {taker, taker->node}});
  }
}

// Also out of a strand. -1: none.
int Compiler::ScopeAround(int scope) const {
  auto around = around_strand_.find(scope);
  return around != around_strand_.end() ? around->second : program_->scopes[static_cast<std::size_t>(scope)].parent;
}

int Compiler::Find(const Builder& b, const std::string& key) {
  auto it = b.names.find(key);
  return it == b.names.end() ? -1 : it->second.reg;
}

// Splits "x.tx[2]" into "x.tx" and the element; `copy` for [$index].
bool Compiler::SplitIndex(const std::string& key, std::string* base, int* element, bool* copy) {
  auto open = key.find('[');
  if (open == std::string::npos) return false;
  *base = key.substr(0, open);
  std::string inside = key.substr(open + 1, key.size() - open - 2);
  *copy = inside == "$index";
  *element = *copy ? -1 : std::stoi(inside);
  return true;
}

// What a lock holds is reached through its guard, which rustc then takes to be there until its block ends.
void Compiler::Borrow(Builder& b, const Ref& held, const Op& op) {
  auto holds = [&](const std::string& name) {
    auto lock = declared_.find(name);
    if (lock == declared_.end()) return false;
    const std::vector<Ref>& refs = scenario_.objects[static_cast<std::size_t>(lock->second)].holds;
    return std::any_of(refs.begin(), refs.end(), [&](const Ref& ref) { return KeyOf(ref) == KeyOf(held); });
  };
  bool only_reads = false;
  for (const auto& [name, reg] : guards_[b.unit]) {
    if (!holds(name) || !MayBeThere(b, reg)) continue;
    borrowed_guards_.insert({b.unit, reg});
    only_reads = U(b).regs[static_cast<std::size_t>(reg)].kind == RegKind::kReadGuard;
  }
  const Code code = op.def->code;
  if (only_reads && NeedsMutably(op) && code != Code::kPush)
    Refuse("ownership/two-borrows", Spelled(held), op.node, op.node, &op, &op, b,
           "`" + Spelled(held) + "` changes here, and the guard of its lock only reads");
}

void Compiler::ShareLock(Builder& b, const std::string& lock) {
  auto it = declared_.find(lock);
  if (it == declared_.end() || scenario_.objects[static_cast<std::size_t>(it->second)].holds.empty()) return;
  ShareWithDestructor(b, lock);
  Lookup(b, ShareOf(lock), false);
}

void Compiler::ShareWithDestructor(Builder& b, const std::string& lock) {
  Builder* around = &b;
  while (around->parent != nullptr) around = around->parent;
  if (U(*around).kind != UnitKind::kDestructor || Find(*around, ShareOf(lock)) >= 0) return;
  const Element& value = program_->elements[static_cast<std::size_t>(destroyed_)];
  if (locks_before_[scenario_.objects[static_cast<std::size_t>(value.declared)].name].count(lock) == 0) return;
  const int reg = NewReg(*around, RegKind::kShare, first_element_[lock], ShareOf(lock));
  auto& owned = Scope(RootScope(*around)).regs;
  owned.insert(owned.begin(), reg);
  around->names[ShareOf(lock)] = {reg, 1, RegKind::kShare};
}

// What a capture of `key` would take from `b` or from the units around it, without capturing anything.
bool Compiler::Exists(const Builder* b, const std::string& key, const Op* below, Binding* out) {
  std::string base; int element = -1; bool copy = false;
  if (b == nullptr) return false;
  bool split = SplitIndex(key, &base, &element, &copy);
  if (split && copy && below != nullptr && below->count) {
    Binding whole;
    if (Exists(b, base, b->made_by, &whole)) { *out = {whole.reg, 1, whole.kind}; return true; }
    return false;
  }
  auto it = b->names.find(key);
  if (it != b->names.end()) { *out = it->second; return true; }
  if (split && !copy) {
    auto whole = b->names.find(base);
    if (whole != b->names.end()) {
      *out = {whole->second.reg + element, 1, whole->second.kind};
      return element < whole->second.count;
    }
  }
  return Exists(b->parent, key, b->made_by, out);
}

int Compiler::BaseOf(const Builder* b, const std::string& key) {
  std::string plain = key.substr(0, key.find('['));
  auto it = b->names.find(key);
  if (it == b->names.end()) it = b->names.find(plain);
  if (it != b->names.end()) return program_->units[static_cast<std::size_t>(b->unit)].regs[static_cast<std::size_t>(it->second.reg)].base;
  return b->parent != nullptr ? BaseOf(b->parent, key) : -1;
}

int Compiler::Lookup(Builder& b, const std::string& key, bool by_handle_only) {
  int found = by_handle_only ? Find(b, "&" + key) : -1;
  if (found < 0) found = Find(b, key);
  if (found >= 0) return found;
  Binding outer;
  if (b.parent == nullptr || !Exists(b.parent, key, b.made_by, &outer)) return -1;
  // As fields of a closure or a future: they fall after what the body makes itself, the first mentioned first.
  RegKind kind = outer.kind;
  // A member of a join_set has no other handle than one to abort it by.
  if ((by_handle_only && (kind == RegKind::kTask || kind == RegKind::kThread)) || kind == RegKind::kAbortHandle) {
    std::string weak = "&" + key;
    found = Find(b, weak);
    if (found >= 0) return found;
    int first = static_cast<int>(U(b).regs.size());
    for (int k = 0; k < outer.count; ++k) {
      int reg = NewReg(b, RegKind::kAbortHandle, -1, key);
      Scope(RootScope(b)).regs.push_back(reg);
    }
    b.names[weak] = {first, outer.count, RegKind::kAbortHandle};
    b.captured.push_back({weak, b.names[weak]});
    return first;
  }
  int base = BaseOf(b.parent, key);
  int first = static_cast<int>(U(b).regs.size());
  for (int k = 0; k < outer.count; ++k) {
    int reg = NewReg(b, kind, base, outer.count > 1 ? key + "[" + std::to_string(k) + "]" : key);
    auto& regs = Scope(RootScope(b)).regs;
    regs.insert(regs.begin(), reg);
    if (kind == RegKind::kPermit) NewReg(b, RegKind::kScratch, -1, key + "#");
  }
  b.names[key] = {first, outer.count, kind};
  b.captured.push_back({key, b.names[key]});
  // The guard has a share, too.
  if (IsGuard(kind) && base >= 0) ShareLock(b, scenario_.objects[static_cast<std::size_t>(program_->elements[static_cast<std::size_t>(base)].declared)].name);
  return first;
}

void Compiler::CheckMoved(Builder& b, int reg, const Ref& ref, const Op& op) {
  auto it = b.moved.find(reg);
  if (it == b.moved.end() || ref.part == Ref::Part::kHandle) return;
  Refuse("ownership/use-after-move", Spelled(ref), it->second.node, op.node, it->second.by, &op, b);
  b.moved.erase(it);
}

std::string Compiler::Spelled(const Ref& ref) {
  std::string text = ref.name;
  if (ref.index) text += ref.index->kind == Expr::Kind::kNumber ? "[" + std::to_string(ref.index->number) + "]" : "[…]";
  return text + std::string(PartSuffix(ref.part));
}

void Compiler::Refuse(const std::string& rule, const std::string& value, const Json* made, const Json* used, const Op* by,
            const Op* user, const Builder& b, std::string message) {
  // rustc looks at moves and borrows where control can come, and at types everywhere.
  if (b.diverged && rule != "ownership/not-send") return;
  for (const StaticFinding& f : program_->refused) {
    deadline_.Step();
    if (f.rule == rule && f.used == used && f.value == value) return;
  }
  StaticFinding f;
  f.rule = rule;
  f.value = value;
  f.made = made;
  f.used = used;
  if (by != nullptr) f.made_op = std::string(by->def->verb);
  if (user != nullptr) f.used_op = std::string(user->def->verb);
  f.body = program_->units[static_cast<std::size_t>(b.unit)].name;
  f.message = std::move(message);
  program_->refused.push_back(std::move(f));
}

int Compiler::LocalReg(Builder& b, const std::string& name) {
  std::string key = "%" + name;
  int found = Find(b, key);
  if (found >= 0) return found;
  Binding outer;
  bool copied = b.parent != nullptr && Exists(b.parent, key, nullptr, &outer);
  int reg = NewReg(b, RegKind::kScratch, -1, name);
  b.names[key] = {reg, 1, RegKind::kScratch};
  if (copied) b.captured.push_back({key, b.names[key]});
  return reg;
}

// ---- expressions --------------------------------------------------------------------------------------------
int Compiler::MakeExpr(Builder& b, const Expr& e) {
  ExprNode n;
  n.kind = e.kind;
  n.number = e.number;
  switch (e.kind) {
    case Expr::Kind::kLocal: n.reg = LocalReg(b, e.name); break;
    case Expr::Kind::kIndex: n.reg = 1; break;
    case Expr::Kind::kNow: program_->uses_now = true; break;
    case Expr::Kind::kAtomic:
      n.object = first_element_[e.name];
      n.elements = static_cast<int>(scenario_.objects[static_cast<std::size_t>(declared_[e.name])].count);
      if (!e.kids.empty()) n.left = MakeExpr(b, e.kids[0]);
      break;
    case Expr::Kind::kFinished: {
      n.reg = Lookup(b, e.name, true);
      if (!e.kids.empty()) n.left = MakeExpr(b, e.kids[0]);
      break;
    }
    default:
      if (!e.kids.empty()) n.left = MakeExpr(b, e.kids[0]);
      if (e.kids.size() > 1) n.right = MakeExpr(b, e.kids[1]);
  }
  program_->exprs.push_back(n);
  return static_cast<int>(program_->exprs.size()) - 1;
}

// What has moved where several ways meet.
std::map<int, Moved> Compiler::WhereMeet(const std::vector<std::map<int, Moved>>& ways) {
  std::map<int, Moved> met;
  for (const auto& way : ways)
    for (const auto& [reg, moved] : way) {
      const bool partly = met.insert({reg, moved}).first->second.partly || moved.partly;
      met[reg].partly = partly;
    }
  for (auto& [reg, moved] : met)
    for (const auto& way : ways) moved.partly = moved.partly || way.count(reg) == 0;
  return met;
}

// Joins the state before an alternative with the state after it.
void Compiler::Merge(Builder& b, const std::map<int, Moved>& other, bool other_diverged) {
  if (b.diverged) { b.moved = other; }
  else if (!other_diverged) { b.moved = WhereMeet({b.moved, other}); }
  b.diverged = b.diverged && other_diverged;
}

void Compiler::FillCaptures(Builder& b, const Op& op, int unit, int pc) {
  program_->captures.emplace_back();
  int list = static_cast<int>(program_->captures.size()) - 1;
  At(pc).list = list;
  auto child = builder_of_.find(unit);
  if (child != builder_of_.end() && child->second->done) {
    ResolveCaptures(b, op, *child->second, list);
  } else {
    sites_.push_back({&b, &op, unit, list});
  }
}

void Compiler::ResolveCaptures(Builder& b, const Op& op, const Builder& child, int list) {
  std::set<std::string> cloned;
  for (const Ref& ref : op.clone) cloned.insert(KeyOf(ref));
  std::set<std::string> borrowed;
  for (const Ref& ref : op.borrow) borrowed.insert(KeyOf(ref));
  std::vector<Capture> out;
  for (const auto& [key, name] : child.captured) {
    bool weak = key[0] == '&', local = key[0] == '%', shares = name.kind == RegKind::kShare;
    std::string plain = weak ? key.substr(1) : key;
    std::string base; int element = -1; bool copy = false;
    bool split = !local && SplitIndex(plain, &base, &element, &copy);
    Capture c;
    c.to = name.reg;
    if (local) {
      c.from = LocalReg(b, plain.substr(1));
      c.clone = true;
    } else if (split && copy && op.count) {
      c.from = Lookup(b, base, weak);
      c.count_base = 1;
      for (std::int64_t k = 0; k < *op.count && !weak && cloned.count(base) == 0; ++k) TakeReg(b, c.from + static_cast<int>(k), op, base, name.kind, child.unit);
    } else if (split && !copy && b.names.count(plain) == 0 && b.names.count(base) != 0) {
      const auto by_name = b.names.find("&" + base);
      c.from = (weak && by_name != b.names.end() ? by_name->second : b.names[base]).reg + element;
      const bool stays = cloned.count(base) + cloned.count(plain) + borrowed.count(base) + borrowed.count(plain) != 0;
      if (!weak && !stays) TakeReg(b, c.from, op, plain, name.kind, child.unit);
    } else {
      c.from = Lookup(b, plain, weak);
      bool clone = weak || shares || cloned.count(plain) != 0 || borrowed.count(plain) != 0 || (split && (cloned.count(base) != 0 || borrowed.count(base) != 0));
      for (int k = 0; k < name.count; ++k) {
        if (clone) continue;
        if (op.count && *op.count > 1 && c.from >= 0)
          Refuse("ownership/use-after-move", plain, op.node, op.node, &op, &op, b,
                 "`" + plain + "` is moved into the first copy of this body, and the next one needs it too");
        TakeReg(b, c.from + k, op, plain, name.kind, child.unit);
      }
    }
    c.clone = c.clone || weak || shares || cloned.count(plain) != 0 || (split && cloned.count(base) != 0);
    const bool lends = borrowed.count(plain) != 0 || (split && !copy && borrowed.count(base) != 0);
    if (lends) c.count_base = -2;   // borrowed: nothing to own in the child
    if (c.from < 0) continue;
    for (int k = 0; k < name.count && lends; ++k) Lend(b, c.from + k, op);
    for (int k = 0; k < name.count; ++k) {
      Capture one = c;
      one.from += k;
      one.to += k;
      out.push_back(one);
    }
  }
  program_->captures[static_cast<std::size_t>(list)] = std::move(out);
}

// Whether this body has a value by a borrow.
bool Compiler::OnlyBorrows(const Builder& b, const std::string& key) {
  return b.made_by != nullptr && std::any_of(b.made_by->borrow.begin(), b.made_by->borrow.end(), [&](const Ref& borrowed) { return KeyOf(borrowed) == key; });
}

void Compiler::Take(Builder& b, int reg, const Op& op) {
  const std::string& name = U(b).regs[static_cast<std::size_t>(reg)].name;
  if (auto lent = lent_.find({b.unit, reg}); lent != lent_.end())
    Refuse("ownership/borrow-escapes", name, lent->second.to->node, op.node, lent->second.to, &op, b,
           "`" + name + "` is moved here, and a thread of the `thread_scope` still borrows it");
  if (OnlyBorrows(b, name))
    Refuse("ownership/borrow-escapes", name, b.made_by->node, op.node, b.made_by, &op, b,
           "this body only borrowed `" + name + "`, and gives it away");
  Mention(b, reg, &op);
  b.moved[reg] = {&op, op.node};
}

void Compiler::Lend(Builder& b, int reg, const Op& op) {
  const int scope = OpenThreadScope(b);
  if (scope >= 0) lent_[{b.unit, reg}] = {&op, scope};
}

int Compiler::OpenThreadScope(const Builder& b) const {
  for (int s = b.scope; s >= 0; s = ScopeAround(s))
    if (program_->scopes[static_cast<std::size_t>(s)].kind == ScopeDef::Kind::kThreadScope) return s;
  return -1;
}

// What is borrowed shared, here or by a thread of the scope, and needed mutably.
void Compiler::CheckShared(Builder& b, const Op& op) {
  if (!NeedsMutably(op) || held_.count(KeyOf(op.on)) != 0) return;
  const std::string key = KeyOf(op.on);
  const int reg = Find(b, key);
  const auto lent = lent_.find({b.unit, reg});
  if (reg >= 0 && lent != lent_.end())
    Refuse("ownership/two-borrows", key, lent->second.to->node, op.node, lent->second.to, &op, b,
           "`" + key + "` changes here, and a thread of the `thread_scope` still borrows it");
  if (OnlyBorrows(b, key))
    Refuse("ownership/two-borrows", key, b.made_by->node, op.node, b.made_by, &op, b, "`" + key + "` changes here, and this body only borrowed it");
}

bool Compiler::IsOfAScope(const Builder& b, const std::string& key) const {
  const std::string name = key.substr(0, key.find('['));
  for (const Builder* x = &b; x != nullptr; x = x->parent) {
    auto it = x->names.find(name);
    const bool captured = std::any_of(x->captured.begin(), x->captured.end(), [&](const auto& one) { return one.first == name; });
    if (it != x->names.end() && !captured) return of_scope_.count({x->unit, it->second.reg}) != 0;
  }
  return false;
}

void Compiler::TakeReg(Builder& b, int reg, const Op& op, const std::string& what, RegKind kind, int unit) {
  if (reg < 0) return;
  deadline_.Step();
  auto it = b.moved.find(reg);
  if (it != b.moved.end())
    Refuse("ownership/use-after-move", what, it->second.node, op.node, it->second.by, &op, b);
  const Reg& r = U(b).regs[static_cast<std::size_t>(reg)];
  const Code code = op.def->code;
  bool local = code == Code::kSpawnLocal || code == Code::kPush || code == Code::kFuture;   // no other thread
  bool local_set = r.kind == RegKind::kSet && program_->elements[static_cast<std::size_t>(r.base)].kind == Kind::kLocalSet;
  if (code != Code::kFuture && OnlyBorrows(b, what))
    Refuse("ownership/borrow-escapes", what, b.made_by->node, op.node, b.made_by, &op, b,
           "this body only borrowed `" + what + "`, and gives it to one that may outlive the borrow");
  if (IsOfAScope(b, what)) {
    of_scope_units_.insert(unit);
    const bool within = code == Code::kFuture || code == Code::kMakeValue || (code == Code::kSpawnThread && OpenThreadScope(b) >= 0);
    if (!within)
      Refuse("ownership/borrow-escapes", what, op.node, op.node, &op, &op, b,
             "this body may outlive the `thread_scope` of the thread `" + what + "`, which no other may join");
  }
  bool not_send = local_set || IsNotSend(b, reg) ||
                  (r.kind == RegKind::kValue && r.base >= 0 &&
                   !scenario_.objects[static_cast<std::size_t>(program_->elements[static_cast<std::size_t>(r.base)].declared)].send);
  if (kind == RegKind::kSet && !local_set) {
    auto member = not_send_sets_.find(what);
    if (!local && code != Code::kMakeValue) {
      sent_sets_.emplace(what, &op);
      if (member != not_send_sets_.end()) Refuse("ownership/not-send", what, member->second->node, op.node, member->second, &op, b, SentWithAMember(what));
    }
    not_send = not_send || member != not_send_sets_.end();
  } else if (not_send && !local && code != Code::kMakeValue) {
    Refuse("ownership/not-send", what, op.node, op.node, &op, &op, b,
           "`" + what + "` is not Send, and this body takes it to another thread");
  }
  if (not_send && (code == Code::kPush || code == Code::kFuture || code == Code::kMakeValue)) not_send_units_.insert(unit);
  Take(b, reg, op);
}

bool Compiler::InOuterScope(Builder& b, int reg) {
  for (int s = b.scope; s >= 0; s = ScopeAround(s))
    for (int r : Scope(s).regs) {
      deadline_.Step();
      if (r == reg) return true;
    }
  return false;
}

}  // namespace asyncrt
