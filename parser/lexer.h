// Text → tokens for the grammar. Knows where it stands (between probes, in a predicate, in a block), because `/` and
// words mean different things there, and which brackets are open. Private to parser/.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "parser/grammar.h"  // made by bison
#include "parser/tree.h"

namespace zeektrace {

class Lexer {
 public:
  explicit Lexer(Tree& tree);
  ~Lexer();
  Lexer(const Lexer&) = delete;
  Lexer& operator=(const Lexer&) = delete;

  // The next token; after Tree::stop the one that makes the grammar give up. `waiting` is how many symbols the
  // grammar has on its stack.
  Grammar::symbol_type next(size_t waiting);

  // For the rules in lexer.l: the token that was just matched …
  void matched(size_t length);
  void shorten(size_t length);
  Span span() const { return span_; }
  Tree& tree() { return tree_; }
  Grammar::symbol_type token(Grammar::token_kind_type kind) { return {kind, span_}; }
  template <class Value>
  Grammar::symbol_type token(Grammar::token_kind_type kind, Value value) {
    return {kind, std::move(value), span_};
  }
  // … a word, a number, a string, ->field, a cast that may be a bracketed name instead, an attach point …
  bool is_keyword(std::string_view text) const;
  Grammar::symbol_type word(std::string_view text);
  Grammar::symbol_type number(std::string_view text);
  Grammar::symbol_type field(std::string_view text);
  Grammar::symbol_type string(std::string_view text);
  Grammar::symbol_type parameter(std::string_view text);
  bool is_cast(std::string_view text);
  Grammar::symbol_type cast(std::string_view text);
  Grammar::symbol_type attach_point(std::string_view text);
  Grammar::symbol_type unexpected(std::string_view text);
  Grammar::symbol_type unsupported(std::string_view what, std::string_view instead);
  // … and brackets. close() is true when that was the last one open.
  Grammar::symbol_type open(Grammar::token_kind_type kind);
  bool close();
  Grammar::symbol_type end();
  Grammar::symbol_type open_block();
  bool is_inside() const { return !open_.empty(); }
  // What stands between probes and is none: "struct", "config" …
  bool is_declaration(std::string_view word) const;
  Grammar::symbol_type declaration(std::string_view word);

  // The preprocessor: #define without parameters, #include, and what #if and its kin leave out. False after an error.
  bool directive(std::string_view text);
  bool is_skipping() const;
  // The text that a #define has given to a word, which is then read in its place; null when it has given none.
  const std::string* expansion(std::string_view word);
  // The end of such a text; false: it is the script's.
  bool end_of_expansion();

 private:
  Grammar::symbol_type error() { return Grammar::make_YYerror(span_); }

  Tree& tree_;
  bool define(std::string_view text);
  bool condition(std::string_view text) const;
  bool turn(std::string_view word, std::string_view rest);

  void* scanner_ = nullptr;
  Span span_;
  uint32_t last_end_ = 0;  // of the last token
  std::vector<Span> open_;
  std::map<std::string, std::string, std::less<>> defines_;
  std::vector<std::string> expanding_;  // words whose texts are being read, the innermost last
  size_t expansions_ = 0;
  // Of #if and its kin, those that are open.
  struct Branch {
    Span span;
    bool is_taken = false;    // what follows is read
    bool was_taken = false;   // this, or a branch before
    bool outer_taken = true;
  };
  std::vector<Branch> branches_;
  Grammar::symbol_kind_type previous_ = Grammar::symbol_kind::S_YYEMPTY;
};

}  // namespace zeektrace
