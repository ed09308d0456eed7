#include "core/program/unread_values.h"

#include <vector>

#include "core/program/flow.h"

namespace asyncrt {
namespace {

bool CarriesValues(Kind kind) { return kind == Kind::kStdChannel || kind == Kind::kMpsc || kind == Kind::kOneshot; }

class UnreadValues {
 public:
  UnreadValues(Program* program, const Deadline& deadline) : p_(*program), deadline_(deadline), code_(CodeOfUnits(*program, deadline)) {}

  void Drop() {
    for (bool fewer = true; fewer;) {
      fewer = false;
      for (std::size_t u = 0; u < code_.size(); ++u) fewer = DropLocals(u) || fewer;
      fewer = DropMessages() || fewer;
    }
  }

 private:
  // Calls `see` with each node of an expression.
  template <class See>
  void ForNodes(int expr, See see) {
    if (expr < 0 || expr >= static_cast<int>(p_.exprs.size())) return;
    ExprNode& node = p_.exprs[static_cast<std::size_t>(expr)];
    ForNodes(node.left, see);
    ForNodes(node.right, see);
    see(node);
  }

  // It can be left out: a division could panic.
  bool IsHarmless(int expr) {
    bool harmless = true;
    ForNodes(expr, [&](ExprNode& node) { harmless = harmless && node.kind != Expr::Kind::kDivide && node.kind != Expr::Kind::kRemainder; });
    return harmless;
  }

  std::vector<bool> ReadIn(std::size_t unit) {
    std::vector<bool> read(p_.units[unit].regs.size(), false);
    auto reads = [&](int reg) {
      if (reg >= 0 && reg < static_cast<int>(read.size())) read[static_cast<std::size_t>(reg)] = true;
    };
    auto expression = [&](int expr) { ForNodes(expr, [&](ExprNode& node) { reads(node.reg); }); };
    for (int pc : code_[unit]) {
      deadline_.Step();
      const Instr& in = p_.code[static_cast<std::size_t>(pc)];
      for (int expr : {in.expr, in.expr2, in.index, in.set_index}) expression(expr);
      for (int reg : {in.reg, in.reg2, in.guard}) reads(reg);
      if (in.list < 0) continue;
      // A list is of captures or of branches; numbers of the other kind only make more registers count as read.
      if (static_cast<std::size_t>(in.list) < p_.captures.size())
        for (const Capture& c : p_.captures[static_cast<std::size_t>(in.list)]) {
          deadline_.Step();
          reads(c.from);
          reads(c.to);
          expression(c.count_base);   // or a number of copies, which is no harm
        }
      if (static_cast<std::size_t>(in.list) < p_.branches.size())
        for (const BranchCode& b : p_.branches[static_cast<std::size_t>(in.list)]) {
          reads(b.reg);
          expression(b.condition);
        }
    }
    return read;
  }

  bool DropLocals(std::size_t unit) {
    const std::vector<bool> read = ReadIn(unit);
    bool dropped = false;
    for (int pc : code_[unit]) {
      Instr& in = p_.code[static_cast<std::size_t>(pc)];
      if (in.var < 2 || read[static_cast<std::size_t>(in.var)]) continue;   // below: what is returned, and the copy's number
      if (in.op == VmOp::kSet) {
        if (!IsHarmless(in.expr)) continue;
        Forget(in.expr);
        in.op = VmOp::kNop;
        in.expr = -1;
      }
      in.var = -1;
      dropped = true;
    }
    return dropped;
  }

  bool DropMessages() {
    bool dropped = false;
    std::vector<bool> kept(p_.elements.size(), false);
    auto covers = [&](const Instr& in, auto see) {
      for (int e = in.object; in.object >= 0 && e < in.object + in.elements && e < static_cast<int>(kept.size()); ++e) see(static_cast<std::size_t>(e));
    };
    for (const Instr& in : p_.code) {
      if (in.var < 0 || in.op == VmOp::kSet) continue;
      covers(in, [&](std::size_t e) { kept[e] = true; });
      if (in.object < 0) kept.assign(kept.size(), true);   // it does not say from where
    }
    for (Instr& in : p_.code) {
      if (in.expr < 0 || !Sends(in.op) || !IsHarmless(in.expr)) continue;
      bool unread = true;
      covers(in, [&](std::size_t e) { unread = unread && !kept[e] && CarriesValues(p_.elements[e].kind); });
      if (!unread) continue;
      Forget(in.expr);
      in.expr = -1;
      dropped = true;
    }
    return dropped;
  }

  static bool Sends(VmOp op) {
    switch (op) {
      case VmOp::kStdSend: case VmOp::kStdTrySend: case VmOp::kMpscSend: case VmOp::kMpscTrySend: case VmOp::kMpscBlockingSend: case VmOp::kOneshotSend: return true;
      default: return false;
    }
  }

  // An expression that nobody evaluates any more mentions nothing.
  void Forget(int expr) {
    ForNodes(expr, [](ExprNode& node) { node = ExprNode(); });
  }

  Program& p_;
  Deadline deadline_;
  const std::vector<std::vector<int>> code_;
};

}  // namespace

void DropUnreadValues(Program* program, const Deadline& deadline) { UnreadValues(program, deadline).Drop(); }

}  // namespace asyncrt
