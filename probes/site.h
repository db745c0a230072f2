// Where exactly a uprobe goes. A uprobe at a function's entry may stand at any instruction that is run once in every call
// before anything of what the script reads has changed; this chooses the one that costs least.
//
// The kernel runs a probed instruction itself ("emulates" it) or has the processor run it elsewhere, which takes a second
// trap: two to three times the cost on bare metal, thirty times in a virtual machine. So the first instruction that is
// emulated is taken, counted from the entry, as long as all before it
//   - go straight on: no jump, no call, and no jump, symbol or table of jumps leads in between, so that each call of the
//     function passes once;
//   - leave the registers alone that the script reads, the stack pointer too when it reads that;
//   - change the stack pointer by known amounts only;
//   - write no memory but that of its own frame, which lies below all that the caller passes: str(arg0) reads what it
//     would have read at the entry;
//   - read no memory through a pointer: a call that dies there is to be seen before it dies.
// If there is none the entry itself is probed, and single-stepped. A 5-byte nop is taken at the entry only: since 6.18 the
// kernel puts a call in its place, which writes below the stack pointer, where a function without calls of its own keeps
// its variables. A table of jumps (an indirect jump) can lead to a label at the same stack depth only; so behind the entry
// of a function that has one, the frame at the site must be another than at the jump.
#pragma once

#include <string>

#include "parser/program.h"
#include "probes/code.h"

namespace zeektrace {

class Features;

// What must still be as it was at the entry.
struct Needs {
  RegisterSet registers = 0;
  bool anything_else = false;  // flags and the like: nothing may be passed
};
Needs needs_of(const Probe& probe);
// A uretprobe finds the return address where the stack pointer is.
Needs needs_of_return_address();

struct Site {
  uint64_t address = 0;
  uint64_t from_entry = 0;
  Instruction::Run run = Instruction::Run::stepped;  // as this kernel does it
};

// `calls_itself_last`: see AttachPoint. Each such call counts, as it would if the compiler had not made a jump of it.
Result<Site> entry_site(const Code& code, uint64_t entry, const Needs& needs, Features& features,
                        bool calls_itself_last = false);
// The very instruction at an address.
Site fixed_site(const Code& code, uint64_t entry, uint64_t address, Features& features);

// An instruction that a script names by its address: where it belongs to a function whose code can be decoded, it must be
// an instruction's start.
struct Inside {
  bool known = false;  // whether that could be found out
  bool is_start = false;
  uint64_t starts_before = 0;  // otherwise: the instruction that the address is inside of
  bool is_inner_long_nop = false;  // a 5-byte nop that is not at the function's entry
};
Inside look_inside(const Code& code, uint64_t address);

// "+4, push %rbx: emulated, one trap"
std::string described(const Code& code, const Site& site);
std::string_view cost_of(Instruction::Run run);

}  // namespace zeektrace
