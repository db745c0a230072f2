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

namespace zeektrace {
namespace {

template <class T>
std::vector<T> append(std::vector<T> list, T item) {
  list.push_back(std::move(item));
  return list;
}

NamedExprs with(NamedExprs list, std::string name, ExprPtr value) {
  return {append(std::move(list.values), std::move(value)), append(std::move(list.names), std::move(name))};
}

TypeSpelling with_suffix(TypeSpelling type, uint32_t suffix) {
  type.suffixes.push_back(suffix);
  return type;
}

Routine::Parameter parameter(Span span, Routine::Parameter::Kind kind, std::string name,
                             std::optional<TypeSpelling> type = std::nullopt) {
  return {kind, std::move(name), span, std::move(type)};
}

CDefinition named(Span span, std::string keyword, std::string name, CDefinition definition) {
  definition.span = span;
  definition.keyword = std::move(keyword);
  definition.name = std::move(name);
  return definition;
}

CDefinition enumeration(CDefinition definition, CDefinition::Enumerator last) {
  definition.enumerators.push_back(std::move(last));
  return definition;
}

}  // namespace
}  // namespace zeektrace
}

%token END 0
%token <AttachSpec> POINT
%token <uint64_t> NUMBER BOOL
%token <uint32_t> POSITIONAL
%token <std::string> STRING NAME VARIABLE MAP FIELD ASSIGN
%token <TypeSpelling> CAST
%token <std::string> RECORD ENUM "enum"
%token IF "if" ELSE "else" RETURN "return" SIZEOF "sizeof" OFFSETOF "offsetof" CONTAINER_OF "container_of" TYPEOF "typeof"
%token WHILE "while" UNROLL "unroll" FOR "for" BREAK "break" CONTINUE "continue" LET "let" RANGE ".."
%token CONFIG "config" MACRO "macro" FUNCTION "fn"
%token BRACE_OPEN "{" NESTED_OPEN BRACE_CLOSE "}" PAREN_OPEN "(" PAREN_CLOSE ")" BRACKET_OPEN "[" BRACKET_CLOSE "]"
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
%type <ExprPtr> predicate expr unary postfix primary argument
%type <Exprs> exprs args arguments
%type <NamedExprs> named
%type <ParsedBlock> block statements
%type <ParsedStmt> simple choice loop
%type <Arms> arms
%type <TypeSpelling> type named_type type_of
%type <std::string> words member_path
%type <std::vector<Routine::Parameter>> parameters parameter_list typed_parameters
%type <CDefinition> in_place members enumerators
%type <CBase> base
%type <CDeclarators> declarators
%type <CDeclarator> plain pointer more
%type <CDefinition::Enumerator> enumerator
%type <Exprs> lengths
%type <uint32_t> stars

%%

script:
    %empty
  | script probe
  | script definition
  | script "config" ASSIGN "{" settings "}"
  | script "let" MAP ASSIGN NAME "(" args ")" ";"  { tree.map(@3, $3, $5, $7); }
  | script routine
  | script ";"
  ;

settings:
    %empty
  | settings setting
  | settings ";"
  ;

setting:
    NAME ASSIGN NAME    { tree.setting(@$, $1, $3); }
  | NAME ASSIGN NUMBER  { tree.setting(@$, $1, std::to_string($3)); }
  | NAME ASSIGN BOOL    { tree.setting(@$, $1, std::to_string($3)); }
  | NAME ASSIGN STRING  { tree.setting(@$, $1, $3); }
  ;

routine:
    "macro" NAME parameters block  { tree.macro(@2, $2, $3, $4); }
  | "fn" NAME "(" typed_parameters ")" block  { tree.function(@2, $2, $4, {}, $6); }
  | "fn" NAME "(" typed_parameters ")" ":" type block  { tree.function(@2, $2, $4, $7, $8); }
  ;

parameters:
    %empty                  { $$ = std::vector<Routine::Parameter>(); }
  | "(" ")"                 { $$ = std::vector<Routine::Parameter>(); }
  | "(" parameter_list ")"  { $$ = $2; }
  ;

parameter_list:
    NAME                          { $$ = append({}, parameter(@1, Routine::Parameter::Kind::expression, $1)); }
  | VARIABLE                      { $$ = append({}, parameter(@1, Routine::Parameter::Kind::variable, $1)); }
  | MAP                           { $$ = append({}, parameter(@1, Routine::Parameter::Kind::map, $1)); }
  | parameter_list "," NAME       { $$ = append($1, parameter(@3, Routine::Parameter::Kind::expression, $3)); }
  | parameter_list "," VARIABLE   { $$ = append($1, parameter(@3, Routine::Parameter::Kind::variable, $3)); }
  | parameter_list "," MAP        { $$ = append($1, parameter(@3, Routine::Parameter::Kind::map, $3)); }
  ;

typed_parameters:
    %empty                                    { $$ = std::vector<Routine::Parameter>(); }
  | VARIABLE ":" type                         { $$ = append({}, parameter(@1, Routine::Parameter::Kind::variable, $1, $3)); }
  | typed_parameters "," VARIABLE ":" type    { $$ = append($1, parameter(@3, Routine::Parameter::Kind::variable, $3, $5)); }
  ;

type: named_type | type_of;

named_type:
    words             { $$ = TypeSpelling{$1, {}}; }
  | RECORD NAME       { $$ = TypeSpelling{$2, {}}; }
  | "enum" NAME       { $$ = TypeSpelling{$2, {}}; }
  | named_type "*"    { $$ = with_suffix($1, TypeSpelling::star); }
  | named_type "[" NUMBER "]"  { $$ = with_suffix($1, static_cast<uint32_t>($3)); }
  ;

type_of:
    "typeof" "(" expr ")"    { $$ = TypeSpelling{"", {}, $3}; }
  | "typeof" CAST            { $$ = $2; }
  | type_of "*"              { $$ = with_suffix($1, TypeSpelling::star); }
  | type_of "[" NUMBER "]"   { $$ = with_suffix($1, static_cast<uint32_t>($3)); }
  ;

words:
    NAME
  | words NAME  { $$ = $1 + " " + $2; }
  ;

// ---- C's definitions. Where a member is no pointer, its name is the last of the words. ----

definition:
    RECORD NAME "{" members "}"      { tree.define(@$, $1, $2, $4); }
  | "enum" NAME "{" enumerators "}"  { tree.define(@$, $1, $2, $4); }
  | "enum" "{" enumerators "}"       { tree.define(@$, $1, "", $3); }
  | RECORD NAME ";"
  ;

in_place:
    RECORD "{" members "}"           { $$ = named(@$, $1, "", $3); }
  | RECORD NAME "{" members "}"      { $$ = named(@$, $1, $2, $4); }
  | "enum" "{" enumerators "}"       { $$ = named(@$, $1, "", $3); }
  | "enum" NAME "{" enumerators "}"  { $$ = named(@$, $1, $2, $4); }
  ;

members:
    %empty                        { $$ = CDefinition(); }
  | members base declarators ";"  { $$ = tree.members($1, $2, $3); }
  ;

base:
    words          { $$ = CBase{@$, $1, {}}; }
  | RECORD words   { $$ = CBase{@$, $2, {}}; }
  | "enum" words   { $$ = CBase{@$, $2, {}}; }
  | in_place       { $$ = CBase{@$, "", $1}; }
  | in_place NAME  { $$ = CBase{@$, $2, $1}; }
  ;

declarators:
    plain                 { $$ = append({}, $1); }
  | pointer               { $$ = append({}, $1); }
  | declarators "," more  { $$ = append($1, $3); }
  ;

plain:
    lengths   { $$ = CDeclarator{@$, 0, "", $1, nullptr}; }
  | ":" expr  { $$ = CDeclarator{@$, 0, "", {}, $2}; }
  ;

pointer:
    stars NAME lengths                      { $$ = CDeclarator{@$, $1, $2, $3, nullptr}; }
  | "(" "*" NAME ")" CAST                   { $$ = CDeclarator{@$, 1, $3, {}, nullptr}; }
  | "(" "*" NAME ")" "(" c_parameters ")"   { $$ = CDeclarator{@$, 1, $3, {}, nullptr}; }
  ;

more:
    pointer
  | NAME lengths   { $$ = CDeclarator{@$, 0, $1, $2, nullptr}; }
  | NAME ":" expr  { $$ = CDeclarator{@$, 0, $1, {}, $3}; }
  ;

stars:
    "*"        { $$ = 1; }
  | stars "*"  { $$ = $1 + 1; }
  ;

lengths:
    %empty                { $$ = Exprs(); }
  | lengths "[" "]"       { $$ = append($1, ExprPtr()); }
  | lengths "[" expr "]"  { $$ = append($1, $3); }
  ;

c_parameters: %empty | c_parameter | c_parameters "," c_parameter;

c_parameter: base | base stars | base stars NAME;

enumerators:
    enumerator                  { $$ = enumeration({}, $1); }
  | enumerators "," enumerator  { $$ = enumeration($1, $3); }
  | enumerators ","             { $$ = $1; }
  ;

enumerator:
    NAME              { $$ = CDefinition::Enumerator{@$, $1, nullptr}; }
  | NAME ASSIGN expr  { $$ = CDefinition::Enumerator{@$, $1, $3}; }
  ;

// ---- probes ----

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
  | "{" statements simple "}"  { $$ = tree.open_block($2, $3); }
  ;

statements:
    %empty                 { $$ = ParsedBlock(); }
  | statements ";"         { $$ = $1; }
  | statements simple ";"  { $$ = tree.block($1, $2); }
  | statements choice      { $$ = tree.block($1, $2); }
  | statements loop        { $$ = tree.block($1, $2); }
  | statements NESTED_OPEN statements "}"         { $$ = tree.block($1, tree.scope(@$, $3)); }
  | statements NESTED_OPEN statements simple "}"  { $$ = tree.block($1, tree.scope(@$, tree.block($3, $4))); }
  ;

simple:
    expr              { $$ = tree.statement(@$, Evaluate{$1}); }
  | expr ASSIGN expr  { $$ = tree.assign(@$, $1, $2, $3); }
  | "let" VARIABLE                        { $$ = tree.let(@$, @2, $2, {}, nullptr); }
  | "let" VARIABLE ASSIGN expr            { $$ = tree.let(@$, @2, $2, {}, $4); }
  | "let" VARIABLE ":" type               { $$ = tree.let(@$, @2, $2, $4, nullptr); }
  | "let" VARIABLE ":" type ASSIGN expr   { $$ = tree.let(@$, @2, $2, $4, $6); }
  | "break"           { $$ = tree.statement(@$, Break{}); }
  | "continue"        { $$ = tree.statement(@$, Continue{}); }
  | "return"          { $$ = tree.statement(@$, Return{}); }
  | "return" expr     { $$ = tree.statement(@$, Return{$2}); }
  ;

choice:
    arms               { $$ = tree.choice(@$, $1, {}); }
  | arms "else" block  { $$ = tree.choice(@$, $1, $3); }
  ;

loop:
    "while" "(" expr ")" block   { $$ = tree.loop(@$, $5, While{$3, {}}); }
  | "unroll" "(" expr ")" block  { $$ = tree.loop(@$, $5, Unroll{$3, {}}); }
  | "for" "(" VARIABLE ":" expr ")" block            { $$ = tree.loop(@$, $7, For{tree.expr(@3, Variable{$3}), $5, nullptr, {}}); }
  | "for" "(" VARIABLE ":" expr ".." expr ")" block  { $$ = tree.loop(@$, $9, For{tree.expr(@3, Variable{$3}), $5, $7, {}}); }
  | "for" VARIABLE ":" expr block                    { $$ = tree.loop(@$, $5, For{tree.expr(@2, Variable{$2}), $4, nullptr, {}}); }
  | "for" VARIABLE ":" expr ".." expr block          { $$ = tree.loop(@$, $7, For{tree.expr(@2, Variable{$2}), $4, $6, {}}); }
  ;

arms:
    "if" expr block              { $$ = append({}, Arm{@$, $2, $3}); }
  | arms "else" "if" expr block  { $$ = append($1, Arm{{@3.begin, @5.end}, $4, $5}); }
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
  | "(" type_of ")" unary  { $$ = tree.cast(@$, $2, $4); }
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
  | BOOL               { $$ = tree.expr(@$, Number{$1, true}); }
  | STRING             { $$ = tree.expr(@$, String{$1}); }
  | NAME               { $$ = tree.expr(@$, Name{$1}); }
  | NAME "(" args ")"  { $$ = tree.expr(@$, Call{$1, $3}); }
  | "sizeof" "(" expr ")"  { $$ = tree.call(@$, "sizeof", $3); }
  | "sizeof" CAST      { $$ = tree.size_of(@$, $2); }
  | "sizeof" "(" type_of ")"  { $$ = tree.size_of(@$, $3); }
  | "offsetof" "(" type "," member_path ")"      { $$ = tree.offset_of(@$, $3, $5); }
  | "container_of" "(" expr "," type "," member_path ")"  { $$ = tree.container_of(@$, $3, $5, $7); }
  | VARIABLE           { $$ = tree.expr(@$, Variable{$1}); }
  | POSITIONAL         { $$ = tree.expr(@$, Positional{$1}); }
  | MAP %prec WHOLE_MAP  { $$ = tree.expr(@$, MapRef{$1, {}}); }  // what stands in brackets behind it is its key
  | MAP "[" exprs "]"  { $$ = tree.expr(@$, MapRef{$1, $3}); }
  | "(" expr ")"       { $$ = $2; }
  | "(" ")"            { $$ = tree.tuple(@$, {}); }
  | "(" exprs "," ")"  { $$ = tree.tuple(@$, $2); }
  | "(" exprs "," expr ")"  { $$ = tree.tuple(@$, append($2, $4)); }
  | "(" named ")"      { $$ = tree.record(@$, $2); }
  | block              { $$ = tree.block_value(@$, $1); }
  ;

named:
    NAME ASSIGN expr            { $$ = with({}, $1, $3); }
  | named "," NAME ASSIGN expr  { $$ = with($1, $3, $5); }
  ;

member_path:
    NAME
  | member_path FIELD  { $$ = $1 + "." + $2; }
  ;

args:
    %empty     { $$ = Exprs(); }
  | arguments  { $$ = $1; }
  ;

arguments:
    argument                { $$ = append({}, $1); }
  | arguments "," argument  { $$ = append($1, $3); }
  ;

argument:
    expr
  | type_of  { $$ = tree.expr(@$, TypeValue{$1}); }
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
