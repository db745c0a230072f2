#include "parser/literal.h"

#include "parser/check.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace zeektrace {
namespace {

struct Unit {
  std::string_view suffix;
  uint64_t factor;
};
constexpr Unit units[] = {
    {"ns", 1},
    {"us", 1000},
    {"ms", 1000'000},
    {"s", 1000'000'000},
    {"m", 60 * 1000'000'000ull},
    {"h", 3600 * 1000'000'000ull},
    {"d", 24 * 3600 * 1000'000'000ull},
    {"u", 1}, {"U", 1}, {"l", 1}, {"L", 1}, {"ul", 1}, {"UL", 1}, {"ll", 1}, {"LL", 1}, {"ull", 1}, {"ULL", 1},
};

enum class Reading { ok, not_a_number, too_large };

Reading scale(uint64_t& value, uint64_t factor) {
  return __builtin_mul_overflow(value, factor, &value) ? Reading::too_large : Reading::ok;
}

// What follows the digits: an exponent or a unit.
Reading apply_suffix(uint64_t& value, std::string_view suffix, bool decimal) {
  if (suffix.empty()) return Reading::ok;
  for (const Unit& unit : units) {
    bool is_c = unit.suffix.find_first_of("uUlL") == 0 && unit.factor == 1;
    if (unit.suffix == suffix && (decimal || is_c)) return scale(value, unit.factor);
  }
  uint32_t exponent = 0;
  const char* end = suffix.data() + suffix.size();
  auto [stop, error] = std::from_chars(suffix.data() + 1, end, exponent);
  if (!decimal || suffix[0] != 'e' || stop != end || error == std::errc::invalid_argument) return Reading::not_a_number;
  if (value == 0) return Reading::ok;
  if (error == std::errc::result_out_of_range || exponent > 19) return Reading::too_large;
  for (uint32_t i = 0; i < exponent; ++i) {
    if (scale(value, 10) != Reading::ok) return Reading::too_large;
  }
  return Reading::ok;
}

Reading read_digits(std::string_view text, uint64_t& value, bool with_units = true) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) base = 16;
  if (text.starts_with("0b") || text.starts_with("0B")) base = 2;
  std::string_view rest = base == 10 ? text : text.substr(2);
  if (base == 10 && text.size() > 1 && text[0] == '0' && text.find_first_not_of("01234567_uUlL") == text.npos) base = 8;
  std::string digits;
  while (!rest.empty() && (rest[0] == '_' || std::string_view("0123456789abcdefABCDEF").substr(0, base == 16 ? 22 : 10)
                                                     .find(rest[0]) != std::string_view::npos)) {
    if (rest[0] != '_') digits += rest[0];
    rest.remove_prefix(1);
  }
  // 089 is no octal number, and who writes it may not mean 89.
  if (base == 10 && digits.size() > 1 && digits[0] == '0' && digits.find_first_of("89") != digits.npos)
    return Reading::not_a_number;
  const char* end = digits.data() + digits.size();
  auto [stop, error] = std::from_chars(digits.data(), end, value, base);
  if (stop != end || error == std::errc::invalid_argument) return Reading::not_a_number;
  if (error == std::errc::result_out_of_range) return Reading::too_large;
  if (!with_units && !rest.empty() && rest[0] != 'e') return Reading::not_a_number;
  return apply_suffix(value, rest, base == 10);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// The escape after the backslash at text[at - 1]; moves `at` behind it. -1 when there is no such escape.
int read_escape(std::string_view text, size_t& at) {
  constexpr std::string_view letters = "ntr\\\"";
  constexpr std::string_view meanings = "\n\t\r\\\"";
  if (size_t known = letters.find(text[at]); known != letters.npos) return ++at, meanings[known];
  if (text[at] == 'x') {
    int value = -1;
    for (size_t i = at + 1; i < text.size() && i < at + 3 && hex_digit(text[i]) >= 0; ++i) {
      value = (value < 0 ? 0 : value * 16) + hex_digit(text[i]);
    }
    if (value >= 0) at += 2 + (at + 2 < text.size() && hex_digit(text[at + 2]) >= 0);
    return value;
  }
  int value = -1;
  for (int i = 0; i < 3 && at < text.size() && text[at] >= '0' && text[at] <= '7'; ++i, ++at) {
    value = (value < 0 ? 0 : value * 8) + (text[at] - '0');
  }
  return value > 0xff ? -1 : value;
}

// The letter after the backslash as an error shows it; a whole character of UTF-8.
std::string_view escape_letter(std::string_view text, size_t at) {
  size_t length = 1;
  while (at + length < text.size() && (static_cast<unsigned char>(text[at + length]) & 0xc0) == 0x80) ++length;
  return text.substr(at, length);
}

constexpr std::pair<std::string_view, std::string_view> type_words[] = {
    {"bool", "bool"},   {"int8", "int8"},     {"int16", "int16"},   {"int32", "int32"},   {"int64", "int64"},
    {"uint8", "uint8"}, {"uint16", "uint16"}, {"uint32", "uint32"}, {"uint64", "uint64"}, {"char", "int8"},
    {"short", "int16"}, {"int", "int32"},     {"long", "int64"},    {"long long", "int64"}, {"unsigned", "uint32"},
    {"signed", "int32"}};

std::string_view known_type(std::string_view words) {
  for (auto [word, name] : type_words) {
    if (word == words) return name;
  }
  return {};
}

}  // namespace

std::string canonical_type(std::string_view words) {
  if (std::string_view simple = known_type(words); !simple.empty()) return std::string(simple);
  for (std::string_view sign : {"unsigned ", "signed "}) {
    if (!words.starts_with(sign)) continue;
    std::string rest = canonical_type(words.substr(sign.size()));
    bool is_c = words.find_first_of("0123456789b") == words.npos;
    if (rest.starts_with("int") && is_c) return sign[0] == 'u' ? "u" + rest : rest;
  }
  if (words.ends_with(" int") && (words.starts_with("short") || words.starts_with("long"))) {
    return canonical_type(words.substr(0, words.size() - 4));
  }
  return "";
}

namespace {

constexpr Unsupported block_words[] = {
    {"do", "a do loop", "use while (…) { … }"},
    {"switch", "switch", "use if and else if"},
    {"goto", "goto", "use if and else"},
};
constexpr Unsupported outside_words[] = {
    {"typedef", "a typedef", "name the type itself, or use #define"},
    {"import", "an import", "put the probes into this script"},
    {"test", "a test probe", "use BEGIN { … }, with assert()"},
    {"bench", "a bench probe", "zeektrace bench says what each way of tracing costs"},
    {"asyncwatchpoint", "an asynchronous watchpoint", "write watchpoint:0xADDRESS:LENGTH:MODE"},
    {"aw", "an asynchronous watchpoint", "write watchpoint:0xADDRESS:LENGTH:MODE"},
};

}  // namespace

uint64_t read_number(Tree& tree, Span span, std::string_view text) {
  uint64_t value = 0;
  Reading reading = read_digits(text, value);
  if (reading == Reading::ok) return value;
  std::string shown(text.substr(0, 40));
  if (text.size() > shown.size()) shown += "…";
  tree.report(reading == Reading::too_large ? Code::number_too_large : Code::bad_number, span, shown);
  return 0;
}

std::string read_string(Tree& tree, Span span, std::string_view text) {
  std::string value;
  for (size_t at = 0; at < text.size();) {
    if (text[at] != '\\') {
      value += text[at++];
      continue;
    }
    size_t begin = at++, letter = at;
    int character = read_escape(text, at);
    if (character < 0) {
      at = letter + escape_letter(text, letter).size();
      Span where{static_cast<uint32_t>(span.begin + begin), static_cast<uint32_t>(span.begin + at)};
      tree.report(Code::bad_escape, where, text.substr(letter, at - letter));
    }
    value += static_cast<char>(character);
  }
  if (value.size() > max_string_bytes) tree.report(Code::string_too_long, span, value.size(), max_string_bytes);
  return value;
}

std::optional<GivenNumber> given_number(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative) text.remove_prefix(1);
  uint64_t value = 0;
  const bool is_digit = !text.empty() && text[0] >= '0' && text[0] <= '9';
  if (!is_digit || read_digits(text, value, false) != Reading::ok) return std::nullopt;
  if (is_negative && value > uint64_t{1} << 63) return std::nullopt;
  return GivenNumber{is_negative ? -value : value, is_negative || value <= INT64_MAX};
}

namespace {

// Stars and lengths: "*", "[4]*".
std::vector<uint32_t> read_suffixes(std::string_view text) {
  std::vector<uint32_t> suffixes;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == '*') suffixes.push_back(TypeSpelling::star);
    if (text[i] != '[') continue;
    uint64_t length = 0;
    for (i++; i < text.size() && text[i] != ']'; i++)
      if (std::isdigit(static_cast<unsigned char>(text[i])))
        length = std::min<uint64_t>(length * 10 + static_cast<uint64_t>(text[i] - '0'), max_array_length + 1);
    suffixes.push_back(static_cast<uint32_t>(length));
  }
  return suffixes;
}

}  // namespace

CastText read_cast(std::string_view text) {
  CastText cast;
  if (size_t quote = text.find('"'); quote != text.npos) {
    size_t end = text.rfind('"');
    cast.type.name = text.substr(quote + 1, end - quote - 1);
    cast.type.suffixes = read_suffixes(text.substr(end));
    cast.known = true;
    return cast;
  }
  std::string words;
  text = text.substr(1, text.size() - 2);
  size_t end = std::min(text.find_first_of("*["), text.size());
  for (char c : text.substr(0, end)) {
    bool space = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    if (!space) words += c;
    if (space && !words.empty() && words.back() != ' ') words += ' ';
  }
  cast.type.suffixes = read_suffixes(text.substr(end));
  if (words.ends_with(' ')) words.pop_back();
  std::string canonical = canonical_type(words);
  cast.known = !canonical.empty() || words.find("::") != words.npos || words == "string";
  cast.type.name = canonical.empty() ? words : canonical;
  for (std::string_view tag : {"struct ", "class ", "union ", "enum "}) {
    if (!words.starts_with(tag)) continue;
    cast.known = true;
    cast.type.name = words.substr(tag.size());
  }
  return cast;
}

AttachSpec read_attach_point(Span span, std::string_view text) {
  AttachSpec point{span, std::string(text.substr(0, text.find(':'))), ""};
  if (point.provider.size() == text.size()) return point;
  for (char c : text.substr(point.provider.size() + 1)) {
    if (c != '"') point.target += c;
  }
  return point;
}

const Unsupported* unsupported_in_block(std::string_view word) {
  for (const Unsupported& row : block_words) {
    if (row.word == word) return &row;
  }
  return nullptr;
}

const Unsupported* unsupported_outside(std::string_view word) {
  for (const Unsupported& row : outside_words) {
    if (row.word == word) return &row;
  }
  return nullptr;
}

}  // namespace zeektrace
