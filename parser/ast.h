// The script as it was written: syntax only, no types, nothing resolved. Every operator is a Call whose function is
// the operator's spelling ("+", "!", "?:"; "-", "*" and "&" with one argument are negation, dereference and address), so that the
// rooms above have one way to meet `a + b` and `hist(a)`.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
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
  bool is_bool = false;  // true or false
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
  // Of a macro's or a function's own variables: which of their uses they belong to, so that none is the user's.
  uint32_t expansion = 0;
  auto operator<=>(const Variable&) const = default;
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
// A type as it is written: "uint64 *", "int32[4]", or that of an expression: "typeof($x)".
struct TypeSpelling {
  static constexpr uint32_t star = UINT32_MAX;
  std::string name;                // without "struct" and its like
  std::vector<uint32_t> suffixes;  // from left to right: a star, or an array's length; 0: as long as the value
  std::shared_ptr<const Expr> of = nullptr;  // of typeof(), in place of a name
  std::string text() const;        // "int32[4]*"
};
// typeof(uint64 *) where a macro takes an expression, and may mean a type.
struct TypeValue {
  TypeSpelling type;
};
// (uint64 *)value
struct Cast {
  TypeSpelling type;
  ExprPtr value;
};
// ++x, x++, --x, x--
struct Step {
  ExprPtr target;
  bool increment = true;
  bool prefix = false;
};
// (a, b), or with names (x = a, y = b).
struct Tuple {
  std::vector<ExprPtr> items;
  std::vector<std::string> names;  // as many as items, or none
};
struct Stmt;
using Block = std::vector<Stmt>;
// { statements; value }, and what a call of a macro or of a function of the script's own becomes.
struct BlockExpr {
  Block body;
  ExprPtr value;  // null when it has none
  // A function: `return` leaves it, and gives `result` its value.
  bool is_function = false;
  ExprPtr result;  // a Variable of this scope; null when the function gives nothing
};

struct Expr {
  ExprId id = 0;
  Span span;
  std::variant<Number, String, Name, Positional, Variable, MapRef, FieldRef, Index, Call, Cast, Step, Tuple, BlockExpr,
               TypeValue>
      node;
};

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
// for ($kv : @map) and for ($i : from..to).
struct For {
  ExprPtr variable;  // a Variable
  ExprPtr from;      // the map, or the first number
  ExprPtr to;        // the number behind the last; null for a map
  Block body;
};
// let $x: type = value. Lives until the block ends.
struct Let {
  ExprPtr variable;  // a Variable
  std::optional<TypeSpelling> type;
  ExprPtr value;  // null: 0
};
// { … } that stands alone.
struct Scope {
  Block body;
};
struct Break {};
struct Continue {};
struct Return {
  ExprPtr value;  // null when there is none
};
// An expression for its effect.
struct Evaluate {
  ExprPtr expr;
};
struct Stmt {
  Span span;
  std::variant<Assign, If, While, Unroll, For, Let, Scope, Break, Continue, Return, Evaluate> node;
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

// config = { key = value; }
struct Setting {
  Span span;
  std::string key;
  std::string value;  // a number as its digits
};
// let @name = kind(size);
struct MapDecl {
  Span span;
  std::string name;  // without the at sign
  std::string kind;
  std::vector<ExprPtr> args;
};
// macro name(expression, $variable, @map) { … }, and fn name($variable: type): type { … }. Calls of either are replaced by
// BlockExprs before anybody but the parser sees them.
struct Routine {
  struct Parameter {
    enum class Kind : uint8_t { expression, variable, map };
    Kind kind = Kind::expression;
    std::string name;  // without $ and @
    Span span;
    std::optional<TypeSpelling> type;
  };
  Span span;
  std::string name;
  bool is_function = false;
  std::vector<Parameter> parameters;
  std::optional<TypeSpelling> result;
  Block body;
  ExprPtr value;  // of a macro that ends with one
};
// struct name { … }, union, enum: as C has them.
struct CDefinition {
  struct Member {
    Span span;
    std::string type;   // without "struct" and its like; "" where `nested` is it
    std::optional<size_t> nested;
    uint32_t stars = 0;
    std::string name;  // "" for an anonymous struct or union
    std::vector<ExprPtr> lengths;  // of arrays; null: not given
    ExprPtr bits;                  // of a bit field
  };
  struct Enumerator {
    Span span;
    std::string name;
    ExprPtr value;  // null: one more than the one before
  };
  Span span;
  std::string keyword;  // struct, union, class or enum
  std::string name;     // "" when it has none
  std::vector<Member> members;
  std::vector<CDefinition> nested;  // defined in the place of a member's type
  std::vector<Enumerator> enumerators;
};

struct Ast {
  std::vector<CDefinition> definitions;
  std::vector<std::string> includes;      // headers that the script names
  std::vector<std::string> own_includes;  // those in quotes
  std::vector<Setting> settings;
  std::vector<MapDecl> maps;
  std::vector<Routine> routines;
  std::vector<ProbeDecl> probes;
  uint32_t expressions = 0;  // how many ExprIds were given out
};

}  // namespace zeektrace
