// Functions that are inlined into one another, whose calls stand on lines that the tests know. It calls `reached` twice,
// from main through here::outer and by way of here::direct, and tells nothing: what is to be seen does not depend on it.
#include <cstdio>

struct Point {
  int x;
  int y;
};

extern "C" [[gnu::noinline]] int reached(const Point* at, int count) {
  asm volatile("" ::: "memory");
  return at->x + count;
}

namespace here {

[[gnu::always_inline]] inline int innermost(const Point& at) {
#line 100
  return reached(&at, 3) + 1;
}

// Has no name for the linker where it is inlined everywhere.
[[gnu::always_inline]] static inline int middle(Point at) {
  at.x += 2;
#line 200
  return innermost(at) + 1;
}

[[gnu::noinline]] int outer(int number) {
  Point at{number, 5};
#line 300
  return middle(at) + 1;
}

[[gnu::noinline]] int direct(int number) {
  Point at{number, 6};
#line 400
  return reached(&at, 4) + 1;
}

// Stays a function of its own, too.
int often(int number) { return number * 7 + 1; }

}  // namespace here

int main(int argc, char**) {
#line 500
  int sum = here::outer(argc);
#line 501
  sum += here::direct(argc);
  sum += here::often(sum);
  sum ^= here::often(sum);
  std::printf("%d\n", sum);
  return 0;
}
