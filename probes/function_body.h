// All instructions of one function: its own stretch of code and the cold parts that the compiler moved elsewhere, with the
// jumps inside of it and those that leave it. What can't be told apart is an Error, with the reason.
//
// A part is what a direct jump leads to that is no function: a symbol with ".cold" in its name that nothing here calls, or
// (where the symbols are gone) code that .eh_frame describes on its own, with a frame already on the stack or a jump back
// to where this function has its middle. A jump to the first instruction of anything else, or to a stub of the linker's,
// leaves the function: a tail call. A jump into the middle of anything else is not understood.
#pragma once

#include <vector>

#include "parser/result.h"
#include "probes/code.h"

namespace zeektrace {

struct FunctionBody {
  std::vector<CodeRange> parts;   // the function's own stretch first
  std::vector<Instruction> code;  // of all parts, in their order
  std::vector<uint64_t> targets;  // in it, of direct jumps in it; sorted
  std::vector<Instruction> leaving;         // direct jumps to other functions
  std::vector<Instruction> indirect_jumps;  // to places that are not looked at here
  bool has_handlers = false;      // landing pads of exceptions: code that no jump leads to

  bool holds(uint64_t address) const;
  bool is_target(uint64_t address) const;
};

Result<FunctionBody> function_body(const Code& code, uint64_t entry);

}  // namespace zeektrace
