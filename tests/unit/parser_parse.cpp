// Text → one-line dump, and what becomes of odd texts.
#include "parser/parse.h"

#include <gtest/gtest.h>

#include <set>

namespace zeektrace {
namespace {

// The dump of a script that parses; otherwise its errors, a line each: "CODE@BEGIN-END".
std::string parsed(const std::string& text) {
  Source source("test", text);
  Diagnostics diagnostics;
  std::optional<Ast> ast = parse(source, diagnostics);
  EXPECT_EQ(ast.has_value(), diagnostics.empty());
  if (ast) return dump(*ast);
  std::string errors;
  for (const Diagnostic& error : diagnostics.all()) {
    EXPECT_NE(render(source, error), "");
    errors += fmt::format("{}@{}-{}\n", diagnostic_rows()[static_cast<size_t>(error.code)].tag, error.span.begin,
                          error.span.end);
  }
  return errors;
}

// An expression as it stands in `BEGIN { $r = …; }`.
std::string value(const std::string& text) {
  std::string whole = parsed("BEGIN { $r = " + text + "; }");
  const std::string before = "(probe (BEGIN) (= $r ", after = "))\n";
  if (!whole.starts_with(before)) return whole;
  return whole.substr(before.size(), whole.size() - before.size() - after.size());
}

struct Case {
  std::string text;
  std::string dump;
};

TEST(Parse, expressions) {
  const Case cases[] = {
      {"1 + 2 * 3", "(+ 1 (* 2 3))"},
      {"(1 + 2) * 3", "(* (+ 1 2) 3)"},
      {"10 - 2 - 3", "(- (- 10 2) 3)"},
      {"12 / 2 % 4 * 5", "(* (% (/ 12 2) 4) 5)"},
      {"1 || 2 && 3 | 4 ^ 5 & 6", "(|| 1 (&& 2 (| 3 (^ 4 (& 5 6)))))"},
      {"1 & 2 == 3", "(& 1 (== 2 3))"},
      {"1 == 2 < 3", "(== 1 (< 2 3))"},
      {"1 != 2 >= 3", "(!= 1 (>= 2 3))"},
      {"1 << 2 + 3 >> 4", "(>> (<< 1 (+ 2 3)) 4)"},
      {"1 <= 2 << 3", "(<= 1 (<< 2 3))"},
      {"1 > 2", "(> 1 2)"},
      {"1 ? 2 : 3 ? 4 : 5", "(?: 1 2 (?: 3 4 5))"},
      {"1 ? 2 ? 3 : 4 : 5", "(?: 1 (?: 2 3 4) 5)"},
      {"1 || 2 ? 3 : 4", "(?: (|| 1 2) 3 4)"},
      {"-1 - -2", "(- (- 1) (- 2))"},
      {"!~-*$p", "(! (~ (- (* $p))))"},
      {"-$x.y", "(- (. $x y))"},
      {"++$i + $j++", "(+ (++ $i) (post++ $j))"},
      {"--@a[1] - @b--", "(- (-- (@a 1)) (post-- @b))"},
      {"args.count + args->count", "(+ (. args count) (. args count))"},
      {"args . if", "(. args if)"},
      {"@", "@"},
      {"@[pid, \"x\"]", "(@ pid \"x\")"},
      {"@a[@b[1]]", "(@a (@b 1))"},
      {"$1 + $23 + $#", "(+ (+ $1 $23) $#)"},
      {"f()", "(f)"},
      {"f (1, g(2), \"three\")", "(f 1 (g 2) \"three\")"},
      {"pid /* not tid */ + // nor uid\n 1", "(+ pid 1)"},
  };
  for (const Case& each : cases) EXPECT_EQ(value(each.text), each.dump) << each.text;
}

TEST(Parse, casts) {
  const Case cases[] = {
      {"(uint64)pid", "(cast uint64 pid)"},
      {"(int8) -1", "(cast int8 (- 1))"},
      {"*(uint64 *)arg0", "(* (cast uint64* arg0))"},
      {"( char** ) arg0", "(cast int8** arg0)"},
      {"(unsigned long long int)pid", "(cast uint64 pid)"},
      {"(unsigned)pid", "(cast uint32 pid)"},
      {"(short int)pid", "(cast int16 pid)"},
      {"(signed char)pid", "(cast int8 pid)"},
      {"(bool)pid", "(cast bool pid)"},
      {"(uint46)$x", "(cast uint46 $x)"},
      {"(foo *)x", "(cast foo* x)"},
      {"(uint8)(uint16)x", "(cast uint8 (cast uint16 x))"},
      {"(uint8)x + 1", "(+ (cast uint8 x) 1)"},
      {"(pid) + 1", "(+ pid 1)"},
      {"(pid) - 1", "(- pid 1)"},
      {"f(pid) ", "(f pid)"},
      {"@x[(pid)]", "(@x pid)"},
      {"(pid)", "pid"},
  };
  for (const Case& each : cases) EXPECT_EQ(value(each.text), each.dump) << each.text;
}

TEST(Parse, numbers) {
  const Case cases[] = {
      {"0", "0"},
      {"1_000_000", "1000000"},
      {"0x1f", "31"},
      {"0XFF_FF", "65535"},
      {"0b101", "5"},
      {"017", "15"},
      {"2e3", "2000"},
      {"0e99", "0"},
      {"1e19", "10000000000000000000"},
      {"18446744073709551615", "18446744073709551615"},
      {"0xffffffffffffffff", "18446744073709551615"},
      {"5ns", "5"},
      {"5us", "5000"},
      {"5ms", "5000000"},
      {"5s", "5000000000"},
      {"5m", "300000000000"},
      {"5h", "18000000000000"},
      {"5d", "432000000000000"},
      {"10ul", "10"},
      {"0x10ULL", "16"},
      {"18446744073709551616", "number_too_large@13-33\n"},
      {"1e20", "number_too_large@13-17\n"},
      {"300000d", "number_too_large@13-20\n"},
      {"1e99999999999", "number_too_large@13-26\n"},
      {"0x", "bad_number@13-15\n"},
      {"0xfg", "bad_number@13-17\n"},
      {"0b12", "bad_number@13-17\n"},
      {"1e", "bad_number@13-15\n"},
      {"12abc", "bad_number@13-18\n"},
      {"0x5ms", "bad_number@13-18\n"},
      {"089", "bad_number@13-16\n"},
      {"1.5", "not_yet@13-16\n"},
  };
  for (const Case& each : cases) EXPECT_EQ(value(each.text), each.dump) << each.text;
}

TEST(Parse, strings) {
  const Case cases[] = {
      {R"("")", R"("")"},
      {R"("a b // c /* d */")", R"("a b // c /* d */")"},
      {R"("\n\t\\\"")", R"("\n\t\\\"")"},
      {R"("\r\1\x7f")", R"("\x0d\x01\x7f")"},
      {R"("cut\0off")", R"("cut")"},  // a text ends at its NUL
      {R"("\x41\101\x4z")", R"("AA\x04z")"},
      {"\"\xc3\xa4\"", "\"\xc3\xa4\""},
      {R"("\q")", "bad_escape@14-16\n"},
      {R"("\x")", "bad_escape@14-16\n"},
      {R"("\777")", "bad_escape@14-16\n"},
      {"\"a\nb\"", "unclosed_string@13-15\n"},
      {"\"a\\", "unclosed_string@13-19\n"},
  };
  for (const Case& each : cases) EXPECT_EQ(value(each.text), each.dump) << each.text;
}

TEST(Parse, statements) {
  const Case cases[] = {
      {"", ""},
      {";;", ""},
      {"exit()", " (exit)"},
      {"exit();;exit();", " (exit) (exit)"},
      {"$x = 1; @y = 2", " (= $x 1) (= @y 2)"},
      {"@a += 1; @a -= 1; @a *= 1; @a /= 1; @a %= 1", " (+= @a 1) (-= @a 1) (*= @a 1) (/= @a 1) (%= @a 1)"},
      {"@a <<= 1; @a >>= 1; @a &= 1; @a ^= 1; @a |= 1", " (<<= @a 1) (>>= @a 1) (&= @a 1) (^= @a 1) (|= @a 1)"},
      {"@++; ++@; @--", " (post++ @) (++ @) (post-- @)"},
      {"return", " (return)"},
      {"if (1) { return; } exit()", " (if 1 (then (return))) (exit)"},
      {"if (1) {} else { exit() };", " (if 1 (then) (else (exit)))"},
      {"if (1) { a } else if (2) { b } else if (3) { c } else { d }",
       " (if 1 (then a) (else (if 2 (then b) (else (if 3 (then c) (else d))))))"},
      {"if (pid) { if (tid) { a } }", " (if pid (then (if tid (then a))))"},
      {"@x[tid] = delete()", " (= (@x tid) (delete))"},
      {"@x[1, 2] = quantize(3)", " (= (@x 1 2) (quantize 3))"},
      {"1 + 2 = 3", " (= (+ 1 2) 3)"},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(parsed("BEGIN { " + each.text + " }"), "(probe (BEGIN)" + each.dump + ")\n") << each.text;
  }
}

TEST(Parse, attach_points_and_predicates) {
  const Case cases[] = {
      {"BEGIN{}", "(probe (BEGIN))\n"},
      {"interval:s:1{}", "(probe (interval \"s:1\"))\n"},
      {"kprobe:a,kprobe:b , k:c {}", "(probe (kprobe \"a\") (kprobe \"b\") (k \"c\"))\n"},
      {"uprobe:/usr/lib/x.so:f /pid/ {}", "(probe (uprobe \"/usr/lib/x.so:f\") (/ pid))\n"},
      {"uprobe:/b:\"ns::f(int, char)\" {}", "(probe (uprobe \"/b:ns::f(int, char)\"))\n"},
      {"uprobe:\"/a dir/b\":f* {}", "(probe (uprobe \"/a dir/b:f*\"))\n"},
      {"t:sys*:[a-c]?_* {}", "(probe (t \"sys*:[a-c]?_*\"))\n"},
      {"uprobe:$1:malloc+4 {}", "(probe (uprobe \"$1:malloc+4\"))\n"},
      {"*probe:x {}", "(probe (*probe \"x\"))\n"},
      {"END / 4 / 2 == 2 / {}", "(probe (END) (/ (== (/ 4 2) 2)))\n"},
      {"END /pid/2/ {}", "(probe (END) (/ (/ pid 2)))\n"},
      {"END /pid/ // why\n /* not */ {}", "(probe (END) (/ pid))\n"},
      {"END /@a[tid]/{ $x = 4/2; }", "(probe (END) (/ (@a tid)) (= $x (/ 4 2)))\n"},
      {"BEGIN {}; END {};", "(probe (BEGIN))\n(probe (END))\n"},
      {"#!/usr/bin/env zeektrace\nBEGIN {}", "(probe (BEGIN))\n"},
      {"\xef\xbb\xbf" "BEGIN {}", "(probe (BEGIN))\n"},
      {"BEGIN\r\n{\r\n  exit();\r\n}\r\n", "(probe (BEGIN) (exit))\n"},
  };
  for (const Case& each : cases) EXPECT_EQ(parsed(each.text), each.dump) << each.text;
}

TEST(Parse, the_founding_script) {
  EXPECT_EQ(parsed("kprobe:sys_read\n{\n  @start[tid] = nsecs;\n}\n\n"
                   "kretprobe:sys_read / @start[tid] /\n{\n  @times = quantize(nsecs - @start[tid]);\n"
                   "  @start[tid] = delete();\n}\n"),
            "(probe (kprobe \"sys_read\") (= (@start tid) nsecs))\n"
            "(probe (kretprobe \"sys_read\") (/ (@start tid)) (= @times (quantize (- nsecs (@start tid)))) "
            "(= (@start tid) (delete)))\n");
}

TEST(Parse, odd_texts) {
  const Case cases[] = {
      {"", "empty_script@0-0\n"},
      {" \n\t", "empty_script@0-0\n"},
      {"// nothing\n/* at all */", "empty_script@0-0\n"},
      {std::string("BEGIN { \0 }", 11), "not_text@8-9\n"},
      {"\x7f" "ELF\x02\x01\x01", "not_text@0-1\n"},
      {"BEGIN { \"\xff\" }", "not_text@9-10\n"},
      {"BEGIN { \x1b[31m }", "not_text@8-9\n"},
      {"BEGIN {", "unclosed_block@6-7\n"},
      {"BEGIN { if (1) { exit();", "unclosed_block@15-16\n"},
      {"BEGIN { f(", "syntax@9-10\n"},
      {"BEGIN { @x[", "syntax@10-11\n"},
      {"BEGIN { \"", "unclosed_string@8-9\n"},
      {"BEGIN { /* x }", "unclosed_comment@8-10\n"},
      {"/*", "unclosed_comment@0-2\n"},
      {"uprobe:/b:\"f {}", "unclosed_string@10-11\n"},
      {"BEGIN", "syntax@5-5\n"},
      {"BEGIN /", "syntax@7-7\n"},
      {"BEGIN {} }", "syntax@9-10\n"},
      {"kprobe: {}", "syntax@0-7\n"},
      {"BEGIN { $ }", "unexpected_character@8-9\n"},
      {"BEGIN { $0 }", "syntax@8-10\n"},
      {"BEGIN { $99999999999999999999 }", "syntax@8-29\n"},
      {"BEGIN { x. }", "unexpected_character@9-10\n"},
      {"BEGIN { \xc2\xa0 }", "unexpected_character@8-10\n"},
      {"config = { a = 1 }", "empty_script@0-0\n"},
      {"BEGIN { $x.0 }", "(probe (BEGIN) (. $x 0))\n"},
      {"BEGIN { (struct foo *)$x }", "(probe (BEGIN) (cast foo* $x))\n"},
      {"BEGIN { (1, 2) }", "(probe (BEGIN) (tuple 1 2))\n"},
      {"BEGIN { a[1] }", "(probe (BEGIN) ([] a 1))\n"},
      {"BEGIN { ) } ", "syntax@8-9\n"},
      {"BEGIN { ] ) } } } ", "syntax@8-9\n"},
      {"BEGIN { \"\\q\" 0x }", "bad_escape@9-11\nbad_number@13-15\nsyntax@13-15\n"},
  };
  for (const Case& each : cases) EXPECT_EQ(parsed(each.text), each.dump) << each.text;
}

std::string repeated(const std::string& text, size_t times) {
  std::string all;
  all.reserve(text.size() * times);
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

TEST(Parse, depth_is_bounded) {
  const std::string shapes[] = {"(", "-", "!", "f(", "@[", "1+(", "1?", "1?1:", "(bool)", "++", "if(1){", "(1+-"};
  for (const std::string& shape : shapes) {
    std::string text = "BEGIN { " + repeated(shape, 1'000'000 / shape.size());
    EXPECT_TRUE(parsed(text).starts_with("nested_too_deep@")) << shape;
    text = "BEGIN { " + repeated(shape, 1000) + "1 }";
    bool is_ternary = shape.starts_with("1?");  // which would need an end, too
    EXPECT_TRUE(is_ternary || parsed(text).starts_with("nested_too_deep@")) << shape;
  }
  EXPECT_TRUE(parsed("BEGIN { $x = 1" + repeated("+1", 100'000) + " }").starts_with("nested_too_deep@"));
  EXPECT_TRUE(parsed("BEGIN { $x" + repeated(".a", 100'000) + " }").starts_with("nested_too_deep@"));
  EXPECT_TRUE(parsed("BEGIN { $x" + repeated("++", 100'000) + " }").starts_with("nested_too_deep@"));
  EXPECT_TRUE(parsed("BEGIN { if (1) {}" + repeated(" else if (1) {}", 100'000) + " }").starts_with("nested_too_deep@"));
  // What follows each other does not nest for who reads it.
  EXPECT_TRUE(parsed("BEGIN { if (1) {}" + repeated(" else if (1) {}", 790) + " }").starts_with("(probe (BEGIN) (if 1"));
  EXPECT_TRUE(value(repeated("(", 150) + "1" + repeated(")", 150)) == "1");
  EXPECT_EQ(value("1" + repeated("+1", 199)), repeated("(+ ", 199) + "1" + repeated(" 1)", 199));
  EXPECT_EQ(parsed("BEGIN { $r = 1" + repeated("+1", 200) + " }").substr(0, 16), "nested_too_deep@");
}

TEST(Parse, large_texts) {
  std::string statements = "BEGIN {\n" + repeated("  @a[pid] = count(); // 1\n", 40'000) + "}\n";
  EXPECT_GT(statements.size(), 1'000'000u);
  EXPECT_EQ(parsed(statements).size(), 14 + 40'000 * 21 + 2u);
  std::string million(1'000'000, 'x');
  EXPECT_EQ(value("\"" + million + "\""), "string_too_long@14-1000014\n");
  EXPECT_EQ(value("\"" + million), "unclosed_string@13-1000017\n");
  EXPECT_EQ(value(million), million);
  EXPECT_EQ(value(std::string(1'000'000, '1')), "number_too_large@13-1000013\n");
  EXPECT_EQ(value("\"" + std::string(max_string_bytes, 'x') + "\"").size(), max_string_bytes + 2);
  EXPECT_EQ(parsed(std::string(max_script_bytes + 1, ' ')), "script_too_large@0-1\n");
  EXPECT_EQ(parsed(std::string(max_script_bytes, ' ')), "empty_script@0-0\n");
  EXPECT_EQ(parsed(std::string(max_script_bytes - 2, '/') + "\n"), "empty_script@0-0\n");
}

// Visits every expression of a block.
struct Visit {
  std::set<ExprId> ids;
  const Source& source;
  void expr(const Expr& e, Span around) {
    EXPECT_TRUE(ids.insert(e.id).second) << "id " << e.id << " twice";
    EXPECT_LE(around.begin, e.span.begin);
    EXPECT_GE(around.end, e.span.end);
    if (auto* call = std::get_if<Call>(&e.node)) {
      for (const ExprPtr& arg : call->args) expr(*arg, e.span);
    }
    if (auto* ref = std::get_if<MapRef>(&e.node)) {
      for (const ExprPtr& key : ref->keys) expr(*key, e.span);
    }
  }
};

TEST(Parse, ids_are_dense_and_spans_exact) {
  Source source("test", "END /pid > 1/ { @x[1, f(2)] = (3 + 4) * -5; }");
  Diagnostics diagnostics;
  std::optional<Ast> ast = parse(source, diagnostics);
  ASSERT_TRUE(ast);
  const ProbeDecl& probe = ast->probes.at(0);
  EXPECT_EQ(source.slice(probe.span), source.text());
  EXPECT_EQ(source.slice(probe.points.at(0).span), "END");
  const Assign& assign = std::get<Assign>(probe.body.at(0).node);
  EXPECT_EQ(source.slice(probe.body.at(0).span), "@x[1, f(2)] = (3 + 4) * -5");
  EXPECT_EQ(source.slice(probe.predicate->span), "pid > 1");
  EXPECT_EQ(source.slice(assign.target->span), "@x[1, f(2)]");
  EXPECT_EQ(source.slice(assign.value->span), "(3 + 4) * -5");
  EXPECT_EQ(source.slice(std::get<Call>(assign.value->node).args.at(0)->span), "3 + 4");
  EXPECT_EQ(source.slice(std::get<Call>(assign.value->node).args.at(1)->span), "-5");
  Visit visit{{}, source};
  visit.expr(*probe.predicate, probe.span);
  visit.expr(*assign.target, probe.body.at(0).span);
  visit.expr(*assign.value, probe.body.at(0).span);
  EXPECT_EQ(visit.ids.size(), ast->expressions);
  EXPECT_EQ(*visit.ids.rbegin() + 1, ast->expressions);
}

TEST(Diagnostics, the_same_mistake_at_the_same_place_is_told_once) {
  Diagnostics diagnostics;
  for (int i = 0; i < 2; i++) diagnostics.add(Code::not_a_probe_value, Span{3, 7}, "arg0").hint = "a hint";
  diagnostics.add(Code::not_a_probe_value, Span{3, 7}, "arg1");
  diagnostics.add(Code::not_a_probe_value, Span{4, 7}, "arg0");
  ASSERT_EQ(diagnostics.all().size(), 3u);
  EXPECT_EQ(diagnostics.all()[0].hint, "a hint");
}

TEST(Parse, every_prefix_of_a_script_is_refused_or_read) {
  std::string script = "#!/x\nk:f, u:/b:\"g(int)\" / @a[tid] / 2 / { if (1) { @ = \"\\x41\" } else if ((uint8)$1) {} /*c*/ }\n";
  for (size_t size = 0; size <= script.size(); ++size) {
    for (char last : {' ', '{', '}', '(', '"', '/', '\\', '*'}) EXPECT_NE(parsed(script.substr(0, size) + last), "");
  }
}

}  // namespace
}  // namespace zeektrace
