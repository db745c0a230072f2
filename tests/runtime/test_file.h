// A run-time test as a value, read from an .rt file; the format is described in README.md beside this file.
// Promises: what comes back is whole and sane (every regex compiles, the test asserts something), or says
// which line is wrong.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace zeektrace {

struct Pattern {
  int line = 0;  // in the .rt file
  std::string text;
};

struct DelayedSignal {
  int number = 0;
  double seconds = 0;     // after the tracer has said that it is attached,
  std::string text = {};  // or, if there is one, this text on stderr
};

struct ExitStatus {
  bool by_signal = false;
  int number = 0;
};

struct TestFile {
  std::string path;
  std::string name;  // the file's name without .rt
  std::string summary;
  std::vector<std::string> covers;
  std::vector<std::string> needs;
  std::string target;
  std::string background;
  std::string args;
  std::string params;
  std::string file;
  std::optional<std::string> script;
  std::string standard_input;
  std::optional<DelayedSignal> signal;
  std::vector<Pattern> expect;
  std::vector<Pattern> reject;
  std::vector<Pattern> errors;  // `stderr:`
  bool tally = false;
  ExitStatus status;
  double within = 20;
};

struct Malformed {
  int line = 0;
  std::string message;
};

std::variant<TestFile, Malformed> read_test_file(const std::string& path);

// Words at blanks; "double quotes" keep blanks together.
std::vector<std::string> split_words(std::string_view text);

std::vector<std::string> split_lines(std::string_view text);

// What $PID, $DIR, $TARGETS and $TMP stand for, and the text with them put in.
using Places = std::vector<std::pair<std::string, std::string>>;
std::string put_places(std::string_view text, const Places& places);

}  // namespace zeektrace
