// C++ arguments of many kinds, built with debug information: classes with bases, bit fields and anonymous members, small
// records passed in registers, references, and the standard library's containers.
//
//   shapes [N]     N rounds (100)
//
// Its tally, by function: draw(): @bits = sum(f->small), @corner_x = sum(f->corner.x), @extra = sum(f->extra),
// @id = sum(f->id), @letters[f->letter] = count(), @next_y = sum(f->next->y), @on_stack = sum(of the last argument),
// @origin_y = sum(of the point passed by value), @red = count(colour is red), @scale = sum(of the integer referred to),
// @table = sum(f->table[round % 4]).
#include "lines.h"

#include <cstdlib>
#include <cstring>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace shapes {

enum class colour : int { green = 3, red = 7 };

struct point {
  int x = 0;
  int y = 0;
};

class base {
 public:
  virtual ~base() = default;
  virtual int sides() const { return 0; }
  long id = 0;
  int shared = 1;
};

struct side {
  int shared = 2;
  short extra = 0;
};

class figure : public base, public side {
 public:
  char label[8] = {};
  unsigned low : 3 = 0;
  int small : 5 = 0;
  bool visible = false;
  point corner;
  point* next = nullptr;
  double area = 0;
  float weight = 0;
  union {
    unsigned long number = 0;
    char letter;
  };
  colour paint = colour::green;
  std::string name;
  int table[4] = {};
  point corners[2];
  unsigned char raw[6] = {};
};

class square : public figure {
 public:
  int sides() const override { return 4; }
};

struct holder {
  std::vector<int> sizes;
  std::vector<point> corners;
  std::vector<std::string> names;
  std::optional<long> maybe;
  std::unique_ptr<figure> owned;
  std::shared_ptr<figure> shared;
  std::map<int, int> ordered;
  std::unordered_map<int, int> hashed;
  std::set<int> set;
  std::deque<int> queue;
  std::list<int> list;
  std::pair<int, long> pair;
};

TRACED void draw(const figure* f, point origin, colour paint, bool visible, const int& scale, short narrow, unsigned on_stack) {
  asm volatile("" : : "r"(f), "r"(&origin), "r"(paint), "r"(visible), "r"(&scale), "r"(narrow), "r"(on_stack) : "memory");
}
TRACED void call(const std::string& name, std::string_view part, const char* plain) {
  asm volatile("" : : "r"(&name), "r"(&part), "r"(plain) : "memory");
}
TRACED void nothing(std::string_view part, const std::string& name) { asm volatile("" : : "r"(&part), "r"(&name) : "memory"); }

TRACED void hold(holder& all, int round) { asm volatile("" : : "r"(&all), "r"(round) : "memory"); }
TRACED void see(const base* object) { asm volatile("" : : "r"(object) : "memory"); }

}  // namespace shapes

namespace {

struct Tally {
  long bits = 0, corner_x = 0, extra = 0, id = 0, next_y = 0, on_stack = 0, origin_y = 0, red = 0, scale = 0, table = 0;
  long letters[3] = {};
};

void tell(const char* name, long value) {
  line_text("tally @");
  line_text(name);
  line_text(": ");
  line_signed(value);
  line_end();
}

void draw_one(shapes::figure& f, int round, Tally& tally) {
  shapes::point next{round, -2 * round};
  f.id = round * 1000L - 7;
  f.extra = static_cast<short>(-round);
  std::strcpy(f.label, round % 2 ? "odd" : "even");
  f.low = static_cast<unsigned>(round);
  f.small = round % 32 - 16;
  f.corner = {round * 3, round};
  f.next = &next;
  f.number = 0;
  f.letter = static_cast<char>('a' + round % 3);
  f.paint = round % 4 ? shapes::colour::green : shapes::colour::red;
  f.area = round / 4.0;
  f.weight = static_cast<float>(round) / 8;
  for (int i = 0; i < 4; i++) f.table[i] = round + i * 100;
  int scale = round + 5;
  const shapes::point origin{1, -round};
  shapes::draw(&f, origin, f.paint, round % 2 == 0, scale, static_cast<short>(-round), static_cast<unsigned>(round * 2));
  tally.bits += f.small;
  tally.corner_x += f.corner.x;
  tally.extra += f.extra;
  tally.id += f.id;
  tally.letters[round % 3]++;
  tally.next_y += next.y;
  tally.on_stack += round * 2;
  tally.origin_y += origin.y;
  tally.red += f.paint == shapes::colour::red;
  tally.scale += scale;
  tally.table += f.table[round % 4];
}

void hold_one(int round) {
  shapes::holder all;
  for (int i = 0; i <= round % 5; i++) {
    all.sizes.push_back(i * 10 + round);
    all.corners.push_back({i, i + 1});
    all.names.push_back(std::string(static_cast<size_t>(i) * 10, 'n'));
    all.ordered[i] = i;
    all.hashed[i] = i;
    all.set.insert(i);
    all.list.push_back(i);
  }
  for (int i = 0; i < 300 + round; i++) all.queue.push_back(i);
  for (int i = 0; i < 200; i++) all.queue.pop_front();
  if (round % 2) all.maybe = round;
  all.owned = std::make_unique<shapes::figure>();
  all.owned->id = round + 1;
  all.shared = std::make_shared<shapes::square>();
  all.shared->id = round + 2;
  auto second = all.shared;
  all.pair = {round, round * 2L};
  shapes::hold(all, round);
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 100;
  Tally tally;
  shapes::figure figure;
  shapes::square square;
  const std::string text = "a text that is longer than what a string keeps in itself";
  for (int round = 0; round < rounds; round++) {
    draw_one(round % 2 ? figure : square, round, tally);
    const std::string name = round % 2 ? "short" : text;
    shapes::call(name, std::string_view(text).substr(2, 4), name.c_str());
    shapes::nothing({}, {});
    hold_one(round);
    if (round % 4 == 0) shapes::see(&square);
    else shapes::see(&figure);
  }
  tell("bits", tally.bits);
  tell("corner_x", tally.corner_x);
  tell("extra", tally.extra);
  tell("id", tally.id);
  tell("letters[98]", tally.letters[1]);  // by value, then by key: the order of 3n + 1 rounds
  tell("letters[99]", tally.letters[2]);
  tell("letters[97]", tally.letters[0]);
  tell("next_y", tally.next_y);
  tell("on_stack", tally.on_stack);
  tell("origin_y", tally.origin_y);
  tell("red", tally.red);
  tell("scale", tally.scale);
  tell("table", tally.table);
  return 0;
}
