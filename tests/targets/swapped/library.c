/* A library with one function, built twice: the same code, so that a return address in the one is one in the other, and the
 * same length of every name, so that the one fits into the place that the other has left. */
__attribute__((noinline)) void FUNCTION(void (*reach)(void));
void FUNCTION(void (*reach)(void)) {
  reach();
  __asm__ volatile("" ::: "memory"); /* so that the call before it is no tail call */
}
