// The checked script: what emit turns into BPF and what decode needs to read the answers. Everything that both sides
// of the kernel must agree on stands here: the maps, the records of the ring buffer, the probes' names, the layout of
// the values that are not plain integers or strings. Built by check, then never changed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "parser/access.h"
#include "parser/ast.h"
#include "parser/settings.h"
#include "parser/type.h"

namespace zeektrace {

struct Mechanism;
struct Provider;

// Where an argument of a probe lives, when the program starts.
// At ctx + offset; Field::type.size bytes.
struct ContextOffset {
  uint32_t offset = 0;
};
// p = *(u64 *)(ctx + context_offset); for all offsets but the last p = *(u64 *)(p + offset); the value is at p + last.
// All of it is memory of the kernel. (A syscall wrapper's pt_regs, for one.)
struct Chain {
  uint32_t context_offset = 0;
  std::vector<uint32_t> offsets;
};
// A tracepoint's __data_loc: the low 16 bits of *(u32 *)(ctx + offset) are added to ctx and give the address.
struct DataLocation {
  uint32_t offset = 0;
};
// In the process's memory, as a debug information's location or the calling convention says: address = the register at
// ctx + context_offset, plus adds[0]; for each further one address = *(u64 *)address + adds[i]. What is no record or array
// is read at that address. Registers are those at the probed instruction: where the probe is not at the function's entry,
// attach points that share a program must agree on where the stack pointer stands.
struct UserMemory {
  // A number, times `scale`, is added to the address that adds[at] is added to: a second register, as in 8(%rax,%rdx,4), or,
  // where `adds` is not empty, what is found from that register on as the value is from the first.
  struct Index {
    uint32_t context_offset = 0;
    uint32_t scale = 1;
    std::vector<int64_t> adds = {};
    size_t at = 0;
    bool operator==(const Index&) const = default;
  };
  uint32_t context_offset = 0;
  std::vector<int64_t> adds = {0};
  std::optional<Index> index = std::nullopt;
};
// One register times another: what calloc() is asked for.
struct Product {
  uint32_t a_offset = 0;  // in the context
  uint32_t b_offset = 0;
};
// The compiler knew it.
struct Constant {
  uint64_t value = 0;  // of the field's type, extended to 64 bits as its sign says
};
// A small record passed by value in registers: the bytes of each piece, one after the other, make up the record.
struct Pieces {
  struct Piece {
    uint32_t context_offset = 0;
    uint32_t size = 8;
  };
  std::vector<Piece> pieces;
};
// At a function's return: address = the object that the probe at the call's entry has remembered (Probe::recalls), plus
// adds[0]; for each further one address = *(u64 *)address + adds[i]. Without any the value is the object's address itself.
struct Remembered {
  std::vector<int64_t> adds = {0};
};
// It can't be had here, and why.
struct Unavailable {
  std::string reason;
};
using Location = std::variant<ContextOffset, Chain, DataLocation, UserMemory, Pieces, Product, Constant, Remembered,
                              Unavailable>;

// An argument that a provider offers: "arg0" … "retval", or "args.NAME". Where a text is not in the context, what is found at
// its place is the address of its characters.
struct Field {
  std::string name;
  Type type;
  Location where;
  // The integer that lies there, where it is not `type`: a static probe's argument has one type in the script, although
  // the compiler may keep it differently in each place where it put the probe.
  std::optional<Type> kept_as = std::nullopt;
  bool has_description = false;  // Provider::described_fields can tell its type
  // Holds where the argument is what it is taken for: of the object at `of`.
  struct Proven {
    Location of;
    Proof proof;
  };
  std::optional<Proven> proven = std::nullopt;
};
// The name of a Field that stands for all "args.NAME" of a place, and says why there are none (Unavailable).
constexpr std::string_view all_named_arguments = "args.*";

// Run the program only when a value is one of these; which one it is says which attach point was hit.
struct Gate {
  Location value;          // read as 8 bytes
  std::vector<int64_t> of;  // of[i] belongs to the probe's points[i]
  // Further conditions: the unsigned number of `size` bytes at a place must be `value`.
  struct Requirement {
    Location where;
    uint32_t size = 8;
    uint64_t value = 0;
  };
  std::vector<Requirement> require;
};

// Run the program only for objects that have a name which matches. The kernel side remembers by process and address which
// have one; what begins with "lambda_<" it looks at each time, since such objects come and go.
struct NameFilter {
  Location object;            // its address, when the function is entered
  std::vector<int64_t> text;  // address = object + text[0]; for each further one address = *(u64 *)address + text[i]: the characters
  std::string pattern = "*";  // a glob, or a literal name
  std::vector<std::string> except;  // names that an earlier attach point of the same probe has taken
  std::vector<Proof::Number> require;

  // The objects come and go, and others get their places: nothing is remembered of them.
  bool is_passing = false;

  bool passes_all() const { return pattern == "*" && except.empty() && require.empty(); }
};
// Where a script's handler has several bodies, and a probe stands on the function that Zeek calls before each of them, on the
// frame that they share: which one begins follows from the calls before, since the handler itself was called. What the probe
// has then as Remembered is the body's address.
struct BodyWalk {
  // When a body begins, words of the context: the frame's address, and the number of the handler's arguments. With another
  // number the function is called for something else.
  uint32_t frame = 0;
  uint32_t first = 0;
  // When the handler is called: its address, and that of the std::vector of its arguments.
  Location function, arguments;
  // Offsets: from the frame to the handler's address, from the handler to the std::vector of bodies; what one takes; in it
  // the byte that says that it does not run (~0: there is none).
  uint32_t frame_function = 0;
  uint32_t bodies = 0;
  uint32_t body_size = 0;
  uint32_t disabled = ~uint32_t{0};
};

// Whether two of them say the same of an object, wherever its address is found.
bool same_names(const NameFilter& a, const NameFilter& b);
bool same_location(const Location& a, const Location& b);

// One place to attach to, as a provider's expand() found it.
struct AttachPoint {
  const Provider* provider = nullptr;
  const Mechanism* how = nullptr;
  std::string name;    // what `probe` prints: the user's provider name, target, symbol ("uprobe:/lib/libc.so.6:malloc")
  std::string target;  // a binary's path, a tracepoint's category, a timer's unit; "" where there is none
  std::string symbol;  // function or event name
  uint64_t offset = 0; // bytes in the file (uprobes), from the symbol (kprobes); nanoseconds (timers)
  // Offset in the file of the 16-bit counter that the kernel raises while somebody probes this place (a USDT semaphore); 0:
  // it has none.
  uint64_t semaphore = 0;
  std::string why;     // for -v: the reason for a mechanism that was not the first choice
  int64_t gate = 0;    // the value that Gate::of holds for this point, where the mechanism has a gate (a syscall's number)
  // Of a return, too, although its object is known only at the entry: see `entry`.
  std::optional<NameFilter> only = std::nullopt;
  // Of a return: how a probe on the entry of the same function is attached, should something have to be remembered of the call.
  const Mechanism* entry = nullptr;
  std::optional<BodyWalk> bodies = std::nullopt;
  std::vector<AttachPoint> handlers = {};  // for BodyWalk: the function that calls a handler
  // It calls itself as the last thing it does, which compilers make a jump to its first instruction: such a jump is a call.
  bool calls_itself_last = false;
};

// One BPF program. A block with attach points of several mechanisms gives several Probes with the same syntax.
struct Probe {
  const ProbeDecl* syntax = nullptr;
  const Mechanism* how = nullptr;
  std::vector<AttachPoint> points;    // at least one; the cookie of points[i] is first_point + i
  uint32_t first_point = 0;           // index of points[0] in Program::point_names
  std::vector<Field> fields;          // the same for all points
  std::set<std::string> used_fields;  // those that the predicate or the block reads
  std::optional<Gate> gate;
  std::optional<NameFilter> only;
  uint32_t names = 0;  // number of the filter: of those that say the same there is one
  // A call whose filter lets it pass is remembered at its entry, with the object's address, under the process, the stack
  // pointer and a number, by the probe that has it in `remembers`; the probe at the return that has it in `recalls` runs
  // for these calls only. Calls that call themselves, and what exceptions have left behind, are told apart so.
  std::vector<uint32_t> remembers;
  std::optional<uint32_t> recalls;
  std::optional<BodyWalk> bodies;
  uint32_t bodies_of = 0;  // the probe whose bodies they are: of a silent one, which stands where handlers are called, another
  bool is_silent = false;  // made by check, to remember calls: it has no predicate and no block
  // Only events of this process (its tgid as Program::only_pid_namespace counts): -p or -c, where the mechanism does
  // not filter by itself.
  std::optional<uint32_t> only_pid;
  bool only_nodes = false;                // only events of the processes in node_map: --node
  // The block's $variables, each with its number as its place. Behind that of a loop over numbers there is one that counts.
  struct Variable {
    std::string name;
    Type type;
    uint32_t place = 0;  // bytes from the start of the words, or of the memory, that variables share whose blocks never overlap
  };
  std::vector<Variable> variables;
  uint32_t variable_words = 0;   // bytes of those that a register holds
  uint32_t variable_memory = 0;  // bytes of all others
  bool has_callbacks = false;    // a loop's body is a function of its own, which sees the variables
  std::string function;               // name of the BPF program: unique, a C identifier of at most 15 characters
  std::optional<uint32_t> pair;       // index in Program::pairs
};

// A function's entry and its return as one BPF program (a session, parser/call_pairs.cpp), which is named after the entry.
// What the script keeps in a map from the one to the other, under the thread's number, is a word of the call itself.
struct CallPair {
  uint32_t entry = 0;   // index in Program::probes
  uint32_t at_return = 0;
  uint32_t map = 0;     // index in Program::maps
  bool returns_need_it = false;  // the return's predicate holds only if the word is not 0
};

// A map of the script. Scalars without a key live in an array of one element; aggregations in per-CPU maps.
struct MapDef {
  std::string name;  // without the at sign
  Span first_use;
  std::vector<Type> keys;   // empty: no key
  Type value;               // kind none: the script only ever deletes it; it is not created
  uint32_t max_entries = 1;
  bool is_lru = false;      // makes room for a new key by forgetting the one that was used longest ago
  // Only carries a word from a function's entry to its return: what is left in it says nothing, and is not printed.
  bool is_of_call = false;
  bool is_in_session = false;  // and is that word of a CallPair: there is no such map in the kernel
  bool is_by_frame = false;    // or is kept by the process and the call's stack pointer, in place of the thread (FrameWord)
  bool frame_stays = false;    // and nobody changes the return address there while the call lasts
  bool is_in_kernel() const { return value.kind != Type::Kind::none && !is_in_session; }
  // The last long text in the key, whose room depends on how long it is (see MapPart).
  std::optional<size_t> long_text() const;
  uint32_t key_size() const;               // bytes; 4 for a map without key
  uint32_t key_offset(size_t index) const;  // of keys[index] within the key
};

// One of the kernel's maps in which a map of the script is kept: one, or, where a text of the key is long, several by the
// length of that text, so that "open" is not read, padded and hashed as a kilobyte. In their keys that text comes last.
struct MapPart {
  std::string name;
  uint32_t key_size = 0;
  uint32_t text_room = 0;  // bytes of the long text, its NUL included; 0: there is none
};
std::vector<MapPart> parts_of(const MapDef& map);  // by text_room, the smallest first; the last one takes any text
uint32_t part_key_offset(const MapDef& map, size_t index);  // of keys[index] within a key of the parts

// A message from the kernel side: u64 index of the Record in Program::records, then the fields.
struct RecordField {
  Type type;
  uint32_t offset = 0;  // from the start of the message
};
struct Record {
  enum class Kind {
    printf,       // format with the fields
    print_value,  // print(expr): one field
    print_map,    // print(@m[, top[, div]])
    clear,        // clear(@m)
    zero,         // zero(@m)
    time,         // time(format): strftime
    exit,         // exit([status])
    error,        // errorf: as printf, to stderr, with the script's line
    warning,      // warnf
    cat,          // the file that the text names
    system,       // the command that the text is
    assertion,    // assert(): as errorf, and the script ends
    packet,       // skboutput(): {when, length, bytes} to the file that `format` names
    join,         // one field, texts one after the other; `format` goes between them
  };
  Kind kind = Kind::printf;
  std::string format;
  Span span;  // of the call
  uint32_t map = 0;  // index in Program::maps
  uint64_t top = 0;  // 0: all
  uint64_t div = 1;
  std::vector<RecordField> fields;
  uint32_t size = 8;  // bytes of the message
};
// What a record of kind join holds: at most so many texts of at most so many bytes, each with its NUL, each in its place; an
// empty one of which the first byte is join_ends closes the list.
constexpr uint32_t join_texts = 16;
constexpr char join_ends = 1;

// An event whose count pmc() reads: type and config as perf_event_open(2) takes them.
struct EventCounter {
  std::string name;
  uint32_t type = 0;
  uint64_t config = 0;
};

// Whose numbers processes are called by: the device and inode of /proc/PID/ns/pid, as the kernel has them.
struct PidNamespace {
  uint64_t device = 0;
  uint64_t inode = 0;
};

// A func where a ksym can stand, too: its index has this bit, which no address of the kernel has.
constexpr uint64_t func_tag = uint64_t{1} << 56;

struct Program {
  std::optional<PidNamespace> pid_namespace;       // the one we run in; nothing for the kernel's initial one
  std::optional<PidNamespace> only_pid_namespace;  // that of Probe::only_pid
  const Source* source = nullptr;
  const Ast* ast = nullptr;
  std::vector<Probe> probes;
  std::vector<std::string> point_names;      // by cookie: what `probe` prints
  std::vector<std::string> point_functions;  // by cookie: what `func` prints
  // By cookie: the first attach point that `probe` and `func` print alike, since a static probe can stand in many places and
  // is one key; empty when all differ.
  std::vector<uint32_t> point_twins;
  std::vector<MapDef> maps;              // by first use
  std::vector<CallPair> pairs;
  std::vector<Record> records;
  std::vector<EventCounter> counters;    // what pmc() reads, each once; the map of counters[i] is event_counter_map(i)
  std::vector<Type> types;                             // by ExprId
  std::unordered_map<ExprId, uint32_t> variable_of;    // Variable → its number in its Probe
  std::unordered_map<ExprId, uint32_t> record_of;      // call → its Record
  std::unordered_map<ExprId, uint32_t> counter_of;     // call → index in counters
  std::unordered_map<std::string, uint32_t> map_index;  // name → index in maps
  std::unordered_map<ExprId, std::variant<uint64_t, std::string>> constants;  // positional parameters, resolved
  std::unordered_map<ExprId, Access> accesses;   // members and elements: how they are reached from the object's address
  std::unordered_map<ExprId, TextSource> texts;  // arrays and records that are read as texts
  Settings settings;
  std::vector<std::string> notes;            // what the user should know although the script is right
  std::shared_ptr<Records> definitions;      // the script's own structs, to which Types point
  bool has_kernel_types = false;  // the kernel's BTF is there, in which its functions are found
  bool unwinds = false;        // user stacks by unwind tables (parser/unwind.h); else by frame pointers, in the kernel
  bool has_private_stacks = false;  // this kernel gives larger programs a stack of their own (codegen/frames.h)
};

// ---- layouts shared by the BPF side and the user side ----

// Value of a stack: the frames' hash and, for user stacks, whose they are. The frames are in the map `zt_stacks`:
// key StackKey::hash, value StackFrames.
struct StackKey {
  uint64_t hash = 0;  // 0: there was no stack to be had
  uint32_t tgid = 0;  // 0 for kernel stacks
  uint32_t reserved = 0;
};
constexpr uint64_t most_rounds = 8 << 20;   // of all loops in a run of a program; of one: BPF_MAX_LOOPS, kernel/bpf/bpf_iter.c
constexpr uint32_t max_stack_frames = 127;  // the kernel's own limit, PERF_MAX_STACK_DEPTH
// Bits of StackFrames::count above the number itself: some frames were found by frame pointers where no unwind table
// was to be had; the walk ended before the outermost frame.
constexpr uint64_t stack_guessed = uint64_t{1} << 32;
constexpr uint64_t stack_cut = uint64_t{1} << 33;
constexpr uint64_t stack_ends_here = 1;  // stands for the frames that are missing; no code is at this address
struct StackFrames {
  uint64_t count = 0;
  uint64_t address[max_stack_frames] = {};
};
// min() and max() keep the highest "rank" of a value, so that an untouched 0 is the lowest: the value, with its sign
// bit flipped when it is signed (so that ranks order as unsigned numbers), and for min() all its bits flipped. Flipping
// them again gives the value.
struct ExtremeRank {
  uint64_t rank = 0;
  uint64_t seen = 0;  // not 0 once there was a value on this CPU
};
constexpr uint64_t extreme_rank(uint64_t value, bool is_signed, bool is_min) {
  return value ^ (is_signed ? uint64_t{1} << 63 : 0) ^ (is_min ? ~uint64_t{0} : 0);
}
// Value of a map that is kept by frame (MapDef::is_by_frame), under the process and where its return address stands.
struct FrameKey {
  uint64_t tgid = 0;
  uint64_t stack = 0;
};
struct FrameWord {
  uint64_t word = 0;
  uint64_t return_address = 0;  // 0: not known, or not to be relied on
};
// What tseries() keeps for each of the newest intervals, by its number since boot modulo how many there are.
enum class SeriesFold : int32_t { last, avg, max, min, sum };
struct SeriesSlot {
  uint64_t interval = 0;  // 1 + its number; 0: nothing was recorded
  uint64_t value = 0;     // of `avg` the sum
  uint64_t count = 0;
  uint64_t when = 0;      // nanoseconds since boot, of the last value
};
static_assert(sizeof(SeriesSlot) == series_slot_size);
struct UserAddress {
  uint64_t address = 0;
  uint32_t tgid = 0;
  uint32_t reserved = 0;
};

// The maps of our own that an object may hold, beside "m_NAME" for each map of the script ("m_" for `@`).
constexpr std::string_view ring_map = "zt_ring";          // BPF_MAP_TYPE_RINGBUF
constexpr std::string_view counter_map = "zt_counters";   // per-CPU array of u64, by LossSite
constexpr std::string_view stack_map = "zt_stacks";
constexpr std::string_view scratch_map = "zt_scratch";
constexpr std::string_view verdict_map = "zt_verdicts";  // {(number of a filter << 32) | tgid, object, life} → 0 or 1
// {(number << 32) | tgid, a thread or a frame} → {handler, its arguments, the body that runs; of a thread 1: none has begun yet}
constexpr std::string_view body_map = "zt_bodies";
constexpr std::string_view call_map = "zt_calls";        // {(number << 32) | tgid, stack pointer} → object, 0 for none
constexpr std::string_view node_map = "zt_nodes";  // tgid as Program::pid_namespace counts → anything, if it is wanted
constexpr std::string_view event_counter_maps = "zt_pmc_";  // perf event arrays, by processor
std::string event_counter_map(uint32_t index);
// How many keys a map of several parts has: a pair of u64 for each map of the script, {made less deleted by the programs,
// removed by us}. The first less the second are there.
constexpr std::string_view room_map = "zt_room";
std::string bpf_map_name(const MapDef& map);

// What went wrong while the script ran, counted by the BPF side and told at the end.
enum class Counter : uint32_t {
  ring_full,     // a printf or another message found no room
  map_full,      // a new key found no room
  scratch_busy,  // no scratch memory was free: the event was dropped
  stack_lost,    // a stack could not be kept
  stack_guessed,  // a stack of which a part was found by frame pointers, for want of an unwind table
  stack_cut,      // a stack whose outer frames could not be found
  script_compiled,      // a script stack with functions that ZAM has compiled
  script_frame_unread,  // a frame of a script stack was caught while it was changed
  read_failed,    // memory of the process or the kernel could not be read
  index_outside,  // an index that a container has no element at
  count_unread,   // pmc() found no count on this processor
  signal_lost,    // signal() could not send it
  loop_cut,       // a loop had more rounds than there are in a run of the program (most_rounds)
  unset,          // a member was read that the object does not have now, such as a script's field that is &optional
  unproven,       // an argument or a member was not read, since it is not what it was taken for (Proof)
};

// A place of the script where something can go wrong: its cell of the counters' map is its place among emit's.
struct LossSite {
  Counter counter = Counter::ring_full;
  std::optional<uint32_t> map;    // index in Program::maps, of what is counted by map
  std::optional<uint32_t> probe;  // index in Program::probes, of what is counted by place
  uint32_t line = 0;              // and the statement's line
  bool operator==(const LossSite&) const = default;
};

}  // namespace zeektrace
