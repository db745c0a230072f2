// The description of a tracepoint's record that the kernel gives in events/CATEGORY/EVENT/format.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "parser/program.h"

namespace zeektrace {

// A pointer to a struct points to a word that has the struct's name, as the kernel's types are not known here.
// The event's own fields, as "args.NAME"; the common ones, which builtins give, are left out.
std::vector<Field> parse_tracepoint_format(std::string_view text);

}  // namespace zeektrace
