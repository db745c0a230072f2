// What a Zeek process is doing, read from its memory in the context of its own thread: the stack of script functions, the
// event that is handled, its clock, the connection at hand. Where things are in each release parser/zeek.h says; user space
// fills it in for each binary. Compiled as unwind.bpf.c is: functions of their own, looked at by the verifier once.
//
// Zeek runs scripts on its main thread alone. A sample may find that thread in the middle of changing the stack, and
// entries whose calls an exception has ended can be left on it: what is not plausible is left out.

#include "kernel.bpf.h"

// ---- maps ----

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
  u32 func_bodies;
  u64 packet_source, connection_vtable;
  u32 source_packet, event_object;
  u8 release[16];
  u64 compiled_vtable;
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

// What is known of the binary that the current process runs, if it is a Zeek; else null.
INLINE struct image *own_image(struct task_struct *task) {
  struct mm_struct *mm = task->mm;
  if (!mm)
    return 0;
  struct file *file = mm->exe_file;
  if (!file)
    return 0;
  struct identity identity = {file->f_inode->i_ino, file->f_inode->i_sb->s_dev};
  return bpf_map_lookup_elem(&zt_zeek, &identity);
}

// The same in the thread that runs scripts; null in others.
INLINE struct image *script_image(struct task_struct *task) {
  u64 ids = bpf_get_current_pid_tgid();
  return (u32)ids == (u32)(ids >> 32) ? own_image(task) : 0;
}

// Of a global: where it is in this process.
INLINE u64 placed(struct task_struct *task, const struct image *image, u64 address) {
  return address + task->mm->start_code - image->code_start;
}

// Reads that fail leave zeroes: so there is nothing to branch on, and nothing for the verifier to follow twice.
INLINE u64 user_word(u64 address) {
  u64 word = 0;
  bpf_probe_read_user(&word, sizeof(word), (const void *)address);
  return word;
}

// An enumerator, whose first byte tells all: enumerations are an int before 8.0, a byte since.
INLINE u64 enumerator(u64 address) {
  u64 number = 0;
  bpf_probe_read_user(&number, 1, (const void *)address);
  return number;
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
  u64 compiled;  // what the first word of a body is that ZAM has compiled; 0: it is not known
  // The entry that zt_zeek_entry has come to: its Frame, the function and the statement at which that is, the call that
  // it waits for, and the one that has called it.
  u64 entry, function, statement, waits_for, called_by;
  u64 text[TEXT / 8];
};
#define FUNCTION_NAME 128
#define FLAVOR_EVENT 1
#define KIND_BUILTIN 1

struct text {
  struct walk *walk;
  u64 left;  // bytes of the text from here on, the NUL included
  u64 hash;
};

static FUNCTION long hash_word(u32 index, void *context) {
  struct text *text = context;
  struct walk *walk = text->walk;
  u64 word = walk->text[index & (TEXT / 8 - 1)];
  if (text->left <= 8) {
    text->hash = mix(text->hash, word & ~0ULL >> (64 - text->left * 8));
    return 1;
  }
  text->hash = mix(text->hash, word);
  text->left -= 8;
  return 0;
}

// A text of the process into walk->text; gives the key that it goes by in zt_znames, 0 when it is none.
FUNCTION u64 zt_zeek_text(struct walk *walk, u64 address, u32 size) {
  if (!walk || !address)
    return 0;
  size &= TEXT - 1;
  if (size == 0)
    size = TEXT;
  long length = bpf_probe_read_user_str(walk->text, size, (const void *)address);
  u8 first = (u8)walk->text[0];
  if (length <= 1 || first < 0x20 || first > 0x7e)
    return 0;
  struct text text = {walk, length, 0x9e3779b97f4a7c15ULL};
  bpf_loop(TEXT / 8, hash_word, &text, 0);
  return text.hash & ~0xffffffULL;
}

// Where an expression or a statement stands: the key of the file, which is in walk->text, and the line; 0: it is not known.
FUNCTION u64 zt_zeek_place(struct walk *walk, struct image *image, u64 object) {
  struct {
    u64 words[4];
  } location = {};
  if (!walk || !image || !object)
    return 0;
  u64 at = user_word(object + image->obj_location);
  // The file's name is first, the line's number behind it.
  u32 line_at = image->location_line - image->location_file;
  if (!at || line_at > 16)
    return 0;
  bpf_probe_read_user(&location, (line_at & 31) + 4, (const void *)(at + image->location_file));
  u64 key = zt_zeek_text(walk, location.words[0], 0);
  return key ? key | (location.words[(line_at >> 3) & 3] & 0xffffff) : 0;
}

// Keeps the text of a key. Before Linux 6.3 the kernel takes what goes into a map from memory of maps only, as which it knows
// this memory only in the program's own functions: those that are not looked at once and for all.
INLINE u64 kept(struct walk *walk, u64 key_and_line) {
  u64 key = key_and_line & ~0xffffffULL;
  if (key && !bpf_map_lookup_elem(&zt_znames, &key) && bpf_map_update_elem(&zt_znames, &key, walk->text, 0) != 0)
    return 0;
  return key_and_line;
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

enum entry { no_more, left_out, is_frame };

// The next Frame of the vector, from its end on. In 8.1 and later a Frame lives on the thread's stack, so that those of the
// calls that are under way have ascending addresses; any other entry was left by a call that an exception has ended.
FUNCTION long zt_zeek_entry(struct walk *walk, struct image *image) {
  if (!walk || !image || walk->at <= walk->begin)
    return no_more;
  if (walk->count >= walk->most) {
    if (walk->most == MAX_FRAMES)  // a depth that was asked for is no loss
      walk->flags |= CUT;
    return no_more;
  }
  int has_frames = image->call_frame != NOWHERE;
  walk->at -= has_frames ? image->call_size : 8;
  u64 frame = vector_word(walk, walk->at + (has_frames ? image->call_frame : 0));
  walk->called_by = has_frames ? vector_word(walk, walk->at + image->call_call) : 0;
  if (has_frames && frame <= walk->above)
    return left_out;
  u32 size = image->frame_call - image->frame_function + 8;
  if (size > sizeof(walk->window) || (frame & 7) ||
      bpf_probe_read_user(walk->window, size, (const void *)(frame + image->frame_function)) != 0) {
    walk->flags |= TORN;
    return left_out;
  }
  walk->entry = frame;
  walk->function = walk->window[0];
  walk->statement = window_word(walk, image->frame_next_stmt - image->frame_function);
  // The Frame keeps its last call: where C++ code has called the function above, that is an older one.
  walk->waits_for = has_frames && !walk->call ? 0 : window_word(walk, image->frame_call - image->frame_function);
  return is_frame;
}

// The key of the entry's function; 0 where the entry is no good.
INLINE u64 name_of_entry(struct walk *walk, const struct image *image) {
  u64 name = zt_zeek_text(walk, user_word(walk->function + image->func_name), FUNCTION_NAME);
  if (!name)
    walk->flags |= TORN;
  return name;
}

// Whether ZAM has compiled the function: its body, the first thing of the first of Func.bodies, is a ZBody.
INLINE int is_compiled(const struct walk *walk, const struct image *image, u64 function) {
  if (!walk->compiled || image->func_bodies == NOWHERE)
    return 0;
  u64 bodies = user_word(function + image->func_bodies);
  return user_word(user_word(bodies)) == walk->compiled;
}

// Adds a frame, for which there is room.
INLINE void add(struct walk *walk, u64 function, u64 place) {
  u64 index = walk->count;
  walk->frame[index & (MAX_FRAMES - 1)].function = function;
  walk->frame[index & (MAX_FRAMES - 1)].place = place;
  walk->count = index + 1;
  walk->hash = mix(mix(walk->hash, function), place);
}

// Adds one Frame's function and line.
static FUNCTION long step(u32 index, void *context) {
  struct walking *walking = context;
  struct walk *walk = walking->walk;
  struct image *image = walking->image;
  (void)index;
  long entry = zt_zeek_entry(walk, image);
  if (entry != is_frame)
    return entry == no_more;
  u64 name = 0, place = 0;
  if (walk->function) {
    name = kept(walk, name_of_entry(walk, image));
    if (!name)
      return 0;
    if (!walk->statement && is_compiled(walk, image, walk->function))
      walk->flags |= COMPILED;
  }
  if (walk->count > 0)
    place = zt_zeek_place(walk, image, walk->waits_for);
  if (!place)
    place = zt_zeek_place(walk, image, walk->statement);
  walk->above = walk->entry;
  walk->call = walk->called_by;
  add(walk, name, kept(walk, place));
  return 0;
}

struct finding {
  struct walking walking;
  u64 flavor;  // what it must be; ANY_FLAVOR
  u64 found;   // the Func
};
#define ANY_FLAVOR (~0ULL)

static FUNCTION long find(u32 index, void *context) {
  struct finding *finding = context;
  struct walk *walk = finding->walking.walk;
  struct image *image = finding->walking.image;
  (void)index;
  long entry = zt_zeek_entry(walk, image);
  if (entry != is_frame)
    return entry == no_more;
  u64 function = walk->function;
  if (function && !name_of_entry(walk, image))
    return 0;
  walk->above = walk->entry;
  u64 type = user_word(function + image->func_type);
  if (!function || (finding->flavor != ANY_FLAVOR && enumerator(type + image->type_flavor) != finding->flavor))
    return 0;
  finding->found = function;
  return 1;
}

// Before 8.1 built-in functions have no Frame: the innermost one is found on the stack of calls, if what called it is the
// innermost Frame's. 0: none is running.
INLINE u64 running_builtin(struct task_struct *task, const struct image *image, u64 frame) {
  u64 calls[2] = {};
  bpf_probe_read_user(calls, sizeof(calls), (const void *)placed(task, image, image->call_stack));
  u64 entry = calls[1] - image->call_size;
  if (calls[1] <= calls[0] || entry < calls[0] || image->func_kind == NOWHERE)
    return 0;
  u64 function = user_word(entry + image->call_func);
  if (!function || enumerator(function + image->func_kind) != KIND_BUILTIN)
    return 0;
  if (frame && user_word(entry + image->call_call) != user_word(frame + image->frame_call))
    return 0;
  return function;
}

// Puts the walk before the innermost entry. Gives the built-in function that runs and has no entry; 0: there is none.
FUNCTION u64 zt_zeek_begin(struct walk *walk, struct image *image, u32 most) {
  if (!walk || !image)
    return 0;
  struct task_struct *task = bpf_get_current_task_btf();
  u64 vector[2] = {};
  int has_frames = image->call_frame != NOWHERE;
  walk->count = 0;
  walk->most = most < MAX_FRAMES ? most : MAX_FRAMES;
  walk->flags = 0;
  // A vtable pointer points behind two words of its own (Itanium C++ ABI, 2.5.2).
  walk->compiled = image->compiled_vtable ? placed(task, image, image->compiled_vtable) + 16 : 0;
  walk->hash = 0x9e3779b97f4a7c15ULL;
  walk->call = 0;
  walk->above = bpf_task_pt_regs(task)->sp;
  walk->chunk_at = ~0ULL >> 1;
  bpf_probe_read_user(vector, sizeof(vector),
                      (const void *)placed(task, image, has_frames ? image->call_stack : image->frame_stack));
  walk->begin = vector[0];
  walk->at = vector[1];
  u64 bytes = walk->at - walk->begin;
  if ((bytes & 7) || bytes > 1 << 24) {
    walk->flags = TORN;
    walk->at = 0;
    return 0;
  }
  return has_frames ? 0 : running_builtin(task, image, bytes ? user_word(walk->at - 8) : 0);
}

// ---- what programs call ----

// The script stack, kept in zt_zstacks under its hash. 0: there is none; 1: it could not be kept.
IN_PROGRAM u64 zt_zeek_stack(struct walk *walk, u32 most) {
  if (!walk)
    return 0;
  walk->count = 0;
  struct image *image = script_image(bpf_get_current_task_btf());
  if (!image)
    return 0;
  u64 builtin = zt_zeek_begin(walk, image, most);
  if (builtin) {
    u64 name = kept(walk, zt_zeek_text(walk, user_word(builtin + image->func_name), FUNCTION_NAME));
    if (name)
      add(walk, name, 0);
  }
  struct walking walking = {walk, image};
  bpf_loop(2 * MAX_FRAMES, step, &walking, 0);
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

// The innermost function, or the innermost of a flavor; 0: there is none.
INLINE u64 innermost(struct walk *walk, struct image *image, u64 flavor) {
  u64 builtin = zt_zeek_begin(walk, image, 1);
  if (builtin && flavor == ANY_FLAVOR)
    return builtin;
  struct finding finding = {{walk, image}, flavor, 0};
  bpf_loop(2 * MAX_FRAMES, find, &finding, 0);
  return finding.found;
}

struct name {
  u8 text[FUNCTION_NAME];
};

// The innermost function's name, to zeroed memory; nothing when no script is run.
FUNCTION long zt_zeek_function(struct walk *walk, struct name *name) {
  if (!walk || !name)
    return 0;
  struct image *image = script_image(bpf_get_current_task_btf());
  u64 function = image ? innermost(walk, image, ANY_FLAVOR) : 0;
  return function ? bpf_probe_read_user_str(name, sizeof(*name), (const void *)user_word(function + image->func_name)) : 0;
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
  struct image *image = script_image(task);
  if (!image)
    return 0;
  u64 at = 0;
  if (image->event_current != NOWHERE) {
    u64 event = current_event(task, image);
    u64 handler = event ? user_word(event + image->event_handler) : 0;
    at = handler ? handler + image->handler_name : 0;
  } else {
    u64 function = innermost(walk, image, FLAVOR_EVENT);
    at = function ? function + image->func_name : 0;
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
  // Before 7.2 the queue does not tell which event it has handed out: while a script runs it is not known whose it is.
  u64 calls[2] = {};
  if (image->event_current == NOWHERE)
    bpf_probe_read_user(calls, sizeof(calls), (const void *)placed(task, image, image->call_stack));
  if (calls[0] != calls[1])
    return 0;
  if (!image->packet_source || image->source_packet == NOWHERE || image->packet_session == NOWHERE)
    return 0;
  u64 source = user_word(placed(task, image, image->packet_source));
  return source ? user_word(source + image->source_packet + image->packet_session) : 0;
}

// The uid of a connection, or of the one at hand, to zeroed memory; nothing when there is none.
FUNCTION long zt_zeek_uid(struct uid *uid, u64 connection) {
  if (!uid)
    return 0;
  struct task_struct *task = bpf_get_current_task_btf();
  struct image *image = script_image(task);
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
