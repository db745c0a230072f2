// What is done to an element of a map.
#include "codegen/builtins/rows.h"
#include "codegen/emitter.h"
#include "parser/check.h"

namespace zeektrace {
namespace {

// delete(@m[k]), or, as in 2017, @m[k] = delete(). An aggregation without key lives on every CPU: only our side can
// clear it, by a message.
Type delete_type(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  const Expr& element = args.empty() ? checker.target(expr) : *args[0];
  const MapDef& map = checker.map(element);
  if (map.keys.empty() && map.value.is_aggregate())
    checker.add_record(expr, {.kind = Record::Kind::clear, .map = checker.map_number(element)}, {});
  return Type();
}

Operand emit_delete(Emitter& e, const Expr& expr) {
  if (e.program().record_of.contains(expr.id)) {
    e.send(expr, {});
    return {};
  }
  const auto& args = e.args(expr);
  e.erase(args.empty() ? e.target() : *args[0]);
  return {};
}

}  // namespace

std::vector<Builtin> map_rows() {
  return {
      {"delete", Builtin::Form::function, Builtin::Place::map_value_or_statement,
       {{"element", Want::map_element, true}},
       "removes an element: delete(@m[k]), or @m[k] = delete()", delete_type, emit_delete, false,
       "BEGIN { @a[1] = 2; @a[3] = 4; delete(@a[1]); exit(); }"},
  };
}

}  // namespace zeektrace
