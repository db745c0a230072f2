// Functions and types for probes_dwarf.cpp, compiled in several ways. What a function is called with matters to nobody:
// its debug information does.
#include <cstdint>

namespace sample {

enum class Colour : uint8_t { red, green = 200 };
enum Sign { minus = -1, plus = 1 };

struct Point {
  int x;
  int y;
};
struct Real {
  double value;
  long count;
};
struct Large {
  long words[4];
};
struct Counted {
  Counted(const Counted& other);
  ~Counted();
  int count;
};
struct Holder {
  Counted held;
};
struct Defaulted {
  Defaulted() = default;
  Defaulted(const Defaulted&) = default;
  ~Defaulted() = default;
  int x;
};

template <class T, int N>
struct Row {
  T cells[N];
  using value_type = T;
  struct Inner {
    T first;
  };
  Inner inner;
};

struct Base {
  virtual ~Base();
  int number = 1;
};
struct Other {
  char letter = 'a';
};
class Derived : public Base, public Other {
 public:
  ~Derived() override;
  int method(int a, long b);
  static int of_class(const char* text);
  unsigned flags : 3;
  unsigned more : 7;
  bool yes : 1;
  static int shared;
  union {
    int as_int;
    float as_float;
  };
  Colour colour;
  Sign sign;
  char text[16];
  const Derived* next;
  Row<int, 3> row;
  long double wide;
  typedef unsigned long Size;
  Size size;
};
struct Virtual : virtual Base {
  ~Virtual() override;
  int own;
};

using Callback = int (*)(int);
struct Packed {
  char tag;
  long value;
} __attribute__((packed));

#define KEEP __attribute__((noinline, used))
#define BODY(x) asm volatile("" : : "r"(x) : "memory")

KEEP int integers(int8_t a, uint16_t b, int c, unsigned long d, bool e, char f, int g, long h) {
  BODY(h);
  return a + b + c + static_cast<int>(d) + e + f + g;
}
KEEP long pointers(const Point* p, Point& r, Callback callback, void* nothing, Point&& moved) {
  BODY(nothing);
  return p->x + r.y + callback(1) + moved.x;
}
KEEP long reals(float a, double b, long c, long double d) {
  BODY(&c);
  return static_cast<long>(a + b) + c + static_cast<long>(d);
}
KEEP long records(Point p, Real r, Large l, Counted c, Holder h, Defaulted d, Packed k, long last) {
  BODY(&p);
  return p.x + r.count + l.words[0] + c.count + h.held.count + d.x + k.value + last;
}
KEEP long unnamed(int, Colour colour, Sign, long last) {
  BODY(last);
  return static_cast<int>(colour) + last;
}
KEEP Large returns_large(long a) {
  BODY(a);
  return {{a, 0, 0, 0}};
}
KEEP Point returns_point(long a) {
  BODY(a);
  return {static_cast<int>(a), 2};
}
KEEP Counted returns_counted(Counted& a) {
  BODY(&a);
  return a;
}
KEEP double returns_real(long a) {
  BODY(a);
  return static_cast<double>(a);
}
KEEP void returns_nothing(long a) { BODY(a); }

Counted::Counted(const Counted& other) : count(other.count + 1) { BODY(this); }
Counted::~Counted() { BODY(this); }
Base::~Base() { BODY(this); }
Derived::~Derived() { BODY(this); }
Virtual::~Virtual() { BODY(this); }
int Derived::shared = 1;
KEEP int Derived::method(int a, long b) {
  BODY(this);
  return a + static_cast<int>(b) + number;
}
KEEP int Derived::of_class(const char* text) {
  BODY(text);
  return *text;
}

static KEEP int of_template_use(Row<Row<char, 2>, 4>* row, Virtual* v) {
  BODY(row);
  return row->cells[0].cells[0] + v->own;
}

// Inlined where the compiler optimises, and there as a function all the same.
inline int doubled(int x) {
  BODY(x);
  return 2 * x;
}
int (*keep_doubled)(int) = doubled;
KEEP int uses_doubled(int a) { return doubled(a) + doubled(a + 1); }

namespace {
struct Hidden {
  int x;
};
}  // namespace

KEEP int many(Hidden* hidden, Derived* d) {
  BODY(hidden);
  struct Local {
    int y;
  } local{hidden->x};
  auto lambda = [&](int z) __attribute__((noinline)) {
    BODY(z);
    return z + local.y;
  };
  return lambda(3) + d->method(1, 2);  // the line
}

}  // namespace sample
