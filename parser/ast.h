// The script as it was written: syntax only, no types, nothing resolved. Every operator is a Call whose function is
// the operator's spelling ("+", "!", "?:"; "-", "*" and "&" with one argument are negation, dereference and address), so that the
// rooms above have one way to meet `a + b` and `hist(a)`.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "parser/source.h"

namespace zeektrace {

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;
// Dense from 0 within one Ast: the index of an expression's type in Program::types.
using ExprId = uint32_t;

struct Number {
  uint64_t value = 0;
};
struct String {
  std::string value;  // escapes already read
};
// A word that stands alone: a builtin such as pid, arg0, nsecs, args.
struct Name {
  std::string name;
};
// $1, $2 …; index 0 is $#.
struct Positional {
  uint32_t index = 0;
};
// $name
struct Variable {
  std::string name;  // without the dollar
};
// @name[k1, k2]; the nameless map `@` has an empty name.
struct MapRef {
  std::string name;  // without the at sign
  std::vector<ExprPtr> keys;
};
// args.count, pointer->member; the dot and the arrow mean the same.
struct FieldRef {
  ExprPtr object;
  std::string name;
};
// pointer[index], array[index]
struct Index {
  ExprPtr object;
  ExprPtr index;
};
struct Call {
  std::string function;
  std::vector<ExprPtr> args;
};
// (uint64 *)value
struct Cast {
  std::string type_name;  // without "struct" and its like
  uint32_t pointers = 0;  // how many stars
  ExprPtr value;
};
// ++x, x++, --x, x--
struct Step {
  ExprPtr target;
  bool increment = true;
  bool prefix = false;
};

struct Expr {
  ExprId id = 0;
  Span span;
  std::variant<Number, String, Name, Positional, Variable, MapRef, FieldRef, Index, Call, Cast, Step> node;
};

struct Stmt;
using Block = std::vector<Stmt>;

// target = value; with `op` "+" it is target += value.
struct Assign {
  ExprPtr target;  // a Variable or a MapRef (check says so when it is not)
  std::string op;
  ExprPtr value;
};
struct If {
  ExprPtr condition;
  Block then;
  Block otherwise;
};
struct While {
  ExprPtr condition;
  Block body;
};
// The body, `count` times over.
struct Unroll {
  ExprPtr count;
  Block body;
};
struct Break {};
struct Continue {};
struct Return {};
// An expression for its effect.
struct Evaluate {
  ExprPtr expr;
};
struct Stmt {
  Span span;
  std::variant<Assign, If, While, Unroll, Break, Continue, Return, Evaluate> node;
};

// "uprobe:libc:malloc": what stands before the first colon, and all that follows it. BEGIN has no target.
struct AttachSpec {
  Span span;
  std::string provider;
  std::string target;
};
struct ProbeDecl {
  Span span;
  std::vector<AttachSpec> points;
  ExprPtr predicate;  // null when there is none
  Block body;
};

struct Ast {
  std::vector<ProbeDecl> probes;
  uint32_t expressions = 0;  // how many ExprIds were given out
};

}  // namespace zeektrace
