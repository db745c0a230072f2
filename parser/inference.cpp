#include "parser/inference.h"

#include <algorithm>

namespace zeektrace {
namespace {

bool is_number(const Type& type) { return type.is_integer() || type.is_pointer(); }

// A place in the kernel, by its address or as the attach point that was hit.
bool is_function(const Type& type) { return type.kind == Type::Kind::func || type.kind == Type::Kind::ksym; }

// What can be kept of a value: an integer of any width takes a whole word.
Type kept(Type type) {
  if (type.is_integer()) type.size = 8, type.name.clear();
  return type;
}

}  // namespace

bool Merged::merge(const Type& other, bool is_literal) {
  if (other.kind == Type::Kind::none) return true;  // not known yet
  if (is_declared) return type.fits(other) || (is_number(type) && is_number(other));
  if (other.is_tuple()) return merge_items(other);
  bool numeric = is_number(other) || other.is_aggregate();
  if (numeric && !is_literal) {
    const Type given = other.natural();
    // Narrow unsigned numbers are positive words either way.
    bool narrow = given.is_integer() && given.size < 8 && !given.is_signed;
    is_signed |= given.is_signed;
    is_unsigned |= !given.is_signed && !narrow;
    width = std::max(width, given.is_integer() ? given.integer_width() : 8);
  }
  bool is_first = type.kind == Type::Kind::none;
  bool was_bool = type.is_bool;
  if (is_first) {
    type = kept(other);
  } else if (is_number(type) && is_number(other) && type.kind != other.kind) {
    if (other.is_pointer()) type = other;
  } else if (is_function(type) && is_function(other)) {
    if (type.kind != other.kind) type = Type::of(Type::Kind::ksym);  // decode tells the one from the other
  } else if (!type.fits(other)) {
    return false;
  }
  if (!is_first && type.is_integer()) {
    type.is_bool = was_bool && other.is_bool;
    if (type.names != other.names) type.names = nullptr;
  }
  if (type.is_string()) type.size = std::max(type.size, other.size), type.can_be_cut |= other.can_be_cut;
  if (type.is_integer() && type.names != other.names) type.names = nullptr;  // values of several kinds
  if (type.is_integer() || type.is_aggregate()) type.is_signed = is_signed || (!is_unsigned && !type.is_aggregate());
  if (type.is_integer()) type.width = width, type.narrow_unsigned = width < 8 && !is_signed && !is_unsigned;
  return true;
}

bool Merged::merge_items(const Type& other) {
  if (type.kind == Type::Kind::none) {
    items.resize(other.items.size());
    type = Type::tuple(other.items, other.item_names);
    type.is_list = other.is_list;
  }
  if (type.is_list || other.is_list) return type.fits(other);  // as they are: narrow numbers stay narrow
  if (!type.is_tuple() || type.items.size() != other.items.size()) return false;
  const auto order = item_order(type, other);
  if (!order) return false;
  std::vector<Type> merged;
  for (size_t i = 0; i < items.size(); i++) {
    if (!items[i].merge(other.items[(*order)[i]], false)) return false;
    merged.push_back(items[i].type);
  }
  type = Type::tuple(std::move(merged), type.item_names);
  return true;
}

bool Merged::operator==(const Merged& other) const {
  return type.same_as(other.type) && type.names == other.type.names && width == other.width &&
         type.narrow_unsigned == other.type.narrow_unsigned;
}

}  // namespace zeektrace
