// Whether a running Zeek's memory looks as its layout says, asked before anything that is read of it is believed: its release, its
// event handlers and its script stack, at one of some moments. A layout that is wrong shows here, not in the answers.
#pragma once

#include <sys/types.h>

#include <string>

#include "probes/zeek/zeeks.h"

namespace zeektrace {

struct ZeekLook {
  std::string wrong;       // what was seen that can't be
  bool has_shown = false;  // it has come far enough to tell: there were event handlers, and all was well
};

// Neither when the process has gone, runs something else, or has not come far enough.
ZeekLook look_at_zeek(const ZeekBinary& zeek, pid_t pid);

}  // namespace zeektrace
