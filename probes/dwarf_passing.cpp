// How values of a type are passed, for the calling convention: the numbers that they are made of, and whether C++ passes
// them by reference.
#include <fmt/format.h>

#include <algorithm>

#include "probes/dwarf_types.h"

namespace zeektrace {

namespace {

constexpr unsigned deepest = 64;
constexpr uint32_t most_parts = 64;  // of what goes into registers there can't be more

using Passing = PassedValue::Passing;

bool is_cxx(Dwarf_Die die) {
  Dwarf_Die unit;
  if (dwarf_diecu(&die, &unit, nullptr, nullptr) == nullptr) return true;
  switch (dwarf_srclang(&unit)) {
    case DW_LANG_C89:
    case DW_LANG_C:
    case DW_LANG_C99:
    case DW_LANG_C11: return false;
    default: return true;
  }
}

// A copy or move constructor of `record`, or its destructor.
bool decides_passing(Dwarf_Die function, Dwarf_Die record) {
  const std::string_view name = name_of(function), of = name_of(record);
  if (name.starts_with("~")) return true;
  if (name.empty() || name != of.substr(0, of.find('<'))) return false;
  std::optional<Dwarf_Die> first;
  for_each_child(function, [&](Dwarf_Die child) {
    if (!first && tag_of(child) == DW_TAG_formal_parameter && !own_flag(child, DW_AT_artificial)) first = child;
  });
  auto type = first ? type_of(*first) : std::nullopt;
  const int tag = type ? tag_of(*type) : 0;
  if (tag != DW_TAG_reference_type && tag != DW_TAG_rvalue_reference_type) return false;
  auto target = without_qualifiers(type_of(*type));
  return target && target->addr == record.addr;
}

Passing worst(Passing a, Passing b) {
  if (a == Passing::by_reference || b == Passing::by_reference) return Passing::by_reference;
  return a == Passing::unknown || b == Passing::unknown ? Passing::unknown : Passing::by_value;
}

// What one such function of a class says: one that somebody wrote makes the class non-trivial.
Passing passing_by(Dwarf_Die function) {
  if (own_flag(function, DW_AT_deleted)) return Passing::unknown;  // it depends on what else there is
  const bool in_class = number_of(function, DW_AT_defaulted).value_or(0) == DW_DEFAULTED_in_class;
  const bool implicit = own_flag(function, DW_AT_artificial);
  return in_class || implicit ? Passing::by_value : Passing::by_reference;
}

}  // namespace

// Itanium C++ ABI, §3.1.2.3: by reference what has a non-trivial copy or move constructor or destructor, or can't be
// copied at all. clang says so (DW_AT_calling_convention); GCC (12) tells what the functions are, and members follow.
Passing DwarfTypes::passing_of(Dwarf_Die record, unsigned depth) {
  if (depth > deepest) return Passing::unknown;
  record = definition_of(record);
  if (auto how = number_of(record, DW_AT_calling_convention)) {
    if (*how == DW_CC_pass_by_reference) return Passing::by_reference;
    return *how == DW_CC_pass_by_value ? Passing::by_value : Passing::unknown;
  }
  if (!is_cxx(record)) return Passing::by_value;
  if (own_flag(record, DW_AT_declaration)) return Passing::unknown;
  Passing passing = Passing::by_value;
  for_each_child(record, [&](Dwarf_Die child) {
    const int tag = tag_of(child);
    const bool is_function = tag == DW_TAG_subprogram;
    const bool is_virtual = number_of(child, DW_AT_virtuality).value_or(0) != 0;
    if ((is_function || tag == DW_TAG_inheritance) && is_virtual) passing = Passing::by_reference;
    if (is_function && decides_passing(child, record)) passing = worst(passing, passing_by(child));
    if (tag != DW_TAG_inheritance && (tag != DW_TAG_member || is_static_member(child))) return;
    auto type = without_qualifiers(type_of(child));
    while (type && tag_of(*type) == DW_TAG_array_type) type = without_qualifiers(type_of(*type));
    const int of = type ? tag_of(*type) : 0;
    if (of == DW_TAG_structure_type || of == DW_TAG_class_type || of == DW_TAG_union_type)
      passing = worst(passing, passing_of(*type, depth + 1));
  });
  return passing;
}

PassedValue DwarfTypes::passed(Dwarf_Die type) {
  PassedValue value;
  value.size = 0;
  value.alignment = 1;
  auto plain = without_qualifiers(type);
  if (!plain) return value.unknown = "its type is void", value;
  const int tag = tag_of(*plain);
  if (tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type) {
    plain = definition_of(*plain);
    value.is_record = true;
    value.passing = passing_of(*plain, 0);
    if (own_flag(*plain, DW_AT_declaration) && value.passing != Passing::by_reference)
      return value.unknown = "its class is only declared in the debug information", value;
  }
  if (value.passing != Passing::by_reference) take_apart(*plain, 0, value, 0);
  if (value.is_record) value.size = static_cast<uint32_t>(number_of(*plain, DW_AT_byte_size).value_or(0));
  // A packed record is aligned to nothing.
  if (value.is_record && value.alignment != 0 && value.size % value.alignment != 0) value.alignment = 1;
  return value;
}

void DwarfTypes::take_apart(Dwarf_Die type, uint32_t offset, PassedValue& into, unsigned depth) {
  auto plain = without_qualifiers(type);
  if (!plain || depth > deepest) {
    into.unknown = "its type can't be followed";
    return;
  }
  auto add = [&](uint32_t size, PassedValue::Part part, uint32_t at = 0) {
    if (into.parts.size() < most_parts) into.parts.push_back({offset + at, size, part});
    into.alignment = std::max(into.alignment, std::min(size, uint32_t{16}));
    into.size = std::max(into.size, offset + at + size);
  };
  const auto size = static_cast<uint32_t>(number_of(*plain, DW_AT_byte_size).value_or(0));
  switch (tag_of(*plain)) {
    case DW_TAG_pointer_type:
    case DW_TAG_reference_type:
    case DW_TAG_rvalue_reference_type:
    case DW_TAG_unspecified_type: return add(8, PassedValue::Part::integer);
    case DW_TAG_ptr_to_member_type:
      add(8, PassedValue::Part::integer);
      if (is_member_function_pointer(*plain)) add(8, PassedValue::Part::integer, 8);
      return;
    case DW_TAG_enumeration_type:
      if (size == 0) into.unknown = "its enumeration is not defined here";
      return add(size, PassedValue::Part::integer);
    case DW_TAG_base_type: return take_base_apart(*plain, offset, into);
    case DW_TAG_array_type: return take_array_apart(*plain, offset, into, depth);
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
    case DW_TAG_union_type: return take_record_apart(*plain, offset, into, depth);
    default: into.unknown = "its type is none that C or C++ has";
  }
}

void DwarfTypes::take_base_apart(Dwarf_Die type, uint32_t offset, PassedValue& into) {
  const auto size = static_cast<uint32_t>(number_of(type, DW_AT_byte_size).value_or(0));
  auto add = [&](uint32_t at, uint32_t part_size, PassedValue::Part part) {
    if (into.parts.size() < most_parts) into.parts.push_back({offset + at, part_size, part});
    into.alignment = std::max(into.alignment, part_size);
    into.size = std::max(into.size, offset + at + part_size);
  };
  const std::string_view name = name_of(type);
  switch (number_of(type, DW_AT_encoding).value_or(0)) {
    case DW_ATE_float:
      // 16 bytes: long double, unless it is called otherwise (_Float128, __float128 go in vector registers).
      if (size == 4 || size == 8) return add(0, size, PassedValue::Part::sse);
      if (size == 16 && name == "long double") return add(0, size, PassedValue::Part::x87);
      break;
    case DW_ATE_complex_float:
      if (size != 8 && size != 16 && size != 32) break;
      add(0, size / 2, size == 32 ? PassedValue::Part::x87 : PassedValue::Part::sse);
      return add(size / 2, size / 2, size == 32 ? PassedValue::Part::x87 : PassedValue::Part::sse);
    case DW_ATE_boolean:
    case DW_ATE_signed:
    case DW_ATE_signed_char:
    case DW_ATE_unsigned:
    case DW_ATE_unsigned_char:
    case DW_ATE_UTF:
      if (size == 1 || size == 2 || size == 4 || size == 8 || size == 16) return add(0, size, PassedValue::Part::integer);
      break;
    default: break;
  }
  into.unknown = fmt::format("how a {} is passed is not known", name);
}

void DwarfTypes::take_array_apart(Dwarf_Die type, uint32_t offset, PassedValue& into, unsigned depth) {
  auto of = type_of(type);
  const DescribedType whole = describe(type);
  if (!of || own_flag(type, DW_AT_GNU_vector) || (whole.unavailable.empty() && !whole.type.is_array())) {
    into.unknown = "how a vector of numbers is passed is not known";
    return;
  }
  PassedValue element;
  element.size = 0;
  element.alignment = 1;
  take_apart(*of, 0, element, depth + 1);
  if (!element.unknown.empty()) into.unknown = element.unknown;
  into.alignment = std::max(into.alignment, element.alignment);
  if (!whole.unavailable.empty()) {
    into.unknown = whole.unavailable;
    return;
  }
  auto plain_element = without_qualifiers(of);
  const uint32_t stride = std::max(static_cast<uint32_t>(number_of(*plain_element, DW_AT_byte_size).value_or(element.size)), 1U);
  for (uint32_t at = 0; at < whole.type.size && into.parts.size() < most_parts; at += stride)
    for (const auto& part : element.parts)
      into.parts.push_back({offset + at + part.offset, part.size, part.part});
}

void DwarfTypes::take_record_apart(Dwarf_Die record, uint32_t offset, PassedValue& into, unsigned depth) {
  record = definition_of(record);
  if (own_flag(record, DW_AT_declaration)) into.unknown = "a class in it is only declared in the debug information";
  if (auto alignment = number_of(record, DW_AT_alignment))
    into.alignment = std::max(into.alignment, static_cast<uint32_t>(*alignment));
  for_each_child(record, [&](Dwarf_Die child) {
    const int tag = tag_of(child);
    const bool is_base = tag == DW_TAG_inheritance;
    if (tag == DW_TAG_variant_part) into.unknown = "it is a variant of its language's own";
    if ((tag != DW_TAG_member && !is_base) || is_static_member(child)) return;
    auto at = byte_offset_of_member(child);
    auto type = type_of(child);
    if (!at || !type) {
      into.unknown = "where a part of it stands can't be told";
      return;
    }
    if (auto bits = number_of(child, DW_AT_bit_size)) {
      PassedValue storage;
      take_apart(*type, 0, storage, depth + 1);
      auto first = first_bit_of_member(child, static_cast<uint32_t>(*bits), storage.parts.empty() ? 8 : storage.parts[0].size);
      if (!first) into.unknown = "where a part of it stands can't be told";
      for (uint64_t byte = first.value_or(0) / 8; *bits != 0 && byte <= (first.value_or(0) + *bits - 1) / 8; byte++)
        into.parts.push_back({offset + static_cast<uint32_t>(byte), 1, PassedValue::Part::integer});
      into.alignment = std::max(into.alignment, std::min(storage.alignment, uint32_t{16}));
      return;
    }
    if (auto alignment = number_of(child, DW_AT_alignment))
      into.alignment = std::max(into.alignment, static_cast<uint32_t>(*alignment));
    take_apart(*type, offset + *at, into, depth + 1);
  });
}

}  // namespace zeektrace
