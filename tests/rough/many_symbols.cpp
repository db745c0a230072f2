// many_symbols FILE N: writes an ELF program with N functions of C++ names, of which none is ever run: what symbol tables of
// large programs look like, without the programs. zt::space17::Class4::method123456(int, std::vector<…>) and the like.
#include <elf.h>
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

constexpr uint64_t base = 0x400000, page = 0x1000;
constexpr unsigned function_bytes = 16;

std::string part(const std::string& name) { return fmt::format("{}{}", name.size(), name); }

// _ZN2zt8space1776Class410method1234EiRKSt6vectorIiSaIiEE
std::string name_of(unsigned number) {
  return fmt::format("_ZN2zt{}{}{}EiRKSt6vectorIiSaIiEE", part(fmt::format("space{}", number % 1000)),
                     part(fmt::format("Class{}", number % 7)), part(fmt::format("method{}", number)));
}

Elf64_Shdr section(uint32_t name, uint32_t type, uint64_t flags, uint64_t address, uint64_t offset, uint64_t size) {
  Elf64_Shdr header{};
  header.sh_name = name;
  header.sh_type = type;
  header.sh_flags = flags;
  header.sh_addr = address;
  header.sh_offset = offset;
  header.sh_size = size;
  header.sh_addralign = 1;
  return header;
}

template <class T>
bool put(std::FILE* file, const T* what, size_t count) {
  return std::fwrite(what, sizeof(T), count, file) == count;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto count = static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10));
  std::string names(1, '\0');
  std::vector<Elf64_Sym> symbols(1);
  for (unsigned i = 0; i < count; ++i) {
    Elf64_Sym symbol{};
    symbol.st_name = static_cast<uint32_t>(names.size());
    symbol.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
    symbol.st_shndx = 1;
    symbol.st_value = base + page + uint64_t{function_bytes} * i;
    symbol.st_size = function_bytes;
    symbols.push_back(symbol);
    names += name_of(i);
    names += '\0';
  }
  const std::string code(size_t{function_bytes} * count, '\xc3');  // ret
  const char section_names[] = "\0.text\0.symtab\0.strtab\0.shstrtab";
  const uint64_t after_code = page + code.size(), symbol_bytes = symbols.size() * sizeof(Elf64_Sym);
  Elf64_Shdr sections[] = {{},
                           section(1, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, base + page, page, code.size()),
                           section(7, SHT_SYMTAB, 0, 0, after_code, symbol_bytes),
                           section(15, SHT_STRTAB, 0, 0, after_code + symbol_bytes, names.size()),
                           section(23, SHT_STRTAB, 0, 0, after_code + symbol_bytes + names.size(), sizeof section_names)};
  sections[2].sh_link = 3;
  sections[2].sh_info = 1;
  sections[2].sh_entsize = sizeof(Elf64_Sym);
  Elf64_Ehdr header{};
  for (int i = 0; i < SELFMAG; ++i) header.e_ident[i] = static_cast<unsigned char>(ELFMAG[i]);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = header.e_version = EV_CURRENT;
  header.e_type = ET_EXEC;
  header.e_machine = EM_X86_64;
  header.e_entry = base + page;
  header.e_phoff = sizeof header;
  header.e_ehsize = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  header.e_shoff = after_code + symbol_bytes + names.size() + sizeof section_names;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 5;
  header.e_shstrndx = 4;
  const Elf64_Phdr segment{PT_LOAD, PF_R | PF_X, page, base + page, base + page, code.size(), code.size(), page};
  const std::string gap(page - sizeof header - sizeof segment, '\0');
  std::FILE* file = std::fopen(argv[1], "wb");
  const bool written = file != nullptr && put(file, &header, 1) && put(file, &segment, 1) &&
                       put(file, gap.data(), gap.size()) && put(file, code.data(), code.size()) &&
                       put(file, symbols.data(), symbols.size()) && put(file, names.data(), names.size()) &&
                       put(file, section_names, sizeof section_names) && put(file, sections, 5);
  return file != nullptr && std::fclose(file) == 0 && written ? 0 : 1;
}
