#include "probes/dwarf_file.h"

#include <elfutils/libdwelf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <functional>
#include <utility>

#include "probes/debug_file.h"

namespace zeektrace {

namespace {

constexpr uint64_t most_unpacked = uint64_t{1} << 30;
constexpr unsigned deepest_nesting = 64;  // of namespaces and classes; deeper is a broken file

bool has_debug_information(const ElfFile& file) {
  GElf_Shdr header;
  for (const std::string_view section : {".debug_info", ".zdebug_info"})
    if (file.section(section, header) != nullptr && header.sh_type != SHT_NOBITS) return true;
  return false;
}

bool is_record_tag(int tag) {
  return tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type;
}

bool is_named_type_tag(int tag) {
  return is_record_tag(tag) || tag == DW_TAG_enumeration_type || tag == DW_TAG_typedef || tag == DW_TAG_base_type;
}

std::string scope_name(Dwarf_Die die) {
  const std::string_view name = name_of(die);
  if (!name.empty()) return std::string(name) + (tag_of(die) == DW_TAG_subprogram ? "()" : "");
  return tag_of(die) == DW_TAG_namespace ? "(anonymous namespace)" : "(unnamed)";
}

Error no_debug_information(const ElfFile& binary, std::string_view shown) {
  const std::string where = build_id_path(binary);
  std::string hint = "arg0 … are the registers; names need a binary built with -g";
  if (!where.empty()) hint += fmt::format(", or its debug file at {} (a -dbgsym or -debuginfo package)", where);
  return {Error::Kind::script, fmt::format("{} has no debug information", shown), hint, nullptr};
}

// The file that a unit's contents are in.
std::string split_name(Dwarf_Die skeleton) {
  for (const unsigned attribute : {DW_AT_dwo_name, DW_AT_GNU_dwo_name}) {
    auto found = own_attribute(skeleton, attribute);
    const char* name = found ? dwarf_formstring(&*found) : nullptr;
    if (name != nullptr) return name;
  }
  return "a .dwo file";
}

// How much memory the debug information takes where it is compressed: libdw unpacks all of it at once.
uint64_t unpacked_size(const ElfFile& file) {
  uint64_t size = 0;
  Elf_Scn* section = nullptr;
  while ((section = elf_nextscn(file.handle(), section)) != nullptr) {
    GElf_Shdr header;
    GElf_Chdr compression;
    if (gelf_getshdr(section, &header) == nullptr || (header.sh_flags & SHF_COMPRESSED) == 0) continue;
    if (gelf_getchdr(section, &compression) != nullptr) size += compression.ch_size;
  }
  return size;
}

// Files that went through dwz share a part of their debug information (.gnu_debugaltlink), which libdw takes by its path
// without a look at what it is. Empty when all is there.
std::string missing_shared_part(Dwarf* dwarf) {
  const char* name = nullptr;
  const void *wanted = nullptr, *got = nullptr;
  const ssize_t size = dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &wanted);
  if (size <= 0) return "";
  Dwarf* shared = dwarf_getalt(dwarf);
  if (shared == nullptr) return fmt::format("a part of it stands in {}, which can't be found (dwz)", name);
  const ssize_t got_size = dwelf_elf_gnu_build_id(dwarf_getelf(shared), &got);
  if (got_size == size && std::memcmp(got, wanted, static_cast<size_t>(size)) == 0) return "";
  return fmt::format("a part of it stands in {}, which is there, but of another build (dwz)", name);
}

Error unusable(std::string_view shown, std::string_view why, std::string_view hint = "arg0 … are the registers and need none") {
  return {Error::Kind::script, fmt::format("the debug information of {} can't be read: {}", shown, why), std::string(hint),
          nullptr};
}

}  // namespace

std::optional<uint64_t> entry_of(Dwarf_Die function) {
  Dwarf_Addr entry = 0, base = 0, high = 0;
  if (dwarf_entrypc(&function, &entry) == 0) return entry;
  if (dwarf_ranges(&function, 0, &base, &entry, &high) > 0) return entry;
  return std::nullopt;
}

std::string compact_name(std::string_view name) {
  auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  std::string compact;
  for (size_t i = 0; i < name.size(); i++) {
    if (name[i] != ' ') {
      compact += name[i];
      continue;
    }
    const bool between_words = !compact.empty() && is_word(compact.back()) && i + 1 < name.size() && is_word(name[i + 1]);
    if (between_words) compact += ' ';
  }
  return compact;
}

Result<std::unique_ptr<DwarfFile>> DwarfFile::open(const std::string& path, std::string_view shown) {
  auto binary = ElfFile::open(path, shown);
  if (!binary) return binary.error();
  std::optional<ElfFile> separate;
  if (!has_debug_information(*binary)) {
    const auto found = find_debug_file(*binary, path);
    if (!found) return no_debug_information(*binary, shown);
    auto file = ElfFile::open(*found, *found);
    if (!file) return file.error();
    if (!has_debug_information(*file)) return no_debug_information(*binary, shown);
    separate.emplace(*std::move(file));
  }
  const ElfFile& described = separate ? *separate : *binary;
  if (const uint64_t size = unpacked_size(described); size > most_unpacked)
    return unusable(shown, fmt::format("it is compressed, and would take {} MB of memory", size >> 20),
                    "`objcopy --decompress-debug-sections` makes a file that takes none");
  Dwarf* dwarf = dwarf_begin_elf(described.handle(), DWARF_C_READ, nullptr);
  if (dwarf == nullptr) return unusable(shown, dwarf_errmsg(-1));
  if (const std::string why = missing_shared_part(dwarf); !why.empty()) {
    dwarf_end(dwarf);
    return unusable(shown, why);
  }
  return std::unique_ptr<DwarfFile>(new DwarfFile(*std::move(binary), std::move(separate), dwarf));
}

DwarfFile::DwarfFile(ElfFile binary, std::optional<ElfFile> separate, Dwarf* dwarf)
    : binary_(std::move(binary)), separate_(std::move(separate)), dwarf_(dwarf) {}

DwarfFile::~DwarfFile() {
  if (frames_ != nullptr) dwarf_cfi_end(frames_);
  dwarf_end(dwarf_);
}

// ---- from an address to a function ----

std::optional<uint64_t> DwarfFile::address_of(uint64_t file_offset) const {
  size_t count = 0;
  if (elf_getphdrnum(binary_.handle(), &count) != 0) return std::nullopt;
  for (size_t i = 0; i < count; i++) {
    GElf_Phdr header;
    if (gelf_getphdr(binary_.handle(), static_cast<int>(i), &header) == nullptr) continue;
    if (header.p_type != PT_LOAD || (header.p_flags & PF_X) == 0) continue;
    if (file_offset >= header.p_offset && file_offset - header.p_offset < header.p_filesz)
      return file_offset - header.p_offset + header.p_vaddr;
  }
  return std::nullopt;
}

void DwarfFile::read_units() {
  if (std::exchange(units_read_, true)) return;
  Dwarf_CU* unit = nullptr;
  Dwarf_Die whole, split;
  uint8_t kind = 0;
  while (dwarf_get_units(dwarf_, unit, &unit, nullptr, &kind, &whole, &split) == 0) {
    const auto number = static_cast<uint32_t>(units_.size());
    has_type_units_ |= kind == DW_UT_type || kind == DW_UT_split_type;
    units_.push_back(kind == DW_UT_skeleton && split.addr != nullptr ? split : whole);
    if (kind == DW_UT_skeleton && split.addr == nullptr) missing_.emplace(number, split_name(whole));
    Dwarf_Addr base = 0, low = 0, high = 0;
    for (ptrdiff_t next = 0; (next = dwarf_ranges(&whole, next, &base, &low, &high)) > 0;)
      if (low < high) ranges_.push_back({low, high, number});
  }
  std::ranges::sort(ranges_, {}, &UnitRange::low);
}

std::string DwarfFile::why_unknown(uint64_t address) {
  auto whole = unit_at(address);
  for (const auto& [number, name] : missing_)
    if (whole && units_[number].addr == whole->addr)
      return fmt::format(
          "its debug information stands in {}, which is not there or is of another build (-gsplit-dwarf; .dwp files are "
          "read with elfutils 0.191 and later)",
          name);
  return "the debug information does not describe this function";
}

const std::vector<Dwarf_Die>& DwarfFile::units() {
  read_units();
  return units_;
}

bool DwarfFile::has_type_units() {
  read_units();
  return has_type_units_;
}

std::optional<Dwarf_Die> DwarfFile::unit_at(uint64_t address) {
  read_units();
  auto after = std::ranges::upper_bound(ranges_, address, {}, &UnitRange::low);
  if (after == ranges_.begin() || address >= std::prev(after)->high) return std::nullopt;
  return units_[std::prev(after)->unit];
}

void DwarfFile::read_function(Dwarf_Die die, Unit& unit) {
  Dwarf_Addr base = 0, low = 0, high = 0;
  for (ptrdiff_t next = 0; (next = dwarf_ranges(&die, next, &base, &low, &high)) > 0;)
    if (low < high) unit.functions.push_back({low, high, die});
}

void DwarfFile::read_scope(Dwarf_Die parent, uint32_t parent_scope, Unit& unit, unsigned depth) {
  if (depth > deepest_nesting) return;
  Dwarf_Die child;
  if (dwarf_child(&parent, &child) != 0) return;
  uint32_t open = none;  // the scope before, whose end is where its sibling starts
  do {
    const Dwarf_Off start = dwarf_dieoffset(&child);
    if (open != none) unit.scopes[open].end = start;
    open = none;
    const int tag = tag_of(child);
    if (tag == DW_TAG_subprogram) read_function(child, unit);
    const bool names = tag == DW_TAG_namespace || tag == DW_TAG_module || is_record_tag(tag);
    if ((!names && tag != DW_TAG_subprogram) || dwarf_haschildren(&child) != 1) continue;
    open = static_cast<uint32_t>(unit.scopes.size());
    unit.scopes.push_back({start, ~Dwarf_Off{0}, parent_scope, child});
    if (names) read_scope(child, open, unit, depth + 1);
  } while (dwarf_siblingof(&child, &child) == 0);
}

const DwarfFile::Unit& DwarfFile::unit_of(Dwarf_Die die) {
  auto [known, is_new] = read_.try_emplace(die.cu);
  Unit& unit = known->second;
  Dwarf_Die whole;
  if (!is_new || dwarf_diecu(&die, &whole, nullptr, nullptr) == nullptr) return unit;
  read_scope(whole, none, unit, 0);
  std::ranges::sort(unit.functions, {}, &Function::low);
  return unit;
}

// Inside of functions is most of what there is to read: only when an address is found nowhere else.
void DwarfFile::read_local_functions(Dwarf_Die parent, Unit& unit, unsigned depth) {
  if (depth > deepest_nesting) return;
  for_each_child(parent, [&](Dwarf_Die child) {
    const int tag = tag_of(child);
    if (tag == DW_TAG_subprogram && tag_of(parent) != DW_TAG_compile_unit && tag_of(parent) != DW_TAG_namespace)
      read_function(child, unit);
    if (tag == DW_TAG_subprogram || tag == DW_TAG_lexical_block || tag == DW_TAG_namespace || is_record_tag(tag))
      read_local_functions(child, unit, depth + 1);
  });
}

// Those that begin at the address, else the one that covers it. Ranges don't overlap, except where code is shared.
std::span<const DwarfFile::Function> DwarfFile::functions_around(uint64_t address) {
  auto whole = unit_at(address);
  if (!whole) return {};
  unit_of(*whole);
  Unit& unit = read_.at(whole->cu);
  auto find = [&]() -> std::span<const Function> {
    auto [first, last] = std::ranges::equal_range(unit.functions, address, {}, &Function::low);
    if (first != last) return {first, last};
    if (first != unit.functions.begin() && address < std::prev(first)->high) return {std::prev(first), first};
    return {};
  };
  auto found = find();
  if (!found.empty() || std::exchange(unit.has_local_functions, true)) return found;
  read_local_functions(*whole, unit, 0);
  std::ranges::sort(unit.functions, {}, &Function::low);
  return find();
}

std::optional<Dwarf_Die> DwarfFile::function_at(uint64_t address) {
  const auto found = functions_around(address);
  if (found.empty()) return std::nullopt;
  return found.back().die;
}

std::vector<Dwarf_Die> DwarfFile::functions_at_entry(uint64_t address) {
  std::vector<Dwarf_Die> found;
  for (const Function& function : functions_around(address))
    if (function.low == address && entry_of(function.die) == address) found.push_back(function.die);
  return found;
}

std::optional<DwarfFile::FrameAddress> DwarfFile::canonical_frame_address(uint64_t address) {
  if (frames_ == nullptr) frames_ = dwarf_getcfi_elf(binary_.handle());
  if (debug_frames_ == nullptr) debug_frames_ = dwarf_getcfi(dwarf_);  // belongs to dwarf_
  for (Dwarf_CFI* table : {frames_, debug_frames_}) {
    Dwarf_Frame* frame = nullptr;
    if (table == nullptr || dwarf_cfi_addrframe(table, address, &frame) != 0) continue;
    Dwarf_Op* operations = nullptr;
    size_t count = 0;
    std::optional<FrameAddress> found;
    const bool simple = dwarf_frame_cfa(frame, &operations, &count) == 0 && count == 1;
    if (simple && operations->atom >= DW_OP_breg0 && operations->atom <= DW_OP_breg31)
      found = {operations->atom - unsigned{DW_OP_breg0}, static_cast<int64_t>(operations->number)};
    if (simple && operations->atom == DW_OP_bregx)
      found = {static_cast<unsigned>(operations->number), static_cast<int64_t>(operations->number2)};
    std::free(frame);
    if (found) return found;
  }
  return std::nullopt;
}

// ---- names ----

std::optional<Dwarf_Die> DwarfFile::enclosing(Dwarf_Die die) {
  const Unit& unit = unit_of(die);
  const Dwarf_Off at = dwarf_dieoffset(&die);
  auto after = std::ranges::upper_bound(unit.scopes, at, {}, &Scope::start);
  while (after != unit.scopes.begin() && std::prev(after)->start == at) --after;  // itself
  if (after == unit.scopes.begin()) return std::nullopt;
  auto scope = static_cast<uint32_t>(after - unit.scopes.begin() - 1);
  // A scope that is its parent's last has an open end: only if all around it hold the place does it count.
  uint32_t found = scope;
  for (uint32_t each = scope; each != none; each = unit.scopes[each].parent)
    if (at >= unit.scopes[each].end) found = unit.scopes[each].parent;
  if (found == none) return std::nullopt;
  return unit.scopes[found].die;
}

std::string DwarfFile::qualified_name(Dwarf_Die die) {
  std::string name = scope_name(die);
  for (unsigned depth = 0; depth < deepest_nesting; depth++) {
    for (unsigned i = 0; i < deepest_nesting; i++) {
      auto before = completed_by(die);
      if (!before) break;
      die = *before;
    }
    auto around = enclosing(die);
    if (!around) break;
    die = *around;
    // Inline namespaces are named too: they are part of the type's identity.
    name = scope_name(die) + "::" + name;
  }
  return name;
}

void DwarfFile::add_type_name(Dwarf_Die die, std::string_view name) {
  auto [known, is_new] = types_.try_emplace(std::hash<std::string>()(compact_name(name)), Definition{die});
  if (is_new) return;
  // C's `typedef struct s s`: the structure says more.
  const bool is_typedef = tag_of(die) == DW_TAG_typedef, was_typedef = tag_of(known->second.die) == DW_TAG_typedef;
  if (was_typedef && !is_typedef) known->second.die = die;
  if (is_typedef == was_typedef && number_of(known->second.die, DW_AT_byte_size) != number_of(die, DW_AT_byte_size))
    known->second.conflicting = true;
}

void DwarfFile::read_names_in(Dwarf_Die parent, const std::string& prefix, unsigned depth) {
  if (depth > deepest_nesting) return;
  for_each_child(parent, [&](Dwarf_Die child) {
    const int tag = tag_of(child);
    const bool is_type = is_named_type_tag(tag);
    if (!is_type && tag != DW_TAG_namespace) return;
    if (is_type && own_flag(child, DW_AT_declaration)) return;
    const bool named = !name_of(child).empty() || tag == DW_TAG_namespace || own_attribute(child, DW_AT_specification);
    if (!named) return;
    const bool elsewhere = own_attribute(child, DW_AT_specification).has_value();
    const std::string name = elsewhere ? qualified_name(child) : prefix + scope_name(child);
    if (is_type) add_type_name(child, name);
    if (is_record_tag(tag) || tag == DW_TAG_namespace) read_names_in(child, name + "::", depth + 1);
  });
}

void DwarfFile::read_type_names() {
  if (std::exchange(names_read_, true)) return;
  for (const Dwarf_Die& unit : units()) read_names_in(unit, "", 0);
  Dwarf* alternate = dwarf_getalt(dwarf_);
  if (alternate == nullptr) return;
  Dwarf_CU* unit = nullptr;
  Dwarf_Die whole;
  while (dwarf_get_units(alternate, unit, &unit, nullptr, nullptr, &whole, nullptr) == 0) read_names_in(whole, "", 0);
}

std::optional<DwarfFile::Definition> DwarfFile::find_type(std::string_view name) {
  read_type_names();
  const std::string compact = compact_name(name);
  auto found = types_.find(std::hash<std::string>()(compact));
  if (found == types_.end() || compact_name(qualified_name(found->second.die)) != compact) return std::nullopt;
  return found->second;
}

}  // namespace zeektrace
