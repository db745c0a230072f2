#include "probes/dwarf_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace zeektrace {

namespace {

// "src/Event.cc" is the end of "/build/zeek/src/Event.cc", and not of "/build/zeek/mysrc/Event.cc".
bool is_end_of_path(std::string_view path, std::string_view end) {
  while (end.starts_with("./")) end.remove_prefix(2);
  if (!path.ends_with(end)) return false;
  return path.size() == end.size() || end.starts_with('/') || path[path.size() - end.size() - 1] == '/';
}

struct Found {
  std::set<uint64_t> addresses;
  std::set<int> lines;  // all of the file that have code
  bool file_known = false;
};

void search_unit(Dwarf_Die unit, std::string_view source, int wanted, Found& found) {
  Dwarf_Lines* lines = nullptr;
  size_t count = 0;
  if (dwarf_getsrclines(&unit, &lines, &count) != 0) return;
  std::map<const char*, bool> matches;
  for (size_t i = 0; i < count; i++) {
    Dwarf_Line* row = dwarf_onesrcline(lines, i);
    const char* path = dwarf_linesrc(row, nullptr, nullptr);
    if (path == nullptr) continue;
    auto [known, is_new] = matches.try_emplace(path, false);
    if (is_new) known->second = is_end_of_path(path, source);
    if (!known->second) continue;
    found.file_known = true;
    int number = 0;
    bool is_end = false, is_statement = false;
    Dwarf_Addr address = 0;
    if (dwarf_lineno(row, &number) != 0 || dwarf_lineendsequence(row, &is_end) != 0 || is_end ||
        dwarf_linebeginstatement(row, &is_statement) != 0 || !is_statement || dwarf_lineaddr(row, &address) != 0)
      continue;
    found.lines.insert(number);
    if (number == wanted) found.addresses.insert(address);
  }
}

// Units that are compiled from the file itself, if there are any; a header's lines may be anywhere.
std::vector<Dwarf_Die> units_of_source(DwarfFile& file, std::string_view source) {
  std::vector<Dwarf_Die> own;
  for (const Dwarf_Die& unit : file.units())
    if (is_end_of_path(name_of(unit), source)) own.push_back(unit);
  return own.empty() ? file.units() : own;
}

// The innermost function that an address belongs to, inlined ones included, but for those that the line itself calls.
const void* instance_around(Dwarf_Die block, uint64_t address, uint32_t line) {
  const void* innermost = nullptr;
  for_each_child(block, [&](Dwarf_Die child) {
    const int tag = tag_of(child);
    if (innermost != nullptr || (tag != DW_TAG_lexical_block && tag != DW_TAG_inlined_subroutine)) return;
    if (!holds_address(child, address) || number_of(child, DW_AT_call_line) == line) return;
    innermost = instance_around(child, address, line);
    if (innermost == nullptr && tag == DW_TAG_inlined_subroutine) innermost = child.addr;
  });
  return innermost;
}

// Whether an address lies in the part of a function that its entry is in. What the compiler has put elsewhere (.cold) runs
// seldom, and may begin lines that the function proper begins, too.
bool in_main_part(Dwarf_Die function, uint64_t address) {
  const auto entry = entry_of(function);
  if (!entry) return true;
  Dwarf_Addr base = 0, begin = 0, end = 0;
  for (ptrdiff_t at = 0; (at = dwarf_ranges(&function, at, &base, &begin, &end)) > 0;)
    if (address >= begin && address < end) return *entry >= begin && *entry < end;
  return true;
}

Error no_such_line(const Found& found, std::string_view source, int line, std::string_view shown) {
  if (!found.file_known)
    return {Error::Kind::script, fmt::format("no code of {} comes from a file {}", shown, source),
            "give the file's name as the compiler was given it, or the end of its path", nullptr};
  auto after = found.lines.upper_bound(line);
  std::vector<std::string> near;
  if (after != found.lines.begin()) near.push_back(fmt::format("{}", *std::prev(after)));
  if (after != found.lines.end()) near.push_back(fmt::format("{}", *after));
  return {Error::Kind::script, fmt::format("line {} of {} has no code in {}", line, source, shown),
          near.empty() ? "" : fmt::format("the nearest that has: {}", fmt::join(near, ", ")), nullptr};
}

// ---- inlined copies ----

// A function's name across units: the linker's, or where it has none the entry itself.
std::string identity(Dwarf_Die function) {
  for (unsigned i = 0; i < 8; i++) {
    auto origin = own_attribute(function, DW_AT_abstract_origin);
    Dwarf_Die target;
    if (!origin || dwarf_formref_die(&*origin, &target) == nullptr) break;
    function = target;
  }
  const std::string_view name = linkage_name_of(function);
  return name.empty() ? fmt::format("{}", function.addr) : std::string(name);
}

// Bodies of functions are where inlined ones stand; an abstract instance is no code.
void for_each_inlined(Dwarf_Die parent, const std::function<void(Dwarf_Die)>& act, unsigned depth = 0) {
  constexpr unsigned deepest = 256;
  if (depth > deepest) return;
  for_each_child(parent, [&](Dwarf_Die child) {
    const int tag = tag_of(child);
    if (tag == DW_TAG_inlined_subroutine) act(child);
    const bool is_body = tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block || tag == DW_TAG_namespace ||
                         tag == DW_TAG_class_type || tag == DW_TAG_structure_type ||
                         (tag == DW_TAG_subprogram && entry_of(child).has_value());
    if (is_body) for_each_inlined(child, act, depth + 1);
  });
}

}  // namespace

Result<std::vector<LinePlace>> find_line(DwarfFile& file, std::string_view source, uint32_t line, std::string_view shown) {
  Found found;
  for (const Dwarf_Die& unit : units_of_source(file, source)) search_unit(unit, source, static_cast<int>(line), found);
  std::set<std::pair<const void*, const void*>> seen;
  std::vector<LinePlace> places;
  for (const bool main_part : {true, false}) {
    for (const uint64_t address : found.addresses) {
      auto function = file.function_at(address);
      if (!function) continue;  // of a function that the linker left out
      if (in_main_part(*function, address) != main_part) continue;
      if (!seen.emplace(function->addr, instance_around(*function, address, line)).second) continue;
      const std::string_view name = linkage_name_of(*function);
      places.push_back({address, std::string(name.empty() ? name_of(*function) : name)});
    }
  }
  if (places.empty()) return no_such_line(found, source, static_cast<int>(line), shown);
  return places;
}

uint32_t inlined_copies(DwarfFile& file, uint64_t entry) {
  auto function = file.function_at(entry);
  if (!function) return 0;
  const auto& all = file.inlined();
  auto found = all.find(std::hash<std::string>()(identity(*function)));
  return found == all.end() ? 0 : found->second;
}

const std::unordered_map<uint64_t, uint32_t>& DwarfFile::inlined() {
  if (!std::exchange(inlined_read_, true))
    for (const Dwarf_Die& unit : units())
      for_each_inlined(unit, [&](Dwarf_Die copy) { inlined_[std::hash<std::string>()(identity(copy))]++; });
  return inlined_;
}

// A function that was inlined refers to what its copies have in common, too.
uint32_t inlined_copies_nearby(DwarfFile& file, uint64_t entry) {
  const auto function = file.function_at(entry);
  const auto unit = file.unit_at(entry);
  if (!function || !unit || entry_of(*function) != entry || !own_attribute(*function, DW_AT_abstract_origin)) return 0;
  const std::string wanted = identity(*function);
  uint32_t count = 0;
  for_each_inlined(*unit, [&](Dwarf_Die copy) { count += identity(copy) == wanted ? 1 : 0; });
  return count;
}

}  // namespace zeektrace
