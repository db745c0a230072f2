// From what a script calls a program or library to a file: a path, a name in $PATH, or a library's bare name,
// as seen by the traced process when there is one (its mappings, its root directory).
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "parser/result.h"

namespace zeektrace {

struct BinaryPath {
  std::string shown;  // as the process would call it
  std::string open;   // where we find it: under /proc/PID/root when the process has a root of its own
};
Result<BinaryPath> find_binary(std::string_view name, std::optional<pid_t> pid);

// Whether a file of this name is meant by "libc", "libc.so.6", "libstdc++", "zeek".
bool names_file(std::string_view wanted, std::string_view file_name);

}  // namespace zeektrace
