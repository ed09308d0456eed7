#include "core/detect/parties.h"

#include <algorithm>

namespace asyncrt {

Parties::Parties(Machine& machine, Deadline* deadline)
    : m_(machine), p_(machine.program()), l_(machine.layout()), deadline_(deadline), thread_of_(static_cast<std::size_t>(l_.frames), -1) {
  for (int t = l_.threads - 1; t >= 0; --t)
    for (int s = m_.T(t).top - 1, guard = 0; s >= 0 && guard < 64; s = m_.S(s).parent - 1, ++guard) thread_of_[static_cast<std::size_t>(m_.FrameOf(s))] = t;
}

int Parties::Dropper(int f) {
  const UnitKind kind = m_.UnitOf(f).kind;
  const StrandCell& root = m_.S(m_.Root(f));
  if ((kind != UnitKind::kTask && kind != UnitKind::kBlocking) || root.mode != Mode::kCancelling || root.status != StrandStatus::kActive || root.parent == 0) return -1;
  const VmOp op = m_.InstrAt(root.parent - 1).op;
  const bool drops = op == VmOp::kDropReg || op == VmOp::kShutdownTimeout || op == VmOp::kShutdownBackground || op == VmOp::kSpawn || op == VmOp::kSpawnBlocking;
  return drops ? m_.FrameOf(root.parent - 1) : -1;
}

bool Parties::IsParty(int f) {
  FrameCell& frame = m_.F(f);
  UnitKind kind = m_.UnitOf(f).kind;
  return frame.live != 0 && Dropper(f) < 0 && (frame.bits & kComplete) == 0 && kind != UnitKind::kFuture && kind != UnitKind::kDestructor;
}

int Parties::PartyOf(int frame) {
  for (int guard = 0; guard < 64; ++guard) {
    UnitKind kind = m_.UnitOf(frame).kind;
    if (const int dropper = m_.F(frame).live != 0 ? Dropper(frame) : -1; dropper >= 0) { frame = dropper; continue; }
    if (kind != UnitKind::kFuture && kind != UnitKind::kDestructor) return frame;
    int parent = m_.S(m_.Root(frame)).parent - 1;
    if (parent >= 0) { frame = m_.FrameOf(parent); continue; }
    int owner = OwnerOf(RegKind::kFuture, frame + 1);
    if (owner < 0) return frame;
    frame = owner;
  }
  return frame;
}

// The frame that has a value in a register, or -1.
int Parties::OwnerOf(RegKind kind, std::int32_t value) {
  for (int f = 0; f < l_.frames; ++f) {
    if (m_.F(f).live == 0 || (m_.F(f).bits & kComplete)) continue;
    const auto& regs = m_.UnitOf(f).regs;
    for (std::size_t r = 2; r < regs.size(); ++r)
      if (regs[r].kind == kind && m_.R(f)[r] == value) return f;
  }
  if (kind != RegKind::kFuture) return -1;
  for (std::size_t e = 0; e < p_.elements.size(); ++e) {   // a member of a futures_unordered belongs to whoever owns the set
    if (p_.elements[e].kind != Kind::kFuturesUnordered) continue;
    const std::int32_t* w = m_.W(static_cast<int>(e));
    for (int k = 0; k < w[Machine::kMembers]; ++k)
      if (w[Machine::kMember0 + k] == value)
        if (std::vector<int> owners = Holders({RegKind::kSet}, static_cast<int>(e)); !owners.empty()) return owners[0];
  }
  return -1;
}

std::vector<int> Parties::Holders(const std::set<RegKind>& kinds, int element) {
  std::vector<int> out;
  for (int f = 0; f < l_.frames; ++f) {
    if (m_.F(f).live == 0 || (m_.F(f).bits & kComplete)) continue;
    const auto& regs = m_.UnitOf(f).regs;
    for (std::size_t r = 2; r < regs.size(); ++r)
      if (kinds.count(regs[r].kind) != 0 && m_.R(f)[r] != 0 && regs[r].base >= 0 && regs[r].base + (m_.R(f)[r] & 0xffff) - 1 == element) {
        out.push_back(f);
        break;
      }
  }
  return out;
}

std::vector<int> Parties::Owners(RegKind kind, int element) {
  std::vector<int> out;
  for (int f : Holders({kind}, element)) out.push_back(PartyOf(f));
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

int Parties::KeptBy(RegKind kind, int element) {
  for (int f = 0; f < l_.frames; ++f) {
    if (m_.F(f).live == 0 || (m_.F(f).bits & kComplete) || m_.UnitOf(f).kind != UnitKind::kFuture) continue;
    std::vector<int> leaves;
    Leaves(m_.Root(f), &leaves);
    bool polled = false;
    for (int leaf : leaves) polled = polled || (leaf >= 0 && IsPolled(leaf));
    if (polled) continue;
    const auto& regs = m_.UnitOf(f).regs;
    for (std::size_t r = 2; r < regs.size(); ++r)
      if (regs[r].kind == kind && m_.R(f)[r] != 0 && regs[r].base + (m_.R(f)[r] & 0xffff) - 1 == element) return f;
  }
  return -1;
}

void Parties::Leaves(int strand, std::vector<int>* out, int depth) {
  if (depth > 64) return;
  const StrandCell& s = m_.S(strand);
  const Instr& in = p_.code[s.pc];
  int frame = m_.FrameOf(strand);
  auto children = [&](const std::vector<BranchCode>& branches, std::uint16_t mask) {
    for (std::size_t k = 0; k < branches.size(); ++k) {
      if ((mask >> k) & 1) continue;
      const BranchCode& b = branches[k];
      int child = -1;
      if (b.strand >= 0) child = m_.Root(frame) + b.strand;
      else if (m_.R(frame)[b.reg] != 0) child = m_.Root(m_.R(frame)[b.reg] - 1);
      if (child < 0) continue;
      if (b.strand < 0 && m_.UnitOf(m_.FrameOf(child)).kind != UnitKind::kFuture) { out->push_back(-2 - (m_.R(frame)[b.reg] - 1)); continue; }
      if (m_.S(child).status == StrandStatus::kSuspended || m_.S(child).status == StrandStatus::kActive) Leaves(child, out, depth + 1);
    }
  };
  switch (in.op) {
    case VmOp::kSelect: children(p_.branches[static_cast<std::size_t>(in.list)], s.mask); return;
    case VmOp::kJoin: children(p_.branches[static_cast<std::size_t>(in.list)], s.mask); return;
    case VmOp::kTimeout:
      children(p_.branches[static_cast<std::size_t>(in.list)], 0);
      if (s.timer != 0) out->push_back(strand);
      return;
    case VmOp::kAwaitFuture:
      if (m_.R(frame)[in.reg] != 0) Leaves(m_.Root(m_.R(frame)[in.reg] - 1), out, depth + 1);
      return;
    case VmOp::kNext: {
      const std::int32_t* w = m_.W(m_.ElementOf(in, frame));
      int limit = p_.elements[static_cast<std::size_t>(m_.ElementOf(in, frame))].capacity;
      for (int k = 0; k < w[Machine::kMembers]; ++k)
        if (const int member = w[Machine::kMember0 + k] - 1; m_.F(member).member == kBegun) Leaves(m_.Root(member), out, depth + 1);
      if (limit == 0) out->push_back(strand);
      return;
    }
    case VmOp::kBlockOn: case VmOp::kRunUntil:
      if (s.phase == 1) {
        int child = m_.Root(frame) + in.strand;
        if (m_.S(child).status == StrandStatus::kSuspended) { Leaves(child, out, depth + 1); return; }
      }
      out->push_back(strand);
      return;
    default: out->push_back(strand); return;
  }
}

std::string Parties::ElementName(int element) { return p_.elements[static_cast<std::size_t>(element)].name; }

std::string Parties::Verb(int strand) {
  int source = p_.code[m_.S(strand).pc].source;
  return source >= 0 ? std::string(p_.sources[static_cast<std::size_t>(source)].op->def->verb) : "run";
}

std::vector<int> Parties::PartyLeaves(int f) {
  std::vector<int> leaves;
  int root = m_.Root(f);
  int thread = ThreadOf(f);
  if (m_.S(root).status == StrandStatus::kActive) {
    // On a thread: the deepest active strand that belongs to it.
    int deepest = -1;
    if (thread >= 0)
      for (int s = m_.T(thread).top - 1, guard = 0; s >= 0 && guard < 64; s = m_.S(s).parent - 1, ++guard)
        if (PartyOf(m_.FrameOf(s)) == f) { deepest = s; break; }
    if (deepest < 0) deepest = root;
    Leaves(deepest, &leaves);
  } else {
    Leaves(root, &leaves);
  }
  return leaves;
}

bool Parties::IsPolled(int strand) {
  if (polled_.empty()) {
    polled_.resize(static_cast<std::size_t>(l_.strands));
    for (int f = 0; f < l_.frames; ++f) {
      if (!IsParty(f)) continue;
      deadline_->Step();
      for (int leaf : PartyLeaves(f))
        if (leaf >= 0) polled_[static_cast<std::size_t>(leaf)] = true;
    }
  }
  return polled_[static_cast<std::size_t>(strand)];
}

}  // namespace asyncrt
