// How the types of maps and variables are found. A script may read a map in one probe and assign to it in a later one,
// so check walks the whole script several times: each walk uses the types that the one before it saw, until they stay
// the same. Whatever is assigned anywhere is merged here: a text is as long as the longest, a number is unsigned only
// if every assigned value is (literals take either side).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "parser/type.h"

namespace zeektrace {

struct Merged {
  Type type;
  bool is_signed = false;    // something signed was assigned, other than a literal
  bool is_unsigned = false;  // something unsigned
  uint32_t width = 0;        // of the widest integer that is no literal
  bool is_declared = false;  // by `let`: what is assigned must fit
  std::vector<Merged> items;  // of a tuple

  // False when the two can't live in one place.
  bool merge(const Type& other, bool is_literal);
  bool operator==(const Merged& other) const;

 private:
  bool merge_items(const Type& other);
};

struct MapFacts {
  bool keys_known = false;
  bool assigned = false;  // to something whose type is perhaps not known yet
  std::vector<Merged> keys;
  Merged value;
  bool operator==(const MapFacts&) const = default;
};

struct Facts {
  std::map<std::string, MapFacts> maps;
  // By the probe's place in the script, then by the variable's number.
  std::map<size_t, std::vector<Merged>> variables;
  bool operator==(const Facts&) const = default;
};

}  // namespace zeektrace
