/* A program with a known number of countable events in a window: from the return of window_begin to the call
 * of window_end.
 *
 *   counted faults N      one window, in which N pages are touched for the first time: @events
 *   counted threads N T   the same, in T threads with N pages each: @events
 *   counted switches N    one window, in which it sleeps N times: @events, its context switches
 *   counted small W       W windows of 64 faults each, on one processor: @least
 *   counted sleeps W      W windows of one sleep each, on one processor: @least, the switches in it
 *   counted spin W        W windows of 2 ms of work, on one processor: @windows
 *   counted absent N      calls of take_absent with a text that crosses pages and a number, not in memory:
 *                         @names[str(arg0)] = count(), @sum = sum(*(int32 *)arg1)
 *   counted again S       windows of 64 faults for S seconds or until SIGTERM: @events of each
 *
 * The faults and switches are those that getrusage(2) tells of this process (sleeps: one away from it, one
 * back). A window whose ends it can't tell apart from a switch at the same moment is opened or closed again. */
#define _GNU_SOURCE
#include "lines.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

enum { page = 4096, small = 64, most_threads = 64 };

TRACED void window_begin(uint64_t number) { __asm__ volatile("" : : "r"(number) : "memory"); }
TRACED void window_end(uint64_t number) { __asm__ volatile("" : : "r"(number) : "memory"); }

static void print(const char* map, int64_t value) {
  line_map(map);
  line_signed(value);
  line_end();
}

static long faults_so_far(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt + usage.ru_majflt;
}
static long switches_so_far(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_nvcsw + usage.ru_nivcsw;
}

/* The count at the window's edge: taken on both sides of the call, until both are the same. */
static long edge(void (*call)(uint64_t), long (*so_far)(void)) {
  for (;;) {
    const long before = so_far();
    call(0);
    if (so_far() == before) return before;
  }
}

static char* fresh_pages(uint64_t count) {
  char* memory = mmap(NULL, count * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) exit(1);
  madvise(memory, count * page, MADV_NOHUGEPAGE);
  return memory;
}

static void touch(char* memory, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) ((volatile char*)memory)[i * page] = 1;
}

static void stay_here(void) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(sched_getcpu(), &set);
  sched_setaffinity(0, sizeof set, &set);
}

static int faults(uint64_t count) {
  char* memory = fresh_pages(count);
  const long before = edge(window_begin, faults_so_far);
  touch(memory, count);
  print("@events", edge(window_end, faults_so_far) - before);
  return 0;
}

static pthread_barrier_t ready, done, over;
static uint64_t pages_each;

static void* touching_thread(void* unused) {
  char* memory = fresh_pages(pages_each);
  touch(memory, 1); /* its page tables and its stack */
  pthread_barrier_wait(&ready);
  pthread_barrier_wait(&ready);
  touch(memory, pages_each);
  pthread_barrier_wait(&done);
  pthread_barrier_wait(&over); /* a fault as it ends would be half counted at the window's edge */
  return unused;
}

static int threads(uint64_t count, uint64_t number) {
  static pthread_t thread[most_threads];
  if (number > most_threads) return 1;
  pages_each = count;
  pthread_barrier_init(&ready, NULL, (unsigned)number + 1);
  pthread_barrier_init(&done, NULL, (unsigned)number + 1);
  pthread_barrier_init(&over, NULL, (unsigned)number + 1);
  for (uint64_t i = 0; i < number; ++i) pthread_create(&thread[i], NULL, touching_thread, NULL);
  pthread_barrier_wait(&ready);
  const long before = edge(window_begin, faults_so_far);
  pthread_barrier_wait(&ready);
  pthread_barrier_wait(&done);
  print("@events", edge(window_end, faults_so_far) - before);
  pthread_barrier_wait(&over);
  for (uint64_t i = 0; i < number; ++i) pthread_join(thread[i], NULL);
  return 0;
}

static int switches(uint64_t count) {
  const struct timespec pause = {0, 200000};
  const long before = edge(window_begin, switches_so_far);
  for (uint64_t i = 0; i < count; ++i) nanosleep(&pause, NULL);
  print("@events", edge(window_end, switches_so_far) - before);
  return 0;
}

static int small_windows(uint64_t windows) {
  stay_here();
  for (uint64_t i = 0; i < windows; ++i) {
    char* memory = fresh_pages(small);
    window_begin(i);
    touch(memory, small);
    window_end(i);
    munmap(memory, small * page);
  }
  print("@least", small);
  return 0;
}

static int sleeping_windows(uint64_t windows) {
  const struct timespec pause = {0, 200000};
  stay_here();
  for (uint64_t i = 0; i < windows; ++i) {
    window_begin(i);
    nanosleep(&pause, NULL);
    window_end(i);
  }
  print("@least", 2);
  return 0;
}

TRACED void take_absent(const char* text, const int* number) {
  __asm__ volatile("" : : "r"(text), "r"(number) : "memory");
}

/* Each call has a mapping of its own, of a file whose pages nobody has touched there. */
static int absent(uint64_t count) {
  static const char* const texts[] = {"one that crosses", "the second which crosses", "and a third"};
  const int file = memfd_create("absent", 0);
  const size_t length = 6 * page;
  int64_t sum = 0;
  if (ftruncate(file, (off_t)length)) return 1;
  char* memory = mmap(NULL, length, PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) return 1;
  for (int i = 0; i < 3; ++i) {
    strcpy(memory + (2 * i + 1) * page - 8, texts[i]);
    memcpy(memory + (2 * i + 1) * page + 1024, &(int){100 * i - 100}, sizeof(int));
  }
  munmap(memory, length);
  for (uint64_t i = 0; i < 6 * count; ++i) {
    const int which = i % 6 < 1 ? 0 : i % 6 < 3 ? 1 : 2;
    memory = mmap(NULL, length, PROT_READ, MAP_SHARED, file, 0);
    char* other = mmap(NULL, length, PROT_READ, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED || other == MAP_FAILED) return 1;
    take_absent(memory + (2 * which + 1) * page - 8, (const int*)(other + (2 * which + 1) * page + 1024));
    munmap(memory, length);
    munmap(other, length);
    sum += 100 * which - 100;
  }
  for (int i = 0; i < 3; ++i) {
    line_text("tally @names[");
    line_text(texts[i]);
    line_text("]: ");
    line_unsigned(count * (uint64_t)(i + 1));
    line_end();
  }
  print("@sum", sum);
  return 0;
}

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int spinning_windows(uint64_t windows) {
  stay_here();
  for (uint64_t i = 0; i < windows; ++i) {
    window_begin(i);
    for (const double end = seconds_now() + 0.002; seconds_now() < end;) {
    }
    window_end(i);
  }
  print("@windows", (int64_t)windows);
  return 0;
}

static volatile sig_atomic_t stopped;
static void stop(int signal_number) { stopped = signal_number; }

static int again(double seconds) {
  const struct sigaction action = {.sa_handler = stop};
  const struct timespec pause = {0, 5000000};
  sigaction(SIGTERM, &action, NULL);
  for (const double end = seconds_now() + seconds; !stopped && seconds_now() < end;) {
    char* memory = fresh_pages(small);
    window_begin(0);
    touch(memory, small);
    window_end(0);
    munmap(memory, small * page);
    nanosleep(&pause, NULL);
  }
  print("@events", small);
  return 0;
}

int main(int argc, char** argv) {
  const char* mode = argc > 2 ? argv[1] : "";
  const uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
  faults_so_far();
  window_begin(0); /* a probed function's first call faults in the page where the kernel single-steps */
  window_end(0);
  if (argc == 4 && !strcmp(mode, "threads")) return threads(count, strtoull(argv[3], NULL, 10));
  if (argc == 3 && !strcmp(mode, "faults")) return faults(count);
  if (argc == 3 && !strcmp(mode, "switches")) return switches(count);
  if (argc == 3 && !strcmp(mode, "small")) return small_windows(count);
  if (argc == 3 && !strcmp(mode, "sleeps")) return sleeping_windows(count);
  if (argc == 3 && !strcmp(mode, "spin")) return spinning_windows(count);
  if (argc == 3 && !strcmp(mode, "absent")) return absent(count);
  if (argc == 3 && !strcmp(mode, "again")) return again(strtod(argv[2], NULL));
  static const char usage[] =
      "usage: counted faults N | threads N T | switches N | small W | sleeps W | spin W |"
      " absent N | again S\n";
  return write(STDERR_FILENO, usage, sizeof usage - 1) < 0 ? 3 : 2;
}
