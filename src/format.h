// printf: a format in C's spelling and the values of a message → text. Lengths (l, ll, h, hh, z, j) are read
// and mean nothing, since every number is 64 bits wide; a `*` is not known. check has seen to it that
// conversions and values go together; where they do not, the value is shown the way it is.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "parser/format.h"
#include "src/output/value.h"

namespace zeektrace {

// `sizes[i]`: bytes that value i had in the script, for %x %X %o %u of a negative number; 8 where it is not
// given.
std::string format_values(std::string_view format, std::span<const Value> values,
                          std::span<const uint32_t> sizes = {});

// One value by one conversion.
std::string format_value(const Conversion& conversion, const Value& value, uint32_t size);

}  // namespace zeektrace
