#include "src/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "src/output/output.h"

namespace zeektrace {
namespace {

struct Conversion {
  bool left = false, plus = false, space = false, alternate = false, zero = false;
  size_t width = 0;
  std::optional<size_t> precision;
  char letter = 0;
};

constexpr size_t widest = 4096;  // a format can't ask for more padding than this

size_t read_number(std::string_view format, size_t& at) {
  size_t number = 0;
  for (; at < format.size() && format[at] >= '0' && format[at] <= '9'; ++at) {
    number = std::min(number * 10 + static_cast<size_t>(format[at] - '0'), widest);
  }
  return number;
}

// `at` stands behind the percent sign, and afterwards behind the letter.
Conversion read_conversion(std::string_view format, size_t& at) {
  Conversion c;
  for (; at < format.size(); ++at) {
    switch (format[at]) {
      case '-': c.left = true; continue;
      case '+': c.plus = true; continue;
      case ' ': c.space = true; continue;
      case '#': c.alternate = true; continue;
      case '0': c.zero = true; continue;
      default: break;
    }
    break;
  }
  c.width = read_number(format, at);
  if (at < format.size() && format[at] == '.') c.precision = read_number(format, ++at);
  while (at < format.size() && std::string_view("lhzj").find(format[at]) != std::string_view::npos) ++at;
  if (at < format.size()) c.letter = format[at++];
  return c;
}

std::string pad(const Conversion& c, std::string text) {
  if (text.size() >= c.width) return text;
  size_t missing = c.width - text.size();
  return c.left ? text + std::string(missing, ' ') : std::string(missing, ' ') + text;
}

// Sign or 0x, zeros as precision or the 0 flag ask for, digits.
std::string pad_number(const Conversion& c, const std::string& prefix, std::string digits) {
  size_t least = c.precision.value_or(1);
  if (!c.precision && c.zero && !c.left && c.width > prefix.size()) least = c.width - prefix.size();
  if (digits.size() < least) digits.insert(0, least - digits.size(), '0');
  return pad(c, prefix + digits);
}

uint64_t bits_of(const Value& value) {
  auto bits = [](const auto& v) { return std::visit([](auto n) { return static_cast<uint64_t>(n); }, v); };
  return std::visit(Overloaded{
                        [](const Signed& v) { return static_cast<uint64_t>(v.value); },
                        [](const Unsigned& v) { return v.value; },
                        [](const Address& v) { return v.value; },
                        [&](const Average& v) { return bits(v.value); },
                        [&](const Statistics& v) { return bits(v.total); },
                        [](const auto&) { return uint64_t{0}; },
                    },
                    value);
}

std::string text_of(const Value& value) {
  return std::visit(Overloaded{
                        [](const Signed& v) { return fmt::to_string(v.value); },
                        [](const Text& v) { return v.value; },
                        [](const Symbol& v) { return v.name; },
                        [](const Stack& v) { return stack_text(v, 8); },
                        [](const Address& v) { return fmt::format("{:#x}", v.value); },
                        [&](const auto&) { return fmt::to_string(bits_of(value)); },
                    },
                    value);
}

bool is_number(const Value& value) {
  return !std::holds_alternative<Text>(value) && !std::holds_alternative<Symbol>(value) &&
         !std::holds_alternative<Stack>(value) && !std::holds_alternative<Histogram>(value);
}

std::string signed_text(const Conversion& c, int64_t number) {
  auto magnitude = number < 0 ? -static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
  std::string prefix = number < 0 ? "-" : c.plus ? "+" : c.space ? " " : "";
  return pad_number(c, prefix, fmt::to_string(magnitude));
}

std::string convert(const Conversion& c, const Value& value, uint32_t size) {
  if (c.letter == 's' || !is_number(value)) {
    std::string text = text_of(value);
    if (c.precision) text.resize(std::min(text.size(), *c.precision));
    return pad(c, std::move(text));
  }
  uint64_t bits = bits_of(value);
  uint64_t narrow = size < 8 ? bits & ((uint64_t{1} << (8 * size)) - 1) : bits;
  switch (c.letter) {
    case 'd':
    case 'i': return signed_text(c, static_cast<int64_t>(bits));
    case 'u': return pad_number(c, "", fmt::to_string(narrow));
    case 'x': return pad_number(c, c.alternate && narrow != 0 ? "0x" : "", fmt::format("{:x}", narrow));
    case 'X': return pad_number(c, c.alternate && narrow != 0 ? "0X" : "", fmt::format("{:X}", narrow));
    case 'o': return pad_number(c, c.alternate && narrow != 0 ? "0" : "", fmt::format("{:o}", narrow));
    case 'c': return pad(c, std::string(1, static_cast<char>(bits)));
    default: return pad(c, fmt::format("{:#x}", bits));  // %p
  }
}

}  // namespace

std::string format_values(std::string_view format, std::span<const Value> values,
                          std::span<const uint32_t> sizes) {
  std::string text;
  size_t next = 0;
  for (size_t at = 0; at < format.size();) {
    if (format[at] != '%') {
      text += format[at++];
      continue;
    }
    ++at;
    if (at < format.size() && format[at] == '%') {
      text += format[at++];
      continue;
    }
    Conversion conversion = read_conversion(format, at);
    if (next >= values.size()) continue;
    uint32_t size = next < sizes.size() && sizes[next] > 0 ? sizes[next] : 8;
    text += convert(conversion, values[next++], size);
  }
  return text;
}

}  // namespace zeektrace
