#include <gtest/gtest.h>

#include <cstdio>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "src/output/output.h"

namespace zeektrace {
namespace {

struct Said {
  std::string out;
  std::string err;
};

// What a format writes, on both streams.
Said say(std::string_view format, const std::function<void(Output&)>& tell, bool quiet = false) {
  char *out_text = nullptr, *err_text = nullptr;
  size_t out_size = 0, err_size = 0;
  std::FILE* out = open_memstream(&out_text, &out_size);
  std::FILE* err = open_memstream(&err_text, &err_size);
  for (const auto& row : all_formats()) {
    if (row.name == format) tell(*row.make(out, err, quiet));
  }
  std::fclose(out);
  std::fclose(err);
  Said said{{out_text, out_size}, {err_text, err_size}};
  free(out_text);
  free(err_text);
  return said;
}

std::string text(const Table& table) {
  return say("text", [&](Output& output) { output.table(table); }).out;
}
std::string json(const Table& table) {
  return say("json", [&](Output& output) { output.table(table); }).out;
}

Histogram log2(std::vector<std::pair<uint64_t, uint64_t>> low_and_count) {
  Histogram histogram;
  for (auto [low, count] : low_and_count) {
    histogram.buckets.push_back({true, true, low, low == 0 ? 1 : static_cast<__int128>(low) * 2, count});
  }
  return histogram;
}

TEST(Text, HistogramLabels) {
  Table table{"h",
              Table::Kind::hist,
              false,
              {{{},
                log2({{1, 1},
                      {2, 0},
                      {512, 2},
                      {1024, 4},
                      {1 << 20, 0},
                      {1ull << 30, 0},
                      {1ull << 40, 0},
                      {1ull << 50, 0},
                      {1ull << 63, 1}})}}};
  EXPECT_EQ(text(table),
            "@h: \n"
            "[1]                    1 |@@@@@@@@@@@@@                                       |\n"
            "[2, 4)                 0 |                                                    |\n"
            "[512, 1K)              2 |@@@@@@@@@@@@@@@@@@@@@@@@@@                          |\n"
            "[1K, 2K)               4 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|\n"
            "[1M, 2M)               0 |                                                    |\n"
            "[1G, 2G)               0 |                                                    |\n"
            "[1T, 2T)               0 |                                                    |\n"
            "[1P, 2P)               0 |                                                    |\n"
            "[8E, 16E)              1 |@@@@@@@@@@@@@                                       |\n\n");
}

TEST(Text, PartsOfAPowerHaveExactBounds) {
  Histogram histogram;
  histogram.buckets = {{true, true, 1024, 1280, 1}, {true, true, 1280, 1536, 1}};
  Table table{"h", Table::Kind::hist, false, {{{}, histogram}}};
  EXPECT_NE(text(table).find("[1K, 1280)             1 |"), std::string::npos) << text(table);
  EXPECT_NE(text(table).find("[1280, 1536)           1 |"), std::string::npos) << text(table);
}

TEST(Text, LinearLabelsUseLettersOnlyForSuchSteps) {
  auto label = [](int64_t low, int64_t step) {
    Histogram histogram{true, step, {{true, true, low, low + step, 1}}};
    std::string line = text({"", Table::Kind::hist, false, {{{}, histogram}}});
    return line.substr(4, line.find(')') - 3);
  };
  EXPECT_EQ(label(2000, 1000), "[2000, 3000)");
  EXPECT_EQ(label(2048, 1024), "[2K, 3K)");
  EXPECT_EQ(label(-1024, 1024), "[-1K, 0)");
  EXPECT_EQ(label(2048, 100), "[2048, 2148)");
  EXPECT_EQ(label(1 << 20, 1 << 20), "[1M, 2M)");
}

TEST(Text, KeyedHistogramsStandApart) {
  Table table{"h",
              Table::Kind::hist,
              true,
              {{{Signed{1}, Text{"a"}}, log2({{8, 1}})}, {{Signed{2}, Text{"b"}}, log2({{8, 2}})}}};
  std::string bar(52, '@');
  EXPECT_EQ(text(table), "@h[1, a]: \n[8, 16)                1 |" + bar + "|\n\n" +
                             "@h[2, b]: \n[8, 16)                2 |" + bar + "|\n\n");
}

TEST(Text, StacksAsKeys) {
  Table table{"", Table::Kind::map, true, {{{Stack{{"foo+4", "main+20"}}}, Unsigned{3}}}};
  EXPECT_EQ(text(table), "@[\n    foo+4\n    main+20\n]: 3\n\n");
}

TEST(Text, StatisticsAndExactIntegers) {
  Table table{
      "s", Table::Kind::stats, true, {{{Unsigned{UINT64_MAX}}, Statistics{3, int64_t{2}, int64_t{6}}}}};
  EXPECT_EQ(text(table), "@s[18446744073709551615]: count 3, average 2, total 6\n\n");
}

TEST(Text, EmptyMaps) {
  auto tell = [](bool keyed) {
    return [keyed](Output& output) { output.table({"m", Table::Kind::hist, keyed, {}}); };
  };
  Said keyless = say("text", tell(false));
  EXPECT_EQ(keyless.out, "");
  EXPECT_EQ(keyless.err, "@m: no values were counted\n");
  EXPECT_EQ(say("text", tell(false), true).err, "");
  EXPECT_EQ(say("text", tell(true)).out + say("text", tell(true)).err, "");
}

TEST(Text, WhatIsNoAnswerGoesToTheOtherStream) {
  Said said = say("text", [](Output& output) {
    output.attached(1);
    output.attached(20);
    output.said("printf", "hello\n");
    output.said("time", "12:00\n");
    output.value(Signed{-5});
    output.value(Stack{{"f"}});
    output.lost({17, "event", "lost", "ring buffer full", "print less often"});
    output.lost({1, "event", "lost", "ring buffer full", ""});
  });
  EXPECT_EQ(said.out, "hello\n12:00\n-5\n\n        f\n");
  EXPECT_EQ(said.err,
            "Attached 1 probe\nAttached 20 probes\n17 events lost: ring buffer full (print less often)\n"
            "1 event lost: ring buffer full\n");
  EXPECT_EQ(say(
                "text", [](Output& output) { output.attached(1); }, true)
                .err,
            "");
}

TEST(Json, Maps) {
  EXPECT_EQ(json({"m",
                  Table::Kind::map,
                  true,
                  {{{Signed{3}, Text{"a"}}, Signed{-1}}, {{Signed{1}, Text{"b"}}, Unsigned{UINT64_MAX}}}}),
            "{\"type\":\"map\",\"data\":{\"@m\":{\"3,a\":-1,\"1,b\":18446744073709551615}}}\n");
  EXPECT_EQ(json({"", Table::Kind::map, false, {{{}, Text{"abc"}}}}),
            "{\"type\":\"map\",\"data\":{\"@\":\"abc\"}}\n");
  EXPECT_EQ(json({"m", Table::Kind::map, true, {}}), "{\"type\":\"map\",\"data\":{\"@m\":{}}}\n");
  EXPECT_EQ(json({"m", Table::Kind::hist, false, {}}), "{\"type\":\"hist\",\"data\":{\"@m\":[]}}\n");
  EXPECT_EQ(json({"m", Table::Kind::map, false, {}}), "{\"type\":\"map\",\"data\":{\"@m\":null}}\n");
}

TEST(Json, RealsAreNumbersWhereJsonHasThem) {
  Table table{"r", Table::Kind::map, true,
              {{{Real{0.1, true}}, Real{1e100}}, {{Real{-2.5}}, Real{std::numeric_limits<double>::infinity()}}}};
  EXPECT_EQ(json(table), "{\"type\":\"map\",\"data\":{\"@r\":{\"0.1\":1e+100,\"-2.5\":\"inf\"}}}\n");
}

TEST(Json, HistogramsHaveClosedBounds) {
  Histogram histogram;
  histogram.buckets = {{false, true, 0, 0, 1},
                       {true, true, 0, 1, 2},
                       {true, true, (__int128)1 << 63, (__int128)1 << 64, 3},
                       {true, false, 7, 0, 4}};
  EXPECT_EQ(
      json({"h", Table::Kind::hist, false, {{{}, histogram}}}),
      "{\"type\":\"hist\",\"data\":{\"@h\":[{\"max\":-1,\"count\":1},{\"min\":0,\"max\":0,\"count\":2},"
      "{\"min\":9223372036854775808,\"max\":18446744073709551615,\"count\":3},{\"min\":7,\"count\":4}]}}\n");
}

TEST(Json, StatisticsStacksAndAverages) {
  EXPECT_EQ(json({"s", Table::Kind::stats, false, {{{}, Statistics{3, int64_t{-2}, int64_t{-6}}}}}),
            "{\"type\":\"stats\",\"data\":{\"@s\":{\"count\":3,\"average\":-2,\"total\":-6}}}\n");
  EXPECT_EQ(json({"a", Table::Kind::stats, true, {{{Stack{{"f+1"}}}, Average{uint64_t{7}}}}}),
            "{\"type\":\"stats\",\"data\":{\"@a\":{\"\\n    f+1\\n\":7}}}\n");
}

TEST(Json, EveryLineIsAnObjectWhateverTheBytes) {
  Said said = say("json", [](Output& output) {
    output.attached(2);
    output.said("printf", "\xff\xfe bad \"quoted\" \x01\n");
    output.said("time", "x");
    output.value(Text{"\xc3("});
    output.value(Address{4096});
    output.table({"t", Table::Kind::map, true, {{{Text{"\xf0\x9f"}}, Text{"\x80"}}}});
    output.lost({4, "event", "lost", "ring buffer full", ""});
  });
  std::vector<std::string> types;
  for (size_t at = 0; at < said.out.size();) {
    size_t end = said.out.find('\n', at);
    auto line = nlohmann::json::parse(said.out.substr(at, end - at), nullptr, false);
    ASSERT_FALSE(line.is_discarded()) << said.out.substr(at, end - at);
    types.push_back(line["type"]);
    if (types.back() == "lost_events") {
      EXPECT_EQ(line["data"]["events"], 4);
    }
    at = end + 1;
  }
  EXPECT_EQ(types, (std::vector<std::string>{"attached_probes", "printf", "time", "value", "value", "map",
                                             "lost_events"}));
}

}  // namespace
}  // namespace zeektrace
