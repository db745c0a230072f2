// Names of C++ functions: demangled, without parameters, and matched against what a script says. Mangled
// names are tried first; demangling 40,000 names takes a tenth of a second, so most are ruled out by looking
// at the mangled text.
#pragma once

#include <cstddef>
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

// A name or glob that is to be found among demangled names.
class CxxPattern {
 public:
  explicit CxxPattern(std::string_view text);
  // With the parameters, without them, or (for names that are no glob) without template arguments too.
  bool matches(std::string_view mangled, Demangler& demangler) const;

 private:
  bool possible(std::string_view mangled) const;
  std::string text_;
  bool glob_ = false;
  std::vector<std::string> words_;  // stand in every mangled name that can match
};

}  // namespace zeektrace
