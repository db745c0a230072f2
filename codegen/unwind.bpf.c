// The walk up a process's stack, by the rows that user space makes of each file's call frame information
// (parser/unwind.h says what they mean) and, where there are none, by frame pointers. Compiled to bitcode with its debug
// information, since it is a function of its own in the object and not inlined: the verifier looks at it once a program.
// The other functions here that are not static are, too, instead of anew on each of the walk's many paths: those for what
// is seldom done, since a call costs a few nanoseconds.
//
// The same walk serves every kind of probe: the process's registers are those that the kernel saved when it was entered,
// whether by a breakpoint, an interrupt or a system call.

#include "mapped.bpf.h"

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
// What is remembered of an address: its code's id and rule. The key is the address mixed with whose it is. Other CPUs write it at any time, a word
// at a time: the key is mixed with the rule, so that words of different writes don't fit together.
struct remembered {
  u64 key;
  u64 rule;
};
#define REMEMBERED 16384

// A word of the stack that a walk went by: where, above sp at the anchor, and what it was. A saved rbp that then served as a
// frame's base is kept as its distance from that sp, and marked in the place's lowest bit.
struct seen {
  u64 at;
  u64 word;
};
#define RELATIVE 1
#define MOST_SEEN 128

// Words that are compared together; a group with room left has its first word several times.
#define WORDS_A_GROUP 4
#define MOST_GROUPS 32
struct group {
  u64 lowest, highest;  // their places lie from here to there, less than a chunk
  struct seen seen[WORDS_A_GROUP];
};

// The rest of a walk from its anchor on, PREFIX frames up, and all that it depended on: where these words are the same on
// the stack, the same walk would be made. `version` is odd while it is written, as another CPU can do at any time.
struct rest {
  u64 version;
  u64 key;
  u64 used;
  u64 tries;  // of the set, in its first way: all that were made, and
  s64 score;  // those that found the walk less those that did not
  u64 needs_bp;
  u64 bp;  // above sp
  u64 count;
  u64 hash;
  u64 groups;
  u64 extent;  // all words end within so many bytes above sp
  struct group group[MOST_GROUPS];
};
#define PREFIX 2
#define SETS 1024
#define WAYS 2
// Where a set seldom has the walk (a function that is called on too many ways), it is asked now and then only.
#define LOWEST_SCORE (-8)
#define HIGHEST_SCORE 64
#define SELDOM 32

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
  NUMBER(type, BPF_ARRAY);
  NUMBER(key_size, 4);
  NUMBER(value_size, 2648);
  NUMBER(max_entries, SETS *WAYS);
} zt_unwind_rests SECTION(".maps");
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

// The first part is StackFrames; known and anchor are looked at by zt_keep_walk (runtime.bpf.c). The rest is scratch memory.
struct walk {
  u64 count;
  u64 address[MAX_FRAMES];
  u64 known;   // the frames were kept under this hash before, and are not given again
  u64 anchor;  // sp at the anchor; 0 before it, and for a walk that is not to be remembered
  u64 chunk[CHUNK_WORDS];  // of the stack, from chunk_at on
  u64 chunk_at;
  u64 pc, sp, bp;
  u64 tag;         // whose addresses these are (process_tag)
  u64 memory_tag;  // the same, and of which epoch, and since which mapping went: what is remembered of before is void
  u64 hash;
  u64 flags;
  u64 exact;  // pc is not a return address: the first frame, and one that a signal interrupted
  u64 word;
  u64 most;
  u64 anchor_bp, anchor_key;
  u64 bp_at;     // where bp was read, or what follows
  u64 needs_bp;  // bp at the anchor served as a frame's base
  u64 words;
  struct seen seen[MOST_SEEN];
  // How far they have been put into groups. Not on the BPF stack, where the verifier would follow each value.
  struct grouped {
    u64 groups, in_group, lowest, highest, extent;
  } grouped;
};

#define BP_OF_ANCHOR 1
#define BP_KNOWN 2  // what is seen already determines it

enum cfa_kind { cfa_none, cfa_stack, cfa_frame, cfa_frame_deref, cfa_plt, cfa_signal, cfa_end, cfa_unusable };
#define RBP_UNCHANGED 0
#define RBP_AT_RBP 126
#define RBP_LOST 127
// Beside rules, above them, and below the code's id: there is no code at this address.
#define NO_CODE (1ULL << 32)
// The rule is only a guess that may be mended: it must not be remembered.
#define PASSING (1ULL << 33)
#define NOT_MAPPED (-2)  // ENOENT
#define RENAMED 1ULL     // in a range's offset: MappedRange::renamed

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

// What user space has told of an address: as it was some milliseconds ago.
static FUNCTION long take_told(u64 tag, u64 address, struct found *found, u64 only_renamed) {
  struct block_key key = {tag, address >> BLOCK_BITS};
  struct block *block = bpf_map_lookup_elem(&zt_unwind_block, &key);
  if (!block || !found)
    return -1;
  for (u32 i = 0; i < RANGES; i++) {
    struct range *range = &block->ranges[i];
    if (address < range->begin || address >= range->end || (only_renamed && !(range->offset_of_zero & RENAMED)))
      continue;
    found->file = range->file;
    found->offset_of_zero = range->offset_of_zero & ~RENAMED;
    if (!found->id)
      found->id = code_id(&found->file, found->offset_of_zero);
    return 0;
  }
  return -1;
}

// Which file, and where in it. By the kernel's own list of mappings, which is never behind, but can't be looked at while the
// process changes it, nor twice while interrupts are off; then by what user space has told. That helps where a mapping has no
// file, too: the vdso, and code that was moved to larger pages.
INLINE long find_range(u64 tag, u64 address, struct found *found) {
  long status = bpf_find_vma(bpf_get_current_task_btf(), address, take_vma, found, 0);
  if (status == NOT_MAPPED || (!status && !found->id))
    return NOT_MAPPED;
  if (!status && found->file.inode)
    return 0;
  return take_told(tag, address, found, 0) ? status : 0;
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
  if (find_range(tag, address, &found) != 0)
    return NO_CODE;
  if (!found.file.inode)
    return cfa_none | found.id;  // code without a file: made at run time
  void *rows = bpf_map_lookup_elem(&zt_unwind_files, &found.file);
  if (!rows && !take_told(tag, address, &found, 1))
    rows = bpf_map_lookup_elem(&zt_unwind_files, &found.file);
  if (!rows) {
    report(&found, address, tag);
    return cfa_none | PASSING | found.id;
  }
  return find_rule(rows, (u32)(address + found.offset_of_zero)) | found.id;
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

// The walk has gone by this word of the stack.
INLINE void see(struct walk *walk, u64 at, u64 word) {
  struct seen *seen = &walk->seen[walk->words & (MOST_SEEN - 1)];
  seen->at = at - walk->anchor;
  seen->word = word;
  walk->words++;
}

// bp serves as a frame's base.
INLINE void see_bp(struct walk *walk) {
  if (walk->bp_at == BP_OF_ANCHOR)
    walk->needs_bp = 1;
  else if (walk->bp_at != BP_KNOWN)
    see(walk, walk->bp_at | RELATIVE, walk->bp - walk->anchor);
  walk->bp_at = BP_KNOWN;
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

// ---- walks that are remembered ----

INLINE struct rest *rest_at(u64 key, u32 way) {
  u32 slot = (u32)(key >> 54) * WAYS + way;
  return bpf_map_lookup_elem(&zt_unwind_rests, &slot);
}

// 0 when the words of a group are on the stack, which is in the chunk: without a branch on any of them.
INLINE u64 compare(const struct walk *walk, struct group *group) {
  u64 sp = walk->sp, base = sp - walk->chunk_at, differs = 0;
  for (u32 i = 0; i < WORDS_A_GROUP; i++) {
    u64 at = READ(group->seen[i].at);
    u64 word = walk->chunk[((base + at) >> 3) & (CHUNK_WORDS - 1)];
    differs |= (word - (sp & -(at & RELATIVE))) ^ group->seen[i].word;
  }
  return differs;
}

struct comparison {
  struct walk *walk;
  struct rest *rest;
  u64 differs;
};

// The same where the chunk may have to be read anew.
static __attribute__((noinline)) long compare_far(u32 index, void *context) {
  struct comparison *comparison = context;
  struct walk *walk = comparison->walk;
  struct rest *rest = comparison->rest;
  if (index >= READ(rest->groups))
    return 1;
  struct group *group = &rest->group[index & (MOST_GROUPS - 1)];
  u64 from = walk->sp + READ(group->lowest), to = walk->sp + READ(group->highest);
  u64 most = sizeof(walk->chunk) - 8;
  if (from - walk->chunk_at > most || to - walk->chunk_at > most)
    if (zt_read_stack(walk, from) || to - walk->chunk_at > most) {
      comparison->differs = 1;
      return 1;
    }
  comparison->differs = compare(walk, group);
  return comparison->differs != 0;
}

// Whether the words that a walk went by are on the stack now.
INLINE long is_same(struct walk *walk, struct rest *rest) {
  u64 groups = READ(rest->groups), in_chunk = walk->sp - walk->chunk_at;
  if (in_chunk > sizeof(walk->chunk) || in_chunk + READ(rest->extent) > sizeof(walk->chunk)) {
    struct comparison comparison = {walk, rest, 0};
    bpf_loop(MOST_GROUPS, compare_far, &comparison, 0);
    return !READ(comparison.differs);
  }
#pragma clang loop unroll(disable)
  for (u64 i = 0; i < MOST_GROUPS && i < groups; i++)
    if (compare(walk, &rest->group[i & (MOST_GROUPS - 1)]))
      return 0;
  return 1;
}

// Whether to ask the set.
INLINE long is_worth_it(struct rest *first) {
  if (READ(first->score) > LOWEST_SCORE)
    return 1;
  u64 tries = READ(first->tries) + 1;
  WRITE(first->tries, tries);
  return !(tries & (SELDOM - 1));
}

// The walk has come to its anchor.
INLINE void drop_anchor(struct walk *walk) {
  walk->anchor = walk->sp;
  walk->anchor_bp = walk->bp - walk->sp;
  walk->anchor_key = ((walk->hash ^ walk->pc) * 0xff51afd7ed558ccdULL ^ walk->memory_tag ^ walk->most << 32) *
                         0x9e3779b97f4a7c15ULL |
                     1;  // 0 is the key of what is empty
  walk->needs_bp = 0;
  walk->bp_at = BP_OF_ANCHOR;
  walk->words = 0;
}

// The rest of this walk, from its anchor on, where the stack is as it was in one that is remembered.
INLINE long recall(struct walk *walk) {
  struct rest *first = rest_at(walk->anchor_key, 0);
  if (!first)
    return 0;
  s64 score = READ(first->score);
  if (!is_worth_it(first)) {
    walk->anchor = 0;
    return 0;
  }
#pragma clang loop unroll(disable)
  for (u64 way = 0; way < WAYS; way++) {
    struct rest *rest = rest_at(walk->anchor_key, (u32)way);
    if (!rest)
      return 0;
    u64 version = READ(rest->version);
    if (READ(rest->key) != walk->anchor_key || (version & 1) || (rest->needs_bp && rest->bp != walk->anchor_bp) ||
        !is_same(walk, rest))
      continue;
    u64 count = READ(rest->count), hash = READ(rest->hash);
    if (READ(rest->version) != version)
      continue;
    if (!READ(rest->used))
      WRITE(rest->used, 1);
    if (score < HIGHEST_SCORE)
      WRITE(first->score, score + 1);
    walk->count = count;
    walk->hash = hash;
    walk->known = 1;
    walk->anchor = 0;
    return 1;
  }
  if (score > LOWEST_SCORE)
    WRITE(first->score, score - 1);
  return 0;
}

// The way of a set that is to be written: the first one that was not used since the last time; or none, this time.
INLINE struct rest *unused(u64 key) {
#pragma clang loop unroll(disable)
  for (u64 way = 0; way < WAYS; way++) {
    struct rest *rest = rest_at(key, (u32)way);
    if (!rest || !READ(rest->used))
      return rest;
    WRITE(rest->used, 0);
  }
  return 0;
}

// Words that lie lower than the one before, but not by more than this, may share its group: a saved rbp below its return
// address.
#define BELOW 64

INLINE void set(struct seen *seen, u64 at, u64 word) {
  WRITE(seen->at, at);
  WRITE(seen->word, word);
}

struct grouping {
  struct walk *walk;
  struct rest *rest;
};

static __attribute__((noinline)) long put(u32 index, void *context) {
  struct grouping *grouping = context;
  struct walk *walk = grouping->walk;
  struct grouped *to = &walk->grouped;
  if (index >= walk->words)
    return 1;
  u64 at = walk->seen[index & (MOST_SEEN - 1)].at, word = walk->seen[index & (MOST_SEEN - 1)].word;
  u64 place = at & ~7ULL;
  int is_new = READ(to->in_group) >= WORDS_A_GROUP || place - READ(to->lowest) > sizeof(walk->chunk) - 8;
  if (is_new) {
    to->groups++;
    to->in_group = 0;
    to->lowest = place > BELOW ? place - BELOW : 0;
    to->highest = place;
  }
  // More than a stack can have, or below the anchor, where nothing should be.
  if (READ(to->groups) > MOST_GROUPS || place >> 32) {
    to->groups = 0;
    return 1;
  }
  struct group *group = &grouping->rest->group[(READ(to->groups) - 1) & (MOST_GROUPS - 1)];
  if (is_new) {
    WRITE(group->lowest, to->lowest);
    for (u32 j = 1; j < WORDS_A_GROUP; j++)
      set(&group->seen[j], at, word);
  }
  if (place > to->highest)
    to->highest = place;
  WRITE(group->highest, to->highest);
  if (place + 8 > to->extent)
    to->extent = place + 8;
  set(&group->seen[READ(to->in_group) & (WORDS_A_GROUP - 1)], at, word);
  to->in_group++;
  return 0;
}

// Remembers the walk that was just made, whose frames have been kept.
__attribute__((noinline)) long zt_remember(struct walk *walk) {
  if (!walk || walk->words > MOST_SEEN || !walk->words)
    return 0;
  struct rest *rest = unused(walk->anchor_key);
  if (!rest)
    return 0;
  u64 version = READ(rest->version);
  if ((version & 1) || __sync_val_compare_and_swap(&rest->version, version, version + 1) != version)
    return 0;
  struct grouping grouping = {walk, rest};
  walk->grouped.groups = walk->grouped.extent = 0;
  walk->grouped.in_group = WORDS_A_GROUP;
  bpf_loop(MOST_SEEN, put, &grouping, 0);
  u64 groups = READ(walk->grouped.groups);
  WRITE(rest->key, groups ? walk->anchor_key : 0);
  WRITE(rest->needs_bp, walk->needs_bp);
  WRITE(rest->bp, walk->anchor_bp);
  WRITE(rest->count, walk->count);
  WRITE(rest->hash, walk->hash);
  WRITE(rest->groups, groups);
  WRITE(rest->extent, READ(walk->grouped.extent));
  WRITE(rest->version, version + 2);
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
