// What a Zeek process is doing, read from its memory in the context of its own thread: the stack of script functions, the
// event that is handled, its clock, the connection at hand. Where things are in each release parser/zeek.h says; user space
// fills it in for each binary. Compiled as unwind.bpf.c is: functions of their own, looked at by the verifier once.
//
// Zeek runs scripts on its main thread alone. A sample may find that thread in the middle of changing the stack, and
// entries whose calls an exception has ended can be left on it: what is not plausible is left out.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

#ifndef ZEEKTRACE_HELPERS
#define KERNEL_TYPE __attribute__((preserve_access_index))
#define SECTION(name) __attribute__((section(name), used))

// As in unwind.bpf.c, and more behind it: in one object LLVM knows a member by its type's name and its place in the type.
struct super_block {
  u32 s_dev;
} KERNEL_TYPE;
struct inode {
  unsigned long i_ino;
  struct super_block *i_sb;
} KERNEL_TYPE;
struct file {
  struct inode *f_inode;
} KERNEL_TYPE;
struct mm_struct {
  unsigned long end_code;
  unsigned long start_stack;
  unsigned long start_code;
  struct file *exe_file;
} KERNEL_TYPE;
struct task_struct {
  int tgid;
  struct mm_struct *mm;
} KERNEL_TYPE;
// arch/x86/include/asm/ptrace.h: the same on every kernel.
struct pt_regs {
  unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};

// Numbers of include/uapi/linux/bpf.h (enum bpf_func_id), fixed for ever by the kernel's ABI.
static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static u64 (*const bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*const bpf_probe_read_user)(void *dst, u32 size, const void *from) = (void *)112;
static long (*const bpf_probe_read_user_str)(void *dst, u32 size, const void *from) = (void *)114;
static struct task_struct *(*const bpf_get_current_task_btf)(void) = (void *)158;
static struct pt_regs *(*const bpf_task_pt_regs)(struct task_struct *task) = (void *)175;
static long (*const bpf_loop)(u32 count, void *callback, void *context, u64 flags) = (void *)181;
#else
#define SECTION(name)
#endif

#define INLINE static __attribute__((always_inline)) inline
#define FUNCTION __attribute__((noinline))

// ---- maps ----

#define NUMBER(name, value) int(*name)[value]
#define BPF_HASH 1
#define NO_PREALLOC 1

struct identity {
  u64 inode;
  u64 device;
};
// ZeekImage in parser/zeek.h.
struct image {
  u64 code_start;
  u64 call_stack, frame_stack, network_time, event_mgr, session_mgr, packet_mgr;
  u32 call_size, call_call, call_frame, call_func;
  u32 frame_function, frame_next_stmt, frame_call;
  u32 obj_location, location_file, location_line;
  u32 func_name, func_kind, func_type, type_flavor;
  u32 event_current, event_handler, handler_name;
  u32 body_tag;
  u32 packet_session, connection_uid, analyzer_conn;
  u32 kind_size;
  u64 packet_source, connection_vtable;
  u32 source_packet, event_object;
  u8 release[16];
  u64 compiled_vtable;
  u32 func_bodies;
  u32 reserved;
};
#define NOWHERE (~0U)
#define TEXT 256

#ifndef ZEEKTRACE_HELPERS
struct {
  NUMBER(type, BPF_HASH);
  NUMBER(key_size, 16);
  NUMBER(value_size, sizeof(struct image));
  NUMBER(max_entries, 64);
} zt_zeek SECTION(".maps");
struct {
  NUMBER(type, BPF_HASH);
  NUMBER(key_size, 8);
  NUMBER(value_size, TEXT);
  NUMBER(max_entries, 16384);
  NUMBER(map_flags, NO_PREALLOC);
} zt_znames SECTION(".maps");
struct {
  NUMBER(type, BPF_HASH);
  NUMBER(key_size, 8);
  NUMBER(value_size, 1032);
  NUMBER(max_entries, 16384);
  NUMBER(map_flags, NO_PREALLOC);
} zt_zstacks SECTION(".maps");
#endif

// ---- whose process this is ----

// What is known of the binary that the current thread runs, if it is a Zeek's main thread; else null.
INLINE struct image *own_image(struct task_struct *task) {
  u64 ids = bpf_get_current_pid_tgid();
  if ((u32)ids != (u32)(ids >> 32))
    return 0;
  struct mm_struct *mm = task->mm;
  if (!mm)
    return 0;
  struct file *file = mm->exe_file;
  if (!file)
    return 0;
  struct identity identity = {file->f_inode->i_ino, file->f_inode->i_sb->s_dev};
  return bpf_map_lookup_elem(&zt_zeek, &identity);
}

// Of a global: where it is in this process.
INLINE u64 placed(struct task_struct *task, const struct image *image, u64 address) {
  return address + task->mm->start_code - image->code_start;
}

INLINE u64 user_word(u64 address) {
  u64 word = 0;
  if (bpf_probe_read_user(&word, sizeof(word), (const void *)address) != 0)
    return 0;
  return word;
}

// ---- names ----

INLINE u64 mix(u64 hash, u64 word) {
  hash = (hash ^ word) * 0xff51afd7ed558ccdULL;
  return hash ^ hash >> 32;
}

#define MAX_FRAMES 64
#define CHUNK_WORDS 16
#define WINDOW_WORDS 8
// Bits of walk.count above the number of frames.
#define CUT (1ULL << 32)
#define TORN (1ULL << 33)
#define COMPILED (1ULL << 34)

// The first part is ScriptFrames in parser/zeek_stack.h. The rest is scratch memory.
struct walk {
  u64 count;
  struct {
    u64 function;
    u64 place;
  } frame[MAX_FRAMES];
  u64 chunk[CHUNK_WORDS];  // of the vector that is walked, from chunk_at on
  u64 chunk_at;
  u64 window[WINDOW_WORDS];  // of the Frame
  u64 begin, at;             // entries from `begin` up to `at` are still to be walked
  u64 call;                  // the call expression that has called the function above; 0: C++ code has
  u64 above;                 // the address of the Frame above, which is a lower one
  u64 hash;
  u64 flags;
  u64 most;
  u64 mode;
  u64 compiled;  // what the first word of a body is that ZAM has compiled; 0: it is not known
  u64 found;     // the Func that was looked for
  u64 text[TEXT / 8];
};
enum mode { whole_stack, innermost_function, innermost_event };
#define FLAVOR_EVENT 1
#define KIND_BUILTIN 1

// The key of a text of the process, which is kept in zt_znames; 0 when it is none. With `line` it is the key of a place.
// The text stays in walk->text.
FUNCTION u64 zt_zeek_name(struct walk *walk, u64 address, u32 size, u32 line) {
  if (!walk || !address)
    return 0;
  size &= TEXT - 1;
  if (size == 0)
    size = TEXT;
  long length = bpf_probe_read_user_str(walk->text, size, (const void *)address);
  u8 first = (u8)walk->text[0];
  if (length <= 1 || first < 0x20 || first > 0x7e)
    return 0;
  u64 hash = 0x9e3779b97f4a7c15ULL;
#pragma clang loop unroll(disable)
  for (u32 i = 0; i < TEXT / 8; i++) {
    if ((long)(i * 8) >= length)
      break;
    u64 word = walk->text[i];
    u64 left = length - i * 8;  // bytes of the text from here on, the NUL included
    if (left < 8)
      word &= (1ULL << left * 8) - 1;
    hash = mix(hash, word);
  }
  u64 key = hash & ~0xffffffULL;
  if (!bpf_map_lookup_elem(&zt_znames, &key) && bpf_map_update_elem(&zt_znames, &key, walk->text, 0) != 0)
    return 0;
  return key | (line & 0xffffff);
}

// Where an expression or a statement stands: file and line.
INLINE u64 place_of(struct walk *walk, const struct image *image, u64 object) {
  struct {
    u64 words[4];
  } location = {};
  if (!object)
    return 0;
  u64 at = user_word(object + image->obj_location);
  if (!at)
    return 0;
  // The file's name is first, the line's number behind it.
  u32 line_at = image->location_line - image->location_file;
  if (line_at > 16 || bpf_probe_read_user(&location, (line_at & 31) + 4, (const void *)(at + image->location_file)) != 0)
    return 0;
  u32 line = (u32)location.words[(line_at >> 3) & 3];
  return zt_zeek_name(walk, location.words[0], 0, line);
}

// ---- the stack ----

// A word of the vector that is walked, read in chunks that end there: the walk goes downwards.
INLINE u64 vector_word(struct walk *walk, u64 at) {
  u64 offset = at - walk->chunk_at;
  if (offset > (CHUNK_WORDS - 1) * 8) {
    walk->chunk_at = at - (CHUNK_WORDS - 1) * 8;
    if (bpf_probe_read_user(walk->chunk, sizeof(walk->chunk), (const void *)walk->chunk_at) != 0) {
      walk->chunk_at = ~0ULL >> 1;
      return user_word(at);  // near the beginning of a mapping
    }
    offset = (CHUNK_WORDS - 1) * 8;
  }
  return walk->chunk[(offset >> 3) & (CHUNK_WORDS - 1)];
}

INLINE u64 window_word(struct walk *walk, u32 offset) { return walk->window[(offset >> 3) & (WINDOW_WORDS - 1)]; }

struct walking {
  struct walk *walk;
  struct image *image;
};

// Adds a frame. Not 0 when there is no room for more.
INLINE long add(struct walk *walk, u64 function, u64 place) {
  u64 index = walk->count;
  if (index >= walk->most)
    return 1;
  walk->frame[index & (MAX_FRAMES - 1)].function = function;
  walk->frame[index & (MAX_FRAMES - 1)].place = place;
  walk->count = index + 1;
  walk->hash = mix(mix(walk->hash, function), place);
  return 0;
}

// A number of kind_size bytes; -1 when it can't be read.
INLINE long small_number(const struct image *image, u64 address) {
  u32 number = 0;
  u32 size = image->kind_size;
  if (size > sizeof(number) || bpf_probe_read_user(&number, size, (const void *)address) != 0)
    return -1;
  return number;
}

// Whether it is what the walk looks for, where that is not the whole stack.
INLINE int is_wanted(struct walk *walk, const struct image *image, u64 function) {
  if (walk->mode == innermost_function)
    return 1;
  u64 type = user_word(function + image->func_type);
  return type && small_number(image, type + image->type_flavor) == FLAVOR_EVENT;
}

// Whether ZAM has compiled the function: its body, the first thing of the first of Func.bodies, is a ZBody.
INLINE int is_compiled(const struct walk *walk, const struct image *image, u64 function) {
  if (!walk->compiled || image->func_bodies == NOWHERE)
    return 0;
  u64 bodies = user_word(function + image->func_bodies);
  u64 body = bodies ? user_word(bodies) : 0;
  return body && user_word(body) == walk->compiled;
}

// One Frame, whose function and line are added. In 8.1 and later a Frame lives on the thread's stack, so that those of the
// calls that are under way have ascending addresses; any other entry was left by a call that an exception has ended.
static FUNCTION long step(u32 index, void *context) {
  struct walking *walking = context;
  struct walk *walk = walking->walk;
  struct image *image = walking->image;
  int has_frames = image->call_frame != NOWHERE;
  (void)index;
  if (walk->at <= walk->begin)
    return 1;
  if (walk->count >= walk->most) {
    if (walk->most == MAX_FRAMES)  // a depth that was asked for is no loss
      walk->flags |= CUT;
    return 1;
  }
  walk->at -= has_frames ? image->call_size : 8;
  u64 frame = vector_word(walk, walk->at + (has_frames ? image->call_frame : 0));
  u64 called_by = has_frames ? vector_word(walk, walk->at + image->call_call) : 0;
  if (has_frames && frame <= walk->above)
    return 0;
  u32 size = image->frame_call - image->frame_function + 8;
  if (size > sizeof(walk->window) || (frame & 7) ||
      bpf_probe_read_user(walk->window, size, (const void *)(frame + image->frame_function)) != 0) {
    walk->flags |= TORN;
    return 0;
  }
  u64 function = walk->window[0];
  u64 statement = window_word(walk, image->frame_next_stmt - image->frame_function);
  // What it waits for. The Frame keeps its last call: where C++ code has called the function above, that is an older one.
  u64 call = has_frames && !walk->call ? 0 : window_word(walk, image->frame_call - image->frame_function);
  u64 name = 0;
  if (function) {
    name = zt_zeek_name(walk, user_word(function + image->func_name), 128, 0);
    if (!name) {
      walk->flags |= TORN;
      return 0;
    }
  }
  walk->above = frame;
  if (walk->mode != whole_stack) {
    if (!function || !is_wanted(walk, image, function))
      return 0;
    walk->found = function;
    return 1;
  }
  if (function && !statement && is_compiled(walk, image, function))
    walk->flags |= COMPILED;
  u64 place = 0;
  if (walk->count > 0)
    place = place_of(walk, image, call);
  if (!place)
    place = place_of(walk, image, statement);
  walk->call = called_by;
  return add(walk, name, place);
}

// Before 8.1 built-in functions have no Frame: the innermost one is found on the stack of calls, if what called it is the
// innermost Frame's.
INLINE void take_builtin(struct walk *walk, const struct image *image, u64 calls, u64 calls_end, u64 frame) {
  u64 entry = calls_end - image->call_size;
  if (calls_end <= calls || entry < calls || image->func_kind == NOWHERE)
    return;
  u64 function = user_word(entry + image->call_func);
  if (!function || small_number(image, function + image->func_kind) != KIND_BUILTIN)
    return;
  if (frame && user_word(entry + image->call_call) != user_word(frame + image->frame_call))
    return;
  u64 name = zt_zeek_name(walk, user_word(function + image->func_name), 128, 0);
  if (!name)
    return;
  if (walk->mode == innermost_function)
    walk->found = function;
  if (walk->mode == whole_stack)
    add(walk, name, 0);
}

// Walks the stack of script functions: at most `most` frames into walk->count and walk->frame, or to the one that the
// mode says, into walk->found.
INLINE void take_stack(struct task_struct *task, struct image *image, struct walk *walk, u64 mode, u32 most) {
  u64 vector[2];
  int has_frames = image->call_frame != NOWHERE;
  u64 calls = placed(task, image, image->call_stack);
  u64 at = has_frames ? calls : placed(task, image, image->frame_stack);
  walk->count = 0;
  walk->found = 0;
  walk->mode = mode;
  walk->most = most < MAX_FRAMES ? most : MAX_FRAMES;
  walk->flags = 0;
  // A vtable pointer points behind two words of its own (Itanium C++ ABI, 2.5.2).
  walk->compiled = image->compiled_vtable ? placed(task, image, image->compiled_vtable) + 16 : 0;
  walk->hash = 0x9e3779b97f4a7c15ULL;
  walk->call = 0;
  walk->above = bpf_task_pt_regs(task)->sp;
  walk->chunk_at = ~0ULL >> 1;
  if (bpf_probe_read_user(vector, sizeof(vector), (const void *)at) != 0)
    return;
  walk->begin = vector[0];
  walk->at = vector[1];
  u64 bytes = walk->at - walk->begin;
  if ((bytes & 7) || bytes > 1 << 24) {
    walk->flags = TORN;
    return;
  }
  if (!has_frames && bpf_probe_read_user(vector, sizeof(vector), (const void *)calls) == 0)
    take_builtin(walk, image, vector[0], vector[1], bytes ? user_word(walk->at - 8) : 0);
  struct walking walking = {walk, image};
  if (!walk->found)
    bpf_loop(2 * MAX_FRAMES, step, &walking, 0);
}

// ---- what programs call ----

// The script stack, kept in zt_zstacks under its hash. 0: there is none; 1: it could not be kept.
FUNCTION u64 zt_zeek_stack(struct walk *walk, u32 most) {
  if (!walk)
    return 0;
  walk->count = 0;
  struct task_struct *task = bpf_get_current_task_btf();
  struct image *image = own_image(task);
  if (!image)
    return 0;
  take_stack(task, image, walk, whole_stack, most);
  u64 hash = mix(walk->hash, walk->flags & CUT);
  if (hash < 2)
    hash = 2;
  if (walk->count == 0)
    hash = 0;
  walk->count |= walk->flags;
  if (hash && !bpf_map_lookup_elem(&zt_zstacks, &hash) && bpf_map_update_elem(&zt_zstacks, &hash, walk, 0) != 0)
    return 1;
  return hash;
}

struct name {
  u8 text[128];
};

// The innermost function's name, to zeroed memory; nothing when no script is run.
FUNCTION long zt_zeek_function(struct walk *walk, struct name *name) {
  if (!walk || !name)
    return 0;
  struct task_struct *task = bpf_get_current_task_btf();
  struct image *image = own_image(task);
  if (!image)
    return 0;
  take_stack(task, image, walk, innermost_function, 1);
  if (!walk->found)
    return 0;
  return bpf_probe_read_user_str(name, sizeof(*name), (const void *)user_word(walk->found + image->func_name));
}

// The event that is being handled; 0: none is, or this release does not say.
INLINE u64 current_event(struct task_struct *task, const struct image *image) {
  if (image->event_current == NOWHERE || !image->event_mgr)
    return 0;
  return user_word(placed(task, image, image->event_mgr) + image->event_current);
}

// The name of the event that is being handled, to zeroed memory: what the queue has handed out or, in releases that don't
// keep it, the innermost handler on the script stack.
FUNCTION long zt_zeek_event(struct walk *walk, struct name *name) {
  if (!walk || !name)
    return 0;
  struct task_struct *task = bpf_get_current_task_btf();
  struct image *image = own_image(task);
  if (!image)
    return 0;
  u64 at = 0;
  if (image->event_current != NOWHERE) {
    u64 event = current_event(task, image);
    u64 handler = event ? user_word(event + image->event_handler) : 0;
    at = handler ? handler + image->handler_name : 0;
  } else {
    take_stack(task, image, walk, innermost_event, 1);
    at = walk->found ? walk->found + image->func_name : 0;
  }
  return at ? bpf_probe_read_user_str(name, sizeof(*name), (const void *)user_word(at)) : 0;
}

// The bits of Zeek's clock, a double.
FUNCTION u64 zt_zeek_time(void) {
  struct task_struct *task = bpf_get_current_task_btf();
  struct image *image = own_image(task);
  if (!image || !image->network_time)
    return 0;
  return user_word(placed(task, image, image->network_time));
}

struct uid {
  u64 words[2];
};

// The connection at hand: the event's, when an event is handled; else the packet's. It is one only if its vtable says so.
INLINE u64 connection_at_hand(struct task_struct *task, const struct image *image) {
  u64 event = current_event(task, image);
  if (event)
    return image->event_object == NOWHERE ? 0 : user_word(event + image->event_object);
  if (!image->packet_source || image->source_packet == NOWHERE || image->packet_session == NOWHERE)
    return 0;
  u64 source = user_word(placed(task, image, image->packet_source));
  return source ? user_word(source + image->source_packet + image->packet_session) : 0;
}

// The uid of a connection, or of the one at hand; zeroes when there is none.
FUNCTION long zt_zeek_uid(struct uid *uid, u64 connection) {
  if (!uid)
    return 0;
  uid->words[0] = uid->words[1] = 0;
  struct task_struct *task = bpf_get_current_task_btf();
  struct image *image = own_image(task);
  if (!image || image->connection_uid == NOWHERE || !image->connection_vtable)
    return 0;
  if (!connection)
    connection = connection_at_hand(task, image);
  if (!connection || user_word(connection) != placed(task, image, image->connection_vtable) + 16)
    return 0;
  return bpf_probe_read_user(uid, sizeof(*uid), (const void *)(connection + image->connection_uid));
}

// What the binary calls its release, to zeroed memory.
FUNCTION long zt_zeek_release(struct uid *text) {
  if (!text)
    return 0;
  struct image *image = own_image(bpf_get_current_task_btf());
  if (!image)
    return 0;
  __builtin_memcpy(text, image->release, sizeof(*text));
  return 0;
}
