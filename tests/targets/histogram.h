/* A power-of-two histogram, printed row for row as zeektrace prints `@map[key] = hist(n)`, each row after the
 * word "tally". Promises: nothing is allocated; empty rows before the first and after the last value are
 * left out, those between are printed; a histogram without values prints nothing. */
#ifndef ZEEKTRACE_TESTS_HISTOGRAM_H
#define ZEEKTRACE_TESTS_HISTOGRAM_H

#include <stdint.h>
#include <string.h>

#include "lines.h"

struct Histogram {
  uint64_t bucket[65]; /* 0 holds the value 0, k holds [2^(k-1), 2^k) */
};

static inline void add(struct Histogram* histogram, uint64_t value) {
  histogram->bucket[value ? 64 - __builtin_clzll(value) : 0]++;
}

static inline void power_text(int power) {
  static const char* const suffix[] = {"", "K", "M", "G", "T", "P", "E"};
  line_unsigned(1ULL << power % 10);
  line_text(suffix[power / 10]);
}

static inline void bucket_label(int bucket) {
  if (bucket < 2) {
    line_text(bucket ? "[1]" : "[0]");
    return;
  }
  line_text("[");
  power_text(bucket - 1);
  line_text(", ");
  power_text(bucket);
  line_text(")");
}

static inline int decimal_digits(uint64_t value) {
  int count = 1;
  for (; value > 9; value /= 10) {
    ++count;
  }
  return count;
}

/* A row: label in 16 columns, count in 8, a bar of at most 52. */
static inline void print_row(int bucket, uint64_t count, uint64_t highest) {
  const size_t prefix = strlen("tally ");
  line_text("tally ");
  bucket_label(bucket);
  line_pad(prefix + 16 + (size_t)(decimal_digits(count) < 8 ? 8 - decimal_digits(count) : 0));
  line_unsigned(count);
  line_text(" |");
  const size_t bar_start = line.length;
  for (uint64_t i = 0; i < count * 52 / highest; ++i) {
    line_text("@");
  }
  line_pad(bar_start + 52);
  line_text("|");
  line_end();
}

static inline void print_histogram(const char* map, const char* key, const struct Histogram* histogram) {
  int first = -1;
  int last = -1;
  uint64_t highest = 0;
  for (int i = 0; i < 65; ++i) {
    const uint64_t count = histogram->bucket[i];
    first = count && first < 0 ? i : first;
    last = count ? i : last;
    highest = count > highest ? count : highest;
  }
  if (first < 0) {
    return;
  }
  line_text("tally ");
  line_text(map);
  line_text(key);
  line_text(": ");
  line_end();
  for (int i = first; i <= last; ++i) {
    print_row(i, histogram->bucket[i], highest);
  }
}

#endif
