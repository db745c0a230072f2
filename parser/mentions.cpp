#include "parser/mentions.h"

namespace zeektrace {
namespace {

// A function for each kind of node: a new kind does not compile until it is thought of here.
class Mentions {
 public:
  void expression(const ExprPtr& expr) {
    if (expr) std::visit([this](const auto& node) { meet(node); }, expr->node);
  }
  void block(const Block& statements) {
    for (const Stmt& statement : statements) std::visit([this](const auto& node) { meet(node); }, statement.node);
  }
  std::set<std::string> names;

 private:
  void meet(const Number&) {}
  void meet(const String&) {}
  void meet(const Positional&) {}
  void meet(const Variable&) {}
  void meet(const Name& node) { names.insert(node.name); }
  void meet(const MapRef& node) { all(node.keys); }
  void meet(const FieldRef& node) {
    auto* of = std::get_if<Name>(&node.object->node);
    if (of) names.insert(of->name + "." + node.name);
    expression(node.object);
  }
  void meet(const Index& node) {
    expression(node.object);
    expression(node.index);
  }
  void meet(const Call& node) { all(node.args); }
  void meet(const Cast& node) { expression(node.value); }
  void meet(const Step& node) { expression(node.target); }
  void meet(const Tuple& node) { all(node.items); }
  void meet(const BlockExpr& node) {
    block(node.body);
    expression(node.value);
  }

  void meet(const Assign& node) {
    expression(node.target);
    expression(node.value);
  }
  void meet(const If& node) {
    expression(node.condition);
    block(node.then);
    block(node.otherwise);
  }
  void meet(const While& node) {
    expression(node.condition);
    block(node.body);
  }
  void meet(const Unroll& node) {
    expression(node.count);
    block(node.body);
  }
  void meet(const For& node) {
    expression(node.from);
    expression(node.to);
    block(node.body);
  }
  void meet(const Let& node) { expression(node.value); }
  void meet(const Scope& node) { block(node.body); }
  void meet(const Break&) {}
  void meet(const Continue&) {}
  void meet(const Return& node) { expression(node.value); }
  void meet(const Evaluate& node) { expression(node.expr); }

  void all(const std::vector<ExprPtr>& expressions) {
    for (const ExprPtr& each : expressions) expression(each);
  }
};

}  // namespace

std::set<std::string> mentioned_names(const ProbeDecl& probe) {
  Mentions mentions;
  mentions.expression(probe.predicate);
  mentions.block(probe.body);
  return std::move(mentions.names);
}

}  // namespace zeektrace
