#include "parser/syntax_error.h"

#include <algorithm>

namespace zeektrace {
namespace {

using kind = Grammar::symbol_kind;

struct Mistake {
  Grammar::symbol_kind_type found;
  std::string text;  // of what was found
  std::span<const Grammar::symbol_kind_type> expected;

  bool expects(Grammar::symbol_kind_type symbol) const {
    return std::find(expected.begin(), expected.end(), symbol) != expected.end();
  }
  bool expects_value() const { return expects(kind::S_NUMBER); }
  bool expects_operator() const { return expects(kind::S_PLUS) && !expects(kind::S_NUMBER); }
};

std::string shortened(std::string_view text) {
  constexpr size_t most = 32;
  text = text.substr(0, text.find('\n'));
  if (text.size() <= most) return std::string(text);
  size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}

std::string found_as(const Mistake& mistake) {
  if (mistake.found == kind::S_YYEOF) return "the end of the script";
  if (mistake.found == kind::S_STRING || mistake.found == kind::S_QUOTED) return "a string";
  return fmt::format("'{}'", shortened(mistake.text));
}

// What could have stood there, as one would say it. The first that fits; the order is from the special to the general.
std::string expectation(const Mistake& mistake) {
  bool value = mistake.expects_value();
  if (mistake.expects(kind::S_POINT)) {
    return mistake.expects(kind::S_YYEOF) ? "expected a probe such as kprobe:vfs_read" : "expected an attach point";
  }
  if (mistake.expects(kind::S_PREDICATE_OPEN)) return "expected '{', ',' or a /predicate/ after the attach point";
  if (mistake.expects(kind::S_PREDICATE_CLOSE)) return "expected '/' and a block to end the predicate";
  if (value && mistake.expects(kind::S_BRACE_CLOSE)) return "expected a statement or '}'";
  if (value && mistake.expects(kind::S_PAREN_CLOSE)) return "expected an argument or ')'";
  if (value) return "expected an expression";
  if (mistake.expects(kind::S_SEMICOLON)) return "expected ';' or '}' after this statement";
  if (mistake.expects(kind::S_BRACE_OPEN)) return mistake.expects(kind::S_IF) ? "expected '{' or if" : "expected '{'";
  if (mistake.expects(kind::S_COLON)) return "expected ':' and the value for when the condition does not hold";
  if (mistake.expects(kind::S_BRACKET_CLOSE)) return "expected ',' or ']' in the key of the map";
  if (mistake.expects(kind::S_COMMA)) return "expected ',' or ')' in the arguments";
  if (mistake.expects(kind::S_PAREN_CLOSE)) return "expected ')'";
  if (mistake.expects(kind::S_PAREN_OPEN)) return "expected '('";
  return "this does not belong here";
}

std::string advice(const Mistake& mistake) {
  bool value = mistake.expects_value();
  if (mistake.found == kind::S_ASSIGN && !value && mistake.text == "=") {
    return "== compares; = gives a value, in a statement of its own";
  }
  if (mistake.found == kind::S_BRACE_CLOSE && mistake.expects(kind::S_POINT)) return "there is one '}' too many";
  if (mistake.found == kind::S_ELSE && value) return "else follows the '}' of an if";
  if (mistake.found == kind::S_POINT && mistake.expects(kind::S_PREDICATE_OPEN)) {
    return "attach points are joined by commas; names with spaces go in quotes";
  }
  if (mistake.expects(kind::S_BRACE_OPEN) && !mistake.expects(kind::S_PREDICATE_OPEN)) {
    return "what if and else do stands in braces";
  }
  if (mistake.found == kind::S_IF && value) return "an if is no value; write condition ? one : other";
  return "";
}

struct Missing {
  const char* what = nullptr;
  const char* instead = nullptr;
};

// Constructs of today's language that fail at a sign of their own.
Missing missing_construct(const Mistake& mistake) {
  bool value = mistake.expects_value(), after_value = mistake.expects_operator();
  bool in_brackets = mistake.expects(kind::S_PAREN_CLOSE) && !mistake.expects(kind::S_COMMA);
  if (mistake.found == kind::S_COMMA && after_value && in_brackets) {
    return {"a tuple", "use several keys: @name[a, b]"};
  }
  if (mistake.found == kind::S_PLUS && value) return {"a sign + before a value", "leave it out"};
  if (mistake.found == kind::S_BRACE_OPEN && value) return {"a block within a block", "put its statements here"};
  return {};
}

}  // namespace

void explain_syntax_error(Tree& tree, Grammar::symbol_kind_type found, Span where,
                          std::span<const Grammar::symbol_kind_type> expected) {
  Mistake mistake{found, std::string(tree.source().slice(where)), expected};
  if (Missing missing = missing_construct(mistake); missing.what) {
    tree.stop(Code::not_yet, where, missing.what, missing.instead);
    return;
  }
  tree.stop_syntax(where, fmt::format("{}, found {}", expectation(mistake), found_as(mistake)), advice(mistake));
}

}  // namespace zeektrace
