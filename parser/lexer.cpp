#include "parser/lexer.h"

#include <algorithm>

#include "parser/literal.h"

namespace zeektrace {

using token = Grammar::token;
using kind = Grammar::symbol_kind;

// What stands for a word by a #define has that word's place.
void Lexer::matched(size_t length) {
  if (expanding_.empty()) span_ = {span_.end, span_.end + static_cast<uint32_t>(length)};
}

void Lexer::shorten(size_t length) {
  if (expanding_.empty()) span_.end = span_.begin + static_cast<uint32_t>(length);
}

Grammar::symbol_type Lexer::unsupported(std::string_view what, std::string_view instead) {
  tree_.stop(Code::not_yet, span_, what, instead);
  return error();
}

namespace {

struct Keyword {
  std::string_view word;
  Grammar::token_kind_type kind;
};
constexpr Keyword keywords[] = {
    {"if", token::IF},           {"else", token::ELSE},       {"return", token::RETURN},
    {"while", token::WHILE},     {"unroll", token::UNROLL},   {"for", token::FOR},
    {"break", token::BREAK},     {"continue", token::CONTINUE}, {"let", token::LET},
    {"sizeof", token::SIZEOF},   {"offsetof", token::OFFSETOF}, {"container_of", token::CONTAINER_OF},
    {"typeof", token::TYPEOF},
};
constexpr std::string_view record_words[] = {"struct", "union", "class"};

}  // namespace

bool Lexer::is_keyword(std::string_view text) const {
  return std::ranges::find(keywords, text, &Keyword::word) != std::end(keywords);
}

Grammar::symbol_type Lexer::word(std::string_view text) {
  for (const Keyword& each : keywords)
    if (each.word == text) return token(each.kind);
  if (std::ranges::find(record_words, text) != std::end(record_words)) return token(token::RECORD, std::string(text));
  if (text == "enum") return token(token::ENUM, std::string(text));
  if (text == "true" || text == "false") return token(token::BOOL, uint64_t{text == "true"});
  if (const Unsupported* row = unsupported_in_block(text)) return unsupported(row->what, row->instead);
  return token(token::NAME, std::string(text));
}

bool Lexer::is_declaration(std::string_view word) const {
  constexpr std::string_view words[] = {"config", "let", "macro", "fn", "enum"};
  return std::ranges::find(words, word) != std::end(words) ||
         std::ranges::find(record_words, word) != std::end(record_words);
}

Grammar::symbol_type Lexer::declaration(std::string_view text) {
  if (text == "config") return token(token::CONFIG);
  if (text == "macro") return token(token::MACRO);
  if (text == "fn") return token(token::FUNCTION);
  return word(text);
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
  bool is_pointer = !cast.type.suffixes.empty() && cast.type.suffixes.back() == TypeSpelling::star;
  if (cast.known || is_pointer) return true;
  if (!cast.type.suffixes.empty()) return false;  // an element
  if (previous_ == kind::S_IF || previous_ == kind::S_WHILE || previous_ == kind::S_UNROLL || previous_ == kind::S_NAME ||
      previous_ == kind::S_SIZEOF || previous_ == kind::S_TYPEOF || previous_ == kind::S_FOR || cast.type.name.find(' ') != std::string::npos) return false;
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
  if (const Unsupported* row = unsupported_outside(point.provider)) return unsupported(row->what, row->instead);
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

// A brace that follows a statement's end opens a block of statements; elsewhere it may open one that has a value.
Grammar::symbol_type Lexer::open_block() {
  bool after_statement = previous_ == kind::S_SEMICOLON || previous_ == kind::S_BRACE_OPEN ||
                         previous_ == kind::S_NESTED_OPEN || previous_ == kind::S_BRACE_CLOSE;
  return open(after_statement ? token::NESTED_OPEN : token::BRACE_OPEN);
}

bool Lexer::close() {
  if (!open_.empty()) open_.pop_back();
  return open_.empty();
}

Grammar::symbol_type Lexer::end() {
  span_ = {last_end_, last_end_};  // not behind the blank lines that may follow
  if (!branches_.empty()) {
    tree_.stop_syntax(branches_.back().span, "this #if is never closed", "close it with #endif");
    return error();
  }
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

// ---- the preprocessor ----

namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n\f\v\\";
  size_t begin = text.find_first_not_of(blanks);
  if (begin == text.npos) return "";
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

size_t word_length(std::string_view text) {
  size_t length = 0;
  while (length < text.size() && (std::isalnum(static_cast<unsigned char>(text[length])) || text[length] == '_')) length++;
  return length;
}

// Scripts ask for the first whether they must include headers: types of the kernel come from its BTF in any case.
constexpr std::string_view predefined[] = {"BPFTRACE_HAVE_BTF", "ZEEKTRACE"};

}  // namespace

bool Lexer::directive(std::string_view text) {
  if (span_.begin == 0 && text.starts_with("#!")) return true;
  text = trimmed(text.substr(1));
  std::string_view word = text.substr(0, word_length(text));
  std::string_view rest = trimmed(text.substr(word.size()));
  if (word == "if" || word == "ifdef" || word == "ifndef" || word == "elif" || word == "else" || word == "endif")
    return turn(word, rest);
  if (is_skipping()) return true;
  if (word == "define") return define(rest);
  if (word == "undef") return defines_.erase(std::string(rest)), true;
  if (word == "pragma") return true;
  if (word == "include") {
    constexpr std::string_view quotes = "<>\"";
    std::string_view header = rest.substr(0, rest.find_last_of(quotes) + 1);
    if (header.size() > 2) return tree_.include(std::string(header.substr(1, header.size() - 2)), header[0] == '"'), true;
    tree_.stop_syntax(span_, "#include needs a header's name", "such as #include <linux/sched.h>");
    return false;
  }
  tree_.stop(Code::not_yet, span_, fmt::format("#{}", word), "known are #define, #undef, #include, #if and its kin");
  return false;
}

// #define NAME text. Comments within are left out when the text is read.
bool Lexer::define(std::string_view text) {
  std::string_view name = text.substr(0, word_length(text));
  std::string_view value = text.substr(name.size());
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0]))) {
    tree_.stop_syntax(span_, "#define needs a name", "such as #define LIMIT 100");
    return false;
  }
  if (value.starts_with('(')) {
    tree_.stop(Code::not_yet, span_, "a #define with parameters",
               fmt::format("write a macro of the language: macro {}(x) {{ … }}", name));
    return false;
  }
  std::string& text_of = defines_[std::string(name)] = trimmed(value);
  for (size_t at = 0; (at = text_of.find("\\\n", at)) != text_of.npos;) text_of.replace(at, 2, " ");
  return true;
}

bool Lexer::is_skipping() const { return !branches_.empty() && !branches_.back().is_taken; }

// defined(NAME), a number, or a name that stands for one; with ! before it.
bool Lexer::condition(std::string_view text) const {
  if (text.starts_with('!')) return !condition(trimmed(text.substr(1)));
  bool asks = text.starts_with("defined");
  if (asks) text = trimmed(text.substr(7));
  if (text.starts_with('(') && text.ends_with(')')) text = trimmed(text.substr(1, text.size() - 2));
  auto known = defines_.find(text);
  bool is_known = known != defines_.end() || std::ranges::find(predefined, text) != std::end(predefined);
  if (asks) return is_known;
  std::string_view value = known != defines_.end() ? std::string_view(known->second) : text;
  return !value.empty() && std::isdigit(static_cast<unsigned char>(value[0])) && value.find_first_not_of("0xULul") != value.npos;
}

bool Lexer::turn(std::string_view word, std::string_view rest) {
  if (word.starts_with("if")) {
    bool outer = !is_skipping();
    if (word != "if") rest = rest.substr(0, word_length(rest));
    bool holds = word == "if" ? condition(rest) : condition("defined " + std::string(rest)) == (word == "ifdef");
    branches_.push_back({span_, outer && holds, holds, outer});
    return true;
  }
  if (branches_.empty()) {
    tree_.stop_syntax(span_, fmt::format("#{} without an #if", word), "");
    return false;
  }
  Branch& branch = branches_.back();
  if (word == "endif") {
    branches_.pop_back();
    return true;
  }
  bool holds = !branch.was_taken && (word == "else" || condition(rest));
  branch.is_taken = branch.outer_taken && holds;
  branch.was_taken |= holds;
  return true;
}

const std::string* Lexer::expansion(std::string_view word) {
  constexpr size_t most = 100'000;
  auto found = defines_.find(word);
  if (found == defines_.end() || std::ranges::find(expanding_, word) != expanding_.end()) return nullptr;
  if (++expansions_ > most) {
    tree_.stop_syntax(span_, "the script's #defines stand for too much text", "");
    return nullptr;
  }
  expanding_.push_back(found->first);
  return &found->second;
}

bool Lexer::end_of_expansion() {
  if (expanding_.empty()) return false;
  expanding_.pop_back();
  return true;
}

}  // namespace zeektrace
