// A function as debug information describes it: which entry is meant by a symbol and an address, its parameters in
// order, and whether its callers keep to the calling convention.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parser/result.h"
#include "probes/dwarf_file.h"

namespace zeektrace {

struct Parameter {
  Dwarf_Die declared;               // has the name and the type
  std::optional<Dwarf_Die> placed;  // has the location; none when the compiler left it out
};

struct DescribedFunction {
  Dwarf_Die die;  // what was compiled: has the addresses
  uint64_t entry = 0;
  std::vector<Parameter> parameters;
  // Why the calling convention says nothing of it; "" when it does.
  std::string convention_broken;
  std::string result_unknown;  // why nobody can say what it returns; "" when its type (or none) is known
  bool is_c_family = false;
  bool is_local = false;  // the compiler knows all callers
  bool by_clang = false;
};

// An Error of kind script, whose message is the reason.
Result<DescribedFunction> describe_function(DwarfFile& file, uint64_t address, std::string_view symbol);

// formal_parameter entries in order, those of parameter packs among them.
std::vector<Dwarf_Die> parameters_in(Dwarf_Die function);

// Where the function's first statement begins, once its frame is set up; `entry` when nothing says so.
uint64_t prologue_end(DwarfFile& file, uint64_t entry, uint64_t end);

}  // namespace zeektrace
