// Arguments that their function never uses: clang, which this is built with, leaves them out of calls within the file where
// nobody else can define the function, and says in its debug information that they are passed all the same.
//
//   unused CALLS    calls each function that often; then `tally FUNCTION SUM`, the sum of what it was given as its last
//                   argument, for those that were given it
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>

#define KEPT __attribute__((noinline))

using Handler = long (*)(long, long);

// The last argument is left out by callers.
KEPT long ignores(long used, long ignored) {
  (void)ignored;
  return used * 3;
}
struct Silent {
  long value;
  KEPT long ignores_itself(long used);
};
KEPT long Silent::ignores_itself(long used) { return used + 1; }
KEPT long overwrites(long used, long overwritten) {
  overwritten = used ^ 5;
  asm volatile("" : "+S"(overwritten));  // in the register that the argument would come in
  return overwritten;
}
KEPT long ignores_the_eighth(long a, long b, long c, long d, long e, long f, long seventh, long eighth) {
  (void)eighth;
  return a + b + c + d + e + f + seventh;
}
KEPT long hands_on_unseen(Handler handler, long handed) { return handler(1, handed); }

// The last argument is passed.
KEPT long uses(long first, long last) { return first - last; }
KEPT long uses_it_late(long first, long last) {
  if (first & 1) return first;
  asm volatile("" ::: "rax");
  return last + 7;
}
KEPT long hands_on(long first, long last) {
  const long result = uses(first + 1, last);
  asm volatile("" : : "r"(result));
  return result + 1;
}
template <class Number>
KEPT long instance(Number first, long last) {  // weak: any file's instance may be the one that is called
  (void)last;
  return first + 11;
}
KEPT long uses_the_eighth(long, long, long, long, long, long, long seventh, long last) { return seventh * last; }

int main(int argc, char** argv) {
  const long calls = argc > 1 ? atol(argv[1]) : 1000;
  volatile long sink = 0;
  long sum = 0;
  Silent silent{3};
  for (long i = 0; i < calls; i++) {
    const long last = i * 7 + 13;
    sum += last;
    sink = sink + ignores(i, last) + silent.ignores_itself(i) + overwrites(i, last) +
           ignores_the_eighth(1, 2, 3, 4, 5, 6, i, last) + hands_on_unseen(uses, last) + uses(i, last) +
           uses_it_late(i, last) + hands_on(i, last) + instance(i, last) + uses_the_eighth(1, 2, 3, 4, 5, 6, i, last);
  }
  for (const char* name : {"hands_on", "instance", "uses_it_late", "uses_the_eighth"}) printf("tally @%s: %ld\n", name, sum);
  return 0;
}
