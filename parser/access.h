// How a script gets from an address to what it names: a member, an element, what a pointer points to, the text in a
// std::string. Resolved by check from the members' places (members.h, views.h), so that emit only adds and reads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "parser/type.h"

namespace zeektrace {

// address += adds[0]; for each further one address = *(u64 *)address + adds[i]. What is no record or array is read there.
struct AccessPath {
  std::vector<int64_t> adds = {0};
  Type type;  // of what stands there; never a reference, which is one more read on the way
  // Of a bit field, see Member.
  uint8_t bit_offset = 0;
  uint8_t bit_size = 0;

  bool operator==(const AccessPath& other) const;
};

// A number that several members make up together, such as how many elements a vector has:
// fixed + the sum of (from - less) / divide * multiply.
struct Count {
  struct Term {
    AccessPath from;
    std::optional<AccessPath> less;
    uint32_t divide = 1;
    uint32_t multiply = 1;
    bool operator==(const Term&) const = default;
  };
  int64_t fixed = 0;
  std::vector<Term> terms;
  bool operator==(const Count&) const = default;
};

// What says that an object is what it is taken for, where that was found out from another process. It is described by
// something that lasts as long as the process, and the kernel side remembers of which of these it holds.
struct Proof {
  std::vector<int64_t> description = {0};  // from the object to the address of what describes it, as AccessPath::adds
  // From the description's address: address += text[0]; for each further one address = *(u64 *)address + text[i]. There
  // stands this name.
  std::vector<int64_t> text;
  std::string name;
  // And the unsigned number of `size` bytes that is found in this way is `value`.
  struct Number {
    std::vector<int64_t> adds;
    uint32_t size = 8;
    uint64_t value = 0;
    bool operator==(const Number&) const = default;
  };
  Number number;
  bool is_passing = false;  // what describes it comes and goes: nothing is remembered of it
  bool operator==(const Proof&) const = default;
};

// What object.name or object[index] is, from the object's address (a pointer's value).
struct Access {
  AccessPath place;
  std::optional<Count> count;  // set: the value is this number, and there is no place
  // Of an index: place and index * stride is where the element stands. An index that is not below the bound is
  // counted, and gives the address 0, or 0 without a read.
  uint64_t stride = 0;
  std::optional<Count> bound;
  // Of a member, see Member. One that is not present, without an `otherwise`, has the address 0 or the value 0, and is
  // counted.
  std::optional<Count> present;
  std::optional<AccessPath> otherwise;
  // Holds of objects that have the member there; of others it is counted, and not present.
  std::optional<Proof> proof;
  bool operator==(const Access&) const = default;
};

// The characters of an array or of one of the library's strings.
struct TextSource {
  AccessPath data;                   // the array, or the pointer to them
  std::optional<Count> length;  // not set: they fill the array
  bool operator==(const TextSource&) const = default;
};

}  // namespace zeektrace
