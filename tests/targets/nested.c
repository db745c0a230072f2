/* Calls within calls, and texts of every length; it keeps its own tally, printed as the tracer prints maps.
 *
 *   nested dig N DEPTH   N times dig(DEPTH), which calls itself down to 0, N divided among two threads:
 *                        @calls = count() at each return, @depths = sum(arg0) at each entry
 *   nested odd N         N calls of odd(i), which calls itself once when i is odd: @odd_returns = count() of those calls
 *                        that began with an odd number
 *   nested texts         take_text(text, i) with texts of 1 to 1100 characters, around each size that matters, text i
 *                        i + 1 times: @[str(arg0)] = count(), each cut to 1023 characters, with .. behind
 *   nested names N       N calls of take_text with N different texts of 6 to 399 characters */
#define _GNU_SOURCE
#include "lines.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static uint64_t calls, depths;

TRACED uint64_t dig(uint64_t depth) {
  uint64_t inner = depth == 0 ? 0 : dig(depth - 1);
  __asm__ volatile("" : "+r"(inner));  /* or the compiler would make a loop of it */
  __atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
  __atomic_fetch_add(&depths, depth, __ATOMIC_RELAXED);
  return inner + 1;
}

TRACED uint64_t odd(uint64_t number) {
  calls += number & 1;
  if (!(number & 1)) return number;
  uint64_t inner = odd(number + 1);
  __asm__ volatile("" : "+r"(inner));
  return inner + 1;
}

TRACED void take_text(const char* text, uint64_t number) { __asm__ volatile("" : : "r"(text), "r"(number)); }

static void tell(const char* map, uint64_t value) {
  line_map(map);
  line_unsigned(value);
  line_end();
}

struct Digging {
  uint64_t times, depth;
};

static void* dig_often(void* argument) {
  const struct Digging* digging = argument;
  for (uint64_t i = 0; i < digging->times; ++i) dig(digging->depth);
  return NULL;
}

static void dig_mode(uint64_t times, uint64_t depth) {
  struct Digging half = {times / 2, depth}, rest = {times - times / 2, depth};
  pthread_t thread;
  const int failed = pthread_create(&thread, NULL, dig_often, &half);
  if (failed) exit(3);
  dig_often(&rest);
  pthread_join(thread, NULL);
  tell("@calls", calls);
  tell("@depths", depths);
}

static char text[2048];

static const char* text_of(unsigned number, size_t length) {
  memset(text, 'a' + (int)(number % 26), length);
  text[0] = (char)('A' + number % 26);
  text[length] = 0;
  return text;
}

static void texts_mode(void) {
  static const size_t lengths[] = {1,   7,   30,  31,  32,  33,  62,  63,  64,   65,   126,  127, 128,
                                   129, 254, 255, 256, 257, 511, 512, 600, 1000, 1022, 1023, 1024, 1100};
  enum { texts = sizeof lengths / sizeof lengths[0] };
  /* Round and round, so that a short one follows a long one through the same memory. */
  for (unsigned round = 0; round < texts; ++round)
    for (unsigned i = round; i < texts; ++i) take_text(text_of(i, lengths[i]), i);
  for (unsigned i = 0; i < texts; ++i) {
    line_text("tally @[");
    text_of(i, lengths[i] < 1023 ? lengths[i] : 1023);
    line_text(text);
    if (lengths[i] >= 1023) line_text(".."); /* as long as can be: it is taken for one that was cut */
    line_text("]: ");
    line_unsigned(i + 1);
    line_end();
  }
}

int main(int argc, char** argv) {
  const uint64_t times = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  if (argc > 3 && !strcmp(argv[1], "dig")) {
    dig_mode(times, strtoull(argv[3], NULL, 10));
  } else if (argc > 2 && !strcmp(argv[1], "odd")) {
    for (uint64_t i = 0; i < times; ++i) odd(i);
    tell("@odd_returns", calls);
  } else if (argc > 1 && !strcmp(argv[1], "texts")) {
    texts_mode();
  } else if (argc > 2 && !strcmp(argv[1], "names")) {
    for (uint64_t i = 0; i < times; ++i) {
      memset(text, 'n', sizeof text);
      for (int digit = 0; digit < 6; ++digit) text[digit] = (char)('0' + ((i >> (3 * digit)) & 7));
      text[6 + i % 394] = 0;
      take_text(text, i);
    }
  } else {
    return 2;
  }
  return 0;
}
