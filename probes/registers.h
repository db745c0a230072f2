// Where x86-64 keeps its registers in the pt_regs that a BPF program is given (uprobes, kprobes) or finds
// behind a pointer (system calls). struct pt_regs, arch/x86/include/uapi/asm/ptrace.h, has the order of
// user_regs_struct (arch/x86/include/asm/user_64.h) up to ss; both are ABI and have not changed since
// Linux 2.6.
#pragma once

#include <sys/user.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace zeektrace::pt_regs {

constexpr uint32_t bp = offsetof(user_regs_struct, rbp);
constexpr uint32_t ax = offsetof(user_regs_struct, rax);
constexpr uint32_t orig_ax = offsetof(user_regs_struct, orig_rax);
constexpr uint32_t cs = offsetof(user_regs_struct, cs);
constexpr uint32_t di = offsetof(user_regs_struct, rdi);
constexpr uint32_t dx = offsetof(user_regs_struct, rdx);
constexpr uint32_t sp = offsetof(user_regs_struct, rsp);
static_assert(di == 112 && orig_ax == 120 && cs == 136 && ax == 80);

// The registers of integer arguments: System V ABI for x86-64 (AMD64 psABI 1.0, §3.2.3), and the kernel's
// system call convention (same document, §A.2.1), which has r10 in the place of rcx.
constexpr std::array<uint32_t, 6> function_args = {
    di,
    offsetof(user_regs_struct, rsi),
    offsetof(user_regs_struct, rdx),
    offsetof(user_regs_struct, rcx),
    offsetof(user_regs_struct, r8),
    offsetof(user_regs_struct, r9),
};
// Go from 1.17 on (src/cmd/compile/abi-internal.md).
constexpr std::array<uint32_t, 9> go_args = {
    ax, offsetof(user_regs_struct, rbx), offsetof(user_regs_struct, rcx), di,
    offsetof(user_regs_struct, rsi), offsetof(user_regs_struct, r8), offsetof(user_regs_struct, r9),
    offsetof(user_regs_struct, r10), offsetof(user_regs_struct, r11),
};
constexpr std::array<uint32_t, 6> syscall_args = {
    di,
    offsetof(user_regs_struct, rsi),
    offsetof(user_regs_struct, rdx),
    offsetof(user_regs_struct, r10),
    offsetof(user_regs_struct, r8),
    offsetof(user_regs_struct, r9),
};

// By the numbers that debug information has for them: AMD64 psABI 1.0, §3.6.2, figure 3.36.
constexpr std::array<uint32_t, 16> by_dwarf_number = {
    ax, dx, offsetof(user_regs_struct, rcx), offsetof(user_regs_struct, rbx),
    offsetof(user_regs_struct, rsi), di, offsetof(user_regs_struct, rbp), sp,
    offsetof(user_regs_struct, r8), offsetof(user_regs_struct, r9), offsetof(user_regs_struct, r10),
    offsetof(user_regs_struct, r11), offsetof(user_regs_struct, r12), offsetof(user_regs_struct, r13),
    offsetof(user_regs_struct, r14), offsetof(user_regs_struct, r15),
};

// __USER_CS, arch/x86/include/asm/segment.h (GDT_ENTRY_DEFAULT_USER_CS * 8 + 3): 64-bit code of a process.
constexpr uint64_t user_code_segment = 0x33;

}  // namespace zeektrace::pt_regs
