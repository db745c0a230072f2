// What a script asks of types, and claims: answered before it runs.
#include "codegen/builtins/rows.h"
#include "codegen/emitter.h"
#include "parser/check.h"

namespace zeektrace {
namespace {

using Form = Builtin::Form;
using Place = Builtin::Place;

bool is_integer(const Type& type) { return type.is_integer(); }
bool is_unsigned(const Type& type) { return type.is_integer() && type.is_unsigned_number(); }
bool is_pointer(const Type& type) { return type.is_pointer(); }
bool is_text(const Type& type) { return type.is_string(); }
bool is_array(const Type& type) { return type.is_array() || (type.is_tuple() && type.is_list); }

template <bool (*holds)(const Type&)>
Type ask_type(Checker& checker, const Expr& expr) {
  checker.make_constant(expr, uint64_t{holds(checker.type_of(*checker.args(expr)[0]))});
  return Type::boolean();
}

Type is_literal_type(Checker& checker, const Expr& expr) {
  const Expr& what = *checker.args(expr)[0];
  checker.make_constant(expr, uint64_t{checker.literal_integer(what) || checker.literal_string(what)});
  return Type::boolean();
}

// Pointers of the kernel that are an error's number: its last 4095 addresses (include/linux/err.h).
Operand emit_is_err(Emitter& e, const Expr& expr) {
  constexpr uint64_t most_errors = 4095;
  llvm::Value* is_error = e.ir.CreateICmpUGE(e.integer(*e.args(expr)[0]), e.constant(-most_errors));
  return {e.ir.CreateZExt(is_error, e.ir.getInt64Ty()), e.type_of(expr)};
}

Operand emit_nothing(Emitter&, const Expr&) { return {}; }

Type static_assert_type(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  const auto holds = checker.literal_integer(*args[0]);
  if (!holds)
    checker.diagnostics().add(Code::wrong_argument, args[0]->span, 1, "static_assert()", "known before the script runs",
                              "computed while it runs").hint = "assert() looks at it then";
  else if (*holds == 0 && checker.is_reached())
    checker.diagnostics().add(Code::script_fails, expr.span, checker.literal_string(*args[1]).value_or(""));
  return Type();
}

// Looked at while the script runs: what does not hold ends it.
Type assert_type(Checker& checker, const Expr& expr) {
  checker.add_record(expr, {.kind = Record::Kind::assertion, .format = checker.literal_string(*checker.args(expr)[1]).value_or("")}, {});
  return Type();
}
Operand emit_assert(Emitter& e, const Expr& expr) {
  e.when(e.ir.CreateNot(e.truth(*e.args(expr)[0])), [&] {
    e.send(expr, {}, true);
    e.leave();
  });
  return {};
}

// The values are put in place of the conversions, one after the other: all are known.
Type fail_type(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  std::string text = checker.literal_string(*args[0]).value_or("");
  size_t at = 0;
  for (size_t i = 1; i < args.size(); i++) {
    const auto number = checker.literal_integer(*args[i]);
    const auto words = number ? std::to_string(*number) : checker.literal_string(*args[i]);
    if (!words)
      checker.diagnostics().add(Code::wrong_argument, args[i]->span, i + 1, "fail()", "known before the script runs",
                                "computed while it runs");
    at = text.find('%', at);
    if (!words || at == text.npos || at + 1 == text.size()) break;
    text.replace(at, 2, *words);
    at += words->size();
  }
  if (checker.is_reached()) checker.diagnostics().add(Code::script_fails, expr.span, text);
  return Type();
}

}  // namespace

std::vector<Builtin> type_rows() {
  const std::vector<Param> what = {{"what", Want::address}};
  auto ask = [&](std::string_view name, std::string_view doc, auto result, std::string_view example) {
    return Builtin{name, Form::function, Place::expression, what, doc, result, emit_constant, false, example};
  };
  return {
      ask("is_integer", "whether a value is an integer", ask_type<is_integer>, "BEGIN { print(is_integer(pid)); exit(); }"),
      ask("is_unsigned_integer", "whether a value is an unsigned integer", ask_type<is_unsigned>,
          "BEGIN { print(is_unsigned_integer(pid)); exit(); }"),
      ask("is_ptr", "whether a value is a pointer", ask_type<is_pointer>, "BEGIN { print(is_ptr(curtask)); exit(); }"),
      ask("is_str", "whether a value is a text", ask_type<is_text>, "BEGIN { print(is_str(comm)); exit(); }"),
      ask("is_array", "whether a value is an array", ask_type<is_array>, "BEGIN { print(is_array((uint8[4])pid)); exit(); }"),
      ask("is_literal", "whether a value is known before the script runs", is_literal_type,
          "BEGIN { print(is_literal(7)); exit(); }"),
      {"is_err", Form::function, Place::expression, {{"pointer", Want::integer}},
       "whether a pointer of the kernel is an error's number, as IS_ERR() says", [](Checker&, const Expr&) { return Type::boolean(); },
       emit_is_err, false, "BEGIN { print(is_err(-2)); exit(); }"},
      {"assert", Form::function, Place::statement, {{"condition", Want::integer}, {"text", Want::literal_string}},
       "ends the script with this text as an error, and the exit status 1, if the condition does not hold", assert_type, emit_assert,
       false, "BEGIN { assert(pid > 0, \"somebody runs this\"); exit(); }", true},
      {"static_assert", Form::function, Place::statement, {{"condition", Want::integer}, {"text", Want::literal_string}},
       "refuses the script with this text if the condition, known before it runs, does not hold", static_assert_type, emit_nothing, false,
       "BEGIN { static_assert(sizeof(uint64) == 8, \"words have 8 bytes\"); exit(); }"},
      {"fail", Form::function, Place::statement, {{"format", Want::literal_string}, {"values", Want::value, true, true}},
       "refuses the script with this text, unless it stands where no way leads: behind a condition that never holds", fail_type,
       emit_nothing, false, "BEGIN { if ($# > 5) { fail(\"too many arguments: %d\", $#); } exit(); }"},
  };
}

}  // namespace zeektrace
