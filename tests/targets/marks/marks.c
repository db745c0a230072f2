/* A program with static probes (<sys/sdt.h>) of every kind of argument, that keeps its own tally.
 *
 *   marks N      N rounds; each map beside the probe that fills it, arguments summed in order:
 *     marks:sizes    @sizes_1 … @sizes_8   of an int8, a uint8, an int16 … a uint64
 *     marks:many     @many_calls, @many    one static inline function's probe in three functions
 *     marks:twelve   @twelve               of all twelve arguments
 *     marks:constant @constant             of -3 and 70000
 *     memory:kept    @kept_1 … @kept_5     of a global, a static, the stack, an array's element, a short
 *     guard:checked  @checked_calls, @checked   passed only while its semaphore is not zero; in the program
 *     lib:checked    @lib_calls, @lib           the same in libmarks.so
 *   marks late N      N rounds of lib:late in liblate.so, which is loaded only then: @late_calls, @late
 *   marks guard S     for S seconds: how often guard:checked was passed, and what its semaphore is at the end
 *
 * Words that begin with '@' after these choose the maps to print. */
#define _GNU_SOURCE
#include <sys/sdt.h>

#include "marks.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lines.h"

static char** chosen_maps; /* the argv words that begin with '@', or the terminating null */

static void print(const char* map, int64_t value) {
  int wanted = !*chosen_maps;
  for (char** word = chosen_maps; *word; ++word) wanted |= !strcmp(*word, map);
  if (!wanted) return;
  line_map(map);
  line_signed(value);
  line_end();
}

static int64_t sizes[8], many, many_calls, twelve, constants;

TRACED void pass_sizes(uint64_t i) {
  const int8_t a = (int8_t)(i * 7);
  const uint8_t b = (uint8_t)(i * 11);
  const int16_t c = (int16_t)(i * -901);
  const uint16_t d = (uint16_t)(i * 977);
  const int32_t e = (int32_t)(i * -70001);
  const uint32_t f = (uint32_t)(i * 1000003) | 0x80000000U;
  const int64_t g = (int64_t)i * -5000000001;
  const uint64_t h = i * 7000000001;
  DTRACE_PROBE8(marks, sizes, a, b, c, d, e, f, g, h);
  const int64_t values[] = {a, b, c, d, e, f, g, (int64_t)h};
  for (int k = 0; k < 8; ++k) sizes[k] += values[k];
}

static inline __attribute__((always_inline)) void pass_many(int value) {
  DTRACE_PROBE1(marks, many, value);
  many += value;
  many_calls++;
}
TRACED void many_one(int value) { pass_many(value); }
TRACED void many_two(int value) { pass_many(-value); }
TRACED void many_three(int value) {
  for (int i = 0; i < 3; ++i) pass_many(value * i);
}

TRACED void pass_twelve(int i) {
  DTRACE_PROBE12(marks, twelve, i, i + 1, i + 2, i + 3, i + 4, i + 5, i + 6, i + 7, i + 8, i + 9, i + 10,
                 i + 11);
  twelve += 12 * i + 66;
}

TRACED void pass_constant(void) {
  DTRACE_PROBE2(marks, constant, -3, 70000);
  constants += -3 + 70000;
}

static int rounds(uint64_t count) {
  for (uint64_t i = 1; i <= count; ++i) {
    pass_sizes(i);
    many_one((int)i);
    many_two((int)i);
    many_three((int)i);
    pass_twelve((int)i);
    pass_constant();
    pass_kept(i);
    pass_checked((int)i);
    pass_lib_checked((int)i);
  }
  print("@checked", checked.sum);
  print("@checked_calls", checked.calls);
  print("@constant", constants);
  for (int k = 0; k < 5; ++k) {
    char map[] = "@kept_1";
    map[6] = (char)('1' + k);
    print(map, kept[k]);
  }
  print("@lib", lib_checked.sum);
  print("@lib_calls", lib_checked.calls);
  print("@many", many);
  print("@many_calls", many_calls);
  for (int k = 0; k < 8; ++k) {
    char map[] = "@sizes_1";
    map[7] = (char)('1' + k);
    print(map, sizes[k]);
  }
  print("@twelve", twelve);
  return 0;
}

static int late(const char* program, uint64_t count) {
  char path[4096];
  strncpy(path, program, sizeof path - 32);
  char* slash = strrchr(path, '/');
  strcpy(slash ? slash + 1 : path, "liblate.so");
  void* library = dlopen(path, RTLD_NOW);
  void (*pass)(int) = library ? (void (*)(int))dlsym(library, "pass_late") : NULL;
  if (!pass) return 1;
  int64_t sum = 0;
  for (uint64_t i = 1; i <= count; ++i) {
    pass((int)i);
    sum += (int64_t)i;
  }
  print("@late", sum);
  print("@late_calls", (int64_t)count);
  return 0;
}

static int guard(double seconds) {
  const struct timespec pause = {0, 1000000};
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  const double end = (double)now.tv_sec + (double)now.tv_nsec / 1e9 + seconds;
  do {
    pass_checked(1);
    nanosleep(&pause, NULL);
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while ((double)now.tv_sec + (double)now.tv_nsec / 1e9 < end);
  line_text("passed ");
  line_signed(checked.calls);
  line_text(" times, semaphore ");
  line_signed(checked_semaphore());
  line_end();
  return 0;
}

int main(int argc, char** argv) {
  int words = argc;
  while (words > 1 && argv[words - 1][0] == '@') --words;
  chosen_maps = argv + words;
  if (words == 2) return rounds(strtoull(argv[1], NULL, 10));
  if (words == 3 && !strcmp(argv[1], "late")) return late(argv[0], strtoull(argv[2], NULL, 10));
  if (words == 3 && !strcmp(argv[1], "guard")) return guard(strtod(argv[2], NULL));
  static const char usage[] = "usage: marks N | late N | guard S  [@MAP…]\n";
  return write(STDERR_FILENO, usage, sizeof usage - 1) < 0 ? 3 : 2;
}
