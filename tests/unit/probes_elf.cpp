// Symbols and addresses, on this test binary itself and on libc.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "probes/binary_path.h"
#include "probes/elf.h"
#include "probes/functions.h"
#include "probes/machine.h"

extern "C" __attribute__((noinline, used)) int zeektrace_test_landmark(int x) { return x + 1; }

namespace probes_elf_test {
__attribute__((noinline, used)) int overloaded(int x) { return x + 1; }
__attribute__((noinline, used)) int overloaded(char x) { return x + 2; }
template <class T>
__attribute__((noinline, used)) T made_from_template(T x) {
  return x + 1;
}
template int made_from_template<int>(int);
}  // namespace probes_elf_test

namespace zeektrace {
namespace {

std::shared_ptr<const Binary> own_binary() {
  auto binary = read_binary("/proc/self/exe", "the test");
  return binary ? *binary : nullptr;
}

std::string error_of(const Binary& binary, std::string_view wanted) {
  const auto found = find_functions(binary, wanted, "BIN");
  return found ? "found" : found.error().text();
}

TEST(Elf, AddressesOfTheRunningProgram) {
  const auto binary = own_binary();
  ASSERT_NE(binary, nullptr);
  const auto found = find_functions(*binary, "zeektrace_test_landmark", "the test");
  ASSERT_TRUE(found) << found.error().text();
  ASSERT_EQ(found->size(), 1U);
  // What the file has at that offset is what runs.
  std::ifstream file("/proc/self/exe", std::ios::binary);
  file.seekg(static_cast<std::streamoff>(found->front().file_offset));
  char in_file[4] = {};
  file.read(in_file, sizeof(in_file));
  EXPECT_EQ(memcmp(in_file, reinterpret_cast<const void*>(&zeektrace_test_landmark), sizeof(in_file)), 0);
  const auto address = binary->address_at(found->front().file_offset);
  ASSERT_TRUE(address);
  const FunctionSymbol* function = binary->function_at(*address + 1);
  ASSERT_NE(function, nullptr);
  EXPECT_EQ(function->name, "zeektrace_test_landmark");
  EXPECT_EQ(binary->file_offset(*address), found->front().file_offset);
}

TEST(Elf, CxxNamesWithoutMangling) {
  const auto binary = own_binary();
  ASSERT_NE(binary, nullptr);
  const auto both = find_functions(*binary, "probes_elf_test::overloaded", "the test");
  ASSERT_TRUE(both) << both.error().text();
  EXPECT_EQ(both->size(), 2U);
  const auto one = find_functions(*binary, "probes_elf_test::overloaded(char)", "the test");
  ASSERT_TRUE(one) << one.error().text();
  ASSERT_EQ(one->size(), 1U);
  EXPECT_EQ(one->front().name, "_ZN15probes_elf_test10overloadedEc");
  const auto of_template = find_functions(*binary, "probes_elf_test::made_from_template", "the test");
  ASSERT_TRUE(of_template) << of_template.error().text();
  EXPECT_EQ(of_template->size(), 1U);
  const auto glob = find_functions(*binary, "*elf_test::over*", "the test");
  ASSERT_TRUE(glob) << glob.error().text();
  EXPECT_EQ(glob->size(), 2U);
}

TEST(Elf, NearMatches) {
  const auto binary = own_binary();
  ASSERT_NE(binary, nullptr);
  EXPECT_NE(error_of(*binary, "zeektrace_test_landmrak").find("'zeektrace_test_landmark'"),
            std::string::npos);
  EXPECT_NE(error_of(*binary, "probes_elf_test::overlaoded").find("probes_elf_test::overloaded"),
            std::string::npos);
}

TEST(Elf, OffsetsAndAddresses) {
  const auto binary = own_binary();
  ASSERT_NE(binary, nullptr);
  const auto entry = find_functions(*binary, "zeektrace_test_landmark", "BIN");
  const auto inside = find_functions(*binary, "zeektrace_test_landmark+0x2", "BIN");
  ASSERT_TRUE(entry && inside);
  EXPECT_EQ(inside->front().file_offset, entry->front().file_offset + 2);
  EXPECT_EQ(inside->front().from_start, 2U);
  EXPECT_NE(error_of(*binary, "zeektrace_test_landmark+4000").find("beyond the function"), std::string::npos);
  EXPECT_NE(error_of(*binary, "0x1").find("no address of code"), std::string::npos);
  EXPECT_NE(error_of(*binary, "").find("function of BIN is missing"), std::string::npos);
}

TEST(Functions, WhatAnAddressBelongsTo) {
  Binary binary;
  binary.functions = {
      {"a", 0x1000, 0x10}, {"open_ended", 0x1020, 0}, {"alias_b", 0x1040, 0}, {"b", 0x1040, 0x10}};
  EXPECT_EQ(binary.function_at(0xfff), nullptr);
  EXPECT_EQ(binary.function_at(0x100f)->name, "a");
  EXPECT_EQ(binary.function_at(0x1010), nullptr);
  EXPECT_EQ(binary.function_at(0x1030)->name, "open_ended");
  EXPECT_EQ(binary.function_at(0x1041)->name, "b");
  EXPECT_EQ(binary.function_at(0x1060), nullptr);
}

TEST(Elf, NotABinary) {
  const auto text = read_binary("/etc/passwd", "/etc/passwd");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().kind, Error::Kind::script);
  EXPECT_NE(text.error().message.find("not an ELF file"), std::string::npos);
  EXPECT_FALSE(read_binary("/nonexistent", "/nonexistent"));
  EXPECT_FALSE(read_binary("/dev/null", "/dev/null"));
}

// Cut off at every kind of place: nothing but an error may come of it.
TEST(Elf, TruncatedBinaries) {
  std::ifstream in("/proc/self/exe", std::ios::binary);
  std::string bytes(200'000, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  const auto path = std::filesystem::temp_directory_path() / "zeektrace_truncated_elf";
  for (const size_t length : {size_t{1}, size_t{63}, size_t{64}, size_t{500}, size_t{5000}, bytes.size()}) {
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(length));
    const auto binary = read_binary(path, "truncated");
    if (binary) {
      EXPECT_TRUE((*binary)->functions.empty()) << length;
      (void)return_hazard(**binary);
    }
  }
  std::filesystem::remove(path);
}

TEST(ReturnHazard, CxxIsRefusedAndLibcIsNot) {
  const auto own = own_binary();
  ASSERT_NE(own, nullptr);
  const auto hazard = return_hazard(*own);
  ASSERT_TRUE(hazard);
  EXPECT_NE(hazard->why.find("C++ exceptions"), std::string::npos);
  EXPECT_FALSE(hazard->never);
  const auto libc = find_binary("libc", std::nullopt);
  ASSERT_TRUE(libc);
  const auto binary = read_binary(libc->open, libc->shown);
  ASSERT_TRUE(binary);
  EXPECT_FALSE(return_hazard(**binary)) << "libc has .gcc_except_table, but only C's personality routine";
}

TEST(ReturnHazard, CxxIsProbedWhereItIsLeft) {
  Machine machine({});
  const Provider* returns = find_provider(all_providers(), "uretprobe");
  const auto points = returns->expand(machine, "/proc/self/exe:zeektrace_test_landmark");
  ASSERT_TRUE(points) << points.error().text();
  EXPECT_EQ(points->front().how->where, Mechanism::Where::exits);
  EXPECT_NE(points->front().why.find("C++ exceptions"), std::string::npos);
  const auto in_c = returns->expand(machine, "libc:malloc");
  ASSERT_TRUE(in_c) << in_c.error().text();
  EXPECT_EQ(in_c->front().how->where, Mechanism::Where::entry_with_stack);
}

asm(".text\n.globl zeektrace_test_bytes\n.type zeektrace_test_bytes, @function\n"
    "zeektrace_test_bytes: mov $3, %eax\n ret\n.size zeektrace_test_bytes, .-zeektrace_test_bytes\n");

TEST(Uprobe, InsideAFunctionWhereAnInstructionBegins) {
  const auto expand = [](std::string_view target, bool unsafe) {
    Machine::Settings settings;
    settings.unsafe = unsafe;
    Machine machine(settings);
    return find_provider(all_providers(), "uprobe")->expand(machine, target);
  };
  const auto refused = expand("/proc/self/exe:zeektrace_test_bytes+1", false);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("inside of an instruction"), std::string::npos) << refused.error().text();
  EXPECT_TRUE(expand("/proc/self/exe:zeektrace_test_bytes+1", true));
  const auto allowed = expand("/proc/self/exe:zeektrace_test_bytes+5", false);
  ASSERT_TRUE(allowed) << allowed.error().text();
  EXPECT_TRUE(allowed->front().name.ends_with(":zeektrace_test_bytes+5")) << allowed->front().name;
  EXPECT_EQ(allowed->front().how->where, Mechanism::Where::as_named);
}

TEST(Uprobe, PointsAndFields) {
  Machine machine({});
  const Provider* uprobe = find_provider(all_providers(), "u");
  ASSERT_NE(uprobe, nullptr);
  const auto points = uprobe->expand(machine, "libc:malloc");
  ASSERT_TRUE(points) << points.error().text();
  ASSERT_EQ(points->size(), 1U);
  EXPECT_EQ(points->front().symbol, "malloc");
  EXPECT_EQ(points->front().provider, uprobe);
  EXPECT_NE(points->front().offset, 0U);
  EXPECT_TRUE(points->front().name.starts_with("uprobe:/")) << points->front().name;
  const auto fields = uprobe->fields(machine, points->front());
  ASSERT_TRUE(fields);
  EXPECT_EQ(fields->front().name, "arg0");
  EXPECT_EQ(std::get<ContextOffset>(fields->front().where).offset, 112U);
}

}  // namespace
}  // namespace zeektrace
