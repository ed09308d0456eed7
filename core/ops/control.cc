// Control flow and locals.
#include "core/ops/families.h"

namespace asyncrt {

std::vector<OpDef> ControlOps() {
  return {
      Row("loop", Kind::kNone, Code::kLoop, kPlain, {Needs(Field::kBody), Takes(Field::kTimes)},
          "repeats its body `times` times, or for ever", "loop"),
      Row("while", Kind::kNone, Code::kWhile, kPlain, {Needs(Field::kCond), Needs(Field::kBody)},
          "repeats its body while the condition holds", "while"),
      Row("if", Kind::kNone, Code::kIf, kPlain, {Needs(Field::kCond), Needs(Field::kThen), Takes(Field::kElse)},
          "runs `then` if the condition holds, else `else`", "if"),
      Row("choose", Kind::kNone, Code::kChoose, kPlain,
          {Needs(Field::kBranches, "a list of bodies"), Takes(Field::kFair)},
          "runs one of its branches; any of them can happen", "match"),
      Row("break", Kind::kNone, Code::kBreak, kPlain, {}, "leaves the innermost loop", "break"),
      Row("continue", Kind::kNone, Code::kContinue, kPlain, {}, "starts the innermost loop's next round", "continue"),
      Row("return", Kind::kNone, Code::kReturn, kPlain, {Takes(Field::kValue)},
          "ends the nearest async block, task, future or closure", "return"),
      Row("fail", Kind::kNone, Code::kFail, kPlain, {},
          "ends the nearest async block, task, future or `get_or_init` body as failed", "core::result::Result::Err"),
      Row("call", Kind::kNone, Code::kCall, kPlain, {Needs(Field::kRun, "the named body")},
          "runs a named body in place", "fn"),
      Row("set", Kind::kNone, Code::kSet, kPlain, {Needs(Field::kVar, "the local"), Needs(Field::kTo)},
          "gives a local a value", "let mut"),
      Row("assert", Kind::kNone, Code::kAssert, kPlain, {Needs(Field::kCond)}, "panics if the condition does not hold",
          "core::assert"),
      Row("panic", Kind::kNone, Code::kPanic, kPlain, {Takes(Field::kMessage)}, "panics", "core::panic"),
      Row("catch_panic", Kind::kNone, Code::kCatchPanic, kFails, {Needs(Field::kBody)},
          "runs its body; `or` runs if that unwound", "std::panic::catch_unwind"),
  };
}

}  // namespace asyncrt
