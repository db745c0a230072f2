#include "probes/cxx_name.h"

#include <cxxabi.h>

#include <cctype>
#include <cstdlib>

#include "probes/glob.h"

namespace zeektrace {

namespace {

bool is_word_char(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

bool starts_with_at(std::string_view text, size_t at, std::string_view what) {
  return text.substr(at, what.size()) == what;
}

// Words that a demangled name can have although the mangled one does not spell them: C++'s own words, and the
// names that the Itanium C++ ABI abbreviates (§5.1.5, §5.1.10). A part of a pattern that lies within one of
// them proves nothing.
bool may_be_abbreviated(std::string_view word) {
  static constexpr std::string_view vocabulary =
      "std allocator basic_string basic_istream basic_ostream basic_iostream char_traits operator new "
      "delete co_await void wchar_t bool char char8_t char16_t char32_t signed unsigned short int long "
      "__int128 float double __float80 __float128 decltype nullptr_t auto const volatile restrict "
      "noexcept throw sizeof typeid virtual thunk non covariant return to guard variable for vtable "
      "VTT typeinfo name construction in TLS init wrapper function reference temporary transaction "
      "clone lambda unnamed type anonymous namespace string istream ostream iostream true false this "
      "abi _Float16 half dynamic_cast static_cast const_cast reinterpret_cast alignof default arg "
      "bfloat16_t template parameter object safe dynamic invocation static hidden alias java resource "
      "Class imaginary complex ul ull requires enable_if fp parm";
  if (vocabulary.find(word) != std::string_view::npos) return true;
  return word.find_first_not_of("0123456789") == std::string_view::npos;
}

// The literal runs of word characters in a pattern; what stands in a set [...] is not literal.
std::vector<std::string> telling_words(std::string_view text, bool glob) {
  std::vector<std::string> words;
  std::string word;
  const auto finish = [&] {
    if (!word.empty() && !may_be_abbreviated(word)) words.push_back(word);
    word.clear();
  };
  bool in_set = false;
  for (const char c : text) {
    if (glob && c == '[') in_set = true;
    if (!in_set && is_word_char(c))
      word += c;
    else
      finish();
    if (c == ']') in_set = false;
  }
  finish();
  return words;
}

// Where the bracket that closes at text[close] was opened; npos when nowhere. "operator<" and its kin are not
// brackets, but stand left of the parameters, where this never looks.
size_t opening_of(std::string_view text, size_t close, char open_char, char close_char) {
  size_t depth = 0;
  for (size_t i = close + 1; i-- > 0;) {
    if (text[i] == close_char) depth++;
    if (text[i] == open_char && --depth == 0) return i;
  }
  return std::string_view::npos;
}

bool drop_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

// The place after a return type ("void f<int>"): after the last space outside brackets, not counting
// "operator new".
size_t start_of_name(std::string_view text) {
  size_t start = 0;
  size_t depth = 0;
  for (size_t i = 0; i < text.size(); i++) {
    if (starts_with_at(text, i, "operator") && (i == 0 || !is_word_char(text[i - 1])) &&
        (i + 8 == text.size() || !is_word_char(text[i + 8])))
      return depth == 0 ? start : 0;
    if (text[i] == '<' || text[i] == '(' || text[i] == '{') depth++;
    if ((text[i] == '>' || text[i] == ')' || text[i] == '}') && depth > 0) depth--;
    if (text[i] == ' ' && depth == 0) start = i + 1;
  }
  return start;
}

// Spaces stay between two words only; ABI tags go, and so do the inline namespaces of libstdc++ (__cxx11) and libc++ (__1).
std::string without_decoration(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == '[' && starts_with_at(text, i, "[abi:")) {
      const size_t end = text.find(']', i);
      if (end == std::string_view::npos) break;
      i = end;
      continue;
    }
    bool skipped = false;
    for (const std::string_view name : {"std::__cxx11::", "std::__1::"})
      if (starts_with_at(text, i, name) && (i == 0 || !is_word_char(text[i - 1]))) {
        plain += "std::";
        i += name.size() - 1;
        skipped = true;
      }
    if (skipped) continue;
    const bool space = text[i] == ' ' || text[i] == '\t';
    const size_t next = space ? text.find_first_not_of(" \t", i) : i;
    if (!space) {
      plain += text[i];
    } else if (next != std::string_view::npos) {
      if (!plain.empty() && is_word_char(plain.back()) && is_word_char(text[next])) plain += ' ';
      i = next - 1;
    }
  }
  return plain;
}

// Replaces a name that no letter and no "::" precedes.
void replace_name(std::string& text, std::string_view name, std::string_view by) {
  for (size_t at = text.find(name); at != std::string::npos; at = text.find(name, at)) {
    const size_t end = at + name.size();
    const bool begins = at == 0 || (!is_word_char(text[at - 1]) && text[at - 1] != ':');
    if (begins && (end == text.size() || !is_word_char(text[end]))) text.replace(at, name.size(), by);
    at += by.size();
  }
}

// Where a type that begins here ends: names, "::", template arguments, and the words of "unsigned long".
size_t end_of_type(std::string_view text, size_t at) {
  size_t depth = 0;
  for (; at < text.size(); at++) {
    const char c = text[at];
    if (c == '<') depth++;
    if (c == '>' && depth-- == 0) return at;
    if (depth == 0 && !is_word_char(c) && c != ':' && c != ' ' && c != '>') return at;
  }
  return at;
}

// "const T&" → "T const&", as the demangler has it.
std::string const_behind(std::string text) {
  constexpr std::string_view word = "const ";
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at)) {
    const bool first = at > 0 && (text[at - 1] == '(' || text[at - 1] == ',' || text[at - 1] == '<');
    const size_t end = first ? end_of_type(text, at + word.size()) : at;
    if (!first || text.substr(at + word.size(), end - at - word.size()).ends_with(" const")) {
      at += word.size();
      continue;
    }
    text.insert(end, " const");
    text.erase(at, word.size());
  }
  return text;
}

bool is_glob_of_names(std::string text) {
  replace_name(text, "operator[]", "operator");
  for (size_t at = text.find("operator[]"); at != std::string::npos; at = text.find("operator[]")) text.erase(at + 8, 2);
  return is_glob(text);
}

// The pattern in which "operator[]" stands for itself.
std::string with_brackets_escaped(std::string text) {
  for (size_t at = text.find("operator[]"); at != std::string::npos; at = text.find("operator[]", at + 1))
    text.replace(at + 8, 2, "[[]]");
  return text;
}

}  // namespace

Demangler::~Demangler() { std::free(buffer_); }

std::string_view Demangler::demangle(std::string_view mangled) {
  if (!mangled.starts_with("_Z")) return {};
  input_ = mangled;
  int status = 0;
  char* result = abi::__cxa_demangle(input_.c_str(), buffer_, &capacity_, &status);
  if (result == nullptr || status != 0) return {};
  buffer_ = result;
  return buffer_;
}

std::string_view without_parameters(std::string_view name) {
  while (name.ends_with(']')) {
    const size_t clone = name.rfind(" [clone ");
    if (clone == std::string_view::npos) break;
    name = name.substr(0, clone);
  }
  while (drop_suffix(name, " const") || drop_suffix(name, " volatile") || drop_suffix(name, " &") ||
         drop_suffix(name, " &&")) {
  }
  if (!name.ends_with(')') || name.ends_with("(anonymous namespace)")) return name;
  const size_t open = opening_of(name, name.size() - 1, '(', ')');
  if (open == std::string_view::npos || open == 0) return name;
  if (name.ends_with("operator()")) return name;
  name = name.substr(0, open);
  return name.substr(start_of_name(name));
}

std::string_view without_template_arguments(std::string_view name) {
  if (!name.ends_with('>') || name.ends_with("operator>") || name.ends_with("operator>>") ||
      name.ends_with("operator->") || name.ends_with("operator<=>"))
    return name;
  const size_t open = opening_of(name, name.size() - 1, '<', '>');
  return open == std::string_view::npos ? name : name.substr(0, open);
}

std::string canonical_cxx_name(std::string_view name) {
  std::string text = const_behind(without_decoration(name));
  replace_name(text, "std::string", "std::basic_string<char,std::char_traits<char>,std::allocator<char>>");
  replace_name(text, "std::string_view", "std::basic_string_view<char,std::char_traits<char>>");
  return without_decoration(text);  // "vector<int> const" came from putting const behind
}

CxxPattern::CxxPattern(std::string_view text, Reach reach)
    : text_(canonical_cxx_name(text)),
      glob_(is_glob_of_names(text_)),
      has_parameters_(text_.find('(') != std::string::npos),
      reach_(reach),
      words_(telling_words(text_, glob_)) {}

bool CxxPattern::possible(std::string_view mangled) const {
  if (!mangled.starts_with("_Z")) return false;
  // "virtual thunk to f", "transaction clone for f": what the compiler makes beside a function.
  if (mangled.starts_with("_ZT") || mangled.starts_with("_ZG")) return false;
  for (const std::string& word : words_)
    if (mangled.find(word) == std::string_view::npos) return false;
  return true;
}

bool shares_a_half(std::string_view word, std::string_view text) {
  const size_t half = word.size() / 2;
  return half < 2 || text.find(word.substr(0, half)) != std::string_view::npos ||
         text.find(word.substr(word.size() - half)) != std::string_view::npos;
}

bool CxxPattern::is_near(std::string_view mangled) const {
  size_t misspelt = 0;
  for (const std::string& word : words_) {
    if (mangled.find(word) != std::string_view::npos) continue;
    if (++misspelt > 1 || !shares_a_half(word, mangled)) return false;
  }
  return true;
}

CxxPattern::Match CxxPattern::match(std::string_view mangled, Demangler& demangler) const {
  if (!possible(mangled)) return Match::none;
  const std::string_view demangled = demangler.demangle(mangled);
  if (demangled.empty()) return Match::none;
  const std::string_view plain = without_parameters(demangled);
  const auto return_type = static_cast<size_t>(plain.data() - demangled.data());
  const std::string name = canonical_cxx_name(plain);
  const std::string signature = canonical_cxx_name(demangled.substr(return_type));
  const std::string full = return_type == 0 ? signature : canonical_cxx_name(demangled);
  if (full == text_ || signature == text_ || name == text_ || without_template_arguments(name) == text_)
    return Match::literal;
  if (!glob_) return Match::none;
  const std::string pattern = with_brackets_escaped(text_);
  if (glob_matches(pattern, name)) return Match::glob;
  if (reach_ == Reach::name && !has_parameters_) return Match::none;
  return glob_matches(pattern, full) || glob_matches(pattern, signature) ? Match::glob : Match::none;
}

}  // namespace zeektrace
