// Where the script comes from: -e, a file, or standard input.
#pragma once

#include "parser/result.h"
#include "parser/source.h"
#include "src/options.h"

namespace zeektrace {

// The text as it is; whether it is a script at all is for parse to say. Errors name the file and why it can't
// be read.
Result<Source> load_script(const Options& options);

// Nothing when this is the number of a process (and not of a thread of one).
Status check_process(pid_t pid);

}  // namespace zeektrace
