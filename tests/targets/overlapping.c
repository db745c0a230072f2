/* Two threads on one processor whose calls of take_text overlap where the tracer's program waits: one gives it texts in pages that
 * are not in memory until a third thread brings them in, 2 ms after they were asked for (userfaultfd); the other calls it again
 * and again meanwhile.
 *
 *   overlapping N    N calls with absent texts, and as many others as come between
 *
 *   @calls[arg0, arg2, arg3, arg4, arg5] = count(), @texts[str(arg1)] = count() */
#define _GNU_SOURCE
#include "lines.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

enum { page = 4096 };

static int faults;
static char* absent_texts;
static uint64_t absent_count, present_count;
static _Atomic int is_over;
static char present_text[16] = "present"; /* in memory: it is written to */

TRACED void take_text(uint64_t who, const char* text, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
  __asm__ volatile("" : : "r"(who), "r"(text), "r"(a), "r"(b), "r"(c), "r"(d) : "memory");
}

static void* bring_in(void* unused) {
  static char content[page] __attribute__((aligned(page))) = "absent";
  const struct timespec later = {.tv_nsec = 2000000};
  struct uffd_msg fault;
  while (read(faults, &fault, sizeof fault) == sizeof fault) {
    nanosleep(&later, NULL);
    struct uffdio_copy copy = {.dst = fault.arg.pagefault.address & ~(uint64_t)(page - 1), .src = (uintptr_t)content, .len = page};
    ioctl(faults, UFFDIO_COPY, &copy);
  }
  return unused;
}

static void* give_absent(void* unused) {
  for (uint64_t i = 0; i < absent_count; ++i) take_text(1, absent_texts + i * page, 11, 12, 13, 14);
  is_over = 1;
  return unused;
}

static void* give_present(void* unused) {
  const struct timespec shortly = {.tv_nsec = 50000};
  while (!is_over) {
    take_text(2, present_text, 21, 22, 23, 24);
    ++present_count;
    nanosleep(&shortly, NULL);
  }
  return unused;
}

static void print(const char* row, uint64_t value) {
  line_map(row);
  line_unsigned(value);
  line_end();
}

int main(int argc, char** argv) {
  absent_count = argc == 2 ? strtoull(argv[1], NULL, 10) : 0;
  if (!absent_count) return 2;
  present_text[0] = 'p';
  struct uffdio_api api = {.api = UFFD_API};
  faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
  absent_texts = mmap(NULL, absent_count * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct uffdio_register all = {.range = {(uintptr_t)absent_texts, absent_count * page}, .mode = UFFDIO_REGISTER_MODE_MISSING};
  if (faults < 0 || absent_texts == MAP_FAILED || ioctl(faults, UFFDIO_API, &api) || ioctl(faults, UFFDIO_REGISTER, &all)) return 1;

  pthread_t bringer, absent, present;
  cpu_set_t one;
  sched_getaffinity(0, sizeof one, &one);
  int processor = 0;
  while (!CPU_ISSET(processor, &one)) ++processor;
  pthread_create(&bringer, NULL, bring_in, NULL);
  CPU_ZERO(&one);
  CPU_SET(processor, &one);
  sched_setaffinity(0, sizeof one, &one);
  pthread_create(&present, NULL, give_present, NULL);
  pthread_create(&absent, NULL, give_absent, NULL);
  pthread_join(absent, NULL);
  pthread_join(present, NULL);
  const int is_more = present_count >= absent_count; /* maps are printed by value */
  if (!is_more) print("@calls[2, 21, 22, 23, 24]", present_count);
  print("@calls[1, 11, 12, 13, 14]", absent_count);
  if (is_more) print("@calls[2, 21, 22, 23, 24]", present_count);
  if (!is_more) print("@texts[present]", present_count);
  print("@texts[absent]", absent_count);
  if (is_more) print("@texts[present]", present_count);
  return 0;
}
