#include "parser/lexer.h"

#include <algorithm>

#include "parser/literal.h"

namespace zeektrace {

using token = Grammar::token;
using kind = Grammar::symbol_kind;

void Lexer::matched(size_t length) { span_ = {span_.end, span_.end + static_cast<uint32_t>(length)}; }

void Lexer::shorten(size_t length) { span_.end = span_.begin + static_cast<uint32_t>(length); }

Grammar::symbol_type Lexer::unsupported(std::string_view what, std::string_view instead) {
  tree_.stop(Code::not_yet, span_, what, instead);
  return error();
}

Grammar::symbol_type Lexer::word(std::string_view text) {
  if (text == "if") return token(token::IF);
  if (text == "else") return token(token::ELSE);
  if (text == "return") return token(token::RETURN);
  if (text == "while") return token(token::WHILE);
  if (text == "unroll") return token(token::UNROLL);
  if (text == "break") return token(token::BREAK);
  if (text == "continue") return token(token::CONTINUE);
  if (text == "sizeof") return token(token::SIZEOF);
  if (const Unsupported* row = unsupported_in_block(text)) return unsupported(row->what, row->instead);
  return token(token::NAME, std::string(text));
}

Grammar::symbol_type Lexer::number(std::string_view text) {
  return token(token::NUMBER, read_number(tree_, span_, text));
}

Grammar::symbol_type Lexer::field(std::string_view text) {
  return token(token::FIELD, std::string(text.substr(text.find_last_of(".> \t\r\n\f\v") + 1)));
}

Grammar::symbol_type Lexer::string(std::string_view text) {
  Span inside{span_.begin + 1, span_.end - 1};
  std::string value = read_string(tree_, inside, text.substr(1, text.size() - 2));
  return token(token::STRING, value.substr(0, value.find('\0')));  // a text ends at its NUL, as in C
}

// $1, $2 … and $#.
Grammar::symbol_type Lexer::parameter(std::string_view text) {
  constexpr uint64_t most = 10'000;
  if (text == "$#") return token(token::POSITIONAL, uint32_t{0});
  uint64_t index = 0;
  for (char digit : text.substr(1)) index = std::min(index * 10 + static_cast<uint64_t>(digit - '0'), most);
  if (index > 0 && index < most) return token(token::POSITIONAL, static_cast<uint32_t>(index));
  tree_.stop_syntax(span_, "there is no such parameter", "the first is $1, and $# says how many there are");
  return error();
}

// "(word)" is a cast when the word is a type, and also when a value follows on the line: `(uint46) $x` should be told
// that there is no such type. After `if` and its like, `sizeof` and in a call it is a bracket.
bool Lexer::is_cast(std::string_view text) {
  CastText cast = read_cast(text);
  if (cast.known || cast.type.pointers > 0) return true;
  if (previous_ == kind::S_IF || previous_ == kind::S_WHILE || previous_ == kind::S_UNROLL || previous_ == kind::S_NAME || previous_ == kind::S_SIZEOF || cast.type.name.find(' ') != std::string::npos) return false;
  std::string_view rest = tree_.source().slice({span_.end, static_cast<uint32_t>(tree_.source().text().size())});
  size_t next = rest.find_first_not_of(" \t");
  if (next == std::string_view::npos) return false;
  char c = rest[next];
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
         c == '@' || c == '"' || c == '(';
}

Grammar::symbol_type Lexer::cast(std::string_view text) {
  return token(token::CAST, read_cast(text).type);
}

Grammar::symbol_type Lexer::attach_point(std::string_view text) {
  if (const Unsupported* row = unsupported_outside(text)) return unsupported(row->what, row->instead);
  AttachSpec point = read_attach_point(span_, text);
  if (point.target.empty() && text.ends_with(':')) {
    tree_.stop_syntax(span_, "there is nothing after the colon of this attach point",
                      "write what to probe without a space in between, such as kprobe:vfs_read");
    return error();
  }
  return token(token::POINT, std::move(point));
}

Grammar::symbol_type Lexer::unexpected(std::string_view text) {
  if (text == "\"") {
    tree_.stop(Code::unclosed_string, span_).hint = "close it with \"";
  } else if (text == "#") {
    const Unsupported* row = unsupported_outside(text);
    return unsupported(row->what, row->instead);
  } else {
    Diagnostic& diagnostic = tree_.stop(Code::unexpected_character, span_, "'" + std::string(text) + "'");
    bool curly_quote = text == "\u201c" || text == "\u201d" || text == "\u2018" || text == "\u2019";
    if (curly_quote) diagnostic.hint = "write straight quotes: \"";
    if (text == "'") diagnostic.hint = "a text stands in double quotes: \"…\"";
    if (text == "$") diagnostic.hint = "a variable has a name: $x; a parameter is $1, $2 …";
    if (text == ")") diagnostic.hint = "a name with commas or spaces goes in quotes: uprobe:BIN:\"f(int, char)\"";
  }
  return error();
}

Grammar::symbol_type Lexer::open(Grammar::token_kind_type kind) {
  open_.push_back(span_);
  if (open_.size() > max_nesting) tree_.stop(Code::nested_too_deep, span_, max_nesting);
  return token(kind);
}

bool Lexer::close() {
  if (!open_.empty()) open_.pop_back();
  return open_.empty();
}

Grammar::symbol_type Lexer::end() {
  span_ = {last_end_, last_end_};  // not behind the blank lines that may follow
  if (open_.empty()) return token(token::END);
  std::string_view bracket = tree_.source().slice(open_.back());
  if (bracket == "{") {
    tree_.stop(Code::unclosed_block, open_.back());
  } else {
    tree_.stop_syntax(open_.back(), fmt::format("this '{}' is never closed", bracket),
                      fmt::format("close it with '{}'", bracket == "(" ? ")" : "]"));
  }
  return error();
}

}  // namespace zeektrace
