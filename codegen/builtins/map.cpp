// What is done to an element of a map.
#include "codegen/builtins/rows.h"
#include "codegen/emitter.h"
#include "parser/check.h"

namespace zeektrace {
namespace {

// delete(@m, k), delete(@m[k]), or, as in 2017, @m[k] = delete(). An aggregation without key lives on every CPU: only our side can
// clear it, by a message.
Type delete_type(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  const Expr& element = args.empty() ? checker.target(expr) : *args[0];
  const MapDef& map = checker.map(element);
  if (map.keys.empty() && map.value.is_aggregate())
    checker.add_record(expr, {.kind = Record::Kind::clear, .map = checker.map_number(element)}, {});
  return args.empty() ? Type() : Type::boolean();
}

Operand emit_delete(Emitter& e, const Expr& expr) {
  if (e.program().record_of.contains(expr.id)) {
    e.send(expr, {});
    return {e.constant(1), e.type_of(expr)};
  }
  const auto& args = e.args(expr);
  llvm::Value* was_there = e.erase(args.empty() ? e.target() : *args[0], args.size() > 1 ? args[1].get() : nullptr);
  if (args.empty()) return {};
  return {was_there, e.type_of(expr)};
}

Type has_key_type(Checker&, const Expr&) { return Type::boolean(); }
Operand emit_has_key(Emitter& e, const Expr& expr) {
  return {e.has(*e.args(expr)[0], e.args(expr)[1].get()), e.type_of(expr)};
}

// The number of elements right now.
Type len_type(Checker& checker, const Expr& expr) {
  const Expr& what = *checker.args(expr)[0];
  if (checker.map(what).keys.empty() && checker.map(what).value.kind != Type::Kind::none)
    checker.diagnostics().add(Code::wrong_argument, what.span, 1, "len()", "a map with keys", "a map without key");
  return Type::integer(8, true);
}
Operand emit_len(Emitter& e, const Expr& expr) {
  return {e.element_count(*e.args(expr)[0]), e.type_of(expr)};
}

}  // namespace

std::vector<Builtin> map_rows() {
  return {
      {"delete", Builtin::Form::function, Builtin::Place::map_value_or_expression,
       {{"element", Want::map_element, true}, {"key", Want::map_key, true}},
       "removes an element: delete(@m, k), delete(@m[k]), or @m[k] = delete(); true if it was there", delete_type, emit_delete, false,
       "BEGIN { @a[1] = 2; @a[3] = 4; delete(@a, 1); exit(); }"},
      {"has_key", Builtin::Form::function, Builtin::Place::expression,
       {{"map", Want::keyed_map}, {"key", Want::map_key}},
       "true if the map has an element with this key; several keys are a tuple: has_key(@m, (a, b))", has_key_type,
       emit_has_key, false, "BEGIN { @a[1] = 2; if (has_key(@a, 1)) { print(\"there\"); } exit(); }"},
      {"len", Builtin::Form::function, Builtin::Place::expression, {{"map", Want::map}},
       "how many elements a map has", len_type, emit_len, false, "BEGIN { @a[1] = 2; @a[3] = 4; print(len(@a)); exit(); }"},
  };
}

}  // namespace zeektrace
