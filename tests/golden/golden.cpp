// Compares what becomes of each script here with the file beside it, or with --rewrite writes that file.
//
// A script may begin with lines that say how it is run:
//   // params: a b         $1 is a, $2 is b
//   // repeat: 1000 text   the word REPEATED in the script stands for 1000 times that text
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "codegen/object.h"
#include "parser/check.h"
#include "parser/parse.h"
#include "probes/machine.h"
#include "tests/golden/shapes.h"

namespace zeektrace {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<fs::path> scripts_in(const char* folder) {
  std::vector<fs::path> scripts;
  for (const auto& entry : fs::directory_iterator(fs::path(ZEEKTRACE_GOLDEN_DIR) / folder)) {
    if (entry.path().extension() == ".bt") scripts.push_back(entry.path());
  }
  std::sort(scripts.begin(), scripts.end());
  return scripts;
}

// The rest of the line that begins with `directive`; "" when there is none.
std::string directive(const std::string& text, const std::string& directive) {
  size_t at = text.find("// " + directive + ": ");
  if (at == std::string::npos) return "";
  at += directive.size() + 5;
  return text.substr(at, text.find('\n', at) - at);
}

std::string with_repetition(std::string text) {
  std::istringstream words(directive(text, "repeat"));
  size_t times = 0;
  std::string what, all;
  if (!(words >> times)) return text;
  std::getline(words >> std::ws, what);
  for (size_t i = 0; i < times; ++i) all += what;
  size_t at = text.find("REPEATED");
  return at == std::string::npos ? text : text.replace(at, std::string("REPEATED").size(), all);
}

std::vector<std::string> params_of(const std::string& text) {
  std::istringstream words(directive(text, "params"));
  std::vector<std::string> params;
  for (std::string word; words >> word;) params.push_back(word);
  return params;
}

// With --rewrite the files are written, and every comparison holds.
bool rewriting = false;

void compare(const fs::path& path, const std::string& actual) {
  if (rewriting) {
    std::ofstream(path, std::ios::binary) << actual;
    return;
  }
  ASSERT_TRUE(fs::exists(path)) << "build the target `golden` to write it; it would hold\n" << actual;
  EXPECT_EQ(read_file(path), actual) << "in " << path;
}

std::string ast_of(const fs::path& script) {
  Source source(script.filename().string(), read_file(script));
  Diagnostics diagnostics;
  std::optional<Ast> ast = parse(source, diagnostics);
  std::string text = ast ? dump(*ast) : "";
  for (const Diagnostic& diagnostic : diagnostics.all()) text += render(source, diagnostic);
  return text;
}

// The script's errors from both stages; nothing is attached.
Diagnostics errors_of(const Source& source) {
  Diagnostics diagnostics;
  std::optional<Ast> ast = parse(source, diagnostics);
  if (!ast) return diagnostics;
  Machine::Settings settings;
  settings.tracefs = ZEEKTRACE_GOLDEN_DIR "/tracefs";  // events of our own, which need no privilege to be read
  Machine machine(settings);
  CheckOptions options;
  options.params = params_of(source.text());
  Result<Program> program =
      check(source, *ast, all_builtins(), with_shapes(all_providers()), machine, options, diagnostics);
  if (!program && diagnostics.empty()) ADD_FAILURE() << "an error of the machine: " << program.error().text();
  return diagnostics;
}

// What emit makes of a script, without a kernel.
std::string facts_of(const fs::path& script) {
  Source source(script.filename().string(), read_file(script));
  Diagnostics diagnostics;
  std::optional<Ast> ast = parse(source, diagnostics);
  if (!ast) return "it does not parse\n";
  Machine machine({});
  CheckOptions options;
  Result<Program> program = check(source, *ast, all_builtins(), with_shapes(all_providers()), machine, options, diagnostics);
  if (!program || !diagnostics.empty()) return "check refuses it\n";
  Result<Object> object = emit(*program, all_builtins());
  return object ? object_facts(*object) : object.error().text();
}

constexpr std::string_view count_word = " instructions ";

// The numbers after " instructions ", and the text without them.
std::pair<std::vector<int>, std::string> take_counts(std::string text) {
  std::vector<int> counts;
  for (size_t at = 0; (at = text.find(count_word, at)) != std::string::npos;) {
    at += count_word.size();
    size_t end = text.find(' ', at);
    counts.push_back(std::stoi(text.substr(at, end - at)));
    text.erase(at, end - at);
  }
  return {counts, text};
}

class Parsed : public testing::TestWithParam<fs::path> {};

TEST_P(Parsed, as_expected) {
  fs::path script = GetParam();
  compare(fs::path(script).replace_extension(".ast"), ast_of(script));
}

class Emitted : public testing::TestWithParam<fs::path> {};

// All as expected, and no more instructions: fewer are welcome.
TEST_P(Emitted, as_expected) {
  fs::path expected_file = fs::path(GetParam()).replace_extension(".facts");
  std::string actual = facts_of(GetParam());
  if (rewriting || !fs::exists(expected_file)) return compare(expected_file, actual);
  auto [most, expected_text] = take_counts(read_file(expected_file));
  auto [counts, text] = take_counts(actual);
  EXPECT_EQ(text, expected_text);
  ASSERT_EQ(counts.size(), most.size());
  for (size_t i = 0; i < counts.size(); ++i) EXPECT_LE(counts[i], most[i]) << "program " << i << "\n" << actual;
}

class Refused : public testing::TestWithParam<fs::path> {};

TEST_P(Refused, as_expected) {
  fs::path script = GetParam();
  Source source(script.filename().string(), with_repetition(read_file(script)));
  Diagnostics diagnostics = errors_of(source);
  std::string code = source.name().substr(0, source.name().find('.')), text;
  bool seen = false;
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    text += render(source, diagnostic);
    seen = seen || diagnostic_rows()[static_cast<size_t>(diagnostic.code)].tag == code;
  }
  EXPECT_TRUE(seen) << "the error " << code << " is not among these:\n" << text;
  compare(fs::path(script).replace_extension(".err"), text);
}

std::string test_name(const testing::TestParamInfo<fs::path>& info) {
  std::string name = info.param.stem().string();
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Golden, Parsed, testing::ValuesIn(scripts_in("parse")), test_name);
INSTANTIATE_TEST_SUITE_P(Golden, Emitted, testing::ValuesIn(scripts_in("objects")), test_name);
INSTANTIATE_TEST_SUITE_P(Golden, Refused, testing::ValuesIn(scripts_in("errors")), test_name);

TEST(Errors, each_code_has_a_case) {
  std::string without;
  for (const DiagnosticRow& row : diagnostic_rows()) {
    bool has = false;
    for (const fs::path& script : scripts_in("errors")) {
      std::string name = script.filename().string();
      has = has || name.substr(0, name.find('.')) == row.tag;
    }
    if (!has) without += std::string(row.tag) + " ";
  }
  EXPECT_EQ(without, "") << "write tests/golden/errors/CODE.what.bt for each";
}

TEST(Errors, each_expected_file_has_its_script) {
  for (const char* folder : {"parse", "objects", "errors"}) {
    for (const auto& entry : fs::directory_iterator(fs::path(ZEEKTRACE_GOLDEN_DIR) / folder)) {
      EXPECT_TRUE(fs::exists(fs::path(entry.path()).replace_extension(".bt"))) << entry.path() << " belongs to none";
    }
  }
}

}  // namespace
}  // namespace zeektrace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) zeektrace::rewriting = zeektrace::rewriting || std::string_view(argv[i]) == "--rewrite";
  return RUN_ALL_TESTS();
}
