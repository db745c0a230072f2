/* A library with a static probe and its semaphore. */
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

#include "marks.h"

#include "../lines.h"

__extension__ unsigned short lib_checked_semaphore __attribute__((unused, section(".probes")));

struct Checked lib_checked;

TRACED void pass_lib_checked(int value) {
  if (__builtin_expect(*(volatile unsigned short*)&lib_checked_semaphore != 0, 0)) {
    DTRACE_PROBE1(lib, checked, value);
    lib_checked.calls++;
    lib_checked.sum += value;
  }
}
