// What zeektrace does beside running a script: `zeektrace COMMAND`. One row each; options are those of scripts, where they
// mean something.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "parser/result.h"

namespace zeektrace {

struct Options;

struct Command {
  std::string_view name;  // may be two words
  std::string_view doc;
  // The answer, to be printed. An Error when there is none.
  Result<std::string> (*run)(const Options& options);
  bool takes_name = false;  // a word may follow, Options::params[0]
};
std::span<const Command> all_commands();
// What these words begin with; null when that is no command.
const Command* find_command(std::span<const std::string> words);

Result<std::string> bench_command(const Options& options);
Result<std::string> help_command(const Options& options);
Result<std::string> zeek_layout_command(const Options& options);

}  // namespace zeektrace
