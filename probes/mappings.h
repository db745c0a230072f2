// What a process has mapped as code: read from /proc while it lives, and announced by the kernel as it happens
// (probes/mapping_events).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parser/unwind.h"

namespace zeektrace {

// An executable mapping of a process.
struct Mapping {
  uint64_t begin = 0;
  uint64_t end = 0;
  uint64_t offset = 0;  // in the file
  std::string path;     // as the kernel spells it, without " (deleted)"; "[vdso]"
  FileIdentity file;    // the same for all that map the file
  bool has_file() const { return !path.empty(); }  // else it is memory in which code is made
};
// The executable mappings in the text of /proc/PID/maps.
std::vector<Mapping> parse_mappings(std::string_view maps);

// Opens the file behind a mapping: by the mapping itself, which reaches deleted files and other containers, else by its
// name as the process sees it, else, when the process has gone, by its name here; never another file that has taken its
// place since. -1 when there is none. The vdso is the same code in every process: ours is given, as a file in memory.
int open_mapped(pid_t pid, const Mapping& mapping);

// On such a file system (overlayfs, btrfs) a file is not called the same by all that tell of it.
bool may_be_called_otherwise(int fd);

// The kernel's name for an open file.
std::optional<FileIdentity> file_identity(int fd);

// process_tag() of a process that lives.
std::optional<uint64_t> tag_of(pid_t pid);

}  // namespace zeektrace
