// Text → tokens for the grammar. Knows where it stands (between probes, in a predicate, in a block), because `/` and
// words mean different things there, and which brackets are open. Private to parser/.
#pragma once

#include <cstdint>
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

 private:
  Grammar::symbol_type error() { return Grammar::make_YYerror(span_); }

  Tree& tree_;
  void* scanner_ = nullptr;
  Span span_;
  uint32_t last_end_ = 0;  // of the last token
  std::vector<Span> open_;
  Grammar::symbol_kind_type previous_ = Grammar::symbol_kind::S_YYEMPTY;
};

}  // namespace zeektrace
