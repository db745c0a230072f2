// Answers, as pure values: what decode makes of bytes, and all that a renderer ever sees. A new kind of
// answer is a new alternative here; std::visit then names every renderer that has yet to learn it.
#pragma once

#include <cstdint>
#include <optional>
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
struct Real {
  double value = 0;
  bool is_single = false;  // a float: shown with the digits that tell it from other floats
};
struct Text {
  std::string value;
};
// What has a notation of its own (parser/notation.h): an address, a subnet, a port, a name of an enumeration.
struct Notation {
  std::string text;
  std::string order;  // compares as such values are sorted
  std::optional<int64_t> number = std::nullopt;  // of an enumeration
};
// Bytes as they are: shown as text, what is not printable as \x00.
struct Buffer {
  std::string bytes;
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
    __int128 low = 0;   // in 128 bits, for the last bucket of unsigned numbers ends at 2^64
    __int128 high = 0;  // exclusive
    uint64_t count = 0;
  };
  bool linear = false;
  int64_t step = 0;             // of a linear one
  std::vector<Bucket> buckets;  // from the first to the last that is not empty; none when nothing was counted
};
// A number that is signed or not, as the values that went into it were.
struct Average {
  std::variant<int64_t, uint64_t> value;
};
struct Statistics {
  uint64_t count = 0;
  std::variant<int64_t, uint64_t> average;
  std::variant<int64_t, uint64_t> total;
};

// A number for each of the newest intervals, the oldest first; none where nothing was recorded.
struct Series {
  struct Point {
    int64_t begin = 0;  // of the interval, nanoseconds since 1970
    std::optional<std::variant<int64_t, uint64_t>> value;
  };
  uint64_t interval = 0;  // nanoseconds
  std::vector<Point> points;
};
struct Boolean {
  bool value = false;
};
// A tuple; with names a record of the script's own, as a list an array.
struct Item;
struct Group {
  std::vector<Item> items;
  std::vector<std::string> names;
  bool is_list = false;
};

using Value = std::variant<Signed, Unsigned, Real, Text, Notation, Buffer, Series, Address, Symbol, Stack, Histogram, Average,
                           Statistics, Boolean, Group>;
struct Item {
  Value value;
};

// std::visit with a lambda for each alternative.
template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

struct Table {
  enum class Kind {
    map,
    hist,
    stats,  // averages too
    tseries,
  };
  struct Row {
    std::vector<Value> key;  // empty for a map without key
    Value value;
  };
  std::string name;  // without the at sign
  Kind kind = Kind::map;
  bool keyed = false;
  std::vector<Row> rows;  // in the order in which they are shown; none when there is nothing to show
};

}  // namespace zeektrace
