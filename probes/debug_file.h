// Where the debug information of a stripped binary is kept: by build id below /usr/lib/debug/.build-id, or by the file
// name of its debug link beside it, in .debug beside it, or below /usr/lib/debug (the GDB manual, "Debugging Information
// in Separate Files", has this order). What was found is compared with the build id or the link's checksum.
#pragma once

#include <optional>
#include <string>

#include "probes/elf_file.h"

namespace zeektrace {

// `path`: where the binary was opened; below /proc/PID/root its debug file is looked for there first.
std::optional<std::string> find_debug_file(const ElfFile& binary, const std::string& path);

// "/usr/lib/debug/.build-id/ab/cdef….debug"; "" when the binary has no build id.
std::string build_id_path(const ElfFile& binary);

}  // namespace zeektrace
