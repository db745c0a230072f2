#include "parser/walk.h"

namespace zeektrace {

// A function for each kind of node: a new kind does not compile until it is thought of here.
struct Walk::Parts {
  Walk& walk;

  void operator()(const Number&) {}
  void operator()(const String&) {}
  void operator()(const Positional&) {}
  void operator()(const Variable&) {}
  void operator()(const Name&) {}
  void operator()(const TypeValue&) {}
  void operator()(const MapRef& node) { all(node.keys); }
  void operator()(const FieldRef& node) { walk.expression(node.object); }
  void operator()(const Index& node) {
    walk.expression(node.object);
    walk.expression(node.index);
  }
  void operator()(const Call& node) { all(node.args); }
  void operator()(const Cast& node) { walk.expression(node.value); }
  void operator()(const Step& node) { walk.expression(node.target); }
  void operator()(const Tuple& node) { all(node.items); }
  void operator()(const BlockExpr& node) {
    walk.block(node.body);
    walk.expression(node.value);
  }

  void operator()(const Assign& node) {
    walk.expression(node.target);
    walk.expression(node.value);
  }
  void operator()(const If& node) {
    walk.expression(node.condition);
    walk.block(node.then);
    walk.block(node.otherwise);
  }
  void operator()(const While& node) {
    walk.expression(node.condition);
    walk.block(node.body);
  }
  void operator()(const Unroll& node) {
    walk.expression(node.count);
    walk.block(node.body);
  }
  void operator()(const For& node) {
    walk.expression(node.from);
    walk.expression(node.to);
    walk.block(node.body);
  }
  void operator()(const Let& node) { walk.expression(node.value); }
  void operator()(const Scope& node) { walk.block(node.body); }
  void operator()(const Break&) {}
  void operator()(const Continue&) {}
  void operator()(const Return& node) { walk.expression(node.value); }
  void operator()(const Evaluate& node) { walk.expression(node.expr); }

  void all(const std::vector<ExprPtr>& expressions) {
    for (const ExprPtr& each : expressions) walk.expression(each);
  }
};

void Walk::expression(const Expr& expr) {
  seen(expr);
  std::visit(Parts{*this}, expr.node);
}

void Walk::block(const Block& statements) {
  for (const Stmt& each : statements) {
    seen(each);
    std::visit(Parts{*this}, each.node);
  }
}

}  // namespace zeektrace
