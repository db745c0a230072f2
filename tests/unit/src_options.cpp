#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "src/child.h"
#include "src/commands/commands.h"
#include "src/options.h"

namespace zeektrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Result<Options> options(std::vector<std::string> arguments,
                        std::map<std::string, std::string> environment = {}) {
  return parse_options(arguments, [&](const char* name) -> const char* {
    auto at = environment.find(name);
    return at == environment.end() ? nullptr : at->second.c_str();
  });
}

std::string error(std::vector<std::string> arguments, std::map<std::string, std::string> environment = {}) {
  auto result = options(std::move(arguments), std::move(environment));
  return result ? "no error" : result.error().text();
}

TEST(Options, FileAndParameters) {
  auto o = options({"x.bt", "one", "-5", "--", "-p"});
  ASSERT_TRUE(o);
  EXPECT_EQ(o->file, "x.bt");
  EXPECT_THAT(o->params, ElementsAre("one", "-5", "-p"));
  EXPECT_FALSE(o->script);
  EXPECT_FALSE(o->pid);
}

TEST(Options, Commands) {
  auto o = options({"bench", "-f", "json"});
  ASSERT_TRUE(o);
  ASSERT_NE(o->subcommand, nullptr);
  EXPECT_EQ(o->subcommand->name, "bench");
  EXPECT_EQ(o->format->name, "json");
  EXPECT_EQ(options({"./bench"})->subcommand, nullptr);
  EXPECT_EQ(options({"-e", "BEGIN { exit(); }", "bench"})->subcommand, nullptr);
  EXPECT_THAT(error({"bench", "more"}), HasSubstr("bench takes no 'more'"));
  EXPECT_THAT(error({"bench", "-p", "1"}), HasSubstr("neither -p nor -c"));
  EXPECT_THAT(help_text(), HasSubstr("zeektrace bench"));
  auto layout = options({"zeek", "layout", "/usr/bin/zeek"});
  ASSERT_TRUE(layout && layout->subcommand != nullptr);
  EXPECT_THAT(layout->params, ElementsAre("/usr/bin/zeek"));
  EXPECT_EQ(options({"zeek"})->subcommand, nullptr);
}

TEST(Options, Nodes) {
  EXPECT_EQ(options({"--node", "worker-*", "x.bt"})->node, "worker-*");
  EXPECT_THAT(error({"--node", "w", "-p", "1", "x.bt"}), HasSubstr("neither -p nor -c"));
  EXPECT_EQ(options({"x.bt"}, {{"ZEEKTRACE_ZEEK_LAYOUTS", "/x"}})->zeek_layouts, "/x");
}

TEST(Options, ScriptOnTheCommandLine) {
  auto o = options({"-e", "BEGIN { exit(); }", "7"});
  ASSERT_TRUE(o);
  EXPECT_EQ(o->script, "BEGIN { exit(); }");
  EXPECT_EQ(o->file, "");
  EXPECT_THAT(o->params, ElementsAre("7"));
}

TEST(Options, StandWhereTheyLike) {
  auto o = options({"-q", "x.bt", "-p12", "a", "--format=json", "-o", "out", "--unsafe"});
  ASSERT_TRUE(o);
  EXPECT_TRUE(o->quiet);
  EXPECT_TRUE(o->unsafe);
  EXPECT_EQ(o->pid, 12);
  EXPECT_EQ(o->format->name, "json");
  EXPECT_EQ(o->output, "out");
  EXPECT_THAT(o->params, ElementsAre("a"));
}

TEST(Options, DashIsStandardInput) {
  auto o = options({"-"});
  ASSERT_TRUE(o);
  EXPECT_EQ(o->file, "-");
}

TEST(Options, ListTakesAPattern) {
  auto o = options({"-lv", "uprobe:libc:*"});
  ASSERT_TRUE(o);
  EXPECT_TRUE(o->list);
  EXPECT_TRUE(o->verbose);
  EXPECT_EQ(o->pattern, "uprobe:libc:*");
  EXPECT_TRUE(options({"-l"}));
  EXPECT_THAT(error({"-l", "a", "b"}), HasSubstr("one pattern"));
}

TEST(Options, ErrorsSayWhatToWrite) {
  EXPECT_THAT(error({}), HasSubstr("give a script"));
  EXPECT_THAT(error({"--quite", "x"}), HasSubstr("unknown option --quite\nhint: did you mean '--quiet'"));
  EXPECT_THAT(error({"-Z"}), HasSubstr("unknown option -Z"));
  EXPECT_THAT(error({"-p"}), HasSubstr("-p wants PID"));
  EXPECT_THAT(error({"-p", "abc"}), HasSubstr("not 'abc'"));
  EXPECT_THAT(error({"-p", "0", "x"}), HasSubstr("not '0'"));
  EXPECT_THAT(error({"-p", "99999999999", "x"}), HasSubstr("not '99999999999'"));
  EXPECT_THAT(error({"-f", "xml", "x"}), HasSubstr("known are text, json"));
  EXPECT_THAT(error({"--quiet=1", "x"}), HasSubstr("takes no argument"));
  EXPECT_THAT(error({"-p", "1", "-c", "ls", "x"}), HasSubstr("do not go together"));
  EXPECT_THAT(error({"-e", "a", "-e", "b"}), HasSubstr("twice"));
}

TEST(Options, UsageErrorsAreTheUsersFault) { EXPECT_EQ(options({"-Z"}).error().kind, Error::Kind::script); }

TEST(Options, EnvironmentIsCheckedAndOursWins) {
  auto o = options(
      {"x"},
      {{"BPFTRACE_MAX_STRLEN", "64"}, {"BPFTRACE_MAX_MAP_KEYS", "10"}, {"ZEEKTRACE_MAX_MAP_KEYS", "20"}});
  ASSERT_TRUE(o);
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"max_strlen", "64"}, {"max_map_keys", "10"}, {"max_map_keys", "20"}};
  EXPECT_EQ(o->environment, expected);
  EXPECT_THAT(error({"x"}, {{"ZEEKTRACE_SHOW_DEBUG_INFO", "yes"}}), HasSubstr("must be true or false"));
  EXPECT_TRUE(options({"x", "--source"})->source);
  EXPECT_THAT(error({"x"}, {{"ZEEKTRACE_MAX_STRLEN", "lots"}}), HasSubstr("ZEEKTRACE_MAX_STRLEN is 'lots'"));
  EXPECT_THAT(error({"x"}, {{"BPFTRACE_MAX_MAP_KEYS", "0"}}), HasSubstr("must be a number from 1"));
}

TEST(Options, HelpNamesEveryRow) {
  std::string help = help_text();
  for (const auto& row : option_rows()) EXPECT_THAT(help, HasSubstr("--" + std::string(row.word)));
  for (const auto& row : option_rows()) EXPECT_FALSE(row.doc.empty()) << row.word;
}

TEST(Words, SplitAsAShellDoes) {
  auto words = [](std::string_view text) {
    auto result = split_words(text);
    return result ? *result : std::vector<std::string>{"error: " + result.error().text()};
  };
  EXPECT_THAT(words("ls -l  /tmp"), ElementsAre("ls", "-l", "/tmp"));
  EXPECT_THAT(words("  a\t'b c' \"d e\"  "), ElementsAre("a", "b c", "d e"));
  EXPECT_THAT(words(R"(a\ b 'c\d' "e\"f" "g\h")"), ElementsAre("a b", "c\\d", "e\"f", "g\\h"));
  EXPECT_THAT(words("x'y'\"z\""), ElementsAre("xyz"));
  EXPECT_THAT(words("'' a"), ElementsAre("", "a"));
  EXPECT_THAT(words("$HOME *"), ElementsAre("$HOME", "*"));
  EXPECT_THAT(words(" \t "), IsEmpty());
  EXPECT_THAT(words("a 'b"), ElementsAre(HasSubstr("never closed")));
}

}  // namespace
}  // namespace zeektrace
