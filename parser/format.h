// printf's format strings, taken apart: what check compares with the arguments and the user side prints by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zeektrace {

// One conversion: %[flags][width][.precision][length]letter. Lengths: h and hh cut an integer as in C; l, ll, z and j
// mean nothing, since integers have 64 bits here. A `*` is not known.
struct Conversion {
  size_t begin = 0;  // offset of the '%' in the format
  size_t end = 0;    // offset after the letter
  bool left = false, plus = false, space = false, alternate = false, zero = false;
  size_t width = 0;
  std::optional<size_t> precision;
  uint32_t size = 8;  // bytes of the integer that are printed
  char letter = 'd';
  char variant = '\0';  // of %r: x or h

  bool takes_buffer() const { return letter == 'r'; }
  bool takes_text() const { return letter == 's'; }
  bool takes_real() const { return std::string_view("fFeEgG").find(letter) != std::string_view::npos; }
};

// Fills `conversions`, with "%%" among them (its letter is '%'). Gives back the first that is not known, as written.
std::optional<std::string> parse_format(std::string_view format, std::vector<Conversion>& conversions);

}  // namespace zeektrace
