// The command line: one table of rows, from which -h and the parsing are made. Options may stand before and
// after FILE;
// `--` ends them, so that an ARG may begin with a dash (a negative number needs none).
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parser/result.h"
#include "src/output/output.h"

namespace zeektrace {

struct Command;  // src/commands/commands.h

// How the answers' stream is buffered: setvbuf's modes, by name.
struct Buffering {
  std::string_view name;
  int mode;
};

struct Options {
  const Command* subcommand = nullptr;  // `zeektrace bench` and its like; null: a script
  std::optional<std::string> script;  // -e
  std::string file;                   // FILE; "-" is standard input; "" when there is none
  std::vector<std::string> params;    // ARG…
  bool list = false;
  std::string pattern;  // of -l; "" lists everything
  std::optional<pid_t> pid;
  std::optional<std::string> command;  // -c
  std::string node;                    // --node; "" for all
  bool dump = false;
  bool dry_run = false;
  const Format* format = nullptr;
  std::string output;  // -o; "" is standard output
  const Buffering* buffering = nullptr;
  bool quiet = false;
  bool verbose = false;
  bool unsafe = false;
  bool source = false;
  bool version = false;
  bool help = false;
  std::string zeek_layouts = "/etc/zeektrace/zeek-layouts";  // from the environment, as what follows
  std::vector<std::pair<std::string, std::string>> environment;  // settings (parser/settings.h) and their values
};

struct OptionRow {
  char letter;                // 0: none
  std::string_view word;      // without the dashes
  std::string_view argument;  // what -h calls it; "" when it takes none
  std::string_view doc;
  Status (*apply)(Options&, std::string_view argument);
};
std::span<const OptionRow> option_rows();

// `arguments` without the program's name; `environment` gives a variable or null. Every Error says what to
// write.
Result<Options> parse_options(std::span<const std::string> arguments,
                              const std::function<const char*(const char*)>& environment);

// What -h prints.
std::string help_text();

}  // namespace zeektrace
