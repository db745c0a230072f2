// docs/language.md and man/zeektrace.8 are what the rows say: the target `reference` writes them.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "codegen/object.h"
#include "probes/machine.h"
#include "src/reference.h"

namespace zeektrace {
namespace {

std::string file(const std::string& name) {
  std::ifstream in(std::string(ZEEKTRACE_SOURCE_DIR "/") + name);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(Reference, TheLanguagePageIsUpToDate) {
  EXPECT_EQ(file("docs/language.md"), reference_markdown()) << "the target `reference` writes it anew";
}
TEST(Reference, TheManPageIsUpToDate) {
  EXPECT_EQ(file("man/zeektrace.8"), reference_man()) << "the target `reference` writes it anew";
}

TEST(Reference, HelpKnowsEachName) {
  for (const Builtin& row : all_builtins()) {
    auto text = help_on(row.name);
    ASSERT_TRUE(text) << row.name;
    EXPECT_NE(text->find(row.doc), std::string::npos) << row.name;
  }
  for (const Provider& row : all_providers()) {
    auto text = help_on(row.name);
    ASSERT_TRUE(text) << row.name;
    EXPECT_NE(text->find(row.syntax), std::string::npos) << row.name;
  }
  EXPECT_EQ(help_on("kfunc"), help_on("fentry"));
  EXPECT_FALSE(help_on("nosuch"));
}

TEST(Reference, EachRowHasAnExample) {
  for (const Builtin& row : all_builtins())
    EXPECT_TRUE(row.form == Builtin::Form::op || !row.example.empty()) << row.name;
  for (const Provider& row : all_providers()) EXPECT_FALSE(row.example.empty()) << row.name;
}

}  // namespace
}  // namespace zeektrace
