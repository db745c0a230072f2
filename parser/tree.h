// Where lexer and grammar meet: makes the nodes of the Ast, gives out their ids, watches how deep they nest and keeps
// the errors. One for each parse; private to parser/. After `stop` was called the parse ends without a further word.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parser/ast.h"
#include "parser/diagnostic.h"
#include "parser/parse.h"

namespace zeektrace {

using Exprs = std::vector<ExprPtr>;

// Statements, and how deep the deepest of them is.
struct ParsedBlock {
  Block statements;
  int depth = 0;
  bool ends_open = false;  // no semicolon follows the last one: an expression that stands there is the block's value
};
struct ParsedStmt {
  Stmt statement;
  int depth = 0;
};
// if and else if, each with its condition.
struct Arm {
  Span span;
  ExprPtr condition;
  ParsedBlock body;
};
using Arms = std::vector<Arm>;

struct NamedExprs {
  Exprs values;
  std::vector<std::string> names;
};

// The words before a member's stars, or before its name, which is then the last of them.
struct CBase {
  Span span;
  std::string words;
  std::optional<CDefinition> in_place;
};
struct CDeclarator {
  Span span;
  uint32_t stars = 0;
  std::string name;
  Exprs lengths;
  ExprPtr bits;
};
using CDeclarators = std::vector<CDeclarator>;

class Tree {
 public:
  Tree(const Source& source, Diagnostics& diagnostics) : source_(source), diagnostics_(diagnostics) {}

  template <class Node>
  ExprPtr expr(Span span, Node node) {
    return add(span, std::move(node));
  }
  ExprPtr call(Span span, std::string function, ExprPtr a);
  ExprPtr call(Span span, std::string function, ExprPtr a, ExprPtr b);
  ExprPtr call(Span span, std::string function, ExprPtr a, ExprPtr b, ExprPtr c);
  ExprPtr cast(Span span, TypeSpelling type, ExprPtr value) {
    return add(span, Cast{std::move(type), std::move(value)});
  }
  // sizeof(type): the size of what a pointer to it points to; offsetof: the address of a member of one at 0.
  ExprPtr size_of(Span span, TypeSpelling type);
  ExprPtr offset_of(Span span, TypeSpelling type, std::string_view path);
  ExprPtr container_of(Span span, ExprPtr member, TypeSpelling type, std::string_view path);
  ExprPtr tuple(Span span, Exprs items) { return add(span, Tuple{std::move(items), {}}); }
  ExprPtr record(Span span, NamedExprs items) {
    return add(span, Tuple{std::move(items.values), std::move(items.names)});
  }
  ExprPtr block_value(Span span, ParsedBlock block);
  ParsedStmt statement(Span span, decltype(Stmt::node) node);
  // The arms become ifs within the else of the one before.
  ParsedStmt choice(Span span, Arms arms, ParsedBlock otherwise);
  template <class Loop>
  ParsedStmt loop(Span span, ParsedBlock body, Loop node) {
    int depth = checked_depth(1 + body.depth, span);
    if (!stopped_) node.body = std::move(body.statements);
    return {Stmt{span, std::move(node)}, depth};
  }
  ParsedStmt assign(Span span, ExprPtr target, std::string op, ExprPtr value);
  ParsedStmt let(Span span, Span name_span, std::string name, std::optional<TypeSpelling> type, ExprPtr value);
  ParsedStmt scope(Span span, ParsedBlock body);
  ParsedBlock block(ParsedBlock before, ParsedStmt last);
  ParsedBlock open_block(ParsedBlock before, ParsedStmt last);
  CDefinition members(CDefinition definition, CBase base, CDeclarators declarators);
  void define(Span span, std::string keyword, std::string name, CDefinition definition);
  void include(std::string header, bool is_own) {
    if (is_own) ast_.own_includes.push_back(header);
    ast_.includes.push_back(std::move(header));
  }
  void setting(Span span, std::string key, std::string value);
  void map(Span span, std::string name, std::string kind, Exprs args);
  void macro(Span span, std::string name, std::vector<Routine::Parameter> parameters, ParsedBlock body);
  void function(Span span, std::string name, std::vector<Routine::Parameter> parameters,
                std::optional<TypeSpelling> result, ParsedBlock body);
  void probe(Span span, std::vector<AttachSpec> points, ExprPtr predicate, ParsedBlock body);

  // Reports, goes on reading: what follows can still be judged. The diagnostic's hint may be replaced.
  template <class... Args>
  Diagnostic& report(Code code, Span span, const Args&... args) {
    failed_ = true;
    return diagnostics_.add(code, span, args...);
  }
  // Reports and ends the parse: what follows would only be noise.
  template <class... Args>
  Diagnostic& stop(Code code, Span span, const Args&... args) {
    if (std::exchange(stopped_, true)) return silent_;
    return report(code, span, args...);
  }
  void stop_syntax(Span span, std::string message, std::string hint = {});
  bool stopped() const { return stopped_; }
  bool failed() const { return failed_; }

  const Source& source() const { return source_; }
  Ast take() { return std::move(ast_); }

 private:
  ExprPtr add(Span span, decltype(Expr::node) node);
  int depth_of(const ExprPtr& expr) const { return expr ? depths_[expr->id] : 0; }
  int deepest_child(const decltype(Expr::node)& node) const;
  int checked_depth(int depth, Span span);

  const Source& source_;
  Diagnostics& diagnostics_;
  Ast ast_;
  std::vector<int> depths_;  // by ExprId
  bool failed_ = false;
  bool stopped_ = false;
  Diagnostic silent_{Code::syntax, {}, {}, {}};  // what comes after a stop
};

}  // namespace zeektrace
