#include "parser/expand.h"

#include <algorithm>
#include <map>

#include "parser/parse.h"
#include "parser/result.h"

namespace zeektrace {
namespace {

using Kind = Routine::Parameter::Kind;

constexpr uint32_t most_expressions = 200'000;

// A routine that is being copied, and what is given for its parameters. Without a routine: a plain copy.
struct Use {
  const Routine* routine = nullptr;
  std::vector<ExprPtr> given;
  uint32_t number = 0;
  const Use* caller = nullptr;

  // What stands for a parameter; null when there is none of this name.
  const Expr* argument(Kind kind, const std::string& name) const {
    if (!routine || routine->is_function) return nullptr;
    for (size_t i = 0; i < routine->parameters.size(); i++)
      if (routine->parameters[i].kind == kind && routine->parameters[i].name == name) return given[i].get();
    return nullptr;
  }
};

std::string_view wanted(Kind kind) {
  switch (kind) {
    case Kind::expression: return "an expression";
    case Kind::variable: return "a variable, such as $x";
    case Kind::map: return "a whole map, such as @m";
  }
  bug("a parameter of no known kind");
}

bool is_given(Kind kind, const Expr& expr) {
  if (kind == Kind::expression) return true;
  if (kind == Kind::variable) return std::holds_alternative<Variable>(expr.node);
  auto* map = std::get_if<MapRef>(&expr.node);
  return map && map->keys.empty();
}

class Expander {
 public:
  Expander(Ast& ast, Diagnostics& diagnostics) : ast_(ast), diagnostics_(diagnostics) {}

  bool run() {
    const size_t before = diagnostics_.all().size();
    for (const Routine& each : ast_.routines)
      if (!routines_.try_emplace(each.name, &each).second)
        diagnostics_.add(Code::declared_twice, each.span, each.name);
    if (routines_.empty()) return true;
    const Use none;
    for (ProbeDecl& probe : ast_.probes) {
      if (probe.predicate) probe.predicate = copy(*probe.predicate, none);
      probe.body = copy(probe.body, none);
    }
    return diagnostics_.all().size() == before;
  }

 private:
  ExprPtr make(Span span, decltype(Expr::node) node) {
    return std::make_unique<Expr>(Expr{ast_.expressions++, span, std::move(node)});
  }

  ExprPtr copy(const ExprPtr& expr, const Use& use) { return expr ? copy(*expr, use) : nullptr; }
  std::vector<ExprPtr> copy(const std::vector<ExprPtr>& list, const Use& use) {
    std::vector<ExprPtr> copies;
    for (const ExprPtr& each : list) copies.push_back(copy(each, use));
    return copies;
  }

  ExprPtr copy(const Expr& expr, const Use& use) {
    if (stopped_) return make(expr.span, Number{});
    if (depth_ >= max_nesting || ast_.expressions >= most_expressions) {
      stopped_ = true;
      if (depth_ >= max_nesting) diagnostics_.add(Code::nested_too_deep, expr.span, max_nesting);
      else diagnostics_.add(Code::macros_too_large, expr.span, most_expressions);
      return make(expr.span, Number{});
    }
    depth_++;
    ExprPtr made = std::visit([&](const auto& node) { return meet(expr, node, use); }, expr.node);
    depth_--;
    return made;
  }

  template <class Leaf>
  ExprPtr meet(const Expr& expr, const Leaf& node, const Use&) {
    return make(expr.span, node);
  }
  ExprPtr meet(const Expr& expr, const Name& node, const Use& use) {
    if (const Expr* given = use.argument(Kind::expression, node.name)) return copy(*given, {});
    if (const Routine* routine = find(node.name); routine && routine->parameters.empty())
      return expanded(expr, *routine, {}, use);
    return make(expr.span, node);
  }
  ExprPtr meet(const Expr& expr, const Variable& node, const Use& use) {
    if (const Expr* given = use.argument(Kind::variable, node.name)) return copy(*given, {});
    return make(expr.span, Variable{node.name, use.routine ? use.number : node.expansion});
  }
  ExprPtr meet(const Expr& expr, const MapRef& node, const Use& use) {
    std::string name = node.name;
    if (const Expr* given = use.argument(Kind::map, node.name))
      name = std::get<MapRef>(given->node).name;
    else if (use.routine && !use.routine->is_function)
      diagnostics_.add(Code::macro_map, expr.span, use.routine->name, node.name);
    return make(expr.span, MapRef{std::move(name), copy(node.keys, use)});
  }
  ExprPtr meet(const Expr& expr, const FieldRef& node, const Use& use) {
    return make(expr.span, FieldRef{copy(node.object, use), node.name});
  }
  ExprPtr meet(const Expr& expr, const Index& node, const Use& use) {
    ExprPtr object = copy(node.object, use);
    return make(expr.span, Index{std::move(object), copy(node.index, use)});
  }
  ExprPtr meet(const Expr& expr, const Call& node, const Use& use) {
    std::vector<ExprPtr> args = copy(node.args, use);
    if (const Routine* routine = find(node.function)) return expanded(expr, *routine, std::move(args), use);
    return make(expr.span, Call{node.function, std::move(args)});
  }
  ExprPtr meet(const Expr& expr, const Cast& node, const Use& use) {
    return make(expr.span, Cast{spelling(node.type, use), copy(node.value, use)});
  }
  ExprPtr meet(const Expr& expr, const TypeValue& node, const Use& use) {
    return make(expr.span, TypeValue{spelling(node.type, use)});
  }
  // A macro's parameter that was given as typeof(…) is a type where a type stands.
  TypeSpelling spelling(const TypeSpelling& type, const Use& use) {
    if (type.of) return {"", type.suffixes, copy(*type.of, use)};
    const Expr* given = use.argument(Kind::expression, type.name);
    auto* value = given ? std::get_if<TypeValue>(&given->node) : nullptr;
    if (!value) return type;
    TypeSpelling whole = spelling(value->type, {});
    whole.suffixes.insert(whole.suffixes.end(), type.suffixes.begin(), type.suffixes.end());
    return whole;
  }
  ExprPtr meet(const Expr& expr, const Step& node, const Use& use) {
    return make(expr.span, Step{copy(node.target, use), node.increment, node.prefix});
  }
  ExprPtr meet(const Expr& expr, const Tuple& node, const Use& use) {
    return make(expr.span, Tuple{copy(node.items, use), node.names});
  }
  ExprPtr meet(const Expr& expr, const BlockExpr& node, const Use& use) {
    Block body = copy(node.body, use);
    ExprPtr value = copy(node.value, use);
    return make(expr.span, BlockExpr{std::move(body), std::move(value), node.is_function, copy(node.result, use)});
  }

  Block copy(const Block& block, const Use& use) {
    Block copies;
    depth_++;
    for (const Stmt& each : block)
      copies.push_back({each.span, std::visit([&](const auto& node) { return meet(node, use); }, each.node)});
    depth_--;
    return copies;
  }
  using Node = decltype(Stmt::node);
  Node meet(const Assign& node, const Use& use) {
    ExprPtr target = copy(node.target, use);
    return Assign{std::move(target), node.op, copy(node.value, use)};
  }
  Node meet(const If& node, const Use& use) {
    ExprPtr condition = copy(node.condition, use);
    Block then = copy(node.then, use);
    return If{std::move(condition), std::move(then), copy(node.otherwise, use)};
  }
  Node meet(const While& node, const Use& use) {
    ExprPtr condition = copy(node.condition, use);
    return While{std::move(condition), copy(node.body, use)};
  }
  Node meet(const Unroll& node, const Use& use) {
    ExprPtr count = copy(node.count, use);
    return Unroll{std::move(count), copy(node.body, use)};
  }
  Node meet(const For& node, const Use& use) {
    ExprPtr variable = copy(node.variable, use);
    ExprPtr from = copy(node.from, use);
    ExprPtr to = copy(node.to, use);
    return For{std::move(variable), std::move(from), std::move(to), copy(node.body, use)};
  }
  Node meet(const Let& node, const Use& use) {
    ExprPtr variable = copy(node.variable, use);
    return Let{std::move(variable), node.type ? std::optional(spelling(*node.type, use)) : std::nullopt,
               copy(node.value, use)};
  }
  Node meet(const Scope& node, const Use& use) { return Scope{copy(node.body, use)}; }
  Node meet(const Break& node, const Use&) { return node; }
  Node meet(const Continue& node, const Use&) { return node; }
  Node meet(const Return& node, const Use& use) { return Return{copy(node.value, use)}; }
  Node meet(const Evaluate& node, const Use& use) { return Evaluate{copy(node.expr, use)}; }

  const Routine* find(const std::string& name) const {
    auto found = routines_.find(name);
    return found == routines_.end() ? nullptr : found->second;
  }

  bool fits(const Expr& expr, const Routine& routine, const std::vector<ExprPtr>& args, const Use& caller) {
    const size_t want = routine.parameters.size();
    if (args.size() != want) {
      diagnostics_.add(args.size() < want ? Code::too_few_arguments : Code::too_many_arguments, expr.span,
                       routine.name + "()", fmt::format("{} argument{}", want, want == 1 ? "" : "s"), args.size());
      return false;
    }
    for (const Use* use = &caller; use; use = use->caller)
      if (use->routine == &routine) {
        diagnostics_.add(Code::calls_itself, expr.span, routine.name);
        return false;
      }
    for (size_t i = 0; i < want && !routine.is_function; i++)
      if (!is_given(routine.parameters[i].kind, *args[i])) {
        diagnostics_.add(Code::macro_argument, args[i]->span, i + 1, routine.name, wanted(routine.parameters[i].kind));
        return false;
      }
    return true;
  }

  ExprPtr expanded(const Expr& expr, const Routine& routine, std::vector<ExprPtr> args, const Use& caller) {
    if (!fits(expr, routine, args, caller)) return make(expr.span, Number{});
    Use use{&routine, std::move(args), ++uses_, &caller};
    BlockExpr block;
    block.is_function = routine.is_function;
    // What a function is given becomes its variables; its result is one, too.
    auto own = [&](Span span, std::string name) { return make(span, Variable{std::move(name), use.number}); };
    for (size_t i = 0; i < routine.parameters.size() && routine.is_function; i++) {
      const Routine::Parameter& each = routine.parameters[i];
      Span span = use.given[i]->span;
      block.body.push_back({span, Let{own(span, each.name), each.type, std::move(use.given[i])}});
    }
    if (routine.result) {
      block.body.push_back({expr.span, Let{own(expr.span, result_name), routine.result, nullptr}});
      block.result = own(expr.span, std::string(result_name));
    }
    for (Stmt& each : copy(routine.body, use)) block.body.push_back(std::move(each));
    block.value = copy(routine.value, use);
    return make(expr.span, std::move(block));
  }

  // No variable of the script is called so.
  static constexpr const char* result_name = "result of the call";

  Ast& ast_;
  Diagnostics& diagnostics_;
  std::map<std::string, const Routine*> routines_;
  uint32_t uses_ = 0;
  int depth_ = 0;
  bool stopped_ = false;
};

}  // namespace

bool expand_routines(Ast& ast, Diagnostics& diagnostics) { return Expander(ast, diagnostics).run(); }

}  // namespace zeektrace
