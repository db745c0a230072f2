// $variables: which one a name means, what it holds, and the blocks that it lives in.
#include <algorithm>

#include "parser/checking.h"

namespace zeektrace {

std::optional<uint32_t> Checking::find_variable(const Variable& node) const {
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope)
    if (auto found = scope->find(node); found != scope->end()) return found->second;
  return std::nullopt;
}

Merged& Checking::merged_variable(uint32_t number) {
  std::vector<Merged>& all = seen_.variables[decl_];
  if (all.size() <= number) all.resize(number + 1);
  return all[number];
}

// Numbers are given in the order of the text, and so are the same in each walk.
uint32_t Checking::declare(const Expr& variable) {
  const Variable& node = std::get<Variable>(variable.node);
  const uint32_t number = make_variable(node.name);
  scopes_.back()[node] = number;
  program_.variable_of[variable.id] = number;
  program_.types[variable.id] = known_variable(number);
  return number;
}

uint32_t Checking::make_variable(std::string name) {
  const auto number = static_cast<uint32_t>(probe_->variables.size());
  (void)merged_variable(number);
  const Type type = known_variable(number);
  uint32_t& room = type.is_scalar() ? room_.words : room_.memory;
  probe_->variables.push_back({std::move(name), type, room});
  room += type.storage();
  probe_->variable_words = std::max(probe_->variable_words, room_.words);
  probe_->variable_memory = std::max(probe_->variable_memory, room_.memory);
  return number;
}

void Checking::merge_variable(const Expr& variable, uint32_t number, const Type& type, bool is_literal, Span span) {
  Merged& merged = merged_variable(number);
  if (!merged.merge(type, is_literal))
    reports_->add(Code::variable_type, span, std::get<Variable>(variable.node).name, merged.type.spelling(),
                  type.spelling());
}

Type Checking::variable(const Expr& expr, const Variable& node) {
  std::optional<uint32_t> number = find_variable(node);
  if (!number) {
    reports_->add(ended_.contains(node) ? Code::variable_scope : Code::unset_variable, expr.span, node.name);
    number = declare(expr);  // said once
  }
  program_.variable_of[expr.id] = *number;
  const Type known = known_variable(*number);
  // Declared, and never given a value; or what it was given is wrong, which has been said.
  if (known.kind == Type::Kind::none && reports_->empty()) reports_->add(Code::unset_variable, expr.span, node.name);
  return known;
}

// What a variable can hold of a value: an array of characters is kept as the text that it is now.
Type Checking::kept_value(const Expr& from) {
  const Type type = expression(from);
  bool characters = type.is_array() && type.pointee->is_integer() && type.pointee->size == 1 && type.pointee->is_signed;
  return characters && !make_text(from, options_.settings.max_strlen) ? type_of(from) : type;
}

void Checking::assign_to(const Expr& target, const Expr& from) {
  const Type type = kept_value(from);
  const auto known = find_variable(std::get<Variable>(target.node));
  const uint32_t number = known ? *known : declare(target);
  program_.variable_of[target.id] = number;
  merge_variable(target, number, type, is_literal(from), from.span);
  program_.types[target.id] = known_variable(number);
}

void Checking::let(const Let& let) {
  const Variable& node = std::get<Variable>(let.variable->node);
  const Type type = let.value ? kept_value(*let.value) : Type();
  if (find_variable(node)) reports_->add(Code::variable_again, let.variable->span, node.name);
  const uint32_t number = declare(*let.variable);
  if (let.type) {
    if (auto declared = spelled_type(*let.variable, *let.type)) {
      Merged& merged = merged_variable(number);
      merged.type = *std::move(declared);
      merged.is_declared = true;
      program_.types[let.variable->id] = merged.type;
    }
  }
  if (let.value) merge_variable(*let.variable, number, type, is_literal(*let.value), let.value->span);
}

// ---- leaving ----

void Checking::leave(const Stmt& statement, const Return& node) {
  const BlockExpr* function = functions_.empty() ? nullptr : functions_.back();
  if (!function) {
    if (!node.value) return;
    expression(*node.value);
    reports_->add(Code::return_value, statement.span, "a probe gives no value").hint = "return; ends it";
  } else if (!function->result) {
    if (!node.value) return;
    expression(*node.value);
    reports_->add(Code::return_value, statement.span, "this function gives no value").hint =
        "say what it gives: fn name(…): int64 { … }";
  } else if (!node.value) {
    reports_->add(Code::return_value, statement.span, "this function gives a value").hint = "return value;";
  } else {
    assign_to(*function->result, *node.value);
  }
}

}  // namespace zeektrace
