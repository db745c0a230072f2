// Whether a name in the process's memory is one that a probe was asked for. Compiled to bitcode with its debug information,
// since it is a function of its own in the object: the verifier looks at it once a program, its buffer does not count against
// the program's stack, and it runs once for each object that has a name (codegen/program_names.cpp), not for each event. The
// names themselves are remembered, too.

#include "kernel.bpf.h"

#ifndef ZEEKTRACE_HELPERS
#define ROUND_BY_ROUND _Pragma("clang loop unroll(disable)")
#else
#define ROUND_BY_ROUND
#endif

#define CHARACTERS 127
#define NAME_BYTES 128

// parser/name_pattern.h
struct name_pattern {
  u64 accepts[256][2];
  u64 stays[2][2];
  u64 end[2];
};

// The script's patterns, which codegen/module.cpp puts in.
extern const struct name_pattern zt_patterns[];
extern const u64 zt_pattern_count;

// What is given back; program_names.cpp has the same numbers.
enum verdict { no = 0, yes = 1, unread = 2, passing = 4 };

// Functions made while the script runs are called so, and end again; another one may then have their address.
#define PASSING "lambda_<"

// The compiler may not make a branch of it.
#ifndef ZEEKTRACE_HELPERS
#define OPAQUE(word) __asm__ volatile("" : "+r"(word))
#else
#define OPAQUE(word)
#endif

// Without branches on what is in the name, and without masks of all ones or none, which the verifier takes apart as if they
// were branches (maybe_fork_scalars, kernel/bpf/verifier.c, Linux 6.18): what follows the name's end leaves the state as it is.
INLINE u64 matches(const struct name_pattern *pattern, const u8 *name) {
  u64 low = 1, high = 0;
  ROUND_BY_ROUND
  for (u32 i = 0; i < CHARACTERS; i++) {
    u64 c = name[i];
    u64 more = (c + 255) >> 8;  // 1 until the name ends
    OPAQUE(more);
    u64 stepped_low = low & pattern->accepts[c][0], stepped_high = high & pattern->accepts[c][1];
    low = stepped_low << 1 | (low & pattern->stays[more][0]);
    high = stepped_high << 1 | stepped_low >> 63 | (high & pattern->stays[more][1]);
  }
  return ((low & pattern->end[0]) | (high & pattern->end[1])) != 0;
}

INLINE u64 verdict_on(u64 number, const u8 *name) {
  u64 first, other;
  if (number >= zt_pattern_count)
    return unread;
  const struct name_pattern *pattern = &zt_patterns[number];
  __builtin_memcpy(&first, name, 8);
  __builtin_memcpy(&other, PASSING, 8);
  u64 result = matches(pattern, name) ? yes : no;
  return first == other ? result | passing : result;
}

FUNCTION u64 zt_name_matches(u64 number, u64 from) {
  u8 name[NAME_BYTES] __attribute__((aligned(8))) = {};
  if (bpf_probe_read_user_str(name, NAME_BYTES, (const void *)from) < 0)
    return unread;
  return verdict_on(number, name);
}

// In a program that may sleep: what is not in memory is brought in.
FUNCTION u64 zt_name_matches_waiting(u64 number, u64 from) {
  u8 name[NAME_BYTES] __attribute__((aligned(8))) = {};
  long status = bpf_probe_read_user_str(name, NAME_BYTES, (const void *)from);
  u8 byte;
  if (status < 0 && bpf_copy_from_user(&byte, 1, (const void *)from) == 0)
    status = bpf_probe_read_user_str(name, NAME_BYTES, (const void *)from);
  if (status < 0 && bpf_copy_from_user(&byte, 1, (const void *)((from | 4095) + 1)) == 0)
    status = bpf_probe_read_user_str(name, NAME_BYTES, (const void *)from);
  if (status < 0)
    return unread;
  return verdict_on(number, name);
}

// ---- names that are known ----

// Which program of which process this is: an id is given to a process that begins later than the one before it, in
// nanoseconds, and each exec counts one on.
INLINE u64 this_life(void) {
  struct task_struct *task = bpf_get_current_task_btf();
  return task->group_leader->start_boottime + task->self_exec_id;
}

FUNCTION u64 zt_life(void) { return this_life(); }

struct known_text {
  u64 size;  // the NUL included; 0: not read yet
  // As much again, all zero, is for a program that clears what is behind a name which it uses as a key.
  u8 text[2 * NAME_BYTES];
};
// KnownName in probes/dead_names.h. What is compared stands in one line of the processor's cache with the name's beginning.
struct known_name {
  u64 process;  // 0: nobody's
  u64 slot, life;
  struct known_text name;
} __attribute__((aligned(64)));
#define KNOWN_NAMES 16384
#define WAYS 8
#ifndef ZEEKTRACE_HELPERS
struct {
  NUMBER(type, BPF_ARRAY);
  NUMBER(key_size, 4);
  NUMBER(value_size, sizeof(struct known_name));
  NUMBER(max_entries, KNOWN_NAMES);
  NUMBER(map_flags, MMAPABLE);
} zt_names SECTION(".maps");
#endif

INLINE int is_passing(u64 from) {
  u64 first = 0, other;
  __builtin_memcpy(&other, PASSING, 8);
  bpf_probe_read_user(&first, sizeof(first), (const void *)from);
  return first == other;
}

INLINE u32 first_way(u64 slot, u64 process) {
  return ((slot >> 3 ^ process << 40) * 0x9e3779b97f4a7c15ULL) >> 50;  // 14 bits: KNOWN_NAMES
}

// Reads a name into a place that is this process's now; 0, and the place is nobody's again, when it can't be read.
INLINE struct known_text *filled(struct known_name *known, u64 slot, u64 life, u64 from) {
  known->slot = slot;
  known->life = life;
  long size = bpf_probe_read_user_str(known->name.text, NAME_BYTES, (const void *)from);
  if (size <= 1) {
    *(volatile u64 *)&known->process = 0;
    return 0;
  }
  *(volatile u64 *)&known->name.size = size;  // another thread may look already
  return &known->name;
}

// The name whose characters' address stands at `slot`, which is read once in the life of a program: one look at memory of ours
// instead of two reads of the process's. 0: it can't be read, it may be another one tomorrow, or there is no room. A place is
// given to another process when user space has seen its own end (probes/dead_names), so that a name stays as it is while it is
// looked at.
IN_PROGRAM struct known_text *zt_known_name(u64 slot) {
  u64 process = bpf_get_current_pid_tgid() >> 32, life = this_life();
  u32 first = first_way(slot, process);
  struct known_name *room = 0;
  ROUND_BY_ROUND
  for (u32 i = 0; i < WAYS; i++) {
    u32 index = (first + i) & (KNOWN_NAMES - 1);
    struct known_name *known = bpf_map_lookup_elem(&zt_names, &index);
    if (!known)
      return 0;
    if (known->slot == slot && known->process == process && known->life == life && known->name.size)
      return &known->name;
    if (!known->process) {
      room = known;
      break;
    }
  }
  u64 from = 0;
  if (!room || bpf_probe_read_user(&from, sizeof(from), (const void *)slot) != 0 || is_passing(from))
    return 0;
  if (__sync_val_compare_and_swap(&room->process, 0, process) != 0)
    return 0;  // somebody else was first; there is a next time
  return filled(room, slot, life, from);
}

// ---- whether a thing is what it is taken for ----

#define STEPS 12

// parser/access.h, Proof: from what describes a thing to a name, and to a number. module.cpp writes it.
struct proof {
  u64 pattern;
  s64 name[STEPS], number[STEPS];
  u64 name_steps, number_steps;
  u64 size, value;
};
extern const struct proof zt_proofs[];
extern const u64 zt_proof_count;

INLINE long read(void *to, u32 size, u64 from, int waits) {
  long status = bpf_probe_read_user(to, size, (const void *)from);
  if (status < 0 && waits)
    status = bpf_copy_from_user(to, size, (const void *)from);
  return status;
}

// Adds the first step, and then reads and adds the others; 0 where a read fails.
INLINE u64 follow(const s64 *path, u64 steps, u64 from, int waits) {
  u64 address = from + path[0];
  ROUND_BY_ROUND
  for (u32 i = 1; i < STEPS; i++) {
    if (i >= steps)
      break;
    if (read(&address, 8, address, waits) < 0)
      return 0;
    address += path[i];
  }
  return address;
}

INLINE u64 has_number(const struct proof *proof, u64 description, int waits) {
  u64 value = 0, at = follow(proof->number, proof->number_steps, description, waits);
  u32 size = proof->size & 7;  // less than 8 bytes
  if (!at || read(&value, size, at, waits) < 0)
    return unread;
  return value == proof->value ? yes : no;
}

FUNCTION u64 zt_proves(u64 number, u64 description) {
  if (number >= zt_proof_count)
    return unread;
  const struct proof *proof = &zt_proofs[number];
  u64 at = follow(proof->name, proof->name_steps, description, 0);
  u64 verdict = at ? zt_name_matches(proof->pattern, at) : unread;
  return verdict == yes ? has_number(proof, description, 0) : verdict & ~passing;
}

FUNCTION u64 zt_proves_waiting(u64 number, u64 description) {
  if (number >= zt_proof_count)
    return unread;
  const struct proof *proof = &zt_proofs[number];
  u64 at = follow(proof->name, proof->name_steps, description, 1);
  u64 verdict = at ? zt_name_matches_waiting(proof->pattern, at) : unread;
  return verdict == yes ? has_number(proof, description, 1) : verdict & ~passing;
}
