// printf's format strings, taken apart: what check compares with the arguments and decode prints by.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zeektrace {

// One conversion: %[flags][width][.precision][length]letter. Lengths (l, ll, h, hh, z, j) are read and mean nothing:
// every integer has 64 bits.
struct Conversion {
  enum class Takes { integer, text };
  size_t begin = 0;  // offset of the '%' in the format
  size_t end = 0;    // offset after the letter
  std::string text;  // without the length: "%-10s", "%08x"
  char letter = 'd';
  Takes takes = Takes::integer;
};

// Fills `conversions`, "%%" left out. Gives back the first conversion that is not known, as written.
std::optional<std::string> parse_format(std::string_view format, std::vector<Conversion>& conversions);

}  // namespace zeektrace
