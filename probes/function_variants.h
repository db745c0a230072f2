// A constructor or destructor has up to three symbols (Itanium C++ ABI §5.1.4.3: complete C1 and D1, base C2 and D2,
// deleting D0; GCC's C4 and D4 are what both share), and one may do its work by calling another. A probe on all of them
// would count such a call twice.
#pragma once

#include <vector>

#include "probes/elf.h"

namespace zeektrace {

// `matches` without the variants that call or jump to another variant among them, and without a C4 or D4 that is called by
// another: every object counts once. Other functions are let through as they are. How many were left out is added to
// `left_out`.
std::vector<const FunctionSymbol*> each_call_once(const Binary& binary, std::vector<const FunctionSymbol*> matches,
                                                  size_t& left_out);

}  // namespace zeektrace
