// The files of a process as it sees them itself: what it has mapped (deleted and replaced files too, which /proc still
// reaches), and paths within its own root directory, symbolic links resolved there and not in ours.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zeektrace {

struct MappedFile {
  std::string path;      // as the process calls it
  bool deleted = false;  // no longer at that path: removed, or replaced by another file
  uint64_t begin = 0;
  uint64_t end = 0;
};
// What is mapped executable, in the order of addresses, each file once. Empty when the process is gone.
std::vector<MappedFile> mapped_code(pid_t pid);

// A path by which we, and the kernel for us, open a mapped file whatever has become of its name; "" when that is not
// allowed.
std::string path_of_mapping(pid_t pid, const MappedFile& file);

// "/proc/PID/root" for a process that sees other files than we do, "" else (or when we may not know).
std::string root_of(pid_t pid);

// Where we open what the process calls `path`; nothing when there is no such file. No link leads out of the root.
std::optional<std::string> resolve_in_root(const std::string& root, const std::string& path);

bool is_file(const std::string& path);
bool same_file(const std::string& a, const std::string& b);

}  // namespace zeektrace
