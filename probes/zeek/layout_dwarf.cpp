#include "probes/zeek/layout_dwarf.h"

#include <fmt/format.h>

#include <unordered_set>

namespace zeektrace {
namespace {

constexpr unsigned deepest = 8;  // of namespaces and classes in each other

// "List<zeek::TypeDecl*, zeek::ListOrder>" is a List.
std::string_view without_arguments(std::string_view name) { return name.substr(0, name.find('<')); }

bool is_class(int tag) { return tag == DW_TAG_class_type || tag == DW_TAG_structure_type; }

class Reader {
 public:
  explicit Reader(const std::function<bool(std::string_view)>& wanted) : wanted_(wanted) {}

  void read(Dwarf_Die parent, const std::string& scope, unsigned depth) {
    if (depth > deepest) return;
    for_each_child(parent, [&](Dwarf_Die child) {
      const int tag = tag_of(child);
      const std::string_view name = without_arguments(name_of(child));
      if (name.empty() || has_flag(child, DW_AT_declaration)) return;
      if (tag == DW_TAG_namespace)
        read(child, name == "zeek" || name == "detail" ? scope : fmt::format("{}{}::", scope, name), depth + 1);
      else if (is_class(tag))
        read_class(child, fmt::format("{}{}", scope, name), depth);
      else if (tag == DW_TAG_enumeration_type)
        read_enumeration(child, fmt::format("{}{}", scope, name));
    });
  }

  ZeekOffsets take() && { return std::move(offsets_); }

 private:
  void read_class(Dwarf_Die die, const std::string& name, unsigned depth) {
    read(die, name + "::", depth + 1);
    if (!wanted_(name) || !read_.insert(name).second) return;
    read_members(die, name, 0, 0);
    if (const auto size = number_of(die, DW_AT_byte_size)) offsets_.try_emplace(name + ".size", static_cast<uint32_t>(*size));
  }

  // A class's own members hide those of its bases.
  void read_members(Dwarf_Die die, const std::string& name, uint64_t base, unsigned depth) {
    if (depth > deepest) return;
    for_each_child(die, [&](Dwarf_Die child) {
      const auto offset = number_of(child, DW_AT_data_member_location);
      if (tag_of(child) != DW_TAG_member || !offset || name_of(child).empty()) return;
      offsets_.try_emplace(fmt::format("{}.{}", name, name_of(child)), static_cast<uint32_t>(base + *offset));
    });
    for_each_child(die, [&](Dwarf_Die child) {
      const auto offset = number_of(child, DW_AT_data_member_location);
      const auto type = tag_of(child) == DW_TAG_inheritance ? type_of(child) : std::nullopt;
      if (type && offset) read_members(*type, name, base + *offset, depth + 1);
    });
  }

  void read_enumeration(Dwarf_Die die, const std::string& name) {
    if (!wanted_(name) || !read_.insert(name).second) return;
    for_each_child(die, [&](Dwarf_Die child) {
      const auto value = number_of(child, DW_AT_const_value);
      if (tag_of(child) == DW_TAG_enumerator && value)
        offsets_.try_emplace(fmt::format("{}.{}", name, name_of(child)), static_cast<uint32_t>(*value));
    });
  }

  const std::function<bool(std::string_view)>& wanted_;
  std::unordered_set<std::string> read_;
  ZeekOffsets offsets_;
};

}  // namespace

ZeekOffsets zeek_offsets(std::span<const Dwarf_Die> units, const std::function<bool(std::string_view name)>& wanted) {
  Reader reader(wanted);
  for (const Dwarf_Die& unit : units) reader.read(unit, "", 0);
  return std::move(reader).take();
}

}  // namespace zeektrace
