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
#include "probes/zeek/layout.h"
#include "probes/zeek/zeeks.h"

namespace zeektrace {
namespace {

const std::string evloop = ZEEKTRACE_TARGETS "/evloop";

// A copy in which a text is another one of the same length.
class Copy {
 public:
  Copy(const std::string& original, const std::string& text, const std::string& instead)
      : path_(std::filesystem::temp_directory_path() / ("zeektrace_copy_" + std::to_string(getpid()))) {
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
