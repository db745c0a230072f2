// Whether a run did what its test says. Promises: looks at the captured output only, and finds everything
// that is wrong, not just the first.
#pragma once

#include <string>
#include <vector>

#include "process.h"
#include "test_file.h"

namespace zeektrace {

// A line that says what is wrong, and lines below it that show it.
struct Complaint {
  std::string what;
  std::string detail;
};

// `target_output` is what a background target printed; that of a -c target is within the tracer's.
std::vector<Complaint> judge(const TestFile& test, const Outcome& tracer, const std::string& target_output,
                             const Places& places);

std::string status_text(const ExitStatus& status);

}  // namespace zeektrace
