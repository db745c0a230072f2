// From a line of the source to the instructions that begin it. As a debugger does (the GDB manual, "Linespec
// Locations"): the first in each function, and one in each place where the function was inlined.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parser/result.h"
#include "probes/dwarf_file.h"

namespace zeektrace {

struct LinePlace {
  uint64_t address = 0;
  std::string function;  // whose code it is, as the linker calls it: the one that it was inlined into
};

// `source`: a file's name, or the end of its path ("Event.cc", "src/Event.cc"). In order of address, at least one; an
// Error of kind script names the nearest lines that have code. `shown` is what errors call the binary.
Result<std::vector<LinePlace>> find_line(DwarfFile& file, std::string_view source, uint32_t line, std::string_view shown);

// How often a function was inlined into others: calls that a probe on it does not see. Reads all of the debug information
// once.
uint32_t inlined_copies(DwarfFile& file, uint64_t entry);
// The same within its own unit, which is all of them for a function that no header defines. Reads that unit, if there are any.
uint32_t inlined_copies_nearby(DwarfFile& file, uint64_t entry);

}  // namespace zeektrace
