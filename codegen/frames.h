// Where a program's local memory stands, and whether there is enough. All functions of a program that are under way share 512
// bytes of the kernel's stack (MAX_BPF_STACK).
//
// A kernel that has private stacks (Linux 6.13; bpf_enable_priv_stack in kernel/bpf/verifier.c) gives each function that uses 64
// bytes or more a piece of memory for each CPU instead. That is right as long as one run of a program ends before the next one
// begins on the same CPU. Uprobes' programs do not hold to it: one that waits for a page, or that the kernel preempts, finds its
// local memory overwritten by the next run, values and pointers alike (6.18: 199 of 200 reads that waited were counted under
// another thread's key; 7.2: the kernel wrote through such a pointer and died). So those of our programs whose runs can overlap
// (Mechanism::overlaps) stay on the kernel's stack.
#pragma once

#include <llvm/IR/Function.h>

#include <cstdint>
#include <functional>
#include <map>

namespace zeektrace {

// Bytes that each function has on its stack; functions without any are not in it.
using Frames = std::map<const llvm::Function*, uint64_t>;

// A program that calls other programs is not given private stacks. This makes it such a one, by a call that is never made, into a
// map of programs that is empty. Not for programs that may wait: to those the kernel (6.18) does not allow it.
void stay_on_kernel_stack(llvm::Function& program, llvm::GlobalVariable& no_programs);

// Whether the kernel would give a private stack to one of these functions: the program, and what is called from it.
bool has_private_stack(const llvm::Function& program, const Frames& frames,
                       const std::function<bool(const llvm::Function&)>& is_of_these);

// Whether the functions that can be under way at once need more than the kernel's stack has for them.
bool is_too_deep(const llvm::Function& program, const Frames& frames);

}  // namespace zeektrace
