// A machine instruction as the choice of a probe's place needs to know it, decoded by zydis. What the kernel does with a
// uprobe on it is told here too, by what the kernel's own source emulates: the class never depends on measurements.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace zeektrace {

// A set of general registers: bit n is the register at offset 8 n of pt_regs (probes/registers.h).
using RegisterSet = uint32_t;
constexpr RegisterSet register_at(uint32_t context_offset) { return RegisterSet{1} << (context_offset / 8); }

struct Instruction {
  enum class Flow : uint8_t {
    next,              // goes on to the next instruction; nothing else happens to the flow
    ret,
    jump,              // direct; `target`
    conditional_jump,  // direct; `target`
    call,              // direct; `target`
    indirect_jump,
    indirect_call,
    stop,  // ud2, hlt, int3: never goes on
    other,  // system calls, traps and transactions: goes on, or not, or elsewhere
  };
  // How the kernel executes the instruction under a uprobe (arch/x86/kernel/uprobes.c).
  enum class Run : uint8_t {
    optimised_nop,  // the 5-byte nop; since 6.18 it becomes a call of a trampoline
    nop,            // other nops of more than one byte; emulated since 6.18
    emulated,       // push of a register, jmp, jcc, call, one-byte nop: emulated by every kernel since 4.18
    stepped,        // executed elsewhere, with a second trap
    misread,        // taken for another instruction: it would not run, or crash
    refused,        // not probed by any kernel, for a prefix: lock, and the segments that mean nothing on x86-64
  };
  uint64_t address = 0;
  uint64_t target = 0;
  uint8_t length = 0;
  Flow flow = Flow::next;
  Run run = Run::stepped;
  bool notrack = false;  // a jump with the prefix that compilers give to jump tables when they protect indirect branches

  uint64_t end() const { return address + length; }
  bool has_target() const { return flow == Flow::jump || flow == Flow::conditional_jump || flow == Flow::call; }
  // Whether the next instruction may follow.
  bool goes_on() const {
    return flow != Flow::ret && flow != Flow::jump && flow != Flow::indirect_jump && flow != Flow::stop;
  }
};

// Nothing when the bytes are no instruction.
std::optional<Instruction> decode(std::span<const uint8_t> code, uint64_t address);

// What an instruction does besides going on.
struct Effects {
  RegisterSet reads = 0;      // but not where the result is the same for any value: xor %esi, %esi
  RegisterSet writes = 0;     // of any part of them
  bool loads = false;         // memory, other than of its own stack, its thread's or at a fixed place in the binary
  bool stores = false;        // memory, other than relative to the stack pointer
  // Of stores relative to the stack pointer, pushes apart: where the written bytes end, counted from it.
  std::optional<int64_t> stores_below;
  std::optional<int64_t> stack_change = 0;  // what is added to the stack pointer; nothing: not known
  // The one memory operand, or the register, through which a jump goes; of a load: what it reads.
  struct Memory {
    RegisterSet base = 0, index = 0;  // empty: none
    bool rip_relative = false;
    uint64_t address = 0;  // where it is known: rip-relative, or a bare displacement
    uint8_t scale = 0;
    bool read = false, written = false;
  };
  std::optional<Memory> memory;
  enum class Kind : uint8_t { other, add, move };
  Kind kind = Kind::other;
};
std::optional<Effects> effects(std::span<const uint8_t> code, uint64_t address);

// "push %rbx", for -v.
std::string spelled(std::span<const uint8_t> code, uint64_t address);

}  // namespace zeektrace
