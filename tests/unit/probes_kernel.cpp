// Tracepoints from a directory of our own, kernel symbols from a file of our own, timers, gates, the
// verifier's log.
#include <asm/unistd_64.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "probes/features.h"
#include "probes/kernel_symbols.h"
#include "probes/machine.h"
#include "probes/tracepoint_format.h"
#include "probes/verifier_log.h"

namespace zeektrace {
namespace {

namespace fs = std::filesystem;

// As the kernel writes them: sched_process_exec with a string elsewhere in the record, a system call, odd
// ones.
constexpr std::string_view exec_format =
    "name: sched_process_exec\nID: 318\nformat:\n"
    "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
    "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
    "\tfield:__data_loc char[] filename;\toffset:8;\tsize:4;\tsigned:0;\n"
    "\tfield:pid_t pid;\toffset:12;\tsize:4;\tsigned:1;\n"
    "\tfield:char comm[16];\toffset:16;\tsize:16;\tsigned:0;\n"
    "\tfield:const char * name;\toffset:32;\tsize:8;\tsigned:0;\n"
    "\tfield:unsigned long * mask;\toffset:40;\tsize:8;\tsigned:0;\n"
    "\tfield:u16 ports[2];\toffset:48;\tsize:4;\tsigned:0;\n"
    "\tfield:int dfd;\toffset:56;\tsize:8;\tsigned:0;\n"
    "\tfield:long ret;\toffset:64;\tsize:8;\tsigned:1;\n"
    "\tfield:__rel_loc char[] late;\toffset:72;\tsize:4;\tsigned:0;\n"
    "\nprint fmt: \"filename=%s\", __get_str(filename)\n";

const Field* named(const std::vector<Field>& fields, std::string_view name) {
  for (const Field& field : fields)
    if (field.name == name) return &field;
  return nullptr;
}

TEST(TracepointFormat, Fields) {
  const auto fields = parse_tracepoint_format(exec_format);
  const auto spelled = [&](std::string_view name) {
    const Field* field = named(fields, name);
    return field == nullptr ? "none" : field->type.spelling();
  };
  EXPECT_EQ(fields.size(), 9U);
  EXPECT_EQ(spelled("args.common_pid"), "none");
  EXPECT_EQ(spelled("args.pid"), "int32");
  EXPECT_EQ(spelled("args.comm"), Type::string(16).spelling());
  EXPECT_EQ(spelled("args.name"), Type::pointer(Type::integer(1, true)).spelling());
  EXPECT_EQ(spelled("args.dfd"), "int32") << "the lower half of the system call's argument";
  EXPECT_EQ(spelled("args.ret"), "int64");
  EXPECT_EQ(std::get<ContextOffset>(named(fields, "args.comm")->where).offset, 16U);
  EXPECT_EQ(std::get<DataLocation>(named(fields, "args.filename")->where).offset, 8U);
  EXPECT_EQ(spelled("args.ports"), "uint16[2]");
  EXPECT_TRUE(std::holds_alternative<Unavailable>(named(fields, "args.late")->where));
}

TEST(TracepointFormat, OddText) {
  EXPECT_TRUE(parse_tracepoint_format("").empty());
  EXPECT_TRUE(parse_tracepoint_format("field:").empty());
  EXPECT_TRUE(parse_tracepoint_format("\tfield:int x;\toffset:zz;\tsize:4;\n").empty());
  EXPECT_TRUE(parse_tracepoint_format("\tfield:int x\toffset:1\tsize:4\n").empty());
  EXPECT_EQ(parse_tracepoint_format("\tfield:;\toffset:1;\tsize:4;\tsigned:0;").size(), 1U);
}

class TracefsOfOurOwn : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / ("zeektrace_tracefs_" + std::to_string(getpid()));
    add("sched", "sched_switch", 1);
    add("sched", "sched_process_exec", 2);
    add("net", "netif_rx", 3);
    settings_.tracefs = root_;
  }
  void TearDown() override { fs::remove_all(root_); }
  void add(const fs::path& category, const fs::path& event, int id) {
    const fs::path directory = root_ / "events" / category / event;
    fs::create_directories(directory);
    std::ofstream(directory / "id") << id << "\n";
    std::ofstream(directory / "format") << exec_format;
  }
  std::string expand(std::string_view target) {
    Machine machine(settings_);
    auto points = find_provider(all_providers(), "tracepoint")->expand(machine, target);
    if (!points) return points.error().text();
    std::string names;
    for (const AttachPoint& point : *points) names += point.name + " ";
    return names;
  }
  fs::path root_;
  Machine::Settings settings_;
};

TEST_F(TracefsOfOurOwn, Expand) {
  EXPECT_EQ(expand("sched:sched_switch"), "tracepoint:sched:sched_switch ");
  EXPECT_EQ(expand("s*:*exec"), "tracepoint:sched:sched_process_exec ");
  EXPECT_EQ(expand("*:*"),
            "tracepoint:net:netif_rx tracepoint:sched:sched_process_exec tracepoint:sched:sched_switch ");
  EXPECT_NE(expand("sched:sched_swich").find("did you mean 'sched_switch'"), std::string::npos);
  EXPECT_NE(expand("schedd:x").find("did you mean 'sched'"), std::string::npos);
  EXPECT_NE(expand("sched").find("write tracepoint:SUBSYSTEM:EVENT"), std::string::npos);
  EXPECT_NE(expand("sched:../net/netif_rx").find("there is no tracepoint"), std::string::npos);
  EXPECT_NE(expand(":").find("write tracepoint:"), std::string::npos);
}

TEST_F(TracefsOfOurOwn, List) {
  Machine machine(settings_);
  const auto by_event = list_probes(machine, "tracepoint:*exec*", true);
  ASSERT_TRUE(by_event) << by_event.error().text();
  ASSERT_EQ(by_event->size(), 1U);
  EXPECT_EQ(by_event->front().name, "tracepoint:sched:sched_process_exec");
  EXPECT_NE(named(by_event->front().fields, "args.filename"), nullptr);
  const auto by_category = list_probes(machine, "t:net", false);
  ASSERT_TRUE(by_category);
  ASSERT_EQ(by_category->size(), 1U);
  const auto anywhere = list_probes(machine, "*netif*", false);
  ASSERT_TRUE(anywhere);
  ASSERT_EQ(anywhere->size(), 1U);
  const auto all = list_probes(machine, "", false);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->front().name, "BEGIN");
  const auto wrong = list_probes(machine, "tracepont:x", false);
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().hint.find("'tracepoint'"), std::string::npos);
}

TEST(KernelSymbols, FromAFile) {
  const auto path = fs::temp_directory_path() / ("zeektrace_kallsyms_" + std::to_string(getpid()));
  std::ofstream(path)
      << "ffffffff81000000 T _text\nffffffff81000100 t vfs_read\nffffffff81000200 D jiffies\n"
         "ffffffff81000100 T vfs_read\nffffffffc0000000 t nf_hook\t[nf_tables]\nodd\n\n12 T\n";
  const KernelSymbols symbols(path);
  EXPECT_TRUE(symbols.has("vfs_read", ""));
  EXPECT_FALSE(symbols.has("jiffies", "")) << "not a function";
  EXPECT_TRUE(symbols.has("nf_hook", "nf_tables"));
  EXPECT_FALSE(symbols.has("nf_hook", "other"));
  const auto found = symbols.matching("*_*", "");
  ASSERT_EQ(found.size(), 3U) << "each name once";
  EXPECT_EQ(found.back().module, "nf_tables");
  EXPECT_EQ(found.back().address, 0xffffffffc0000000U);
  fs::remove(path);
  EXPECT_FALSE(KernelSymbols("/nonexistent").has("vfs_read", ""));
}

std::string period_of(std::string_view provider, std::string_view target) {
  Machine machine({});
  auto points = find_provider(all_providers(), provider)->expand(machine, target);
  return points ? std::to_string(points->front().offset) : points.error().text();
}

TEST(Timer, Periods) {
  EXPECT_EQ(period_of("interval", "s:1"), "1000000000");
  EXPECT_EQ(period_of("interval", "5ms"), "5000000");
  EXPECT_EQ(period_of("profile", "hz:99"), "10101010");
  EXPECT_EQ(period_of("profile", "us:50"), "50000");
  EXPECT_EQ(period_of("interval", "ms:1_000"), "1000000000");
  EXPECT_NE(period_of("interval", "us:1").find("at most every 10 us"), std::string::npos);
  EXPECT_NE(period_of("interval", "s:0").find("more than zero"), std::string::npos);
  EXPECT_NE(period_of("interval", "hz:0").find("more than zero"), std::string::npos);
  EXPECT_NE(period_of("interval", "hz:99999999999").find("at most every"), std::string::npos);
  EXPECT_NE(period_of("interval", "fortnight:1").find("not a unit"), std::string::npos);
  EXPECT_NE(period_of("interval", "s:x").find("'x' is not a number"), std::string::npos);
  EXPECT_NE(period_of("interval", "s:99999999999999999999").find("not a number"), std::string::npos);
  EXPECT_NE(period_of("interval", "h:9999999999999").find("longer than"), std::string::npos);
  EXPECT_NE(period_of("interval", "").find("missing"), std::string::npos);
  EXPECT_NE(period_of("BEGIN", "x").find("no target"), std::string::npos);
}

// Only where the kernel has no kprobes are system calls told apart by their number.
TEST(Kprobe, SystemCallGate) {
  Machine machine({});
  const Provider* kretprobe = find_provider(all_providers(), "kr");
  auto points = kretprobe->expand(machine, "sys_read");
  ASSERT_TRUE(points) << points.error().text();
  EXPECT_EQ(points->front().name, "kretprobe:sys_read");
  const auto gate = kretprobe->gate(*points);
  if (points->front().how->section != "raw_tp") {
    EXPECT_FALSE(gate);
    EXPECT_EQ(points->front().symbol, "__x64_sys_read");
    GTEST_SKIP() << "this kernel has kprobes: nothing else to see here";
  }
  ASSERT_TRUE(gate);
  EXPECT_EQ(gate->of, (std::vector<int64_t>{__NR_read}));
  EXPECT_EQ(std::get<Chain>(gate->value).offsets, (std::vector<uint32_t>{120}));  // orig_ax
  ASSERT_EQ(gate->require.size(), 1U);
  EXPECT_EQ(gate->require.front().value, 0x33U);
  EXPECT_EQ(gate->require.front().size, 2U);
  auto others = find_provider(all_providers(), "kprobe")->expand(machine, "vfs_read");
  ASSERT_FALSE(others);
  EXPECT_EQ(others.error().kind, Error::Kind::machine);
  EXPECT_NE(others.error().message.find("no kprobes"), std::string::npos);
}

TEST(VerifierLog, LineAndMessage) {
  const Source source("x.bt", "BEGIN {\n  @a = count();\n}\n");
  const auto today = explain_rejection(
      "0: R1=ctx()\n; @a = count(); @ x.bt:2\n0: (79) r0 = *(u64 *)(r1 +96)\ninvalid bpf_context access "
      "off=96 size=8\n"
      "processed 1 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n",
      source);
  EXPECT_EQ(today.line, 2U);
  EXPECT_EQ(today.message, "invalid bpf_context access off=96 size=8");
  const auto before =
      explain_rejection("; @a = count();\n0: (79)\nR0 !read_ok\nprocessed 1 insns\n\n", source);
  EXPECT_EQ(before.line, 2U);
  EXPECT_EQ(before.message, "R0 !read_ok");
  EXPECT_EQ(explain_rejection("", source).line, 0U);
}

TEST(Features, UprobeMultiFiltersThreads) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  Features features(true);
  if (!features.uprobe_multi()) GTEST_SKIP() << "this kernel has no uprobe_multi links";
  // Whatever the answer is, the mechanism follows from it.
  Machine::Settings settings;
  settings.pid = getpid();
  Machine machine(settings);
  auto points = find_provider(all_providers(), "uprobe")->expand(machine, "libc:malloc");
  ASSERT_TRUE(points) << points.error().text();
  EXPECT_EQ(points->front().how->section,
            features.uprobe_multi_filters_processes() ? "uprobe.multi" : "uprobe");
  settings.multi_links = false;
  Machine old(settings);
  points = find_provider(all_providers(), "uprobe")->expand(old, "libc:malloc");
  ASSERT_TRUE(points) << points.error().text();
  EXPECT_EQ(points->front().how->section, "uprobe");
}

}  // namespace
}  // namespace zeektrace
