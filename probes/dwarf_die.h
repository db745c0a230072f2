// Attributes of debugging information entries (DWARF 5, §2.2), as values. libdw's own calls leave it to their caller to
// tell an absent attribute from a wrong one; here both are "not there".
#pragma once

#include <dwarf.h>
#include <elfutils/libdw.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace zeektrace {

// Of the entry itself.
std::optional<Dwarf_Attribute> own_attribute(Dwarf_Die die, unsigned attribute);
// Of the entry, or of the one that it completes (DW_AT_abstract_origin, DW_AT_specification).
std::optional<Dwarf_Attribute> attribute_of(Dwarf_Die die, unsigned attribute);

std::string_view name_of(Dwarf_Die die);          // "" when it has none
std::string_view linkage_name_of(Dwarf_Die die);  // mangled; "" when it has none
bool has_flag(Dwarf_Die die, unsigned attribute);
bool own_flag(Dwarf_Die die, unsigned attribute);
std::optional<uint64_t> number_of(Dwarf_Die die, unsigned attribute);
std::optional<Dwarf_Die> reference_of(Dwarf_Die die, unsigned attribute);
std::optional<Dwarf_Die> type_of(Dwarf_Die die);
// The entry that this one completes: its abstract origin or its specification.
std::optional<Dwarf_Die> completed_by(Dwarf_Die die);
// The source file that an attribute (DW_AT_decl_file, DW_AT_call_file) means; null when it is not known. libdw's own
// dwarf_decl_file ends the program by an assertion for entries of .dwo files (0.188).
const char* source_file_of(Dwarf_Die die, unsigned attribute);
bool holds_address(Dwarf_Die die, uint64_t address);

inline int tag_of(Dwarf_Die die) { return dwarf_tag(&die); }

// visit(Dwarf_Die) for each child.
template <class Visit>
void for_each_child(Dwarf_Die parent, Visit visit) {
  Dwarf_Die child;
  if (dwarf_child(&parent, &child) != 0) return;
  do visit(child);
  while (dwarf_siblingof(&child, &child) == 0);
}

}  // namespace zeektrace
