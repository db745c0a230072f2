// What records are made of, for the language: their members, bases and bit fields.
#include <fmt/format.h>

#include <algorithm>

#include "probes/dwarf_types.h"

namespace zeektrace {

namespace {

constexpr unsigned deepest = 64;

bool is_virtual_table(Dwarf_Die member) { return name_of(member).starts_with("_vptr"); }

}  // namespace

// DW_AT_data_member_location: a number, or as older compilers have it DW_OP_plus_uconst.
std::optional<uint32_t> byte_offset_of_member(Dwarf_Die member) {
  auto found = own_attribute(member, DW_AT_data_member_location);
  if (!found) return 0;
  Dwarf_Word number = 0;
  if (dwarf_formudata(&*found, &number) == 0) return static_cast<uint32_t>(number);
  Dwarf_Op* operations = nullptr;
  size_t count = 0;
  if (dwarf_getlocation(&*found, &operations, &count) != 0 || count != 1 || operations->atom != DW_OP_plus_uconst)
    return std::nullopt;
  return static_cast<uint32_t>(operations->number);
}

// From the least significant bit of the record's first byte: DW_AT_data_bit_offset counts so, DW_AT_bit_offset (DWARF 2
// and 3) from the most significant bit of the storage that DW_AT_byte_size gives.
std::optional<uint64_t> first_bit_of_member(Dwarf_Die member, uint32_t bits, uint32_t type_size) {
  if (auto direct = number_of(member, DW_AT_data_bit_offset)) return direct;
  auto from_top = number_of(member, DW_AT_bit_offset);
  auto at = byte_offset_of_member(member);
  if (!at) return std::nullopt;
  if (!from_top) return *at * uint64_t{8};
  const uint64_t storage = number_of(member, DW_AT_byte_size).value_or(type_size) * 8;
  if (*from_top + bits > storage) return std::nullopt;
  return *at * uint64_t{8} + storage - *from_top - bits;
}

bool is_static_member(Dwarf_Die member) {
  return own_flag(member, DW_AT_external) || own_flag(member, DW_AT_declaration);
}

Result<const RecordShape*> DwarfTypes::shape(uint64_t id) {
  if (id >= records_.size()) bug("no such record");
  if (records_[id].shape) return records_[id].shape.get();
  const Dwarf_Die die = definition_of(records_[id].die);
  auto shape = std::make_unique<RecordShape>();
  shape->name = file_.qualified_name(die);
  if (own_flag(die, DW_AT_declaration))
    return Error{Error::Kind::script,
                 fmt::format("{} is only declared in the debug information, its members are not known", shape->name),
                 "build the file that defines it with -g (clang: with -fstandalone-debug)", nullptr};
  const int tag = tag_of(die);
  shape->keyword = tag == DW_TAG_union_type   ? RecordShape::Keyword::union_
                   : tag == DW_TAG_class_type ? RecordShape::Keyword::class_
                                              : RecordShape::Keyword::structure;
  shape->size = static_cast<uint32_t>(number_of(die, DW_AT_byte_size).value_or(0));
  shape->has_virtual_table = has_virtual_table(die, 0);
  add_members(die, *shape);
  add_template_arguments(die, *shape);
  records_[id].shape = std::move(shape);  // describing members may have moved records_
  return records_[id].shape.get();
}

void DwarfTypes::add_members(Dwarf_Die record, RecordShape& shape) {
  std::vector<Member> bases;
  for_each_child(record, [&](Dwarf_Die child) {
    if (tag_of(child) == DW_TAG_inheritance) bases.push_back(describe_base_class(child));
    if (tag_of(child) == DW_TAG_member && !is_static_member(child) && !is_virtual_table(child))
      shape.members.push_back(describe_member(child));
  });
  for (Member& base : bases) shape.members.push_back(std::move(base));
}

Member DwarfTypes::describe_member(Dwarf_Die die) {
  Member member;
  member.name = name_of(die);
  auto type = type_of(die);
  if (!type) {
    member.unavailable = "it has no type in the debug information";
    return member;
  }
  DescribedType described = describe(*type);
  member.type = std::move(described.type);
  member.unavailable = std::move(described.unavailable);
  const auto at = byte_offset_of_member(die);
  if (!at) member.unavailable = "its place is computed while the program runs";
  member.offset = at.value_or(0);
  if (auto bits = number_of(die, DW_AT_bit_size)) {
    auto first = first_bit_of_member(die, static_cast<uint32_t>(*bits), member.type.size);
    if (first)
      place_bits(member, *first, static_cast<uint32_t>(*bits));
    else
      member.unavailable = "where the bit field is can't be told";
  }
  return member;
}

Member DwarfTypes::describe_base_class(Dwarf_Die die) {
  Member member;
  member.is_base = true;
  auto type = type_of(die);
  auto at = byte_offset_of_member(die);
  if (!type) return member.unavailable = "it has no type in the debug information", member;
  member.type = describe(*type).type;
  member.name = member.type.name;
  member.offset = at.value_or(0);
  if (number_of(die, DW_AT_virtuality).value_or(0) != 0)
    member.unavailable = "where a virtual base stands is known only while the program runs";
  else if (!at)
    member.unavailable = "its place is computed while the program runs";
  return member;
}

void DwarfTypes::add_template_arguments(Dwarf_Die parent, RecordShape& shape) {
  for_each_child(parent, [&](Dwarf_Die child) {
    const int tag = tag_of(child);
    if (tag == DW_TAG_template_type_parameter) {
      auto type = type_of(child);
      shape.template_arguments.push_back(type ? describe(*type).type : Type());
    } else if (tag == DW_TAG_template_value_parameter || tag == DW_TAG_GNU_template_template_param) {
      shape.template_arguments.push_back(Type());
    } else if (tag == DW_TAG_GNU_template_parameter_pack) {
      add_template_arguments(child, shape);
    }
  });
}

// The vtable pointer stands first, in the class itself or in the base that stands first.
bool DwarfTypes::has_virtual_table(Dwarf_Die record, unsigned depth) {
  if (depth > deepest) return false;
  record = definition_of(record);
  bool found = false;
  for_each_child(record, [&](Dwarf_Die child) {
    const int tag = tag_of(child);
    if (found || (tag != DW_TAG_member && tag != DW_TAG_inheritance) || byte_offset_of_member(child) != 0U) return;
    if (tag == DW_TAG_member) found = is_virtual_table(child);
    auto base = without_qualifiers(type_of(child));
    if (tag == DW_TAG_inheritance && base && number_of(child, DW_AT_virtuality).value_or(0) == 0)
      found = has_virtual_table(*base, depth + 1);
  });
  return found;
}

}  // namespace zeektrace
