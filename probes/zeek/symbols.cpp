#include "probes/zeek/symbols.h"

#include <elfutils/libdwelf.h>
#include <fmt/format.h>

#include <algorithm>

#include "probes/elf_file.h"
#include "probes/glob.h"

namespace zeektrace {
namespace {

// Bytes of the file that stand at an address, up to a NUL.
std::string text_at(Elf* elf, uint64_t address) {
  size_t count = 0, size = 0;
  const char* file = elf_rawfile(elf, &size);
  if (file == nullptr || elf_getphdrnum(elf, &count) != 0) return "";
  for (size_t i = 0; i < count; i++) {
    GElf_Phdr header;
    if (gelf_getphdr(elf, static_cast<int>(i), &header) == nullptr || header.p_type != PT_LOAD) continue;
    if (address < header.p_vaddr || address - header.p_vaddr >= header.p_filesz) continue;
    const uint64_t offset = address - header.p_vaddr + header.p_offset;
    if (offset >= size) return "";
    const std::string_view text(file + offset, std::min<uint64_t>(size - offset, 64));
    const size_t end = text.find('\0');
    return end == std::string_view::npos ? "" : std::string(text.substr(0, end));
  }
  return "";
}

bool is_wanted(std::string_view name) {
  const auto names = [&](const auto& row) { return row.symbol == name; };
  return std::ranges::any_of(zeek_globals(), names) || std::ranges::any_of(zeek_functions(), names);
}

void read_table(const ElfFile& file, std::string_view section, ZeekSymbols& into) {
  GElf_Shdr header;
  Elf_Scn* scn = file.section(section, header);
  Elf_Data* data = scn == nullptr ? nullptr : elf_getdata(scn, nullptr);
  if (data == nullptr || header.sh_entsize == 0) return;
  uint64_t version = 0;
  for (size_t i = 0; i < header.sh_size / header.sh_entsize; i++) {
    GElf_Sym symbol;
    if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr || symbol.st_shndx == SHN_UNDEF) continue;
    const char* text = elf_strptr(file.handle(), header.sh_link, symbol.st_name);
    if (text == nullptr) continue;
    const std::string_view name(text);
    if (GELF_ST_TYPE(symbol.st_info) == STT_OBJECT && name == "version") version = symbol.st_value;
    if (name.starts_with("zeek_version_") || name.starts_with("bro_version_")) into.version_function = name;
    if (is_wanted(name)) into.addresses.emplace(name, symbol.st_value);
  }
  if (version != 0 && into.version_text.empty()) into.version_text = text_at(file.handle(), version);
}

uint64_t first_code(Elf* elf) {
  size_t count = 0;
  if (elf_getphdrnum(elf, &count) != 0) return 0;
  for (size_t i = 0; i < count; i++) {
    GElf_Phdr header;
    if (gelf_getphdr(elf, static_cast<int>(i), &header) == nullptr) continue;
    if (header.p_type == PT_LOAD && (header.p_flags & PF_X) != 0) return header.p_vaddr;
  }
  return 0;
}

}  // namespace

Result<ZeekSymbols> read_zeek_symbols(const std::string& path, std::string_view shown) {
  auto file = ElfFile::open(path, shown);
  if (!file) return file.error();
  ZeekSymbols symbols;
  read_table(*file, ".dynsym", symbols);
  // Most processes are no Zeeks: their other symbols are not worth reading. (A Zeek exports its own, for plugins.)
  if (!symbols.version_function.empty()) read_table(*file, ".symtab", symbols);
  symbols.code_start = first_code(file->handle());
  const void* id = nullptr;
  const ssize_t size = dwelf_elf_gnu_build_id(file->handle(), &id);
  for (ssize_t i = 0; i < size; i++) symbols.build_id += fmt::format("{:02x}", static_cast<const unsigned char*>(id)[i]);
  return symbols;
}

}  // namespace zeektrace
