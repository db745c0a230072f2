// The kernel's system calls: their numbers, and how their functions are called in the kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace zeektrace {

struct Syscall {
  std::string_view name;  // "read"
  int64_t number = 0;
  std::string_view kernel;  // what the kernel calls it: "read"; of stat, "newstat"
};
std::span<const Syscall> all_syscalls();

// "sys_read", "__x64_sys_newstat", "SyS_read" → the name that follows the prefix; nothing when there is no
// such prefix.
struct SyscallName {
  std::string_view prefix;
  std::string_view name;
};
std::optional<SyscallName> split_syscall_name(std::string_view function);

// By the name of either side; null when there is none.
const Syscall* find_syscall(std::string_view name);

}  // namespace zeektrace
