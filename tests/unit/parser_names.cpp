// Probes for objects of certain names: what is judged, what an entry remembers for a return. With providers of our own, so
// that nothing is asked of the machine.
#include <gtest/gtest.h>

#include "codegen/object.h"
#include "parser/check.h"
#include "parser/parse.h"
#include "probes/machine.h"

namespace zeektrace {
namespace {

constexpr Mechanism::Frame frame = {152, 0};
constexpr Mechanism still = {.name = "entry with its stack", .section = "uprobe.multi", .has_cookie = true, .frame = frame};
constexpr Mechanism entry = {.name = "entry", .section = "uprobe.multi", .has_cookie = true, .with_frame = &still};
constexpr Mechanism leave = {.name = "exits", .section = "uprobe.multi", .has_cookie = true, .at_return = true, .frame = frame};

Result<std::vector<AttachPoint>> enters(Machine&, std::string_view name);
Result<std::vector<AttachPoint>> leaves(Machine&, std::string_view name);
Result<std::vector<Field>> at_entry(Machine&, const AttachPoint&) {
  return std::vector<Field>{{"arg0", Type::integer(8, false), ContextOffset{112}}};
}
Result<std::vector<Field>> at_return(Machine&, const AttachPoint&) {
  return std::vector<Field>{{"arg0", Type::integer(8, false), Remembered{{}}}};
}

constexpr Provider rows[] = {{"enter", "", "enter:NAME", "entry", enters, at_entry},
                             {"leave", "", "leave:NAME", "return", leaves, at_return}};

AttachPoint point(const Provider& row, const Mechanism& how, std::string_view name) {
  AttachPoint made;
  made.provider = &row;
  made.how = &how;
  made.entry = &entry;
  made.name = std::string(row.name) + ":" + std::string(name);
  made.target = "/binary";
  made.offset = 64;
  made.only = NameFilter{ContextOffset{112}, {0, 0}, std::string(name), {}, {}};
  return made;
}
Result<std::vector<AttachPoint>> enters(Machine&, std::string_view name) {
  return std::vector<AttachPoint>{point(rows[0], entry, name)};
}
Result<std::vector<AttachPoint>> leaves(Machine&, std::string_view name) {
  return std::vector<AttachPoint>{point(rows[1], leave, name)};
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
  if (!program || !diagnostics.empty()) return ADD_FAILURE() << "is refused: " << script, nullptr;
  all->program = *std::move(program);
  return all;
}

std::string facts_of(const Program& program) {
  auto object = emit(program, all_builtins());
  return object ? object_facts(*object) : object.error().text();
}

TEST(Names, OneFilterHasOneNumberAndOthersTheirOwn) {
  auto all = checked("enter:a { @ = count(); } enter:b { @ = count(); } enter:a /arg0/ { @ = count(); }");
  ASSERT_TRUE(all);
  const auto& probes = all->program.probes;
  ASSERT_EQ(probes.size(), 3U);
  EXPECT_EQ(probes[0].names, probes[2].names);
  EXPECT_NE(probes[0].names, probes[1].names);
}

TEST(Names, WhatTwoGlobsOfAProbeMeanIsMetOnce) {
  auto all = checked("enter:a*,enter:*b,enter:a* { @ = count(); }");
  ASSERT_TRUE(all);
  const auto& probes = all->program.probes;
  ASSERT_EQ(probes.size(), 2U);
  EXPECT_TRUE(probes[0].only->except.empty());
  EXPECT_EQ(probes[1].only->except, std::vector<std::string>{"a*"});
}

TEST(Names, AReturnAsksTheEntryOfTheSameNames) {
  auto all = checked("enter:a { @ = count(); } leave:a { @b = count(); }");
  ASSERT_TRUE(all);
  const auto& probes = all->program.probes;
  ASSERT_EQ(probes.size(), 2U);
  EXPECT_EQ(probes[0].remembers, std::vector<uint32_t>{1});
  EXPECT_EQ(probes[0].how, &still);
  EXPECT_EQ(probes[1].recalls, 1U);
}

TEST(Names, WhereTheScriptHasNoSuchEntryOneIsMade) {
  auto all = checked("enter:b { @ = count(); } leave:a { @b = count(); }");
  ASSERT_TRUE(all);
  const auto& probes = all->program.probes;
  ASSERT_EQ(probes.size(), 3U);
  EXPECT_TRUE(probes[0].remembers.empty());
  EXPECT_TRUE(probes[2].is_silent);
  EXPECT_EQ(probes[2].how, &still);
  EXPECT_EQ(probes[2].remembers, std::vector<uint32_t>{1});
  const std::string facts = facts_of(all->program);
  EXPECT_NE(facts.find("program p2_entry"), std::string::npos) << facts;
  EXPECT_NE(facts.find("map zt_calls type lru_hash key 16 value 8"), std::string::npos) << facts;
  EXPECT_NE(facts.find("map zt_verdicts type lru_hash key 24 value 8"), std::string::npos) << facts;
}

TEST(Names, AllNamesNeedNeitherAVerdictNorAMemory) {
  auto all = checked("enter:* { @ = count(); } leave:* { @b = count(); }");
  ASSERT_TRUE(all);
  EXPECT_EQ(all->program.probes.size(), 2U);
  const std::string facts = facts_of(all->program);
  EXPECT_EQ(facts.find("zt_"), std::string::npos) << facts;
}

TEST(Names, AReturnThatReadsTheObjectHasItFromTheEntry) {
  auto all = checked("leave:* { @b = sum(arg0); }");
  ASSERT_TRUE(all);
  EXPECT_EQ(all->program.probes.size(), 2U);
  EXPECT_NE(facts_of(all->program).find("map zt_calls"), std::string::npos);
}

TEST(Names, AWordOfACallIsKeptByItsFrameForTheSameNamesOnly) {
  const std::string body = " /@s[tid]/ { @ = sum(nsecs - @s[tid]); delete(@s[tid]); }";
  auto same = checked("enter:a { @s[tid] = nsecs; } leave:a" + body);
  auto other = checked("enter:a { @s[tid] = nsecs; } leave:*" + body);
  ASSERT_TRUE(same && other);
  EXPECT_TRUE(same->program.maps[same->program.map_index.at("s")].is_by_frame);
  EXPECT_FALSE(other->program.maps[other->program.map_index.at("s")].is_by_frame);
}

}  // namespace
}  // namespace zeektrace
