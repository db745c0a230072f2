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

CxxPattern::CxxPattern(std::string_view text)
    : text_(text), glob_(is_glob(text)), words_(telling_words(text, glob_)) {}

bool CxxPattern::possible(std::string_view mangled) const {
  if (!mangled.starts_with("_Z")) return false;
  for (const std::string& word : words_)
    if (mangled.find(word) == std::string_view::npos) return false;
  return true;
}

bool CxxPattern::matches(std::string_view mangled, Demangler& demangler) const {
  if (!possible(mangled)) return false;
  const std::string_view full = demangler.demangle(mangled);
  if (full.empty()) return false;
  const std::string_view plain = without_parameters(full);
  if (glob_) return glob_matches(text_, full) || glob_matches(text_, plain);
  return full == text_ || plain == text_ || without_template_arguments(plain) == text_;
}

}  // namespace zeektrace
