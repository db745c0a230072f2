// Calls that never return leave their words behind in a map that is kept by frame (parser/call_pairs.cpp): an exception went
// through them, a longjmp, their process ended. One that lives has its return address where it was at its entry; so what is
// found otherwise is dead, on whichever stack it stood. What only looks alive stays: nothing that lives is ever taken.
#pragma once

#include <cstdint>

#include "probes/map_io.h"

namespace zeektrace {

// Looks when the map is at least half full, and takes out the dead. Processes are known by their numbers here, so the map's
// must be of our PID namespace. How many there were.
Result<uint64_t> drop_dead_calls(const KernelMap& map);

}  // namespace zeektrace
