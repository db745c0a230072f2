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
#include "probes/mini_debug.h"

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

// BCC's reader hands over one symbol after the other. They are gone through twice, to count them and to keep them: with
// a million of them memory that is enlarged on the way is twice as much.
struct Collecting {
  Binary& binary;
  bool counting = true;
  size_t symbols = 0;
  size_t letters = 0;
};

int collect_symbol(const char* name, uint64_t address, uint64_t size, void* payload) {
  auto& into = *static_cast<Collecting*>(payload);
  if (!into.binary.file_offset(address)) return 0;
  std::string_view text = name;
  text = text.substr(0, text.find('@'));
  if (text.empty()) return 0;
  if (into.counting) {
    into.symbols++;
    into.letters += text.size();
    return 0;
  }
  std::string& names = into.binary.names;
  if (names.size() + text.size() > names.capacity()) return 0;  // the file has grown meanwhile
  names += text;
  into.binary.functions.push_back({std::string_view(names).substr(names.size() - text.size()), address, size});
  return 0;
}

// Reads .symtab and .dynsym of a file, and of its debug file when asked.
void read_functions(const std::string& path, bool debug_file, Binary& binary) {
  bcc_symbol_option options = {
      .use_debug_file = debug_file,
      .check_debug_file_crc = 1,
      .lazy_symbolize = 0,
      .use_symbol_type = 1U << STT_FUNC,
  };
  Collecting all{binary};
  bcc_elf_foreach_sym(path.c_str(), collect_symbol, &options, &all);
  binary.functions.clear();
  binary.functions.reserve(all.symbols);
  binary.names.clear();
  binary.names.reserve(all.letters);
  all.counting = false;
  bcc_elf_foreach_sym(path.c_str(), collect_symbol, &options, &all);
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

// In order, and each is there once.
void sort_functions(Binary& binary) {
  auto& functions = binary.functions;
  const auto order = [](const FunctionSymbol& symbol) { return std::tie(symbol.address, symbol.name); };
  std::sort(functions.begin(), functions.end(),
            [&](const auto& a, const auto& b) { return order(a) < order(b); });
  functions.erase(std::unique(functions.begin(), functions.end(),
                              [&](const auto& a, const auto& b) { return order(a) == order(b); }),
                  functions.end());
}

// A stripped binary's debug file, or what it carries in place of one.
void read_debug_functions(Binary& binary) {
  const size_t exported = binary.functions.size();
  read_functions(binary.path, true, binary);
  binary.only_exported = binary.functions.size() == exported;
  if (!binary.only_exported) return;
  const auto mini = MiniDebugFile::unpack(binary.path);
  if (!mini) return;
  Binary more;
  more.code = binary.code;
  read_functions(mini->path(), false, more);
  if (more.functions.empty()) return;
  binary.names += more.names;  // the names of both, one after the other
  std::vector<FunctionSymbol> both;
  size_t at = 0;
  for (const Binary* from : {&binary, &more})
    for (const FunctionSymbol& function : from->functions) {
      both.push_back({std::string_view(binary.names).substr(at, function.name.size()), function.address, function.size});
      at += function.name.size();
    }
  binary.functions = std::move(both);
  binary.only_exported = false;
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
  read_functions(path, false, *binary);
  binary->only_exported = binary->stripped;
  if (binary->stripped && debug_file == DebugFile::read) read_debug_functions(*binary);
  sort_functions(*binary);
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
