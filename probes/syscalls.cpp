#include "probes/syscalls.h"

#include <asm/unistd_64.h>

#include <array>
#include <iterator>

namespace zeektrace {

namespace {

constexpr Syscall numbers[] = {
#define X(name) {#name, __NR_##name, #name},
#include "syscall_names.inc"
#undef X
};

// Where the function's name is not the system call's: arch/x86/entry/syscalls/syscall_64.tbl, Linux 6.12.
struct OtherName {
  std::string_view name;
  std::string_view kernel;
};
constexpr OtherName other_names[] = {
    {"fstat", "newfstat"}, {"lstat", "newlstat"}, {"sendfile", "sendfile64"},
    {"stat", "newstat"},   {"umount2", "umount"}, {"uname", "newuname"},
};

constexpr auto with_kernel_names() {
  std::array<Syscall, std::size(numbers)> rows{};
  for (size_t i = 0; i < rows.size(); i++) {
    rows[i] = numbers[i];
    for (const OtherName& other : other_names)
      if (other.name == rows[i].name) rows[i].kernel = other.kernel;
  }
  return rows;
}
constexpr auto rows = with_kernel_names();

constexpr std::string_view prefixes[] = {"__x64_sys_", "sys_", "SyS_"};

}  // namespace

std::span<const Syscall> all_syscalls() { return rows; }

std::optional<SyscallName> split_syscall_name(std::string_view function) {
  for (const std::string_view prefix : prefixes)
    if (function.starts_with(prefix)) return SyscallName{prefix, function.substr(prefix.size())};
  return std::nullopt;
}

const Syscall* find_syscall(std::string_view name) {
  for (const Syscall& syscall : rows)
    if (syscall.name == name || syscall.kernel == name) return &syscall;
  return nullptr;
}

}  // namespace zeektrace
