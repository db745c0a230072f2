// The house's rules that a compiler does not keep: which room may include which, who may see LLVM, libbpf and what
// bison makes, and that no row's name is compared with outside of the row. Reads the sources as text.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "codegen/object.h"
#include "probes/machine.h"

namespace zeektrace {
namespace {

namespace fs = std::filesystem;

struct File {
  std::string path;  // "probes/elf.cpp"
  std::string room;  // "probes"
  std::vector<std::string> lines;
};

std::vector<File> files_of(const fs::path& root, const std::vector<std::string>& rooms) {
  std::vector<File> files;
  for (const std::string& room : rooms) {
    if (!fs::exists(root / room)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / room)) {
      const std::set<std::string> kinds = {".h", ".cpp", ".l", ".y", ".hpp", ".c"};
      std::string path = fs::relative(entry.path(), root).string();
      if (!kinds.contains(entry.path().extension().string()) || path.ends_with(".bpf.c")) continue;
      File file{path, room, {}};
      std::ifstream in(entry.path());
      for (std::string line; std::getline(in, line);) file.lines.push_back(line);
      files.push_back(std::move(file));
    }
  }
  return files;
}

const std::vector<std::string> rooms = {"parser", "codegen", "probes", "src"};

// A room → the rooms that it stands on.
const std::map<std::string, std::set<std::string>> stands_on = {
    {"parser", {"parser"}},
    {"codegen", {"codegen", "parser"}},
    {"probes", {"probes", "parser"}},
    {"src", {"src", "codegen", "probes", "parser"}},
};

// What only one room may include, by how the header's name begins.
const std::vector<std::pair<std::string, std::string>> reserved = {
    {"llvm/", "codegen"},      {"llvm-c/", "codegen"},    {"lld/", "codegen"},
    {"bpf/", "probes"},        {"bcc/", "probes"},        {"linux/bpf", "probes"},
    {"elfutils/", "probes"},   {"dwarf.h", "probes"},
    {"parser/grammar.h", "parser"}, {"grammar.h", "parser"},
};

// What is wrong with the #include lines of these files, a line each.
std::vector<std::string> wrong_includes(const std::vector<File>& files) {
  std::vector<std::string> wrong;
  const std::regex include(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])");
  for (const File& file : files) {
    for (const std::string& line : file.lines) {
      std::smatch match;
      if (!std::regex_search(line, match, include)) continue;
      std::string header = match[1], room = header.substr(0, header.find('/'));
      bool ours = stands_on.contains(room) && header.find('/') != std::string::npos;
      if (header.starts_with("../")) wrong.push_back(file.path + ": a path from the root is wanted: " + header);
      if (ours && !stands_on.at(file.room).contains(room)) wrong.push_back(file.path + ": must not see " + header);
      for (const auto& [begin, owner] : reserved) {
        if (header.starts_with(begin) && file.room != owner) {
          wrong.push_back(file.path + ": only " + owner + "/ may see " + header);
        }
      }
    }
  }
  return wrong;
}

// What builtins and providers are called. Operators are told apart by their signs where literals are read.
std::set<std::string> row_names() {
  std::set<std::string> names;
  for (const Builtin& row : all_builtins()) {
    if (row.form != Builtin::Form::op) names.insert(std::string(row.name));
  }
  for (const Provider& row : all_providers()) {
    names.insert(std::string(row.name));
    if (row.alias.size() > 1) names.insert(std::string(row.alias));
  }
  return names;
}

// Comparisons with such a name where rows are used: parser/, codegen/ and src/, but not in the builtins themselves.
std::vector<std::string> dispatch_by_name(const std::vector<File>& files, const std::set<std::string>& names) {
  std::vector<std::string> wrong;
  const std::regex comparison(R"re((?:[=!]=\s*"([^"]*)"|"([^"]*)"\s*[=!]=|\bstrcmp\([^"]*"([^"]*)"))re");
  for (const File& file : files) {
    bool in_a_row = file.path.starts_with("codegen/builtins/") || file.room == "probes";
    // The lexer knows the language's own words; options are not builtins.
    bool other_words = file.path == "parser/lexer.cpp" || file.path.starts_with("src/options");
    if (in_a_row || other_words) continue;
    for (const std::string& line : file.lines) {
      for (auto at = std::sregex_iterator(line.begin(), line.end(), comparison); at != std::sregex_iterator(); ++at) {
        std::string name = (*at)[1].str() + (*at)[2].str() + (*at)[3].str();
        if (names.contains(name)) wrong.push_back(file.path + ": compares with \"" + name + "\"");
      }
    }
  }
  return wrong;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

TEST(Layering, no_arrow_runs_up_or_sideways) {
  std::vector<File> files = files_of(ZEEKTRACE_SOURCE_DIR, rooms);
  ASSERT_GT(files.size(), 20u);
  EXPECT_EQ(joined(wrong_includes(files)), "");
}

TEST(Layering, rows_are_not_told_apart_by_name) {
  std::vector<File> files = files_of(ZEEKTRACE_SOURCE_DIR, rooms);
  std::set<std::string> names = row_names();
  for (const char* name : {"pid", "count", "uprobe"}) EXPECT_TRUE(names.contains(name)) << name;
  EXPECT_EQ(joined(dispatch_by_name(files, names)), "");
}

TEST(Layering, throws_nothing_and_uses_no_whole_namespace) {
  const std::regex forbidden(R"(^\s*(?:throw\b|using namespace\b)|[;{)]\s*throw\b)");
  std::vector<std::string> wrong;
  for (const File& file : files_of(ZEEKTRACE_SOURCE_DIR, rooms)) {
    for (size_t i = 0; i < file.lines.size(); ++i) {
      if (std::regex_search(file.lines[i], forbidden)) wrong.push_back(file.path + ":" + std::to_string(i + 1));
    }
  }
  EXPECT_EQ(joined(wrong), "");
}

TEST(Layering, files_are_short_enough_to_read) {
  std::vector<std::string> wrong;
  for (const File& file : files_of(ZEEKTRACE_SOURCE_DIR, rooms)) {
    if (file.lines.size() > 500) wrong.push_back(file.path + ": " + std::to_string(file.lines.size()) + " lines");
  }
  EXPECT_EQ(joined(wrong), "");
}

TEST(Layering, breaches_are_seen) {
  const std::vector<File> files = {
      {"parser/a.h", "parser", {"#include \"probes/machine.h\"", "#include <vector>", "#include \"parser/ast.h\""}},
      {"probes/b.cpp", "probes", {"#  include <llvm/IR/Module.h>", "#include \"codegen/object.h\""}},
      {"src/c.cpp", "src", {"#include <bpf/libbpf.h>", "#include \"probes/machine.h\"", "#include \"parser/grammar.h\""}},
      {"codegen/builtins/d.cpp", "codegen", {"  {\"pid\", Builtin::Form::variable,", "if (name == \"pid\")"}},
      {"codegen/e.cpp", "codegen", {"if (call.function == \"pid\") x();", "if (\"pid\" != y)", "z == \"other\""}},
  };
  EXPECT_EQ(wrong_includes(files).size(), 5u);
  EXPECT_EQ(dispatch_by_name(files, {"pid"}).size(), 2u);
}

}  // namespace
}  // namespace zeektrace
