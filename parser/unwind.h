// How a user stack is unwound, as both sides of the kernel agree on it. Each file of code has a table of rows, sorted
// by place; a row holds from its place up to the next one's. codegen/unwind.bpf.c reads what stands here (its words are
// tested to be the same), probes/cfi writes it from the file's call frame information.
#pragma once

#include <cstdint>
#include <string_view>

namespace zeektrace {

// How to find the canonical frame address (CFA: the caller's stack pointer, just above the return address).
enum class CfaKind : uint32_t {
  none,         // nothing is known of this place
  stack,        // rsp + offset
  frame,        // rbp + offset
  frame_deref,  // *(rbp + offset): realigned frames
  plt,          // rsp + 8, and 8 more from byte `offset` of each 16 on: entries of the procedure linkage table
  signal,       // a signal's frame: the interrupted registers are in the ucontext at rsp
  end,          // the outermost frame
  unusable,     // described in a way that rows can't hold
};

// Where the caller's rbp is: 0 unchanged; 1 … 120 at CFA - 8 * n; or one of these.
constexpr uint32_t rbp_unchanged = 0;
constexpr uint32_t most_rbp_words = 120;
constexpr uint32_t rbp_at_rbp = 126;  // *(rbp)
constexpr uint32_t rbp_lost = 127;

struct UnwindRow {
  uint32_t place = 0;  // offset in the file
  uint32_t rule = 0;   // CfaKind in bits 0-2, rbp in bits 3-9, the offset (signed) in bits 10-31
};
constexpr int64_t most_cfa_offset = (1 << 21) - 1;

constexpr uint32_t unwind_rule(CfaKind kind, uint32_t rbp = rbp_unchanged, int64_t offset = 0) {
  return static_cast<uint32_t>(kind) | rbp << 3 | static_cast<uint32_t>(offset) << 10;
}
constexpr CfaKind cfa_kind(uint32_t rule) { return static_cast<CfaKind>(rule & 7); }
constexpr uint32_t rbp_rule(uint32_t rule) { return rule >> 3 & 127; }
constexpr int32_t cfa_offset(uint32_t rule) { return static_cast<int32_t>(rule) >> 10; }

// A file, as the kernel knows it.
struct FileIdentity {
  uint64_t inode = 0;
  uint64_t device = 0;  // the kernel's dev_t: major << 20 | minor
  auto operator<=>(const FileIdentity&) const = default;
};

constexpr FileIdentity vdso_identity{~uint64_t{0}, ~uint64_t{0}};  // which is no file

// An address in a process, and what tells the code there from what was or will be mapped at the same place: an id of the file
// and of where in it the address 0 would be; 0 when it is not known. In one word the id stands in the bits that the
// process's addresses don't have. (code_id in codegen/kernel.bpf.h is the same.)
struct CodeAddress {
  uint64_t address = 0;
  uint32_t id = 0;
  constexpr CodeAddress(uint64_t where, uint32_t code = 0) : address(where), id(code) {}
};
constexpr uint32_t code_id_at = 47, id_without_file = 1;
constexpr uint32_t code_id(const FileIdentity& file, uint64_t offset_of_zero) {
  if (file.inode == 0 || file == vdso_identity) return id_without_file;
  const uint64_t id = ((file.inode * 0x9e3779b97f4a7c15ULL ^ file.device) * 0xff51afd7ed558ccdULL ^ offset_of_zero) *
                      0x9e3779b97f4a7c15ULL;
  return static_cast<uint32_t>(2 + (id >> 33) % 0x1fffd);
}
constexpr CodeAddress code_address(uint64_t word) {
  const auto id = static_cast<uint32_t>(word >> code_id_at);
  if (id == 0x1ffff) return {word};  // an address of the kernel's
  return {word & ((uint64_t{1} << code_id_at) - 1), id};
}

// What tells one run of a program from another, in keys of the maps below: its process, and two addresses that exec
// chooses anew. (start_stack and end_code of the kernel's mm_struct; /proc/PID/stat has both.)
constexpr uint64_t process_tag(uint32_t tgid, uint64_t start_stack, uint64_t end_code) {
  return (start_stack * 0x9e3779b97f4a7c15ULL ^ end_code) * 0xff51afd7ed558ccdULL ^ tgid;
}

// FileIdentity → an array of UnwindRow; the first one is {number of rows, 0}.
constexpr std::string_view unwind_files_map = "zt_unwind_files";
constexpr uint32_t most_unwind_files = 4096;
// BlockKey → MappedBlock: what a process has mapped within 256 KiB. A block with more mappings than it holds is left to the
// kernel's own list. (A plain hash map, since programs that may sleep can't have a longest-prefix map.)
constexpr std::string_view unwind_blocks_map = "zt_unwind_block";
constexpr uint32_t code_block_bits = 18;
struct BlockKey {
  uint64_t tag = 0;    // process_tag
  uint64_t block = 0;  // address >> code_block_bits
  auto operator<=>(const BlockKey&) const = default;
};
struct MappedRange {
  uint64_t begin = 0, end = 0;
  FileIdentity file;
  uint64_t offset_of_zero = 0;  // address + this = offset in the file; which is a multiple of the page, and may have this bit:
  static constexpr uint64_t renamed = 1;  // the kernel side calls the file otherwise (overlayfs)
};
struct MappedBlock {
  MappedRange ranges[4];
};
// Ring buffer of MissingFile: met by a walk, and without a table.
constexpr std::string_view unwind_missing_map = "zt_unwind_miss";
struct MissingFile {
  FileIdentity file;
  uint64_t address = 0;
  uint64_t tag = 0;    // process_tag
  uint32_t tgid = 0;   // in the kernel's first PID namespace
  uint32_t reserved = 0;
};
// Bytes of scratch memory that a walk takes; StackFrames is their beginning.
constexpr uint32_t unwind_walk_size = 4280;

// One u64, changed whenever a table comes or goes: what was remembered of addresses is void then.
constexpr std::string_view unwind_epoch_map = "zt_unwind_epoch";

}  // namespace zeektrace
