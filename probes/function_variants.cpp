#include "probes/function_variants.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <unordered_map>

#include "probes/cxx_name.h"
#include "probes/elf_file.h"
#include "probes/symbol_name.h"

namespace zeektrace {

namespace {

using Symbols = std::vector<const FunctionSymbol*>;

// The symbol with the digit of "C1", "D0" … replaced; empty when there is none. Two symbols with the same key are perhaps
// variants of one function; classes may be called "C1" too, so their demangled names must say the same.
std::string variant_key(std::string_view symbol) {
  if (!symbol.starts_with("_ZN")) return "";
  std::string key;
  for (size_t i = 3; i + 1 < symbol.size(); i++) {
    const bool variant = (symbol[i] == 'C' || symbol[i] == 'D') && symbol[i + 1] >= '0' && symbol[i + 1] <= '5';
    if (!variant) continue;
    if (key.empty()) key = symbol;
    key[i + 1] = '#';
  }
  return key;
}

// Where a library's calls to its own exported functions end: they go through the linker's stubs, which jump to what a slot
// holds. Slot → the function's address, for the symbols that this file defines itself.
std::unordered_map<uint64_t, uint64_t> read_slots(const std::string& path) {
  std::unordered_map<uint64_t, uint64_t> slots;
  const auto file = ElfFile::open(path, path);
  if (!file) return slots;
  for (Elf_Scn* scn = elf_nextscn(file->handle(), nullptr); scn != nullptr; scn = elf_nextscn(file->handle(), scn)) {
    GElf_Shdr header;
    if (gelf_getshdr(scn, &header) == nullptr || header.sh_type != SHT_RELA || header.sh_entsize == 0) continue;
    Elf_Data* data = elf_getdata(scn, nullptr);
    Elf_Data* symbols = elf_getdata(elf_getscn(file->handle(), header.sh_link), nullptr);
    if (data == nullptr || symbols == nullptr) continue;
    for (size_t i = 0; i < data->d_size / header.sh_entsize; i++) {
      GElf_Rela entry;
      GElf_Sym symbol;
      if (gelf_getrela(data, static_cast<int>(i), &entry) == nullptr) continue;
      const auto type = GELF_R_TYPE(entry.r_info);
      if (type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT) continue;
      if (gelf_getsym(symbols, static_cast<int>(GELF_R_SYM(entry.r_info)), &symbol) == nullptr) continue;
      if (symbol.st_shndx != SHN_UNDEF) slots.emplace(entry.r_offset, symbol.st_value);
    }
  }
  return slots;
}

class Code {
 public:
  explicit Code(const Binary& binary) : binary_(binary), slots_(read_slots(binary.path)) {
    const int fd = open(binary.path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status = {};
    if (fd >= 0 && fstat(fd, &status) == 0 && status.st_size > 0) {
      void* memory = mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
      if (memory != MAP_FAILED) bytes_ = {static_cast<const uint8_t*>(memory), static_cast<size_t>(status.st_size)};
    }
    if (fd >= 0) close(fd);
  }
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;
  ~Code() {
    if (!bytes_.empty()) munmap(const_cast<uint8_t*>(bytes_.data()), bytes_.size());
  }

  // Whether a call or jmp with a 32-bit distance to `target`, or to a stub for it, stands anywhere in the function. That
  // four other bytes of its code are just this distance does not happen.
  bool goes_to(const FunctionSymbol& function, uint64_t target) const {
    const auto code = at(function.address, function.size);
    for (size_t i = 0; i + 5 <= code.size(); i++) {
      if (code[i] != 0xe8 && code[i] != 0xe9) continue;
      const uint64_t to = function.address + i + 5 + distance(code, i + 1);
      if (to == target || behind_stub(to) == target) return true;
    }
    return false;
  }

 private:
  std::span<const uint8_t> at(uint64_t address, uint64_t size) const {
    const auto offset = binary_.file_offset(address);
    if (!offset || *offset >= bytes_.size()) return {};
    return bytes_.subspan(*offset, std::min<uint64_t>(size, bytes_.size() - *offset));
  }
  static uint64_t distance(std::span<const uint8_t> code, size_t at) {
    int32_t distance = 0;
    std::memcpy(&distance, &code[at], sizeof distance);
    return static_cast<uint64_t>(int64_t{distance});
  }
  // A stub is `jmp *slot(%rip)` (ff 25), perhaps after endbr64 (f3 0f 1e fa) and with the prefix bnd (f2). 0: it is none.
  uint64_t behind_stub(uint64_t address) const {
    if (slots_.empty()) return 0;
    const auto code = at(address, 12);
    size_t i = 0;
    if (code.size() > 4 && code[0] == 0xf3 && code[1] == 0x0f) i = 4;
    if (i < code.size() && code[i] == 0xf2) i++;
    if (i + 6 > code.size() || code[i] != 0xff || code[i + 1] != 0x25) return 0;
    const auto slot = slots_.find(address + i + 6 + distance(code, i + 2));
    return slot == slots_.end() ? 0 : slot->second;
  }

  const Binary& binary_;
  std::unordered_map<uint64_t, uint64_t> slots_;
  std::span<const uint8_t> bytes_;
};

// C4, D4: what the complete and the base variant share. It takes one more parameter, so its callers are the function.
bool is_shared_body(std::string_view symbol, std::string_view key) {
  for (size_t i = 0; i < key.size(); i++)
    if (key[i] == '#' && symbol[i] == '4') return true;
  return false;
}

// Those of one group that would count a call for the second time.
void find_repeating(const Symbols& group, std::string_view key, const Code& code, Demangler& demangler, Symbols& repeating) {
  std::vector<std::string> names;
  for (const FunctionSymbol* symbol : group)
    names.emplace_back(demangler.demangle(read_symbol_name(symbol->name).function));
  for (size_t i = 0; i < group.size(); i++) {
    const bool shared = is_shared_body(group[i]->name, key);
    for (size_t j = 0; j < group.size(); j++) {
      if (i == j || names[i] != names[j]) continue;
      const bool repeats = shared ? code.goes_to(*group[j], group[i]->address)
                                  : !is_shared_body(group[j]->name, key) && code.goes_to(*group[i], group[j]->address);
      if (!repeats) continue;
      repeating.push_back(group[i]);
      break;
    }
  }
}

}  // namespace

Symbols each_call_once(const Binary& binary, Symbols matches, size_t& left_out) {
  std::unordered_map<std::string, Symbols> groups;
  for (const FunctionSymbol* match : matches)
    if (std::string key = variant_key(match->name); !key.empty()) groups[std::move(key)].push_back(match);
  std::erase_if(groups, [](const auto& group) { return group.second.size() < 2; });
  if (groups.empty()) return matches;
  const Code code(binary);
  Demangler demangler;
  Symbols repeating;
  for (const auto& [key, group] : groups) find_repeating(group, key, code, demangler, repeating);
  std::sort(repeating.begin(), repeating.end());
  left_out += repeating.size();
  std::erase_if(matches, [&](const auto* match) { return std::binary_search(repeating.begin(), repeating.end(), match); });
  return matches;
}

}  // namespace zeektrace
