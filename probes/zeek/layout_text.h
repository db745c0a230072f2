// Layouts as text, so that a release which the table does not have can be traced: `zeektrace zeek layout BIN` makes an entry
// from a build with debug information, and all entries in a directory count before everything else for the binaries whose
// build ids they name.
//
//   zeek-layout 1
//   release 8.3.0
//   build-id 0123456789abcdef0123456789abcdef01234567
//   CallInfo.call 0
//   …
//
// A line each; `#` begins a comment; build-id may come several times: other builds of the same source, stripped ones too.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "parser/result.h"
#include "probes/zeek/layout.h"

namespace zeektrace {

std::string zeek_layout_text(const ZeekLayout& layout);

struct ZeekLayoutEntry {
  std::string file;
  std::string release;
  std::vector<std::string> build_ids;
  std::map<std::string, uint32_t, std::less<>> members;
};
// `file` is what errors call it.
Result<ZeekLayoutEntry> parse_zeek_layout(std::string_view text, const std::string& file);

// The entry for this build id, of the files in a directory. Nothing: there is none, or no such directory; an Error: a file
// there can't be read or is none, or two are for this build.
Result<std::optional<ZeekLayoutEntry>> find_zeek_layout(const std::string& directory, std::string_view build_id);

}  // namespace zeektrace
