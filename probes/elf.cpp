#include "probes/elf.h"

#include <bcc/bcc_elf.h>
#include <bcc/bcc_syms.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <tuple>

#include "probes/elf_file.h"

namespace zeektrace {

// ---- ElfFile ----

Result<ElfFile> ElfFile::open(const std::string& path, std::string_view shown) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    Error error = errno_error(errno, fmt::format("cannot open {}", shown));
    error.kind = errno == ENOENT || errno == ENOTDIR ? Error::Kind::script : Error::Kind::machine;
    return error;
  }
  struct stat status = {};
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(fd);
    return Error{Error::Kind::script, fmt::format("{} is not a file", shown),
                 "name a program or a shared library", nullptr};
  }
  elf_version(EV_CURRENT);
  Elf* elf = elf_begin(fd, ELF_C_READ_MMAP, nullptr);
  GElf_Ehdr header;
  if (elf == nullptr || elf_kind(elf) != ELF_K_ELF || gelf_getehdr(elf, &header) == nullptr) {
    elf_end(elf);
    close(fd);
    return Error{Error::Kind::script, fmt::format("{} is not an ELF file", shown),
                 "only compiled programs and libraries can be probed; of a script, name its interpreter",
                 nullptr};
  }
  if (header.e_machine != EM_X86_64) {
    elf_end(elf);
    close(fd);
    return Error{Error::Kind::script, fmt::format("{} is not a program for x86-64", shown), "", nullptr};
  }
  return ElfFile(fd, elf);
}

ElfFile::ElfFile(ElfFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), elf_(std::exchange(other.elf_, nullptr)) {}

ElfFile::~ElfFile() {
  elf_end(elf_);
  if (fd_ >= 0) close(fd_);
}

std::string_view ElfFile::section_name(const GElf_Shdr& section) const {
  size_t names = 0;
  if (elf_getshdrstrndx(elf_, &names) != 0) return {};
  const char* name = elf_strptr(elf_, names, section.sh_name);
  return name == nullptr ? std::string_view() : name;
}

Elf_Scn* ElfFile::section(std::string_view name, GElf_Shdr& header) const {
  for (Elf_Scn* scn = elf_nextscn(elf_, nullptr); scn != nullptr; scn = elf_nextscn(elf_, scn))
    if (gelf_getshdr(scn, &header) != nullptr && section_name(header) == name) return scn;
  return nullptr;
}

// ---- Binary ----

namespace {

struct RawSymbol {
  size_t name;  // in Binary::names
  uint32_t length;
  uint64_t address;
  uint64_t size;
};

struct Collected {
  Binary& binary;
  std::vector<RawSymbol> symbols;
};

int collect_symbol(const char* name, uint64_t address, uint64_t size, void* payload) {
  auto& into = *static_cast<Collected*>(payload);
  if (!into.binary.file_offset(address)) return 0;
  std::string_view text = name;
  text = text.substr(0, text.find('@'));
  if (text.empty()) return 0;
  into.symbols.push_back({into.binary.names.size(), static_cast<uint32_t>(text.size()), address, size});
  into.binary.names += text;
  return 0;
}

// BCC reads .symtab, .dynsym and, when asked, the debug file.
void for_each_function(const Binary& binary, bool debug_file, bcc_elf_symcb visit, void* payload) {
  bcc_symbol_option options = {
      .use_debug_file = debug_file,
      .check_debug_file_crc = 1,
      .lazy_symbolize = 0,
      .use_symbol_type = 1U << STT_FUNC,
  };
  bcc_elf_foreach_sym(binary.path.c_str(), visit, &options, payload);
}

// Of the file itself; BCC does not tell the types of symbols.
void read_load_time_choices(Elf* elf, Binary& binary) {
  for (Elf_Scn* scn = elf_nextscn(elf, nullptr); scn != nullptr; scn = elf_nextscn(elf, scn)) {
    GElf_Shdr header;
    if (gelf_getshdr(scn, &header) == nullptr || header.sh_entsize == 0) continue;
    if (header.sh_type != SHT_DYNSYM && header.sh_type != SHT_SYMTAB) continue;
    Elf_Data* data = elf_getdata(scn, nullptr);
    if (data == nullptr) continue;
    for (size_t i = 0; i < data->d_size / header.sh_entsize; i++) {
      GElf_Sym symbol;
      if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) continue;
      if (GELF_ST_TYPE(symbol.st_info) != STT_GNU_IFUNC || symbol.st_shndx == SHN_UNDEF) continue;
      const std::string_view name = elf_strptr(elf, header.sh_link, symbol.st_name);
      binary.load_time_choices.emplace_back(name.substr(0, name.find('@')));
    }
  }
  auto& names = binary.load_time_choices;
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

// The symbols are in order, and each is there once.
void take_functions(const std::vector<RawSymbol>& symbols, Binary& binary) {
  auto& functions = binary.functions;
  functions.reserve(symbols.size());
  for (const RawSymbol& raw : symbols)
    functions.push_back({std::string_view(binary.names).substr(raw.name, raw.length), raw.address, raw.size});
  const auto order = [](const FunctionSymbol& symbol) { return std::tie(symbol.address, symbol.name); };
  std::sort(functions.begin(), functions.end(),
            [&](const auto& a, const auto& b) { return order(a) < order(b); });
  functions.erase(std::unique(functions.begin(), functions.end(),
                              [&](const auto& a, const auto& b) { return order(a) == order(b); }),
                  functions.end());
}

void read_segments(Elf* elf, Binary& binary) {
  size_t count = 0;
  if (elf_getphdrnum(elf, &count) != 0) return;
  for (size_t i = 0; i < count; i++) {
    GElf_Phdr header;
    if (gelf_getphdr(elf, static_cast<int>(i), &header) == nullptr) continue;
    if (header.p_type == PT_LOAD && (header.p_flags & PF_X) != 0)
      binary.code.push_back({header.p_vaddr, header.p_offset, header.p_filesz});
  }
}

}  // namespace

Result<std::shared_ptr<const Binary>> read_binary(const std::string& path, std::string_view shown,
                                                  DebugFile debug_file) {
  auto binary = std::make_shared<Binary>();
  binary->path = path;
  {
    auto file = ElfFile::open(path, shown);
    if (!file) return file.error();
    read_segments(file->handle(), *binary);
    read_load_time_choices(file->handle(), *binary);
    GElf_Shdr header;
    binary->stripped = file->section(".symtab", header) == nullptr;
  }
  if (binary->code.empty())
    return Error{Error::Kind::script, fmt::format("{} holds no code", shown),
                 "name the program or library itself, not its debug file or an object file", nullptr};
  Collected own{*binary, {}};
  for_each_function(*binary, false, collect_symbol, &own);
  binary->only_exported = binary->stripped;
  if (binary->stripped && debug_file == DebugFile::read) {
    binary->names.clear();
    Collected all{*binary, {}};
    for_each_function(*binary, true, collect_symbol, &all);
    binary->only_exported = all.symbols.size() == own.symbols.size();
    own.symbols = std::move(all.symbols);
  }
  take_functions(own.symbols, *binary);
  return std::shared_ptr<const Binary>(std::move(binary));
}

std::optional<uint64_t> Binary::file_offset(uint64_t address) const {
  for (const CodeSegment& segment : code)
    if (address >= segment.address && address - segment.address < segment.size)
      return address - segment.address + segment.file_offset;
  return std::nullopt;
}

std::optional<uint64_t> Binary::address_at(uint64_t offset) const {
  for (const CodeSegment& segment : code)
    if (offset >= segment.file_offset && offset - segment.file_offset < segment.size)
      return offset - segment.file_offset + segment.address;
  return std::nullopt;
}

const FunctionSymbol* Binary::function_at(uint64_t address) const {
  auto after =
      std::upper_bound(functions.begin(), functions.end(), address,
                       [](uint64_t wanted, const FunctionSymbol& symbol) { return wanted < symbol.address; });
  // Of aliases the first whose extent is known; a function without one reaches to its neighbour.
  const FunctionSymbol* open_ended = nullptr;
  while (after != functions.begin()) {
    --after;
    if (open_ended != nullptr && after->address != open_ended->address) break;
    if (after->size != 0) return address - after->address < after->size ? &*after : nullptr;
    open_ended = &*after;
  }
  return open_ended;
}

}  // namespace zeektrace
