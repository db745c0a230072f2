// Which binaries a return probe would endanger; the rule is told in elf.h.
#include <fmt/format.h>

#include "probes/elf.h"
#include "probes/elf_file.h"

namespace zeektrace {

namespace {

// The routine that the unwinder calls for a frame with a language-specific handler. Names: libsupc++
// eh_personality.cc, Rust library/std/src/sys/personality, gcc/ada/raise-gcc.c, phobos' _d_eh_personality,
// libobjc exception.c.
std::string_view language_of_personality(std::string_view symbol) {
  if (symbol.find("personality") == std::string_view::npos) return {};
  if (symbol.find("gcc_personality") != std::string_view::npos) return {};
  if (symbol.find("gxx_personality") != std::string_view::npos) return "C++ exceptions";
  if (symbol.find("rust_eh_personality") != std::string_view::npos) return "Rust panics";
  if (symbol.find("gnat_personality") != std::string_view::npos) return "Ada exceptions";
  if (symbol.find("d_eh_personality") != std::string_view::npos ||
      symbol.find("dmd_personality") != std::string_view::npos)
    return "D exceptions";
  if (symbol.find("objc_personality") != std::string_view::npos) return "Objective-C exceptions";
  return {};
}

// All symbols, defined here or elsewhere: a program that uses libstdc++.so only refers to its personality
// routine.
std::string_view language_of_symbols(const ElfFile& file) {
  for (Elf_Scn* scn = elf_nextscn(file.handle(), nullptr); scn != nullptr;
       scn = elf_nextscn(file.handle(), scn)) {
    GElf_Shdr header;
    if (gelf_getshdr(scn, &header) == nullptr || header.sh_entsize == 0) continue;
    if (header.sh_type != SHT_SYMTAB && header.sh_type != SHT_DYNSYM) continue;
    Elf_Data* data = elf_getdata(scn, nullptr);
    if (data == nullptr) continue;
    for (size_t i = 0; i < data->d_size / header.sh_entsize; i++) {
      GElf_Sym symbol;
      if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) continue;
      const char* name = elf_strptr(file.handle(), header.sh_link, symbol.st_name);
      if (name == nullptr) continue;
      if (const auto language = language_of_personality(name); !language.empty()) return language;
    }
  }
  return {};
}

// What remains of a statically linked run-time when the symbols are gone: the mangled type name of
// libsupc++'s own type descriptors, the path that rustc gives its library's sources.
std::string_view language_of_read_only_data(const ElfFile& file) {
  GElf_Shdr header;
  Elf_Scn* scn = file.section(".rodata", header);
  Elf_Data* data = scn == nullptr ? nullptr : elf_rawdata(scn, nullptr);
  if (data == nullptr || data->d_buf == nullptr) return {};
  const std::string_view bytes(static_cast<const char*>(data->d_buf), data->d_size);
  if (bytes.find("N10__cxxabiv1") != std::string_view::npos) return "C++ exceptions";
  if (bytes.find("/rustc/") != std::string_view::npos) return "Rust panics";
  return {};
}

}  // namespace

std::optional<ReturnHazard> return_hazard(const Binary& binary) {
  auto file = ElfFile::open(binary.path, binary.path);
  if (!file) return std::nullopt;  // it was read a moment ago; attaching will tell what is wrong
  GElf_Shdr header;
  for (const std::string_view section : {".gopclntab", ".note.go.buildid", ".data.rel.ro.gopclntab"})
    if (file->section(section, header) != nullptr)
      return ReturnHazard{
          true,
          "Go moves its stacks while they grow, and crashes when it meets the return address that a "
          "return probe puts there"};
  const bool has_tables = file->section(".gcc_except_table", header) != nullptr;
  std::string_view language = language_of_symbols(*file);
  if (language.empty() && has_tables) language = language_of_read_only_data(*file);
  if (language.empty()) return std::nullopt;
  return ReturnHazard{
      false, fmt::format("it uses {}; one that passes through a function with a return probe cannot be "
                         "unwound and ends the process",
                         language)};
}

}  // namespace zeektrace
