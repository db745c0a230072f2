#include "src/commands/commands.h"

#include <array>

namespace zeektrace {
namespace {

constexpr std::array commands = {
    Command{"help", "say what a function, a variable or a probe is: help NAME; all of them without one", help_command, true},
    Command{"zeek layout", "write how a Zeek with debug information is laid out: zeek layout BIN", zeek_layout_command, true},
    Command{"bench", "measure what each way of tracing costs on this machine", bench_command},
};

}  // namespace

std::span<const Command> all_commands() { return commands; }

const Command* find_command(std::span<const std::string> words) {
  for (const auto& row : commands) {
    const size_t blank = row.name.find(' ');
    const bool first = !words.empty() && words[0] == row.name.substr(0, blank);
    if (first && (blank == std::string_view::npos || (words.size() > 1 && words[1] == row.name.substr(blank + 1)))) return &row;
  }
  return nullptr;
}

}  // namespace zeektrace
