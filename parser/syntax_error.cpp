#include "parser/syntax_error.h"

#include <algorithm>
#include <cctype>

#include "parser/habits.h"

namespace zeektrace {
namespace {

using kind = Grammar::symbol_kind;

struct Mistake {
  Grammar::symbol_kind_type found;
  std::string text;  // of what was found
  std::span<const Grammar::symbol_kind_type> expected;
  std::string_view before;  // the statement up to it
  std::string_view behind;  // the rest of its line

  // The character before it, blanks left out.
  char last_before() const {
    size_t end = before.find_last_not_of(" \t");
    return end == std::string_view::npos ? '\0' : before[end];
  }
  bool follows_a_word() const {
    return before.ends_with(' ') && (std::isalnum(static_cast<unsigned char>(last_before())) || last_before() == '_');
  }
  bool expects(Grammar::symbol_kind_type symbol) const {
    return std::find(expected.begin(), expected.end(), symbol) != expected.end();
  }
  bool expects_value() const { return expects(kind::S_NUMBER); }
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
  if (mistake.expects(kind::S_RANGE)) return "expected a map, or a range such as 0..10";
  if (mistake.expects(kind::S_VARIABLE)) return "expected a variable, such as $x";
  if (mistake.expects(kind::S_ASSIGN) && !mistake.expects(kind::S_PLUS)) return "expected '='";
  if (mistake.expects(kind::S_COLON) && !mistake.expects(kind::S_PLUS)) return "expected ':'";
  if (mistake.expects(kind::S_COLON)) return "expected ':' and the value for when the condition does not hold";
  if (mistake.expects(kind::S_BRACKET_CLOSE)) return "expected ',' or ']' in the key of the map";
  if (mistake.expects(kind::S_COMMA)) return "expected ',' or ')'";
  if (mistake.expects(kind::S_PAREN_CLOSE)) return "expected ')'";
  if (mistake.expects(kind::S_PAREN_OPEN)) return "expected '('";
  return "this does not belong here";
}

// Where a statement or the end of its block should follow.
std::string advice_behind_statement(const Mistake& mistake) {
  const bool is_brace = mistake.found == kind::S_BRACE_OPEN, is_number = mistake.found == kind::S_NUMBER;
  if (is_brace && mistake.before.find('@') != std::string_view::npos && !mistake.before.ends_with(' '))
    return "a map's key stands in brackets: @name[key]";
  if (is_brace || mistake.found == kind::S_COLON)
    return "no block begins here; is there a '}' missing before it?";
  if (is_number && mistake.before.ends_with('@')) return "a map's name begins with a letter: @m1";
  bool argument = is_number || mistake.found == kind::S_STRING || mistake.found == kind::S_VARIABLE || mistake.found == kind::S_MAP;
  if (argument && mistake.follows_a_word()) return "what a function is given stands in parentheses: printf(\"hello\\n\")";
  return "";
}

// Before a block has begun.
std::string advice_outside(const Mistake& mistake) {
  const std::string_view rest = mistake.behind.substr(std::min(mistake.behind.find_first_not_of(' '), mistake.behind.size()));
  if (rest.starts_with("//")) return "// begins a comment; a predicate that always holds is left out";
  if (mistake.found == kind::S_YYEOF || rest.starts_with("("))
    return "what a probe does stands in braces: BEGIN { … }";
  if (mistake.found == kind::S_POINT) return "attach points are joined by commas; names with spaces go in quotes";
  return "";
}

std::string advice(const Mistake& mistake) {
  bool value = mistake.expects_value();
  if (std::string habit = habit_in(std::string(mistake.before) + mistake.text); !habit.empty()) return habit;
  if (mistake.expects(kind::S_PREDICATE_OPEN)) return advice_outside(mistake);
  if (mistake.expects(kind::S_SEMICOLON) && !value && !mistake.expects(kind::S_POINT)) return advice_behind_statement(mistake);
  if (mistake.found == kind::S_PREDICATE_OPEN) return "a predicate stands between the attach point and its block";
  if (mistake.found == kind::S_BRACE_OPEN && mistake.expects(kind::S_PREDICATE_CLOSE))
    return "close the predicate with / before the block";
  if (mistake.found == kind::S_BRACKET_CLOSE && value) return "give a key; a map without one is just @name";
  if (mistake.found == kind::S_COLON && mistake.expects(kind::S_PAREN_CLOSE) && !mistake.expects(kind::S_BRACKET_CLOSE))
    return "the names of events and files are texts, in quotes: pmc(\"page-faults\")";
  if (mistake.expects(kind::S_PAREN_OPEN) && !value) return "the condition stands in parentheses: if (…) { … }";
  if (mistake.expects(kind::S_BRACKET_CLOSE)) return "a key ends with ]";
  if (mistake.found == kind::S_ASSIGN && !value && mistake.text == "=") {
    return "== compares; = gives a value, in a statement of its own";
  }
  if (mistake.found == kind::S_BRACE_CLOSE && mistake.expects(kind::S_POINT)) return "there is one '}' too many";
  if (mistake.found == kind::S_ELSE && value) return "else follows the '}' of an if";
  if (mistake.expects(kind::S_BRACE_OPEN) && !value) {
    return "what if and else do stands in braces";
  }
  if (mistake.found == kind::S_RECORD && value) return "types are defined before the probes; a cast names one: (struct foo *)arg0";
  if (mistake.found == kind::S_IF && value) return "an if is no value; write condition ? one : other";
  return "";
}

struct Missing {
  const char* what = nullptr;
  const char* instead = nullptr;
};

// Constructs of today's language that fail at a sign of their own.
Missing missing_construct(const Mistake& mistake) {
  bool value = mistake.expects_value();
  if (mistake.found == kind::S_PLUS && value) return {"a sign + before a value", "leave it out"};
  return {};
}

}  // namespace

void explain_syntax_error(Tree& tree, Grammar::symbol_kind_type found, Span where,
                          std::span<const Grammar::symbol_kind_type> expected) {
  const std::string_view script = tree.source().text();
  std::string_view behind = script.substr(std::min<size_t>(where.end, script.size()));
  Mistake mistake{found, std::string(tree.source().slice(where)), expected, statement_around(script, where.begin, where.begin),
                  behind.substr(0, behind.find('\n'))};
  if (Missing missing = missing_construct(mistake); missing.what) {
    tree.stop(Code::not_yet, where, missing.what, missing.instead);
    return;
  }
  tree.stop_syntax(where, fmt::format("{}, found {}", expectation(mistake), found_as(mistake)), advice(mistake));
}

}  // namespace zeektrace
