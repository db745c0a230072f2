// Every row has a run-time test: an .rt file that names it under `covers:`.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "codegen/object.h"
#include "probes/machine.h"

namespace zeektrace {
namespace {

std::set<std::string> covered_rows() {
  std::set<std::string> rows;
  for (const auto& file : std::filesystem::directory_iterator(ZEEKTRACE_SOURCE_DIR "/tests/runtime")) {
    if (file.path().extension() != ".rt") continue;
    std::ifstream in(file.path());
    for (std::string line; std::getline(in, line);) {
      if (!line.starts_with("covers:")) continue;
      std::istringstream words(line.substr(line.find(':') + 1));
      for (std::string word; words >> word;) rows.insert(word);
    }
  }
  return rows;
}

TEST(Rows, each_builtin_has_a_runtime_test) {
  const std::set<std::string> covered = covered_rows();
  for (const Builtin& row : all_builtins()) EXPECT_TRUE(covered.contains(std::string(row.name))) << row.name;
}

TEST(Rows, each_provider_has_a_runtime_test) {
  const std::set<std::string> covered = covered_rows();
  for (const Provider& row : all_providers()) EXPECT_TRUE(covered.contains(std::string(row.name))) << row.name;
}

TEST(Rows, covers_names_only_rows) {
  for (const std::string& name : covered_rows()) {
    bool known = find_provider(all_providers(), name) != nullptr;
    for (const Builtin& row : all_builtins()) known |= row.name == name;
    EXPECT_TRUE(known) << name << " is covered by a test and is no row";
  }
}

TEST(Rows, the_readme_names_each) {
  std::ifstream in(ZEEKTRACE_SOURCE_DIR "/README.md");
  std::stringstream text;
  text << in.rdbuf();
  for (const Builtin& row : all_builtins()) {
    if (row.form == Builtin::Form::op) continue;
    std::string name = "`" + std::string(row.name) + (row.form == Builtin::Form::function ? "(" : "`");
    EXPECT_NE(text.str().find(name), std::string::npos) << name;
  }
  for (const Provider& row : all_providers())
    EXPECT_NE(text.str().find("`" + std::string(row.name)), std::string::npos) << row.name;
}

TEST(Rows, each_row_says_what_it_is) {
  for (const Builtin& row : all_builtins()) {
    EXPECT_FALSE(row.doc.empty()) << row.name;
    EXPECT_TRUE(row.result && row.emit) << row.name;
  }
  for (const Provider& row : all_providers()) EXPECT_FALSE(row.doc.empty() || row.syntax.empty()) << row.name;
}

}  // namespace
}  // namespace zeektrace
