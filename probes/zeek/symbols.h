// What a Zeek binary's symbol tables say without any debug information: the release, twice, and the addresses of globals.
// Executables of Zeek export all of their symbols, since plugins need them, so that stripped ones have them, too.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "parser/result.h"
#include "probes/zeek/layout.h"

namespace zeektrace {

struct ZeekSymbols {
  std::string version_text;      // what `char version[]` holds
  std::string version_function;  // "zeek_version_8_2_2_plugin_7"
  std::string build_id;          // in hexadecimal digits
  uint64_t code_start = 0;       // address of the first executable segment
  bool has_plain_symbols = false;  // .symtab: it is not stripped
  std::map<std::string, uint64_t, std::less<>> addresses;  // of the names in `wanted`
};

// Reads the symbol tables once. The addresses of global data and virtual tables of Zeek's are kept by mangled name.
Result<ZeekSymbols> read_zeek_symbols(const std::string& path, std::string_view shown);

Result<std::optional<ZeekIdentity>> identity_in(const ZeekSymbols& symbols, std::string_view shown);

}  // namespace zeektrace
