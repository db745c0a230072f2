// The instructions that a probe's attach points are armed at: each point's own, as its mechanism wants them
// (Mechanism::Where), by decoding the code. What can't be probed soundly is left out, with the reason.
//
// Returns. The kernel's uretprobe puts an address of its own in place of the return address, and whatever unwinds, moves
// or changes stacks meets it: an exception ends the process, a Go stack that grows too, and with a second stack (coroutines,
// signal stacks) the kernel loses count and ends it. So it is used where the code is C that none of this can cross
// (return_hazard, elf.h); everywhere else the function's exits are probed (exits.h), where nothing is replaced.
#pragma once

#include <string>
#include <vector>

#include "parser/program.h"
#include "probes/attach.h"
#include "probes/machine.h"
#include "probes/site.h"

namespace zeektrace {

struct Place {
  size_t point = 0;  // index in Probe::points
  uint64_t file_offset = 0;
  Site site;
};

struct Placement {
  std::vector<Place> places;
  std::vector<Skipped> left_out;
  std::vector<size_t> left_early;  // points some of whose places are jumps to another function
};

Placement place(const Probe& probe, Machine& machine);

// For -v.
std::vector<std::string> describe_places(const Probe& probe, Machine& machine);

}  // namespace zeektrace
