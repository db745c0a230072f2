// Cases of a differential test as values, read from a .cases file; the format is described in README.md beside this
// file. Promises: what comes back is whole, or says which line is wrong.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "../runtime/test_file.h"

namespace zeektrace {

struct Case {
  std::string name;
  int line = 0;
  std::string script;
  std::string target;
  std::string flags;
  std::string params;
  std::string differs;  // the heading of docs/differences.md that explains why
  std::string instead;  // the script for the other tracer, where the languages part
  bool sorted = false;   // the lines' order says nothing
  bool numbers = false;  // nor do the numbers in them
};

std::variant<std::vector<Case>, Malformed> read_cases(const std::string& path);

// What both tracers should have printed alike: without empty lines, blanks at ends, addresses, and what only
// tells of the tracer's own work.
std::string comparable(const std::string& output, const Case& which);

}  // namespace zeektrace
