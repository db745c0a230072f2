#include "parser/checking.h"

namespace zeektrace {

void Checking::block(const Block& statements) {
  scoped([&] {
    for (const Stmt& each : statements) statement(each);
  });
}

void Checking::statement(const Stmt& statement) {
  if (auto* node = std::get_if<Assign>(&statement.node)) return assign(*node);
  if (auto* node = std::get_if<If>(&statement.node)) {
    condition(*node->condition);
    const auto known = literal_integer(*node->condition);
    const uint32_t outer = unreached_;
    unreached_ = outer + (known == 0);
    block(node->then);
    unreached_ = outer + (known && known != 0);
    block(node->otherwise);
    unreached_ = outer;
  } else if (auto* node = std::get_if<While>(&statement.node)) {
    repeat(statement.span, *node);
  } else if (auto* node = std::get_if<Unroll>(&statement.node)) {
    times(*node->count);
    loop(node->body);
  } else if (auto* node = std::get_if<For>(&statement.node)) {
    iterate(statement.span, *node);
  } else if (auto* node = std::get_if<Let>(&statement.node)) {
    let(*node);
  } else if (auto* node = std::get_if<Scope>(&statement.node)) {
    block(node->body);
  } else if (auto* node = std::get_if<Return>(&statement.node)) {
    leave(statement, *node);
  } else if (std::holds_alternative<Break>(statement.node) || std::holds_alternative<Continue>(statement.node)) {
    if (loops_ == 0) reports_->add(Code::outside_loop, statement.span, source_.slice(statement.span));
  } else if (auto* node = std::get_if<Evaluate>(&statement.node)) {
    const Expr* outer = std::exchange(statement_expr_, node->expr.get());
    expression(*node->expr);
    statement_expr_ = outer;
  }
}

void Checking::condition(const Expr& expr) {
  const Type& type = expression(expr);
  if (type.kind != Type::Kind::none && !type.is_integer() && !type.is_pointer())
    reports_->add(Code::bad_condition, expr.span, type.spelling());
}

void Checking::assign(const Assign& assign) {
  if (std::holds_alternative<Variable>(assign.target->node)) return assign_variable(assign);
  if (std::holds_alternative<MapRef>(assign.target->node)) return assign_map(assign);
  expression(*assign.value);
  // A name that means nothing was meant to be a variable or a map; more need not be said of it.
  auto* index = std::get_if<Index>(&assign.target->node);
  const Expr& named = index ? *index->object : *assign.target;
  auto* name = std::get_if<Name>(&named.node);
  bool unknown = name && !find_builtin(builtins_, name->name, Builtin::Form::variable);
  if (!unknown) expression(*assign.target);
  Diagnostic& report = reports_->add(Code::not_assignable, assign.target->span);
  if (unknown && index) report.hint = fmt::format("a map's name begins with @: @{}[…]", name->name);
  else if (unknown) report.hint = fmt::format("write ${0} = …; for a variable of this probe, or @{0} = …; for a map", name->name);
  else if (name) report.hint = fmt::format("{} is what the kernel says; assign to a $variable or a @map", name->name);
  else if (index && std::holds_alternative<MapRef>(named.node)) report.hint = "several keys are joined by commas: @name[a, b]";
}

void Checking::assign_variable(const Assign& assign) {
  if (assign.op.empty()) return assign_to(*assign.target, *assign.value);
  const Type type = expression(*assign.value);
  const Type target = expression(*assign.target);
  bool numbers = (target.is_integer() || target.is_pointer()) && (type.is_integer() || type.is_pointer());
  if (!numbers && target.kind != Type::Kind::none)
    reports_->add(Code::mixed_operands, assign.value->span, assign.op + "=", target.spelling(), type.spelling());
  merge_variable(*assign.target, program_.variable_of.at(assign.target->id), type, is_literal(*assign.value),
                 assign.value->span);
}

void Checking::assign_map(const Assign& assign) {
  const Expr& target = *assign.target;
  const Expr& from = *assign.value;
  auto* call = std::get_if<Call>(&from.node);
  const Builtin* row = call ? find_builtin(builtins_, call->function, Builtin::Form::function) : nullptr;
  bool is_erased = row && row->place == Builtin::Place::map_value_or_expression && call->args.empty();
  declare_map(target, is_erased ? Use::erase : assign.op.empty() ? Use::assign : Use::other);
  use_keys(target);
  targets_[from.id] = &target;
  const Assign* outer = std::exchange(assign_, &assign);
  const Type type = value(from);
  assign_ = outer;

  const std::string& name = std::get<MapRef>(target.node).name;
  const Type known = known_map(name).value.type;
  program_.types[target.id] = known;
  // delete() gives the map no type; what reads a map that has none yet may get one later.
  seen_.maps[name].assigned |= !is_erased && (!row || row->place == Builtin::Place::expression ||
                                             row->place == Builtin::Place::map_value_or_expression);
  if (type.kind == Type::Kind::none) return;
  if (!assign.op.empty()) {
    bool numbers = (known.is_integer() || known.is_pointer()) && (type.is_integer() || type.is_pointer());
    if (known.is_aggregate())
      reports_->add(Code::compound_aggregate, target.span, assign.op, known.spelling()).hint =
          "aggregations are assigned, such as @name = sum(n);";
    else if (!numbers && known.kind != Type::Kind::none)
      reports_->add(Code::mixed_operands, from.span, assign.op + "=", known.spelling(), type.spelling());
  }
  assign_to_map(target, type, is_literal(from), from.span);
}

}  // namespace zeektrace
