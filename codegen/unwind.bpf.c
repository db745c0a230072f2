// The walk up a process's stack, by the rows that user space makes of each file's call frame information
// (parser/unwind.h says what they mean) and, where there are none, by frame pointers. Compiled to bitcode with its debug
// information, since it is a function of its own in the object and not inlined: the verifier looks at it once a program.
// The other functions here that are not static are, too, instead of anew on each of the walk's many paths: those for what
// is seldom done, since a call costs a few nanoseconds.
//
// The same walk serves every kind of probe: the process's registers are those that the kernel saved when it was entered,
// whether by a breakpoint, an interrupt or a system call.
#include "unwind_remembered.bpf.h"
#include "unwind_rows.bpf.h"
#include "unwind_walk.bpf.h"

#ifndef ZEEKTRACE_HELPERS
struct {
  NUMBER(type, BPF_ARRAY);
  NUMBER(key_size, 4);
  NUMBER(value_size, 8);
  NUMBER(max_entries, 1);
} zt_unwind_epoch SECTION(".maps");
#endif

// What a signal interrupted: rsp points to the ucontext that the kernel wrote (struct ucontext and sigcontext_64,
// arch/x86/include/uapi/asm): rbp at 120, rsp at 160, rip at 168.
FUNCTION long zt_leave_signal(struct walk *walk, u64 at) {
  u64 bp, sp, pc;
  if (!walk || stack_word(walk, at + 120, &bp) || stack_word(walk, at + 160, &sp) || stack_word(walk, at + 168, &pc))
    return -1;
  walk->bp = bp;
  walk->sp = sp;
  walk->pc = pc;
  walk->exact = 1;
  walk->anchor = 0;
  return 0;
}

// The frame's CFA, 0 when it can't be had.
INLINE u64 frame_address(struct walk *walk, u32 rule) {
  s64 offset = (s32)rule >> 10;
  u64 word;
  switch (rule & 7) {
  case cfa_stack:
    return walk->sp + offset;
  case cfa_frame:
    return walk->bp + offset;
  case cfa_frame_deref:
    return stack_word(walk, walk->bp + offset, &word) ? 0 : word;
  case cfa_plt:
    return walk->sp + 8 + ((s64)(walk->pc & 15) >= offset ? 8 : 0);
  case cfa_none:
    return walk->bp + 16;
  }
  return 0;
}

INLINE long cut(struct walk *walk) {
  walk->flags |= CUT;
  return 1;
}

// The kernel's trampoline for returns is at the start of a page.
#define MAY_BE_TRAMPOLINE(address) (!((address) & 4095))
// As many as the kernel keeps for a thread (MAX_URETPROBE_DEPTH in kernel/events/uprobes.c).
#define MOST_RETURNS 64

// Where a return probe is under way, its function's return address, read from `slot`, is the kernel's trampoline. The kernel
// keeps the true one (also of a tail call, whose probe found the trampoline there). Such a walk is not to be remembered: the
// words that it went by don't say where it leads.
FUNCTION long zt_true_return(struct walk *walk, u64 slot) {
  struct task_struct *task = bpf_get_current_task_btf();
  if (!walk || !HAS(task_struct, utask) || !HAS(uprobe_task, return_instances) || !HAS(return_instance, stack) ||
      !HAS(return_instance, orig_ret_vaddr) || !HAS(return_instance, next))
    return 0;
  struct return_instance *instance = task->utask->return_instances;
#pragma clang loop unroll(disable)
  for (u32 i = 0; i < MOST_RETURNS && instance; i++) {
    if (instance->stack == slot) {
      walk->pc = instance->orig_ret_vaddr;
      walk->anchor = 0;
      return 0;
    }
    instance = instance->next;
  }
  return 0;
}

// From a frame to its caller's. Not 0 when the walk is over.
INLINE long climb(struct walk *walk, u32 rule) {
  u32 kind = rule & 7, rbp = (rule >> 3) & 127;
  if (kind == cfa_none) {
    if (!walk->bp) {
      walk->anchor = 0;
      return 1;
    }
    walk->flags |= GUESSED;
    rbp = RBP_AT_RBP;
  }
  if (kind == cfa_frame || kind == cfa_frame_deref || rbp == RBP_AT_RBP)
    see_bp(walk);
  u64 cfa = frame_address(walk, rule);
  if (kind == cfa_frame_deref)
    see(walk, (walk->bp + ((s32)rule >> 10)) | RELATIVE, cfa - walk->anchor);
  if (cfa <= walk->sp)
    return cut(walk);
  if (rbp == RBP_LOST) {
    walk->bp = 0;
    walk->bp_at = BP_KNOWN;
  } else if (rbp != RBP_UNCHANGED) {
    u64 at = rbp == RBP_AT_RBP ? walk->bp : cfa - 8 * rbp;
    if (stack_word(walk, at, &walk->bp))
      return cut(walk);
    walk->bp_at = at;
  }
  if (stack_word(walk, cfa - 8, &walk->pc))
    return cut(walk);
  see(walk, cfa - 8, walk->pc);
  if (MAY_BE_TRAMPOLINE(walk->pc))
    zt_true_return(walk, cfa - 8);
  walk->sp = cfa;
  walk->exact = 0;
  return walk->pc == 0;
}

// One frame. Not 0 when the walk is over.
INLINE long take_frame(struct walk *walk) {
  u64 index = READ(walk->count);
  u64 rule = rule_at(walk, walk->pc - 1 + walk->exact);
  if ((rule & NO_CODE) && index > 0)
    return cut(walk);
  u64 frame = walk->pc | (rule & CODE_ID);
  walk->address[index & 127] = frame;
  walk->count = index + 1;
  walk->hash = (walk->hash ^ frame) * 0xff51afd7ed558ccdULL;
  walk->hash ^= walk->hash >> 32;
  u32 kind = rule & 7;
  if (kind == cfa_end || index + 1 >= walk->most)
    return 1;
  if (kind == cfa_signal) {
    if (zt_leave_signal(walk, walk->sp))
      return cut(walk);
    return 0;
  }
  return climb(walk, (u32)rule);
}

// Some frames: calls and returns are dear where processors are kept from speculating on them, but the verifier looks at
// each frame of a step anew.
#define FRAMES_A_STEP 4
static FUNCTION long step(u32 index, void *context) {
  struct walk *walk = *(struct walk **)context;
  (void)index;
#pragma clang loop unroll(disable)
  for (u64 i = 0; i < FRAMES_A_STEP; i++)
    if (take_frame(walk))
      return 1;
  return 0;
}

// A copy of an instruction has so much room (UPROBE_XOL_SLOT_BYTES, arch/x86/include/asm/uprobes.h).
#define COPY_SIZE 128
// The trampoline that a probed nop of five bytes calls keeps so many registers on the stack, and has so many bytes, at its page's
// start (uprobe_trampoline_entry, arch/x86/kernel/uprobes.c, Linux 6.18).
#define SAVED_REGISTERS 3
#define TRAMPOLINE_SIZE 32
#define BREAKPOINT 0xcc
#define NEAR_CALL 0xe8
#define NEAR_CALL_SIZE 5

// Whether a call that leads to `target` stands before the address.
INLINE long follows_call(u64 address, u64 target) {
  u64 code = 0;
  if (bpf_probe_read_user(&code, NEAR_CALL_SIZE, (const void *)(address - NEAR_CALL_SIZE)) != 0)
    return 0;
  return (u8)code == NEAR_CALL && address + (s64)(s32)(code >> 8) == target;
}

// In the trampoline of a return that is probed: the function is left, and its caller is who the kernel knows.
INLINE long leave_return(struct walk *walk, struct task_struct *task) {
  if (!HAS(task_struct, utask) || !HAS(uprobe_task, return_instances) || !HAS(return_instance, stack) ||
      !HAS(return_instance, orig_ret_vaddr) || (walk->pc & 4095) >= TRAMPOLINE_SIZE || !task->utask)
    return 0;
  struct return_instance *instance = task->utask->return_instances;
  if (!instance || instance->stack + 8 - walk->sp > 8 * SAVED_REGISTERS)
    return 0;
  walk->pc = instance->orig_ret_vaddr;
  walk->sp = instance->stack + 8;
  walk->exact = 0;
  return 1;
}

// Where an interrupt finds a process in the trap of a probe, its registers are not those at the probed instruction: that is being
// stepped over elsewhere, or a call that took its place has begun, or the breakpoint's byte has been executed.
FUNCTION long zt_leave_trap(struct walk *walk, u64 is_in_kernel) {
  struct task_struct *task = bpf_get_current_task_btf();
  u64 into_copy, page, back;
  u8 before = 0;
  if (!walk)
    return 0;
  if (HAS(task_struct, utask) && HAS(uprobe_task, active_uprobe) && HAS(uprobe_task, xol_vaddr) && HAS(uprobe_task, vaddr) &&
      task->utask && task->utask->active_uprobe) {
    into_copy = walk->pc - task->utask->xol_vaddr;
    if (into_copy < COPY_SIZE) {
      walk->pc = task->utask->vaddr + into_copy;
      return 0;
    }
  }
  page = walk->pc & ~4095ULL;
  for (u32 saved = 0; walk->pc - page < TRAMPOLINE_SIZE && saved <= SAVED_REGISTERS; saved++) {
    if (stack_word(walk, walk->sp + 8 * saved, &back) || !follows_call(back, page))
      continue;
    walk->pc = back - NEAR_CALL_SIZE;
    walk->sp += 8 * (saved + 1);
    return 0;
  }
  if (leave_return(walk, task))
    return 0;
  if (is_in_kernel && bpf_probe_read_user(&before, 1, (const void *)(walk->pc - 1)) == 0 && before == BREAKPOINT)
    // The compiler may not join this with the read from the task above: on 6.1 an instruction reads from one kind of memory.
    WRITE(walk->pc, READ(walk->pc) - 1);
  return 0;
}

// Walks the stack of the current process, at most `most` frames, into walk->count and walk->address; gives the hash of
// the frames, 0 when there is no stack. `segment` is 0, or the code segment (cs) of what an interrupt has found on this CPU.
FUNCTION u64 zt_unwind(struct walk *walk, u32 most, u64 segment) {
  struct task_struct *task = bpf_get_current_task_btf();
  struct mm_struct *mm = task->mm;
  u32 zero = 0;
  if (!walk)
    return 0;
  walk->count = 0;
  if (!mm)
    return 0;
  u64 *epoch = bpf_map_lookup_elem(&zt_unwind_epoch, &zero);
  if (!epoch)
    return 0;
  struct pt_regs *regs = bpf_task_pt_regs(task);
  walk->pc = regs->ip;
  walk->sp = regs->sp;
  walk->bp = regs->bp;
  walk->tag = ((mm->start_stack * 0x9e3779b97f4a7c15ULL) ^ mm->end_code) * 0xff51afd7ed558ccdULL ^
              (u32)task->tgid;
  // Pages that code was run from, and with them its mapping, can't go without a change of this number: while it is the same,
  // so is what was found at an address.
  u64 unmapped = (u64)mm->context.tlb_gen.counter;
  walk->memory_tag = walk->tag + *epoch * 0x9e3779b97f4a7c15ULL + unmapped * 0xd6e8feb86659fd93ULL;
  walk->chunk_at = NO_CHUNK;
  walk->flags = 0;
  walk->exact = 1;
  walk->most = most < MAX_FRAMES ? most : MAX_FRAMES;
  walk->hash = 0x9e3779b97f4a7c15ULL;
  walk->known = walk->anchor = 0;
  if (segment)
    zt_leave_trap(walk, !(segment & 3));
  long over = 0;
#pragma clang loop unroll(disable)
  for (u64 i = 0; i < PREFIX && !over; i++)
    over = take_frame(walk);
  if (!over) {
    if (!walk->flags && !walk->exact) {
      drop_anchor(walk);
      if (recall(walk))
        return walk->hash;
    }
    struct walk *context = walk;
    bpf_loop((MAX_FRAMES - PREFIX + FRAMES_A_STEP - 1) / FRAMES_A_STEP, step, &context, 0);
  }
  if (!walk->count)
    return 0;
  if (walk->flags)
    walk->anchor = 0;
  walk->hash ^= walk->flags;
  walk->hash = walk->hash < 2 ? 2 : walk->hash;
  walk->count |= walk->flags;
  return walk->hash;
}
