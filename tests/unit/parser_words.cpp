// The words that every room speaks: places in a script, errors and how they are shown, types, rows.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "parser/diagnostic.h"
#include "parser/program.h"
#include "parser/registry.h"

namespace zeektrace {
namespace {

std::string shown(const std::string& text, Span span, std::string name = "f.bt") {
  Source source(std::move(name), text);
  return render(source, {Code::syntax, span, "wrong", ""});
}

TEST(Source, finds_lines_and_columns) {
  Source source("f", "ab\ncd\r\n\nx");
  EXPECT_EQ(source.position(0).line, 1u);
  EXPECT_EQ(source.position(4).line, 2u);
  EXPECT_EQ(source.position(4).column, 2u);
  EXPECT_EQ(source.position(8).line, 4u);
  EXPECT_EQ(source.position(999).line, 4u);
  EXPECT_EQ(source.position(999).column, 2u);
  EXPECT_EQ(source.line(1), "ab");
  EXPECT_EQ(source.line(2), "cd");
  EXPECT_EQ(source.line(3), "");
  EXPECT_EQ(source.line(4), "x");
  EXPECT_EQ(source.line(5), "");
  EXPECT_EQ(source.slice({1, 4}), "b\nc");
  EXPECT_EQ(source.slice({5, 999}), "\r\n\nx");
  EXPECT_EQ(source.slice({99, 5}), "");
}

TEST(Source, knows_utf8) {
  uint32_t point = 0;
  EXPECT_EQ(utf8_length("a"), 1u);
  EXPECT_EQ(utf8_length("\xe2\x82\xac", &point), 3u);
  EXPECT_EQ(point, 0x20acu);
  EXPECT_EQ(utf8_length("\xf0\x9f\x98\x80", &point), 4u);
  EXPECT_EQ(point, 0x1f600u);
  for (const char* bad : {"\x80", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xff"}) {
    EXPECT_EQ(utf8_length(bad), 0u) << bad;
  }
}

TEST(Render, puts_the_caret_under_the_span) {
  EXPECT_EQ(shown("BEGIN {\n  foo();\n}", {10, 13}), "f.bt:2:3: error: wrong\n  foo();\n  ^~~\n");
  EXPECT_EQ(shown("\tfoo\tbar", {5, 8}), "f.bt:1:6: error: wrong\n\tfoo\tbar\n\t   \t^~~\n");
  EXPECT_EQ(shown("ab\ncd", {1, 5}), "f.bt:1:2: error: wrong\nab\n ^\n");
  EXPECT_EQ(shown("ab", {2, 2}), "f.bt:1:3: error: wrong\nab\n  ^\n");
  EXPECT_EQ(shown("", {0, 0}), "f.bt:1:1: error: wrong\n\n^\n");
  EXPECT_EQ(shown("\xc3\xa4\xc3\xb6 x", {5, 6}), "f.bt:1:6: error: wrong\n\xc3\xa4\xc3\xb6 x\n   ^\n");
}

TEST(Render, is_safe_for_a_terminal) {
  EXPECT_EQ(shown("a\x1b[2Jb", {5, 6}), "f.bt:1:6: error: wrong\na\\x1b[2Jb\n        ^\n");
  EXPECT_EQ(shown("\xff!", {0, 1}), "f.bt:1:1: error: wrong\n\\xff!\n^~~~\n");
  EXPECT_EQ(shown("\u202e!", {3, 4}), "f.bt:1:4: error: wrong\n\\u{202e}!\n        ^\n");
  EXPECT_EQ(shown("x", {0, 1}, "e\x1bvil"), "e\\x1bvil:1:1: error: wrong\nx\n^\n");
  Source source("f", "x");
  EXPECT_EQ(render(source, {Code::syntax, {0, 1}, "a\x07z", "h\x08t"}), "f:1:1: error: a\\x07z\nx\n^\nhint: h\\x08t\n");
}

TEST(Render, cuts_long_lines_around_the_caret) {
  std::string line(1'000'000, 'a');
  line[500'000] = 'X';
  std::string text = shown(line, {500'000, 500'001});
  EXPECT_LT(text.size(), 400u);
  size_t begin = text.find("\n") + 1, middle = text.find("\n", begin);
  std::string first = text.substr(begin, middle - begin), second = text.substr(middle + 1);
  EXPECT_TRUE(first.starts_with("…") && first.ends_with("…")) << first;
  EXPECT_EQ(first.find('X') - std::string("…").size() + 1, second.find('^'));
  EXPECT_LT(shown(line, {0, 1'000'000}).size(), 400u);
  EXPECT_LT(shown(std::string(300, '\x01'), {299, 300}).size(), 1000u);
}

TEST(Diagnostics, fill_wording_and_hint) {
  Diagnostics diagnostics;
  diagnostics.add(Code::unset_variable, {1, 2}, "x").hint += "!";
  const Diagnostic& first = diagnostics.all().at(0);
  EXPECT_EQ(first.message, "$x is used before it has a value");
  EXPECT_EQ(first.hint, "assign to it first: $x = …;!");
  diagnostics.add(Code::not_yet, {1, 2}, "a goto", "use if");
  EXPECT_EQ(diagnostics.all().at(1).message, "a goto is not supported");
  EXPECT_EQ(diagnostics.all().at(1).hint, "use if");
}

TEST(Diagnostics, rows_stand_in_the_order_of_their_codes) {
  for (size_t i = 0; i < diagnostic_rows().size(); ++i) EXPECT_EQ(static_cast<size_t>(diagnostic_rows()[i].code), i);
}

TEST(Error, tells_its_chain_and_its_hints) {
  Error inner = errno_error(2, "can't open /x");
  EXPECT_EQ(inner.text(), "can't open /x: No such file or directory");
  inner.hint = "make one";
  Error outer{Error::Kind::script, "no such probe", "use another", std::make_shared<Error>(inner)};
  EXPECT_EQ(outer.text(), "no such probe: can't open /x: No such file or directory\nhint: use another\nhint: make one");
}

TEST(Type, has_a_spelling_and_a_size) {
  Type int32 = Type::integer(4, true);
  EXPECT_EQ(int32.spelling(), "int32");
  EXPECT_EQ(Type::pointer(int32).spelling(), "int32 *");
  EXPECT_EQ(Type::pointer(Type::pointer(int32)).spelling(), "int32 **");
  EXPECT_EQ(Type::reference(int32).spelling(), "int32 &");
  EXPECT_EQ(Type::reference(Type::pointer(int32)).spelling(), "int32 *&");
  EXPECT_EQ(Type::string(64).spelling(), "string[64]");
  EXPECT_EQ(Type::of(Type::Kind::count).spelling(), "count()");
  EXPECT_EQ(int32.storage(), 8u);
  EXPECT_EQ(Type::string(17).storage(), 24u);
  EXPECT_EQ(Type::of(Type::Kind::ustack).storage(), 16u);
  EXPECT_EQ(Type::of(Type::Kind::hist).storage(), 8 * 66u);
  EXPECT_TRUE(Type::of(Type::Kind::ksym).is_scalar());
  EXPECT_FALSE(Type::of(Type::Kind::usym).is_scalar());
}

TEST(Type, fits_what_converts) {
  Type int32 = Type::integer(4, true), uint64 = Type::integer(8, false);
  EXPECT_TRUE(int32.fits(uint64));
  EXPECT_TRUE(Type::string(8).fits(Type::string(64)));
  EXPECT_FALSE(int32.fits(Type::string(8)));
  EXPECT_FALSE(Type::pointer(int32).fits(Type::pointer(uint64)));
  EXPECT_TRUE(Type::pointer(int32).fits(Type::pointer(int32)));
  Type coarse = Type::of(Type::Kind::hist), fine = coarse;
  fine.buckets.bits = 2;
  EXPECT_FALSE(coarse.fits(fine));
}

// The side that counts, as the BPF program does it.
uint32_t log2_bucket(uint64_t n, int k) {
  if (n < (2ull << k)) return static_cast<uint32_t>(1 + n);
  int j = 63 - __builtin_clzll(n);
  return static_cast<uint32_t>(1 + (2ull << k) + (static_cast<uint64_t>(j - k - 1) << k) + ((n >> (j - k)) - (1ull << k)));
}

TEST(Buckets, of_powers_of_two_agree_with_the_side_that_counts) {
  using Kind = Type::Kind;
  for (int k = 0; k <= 5; ++k) {
    Type::Buckets shape{.bits = k};
    uint32_t count = bucket_count(Kind::hist, shape);
    EXPECT_FALSE(bucket_range(Kind::hist, shape, 0).has_low);
    EXPECT_TRUE(bucket_range(Kind::hist, shape, 0).high == 0);
    __int128 next = 0;
    for (uint32_t i = 1; i < count; ++i) {
      BucketRange range = bucket_range(Kind::hist, shape, i);
      ASSERT_TRUE(range.low == next) << i;
      EXPECT_EQ(log2_bucket(static_cast<uint64_t>(range.low), k), i);
      EXPECT_EQ(range.has_high, i + 1 < count);
      if (!range.has_high) break;
      EXPECT_EQ(log2_bucket(static_cast<uint64_t>(range.high - 1), k), i);
      next = range.high;
    }
    EXPECT_EQ(log2_bucket(UINT64_MAX, k), count - 1);
  }
  EXPECT_EQ(bucket_count(Kind::hist, {}), 66u);
}

TEST(Buckets, of_steps_cover_everything_once) {
  using Kind = Type::Kind;
  Type::Buckets shape{.min = -10, .max = 15, .step = 10};
  EXPECT_EQ(bucket_count(Kind::lhist, shape), 5u);
  const std::pair<int, int> inner[] = {{-10, 0}, {0, 10}, {10, 15}};
  for (uint32_t i = 1; i <= 3; ++i) {
    BucketRange range = bucket_range(Kind::lhist, shape, i);
    EXPECT_TRUE(range.has_low && range.has_high);
    EXPECT_TRUE(range.low == inner[i - 1].first && range.high == inner[i - 1].second) << i;
  }
  EXPECT_TRUE(bucket_range(Kind::lhist, shape, 0).high == -10);
  EXPECT_TRUE(bucket_range(Kind::lhist, shape, 4).low == 15);
  EXPECT_FALSE(bucket_range(Kind::lhist, shape, 4).has_high);
  EXPECT_EQ(bucket_count(Kind::lhist, {.min = INT64_MIN, .max = INT64_MAX, .step = INT64_MAX}), 5u);
}

TEST(MapDef, lays_its_keys_out) {
  MapDef map{.name = "x", .first_use = {}, .keys = {Type::integer(4, true), Type::string(10), Type::of(Type::Kind::ustack)},
             .value = {}};
  EXPECT_EQ(map.key_offset(0), 0u);
  EXPECT_EQ(map.key_offset(1), 8u);
  EXPECT_EQ(map.key_offset(2), 24u);
  EXPECT_EQ(map.key_size(), 40u);
  EXPECT_EQ(MapDef{}.key_size(), 4u);
  EXPECT_EQ(bpf_map_name(map), "m_x");
  EXPECT_EQ(bpf_map_name(MapDef{}), "m_");
}

std::string guesses(std::string_view wrong) {
  const std::string_view names[] = {"pid", "tid", "uid", "nsecs", "printf", "print", "kstack", "ustack", "EventMgr_Drain",
                                    "elapsed", "retval", "quantize"};
  std::vector<std::string> near = near_matches(wrong, names);
  return did_you_mean(near);
}

TEST(Rows, near_names_are_offered_best_first) {
  EXPECT_EQ(guesses("prinft"), "did you mean 'printf' or 'print'?");
  EXPECT_EQ(guesses("PID"), "did you mean 'pid', 'tid' or 'uid'?");
  EXPECT_EQ(guesses("pdi"), "did you mean 'pid'?");
  EXPECT_EQ(guesses("stack"), "did you mean 'kstack' or 'ustack'?");
  EXPECT_EQ(guesses("drain"), "did you mean 'EventMgr_Drain'?");
  EXPECT_EQ(guesses("quantise"), "did you mean 'quantize'?");
  EXPECT_EQ(guesses("banana"), "");
  EXPECT_EQ(guesses("x"), "");
  EXPECT_EQ(guesses("p"), "did you mean 'pid', 'print' or 'printf'?");
  EXPECT_EQ(guesses("ns"), "did you mean 'nsecs'?");
  EXPECT_EQ(guesses(""), "");
}

TEST(Rows, names_of_one_letter_are_near_each_other) {
  const std::string_view names[] = {"f", "main", "y"};
  EXPECT_EQ(did_you_mean(near_matches("x", names)), "did you mean 'f' or 'y'?");
  EXPECT_EQ(did_you_mean(near_matches("ma", names)), "did you mean 'main'?");
}

TEST(Rows, are_found_by_name_form_and_alias) {
  Builtin rows[2];
  rows[0].name = "-";
  rows[0].form = Builtin::Form::op;
  rows[1].name = "pid";
  rows[1].form = Builtin::Form::variable;
  EXPECT_EQ(find_builtin(rows, "pid", Builtin::Form::variable), &rows[1]);
  EXPECT_EQ(find_builtin(rows, "pid", Builtin::Form::function), nullptr);
  Provider providers[1];
  providers[0].name = "uprobe";
  providers[0].alias = "u";
  EXPECT_EQ(find_provider(providers, "u"), &providers[0]);
  EXPECT_EQ(find_provider(providers, "uprobe"), &providers[0]);
  EXPECT_EQ(find_provider(providers, ""), nullptr);
}

}  // namespace
}  // namespace zeektrace
