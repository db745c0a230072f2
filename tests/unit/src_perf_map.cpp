// Names of code that was made at run time.
#include "src/perf_map.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "src/symbols.h"

namespace {

using zeektrace::PerfMap;

TEST(PerfMap, finds_the_function_of_an_address) {
  auto map = PerfMap::parse("1000 20 first\n0x2000 0x10 LazyCompile:~a b.js:1\n\nnonsense\n1000 8 first again\n");
  ASSERT_TRUE(map.find(0x1004));
  EXPECT_EQ(map.find(0x1004)->name, "first again") << "code made anew at the same place";
  EXPECT_EQ(map.find(0x1004)->offset, 4u);
  ASSERT_TRUE(map.find(0x200f));
  EXPECT_EQ(map.find(0x200f)->name, "LazyCompile:~a b.js:1");
  EXPECT_FALSE(map.find(0x2010));
  EXPECT_FALSE(map.find(0xfff));
  EXPECT_FALSE(PerfMap::parse("").find(0));
}

TEST(PerfMap, names_addresses_of_a_process) {
  const std::string path = "/tmp/perf-" + std::to_string(getpid()) + ".map";
  std::ofstream(path) << "500000 100 made_at_run_time\n";
  zeektrace::Symbols symbols;
  const auto self = static_cast<uint32_t>(getpid());
  EXPECT_EQ(symbols.user(self, 0x500010, false), "made_at_run_time+16");
  EXPECT_EQ(symbols.user(self, 0x600000, false), "0x600000");
  std::remove(path.c_str());
}

}  // namespace
