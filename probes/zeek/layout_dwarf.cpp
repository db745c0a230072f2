#include "probes/zeek/layout_dwarf.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_map>

namespace zeektrace {
namespace {

constexpr unsigned deepest = 8;  // of namespaces and classes in each other, and of bases

// Where the classes of the table are described. GCC describes a class with virtual functions only in the unit of its first
// one that is neither inline nor pure; in others it is declared.
constexpr std::array<std::string_view, 30> sources = {
    "/Obj.cc", "/Val.cc", "/ZeekString.cc", "/Type.cc", "/ID.cc", "/Scope.cc", "/Func.cc", "/Frame.cc", "/Stmt.cc", "/StmtBase.cc",
    "/Expr.cc", "/EventHandler.cc", "/Event.cc", "/EventRegistry.cc", "/Conn.cc", "/Timer.cc", "/Trigger.cc", "/IPAddr.cc",
    "/session/Session.cc", "/iosource/PktSrc.cc", "/iosource/Packet.cc", "/packet_analysis/Manager.cc", "/analyzer/Analyzer.cc",
    "/logging/Manager.cc", "/logging/WriterFrontend.cc", "/threading/BasicThread.cc", "/threading/MsgThread.cc",
    "/threading/Manager.cc", "/ZAM/ZBody.cc", "/ZBody.cc"};
constexpr std::array<std::string_view, 6> essential = {"CallInfo", "Frame", "Func", "EventHandler", "Obj", "Location"};

// "List<zeek::TypeDecl*, zeek::ListOrder>" is a List.
std::string_view without_arguments(std::string_view name) { return name.substr(0, name.find('<')); }

bool is_class(int tag) { return tag == DW_TAG_class_type || tag == DW_TAG_structure_type; }

bool is_listed(std::string_view unit) {
  return std::ranges::any_of(sources, [&](std::string_view source) { return unit.ends_with(source); });
}

// "Func::Body.size" → "Func::Body".
std::string_view class_of(std::string_view member) { return member.substr(0, member.rfind('.')); }

class Reader {
 public:
  explicit Reader(DwarfFile& file) : file_(file) {}

  // Which classes and enumerations a unit defines, by their names.
  void index(Dwarf_Die parent, const std::string& scope = "", unsigned depth = 0) {
    if (depth > deepest) return;
    for_each_child(parent, [&](Dwarf_Die child) {
      const int tag = tag_of(child);
      if (tag != DW_TAG_namespace && tag != DW_TAG_enumeration_type && !is_class(tag)) return;
      const std::string_view name = without_arguments(name_of(child));
      if (name.empty() || has_flag(child, DW_AT_declaration)) return;
      if (tag == DW_TAG_namespace) {
        if (name == "std" || name.starts_with("__")) return;
        index(child, name == "zeek" || name == "detail" ? scope : fmt::format("{}{}::", scope, name), depth + 1);
        return;
      }
      const std::string whole = fmt::format("{}{}", scope, name);
      definitions_.try_emplace(whole, child);
      if (is_class(tag) && has_nested_.contains(whole)) index(child, whole + "::", depth + 1);
    });
  }
  void expect_nested_in(std::string_view name) {
    for (size_t at = name.find("::"); at != std::string_view::npos; at = name.find("::", at + 2))
      has_nested_.insert(std::string(name.substr(0, at)));
  }
  bool defines(std::string_view name) const { return definitions_.contains(std::string(name)); }

  std::optional<uint32_t> offset(std::string_view member) {
    const auto found = definitions_.find(std::string(class_of(member)));
    if (found == definitions_.end()) return std::nullopt;
    const std::string_view name = member.substr(member.rfind('.') + 1);
    if (tag_of(found->second) == DW_TAG_enumeration_type && name != "size") return enumerator(found->second, name);
    if (auto own = member_of(found->second, name, 0)) return own;
    const auto size = name == "size" ? number_of(found->second, DW_AT_byte_size) : std::nullopt;
    return size ? std::optional(static_cast<uint32_t>(*size)) : std::nullopt;
  }

 private:
  // A class's own member hides those of its bases.
  std::optional<uint32_t> member_of(Dwarf_Die die, std::string_view name, unsigned depth) {
    std::optional<uint32_t> found;
    if (depth > deepest) return found;
    for_each_child(die, [&](Dwarf_Die child) {
      if (!found && tag_of(child) == DW_TAG_member && name_of(child) == name) found = place_of(child);
    });
    for_each_child(die, [&](Dwarf_Die child) {
      if (found || tag_of(child) != DW_TAG_inheritance) return;
      const auto base = base_of(child);
      const auto inner = base ? member_of(*base, name, depth + 1) : std::nullopt;
      const auto place = place_of(child);
      if (inner && place) found = *place + *inner;
    });
    return found;
  }

  static std::optional<uint32_t> place_of(Dwarf_Die die) {
    const auto place = number_of(die, DW_AT_data_member_location);
    return place ? std::optional(static_cast<uint32_t>(*place)) : std::nullopt;
  }

  // A base that is only declared here is defined elsewhere.
  std::optional<Dwarf_Die> base_of(Dwarf_Die inheritance) {
    const auto type = type_of(inheritance);
    if (!type || !has_flag(*type, DW_AT_declaration)) return type;
    std::string name = file_.qualified_name(*type);
    for (const std::string_view scope : {"zeek::", "detail::"})
      if (name.starts_with(scope)) name.erase(0, scope.size());
    const auto found = definitions_.find(std::string(without_arguments(name)));
    return found == definitions_.end() ? std::nullopt : std::optional(found->second);
  }

  static std::optional<uint32_t> enumerator(Dwarf_Die die, std::string_view name) {
    std::optional<uint32_t> found;
    for_each_child(die, [&](Dwarf_Die child) {
      const auto value = number_of(child, DW_AT_const_value);
      if (tag_of(child) == DW_TAG_enumerator && name_of(child) == name && value) found = static_cast<uint32_t>(*value);
    });
    return found;
  }

  DwarfFile& file_;
  std::unordered_map<std::string, Dwarf_Die> definitions_;
  std::set<std::string, std::less<>> has_nested_;
};

}  // namespace

ZeekOffsets described_offsets(DwarfFile& file, const std::set<std::string_view>& members) {
  Reader reader(file);
  for (const std::string_view member : members) reader.expect_nested_in(class_of(member));
  for (const Dwarf_Die& unit : file.units())
    if (is_listed(name_of(unit))) reader.index(unit);
  const auto is_missing = [&](std::string_view name) { return !reader.defines(name); };
  for (const Dwarf_Die& unit : file.units()) {
    if (std::ranges::none_of(essential, is_missing)) break;
    if (!is_listed(name_of(unit))) reader.index(unit);
  }
  ZeekOffsets found;
  for (const std::string_view member : members)
    if (const auto offset = reader.offset(member)) found.emplace(member, *offset);
  return found;
}

}  // namespace zeektrace
