// Which functions of a binary a script means: exact names, globs, C++ names without their mangling,
// addresses.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parser/result.h"
#include "probes/elf.h"

namespace zeektrace {

struct FoundFunction {
  std::string name;  // "" for an address that belongs to no function
  uint64_t file_offset = 0;
  uint64_t from_start = 0;  // bytes from the function's entry
};

// "malloc", "malloc+4", "*Handler*Call*", "zeek::EventMgr::Drain", "0x4005d0". At least one, each address
// once, or an Error of kind script that says what there is instead. `shown` is what errors call the binary.
Result<std::vector<FoundFunction>> find_functions(const Binary& binary, std::string_view wanted,
                                                  std::string_view shown);

}  // namespace zeektrace
