// Where a Zeek's memory comes from: the functions of the allocator that it really uses. Its own when it is linked with one
// statically, else that of the first library that has one, in the order in which the dynamic linker looks for it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "parser/program.h"
#include "parser/result.h"

namespace zeektrace {

class Machine;
struct ZeekBinary;

struct AllocatorFunction {
  std::string file;   // where we open it
  std::string shown;
  std::string_view name;  // mangled
  uint64_t file_offset = 0;
};
// Those that give memory, or those that take it back. What realloc() moves is in neither: C's library calls malloc() from
// within realloc() where there was no memory before, others don't.
Result<std::vector<AllocatorFunction>> allocator_functions(Machine& machine, const ZeekBinary& zeek, bool giving);

// "args.size" or "args.address" of one of them.
Field allocator_field(std::string_view function, bool giving);

}  // namespace zeektrace
