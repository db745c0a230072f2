/* A static probe whose arguments all lie in memory: a global, a static, the stack, an array's element, a
 * short. */
#define STAP_SDT_ARG_CONSTRAINT o
#include <sys/sdt.h>

#include "marks.h"

#include "../lines.h"

int64_t kept[5];
int64_t kept_global;
static uint32_t kept_static[4];
static int32_t kept_table[16];

TRACED void pass_kept(uint64_t i) {
  volatile int64_t on_stack = -(int64_t)i;
  volatile int16_t narrow = (int16_t)(-3 * (int)i);
  kept_global = (int64_t)i * 3000000019;
  kept_static[2] = 0xffff0000U + (uint32_t)i;
  kept_table[i % 16] = (int32_t)(i * -77);
  __asm__ volatile("" : : : "memory");
  DTRACE_PROBE5(memory, kept, kept_global, kept_static[2], on_stack, kept_table[i % 16], narrow);
  const int64_t values[] = {kept_global, kept_static[2], on_stack, kept_table[i % 16], narrow};
  for (int k = 0; k < 5; ++k) kept[k] += values[k];
}
