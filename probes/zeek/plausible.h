// Whether a running Zeek's memory looks as its layout says, asked once for each process before anything is read of it: what
// stays the same while it runs (its release, its event handlers) must be right, what changes (the script stack) right at
// one of some moments. A layout that is wrong shows here, not in the answers.
#pragma once

#include <sys/types.h>

#include <string>

#include "probes/zeek/zeeks.h"

namespace zeektrace {

// What was seen that can't be; "" when all is well, when the process has gone or has not come far enough to tell.
std::string zeek_implausibility(const ZeekBinary& zeek, pid_t pid);

}  // namespace zeektrace
