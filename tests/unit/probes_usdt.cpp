// The arguments of static probes, as compilers spell them.
#include <gtest/gtest.h>

#include <sys/user.h>

#include "probes/perf_events.h"
#include "probes/usdt_arguments.h"
#include "probes/usdt_notes.h"

namespace zeektrace {
namespace {

constexpr uint64_t site = 0x1000;

std::optional<uint64_t> variable(const std::string& name) {
  if (name == "counter") return 0x4000;
  if (name == "table.0") return 0x5000;
  return std::nullopt;
}

Field parse(std::string_view text) {
  auto fields = parse_usdt_arguments(text, site, variable);
  EXPECT_EQ(fields.size(), 1U) << text;
  return fields.empty() ? Field() : fields.front();
}

std::string why_not(std::string_view text) {
  const Field field = parse(text);
  auto* none = std::get_if<Unavailable>(&field.where);
  return none ? none->reason : "available";
}

TEST(UsdtArguments, registers) {
  const std::vector<std::tuple<std::string_view, uint32_t, std::string_view>> rows = {
      {"-4@%edi", offsetof(user_regs_struct, rdi), "int32"},
      {"8@%rax", offsetof(user_regs_struct, rax), "uint64"},
      {"1@%ah", offsetof(user_regs_struct, rax) + 1, "uint8"},
      {"-1@%sil", offsetof(user_regs_struct, rsi), "int8"},
      {"2@%r10w", offsetof(user_regs_struct, r10), "uint16"},
      {"-8@%rsp", offsetof(user_regs_struct, rsp), "int64"},
      {"%ebx", offsetof(user_regs_struct, rbx), "uint32"},
  };
  for (const auto& [text, offset, type] : rows) {
    const Field field = parse(text);
    ASSERT_TRUE(std::holds_alternative<ContextOffset>(field.where)) << text;
    EXPECT_EQ(std::get<ContextOffset>(field.where).offset, offset) << text;
    EXPECT_EQ(field.type.spelling(), type) << text;
  }
  // No more is read than the register holds.
  const Field narrow = parse("-8@%eax");
  ASSERT_TRUE(narrow.kept_as);
  EXPECT_EQ(narrow.kept_as->spelling(), "int32");
}

TEST(UsdtArguments, constants_are_cut_and_extended) {
  EXPECT_EQ(std::get<Constant>(parse("-4@$-1").where).value, ~uint64_t{0});
  EXPECT_EQ(std::get<Constant>(parse("4@$-1").where).value, 0xffffffffU);
  EXPECT_EQ(std::get<Constant>(parse("-1@$200").where).value, static_cast<uint64_t>(-56));
  EXPECT_EQ(std::get<Constant>(parse("8@$0x7f").where).value, 0x7fU);
  EXPECT_EQ(std::get<Constant>(parse("8@$-9223372036854775808").where).value, uint64_t{1} << 63);
}

TEST(UsdtArguments, memory) {
  const auto at = [](std::string_view text) {
    const Field field = parse(text);
    auto* memory = std::get_if<UserMemory>(&field.where);
    EXPECT_TRUE(memory) << text << ": " << why_not(text);
    return memory ? *memory : UserMemory();
  };
  EXPECT_EQ(at("-4@-20(%rbp)").context_offset, offsetof(user_regs_struct, rbp));
  EXPECT_EQ(at("-4@-20(%rbp)").adds, std::vector<int64_t>{-20});
  EXPECT_EQ(at("8@(%rsp)").adds, std::vector<int64_t>{0});
  const UserMemory indexed = at("8@0x10(%rax,%rdx,4)");
  EXPECT_EQ(indexed.context_offset, offsetof(user_regs_struct, rax));
  EXPECT_EQ(indexed.adds, std::vector<int64_t>{16});
  ASSERT_TRUE(indexed.index);
  EXPECT_EQ(indexed.index->context_offset, offsetof(user_regs_struct, rdx));
  EXPECT_EQ(indexed.index->scale, 4U);
  // Variables are found by their distance from the probe.
  for (std::string_view text : {"8@counter(%rip)", "8@counter", "8@16384"}) {
    EXPECT_EQ(at(text).context_offset, offsetof(user_regs_struct, rip)) << text;
    EXPECT_EQ(at(text).adds, std::vector<int64_t>{0x3000}) << text;
  }
  EXPECT_EQ(at("4@counter+8(%rip)").adds, std::vector<int64_t>{0x3008});
  EXPECT_EQ(at("4@8+counter(%rip)").adds, std::vector<int64_t>{0x3008});
  const UserMemory absolute = at("-4@table.0(,%rax,4)");
  EXPECT_EQ(absolute.adds, std::vector<int64_t>{0x4000});
  EXPECT_EQ(absolute.index->context_offset, offsetof(user_regs_struct, rax));
}

TEST(UsdtArguments, what_can_not_be_had_says_why) {
  EXPECT_NE(why_not("8f@%xmm0").find("%xmm0"), std::string::npos);
  EXPECT_NE(why_not("8@%xmm1").find("general registers"), std::string::npos);
  EXPECT_NE(why_not("8@%fs:-8").find("thread"), std::string::npos);
  EXPECT_NE(why_not("4@unheard_of(%rip)").find("unheard_of"), std::string::npos);
  EXPECT_NE(why_not("16@%rax").find("16 bytes"), std::string::npos);
  for (std::string_view text : {"4@", "@%eax", "4@%", "4@$", "4@$x", "4@8(%eax", "4@8(%rip)",
                                "4@(%rax,%rdx,3)", "4@()", "4@4(%rax)x", "4@counter(%rax)", "4%eax", "0@%eax",
                                "99999999999999999999@%eax", "-@%eax", "4@(%eax)", "4@symbol@GOTPCREL(%rip)"})
    EXPECT_NE(why_not(text), "available") << text;
}

TEST(UsdtArguments, words_are_counted_from_zero) {
  const auto fields = parse_usdt_arguments("-4@%edi  8@$1 nonsense 1@%al", site, variable);
  ASSERT_EQ(fields.size(), 4U);
  EXPECT_EQ(fields[3].name, "arg3");
  EXPECT_TRUE(std::holds_alternative<Unavailable>(fields[2].where));
  EXPECT_TRUE(parse_usdt_arguments("", site, variable).empty());
}

TEST(UsdtArguments, places_of_one_probe_agree_on_types) {
  auto first = parse_usdt_arguments("-4@%edi 4@%esi 8@%rax 8f@(%rsp)", site, variable);
  auto second = parse_usdt_arguments("8@%rdi -4@%esi 8@%rbx 4@%eax", site, variable);
  std::vector<std::vector<Field>*> places = {&first, &second};
  unify_usdt_arguments(places);
  for (size_t i = 0; i < 3; i++) EXPECT_EQ(first[i].type.spelling(), second[i].type.spelling()) << i;
  EXPECT_EQ(first[0].type.spelling(), "int64");
  EXPECT_EQ(first[0].kept_as->spelling(), "int32");
  EXPECT_EQ(second[0].kept_as->spelling(), "uint64");
  EXPECT_EQ(first[1].type.spelling(), "int64");  // holds every int32 and every uint32
  EXPECT_FALSE(first[2].kept_as);
  EXPECT_TRUE(std::holds_alternative<Unavailable>(first[3].where));
  EXPECT_TRUE(std::holds_alternative<Unavailable>(second[3].where));
}

TEST(UsdtNotes, a_binary_without_notes_has_none) {
  const auto notes = read_usdt_notes("/proc/self/exe", "the test");
  ASSERT_TRUE(notes) << notes.error().text();
  EXPECT_TRUE((*notes)->places.empty());
  EXPECT_FALSE(read_usdt_notes("/nonexistent", "it"));
}

TEST(PerfEvents, names_of_the_perf_tool) {
  const auto config = [](PerfEventKind kind, std::string_view name) {
    const auto event = find_perf_event(kind, name);
    return event ? std::optional(std::pair(event->counter.type, event->counter.config)) : std::nullopt;
  };
  const auto software = PerfEventKind::software, hardware = PerfEventKind::hardware;
  EXPECT_EQ(config(software, "cs"),
            std::pair(uint32_t{PERF_TYPE_SOFTWARE}, uint64_t{PERF_COUNT_SW_CONTEXT_SWITCHES}));
  EXPECT_EQ(config(software, "cs"), config(software, "context-switches"));
  EXPECT_EQ(config(hardware, "cycles"), config(hardware, "cpu-cycles"));
  // perf list, L1-dcache-load-misses: cache 0, read 0, miss 1
  EXPECT_EQ(config(hardware, "L1-dcache-load-misses"),
            std::pair(uint32_t{PERF_TYPE_HW_CACHE}, uint64_t{0x10000}));
  EXPECT_EQ(config(hardware, "llc-stores"), std::pair(uint32_t{PERF_TYPE_HW_CACHE}, uint64_t{0x102}));
  EXPECT_EQ(config(hardware, "dTLB-prefetch-misses"),
            std::pair(uint32_t{PERF_TYPE_HW_CACHE}, uint64_t{0x10203}));
  EXPECT_EQ(config(hardware, "r1a8"), std::pair(uint32_t{PERF_TYPE_RAW}, uint64_t{0x1a8}));
  for (std::string_view name : {"", "r", "rx", "r1g", "L1-icache-stores", "iTLB-stores", "cs"})
    EXPECT_FALSE(config(hardware, name)) << name;
  EXPECT_FALSE(config(software, "cycles"));
  EXPECT_NE(unknown_perf_event(software, "page-fault").hint.find("page-faults"), std::string::npos);
}

}  // namespace
}  // namespace zeektrace
