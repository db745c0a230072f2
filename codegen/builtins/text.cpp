// Text from the traced process and the kernel.
#include <algorithm>

#include "codegen/builtins/rows.h"
#include "codegen/emitter.h"
#include "parser/check.h"

namespace zeektrace {
namespace {

// str(pointer[, length]); of a positional parameter or a text it is that text.
Type str_type(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  if (auto text = checker.parameter_text(*args[0])) {
    checker.make_constant(expr, *text);
    return Type::string(static_cast<uint32_t>(text->size() + 1));
  }
  const Type& from = checker.type_of(*args[0]);
  if (from.is_string()) return from;
  if (!from.is_integer() && !from.is_pointer())
    checker.diagnostics().add(Code::wrong_argument, args[0]->span, 1, "str()", "an address", from.spelling());
  int64_t size = checker.options().max_strlen;
  if (args.size() > 1) {
    auto wanted = checker.literal_integer(*args[1]);
    // A length that only the running probe knows is bounded by the largest.
    if (wanted && *wanted < 0)
      checker.diagnostics().add(Code::argument_range, args[1]->span, 2, "str()", *wanted, "0 or more");
    else if (wanted)
      size = std::min(size, *wanted + 1);
  }
  return Type::string(static_cast<uint32_t>(size));
}

Operand emit_str(Emitter& e, const Expr& expr) {
  const auto& args = e.args(expr);
  const Type& type = e.type_of(expr);
  if (e.type_of(*args[0]).is_string()) return e.evaluate(*args[0]);
  llvm::Value* from = e.integer(*args[0]);
  llvm::Value* size = e.ir.getInt32(type.size);
  if (args.size() > 1 && !e.literal_integer(*args[1])) {
    llvm::Value* wanted = e.ir.CreateAdd(e.integer(*args[1]), e.constant(1));
    size = e.ir.CreateTrunc(e.bounded(wanted, type.size), e.ir.getInt32Ty());
  }
  llvm::Value* memory = e.buffer(type.storage());
  e.zero(memory, type.storage());
  llvm::Value* status = e.runtime("zt_read_string", {memory, size, from});
  e.when(e.ir.CreateICmpSLT(status, e.constant(0)), [&] { e.count(Counter::read_failed); });
  return {memory, type};
}

}  // namespace

std::vector<Builtin> text_rows() {
  return {
      {"str", Builtin::Form::function, Builtin::Place::expression,
       {{"address", Want::value}, {"length", Want::integer, true}},
       "the text at an address, up to its NUL or `length` bytes; of a positional parameter: its text", str_type, emit_str},
  };
}

}  // namespace zeektrace
