// The walk up a script stack, over images of a Zeek's memory made by hand: both shapes of the stack, what is left on it by
// calls that have ended, what is torn.
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "parser/unwind.h"
#include "parser/zeek.h"
#include "parser/zeek_stack.h"

using zeektrace::FileIdentity;
using zeektrace::no_zeek_member;
using zeektrace::script_line_mask;
using zeektrace::script_stack_compiled;
using zeektrace::script_stack_cut;
using zeektrace::script_stack_torn;
using zeektrace::ScriptFrames;
using zeektrace::ZeekImage;

namespace {

struct Registers {
  unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};
struct SuperBlock {
  unsigned device;
};
struct Inode {
  unsigned long number;
  SuperBlock* super_block;
};
struct File {
  Inode* inode;
};
struct Memory {
  unsigned long start_code;
  File* file;
};
struct Task {
  Memory* mm;
};

constexpr uint64_t bias = 0x555500000000, heap_at = 0x7f0000000000, stack_at = 0x7ffc00000000;
constexpr uint64_t region_size = 1 << 16;
// The globals, as the file has them.
constexpr uint64_t calls = 0x8000, frames = 0x8040, time_at = 0x8080, events = 0x8100, source = 0x8180, vtable = 0x8200, zbody = 0x8280;

ZeekImage image_of(bool has_frames) {
  ZeekImage image;
  image.code_start = 0x1000;
  image.call_stack = calls;
  image.frame_stack = has_frames ? 0 : frames;
  image.network_time = time_at;
  image.event_mgr = events;
  image.packet_source = source;
  image.connection_vtable = vtable;
  image.compiled_vtable = zbody;
  image.func_bodies = 24;
  image.call_size = has_frames ? 16 : 24;
  image.call_call = 0;
  (has_frames ? image.call_frame : image.call_func) = 8;
  image.frame_function = 64;
  image.frame_next_stmt = 80;
  image.frame_call = 96;
  image.obj_location = 8;
  image.location_file = 0;
  image.location_line = 8;
  image.func_name = 72;
  image.func_kind = 56;
  image.func_type = 64;
  image.type_flavor = 88;
  image.event_current = 56;
  image.event_handler = 24;
  image.event_object = 80;
  image.handler_name = 0;
  image.packet_session = 176;
  image.connection_uid = 312;
  image.source_packet = 400;
  std::memcpy(image.release, "8.2.2", 6);
  return image;
}

// The process that is walked.
struct World {
  std::map<uint64_t, std::vector<char>> regions;
  std::map<uint64_t, std::string> names;
  std::map<uint64_t, ScriptFrames> stacks;
  ZeekImage image = image_of(true);
  SuperBlock super_block{8};
  Inode inode{7, &super_block};
  File file{&inode};
  Memory memory{bias + 0x1000, &file};
  Task task{&memory};
  Registers registers{};
  unsigned long long ids = (uint64_t{42} << 32) | 42;
  uint64_t heap = heap_at;

  World() {
    for (uint64_t at : {bias, heap_at, stack_at}) regions[at].resize(region_size);
    registers.sp = stack_at;
  }
  char* at(uint64_t address, size_t size) {
    auto region = regions.upper_bound(address);
    if (region == regions.begin()) return nullptr;
    --region;
    const uint64_t offset = address - region->first;
    return offset + size <= region->second.size() ? region->second.data() + offset : nullptr;
  }
  template <typename T>
  void put(uint64_t address, T value) {
    std::memcpy(at(address, sizeof value), &value, sizeof value);
  }
  uint64_t room(size_t size) {
    heap += (size + 15) / 16 * 16 + 16;
    return heap - (size + 15) / 16 * 16;
  }
  uint64_t text(const std::string& text) {
    uint64_t address = room(text.size() + 1);
    std::memcpy(at(address, text.size() + 1), text.c_str(), text.size() + 1);
    return address;
  }
  uint64_t function(const std::string& name, uint8_t flavor = 0, uint8_t kind = 0) {
    const uint64_t func = room(112), type = room(128);
    put(func + 56, kind);
    put(func + 64, type);
    put(func + 72, text(name));
    put(type + 88, flavor);
    return func;
  }
  // A statement or a call expression.
  uint64_t node(const std::string& file_name, uint32_t line) {
    const uint64_t node = room(64), location = room(16);
    put(node + 8, location);
    put(location, text(file_name));
    put(location + 8, line);
    return node;
  }
  void fill_frame(uint64_t frame, uint64_t func, uint64_t statement, uint64_t call) {
    put(frame + 64, func);
    put(frame + 80, statement);
    put(frame + 96, call);
  }
  void put_vector(uint64_t global, const std::vector<uint64_t>& words) {
    const uint64_t begin = room(words.size() * 8);
    for (size_t i = 0; i < words.size(); i++) put(begin + 8 * i, words[i]);
    put(bias + global, begin);
    put(bias + global + 8, begin + words.size() * 8);
  }
};
World* world = nullptr;

}  // namespace

extern "C" {
extern char zt_zeek, zt_znames, zt_zstacks;
extern const unsigned zeek_sizes[];
unsigned long long zt_zeek_stack(void* walk, unsigned most);
long zt_zeek_function(void* walk, char* name);
long zt_zeek_event(void* walk, char* name);
unsigned long long zt_zeek_time();
long zt_zeek_uid(uint64_t* uid, unsigned long long connection);
long zt_zeek_release(char* text);

void* zeek_lookup(void* map, const void* key) {
  uint64_t word = 0;
  std::memcpy(&word, key, sizeof word);
  if (map == &zt_zeek) {
    FileIdentity file;
    std::memcpy(&file, key, sizeof file);
    return file == FileIdentity{7, 8} ? &world->image : nullptr;
  }
  if (map == &zt_znames) return world->names.contains(word) ? &world->names[word] : nullptr;
  return world->stacks.contains(word) ? &world->stacks[word] : nullptr;
}
long zeek_update(void* map, const void* key, const void* value, unsigned long long) {
  uint64_t word = 0;
  std::memcpy(&word, key, sizeof word);
  if (map == &zt_znames) world->names[word] = static_cast<const char*>(value);
  if (map == &zt_zstacks) std::memcpy(&world->stacks[word], value, sizeof(ScriptFrames));
  return 0;
}
unsigned long long zeek_pid_tgid() { return world->ids; }
long zeek_read_user(void* to, unsigned size, const void* from) {
  const char* memory = world->at(reinterpret_cast<uint64_t>(from), size);
  if (memory == nullptr) return -14;
  std::memcpy(to, memory, size);
  return 0;
}
long zeek_read_user_str(void* to, unsigned size, const void* from) {
  const char* memory = world->at(reinterpret_cast<uint64_t>(from), 1);
  if (memory == nullptr) return -14;
  const size_t length = strnlen(memory, size - 1);
  std::memcpy(to, memory, length);
  static_cast<char*>(to)[length] = 0;
  return static_cast<long>(length + 1);
}
Task* zeek_task() { return &world->task; }
Registers* zeek_regs(Task*) { return &world->registers; }
}

namespace {

class ZeekStack : public testing::Test {
 protected:
  ZeekStack() { world = &world_; }
  // "name file:line" of each frame.
  std::vector<std::string> walk(uint32_t most = 64) {
    std::vector<uint64_t> memory(zeektrace::script_walk_size / 8);
    hash = zt_zeek_stack(memory.data(), most);
    ScriptFrames found;
    std::memcpy(&found, memory.data(), sizeof found);
    flags = found.count >> 32 << 32;
    std::vector<std::string> shown;
    if (hash == 0) return shown;
    // The number of frames; the bits above are of the walk that kept the stack first.
    EXPECT_EQ(std::memcmp(&world_.stacks.at(hash), &found, 4), 0);
    for (uint32_t i = 0; i < static_cast<uint32_t>(found.count); i++) {
      const auto& frame = found.frames[i];
      std::string text = frame.function == 0 ? "-" : world_.names.at(frame.function);
      if (frame.place != 0)
        text += " " + world_.names.at(frame.place & ~script_line_mask) + ":" +
                std::to_string(frame.place & script_line_mask);
      shown.push_back(text);
    }
    return shown;
  }
  std::string function() {
    std::vector<uint64_t> memory(zeektrace::script_walk_size / 8);
    char name[128] = {};
    zt_zeek_function(memory.data(), name);
    return name;
  }
  std::string event() {
    std::vector<uint64_t> memory(zeektrace::script_walk_size / 8);
    char name[128] = {};
    zt_zeek_event(memory.data(), name);
    return name;
  }
  // An event handler at line 10 calls f on line 12, which calls cat on line 23 and is at line 20 itself.
  void three_with_frames() {
    const uint64_t call_f = world_.node("a.zeek", 12), call_cat = world_.node("b.zeek", 23);
    world_.fill_frame(handler_frame, world_.function("dns_request", 1), world_.node("a.zeek", 10), call_f);
    world_.fill_frame(f_frame, world_.function("DNS::f"), world_.node("b.zeek", 20), call_cat);
    world_.fill_frame(cat_frame, world_.function("cat", 0, 1), 0, 0);
    calls_ = {0, handler_frame, call_f, f_frame, call_cat, cat_frame};
    world_.put_vector(calls, calls_);
  }
  // The same before 8.1.
  void three_without_frames() {
    world_.image = image_of(false);
    const uint64_t call_f = world_.node("a.zeek", 12), call_cat = world_.node("b.zeek", 23);
    const uint64_t handler = world_.function("dns_request", 1), f = world_.function("DNS::f");
    const uint64_t first = world_.room(112), second = world_.room(112);
    world_.fill_frame(first, handler, world_.node("a.zeek", 10), call_f);
    world_.fill_frame(second, f, world_.node("b.zeek", 20), call_cat);
    world_.put_vector(frames, {first, second});
    calls_ = {0, handler, 0, call_f, f, 0, call_cat, world_.function("cat", 0, 1), 0};
    world_.put_vector(calls, calls_);
  }
  static constexpr uint64_t handler_frame = stack_at + 0x3000, f_frame = stack_at + 0x2000, cat_frame = stack_at + 0x1000;
  World world_;
  std::vector<uint64_t> calls_;
  uint64_t hash = 0, flags = 0;
};

using Frames = std::vector<std::string>;

TEST_F(ZeekStack, layouts_are_those_of_user_space) {
  EXPECT_LE(zeek_sizes[0], zeektrace::script_walk_size);
  EXPECT_EQ(zeek_sizes[1], sizeof(ZeekImage));
  EXPECT_EQ(zeek_sizes[2], sizeof(ScriptFrames));
  EXPECT_EQ(zeek_sizes[3], offsetof(ZeekImage, func_bodies));
  EXPECT_EQ(zeek_sizes[4], offsetof(ZeekImage, release));
  EXPECT_EQ(zeek_sizes[5], zeektrace::zeek_name_size);
  EXPECT_EQ(zeek_sizes[6], zeektrace::max_script_frames);
}

TEST_F(ZeekStack, a_handler_a_function_and_a_builtin) {
  three_with_frames();
  const Frames whole = {"cat", "DNS::f b.zeek:23", "dns_request a.zeek:12"};
  EXPECT_EQ(walk(), whole);
  EXPECT_EQ(flags, 0u);
  EXPECT_EQ(function(), "cat");
  const uint64_t of_this_process = hash;
  three_without_frames();
  EXPECT_EQ(walk(), whole);
  EXPECT_EQ(hash, of_this_process) << "what is called the same is one key";
  EXPECT_EQ(function(), "cat");
}

TEST_F(ZeekStack, the_innermost_function_is_at_its_statement) {
  three_with_frames();
  calls_.resize(4);
  world_.put_vector(calls, calls_);
  EXPECT_EQ(walk(), (Frames{"DNS::f b.zeek:20", "dns_request a.zeek:12"}));
  EXPECT_EQ(function(), "DNS::f");
  three_without_frames();
  calls_.resize(6);
  world_.put_vector(calls, calls_);
  EXPECT_EQ(walk(), (Frames{"DNS::f b.zeek:20", "dns_request a.zeek:12"}));
  EXPECT_EQ(function(), "DNS::f");
}

TEST_F(ZeekStack, a_depth_that_was_asked_for) {
  three_with_frames();
  EXPECT_EQ(walk(2), (Frames{"cat", "DNS::f b.zeek:23"}));
  EXPECT_EQ(flags, 0u) << "it is no loss";
}

// C++ code has called the function, not an expression of the script: its caller is where its statement says.
TEST_F(ZeekStack, a_function_that_no_expression_calls) {
  three_with_frames();
  calls_[2] = 0;
  calls_.resize(4);
  world_.put_vector(calls, calls_);
  EXPECT_EQ(walk(), (Frames{"DNS::f b.zeek:20", "dns_request a.zeek:10"}));
}

TEST_F(ZeekStack, statements_that_are_in_no_function) {
  world_.fill_frame(handler_frame, 0, world_.node("a.zeek", 10), 0);
  world_.put_vector(calls, {0, handler_frame});
  EXPECT_EQ(walk(), (Frames{"- a.zeek:10"}));
  EXPECT_EQ(function(), "");
}

// An exception that crosses a built-in function leaves entries behind (BuiltinFunc::Invoke, zeek/src/Func.cc, 8.2.2).
TEST_F(ZeekStack, entries_of_calls_that_have_ended_are_left_out) {
  three_with_frames();
  const uint64_t below = stack_at - 0x100, reused = f_frame;
  std::vector<uint64_t> words = {0, reused, 0, handler_frame, calls_[2], f_frame, 0, below, 0, f_frame};
  world_.registers.sp = stack_at + 0x800;
  // What stands at `below` is no longer on the thread's stack; the last one is where f's frame is now.
  words.resize(8);
  world_.put_vector(calls, words);
  EXPECT_EQ(walk(), (Frames{"DNS::f b.zeek:20", "dns_request a.zeek:12"}));
  EXPECT_EQ(flags, 0u);
}

TEST_F(ZeekStack, a_frame_that_is_overwritten_is_left_out_and_told) {
  three_with_frames();
  world_.put(f_frame + 64, uint64_t{0x1234567});
  EXPECT_EQ(walk(), (Frames{"cat", "dns_request a.zeek:12"}));
  EXPECT_EQ(flags, script_stack_torn);
  three_with_frames();
  const uint64_t nameless = world_.function("\x01\x02");
  world_.put(f_frame + 64, nameless);
  EXPECT_EQ(walk(), (Frames{"cat", "dns_request a.zeek:12"}));
  EXPECT_EQ(flags, script_stack_torn);
}

TEST_F(ZeekStack, a_vector_that_is_being_changed_gives_nothing_and_is_told) {
  three_with_frames();
  world_.put(bias + calls, heap_at + region_size);  // the new beginning, the old end
  EXPECT_EQ(walk(), Frames{});
  EXPECT_EQ(flags, script_stack_torn);
}

TEST_F(ZeekStack, nothing_runs) {
  EXPECT_EQ(walk(), Frames{});
  EXPECT_EQ(flags, 0u);
  EXPECT_EQ(function(), "");
  three_with_frames();
  world_.put_vector(calls, {});
  EXPECT_EQ(walk(), Frames{});
  EXPECT_EQ(flags, 0u);
}

TEST_F(ZeekStack, other_threads_and_other_programs_have_none) {
  three_with_frames();
  world_.ids = (uint64_t{42} << 32) | 43;
  EXPECT_EQ(walk(), Frames{});
  world_.ids = (uint64_t{42} << 32) | 42;
  world_.inode.number = 9;
  EXPECT_EQ(walk(), Frames{});
  EXPECT_EQ(zt_zeek_time(), 0u);
}

TEST_F(ZeekStack, clock_and_release_belong_to_all_threads) {
  world_.ids = (uint64_t{42} << 32) | 43;
  world_.put(bias + time_at, 1.5);
  EXPECT_NE(zt_zeek_time(), 0u);
  char text[16] = {};
  zt_zeek_release(text);
  EXPECT_STREQ(text, "8.2.2");
}

TEST_F(ZeekStack, compiled_functions_are_told) {
  three_with_frames();
  const uint64_t handler = world_.function("dns_request", 1), bodies = world_.room(24), body = world_.room(64);
  world_.put(handler + 24, bodies);
  world_.put(bodies, body);
  world_.put(body, bias + zbody + 16);
  world_.fill_frame(handler_frame, handler, 0, calls_[2]);
  EXPECT_EQ(walk(), (Frames{"cat", "DNS::f b.zeek:23", "dns_request a.zeek:12"}));
  EXPECT_EQ(flags, script_stack_compiled);
  world_.put(body, bias + vtable + 16);
  walk();
  EXPECT_EQ(flags, 0u) << "a statement of another kind";
}

TEST_F(ZeekStack, deep_recursion_is_cut) {
  const uint64_t f = world_.function("f"), call = world_.node("a.zeek", 3);
  std::vector<uint64_t> words;
  for (uint64_t i = 0; i < 100; i++) {
    const uint64_t frame = stack_at + 0xc000 - i * 128;
    world_.fill_frame(frame, f, call, call);
    words.insert(words.end(), {call, frame});
  }
  world_.put_vector(calls, words);
  EXPECT_EQ(walk().size(), zeektrace::max_script_frames);
  EXPECT_EQ(flags, script_stack_cut);
}

TEST_F(ZeekStack, long_names_are_cut_and_their_files_whole) {
  const std::string name(200, 'n'), file_name = "/" + std::string(240, 'd');
  world_.fill_frame(handler_frame, world_.function(name), world_.node(file_name, 70000), 0);
  world_.put_vector(calls, {0, handler_frame});
  EXPECT_EQ(walk(), (Frames{name.substr(0, 127) + " " + file_name + ":70000"}));
}

TEST_F(ZeekStack, the_event_is_the_one_that_the_queue_has_handed_out) {
  EXPECT_EQ(event(), "");
  const uint64_t handler = world_.room(72), queued = world_.room(96);
  world_.put(handler, world_.text("http_request"));
  world_.put(queued + 24, handler);
  world_.put(bias + events + 56, queued);
  EXPECT_EQ(event(), "http_request");
}

TEST_F(ZeekStack, without_that_it_is_the_innermost_handler_on_the_stack) {
  three_without_frames();
  world_.image.event_current = no_zeek_member;
  EXPECT_EQ(event(), "dns_request");
  three_with_frames();
  world_.image = image_of(true);
  world_.image.event_current = no_zeek_member;
  EXPECT_EQ(event(), "dns_request");
  world_.put_vector(calls, {});
  EXPECT_EQ(event(), "");
}

TEST_F(ZeekStack, clock_and_release) {
  world_.put(bias + time_at, 1.5);
  const uint64_t bits = zt_zeek_time();
  double time = 0;
  std::memcpy(&time, &bits, sizeof time);
  EXPECT_EQ(time, 1.5);
  char text[16] = {};
  zt_zeek_release(text);
  EXPECT_STREQ(text, "8.2.2");
}

TEST_F(ZeekStack, the_connection_is_the_events_or_else_the_packets) {
  uint64_t uid[2] = {};
  zt_zeek_uid(uid, 0);
  EXPECT_EQ(uid[0] | uid[1], 0u);
  auto connection = [&](uint64_t first) {
    const uint64_t address = world_.room(400);
    world_.put(address, bias + vtable + 16);
    world_.put(address + 312, first);
    world_.put(address + 320, uint64_t{9});
    return address;
  };
  const uint64_t packets = connection(5), events_own = connection(6), pkt_source = world_.room(1024);
  world_.put(bias + source, pkt_source);
  world_.put(pkt_source + 400 + 176, packets);
  zt_zeek_uid(uid, 0);
  EXPECT_EQ(uid[0], 5u);
  EXPECT_EQ(uid[1], 9u);
  const uint64_t queued = world_.room(96);
  world_.put(queued + 80, events_own);
  world_.put(bias + events + 56, queued);
  zt_zeek_uid(uid, 0);
  EXPECT_EQ(uid[0], 6u);
  world_.put(queued + 80, world_.room(64));  // some other object
  uid[0] = uid[1] = 0;
  zt_zeek_uid(uid, 0);
  EXPECT_EQ(uid[0] | uid[1], 0u) << "the packet's connection is not this event's";
  zt_zeek_uid(uid, packets);
  EXPECT_EQ(uid[0], 5u);
}

TEST_F(ZeekStack, where_the_event_is_not_told_the_packets_connection_counts_while_no_script_runs) {
  three_without_frames();
  world_.image.event_current = no_zeek_member;
  const uint64_t connection = world_.room(400), pkt_source = world_.room(1024);
  world_.put(connection, bias + vtable + 16);
  world_.put(connection + 312, uint64_t{5});
  world_.put(bias + source, pkt_source);
  world_.put(pkt_source + 400 + 176, connection);
  uint64_t uid[2] = {};
  zt_zeek_uid(uid, 0);
  EXPECT_EQ(uid[0], 0u);
  world_.put_vector(calls, {});
  zt_zeek_uid(uid, 0);
  EXPECT_EQ(uid[0], 5u);
}

}  // namespace
