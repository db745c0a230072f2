// What an object holds, read back from its ELF file.
#include <fmt/format.h>
#include <gelf.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "codegen/object.h"

namespace zeektrace {
namespace {

// struct bpf_insn of include/uapi/linux/bpf.h.
struct Instruction {
  uint8_t code;
  uint8_t registers;
  int16_t offset;
  int32_t immediate;
};
constexpr uint8_t call_code = 0x85;  // BPF_JMP | BPF_CALL; the source register is 0 for a helper

struct HelperName {
  int32_t id;
  std::string_view name;
};
constexpr HelperName helper_names[] = {
    {1, "map_lookup_elem"},       {2, "map_update_elem"},      {3, "map_delete_elem"},     {8, "get_smp_processor_id"},
    {14, "get_current_pid_tgid"}, {15, "get_current_uid_gid"}, {16, "get_current_comm"},   {67, "get_stack"},
    {112, "probe_read_user"},     {113, "probe_read_kernel"},  {114, "probe_read_user_str"},
    {115, "probe_read_kernel_str"}, {125, "ktime_get_boot_ns"}, {131, "ringbuf_reserve"},  {132, "ringbuf_submit"},
    {120, "get_ns_current_pid_tgid"}, {134, "ringbuf_query"},  {174, "get_attach_cookie"},
};

std::string helper_name(int32_t id) {
  auto found = std::ranges::find(helper_names, id, &HelperName::id);
  return found == std::end(helper_names) ? fmt::format("helper {}", id) : std::string(found->name);
}

std::string program_line(std::string_view section, std::string_view name, std::span<const Instruction> code) {
  std::vector<std::string> helpers;
  for (const Instruction& each : code)
    if (each.code == call_code && each.registers >> 4 == 0) helpers.push_back(helper_name(each.immediate));
  std::ranges::sort(helpers);
  helpers.erase(std::ranges::unique(helpers).begin(), helpers.end());
  return fmt::format("program {} section {} instructions {} helpers {}\n", name, section, code.size(),
                     helpers.empty() ? "none" : fmt::format("{}", fmt::join(helpers, " ")));
}

struct ElfEnd {
  void operator()(Elf* elf) const { elf_end(elf); }
};

}  // namespace

std::string object_facts(const Object& object) {
  elf_version(EV_CURRENT);
  std::unique_ptr<Elf, ElfEnd> elf(
      elf_memory(const_cast<char*>(reinterpret_cast<const char*>(object.elf.data())), object.elf.size()));
  if (!elf) bug("the object is not an ELF file");
  size_t names = 0;
  elf_getshdrstrndx(elf.get(), &names);
  std::map<size_t, std::pair<std::string, Elf_Data*>> sections;
  Elf_Data* symbols = nullptr;
  size_t symbol_names = 0;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf.get(), section));) {
    GElf_Shdr header;
    gelf_getshdr(section, &header);
    sections[elf_ndxscn(section)] = {elf_strptr(elf.get(), names, header.sh_name), elf_getdata(section, nullptr)};
    if (header.sh_type == SHT_SYMTAB) symbols = elf_getdata(section, nullptr), symbol_names = header.sh_link;
  }
  std::vector<std::string> lines;
  GElf_Sym symbol;
  for (int i = 0; symbols && gelf_getsym(symbols, i, &symbol); i++) {
    auto section = sections.find(symbol.st_shndx);
    if (GELF_ST_TYPE(symbol.st_info) != STT_FUNC || section == sections.end()) continue;
    const auto& [name, data] = section->second;
    auto* code = reinterpret_cast<const Instruction*>(static_cast<const char*>(data->d_buf) + symbol.st_value);
    lines.push_back(program_line(name, elf_strptr(elf.get(), symbol_names, symbol.st_name),
                                 {code, symbol.st_size / sizeof(Instruction)}));
  }
  std::string text = fmt::format("{}", fmt::join(lines, ""));
  for (const ObjectMap& map : object.maps)
    text += fmt::format("map {} type {} key {} value {} entries {}\n", map.name, map.type, map.key_size,
                        map.value_size, map.max_entries);
  return text;
}

}  // namespace zeektrace
