// Whether a function's own code shows that it uses an argument, for code made by clang. Where clang compiles a function and a
// caller of it together and sees that an argument is never used, the caller leaves it out (LLVM's
// DeadArgumentElimination, RemoveDeadArgumentsFromCallers, in 19): its register then holds whatever was there, while debug
// information places the argument in it all the same. So an argument counts as passed when an instruction that can be reached
// from the entry reads its register before it is overwritten, in this function or in one that it calls or jumps to directly;
// or, for one on the caller's stack, when some instruction reads its place and none writes it. Weak symbols (inline functions,
// instances of templates) need no evidence: another unit's definition may be the one that is called, so that nobody leaves
// anything out.
//
// What this can't see (an argument that is only handed on through a pointer, or behind a table of jumps) is not shown.
#pragma once

#include <string>

#include "parser/program.h"
#include "probes/code.h"

namespace zeektrace {

// Whether a register is read at its value from the entry.
bool reads_register(const Code& code, uint64_t entry, RegisterSet one);
// Whether the 8 bytes so far above the return address are read, and never written.
bool reads_stack(const Code& code, uint64_t entry, int64_t above);

// Why a function's callers may not pass an argument that lies there at the entry; nothing when they do, since all that it
// is made of is used, or the symbol is weak.
std::optional<Unavailable> not_passed(const Code& code, uint64_t entry, const Field& field);

}  // namespace zeektrace
