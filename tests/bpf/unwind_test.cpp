// The walk up a stack over stacks and rows made by hand: each kind of row, what ends a walk, what is remembered.
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "parser/program.h"
#include "parser/unwind.h"

using zeektrace::CfaKind;
using zeektrace::MappedBlock;
using zeektrace::FileIdentity;
using zeektrace::MissingFile;
using zeektrace::rbp_at_rbp;
using zeektrace::stack_cut;
using zeektrace::stack_guessed;
using zeektrace::StackFrames;
using zeektrace::unwind_rule;
using zeektrace::UnwindRow;

namespace {

struct Registers {
  unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};
struct Memory {
  unsigned long end_code, start_stack;
  long long unmapped = 0;  // context.tlb_gen
};
struct Return {
  unsigned long stack, true_address;
  Return* next;
};
struct Returns {
  Return* first = nullptr;
  unsigned long probed = 0;  // the instruction that is stepped over
  void* probe = nullptr;
  unsigned long copy = 0;    // where
};
struct Task {
  int tgid;
  Memory* mm;
  Returns* returns;
};
struct Vma {
  unsigned long start, page_offset, flags;
  void* file;
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
struct Remembered {
  uint64_t key, rule;
};

constexpr uint64_t stack_at = 0x7ffc00001000, code_at = 0x400000;
constexpr uint64_t file_offset_of_code = 0x1000;

// The process that is walked, and what user space has told of it.
struct World {
  std::vector<uint64_t> stack = std::vector<uint64_t>(4096);
  std::map<uint64_t, uint64_t> elsewhere;
  std::vector<UnwindRow> rows;
  bool has_table = true, told_ranges = true, has_file = true;
  bool kernel_is_busy = false;  // and can't be asked what is mapped
  unsigned long inode = 7;      // of the file that is mapped; user space tells of 7
  uint64_t code_size = 0x10000;
  Memory memory{0x5000, 0x7ffd00000000};
  Returns returns;  // that the kernel waits for
  Task task{42, &memory, &returns};
  Registers registers{};
  std::vector<Remembered> cache = std::vector<Remembered>(16384);
  uint64_t epoch = 0;
  std::map<uint32_t, std::vector<uint64_t>> rests;  // what is remembered of walks
  bool forgets = false;
  MappedBlock block{};
  std::map<FileIdentity, uint64_t> asked;
  std::vector<MissingFile> missing;
  int vma_lookups = 0, searches = 0;

  uint64_t& word(uint64_t address) { return stack.at((address - stack_at) / 8); }
  void add_row(uint64_t address, uint32_t rule) {
    if (rows.empty()) rows.push_back({0, 0});
    rows.push_back({static_cast<uint32_t>(address - code_at + file_offset_of_code), rule});
    rows[0].place = static_cast<uint32_t>(rows.size() - 1);
  }
};
World* world = nullptr;

}  // namespace

extern "C" {
extern char zt_unwind_files, zt_unwind_block, zt_unwind_cache, zt_unwind_asked, zt_unwind_miss, zt_unwind_epoch, zt_unwind_rests;
extern const unsigned unwind_sizes[];
unsigned long long zt_unwind(void* walk, unsigned most, unsigned long long segment);
unsigned long long unwind_code_id(unsigned long long inode, unsigned long long device, unsigned long long offset_of_zero);
long zt_remember(void* walk);

void* unwind_lookup(void* map, const void* key) {
  uint32_t index = 0;
  std::memcpy(&index, key, sizeof index);
  if (map == &zt_unwind_cache) return &world->cache.at(index);
  if (map == &zt_unwind_epoch) return &world->epoch;
  if (map == &zt_unwind_rests) {
    if (world->forgets) return nullptr;
    auto& rest = world->rests[index];
    rest.resize(unwind_sizes[6] / 8);
    return rest.data();
  }
  if (map == &zt_unwind_block) {
    zeektrace::BlockKey wanted;
    std::memcpy(&wanted, key, sizeof wanted);
    const uint64_t tag = zeektrace::process_tag(42, world->memory.start_stack, world->memory.end_code);
    world->block.ranges[2] = {code_at, code_at + world->code_size, {7, 8}, file_offset_of_code - code_at};
    const bool known = world->told_ranges && wanted.tag == tag && wanted.block == code_at >> zeektrace::code_block_bits;
    return known ? &world->block : nullptr;
  }
  if (map == &zt_unwind_files) {
    world->searches++;
    return world->has_table ? world : nullptr;
  }
  if (map == world) return index < world->rows.size() ? &world->rows[index] : nullptr;
  return nullptr;
}
long unwind_update(void* map, const void* key, const void*, unsigned long long) {
  FileIdentity file;
  std::memcpy(&file, key, sizeof file);
  return map == &zt_unwind_asked && world->asked.emplace(file, 1).second ? 0 : -17;
}
unsigned long long unwind_pid_tgid() { return (uint64_t{42} << 32) | 43; }
long unwind_read_user(void* to, unsigned size, const void* from) {
  auto address = reinterpret_cast<uint64_t>(from);
  if (size <= 8 && world->elsewhere.contains(address)) {
    std::memcpy(to, &world->elsewhere[address], size);
    return 0;
  }
  if (address < stack_at || address - stack_at + size > world->stack.size() * 8) {
    std::memset(to, 0, size);  // as the kernel does
    return -14;
  }
  std::memcpy(to, reinterpret_cast<char*>(world->stack.data()) + (address - stack_at), size);
  return 0;
}
void* unwind_reserve(void*, unsigned long long size, unsigned long long) {
  static MissingFile message;
  return size == sizeof message ? &message : nullptr;
}
void unwind_submit(void* message, unsigned long long) { world->missing.push_back(*static_cast<MissingFile*>(message)); }
Task* unwind_task() { return &world->task; }
Registers* unwind_regs(Task*) { return &world->registers; }
long unwind_find_vma(Task* task, unsigned long long address, void* callback, void* context, unsigned long long) {
  world->vma_lookups++;
  if (world->kernel_is_busy) return -16;
  if (address < code_at || address - code_at >= world->code_size) return -2;
  SuperBlock super_block{8};
  Inode inode{world->inode, &super_block};
  File file{&inode};
  Vma vma{code_at, file_offset_of_code >> 12, 4, world->has_file ? &file : nullptr};
  reinterpret_cast<long (*)(Task*, Vma*, void*)>(callback)(task, &vma, context);
  return 0;
}
}

namespace {

class Unwind : public testing::Test {
 protected:
  Unwind() { world = &world_; }
  std::vector<uint64_t> walk(uint32_t most = 127) {
    std::vector<uint64_t> memory(zeektrace::unwind_walk_size / 8);
    hash = zt_unwind(memory.data(), most, segment);
    constexpr size_t words_of_frames = sizeof(StackFrames) / 8;
    known = memory[words_of_frames] != 0;
    if (remembers && hash > 1 && !known && memory[words_of_frames + 1] != 0) zt_remember(memory.data());
    StackFrames frames;
    std::memcpy(&frames, memory.data(), sizeof frames);
    flags = frames.count >> 32 << 32;
    const auto count = static_cast<uint32_t>(frames.count);
    std::vector<uint64_t> addresses;
    ids.clear();
    for (uint32_t i = 0; i < count; i++) {
      addresses.push_back(zeektrace::code_address(frames.address[i]).address);
      ids.push_back(zeektrace::code_address(frames.address[i]).id);
    }
    return addresses;
  }
  void start(uint64_t ip, uint64_t sp, uint64_t bp) {
    world_.registers.ip = ip;
    world_.registers.sp = sp;
    world_.registers.bp = bp;
  }
  World world_;
  // The hash of the same stack by a walk that knows nothing of those before.
  uint64_t fresh_hash() {
    const auto before = std::tuple(hash, flags, known);
    world_.forgets = true;
    walk();
    world_.forgets = false;
    const uint64_t fresh = hash;
    std::tie(hash, flags, known) = before;
    return fresh;
  }
  uint64_t hash = 0, flags = 0;
  unsigned long long segment = 0;  // of what an interrupt has found
  std::vector<uint32_t> ids;  // of the frames' code
  bool known = false, remembers = false;
};

using Frames = std::vector<uint64_t>;
constexpr uint32_t at_entry = unwind_rule(CfaKind::stack, 0, 8);
constexpr uint32_t outermost = unwind_rule(CfaKind::end);

TEST_F(Unwind, layouts_are_those_of_user_space) {
  EXPECT_EQ(unwind_sizes[0], zeektrace::unwind_walk_size);
  EXPECT_EQ(unwind_sizes[1], sizeof(UnwindRow));
  EXPECT_EQ(unwind_sizes[2], sizeof(FileIdentity));
  EXPECT_EQ(unwind_sizes[3], sizeof(MappedBlock));
  EXPECT_EQ(unwind_sizes[4], sizeof(MissingFile));
  EXPECT_EQ(unwind_sizes[5], sizeof(StackFrames));
}

// a (entry) ← b (rsp + 24) ← c (rbp saved, rsp + 32) ← d (rbp + 16) ← outermost
TEST_F(Unwind, rows_of_every_common_kind) {
  world_.add_row(0x400100, at_entry);
  world_.add_row(0x400200, unwind_rule(CfaKind::stack, 0, 24));
  world_.add_row(0x400300, unwind_rule(CfaKind::stack, 2, 32));
  world_.add_row(0x400400, unwind_rule(CfaKind::frame, 2, 16));
  world_.add_row(0x400500, outermost);
  uint64_t sp = stack_at + 64;
  start(0x400100, sp, 0xbad);
  world_.word(sp) = 0x400210;  // a's caller; CFA is sp + 8
  sp += 8;
  world_.word(sp + 16) = 0x400310;
  sp += 24;
  world_.word(sp + 16) = stack_at + 512;  // rbp of d
  world_.word(sp + 24) = 0x400410;
  world_.word(stack_at + 512) = 0;
  world_.word(stack_at + 520) = 0x400510;
  EXPECT_EQ(walk(), (Frames{0x400100, 0x400210, 0x400310, 0x400410, 0x400510}));
  EXPECT_EQ(flags, 0u);
  EXPECT_EQ(walk(2), (Frames{0x400100, 0x400210}));
  EXPECT_EQ(flags, 0u) << "a depth that was asked for is no loss";
}

TEST_F(Unwind, a_return_address_belongs_to_the_code_before_it) {
  world_.add_row(0x400100, at_entry);
  world_.add_row(0x400200, unwind_rule(CfaKind::stack, 0, 16));
  world_.add_row(0x400210, unwind_rule(CfaKind::unusable));  // the next function
  world_.add_row(0x400300, outermost);
  start(0x400100, stack_at, 0);
  world_.word(stack_at) = 0x400210;  // its call is its last instruction
  world_.word(stack_at + 16) = 0x400310;
  EXPECT_EQ(walk(), (Frames{0x400100, 0x400210, 0x400310}));
}

TEST_F(Unwind, realigned_frames_and_the_linkage_table) {
  world_.add_row(0x400100, unwind_rule(CfaKind::plt, 0, 11));
  world_.add_row(0x400200, unwind_rule(CfaKind::frame_deref, rbp_at_rbp, -8));
  world_.add_row(0x400300, outermost);
  // At byte 12 of a PLT entry one more word has been pushed.
  start(0x40010c, stack_at, stack_at + 80);
  world_.word(stack_at + 8) = 0x400210;
  world_.word(stack_at + 72) = stack_at + 256;  // the CFA, kept below rbp
  world_.word(stack_at + 80) = 0x1234;
  world_.word(stack_at + 248) = 0x400310;
  EXPECT_EQ(walk(), (Frames{0x40010c, 0x400210, 0x400310}));
  start(0x400106, stack_at, stack_at + 80);
  world_.word(stack_at) = 0x400210;
  EXPECT_EQ(walk(), (Frames{0x400106, 0x400210, 0x400310}));
}

TEST_F(Unwind, a_signal_goes_on_where_it_interrupted) {
  world_.add_row(0x400100, at_entry);
  world_.add_row(0x400200, unwind_rule(CfaKind::signal));
  world_.add_row(0x400300, at_entry);
  world_.add_row(0x400400, outermost);
  start(0x400100, stack_at, 0);
  world_.word(stack_at) = 0x400201;
  const uint64_t context = stack_at + 8, interrupted = stack_at + 2048;
  world_.word(context + 120) = 0;
  world_.word(context + 160) = interrupted;
  world_.word(context + 168) = 0x400300;  // a function's first byte: not a return address
  world_.word(interrupted) = 0x400410;
  EXPECT_EQ(walk(), (Frames{0x400100, 0x400201, 0x400300, 0x400410}));
  EXPECT_EQ(flags, 0u);
}

TEST_F(Unwind, code_without_rows_is_walked_by_frame_pointers_and_said_so) {
  world_.add_row(0x400100, at_entry);
  world_.add_row(0x400200, unwind_rule(CfaKind::none));
  world_.add_row(0x400300, outermost);
  start(0x400100, stack_at, stack_at + 100 * 8);
  world_.word(stack_at) = 0x400210;
  world_.word(stack_at + 800) = 0;
  world_.word(stack_at + 808) = 0x400310;
  EXPECT_EQ(walk(), (Frames{0x400100, 0x400210, 0x400310}));
  EXPECT_EQ(flags, stack_guessed);
  world_.registers.bp = 0;
  EXPECT_EQ(walk(), (Frames{0x400100, 0x400210})) << "no frame pointer: the outermost frame by convention";
}

TEST_F(Unwind, what_is_no_code_ends_the_walk_and_is_said) {
  world_.add_row(0x400100, at_entry);
  start(0x400100, stack_at, 0);
  world_.word(stack_at) = 0x123456789;
  EXPECT_EQ(walk(), (Frames{0x400100}));
  EXPECT_EQ(flags, stack_cut);
  world_.add_row(0x400200, unwind_rule(CfaKind::unusable));
  world_.word(stack_at) = 0x400210;
  EXPECT_EQ(walk(), (Frames{0x400100, 0x400210}));
  EXPECT_EQ(flags, stack_cut);
  start(0x400100, 0x1000, 0);
  EXPECT_EQ(walk(), (Frames{0x400100}));
  EXPECT_EQ(flags, stack_cut) << "an unreadable stack";
}

TEST_F(Unwind, a_stack_that_does_not_go_up_ends) {
  world_.add_row(0x400100, unwind_rule(CfaKind::frame, 2, 16));
  start(0x400100, stack_at + 800, stack_at + 400);
  world_.word(stack_at + 408) = 0x400110;
  EXPECT_EQ(walk(), (Frames{0x400100}));
  EXPECT_EQ(flags, stack_cut);
}

constexpr uint64_t trampoline = 0x7fffffffe000;

TEST_F(Unwind, probed_returns_are_where_the_kernel_keeps_them) {
  world_.add_row(0x400100, at_entry);
  world_.add_row(0x400200, unwind_rule(CfaKind::stack, 0, 16));
  world_.add_row(0x400300, outermost);
  start(0x400100, stack_at, 0);
  world_.word(stack_at) = world_.word(stack_at + 16) = world_.word(stack_at + 32) = trampoline;
  EXPECT_EQ(walk(), (Frames{0x400100}));
  EXPECT_EQ(flags, stack_cut) << "nobody knows";
  Return outer{stack_at + 32, 0x400310, nullptr}, middle{stack_at + 16, 0x400220, &outer};
  Return of_tail_call{stack_at, 0x400210, &middle}, inner{stack_at, 0x400210, &of_tail_call};
  world_.returns.first = &inner;
  EXPECT_EQ(walk(), (Frames{0x400100, 0x400210, 0x400220, 0x400310}));
  EXPECT_EQ(flags, 0u);
  outer.stack += 8;
  EXPECT_EQ(walk(), (Frames{0x400100, 0x400210, 0x400220}));
  EXPECT_EQ(flags, stack_cut) << "none of this place";
}

// What an interrupt finds of a process whose probe, at a function's entry, has been hit: in no state that the rows know.
class InTrap : public Unwind {
 protected:
  static constexpr unsigned long long kernel = 0x10, process = 0x33;
  InTrap() {
    world_.add_row(0x400100, at_entry);
    world_.add_row(0x400101, unwind_rule(CfaKind::stack, 2, 16));  // push %rbp
    world_.add_row(0x400200, outermost);
    world_.word(stack_at + 80) = 0x400210;
  }
  const Frames whole{0x400100, 0x400210};
};

TEST_F(InTrap, the_breakpoint_has_been_executed) {
  start(0x400101, stack_at + 80, 0);
  world_.elsewhere[0x400100] = 0xcc;
  segment = kernel;
  EXPECT_EQ(walk(), whole);
  EXPECT_EQ(flags, 0u);
  segment = process;  // there the byte before is what an instruction ends in, or stands between functions
  EXPECT_NE(walk(), whole);
}

TEST_F(InTrap, the_instruction_is_stepped_over_elsewhere) {
  constexpr uint64_t copy = 0x7fffffffe080;
  int probe = 0;
  world_.returns.probed = 0x400100;
  world_.returns.copy = copy;
  for (const auto found : {kernel, process}) {
    segment = found;
    world_.returns.probe = &probe;
    start(copy, stack_at + 80, 0);
    EXPECT_EQ(walk(), whole);
    start(copy + 1, stack_at + 72, 0);  // and done
    EXPECT_EQ(walk(), (Frames{0x400101, 0x400210}));
    world_.returns.probe = nullptr;
    EXPECT_NE(walk(), (Frames{0x400101, 0x400210}));
  }
}

TEST_F(InTrap, a_call_of_the_trampoline_stands_in_the_place_of_a_nop) {
  constexpr uint64_t page = 0x7fff0000;
  world_.word(stack_at + 72) = 0x400105;
  world_.elsewhere[0x400100] = 0xe8 | (page - 0x400105) << 8;
  segment = kernel;
  for (uint64_t saved = 0; saved <= 3; saved++) {
    start(page + 0xd, stack_at + 72 - 8 * saved, 0);
    EXPECT_EQ(walk(), whole) << saved;
    EXPECT_EQ(flags, 0u);
  }
  segment = process;
  EXPECT_EQ(walk(), whole);
  world_.elsewhere[0x400100] = 0xe8 | (page - 0x400106) << 8;  // another place's
  EXPECT_NE(walk(), whole);
}

TEST_F(InTrap, a_return_has_led_to_the_kernels_trampoline) {
  Return probed{stack_at + 64, 0x400210, nullptr};
  segment = kernel;
  for (uint64_t saved = 0; saved <= 3; saved++) {
    world_.returns.first = &probed;
    start(trampoline + 0xd, stack_at + 72 - 8 * saved, 0);
    EXPECT_EQ(walk(), (Frames{0x400210})) << saved;
    EXPECT_EQ(flags, 0u);
    world_.returns.first = nullptr;
    EXPECT_NE(walk(), (Frames{0x400210}));
  }
}

TEST_F(Unwind, the_last_words_of_a_stack_are_read_one_by_one) {
  world_.stack.resize(16);
  world_.add_row(0x400100, at_entry);
  world_.add_row(0x400200, outermost);
  start(0x400100, stack_at + 120, 0);
  world_.word(stack_at + 120) = 0x400210;
  EXPECT_EQ(walk(), (Frames{0x400100, 0x400210}));
  EXPECT_EQ(flags, 0u);
}

TEST_F(Unwind, a_read_that_failed_leaves_nothing_to_be_believed) {
  world_.stack.resize(200);
  world_.add_row(0x400100, unwind_rule(CfaKind::stack, 0, 8));
  world_.add_row(0x400200, unwind_rule(CfaKind::stack, 0, 139 * 8));
  world_.add_row(0x400300, unwind_rule(CfaKind::frame_deref, 0, 0));
  world_.add_row(0x400400, outermost);
  start(0x400100, stack_at, stack_at + 50 * 8);
  world_.word(stack_at) = 0x400210;
  world_.word(stack_at + 139 * 8) = 0x400310;  // too near the end for a chunk
  world_.word(stack_at + 50 * 8) = stack_at + 160 * 8;
  world_.word(stack_at + 159 * 8) = 0x400410;
  EXPECT_EQ(walk(), (Frames{0x400100, 0x400210, 0x400310, 0x400410}));
  EXPECT_EQ(flags, 0u);
}

TEST_F(Unwind, the_kernel_is_asked_what_is_mapped_until_something_goes) {
  world_.told_ranges = false;
  world_.add_row(0x400100, at_entry);
  world_.add_row(0x400200, outermost);
  start(0x400100, stack_at, 0);
  world_.word(stack_at) = 0x400210;
  EXPECT_EQ(walk(), (Frames{0x400100, 0x400210}));
  EXPECT_EQ(flags, 0u);
  EXPECT_EQ(world_.vma_lookups, 2);
  EXPECT_EQ(walk().size(), 2u);
  EXPECT_EQ(world_.vma_lookups, 2) << "remembered";
  world_.epoch++;
  EXPECT_EQ(walk().size(), 2u);
  EXPECT_EQ(world_.vma_lookups, 4) << "what was remembered is void";
  world_.memory.unmapped++;
  EXPECT_EQ(walk().size(), 2u);
  EXPECT_EQ(world_.vma_lookups, 6) << "void again";
}

TEST_F(Unwind, where_the_kernel_is_busy_user_space_has_told) {
  world_.kernel_is_busy = true;
  world_.add_row(0x400100, at_entry);
  world_.add_row(0x400200, outermost);
  start(0x400100, stack_at, 0);
  world_.word(stack_at) = 0x400210;
  EXPECT_EQ(walk(), (Frames{0x400100, 0x400210}));
  EXPECT_EQ(flags, 0u);
  const auto by_user_space = std::pair(hash, ids);
  world_.kernel_is_busy = false;
  world_.epoch++;
  walk();
  EXPECT_EQ(std::pair(hash, ids), by_user_space) << "the same stack";
  world_.kernel_is_busy = true;
  world_.told_ranges = false;
  world_.epoch++;
  EXPECT_EQ(walk(), (Frames{0x400100}));
  EXPECT_EQ(ids, std::vector<uint32_t>{0}) << "nobody knows";
}

TEST_F(Unwind, frames_say_which_code_they_are_of) {
  const FileIdentity files[] = {{7, 8}, {1234567, 0x10000e}, {0, 0}, zeektrace::vdso_identity};
  for (const FileIdentity& file : files)
    for (uint64_t offset : {uint64_t{0}, -uint64_t{0x7f0012345000}})
      EXPECT_EQ(unwind_code_id(file.inode, file.device, offset), zeektrace::code_id(file, offset));
  world_.add_row(0x400100, at_entry);
  world_.add_row(0x400200, outermost);
  start(0x400100, stack_at, 0);
  world_.word(stack_at) = 0x400210;
  walk();
  const uint32_t id = zeektrace::code_id({7, 8}, file_offset_of_code - code_at);
  EXPECT_EQ(ids, (std::vector<uint32_t>{id, id}));
}

// Another library is where the first one was; user space does not know it yet, and would tell of the first one.
TEST_F(Unwind, what_is_mapped_now_counts_not_what_was) {
  world_.add_row(0x400100, at_entry);
  world_.add_row(0x400200, outermost);
  start(0x400100, stack_at, 0);
  world_.word(stack_at) = 0x400210;
  walk();
  const auto before = std::pair(hash, ids);
  world_.inode = 9;
  world_.has_table = false;
  world_.memory.unmapped++;
  EXPECT_EQ(walk(), (Frames{0x400100}));
  EXPECT_EQ(flags, 0u) << "no frame pointer, and no rows of the other file";
  EXPECT_EQ(ids, std::vector<uint32_t>{zeektrace::code_id({9, 8}, file_offset_of_code - code_at)});
  EXPECT_NE(std::pair(hash, ids), before);
  ASSERT_EQ(world_.missing.size(), 1u);
  EXPECT_EQ(world_.missing[0].file, (FileIdentity{9, 8}));
}

TEST_F(Unwind, a_file_without_table_is_asked_for_once_and_not_remembered) {
  world_.has_table = false;
  start(0x400100, stack_at, stack_at + 80);
  world_.word(stack_at + 80) = 0;
  world_.word(stack_at + 88) = 0x400210;
  EXPECT_EQ(walk(), (Frames{0x400100, 0x400210}));
  EXPECT_EQ(flags, stack_guessed);
  ASSERT_EQ(world_.missing.size(), 1u);
  EXPECT_EQ(world_.missing[0].file, (FileIdentity{7, 8}));
  EXPECT_EQ(world_.missing[0].address, 0x400100u);
  EXPECT_EQ(world_.missing[0].tgid, 42u);
  EXPECT_EQ(world_.missing[0].tag, zeektrace::process_tag(42, world_.memory.start_stack, world_.memory.end_code));
  world_.has_table = true;
  world_.add_row(0x400100, at_entry);
  world_.add_row(0x400300, outermost);
  world_.word(stack_at) = 0x400310;
  EXPECT_EQ(walk(), (Frames{0x400100, 0x400310})) << "by the table, now that there is one";
  EXPECT_EQ(flags, 0u);
}

TEST_F(Unwind, code_made_at_run_time_has_no_file) {
  world_.told_ranges = world_.has_file = false;
  start(0x400100, stack_at, 0);
  EXPECT_EQ(walk(), (Frames{0x400100}));
  EXPECT_TRUE(world_.missing.empty());
}

TEST_F(Unwind, a_torn_memory_is_not_believed) {
  world_.add_row(0x400100, at_entry);
  world_.add_row(0x400200, outermost);
  start(0x400100, stack_at, 0);
  world_.word(stack_at) = 0x400210;
  walk();
  for (auto& each : world_.cache)
    if (each.rule != 0) each.rule = unwind_rule(CfaKind::stack, 0, 4096);  // another CPU's write, half done
  EXPECT_EQ(walk(), (Frames{0x400100, 0x400210}));
}

TEST_F(Unwind, the_search_finds_the_row_of_every_place) {
  for (uint64_t i = 0; i < 1000; i++)
    world_.add_row(code_at + 16 + i * 8, i % 2 == 0 ? outermost : unwind_rule(CfaKind::unusable));
  for (uint64_t address = code_at; address < code_at + 16 + 1000 * 8 + 50; address++) {
    start(address, stack_at, 0);
    ASSERT_EQ(walk(2).size(), 1u);
    const bool before = address < code_at + 16;
    const uint64_t row = before ? 0 : std::min<uint64_t>((address - code_at - 16) / 8, 999);
    const uint64_t expected = before ? 0 : row % 2 == 0 ? 0 : stack_cut;
    ASSERT_EQ(flags, expected) << address - code_at;
  }
}

TEST_F(Unwind, a_thread_of_the_kernel_has_no_stack) {
  world_.task.mm = nullptr;
  EXPECT_TRUE(walk().empty());
  EXPECT_EQ(hash, 0u);
}

TEST_F(Unwind, stacks_differ_by_hash) {
  world_.add_row(0x400100, at_entry);
  world_.add_row(0x400200, outermost);
  start(0x400100, stack_at, 0);
  world_.word(stack_at) = 0x400210;
  walk();
  const uint64_t first = hash;
  walk();
  EXPECT_EQ(hash, first);
  world_.word(stack_at) = 0x400211;
  walk();
  EXPECT_NE(hash, first);
  EXPECT_GT(hash, 1u);
}

// ---- walks that are remembered ----

// Six functions: two without frame pointers, two with, one that realigns its stack, and an outermost one. A stack of some of
// them, from the lowest address on; where rbp is what nothing needs, it is what `noise` gives.
class RememberedWalk : public Unwind {
 protected:
  RememberedWalk() {
    remembers = true;
    world_.add_row(0x400100, at_entry);
    world_.add_row(0x400200, unwind_rule(CfaKind::stack, 0, 24));
    world_.add_row(0x400300, unwind_rule(CfaKind::stack, 2, 48));
    world_.add_row(0x400400, unwind_rule(CfaKind::frame, 2, 16));
    world_.add_row(0x400500, unwind_rule(CfaKind::frame_deref, rbp_at_rbp, -8));
    world_.add_row(0x400600, unwind_rule(CfaKind::stack, 0, 1600));
    world_.add_row(0x400700, outermost);
  }
  // 0xN10 returns into function N; the last one is the outermost.
  void build(uint64_t sp, const std::vector<int>& callers, uint64_t noise) {
    for (size_t i = 0; i < world_.stack.size(); i++) world_.stack[i] = noise + i;
    uint64_t cfa = sp + 8;
    uint64_t* bp = &world_.registers.bp;
    start(0x400100, sp, noise);
    for (const int caller : callers) {
      world_.word(cfa - 8) = code_at + 0x100 * static_cast<uint64_t>(caller) + 0x10;
      const uint64_t low = cfa;
      if (caller == 2) cfa = low + 24;
      if (caller == 3) {
        cfa = low + 48;
        uint64_t* saved = &world_.word(cfa - 16);
        bp = saved;
      }
      if (caller == 4) {
        cfa = low + 40;
        *bp = cfa - 16;
        bp = &world_.word(cfa - 16);
      }
      if (caller == 5) {
        cfa = low + 96;
        *bp = low + 48;
        world_.word(low + 40) = cfa;
        bp = &world_.word(low + 48);
      }
      if (caller == 6) cfa = low + 1600;
    }
  }
};

TEST_F(RememberedWalk, and_found_again_wherever_the_stack_is) {
  const std::vector<int> callers = {2, 3, 4, 4, 2, 5, 3, 4, 2, 7};
  build(stack_at + 64, callers, 0x1111);
  const Frames frames = walk();
  EXPECT_EQ(frames.size(), callers.size() + 1);
  EXPECT_EQ(flags, 0u);
  EXPECT_FALSE(known);
  const uint64_t first = hash;
  for (const uint64_t sp : {stack_at + 64, stack_at + 800, stack_at + 1600}) {
    build(sp, callers, 0x2222);
    walk();
    EXPECT_TRUE(known) << sp - stack_at;
    EXPECT_EQ(hash, first);
    EXPECT_EQ(fresh_hash(), first);
  }
  world_.epoch++;
  walk();
  EXPECT_FALSE(known) << "other tables";
  walk();
  EXPECT_TRUE(known);
  world_.memory.end_code++;
  walk();
  EXPECT_FALSE(known) << "another process";
  walk(5);
  EXPECT_FALSE(known) << "another depth";
}

TEST_F(RememberedWalk, far_apart_words_too) {
  build(stack_at + 64, {2, 3, 6, 4, 6, 6, 2, 4, 7}, 0x1111);
  EXPECT_EQ(walk().size(), 10u);
  build(stack_at + 128, {2, 3, 6, 4, 6, 6, 2, 4, 7}, 0x2222);
  walk();
  EXPECT_TRUE(known);
  EXPECT_EQ(fresh_hash(), hash);
}

TEST_F(RememberedWalk, but_not_where_any_word_that_counts_is_another) {
  const std::vector<int> callers = {2, 3, 4, 4, 2, 5, 3, 6, 4, 2, 7};
  build(stack_at + 64, callers, 0x1111);
  walk();
  for (size_t i = 0; i < 400; i++) {
    const auto kept = world_.rests;
    for (const uint64_t change : {uint64_t{8}, uint64_t{0x100}, uint64_t{1} << 40}) {
      build(stack_at + 64, callers, 0x1111);
      world_.stack[i] += change;
      walk();
      ASSERT_EQ(hash, fresh_hash()) << "word " << i << (known ? " known" : "");
      world_.rests = kept;
    }
  }
  build(stack_at + 64, {3, 4, 4, 2, 7}, 0x1111);
  walk();
  walk();
  EXPECT_TRUE(known);
  world_.registers.bp += 16;
  walk();
  EXPECT_EQ(hash, fresh_hash());
}

TEST_F(RememberedWalk, any_stacks_in_any_order) {
  uint64_t random = 12345, found = 0;
  auto next = [&](uint64_t below) {
    random = random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (random >> 33) % below;
  };
  std::vector<std::vector<int>> stacks;
  for (int i = 0; i < 40; i++) {
    std::vector<int> callers;
    for (uint64_t j = 3 + next(9); j > 0; j--) callers.push_back(static_cast<int>(2 + next(5)));
    callers.push_back(7);
    stacks.push_back(std::move(callers));
  }
  for (int i = 0; i < 6000; i++) {
    build(stack_at + 8 * next(200), stacks[next(next(2) ? 4 : stacks.size())], next(3) * 0x10000001);
    if (next(8) == 0) world_.word(world_.registers.sp + 8 * next(60)) += 8;
    walk();
    found += known;
    ASSERT_EQ(hash, fresh_hash()) << i << (known ? " known" : "");
  }
  EXPECT_GT(found, 1500u);
}

TEST_F(RememberedWalk, what_is_being_written_is_not_believed) {
  build(stack_at + 64, {2, 3, 4, 4, 2, 7}, 0x1111);
  walk();
  for (auto& [index, rest] : world_.rests) rest[0] |= 1;
  walk();
  EXPECT_FALSE(known);
  EXPECT_EQ(hash, fresh_hash());
}

// The words on the stack are the same, but not where they lead. The first two returns are part of the key.
TEST_F(RememberedWalk, probed_returns_are_not) {
  build(stack_at + 64, {2, 2, 2, 2, 7}, 0x1111);
  walk();
  const uint64_t unprobed = hash;
  Return probed{};
  world_.returns.first = &probed;
  for (uint64_t i = 0; i < 4; i++) {
    build(stack_at + 64, {2, 2, 2, 2, 7}, 0x1111);
    probed.stack = stack_at + 64 + i * 24;
    world_.word(probed.stack) = trampoline;
    for (const uint64_t address : {0x400210, 0x400220, 0x400210, 0x400220}) {
      probed.true_address = address;
      walk();
      EXPECT_EQ(hash, fresh_hash()) << i;
      EXPECT_EQ(hash == unprobed, address == 0x400210) << i;
      EXPECT_FALSE(known && i >= 2);
      EXPECT_EQ(flags, 0u);
    }
  }
}

TEST_F(RememberedWalk, guesses_and_losses_are_not) {
  world_.add_row(0x400800, unwind_rule(CfaKind::none));
  build(stack_at + 64, {2, 3, 2, 8}, 0);
  walk();
  walk();
  EXPECT_FALSE(known) << "the outermost frame by convention: rbp is 0";
}

}  // namespace
