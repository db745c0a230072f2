// Which files a program will load before it runs: its interpreter and the libraries that it names, and theirs. The
// dynamic linker's rules in their common part; what is loaded in other ways is met when it is mapped.
#pragma once

#include <string>
#include <vector>

namespace zeektrace {

// The program itself comes first.
std::vector<std::string> with_libraries(const std::string& program);

}  // namespace zeektrace
