/* Functions whose code is given to the byte, to see where a probe on them is put, and that it counts what it should
 * wherever that is.
 *
 *   placed N      each function is called N times with the arguments (i, 2 i), i counting from 0
 *
 * The tally: @calls[func] = count(), @first[func] = sum(arg0), of the functions place_*; of the place_*_returns functions'
 * results nothing is kept. */
#include "lines.h"

#include <stdint.h>
#include <stdlib.h>

#define FUNCTION(name, body) \
  __asm__(".text\n.globl " #name "\n.type " #name ", @function\n" #name ":\n" body "\n.size " #name ", .-" #name "\n"); \
  uint64_t name(uint64_t, uint64_t)

/* An emulated instruction behind one that is not. */
FUNCTION(place_behind, "mov %rdi, %rax\n push %rbx\n add %rsi, %rax\n pop %rbx\n ret");
/* The same, but what the script reads is gone by then. */
FUNCTION(place_clobbered, "mov %rdi, %rax\n xor %edi, %edi\n push %rbx\n add %rsi, %rax\n pop %rbx\n ret");
/* The only emulated instruction is run several times in a call. */
FUNCTION(place_loop, "mov $3, %eax\n1: test %eax, %eax\n je 2f\n dec %eax\n jmp 1b\n2: mov %rdi, %rax\n ret");
/* The loop lies behind the emulated instruction. */
FUNCTION(place_before_loop, "mov $3, %eax\n push %rbx\n1: dec %eax\n jne 1b\n mov %rdi, %rax\n pop %rbx\n ret");
/* A 5-byte nop at the entry, and one in the middle, where the red zone is in use. */
FUNCTION(place_nop, ".byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n lea (%rdi,%rsi), %rax\n ret");
FUNCTION(place_inner_nop,
         "mov %rdi, -8(%rsp)\n .byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n mov -8(%rsp), %rax\n add %rsi, %rax\n ret");
/* Memory that the caller passes is written before the emulated instruction; and its own stack, which does no harm. */
uint64_t shared_word __attribute__((visibility("hidden")));
FUNCTION(place_stores, "mov %rdi, shared_word(%rip)\n push %rbx\n mov %rdi, %rax\n pop %rbx\n ret");
FUNCTION(place_spills, "mov %rdi, -16(%rsp)\n push %rbx\n mov %rdi, %rax\n pop %rbx\n ret");
/* endbr64, and then what makes a frame. */
FUNCTION(place_protected, "endbr64\n push %rbp\n mov %rsp, %rbp\n lea (%rdi,%rsi), %rax\n pop %rbp\n ret");
/* The stack pointer has moved, twice. */
FUNCTION(place_deep, "sub $24, %rsp\n test %rdi, %rdi\n js 1f\n1: mov %rdi, %rax\n add $24, %rsp\n ret");
/* Nothing here is emulated. */
FUNCTION(place_none, "lea (%rdi,%rsi), %rax\n ret");

struct Row {
  const char* name;
  uint64_t (*function)(uint64_t, uint64_t);
};
static const struct Row rows[] = {{"place_before_loop", place_before_loop}, {"place_behind", place_behind},
                                  {"place_clobbered", place_clobbered},     {"place_deep", place_deep},
                                  {"place_inner_nop", place_inner_nop},     {"place_loop", place_loop},
                                  {"place_none", place_none},               {"place_nop", place_nop},
                                  {"place_protected", place_protected},     {"place_spills", place_spills},
                                  {"place_stores", place_stores}};
enum { functions = sizeof rows / sizeof rows[0] };

static void tell(const char* map, const char* name, uint64_t value) {
  line_text("tally ");
  line_text(map);
  line_text("[");
  line_text(name);
  line_text("]: ");
  line_unsigned(value);
  line_end();
}

int main(int argc, char** argv) {
  const uint64_t calls = argc > 1 ? strtoull(argv[1], NULL, 10) : 100;
  for (uint64_t i = 0; i < calls; i++) {
    for (int f = 0; f < functions; f++) {
      const uint64_t result = rows[f].function(i, 2 * i);
      if (result != i && result != 3 * i) {
        line_text(rows[f].name);
        line_text(" went wrong");
        line_end();
        return 1;
      }
    }
  }
  if (shared_word + 1 != calls) return 1;
  for (int f = 0; f < functions; f++) tell("@calls", rows[f].name, calls);
  for (int f = 0; f < functions; f++) tell("@first", rows[f].name, calls * (calls - 1) / 2);
  return 0;
}
