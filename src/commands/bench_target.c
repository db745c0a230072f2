/* What `zeektrace bench` probes: functions whose first instruction is known, called as often as the parent asks. A program of
 * its own, carried inside of zeektrace and run from memory: no library, no exceptions, never stripped.
 *
 * Standard input: struct Order, again and again. Standard output: for each the nanoseconds of processor time that all its
 * calls took, the kernel's work for them included, as 8 bytes. It ends with its input. */
#include <asm/unistd_64.h>
#include <stdint.h>
#include <time.h>

struct Order {
  uint32_t function; /* a row of `functions` */
  uint32_t calls;
};

/* FUNCTION(name, code): the code. */
#define FUNCTION(name, code)                                                                    \
  uint64_t name(uint64_t);                                                                      \
  __asm__(".text\n.balign 16\n.globl " #name "\n.type " #name ", @function\n" #name ":\n" code \
          ".size " #name ", . - " #name "\n")

FUNCTION(bench_nop, ".byte 0x0f, 0x1f, 0x44, 0, 0\n lea 1(%rdi), %rax\n ret\n");
FUNCTION(bench_push, "push %rbx\n lea 1(%rdi), %rax\n pop %rbx\n ret\n");
FUNCTION(bench_step, "mov %rdi, %rax\n add $1, %rax\n ret\n");
/* Its ret stands 4 bytes from its start. */
FUNCTION(bench_return, "lea 1(%rdi), %rax\n ret\n");
FUNCTION(bench_plain, "lea 1(%rdi), %rax\n ret\n");

/* What an interposed library function runs: count, go on to the real one. */
uint64_t bench_interposed_calls;
uint64_t (*const bench_real)(uint64_t) = bench_plain;
FUNCTION(bench_interposed, "incq bench_interposed_calls(%rip)\n jmp *bench_real(%rip)\n");

FUNCTION(bench_syscall, "mov $110, %eax\n syscall\n ret\n"); /* getppid */
_Static_assert(__NR_getppid == 110, "x86-64's number of getppid");

/* As <sys/sdt.h> of SystemTap writes it (version 3): a nop, jumped over while the semaphore is 0, and a note that says where
 * both are. */
__attribute__((section(".probes"), used)) volatile uint16_t bench_semaphore;
FUNCTION(bench_usdt,
         "lea 1(%rdi), %rax\n cmpw $0, bench_semaphore(%rip)\n je 1f\n990: nop\n1: ret\n"
         ".pushsection .note.stapsdt, \"\", \"note\"\n.balign 4\n.4byte 992f - 991f, 994f - 993f, 3\n"
         "991: .asciz \"stapsdt\"\n992: .balign 4\n"
         "993: .8byte 990b, _.stapsdt.base, bench_semaphore\n"
         ".asciz \"zeektrace\"\n.asciz \"bench\"\n.asciz \"-8@%rdi\"\n994: .balign 4\n.popsection\n"
         ".pushsection .stapsdt.base, \"aG\", \"progbits\", .stapsdt.base, comdat\n.weak _.stapsdt.base\n"
         ".hidden _.stapsdt.base\n_.stapsdt.base: .space 1\n.size _.stapsdt.base, 1\n.popsection\n");

/* What is sampled: it never leaves the processor. */
static uint64_t bench_spin(uint64_t value) {
  for (int i = 0; i < 1000; i++) __asm__ volatile("imul $3, %0, %0" : "+r"(value));
  return value;
}

/* In the order of TargetFunction in bench_target.h. */
static uint64_t (*const functions[])(uint64_t) = {bench_plain,  bench_interposed, bench_nop,  bench_push, bench_step,
                                                  bench_return, bench_syscall,    bench_usdt, bench_spin};

static long call(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}

static uint64_t now(void) {
  struct timespec time;
  call(__NR_clock_gettime, CLOCK_THREAD_CPUTIME_ID, (long)&time, 0);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

__attribute__((force_align_arg_pointer, used)) void _start(void) {
  struct Order order;
  while (call(__NR_read, 0, (long)&order, sizeof order) == sizeof order) {
    if (order.function >= sizeof functions / sizeof *functions) break;
    uint64_t (*volatile function)(uint64_t) = functions[order.function];
    uint64_t value = 0;
    const uint64_t begin = now();
    for (uint32_t i = 0; i < order.calls; i++) value = function(value);
    const uint64_t took = now() - begin;
    if (call(__NR_write, 1, (long)&took, sizeof took) != sizeof took) break;
  }
  call(__NR_exit_group, 0, 0, 0);
}
