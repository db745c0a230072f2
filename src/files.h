// Reading whole files: those of /proc, and scripts.
#pragma once

#include <cstddef>
#include <string>

#include "parser/result.h"

namespace zeektrace {

// All of a file, `most` bytes at most (more is an error). A directory is an error, too.
Result<std::string> read_file(const std::string& path, size_t most = size_t{256} << 20);
// All that can be read from this descriptor; `name` is what errors call it.
Result<std::string> read_all(int fd, const std::string& name, size_t most);

}  // namespace zeektrace
