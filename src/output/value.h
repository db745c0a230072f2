// Answers, as pure values: what decode makes of bytes, and all that a renderer ever sees. A new kind of answer is a new
// alternative here; std::visit then names every renderer that has yet to learn it.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace zeektrace {

struct Signed {
  int64_t value = 0;
};
struct Unsigned {
  uint64_t value = 0;
};
struct Text {
  std::string value;
};
struct Address {  // a pointer, shown in hexadecimal
  uint64_t value = 0;
};
// An address with its name: "malloc+20", or "0x7f…" when nothing is known.
struct Symbol {
  std::string name;
};
// Innermost frame first.
struct Stack {
  std::vector<std::string> frames;
};
// Buckets [low, high); the first and last may be open.
struct Histogram {
  struct Bucket {
    bool has_low = true;
    bool has_high = true;
    int64_t low = 0;
    uint64_t high = 0;   // exclusive
    uint64_t count = 0;
  };
  bool linear = false;
  std::vector<Bucket> buckets;  // from the first to the last that is not empty; none when nothing was counted
};
struct Average {
  int64_t value = 0;
};
struct Statistics {
  uint64_t count = 0;
  int64_t average = 0;
  int64_t total = 0;
};

using Value = std::variant<Signed, Unsigned, Text, Address, Symbol, Stack, Histogram, Average, Statistics>;

struct Table {
  struct Row {
    std::vector<Value> key;  // empty for a map without key
    Value value;
  };
  std::string name;        // without the at sign
  bool keyed = false;
  std::vector<Row> rows;   // in the order in which they are shown
};

}  // namespace zeektrace
