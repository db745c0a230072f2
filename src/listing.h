// What -l prints.
#pragma once

#include <span>
#include <string>

#include "probes/machine.h"

namespace zeektrace {

// A line for each probe; its arguments, when they were asked for, below it: indented, with type and name, and
// where one can't be had, why.
std::string listing_text(std::span<const Listed> probes);

}  // namespace zeektrace
