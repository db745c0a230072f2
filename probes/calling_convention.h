// Where a caller puts a function's arguments and finds its result, by the System V ABI for x86-64 (AMD64 psABI 1.0,
// §3.2.3; what C++ adds: Itanium C++ ABI §3.1). It knows nothing of debug information: a value is told as the numbers
// and addresses that it is made of. What it can't say it refuses with the reason, and with it what depends on that.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "parser/program.h"

namespace zeektrace {

struct PassedValue {
  enum class Part : uint8_t {
    integer,  // integers, pointers, references, enumerations, booleans; of 16 bytes too
    sse,      // float, double
    x87,      // long double
  };
  struct Scalar {
    uint32_t offset = 0;
    uint32_t size = 8;
    Part part = Part::integer;
  };
  uint32_t size = 8;
  uint32_t alignment = 8;
  bool is_record = false;     // a struct, class or union; its parts may leave gaps, overlap, or be none at all
  // A C++ class that is not trivial for calls goes by reference: the caller passes an address.
  enum class Passing : uint8_t { by_value, by_reference, unknown };
  Passing passing = Passing::by_value;
  std::vector<Scalar> parts;
  std::string unknown;  // why nobody can say how it is passed; "" when the rest is true
};

struct CallPlaces {
  std::vector<Location> arguments;  // at the function's entry, one for each
  Location result;                  // when the function has returned
};

// `result` null: the function returns nothing. For a member function, `this` is the first of `arguments`. Registers are
// ContextOffset (a number) or Pieces (a record); the stack and what is passed by reference are UserMemory.
CallPlaces call_places(const PassedValue* result, std::span<const PassedValue> arguments);

}  // namespace zeektrace
