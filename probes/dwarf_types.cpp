#include "probes/dwarf_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace zeektrace {

namespace {

constexpr unsigned deepest = 64;  // typedefs of typedefs, arrays of arrays; deeper is a broken file

bool is_qualifier(int tag) {
  return tag == DW_TAG_const_type || tag == DW_TAG_volatile_type || tag == DW_TAG_restrict_type ||
         tag == DW_TAG_atomic_type || tag == DW_TAG_immutable_type || tag == DW_TAG_packed_type ||
         tag == DW_TAG_shared_type;
}

// void, as casts in a script have it: a byte that nobody reads.
Type void_type() {
  Type type = Type::integer(1, false);
  type.name = "void";
  return type;
}

std::optional<int64_t> lowest_enumerator(Dwarf_Die enumeration) {
  std::optional<int64_t> lowest;
  for_each_child(enumeration, [&](Dwarf_Die child) {
    if (tag_of(child) != DW_TAG_enumerator) return;
    auto value = own_attribute(child, DW_AT_const_value);
    Dwarf_Sword number = 0;
    if (value && dwarf_whatform(&*value) != DW_FORM_udata && dwarf_formsdata(&*value, &number) == 0)
      lowest = std::min(lowest.value_or(number), static_cast<int64_t>(number));
  });
  return lowest;
}

// How many elements one dimension has; nothing when it is known only while the program runs.
std::optional<uint64_t> dimension(Dwarf_Die range) {
  for (const unsigned attribute : {DW_AT_count, DW_AT_upper_bound}) {
    auto found = attribute_of(range, attribute);
    if (!found) continue;
    Dwarf_Sword number = 0;
    if (dwarf_formsdata(&*found, &number) != 0) return std::nullopt;
    if (attribute == DW_AT_upper_bound) number++;
    return number < 0 ? 0 : static_cast<uint64_t>(number);
  }
  return 0;  // a flexible array at the end of a structure
}

std::vector<std::optional<uint64_t>> dimensions(Dwarf_Die array) {
  std::vector<std::optional<uint64_t>> all;
  for_each_child(array, [&](Dwarf_Die child) {
    if (tag_of(child) == DW_TAG_subrange_type) all.push_back(dimension(child));
  });
  return all;
}

}  // namespace

bool is_member_function_pointer(Dwarf_Die pointer_to_member) {
  auto to = without_qualifiers(type_of(pointer_to_member));
  return to && tag_of(*to) == DW_TAG_subroutine_type;
}

Dwarf_Die from_type_unit(Dwarf_Die type) {
  return reference_of(type, DW_AT_signature).value_or(type);
}

std::optional<Dwarf_Die> without_qualifiers(std::optional<Dwarf_Die> type) {
  for (unsigned i = 0; type && i < deepest; i++) {
    if (tag_of(*type) != DW_TAG_typedef && !is_qualifier(tag_of(*type))) return from_type_unit(*type);
    type = type_of(*type);
  }
  return std::nullopt;
}

DescribedType DwarfTypes::describe(Dwarf_Die type) {
  auto known = described_.find(type.addr);
  if (known == described_.end()) known = described_.emplace(type.addr, describe(type, 0)).first;
  return known->second;
}

DescribedType DwarfTypes::describe(Dwarf_Die type, unsigned depth) {
  if (depth > deepest) return {{}, "its type is nested too deep"};
  type = from_type_unit(type);
  const int tag = tag_of(type);
  if (tag == DW_TAG_typedef || is_qualifier(tag)) {
    auto of = type_of(type);
    DescribedType described = of ? describe(*of, depth + 1) : DescribedType{void_type(), ""};
    // A record keeps the name of its own: that is how others know it.
    const bool renames = !described.type.is_record() || described.type.name.ends_with("(unnamed)");
    if (tag == DW_TAG_typedef && renames && !described.type.is_array()) described.type.name = file_.qualified_name(type);
    return described;
  }
  switch (tag) {
    case DW_TAG_base_type: return describe_base(type);
    case DW_TAG_enumeration_type: return describe_enumeration(type, depth);
    case DW_TAG_pointer_type: return describe_pointer(type, false, depth);
    case DW_TAG_reference_type:
    case DW_TAG_rvalue_reference_type: return describe_pointer(type, true, depth);
    case DW_TAG_array_type: return describe_array(type, depth);
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
    case DW_TAG_union_type: return describe_record(type);
    case DW_TAG_subroutine_type: return {void_type(), ""};
    case DW_TAG_unspecified_type: return {Type::pointer(void_type()), ""};  // nullptr_t, the only one that C++ has
    case DW_TAG_ptr_to_member_type:
      if (is_member_function_pointer(type)) return {{}, "it is a pointer to a member function"};
      return {Type::integer(8, true), ""};
    default: return {{}, fmt::format("its type (DWARF tag {:#x}) is none that C or C++ has", tag)};
  }
}

DescribedType DwarfTypes::describe_base(Dwarf_Die type) {
  const auto size = static_cast<uint32_t>(number_of(type, DW_AT_byte_size).value_or(0));
  const uint64_t encoding = number_of(type, DW_AT_encoding).value_or(0);
  DescribedType described;
  if (encoding == DW_ATE_float && (size == 4 || size == 8)) {
    described.type = Type::real(size);
  } else if (encoding == DW_ATE_boolean && size == 1) {
    described.type = Type::boolean();
  } else if (size == 1 || size == 2 || size == 4 || size == 8) {
    const bool is_signed = encoding == DW_ATE_signed || encoding == DW_ATE_signed_char;
    const bool is_unsigned = encoding == DW_ATE_unsigned || encoding == DW_ATE_unsigned_char ||
                             encoding == DW_ATE_boolean || encoding == DW_ATE_UTF;
    if (is_signed || is_unsigned) described.type = Type::integer(size, is_signed);
  }
  if (described.type.kind == Type::Kind::none)
    return {{}, fmt::format("there is no value of its type ({}, {} bytes) here", name_of(type), size)};
  described.type.name = name_of(type);
  return described;
}

DescribedType DwarfTypes::describe_enumeration(Dwarf_Die type, unsigned depth) {
  auto size = static_cast<uint32_t>(number_of(type, DW_AT_byte_size).value_or(0));
  bool is_signed = lowest_enumerator(type).value_or(0) < 0;
  if (auto of = type_of(type)) {
    const DescribedType underlying = describe(*of, depth + 1);
    if (underlying.type.is_integer()) size = underlying.type.size, is_signed = underlying.type.is_signed;
  }
  if (size != 1 && size != 2 && size != 4 && size != 8) return {{}, "its enumeration is not defined here"};
  DescribedType described{Type::integer(size, is_signed), ""};
  described.type.name = file_.qualified_name(type);
  return described;
}

DescribedType DwarfTypes::describe_pointer(Dwarf_Die type, bool is_reference, unsigned depth) {
  auto to = type_of(type);
  DescribedType of = to ? describe(*to, depth + 1) : DescribedType{void_type(), ""};
  // An address is an address, whatever stands there.
  if (!of.unavailable.empty()) of.type = void_type();
  return {is_reference ? Type::reference(std::move(of.type)) : Type::pointer(std::move(of.type)), ""};
}

DescribedType DwarfTypes::describe_array(Dwarf_Die type, unsigned depth) {
  auto of = type_of(type);
  if (!of || own_flag(type, DW_AT_GNU_vector)) return {{}, "it is a vector of numbers"};
  if (attribute_of(type, DW_AT_byte_stride)) return {{}, "its elements are not side by side"};
  DescribedType element = describe(*of, depth + 1);
  if (!element.unavailable.empty()) return element;
  auto counts = dimensions(type);
  std::ranges::reverse(counts);
  for (const auto& count : counts) {
    if (!count) return {{}, "its length is known only while the program runs"};
    const uint64_t bytes = *count * std::max(element.type.size, 1U);
    if (*count > std::numeric_limits<uint32_t>::max() || bytes > std::numeric_limits<uint32_t>::max())
      return {{}, "its type is too large"};
    element.type = Type::array(std::move(element.type), static_cast<uint32_t>(*count));
  }
  return element;
}

// ---- records ----

Dwarf_Die DwarfTypes::definition_of(Dwarf_Die record) {
  if (!own_flag(record, DW_AT_declaration)) return record;
  if (Dwarf_Die complete = from_type_unit(record); complete.addr != record.addr) return complete;
  const std::string name = file_.qualified_name(record);
  // What has no name outside of its unit may be something else in another.
  if (name.find("(anonymous namespace)") != std::string::npos || name.find("(unnamed)") != std::string::npos)
    return record;
  auto found = file_.find_type(name);
  return found && !found->conflicting ? found->die : record;
}

// The same type is described in every unit that uses it: by name, size and place of declaration it is one.
uint64_t DwarfTypes::number_record(Dwarf_Die die, const std::string& name, uint32_t size) {
  auto [known, is_new] = number_of_die_.try_emplace(die.addr, records_.size());
  if (!is_new) return known->second;
  const char* file = source_file_of(die, DW_AT_decl_file);
  int line = 0;
  if (file != nullptr && dwarf_decl_line(&die, &line) == 0) {
    const std::string identity =
        fmt::format("{}\n{}\n{}:{}\n{}", name, size, file, line, own_flag(die, DW_AT_declaration));
    auto [same, is_first] = number_of_name_.try_emplace(identity, records_.size());
    if (!is_first) return known->second = same->second;
  }
  records_.push_back({die, nullptr});
  return known->second;
}

DescribedType DwarfTypes::describe_record(Dwarf_Die type) {
  const std::string name = file_.qualified_name(type);
  const auto size = static_cast<uint32_t>(number_of(type, DW_AT_byte_size).value_or(0));
  return {Type::of_record(this, number_record(type, name, size), name, size), ""};
}

std::optional<Type> DwarfTypes::find(std::string_view name) {
  auto found = file_.find_type(name);
  if (!found || found->conflicting) return std::nullopt;
  DescribedType described = describe(found->die);
  if (!described.unavailable.empty()) return std::nullopt;
  return described.type;
}

}  // namespace zeektrace
