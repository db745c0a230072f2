// The arguments of a function, with their names and types, at an instruction of it.
//
// At the function's entry a location list that covers the entry is trusted. Anything else that debug information says of
// an argument (one location for the whole function, as unoptimised code has it) holds only once the prologue is over;
// the entry is then what the calling convention says, where the function is known to keep to it. It is not known to when
// the compiler changed it: clones (.isra, .constprop, .part …) and functions marked DW_CC_nocall. Elsewhere in a
// function only debug information counts, and the local variables that it can place come as well.
// What clang does not say: an argument that the function never uses may not be passed (argument_use.h).
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "parser/program.h"
#include "probes/dwarf_file.h"
#include "probes/dwarf_types.h"

namespace zeektrace {

// Why an argument of code made by clang, as placed at the function's entry, may not be passed; nothing when it is.
using NotPassed = std::function<std::optional<Unavailable>(uint64_t entry, const Field&)>;

// `symbol`: the function's name in the symbol table, mangled. Named "args.NAME"; without an entry for the function one
// Field "args.*" that says why.
std::vector<Field> named_arguments(DwarfFile& file, DwarfTypes& types, uint64_t address, std::string_view symbol,
                                   const NotPassed& not_passed);

// "retval" with its type; nothing when the function is not described.
std::optional<Field> typed_result(DwarfFile& file, DwarfTypes& types, uint64_t entry, std::string_view symbol);

// The Field that stands for all named arguments where there are none.
Field no_named_arguments(std::string why);

}  // namespace zeektrace
