// What structs, classes and unions are made of, as somebody knows it: the debug information of a binary, the kernel's
// BTF, a declaration in the script. A Type of kind record holds its Records and a number within; members are read only
// when they are asked for, since the graph of a C++ program's types is large and has cycles. The Machine owns all Records,
// and outlives the Types that point at them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parser/access.h"
#include "parser/result.h"
#include "parser/type.h"

namespace zeektrace {

struct Member {
  std::string name;  // "" for an anonymous struct or union, whose members count as the record's own
  Type type;
  uint32_t offset = 0;  // bytes from the start of the record
  // A bit field: `bit_size` bits from bit `bit_offset` (counted from the least significant) of the type.size bytes
  // at `offset`. bit_size 0: not one.
  uint8_t bit_offset = 0;
  uint8_t bit_size = 0;
  bool is_base = false;     // a base class: its members are the record's own, after those of the record itself
  std::string unavailable;  // why it can't be read, such as a virtual base; "" when it can
  // Where it does not stand in the record itself: address = record + offset; for each of these address = *(u64 *)address
  // + then[i].
  std::vector<int64_t> then;
  // Not every object has it: this number, of the record's address, is above 0 in those that do. Where it is known what the
  // others have instead, that stands at `otherwise`; a path without any step leads to nothing, such as an empty list.
  std::optional<Count> present;
  std::optional<AccessPath> otherwise;
  std::optional<Count> count;  // it stands nowhere, but is this number
  std::optional<Proof> proof;  // see Access
};

// Makes a member of this type the bit field of `bits` bits from bit `first` of the record on.
void place_bits(Member& member, uint64_t first, uint32_t bits);

struct RecordShape {
  enum class Keyword : uint8_t { structure, class_, union_ };
  Keyword keyword = Keyword::structure;
  std::string name;  // with its namespaces and template arguments: "std::vector<int, std::allocator<int> >"
  uint32_t size = 0;
  bool has_virtual_table = false;  // its first 8 bytes are a vtable pointer, so that typename() can tell what it is
  std::vector<Member> members;
  // The types that a template was given, in order ("T" of vector<T>); of kind none where it was given a number.
  std::vector<Type> template_arguments;
};

class Records {
 public:
  virtual ~Records() = default;
  // The shape of record `id`; valid as long as this object. An Error when it is only declared, nowhere defined.
  virtual Result<const RecordShape*> shape(uint64_t id) = 0;
  // A type by name, as a cast writes it, without "struct" or "class": "zeek::Obj", "size_t". Nothing when there is none.
  virtual std::optional<Type> find(std::string_view name) = 0;
  // A number that has a name of its own: an enumerator.
  struct Constant {
    Type type;
    int64_t value = 0;
  };
  virtual std::optional<Constant> constant(std::string_view) { return std::nullopt; }
};

}  // namespace zeektrace
