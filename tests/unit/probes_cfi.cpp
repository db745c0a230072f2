// The rows that we make of call frame information beside what libdw says of the same places, in real libraries.
#include "probes/cfi.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <gtest/gtest.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

using zeektrace::cfa_kind;
using zeektrace::cfa_offset;
using zeektrace::CfaKind;
using zeektrace::rbp_lost;
using zeektrace::rbp_rule;
using zeektrace::rbp_unchanged;
using zeektrace::read_unwind_rows;
using zeektrace::unwind_rule;
using zeektrace::UnwindRow;

namespace {

// The path of a library that this test has loaded.
std::string loaded(std::string_view part) {
  std::pair<std::string_view, std::string> search{part, ""};
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* data) {
        auto& [wanted, found] = *static_cast<std::pair<std::string_view, std::string>*>(data);
        if (found.empty() && std::string_view(info->dlpi_name).find(wanted) != std::string_view::npos)
          found = info->dlpi_name;
        return 0;
      },
      &search);
  return search.second;
}

struct Peer {
  explicit Peer(const std::string& path) : fd(open(path.c_str(), O_RDONLY)) {
    elf_version(EV_CURRENT);
    elf = elf_begin(fd, ELF_C_READ_MMAP, nullptr);
    cfi = dwarf_getcfi_elf(elf);
  }
  ~Peer() {
    dwarf_cfi_end(cfi);
    elf_end(elf);
    close(fd);
  }
  Dwarf_Addr address(uint64_t place) const {
    size_t count = 0;
    elf_getphdrnum(elf, &count);
    for (size_t i = 0; i < count; i++) {
      GElf_Phdr header;
      gelf_getphdr(elf, static_cast<int>(i), &header);
      if (header.p_type == PT_LOAD && (header.p_flags & PF_X) && place >= header.p_offset &&
          place - header.p_offset < header.p_filesz)
        return place - header.p_offset + header.p_vaddr;
    }
    return 0;
  }
  int fd;
  Elf* elf;
  Dwarf_CFI* cfi;
};

// The rule as libdw has it; nothing where a row can't say it.
std::optional<uint32_t> rule_by_peer(Dwarf_Frame* frame) {
  Dwarf_Op *ops = nullptr, memory[3];
  size_t count = 0;
  bool is_signal = false;
  dwarf_frame_info(frame, nullptr, nullptr, &is_signal);
  if (is_signal) return unwind_rule(CfaKind::signal);
  if (dwarf_frame_register(frame, 16, memory, &ops, &count) == 0 && count == 0 && ops == memory)
    return unwind_rule(CfaKind::end);
  if (dwarf_frame_cfa(frame, &ops, &count) != 0 || count != 1) return std::nullopt;
  int64_t offset = 0;
  uint64_t reg = 99;
  if (ops[0].atom == DW_OP_bregx) reg = ops[0].number, offset = static_cast<int64_t>(ops[0].number2);
  if (ops[0].atom >= DW_OP_breg0 && ops[0].atom <= DW_OP_breg31)
    reg = ops[0].atom - DW_OP_breg0, offset = static_cast<int64_t>(ops[0].number);
  if (reg != 6 && reg != 7) return std::nullopt;
  uint32_t rbp = rbp_lost;
  if (dwarf_frame_register(frame, 6, memory, &ops, &count) == 0) {
    if (count == 0 && ops == nullptr) rbp = rbp_unchanged;
    if (count == 2 && ops[0].atom == DW_OP_call_frame_cfa && ops[1].atom == DW_OP_plus_uconst)
      rbp = static_cast<uint32_t>(-static_cast<int64_t>(ops[1].number) / 8);
  }
  return unwind_rule(reg == 7 ? CfaKind::stack : CfaKind::frame, rbp, offset);
}

void compare(const std::string& path, size_t at_least) {
  Peer peer(path);
  auto rows = read_unwind_rows(peer.fd);
  ASSERT_TRUE(rows) << path;
  ASSERT_GT(rows->size(), at_least) << path;
  EXPECT_TRUE(std::is_sorted(rows->begin(), rows->end(), [](auto a, auto b) { return a.place < b.place; }));
  size_t compared = 0, unlike = 0;
  for (size_t i = 0; i + 1 < rows->size(); i += 3)
    for (uint32_t place : {(*rows)[i].place, (*rows)[i + 1].place - 1}) {
      Dwarf_Frame* frame = nullptr;
      if (dwarf_cfi_addrframe(peer.cfi, peer.address(place), &frame) != 0) continue;  // padding between functions
      const auto expected = rule_by_peer(frame);
      free(frame);
      if (!expected) continue;
      compared++;
      if (*expected != (*rows)[i].rule && unlike++ < 5)
        ADD_FAILURE() << path << " at file offset " << std::hex << place << ": " << (*rows)[i].rule << ", libdw "
                      << *expected;
    }
  EXPECT_EQ(unlike, 0u);
  EXPECT_GT(compared, at_least / 3) << path;
}

TEST(Cfi, the_c_library_as_libdw_reads_it) { compare(loaded("libc.so"), 5000); }
TEST(Cfi, the_cxx_library_as_libdw_reads_it) { compare(loaded("libstdc++.so"), 10000); }
TEST(Cfi, this_test_as_libdw_reads_it) { compare("/proc/self/exe", 2000); }

TEST(Cfi, the_c_library_has_each_kind_that_needs_care) {
  Peer peer(loaded("libc.so"));
  auto rows = read_unwind_rows(peer.fd);
  ASSERT_TRUE(rows);
  auto has = [&](CfaKind kind) {
    return std::any_of(rows->begin(), rows->end(), [&](UnwindRow row) { return cfa_kind(row.rule) == kind; });
  };
  for (CfaKind kind : {CfaKind::stack, CfaKind::frame, CfaKind::signal, CfaKind::end})
    EXPECT_TRUE(has(kind)) << static_cast<int>(kind);
}

TEST(Cfi, rules_hold_what_is_put_in) {
  for (int64_t offset : {int64_t{0}, int64_t{8}, int64_t{-8}, zeektrace::most_cfa_offset, -zeektrace::most_cfa_offset}) {
    const uint32_t rule = unwind_rule(CfaKind::frame, 120, offset);
    EXPECT_EQ(cfa_kind(rule), CfaKind::frame);
    EXPECT_EQ(rbp_rule(rule), 120u);
    EXPECT_EQ(cfa_offset(rule), offset);
  }
}

TEST(Cfi, what_is_no_program_is_an_error) {
  const int fd = open("/proc/self/maps", O_RDONLY);
  EXPECT_FALSE(read_unwind_rows(fd));
  close(fd);
}

}  // namespace
