#include "parser/notation.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "parser/result.h"

namespace zeektrace {
namespace {

using Inet = std::array<uint8_t, 16>;
constexpr std::array<uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr uint32_t mapped_bits = 96;
constexpr std::string_view protocols[] = {"unknown", "tcp", "udp", "icmp"};

bool is_mapped(const Inet& inet) { return std::equal(mapped.begin(), mapped.end(), inet.begin()); }

Inet inet_of(std::span<const std::byte> bytes) {
  Inet inet;
  std::memcpy(inet.data(), bytes.data(), inet.size());
  return inet;
}

uint64_t word_of(std::span<const std::byte> bytes) {
  uint64_t word = 0;
  std::memcpy(&word, bytes.data(), sizeof word);
  return word;
}

std::string inet_text(const Inet& inet) {
  char text[INET6_ADDRSTRLEN] = {};
  if (is_mapped(inet)) inet_ntop(AF_INET, inet.data() + mapped.size(), text, sizeof text);
  else inet_ntop(AF_INET6, inet.data(), text, sizeof text);
  return text;
}

std::optional<Inet> parse_inet(std::string_view text) {
  const std::string whole(text);
  Inet inet{};
  if (inet_pton(AF_INET6, whole.c_str(), inet.data()) == 1) return inet;
  std::copy(mapped.begin(), mapped.end(), inet.begin());
  if (inet_pton(AF_INET, whole.c_str(), inet.data() + mapped.size()) == 1) return inet;
  return std::nullopt;
}

std::optional<uint32_t> parse_number(std::string_view text, uint32_t most) {
  uint32_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || number > most) return std::nullopt;
  return number;
}

// What stands before and behind the slash.
std::optional<std::pair<std::string_view, std::string_view>> halves(std::string_view text) {
  size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  return std::pair(text.substr(0, slash), text.substr(slash + 1));
}

std::vector<uint64_t> words(const Inet& inet) {
  std::vector<uint64_t> made(2);
  std::memcpy(made.data(), inet.data(), inet.size());
  return made;
}

std::optional<std::vector<uint64_t>> parse_subnet(std::string_view text) {
  auto parts = halves(text);
  auto inet = parts ? parse_inet(parts->first) : std::nullopt;
  if (!inet) return std::nullopt;
  uint32_t above = is_mapped(*inet) ? mapped_bits : 0;
  auto width = parse_number(parts->second, 128 - above);
  if (!width) return std::nullopt;
  uint32_t bits = *width + above;
  for (uint32_t i = 0; i < 128; i++)  // what is behind the prefix is 0 in a subnet
    if (i >= bits) (*inet)[i / 8] &= static_cast<uint8_t>(~(0x80u >> (i % 8)));
  auto made = words(*inet);
  made.push_back(bits);
  return made;
}

std::optional<std::vector<uint64_t>> parse_port(std::string_view text) {
  auto parts = halves(text);
  auto number = parts ? parse_number(parts->first, 0xffff) : std::nullopt;
  if (!number) return std::nullopt;
  auto protocol = std::ranges::find(protocols, parts->second);
  if (protocol == std::end(protocols)) return std::nullopt;
  return std::vector<uint64_t>{*number | static_cast<uint64_t>(protocol - protocols) << 16};
}

std::optional<std::vector<uint64_t>> parse_name(const Type& type, std::string_view text) {
  if (!type.names) return std::nullopt;
  for (const auto& [number, name] : *type.names)
    if (name == text) return std::vector<uint64_t>{static_cast<uint64_t>(number)};
  return std::nullopt;
}

std::string port_text(uint64_t port) {
  return fmt::format("{}/{}", port & 0xffff, protocols[port >> 16 & 3]);
}

std::string subnet_text(const Inet& inet, uint32_t width) {
  bool is_v4 = is_mapped(inet) && width >= mapped_bits;
  return fmt::format("{}/{}", inet_text(inet), is_v4 ? width - mapped_bits : width);
}

std::string enumeration_text(const Type& type, int64_t number) {
  if (type.names)
    if (auto found = type.names->find(number); found != type.names->end()) return found->second;
  return fmt::to_string(number);
}

}  // namespace

std::string notation_text(const Type& type, std::span<const std::byte> bytes) {
  if (bytes.size() < type.storage()) bug("a value that is shorter than its type says");
  switch (type.kind) {
    case Type::Kind::inet: return inet_text(inet_of(bytes));
    case Type::Kind::subnet: return subnet_text(inet_of(bytes), std::to_integer<uint32_t>(bytes[16]));
    case Type::Kind::port: return port_text(word_of(bytes));
    case Type::Kind::enumeration: return enumeration_text(type, static_cast<int64_t>(word_of(bytes)));
    default: bug("a type without a notation");
  }
}

std::string notation_order(const Type& type, std::span<const std::byte> bytes) {
  if (type.kind == Type::Kind::enumeration) return notation_text(type, bytes);
  std::string order(reinterpret_cast<const char*>(bytes.data()), type.storage());
  if (type.kind != Type::Kind::port) return order;
  uint64_t port = word_of(bytes);
  return {static_cast<char>(port >> 8), static_cast<char>(port), static_cast<char>(port >> 16)};
}

std::optional<std::vector<uint64_t>> parse_notation(const Type& type, std::string_view text) {
  switch (type.kind) {
    case Type::Kind::inet: {
      auto inet = parse_inet(text);
      if (!inet) return std::nullopt;
      return words(*inet);
    }
    case Type::Kind::subnet: return parse_subnet(text);
    case Type::Kind::port: return parse_port(text);
    case Type::Kind::enumeration: return parse_name(type, text);
    default: return std::nullopt;
  }
}

namespace {

constexpr std::string_view uid_digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

// The lowest digit first, and none that need not be there.
std::optional<uint64_t> parse_uid_word(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text.back() == '0')) return std::nullopt;
  uint64_t word = 0;
  for (size_t i = text.size(); i-- > 0;) {
    const size_t digit = uid_digits.find(text[i]);
    if (digit == std::string_view::npos || __builtin_mul_overflow(word, uid_digits.size(), &word) ||
        __builtin_add_overflow(word, digit, &word))
      return std::nullopt;
  }
  return word;
}

}  // namespace

// As Zeek spells it (UID::Base62 and util::uitoa_n, zeek/src/UID.cc and util.cc, 8.2).
std::string uid_text(uint64_t high, uint64_t low) {
  if (high == 0 && low == 0) return "";
  std::string text = "C";
  for (uint64_t word : {high, low}) {
    do text += uid_digits[word % uid_digits.size()];
    while ((word /= uid_digits.size()) != 0);
  }
  return text;
}

std::vector<std::pair<uint64_t, uint64_t>> parse_uid(std::string_view text) {
  std::vector<std::pair<uint64_t, uint64_t>> found;
  if (text.empty()) return {{0, 0}};
  if (text[0] != 'C') return found;
  text.remove_prefix(1);
  for (size_t i = 1; i < text.size(); i++) {
    const auto high = parse_uid_word(text.substr(0, i)), low = parse_uid_word(text.substr(i));
    if (high && low && (*high != 0 || *low != 0)) found.emplace_back(*high, *low);
  }
  return found;
}

std::string notation_example(const Type& type) {
  switch (type.kind) {
    case Type::Kind::inet: return "an address, such as \"10.0.0.1\"";
    case Type::Kind::subnet: return "a subnet, such as \"10.0.0.0/8\"";
    case Type::Kind::port: return "a port, such as \"53/udp\"";
    default: {
      if (!type.names || type.names->empty()) return "a name of " + type.name;
      return fmt::format("a name of {}, such as \"{}\"", type.name, type.names->begin()->second);
    }
  }
}

}  // namespace zeektrace
