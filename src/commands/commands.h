// What zeektrace does beside running a script: `zeektrace COMMAND`. One row each; options are those of scripts, where they
// mean something.
#pragma once

#include <span>
#include <string_view>

#include "parser/result.h"

namespace zeektrace {

struct Options;

struct Command {
  std::string_view name;
  std::string_view doc;
  // The answer, to be printed. An Error when there is none.
  Result<std::string> (*run)(const Options& options);
  bool takes_name = false;  // a word may follow, Options::params[0]
};
std::span<const Command> all_commands();
// Null when there is none of that name.
const Command* find_command(std::string_view name);

Result<std::string> bench_command(const Options& options);
Result<std::string> help_command(const Options& options);

}  // namespace zeektrace
