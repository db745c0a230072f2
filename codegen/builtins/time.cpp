// Clocks.
#include "codegen/builtins/rows.h"
#include "codegen/emitter.h"

namespace zeektrace {
namespace {

Operand emit_nsecs(Emitter& e, const Expr& expr) {
  return {e.helper(HelperId::ktime_get_boot_ns, {}), e.type_of(expr)};
}
Operand emit_elapsed(Emitter& e, const Expr& expr) {
  llvm::Value* now = e.helper(HelperId::ktime_get_boot_ns, {});
  return {e.ir.CreateSub(now, e.constant(e.start_time())), e.type_of(expr)};
}

}  // namespace

std::vector<Builtin> time_rows() {
  using Form = Builtin::Form;
  using Place = Builtin::Place;
  return {
      {"nsecs", Form::variable, Place::expression, {}, "nanoseconds since boot", gives_uint64, emit_nsecs, false,
       "BEGIN { print(nsecs); exit(); }"},
      {"elapsed", Form::variable, Place::expression, {}, "nanoseconds since the tracer was started", gives_uint64,
       emit_elapsed, false, "interval:ms:100 { print(elapsed / 1e6); exit(); }"},
  };
}

}  // namespace zeektrace
