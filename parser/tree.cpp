#include "parser/tree.h"

#include <algorithm>
#include <iterator>

namespace zeektrace {

int Tree::checked_depth(int depth, Span span) {
  if (depth > max_nesting) stop(Code::nested_too_deep, span, max_nesting);
  return depth;
}

int Tree::deepest_child(const decltype(Expr::node)& node) const {
  int depth = 0;
  auto all = [&](const Exprs& children) {
    for (const ExprPtr& child : children) depth = std::max(depth, depth_of(child));
  };
  if (auto* ref = std::get_if<MapRef>(&node)) all(ref->keys);
  if (auto* call = std::get_if<Call>(&node)) all(call->args);
  if (auto* field = std::get_if<FieldRef>(&node)) depth = depth_of(field->object);
  if (auto* index = std::get_if<Index>(&node)) depth = std::max(depth_of(index->object), depth_of(index->index));
  if (auto* cast = std::get_if<Cast>(&node)) depth = depth_of(cast->value);
  if (auto* step = std::get_if<Step>(&node)) depth = depth_of(step->target);
  return depth;
}

ExprPtr Tree::add(Span span, decltype(Expr::node) node) {
  depths_.push_back(checked_depth(deepest_child(node) + 1, span));
  if (stopped_) node = Number{};  // nothing may grow deeper than what was just refused
  return std::make_unique<Expr>(Expr{ast_.expressions++, span, std::move(node)});
}

ExprPtr Tree::call(Span span, std::string function, ExprPtr a) {
  Exprs args;
  args.push_back(std::move(a));
  return add(span, Call{std::move(function), std::move(args)});
}

ExprPtr Tree::call(Span span, std::string function, ExprPtr a, ExprPtr b) {
  Exprs args;
  args.push_back(std::move(a));
  args.push_back(std::move(b));
  return add(span, Call{std::move(function), std::move(args)});
}

ExprPtr Tree::call(Span span, std::string function, ExprPtr a, ExprPtr b, ExprPtr c) {
  Exprs args;
  args.push_back(std::move(a));
  args.push_back(std::move(b));
  args.push_back(std::move(c));
  return add(span, Call{std::move(function), std::move(args)});
}

ExprPtr Tree::size_of(Span span, CastType type) {
  type.pointers++;
  return call(span, "sizeof", call(span, "*", cast(span, std::move(type), add(span, Number{}))));
}

ParsedStmt Tree::statement(Span span, decltype(Stmt::node) node) {
  return {Stmt{span, std::move(node)}, 1};
}

ParsedStmt Tree::choice(Span span, Arms arms, ParsedBlock otherwise) {
  ParsedBlock rest = std::move(otherwise);
  for (auto arm = arms.rbegin(); arm != arms.rend(); ++arm) {
    Span whole{arm->span.begin, span.end};
    int depth = checked_depth(1 + std::max(arm->body.depth, rest.depth), whole);
    Stmt stmt{whole, If{std::move(arm->condition), std::move(arm->body.statements), std::move(rest.statements)}};
    if (std::next(arm) == arms.rend() || stopped_) return {std::move(stmt), depth};
    rest = block({}, {std::move(stmt), depth});
  }
  return {};
}

ParsedBlock Tree::block(ParsedBlock before, ParsedStmt last) {
  before.depth = std::max(before.depth, last.depth);
  before.statements.push_back(std::move(last.statement));
  return before;
}

void Tree::probe(Span span, std::vector<AttachSpec> points, ExprPtr predicate, ParsedBlock body) {
  ast_.probes.push_back({span, std::move(points), std::move(predicate), std::move(body.statements)});
}

void Tree::stop_syntax(Span span, std::string message, std::string hint) {
  stop(Code::syntax, span, message).hint = std::move(hint);
}

}  // namespace zeektrace
