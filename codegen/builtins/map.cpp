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

Type find_type(Checker& checker, const Expr& expr) {
  const auto& args = checker.args(expr);
  checker.give_element(*args[2], *args[0]);
  return Type::boolean();
}
Operand emit_find(Emitter& e, const Expr& expr) {
  const auto& args = e.args(expr);
  return {e.take(*args[0], *args[1], *args[2]), e.type_of(expr)};
}

// The number of a map's elements right now, or of a stack's frames.
bool is_stack(const Type& type) { return type.kind == Type::Kind::kstack || type.kind == Type::Kind::ustack; }

Type len_type(Checker& checker, const Expr& expr) {
  const Expr& what = *checker.args(expr)[0];
  auto* map = std::get_if<MapRef>(&what.node);
  if (map && map->keys.empty()) {
    if (checker.map(what).keys.empty() && checker.map(what).value.kind != Type::Kind::none)
      checker.diagnostics().add(Code::wrong_argument, what.span, 1, "len()", "a map with keys", "a map without key");
  } else if (!is_stack(checker.type_of(what))) {
    checker.diagnostics().add(Code::wrong_argument, what.span, 1, "len()", "a map or a stack", map ? "an element" : checker.type_of(what).spelling());
  }
  return Type::integer(8, true);
}

llvm::Value* frame_count(Emitter& e, const Expr& stack) {
  llvm::Value* key = e.evaluate(stack).value;  // begins with the hash of the frames: StackKey
  llvm::Value* found = e.ir.CreateIntToPtr(e.helper(HelperId::map_lookup_elem, {e.our_map(stack_map), key}), e.ir.getPtrTy());
  llvm::Value* memory = e.buffer(8);
  e.zero(memory, 8);
  e.when(e.ir.CreateIsNotNull(found), [&] {
    llvm::Value* count = e.ir.CreateAlignedLoad(e.ir.getInt64Ty(), found, llvm::Align(8));
    e.ir.CreateAlignedStore(e.ir.CreateAnd(count, e.constant(stack_guessed - 1)), memory, llvm::Align(8));
  });
  return e.ir.CreateAlignedLoad(e.ir.getInt64Ty(), memory, llvm::Align(8));
}

Operand emit_len(Emitter& e, const Expr& expr) {
  const Expr& what = *e.args(expr)[0];
  const bool is_map = std::holds_alternative<MapRef>(what.node) && !is_stack(e.type_of(what));
  return {is_map ? e.element_count(what) : frame_count(e, what), e.type_of(expr)};
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
      {"find", Builtin::Form::function, Builtin::Place::expression,
       {{"map", Want::keyed_map}, {"key", Want::map_key}, {"variable", Want::variable}},
       "true if the map has an element with this key, and the variable is given its value; else it stays what it was", find_type,
       emit_find, false, "BEGIN { @a[1] = 2; let $v; if (find(@a, 1, $v)) { print($v); } exit(); }"},
      {"len", Builtin::Form::function, Builtin::Place::expression, {{"what", Want::map_or_value}},
       "how many elements a map has, or how many frames a stack", len_type, emit_len, false, "BEGIN { @a[1] = 2; @a[3] = 4; print(len(@a)); exit(); }"},
  };
}

}  // namespace zeektrace
