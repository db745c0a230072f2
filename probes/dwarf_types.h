// Types as debug information describes them (DWARF 5, chapter 5), in the words of parser/type.h, and as the calling
// convention sees them. Records are numbered as they are met; their members are read when they are asked for.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parser/records.h"
#include "probes/calling_convention.h"
#include "probes/dwarf_file.h"

namespace zeektrace {

// A type, or why the language has none for it.
struct DescribedType {
  Type type;
  std::string unavailable;
};

class DwarfTypes final : public Records {
 public:
  explicit DwarfTypes(DwarfFile& file) : file_(file) {}

  DescribedType describe(Dwarf_Die type);
  PassedValue passed(Dwarf_Die type);

  Result<const RecordShape*> shape(uint64_t id) override;
  std::optional<Type> find(std::string_view name) override;

 private:
  struct KnownRecord {
    Dwarf_Die die;
    std::unique_ptr<RecordShape> shape;
  };
  DescribedType describe(Dwarf_Die type, unsigned depth);
  DescribedType describe_base(Dwarf_Die type);
  DescribedType describe_array(Dwarf_Die type, unsigned depth);
  DescribedType describe_enumeration(Dwarf_Die type, unsigned depth);
  DescribedType describe_pointer(Dwarf_Die type, bool is_reference, unsigned depth);
  DescribedType describe_record(Dwarf_Die type);
  uint64_t number_record(Dwarf_Die die, const std::string& name, uint32_t size);
  Dwarf_Die definition_of(Dwarf_Die record);
  void add_members(Dwarf_Die record, RecordShape& shape);
  Member describe_member(Dwarf_Die die);
  Member describe_base_class(Dwarf_Die die);
  void add_template_arguments(Dwarf_Die parent, RecordShape& shape);
  bool has_virtual_table(Dwarf_Die record, unsigned depth);
  PassedValue::Passing passing_of(Dwarf_Die record, unsigned depth);
  void take_apart(Dwarf_Die type, uint32_t offset, PassedValue& into, unsigned depth);
  void take_base_apart(Dwarf_Die type, uint32_t offset, PassedValue& into);
  void take_array_apart(Dwarf_Die type, uint32_t offset, PassedValue& into, unsigned depth);
  void take_record_apart(Dwarf_Die record, uint32_t offset, PassedValue& into, unsigned depth);

  DwarfFile& file_;
  std::vector<KnownRecord> records_;
  std::map<const void*, uint64_t> number_of_die_;
  std::map<std::string, uint64_t> number_of_name_;  // with the size and the place of the declaration
  std::map<const void*, DescribedType> described_;
};

// Where a member or a base class stands in its record; nothing when that is computed while the program runs.
std::optional<uint32_t> byte_offset_of_member(Dwarf_Die member);
std::optional<uint64_t> first_bit_of_member(Dwarf_Die member, uint32_t bits, uint32_t type_size);
bool is_static_member(Dwarf_Die member);

// A pointer to a member function is two words: an address or an offset, and what to add to `this`.
bool is_member_function_pointer(Dwarf_Die pointer_to_member);

// With -fdebug-types-section a unit has only a declaration, and the signature of the type unit that has the type.
Dwarf_Die from_type_unit(Dwarf_Die type);

// Through typedef, const, volatile and their like; nothing for void.
std::optional<Dwarf_Die> without_qualifiers(std::optional<Dwarf_Die> type);

}  // namespace zeektrace
