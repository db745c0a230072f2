#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>

#include "src/decode.h"
#include "src/format.h"
#include "src/node_names.h"
#include "src/output/output.h"
#include "src/script_stack.h"

namespace zeektrace {
namespace {

using Kind = Type::Kind;

std::vector<std::byte> bytes_of(std::vector<uint64_t> words) {
  std::vector<std::byte> bytes(words.size() * 8);
  if (!words.empty()) std::memcpy(bytes.data(), words.data(), bytes.size());
  return bytes;
}

Names fake_names() {
  static const std::vector<std::string> points = {"BEGIN", "uprobe:/bin/x:f"};
  static const std::vector<std::string> functions = {"", "f"};
  return {[](uint64_t address, bool) { return fmt::format("k{}", address); },
          [](uint32_t tgid, CodeAddress code, bool is_return) {
            return fmt::format("u{}.{}{}", tgid, code.address, is_return ? "r" : "");
          },
          // A function was inlined at every return address.
          [](uint32_t tgid, CodeAddress code, bool is_return) {
            std::vector<std::string> frames{fmt::format("u{}.{}{}", tgid, code.address, is_return ? "r" : "")};
            if (is_return) frames.insert(frames.begin(), "i");
            return frames;
          },
          [](uint64_t hash) { return std::vector<uint64_t>(hash, 7); },
          [](uint64_t hash) { return ScriptStack{{{"f", "a.zeek", static_cast<uint32_t>(hash)}, {"g", "", 0}}, hash > 100}; },
          [](uint32_t tgid) { return fmt::format("worker-{}", tgid); }, points, functions};
}

// The rows as text output shows them, on one line each.
std::string shown(const MapDef& map, std::vector<MapRow> rows, Shown how = {}) {
  Table table = decode_table(map, rows, how, fake_names());
  char* text = nullptr;
  size_t size = 0;
  std::FILE* out = open_memstream(&text, &size);
  make_text(out, stderr, true)->table(table);
  std::fclose(out);
  std::string result(text, size);
  free(text);
  return result;
}

MapDef map_of(std::string name, std::vector<Type> keys, Type value) {
  MapDef map;
  map.name = std::move(name);
  map.keys = std::move(keys);
  map.value = std::move(value);
  return map;
}

Type signed_of(Kind kind) {
  Type type = Type::of(kind);
  type.is_signed = true;
  return type;
}

MapRow row(std::vector<uint64_t> key, std::vector<std::vector<uint64_t>> copies) {
  MapRow row;
  row.key = bytes_of(std::move(key));
  for (auto& copy : copies) row.values.push_back(bytes_of(std::move(copy)));
  return row;
}

constexpr auto minus(uint64_t n) { return -n; }

TEST(Decode, ScalarsKeepTheirSign) {
  EXPECT_EQ(shown(map_of("x", {}, Type::integer(8, true)), {row({0}, {{minus(3)}})}), "@x: -3\n\n");
  EXPECT_EQ(shown(map_of("x", {}, Type::integer(8, false)), {row({0}, {{minus(1)}})}),
            "@x: 18446744073709551615\n\n");
}

TEST(Decode, CountsAreSummedOverTheCpusAndSortedByValueThenKey) {
  auto map = map_of("", {Type::integer(8, false)}, Type::of(Kind::count));
  EXPECT_EQ(shown(map, {row({9}, {{3}, {4}}), row({5}, {{1}, {0}}), row({2}, {{0}, {7}})}),
            "@[5]: 1\n@[2]: 7\n@[9]: 7\n\n");
}

TEST(Decode, TopKeepsTheLargestAndDivDivides) {
  auto map = map_of("m", {Type::integer(8, false)}, signed_of(Kind::sum));
  std::vector<MapRow> rows = {row({1}, {{100}}), row({2}, {{minus(300)}}), row({3}, {{200}})};
  EXPECT_EQ(shown(map, rows, {2, 10}), "@m[1]: 10\n@m[3]: 20\n\n");
  EXPECT_EQ(shown(map, rows, {0, 100}), "@m[2]: -3\n@m[1]: 1\n@m[3]: 2\n\n");
}

TEST(Decode, ExtremesComeFromTheCpusThatSawAValue) {
  auto rank = [](int64_t value, bool is_min) {
    return extreme_rank(static_cast<uint64_t>(value), true, is_min);
  };
  std::vector<MapRow> least = {row({0}, {{rank(5, true), 1}, {rank(-2, true), 1}, {0, 0}})};
  std::vector<MapRow> most = {row({0}, {{rank(-5, false), 1}, {rank(-2, false), 1}, {0, 0}})};
  EXPECT_EQ(shown(map_of("m", {}, signed_of(Kind::min)), least), "@m: -2\n\n");
  EXPECT_EQ(shown(map_of("m", {}, signed_of(Kind::max)), most), "@m: -2\n\n");
  EXPECT_EQ(shown(map_of("m", {}, signed_of(Kind::max)), {row({0}, {{0, 0}, {0, 0}})}), "");
  // What has a key was there once, and has been zeroed.
  auto keyed = map_of("m", {Type::integer(8, false)}, signed_of(Kind::max));
  EXPECT_EQ(shown(keyed, {row({7}, {{0, 0}, {0, 0}})}), "@m[7]: 0\n\n");
}

TEST(Decode, AveragesAndStatistics) {
  std::vector<MapRow> rows = {row({0}, {{1, minus(10)}, {2, 3}})};
  EXPECT_EQ(shown(map_of("a", {}, signed_of(Kind::avg)), rows), "@a: -2\n\n");
  EXPECT_EQ(shown(map_of("s", {}, signed_of(Kind::stats)), rows), "@s: count 3, average -2, total -7\n\n");
}

TEST(Decode, HistogramsRunFromTheFirstToTheLastFilledBucket) {
  Type hist = Type::of(Kind::hist);
  std::vector<uint64_t> a(66), b(66);
  a[0] = 1;  // negative
  a[2] = 2;  // 1
  b[3] = 4;  // 2 to 3
  b[13] = 1;
  auto text = shown(map_of("h", {}, hist), {row({0}, {a, b})});
  EXPECT_EQ(
      text.find("@h: \n(..., 0)               1 |@@@@@@@@@@@@@                                       |\n"
                "[0]                    0 |                                                    |\n"
                "[1]                    2 |@@@@@@@@@@@@@@@@@@@@@@@@@@                          |\n"
                "[2, 4)                 4 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|\n"
                "[4, 8)                 0 |"),
      0u)
      << text;
  EXPECT_TRUE(
      text.ends_with("[2K, 4K)               1 |@@@@@@@@@@@@@                                       |\n\n"))
      << text;
}

TEST(Decode, LinearHistogram) {
  Type lhist = Type::of(Kind::lhist);
  lhist.buckets = {0, 0, 10, 5};
  auto text = shown(map_of("l", {}, lhist), {row({0}, {{1, 2, 0, 1}})});
  EXPECT_EQ(text,
            "@l: \n(..., 0)               1 |@@@@@@@@@@@@@@@@@@@@@@@@@@                          |\n"
            "[0, 5)                 2 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|\n"
            "[5, 10)                0 |                                                    |\n"
            "[10, ...)              1 |@@@@@@@@@@@@@@@@@@@@@@@@@@                          |\n\n");
}

TEST(Decode, EmptyHistogramHasNoRow) {
  EXPECT_EQ(shown(map_of("h", {}, Type::of(Kind::hist)), {row({0}, {std::vector<uint64_t>(66)})}), "");
}

TEST(Decode, KeysOfSeveralKinds) {
  uint64_t text = 0;
  std::memcpy(&text, "zeek\0xx", 8);  // what stands behind the NUL is not shown
  auto map =
      map_of("k", {Type::string(16), Type::integer(4, true), Type::of(Kind::probe), Type::of(Kind::func)},
             Type::of(Kind::count));
  EXPECT_EQ(shown(map, {row({text, 0, minus(1), 1, 1}, {{2}})}), "@k[zeek, -1, uprobe:/bin/x:f, f]: 2\n\n");
}

TEST(Decode, StacksInKeysAndValues) {
  auto keyed = map_of("", {Type::of(Kind::ustack), Type::integer(8, false)}, Type::of(Kind::count));
  EXPECT_EQ(shown(keyed, {row({2, 33, 4}, {{1}})}), "@[\n    u33.7\n    i\n    u33.7r\n, 4]: 1\n\n");
  auto value = map_of("s", {}, Type::of(Kind::kstack));
  EXPECT_EQ(shown(value, {row({0}, {{1, 0}})}), "@s: \n        k7\n\n");
  auto symbol = map_of("f", {Type::of(Kind::usym)}, Type::of(Kind::count));
  EXPECT_EQ(shown(symbol, {row({64, 33}, {{1}})}), "@f[u33.64]: 1\n\n");
}

TEST(Decode, ShortBytesAreRefused) {
  EXPECT_FALSE(decode_value(Type::integer(8, false), bytes_of({}), fake_names()));
  auto map = map_of("m", {Type::string(64)}, Type::of(Kind::count));
  EXPECT_EQ(shown(map, {row({1}, {{1}})}), "");
  EXPECT_EQ(shown(map_of("m", {}, Type::of(Kind::stats)), {row({0}, {{1}})}), "");
  EXPECT_EQ(shown(map_of("m", {}, Type::of(Kind::count)), {row({0}, {})}), "");
}

TEST(Decode, RealsAreTheirBitsAndSortAsNumbers) {
  auto bits = [](double value) { return std::bit_cast<uint64_t>(value); };
  EXPECT_EQ(shown(map_of("x", {}, Type::real(8)), {row({0}, {{bits(-0.1)}})}), "@x: -0.1\n\n");
  EXPECT_EQ(shown(map_of("x", {}, Type::real(4)), {row({0}, {{std::bit_cast<uint32_t>(0.1f)}})}), "@x: 0.1\n\n");
  auto rows = {row({bits(2)}, {{bits(1.5)}}), row({bits(-1)}, {{bits(-2.5)}}), row({bits(0)}, {{bits(NAN)}})};
  EXPECT_EQ(shown(map_of("x", {Type::real(8)}, Type::real(8)), rows), "@x[-1]: -2.5\n@x[2]: 1.5\n@x[0]: nan\n\n");
}

TEST(Decode, NotationsAreShownAndSortedAsSuch) {
  auto port = [](uint64_t number) { return number | 1 << 16; };
  auto ports = {row({port(443)}, {{1}}), row({port(80)}, {{1}}), row({port(8080)}, {{1}})};
  EXPECT_EQ(shown(map_of("n", {Type::port()}, Type::of(Kind::count)), ports),
            "@n[80/tcp]: 1\n@n[443/tcp]: 1\n@n[8080/tcp]: 1\n\n");
  auto nets = {row({0, 0x0000'000a'ffff'0000, 104}, {{0, 0x0100'000a'ffff'0000}})};
  EXPECT_EQ(shown(map_of("n", {Type::subnet()}, Type::inet()), nets), "@n[10.0.0.0/8]: 10.0.0.1\n\n");
  auto names = std::make_shared<const EnumNames>(EnumNames{{1, "Notice::LOG"}});
  EXPECT_EQ(shown(map_of("n", {}, Type::enumeration("Notice::Type", names)), {row({0}, {{1}})}), "@n: Notice::LOG\n\n");
}

TEST(Decode, TypeNamesAreDemangled) {
  auto told = [](const char* mangled) {
    std::vector<std::byte> bytes(32);
    std::memcpy(bytes.data(), mangled, std::strlen(mangled));
    return std::get<Text>(*decode_value(Type::type_name(32), bytes, fake_names())).value;
  };
  EXPECT_EQ(told("N4zeek3ObjE"), "zeek::Obj");
  EXPECT_EQ(told("*N12_GLOBAL__N_15innerE"), "(anonymous namespace)::inner");
  EXPECT_EQ(told("N4zeek3Ob"), "N4zeek3Ob") << "cut, or no name at all";
  EXPECT_EQ(told(""), "");
}

TEST(Decode, MessagesMustBeWhole) {
  Program program;
  Record record;
  record.fields = {{Type::integer(8, false), 8}, {Type::string(16), 16}};
  record.size = 32;
  program.records.push_back(record);
  auto whole = bytes_of({0, 42, 0x6b65657a, 0});
  ASSERT_NE(find_record(program, whole), nullptr);
  auto values = decode_fields(program.records[0], whole, fake_names());
  EXPECT_EQ(format_values("%d %s", values), "42 zeek");
  EXPECT_EQ(find_record(program, bytes_of({0, 42})), nullptr);
  EXPECT_EQ(find_record(program, bytes_of({1, 42, 1, 1})), nullptr);
  EXPECT_EQ(find_record(program, Bytes(whole).first(4)), nullptr);
}

// ---- printf ----

std::string formatted(std::string_view format, std::vector<Value> values, std::vector<uint32_t> sizes = {}) {
  return format_values(format, values, sizes);
}

TEST(Format, RealsAsCPrintsThem) {
  for (const char* format : {"%f", "%.2f|", "%10.3f|", "%-10f|", "%010.1f", "%+e", "% g", "%#g", "%.0f", "%#.0f", "%G", "%.3E", "%F"})
    for (double value : {0.0, -0.0, 1.5, -2.25, 1e100, 1e-7, 123456789.0, 0.1, HUGE_VAL, -HUGE_VAL}) {
      char expected[200];
      std::snprintf(expected, sizeof expected, format, value);
      EXPECT_EQ(formatted(format, {Real{value}}), expected) << format << " of " << value;
    }
}

TEST(Format, NumbersAsCPrintsThem) {
  struct Case {
    std::string format;
    long long value;
  };
  for (const auto& c : std::vector<Case>{{"%lld", -5},
                                         {"%5lld|", 42},
                                         {"%-5lld|", 42},
                                         {"%05lld", -42},
                                         {"%+lld", 7},
                                         {"% lld", 7},
                                         {"%.4lld", 7},
                                         {"%8.4llx|", 255},
                                         {"%#llx", 255},
                                         {"%#llX", 255},
                                         {"%#llo", 8},
                                         {"%llu", 9},
                                         {"%-8llx|", 255},
                                         {"%08llx", 255},
                                         {"%#010llx", 255},
                                         {"%llx", -1},
                                         {"%lld", INT64_MIN},
                                         {"%llu", -1},
                                         {"%3lld", 12345}}) {
    std::array<char, 128> expected;
    std::snprintf(expected.data(), expected.size(), c.format.c_str(), c.value);
    EXPECT_EQ(formatted(c.format, {Signed{c.value}}), expected.data()) << c.format;
    std::string plain = c.format;
    std::erase(plain, 'l');
    EXPECT_EQ(formatted(plain, {Signed{c.value}}), expected.data()) << plain;
  }
}

TEST(Format, NarrowNumbersStayNarrow) {
  EXPECT_EQ(formatted("%x %u %d", {Signed{-1}, Signed{-1}, Signed{-1}}, {4, 2, 4}), "ffffffff 65535 -1");
}

TEST(Format, Text) {
  EXPECT_EQ(formatted("[%s] [%6s] [%-6s] [%.2s]", {Text{"abc"}, Text{"abc"}, Text{"abc"}, Text{"abc"}}),
            "[abc] [   abc] [abc   ] [ab]");
  EXPECT_EQ(formatted("%c%c %p 100%%", {Unsigned{65}, Unsigned{66}, Unsigned{4096}}), "AB 0x1000 100%");
  EXPECT_EQ(formatted("%s%s", {Stack{{"f+4", "main"}}, Symbol{"g"}}), "\n        f+4\n        main\ng");
}

TEST(Format, OddFormatsDoNoHarm) {
  // What check refuses is shown as it is written.
  EXPECT_EQ(formatted("%", {Signed{1}}), "%");
  EXPECT_EQ(formatted("%d %d", {Signed{1}}), "1 ");
  EXPECT_EQ(formatted("%99999999999999999999d", {Signed{1}}), "%99999999999999999999d");
  EXPECT_EQ(formatted("", {}), "");
}

TEST(Decode, ScriptStacksHaveFunctionsFilesAndLines) {
  auto map = map_of("", {Type::of(Kind::zstack)}, Type::of(Kind::count));
  EXPECT_EQ(shown(map, {row({7}, {{1}})}), "@[\n    f a.zeek:7\n    g\n]: 1\n\n");
  EXPECT_EQ(shown(map, {row({101}, {{1}})}), "@[\n    f a.zeek:101\n    g\n    [the frames above are left out]\n]: 1\n\n");
  EXPECT_EQ(shown(map, {row({0}, {{1}})}), "@[\n]: 1\n\n");
}

TEST(Decode, NodesAndUids) {
  auto map = map_of("", {Type::of(Kind::node), Type::of(Kind::uid)}, Type::of(Kind::count));
  // 62 is "01": the lowest digit comes first.
  EXPECT_EQ(shown(map, {row({3, 62, 61}, {{1}})}), "@[worker-3, C01Z]: 1\n\n");
  EXPECT_EQ(shown(map, {row({3, 0, 0}, {{1}})}), "@[worker-3, ]: 1\n\n");
}

using Frames = std::vector<std::string>;
const std::string invoke = "zeek::detail::ScriptFunc::Invoke(std::vector<zeek::Val>*, zeek::detail::Frame*) const+170";
const std::string invoke_builtin = "zeek::detail::BuiltinFunc::Invoke(std::vector<zeek::Val>*, zeek::detail::Frame*) const";
const Frames native = {"md5+3", invoke_builtin, "zeek::detail::CallExpr::Eval(zeek::detail::Frame*) const+9",
                       "zeek::detail::ExprStmt::Exec(zeek::detail::Frame*, zeek::detail::StmtFlowType&)+52", invoke,
                       "zeek::EventMgr::Drain()+12", "main"};

TEST(ScriptStack, FunctionsStandWhereTheInterpreterRunsThem) {
  const ScriptStack script{{{"md5_hash", "", 0}, {"f", "a.zeek", 3}}};
  EXPECT_EQ(merged_frames(native, false, script), (Frames{"md5+3", "md5_hash", "f a.zeek:3", "zeek::EventMgr::Drain()+12", "main"}));
  EXPECT_EQ(merged_frames({}, false, script), (Frames{"md5_hash", "f a.zeek:3"}));
}

TEST(ScriptStack, AnInvocationThatHasNoFrameYetStaysWhatItIs) {
  EXPECT_EQ(merged_frames(native, false, {{{"f", "a.zeek", 3}}}),
            (Frames{"md5+3", invoke_builtin, "f a.zeek:3", "zeek::EventMgr::Drain()+12", "main"}));
}

TEST(ScriptStack, OfNativeFramesThatAreCutTheInnermostAreMatched) {
  const ScriptStack script{{{"md5_hash", "", 0}, {"f", "a.zeek", 3}, {"g", "a.zeek", 9}}};
  EXPECT_EQ(merged_frames({native.begin(), native.begin() + 5}, true, script),
            (Frames{"md5+3", "md5_hash", "f a.zeek:3", "g a.zeek:9"}));
}

TEST(NodeNames, AreToldAsTheyComeAndGo) {
  std::map<pid_t, std::string> living = {{7, "worker-1"}, {8, ""}};
  std::vector<std::string> told;
  NodeNames nodes([&](pid_t pid) { return living[pid]; });
  nodes.tell([&](pid_t pid, const std::string& name) { told.push_back(std::to_string(pid) + " " + name); });
  nodes.appeared(7);
  nodes.appeared(8);  // a node that has no name yet
  nodes.ask_again();
  living[8] = "proxy";
  nodes.ask_again();
  nodes.ask_again();
  nodes.appeared(7);  // runs another program: no node any more
  living[7] = "";
  nodes.appeared(7);
  nodes.ended(8);
  EXPECT_EQ(told, (std::vector<std::string>{"7 worker-1", "8 proxy", "7 ", "7 worker-1", "7 ", "8 "}));
}

TEST(NodeNames, AreKeptWhenTheProcessIsGone) {
  std::map<pid_t, std::string> living = {{1, "worker-1"}, {2, ""}};
  NodeNames nodes([&](pid_t pid) { return living.contains(pid) ? living[pid] : ""; });
  nodes.appeared(1);
  nodes.appeared(2);
  living[2] = "manager";  // as a supervised node, which is forked first and named then
  nodes.ask_again();
  living.clear();
  nodes.ended(1);
  EXPECT_EQ(nodes.name(1), "worker-1");
  EXPECT_EQ(nodes.name(2), "manager");
  EXPECT_EQ(nodes.name(3), "pid 3");
}

}  // namespace
}  // namespace zeektrace
