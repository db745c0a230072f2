// Names of C++ functions: demangled, taken apart, and compared with what a script says. Texts are compared in a canonical
// spelling, so that it does not matter where the spaces are, whether `const` stands before or behind its type, whether
// the library's inline namespaces (std::__cxx11) and ABI tags are written, and std::string may be called so. Mangled
// names are tried first: demangling 40,000 names takes a tenth of a second, and most are ruled out by their mangled text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace zeektrace {

// Demangles one name after another into the same memory.
class Demangler {
 public:
  Demangler() = default;
  Demangler(const Demangler&) = delete;
  Demangler& operator=(const Demangler&) = delete;
  ~Demangler();
  // Empty when it is not a mangled name. Valid until the next call.
  std::string_view demangle(std::string_view mangled);

 private:
  char* buffer_ = nullptr;
  size_t capacity_ = 0;
  std::string input_;
};

// "void zeek::f<int>(int) const [clone .isra.0]" → "zeek::f<int>"
std::string_view without_parameters(std::string_view demangled);
// "zeek::f<int>" → "zeek::f"
std::string_view without_template_arguments(std::string_view name);
// "f( const std::string &, int)" → "f(std::basic_string<char,std::char_traits<char>,std::allocator<char>>const&,int)"
std::string canonical_cxx_name(std::string_view name);

// Whether the first or the last half of the word stands in the text: a cheap test before a dear one.
bool shares_a_half(std::string_view word, std::string_view text);

// A name or glob that is to be found among demangled names.
class CxxPattern {
 public:
  // What a pattern without parentheses is compared with, if it is a glob.
  enum class Reach : uint8_t {
    name,  // the name alone: "*Val*" finds no function that only takes a Val
    all,   // the parameters too
  };
  explicit CxxPattern(std::string_view text, Reach reach = Reach::all);

  enum class Match : uint8_t {
    none,
    glob,     // as a glob
    literal,  // character by character: with the return type, with the parameters, without, without template arguments
  };
  Match match(std::string_view mangled, Demangler& demangler) const;
  bool is_glob() const { return glob_; }
  // Whether the mangled name may be what was meant, had one word been misspelt in one half of it.
  bool is_near(std::string_view mangled) const;
  // Whether it can be a function's name although it is a glob: "operator*", "f(char*)".
  bool may_be_literal() const { return !glob_ || has_parameters_ || text_.find("operator") != std::string::npos; }

 private:
  bool possible(std::string_view mangled) const;
  std::string text_;  // canonical
  bool glob_ = false;
  bool has_parameters_ = false;
  Reach reach_ = Reach::all;
  std::vector<std::string> words_;  // stand in every mangled name that can match
};

}  // namespace zeektrace
