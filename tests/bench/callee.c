// The traced side of bench_overhead: equal functions by the dozen, so that every tracer has one to itself and all of them
// are measured in turn, a fraction of a millisecond each. It times its own calls and answers on its output:
//   call FUNCTION SLOT CALLS          nanoseconds a call
//   pace FUNCTION SLOT RATE CALLS     calls made at this rate a second; nanoseconds a call (mean), seconds it took
// FUNCTION: nop, mov, sub (what it begins with), or deep: nop, called by 13 functions with frame pointers.
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef void (*Probed)(uint64_t number, const char *text);

// A 5-byte nop, as compilers leave for tracers; a mov and a sub, each with a push behind it. With call frame information,
// as all compiled code has it: without, the caller's frame is a guess.
#define PUSH(offset) "push %rbp\n.cfi_def_cfa_offset " #offset "\n.cfi_offset 6, -" #offset "\n"
#define POP(offset) "pop %rbp\n.cfi_def_cfa_offset " #offset "\n.cfi_restore 6\n"
__asm__(
    ".text\n"
    ".macro begin name\n"
    ".p2align 6\n.globl \\name\n.type \\name, @function\n\\name:\n.cfi_startproc\n"
    ".endm\n"
    ".macro end name\nret\n.cfi_endproc\n.size \\name, . - \\name\n.endm\n"
    ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23\n"
    "begin nop_\\n\n.byte 0x0f, 0x1f, 0x44, 0, 0\n" PUSH(16) "mov %rsp, %rbp\nmov %rdi, %rax\n" POP(8) "end nop_\\n\n"
    "begin mov_\\n\nmov %rdi, %rax\n" PUSH(16) "mov %rsp, %rbp\n" POP(8) "end mov_\\n\n"
    "begin sub_\\n\nsub $16, %rsp\n.cfi_def_cfa_offset 24\n" PUSH(32) "mov %rdi, %rax\n" POP(24)
    "add $16, %rsp\n.cfi_def_cfa_offset 8\nend sub_\\n\n"
    ".endr\n");

enum { slots = 24, deep_frames = 13 };
#define SLOTS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16) X(17) \
  X(18) X(19) X(20) X(21) X(22) X(23)
#define DECLARE(n) \
  void nop_##n(uint64_t, const char *); \
  void mov_##n(uint64_t, const char *); \
  void sub_##n(uint64_t, const char *);
SLOTS(DECLARE)
#define NOP(n) nop_##n,
#define MOV(n) mov_##n,
#define SUB(n) sub_##n,
static const Probed nops[slots] = {SLOTS(NOP)}, movs[slots] = {SLOTS(MOV)}, subs[slots] = {SLOTS(SUB)};
static const char text[] = "zeek::EventHandler::Call";

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

__attribute__((noinline, noclone)) static void descend(int frames, Probed probed, uint64_t number) {
  if (frames > 0)
    descend(frames - 1, probed, number);
  else
    probed(number, text);
  __asm__ volatile("");  // or the call would be a jump
}

static uint64_t call(Probed probed, int deep, uint64_t calls) {
  uint64_t start = now();
  if (deep)
    for (uint64_t i = 0; i < calls; i++) descend(deep_frames - 1, probed, i);
  else
    for (uint64_t i = 0; i < calls; i++) probed(i, text);
  return now() - start;
}

// Calls at a steady rate; the sum of what each took.
static uint64_t pace(Probed probed, uint64_t rate, uint64_t calls) {
  uint64_t begin = now(), sum = 0;
  for (uint64_t i = 0; i < calls; i++) {
    uint64_t due = begin + i * 1000000000 / rate, start;
    while ((start = now()) < due) __asm__ volatile("pause");
    probed(i, text);
    sum += now() - start;
  }
  return sum;
}

int main(void) {
  char line[128], what[16], function[16];
  setvbuf(stdout, NULL, _IOLBF, 0);
  while (fgets(line, sizeof line, stdin)) {
    unsigned slot = 0;
    unsigned long a = 0, b = 0;
    if (sscanf(line, "%15s %15s %u %lu %lu", what, function, &slot, &a, &b) < 4 || slot >= slots || a == 0) return 2;
    int deep = strcmp(function, "deep") == 0;
    Probed probed = strcmp(function, "mov") == 0 ? movs[slot] : strcmp(function, "sub") == 0 ? subs[slot] : nops[slot];
    if (strcmp(what, "pace") == 0) {
      uint64_t begin = now(), sum = pace(probed, a, b);
      printf("%.2f %.4f\n", (double)sum / (double)b, (double)(now() - begin) / 1e9);
    } else {
      printf("%.3f\n", (double)call(probed, deep, a) / (double)a);
    }
  }
  return 0;
}
