// Loops: what they run over, how deep they may stand in one another, and which of them never end.
#include <algorithm>

#include "parser/checking.h"
#include "parser/walk.h"

namespace zeektrace {
namespace {

// What a condition looks at, if all of that is variables and numbers.
class Looks final : public Walk {
 public:
  bool at_more = false;
  std::set<Variable> variables;

 private:
  void seen(const Expr& expr) override {
    if (auto* variable = std::get_if<Variable>(&expr.node)) variables.insert(*variable);
    auto* call = std::get_if<Call>(&expr.node);
    const bool reads_memory = call && call->args.size() == 1 && call->function == "*";
    const bool is_plain = std::holds_alternative<Number>(expr.node) || std::holds_alternative<Variable>(expr.node) ||
                          std::holds_alternative<Positional>(expr.node) || std::holds_alternative<Step>(expr.node) ||
                          std::holds_alternative<Cast>(expr.node) || (call && is_operator(*call) && !reads_memory);
    at_more |= !is_plain;
  }
};

// Which variables a block may change, and whether anything in it leaves it.
class Changes final : public Walk {
 public:
  explicit Changes(std::span<const Builtin> builtins) : builtins_(builtins) {}
  bool leaves = false;
  std::set<Variable> variables;

 private:
  void changed(const Expr& expr) {
    if (auto* variable = std::get_if<Variable>(&expr.node)) variables.insert(*variable);
  }
  void seen(const Expr& expr) override {
    if (auto* step = std::get_if<Step>(&expr.node)) changed(*step->target);
    auto* call = std::get_if<Call>(&expr.node);
    if (!call) return;
    // A function may give a variable a value, and who has its address may, too.
    if (!is_operator(*call) || (call->function == "&" && call->args.size() == 1))
      for (const ExprPtr& each : call->args) changed(*each);
    const Builtin* row = find_builtin(builtins_, call->function, Builtin::Form::function);
    leaves |= row && row->leaves;
  }
  void seen(const Stmt& statement) override {
    if (auto* assign = std::get_if<Assign>(&statement.node)) changed(*assign->target);
    leaves |= std::holds_alternative<Break>(statement.node) || std::holds_alternative<Return>(statement.node);
  }

  std::span<const Builtin> builtins_;
};

}  // namespace

// One that nothing in it can end. Others are cut by the program itself (most_rounds).
bool Checking::never_ends(const While& loop) const {
  Looks looks;
  looks.expression(loop.condition);
  const auto literal = literal_integer(*loop.condition);
  if (looks.at_more || (looks.variables.empty() && literal.value_or(0) == 0)) return false;
  Changes changes(builtins_);
  changes.block(loop.body);
  changes.expression(loop.condition);
  if (changes.leaves) return false;
  return std::ranges::none_of(looks.variables, [&](const Variable& each) { return changes.variables.contains(each); });
}

// The kernel calls the body of a loop, and has room for eight calls in one another; walks up a stack need theirs, too.
void Checking::rounds(Span span, const Block& body) {
  constexpr uint32_t most_nested = 5;
  probe_->has_callbacks = true;
  if (++nested_loops_ > most_nested) reports_->add(Code::loops_too_deep, span, most_nested);
  loop(body);
  nested_loops_--;
}

void Checking::loop(const Block& body) {
  loops_++;
  block(body);
  loops_--;
}

void Checking::repeat(Span span, const While& loop) {
  condition(*loop.condition);
  rounds(span, loop.body);
  if (never_ends(loop)) reports_->add(Code::endless_loop, loop.condition->span);
}

// How often an unroll runs is known before the script does.
void Checking::times(const Expr& count) {
  constexpr int64_t most = 100;  // as many copies of the block are made
  const Type type = expression(count);
  auto literal = literal_integer(count);
  if (!literal)
    reports_->add(Code::wrong_argument, count.span, 1, "unroll()", "a number that is known before the script runs",
                  type.is_integer() ? "computed while it runs" : type.spelling());
  else if (*literal < 1 || *literal > most)
    reports_->add(Code::argument_range, count.span, 1, "unroll()", *literal, fmt::format("1 to {}", most));
}

// What `for ($kv : @map)` gives: the key, or a tuple of several, and the value.
Type Checking::element_type(const Expr& map) {
  const std::string& name = std::get<MapRef>(map.node).name;
  const MapFacts& facts = known_map(name);
  if (facts.value.type.kind == Type::Kind::none) {
    reports_->add(Code::unset_map, map.span, name);
    return Type();
  }
  if (facts.keys.empty()) {
    reports_->add(Code::not_iterable, map.span, "a map without key");
    return Type();
  }
  std::vector<Type> keys;
  for (const Merged& key : facts.keys) keys.push_back(key.type);
  const Type key = keys.size() == 1 ? keys[0] : Type::tuple(std::move(keys));
  const Type value = value_of(facts.value.type);
  if (value.is_aggregate()) reports_->add(Code::aggregate_read, map.span, name, value.spelling());
  return Type::tuple({key, value.is_aggregate() ? Type::integer(8, true) : value});
}

void Checking::iterate(Span span, const For& loop) {
  Type type;
  auto* map = std::get_if<MapRef>(&loop.from->node);
  if (!loop.to && map && map->keys.empty()) {
    declare_map(*loop.from, Use::other);
    type = element_type(*loop.from);
  } else {
    const Type from = expression(*loop.from);
    const Type to = loop.to ? expression(*loop.to) : Type();
    for (const Expr* each : {loop.from.get(), loop.to.get()})
      if (each && loop.to && !type_of(*each).is_integer() && type_of(*each).kind != Type::Kind::none)
        reports_->add(Code::not_iterable, each->span, type_of(*each).spelling());
    if (!loop.to) reports_->add(Code::not_iterable, loop.from->span, map ? "an element of a map" : from.spelling());
    bool is_unsigned = (from.size == 8 && !from.is_signed) || (to.size == 8 && !to.is_signed);
    type = Type::integer(8, !is_unsigned);
  }
  const Variable& counted = std::get<Variable>(loop.variable->node);
  if (find_variable(counted)) reports_->add(Code::variable_again, loop.variable->span, counted.name);
  scoped([&] {
    const uint32_t number = declare(*loop.variable);
    merge_variable(*loop.variable, number, type, false, loop.variable->span);
    program_.types[loop.variable->id] = known_variable(number);
    if (loop.to) (void)merged_variable(make_variable("")).merge(type, false);
    rounds(span, loop.body);
  });
}

}  // namespace zeektrace
