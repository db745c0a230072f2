// Names that C's headers define as macros, which the kernel's types therefore do not have: errors (EPERM) and signals
// (SIGINT), as the C library knows them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace zeektrace {

std::optional<int64_t> c_constant(std::string_view name);

}  // namespace zeektrace
