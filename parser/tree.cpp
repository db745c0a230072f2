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
  if (auto* tuple = std::get_if<Tuple>(&node)) all(tuple->items);
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

ExprPtr Tree::size_of(Span span, TypeSpelling type) {
  type.suffixes.push_back(TypeSpelling::star);
  return call(span, "sizeof", call(span, "*", cast(span, std::move(type), add(span, Number{}))));
}

ExprPtr Tree::offset_of(Span span, TypeSpelling type, std::string_view path) {
  type.suffixes.push_back(TypeSpelling::star);
  ExprPtr member = cast(span, std::move(type), add(span, Number{}));
  for (size_t at = 0, end = 0; end != path.npos; at = end + 1) {
    end = path.find('.', at);
    member = add(span, FieldRef{std::move(member), std::string(path.substr(at, end - at))});
  }
  return cast(span, {"uint64", {}}, call(span, "&", std::move(member)));
}

ExprPtr Tree::container_of(Span span, ExprPtr member, TypeSpelling type, std::string_view path) {
  TypeSpelling pointer = type;
  pointer.suffixes.push_back(TypeSpelling::star);
  ExprPtr address = cast(span, {"uint64", {}}, std::move(member));
  return cast(span, std::move(pointer), call(span, "-", std::move(address), offset_of(span, std::move(type), path)));
}

// What stands last without a semicolon is the value.
ExprPtr Tree::block_value(Span span, ParsedBlock block) {
  BlockExpr node{std::move(block.statements), nullptr, false, nullptr};
  auto* last = block.ends_open ? std::get_if<Evaluate>(&node.body.back().node) : nullptr;
  if (last) {
    node.value = std::move(last->expr);
    node.body.pop_back();
  }
  ExprPtr expr = add(span, std::move(node));
  depths_.back() = checked_depth(1 + block.depth, span);
  return expr;
}

ParsedStmt Tree::statement(Span span, decltype(Stmt::node) node) {
  return {Stmt{span, std::move(node)}, 1};
}

ParsedStmt Tree::choice(Span span, Arms arms, ParsedBlock otherwise) {
  ParsedBlock rest = std::move(otherwise);
  // Some `else if` count as one level: a row of them nests in the tree, but not for who reads it.
  constexpr int arms_a_level = 4;
  int deepest = rest.depth;
  for (const auto& arm : arms) deepest = std::max(deepest, arm.body.depth);
  const int depth = checked_depth(1 + deepest + static_cast<int>(arms.size() - 1) / arms_a_level, span);
  for (auto arm = arms.rbegin(); arm != arms.rend(); ++arm) {
    Span whole{arm->span.begin, span.end};
    Stmt stmt{whole, If{std::move(arm->condition), std::move(arm->body.statements), std::move(rest.statements)}};
    if (std::next(arm) == arms.rend() || stopped_) return {std::move(stmt), depth};
    rest = block({}, {std::move(stmt), depth});
  }
  return {};
}

// `_ = value` is only the value.
ParsedStmt Tree::assign(Span span, ExprPtr target, std::string op, ExprPtr value) {
  auto* name = std::get_if<Name>(&target->node);
  if (name && name->name == "_" && op.empty()) return statement(span, Evaluate{std::move(value)});
  return statement(span, Assign{std::move(target), std::move(op), std::move(value)});
}

ParsedStmt Tree::let(Span span, Span name_span, std::string name, std::optional<TypeSpelling> type, ExprPtr value) {
  return statement(span, Let{add(name_span, Variable{std::move(name)}), std::move(type), std::move(value)});
}

ParsedStmt Tree::scope(Span span, ParsedBlock body) {
  int depth = checked_depth(1 + body.depth, span);
  return {Stmt{span, Scope{std::move(body.statements)}}, depth};
}

ParsedBlock Tree::open_block(ParsedBlock before, ParsedStmt last) {
  ParsedBlock whole = block(std::move(before), std::move(last));
  whole.ends_open = true;
  return whole;
}

ParsedBlock Tree::block(ParsedBlock before, ParsedStmt last) {
  before.depth = std::max(before.depth, last.depth);
  before.statements.push_back(std::move(last.statement));
  return before;
}

// ---- beside probes ----

namespace {

// Qualifiers say nothing of how a value is read.
std::string without_qualifiers(std::string_view words) {
  std::string kept;
  for (size_t at = 0, end = 0; end != words.npos; at = end + 1) {
    end = words.find(' ', at);
    std::string_view word = words.substr(at, end - at);
    if (word == "const" || word == "volatile" || word == "signed") continue;
    if (!kept.empty()) kept += ' ';
    kept += word;
  }
  return kept;
}

}  // namespace

CDefinition Tree::members(CDefinition definition, CBase base, CDeclarators declarators) {
  std::string words = without_qualifiers(base.words);
  CDeclarator& first = declarators.front();
  bool is_named_by_words = first.stars == 0 && first.name.empty() && !words.empty();
  if (is_named_by_words) {
    size_t last = words.rfind(' ');
    bool is_anonymous = !base.in_place && last == words.npos;
    if (is_anonymous)
      stop_syntax(first.span, fmt::format("a member needs a type and a name, this is '{}'", words));
    first.name = last == words.npos ? words : words.substr(last + 1);
    words = base.in_place || last == words.npos ? "" : words.substr(0, last);
  }
  std::optional<size_t> nested;
  if (base.in_place) {
    nested = definition.nested.size();
    definition.nested.push_back(*std::move(base.in_place));
  }
  for (CDeclarator& each : declarators)
    definition.members.push_back({base.span, words, nested, each.stars, std::move(each.name), std::move(each.lengths),
                                  std::move(each.bits)});
  return definition;
}

void Tree::define(Span span, std::string keyword, std::string name, CDefinition definition) {
  definition.span = span;
  definition.keyword = std::move(keyword);
  definition.name = std::move(name);
  ast_.definitions.push_back(std::move(definition));
}

void Tree::setting(Span span, std::string key, std::string value) {
  ast_.settings.push_back({span, std::move(key), std::move(value)});
}

void Tree::map(Span span, std::string name, std::string kind, Exprs args) {
  ast_.maps.push_back({span, std::move(name), std::move(kind), std::move(args)});
}

void Tree::macro(Span span, std::string name, std::vector<Routine::Parameter> parameters, ParsedBlock body) {
  Routine routine{span, std::move(name), false, std::move(parameters), std::nullopt, std::move(body.statements), nullptr};
  auto* last = body.ends_open ? std::get_if<Evaluate>(&routine.body.back().node) : nullptr;
  if (last) {
    routine.value = std::move(last->expr);
    routine.body.pop_back();
  }
  ast_.routines.push_back(std::move(routine));
}

void Tree::function(Span span, std::string name, std::vector<Routine::Parameter> parameters,
                    std::optional<TypeSpelling> result, ParsedBlock body) {
  ast_.routines.push_back({span, std::move(name), true, std::move(parameters), std::move(result),
                           std::move(body.statements), nullptr});
}

void Tree::probe(Span span, std::vector<AttachSpec> points, ExprPtr predicate, ParsedBlock body) {
  ast_.probes.push_back({span, std::move(points), std::move(predicate), std::move(body.statements)});
}

void Tree::stop_syntax(Span span, std::string message, std::string hint) {
  stop(Code::syntax, span, message).hint = std::move(hint);
}

}  // namespace zeektrace
