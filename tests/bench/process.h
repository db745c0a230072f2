// One run of a program, timed from before it is started until it has been waited for. Promises: a program
// that hangs is killed after ten seconds, and that run does not count.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace zeektrace {

struct Run {
  std::vector<std::string> words;  // the first is the program's path
  std::string ready;  // what it says, on stdout or stderr, when SIGINT may be sent; empty: it ends by itself
  double settle_ms = 0;  // how long after that
  int seconds = 10;      // it is killed then
};

struct Figures {
  double total_ms = 0;  // start to exit
  double ready_ms = 0;  // start to `ready`
  double leave_ms = 0;  // SIGINT to exit
  double peak_mb = 0;   // of its resident memory
};

// Nothing when it could not be started, said nothing of the kind, or did not leave with status 0; `problem`
// says why.
std::optional<Figures> measure(const Run& run, std::string& problem);

}  // namespace zeektrace
