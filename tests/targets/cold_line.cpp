// A line of the source whose code the compiler divides: what catches an exception is put into the function's cold part, which
// stands before it in the file, and belongs to the same line.
#include <cstdio>
#include <stdexcept>

static volatile int tried = 0, caught = 0;

__attribute__((noinline)) static void leaf(int i) {
  tried = tried + 1;
  if (i % 3 == 0) throw std::runtime_error("every third");
}

__attribute__((noinline)) static void loop(int n) {
  for (int i = 0; i < n; i++) {
    // clang-format off
    try { leaf(i); } catch (const std::exception&) { caught = caught + 1; }
    // clang-format on
  }
}

int main() {
  loop(60);
  std::printf("tally @line: %d\ncaught %d\n", tried, caught);
}
