// What a script asks our side to do besides printing: cat() and system().
#pragma once

#include <string>

#include "parser/result.h"

namespace zeektrace {

// A file's text; of a longer one its first megabyte, and a line that says so.
Result<std::string> file_text(const std::string& path);

// Runs a command of the shell, waits for it, and gives what it has printed (what it says on stderr goes to ours). The
// command sees signals as if we were not there.
Result<std::string> command_output(const std::string& command);

}  // namespace zeektrace
