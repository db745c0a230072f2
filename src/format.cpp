#include "src/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "parser/format.h"
#include "src/output/output.h"

namespace zeektrace {
namespace {

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
                        [](const Notation& v) { return static_cast<uint64_t>(v.number.value_or(0)); },
                        [](const Boolean& v) { return uint64_t{v.value}; },
                        [&](const Average& v) { return bits(v.value); },
                        [&](const Statistics& v) { return bits(v.total); },
                        [](const auto&) { return uint64_t{0}; },
                    },
                    value);
}

std::string text_of(const Value& value) {
  return std::visit(Overloaded{
                        [](const Signed& v) { return fmt::to_string(v.value); },
                        [](const Real& v) { return real_text(v); },
                        [](const Text& v) { return v.value; },
                        [](const Notation& v) { return v.text; },
                        [](const Buffer& v) { return buffer_text(v); },
                        [](const Symbol& v) { return v.name; },
                        [](const Stack& v) { return stack_text(v, 8); },
                        [](const Address& v) { return fmt::format("{:#x}", v.value); },
                        [&](const Boolean&) { return value_text(value, 8); },
                        [&](const Group&) { return value_text(value, 8); },
                        [&](const auto&) { return fmt::to_string(bits_of(value)); },
                    },
                    value);
}

bool is_number(const Value& value) {
  if (auto* notation = std::get_if<Notation>(&value)) return notation->number.has_value();
  return !std::holds_alternative<Text>(value) && !std::holds_alternative<Symbol>(value) &&
         !std::holds_alternative<Buffer>(value) && !std::holds_alternative<Series>(value) &&
         !std::holds_alternative<Group>(value) &&
         !std::holds_alternative<Stack>(value) && !std::holds_alternative<Histogram>(value);
}

std::string signed_text(const Conversion& c, int64_t number) {
  auto magnitude = number < 0 ? -static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
  std::string prefix = number < 0 ? "-" : c.plus ? "+" : c.space ? " " : "";
  return pad_number(c, prefix, fmt::to_string(magnitude));
}

// As C prints a double with %f, %e and %g.
std::string convert_real(const Conversion& c, double number) {
  bool negative = std::signbit(number);
  std::string prefix = negative ? "-" : c.plus ? "+" : c.space ? " " : "";
  int precision = static_cast<int>(c.precision.value_or(6));
  auto digits = [&](auto with_point, auto without) {
    return fmt::format(fmt::runtime(c.alternate ? with_point : without), std::fabs(number), precision);
  };
  std::string text;
  switch (c.letter) {
    case 'f': text = digits("{:#.{}f}", "{:.{}f}"); break;
    case 'F': text = digits("{:#.{}F}", "{:.{}F}"); break;
    case 'e': text = digits("{:#.{}e}", "{:.{}e}"); break;
    case 'E': text = digits("{:#.{}E}", "{:.{}E}"); break;
    case 'g': text = digits("{:#.{}g}", "{:.{}g}"); break;
    default: text = digits("{:#.{}G}", "{:.{}G}"); break;
  }
  bool zeros = c.zero && !c.left && std::isfinite(number) && c.width > prefix.size() + text.size();
  if (zeros) text.insert(0, c.width - prefix.size() - text.size(), '0');
  return pad(c, prefix + text);
}

std::string convert(const Conversion& c, const Value& value, uint32_t size) {
  if (auto* real = std::get_if<Real>(&value); real && c.takes_real()) return convert_real(c, real->value);
  if (auto* buffer = std::get_if<Buffer>(&value); buffer && c.takes_buffer())
    return pad(c, c.variant == 'h' ? buffer_hex(*buffer) : buffer_text(*buffer, c.variant == 'x'));
  if (c.letter == 's' || !is_number(value)) {
    std::string text = text_of(value);
    if (c.precision) text.resize(std::min(text.size(), *c.precision));
    return pad(c, std::move(text));
  }
  uint64_t bits = bits_of(value);
  size = std::min(size, c.size);
  if (c.size < 8) {
    // As C converts: the sign is that of the narrow integer.
    int unused = 64 - 8 * static_cast<int>(c.size);
    bits = static_cast<uint64_t>(static_cast<int64_t>(bits << unused) >> unused);
  }
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
  std::vector<Conversion> conversions;
  (void)parse_format(format, conversions);  // check has refused what is not known
  std::string text;
  size_t at = 0, next = 0;
  for (const Conversion& conversion : conversions) {
    text += format.substr(at, conversion.begin - at);
    at = conversion.end;
    if (conversion.letter == '%') {
      text += '%';
    } else if (next < values.size()) {
      uint32_t size = next < sizes.size() && sizes[next] > 0 ? sizes[next] : 8;
      text += convert(conversion, values[next++], size);
    }
  }
  return text += format.substr(at);
}

std::string format_value(const Conversion& conversion, const Value& value, uint32_t size) {
  return convert(conversion, value, size);
}

}  // namespace zeektrace
