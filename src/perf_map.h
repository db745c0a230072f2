// Names of code that a process made at run time, as its compiler writes them to /tmp/perf-PID.map (the Linux kernel's
// tools/perf/Documentation/jit-interface.txt): a line for each function, its first address, its size, its name.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zeektrace {

class PerfMap {
 public:
  // The map of a process, as it is now: in the process's own root and by the number that it has there; when the process
  // has gone, the file that it left here. Empty when there is none.
  static PerfMap of(pid_t pid);
  static PerfMap parse(std::string text);

  struct Found {
    std::string_view name;
    uint64_t offset = 0;
  };
  // Of two functions at one place the one that was written last: code is made anew.
  std::optional<Found> find(uint64_t address) const;

 private:
  struct Row {
    uint64_t begin, size;
    size_t name, length;  // in text_
  };
  std::string text_;
  std::vector<Row> rows_;
};

}  // namespace zeektrace
