// Where a function is left in the orderly way: its `ret` instructions and its tail calls. A uprobe on each of them sees
// every return and never stands in the way of what unwinds or moves the stack, as the kernel's uretprobe does.
//
// A direct jump that leaves the function is a tail call (function_body.h). Of an indirect jump the frame decides, as
// .eh_frame describes it: with anything left on the stack it is a table of jumps inside the function (or a computed goto).
// With nothing left it may be either: then it is a tail call when its operand is one word at a fixed place, or at a
// pointer with an offset (a virtual function); a table when the operand has an index and the table's first word lies in
// the function, or when the compiler marked it with `notrack`, or when an addition made the address. All else is refused,
// and so is a conditional tail call, which a probe would count whether it is taken or not.
#pragma once

#include <vector>

#include "parser/result.h"
#include "probes/code.h"

namespace zeektrace {

struct Exits {
  std::vector<uint64_t> returns;
  // The called function's result is this one's; at the jump it is not known yet.
  std::vector<uint64_t> tail_calls;
};

// An Error of kind script, "why", where they can't be told.
// `calls_itself_last`: see AttachPoint; its jumps to its first instruction are tail calls.
Result<Exits> function_exits(const Code& code, uint64_t entry, bool calls_itself_last = false);

}  // namespace zeektrace
