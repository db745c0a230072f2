// A program whose exceptions cross the functions that one would like to put a return probe on. A kernel
// uretprobe on `crossed`, `cleaned` or `origin` ends it in terminate() and SIGABRT; probes at the entry and
// on `ret` leave it alone.
//
//   thrower [N [MILLISECONDS]]     N rounds (100), a pause after each (0); every second round throws
//
// Prints how many it caught and leaves with 0. Its tally: @entered = count() of crossed, @returned = count()
// of its normal returns.
#include "lines.h"

#include <cstdlib>
#include <ctime>
#include <stdexcept>
#include <string>

namespace {

struct Cleanup {
  int* count;
  ~Cleanup() { ++*count; }
};

int cleaned_up = 0;
int caught_inside = 0;

}  // namespace

namespace thrower {

// Throws from the deepest frame.
TRACED int origin(int round) {
  if (round % 2 == 1) {
    throw std::runtime_error("round " + std::to_string(round));
  }
  return round;
}

// The exception runs through here with something to destroy: a landing pad, and no catch.
TRACED int cleaned(int round) {
  const Cleanup cleanup{&cleaned_up};
  return origin(round) + 1;
}

// The exception runs through here with nothing to do.
TRACED int crossed(int round) { return cleaned(round) + 1; }

// The exception ends in this frame: it returns normally every time.
TRACED int caught_here(int round) {
  try {
    return origin(round);
  } catch (const std::exception&) {
    ++caught_inside;
    return -1;
  }
}

// Returns 1 if the round threw.
TRACED int guarded(int round) {
  try {
    crossed(round);
  } catch (const std::exception&) {
    return 1;
  }
  return 0;
}

}  // namespace thrower

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 100;
  const long milliseconds = argc > 2 ? std::atol(argv[2]) : 0;
  const timespec pause{milliseconds / 1000, milliseconds % 1000 * 1000000};
  int caught = 0;
  for (int round = 0; round < rounds; ++round) {
    caught += thrower::guarded(round);
    thrower::caught_here(round);
    if (milliseconds > 0) {
      nanosleep(&pause, nullptr);
    }
  }
  line_map("@entered");
  line_signed(rounds);
  line_end();
  line_map("@returned");
  line_signed(rounds - caught);
  line_end();
  line_text("caught ");
  line_signed(caught + caught_inside);
  line_text(" of ");
  line_signed(2LL * rounds);
  line_text(", cleaned up ");
  line_signed(cleaned_up);
  line_end();
  return 0;
}
