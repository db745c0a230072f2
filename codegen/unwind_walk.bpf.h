// The state of a walk up a process's stack, and how the stack is read.
#pragma once

#include "mapped.bpf.h"

#define READ(word) (*(volatile __typeof__(word) *)&(word))
#define WRITE(word, value) (*(volatile __typeof__(word) *)&(word) = (value))

// A word of the stack that a walk went by: where, above sp at the anchor, and what it was. A saved rbp that then served as a
// frame's base is kept as its distance from that sp, and marked in the place's lowest bit.
struct seen {
  u64 at;
  u64 word;
};
#define RELATIVE 1
#define MOST_SEEN 128

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
