#include <fmt/format.h>
#include <unistd.h>

#include <cctype>
#include <charconv>

#include "probes/elf_file.h"
#include "probes/zeek/symbols.h"

namespace zeektrace {
namespace {

// "8.2.2", "2.6", "8.1.0-dev.12", "8.0.10-debug"; nothing else is a release.
std::optional<ZeekIdentity> parse_release(std::string_view text) {
  ZeekIdentity identity{std::string(text), 0, false, ""};
  uint32_t parts[3] = {};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (size_t i = 0; i < 3; i++) {
    const auto parsed = std::from_chars(at, end, parts[i]);
    if (parsed.ec != std::errc() || parts[i] > 99) return std::nullopt;
    at = parsed.ptr;
    if (at == end || *at != '.') {
      if (i == 0) return std::nullopt;
      break;
    }
    at++;
  }
  const std::string_view rest(at, static_cast<size_t>(end - at));
  // "2.6-123": so many commits after 2.6.
  const bool commits = rest.size() > 1 && rest[0] == '-' && isdigit(static_cast<unsigned char>(rest[1])) != 0;
  identity.development = commits || rest.find("dev") != std::string_view::npos;
  identity.number = zeek_release(parts[0], parts[1], parts[2]);
  return identity;
}

// "zeek_version_8_2_2_plugin_7" → "8_2_2_": the release in the name of a function.
std::string_view version_in_name(std::string_view symbol) {
  for (const std::string_view prefix : {"zeek_version_", "bro_version_"})
    if (symbol.starts_with(prefix)) return symbol.substr(prefix.size());
  return {};
}

// Whether "8_2_2_plugin_7" or "8_0_10_debug_plugin_7" is about "8.2.2", "8.0.10-debug".
bool agrees(std::string_view in_name, std::string_view release) {
  std::string underscored(release);
  for (char& c : underscored)
    if (isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  if (!in_name.starts_with(underscored)) return false;
  const std::string_view rest = in_name.substr(underscored.size());
  return rest.empty() || rest[0] == '_';
}

}  // namespace

Result<std::optional<ZeekIdentity>> zeek_identity(const std::string& path, std::string_view shown) {
  auto symbols = read_zeek_symbols(path, shown);
  if (!symbols) return symbols.error();
  return identity_in(*symbols, shown);
}

Result<std::optional<ZeekIdentity>> identity_in(const ZeekSymbols& symbols, std::string_view shown) {
  if (symbols.version_text.empty() || version_in_name(symbols.version_function).empty())
    return std::optional<ZeekIdentity>();
  auto identity = parse_release(symbols.version_text);
  if (!identity)
    return Error{Error::Kind::machine, fmt::format("{} calls itself Zeek '{}', which is no release", shown,
                                                   symbols.version_text), "", nullptr};
  if (!agrees(version_in_name(symbols.version_function), symbols.version_text))
    return Error{Error::Kind::machine,
                 fmt::format("{} contradicts itself: its text says Zeek {}, its symbol {}", shown, symbols.version_text,
                             symbols.version_function),
                 "is the file damaged, or was it edited?", nullptr};
  identity->build_id = symbols.build_id;
  return identity;
}

}  // namespace zeektrace
