#include "parser/format.h"

#include <algorithm>

namespace zeektrace {
namespace {

constexpr std::string_view letters = "diuxXocpsrfFeEgG";
constexpr size_t widest = 999;  // more padding is nobody's wish

// The flag that a character stands for; null when it is none.
bool* flag(Conversion& conversion, char c) {
  switch (c) {
    case '-': return &conversion.left;
    case '+': return &conversion.plus;
    case ' ': return &conversion.space;
    case '#': return &conversion.alternate;
    case '0': return &conversion.zero;
    default: return nullptr;
  }
}

size_t read_number(std::string_view format, size_t& at) {
  size_t number = 0;
  for (; at < format.size() && format[at] >= '0' && format[at] <= '9'; at++)
    number = std::min(number * 10 + static_cast<size_t>(format[at] - '0'), widest + 1);
  return number;
}

}  // namespace

std::optional<std::string> parse_format(std::string_view format, std::vector<Conversion>& conversions) {
  for (size_t at = 0; (at = format.find('%', at)) != std::string_view::npos;) {
    Conversion c;
    c.begin = at++;
    if (at < format.size() && format[at] == '%') {
      c.letter = '%';
      c.end = ++at;
      conversions.push_back(c);
      continue;
    }
    for (; at < format.size(); at++) {
      bool* is_set = flag(c, format[at]);
      if (!is_set) break;
      *is_set = true;
    }
    c.width = read_number(format, at);
    if (at < format.size() && format[at] == '.') c.precision = read_number(format, ++at);
    for (; at < format.size() && std::string_view("lhzjL").find(format[at]) != std::string_view::npos; at++)
      if (format[at] == 'h') c.size = c.size == 8 ? 2 : 1;
    bool known = at < format.size() && letters.find(format[at]) != std::string_view::npos;
    c.letter = known ? format[at] : '\0';
    bool has_variant = c.letter == 'r' && at + 1 < format.size() && (format[at + 1] == 'x' || format[at + 1] == 'h');
    if (has_variant) c.variant = format[++at];
    c.end = std::min(at + 1, format.size());
    at = c.end;
    if (!known || c.width > widest || c.precision.value_or(0) > widest) {
      std::string_view wrong = format.substr(c.begin, c.end - c.begin);
      return std::string(wrong.substr(0, wrong.find_first_of("\n\t\r")));
    }
    conversions.push_back(c);
  }
  return std::nullopt;
}

}  // namespace zeektrace
