// Programs, run with their output captured. Promises: every program is a process group of its own, and is
// killed as such and waited for, whatever it does (hang, crash, flood, leave children behind); no other
// process is touched.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "test_file.h"

namespace zeektrace {

constexpr size_t captured_limit = size_t{8} << 20;  // bytes of each stream that are kept

struct Outcome {
  std::string out;
  std::string err;
  bool flooded = false;    // more than captured_limit
  bool timed_out = false;  // and so it was killed
  bool signalled = false;  // the signal asked for was sent
  bool started = false;
  ExitStatus status;
  double seconds = 0;
};

// A program that was started: its group is its pid.
struct Process {
  pid_t pid = -1;
  int exited = -1;  // a pidfd, readable when it has ended
  int in = -1;      // write end of its standard input
  int out = -1;
  int err = -1;
};

struct Command {
  std::vector<std::string> words;  // the first is the program's path
  std::string input;
};

// What went wrong is in `problem` when nothing comes back.
std::optional<Process> start(const Command& command, std::string& problem);

// Feeds and watches it to its end, or for `within` seconds.
Outcome watch(Process process, const std::string& input, const std::optional<DelayedSignal>& signal,
              double within);

}  // namespace zeektrace
