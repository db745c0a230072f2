// The walk up a process's stack, by the rows that user space makes of each file's call frame information
// (parser/unwind.h says what they mean) and, where there are none, by frame pointers. Compiled to bitcode with its debug
// information, since it is a function of its own in the object and not inlined: the verifier looks at it once a program.
// The other functions here that are not static are, too, instead of anew on each of the walk's many paths: those for what
// is seldom done, since a call costs a few nanoseconds.
//
// The same walk serves every kind of probe: the process's registers are those that the kernel saved when it was entered,
// whether by a breakpoint, an interrupt or a system call.

#include "kernel.bpf.h"

#define READ(word) (*(volatile __typeof__(word) *)&(word))
#define WRITE(word, value) (*(volatile __typeof__(word) *)&(word) = (value))

// ---- maps ----

struct row {
  u32 place;
  u32 rule;
};
struct range {
  u64 begin, end;
  struct identity file;
  u64 offset_of_zero;
};
struct block_key {
  u64 tag;
  u64 block;
};
#define BLOCK_BITS 18
#define RANGES 4
struct block {
  struct range ranges[RANGES];
};
struct missing {
  struct identity file;
  u64 address;
  u64 tag;
  u32 tgid;
  u32 reserved;
};
// What is remembered of an address. The key is the address mixed with whose it is. Other CPUs write it at any time, a word
// at a time: the key is mixed with the rule, so that words of different writes don't fit together.
struct remembered {
  u64 key;
  u64 rule;
};
#define REMEMBERED 16384

#ifndef ZEEKTRACE_HELPERS
struct rows {
  NUMBER(type, BPF_ARRAY);
  NUMBER(key_size, 4);
  NUMBER(value_size, 8);
  NUMBER(max_entries, 1);
  NUMBER(map_flags, MMAPABLE | INNER_MAP);
};
struct {
  NUMBER(type, BPF_HASH_OF_MAPS);
  NUMBER(key_size, 16);
  NUMBER(value_size, 4);
  NUMBER(max_entries, 4096);
  struct rows *values[];
} zt_unwind_files SECTION(".maps");
struct {
  NUMBER(type, BPF_HASH);
  NUMBER(key_size, 16);
  NUMBER(value_size, 160);
  NUMBER(max_entries, 1 << 18);
  NUMBER(map_flags, NO_PREALLOC);
} zt_unwind_block SECTION(".maps");
struct {
  NUMBER(type, BPF_ARRAY);
  NUMBER(key_size, 4);
  NUMBER(value_size, 16);
  NUMBER(max_entries, REMEMBERED);
} zt_unwind_cache SECTION(".maps");
struct {
  NUMBER(type, BPF_HASH);
  NUMBER(key_size, 16);
  NUMBER(value_size, 8);
  NUMBER(max_entries, 4096);
} zt_unwind_asked SECTION(".maps");
struct {
  NUMBER(type, BPF_RINGBUF);
  NUMBER(max_entries, 65536);
} zt_unwind_miss SECTION(".maps");
struct {
  NUMBER(type, BPF_ARRAY);
  NUMBER(key_size, 4);
  NUMBER(value_size, 8);
  NUMBER(max_entries, 1);
} zt_unwind_epoch SECTION(".maps");
#endif

// ---- the walk ----

#define MAX_FRAMES 127
// 1 KiB: a read costs some 100 ns, however long it is.
#define CHUNK_WORDS 128
#define NO_CHUNK (1ULL << 63)
// Bits of walk.count above the number of frames (parser/program.h, StackFrames).
#define GUESSED (1ULL << 32)
#define CUT (1ULL << 33)

// The first part is StackFrames. The rest is scratch memory.
struct walk {
  u64 count;
  u64 address[MAX_FRAMES];
  u64 chunk[CHUNK_WORDS];  // of the stack, from chunk_at on
  u64 chunk_at;
  u64 pc, sp, bp;
  u64 tag;         // whose addresses these are (process_tag)
  u64 memory_tag;  // the same, and of which epoch: what is remembered of the epoch before is void
  u64 hash;
  u64 flags;
  u64 exact;  // pc is not a return address: the first frame, and one that a signal interrupted
  u64 word;
  u64 most;
};

enum cfa_kind { cfa_none, cfa_stack, cfa_frame, cfa_frame_deref, cfa_plt, cfa_signal, cfa_end, cfa_unusable };
#define RBP_UNCHANGED 0
#define RBP_AT_RBP 126
#define RBP_LOST 127
// Beside rules: there is no code at this address.
#define NO_CODE (1ULL << 32)
// The rule is only a guess that may be mended: it must not be remembered.
#define PASSING (1ULL << 33)

// A word of the stack that is not in the chunk, into walk->word. Read in chunks, from the lowest address that is asked for:
// the walk goes upwards.
FUNCTION long zt_read_stack(struct walk *walk, u64 at) {
  if (!walk || (at & 7))
    return -1;
  if (bpf_probe_read_user(walk->chunk, sizeof(walk->chunk), (const void *)at) != 0) {
    walk->chunk_at = NO_CHUNK;  // a read that fails leaves zeroes
    return bpf_probe_read_user(&walk->word, 8, (const void *)at);  // near the stack's end
  }
  walk->chunk_at = at;
  walk->word = walk->chunk[0];
  return 0;
}

INLINE long stack_word(struct walk *walk, u64 at, u64 *word) {
  u64 offset = at - walk->chunk_at;
  if (offset > (CHUNK_WORDS - 1) * 8 || (offset & 7)) {
    if (zt_read_stack(walk, at))
      return -1;
    *word = walk->word;
    return 0;
  }
  *word = walk->chunk[(offset >> 3) & (CHUNK_WORDS - 1)];
  return 0;
}

struct found {
  struct identity file;
  u64 offset_of_zero;
  u64 code;
};

// The mapping that an address belongs to, asked of the kernel.
static FUNCTION long take_vma(struct task_struct *task, struct vm_area_struct *vma, void *context) {
  struct found *found = context;
  struct file *file = vma->vm_file;
  (void)task;
  found->code = (vma->vm_flags & 4) != 0;  // VM_EXEC
  if (file) {
    found->offset_of_zero = ((u64)vma->vm_pgoff << 12) - vma->vm_start;
    found->file.inode = file->f_inode->i_ino;
    found->file.device = file->f_inode->i_sb->s_dev;
  }
  return 0;
}

// Which file, and where in it: by what user space has told of this process, which holds in every context; else by the
// kernel's own list of mappings, which is never behind, but can't be looked at twice while interrupts are off.
INLINE long find_range(u64 tag, u64 address, struct found *found) {
  struct block_key key = {tag, address >> BLOCK_BITS};
  struct block *block = bpf_map_lookup_elem(&zt_unwind_block, &key);
  if (block) {
    for (u32 i = 0; i < RANGES; i++) {
      struct range *range = &block->ranges[i];
      if (address < range->begin || address >= range->end)
        continue;
      found->file = range->file;
      found->offset_of_zero = range->offset_of_zero;
      found->code = 1;
      return 0;
    }
  }
  return bpf_find_vma(bpf_get_current_task_btf(), address, take_vma, found, 0);
}

// Tells user space once of a file that has no table yet.
static FUNCTION long report(struct found *found, u64 address, u64 tag) {
  u64 one = 1;
  if (!found || bpf_map_update_elem(&zt_unwind_asked, &found->file, &one, 1) != 0)  // BPF_NOEXIST
    return 0;
  struct missing missing = {found->file, address, tag, (u32)(bpf_get_current_pid_tgid() >> 32), 0};
  return bpf_ringbuf_output(&zt_unwind_miss, &missing, sizeof(missing), 2);  // BPF_RB_FORCE_WAKEUP
}

// The row that is sought is `low`, or behind it and before `high` + 1.
struct search {
  void *rows;
  u32 place;
  u32 low, high;
};

static FUNCTION long halve(u32 round, void *context) {
  struct search *search = context;
  (void)round;
  if (search->low >= search->high)
    return 1;
  u32 index = search->low + ((search->high - search->low + 1) >> 1);
  struct row *row = bpf_map_lookup_elem(search->rows, &index);
  if (!row)
    return 1;
  if (row->place <= search->place)
    search->low = index;
  else
    search->high = index - 1;
  return 0;
}

// The rule of the last row at or before a place.
INLINE u64 find_rule(void *rows, u32 place) {
  u32 index = 0;
  struct row *row = bpf_map_lookup_elem(rows, &index);
  if (!row)
    return cfa_none;
  struct search search = {rows, place, 0, row->place};
  bpf_loop(24, halve, &search, 0);
  if (search.low == 0)
    return cfa_none;
  index = search.low;
  row = bpf_map_lookup_elem(rows, &index);
  return row ? row->rule : cfa_none;
}

FUNCTION u64 zt_look_up(u64 tag, u64 address) {
  struct found found = {};
  if (find_range(tag, address, &found) != 0 || !found.code)
    return NO_CODE;
  if (!found.file.inode)
    return cfa_none;  // code without a file: made at run time
  void *rows = bpf_map_lookup_elem(&zt_unwind_files, &found.file);
  if (!rows) {
    report(&found, address, tag);
    return cfa_none | PASSING;
  }
  return find_rule(rows, (u32)(address + found.offset_of_zero));
}

INLINE u64 rule_at(struct walk *walk, u64 address) {
  u64 key = address ^ walk->memory_tag;
  u32 slot = (u32)(key * 0x9e3779b97f4a7c15ULL >> 50);
  struct remembered *known = bpf_map_lookup_elem(&zt_unwind_cache, &slot);
  if (!known)
    return NO_CODE;
  u64 rule = READ(known->rule);
  if ((READ(known->key) ^ rule) == key)
    return rule;
  rule = zt_look_up(walk->tag, address);
  if (!(rule & (NO_CODE | PASSING))) {
    WRITE(known->key, key ^ rule);
    WRITE(known->rule, rule);
  }
  return rule;
}

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

// From a frame to its caller's. Not 0 when the walk is over.
INLINE long climb(struct walk *walk, u32 rule) {
  u64 cfa = frame_address(walk, rule);
  u32 rbp = (rule >> 3) & 127;
  if ((rule & 7) == cfa_none) {
    if (!walk->bp)
      return 1;
    walk->flags |= GUESSED;
    rbp = RBP_AT_RBP;
  }
  if (cfa <= walk->sp)
    return cut(walk);
  if (rbp == RBP_LOST)
    walk->bp = 0;
  else if (rbp != RBP_UNCHANGED && stack_word(walk, rbp == RBP_AT_RBP ? walk->bp : cfa - 8 * rbp, &walk->bp))
    return cut(walk);
  if (stack_word(walk, cfa - 8, &walk->pc))
    return cut(walk);
  walk->sp = cfa;
  walk->exact = 0;
  return walk->pc == 0;
}

// One frame. Not 0 when the walk is over.
INLINE long take_frame(struct walk *walk) {
  u64 index = READ(walk->count);
  if (index >= walk->most)
    return 1;
  u64 rule = rule_at(walk, walk->pc - 1 + walk->exact);
  if ((rule & NO_CODE) && index > 0)
    return cut(walk);
  walk->address[index & 127] = walk->pc;
  walk->count = index + 1;
  walk->hash = (walk->hash ^ walk->pc) * 0xff51afd7ed558ccdULL;
  walk->hash ^= walk->hash >> 32;
  u32 kind = rule & 7;
  if (kind == cfa_end)
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
  for (u32 i = 0; i < FRAMES_A_STEP; i++)
    if (take_frame(walk))
      return 1;
  return 0;
}

// Walks the stack of the current process, at most `most` frames, into walk->count and walk->address; gives the hash of
// the frames, 0 when there is no stack.
FUNCTION u64 zt_unwind(struct walk *walk, u32 most) {
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
  walk->memory_tag = walk->tag + *epoch * 0x9e3779b97f4a7c15ULL;
  walk->chunk_at = NO_CHUNK;
  walk->flags = 0;
  walk->exact = 1;
  walk->most = most < MAX_FRAMES ? most : MAX_FRAMES;
  walk->hash = 0x9e3779b97f4a7c15ULL;
  struct walk *context = walk;
  bpf_loop((MAX_FRAMES + FRAMES_A_STEP - 1) / FRAMES_A_STEP, step, &context, 0);
  if (!walk->count)
    return 0;
  walk->hash ^= walk->flags;
  walk->count |= walk->flags;
  return walk->hash < 2 ? 2 : walk->hash;
}
