// What a Zeek's debug information says of its classes. Only those units are read where the classes are described whole, by
// the names of their source files; all others only when something essential is not found there, since they take seconds.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "probes/dwarf_file.h"

namespace zeektrace {

using ZeekOffsets = std::map<std::string, uint32_t, std::less<>>;

// Of the members that are asked for, "Class.member" → offset, bases' members counted as the class's own, "Class.size" →
// bytes, "Enumeration.NAME" → value; classes are named as in ZeekLayout. What is not described is missing.
ZeekOffsets described_offsets(DwarfFile& file, const std::set<std::string_view>& members);

}  // namespace zeektrace
