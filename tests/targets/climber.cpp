// climber: calls `reached` at the end of call chains that are hard to walk, without frame pointers. Chain number N calls
// it N times, so that the stacks of a count come out in this order:
//   1 plain      five functions
//   2 callback   through the C library's qsort
//   3 function   through std::function and std::sort
//   4 alloca     a frame whose size is known at run time
//   5 aligned    a frame that realigns the stack
//   6 handler    a signal's handler
//   7 catch      an exception's handler, and the function it unwound to
//   8 deep       forty frames
//   9 thread     a thread's first function
//  10 large      a frame of 300,000 bytes
// `climber killed` does the first chain, and then kills itself.
// `climber others` runs itself five times a second, for half a minute: long enough for a tracer on a slow machine.
// `climber busy SECONDS` burns CPU time in `burn`, six frames deep, for profilers.
#include <alloca.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <stdexcept>
#include <thread>
#include <utility>

#define FRAME extern "C" __attribute__((noinline, noclone))
#define STAY asm volatile("" ::: "memory")  // so that the call before it is no tail call

static int wanted = 0;

FRAME void reached(int chain) { asm volatile("" ::"r"(chain) : "memory"); }

FRAME void call_reached(int chain) {
  for (int i = 0; i < chain; i++) reached(chain);
  STAY;
}

FRAME void plain_1(int chain) { call_reached(chain); STAY; }
FRAME void plain_2(int chain) { plain_1(chain); STAY; }
FRAME void plain_3(int chain) { plain_2(chain); STAY; }

FRAME int compare_once(const void*, const void*) {
  call_reached(std::exchange(wanted, 0));
  return 0;
}
FRAME void callback(int chain) {
  wanted = chain;
  int pair[] = {1, 2};
  qsort(pair, 2, sizeof pair[0], compare_once);
  STAY;
}

FRAME void use_function(const std::function<bool(int, int)>& less) {
  int numbers[] = {3, 1, 2};
  std::sort(numbers, numbers + 3, less);
  STAY;
}
FRAME void function(int chain) {
  wanted = chain;
  use_function([](int a, int b) {
    call_reached(std::exchange(wanted, 0));
    return a < b;
  });
  STAY;
}

FRAME void with_alloca(int chain) {
  auto* memory = static_cast<char*>(alloca(static_cast<size_t>(chain) * 100));
  std::memset(memory, 0, static_cast<size_t>(chain));
  asm volatile("" ::"r"(memory) : "memory");
  call_reached(chain);
  STAY;
}

FRAME void with_aligned(int chain) {
  alignas(64) char block[128];
  asm volatile("" ::"r"(block) : "memory");
  auto* more = static_cast<char*>(alloca(static_cast<size_t>(chain) * 8));
  asm volatile("" ::"r"(more) : "memory");
  call_reached(chain);
  STAY;
}

FRAME void on_signal(int) { call_reached(std::exchange(wanted, 0)); STAY; }
FRAME void with_signal(int chain) {
  wanted = chain;
  std::raise(SIGUSR1);
  STAY;
}

FRAME void thrower(int chain) {
  if (chain > 0) throw std::runtime_error("up");
}
FRAME void catcher(int chain) {
  try {
    thrower(chain);
  } catch (const std::exception&) {
    call_reached(chain);
  }
  STAY;
}

FRAME void deep(int chain, int left) {
  if (left > 1) deep(chain, left - 1);
  else call_reached(chain);
  STAY;
}

FRAME void in_thread(int chain) { call_reached(chain); STAY; }
FRAME void thread(int chain) { std::thread(in_thread, chain).join(); }

FRAME void large(int chain) {
  char block[300'000];
  asm volatile("" ::"r"(block) : "memory");
  call_reached(chain);
  STAY;
}

FRAME uint64_t burn(uint64_t n) {
  for (int i = 0; i < 1'000'000; i++) n = n * 6364136223846793005 + 1442695040888963407;
  return n;
}
FRAME uint64_t burn_1(uint64_t n) { n = burn(n); STAY; return n; }
FRAME uint64_t burn_2(uint64_t n) { n = burn_1(n); STAY; return n; }
FRAME uint64_t burn_3(uint64_t n) { n = burn_2(n); STAY; return n; }
FRAME uint64_t burn_4(uint64_t n) { n = burn_3(n); STAY; return n; }

FRAME void busy(double seconds) {
  uint64_t n = 1;
  while (static_cast<double>(std::clock()) < seconds * CLOCKS_PER_SEC) n = burn_4(n);
  asm volatile("" ::"r"(n));
}

static void others() {
  for (int i = 0; i < 150; i++) {
    usleep(200'000);
    const pid_t pid = fork();
    if (pid == 0) {
      execl("/proc/self/exe", "climber", nullptr);
      _exit(1);
    }
    waitpid(pid, nullptr, 0);
  }
}

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "others") == 0) {
    others();
    return 0;
  }
  if (argc == 3 && std::strcmp(argv[1], "busy") == 0) {
    busy(std::atof(argv[2]));
    return 0;
  }
  std::signal(SIGUSR1, on_signal);
  plain_3(1);
  if (argc == 2 && std::strcmp(argv[1], "killed") == 0) std::raise(SIGKILL);
  callback(2);
  function(3);
  with_alloca(4);
  with_aligned(5);
  with_signal(6);
  catcher(7);
  deep(8, 40);
  thread(9);
  large(10);
  return 0;
}
