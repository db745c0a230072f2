// What a Zeek's debug information says of its classes. Only the units are read in which the functions stand that probes
// need (layout.h): each of them has the classes that it works with, whole, and the others would take seconds.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "probes/dwarf_die.h"

namespace zeektrace {

using ZeekOffsets = std::map<std::string, uint32_t, std::less<>>;

// "Class.member" → offset, bases' members counted as the class's own, "Class.size" → bytes (unless a member is called so),
// "Enumeration.NAME" → value; classes named as in ZeekLayout. Of the classes for which `wanted` holds, in these units; what
// none of them has is missing.
ZeekOffsets zeek_offsets(std::span<const Dwarf_Die> units, const std::function<bool(std::string_view name)>& wanted);

}  // namespace zeektrace
