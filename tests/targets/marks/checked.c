/* Static probes with semaphores: passed only while somebody probes them. */
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

#include "marks.h"

#include "../lines.h"

__extension__ unsigned short guard_checked_semaphore __attribute__((unused, section(".probes")));

struct Checked checked;

TRACED void pass_checked(int value) {
  if (__builtin_expect(*(volatile unsigned short*)&guard_checked_semaphore != 0, 0)) {
    DTRACE_PROBE1(guard, checked, value);
    checked.calls++;
    checked.sum += value;
  }
}

int checked_semaphore(void) { return *(volatile unsigned short*)&guard_checked_semaphore; }
