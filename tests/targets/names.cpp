// Functions whose names are not simple: overloads, templates, operators, constructors and destructors with several symbols,
// clones, parts, namespaces without a name. It knows how often each ran.
//
//   names [N [MILLISECONDS]]     N rounds (100), a pause after each (0)
//
// Its tally, by the name that a script would use:
//   @bracket  names::Text::operator[]         @star     names::operator*
//   @built    names::Shape::Shape             @gone     names::Shape::~Shape, by delete and at the end of a scope
//   @clone    names_scale, of which only a clone remains
//   @hidden   names::(anonymous namespace)::hidden
//   @ints     names::over(int)                @made     names::twice, for int and for long
//   @overs    names::over, all three          @texts    names::over(std::string const&)
//   @remote   names::Remote::~Remote of libnames_library.so
#include "lines.h"
#include "names_library.h"

#include <cstdlib>
#include <ctime>
#include <string>

#define STAY __asm__ volatile("" ::: "memory")

extern "C" {
// The compiler drops the parameter that is not used; what is left is called names_scale.constprop.0 (GCC 12).
__attribute__((noinline)) static long names_scale(long, long value) {
  STAY;
  return 3 * value;
}
}

namespace names {

TRACED int over(int value) { return value + 1; }
TRACED int over(const std::string& text) { return static_cast<int>(text.size()); }
TRACED int over(const char* text, unsigned long from) { return text[from]; }

struct Text {
  std::string text;
  TRACED char operator[](std::size_t at) const { return text[at]; }
};
TRACED int operator*(const Text& a, const Text& b) { return static_cast<int>(a.text.size() * b.text.size()); }

template <class T>
TRACED T twice(T value) {
  STAY;
  return value + value;
}

// A virtual base: the complete and the base constructor are two functions. The deleting destructor calls the complete one.
struct Root {
  int root = 1;
};
struct Shape : virtual Root {
  __attribute__((noinline)) Shape() { STAY; }
  __attribute__((noinline)) virtual ~Shape() { STAY; }
  Shape(const Shape&) = delete;
  Shape& operator=(const Shape&) = delete;
};
struct Square : Shape {
  __attribute__((noinline)) Square() { STAY; }
  __attribute__((noinline)) ~Square() override { STAY; }
};

namespace {
TRACED int hidden(int value) { return value + 3; }
}  // namespace

struct Counts {
  long ints = 0, texts = 0, others = 0, brackets = 0, stars = 0, built = 0, gone = 0, clones = 0, made = 0, hidden = 0;
};

void scopes(Counts& counts, int round) {
  {
    const Shape on_the_stack;
    const Square derived;
    counts.built += 2;
    counts.gone += 2;
  }
  if (round % 3 == 0) {
    Shape* on_the_heap = round % 2 == 0 ? new Shape : new Square;
    delete on_the_heap;
    ++counts.built;
    ++counts.gone;
  }
}

int round(Counts& counts, int number) {
  const Text text{"a text"};
  int sum = over(number) + over(text.text) + over(text.text.c_str(), 2);
  if (number % 2 == 0) sum += over(sum), ++counts.ints;
  ++counts.ints, ++counts.texts, ++counts.others;
  sum += text[1] + text * text, ++counts.brackets, ++counts.stars;
  sum += twice(number) + static_cast<int>(twice(7L)), counts.made += 2;
  sum += static_cast<int>(names_scale(3, number) + names_scale(sum, number + 1)), counts.clones += 2;
  sum += hidden(sum), ++counts.hidden;
  scopes(counts, number);
  return sum;
}

}  // namespace names

namespace {
void tell(const char* map, long count) {
  line_map(map);
  line_signed(count);
  line_end();
}
}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 100;
  const long milliseconds = argc > 2 ? std::atol(argv[2]) : 0;
  const timespec pause{milliseconds / 1000, milliseconds % 1000 * 1000000};
  names::Counts counts;
  int sum = 0;
  for (int i = 0; i < rounds; ++i) {
    sum += names::round(counts, i);
    if (milliseconds > 0) nanosleep(&pause, nullptr);
  }
  names::make_and_delete(rounds);
  __asm__ volatile("" : : "r"(sum));
  tell("@bracket", counts.brackets);
  tell("@built", counts.built);
  tell("@clone", counts.clones);
  tell("@gone", counts.gone);
  tell("@hidden", counts.hidden);
  tell("@ints", counts.ints);
  tell("@made", counts.made);
  tell("@overs", counts.ints + counts.texts + counts.others);
  tell("@remote", rounds);
  tell("@star", counts.stars);
  tell("@texts", counts.texts);
  return 0;
}
