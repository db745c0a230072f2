// The algorithms that are too long to be written instruction by instruction. Compiled to bitcode at build time and
// linked into every object that calls them; all are inlined, so that the verifier's line information stays the
// script's. tests/bpf builds this file natively with helpers of its own.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;

#ifndef ZEEKTRACE_HELPERS
// Numbers of include/uapi/linux/bpf.h (enum bpf_func_id), fixed for ever by the kernel's ABI.
static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*const bpf_get_stack)(void *ctx, void *buf, u32 size, u64 flags) = (void *)67;
static long (*const bpf_probe_read_user)(void *dst, u32 size, const void *from) = (void *)112;
static long (*const bpf_probe_read_kernel)(void *dst, u32 size, const void *from) = (void *)113;
static long (*const bpf_probe_read_user_str)(void *dst, u32 size, const void *from) = (void *)114;
static long (*const bpf_probe_read_kernel_str)(void *dst, u32 size, const void *from) = (void *)115;
static long (*const bpf_get_ns_current_pid_tgid)(u64 device, u64 inode, void *info, u32 size) = (void *)120;
static long (*const bpf_copy_from_user)(void *dst, u32 size, const void *from) = (void *)148;
static void *(*const bpf_map_lookup_percpu_elem)(void *map, const void *key, u32 cpu) = (void *)195;
#endif

#define RUNTIME __attribute__((always_inline, used))

// The index of the highest bit that is set; n > 0. Kept free of branches: the verifier walks each path.
static __attribute__((always_inline)) u32 highest_bit(u64 n) {
  u32 bit = 0, more;
  more = (n > 0xffffffffULL) << 5, n >>= more, bit |= more;
  more = (n > 0xffff) << 4, n >>= more, bit |= more;
  more = (n > 0xff) << 3, n >>= more, bit |= more;
  more = (n > 0xf) << 2, n >>= more, bit |= more;
  more = (n > 0x3) << 1, n >>= more, bit |= more;
  return bit | (u32)(n > 1);
}

// struct bpf_pidns_info, include/uapi/linux/bpf.h.
struct pid_tgid {
  u32 pid;
  u32 tgid;
};

// (tgid << 32) | pid as a PID namespace counts them, which is known by its device and inode; 0 for who is not in it.
RUNTIME u64 zt_pid_tgid(u64 device, u64 inode) {
  struct pid_tgid ids = {};
  if (bpf_get_ns_current_pid_tgid(device, inode, &ids, sizeof ids))
    return 0;
  return (u64)ids.tgid << 32 | ids.pid;
}

// The bucket of hist(): see bucket_count() in parser/type.h for the layout. An unsigned value of 2^63 and more is not
// negative: it belongs to the last bucket's power of two.
RUNTIME u64 zt_hist_bucket(u64 n, u32 bits, u32 is_signed) {
  if (is_signed && (s64)n < 0)
    return 0;
  if (n < (2ULL << bits))
    return 1 + n;
  u32 power = highest_bit(n);
  return 1 + (2ULL << bits) + ((u64)(power - bits - 1) << bits) + ((n >> (power - bits)) - (1ULL << bits));
}

// The bucket of lhist(): 0 below min, `last` from max on.
RUNTIME u64 zt_lhist_bucket(u64 n, u32 is_signed, s64 min, s64 max, s64 step, u64 last) {
  if (!is_signed && (s64)n < 0)
    return last;
  if ((s64)n < min)
    return 0;
  if ((s64)n >= max)
    return last;
  return 1 + ((u64)n - (u64)min) / (u64)step;
}

struct extreme {
  u64 rank;
  u64 seen;
};

// Keeps the highest rank (parser/program.h, ExtremeRank). A probe that preempts this one on the same CPU must not be
// lost, hence compare-and-swap; each lost round means that somebody else's higher rank came in.
RUNTIME void zt_extreme(struct extreme *slot, u64 rank) {
  for (u32 round = 0; round < 4; round++) {
    u64 old = slot->rank;
    if (rank <= old || __sync_val_compare_and_swap(&slot->rank, old, rank) == old)
      break;
  }
  slot->seen = 1;
}

// What an aggregation has come to on all processors.
RUNTIME u64 zt_total(void *map, const void *key, u32 word, u32 processors) {
  u64 total = 0;
#pragma clang loop unroll(disable)
  for (u32 cpu = 0; cpu < processors; cpu++) {
    const u64 *value = bpf_map_lookup_percpu_elem(map, key, cpu);
    if (!value)
      break;
    total += value[word];
  }
  return total;
}

// The highest rank that there is; `none` when no processor has seen a value.
RUNTIME u64 zt_highest(void *map, const void *key, u64 none, u32 processors) {
  u64 highest = none, seen = 0;
#pragma clang loop unroll(disable)
  for (u32 cpu = 0; cpu < processors; cpu++) {
    const struct extreme *value = bpf_map_lookup_percpu_elem(map, key, cpu);
    if (!value)
      break;
    if (value->seen && (!seen || value->rank > highest))
      highest = value->rank, seen = 1;
  }
  return highest;
}

// Division by zero gives 0 and a remainder by zero the dividend, as BPF itself defines them; written out, since to LLVM
// they would be undefined.
RUNTIME u64 zt_divide(u64 a, u64 b) { return b ? a / b : 0; }
RUNTIME u64 zt_modulo(u64 a, u64 b) { return b ? a % b : a; }

// C's division on signed operands; BPF before its fourth version divides unsigned numbers only.
RUNTIME u64 zt_signed_divide(s64 a, s64 b) {
  u64 q = zt_divide(a < 0 ? -(u64)a : (u64)a, b < 0 ? -(u64)b : (u64)b);
  return (a < 0) != (b < 0) ? -q : q;
}

RUNTIME u64 zt_signed_modulo(s64 a, s64 b) {
  u64 r = zt_modulo(a < 0 ? -(u64)a : (u64)a, b < 0 ? -(u64)b : (u64)b);
  return a < 0 ? -r : r;
}

// On x86-64 the sign of an address tells the kernel's memory from the process's: one way to read both.
RUNTIME long zt_read(void *dst, u32 size, u64 from) {
  if ((s64)from < 0)
    return bpf_probe_read_kernel(dst, size, (const void *)from);
  return bpf_probe_read_user(dst, size, (const void *)from);
}

RUNTIME long zt_read_string(void *dst, u32 size, u64 from) {
  if ((s64)from < 0)
    return bpf_probe_read_kernel_str(dst, size, (const void *)from);
  return bpf_probe_read_user_str(dst, size, (const void *)from);
}

// The same two in a program that may sleep: a page of the process that is not in memory is brought in, as when the process
// itself touches it, and the read is made once more. A text of MAX_STRLEN bytes can reach into TEXT_PAGES pages.
RUNTIME long zt_read_waiting(void *dst, u32 size, u64 from) {
  long status = zt_read(dst, size, from);
  if (status < 0 && (s64)from >= 0)
    status = bpf_copy_from_user(dst, size, (const void *)from);
  return status;
}

#define PAGE 4096ULL
#define TEXT_PAGES 6
RUNTIME long zt_read_string_waiting(void *dst, u32 size, u64 from) {
  long status = zt_read_string(dst, size, from);
  u64 page = from;
  u8 byte;
  for (u32 i = 0; i < TEXT_PAGES && status < 0 && (s64)page >= 0 && page - from < size; i++) {
    if (bpf_copy_from_user(&byte, 1, (const void *)page) != 0)
      break;
    status = zt_read_string(dst, size, from);
    page = (page | (PAGE - 1)) + 1;
  }
  return status;
}

// The same in one call of the kernel's bpf_copy_from_user_str, which brings pages in by itself and costs half as much; null
// before Linux 6.12.
typedef int copy_string(void *dst, u32 size, const void *from, u64 flags);
RUNTIME long zt_copy_string(void *dst, u32 size, u64 from, copy_string *copy) {
  if ((s64)from < 0 || !copy)
    return zt_read_string(dst, size, from);
  return copy(dst, size, (const void *)from, 0);
}

// 1 when both are the same. Both are zero-padded to a multiple of 8 bytes; `words` is the smaller one's length, and
// holds its NUL.
RUNTIME u64 zt_same_string(const u64 *a, const u64 *b, u32 words) {
  for (u32 i = 0; i < words; i++)
    if (a[i] != b[i])
      return 0;
  return 1;
}

#define MAX_FRAMES 127
struct frames {
  u64 count;
  u64 address[MAX_FRAMES];
};

// Keeps a stack's frames in `stacks` under their hash; 1 instead of the hash when they could not be kept, 0 when there
// is no stack.
RUNTIME u64 zt_keep_stack(void *stacks, const struct frames *frames, u64 hash) {
  if (hash && !bpf_map_lookup_elem(stacks, &hash) && bpf_map_update_elem(stacks, &hash, frames, 0) != 0)
    return 1;
  return hash;
}

// The same of a walk (unwind.bpf.c), which may say that the frames are kept already, or is to be remembered once they are.
struct walked {
  struct frames frames;
  u64 known;
  u64 anchor;
};
long zt_remember(struct walked *walk);
RUNTIME u64 zt_keep_walk(void *stacks, struct walked *walk, u64 hash) {
  if (hash && walk->known)
    return hash;
  u64 kept = zt_keep_stack(stacks, &walk->frames, hash);
  if (kept > 1 && walk->anchor)
    zt_remember(walk);
  return kept;
}

// Takes the stack, keeps its frames, gives the hash; 0 when there is no stack, 1 when it could not be kept.
RUNTIME u64 zt_stack(void *ctx, void *stacks, struct frames *frames, u64 flags, u32 most) {
  long bytes = bpf_get_stack(ctx, frames->address, sizeof(frames->address), flags);
  if (bytes <= 0)
    return 0;
  u64 count = (u64)bytes / 8;
  if (count > most)
    count = most;
  frames->count = count;
  u64 hash = 0x9e3779b97f4a7c15ULL ^ count;
  for (u32 i = 0; i < MAX_FRAMES && i < count; i++) {
    hash = (hash ^ frames->address[i]) * 0xff51afd7ed558ccdULL;
    hash ^= hash >> 32;
  }
  return zt_keep_stack(stacks, frames, hash < 2 ? 2 : hash);
}

// Room for one more key among the maps that hold a map of the script by the length of a text: 1 when there was, which is
// then taken. See room_map in parser/program.h.
RUNTIME u64 zt_room_take(void *rooms, u32 map, u64 most) {
  u32 key = 2 * map;
  u64 *made = bpf_map_lookup_elem(rooms, &key);
  key++;
  u64 *removed = bpf_map_lookup_elem(rooms, &key);
  if (!made || !removed)
    return 0;
  if (__sync_fetch_and_add(made, 1) - *removed < most)
    return 1;
  __sync_fetch_and_add(made, -1);
  return 0;
}

RUNTIME void zt_room_give(void *rooms, u32 map) {
  u32 key = 2 * map;
  u64 *made = bpf_map_lookup_elem(rooms, &key);
  if (made)
    __sync_fetch_and_add(made, -1);
}

struct body_key {
  u64 process;
  u64 place;
};
// body_map in parser/program.h: of a thread the handler that was called last, of a frame the body that runs on it.
struct bodies {
  u64 function;
  u64 arguments;
  u64 body;
};
#define BODIES 32

// A handler is called.
RUNTIME void zt_body_called(void *map, u64 process, u64 thread, u64 function, u64 arguments) {
  struct body_key key = {process, thread};
  struct bodies called = {function, 0, 1};
  u64 span[2] = {};
  zt_read(span, sizeof span, arguments);
  called.arguments = (span[1] - span[0]) / 8;
  bpf_map_update_elem(map, &key, &called, 0);
}

// Frames are reset for a body: its address; 0 when it is for something else, or when the handler was called before all this
// was armed. See BodyWalk in parser/program.h.
RUNTIME u64 zt_body_begins(void *map, u64 process, u64 thread, u64 frame, u64 first, u32 frame_function, u32 bodies_at, u32 size,
                           u32 disabled_at) {
  struct body_key of_thread = {process, thread}, of_frame = {process, frame};
  struct bodies *called = bpf_map_lookup_elem(map, &of_thread);
  struct bodies *before = bpf_map_lookup_elem(map, &of_frame);
  struct bodies now = {};
  u64 span[2] = {};
  if (zt_read(&now.function, 8, frame + frame_function) != 0 || zt_read(span, sizeof span, now.function + bodies_at) != 0)
    return 0;
  if (called && called->body && called->function == now.function) {
    if (first != called->arguments)
      return 0;
    called->body = 0;
    now.body = span[0];
  } else {
    if (!before || before->function != now.function || first != before->arguments)
      return 0;
    now.body = before->body + size;
  }
  now.arguments = first;
  for (u32 i = 0; i < BODIES; i++) {
    u8 disabled = 0;
    if (now.body >= span[1])
      return 0;
    if (disabled_at == ~0U || zt_read(&disabled, 1, now.body + disabled_at) != 0 || !disabled)
      break;
    now.body += size;
  }
  bpf_map_update_elem(map, &of_frame, &now, 0);
  return now.body;
}

struct slot {
  u64 busy;
  u8 bytes[];
};
#define SLOTS 8

// A piece of scratch memory that nobody else on this CPU is using: a program can be preempted by another one, so a
// per-CPU buffer alone would be written by both. Null when all are taken.
RUNTIME struct slot *zt_scratch_take(void *map) {
  for (u32 i = 0; i < SLOTS; i++) {
    u32 key = i;
    struct slot *slot = bpf_map_lookup_elem(map, &key);
    if (!slot)
      return 0;
    if (__sync_lock_test_and_set(&slot->busy, 1) == 0)
      return slot;
  }
  return 0;
}

// ---- texts ----
// All of them zero-padded to a multiple of 8 bytes, their NUL included.

// A byte of this word's that is 0 has its highest bit set, and so may those above it.
static __attribute__((always_inline)) u64 zero_bytes(u64 word) {
  return (word - 0x0101010101010101ULL) & ~word & 0x8080808080808080ULL;
}

// Which byte of such a mask is the first one; without branches, since a loop over a text is left at each of its words.
static __attribute__((always_inline)) u64 first_byte(u64 mask) {
  return ((mask & -mask) >> 7) * 0x0001020304050607ULL >> 56;
}

// What goes through a text word by word is a step: called for 0, 1, … until it gives 1. Of a short text the steps are a loop that is
// written out; of a long one the kernel calls a function for each (Emitter::steps), which the verifier looks at once, while it would go
// through a loop word by word, and through what follows once for each word at which the loop can end.
// A number below `words`, in a way that the verifier sees; else 1 is given.
#define WITHIN(i, words)                \
  __asm__ volatile("" : "+r"(i));       \
  if (i >= (words))                     \
    return 1;

struct measuring {
  const u64 *text;
  u64 words, length;
};
RUNTIME u64 zt_length_step(u64 i, struct measuring *m) {
  WITHIN(i, m->words)
  u64 zeros = zero_bytes(m->text[i]);
  m->length = 8 * i + (zeros ? first_byte(zeros) : 8);
  return zeros != 0;
}
RUNTIME u64 zt_string_length(const u64 *text, u32 words) {
  struct measuring m = {text, words, 0};
  for (u32 i = 0; i < words && !zt_length_step(i, &m); i++) {
  }
  return m.length;
}

// The first byte that differs, a's less b's, among the first `most` ones.
struct comparing {
  const u64 *a, *b;
  u64 words, most, result;
};
RUNTIME u64 zt_compare_step(u64 i, struct comparing *c) {
  WITHIN(i, c->words)
  u64 left = c->a[i], right = c->b[i], done = 8 * i, differs = left ^ right;
  if (done >= c->most)
    return 1;
  if (!differs)
    return 0;
  u64 others = ((differs & 0x7f7f7f7f7f7f7f7fULL) + 0x7f7f7f7f7f7f7f7fULL) | differs;
  u64 shift = 8 * first_byte(others & 0x8080808080808080ULL);
  if (done + shift / 8 < c->most)
    c->result = (left >> shift & 255) - (right >> shift & 255);
  return 1;
}
RUNTIME s64 zt_compare(const u64 *a, const u64 *b, u32 words, u64 most) {
  struct comparing c = {a, b, words, most, 0};
  for (u32 i = 0; i < words && !zt_compare_step(i, &c); i++) {
  }
  return (s64)c.result;
}

// Where a needle of at most 64 characters begins in a text. Each bit of the state is a place in the needle that the characters so
// far lead to (shift-and), so that the verifier follows one way through it. `accepts` is memory of ours, zeroed: what each
// character lets pass, and nothing for NUL.
#define NEEDLE 64
// Its length, which takes its way through the place for NUL: what is read back is any number to the verifier.
RUNTIME u64 zt_needle(const u8 *needle, u32 size, u64 *accepts) {
  u64 length = 0;
  for (u32 i = 0; i < size && i < NEEDLE; i++) {
    u8 c = needle[i];
    if (!c)
      break;
    accepts[c] |= 1ULL << i;
    length++;
  }
  accepts[0] = length;
  __asm__ volatile("" ::: "memory");
  length = accepts[0];
  accepts[0] = 0;
  return length;
}
struct finding {
  const u64 *text, *accepts;
  u64 words, length, state;
  u64 end;  // 256 * the word + a bit for each byte of it at which a needle ends; 0: none
};
RUNTIME u64 zt_find_step(u64 i, struct finding *f) {
  WITHIN(i, f->words)
  u64 word = f->text[i], state = f->state, ends = 0;
  u32 last = (f->length - 1) & 63;
#pragma clang loop unroll(full)
  for (u32 j = 0; j < 8; j++) {
    state = (state << 1 | 1) & f->accepts[word >> 8 * j & 255];
    ends |= (state >> last & 1) << j;
  }
  f->state = state;
  if (ends)
    f->end = i << 8 | ends;
  return ends || !(word >> 56);
}
RUNTIME u64 zt_find(const u64 *text, u32 words, u64 length, const u64 *accepts) {
  struct finding f = {text, accepts, words, length, 0, 0};
  for (u32 i = 0; i < words && !zt_find_step(i, &f); i++) {
  }
  return f.end;
}
// Of what was found, where it begins; -1: nowhere.
RUNTIME s64 zt_found(u64 length, u64 end) {
  u64 first = end & -end & 255;
  if (!length)
    return 0;
  return first ? (s64)(8 * (end >> 8) + highest_bit(first) + 1 - length) : -1;
}

// What join() sends: the texts that an array of pointers leads to, each in its place of `size` bytes. 1 when a read failed.
#define TEXTS 16
#define NO_MORE 1
typedef long read_memory(void *dst, u32 size, u64 from);
static __attribute__((always_inline)) u64 join(u8 *to, u64 array, u32 size, read_memory *read, read_memory *read_string) {
  u64 failed = 0;
  for (u32 i = 0; i < TEXTS; i++) {
    u64 text = 0;
    u8 *place = to + i * size;
    place[0] = 0;
    if (read(&text, 8, array + 8 * i) < 0)
      failed = 1;
    if (!text) {
      place[0] = NO_MORE;
      place[1] = 0;
      break;
    }
    if (read_string(place, size, text) < 0)
      place[0] = 0, failed = 1;
  }
  return failed;
}
RUNTIME u64 zt_join(u8 *to, u64 array, u32 size) { return join(to, array, size, zt_read, zt_read_string); }
RUNTIME u64 zt_join_waiting(u8 *to, u64 array, u32 size) {
  return join(to, array, size, zt_read_waiting, zt_read_string_waiting);
}

// ---- time series ----
enum fold { fold_last, fold_avg, fold_max, fold_min, fold_sum };
struct series_slot {
  u64 interval;
  u64 value;
  u64 count;
  u64 when;
};

// One value into the slot of its interval (parser/program.h, SeriesSlot). What a probe that preempts this one on the same CPU
// does in between may be lost.
RUNTIME void zt_series_add(struct series_slot *slots, u64 value, u64 now, u64 step, u32 most, u32 fold, u32 is_signed) {
  u64 number = now / step, at = number % most;
  __asm__ volatile("" : "+r"(at));  // what the compiler knows the verifier has to be told
  if (at >= most)
    return;
  struct series_slot *slot = &slots[at];
  u64 flip = is_signed ? 1ULL << 63 : 0;
  if (slot->interval != number + 1) {
    slot->interval = number + 1;
    slot->value = value;
    slot->count = 1;
  } else {
    u64 old = slot->value;
    slot->count++;
    if (fold == fold_last || (fold == fold_max && (value ^ flip) > (old ^ flip)) ||
        (fold == fold_min && (value ^ flip) < (old ^ flip)))
      slot->value = value;
    else if (fold == fold_avg || fold == fold_sum)
      slot->value = old + value;
  }
  slot->when = now;
}
