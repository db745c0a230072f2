// From what a script calls a program or library to a file: a path, a name in $PATH, or a library's bare name, as seen by
// the traced process when there is one: its mappings, its root directory, the file that it runs even when that has been
// deleted or replaced since.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "parser/result.h"

namespace zeektrace {

struct BinaryPath {
  std::string shown;  // as the process would call it
  std::string open;   // where we, and the kernel for us, find it: perhaps under /proc/PID
  std::string note;   // what the user should know of it, or ""
};
// `pid`: of -p or -c. `program`: what -c will run, whose process is ours until then.
Result<BinaryPath> find_binary(std::string_view name, std::optional<pid_t> pid, const std::string& program = "");

// "BINARY:REST" → its parts, at the first colon that is not part of "::"; a path may have colons if there is such a file.
struct BinaryTarget {
  std::string_view binary;
  std::string_view rest;
};
BinaryTarget split_target(std::string_view target, std::optional<pid_t> pid);

// Whether a file of this name is meant by "libc", "libc.so.6", "libstdc++", "zeek".
bool names_file(std::string_view wanted, std::string_view file_name);

}  // namespace zeektrace
