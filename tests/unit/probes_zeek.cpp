// What is known of Zeek's releases, and the Zeek-shaped target read as a binary.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "probes/machine.h"
#include "probes/zeek/layout_text.h"
#include "probes/zeek/layout.h"
#include "probes/zeek/zeeks.h"

namespace zeektrace {
namespace {

const std::string evloop = ZEEKTRACE_TARGETS "/evloop";

// A copy in which a text is another one of the same length.
class Copy {
 public:
  Copy(const std::string& original, const std::string& text, const std::string& instead)
      : path_(std::filesystem::temp_directory_path() / ("zeektrace_copy_" + std::to_string(getpid()) + "_" + std::to_string(made_++))) {
    std::ifstream in(original, std::ios::binary);
    std::stringstream whole;
    whole << in.rdbuf();
    std::string bytes = whole.str();
    for (size_t at = bytes.find(text); at != std::string::npos; at = bytes.find(text, at + text.size())) {
      bytes.replace(at, text.size(), instead);
      count_++;
    }
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  ~Copy() { std::filesystem::remove(path_); }
  std::string path() const { return path_.string(); }
  size_t count() const { return count_; }

 private:
  static inline int made_ = 0;
  std::filesystem::path path_;
  size_t count_ = 0;
};

std::string error_of(const std::string& path) {
  Machine machine({});
  const auto layout = zeek_layout(machine, path, "BIN");
  return layout ? "Zeek " + layout->release : layout.error().text();
}

TEST(ZeekTable, MembersAreInOrderAndOnceForEachRelease) {
  const auto rows = zeek_members();
  for (size_t i = 0; i < rows.size(); i++) {
    EXPECT_LT(rows[i].since, rows[i].before) << rows[i].name;
    EXPECT_NE(rows[i].name.find('.'), std::string_view::npos) << rows[i].name;
    if (i == 0) continue;
    EXPECT_LE(rows[i - 1].name, rows[i].name);
    if (rows[i - 1].name == rows[i].name) {
      EXPECT_LE(rows[i - 1].before, rows[i].since) << rows[i].name;
    }
  }
}

TEST(ZeekTable, FunctionsOfOneReleaseDifferInTheirSymbols) {
  for (const ZeekRelease release : {zeek_release(2, 6, 4), zeek_release(3, 0, 1), zeek_release(4, 2), zeek_release(6, 0, 9),
                                    zeek_release(8, 0, 10), zeek_release(8, 2, 2)}) {
    std::set<std::string_view> symbols;
    for (const ZeekFunction& row : zeek_functions()) {
      EXPECT_LT(row.since, row.before) << row.key;
      if (row.since <= release && release < row.before) {
        EXPECT_TRUE(symbols.insert(row.symbol).second) << row.symbol;
      }
    }
    EXPECT_GT(symbols.size(), 8U) << release;
  }
}

TEST(ZeekTable, WhereThingsAre) {
  Machine machine({});
  const auto layout = zeek_layout(machine, evloop, "evloop");
  ASSERT_TRUE(layout) << layout.error().text();
  const auto enqueue = layout->functions("EventMgr::Enqueue");
  ASSERT_EQ(enqueue.size(), 2U);
  const auto handler = enqueue.front()->where("handler");
  ASSERT_TRUE(handler);
  EXPECT_EQ(std::get<UserMemory>(*handler).adds, std::vector<int64_t>{0});
  const auto invoke = layout->functions("ScriptFunc::Invoke");
  ASSERT_EQ(invoke.size(), 1U);
  const auto func = invoke.front()->where("func");
  ASSERT_TRUE(func);
  EXPECT_EQ(std::get<ContextOffset>(*func).offset, 104U);  // rsi in pt_regs
  EXPECT_FALSE(invoke.front()->where("packet"));
  EXPECT_TRUE(layout->functions("EventMgr::QueueEvent").empty());
}

TEST(ZeekLayouts, OfTheTarget) {
  Machine machine({});
  const auto layout = zeek_layout(machine, evloop, "evloop");
  ASSERT_TRUE(layout) << layout.error().text();
  EXPECT_EQ(layout->release, "8.2.2");
  EXPECT_EQ(layout->number, 80202U);
  EXPECT_EQ(layout->build_id.size(), 40U);
  EXPECT_EQ(layout->offset("CallInfo.size"), 16U);
  EXPECT_EQ(layout->offset("EventHandler.type"), 40U);
  EXPECT_EQ(layout->offset("FuncType.flavor"), 88U);
  EXPECT_FALSE(layout->offset("CallInfo.func"));
  EXPECT_TRUE(layout->global("call_stack"));
  EXPECT_FALSE(layout->global("frame_stack"));
  EXPECT_EQ(layout->source, "its debug information");
}

// What its debug information says of the target's classes, the table says of the release that it mimics.
TEST(ZeekLayouts, DebugInformationAndTheTableAgree) {
  const std::string stripped = testing::TempDir() + "/zeektrace_stripped_" + std::to_string(getpid());
  if (std::system(("objcopy --strip-debug " + evloop + " " + stripped).c_str()) != 0) GTEST_SKIP() << "no objcopy";
  Machine machine({});
  const auto described = zeek_layout(machine, evloop, "evloop"), listed = zeek_layout(machine, stripped, "stripped");
  const std::string refused = described_zeek_layout(stripped, "stripped") ? "" : described_zeek_layout(stripped, "stripped").error().text();
  std::filesystem::remove(stripped);
  ASSERT_TRUE(described && listed);
  EXPECT_EQ(listed->source, "the table of releases");
  EXPECT_NE(refused.find("stripped has no debug information"), std::string::npos) << refused;
  const auto alone = described_zeek_layout(evloop, "evloop");
  ASSERT_TRUE(alone) << alone.error().text();
  EXPECT_GT(alone->members.size(), 40U);
  for (const std::string member : {"CallInfo.frame", "Frame.call", "EventHandler.name", "Connection.uid", "Packet.session", "Func.kind",
                                   "Func::Body.priority", "EventMgr.current", "FuncType.flavor", "ScriptFunc.frame_size"}) {
    ASSERT_TRUE(alone->offset(member)) << member;
    EXPECT_EQ(alone->offset(member), listed->offset(member)) << member;
  }
}

// Families, by what sets them apart; the values are measured on objects of these releases (facts of the project).
TEST(ZeekTable, Families) {
  const auto of = [](std::string_view member, ZeekRelease release) -> std::optional<uint32_t> {
    for (const ZeekMember& row : zeek_members())
      if (row.name == member && row.since <= release && release < row.before) return row.offset;
    return std::nullopt;
  };
  const ZeekRelease v5_2 = zeek_release(5, 2, 2), v6_0 = zeek_release(6, 0, 9), v7_0 = zeek_release(7, 0, 11), v8_0 = zeek_release(8, 0, 10),
                    v8_2 = zeek_release(8, 2, 2);
  EXPECT_EQ(of("CallInfo.size", v8_0), 24U);
  EXPECT_EQ(of("CallInfo.func", v8_0), 8U);
  EXPECT_FALSE(of("CallInfo.frame", v8_0));
  EXPECT_EQ(of("CallInfo.size", v8_2), 16U);
  EXPECT_FALSE(of("CallInfo.func", v8_2));
  EXPECT_EQ(of("Connection.uid", v6_0), 352U);
  EXPECT_EQ(of("Connection.uid", v7_0), 360U);
  EXPECT_EQ(of("Connection.uid", v8_0), 328U);
  EXPECT_EQ(of("Packet.session", v6_0), 184U);
  EXPECT_EQ(of("Packet.session", v8_0), 168U);
  EXPECT_EQ(of("RecordVal.record_val", v8_0), 64U);
  EXPECT_EQ(of("VectorVal.vector_val", v8_0), 48U);
  EXPECT_EQ(of("ID.name", v8_0), 40U);
  EXPECT_EQ(of("ID.val", v8_0), 72U);
  EXPECT_EQ(of("Func::Body.size", v5_2), 72U);
  EXPECT_EQ(of("Func::Body.size", v8_0), 24U);
  EXPECT_EQ(of("analyzer::Analyzer.conn", v6_0), 40U);
  EXPECT_FALSE(of("EventMgr.current", v7_0));
  EXPECT_FALSE(of("CallInfo.size", zeek_release(5, 0, 10)));
  EXPECT_FALSE(of("CallInfo.size", zeek_release(8, 3)));
  EXPECT_EQ(supported_zeek_releases(), "Zeek 5.2 to 8.2");
}

// ---- entries of one's own ----

TEST(ZeekLayoutText, IsReadAsItWasWritten) {
  const auto layout = described_zeek_layout(evloop, "evloop");
  ASSERT_TRUE(layout) << layout.error().text();
  const auto entry = parse_zeek_layout(zeek_layout_text(*layout), "file");
  ASSERT_TRUE(entry) << entry.error().text();
  EXPECT_EQ(entry->release, "8.2.2");
  EXPECT_EQ(entry->build_ids, std::vector<std::string>{layout->build_id});
  EXPECT_EQ(entry->members, layout->members);
}

TEST(ZeekLayoutText, WhatIsWrongIsSaidWithItsLine) {
  const auto said = [](const std::string& text) {
    const auto entry = parse_zeek_layout(text, "f");
    return entry ? "" : entry.error().message;
  };
  const std::string head = "zeek-layout 1\nrelease 8.3.0 # comment\nbuild-id ab\n\n";
  EXPECT_EQ(said(head + "CallInfo.call 0\n"), "");
  EXPECT_EQ(said(""), "f: it is empty");
  EXPECT_EQ(said("hello world\n"), "f:1: it does not begin with 'zeek-layout 1'");
  EXPECT_EQ(said("zeek-layout 2\n"), "f:1: 'zeek-layout 2' is a form that this zeektrace does not know");
  EXPECT_EQ(said(head + "CallInfo.call\n"), "f:5: a line is a name and a value");
  EXPECT_EQ(said(head + "CallInfo.cell 0\n"), "f:5: no member is called 'CallInfo.cell'");
  EXPECT_EQ(said(head + "CallInfo.call -1\n"), "f:5: '-1' is no offset");
  EXPECT_EQ(said(head + "CallInfo.call 0\nCallInfo.call 8\n"), "f:6: CallInfo.call comes twice");
  EXPECT_EQ(said("zeek-layout 1\nbuild-id ab\n"), "f: it names no release");
  EXPECT_EQ(said("zeek-layout 1\nrelease 8.3.0\n"), "f: it names no build-id");
}

TEST(ZeekLayoutText, AnEntryCountsForTheBuildThatItNames) {
  const std::string directory = testing::TempDir() + "/zeektrace_layouts_" + std::to_string(getpid());
  std::filesystem::create_directories(directory);
  auto layout = described_zeek_layout(evloop, "evloop");
  ASSERT_TRUE(layout) << layout.error().text();
  layout->members["Frame.call"] = 8;
  const auto write = [&](const std::string& name) { std::ofstream(directory + "/" + name) << zeek_layout_text(*layout); };
  write("one");
  Machine::Settings settings;
  settings.zeek_layouts = directory;
  Machine machine(settings);
  const auto by_entry = zeek_layout(machine, evloop, "evloop");
  ASSERT_TRUE(by_entry) << by_entry.error().text();
  EXPECT_EQ(by_entry->offset("Frame.call"), 8U);
  EXPECT_EQ(by_entry->source, directory + "/one");
  write("two");
  const auto twice = zeek_layout(machine, evloop, "evloop");
  ASSERT_FALSE(twice);
  EXPECT_NE(twice.error().message.find("is for the same build"), std::string::npos) << twice.error().message;
  std::filesystem::remove(directory + "/two");
  layout->release = "8.2.1";
  write("one");
  const auto other = zeek_layout(machine, evloop, "evloop");
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("one is an entry for Zeek 8.2.1, and evloop, whose build id it names, is Zeek 8.2.2"),
            std::string::npos) << other.error().message;
  layout->build_id = "00";
  write("one");
  EXPECT_EQ(zeek_layout(machine, evloop, "evloop")->source, "its debug information");
  std::filesystem::remove_all(directory);
}

TEST(ZeekLayouts, ImageForTheKernel) {
  Machine machine({.pid = std::nullopt, .program = evloop, .tracefs = ""});
  const auto zeeks = zeek_binaries(machine);
  ASSERT_TRUE(zeeks) << zeeks.error().text();
  ASSERT_EQ(zeeks->size(), 1U);
  const ZeekBinary& zeek = *zeeks->front();
  EXPECT_NE(zeek.identity.inode, 0U);
  EXPECT_NE(zeek.image.code_start, 0U);
  EXPECT_EQ(zeek.image.call_stack, *zeek.layout.global("call_stack"));
  EXPECT_EQ(zeek.image.frame_stack, 0U);
  EXPECT_EQ(zeek.image.call_frame, 8U);
  EXPECT_EQ(zeek.image.call_func, no_zeek_member);
  EXPECT_STREQ(zeek.image.release, "8.2.2");
  EXPECT_EQ(zeek_binaries(machine)->front(), &zeek);
}

TEST(ZeekLayouts, FakedReleasesAreRefused) {
  EXPECT_EQ(error_of("/bin/true"), "BIN is no Zeek");
  {
    // 8.1 dispatches events otherwise.
    const Copy text(evloop, "8.2.2", "8.1.2");
    const Copy copy(text.path(), "version_8_2_2", "version_8_1_2");
    EXPECT_NE(error_of(copy.path()).find("BIN says that it is Zeek 8.1.2, but it lacks _ZN4zeek5Event8DispatchEb"), std::string::npos)
        << error_of(copy.path());
  }
  {
    const Copy copy(evloop, "8.2.2", "8.0.2");
    ASSERT_GE(copy.count(), 1U);
    EXPECT_NE(error_of(copy.path()).find("BIN contradicts itself: its text says Zeek 8.0.2, its symbol zeek_version_8_2_2"),
              std::string::npos)
        << error_of(copy.path());
  }
}

TEST(ZeekNodes, NamesOfNodes) { EXPECT_EQ(zeek_node(getpid()), ""); }

}  // namespace
}  // namespace zeektrace
