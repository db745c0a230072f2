// The traced function's arguments and result. Where they live is the provider's knowledge: these rows only name them.
#include "codegen/builtins/rows.h"
#include "codegen/emitter.h"
#include "parser/check.h"

namespace zeektrace {
namespace {

std::string_view name_of(const Expr& expr) { return std::get<Name>(expr.node).name; }

Type field_type(Checker& checker, const Expr& expr) {
  const Field* field = checker.field(name_of(expr));
  if (!field) {
    checker.diagnostics().add(Code::no_argument_here, expr.span, name_of(expr), checker.place());
    return Type::integer(8, false);
  }
  if (auto* why = std::get_if<Unavailable>(&field->where))
    checker.diagnostics().add(Code::unavailable, expr.span, name_of(expr), checker.place(), why->reason);
  return through_references(field->type);
}

// An argument that the kernel or the compiler has put on the stack.
Type stack_type(Checker& checker, const Expr& expr) {
  const Field* field = checker.asked_field(expr, std::string(name_of(expr)));
  return field ? field->type : Type::integer(8, false);
}

Operand emit_field(Emitter& e, const Expr& expr) {
  return {e.argument(*e.field(name_of(expr))), e.type_of(expr)};
}

Builtin row(std::string_view name, std::string_view doc) {
  return {name, Builtin::Form::variable, Builtin::Place::expression, {}, doc, field_type, emit_field, false,
          "uprobe:libc:write { @ = hist(arg2); } interval:s:1 { exit(); }"};
}

Builtin stack_row(std::string_view name, std::string_view doc) {
  return {name, Builtin::Form::variable, Builtin::Place::expression, {}, doc, stack_type, emit_field, false,
          "uprobe:libc:write { @ = hist(sarg0); } interval:s:1 { exit(); }"};
}

}  // namespace

std::vector<Builtin> argument_rows() {
  return {
      row("arg0", "first argument of the function, as 64 bits"),
      row("arg1", "second argument"),
      row("arg2", "third argument"),
      row("arg3", "fourth argument"),
      row("arg4", "fifth argument"),
      row("arg5", "sixth argument"),
      row("arg6", "seventh argument, of a static probe"),
      row("arg7", "eighth argument, of a static probe"),
      row("arg8", "ninth argument, of a static probe"),
      row("arg9", "tenth argument, of a static probe"),
      row("arg10", "eleventh argument, of a static probe"),
      row("arg11", "twelfth argument, of a static probe"),
      stack_row("sarg0", "first word above the return address on the stack, where a function's seventh argument is"),
      stack_row("sarg1", "second one"),
      stack_row("sarg2", "third one"),
      stack_row("sarg3", "fourth one"),
      stack_row("sarg4", "fifth one"),
      stack_row("sarg5", "sixth one"),
      stack_row("sarg6", "seventh one"),
      stack_row("sarg7", "eighth one"),
      stack_row("sarg8", "ninth one"),
      stack_row("sarg9", "tenth one"),
      row("retval", "value that the function returns, as a signed 64-bit number"),
  };
}

}  // namespace zeektrace
