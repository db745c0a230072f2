// The reference of the language, made from the rows alone: what `zeektrace help` prints, docs/language.md and the man page are
// the same text. Every example in it is a script that runs, and that a test runs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace zeektrace {

std::string reference_markdown();
std::string reference_man();
// What there is of this name: a function, a variable, an operator, a probe, its aliases too. Nothing when there is none.
std::optional<std::string> help_on(std::string_view name);

}  // namespace zeektrace
