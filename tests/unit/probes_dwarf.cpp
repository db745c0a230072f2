// Debug information of one source (samples/sample.cpp), compiled by GCC and by clang, optimised and not, as DWARF 4 and
// DWARF 5: functions, arguments and types must come out the same.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "probes/argument_use.h"
#include "probes/debug_file.h"
#include "probes/dwarf_arguments.h"
#include "probes/dwarf_lines.h"
#include "probes/elf.h"
#include "probes/registers.h"

namespace zeektrace {
namespace {

namespace fs = std::filesystem;

std::string register_name(uint32_t offset) {
  constexpr std::string_view names[] = {"rdi", "rsi", "rdx", "rcx", "r8", "r9"};
  for (size_t i = 0; i < std::size(names); i++)
    if (pt_regs::function_args[i] == offset) return std::string(names[i]);
  if (offset == pt_regs::ax) return "rax";
  return offset == pt_regs::sp ? "rsp" : fmt::format("register at {}", offset);
}

std::string words(const Location& place) {
  if (auto* at = std::get_if<ContextOffset>(&place)) return register_name(at->offset);
  if (auto* at = std::get_if<UserMemory>(&place)) {
    std::string text = register_name(at->context_offset);
    for (const int64_t add : at->adds) text = fmt::format("*({}+{})", text, add);
    return text;
  }
  if (auto* at = std::get_if<Pieces>(&place)) {
    std::string text;
    for (const auto& piece : at->pieces) text += fmt::format("{}:{} ", register_name(piece.context_offset), piece.size);
    return text.substr(0, text.size() - 1);
  }
  return "-";
}

const NotPassed all_passed = [](uint64_t, const Field&) -> std::optional<Unavailable> { return std::nullopt; };

struct Sample {
  std::shared_ptr<const Binary> binary;
  std::unique_ptr<DwarfFile> file;
  std::unique_ptr<DwarfTypes> types;

  std::optional<uint64_t> address(std::string_view symbol) const {
    auto found = std::ranges::find(binary->functions, symbol, &FunctionSymbol::name);
    if (found == binary->functions.end()) return std::nullopt;
    return found->address;
  }
  // "int8 a=rdi, …, retval=rax"
  std::string arguments(std::string_view symbol) const {
    const auto entry = address(symbol);
    if (!entry) return "no such symbol";
    auto fields = named_arguments(*file, *types, *entry, symbol, all_passed);
    if (auto result = typed_result(*file, *types, *entry, symbol)) fields.push_back(*result);
    std::string text;
    for (const Field& field : fields) {
      std::string_view name = field.name;
      if (name.starts_with("args.")) name.remove_prefix(5);
      text += fmt::format("{}{}={}", text.empty() ? "" : ", ", name, words(field.where));
    }
    return text;
  }
  const RecordShape* record(std::string_view name) const {
    auto type = types->find(name);
    if (!type || !type->is_record()) return nullptr;
    auto shape = types->shape(type->record);
    return shape ? *shape : nullptr;
  }
};

Sample open_sample(const std::string& path) {
  Sample sample;
  auto binary = read_binary(path, path);
  auto file = DwarfFile::open(path, path);
  if (!binary || !file) return sample;
  sample.binary = *binary;
  sample.file = *std::move(file);
  sample.types = std::make_unique<DwarfTypes>(*sample.file);
  return sample;
}

std::vector<std::string> sample_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(ZEEKTRACE_SAMPLES))
    if (entry.path().extension() == ".so") names.push_back(entry.path().stem());
  std::ranges::sort(names);
  return names;
}

class Dwarf : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    sample_ = open_sample(fmt::format("{}/{}.so", ZEEKTRACE_SAMPLES, GetParam()));
    ASSERT_NE(sample_.file, nullptr);
  }
  bool is_optimised() const { return GetParam().find("O0") == std::string::npos; }
  Sample sample_;
};

INSTANTIATE_TEST_SUITE_P(Samples, Dwarf, testing::ValuesIn(sample_names()), [](const auto& test) { return test.param; });

const Member* member(const RecordShape& shape, std::string_view name) {
  auto found = std::ranges::find(shape.members, name, &Member::name);
  return found == shape.members.end() ? nullptr : &*found;
}

TEST_P(Dwarf, ArgumentsAtTheEntry) {
  const std::pair<std::string_view, std::string_view> expected[] = {
      {"_ZN6sample8integersEatimbcil", "a=rdi, b=rsi, c=rdx, d=rcx, e=r8, f=r9, g=*(rsp+8), h=*(rsp+16), retval=rax"},
      {"_ZN6sample8pointersEPKNS_5PointERS0_PFiiEPvOS0_", "p=rdi, r=rsi, callback=rdx, nothing=rcx, moved=r8, retval=rax"},
      {"_ZN6sample5realsEfdle", "a=-, b=-, c=rdi, d=-, retval=rax"},
      {"_ZN6sample7recordsENS_5PointENS_4RealENS_5LargeENS_7CountedENS_6HolderENS_9DefaultedENS_6PackedEl",
       "p=rdi:8, r=-, l=*(rsp+8), c=*(rdx+0), h=*(rcx+0), d=r8:4, k=*(rsp+40), last=r9, retval=rax"},
      {"_ZN6sample7unnamedEiNS_6ColourENS_4SignEl", "colour=rsi, last=rcx, retval=rax"},
      {"_ZN6sample13returns_largeEl", "a=rsi, retval=*(rax+0)"},
      {"_ZN6sample13returns_pointEl", "a=rdi, retval=rax:8"},
      {"_ZN6sample15returns_countedERNS_7CountedE", "a=rsi, retval=*(rax+0)"},
      {"_ZN6sample12returns_realEl", "a=rdi, retval=-"},
      {"_ZN6sample15returns_nothingEl", "a=rdi, retval=-"},
      {"_ZN6sample7Derived6methodEil", "this=rdi, a=rsi, b=rdx, retval=rax"},
      {"_ZN6sample7Derived8of_classEPKc", "text=rdi, retval=rax"},
      {"_ZN6sample7CountedC2ERKS0_", "this=rdi, other=rsi, retval=-"},
      {"_ZN6sample7CountedD2Ev", "this=rdi, retval=-"},
      {"_ZN6sample4manyEPNS_12_GLOBAL__N_16HiddenEPNS_7DerivedE", "hidden=rdi, d=rsi, retval=rax"},
  };
  for (const auto& [symbol, arguments] : expected) {
    // With type units what a member function returns is told only there, and the unit does not say where that is.
    if (GetParam() == "gcc_units" && symbol.find("Derived") != std::string_view::npos && symbol.find("many") == symbol.npos)
      EXPECT_TRUE(sample_.arguments(symbol).ends_with("retval=-")) << sample_.arguments(symbol);
    else
      EXPECT_EQ(sample_.arguments(symbol), arguments) << symbol;
  }
}

TEST_P(Dwarf, ArgumentsHaveTheirTypes) {
  const std::string_view symbol = "_ZN6sample8pointersEPKNS_5PointERS0_PFiiEPvOS0_";
  const auto fields = named_arguments(*sample_.file, *sample_.types, *sample_.address(symbol), symbol, all_passed);
  ASSERT_EQ(fields.size(), 5U);
  EXPECT_TRUE(fields[0].type.is_pointer() && fields[0].type.pointee->is_record() && !fields[0].type.is_reference);
  EXPECT_EQ(fields[0].type.pointee->name, "sample::Point");
  EXPECT_TRUE(fields[1].type.is_reference && fields[4].type.is_reference);
  EXPECT_EQ(fields[0].type.pointee->record, fields[1].type.pointee->record);
  const std::string_view integers = "_ZN6sample8integersEatimbcil";
  const auto of = named_arguments(*sample_.file, *sample_.types, *sample_.address(integers), integers, all_passed);
  ASSERT_EQ(of.size(), 8U);
  EXPECT_TRUE(of[0].type.is_signed && of[0].type.size == 1);
  EXPECT_TRUE(!of[1].type.is_signed && of[1].type.size == 2);
  EXPECT_TRUE(of[4].type.is_bool);
  EXPECT_EQ(of[0].type.name, "int8_t");
}

TEST_P(Dwarf, ALambdaIsAFunction) {
  const auto lambda = std::ranges::find_if(sample_.binary->functions, [](const FunctionSymbol& each) {
    return each.name.find("sample4many") != std::string_view::npos && each.name.find("clE") != std::string_view::npos &&
           each.name.find('.') == std::string_view::npos;
  });
  if (lambda == sample_.binary->functions.end()) GTEST_SKIP() << "the compiler made a clone of it";
  // Optimised, what it is called with is known, and not passed.
  const std::string arguments = sample_.arguments(lambda->name);
  EXPECT_NE(arguments.find(is_optimised() ? "z=" : "z=rsi"), std::string::npos) << arguments;
}

TEST_P(Dwarf, AnotherFunctionsNameIsRefused) {
  const auto fields = named_arguments(*sample_.file, *sample_.types, *sample_.address("_ZN6sample8integersEatimbcil"),
                                      "_ZN6sample5realsEfdle", all_passed);
  ASSERT_EQ(fields.size(), 1U);
  EXPECT_EQ(fields[0].name, all_named_arguments);
}

TEST_P(Dwarf, AClonesArgumentsAreNotGuessed) {
  const auto entry = *sample_.address("_ZN6sample7Derived6methodEil");
  for (const Field& field :
       named_arguments(*sample_.file, *sample_.types, entry, "_ZN6sample7Derived6methodEil.constprop.0", all_passed)) {
    // Unoptimised code says where they are only after the prologue; lists of optimised code are still right.
    if (is_optimised()) continue;
    EXPECT_TRUE(std::holds_alternative<Unavailable>(field.where)) << field.name;
  }
  EXPECT_EQ(typed_result(*sample_.file, *sample_.types, entry, "_ZN6sample7Derived6methodEil.isra.0")->where.index(),
            Location(Unavailable{}).index());
}

TEST_P(Dwarf, MembersOfAClass) {
  const RecordShape* shape = sample_.record("sample::Derived");
  ASSERT_NE(shape, nullptr);
  EXPECT_EQ(shape->keyword, RecordShape::Keyword::class_);
  EXPECT_TRUE(shape->has_virtual_table);
  EXPECT_EQ(member(*shape, "shared"), nullptr);
  const Member *flags = member(*shape, "flags"), *more = member(*shape, "more"), *yes = member(*shape, "yes");
  ASSERT_TRUE(flags && more && yes);
  EXPECT_EQ(flags->bit_size, 3);
  EXPECT_EQ(more->offset * 8 + more->bit_offset, flags->offset * 8 + flags->bit_offset + 3U);
  EXPECT_EQ(yes->offset * 8 + yes->bit_offset, flags->offset * 8 + flags->bit_offset + 10U);
  EXPECT_TRUE(yes->type.is_bool);
  ASSERT_GE(shape->members.size(), 2U);
  const Member &first_base = shape->members[shape->members.size() - 2], &second_base = shape->members.back();
  EXPECT_TRUE(first_base.is_base && second_base.is_base);
  EXPECT_EQ(first_base.type.name, "sample::Base");
  EXPECT_EQ(second_base.offset, 12U);
  const Member *text = member(*shape, "text"), *size = member(*shape, "size"), *sign = member(*shape, "sign");
  ASSERT_TRUE(text && size && sign);
  EXPECT_TRUE(text->type.is_array() && text->type.count == 16 && text->type.pointee->size == 1);
  EXPECT_EQ(size->type.name, "sample::Derived::Size");
  EXPECT_TRUE(sign->type.is_signed);
  EXPECT_EQ(member(*shape, "colour")->type.name, "sample::Colour");
  EXPECT_NE(member(*shape, "wide")->unavailable, "");
  const Member* anonymous = member(*shape, "");
  ASSERT_NE(anonymous, nullptr);
  auto inside = sample_.types->shape(anonymous->type.record);
  ASSERT_TRUE(inside);
  EXPECT_EQ((*inside)->keyword, RecordShape::Keyword::union_);
  EXPECT_NE(member(**inside, "as_float"), nullptr);
}

TEST_P(Dwarf, TemplatesVirtualBasesAndPackedRecords) {
  const RecordShape* row = sample_.record("sample::Row<int,3>");
  ASSERT_NE(row, nullptr);
  ASSERT_EQ(row->template_arguments.size(), 2U);
  EXPECT_EQ(row->template_arguments[0].size, 4U);
  EXPECT_EQ(row->template_arguments[1].kind, Type::Kind::none);
  EXPECT_EQ(member(*row, "inner")->type.name, "sample::Row<int, 3>::Inner");
  const RecordShape* of_virtual = sample_.record("sample::Virtual");
  ASSERT_NE(of_virtual, nullptr);
  EXPECT_NE(of_virtual->members.back().unavailable, "");
  const RecordShape* packed = sample_.record("sample::Packed");
  ASSERT_NE(packed, nullptr);
  EXPECT_EQ(member(*packed, "value")->offset, 1U);
  EXPECT_EQ(sample_.record("sample::Absent"), nullptr);
  EXPECT_EQ(sample_.types->find("sample::Colour")->size, 1U);
}

TEST_P(Dwarf, LocalsInsideOfAFunction) {
  const std::string_view symbol = "_ZN6sample8integersEatimbcil";
  const auto entry = *sample_.address(symbol);
  // One byte in nothing is set up: what has one place for the whole function is not there yet.
  for (const Field& field : named_arguments(*sample_.file, *sample_.types, entry + 1, symbol, all_passed))
    if (!is_optimised()) EXPECT_TRUE(std::holds_alternative<Unavailable>(field.where)) << field.name;
}

// ---- lines ----

uint32_t line_of(std::string_view text) {
  std::ifstream source(fmt::format("{}/tests/unit/samples/sample.cpp", ZEEKTRACE_SOURCE_DIR));
  uint32_t number = 1;
  for (std::string line; std::getline(source, line); number++)
    if (line.find(text) != std::string::npos) return number;
  return 0;
}

TEST_P(Dwarf, ALineAndWhatIsInScopeThere) {
  const auto places = find_line(*sample_.file, "samples/sample.cpp", line_of("// the line"), "the sample");
  ASSERT_TRUE(places) << places.error().text();
  EXPECT_NE(places->front().function.find("many"), std::string::npos);  // GCC gives its kind no linker's name
  if (is_optimised()) return;
  const auto fields = named_arguments(*sample_.file, *sample_.types, places->front().address, places->front().function, all_passed);
  for (const std::string_view name : {"args.hidden", "args.d", "args.local"}) {
    auto found = std::ranges::find(fields, name, &Field::name);
    ASSERT_NE(found, fields.end()) << name;
    EXPECT_TRUE(std::holds_alternative<UserMemory>(found->where)) << name << words(found->where);
  }
}

TEST_P(Dwarf, ALineWithoutCode) {
  const auto none = find_line(*sample_.file, "sample.cpp", 1, "the sample");
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().text().find("the nearest that has"), std::string::npos);
  const auto no_file = find_line(*sample_.file, "ample.cpp", 1, "the sample");
  ASSERT_FALSE(no_file);
  EXPECT_NE(no_file.error().text().find("comes from a file ample.cpp"), std::string::npos);
}

TEST_P(Dwarf, InlinedCopiesAreCounted) {
  EXPECT_EQ(inlined_copies(*sample_.file, *sample_.address("_ZN6sample7doubledEi")), is_optimised() ? 2U : 0U);
  EXPECT_EQ(inlined_copies(*sample_.file, *sample_.address("_ZN6sample8integersEatimbcil")), 0U);
}

// ---- arguments that clang leaves out ----

// Which arguments of a function of tests/targets/unused.cpp are believed.
std::string passed_in_unused(std::string_view name) {
  const std::string path = std::string(ZEEKTRACE_TARGETS) + "/unused";
  Sample sample = open_sample(path);
  if (!sample.file) return "no file";
  auto code = Code::open(sample.binary);
  const auto function = std::ranges::find_if(
      sample.binary->functions, [&](const FunctionSymbol& each) { return each.name.find(name) != std::string_view::npos; });
  if (!code || function == sample.binary->functions.end()) return "no function";
  const auto by_code = [&](uint64_t entry, const Field& field) { return not_passed(**code, entry, field); };
  std::string text;
  for (const Field& field : named_arguments(*sample.file, *sample.types, function->address, function->name, by_code)) {
    const bool known = !std::holds_alternative<Unavailable>(field.where);
    text += fmt::format("{}{}{}", text.empty() ? "" : " ", field.name.substr(5), known ? "" : "?");
  }
  return text;
}

TEST(ArgumentUse, of_what_clang_compiles) {
  if (!fs::exists(std::string(ZEEKTRACE_TARGETS) + "/unused")) GTEST_SKIP() << "no clang++-19";
  EXPECT_EQ(passed_in_unused("Z7ignores"), "used ignored?");
  EXPECT_EQ(passed_in_unused("ignores_itself"), "this? used");
  EXPECT_EQ(passed_in_unused("overwrites"), "used overwritten?");
  EXPECT_EQ(passed_in_unused("ignores_the_eighth"), "a b c d e f seventh eighth?");
  EXPECT_EQ(passed_in_unused("hands_on_unseen"), "handler handed?") << "passed, but only the other function can tell";
  EXPECT_EQ(passed_in_unused("Z4uses"), "first last");
  EXPECT_EQ(passed_in_unused("uses_it_late"), "first last");
  EXPECT_EQ(passed_in_unused("Z8hands_on"), "first last");
  EXPECT_EQ(passed_in_unused("instance"), "first last") << "weak";
  EXPECT_NE(passed_in_unused("uses_the_eighth").find("seventh last"), std::string::npos);
  EXPECT_EQ(passed_in_unused("uses_the_eighth").find("last?"), std::string::npos);
}

// ---- files ----

TEST(DebugFile, ByBuildIdAndByLink) {
  const std::string directory = testing::TempDir() + "/zeektrace_debug_file";
  fs::remove_all(directory);
  fs::create_directories(directory + "/.debug");
  const std::string whole = fmt::format("{}/gcc_O2_5.so", ZEEKTRACE_SAMPLES), stripped = directory + "/lib.so";
  const std::string separate = directory + "/.debug/lib.so.debug";
  const std::string commands =
      fmt::format("objcopy --only-keep-debug {0} {2} && objcopy --strip-all --add-gnu-debuglink={2} {0} {1}", whole,
                  stripped, separate);
  if (std::system(commands.c_str()) != 0) GTEST_SKIP() << "no objcopy";
  Sample sample = open_sample(stripped);
  ASSERT_NE(sample.file, nullptr);
  Sample original = open_sample(whole);
  const auto entry = *original.address("_ZN6sample7Derived6methodEil");
  const auto fields = named_arguments(*sample.file, *sample.types, entry, "_ZN6sample7Derived6methodEil", all_passed);
  EXPECT_EQ(fields.size(), 3U);
  // A file that is not the one it was made from.
  std::ofstream(separate, std::ios::trunc) << "something else";
  auto none = DwarfFile::open(stripped, "lib.so");
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().text().find("has no debug information"), std::string::npos);
  EXPECT_NE(none.error().text().find("-g"), std::string::npos);
}

TEST(DebugFile, NamesAreComparedWithoutIdleBlanks) {
  EXPECT_EQ(compact_name("std::vector<int, std::allocator<int> >"), "std::vector<int,std::allocator<int>>");
  EXPECT_EQ(compact_name("unsigned long"), "unsigned long");
  EXPECT_EQ(compact_name("char const *"), "char const*");
}

}  // namespace
}  // namespace zeektrace
