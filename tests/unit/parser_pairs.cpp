// Which maps carry a word from a call's entry to its return, and which probes become one program; how a map is kept whose
// key holds a long text. With providers of our own, so that nothing is asked of the machine.
#include <gtest/gtest.h>

#include "codegen/object.h"
#include "parser/check.h"
#include "parser/parse.h"
#include "probes/machine.h"

namespace zeektrace {
namespace {

constexpr Mechanism session = {.name = "session", .section = "uprobe.multi", .has_cookie = true, .filters_pid = true};
constexpr Mechanism entry = {.name = "entry", .section = "uprobe.multi", .has_cookie = true, .filters_pid = true,
                             .session = &session};
constexpr Mechanism leave = {.name = "return", .section = "uretprobe.multi", .has_cookie = true, .filters_pid = true,
                             .at_return = true, .session = &session};
constexpr Mechanism::Frame frame = {152, 0};
constexpr Mechanism old_entry = {.name = "old entry", .section = "uprobe", .has_cookie = true, .frame = frame,
                                 .with_frame = &old_entry};
constexpr Mechanism old_leave = {.name = "old return", .section = "uretprobe", .has_cookie = true, .at_return = true,
                                 .frame = frame};
constexpr Mechanism once = {.name = "once", .section = "raw_tp", .runs_in_tracer = true};

// A place for each letter of the target.
template <const Mechanism& how>
Result<std::vector<AttachPoint>> places(Machine&, std::string_view target);
Result<std::vector<Field>> word_fields(Machine&, const AttachPoint&) {
  return std::vector<Field>{{"arg0", Type::integer(8, false), ContextOffset{112}}};
}

constexpr Provider rows[] = {
    {"enter", "", "enter:F", "entry", places<entry>, word_fields},
    {"leave", "", "leave:F", "return", places<leave>, word_fields},
    {"enter_old", "", "enter_old:F", "entry", places<old_entry>, word_fields},
    {"leave_old", "", "leave_old:F", "return", places<old_leave>, word_fields},
    {"END", "", "END", "end", places<once>, word_fields},
};

template <const Mechanism& how>
Result<std::vector<AttachPoint>> places(Machine&, std::string_view target) {
  std::vector<AttachPoint> points;
  if (target.empty()) target = "x";
  for (char letter : target) {
    AttachPoint point;
    for (const Provider& row : rows)
      if (row.expand == places<how>) point.provider = &row;
    point.how = &how;
    point.name = std::string(1, letter);
    point.target = "binary";
    point.offset = static_cast<uint64_t>(letter);
    points.push_back(std::move(point));
  }
  return points;
}

struct Checked {
  std::unique_ptr<Source> source;
  std::optional<Ast> ast;
  Machine machine{Machine::Settings{}};
  Program program;
};

std::unique_ptr<Checked> checked(const std::string& script) {
  auto all = std::make_unique<Checked>();
  all->source = std::make_unique<Source>("test.bt", script);
  Diagnostics diagnostics;
  all->ast = parse(*all->source, diagnostics);
  if (!all->ast) return ADD_FAILURE() << "does not parse: " << script, nullptr;
  auto program = check(*all->source, *all->ast, all_builtins(), rows, all->machine, CheckOptions{}, diagnostics);
  if (!program || !diagnostics.empty()) {
    for (const auto& each : diagnostics.all()) ADD_FAILURE() << render(*all->source, each);
    return nullptr;
  }
  all->program = *std::move(program);
  return all;
}

const std::string enters = "enter:f { @s[tid] = nsecs; } ";
const std::string leaves = "leave:f /@s[tid]/ { @ = hist(nsecs - @s[tid]); delete(@s[tid]); } ";

std::string kind_of(const std::string& script) {
  auto all = checked(script);
  if (!all) return "wrong";
  const MapDef& map = all->program.maps[all->program.map_index.at("s")];
  if (!all->program.pairs.empty())
    return all->program.pairs[0].returns_need_it ? "session, returns only if set" : "session";
  return map.is_of_call ? "of a call" : "a map";
}

TEST(CallPairs, the_usual_way_becomes_a_session) {
  EXPECT_EQ(kind_of(enters + leaves), "session, returns only if set");
  EXPECT_EQ(kind_of(leaves + enters), "session, returns only if set");
  EXPECT_EQ(kind_of(enters + "leave:f /@s[tid] != 0 && pid > 1/ { @ = hist(nsecs - @s[tid]); @s[tid] = delete(); }"),
            "session, returns only if set");
  EXPECT_EQ(kind_of(enters + "leave:f { @ = hist(nsecs - @s[tid]); }"), "session");
  EXPECT_EQ(kind_of(enters + leaves + "END { clear(@s); }"), "session, returns only if set");
  EXPECT_EQ(kind_of("enter:fg /arg0 > 3/ { @s[tid] = arg0; } leave:fg /@s[tid]/ { @ = sum(@s[tid]); }"),
            "session, returns only if set");
}

TEST(CallPairs, without_sessions_it_is_a_map_that_is_not_printed) {
  EXPECT_EQ(kind_of("enter_old:f { @s[tid] = nsecs; } leave_old:f /@s[tid]/ { @ = hist(nsecs - @s[tid]); }"), "of a call");
  EXPECT_EQ(kind_of("enter_old:f { @s[tid] = nsecs; } leave:f /@s[tid]/ { @ = hist(nsecs - @s[tid]); }"), "of a call");
}

TEST(CallPairs, all_else_stays_a_map) {
  const char* others[] = {
      "enter:f { @s[pid] = nsecs; } leave:f { @ = hist(nsecs - @s[pid]); }",
      "enter:f { @s[tid, pid] = nsecs; } leave:f { @ = hist(nsecs - @s[tid, pid]); }",
      "enter:f { @s[tid] = nsecs; } leave:g { @ = hist(nsecs - @s[tid]); }",
      "enter:f { @s[tid] = nsecs; } enter:g { @ = hist(nsecs - @s[tid]); }",
      "leave:f { @s[tid] = nsecs; } leave:f { @ = hist(nsecs - @s[tid]); }",
      "enter:f { @s[tid] += 1; } leave:f { @ = hist(nsecs - @s[tid]); }",
      "enter:f { @s[tid]++; } leave:f { @ = sum(@s[tid]); }",
      "enter:f { @s[tid] = count(); } leave:f { delete(@s[tid]); }",
      "enter:f { @s[tid] = comm; } leave:f { printf(\"%s\", @s[tid]); }",
      "enter:f { @s[tid] = nsecs; @x = @s[tid]; } leave:f { @ = hist(nsecs - @s[tid]); }",
      "enter:f { @s[tid] = nsecs; } leave:f { @ = hist(nsecs - @s[tid]); } END { print(@s); }",
      "enter:f { @s[tid] = nsecs; } leave:f { @ = hist(nsecs - @s[tid]); clear(@s); }",
      "enter:f { @s[tid] = nsecs; } leave:f { @ = hist(nsecs - @s[tid]); } leave:f { delete(@s[tid]); }",
      "enter:f { @s[tid] = nsecs; }",
  };
  for (const char* script : others) EXPECT_EQ(kind_of(script), "a map") << script;
}

TEST(CallPairs, where_the_stack_pointer_is_known_it_takes_the_threads_place) {
  auto all = checked("enter_old:f { @s[tid] = nsecs; } leave_old:f /@s[tid]/ { @ = hist(nsecs - @s[tid]); }");
  ASSERT_TRUE(all);
  const MapDef& map = all->program.maps[all->program.map_index.at("s")];
  EXPECT_TRUE(map.is_by_frame);
  EXPECT_EQ(map.key_size(), 16u);
  auto object = emit(all->program, all_builtins());
  ASSERT_TRUE(object);
  EXPECT_NE(object_facts(*object).find("map m_s type hash key 16 value 16"), std::string::npos);
}

TEST(CallPairs, a_second_map_of_the_same_calls_stays_one) {
  auto all = checked("enter:f { @s[tid] = nsecs; @a[tid] = arg0; } leave:f /@s[tid]/ { @[@a[tid]] = hist(nsecs - @s[tid]); }");
  ASSERT_TRUE(all);
  EXPECT_EQ(all->program.pairs.size(), 1u);
  EXPECT_TRUE(all->program.maps[all->program.map_index.at("s")].is_in_session);
  const MapDef& other = all->program.maps[all->program.map_index.at("a")];
  EXPECT_TRUE(other.is_in_kernel());
}

TEST(CallPairs, a_session_is_one_program_without_the_map) {
  auto all = checked(enters + leaves);
  ASSERT_TRUE(all);
  auto object = emit(all->program, all_builtins());
  ASSERT_TRUE(object);
  std::string facts = object_facts(*object);
  EXPECT_NE(facts.find("program p0_enter section uprobe.multi"), std::string::npos) << facts;
  EXPECT_EQ(facts.find("p1_leave"), std::string::npos) << facts;
  EXPECT_EQ(facts.find("map m_s "), std::string::npos) << facts;
  EXPECT_EQ(facts.find("get_current_pid_tgid"), std::string::npos) << facts;
}

// ---- maps by the length of a text ----

TEST(MapParts, a_long_text_comes_last_and_has_rooms) {
  MapDef map;
  map.name = "x";
  map.keys = {Type::integer(8, false), Type::string(1024), Type::string(16)};
  auto parts = parts_of(map);
  ASSERT_EQ(parts.size(), 5u);
  EXPECT_EQ(parts[0].name, "m32_x");
  EXPECT_EQ(parts[0].key_size, 8u + 16 + 32);
  EXPECT_EQ(parts[4].name, "m_x");
  EXPECT_EQ(parts[4].text_room, 1024u);
  EXPECT_EQ(parts[4].key_size, map.key_size());
  EXPECT_EQ(part_key_offset(map, 0), 0u);
  EXPECT_EQ(part_key_offset(map, 2), 8u);
  EXPECT_EQ(part_key_offset(map, 1), 24u);
}

TEST(MapParts, short_texts_and_numbers_stay_in_one_map) {
  MapDef map;
  map.name = "x";
  map.keys = {Type::string(64), Type::integer(8, false)};
  auto parts = parts_of(map);
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0].name, "m_x");
  EXPECT_EQ(parts[0].text_room, 0u);
  EXPECT_EQ(part_key_offset(map, 1), 64u);
}

}  // namespace
}  // namespace zeektrace
