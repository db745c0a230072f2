// Script stacks as text, alone and merged with the native stack that was taken at the same moment.
#pragma once

#include <string>
#include <vector>

#include "probes/zeek/script_stack.h"

namespace zeektrace {

// "function file:line", innermost first.
std::vector<std::string> shown_frames(const ScriptStack& stack);

// The native frames, with each frame that runs a script function replaced by that function, and without those of the
// interpreter. The two stacks end in the same place, so they are matched from the outermost frame on; if outer frames of
// the native one are missing, from the innermost.
std::vector<std::string> merged_frames(const std::vector<std::string>& native, bool native_is_cut,
                                       const ScriptStack& script);

}  // namespace zeektrace
