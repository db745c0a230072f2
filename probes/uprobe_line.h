// uprobe:BINARY@FILE:LINE: the instructions that begin a line of the source. Debug information knows where instructions
// start, so that such a probe is as safe as one on a function's entry.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "probes/providers.h"

namespace zeektrace {

struct SourceLine {
  std::string_view binary;
  std::string_view file;
  uint32_t line = 0;
};
// What stands before and after the colon; nothing when it is no line of a file.
std::optional<SourceLine> source_line(std::string_view binary, std::string_view after_colon);

Points expand_line(Machine& machine, const Provider& row, const SourceLine& wanted);

}  // namespace zeektrace
