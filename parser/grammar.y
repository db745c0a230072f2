// The language, whole. Syntax only; every action makes one node.
%require "3.8"
%language "c++"
%define api.namespace {zeektrace}
%define api.parser.class {Grammar}
%define api.value.type variant
%define api.value.automove
%define api.token.constructor
%define api.location.type {Span}
%define parse.error custom
%define parse.lac full
%locations
%expect 0
%parse-param {Tree& tree} {Lexer& lexer}

%code requires {
#include "parser/tree.h"

namespace zeektrace {
class Lexer;
}
#define YYLLOC_DEFAULT(whole, parts, n)                                                             \
  (whole) = (n) > 0 ? Span{YYRHSLOC(parts, 1).begin, YYRHSLOC(parts, n).end}                        \
                    : Span{YYRHSLOC(parts, 0).end, YYRHSLOC(parts, 0).end}
}

%code {
#include "parser/lexer.h"
#include "parser/syntax_error.h"

// Expanded within the parser, where its stack can be seen: the lexer refuses to go on when that grows too high.
#define yylex() lexer.next(yystack_.size())

namespace {

template <class T>
std::vector<T> append(std::vector<T> list, T item) {
  list.push_back(std::move(item));
  return list;
}

}  // namespace
}

%token END 0
%token <AttachSpec> POINT
%token <uint64_t> NUMBER
%token <uint32_t> POSITIONAL
%token <std::string> STRING NAME VARIABLE MAP FIELD ASSIGN
%token <CastType> CAST
%token IF "if" ELSE "else" RETURN "return" SIZEOF "sizeof"
%token WHILE "while" UNROLL "unroll" BREAK "break" CONTINUE "continue"
%token BRACE_OPEN "{" BRACE_CLOSE "}" PAREN_OPEN "(" PAREN_CLOSE ")" BRACKET_OPEN "[" BRACKET_CLOSE "]"
%token PREDICATE_OPEN PREDICATE_CLOSE SEMICOLON ";" COMMA "," QUOTED
%token NOT "!" TILDE "~" INCREMENT "++" DECREMENT "--"

%token QUESTION "?" COLON ":" OR "||" AND "&&" BIT_OR "|" BIT_XOR "^" BIT_AND "&" EQUAL "==" UNEQUAL "!="
%token LESS "<" LESS_EQUAL "<=" GREATER ">" GREATER_EQUAL ">=" SHIFT_LEFT "<<" SHIFT_RIGHT ">>"
%token PLUS "+" MINUS "-" STAR "*" SLASH "/" PERCENT "%"

%precedence WHOLE_MAP
%precedence "["
%right "?" ":"
%left "||"
%left "&&"
%left "|"
%left "^"
%left "&"
%left "==" "!="
%left "<" "<=" ">" ">="
%left "<<" ">>"
%left "+" "-"
%left "*" "/" "%"

%type <std::vector<AttachSpec>> points
%type <ExprPtr> predicate expr unary postfix primary
%type <Exprs> exprs args
%type <ParsedBlock> block statements
%type <ParsedStmt> simple choice loop
%type <Arms> arms

%%

script: %empty | script probe | script ";";

probe: points predicate block  { tree.probe(@$, $1, $2, $3); };

points:
    POINT             { $$ = append({}, $1); }
  | points "," POINT  { $$ = append($1, $3); }
  ;

predicate:
    %empty                               { $$ = nullptr; }
  | PREDICATE_OPEN expr PREDICATE_CLOSE  { $$ = $2; }
  ;

block:
    "{" statements "}"         { $$ = $2; }
  | "{" statements simple "}"  { $$ = tree.block($2, $3); }
  ;

statements:
    %empty                 { $$ = ParsedBlock(); }
  | statements ";"         { $$ = $1; }
  | statements simple ";"  { $$ = tree.block($1, $2); }
  | statements choice      { $$ = tree.block($1, $2); }
  | statements loop        { $$ = tree.block($1, $2); }
  ;

simple:
    expr              { $$ = tree.statement(@$, Evaluate{$1}); }
  | expr ASSIGN expr  { $$ = tree.statement(@$, Assign{$1, $2, $3}); }
  | "break"           { $$ = tree.statement(@$, Break{}); }
  | "continue"        { $$ = tree.statement(@$, Continue{}); }
  | "return"          { $$ = tree.statement(@$, Return{}); }
  ;

choice:
    arms               { $$ = tree.choice(@$, $1, {}); }
  | arms "else" block  { $$ = tree.choice(@$, $1, $3); }
  ;

loop:
    "while" "(" expr ")" block   { $$ = tree.loop(@$, $5, While{$3, {}}); }
  | "unroll" "(" expr ")" block  { $$ = tree.loop(@$, $5, Unroll{$3, {}}); }
  ;

arms:
    "if" "(" expr ")" block              { $$ = append({}, Arm{@$, $3, $5}); }
  | arms "else" "if" "(" expr ")" block  { $$ = append($1, Arm{{@3.begin, @7.end}, $5, $7}); }
  ;

expr:
    unary
  | expr "?" expr ":" expr  { $$ = tree.call(@$, "?:", $1, $3, $5); }
  | expr "||" expr          { $$ = tree.call(@$, "||", $1, $3); }
  | expr "&&" expr          { $$ = tree.call(@$, "&&", $1, $3); }
  | expr "|" expr           { $$ = tree.call(@$, "|", $1, $3); }
  | expr "^" expr           { $$ = tree.call(@$, "^", $1, $3); }
  | expr "&" expr           { $$ = tree.call(@$, "&", $1, $3); }
  | expr "==" expr          { $$ = tree.call(@$, "==", $1, $3); }
  | expr "!=" expr          { $$ = tree.call(@$, "!=", $1, $3); }
  | expr "<" expr           { $$ = tree.call(@$, "<", $1, $3); }
  | expr "<=" expr          { $$ = tree.call(@$, "<=", $1, $3); }
  | expr ">" expr           { $$ = tree.call(@$, ">", $1, $3); }
  | expr ">=" expr          { $$ = tree.call(@$, ">=", $1, $3); }
  | expr "<<" expr          { $$ = tree.call(@$, "<<", $1, $3); }
  | expr ">>" expr          { $$ = tree.call(@$, ">>", $1, $3); }
  | expr "+" expr           { $$ = tree.call(@$, "+", $1, $3); }
  | expr "-" expr           { $$ = tree.call(@$, "-", $1, $3); }
  | expr "*" expr           { $$ = tree.call(@$, "*", $1, $3); }
  | expr "/" expr           { $$ = tree.call(@$, "/", $1, $3); }
  | expr "%" expr           { $$ = tree.call(@$, "%", $1, $3); }
  ;

unary:
    postfix
  | "-" unary   { $$ = tree.call(@$, "-", $2); }
  | "!" unary   { $$ = tree.call(@$, "!", $2); }
  | "~" unary   { $$ = tree.call(@$, "~", $2); }
  | "*" unary   { $$ = tree.call(@$, "*", $2); }
  | "&" unary   { $$ = tree.call(@$, "&", $2); }
  | "++" unary  { $$ = tree.expr(@$, Step{$2, true, true}); }
  | "--" unary  { $$ = tree.expr(@$, Step{$2, false, true}); }
  | CAST unary  { $$ = tree.cast(@$, $1, $2); }
  ;

postfix:
    primary
  | postfix FIELD  { $$ = tree.expr(@$, FieldRef{$1, $2}); }
  | postfix "[" expr "]"  { $$ = tree.expr(@$, Index{$1, $3}); }
  | postfix "++"   { $$ = tree.expr(@$, Step{$1, true, false}); }
  | postfix "--"   { $$ = tree.expr(@$, Step{$1, false, false}); }
  ;

primary:
    NUMBER             { $$ = tree.expr(@$, Number{$1}); }
  | STRING             { $$ = tree.expr(@$, String{$1}); }
  | NAME               { $$ = tree.expr(@$, Name{$1}); }
  | NAME "(" args ")"  { $$ = tree.expr(@$, Call{$1, $3}); }
  | "sizeof" "(" expr ")"  { $$ = tree.call(@$, "sizeof", $3); }
  | "sizeof" CAST      { $$ = tree.size_of(@$, $2); }
  | VARIABLE           { $$ = tree.expr(@$, Variable{$1}); }
  | POSITIONAL         { $$ = tree.expr(@$, Positional{$1}); }
  | MAP %prec WHOLE_MAP  { $$ = tree.expr(@$, MapRef{$1, {}}); }  // what stands in brackets behind it is its key
  | MAP "[" exprs "]"  { $$ = tree.expr(@$, MapRef{$1, $3}); }
  | "(" expr ")"       { $$ = $2; }
  ;

args:
    %empty  { $$ = Exprs(); }
  | exprs   { $$ = $1; }
  ;

exprs:
    expr            { $$ = append({}, $1); }
  | exprs "," expr  { $$ = append($1, $3); }
  ;

%%

namespace zeektrace {

void Grammar::report_syntax_error(const context& where) const {
  if (tree.stopped()) return;
  std::vector<symbol_kind_type> expected(static_cast<size_t>(where.expected_tokens(nullptr, 0)));
  if (!expected.empty()) where.expected_tokens(expected.data(), static_cast<int>(expected.size()));
  explain_syntax_error(tree, where.token(), where.location(), expected);
}

// Called only for errors that report_syntax_error does not see; the grammar has none.
void Grammar::error(const location_type& where, const std::string& message) { tree.stop_syntax(where, message); }

}  // namespace zeektrace
