// Where uprobes go: the classes of instructions, and what the analysis makes of whole libraries.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "probes/binary_path.h"
#include "probes/exits.h"
#include "probes/features.h"
#include "probes/function_body.h"
#include "probes/registers.h"
#include "probes/site.h"

namespace zeektrace {
namespace {

using How = Instruction::Run;
using Flow = Instruction::Flow;

TEST(Instruction, WhatTheKernelMakesOfIt) {
  struct Row {
    std::vector<uint8_t> bytes;
    How run;
    Flow flow;
  };
  const Row rows[] = {
      {{0x53}, How::emulated, Flow::next},                                     // push %rbx
      {{0x41, 0x54}, How::emulated, Flow::next},                               // push %r12
      {{0x66, 0x50}, How::stepped, Flow::next},                                // push %ax
      {{0xff, 0x75, 0x08}, How::stepped, Flow::next},                          // push 8(%rbp)
      {{0x90}, How::emulated, Flow::next},                                     // nop
      {{0x66, 0x90}, How::emulated, Flow::next},                               // two-byte nop
      {{0x41, 0x90}, How::misread, Flow::next},                                // xchg %rax, %r8
      {{0x0f, 0x1f, 0x44, 0x00, 0x00}, How::optimised_nop, Flow::next},        // five-byte nop
      {{0x0f, 0x1f, 0x40, 0x00}, How::nop, Flow::next},                        // four-byte nop
      {{0xeb, 0x02}, How::emulated, Flow::jump},                               //
      {{0xe9, 0, 1, 0, 0}, How::emulated, Flow::jump},                         //
      {{0x74, 0x02}, How::emulated, Flow::conditional_jump},                   //
      {{0x0f, 0x84, 0, 1, 0, 0}, How::emulated, Flow::conditional_jump},       //
      {{0xe3, 0x02}, How::stepped, Flow::conditional_jump},                    // jrcxz
      {{0xe8, 0, 1, 0, 0}, How::emulated, Flow::call},                         //
      {{0xff, 0xe0}, How::stepped, Flow::indirect_jump},                       // jmp *%rax
      {{0xff, 0x25, 0, 1, 0, 0}, How::stepped, Flow::indirect_jump},           // jmp *0x100(%rip)
      {{0xff, 0xd0}, How::stepped, Flow::indirect_call},                       //
      {{0xc3}, How::stepped, Flow::ret},                                       //
      {{0xf3, 0xc3}, How::stepped, Flow::ret},                                 //
      {{0x0f, 0x0b}, How::stepped, Flow::stop},                                // ud2
      {{0x0f, 0x05}, How::stepped, Flow::other},                               // syscall
      {{0xf3, 0x0f, 0x1e, 0xfa}, How::stepped, Flow::next},                    // endbr64
      {{0x62, 0xf2, 0x7d, 0x48, 0x7a, 0xc6}, How::misread, Flow::next},        // vpbroadcastb %esi, %zmm0
      {{0xc5, 0xf9, 0x70, 0xc0, 0x00}, How::misread, Flow::next},              // vpshufd
      {{0xc5, 0xf9, 0xfe, 0xc1}, How::stepped, Flow::next},                    // vpaddd
  };
  for (const Row& row : rows) {
    const auto decoded = decode(row.bytes, 0x1000);
    ASSERT_TRUE(decoded) << spelled(row.bytes, 0x1000);
    EXPECT_EQ(decoded->run, row.run) << spelled(row.bytes, 0x1000);
    EXPECT_EQ(decoded->flow, row.flow) << spelled(row.bytes, 0x1000);
    EXPECT_EQ(decoded->length, row.bytes.size());
  }
  const uint8_t back[] = {0xeb, 0xfe};
  EXPECT_EQ(decode(back, 0x1000)->target, 0x1000U);
  const uint8_t nothing[] = {0x06};
  EXPECT_FALSE(decode(nothing, 0));
}

TEST(Instruction, WhatItChanges) {
  const uint8_t clears[] = {0x31, 0xff};  // xor %edi, %edi
  EXPECT_EQ(effects(clears, 0)->writes, register_at(pt_regs::di));
  const uint8_t frame[] = {0x48, 0x83, 0xec, 0x18};  // sub $0x18, %rsp
  EXPECT_EQ(effects(frame, 0)->stack_change, -0x18);
  const uint8_t align[] = {0x48, 0x83, 0xe4, 0xf0};  // and $-16, %rsp
  EXPECT_FALSE(effects(align, 0)->stack_change);
  const uint8_t spill[] = {0x48, 0x89, 0x7c, 0x24, 0xf8};  // mov %rdi, -8(%rsp)
  EXPECT_EQ(effects(spill, 0)->stores_below, 0);
  EXPECT_FALSE(effects(spill, 0)->stores);
  const uint8_t store[] = {0x48, 0x89, 0x3e};  // mov %rdi, (%rsi)
  EXPECT_TRUE(effects(store, 0)->stores);
  const uint8_t load[] = {0x48, 0x8b, 0x07};  // mov (%rdi), %rax
  EXPECT_TRUE(effects(load, 0)->loads);
  const uint8_t multiply[] = {0x48, 0xf7, 0xe6};  // mul %rsi
  EXPECT_EQ(effects(multiply, 0)->writes, register_at(pt_regs::ax) | register_at(pt_regs::function_args[2]));
}

std::unique_ptr<Code> open_code(const std::string& path) {
  auto binary = read_binary(path, path, DebugFile::skip);
  if (!binary) return nullptr;
  auto code = Code::open(*binary);
  return code ? *std::move(code) : nullptr;
}

// Every function of a large library: nothing goes wrong, and nearly all of them are understood. A site is the entry or
// behind it within the function; an exit lies within it, or in its cold part.
void sweep(const std::string& name) {
  constexpr uint64_t longest = 512;  // bytes of straight line; functions that zero large variables come near
  const auto path = find_binary(name, std::nullopt);
  if (!path) GTEST_SKIP() << "there is no " << name << " here";
  const auto code = open_code(path->open);
  ASSERT_NE(code, nullptr);
  Features features(true);
  Needs arguments;
  for (const uint32_t offset : pt_regs::function_args) arguments.registers |= register_at(offset);
  std::map<std::string, size_t> counts;
  uint64_t last = 0;
  for (const FunctionSymbol& function : code->binary().functions) {
    if (function.address == last || function.name.find(".cold") != std::string_view::npos) continue;
    last = function.address;
    counts["functions"]++;
    const auto site = entry_site(*code, function.address, arguments, features);
    if (!site) {  // none has another reason to be refused
      ASSERT_THAT(site.error().message, testing::HasSubstr("head of a loop")) << function.name;
      counts["heads of loops"]++;
      continue;
    }
    const auto free_site = entry_site(*code, function.address, {}, features);
    ASSERT_TRUE(free_site);
    EXPECT_LE(free_site->from_entry, longest) << function.name;
    EXPECT_LE(site->from_entry, longest) << function.name;
    counts[site->run == How::stepped ? "single-stepped" : "emulated"]++;
    counts[free_site->run == How::stepped ? "single-stepped, no argument read" : "emulated, no argument read"]++;
    const auto exits = function_exits(*code, function.address);
    counts[exits ? "exits known" : "exits not known"]++;
    const auto extent = code->extent(function.address);
    if (!exits || !extent) continue;
    for (const uint64_t address : exits->returns) EXPECT_EQ(code->instruction(address)->flow, Flow::ret) << function.name;
  }
  for (const auto& [what, count] : counts) std::printf("%s: %zu %s\n", name.c_str(), count, what.c_str());
  EXPECT_GT(counts["functions"], 100U);
  EXPECT_LT(counts["heads of loops"] * 100, counts["functions"]);
  EXPECT_LT(counts["exits not known"] * 20, counts["functions"]);
}
TEST(Site, SweepOfLibstdcxx) { sweep("libstdc++"); }
TEST(Site, SweepOfLibc) { sweep("libc"); }
TEST(Site, SweepOfThisProgram) { sweep("/proc/self/exe"); }

// Without its symbols a function is left in the same places, its cold part included: .eh_frame says where that is.
TEST(Exits, OfAStrippedBinary) {
  const auto whole = open_code("/proc/self/exe");
  ASSERT_NE(whole, nullptr);
  auto bare = std::make_shared<Binary>();
  bare->path = whole->binary().path;
  bare->code = whole->binary().code;
  const auto stripped = Code::open(bare);
  ASSERT_TRUE(stripped);
  size_t same = 0, fewer = 0;
  for (const CallFrames::Range& range : whole->frames().ranges()) {
    const FunctionSymbol* symbol = whole->binary().function_at(range.begin);
    if (symbol == nullptr || symbol->address != range.begin || symbol->name.find(".cold") != std::string_view::npos) continue;
    const auto known = function_exits(*whole, range.begin);
    const auto seen = function_exits(**stripped, range.begin);
    if (!known || !seen) {
      fewer++;
      continue;
    }
    EXPECT_EQ(known->returns, seen->returns) << symbol->name;
    EXPECT_EQ(known->tail_calls, seen->tail_calls) << symbol->name;
    same++;
  }
  EXPECT_GT(same, 500U);
  EXPECT_LT(fewer * 5, same);
}

}  // namespace
}  // namespace zeektrace
