// Runs run-time tests: a tracer, a target, and what must be printed.
//
//   run --zeektrace PATH --targets DIR [-k SUBSTRING] [--skip-code N] FILE.rt…
//   run --list-covers FILE.rt…
//
// An .rt file's first line says, behind "# ", what the test shows. Then come `key: value` lines, in any
// order, and keys whose value is the indented block below: covers needs target background args params script
// file stdin signal expect reject stderr tally status within. README.md beside this file describes each;
// test_file.h is the same as a type. One line a test: `ok NAME`, `FAIL NAME: why` with what shows it, `skip
// NAME: reason`; at the end `N passed, N failed, N skipped`. Leaves with 0, with 1 if a test failed or a file
// is malformed, with 2 if called wrongly, and with --skip-code's N (for ctest's SKIP_RETURN_CODE) if exactly
// one file is given and it is skipped.
//
// Promises: needs nothing but a kernel and, for the needs of tests, /proc and /sys: linked statically, it
// runs in a bare initramfs. A tracer that hangs, crashes or floods fails its own test only.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string_view>
#include <system_error>
#include <thread>

#include "judge.h"
#include "machine.h"
#include "process.h"
#include "test_file.h"

namespace zeektrace {

namespace {

struct Options {
  std::string zeektrace;
  std::string targets;
  std::string substring;
  std::optional<int> skip_code;
  double patience = 1;  // each test's limit is multiplied by it, for a slow machine
  bool list_covers = false;
  std::vector<std::string> files;
};

enum class Result { passed, failed, skipped };

std::string absolute(const std::string& path) {
  std::error_code error;
  const auto full = std::filesystem::absolute(path, error);
  return error ? path : full.lexically_normal().string();
}

std::string directory_of(const std::string& path) {
  const auto slash = absolute(path).rfind('/');
  return absolute(path).substr(0, slash);
}

// A fresh directory, gone at the end.
struct Scratch {
  Scratch() {
    const char* parent = std::getenv("TMPDIR");
    path = fmt::format("{}/zeektrace-test-XXXXXX", parent != nullptr ? parent : "/tmp");
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
    if (mkdtemp(path.data()) == nullptr) path.clear();
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code error;
    if (!path.empty()) std::filesystem::remove_all(path, error);
  }
  std::string path;
};

// At most 60 lines from the start and 40 from the end, a thousand characters of each.
void show_output(const char* name, const std::string& text) {
  const auto lines = split_lines(text);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines.size() > 100 && i == 60) {
      fmt::print("  {} … {} lines\n", name, lines.size() - 100);
      i = lines.size() - 40;
    }
    fmt::print("  {} | {}\n", name, lines[i].substr(0, 1000));
  }
}

void show_failure(const TestFile& test, const std::vector<Complaint>& complaints, const Command& command,
                  const Outcome& tracer, const std::string& target_output) {
  fmt::print("FAIL {}: {}\n  {}\n", test.name, complaints.front().what, test.summary);
  for (const auto& complaint : complaints) {
    fmt::print("  {}\n", complaint.what);
    for (const auto& line : split_lines(complaint.detail)) fmt::print("    {}\n", line);
  }
  std::string words;
  for (const auto& word : command.words) words += fmt::format(" {}", word);
  fmt::print("  command:{}\n  {} after {:.3f} s\n", words, status_text(tracer.status), tracer.seconds);
  show_output("stdout", tracer.out);
  show_output("stderr", tracer.err);
  show_output("target", target_output);
}

Result fail(const TestFile& test, const std::string& why) {
  fmt::print("FAIL {}: {}\n  {}\n", test.name, why, test.summary);
  return Result::failed;
}

// A target's words with the program's full path.
std::string target_command(const std::string& text, const std::string& targets) {
  return text.empty() || text[0] == '/' ? text : targets + "/" + text;
}

Command tracer_command(const TestFile& test, const Options& options, const Places& places) {
  Command command;
  command.words.push_back(options.zeektrace);
  for (const auto& word : split_words(put_places(test.args, places))) command.words.push_back(word);
  if (!test.target.empty()) {
    command.words.emplace_back("-c");
    command.words.push_back(target_command(put_places(test.target, places), options.targets));
  }
  if (test.script) {
    command.words.emplace_back("-e");
    command.words.push_back(put_places(*test.script, places));
  } else if (!test.file.empty()) {
    const std::string file = put_places(test.file, places);
    command.words.push_back(file[0] == '/' || file == "-" ? file : directory_of(test.path) + "/" + file);
  }
  for (const auto& word : split_words(put_places(test.params, places))) command.words.push_back(word);
  command.input = put_places(test.standard_input, places);
  return command;
}

// The missing program, if any, that the test wants to trace.
std::optional<std::string> missing_target(const TestFile& test, const Options& options) {
  const std::string text =
      target_command(test.target.empty() ? test.background : test.target, options.targets);
  if (text.empty()) return std::nullopt;
  const std::string program = split_words(text).front();
  if (access(program.c_str(), X_OK) == 0) return std::nullopt;
  return fmt::format("there is no target program {}", program);
}

Result run_test(const TestFile& test, const Options& options) {
  if (const auto missing = missing_need(test.needs)) {
    fmt::print("skip {}: {}\n", test.name, *missing);
    return Result::skipped;
  }
  if (const auto missing = missing_target(test, options)) return fail(test, *missing);
  const Scratch scratch;
  if (scratch.path.empty()) return fail(test, "cannot make a directory under $TMPDIR or /tmp");
  Places places = {{"DIR", directory_of(test.path)}, {"TARGETS", options.targets}, {"TMP", scratch.path}};
  std::string problem;
  std::optional<Process> background;
  if (!test.background.empty()) {
    const auto words = split_words(target_command(put_places(test.background, places), options.targets));
    background = start(Command{words, ""}, problem);
    if (!background) return fail(test, problem);
    places.emplace_back("PID", fmt::to_string(background->pid));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // until its libraries are mapped
  }
  const Command command = tracer_command(test, options, places);
  const auto tracer = start(command, problem);
  Outcome outcome;
  if (tracer) outcome = watch(*tracer, command.input, test.signal, test.within * options.patience);
  std::string target_output;
  if (background) {
    kill(background->pid, SIGTERM);
    const Outcome target = watch(*background, "", std::nullopt, 2);
    target_output = target.out + target.err;
  }
  if (!tracer) return fail(test, problem);
  const auto complaints = judge(test, outcome, target_output, places);
  if (!complaints.empty()) {
    show_failure(test, complaints, command, outcome, target_output);
    return Result::failed;
  }
  fmt::print("ok {} ({:.1f} s)\n", test.name, outcome.seconds);
  return Result::passed;
}

int list_covers(const std::vector<TestFile>& tests) {
  std::set<std::string> rows;
  for (const auto& test : tests) {
    for (const auto& word : test.covers) rows.insert(fmt::format("{} {}", word, test.name));
  }
  for (const auto& row : rows) fmt::print("{}\n", row);
  return 0;
}

bool parse_options(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const bool has_value = i + 1 < argc;
    if (word == "--zeektrace" && has_value) {
      options.zeektrace = absolute(argv[++i]);
    } else if (word == "--targets" && has_value) {
      options.targets = absolute(argv[++i]);
    } else if (word == "-k" && has_value) {
      options.substring = argv[++i];
    } else if (word == "--skip-code" && has_value) {
      options.skip_code = std::atoi(argv[++i]);
    } else if (word == "--patience" && has_value) {
      options.patience = std::atof(argv[++i]);
    } else if (word == "--list-covers") {
      options.list_covers = true;
    } else if (!word.empty() && word[0] == '-') {
      fmt::print(stderr, "run: unknown option '{}', or its value is missing\n", word);
      return false;
    } else {
      options.files.emplace_back(word);
    }
  }
  if (options.patience < 1) {
    fmt::print(stderr, "run: --patience wants a number of at least 1\n");
    return false;
  }
  const bool complete = options.list_covers || (!options.zeektrace.empty() && !options.targets.empty());
  return complete && !options.files.empty();
}

}  // namespace

int run(int argc, char** argv) {
  Options options;
  if (!parse_options(argc, argv, options)) {
    fmt::print(stderr,
               "usage: run --zeektrace PATH --targets DIR [-k SUBSTRING] [--skip-code N] [--patience N]\n"
               "           FILE.rt…\n"
               "       run --list-covers FILE.rt…\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::setvbuf(stdout, nullptr, _IOLBF, 1 << 16);
  std::vector<TestFile> tests;
  int counts[3] = {0, 0, 0};
  for (const auto& path : options.files) {
    if (path.substr(path.rfind('/') + 1).find(options.substring) == std::string::npos) continue;
    auto read = read_test_file(path);
    if (const auto* malformed = std::get_if<Malformed>(&read)) {
      fmt::print(options.list_covers ? stderr : stdout, "FAIL {}: {}:{}: {}\n",
                 path.substr(path.rfind('/') + 1), path, malformed->line, malformed->message);
      ++counts[static_cast<int>(Result::failed)];
    } else {
      tests.push_back(std::move(std::get<TestFile>(read)));
    }
  }
  const int failed_before = counts[static_cast<int>(Result::failed)];
  if (options.list_covers) return failed_before > 0 ? 1 : list_covers(tests);
  if (tests.empty() && failed_before == 0) {
    fmt::print(stderr, "run: no file's name contains '{}'\n", options.substring);
    return 2;
  }
  for (const auto& test : tests) ++counts[static_cast<int>(run_test(test, options))];
  fmt::print("{} passed, {} failed, {} skipped\n", counts[0], counts[1], counts[2]);
  if (counts[1] > 0) return 1;
  const bool only_skipped = options.files.size() == 1 && counts[2] == 1;
  return only_skipped && options.skip_code ? *options.skip_code : 0;
}

}  // namespace zeektrace

int main(int argc, char** argv) { return zeektrace::run(argc, argv); }
