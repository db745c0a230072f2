/* A program that knows what it did: every mode calls functions a known number of times with known values,
 * keeps its own tally, and prints it at the end in the form in which zeektrace prints maps, each line after
 * the word "tally".
 *
 *   tally malloc N      N calls of malloc and free, and not one malloc more: libc:malloc  @[comm] =
 * hist(arg0) tally read N        N calls of read(2) on descriptor 100: see read_mode tally calls N exported
 * functions with known arguments and results: see calls_mode tally threads N T   T threads, N calls of
 * traced_step each: @calls = count(), @sum = sum(arg0) tally sleep S       alive for S seconds, traced_tick
 * every 10 ms: @ticks = count() tally burst N       N calls of traced_step as fast as it goes: @calls =
 * count(), @sum = sum(arg0)
 *
 *   tally watched N   N writes of the word at 0x10000000: @writes = count()
 *
 * Maps are in name order, rows ascending by value, as the tracer prints them. Words that begin with '@' after
 * a mode's arguments choose the maps to print: `tally calls 600 @int_sum @names`. Promises: nothing here
 * allocates but the malloc mode's own calls (and libpthread's, which are callocs). */
#define _GNU_SOURCE
#include "histogram.h"
#include "lines.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

enum { read_descriptor = 100, max_threads = 256, names_count = 3 };

static char** chosen_maps; /* the argv words that begin with '@', or the terminating null */

static int wanted(const char* map) {
  if (!*chosen_maps) {
    return 1;
  }
  for (char** word = chosen_maps; *word; ++word) {
    if (!strcmp(*word, map)) {
      return 1;
    }
  }
  return 0;
}

static void print_unsigned(const char* map, uint64_t value) {
  if (wanted(map)) {
    line_map(map);
    line_unsigned(value);
    line_end();
  }
}

static void print_signed(const char* map, int64_t value) {
  if (wanted(map)) {
    line_map(map);
    line_signed(value);
    line_end();
  }
}

/* ---- malloc ---- */

static uint64_t random_state = 0x9e3779b97f4a7c15ULL;

static uint64_t next_random(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state;
}

/* Sizes from 0 to 2 MiB, small ones more often; none in [64, 128), so that the histogram has an empty row
 * inside. */
static size_t next_size(void) {
  const unsigned one = (unsigned)(next_random() % 22);
  const unsigned other = (unsigned)(next_random() % 22);
  const unsigned bits = one < other ? one : other;
  if (bits == 0) {
    return 0;
  }
  const size_t lowest = (size_t)1 << ((bits == 7 ? 8 : bits) - 1);
  return lowest + (next_random() & (lowest - 1));
}

TRACED void traced_allocate(size_t size) {
  void* memory = malloc(size);
  __asm__ volatile("" : "+r"(memory) : : "memory"); /* or the compiler drops the pair of calls */
  free(memory);
}

static int malloc_mode(uint64_t count) {
  static struct Histogram sizes;
  for (uint64_t i = 0; i < count; ++i) {
    const size_t size = next_size();
    traced_allocate(size);
    add(&sizes, size);
  }
  char key[32] = "[";
  prctl(PR_GET_NAME, key + 1);
  strcat(key, "]");
  if (wanted("@")) {
    print_histogram("@", key, &sizes);
  }
  return 0;
}

/* ---- read ---- */

TRACED ssize_t traced_read(int descriptor, void* buffer, size_t size) {
  return read(descriptor, buffer, size);
}

/* Every third read is of a pipe that holds fewer bytes than are asked for; the others are of /dev/zero. Both
 * stand on descriptor 100 in their turn, so that a script tells these reads from the dynamic loader's by
 * /arg0 == 100/. libc:read, sys_read: @asked = sum(arg2) @reads = count() @bytes = sum(retval) @sizes =
 * hist(retval) */
static int read_mode(uint64_t count) {
  static char buffer[16384];
  static struct Histogram sizes;
  uint64_t asked = 0;
  uint64_t bytes = 0;
  int pipe_ends[2];
  const int zero = open("/dev/zero", O_RDONLY);
  if (zero < 0 || pipe(pipe_ends) < 0) {
    return 1;
  }
  for (uint64_t i = 0; i < count; ++i) {
    const size_t size = 1 + next_random() % sizeof buffer;
    const size_t held = 1 + size / 3;
    const int from_pipe = i % 3 == 2;
    if (from_pipe && write(pipe_ends[1], buffer, held) != (ssize_t)held) {
      return 1;
    }
    if (dup2(from_pipe ? pipe_ends[0] : zero, read_descriptor) < 0) {
      return 1;
    }
    const ssize_t got = traced_read(read_descriptor, buffer, size);
    if (got != (ssize_t)(from_pipe ? held : size)) {
      return 1;
    }
    asked += size;
    bytes += (uint64_t)got;
    add(&sizes, (uint64_t)got);
  }
  print_unsigned("@asked", asked);
  print_unsigned("@bytes", bytes);
  print_unsigned("@reads", count);
  if (wanted("@sizes")) {
    print_histogram("@sizes", "", &sizes);
  }
  return 0;
}

/* ---- calls ---- */

struct Summary {
  int64_t count, sum, low, high;
};

static void note(struct Summary* summary, int64_t value) {
  summary->low = !summary->count || value < summary->low ? value : summary->low;
  summary->high = !summary->count || value > summary->high ? value : summary->high;
  summary->sum += value;
  summary->count++;
}

/* The six maps of a summary, in name order: avg count max min stats sum. The average is rounded towards zero.
 */
static void print_summary(const char* prefix, const struct Summary* summary) {
  static const char* const kinds[] = {"_avg", "_count", "_max", "_min", "_stats", "_sum"};
  if (!summary->count) {
    return;
  }
  const int64_t average = summary->sum / summary->count;
  const int64_t values[] = {average, summary->count, summary->high, summary->low, 0, summary->sum};
  for (int i = 0; i < 6; ++i) {
    char map[64];
    strcat(strcpy(map, prefix), kinds[i]);
    if (i != 4) {
      print_signed(map, values[i]);
    } else if (wanted(map)) {
      line_map(map);
      line_text("count ");
      line_signed(summary->count);
      line_text(", average ");
      line_signed(average);
      line_text(", total ");
      line_signed(summary->sum);
      line_end();
    }
  }
}

struct Point {
  int64_t x;
  uint64_t y;
};

TRACED int take_int(int value) { return value * -2 + 1; }
TRACED int64_t take_long(int64_t value) { return value / 3; }
TRACED unsigned take_unsigned(unsigned value) { return value + 1; }
TRACED uint64_t take_wide(uint64_t value) { return ~value; }
TRACED size_t take_string(const char* text) { return strlen(text); }
TRACED const struct Point* take_point(const struct Point* point) { return point; }
TRACED int take_six(int a, int b, int c, int d, int e, int f) { return a + b + c + d + e + f; }
/* The last ten are on the stack. */
TRACED long long_list(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j, long k, long l,
                      long m, long n, long o, long p) {
  return a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p;
}

struct Row {
  const char* key;
  uint64_t count;
};

/* Ascending by count, equal counts by key. */
static void print_rows(const char* map, struct Row* rows, int length) {
  for (int i = 1; i < length; ++i) {
    for (int k = i; k > 0; --k) {
      const struct Row above = rows[k - 1];
      if (above.count < rows[k].count ||
          (above.count == rows[k].count && strcmp(above.key, rows[k].key) <= 0)) {
        break;
      }
      rows[k - 1] = rows[k];
      rows[k] = above;
    }
  }
  for (int i = 0; i < length && wanted(map); ++i) {
    if (rows[i].count) {
      line_text("tally ");
      line_text(map);
      line_text("[");
      line_text(rows[i].key);
      line_text("]: ");
      line_unsigned(rows[i].count);
      line_end();
    }
  }
}

struct CallTally {
  struct Row functions[7];
  struct Row names[names_count];
  struct Summary ints, longs, unsigneds, returned, point_x;
  uint64_t wide_low, wide_high;
};

enum { f_int, f_long, f_point, f_six, f_string, f_unsigned, f_wide };

static void call_scalars(struct CallTally* tally, uint64_t i) {
  const int as_int = (int)(i * 37 % 1001) - 600;
  note(&tally->ints, as_int);
  note(&tally->returned, take_int(as_int));
  tally->functions[f_int].count++;
  if (i % 2 == 0) {
    const int64_t as_long = as_int * 10000000000LL;
    note(&tally->longs, as_long);
    take_long(as_long);
    tally->functions[f_long].count++;
  }
  if (i % 3 == 0) {
    const unsigned as_unsigned = 0x80000000U + (unsigned)(i * 97 % 100003);
    note(&tally->unsigneds, as_unsigned);
    take_unsigned(as_unsigned);
    tally->functions[f_unsigned].count++;
  }
  if (i % 7 == 0) { /* on both sides of 2^63: a signed comparison gets these wrong */
    const uint64_t wide = i % 2 ? i + 5 : 0xf000000000000000ULL + i;
    tally->wide_low = !tally->functions[f_wide].count || wide < tally->wide_low ? wide : tally->wide_low;
    tally->wide_high = wide > tally->wide_high ? wide : tally->wide_high;
    take_wide(wide);
    tally->functions[f_wide].count++;
  }
}

static void call_pointers(struct CallTally* tally, uint64_t i) {
  static const int turns[] = {0, 1, 1, 2, 2, 2};
  if (i % 4 == 0) {
    struct Row* name = &tally->names[turns[i / 4 % 6]];
    take_string(name->key);
    name->count++;
    tally->functions[f_string].count++;
  }
  if (i % 5 == 0) {
    const struct Point point = {-(int64_t)i, i};
    take_point(&point);
    note(&tally->point_x, point.x);
    tally->functions[f_point].count++;
  }
  if (i % 6 == 0) {
    take_six(-1, 2, 3, 4, 5, 6);
    long_list(1, 2, 3, 4, 5, 6, -7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
    tally->functions[f_six].count++;
  }
}

/* Each map beside the probe that fills it:
 *   take_*       @calls[func] = count()
 *   take_int     @int_* of (int32)arg0;  its return: @returned_* of (int32)retval
 *   take_long    @long_* of (int64)arg0        take_unsigned  @unsigned_* of (uint32)arg0
 *   take_wide    @wide_max, @wide_min of arg0  take_string    @names[str(arg0)] = count()
 *   take_point   @point_* of *(int64 *)arg0
 *   take_six     @six[(int32)arg0, arg1, arg2, arg3, arg4, arg5] = count()
 *   long_list    @ten[(int32)sarg0, sarg1 … sarg9] = count(), if it is asked for */
static int calls_mode(uint64_t count) {
  static struct CallTally tally = {
      .functions = {{"take_int", 0},
                    {"take_long", 0},
                    {"take_point", 0},
                    {"take_six", 0},
                    {"take_string", 0},
                    {"take_unsigned", 0},
                    {"take_wide", 0}},
      .names = {{"alpha", 0}, {"two words", 0}, {"a name of more than thirty-two characters", 0}}};
  for (uint64_t i = 0; i < count; ++i) {
    call_scalars(&tally, i);
    call_pointers(&tally, i);
  }
  const uint64_t six = tally.functions[f_six].count;
  const uint64_t wides = tally.functions[f_wide].count;
  print_rows("@calls", tally.functions, 7);
  print_summary("@int", &tally.ints);
  print_summary("@long", &tally.longs);
  print_rows("@names", tally.names, names_count);
  print_summary("@point", &tally.point_x);
  print_summary("@returned", &tally.returned);
  struct Row six_row = {"-1, 2, 3, 4, 5, 6", six};
  print_rows("@six", &six_row, 1);
  struct Row ten_row = {"-7, 8, 9, 10, 11, 12, 13, 14, 15, 16", six};
  if (*chosen_maps) {
    print_rows("@ten", &ten_row, 1);
  }
  print_summary("@unsigned", &tally.unsigneds);
  if (wides) {
    print_unsigned("@wide_max", tally.wide_high);
    print_unsigned("@wide_min", tally.wide_low);
  }
  return 0;
}

/* ---- threads, sleep, burst ---- */

TRACED uint64_t traced_step(uint64_t value) { return value + 1; }
TRACED uint64_t traced_tick(uint64_t value) { return value + 1; }

/* Functions that are never called and can't be probed: one begins with a lock prefix, which the kernel steps over for
 * nobody; the other with a vector instruction (vpbroadcastb %esi, %zmm0) whose opcode byte reads as a jump. And one
 * that can. */
__asm__(
    ".text\n"
    ".globl odd_locked, odd_vector, odd_plain\n"
    ".type odd_locked, @function\n"
    "odd_locked: lock addl $0, (%rsp)\n ret\n"
    ".size odd_locked, .-odd_locked\n"
    ".type odd_vector, @function\n"
    "odd_vector: .byte 0x62, 0xf2, 0x7d, 0x48, 0x7a, 0xc6\n ret\n"
    ".size odd_vector, .-odd_vector\n"
    ".type odd_plain, @function\n"
    "odd_plain: nop\n ret\n"
    ".size odd_plain, .-odd_plain\n");

static uint64_t steps_per_thread;

static void* thread_body(void* unused) {
  for (uint64_t i = 0; i < steps_per_thread; ++i) {
    traced_step(i);
  }
  return unused;
}

static void print_steps(uint64_t each, uint64_t times) {
  print_unsigned("@calls", each * times);
  print_unsigned("@sum", each ? each * (each - 1) / 2 * times : 0);
}

static int threads_mode(uint64_t count, uint64_t threads) {
  static pthread_t thread[max_threads];
  if (threads > max_threads) {
    return 1;
  }
  steps_per_thread = count;
  for (uint64_t i = 0; i < threads; ++i) {
    if (pthread_create(&thread[i], NULL, thread_body, NULL)) {
      return 1;
    }
  }
  for (uint64_t i = 0; i < threads; ++i) {
    pthread_join(thread[i], NULL);
  }
  print_steps(count, threads);
  return 0;
}

static volatile sig_atomic_t stopped;

static void stop(int signal_number) { stopped = signal_number; }

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Ends early, and orderly, on SIGTERM and SIGINT. */
static int sleep_mode(double seconds) {
  const struct sigaction action = {.sa_handler = stop};
  const struct timespec pause = {0, 10000000};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  uint64_t ticks = 0;
  for (const double end = seconds_now() + seconds; !stopped && seconds_now() < end;) {
    traced_tick(ticks++);
    nanosleep(&pause, NULL);
  }
  print_unsigned("@ticks", ticks);
  return 0;
}

/* Also says how long a call took, on a line that is no tally: what a probe on traced_step costs. */
static int watched_mode(uint64_t count) {
  void* const place = (void*)0x10000000; /* NOLINT */
  volatile uint64_t* word = mmap(place, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (word != place) {
    return 1;
  }
  for (uint64_t i = 0; i < count; ++i) {
    *word = i;
  }
  print_unsigned("@writes", count);
  return 0;
}

static int burst_mode(uint64_t count) {
  const double start = seconds_now();
  for (uint64_t i = 0; i < count; ++i) {
    traced_step(i);
  }
  const double spent = seconds_now() - start;
  print_steps(count, 1);
  line_text("nanoseconds per call: ");
  line_unsigned(count ? (uint64_t)(spent * 1e9 / (double)count + 0.5) : 0);
  line_end();
  return 0;
}

static int usage(void) {
  static const char text[] =
      "usage: tally malloc N | read N | calls N | threads N T | sleep S | burst N | watched N  [@MAP…]\n";
  return write(STDERR_FILENO, text, sizeof text - 1) < 0 ? 3 : 2;
}

int main(int argc, char** argv) {
  int words = argc;
  while (words > 1 && argv[words - 1][0] == '@') {
    --words;
  }
  chosen_maps = argv + words;
  const char* mode = words > 1 ? argv[1] : "";
  const uint64_t count = words > 2 ? strtoull(argv[2], NULL, 10) : 0;
  if (words == 4 && !strcmp(mode, "threads")) {
    return threads_mode(count, strtoull(argv[3], NULL, 10));
  }
  if (words != 3) {
    return usage();
  }
  return !strcmp(mode, "malloc")  ? malloc_mode(count)
         : !strcmp(mode, "read")  ? read_mode(count)
         : !strcmp(mode, "calls") ? calls_mode(count)
         : !strcmp(mode, "sleep") ? sleep_mode(strtod(argv[2], NULL))
         : !strcmp(mode, "burst") ? burst_mode(count)
         : !strcmp(mode, "watched") ? watched_mode(count)
                                  : usage();
}
