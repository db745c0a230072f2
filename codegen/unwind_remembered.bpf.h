// Walks that are remembered: where the words that one went by are on the stack again, its frames are taken without walking.
#pragma once

#include "unwind_walk.bpf.h"

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
struct {
  NUMBER(type, BPF_ARRAY);
  NUMBER(key_size, 4);
  NUMBER(value_size, 2648);
  NUMBER(max_entries, SETS *WAYS);
} zt_unwind_rests SECTION(".maps");
#endif

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
