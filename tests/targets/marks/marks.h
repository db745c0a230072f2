/* The parts of marks that are compiled in other ways than marks.c: with arguments that lie in memory, with
 * semaphores, in a library. */
#ifndef ZEEKTRACE_TESTS_MARKS_H
#define ZEEKTRACE_TESTS_MARKS_H

#include <stdint.h>

struct Checked {
  int64_t calls, sum;
};

void pass_kept(uint64_t i);
extern int64_t kept[5];

void pass_checked(int value);
int checked_semaphore(void);
extern struct Checked checked;

void pass_lib_checked(int value);
extern struct Checked lib_checked;

#endif
