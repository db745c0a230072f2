#include "src/commands/commands.h"

#include <array>

namespace zeektrace {
namespace {

constexpr std::array commands = {
    Command{"help", "say what a function, a variable or a probe is: help NAME; all of them without one", help_command, true},
    Command{"bench", "measure what each way of tracing costs on this machine", bench_command},
};

}  // namespace

std::span<const Command> all_commands() { return commands; }

const Command* find_command(std::string_view name) {
  for (const auto& row : commands) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

}  // namespace zeektrace
