// The rule by which a frame's caller is found: of the address in it, from the rows that user space has made of the file's call
// frame information.
#pragma once

#include "unwind_walk.bpf.h"

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
#endif

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
  struct missing *missing = bpf_ringbuf_reserve(&zt_unwind_miss, sizeof(*missing), 0);
  if (!missing)
    return 0;
  missing->file = found->file;
  missing->address = address;
  missing->tag = tag;
  missing->tgid = (u32)(bpf_get_current_pid_tgid() >> 32);
  missing->reserved = 0;
  bpf_ringbuf_submit(missing, 2);  // BPF_RB_FORCE_WAKEUP
  return 0;
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
