// Which functions a name means, on symbol tables made by hand and on this test's own code.
#include <gtest/gtest.h>

#include <algorithm>

#include "probes/elf.h"
#include "probes/functions.h"

namespace probes_functions_test {

struct Root {
  int root = 1;
};
// With a virtual base the complete and the base variant are two functions; the deleting destructor calls the complete one.
struct Shape : virtual Root {
  __attribute__((noipa)) Shape() { asm volatile("" ::: "memory"); }
  __attribute__((noipa)) virtual ~Shape() { asm volatile("" ::: "memory"); }
};
struct Square : Shape {};

}  // namespace probes_functions_test

namespace zeektrace {
namespace {

// One function every 16 bytes from 0x1000 on.
struct Fake : Binary {
  explicit Fake(const std::vector<std::string_view>& names) {
    code = {{0x1000, 0x0, 0x1000}};
    uint64_t address = 0x1000;
    for (const std::string_view name : names) functions.push_back({name, std::exchange(address, address + 16), 16});
  }
};

std::vector<std::string> found(const Binary& binary, std::string_view wanted, LeftOut* left_out = nullptr) {
  const auto functions = find_functions(binary, wanted, "BIN", left_out);
  if (!functions) return {functions.error().text()};
  std::vector<std::string> names;
  for (const FoundFunction& function : *functions) names.push_back(function.name);
  return names;
}
using Names = std::vector<std::string>;

Names sorted(Names names) {
  std::sort(names.begin(), names.end());
  return names;
}

TEST(Functions, OneForEachAddress) {
  Fake binary({"malloc", "valloc", "malloc.cold"});
  binary.functions.insert(binary.functions.begin(), {"__libc_malloc", 0x1000, 16});
  binary.load_time_choices = {"memalloc", "memcpy"};
  LeftOut left_out;
  EXPECT_EQ(found(binary, "*alloc*", &left_out), (Names{"malloc", "valloc"}));
  EXPECT_EQ(left_out.load_time, Names{"memalloc"});
  EXPECT_EQ(left_out.parts, 1U);
  EXPECT_NE(found(binary, "memcpy")[0].find("chosen when a program is loaded"), std::string::npos);
  binary.only_exported = true;
  EXPECT_NE(found(binary, "nothing")[0].find("stripped"), std::string::npos);
}

TEST(Functions, ClonesAreTheirFunctionAndPartsAreNot) {
  const Fake binary({"f", "f.constprop.0", "f.isra.0", "f.lto_priv.0", "f.part.0", "f.cold", "f.avx2", "ff"});
  LeftOut left_out;
  EXPECT_EQ(found(binary, "f", &left_out), (Names{"f", "f.constprop.0", "f.isra.0", "f.lto_priv.0"}));
  EXPECT_EQ(found(binary, "f.isra.0"), Names{"f.isra.0"});
  EXPECT_EQ(found(binary, "f.part.0"), Names{"f.part.0"});
  EXPECT_EQ(found(binary, "f.*", &left_out),
            (Names{"f.constprop.0", "f.isra.0", "f.lto_priv.0", "f.avx2"}));
  EXPECT_EQ(left_out.parts, 2U);
  const std::string refusal = found(binary, "f.cold")[0];
  EXPECT_NE(refusal.find("is no function"), std::string::npos) << refusal;
  EXPECT_NE(refusal.find("probe f,"), std::string::npos) << refusal;
  const auto functions = find_functions(binary, "f", "BIN");
  ASSERT_TRUE(functions);
  const auto notes = notes_on(*functions, {}, "f", "BIN");
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_TRUE(notes[0].starts_with("'f' of BIN names 4 functions, 2 of them made by the compiler")) << notes[0];
}

TEST(Functions, ThunksAreCountedByTheirFunction) {
  const Fake binary({"_ZN1A1fEv", "_ZThn16_N1A1fEv", "_ZTv0_n24_N1A1fEv"});
  LeftOut left_out;
  EXPECT_EQ(found(binary, "*A::f*"), Names{"_ZN1A1fEv"});
  EXPECT_EQ(found(binary, "*N1A1f*", &left_out), Names{"_ZN1A1fEv"});
  EXPECT_EQ(left_out.variants, 2U);
  EXPECT_EQ(found(binary, "_ZThn16_N1A1fEv"), Names{"_ZThn16_N1A1fEv"});
}

TEST(Functions, NotesCountWhatIsNotProbed) {
  LeftOut left_out;
  left_out.load_time = {"strchr", "strcmp", "strcpy", "strlen", "strstr"};
  const auto notes = notes_on({}, left_out, "str*", "libc");
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_TRUE(notes[0].starts_with("5 of libc that 'str*' names are not probed")) << notes[0];
  EXPECT_TRUE(notes[0].ends_with("(strchr, strcmp, strcpy, strlen, …)")) << notes[0];
  EXPECT_TRUE(notes_on({}, {}, "f", "BIN").empty());
}

TEST(Functions, OverloadsByNameAndBySignature) {
  const Fake binary({"_Z1fi", "_Z1fPKc", "_Z1fPc", "_Z1fPci", "_ZN1A1fEi", "_Z1fIiEvT_", "_Z1fi.constprop.0"});
  EXPECT_EQ(found(binary, "f"), (Names{"_Z1fi", "_Z1fPKc", "_Z1fPc", "_Z1fPci", "_Z1fIiEvT_", "_Z1fi.constprop.0"}));
  EXPECT_EQ(found(binary, "f(int)"), (Names{"_Z1fi", "_Z1fi.constprop.0"}));
  EXPECT_EQ(found(binary, "f( char * )"), Names{"_Z1fPc"});
  EXPECT_EQ(found(binary, "cpp:f(const char*)"), Names{"_Z1fPKc"});
  EXPECT_EQ(found(binary, "f(char*, *)"), Names{"_Z1fPci"});
  EXPECT_EQ(found(binary, "_Z1fi"), (Names{"_Z1fi", "_Z1fi.constprop.0"}));
  EXPECT_EQ(found(binary, "cpp:A::*"), Names{"_ZN1A1fEi"});
  const std::string other = found(binary, "f(double)")[0];
  EXPECT_NE(other.find("it has 'f(int)'"), std::string::npos) << other;
  EXPECT_NE(other.find("and more"), std::string::npos) << other;
  const std::string misspelt = found(binary, "A::g(int)")[0];
  EXPECT_NE(misspelt.find("'A::f(int)'"), std::string::npos) << misspelt;
}

TEST(Functions, EveryConstructionAndDestructionOnce) {
  delete new probes_functions_test::Shape;
  const probes_functions_test::Square square;
  const auto binary = read_binary("/proc/self/exe", "the test");
  ASSERT_TRUE(binary) << binary.error().text();
  LeftOut left_out;
  const auto constructors = found(**binary, "probes_functions_test::Shape::Shape", &left_out);
  EXPECT_EQ(sorted(constructors), (Names{"_ZN21probes_functions_test5ShapeC1Ev", "_ZN21probes_functions_test5ShapeC2Ev"}));
  EXPECT_LE(left_out.variants, 1U) << "what they share, if they do";
  left_out = {};
  const auto destructors = found(**binary, "probes_functions_test::Shape::~Shape", &left_out);
  EXPECT_EQ(sorted(destructors), (Names{"_ZN21probes_functions_test5ShapeD1Ev", "_ZN21probes_functions_test5ShapeD2Ev"}));
  EXPECT_GE(left_out.variants, 1U) << "the deleting one calls the complete one";
  EXPECT_EQ(found(**binary, "_ZN21probes_functions_test5ShapeD0Ev"), Names{"_ZN21probes_functions_test5ShapeD0Ev"});
}

}  // namespace
}  // namespace zeektrace
