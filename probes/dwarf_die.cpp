#include "probes/dwarf_die.h"

namespace zeektrace {

std::optional<Dwarf_Attribute> own_attribute(Dwarf_Die die, unsigned attribute) {
  Dwarf_Attribute found;
  if (dwarf_attr(&die, attribute, &found) == nullptr) return std::nullopt;
  return found;
}

std::optional<Dwarf_Attribute> attribute_of(Dwarf_Die die, unsigned attribute) {
  Dwarf_Attribute found;
  if (dwarf_attr_integrate(&die, attribute, &found) == nullptr) return std::nullopt;
  return found;
}

std::string_view name_of(Dwarf_Die die) {
  const char* name = dwarf_diename(&die);
  return name == nullptr ? std::string_view() : name;
}

std::string_view linkage_name_of(Dwarf_Die die) {
  for (const unsigned attribute : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name}) {
    auto found = attribute_of(die, attribute);
    const char* name = found ? dwarf_formstring(&*found) : nullptr;
    if (name != nullptr) return name;
  }
  return {};
}

bool has_flag(Dwarf_Die die, unsigned attribute) {
  auto found = attribute_of(die, attribute);
  bool set = false;
  return found && dwarf_formflag(&*found, &set) == 0 && set;
}

bool own_flag(Dwarf_Die die, unsigned attribute) {
  auto found = own_attribute(die, attribute);
  bool set = false;
  return found && dwarf_formflag(&*found, &set) == 0 && set;
}

std::optional<uint64_t> number_of(Dwarf_Die die, unsigned attribute) {
  auto found = attribute_of(die, attribute);
  Dwarf_Word number = 0;
  if (!found || dwarf_formudata(&*found, &number) != 0) return std::nullopt;
  return number;
}

std::optional<Dwarf_Die> reference_of(Dwarf_Die die, unsigned attribute) {
  auto found = attribute_of(die, attribute);
  Dwarf_Die target;
  if (!found || dwarf_formref_die(&*found, &target) == nullptr) return std::nullopt;
  return target;
}

std::optional<Dwarf_Die> type_of(Dwarf_Die die) { return reference_of(die, DW_AT_type); }

std::optional<Dwarf_Die> completed_by(Dwarf_Die die) {
  for (const unsigned attribute : {DW_AT_abstract_origin, DW_AT_specification}) {
    auto found = own_attribute(die, attribute);
    Dwarf_Die target;
    if (found && dwarf_formref_die(&*found, &target) != nullptr) return target;
  }
  return std::nullopt;
}

const char* source_file_of(Dwarf_Die die, unsigned attribute) {
  auto found = attribute_of(die, attribute);
  Dwarf_Word number = 0;
  Dwarf_Die unit;
  Dwarf_Files* files = nullptr;
  size_t count = 0;
  if (!found || dwarf_formudata(&*found, &number) != 0) return nullptr;
  if (dwarf_cu_die(found->cu, &unit, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr) == nullptr) return nullptr;
  if (dwarf_getsrcfiles(&unit, &files, &count) != 0 || number >= count) return nullptr;
  return dwarf_filesrc(files, number, nullptr, nullptr);
}

bool holds_address(Dwarf_Die die, uint64_t address) { return dwarf_haspc(&die, address) == 1; }

}  // namespace zeektrace
